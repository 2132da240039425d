import type { Context } from '../context.js'
import { encodeUtf8, formatBase64 } from '../crypto/bytes.js'
import type { KubernetesObject } from '../kubernetes/objects.js'
import { type KubernetesVersion, writesPreferences } from '../kubernetes/versions.js'
import { formatYaml } from '../yaml-format.js'
import type { BootstrapToken } from './bootstrap-token.js'
import { CLUSTER_INFO } from './cluster-info.js'
import { signDetached } from './detached-jws.js'

/** What a host has to know of a cluster to join it. */
export interface ClusterInfoSpec {
  /** e.g. `https://api.example.org:6443` */
  readonly server: string
  /** The CA bundle as PEM; kept to the byte. */
  readonly caPem: string
  /** Whose kubeadm writes it so. */
  readonly kubernetesVersion: KubernetesVersion
}

/**
 * The ConfigMap `cluster-info`, which everybody may read. Its kubeconfig is, to the byte, what kubeadm writes: one cluster
 * without a name, and nobody's credentials.
 *
 * @param tokens - sign it at once, as the controller manager's bootstrapsigner does anyway wherever it runs
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/bootstraptoken/clusterinfo/clusterinfo.go
 */
export async function formatClusterInfo(
  { server, caPem, kubernetesVersion }: ClusterInfoSpec,
  tokens: readonly BootstrapToken[],
  context: Context,
): Promise<KubernetesObject> {
  const kubeconfig = formatYaml({
    apiVersion: 'v1',
    clusters: [{ cluster: { 'certificate-authority-data': formatBase64(encodeUtf8(caPem)), server }, name: '' }],
    contexts: null,
    'current-context': '',
    kind: 'Config',
    ...(writesPreferences(kubernetesVersion) ? { preferences: {} } : {}),
    users: null,
  })
  const signatures = await Promise.all(
    tokens.map(async token => [`jws-kubeconfig-${token.id}`, await signDetached(kubeconfig, token, context)] as const),
  )
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { ...CLUSTER_INFO },
    data: { kubeconfig, ...Object.fromEntries(signatures) },
  }
}
