import type { RowId } from '../kubernetes/rows.js'
import type { TreePath } from '../tree/layout.js'
import type { Rule, Severity } from './rule.js'
import { CERTIFICATE_RULES } from './rules/certificates.js'
import { CIS_RULES } from './rules/cis.js'
import { DRIFT_RULES } from './rules/drift.js'
import { FILE_RULES } from './rules/files.js'
import { KUBECONFIG_RULES } from './rules/kubeconfigs.js'
import { LIFETIME_RULES } from './rules/lifetimes.js'
import { LIVE_RULES } from './rules/live.js'
import { PAIR_RULES } from './rules/pairs.js'
import { ROLE_RULES } from './rules/roles.js'

/**
 * Everything that can be found wrong with files, by stable ids. What is an error in `gen` means that nothing is written.
 */
export const RULES = {
  ...FILE_RULES,
  ...CERTIFICATE_RULES,
  ...PAIR_RULES,
  ...ROLE_RULES,
  ...KUBECONFIG_RULES,
  ...LIFETIME_RULES,
  ...DRIFT_RULES,
  ...CIS_RULES,
  ...LIVE_RULES,
} as const satisfies Record<string, Rule>
/** Stable id of a rule, and so of what it finds. */
export type RuleId = keyof typeof RULES

/** Id of something in a tree that is judged and renewed: a row, or a certificate that the kubelet keeps for itself. */
export type TreeItemId = RowId | 'kubelet-client' | 'kubelet-server'

/** An item of the CIS Kubernetes Benchmark, by its number in one edition. */
export interface BenchmarkItem {
  /** e.g. `1.12` */
  readonly edition: string
  /** e.g. `1.1.21` */
  readonly item: string
  readonly title: string
}

/** Something about one file that exists, or should. */
export interface Finding {
  readonly code: RuleId
  readonly severity: Severity
  /** `undefined` for a file that is none of a tree's. */
  readonly row: TreeItemId | undefined
  /** Tree path; for a file that is none of a tree's the name under which it was found. */
  readonly path: TreePath
  /** Where in the file: `2nd certificate`, `clusters[prod].certificate-authority-data`. Default: it is about the whole file. */
  readonly part?: string
  /** Where the file is, when it is not in the tree but in the one that is taken over from. */
  readonly place?: string
  /** What is judged, in the words of RFC 5280 or of the file's format, e.g. `subjectAltName`, `server`. Default: the file itself. */
  readonly field?: string
  /** What should be there. Default: it cannot be said in a word. Never a secret. */
  readonly expected?: string
  /** What is there. Default: nothing, or it cannot be said in a word. Never a secret. */
  readonly actual?: string
  /** The item of a benchmark that asks for it. Default: none does. */
  readonly benchmark?: BenchmarkItem
  /** One sentence without the path. */
  readonly message: string
  /** What to do about this one, where that is more than the rule's own advice. */
  readonly hint?: string
}

/** What a finding can say beside its sentence. */
export type FindingDetails = Partial<Pick<Finding, 'part' | 'field' | 'expected' | 'actual' | 'benchmark' | 'hint'>>

/** Makes a finding; the severity comes from {@link RULES}. */
export function finding(
  code: RuleId,
  row: TreeItemId | undefined,
  path: TreePath,
  message: string,
  details: string | FindingDetails = {},
): Finding {
  const more = typeof details === 'string' ? { hint: details } : details
  return { code, severity: RULES[code].severity, row, path, message, ...more }
}
