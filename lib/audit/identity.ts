import type { Profile } from '../kubernetes/rows.js'
import type { Certificate } from '../x509/certificate.js'
import { brief, listed, type Report } from './about.js'
import type { Finding } from './rules.js'

/** Whether a certificate is for whom it is to be for. */
export function commonNameFindings({ subject }: Certificate, wanted: string, report: Report): Finding[] {
  const found = subject.commonName
  if (found === wanted) return []
  const details = { field: 'subject.commonName', expected: wanted, actual: found }
  return [report('common-name', `is for ${brief(found) || 'nobody'} instead of ${wanted}`, details)]
}

/** Whether a certificate is in the groups that it is to be in, and in no others. */
export function groupFindings({ subject }: Certificate, wanted: readonly string[], report: Report): Finding[] {
  const found = subject.organizations
  const missing = wanted.filter(group => !found.includes(group))
  const extra = found.filter(group => !wanted.includes(group))
  const details = {
    field: 'subject.organizations',
    expected: wanted.join(', ') || 'none',
    actual: found.join(', ') || 'none',
  }
  return [
    ...(missing.length > 0 ? [report('groups-missing', `lacks the group ${missing.join(', ')}`, details)] : []),
    ...(extra.length > 0
      ? [report('groups-extra', `is in the group ${brief(extra.join(', '))}, which it does not need`, details)]
      : []),
  ]
}

/** Whether a certificate is good for what it is used for. */
export function usageFindings(
  { extKeyUsages, keyUsages }: Certificate,
  { extKeyUsages: needed }: Profile,
  report: Report,
): Finding[] {
  const isForAll = !extKeyUsages || extKeyUsages.includes('anyExtendedKeyUsage')
  const missing = isForAll ? [] : needed.filter(usage => !extKeyUsages.includes(usage))
  return [
    ...(missing.length > 0
      ? [report('usage-missing', `is not made for ${missing.join(', ')}`, usageDetails(extKeyUsages, needed))]
      : []),
    ...(keyUsages && !keyUsages.includes('digitalSignature')
      ? [
          report('usage-missing', 'lacks the key usage digitalSignature', {
            field: 'keyUsage',
            expected: 'digitalSignature',
            actual: keyUsages.join(', ') || 'none',
          }),
        ]
      : []),
  ]
}

/** What a certificate may do beyond what it is for. */
export function widthFindings(
  { isCa, extKeyUsages }: Certificate,
  { extKeyUsages: needed }: Profile,
  report: Report,
): Finding[] {
  const extra = (extKeyUsages ?? []).filter(usage => !needed.some(other => other === usage))
  const details = usageDetails(extKeyUsages, needed)
  return [
    ...(isCa
      ? [
          report('wider', 'may sign certificates itself', {
            field: 'basicConstraints',
            expected: 'CA:FALSE',
            actual: 'CA:TRUE',
          }),
        ]
      : []),
    ...(extKeyUsages === undefined ? [report('usages-extra', 'is made for any purpose', details)] : []),
    ...(extra.length > 0 ? [report('usages-extra', `is made for ${listed(extra)}, too`, details)] : []),
  ]
}

function usageDetails(has: readonly string[] | undefined, needed: readonly string[]) {
  return { field: 'extKeyUsage', expected: needed.join(', '), actual: has?.join(', ') ?? 'any' }
}

/** Whether a key is of the type that is asked for. */
export function algorithmFindings(name: string, wanted: string, report: Report): Finding[] {
  if (name === wanted) return []
  const details = { field: 'subjectPublicKeyInfo', expected: wanted, actual: name }
  return [report('key-algorithm', `has a key of type ${name}, not ${wanted}`, details)]
}
