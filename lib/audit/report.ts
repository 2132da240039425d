import type { BaselineEntry } from './baseline.js'
import type { RuleGroup, Severity } from './rule.js'
import { type Finding, RULES, type RuleId } from './rules.js'

/** A finding as reports have it. */
export interface ReportedFinding {
  readonly found: Finding
  /** The file as people find it, e.g. `/etc/kubernetes/pki/ca.crt`; relative ones are of the working directory. */
  readonly file: string
  /** Of {@link fingerprintOf}. */
  readonly fingerprint: string
  /** The entry of the baseline that accepts it. Default: none does. */
  readonly accepted?: BaselineEntry
}

/** What was looked at, and what was found. */
export interface Report {
  /** Rules that were looked at. */
  readonly rules: readonly RuleId[]
  readonly findings: readonly ReportedFinding[]
  /** Findings were compared with a baseline. */
  readonly hasBaseline: boolean
  /** Findings of this severity and of heavier ones are failures. */
  readonly failOn: Severity
  /** Version of kpki. */
  readonly version: string
}

/** Severities from the lightest on. */
export const SEVERITIES: readonly Severity[] = ['info', 'warning', 'error']

/** Whether a severity is as heavy as another one, or heavier. */
export function isAtLeast(severity: Severity, least: Severity): boolean {
  return SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf(least)
}

/** Whether a finding is one that a run fails for: heavy enough, and accepted by nobody. */
export function isFailure({ found, accepted }: ReportedFinding, failOn: Severity): boolean {
  return accepted === undefined && isAtLeast(found.severity, failOn)
}

/** What is wrong in one sentence without the file: part and message. */
export function sentenceOf({ part, message }: Finding): string {
  return part === undefined ? message : `${part}: ${message}`
}

/** What `renew` and `apply` can cure, in files that they know. */
const CURABLE: readonly RuleGroup[] = ['certificates', 'lifetimes', 'pairs', 'roles', 'kubeconfigs', 'drift']
const BY_ISSUER = 'Have it made anew by whoever issues it.'

/** What to do about a finding. A file that is none of a tree's is nothing that kpki changes: what would do it is left out. */
export function adviceOf({ code, row, hint }: Finding): string {
  const { fix, group } = RULES[code]
  const advice = hint ?? fix
  if (row !== undefined || !CURABLE.includes(group) || !/\bkpki (renew|apply)\b/.test(advice)) return advice
  const sentences = advice.replace(/(:|,? e\.g\.) kpki (renew|apply)[^.:]*/g, '').match(/[^.]+(\.|$)/g) ?? []
  return (
    sentences
      .filter(sentence => !/\bkpki (renew|apply)\b/.test(sentence))
      .join('')
      .trim() || BY_ISSUER
  )
}
