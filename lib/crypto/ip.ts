import type { Bytes } from './bytes.js'

/** An IP address: 4 bytes or 16. An IPv4-mapped IPv6 address is the IPv4 address, as Go's `net.IP.To4` has it. */
export interface IpAddress {
  readonly family: 4 | 6
  readonly bytes: Bytes
  /** Dotted decimal, or RFC 5952 text. */
  readonly text: string
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
