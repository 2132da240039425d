import type { Certificate } from '../x509/certificate.js'

/** RFC 5280 leaves room for clocks that differ; so does kubeadm since v1.31 (PR 124652). */
const BACKDATE_SECONDS = 5 * 60

/** When a new certificate is valid. */
export interface Lifetime {
  readonly notBefore: Date
  readonly notAfter: Date
  /** It ends with its issuer, before its own period is over. */
  readonly isClamped: boolean
}

/** The life of a certificate that is issued now: from five minutes ago on, and never beyond that of its issuer. */
export function lifetimeOf(now: Date, validitySeconds: number, issuer: Certificate | undefined): Lifetime {
  // Certificates have whole seconds.
  const end = Math.floor(now.getTime() / 1000 + validitySeconds) * 1000
  const isClamped = issuer !== undefined && end > issuer.notAfter.getTime()
  return {
    notBefore: new Date(now.getTime() - BACKDATE_SECONDS * 1000),
    notAfter: isClamped ? issuer.notAfter : new Date(end),
    isClamped,
  }
}
