import { rowsOf } from '../../kubernetes/catalogue.js'
import { KUBECONFIG_IDS, KUBECONFIGS } from '../../kubernetes/rows.js'
import { makeRows } from './actions.js'
import type { InitRun } from './init-run.js'
import type { Phase } from './phase.js'

/**
 * The kubeconfigs of a first control plane, a phase for each.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/cmd/phases/init/kubeconfig.go
 */
export const KUBECONFIG: Phase<InitRun> = {
  name: 'kubeconfig',
  about: 'make the kubeconfigs of administrators, the kubelet and the components, or verify those that are there',
  phases: KUBECONFIG_IDS.map(id => ({
    name: id.replace(/\.conf$/, ''),
    about: KUBECONFIGS[id].about,
    skip: ({ controlPlane: { cluster } }) =>
      rowsOf(cluster, 'init').includes(id) ? undefined : `${cluster.kubernetesVersion.text} has none`,
    plan: ({ controlPlane: { cluster } }) => [makeRows([id], cluster)],
  })),
}
