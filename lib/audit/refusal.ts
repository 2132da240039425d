import type { KpkiError } from '../errors.js'
import { CERTIFICATE_FAULTS, type CertificateFault } from '../x509/certificate-fault.js'
import type { FindingDetails, RuleId } from './rules.js'

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
    code: isFault(fault) ? fault : 'unreadable',
    details: { ...(typeof field === 'string' && { field }), ...(hint !== undefined && { hint }) },
  }
}

/** Whether a finding says that something could not be read. */
export function isRefusal({ code }: { readonly code: RuleId }): boolean {
  return code === 'unreadable' || isFault(code)
}

function isFault(fault: unknown): fault is CertificateFault {
  return CERTIFICATE_FAULTS.some(known => known === fault)
}
