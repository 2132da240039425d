import { parseIp } from '../crypto/ip.js'
import type { Certificate } from '../x509/certificate.js'
import { EXTENSIONS } from '../x509/extensions.js'
import { listed, type Report } from './about.js'
import type { Finding } from './rules.js'

const FIELD = 'subjectAltName'

/** What is wrong with a certificate's alternative names: RFC 5280 section 4.2.1.6. */
export function checkNames(certificate: Certificate, report: Report): Finding[] {
  const { dnsNames, ipAddresses, otherNames, mappedAddresses, extensions } = certificate
  if (!extensions.includes(EXTENSIONS.subjectAltName)) return []
  const all = [...dnsNames, ...ipAddresses, ...otherNames]
  if (all.length === 0)
    return [report('names-empty', 'has a subjectAltName without a name in it', { field: FIELD, actual: '' })]
  const findings: Finding[] = []
  const empty = [...dnsNames, ...otherNames].filter(name => name === '' || name === 'email:' || name === 'URI:')
  if (empty.length > 0)
    findings.push(
      report('name-empty', `has ${empty.length === 1 ? 'an empty name' : `${empty.length} empty names`}`, {
        field: FIELD,
        actual: empty[0] === '' ? 'DNS:' : (empty[0] ?? ''),
      }),
    )
  const addresses = dnsNames.filter(name => parseIp(name) !== undefined)
  if (addresses.length > 0)
    findings.push(
      report('name-address', `has an IP address as a DNS name: ${listed(addresses)}`, {
        field: FIELD,
        expected: listed(addresses.map(name => `IP:${name}`)),
        actual: listed(addresses.map(name => `DNS:${name}`)),
      }),
    )
  const malformed = dnsNames.flatMap(name => {
    const fault = name === '' || parseIp(name) ? undefined : nameFault(name)
    return fault === undefined ? [] : [{ name, fault }]
  })
  const [first] = malformed
  if (first)
    findings.push(
      report('name-malformed', `has a DNS name that ${first.fault}: ${listed(malformed.map(({ name }) => name))}`, {
        field: FIELD,
        actual: listed(malformed.map(({ name }) => name)),
      }),
    )
  if (mappedAddresses.length > 0)
    findings.push(
      report('address-mapped', `has an IPv4 address as an IPv6 address: ${listed(mappedAddresses)}`, {
        field: FIELD,
        expected: listed(mappedAddresses),
        actual: listed(mappedAddresses.map(address => `::ffff:${address}`)),
      }),
    )
  const twice = repeated(all)
  if (twice.length > 0)
    findings.push(report('names-twice', `has a name twice: ${listed(twice)}`, { field: FIELD, actual: listed(twice) }))
  return findings
}

/**
 * Why no host can be asked for under a name; the end of a sentence. Underscores are in use (SRV records, Windows), and Go
 * takes them.
 *
 * @see golang/go, src/crypto/x509/verify.go (validHostname); RFC 1034 section 3.1; RFC 9525 section 6.3 (wildcards)
 */
function nameFault(name: string): string | undefined {
  if (name.endsWith('.') && name !== '.') return 'ends in a dot'
  const labels = name.split('.')
  if (labels.includes('')) return 'has an empty label'
  if (labels.some(label => label.length > 63)) return 'has a label of more than 63 characters'
  if (name.length > 253) return 'has more than 253 characters'
  const hosts = labels[0] === '*' && labels.length > 1 ? labels.slice(1) : labels
  if (hosts.some(label => label.includes('*'))) return 'has an asterisk that stands for nothing'
  return hosts.every(label => /^[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?$/.test(label))
    ? undefined
    : 'has characters that host names do not have'
}

/** Each name that stands there more than once; upper and lower case are the same. */
function repeated(names: readonly string[]): readonly string[] {
  const seen = new Set<string>()
  const twice = new Set<string>()
  for (const name of names) {
    const key = name.toLowerCase()
    if (seen.has(key)) twice.add(key)
    seen.add(key)
  }
  return [...twice]
}
