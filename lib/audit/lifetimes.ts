import type { Certificate } from '../x509/certificate.js'
import { lifeStateOf, SOON_DAYS } from '../x509/life.js'
import type { Report } from './about.js'
import { checkPeriod } from './check-period.js'
import { isCaId } from './items.js'
import type { Finding, TreeItemId } from './rules.js'

/** Kubernetes documentation, Security Checklist: intermediate and leaf certificates end no more than three years in the future. */
const LONG_SECONDS = 3 * 366 * 86_400

/** When an end is near. */
export interface LifeOptions {
  /** Certificates that end within this time are told of. Default: 30 days, when most of their life is over by then */
  readonly endsWithinSeconds?: number
}

/**
 * Says how the certificate of an item stands at a moment.
 *
 * @param id - `undefined` for a certificate that is none of a tree's
 */
export function lifeFindings(
  id: TreeItemId | undefined,
  certificate: Certificate,
  now: Date,
  report: Report,
  { endsWithinSeconds }: LifeOptions = {},
): Finding[] {
  const { notBefore, notAfter } = certificate
  const hint = hintOf(id)
  const found = checkPeriod(certificate, now, report, {
    notYet: 'look at the clock of this host',
    ...(hint === undefined ? {} : { expired: hint }),
  })
  if (found.length > 0) return found
  const left = (+notAfter - +now) / 1000
  const isSoon =
    endsWithinSeconds === undefined ? lifeStateOf(certificate, now) === 'soon' : left >= 0 && left < endsWithinSeconds
  if (isSoon) {
    const least = new Date(+now + (endsWithinSeconds ?? SOON_DAYS * 86_400) * 1000)
    return [
      report('ends-soon', `ends on ${notAfter.toISOString()}`, {
        field: 'notAfter',
        expected: `after ${least.toISOString()}`,
        actual: notAfter.toISOString(),
        ...(hint === undefined ? {} : { hint }),
      }),
    ]
  }
  if ((id !== undefined && isCaId(id)) || certificate.isCa || left <= LONG_SECONDS || notAfter < notBefore) return []
  const actual = notAfter.toISOString()
  return [report('long-life', `ends on ${actual}`, { field: 'notAfter', expected: 'within 3 years', actual })]
}

function hintOf(id: TreeItemId | undefined): string | undefined {
  if (id === undefined) return undefined
  if (isCaId(id)) return `whatever it has signed ends with it: kpki renew ${id} keeps its key and gives it a later end`
  return id === 'kubelet-server' ? 'remove it and its key and restart the kubelet: it makes new ones' : undefined
}
