import type { Context } from '../context.js'
import { WorkflowError } from '../errors.js'
import { isKubeconfigId } from '../kubernetes/rows.js'
import type { Certificate } from '../x509/certificate.js'
import { isCaId } from './items.js'
import type { Finding, TreeItemId } from './rules.js'
import type { Change, ChangePlan, ComparedItem, TreeComparison, WantedIdentity } from './types.js'

/** Options of `planChanges`. */
export interface ChangeOptions {
  /**
   * What becomes of private keys: `keep` all that there are, or a `new` one with every certificate. Default: keep those that are
   * fine; `renew` makes new ones
   */
  readonly keys?: 'keep' | 'new'
  /**
   * Items that are reissued whether something is wrong with them or not, and no others; `all` for every leaf, kubeconfig and the
   * kubelet's client certificate, never a CA. Default: whatever the findings ask for
   */
  readonly only?: readonly (TreeItemId | 'all')[]
  /** Of those named in `only`, the ones that end within so many seconds. Default: all */
  readonly ifWithinSeconds?: number
  /** Say again what the certificates say, as kubeadm does; what is wanted beyond that is left alone. Default: false */
  readonly asFound?: boolean
}

/** Why something is changed. */
export type Reason = Change['reasons'][number]

/** What is wrong and stays so. */
type Untouched = ChangePlan['untouched'][number]

/** A plan that is being made. */
export interface Planning {
  readonly comparison: TreeComparison
  readonly context: Context
  readonly options: ChangeOptions
  /** Items named one by one. */
  readonly named: ReadonlySet<TreeItemId>
  /** CAs that get a new certificate in this plan. */
  readonly renewedCas: Set<TreeItemId>
  readonly changes: Change[]
  readonly untouched: Untouched[]
}

/** Why something is changed that nothing is wrong with. */
export const ASKED: Reason = { code: 'asked', message: 'asked for' }

/** Whether an item is asked for: by its name, or as one of all. */
export function isAsked({ id, certificate }: ComparedItem, { options, named, context }: Planning): boolean {
  const isMeant = named.has(id) || (options.only?.includes('all') === true && !isProtected(id))
  if (!isMeant || options.ifWithinSeconds === undefined || !certificate) return isMeant
  return certificate.notAfter.getTime() <= context.clock().getTime() + options.ifWithinSeconds * 1000
}

/** What nobody changes without naming it. */
function isProtected(id: TreeItemId): boolean {
  return id === 'sa' || id === 'kubelet-server' || isCaId(id)
}

/** A change that is not filled in yet. */
export function change(
  { id }: ComparedItem,
  action: Change['action'],
  key: Change['key'],
  reasons: readonly Reason[],
): Change {
  return { id, action, key, reasons, paths: [], wanted: undefined, server: undefined, edits: [] }
}

/** Findings as reasons; others where there is none. */
export function reasonsOf(
  { findings }: ComparedItem,
  isCause: (found: Finding) => boolean,
  otherwise: readonly Reason[] = [],
): readonly Reason[] {
  const reasons = findings.filter(isCause).map(({ code, message }) => ({
    code,
    // What is too much is what goes.
    message: code === 'names-extra' ? message.replace(/^has /, 'drops ') : message,
  }))
  return reasons.length > 0 ? reasons : otherwise
}

/** What a certificate is to say: what is wanted, or what it says already. */
export function wantedOf(
  { certificate, wanted }: ComparedItem,
  { options, comparison }: Planning,
): WantedIdentity | undefined {
  if (!certificate || (wanted && !options.asFound)) return wanted
  const { subject, dnsNames, ipAddresses, extKeyUsages, isCa, publicKey, notBefore, notAfter } = certificate
  const { cluster } = comparison
  return {
    commonName: subject.commonName,
    organizations: subject.organizations,
    dnsNames,
    ipAddresses,
    extKeyUsages,
    isCa,
    validitySeconds:
      wanted?.validitySeconds ??
      (isCa ? cluster?.caCertificateValiditySeconds : cluster?.certificateValiditySeconds) ??
      Math.round((notAfter.getTime() - notBefore.getTime()) / 1000),
    keyAlgorithm: wanted?.keyAlgorithm ?? publicKey.name,
  }
}

/** Names of a certificate that the one in its place will not have. */
export function droppedNames(
  old: Certificate | undefined,
  wanted: Pick<WantedIdentity, 'dnsNames' | 'ipAddresses'> | undefined,
): readonly string[] {
  if (!old || !wanted) return []
  const kept = new Set([...wanted.dnsNames, ...wanted.ipAddresses].map(name => name.toLowerCase()))
  return [...old.dnsNames, ...old.ipAddresses].filter(name => name !== '' && !kept.has(name.toLowerCase()))
}

/** Why an item that was named is not changed. */
export function blocked(id: TreeItemId, problem: string, hint: string): WorkflowError {
  return new WorkflowError('KPKI_PLAN_BLOCKED', `${id} ${problem}`, { details: { item: id }, hint })
}

/** How to come by an item that is not there. */
export function makeHint(id: TreeItemId): string {
  return id === 'kubelet-client'
    ? 'move kubelet.conf away and have it made anew, with a certificate in it: kpki gen kubeconfig kubelet.conf'
    : `make it: kpki gen ${genName(id)}`
}

/** How `kpki gen` names it. */
export function genName(id: TreeItemId): string {
  return isKubeconfigId(id) ? `kubeconfig ${id}` : id
}
