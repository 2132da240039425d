import type { ControlPlane } from '../config/control-plane.js'
import { UsageError } from '../errors.js'
import { dnsAddress } from '../kubernetes/cluster.js'
import { isPort } from '../kubernetes/cluster-fields.js'
import { has } from '../kubernetes/differences.js'
import { MANIFESTS_DIR } from '../kubernetes/paths.js'
import { formatYaml } from '../yaml-format.js'
import type { YamlObject } from '../yaml-scalars.js'
import {
  type ComponentConfiguration,
  dualStackGate,
  type FieldRow,
  isGateOn,
  loggingZeros,
  mergeConfiguration,
  unusual,
  valueAt,
  type ZeroRow,
} from './component-config.js'
import type { HostTraits } from './host-file.js'

const TYPE = { apiVersion: 'kubelet.config.k8s.io/v1beta1', kind: 'KubeletConfiguration' } as const

// The kubelet's own resolver configuration, so that Pods do not ask the stub on the host's loopback.
const SYSTEMD_RESOLV_CONF = '/run/systemd/resolve/resolv.conf'

/**
 * Fields of a KubeletConfiguration that Go always writes.
 *
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/kubelet/config/v1beta1/types.go: what is no pointer and has a type of
 *   its own (a duration, a struct)
 */
const ZEROS: readonly ZeroRow[] = [
  ...['authentication.webhook.cacheTTL', 'authorization.webhook.cacheAuthorizedTTL'].map(duration),
  duration('authorization.webhook.cacheUnauthorizedTTL'),
  { path: 'containerRuntimeEndpoint', value: '', when: 'kubeletRuntimeEndpoint' },
  duration('cpuManagerReconcilePeriod'),
  { path: 'crashLoopBackOff', value: {}, when: 'kubeletCrashLoopBackOff' },
  duration('evictionPressureTransitionPeriod'),
  duration('fileCheckFrequency'),
  duration('httpCheckFrequency'),
  { ...duration('imageMaximumGCAge'), when: 'kubeletImageMaximumAge' },
  duration('imageMinimumGCAge'),
  { path: 'logging', value: {} },
  ...loggingZeros('kubeletLogging'),
  { path: 'memorySwap', value: {}, when: 'kubeletMemorySwap' },
  duration('nodeStatusReportFrequency'),
  duration('nodeStatusUpdateFrequency'),
  duration('runtimeRequestTimeout'),
  duration('shutdownGracePeriod'),
  duration('shutdownGracePeriodCriticalPods'),
  duration('streamingConnectionIdleTimeout'),
  duration('syncFrequency'),
  duration('volumeStatsAggPeriod'),
]

function duration(path: string): ZeroRow {
  return { path, value: '0s' }
}

/** What kubeadm sets in every KubeletConfiguration. */
function defaultsOf({ cluster }: ControlPlane, { usesSystemdResolved = false }: HostTraits): readonly FieldRow[] {
  const version = cluster.kubernetesVersion
  return [
    { path: 'staticPodPath', value: MANIFESTS_DIR },
    { path: 'clusterDNS', value: [dnsAddress(cluster).text] },
    { path: 'clusterDomain', value: cluster.dnsDomain },
    { path: 'authentication.x509.clientCAFile', value: `${cluster.certificatesDir}/ca.crt` },
    { path: 'authentication.anonymous.enabled', value: false },
    { path: 'authorization.mode', value: 'Webhook' },
    { path: 'authentication.webhook.enabled', value: true },
    { path: 'healthzBindAddress', value: '127.0.0.1' },
    { path: 'healthzPort', value: 10248 },
    ...(usesSystemdResolved ? [{ path: 'resolvConf', value: SYSTEMD_RESOLV_CONF }] : []),
    ...dualStackGate(cluster),
    ...(has(version, 'kubeletSystemdCgroups') ? [{ path: 'cgroupDriver', value: 'systemd' }] : []),
  ]
}

/** Fields where a value of one's own is as good as kubeadm's. */
const QUIET: readonly string[] = ['cgroupDriver', 'featureGates.IPv6DualStack']

/**
 * The KubeletConfiguration of a cluster, as kubeadm makes it: what the description has of it, with kubeadm's defaults. Patches
 * and what is the host's own are not in it; see `kubeletFiles`.
 *
 * Unlike kubeadm, a 1.20 that uses Docker is not asked for Docker's cgroup driver: nothing is said about it then.
 *
 * @see kubernetes/kubernetes v1.20.2 and later, cmd/kubeadm/app/componentconfigs/kubelet.go
 */
export function kubeletConfiguration(controlPlane: ControlPlane, traits: HostTraits): ComponentConfiguration {
  const { kubeletConfiguration: own, cluster, node } = controlPlane
  const defaults = defaultsOf(controlPlane, traits)
  const merged = mergeConfiguration(TYPE, own, defaults, ZEROS, cluster.kubernetesVersion)
  const problems = merged.problems.filter(({ field }) => !QUIET.some(path => field === `${TYPE.kind}.${path}`))
  const readOnlyPort = valueAt(merged.configuration, 'readOnlyPort') ?? 0
  if (readOnlyPort !== 0) problems.push(unusual(TYPE.kind, 'readOnlyPort', readOnlyPort, 0))
  if (own && valueAt(own, 'rotateCertificates') === false) {
    const message =
      'is false, and is set to true, as kubeadm does: nothing else renews what the kubelet shows the API server'
    problems.push({ severity: 'warning', code: 'KPKI_FIELD_VALUE', field: `${TYPE.kind}.rotateCertificates`, message })
  }
  healthPort(merged.configuration)
  const endpoint = valueAt(merged.configuration, 'containerRuntimeEndpoint') || node.criSocket
  if (endpoint !== node.criSocket) {
    const message = `is ${JSON.stringify(endpoint)}, where nodeRegistration.criSocket is ${JSON.stringify(node.criSocket)}, which is what this host gets`
    problems.push({
      severity: 'warning',
      code: 'KPKI_FIELD_VALUE',
      field: `${TYPE.kind}.containerRuntimeEndpoint`,
      message,
    })
  }
  return { configuration: { ...merged.configuration, rotateCertificates: true }, problems }
}

/**
 * Where the kubelet is asked how it is.
 *
 * @returns 0: it was told not to say
 * @throws {@link UsageError} `KPKI_FIELD_VALUE`: init would ask nobody until its time is up
 */
export function healthPort(configuration: YamlObject): number {
  const port = valueAt(configuration, 'healthzPort')
  if (typeof port === 'number' && (port === 0 || isPort(port))) return port
  const field = `${TYPE.kind}.healthzPort`
  throw new UsageError('KPKI_FIELD_VALUE', `${field}: is not a port: 1 to 65535, or 0 for none`, { details: { field } })
}

/**
 * What `data` of the kubelet's ConfigMap in the cluster is.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/kubelet/config.go (CreateConfigMap)
 */
export function kubeletConfigMapData(controlPlane: ControlPlane, traits: HostTraits): { readonly kubelet: string } {
  return { kubelet: formatYaml(kubeletConfiguration(controlPlane, traits).configuration) }
}

/** Name of the kubelet's ConfigMap: `kubelet-config`, once `kubelet-config-1.20`; the Role that lets it be read is `kubeadm:` and this. */
export function kubeletConfigMapName({ cluster }: ControlPlane): string {
  const { major, minor } = cluster.kubernetesVersion
  return isGateOn(cluster, 'UnversionedKubeletConfigMap') ? 'kubelet-config' : `kubelet-config-${major}.${minor}`
}
