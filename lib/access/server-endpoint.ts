import { UsageError } from '../errors.js'
import { endpoint, quote } from '../kubernetes/cluster-fields.js'
import { formatHostPort } from '../kubernetes/net.js'
import { showUrl } from './server-url.js'

/** Where an API server is. */
export interface ServerEndpoint {
  /** Name in lower case, or an address without brackets. */
  readonly host: string
  readonly port: number
  /** e.g. `https://[fd00::1]:6443` */
  readonly url: string
}

/** kubeadm's bindPort; of a URL, what client-go goes to (RFC 9110 section 4.2.2). */
const DEFAULT_PORTS = { host: 6443, url: 443 } as const

/**
 * Reads where an API server is: `host`, `host:port`, `[fd00::1]:6443`, an address, or the `https://` URL of one of these.
 *
 * @param field - named in errors, e.g. `--server`
 * @returns where the text names no port: 6443, and 443 of a URL
 * @throws {@link UsageError} `KPKI_FIELD_VALUE`; without what may be a credential
 */
export function parseServerEndpoint(text: string, field = 'the server'): ServerEndpoint {
  const refuse = (problem: string, hint = 'write e.g. api.example.org:6443, 10.0.0.1 or [fd00::1]:6443') =>
    new UsageError('KPKI_FIELD_VALUE', `${field}: ${problem}`, { details: { field }, hint })
  const url = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(text)
  const { text: shown, hidden } = showUrl(text)
  if (/[@?#]/.test(text)) throw refuse(`${quote(shown)} has ${hidden ?? 'a query'} in it, which nobody is sent`)
  if (url && url[1]?.toLowerCase() !== 'https') {
    throw refuse(`${quote(shown)} is not an https URL`, 'an API server speaks TLS only')
  }
  const rest = (url?.[2] ?? text).replace(/^([^/]+)\/$/, '$1')
  if (rest.includes('/')) throw refuse(`${quote(shown)} has a path, and an API server is asked at its root`)
  const problems: [string, string | undefined][] = []
  const found = endpoint(rest, field, url ? DEFAULT_PORTS.url : DEFAULT_PORTS.host, (_, message, hint) =>
    problems.push([message, hint]),
  )
  if (!found) throw refuse(...(problems[0] ?? ['is not a host, or host:port', undefined]))
  return { ...found, url: `https://${formatHostPort(found.host, found.port)}` }
}
