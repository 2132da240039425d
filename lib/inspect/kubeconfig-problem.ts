import type { Severity } from '../audit/rule.js'
import { RULES, type RuleId } from '../audit/rules.js'
import type { ErrorCode } from '../errors.js'
import type { Place } from './types.js'

/** Something that keeps a context from working, or makes it weak. */
export interface KubeconfigProblem {
  readonly code: RuleId
  readonly severity: Severity
  /** Those of the contexts that were checked which it is about; empty when it is about the whole. */
  readonly contexts: readonly string[]
  /** Where it stands: a file, and the part of it. */
  readonly place: Place
  /** One sentence without the place, lower case, no final period. */
  readonly message: string
  /** What to do. */
  readonly hint?: string
  /** What was thrown, beside `unreadable`, `live-failed` and `live-identity`. */
  readonly error?: ErrorCode
}

/** What is said about a problem beside its message. */
export interface ProblemDetails {
  readonly hint?: string | undefined
  /** Default: that of {@link RULES}. */
  readonly severity?: Severity
  readonly error?: ErrorCode | undefined
}

/** Makes a problem. */
export function problem(
  code: RuleId,
  context: string | undefined,
  place: Place,
  message: string,
  { hint, error, severity = RULES[code].severity }: ProblemDetails = {},
): KubeconfigProblem {
  return {
    code,
    severity,
    contexts: context === undefined ? [] : [context],
    place,
    message,
    ...(hint === undefined ? {} : { hint }),
    ...(error === undefined ? {} : { error }),
  }
}
