import type { BaselineEntry, CisResult, ReportedFinding, Severity } from '../index.js'

/** What a check has looked at and found, however it is printed. */
export interface Checked {
  readonly now: Date
  /** The tree. Default: files that were named */
  readonly dir?: string
  /** How many files were looked at. */
  readonly files: number
  /** What the tree says of itself. Default: no tree was looked at */
  readonly inference?: CheckedInference
  /** Empty where they were only printed as they came. */
  readonly findings: readonly ReportedFinding[]
  readonly counts: CheckCounts
  readonly cis?: CisResult
  readonly failOn: Severity
  /** How many findings are failures. */
  readonly failures: number
  readonly baseline?: { readonly unmatched: readonly BaselineEntry[]; readonly ended: readonly BaselineEntry[] }
  readonly warnings: readonly string[]
}

/** How many findings there are; those that a baseline accepts are counted apart. */
export type CheckCounts = Readonly<Record<Severity | 'accepted', number>>

/** What was inferred, in words that people know. */
export interface CheckedInference {
  readonly kubernetesVersion?: string
  readonly nodeName?: string
  readonly role?: string
}
