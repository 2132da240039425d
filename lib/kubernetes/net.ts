import { type Bytes, formatHex } from '../crypto/bytes.js'

/** An IP address: 4 bytes or 16. An IPv4-mapped IPv6 address is the IPv4 address, as Go's `net.IP.To4` has it. */
export interface IpAddress {
  readonly family: 4 | 6
  readonly bytes: Bytes
  /** Dotted decimal, or RFC 5952 text. */
  readonly text: string
}

/** An IP network; `address` is its first address. */
export interface Cidr {
  readonly address: IpAddress
  readonly prefixLength: number
  readonly text: string
  /** The text had bits set behind the prefix, which are dropped. */
  readonly hadHostBits: boolean
}

const MAPPED_PREFIX = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]

/** Makes an address of 4 or 16 bytes; `undefined` for another length. */
export function toIpAddress(raw: Uint8Array): IpAddress | undefined {
  if (raw.length === 16 && MAPPED_PREFIX.every((byte, index) => raw[index] === byte)) return toIpAddress(raw.slice(12))
  const bytes = new Uint8Array(raw)
  if (bytes.length === 4) return { family: 4, bytes, text: bytes.join('.') }
  return bytes.length === 16 ? { family: 6, bytes, text: formatIpv6(bytes) } : undefined
}

/**
 * Reads an IP address; `undefined` when the text is none. Leading zeros in IPv4 and zones in IPv6 are refused: programs
 * disagree about what they mean (CVE-2021-29923).
 *
 * @see RFC 4291 section 2.2
 */
export function parseIp(text: string): IpAddress | undefined {
  const bytes = text.includes(':') ? ipv6Bytes(text) : ipv4Bytes(text)
  return bytes && toIpAddress(bytes)
}

function ipv4Bytes(text: string): Bytes | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every(part => /^(0|[1-9][0-9]{0,2})$/.test(part) && Number(part) < 256))
    return undefined
  return new Uint8Array(parts.map(Number))
}

function ipv6Bytes(text: string): Bytes | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const groups = halves.map(half => (half === '' ? [] : half.split(':')))
  const bytes = groups.map((list, half) => {
    const out: number[] = []
    for (const [index, group] of list.entries()) {
      const isLast = half === groups.length - 1 && index === list.length - 1
      const embedded = isLast && group.includes('.') ? ipv4Bytes(group) : undefined
      if (embedded) out.push(...embedded)
      else if (/^[0-9a-fA-F]{1,4}$/.test(group))
        out.push(Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255)
      else return undefined
    }
    return out
  })
  const [head, tail = []] = bytes
  if (!head || bytes.includes(undefined)) return undefined
  const missing = 16 - head.length - tail.length
  // RFC 4291 section 2.2: "::" stands for one or more groups.
  if (halves.length === 2 ? missing < 2 : missing !== 0) return undefined
  return new Uint8Array([...head, ...new Array<number>(missing).fill(0), ...tail])
}

/** RFC 5952 section 4: lower case, no leading zeros, the first longest run of two or more zero groups as `::`. */
function formatIpv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, index) => ((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0))
  let best = { start: -1, length: 1 }
  for (let start = 0; start < 8; start++) {
    let end = start
    while (end < 8 && groups[end] === 0) end++
    if (end - start > best.length) best = { start, length: end - start }
  }
  const hex = (list: number[]) => list.map(group => group.toString(16)).join(':')
  return best.start < 0
    ? hex(groups)
    : `${hex(groups.slice(0, best.start))}::${hex(groups.slice(best.start + best.length))}`
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

/** The address `index` places behind a network's first one; 1 is the first usable address. */
export function addressAt(cidr: Cidr, index: number): IpAddress | undefined {
  const width = cidr.address.bytes.length
  const sum = BigInt(`0x${formatHex(cidr.address.bytes)}`) + BigInt(index)
  const hex = sum.toString(16).padStart(width * 2, '0')
  return toIpAddress(Uint8Array.from(hex.match(/../g) ?? [], pair => Number.parseInt(pair, 16)))
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
