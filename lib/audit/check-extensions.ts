import { TAG } from '../crypto/der.js'
import type { Certificate } from '../x509/certificate.js'
import { EXTENSIONS } from '../x509/extensions.js'
import { rawExtensions } from '../x509/raw-extensions.js'
import { listed, type Report } from './about.js'
import type { Finding } from './rules.js'

/** What is wrong with a certificate's extensions but its names: RFC 5280 section 4.2. */
export function checkExtensions(certificate: Certificate, report: Report): Finding[] {
  // Without version 3 there are no extensions, which is said in one word.
  if (certificate.version < 3) return []
  return [
    ...checkKinds(certificate, report),
    ...(certificate.isCa ? checkCa(certificate, report) : checkLeaf(certificate, report)),
    ...checkUsages(certificate, report),
    ...checkIdentifiers(certificate, report),
  ]
}

/** Extensions that Go's crypto/x509 handles (parser.go, processExtensions); another one that is critical ends verification. */
const KNOWN_TO_GO = /^2\.5\.29\.(14|15|17|19|30|31|32|33|35|36|37|54)$|^1\.3\.6\.1\.5\.5\.7\.1\.1$/
/** Those among them that Go refuses to read when they are critical. */
const NEVER_CRITICAL: Readonly<Record<string, string>> = {
  [EXTENSIONS.subjectKeyIdentifier]: 'subjectKeyIdentifier',
  [EXTENSIONS.authorityKeyIdentifier]: 'authorityKeyIdentifier',
  '1.3.6.1.5.5.7.1.1': 'authorityInfoAccess',
}
/** https://www.iana.org/assignments/enterprise-numbers: netscape-communications, cert-extension. */
const NETSCAPE = '2.16.840.1.113730.1.'
const NETSCAPE_CERT_TYPE = `${NETSCAPE}1`
/** What its bits allow, by the usage that says the same today (OpenSSL 3.0, include/openssl/x509v3.h, NS_SSL_CLIENT and NS_SSL_SERVER). */
const NETSCAPE_BITS = { clientAuth: 0x80, serverAuth: 0x40 } as const

/** Critical extensions that end verification in Go. */
function unknownToGo({ criticalExtensions }: Pick<Certificate, 'criticalExtensions'>): readonly string[] {
  return criticalExtensions.filter(oid => !KNOWN_TO_GO.test(oid))
}

function checkKinds(certificate: Certificate, report: Report): Finding[] {
  const { extensions, criticalExtensions } = certificate
  const findings: Finding[] = []
  const unknown = unknownToGo(certificate)
  if (unknown.length > 0)
    findings.push(
      report('extension-unknown', `has the critical extension ${listed(unknown)}, which Go does not know`, {
        field: 'extensions',
        actual: listed(unknown),
      }),
    )
  const { dnsNames, ipAddresses, otherNames } = certificate
  const hasNames = dnsNames.length + ipAddresses.length > 0 || otherNames.some(name => /^(email|URI):/.test(name))
  if (!hasNames && otherNames.length > 0 && criticalExtensions.includes(EXTENSIONS.subjectAltName))
    findings.push(
      report('extension-unknown', 'has a critical subjectAltName of which Go reads nothing', {
        field: 'subjectAltName',
        expected: 'a DNS name or an IP address',
        actual: listed(otherNames),
      }),
    )
  for (const oid of criticalExtensions) {
    const field = NEVER_CRITICAL[oid]
    if (field !== undefined)
      findings.push(
        report('extension-critical', `has a critical ${field}`, {
          field,
          expected: 'not critical',
          actual: 'critical',
        }),
      )
  }
  const netscape = extensions.filter(oid => oid.startsWith(NETSCAPE))
  const denied = deniedByNetscape(certificate)
  if (denied.length > 0)
    findings.push(
      report('netscape-purpose', `has a Netscape certificate type that does not allow ${denied.join(' and ')}`, {
        field: 'nsCertType',
        expected: `absent, or one that allows ${denied.join(' and ')}`,
        actual: 'not allowed',
      }),
    )
  else if (netscape.length > 0)
    findings.push(
      report('extension-netscape', `has an extension of Netscape: ${listed(netscape)}`, {
        field: 'extensions',
        actual: listed(netscape),
      }),
    )
  return findings
}

/** Usages of a leaf that OpenSSL denies it for its Netscape certificate type (crypto/x509/v3_purp.c, ns_reject). */
function deniedByNetscape(certificate: Certificate): readonly string[] {
  const { isCa, extKeyUsages, extensions } = certificate
  if (isCa || !extensions.includes(NETSCAPE_CERT_TYPE)) return []
  const value = rawExtensions(certificate).find(({ oid }) => oid === NETSCAPE_CERT_TYPE)?.value
  // A BIT STRING: tag, length, count of unused bits, bits. What is none is left to who reads it.
  const bits = value?.[0] === TAG.bitString ? value[3] : undefined
  if (bits === undefined) return []
  return Object.entries(NETSCAPE_BITS).flatMap(([usage, bit]) =>
    extKeyUsages?.includes(usage) && (bits & bit) === 0 ? [usage] : [],
  )
}

/** What OpenSSL in strict mode asks of a CA, and what Go asks of it. */
function checkCa(certificate: Certificate, report: Report): Finding[] {
  const { keyUsages, criticalExtensions, subjectKeyIdentifier } = certificate
  const findings: Finding[] = []
  const lacks = (field: string, message: string, expected: string) =>
    findings.push(report('ca-profile', message, { field, expected, actual: 'absent' }))
  if (!criticalExtensions.includes(EXTENSIONS.basicConstraints))
    findings.push(
      report('ca-profile', 'lacks basic constraints that are critical (RFC 5280 section 4.2.1.9)', {
        field: 'basicConstraints',
        expected: 'critical',
        actual: 'not critical',
      }),
    )
  if (keyUsages === undefined)
    lacks('keyUsage', 'lacks a key usage extension (RFC 5280 section 4.2.1.3)', 'keyCertSign')
  if (subjectKeyIdentifier === undefined)
    lacks('subjectKeyIdentifier', 'lacks a subject key identifier (RFC 5280 section 4.2.1.2)', 'present')
  // An empty one is another matter: Go takes it for none.
  if (keyUsages && keyUsages.length > 0 && !keyUsages.includes('keyCertSign'))
    findings.push(
      report('not-a-ca', 'is a CA whose key usage does not let it sign certificates', {
        field: 'keyUsage',
        expected: 'keyCertSign',
        actual: keyUsages.join(', '),
      }),
    )
  if (keyUsages && !criticalExtensions.includes(EXTENSIONS.keyUsage))
    findings.push(
      report('key-usage-not-critical', 'has a key usage that is not critical', {
        field: 'keyUsage',
        expected: 'critical',
        actual: 'not critical',
      }),
    )
  return findings
}

function checkLeaf({ keyUsages, pathLength, subjectKeyIdentifier }: Certificate, report: Report): Finding[] {
  const findings: Finding[] = []
  if (keyUsages?.includes('keyCertSign'))
    findings.push(
      report('cert-sign-without-ca', 'has the key usage keyCertSign and is no CA', {
        field: 'keyUsage',
        expected: 'no keyCertSign',
        actual: keyUsages.join(', '),
      }),
    )
  if (pathLength !== undefined)
    findings.push(
      report('path-length-without-ca', 'has a path length and is no CA', {
        field: 'pathLenConstraint',
        expected: 'absent',
        actual: `${pathLength}`,
      }),
    )
  if (subjectKeyIdentifier === undefined)
    findings.push(
      report('no-key-identifier', 'has no subject key identifier (RFC 5280 section 4.2.1.2)', {
        field: 'subjectKeyIdentifier',
        expected: 'present',
        actual: 'absent',
      }),
    )
  return findings
}

function checkUsages({ keyUsages, extKeyUsages, criticalExtensions }: Certificate, report: Report): Finding[] {
  const findings: Finding[] = []
  if (keyUsages?.length === 0)
    findings.push(report('key-usage-empty', 'has a key usage that allows nothing', { field: 'keyUsage', actual: '' }))
  if (extKeyUsages?.length === 0)
    findings.push(
      report('ext-usage-empty', 'has an extended key usage that allows nothing', { field: 'extKeyUsage', actual: '' }),
    )
  const isForTls = extKeyUsages?.some(usage => usage === 'serverAuth' || usage === 'clientAuth')
  if (extKeyUsages?.includes('anyExtendedKeyUsage') && !isForTls)
    findings.push(
      report('ext-usage-any', 'is made for any usage, and not for TLS by name', {
        field: 'extKeyUsage',
        expected: 'serverAuth or clientAuth',
        actual: listed(extKeyUsages),
      }),
    )
  if (criticalExtensions.includes(EXTENSIONS.extKeyUsage)) {
    const any = extKeyUsages?.includes('anyExtendedKeyUsage') ? ', and allows any' : ''
    findings.push(
      report('ext-usage-critical', `has an extended key usage that is critical${any}`, {
        field: 'extKeyUsage',
        expected: 'not critical',
        actual: 'critical',
      }),
    )
  }
  return findings
}

/** A root may leave it out (RFC 5280 section 4.2.1.1), and nobody asks one for it. */
function checkIdentifiers({ isSelfIssued, authorityKeyIdentifier }: Certificate, report: Report): Finding[] {
  return isSelfIssued || authorityKeyIdentifier !== undefined
    ? []
    : [
        report('no-authority-identifier', 'has no authority key identifier', {
          field: 'authorityKeyIdentifier',
          expected: 'present',
          actual: 'absent',
        }),
      ]
}
