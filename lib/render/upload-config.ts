import { NODE_TOKEN_GROUP, type RbacRow, rbacObjects } from '../access/bootstrap-rbac.js'
import { formatClusterConfiguration, formatClusterStatus } from '../config/cluster-configuration.js'
import type { ControlPlane } from '../config/control-plane.js'
import { has } from '../kubernetes/differences.js'
import { NODES } from '../kubernetes/groups.js'
import type { KubernetesObject } from '../kubernetes/objects.js'
import type { HostTraits } from './host-file.js'
import { kubeletConfigMapData, kubeletConfigMapName } from './kubelet.js'
import { signConfigMap } from './signed-config-map.js'

const NAMESPACE = 'kube-system'

/** Where kubeadm keeps what a cluster is, and under which keys. */
export const KUBEADM_CONFIG = {
  namespace: NAMESPACE,
  name: 'kubeadm-config',
  configuration: 'ClusterConfiguration',
  /** Up to v1.21. */
  status: 'ClusterStatus',
} as const

const JOINING = { kind: 'Group', name: NODE_TOKEN_GROUP } as const
const NODE = { kind: 'Group', name: NODES } as const

/** Who may read a ConfigMap of kubeadm's. */
function readableBy(name: string, configMap: string, subjects: RbacRow['subjects']): RbacRow {
  return {
    name,
    namespace: NAMESPACE,
    rule: { verbs: ['get'], apiGroups: [''], resources: ['configmaps'], resourceNames: [configMap] },
    subjects,
    about: `nodes, and hosts that join, may read ${configMap}`,
  }
}

/**
 * The ConfigMap from which other hosts, and later versions of kubeadm, know what this cluster is, and who may read it.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/uploadconfig/uploadconfig.go
 */
export function kubeadmConfigObjects(controlPlane: ControlPlane): readonly KubernetesObject[] {
  const { cluster } = controlPlane
  const { namespace, name, configuration, status } = KUBEADM_CONFIG
  const endpoint = { advertiseAddress: cluster.advertiseAddress.text, bindPort: cluster.bindPort }
  return [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace },
      data: {
        [configuration]: formatClusterConfiguration(controlPlane).text,
        ...(has(cluster.kubernetesVersion, 'clusterStatus')
          ? { [status]: formatClusterStatus({ [cluster.nodeName]: endpoint }) }
          : {}),
      },
    },
    ...rbacObjects([readableBy('kubeadm:nodes-kubeadm-config', name, [JOINING, NODE])]),
  ]
}

/**
 * The KubeletConfiguration that hosts which join take, and who may read it.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/kubelet/config.go (CreateConfigMap)
 */
export function kubeletConfigObjects(controlPlane: ControlPlane, traits: HostTraits): readonly KubernetesObject[] {
  const name = kubeletConfigMapName(controlPlane)
  const configMap = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: NAMESPACE },
    data: kubeletConfigMapData(controlPlane, traits),
  }
  return [
    signConfigMap(configMap, controlPlane.kubeletConfiguration),
    ...rbacObjects([readableBy(`kubeadm:${name}`, name, [NODE, JOINING])]),
  ]
}
