import type { X509Certificate } from 'node:crypto'
import { equalBytes } from '../crypto/bytes.js'
import { type IpAddress, parseIp } from '../crypto/ip.js'

/** Names that a server's certificate is for. */
export interface ServerNames {
  readonly dns: readonly string[]
  readonly ips: readonly IpAddress[]
}

/**
 * The DNS names and IP addresses in a certificate's subject alternative names. The common name is none of them, as in Go
 * since 1.15, though Node still takes it for one where there are no others.
 */
export function serverNames(certificate: X509Certificate): ServerNames {
  // Node puts names with anything strange in them into quotes, commas too: those are no host names.
  const entries = (certificate.subjectAltName ?? '').match(/(?:[^,"]|"(?:\\.|[^"\\])*")+/g) ?? []
  const texts = entries.map(entry => entry.trim())
  const of = (prefix: string) =>
    texts.flatMap(text => (text.startsWith(prefix) && !text.includes('"') ? [text.slice(prefix.length)] : []))
  return {
    dns: of('DNS:'),
    ips: of('IP Address:').flatMap(text => parseIp(text) ?? []),
  }
}

/**
 * Whether a certificate is for a server, as Go's `VerifyHostname` decides it: an address must stand there as an address; in
 * a name, `*` may stand for the whole first label.
 *
 * @param host - name or IP address, without brackets
 * @see golang/go, src/crypto/x509/verify.go (VerifyHostname, validHostname, matchExactly, matchHostnames)
 */
export function isForServer({ dns, ips }: ServerNames, host: string): boolean {
  const address = parseIp(host)
  if (address) return ips.some(({ bytes }) => equalBytes(bytes, address.bytes))
  const isName = isHostName(host.replace(/\.$/, ''), false)
  return dns.some(pattern => (isName && isHostName(pattern, true) ? matches(pattern, host) : isSame(pattern, host)))
}

function matches(pattern: string, host: string): boolean {
  const wanted = asciiLower(pattern).split('.')
  const given = asciiLower(host.replace(/\.$/, '')).split('.')
  return (
    wanted.length === given.length &&
    wanted.every((label, index) => (index === 0 && label === '*') || label === given[index])
  )
}

function isSame(pattern: string, host: string): boolean {
  return pattern !== '' && pattern !== '.' && asciiLower(pattern) === asciiLower(host)
}

function isHostName(text: string, isPattern: boolean): boolean {
  return (
    text !== '*' &&
    text
      .split('.')
      .every(
        (label, index) => (isPattern && index === 0 && label === '*') || /^[A-Za-z0-9_][-A-Za-z0-9_]*$/.test(label),
      )
  )
}

/** Only A to Z: what `toLowerCase` does beyond them would make other names of names. */
function asciiLower(text: string): string {
  return text.replace(/[A-Z]/g, letter => letter.toLowerCase())
}
