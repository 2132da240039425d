import type { ChangeOptions } from '../audit/planning.js'
import type { Asked } from '../audit/types.js'
import type { Context } from '../context.js'
import { UsageError } from '../errors.js'
import type { Store } from '../tree/store.js'
import { type ChangedTree, type ChangeTreeOptions, changeTree } from './change-tree.js'

/** Options of {@link renew}. */
export interface RenewOptions extends Omit<ChangeTreeOptions, 'only' | 'keys'> {
  /** Default: `new`, as kubeadm's */
  readonly keys?: ChangeTreeOptions['keys']
}

/**
 * Renews items of a tree, whether something is wrong with them or not: kubeadm's meaning, and also `kubelet.conf` and the kubelet's
 * client certificate. Names are those that are wanted: what the certificates have, and what is asked for beyond that; kubeconfigs
 * get the current CA.
 *
 * A CA that is named gets a new certificate with its key and its name, and kubeconfigs its data.
 *
 * @param items - items of the tree, `all` for every leaf, kubeconfig and the kubelet's client certificate
 * @throws `WorkflowError` `KPKI_PLAN_BLOCKED` for `sa`, and for a named item that is not there; `PolicyError`
 *   `KPKI_ISSUER_MISSING`, `KPKI_ISSUER_EXPIRED` for a named item whose CA cannot sign here; as {@link changeTree}
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/cmd/certs.go, cmd/kubeadm/app/phases/certs/renewal/manager.go
 * @example await renew(store, ['all'], {}, context)
 */
export async function renew(
  store: Store,
  items: NonNullable<ChangeOptions['only']>,
  asked: Asked,
  context: Context,
  { keys = 'new', ...options }: RenewOptions = {},
): Promise<ChangedTree> {
  if (!Array.isArray(items) || items.length === 0)
    throw new UsageError('KPKI_USAGE', 'renew needs the names of items, or all', { hint: "renew(store, ['all'], …)" })
  return changeTree('renew', store, asked, context, { ...options, keys, only: items })
}
