import { formatTime, type ReportedFinding, RULES } from '../index.js'
import type { Checked } from './check-model.js'
import { OUTPUT_VERSION } from './structured.js'

/** A check as it is printed for programs; see docs/output.md. */
export function describeCheck(checked: Checked) {
  const { now, dir, files, inference, cis, failOn, baseline, findings, warnings } = checked
  const counts = countsOf(findings)
  return {
    apiVersion: OUTPUT_VERSION,
    kind: 'CheckReport',
    now: formatTime(now),
    ...(dir === undefined ? {} : { dir }),
    files,
    ...(inference ? { inferred: { ...inference } } : {}),
    failOn,
    failed: checked.failures > 0,
    summary: counts,
    findings: findings.map(findingFacts),
    ...(cis ? { cis: { edition: cis.edition, items: cis.items } } : {}),
    ...(baseline ? { baseline: { unmatched: baseline.unmatched, ended: baseline.ended } } : {}),
    warnings,
  }
}

/** How many findings there are of each kind; accepted ones stand alone. */
export function countsOf(findings: readonly ReportedFinding[]) {
  const of = (severity: string) =>
    findings.filter(({ found, accepted }) => found.severity === severity && !accepted).length
  return {
    error: of('error'),
    warning: of('warning'),
    info: of('info'),
    accepted: findings.filter(({ accepted }) => accepted).length,
  }
}

function findingFacts({ found, file, fingerprint, accepted }: ReportedFinding) {
  const { code, severity, row, path, part, field, expected, actual, benchmark, message, hint } = found
  const { why, fix } = RULES[code]
  return {
    ...{ code, severity, row, file, path, part, field, expected, actual, message },
    ...{ hint: hint ?? fix, why, benchmark, fingerprint },
    ...(accepted ? { accepted: { reason: accepted.reason, until: accepted.until } } : {}),
  }
}
