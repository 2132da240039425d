import type { KpkiError } from '../errors.js'
import { type FindingDetails, RULES, type RuleId } from './rules.js'

/** What a refusal to read something says as a finding. */
export interface Refusal {
  readonly code: RuleId
  readonly details: Pick<FindingDetails, 'field' | 'hint'>
}

/**
 * The most precise rule for what could not be read: parsers that know what is wrong with a certificate say so in
 * `details.fault` and `details.field`. Everything else is `unreadable`, and the error's message says why.
 */
export function refusalOf({ details, hint }: KpkiError): Refusal {
  const { fault, field } = details
  return {
    code: isRule(fault) ? fault : 'unreadable',
    details: { ...(typeof field === 'string' && { field }), ...(hint !== undefined && { hint }) },
  }
}

function isRule(fault: unknown): fault is RuleId {
  return typeof fault === 'string' && Object.hasOwn(RULES, fault)
}
