import { formatHex } from '../crypto/bytes.js'
import { type IpAddress, parseIp, toIpAddress } from '../crypto/ip.js'

/** An IP network; `address` is its first address. */
export interface Cidr {
  readonly address: IpAddress
  readonly prefixLength: number
  readonly text: string
  /** The text had bits set behind the prefix, which are dropped. */
  readonly hadHostBits: boolean
}

/** Reads `address/prefixLength`; `undefined` when the text is none. Bits behind the prefix are dropped and reported. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/')
  const address = parseIp(text.slice(0, slash))
  const length = text.slice(slash + 1)
  if (slash < 0 || !address || !/^(0|[1-9][0-9]{0,2})$/.test(length)) return undefined
  const bits = address.bytes.length * 8
  const prefixLength = Number(length)
  if (prefixLength > bits) return undefined
  const mask = address.bytes.map((_, index) => (0xff00 >> Math.min(8, Math.max(0, prefixLength - index * 8))) & 0xff)
  const network = toIpAddress(address.bytes.map((byte, index) => byte & (mask[index] ?? 0)))
  if (!network) return undefined
  return {
    address: network,
    prefixLength,
    text: `${network.text}/${prefixLength}`,
    hadHostBits: network.text !== address.text,
  }
}

/** The address `index` places behind a network's first one (1 is the first usable address); `undefined` behind the last of all. */
export function addressAt(cidr: Cidr, index: number): IpAddress | undefined {
  const width = cidr.address.bytes.length
  const sum = BigInt(`0x${formatHex(cidr.address.bytes)}`) + BigInt(index)
  const hex = sum.toString(16).padStart(width * 2, '0')
  if (hex.length > width * 2) return undefined
  return toIpAddress(Uint8Array.from(hex.match(/../g) ?? [], pair => Number.parseInt(pair, 16)))
}

/** Whether an address is in a network; addresses of the other family are in none. */
export function cidrContains({ address, prefixLength }: Cidr, { bytes }: IpAddress): boolean {
  return (
    bytes.length === address.bytes.length &&
    bytes.every((byte, index) => {
      const mask = (0xff00 >> Math.min(8, Math.max(0, prefixLength - index * 8))) & 0xff
      return (byte & mask) === address.bytes[index]
    })
  )
}

/** Whether two networks have an address in common. */
export function cidrsOverlap(a: Cidr, b: Cidr): boolean {
  return cidrContains(a, b.address) || cidrContains(b, a.address)
}

/** Number of host bits of a network. */
export function hostBits(cidr: Cidr): number {
  return cidr.address.bytes.length * 8 - cidr.prefixLength
}

const LABEL = '[a-z0-9](?:[-a-z0-9]*[a-z0-9])?'
const SUBDOMAIN = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`)

/**
 * Whether a text is an RFC 1123 subdomain as Kubernetes understands it: lower case, at most 253 characters.
 *
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/apimachinery/pkg/util/validation/validation.go (IsDNS1123Subdomain)
 */
export function isDnsSubdomain(text: string): boolean {
  return text.length <= 253 && SUBDOMAIN.test(text)
}

/** A subject alternative name, told apart by what it looks like. */
export type SubjectAltName =
  | { readonly type: 'ip'; readonly address: IpAddress }
  | { readonly type: 'dns'; readonly name: string }

/**
 * Reads a name for a certificate: IP address, RFC 1123 subdomain, or `*.` before one; `undefined` when it is none.
 *
 * Stricter than kubeadm, on purpose: labels have at most 63 characters (RFC 1034 section 3.1), and a name whose last label
 * is a number (`10.0.0.256`, `010.0.0.1`) is a mistyped address, not a name (RFC 1123 section 2.1).
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/util/pkiutil/pki_helpers.go (appendSANsToAltNames)
 */
export function parseSubjectAltName(text: string): SubjectAltName | undefined {
  const address = parseIp(text)
  if (address) return { type: 'ip', address }
  const base = text.startsWith('*.') ? text.slice(2) : text
  const labels = base.split('.')
  if (!isDnsSubdomain(base) || labels.some(label => label.length > 63) || /^[0-9]+$/.test(labels.at(-1) ?? ''))
    return undefined
  return { type: 'dns', name: text }
}

/** Host and port as a URL writes them: an IPv6 address in brackets. */
export function formatHostPort(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** Splits `host`, `host:port`, `[v6]`, `[v6]:port` or a bare IPv6 address; `undefined` when it is none of them. */
export function splitHostPort(text: string): { readonly host: string; readonly port: string | undefined } | undefined {
  if (parseIp(text)) return { host: text, port: undefined }
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(.*))?$/.exec(text)
  if (!match) return undefined
  const [, bracketed, plain, port] = match
  if (bracketed !== undefined && parseIp(bracketed)?.family !== 6) return undefined
  return { host: bracketed ?? plain ?? '', port }
}
