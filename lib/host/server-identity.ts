import type { X509Certificate } from 'node:crypto'
import { parseIp } from '../crypto/ip.js'
import type { ServerNames } from '../x509/server-names.js'

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
