import type { Certificate } from '../x509/certificate.js'
import { type FindingPlace, reportOn } from './about.js'
import { checkExtensions } from './check-extensions.js'
import { checkFields } from './check-fields.js'
import { checkKey } from './check-key.js'
import { checkNames } from './check-names.js'
import type { Finding } from './rules.js'

/**
 * Everything that is wrong with one certificate, whatever it is for and whenever it is looked at: what RFC 5280 and the RFCs
 * of its key type forbid, and what Go, OpenSSL (in strict mode, too) or Python refuse. Its role, its issuer and the clock are
 * looked at elsewhere: {@link checkIssued}, `checkPeriod`.
 *
 * @param about - where it stands; copied into the findings
 * @returns in a fixed order; empty when all is well. Takes time in proportion to the size of the certificate
 * @see RFC 5280 section 4; golang/go, src/crypto/x509/parser.go; openssl 3.0, crypto/x509/x509_vfy.c (check_extensions)
 */
export function checkCertificate(certificate: Certificate, about: FindingPlace): Finding[] {
  const report = reportOn(about)
  return [
    ...checkFields(certificate, report),
    ...checkKey(certificate, report),
    ...checkExtensions(certificate, report),
    ...checkNames(certificate, report),
  ]
}
