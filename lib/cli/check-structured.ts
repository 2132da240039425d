import { adviceOf, formatTime, type ReportedFinding, RULES } from '../index.js'
import type { Checked } from './check-model.js'
import { OUTPUT_VERSION } from './structured.js'

/** A check as it is printed for programs; see docs/output.md. */
export function describeCheck(checked: Checked) {
  const { now, dir, files, inference, cis, failOn, baseline, findings, counts, warnings } = checked
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

function findingFacts({ found, file, fingerprint, accepted }: ReportedFinding) {
  const { code, severity, row, path, part, field, expected, actual, benchmark, message } = found
  const { why } = RULES[code]
  return {
    ...{ code, severity, row, file, path, part, field, expected, actual, message },
    ...{ hint: adviceOf(found), why, benchmark, fingerprint },
    ...(accepted ? { accepted: { reason: accepted.reason, until: accepted.until } } : {}),
  }
}
