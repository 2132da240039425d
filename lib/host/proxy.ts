import { showUrl } from '../access/server-url.js'
import { encodeUtf8, formatBase64 } from '../crypto/bytes.js'
import { type IpAddress, parseIp } from '../crypto/ip.js'
import { NetworkError } from '../errors.js'
import { isLoopbackAddress } from '../kubernetes/cluster-fields.js'
import { type Cidr, parseCidr, splitHostPort } from '../kubernetes/net.js'

/** A proxy that is asked for a tunnel. Holds a secret: `authorization`. */
export interface HttpProxy {
  /** How the proxy itself is talked to. */
  readonly protocol: 'http' | 'https'
  readonly host: string
  readonly port: number
  /** Value of `Proxy-Authorization`, from user name and password in the URL. */
  readonly authorization: string | undefined
}

/** An environment, e.g. `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>

const DEFAULT_PORTS = { http: 80, https: 443 } as const

/**
 * The proxy for an address, as client-go finds it: `HTTPS_PROXY` (or `https_proxy`) unless `NO_PROXY` (or `no_proxy`) names
 * the host; never for `localhost` and loopback addresses. `HTTP_PROXY` is for `http://` only, which kpki does not speak.
 *
 * @param url - `https://HOST:PORT`
 * @returns `undefined` when the server is to be asked without one
 * @throws {@link NetworkError} `KPKI_NET_PROXY` for a proxy that is none, or not spoken to
 * @see golang.org/x/net v0.43.0, http/httpproxy/proxy.go; kubernetes/kubernetes v1.20.2,
 *   staging/src/k8s.io/apimachinery/pkg/util/net/http.go (NewProxierWithNoProxyCIDR)
 */
export function findProxy(url: string, env: Environment): HttpProxy | undefined {
  const name = ['HTTPS_PROXY', 'https_proxy'].find(key => env[key])
  const text = name && env[name]
  if (!name || !text || !usesProxy(url, env['NO_PROXY'] || env['no_proxy'] || '')) return undefined
  return parseProxy(text, name)
}

/**
 * Reads a proxy's URL, or `HOST[:PORT]` for one that is spoken to in plain HTTP.
 *
 * @param what - where it stands, for messages, e.g. `proxy-url of the kubeconfig`
 * @throws {@link NetworkError} `KPKI_NET_PROXY`; what may be a password is not in the message
 */
export function parseProxy(text: string, what: string): HttpProxy {
  const invalid = (problem: string, hint: string) =>
    new NetworkError('KPKI_NET_PROXY', `${what}: ${JSON.stringify(showUrl(text).text)} ${problem}`, { hint })
  const url = parseUrl(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`)
  if (!url || url.hostname === '')
    throw invalid('is not the URL of a proxy', 'write it as http://[USER:PASSWORD@]HOST:PORT')
  const protocol = url.protocol === 'http:' ? 'http' : url.protocol === 'https:' ? 'https' : undefined
  if (protocol === undefined) {
    throw invalid(
      `is a proxy of a kind that kpki does not speak (${url.protocol.slice(0, -1)})`,
      'use an http:// or https:// proxy, or name the server in NO_PROXY and reach it directly',
    )
  }
  const user = decode(url.username)
  const password = decode(url.password)
  if (user === undefined || password === undefined)
    throw invalid('has a user name or password with a broken % in it', 'write a % in it as %25')
  return {
    protocol,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? DEFAULT_PORTS[protocol] : Number(url.port),
    authorization:
      user === '' && password === '' ? undefined : `Basic ${formatBase64(encodeUtf8(`${user}:${password}`))}`,
  }
}

/** Whether requests for a URL go through a proxy where there is one. */
export function usesProxy(url: string, noProxy: string): boolean {
  const parsed = parseUrl(url)
  if (!parsed) return true
  const host = parsed.hostname.replace(/^\[|\]$/g, '')
  const port = parsed.port === '' ? (parsed.protocol === 'http:' ? '80' : '443') : parsed.port
  const address = parseIp(host)
  if (host === 'localhost' || (address && isLoopbackAddress(address))) return false
  const rules = noProxy.split(',').flatMap(entry => parseRule(entry.trim().toLowerCase()) ?? [])
  return !rules.some(rule => applies(rule, host, port, address))
}

/** One entry of `NO_PROXY`. */
type Rule =
  | { readonly type: 'all' }
  | { readonly type: 'network'; readonly network: Cidr }
  | { readonly type: 'address'; readonly address: IpAddress; readonly port: string }
  /** `suffix` begins with a dot; `itself`: the name without the dot is meant, too. */
  | { readonly type: 'domain'; readonly suffix: string; readonly itself: boolean; readonly port: string }

function parseRule(entry: string): Rule | undefined {
  if (entry === '*') return { type: 'all' }
  const network = parseCidr(entry)
  if (network) return { type: 'network', network }
  const split = splitHostPort(entry)
  const host = split?.host ?? entry
  const port = split?.port ?? ''
  if (host === '') return undefined
  const address = parseIp(host)
  if (address) return { type: 'address', address, port }
  const name = host.startsWith('*.') ? host.slice(1) : host
  // In the form that the URL has, too: xn--…
  const ascii = parseUrl(`https://x${name.startsWith('.') ? '' : '.'}${name}`)?.hostname.slice(1)
  const suffix = ascii ?? (name.startsWith('.') ? name : `.${name}`)
  return { type: 'domain', suffix, itself: !name.startsWith('.'), port }
}

function applies(rule: Rule, host: string, port: string, address: IpAddress | undefined): boolean {
  if (rule.type === 'all') return true
  if (rule.type === 'network') return address !== undefined && contains(rule.network, address)
  if (rule.port !== '' && rule.port !== port) return false
  if (rule.type === 'address') return address?.text === rule.address.text
  return host.endsWith(rule.suffix) || (rule.itself && host === rule.suffix.slice(1))
}

function contains(network: Cidr, address: IpAddress): boolean {
  if (network.address.family !== address.family) return false
  return parseCidr(`${address.text}/${network.prefixLength}`)?.address.text === network.address.text
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
