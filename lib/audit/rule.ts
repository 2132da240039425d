/**
 * How much a finding weighs. `error`: something breaks, now or with the next program that looks; `warning`: it works, but
 * somebody should act; `info`: worth knowing, e.g. an older style.
 */
export type Severity = 'error' | 'warning' | 'info'

/** What a rule is about; `cis` are looked at only when asked for, `live` only by commands beside `check`. */
export type RuleGroup =
  | 'files'
  | 'certificates'
  | 'pairs'
  | 'roles'
  | 'kubeconfigs'
  | 'lifetimes'
  | 'drift'
  | 'cis'
  | 'live'

/** What can be wrong with a file, as a row. */
export interface Rule {
  readonly group: RuleGroup
  readonly severity: Severity
  /** What is found, one sentence without a final period. */
  readonly about: string
  /** Why it matters: who refuses what, or what somebody could do. Sentences. */
  readonly why: string
  /** What to do. Sentences. */
  readonly fix: string
  /** Where it says so, e.g. `RFC 5280 section 4.1.2.2`. Default: nobody but us. */
  readonly source?: string
}
