import { equalBytes } from '../crypto/bytes.js'
import type { Certificate } from '../x509/certificate.js'
import { namesOutside } from '../x509/name-constraints.js'
import { canSign } from '../x509/verify.js'
import { brief, type FindingPlace, listed, type Report, reportOn } from './about.js'
import type { Finding } from './rules.js'

/**
 * Everything that is wrong between a certificate and the one that has signed it, or is to have. Signatures are not checked here,
 * and neither is the clock.
 *
 * @param about - where the issued certificate stands; copied into the findings
 * @returns in a fixed order; empty when all is well, and for a certificate that is its own issuer
 * @see RFC 5280 sections 4.2.1.1, 4.2.1.9 and 6.1
 */
export function checkIssued(certificate: Certificate, issuer: Certificate, about: FindingPlace): Finding[] {
  if (equalBytes(certificate.der, issuer.der)) return []
  const report = reportOn(about)
  return [
    ...checkIssuerName(certificate, issuer, report),
    ...checkAuthority(certificate, issuer, report),
    ...checkIssuer(certificate, issuer, report),
    ...checkEnd(certificate, issuer, report),
  ]
}

/** golang/go, src/crypto/x509/cert_pool.go (findPotentialParents): by the octets of the name. */
function checkIssuerName(certificate: Certificate, issuer: Certificate, report: Report): Finding[] {
  if (equalBytes(certificate.issuer.der, issuer.subject.der)) return []
  const [actual, expected] = [brief(certificate.issuer.text), brief(issuer.subject.text)]
  const message =
    actual === expected
      ? `names ${actual} as its issuer in other octets than its CA writes that name`
      : `names ${actual || 'nobody'} as its issuer, not ${expected || 'its CA, which has no name'}`
  return [report('issuer-name', message, { field: 'issuer', expected, actual })]
}

/** openssl 3.0, crypto/x509/v3_purp.c (X509_check_akid): key identifier and serial number, where both sides have them. */
function checkAuthority(certificate: Certificate, issuer: Certificate, report: Report): Finding[] {
  const { authorityKeyIdentifier: named, authoritySerialNumber: serial } = certificate
  const own = issuer.subjectKeyIdentifier
  if (named !== undefined && own !== undefined && named !== own)
    return [
      report('authority-identifier', 'names another key identifier than that of its CA', {
        field: 'authorityKeyIdentifier',
        expected: brief(own),
        actual: brief(named),
      }),
    ]
  if (serial !== undefined && serial !== issuer.serialNumber)
    return [
      report('authority-identifier', 'names another serial number than that of its CA', {
        field: 'authorityCertSerialNumber',
        expected: brief(issuer.serialNumber),
        actual: brief(serial),
      }),
    ]
  return []
}

function checkIssuer(certificate: Certificate, issuer: Certificate, report: Report): Finding[] {
  const findings: Finding[] = []
  if (!canSign(issuer))
    findings.push(
      report('not-a-ca', `is signed by ${brief(issuer.subject.text)}, which is no CA`, {
        field: 'basicConstraints',
        expected: 'CA',
        actual: issuer.isCa ? 'no keyCertSign' : 'no CA',
      }),
    )
  // Self-issued ones do not count (RFC 5280 section 4.2.1.9).
  if (issuer.pathLength === 0 && certificate.isCa && !certificate.isSelfIssued)
    findings.push(
      report('path-length', `is a CA below ${brief(issuer.subject.text)}, which allows none below it`, {
        field: 'pathLenConstraint',
        expected: 'at least 1',
        actual: '0',
      }),
    )
  const lost = missingUsages(certificate.extKeyUsages ?? [], issuer)
  if (lost.length > 0)
    findings.push(
      report('ca-restricted', `is made for ${listed(lost)}, for which its CA may not vouch`, {
        field: 'extKeyUsage',
        expected: listed(lost),
        actual: listed(issuer.extKeyUsages ?? []),
      }),
    )
  const outside = namesOutside(certificate, issuer)
  if (outside.length > 0)
    findings.push(
      report(
        'ca-restricted',
        `is for ${listed(outside)}, for which the name constraints of its CA do not let it vouch`,
        {
          field: 'subjectAltName',
          expected: `what the name constraints of ${brief(issuer.subject.text)} allow`,
          actual: listed(outside),
          hint: 'have it made anew without the name, or by a CA that may vouch for it',
        },
      ),
    )
  return findings
}

/**
 * Which usages a certificate's extKeyUsage does not cover. They nest: what a CA does not have, nothing below it has.
 *
 * @see golang/go, src/crypto/x509/verify.go (checkChainForKeyUsage)
 */
export function missingUsages(wanted: readonly string[], { extKeyUsages }: Certificate): readonly string[] {
  if (!extKeyUsages || extKeyUsages.length === 0 || extKeyUsages.includes('anyExtendedKeyUsage')) return []
  return wanted.filter(usage => !extKeyUsages.includes(usage))
}

const DAY = 86_400_000

/** Whoever makes both on one day for the same number of days has the leaf end some seconds later, which bothers nobody. */
function checkEnd({ notAfter }: Certificate, issuer: Certificate, report: Report): Finding[] {
  if (+notAfter - +issuer.notAfter <= DAY) return []
  const [actual, expected] = [notAfter.toISOString(), issuer.notAfter.toISOString()]
  return [report('outlives-ca', `ends on ${actual}, its CA on ${expected}`, { field: 'notAfter', expected, actual })]
}
