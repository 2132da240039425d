import { CATALOGUE, type CertificateRow, isCertificateId, isKubeconfigId, KUBECONFIGS } from '../kubernetes/rows.js'
import type { TreeItemId } from './rules.js'

/** Who an item is for, as far as its groups depend on the version: administrators, clients of etcd; `undefined` for all others. */
export function groupSourceOf(id: TreeItemId): 'admin' | 'etcd-client' | undefined {
  const groups = isKubeconfigId(id)
    ? KUBECONFIGS[id].groups
    : isCertificateId(id)
      ? (CATALOGUE[id] as CertificateRow).groups
      : undefined
  return groups === 'admin' || groups === 'etcd-client' ? groups : undefined
}
