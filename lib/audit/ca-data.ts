import type { Kubeconfig } from '../access/kubeconfig.js'
import { equalBytes } from '../crypto/bytes.js'
import type { Certificate } from '../x509/certificate.js'
import type { Report } from './about.js'
import type { Finding } from './rules.js'

/**
 * Whether a kubeconfig trusts the CA of its tree. What it says is compared, not its bytes.
 *
 * @param signer - the certificate that new ones are signed by
 */
export function caDataFindings(
  { caCertificates: trusted, caFile, extras }: Kubeconfig,
  caCertificates: readonly Certificate[],
  signer: Certificate | undefined,
  report: Report,
): Finding[] {
  const isTrusted = (certificate: Certificate) => trusted.some(({ der }) => equalBytes(der, certificate.der))
  const field = 'certificate-authority-data'
  const names = (list: readonly Certificate[]) => list.map(({ subject }) => subject.text).join(', ')
  if (trusted.length === 0) {
    const isTold = caFile !== undefined || extras.includes('insecure-skip-tls-verify')
    return isTold ? [] : [report('ca-data', 'names no CA', { field })]
  }
  if (caCertificates.length === 0) return []
  const essential = signer ? [signer] : caCertificates
  const details = { field, expected: names(caCertificates), actual: names(trusted) }
  if (!essential.some(isTrusted)) return [report('ca-data', 'trusts another CA than pki/ca.crt', details)]
  if (caCertificates.every(isTrusted)) return []
  const message = `trusts ${trusted.length} of the ${caCertificates.length} certificates in pki/ca.crt`
  return [report('ca-data-partial', message, details)]
}
