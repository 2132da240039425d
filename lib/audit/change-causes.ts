import type { Context } from '../context.js'
import { isCertificateId } from '../kubernetes/rows.js'
import { isSameSet } from '../x509/reissue.js'
import { signerFor } from './change-issuers.js'
import { issuerIdOf, keyOf, keyPathOf } from './items.js'
import type { Planning } from './planning.js'
import { isRefusal } from './refusal.js'
import { remedyOf } from './remedies.js'
import type { Finding } from './rules.js'
import type { ComparedItem } from './types.js'

/** Rules that say nothing of the certificate, only of its key. */
export function isOnlyTheKey(code: Finding['code']): boolean {
  return code === 'key-weak' || code === 'key-unusable' || code === 'key-algorithm' || code === 'secret-exposed'
}

/**
 * Whether a finding says that the file with an item's key holds none that can be read. A file that the store does not hand out may
 * hold a good one.
 */
export function isUnreadableKeyOf({ id, actual, certificate }: ComparedItem): (found: Finding) => boolean {
  const path = isCertificateId(id) && certificate && !keyOf(actual) && actual?.files.has(keyPathOf(id)) && keyPathOf(id)
  return found => isRefusal(found) && found.path === path
}

/** Whether there is a key, and nobody can read it. */
export function hasUnreadableKey(item: ComparedItem): boolean {
  return item.findings.some(isUnreadableKeyOf(item))
}

/** Whether a new certificate cures a finding. */
export function isCuredHere(found: Finding, item: ComparedItem, planning: Planning): boolean {
  const { code } = found
  if (isUnreadableKeyOf(item)(found)) return true
  const remedy = remedyOf(code)
  if (remedy === 'longer') {
    const { old, new: end } = endsOf(item, planning)
    return end > old && !isRotating(item, planning.context)
  }
  if (remedy === 'identity') return isOtherIdentity(item)
  return remedy === 'reissue' || remedy === 'new-key'
}

/**
 * Whether the kubelet may still renew its certificate itself, which it does when between 70 and 90 percent of its life are over.
 *
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/client-go/util/certificate/certificate_manager.go (jitteryDuration)
 */
function isRotating({ id, certificate }: ComparedItem, context: Context): boolean {
  if (id !== 'kubelet-client' || !certificate) return false
  const [begin, end] = [certificate.notBefore.getTime(), certificate.notAfter.getTime()]
  return context.clock().getTime() < begin + 0.9 * (end - begin)
}

interface Ends {
  /** Milliseconds, as all of them. */
  readonly old: number
  readonly new: number
}

/** When an item ends, and when a new one would. */
function endsOf({ id, certificate, wanted }: ComparedItem, planning: Planning): Ends {
  const issuer = issuerIdOf(id)
  const isRenewed = issuer !== undefined && planning.renewedCas.has(issuer)
  const ca = isRenewed ? undefined : signerFor(id, planning)?.notAfter.getTime()
  const end = planning.context.clock().getTime() + (wanted?.validitySeconds ?? Number.POSITIVE_INFINITY) * 1000
  return {
    old: certificate?.notAfter.getTime() ?? 0,
    new: Math.min(ca ?? end, end),
  }
}

function isOtherIdentity({ certificate, wanted }: ComparedItem): boolean {
  if (!certificate || !wanted) return true
  return !(
    certificate.subject.commonName === wanted.commonName &&
    isSameSet(certificate.subject.organizations, wanted.organizations) &&
    isSameSet(certificate.dnsNames, wanted.dnsNames) &&
    isSameSet(certificate.ipAddresses, wanted.ipAddresses)
  )
}

/** Whether a new certificate is for a new key. */
export function needsKey(
  { actual, certificate }: ComparedItem,
  causes: readonly Finding[],
  { options }: Planning,
): boolean {
  const key = keyOf(actual)
  if (!key || options.keys === 'new') return true
  if (options.keys === 'keep') return false
  if (certificate && !key.isKeyOf(certificate.spki)) return true
  return causes.some(({ code }) => remedyOf(code) === 'new-key')
}
