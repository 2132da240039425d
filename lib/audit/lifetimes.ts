import type { Certificate } from '../x509/certificate.js'
import { lifeStateOf } from '../x509/life.js'
import { isCaId } from './items.js'
import type { Finding, FindingDetails, RuleId, TreeItemId } from './rules.js'

/** Kubernetes documentation, Security Checklist: intermediate and leaf certificates end within three years. */
const LONG_SECONDS = 3 * 366 * 86_400

type Report = (code: RuleId, message: string, details?: FindingDetails) => Finding

/** Says how a certificate stands at a moment. */
export function lifeFindings(id: TreeItemId, certificate: Certificate, now: Date, report: Report): Finding[] {
  const { notBefore, notAfter } = certificate
  const isCa = isCaId(id)
  switch (lifeStateOf(certificate, now)) {
    case 'future':
      return [
        report('not-yet-valid', `is not valid before ${notBefore.toISOString()}`, {
          field: 'notBefore',
          actual: notBefore.toISOString(),
          hint: 'look at the clock of this host',
        }),
      ]
    case 'expired':
      return [
        report('expired', `expired on ${notAfter.toISOString()}`, {
          field: 'notAfter',
          actual: notAfter.toISOString(),
          ...hintOf(id, isCa),
        }),
      ]
    case 'soon':
      return [
        report('ends-soon', `ends on ${notAfter.toISOString()}`, {
          field: 'notAfter',
          actual: notAfter.toISOString(),
          ...hintOf(id, isCa),
        }),
      ]
    default: {
      const span = (+notAfter - +notBefore) / 1000
      if (isCa || span <= LONG_SECONDS) return []
      const years = Math.floor(span / (365.25 * 86_400))
      return [
        report('long-life', `lives for ${years} years`, {
          field: 'validity',
          expected: 'at most 3 years',
          actual: `${years} years`,
        }),
      ]
    }
  }
}

function hintOf(id: TreeItemId, isCa: boolean): { readonly hint?: string } {
  if (isCa)
    return { hint: `whatever it has signed ends with it: kpki renew ${id} keeps its key and gives it a later end` }
  if (id === 'kubelet-server') return { hint: 'remove it and its key and restart the kubelet: it makes new ones' }
  return {}
}
