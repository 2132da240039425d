import { formatClusterConfiguration, formatClusterStatus } from '../../config/cluster-configuration.js'
import type { ControlPlane } from '../../config/control-plane.js'
import type { KubernetesObject } from '../../kubernetes/objects.js'
import { isGateOn } from '../../render/component-config.js'
import { KUBEADM_CONFIG, kubeadmConfigObjects, kubeletConfigObjects } from '../../render/upload-config.js'
import { isYamlObject, type YamlObject } from '../../yaml-scalars.js'
import { mappingOf, patchNode } from '../patch-node.js'
import { applyObjects, outcomeOf } from './actions.js'
import { type Adjusted, applyAdjusted } from './adjusted-objects.js'
import type { InitRun } from './init-run.js'
import type { Action, Phase } from './phase.js'

/**
 * Puts into the cluster what it is, for hosts that join and for upgrades.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/cmd/phases/init/uploadconfig.go
 */
export const UPLOAD_CONFIG: Phase<InitRun> = {
  name: 'upload-config',
  about: 'put into the cluster what it is: kubeadm-config, kubelet-config',
  isInCluster: true,
  phases: [
    {
      name: 'kubeadm',
      about: 'the ClusterConfiguration, as the ConfigMap kubeadm-config',
      plan: ({ controlPlane }) => [uploadKubeadmConfig(controlPlane)],
    },
    {
      name: 'kubelet',
      about:
        'the KubeletConfiguration, as a ConfigMap; up to v1.33 also the socket of the container runtime, on the Node',
      plan: ({ controlPlane, traits }) => [
        applyObjects(kubeletConfigObjects(controlPlane, traits)),
        ...(isGateOn(controlPlane.cluster, 'NodeLocalCRISocket') ? [] : [annotateCriSocket(controlPlane)]),
      ],
    },
  ],
}

function uploadKubeadmConfig(controlPlane: ControlPlane): Action {
  const { warnings } = formatClusterConfiguration(controlPlane)
  return applyAdjusted(kubeadmConfigObjects(controlPlane), withOtherApiServers, warnings)
}

/** Up to v1.21, every control plane adds itself to one list. */
async function withOtherApiServers(object: KubernetesObject, existing: KubernetesObject): Promise<Adjusted> {
  const own = mappingOf(object['data'])
  const status = mappingOf(existing['data'])[KUBEADM_CONFIG.status]
  if (own[KUBEADM_CONFIG.status] === undefined || typeof status !== 'string') return { object }
  const endpoints = {
    ...(await endpointsOf(status)),
    ...(await endpointsOf(String(own[KUBEADM_CONFIG.status]))),
  }
  return {
    object: { ...object, data: { ...(own as YamlObject), [KUBEADM_CONFIG.status]: formatClusterStatus(endpoints) } },
  }
}

/** The API servers of a ClusterStatus; what is none has none. */
async function endpointsOf(text: string): Promise<Readonly<Record<string, YamlObject>>> {
  const { parseYaml } = await import('../../yaml.js')
  try {
    const { value } = parseYaml(text, KUBEADM_CONFIG.status)
    const endpoints = isYamlObject(value) && isYamlObject(value['apiEndpoints']) ? value['apiEndpoints'] : {}
    return Object.fromEntries(
      Object.entries(endpoints).flatMap(([name, endpoint]) => (isYamlObject(endpoint) ? [[name, endpoint]] : [])),
    )
  } catch {
    return {}
  }
}

const CRI_SOCKET = 'kubeadm.alpha.kubernetes.io/cri-socket'

/**
 * Says on the Node which container runtime kubeadm is to ask there later.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/patchnode/patchnode.go
 */
function annotateCriSocket({ cluster, node, timeoutSeconds }: ControlPlane): Action {
  const annotations = { [CRI_SOCKET]: node.criSocket }
  const what = `Node ${cluster.nodeName}: ${CRI_SOCKET}`
  return {
    kind: 'node',
    about: `annotate ${what}`,
    // Of a Node that is not there yet, nothing is to be applied from a file.
    objects: [],
    async apply({ connect, context, signal }) {
      const isChanged = await patchNode(
        cluster.nodeName,
        found =>
          mappingOf(found.metadata['annotations'])[CRI_SOCKET] === node.criSocket
            ? undefined
            : { metadata: { annotations } },
        await connect(),
        context,
        { timeoutSeconds: timeoutSeconds.kubernetesAPICall, signal },
      )
      return outcomeOf(isChanged ? [what] : [])
    },
  }
}
