import type { ControlPlane } from '../config/control-plane.js'
import { serverOf } from '../kubernetes/catalogue.js'
import { formatYaml } from '../yaml-format.js'
import {
  type ComponentConfiguration,
  dualStackGate,
  type FieldRow,
  loggingZeros,
  mergeConfiguration,
  type ZeroRow,
} from './component-config.js'

const TYPE = { apiVersion: 'kubeproxy.config.k8s.io/v1alpha1', kind: 'KubeProxyConfiguration' } as const

const [PROXY_DIR, SERVICE_ACCOUNT_DIR] = ['/var/lib/kube-proxy', '/var/run/secrets/kubernetes.io/serviceaccount']

/**
 * Fields of a KubeProxyConfiguration that Go always writes: nearly all.
 *
 * @see kubernetes/kubernetes v1.20.2 and later, staging/src/k8s.io/kube-proxy/config/v1alpha1/types.go
 */
const ZEROS: readonly ZeroRow[] = [
  { path: 'bindAddressHardFail', value: false },
  { path: 'clientConnection.acceptContentTypes', value: '' },
  { path: 'clientConnection.burst', value: 0 },
  { path: 'clientConnection.contentType', value: '' },
  { path: 'clientConnection.qps', value: 0 },
  { path: 'clusterCIDR', value: '' },
  { path: 'configSyncPeriod', value: '0s' },
  { path: 'conntrack.maxPerCore', value: null },
  { path: 'conntrack.min', value: null },
  { path: 'conntrack.tcpBeLiberal', value: false, when: 'proxyNftables' },
  { path: 'conntrack.tcpCloseWaitTimeout', value: null },
  { path: 'conntrack.tcpEstablishedTimeout', value: null },
  { path: 'conntrack.udpStreamTimeout', value: '0s', when: 'proxyNftables' },
  { path: 'conntrack.udpTimeout', value: '0s', when: 'proxyNftables' },
  { path: 'detectLocal.bridgeInterface', value: '', when: 'proxyDetectLocal' },
  { path: 'detectLocal.interfaceNamePrefix', value: '', when: 'proxyDetectLocal' },
  { path: 'detectLocalMode', value: '' },
  { path: 'enableProfiling', value: false },
  { path: 'healthzBindAddress', value: '' },
  { path: 'hostnameOverride', value: '' },
  { path: 'iptables.localhostNodePorts', value: null, when: 'proxyLocalhostNodePorts' },
  { path: 'iptables.masqueradeAll', value: false },
  { path: 'iptables.masqueradeBit', value: null },
  { path: 'iptables.minSyncPeriod', value: '0s' },
  { path: 'iptables.syncPeriod', value: '0s' },
  { path: 'ipvs.excludeCIDRs', value: null },
  { path: 'ipvs.minSyncPeriod', value: '0s' },
  { path: 'ipvs.scheduler', value: '' },
  { path: 'ipvs.strictARP', value: false },
  { path: 'ipvs.syncPeriod', value: '0s' },
  { path: 'ipvs.tcpFinTimeout', value: '0s' },
  { path: 'ipvs.tcpTimeout', value: '0s' },
  { path: 'ipvs.udpTimeout', value: '0s' },
  ...loggingZeros('proxyLogging'),
  { path: 'metricsBindAddress', value: '' },
  { path: 'mode', value: '' },
  { path: 'nftables.masqueradeAll', value: false, when: 'proxyNftables' },
  { path: 'nftables.masqueradeBit', value: null, when: 'proxyNftables' },
  { path: 'nftables.minSyncPeriod', value: '0s', when: 'proxyNftables' },
  { path: 'nftables.syncPeriod', value: '0s', when: 'proxyNftables' },
  { path: 'nodePortAddresses', value: null },
  { path: 'oomScoreAdj', value: null },
  { path: 'portRange', value: '' },
  { path: 'showHiddenMetricsForVersion', value: '' },
  { path: 'udpIdleTimeout', value: '0s', when: 'proxyUdpIdleTimeout' },
  { path: 'winkernel.enableDSR', value: false },
  { path: 'winkernel.forwardHealthCheckVip', value: false, when: 'proxyHnsHealthChecks' },
  { path: 'winkernel.networkName', value: '' },
  { path: 'winkernel.rootHnsEndpointName', value: '', when: 'proxyHnsHealthChecks' },
  { path: 'winkernel.sourceVip', value: '' },
]

/**
 * The KubeProxyConfiguration of a cluster, as kubeadm makes it: what the description has of it, with kubeadm's defaults.
 *
 * @see kubernetes/kubernetes v1.20.2 and later, cmd/kubeadm/app/componentconfigs/kubeproxy.go
 */
export function kubeProxyConfiguration(controlPlane: ControlPlane): ComponentConfiguration {
  const { cluster, kubeProxyConfiguration: own } = controlPlane
  const isIpv4 = cluster.advertiseAddress.family === 4
  const defaults: readonly FieldRow[] = [
    { path: 'bindAddress', value: isIpv4 ? '0.0.0.0' : '::' },
    ...(cluster.podSubnets.length === 0
      ? []
      : [{ path: 'clusterCIDR', value: cluster.podSubnets.map(({ text }) => text).join(',') }]),
    { path: 'clientConnection.kubeconfig', value: `${PROXY_DIR}/kubeconfig.conf` },
    ...dualStackGate(cluster),
  ]
  return mergeConfiguration(TYPE, own, defaults, ZEROS, cluster.kubernetesVersion)
}

/**
 * What `data` of kube-proxy's ConfigMap in the cluster is. Neither text ends its last line: kubeadm writes them into a template as
 * `|-`, and its hash is over that.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/addons/proxy/manifests.go (KubeProxyConfigMap19)
 */
export function kubeProxyConfigMapData(controlPlane: ControlPlane): {
  readonly 'config.conf': string
  readonly 'kubeconfig.conf': string
} {
  return {
    'config.conf': formatYaml(kubeProxyConfiguration(controlPlane).configuration).trimEnd(),
    'kubeconfig.conf': kubeconfigOf(controlPlane),
  }
}

/** Its Pods show the API server the token of their ServiceAccount. In kubeadm's order of lines, which is not by name. */
function kubeconfigOf({ cluster }: ControlPlane): string {
  return `apiVersion: v1
kind: Config
clusters:
- cluster:
    certificate-authority: ${SERVICE_ACCOUNT_DIR}/ca.crt
    server: ${serverOf('admin.conf', cluster, 'init')}
  name: default
contexts:
- context:
    cluster: default
    namespace: default
    user: default
  name: default
current-context: default
users:
- name: default
  user:
    tokenFile: ${SERVICE_ACCOUNT_DIR}/token`
}
