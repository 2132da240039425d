import type { Certificate } from '../x509/certificate.js'
import type { Report } from './about.js'
import type { Finding } from './rules.js'

/**
 * Whether a certificate is valid at a moment; one that ends before it begins is told of by {@link checkCertificate}.
 *
 * @param hints - what to do instead of what the rules say
 */
export function checkPeriod(
  { notBefore, notAfter }: Pick<Certificate, 'notBefore' | 'notAfter'>,
  now: Date,
  report: Report,
  hints: { readonly notYet?: string; readonly expired?: string } = {},
): Finding[] {
  const hint = (text: string | undefined) => (text === undefined ? {} : { hint: text })
  const moment = now.toISOString()
  if (notAfter < notBefore) return []
  if (now < notBefore) {
    const expected = notBefore.toISOString()
    const details = { field: 'notBefore', expected: `before ${moment}`, actual: expected, ...hint(hints.notYet) }
    return [report('not-yet-valid', `is not valid before ${expected}`, details)]
  }
  if (now > notAfter) {
    const end = notAfter.toISOString()
    const details = { field: 'notAfter', expected: `after ${moment}`, actual: end, ...hint(hints.expired) }
    return [report('expired', `expired on ${end}`, details)]
  }
  return []
}
