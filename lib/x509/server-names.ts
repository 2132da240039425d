import { equalBytes } from '../crypto/bytes.js'
import { type IpAddress, parseIp } from '../crypto/ip.js'

/** Names that a server's certificate is for. */
export interface ServerNames {
  readonly dns: readonly string[]
  readonly ips: readonly IpAddress[]
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
