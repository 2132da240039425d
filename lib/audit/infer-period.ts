import type { Certificate } from '../x509/certificate.js'

const HOUR = 3600
/** kubeadm since 1.31 and kpki have certificates begin five minutes before they are made (kubernetes/kubernetes PR 124652). */
const BACKDATE = 300

/**
 * The period that a certificate was made for, in seconds, as far as it tells. kubeadm before 1.31 has every leaf begin with its CA, so
 * that a renewed one seems to be made for longer; one that ends with its CA may have been cut short.
 *
 * @param issuer - the CA that has signed it. Default: the certificate has signed itself
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/util/pkiutil/pki_helpers.go (NewSignedCert: NotBefore: caCert.NotBefore)
 */
export function periodOf(certificate: Certificate, issuer?: Certificate): number | undefined {
  const span = (+certificate.notAfter - +certificate.notBefore) / 1000
  if (span <= 0 || (issuer && +issuer.notAfter === +certificate.notAfter)) return undefined
  if (span > BACKDATE && (span - BACKDATE) % HOUR === 0) return span - BACKDATE
  if (span % HOUR === 0) return span
  // kubeadm gives a leaf no identifier of its own; who does begins five minutes early.
  if (span > BACKDATE && issuer && certificate.subjectKeyIdentifier !== undefined) return span - BACKDATE
  return issuer && +issuer.notBefore === +certificate.notBefore ? undefined : span
}
