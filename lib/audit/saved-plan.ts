import type { ClusterFacts } from '../kubernetes/cluster.js'
import type { Role } from '../kubernetes/rows.js'
import type { ChangeOptions } from './planning.js'
import type { Asked, Change, ChangePlan, NameAdds, WantedIdentity } from './types.js'

/** What a plan was made from: with the same tree it gives the same plan. Nothing in it is secret. */
export interface PlanInputs {
  /** Facts that a flag or a file has stated. */
  readonly facts: Partial<ClusterFacts>
  /** Names that were added to those that are there. Default: none */
  readonly adds?: NameAdds
  readonly role?: Role
  readonly options: ChangeOptions
}

/** What a certificate is to say, in the words of other output. */
export interface SavedIdentity
  extends Pick<WantedIdentity, 'dnsNames' | 'ipAddresses' | 'validitySeconds' | 'keyAlgorithm'> {
  readonly isCA: boolean
  readonly subject: Pick<WantedIdentity, 'commonName' | 'organizations'>
  readonly extKeyUsages: readonly string[]
}

/** A change as it is saved. */
export interface SavedChange {
  readonly name: string
  readonly action: Change['action']
  readonly key?: 'keep' | 'new'
  readonly reasons: readonly { readonly rule: string; readonly message: string }[]
  /** Tree paths, in the order in which they are written. */
  readonly files: readonly string[]
  /** What the certificate is to say. */
  readonly wanted?: SavedIdentity
  /** Kubeconfigs: fields of the cluster entry that change. */
  readonly edits?: readonly string[]
  /** Kubeconfigs: the server that it is to name, where that changes. */
  readonly server?: string
}

/** A plan as a document, which `apply` takes. */
export interface SavedPlan {
  readonly apiVersion: 'kpki.dev/v1alpha1'
  readonly kind: 'Plan'
  readonly inputs: PlanInputs
  readonly fingerprint: string
  readonly node?: string
  readonly changes: readonly SavedChange[]
  readonly untouched: readonly { readonly name: string; readonly message: string; readonly hint?: string }[]
  readonly restarts: ChangePlan['restarts']
  readonly followUps: readonly string[]
}

/** What a plan is made from, without what is not stated. */
export function planInputs({ facts = {}, adds = {}, role }: Asked, options: ChangeOptions): PlanInputs {
  const { keys, only, ifWithinSeconds, asFound } = options
  return {
    facts,
    ...(Object.keys(adds).length > 0 ? { adds } : {}),
    ...(role === undefined ? {} : { role }),
    options: {
      ...(keys === undefined ? {} : { keys }),
      ...(only === undefined ? {} : { only }),
      ...(ifWithinSeconds === undefined ? {} : { ifWithinSeconds }),
      ...(asFound ? { asFound } : {}),
    },
  }
}

/** A plan as a document: plain data, no secret. */
export function savePlan(plan: ChangePlan, inputs: PlanInputs): SavedPlan {
  const { fingerprint, node, changes, untouched, restarts, followUps } = plan
  return {
    apiVersion: 'kpki.dev/v1alpha1',
    kind: 'Plan',
    inputs,
    fingerprint,
    ...(node === undefined ? {} : { node }),
    changes: changes.map(saveChange),
    untouched: untouched.map(({ id, ...rest }) => ({ name: id, ...rest })),
    restarts,
    followUps,
  }
}

/** A change as plain data. */
export function saveChange({ id, action, key, reasons, paths, wanted, edits, server }: Change): SavedChange {
  return {
    name: id,
    action,
    ...(key === undefined ? {} : { key }),
    reasons: reasons.map(({ code, message }) => ({ rule: code, message })),
    files: paths,
    ...(wanted ? { wanted: saveIdentity(wanted) } : {}),
    ...(edits.length > 0 ? { edits } : {}),
    // One that stays may hold a password.
    ...(server !== undefined && (edits.includes('server') || action === 'create') ? { server } : {}),
  }
}

function saveIdentity({ commonName, organizations, isCa, extKeyUsages = [], ...rest }: WantedIdentity): SavedIdentity {
  const { dnsNames, ipAddresses, validitySeconds, keyAlgorithm } = rest
  const subject = { commonName, organizations }
  return { isCA: isCa, subject, dnsNames, ipAddresses, extKeyUsages, validitySeconds, keyAlgorithm }
}
