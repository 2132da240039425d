import { CLUSTER_ADMINS } from '../kubernetes/groups.js'
import type { KubernetesObject } from '../kubernetes/objects.js'
import { hasSuperAdmin, type KubernetesVersion } from '../kubernetes/versions.js'

/**
 * What makes administrators of those in the group of `admin.conf`. Before v1.29 that is a group which may do everything anyway.
 *
 * @returns `undefined` where there is nothing to bind
 * @see kubernetes/kubernetes PR 121305 (v1.29), cmd/kubeadm/app/phases/kubeconfig/kubeconfig.go (EnsureAdminClusterRoleBinding)
 */
export function adminBinding(version: KubernetesVersion): KubernetesObject | undefined {
  if (!hasSuperAdmin(version)) return undefined
  const apiGroup = 'rbac.authorization.k8s.io'
  return {
    apiVersion: `${apiGroup}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name: CLUSTER_ADMINS },
    roleRef: { apiGroup, kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ apiGroup, kind: 'Group', name: CLUSTER_ADMINS }],
  }
}
