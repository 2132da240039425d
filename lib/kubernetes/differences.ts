import type { KubernetesVersion } from './versions.js'

/** One thing that is not the same in every Kubernetes version. */
export interface Difference {
  /** First minor that has it. Default: since ever */
  readonly since?: number
  /** Last minor that has it. Default: it is there still */
  readonly until?: number
  /**
   * Minors that are not between the two, in which patches brought it back (beside `since`: from that patch on) or took it away
   * (beside `until`: up to that patch). Default: none
   */
  readonly patches?: Readonly<Record<number, number>>
  readonly about: string
  /** Where that can be read: path and version, changelog, pull request. */
  readonly source: string
}

/**
 * What kubeadm writes differently from one Kubernetes minor to the next, for everything but certificates (see `versions.ts`).
 * Code asks {@link has}; no minor is compared anywhere else in what is rendered.
 */
export const DIFFERENCES = {
  namedProbePorts: {
    since: 34,
    about: 'static Pods name their port `probe-port`, and probes name that',
    source: 'kubernetes/kubernetes PR 132776 (v1.34), cmd/kubeadm/app/util/staticpod/utils.go',
  },
  argumentsKeepOrder: {
    since: 36,
    patches: { 32: 12, 33: 8, 34: 4, 35: 1 },
    about: 'extraArgs stand behind the defaults in the order given, instead of sorted with them',
    source:
      'kubernetes/kubernetes PR 135400 (v1.36, cmd/kubeadm/app/util/arguments.go), picked by PR 135850 to 135853 in January 2026 for v1.32 to v1.35, the patches by the date',
  },
  waitsForAllComponents: {
    since: 33,
    about:
      'init waits for the controller manager and the scheduler, too, and asks /livez where it is served; before, for the API server at /healthz',
    source:
      'kubernetes/kubernetes cmd/kubeadm/app/util/apiclient/wait.go (v1.20.2, and a newer one with endpointLivez); the minor by CHANGELOG-1.33.md (WaitForAllControlPlaneComponents)',
  },
  insecurePortFlag: {
    until: 21,
    about: 'the API server is told --insecure-port=0',
    source: 'kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/controlplane/manifests.go; PR 102121 (v1.22)',
  },
  insecurePortFlags: {
    until: 22,
    about: 'the controller manager and the scheduler are told --port=0',
    source:
      'kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/controlplane/manifests.go; PR 104157 and PR 105034 (v1.23)',
  },
  handsDualStackGateDown: {
    until: 22,
    about:
      "kubeadm's feature gate IPv6DualStack becomes --feature-gates of the three components, and one of the kubelet and of kube-proxy",
    source:
      'kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/controlplane/manifests.go, .../componentconfigs/{kubelet,kubeproxy}.go; PR 104770 (v1.23, where the gate is locked)',
  },
  seccompProfile: {
    since: 22,
    about: 'static Pods have the seccomp profile RuntimeDefault',
    source: 'kubernetes/kubernetes PR 100234 (v1.22), cmd/kubeadm/app/util/staticpod/utils.go',
  },
  podPriority: {
    since: 27,
    patches: { 25: 12, 26: 7 },
    about: 'static Pods say the number of their priority class, 2000001000',
    source:
      'kubernetes/kubernetes PR 114338 (v1.27), picked by PR 119118 and PR 119117 in July 2023 for v1.25 and v1.26, the patches by the date',
  },
  nullCreationTimestamp: {
    until: 33,
    about: 'objects in files say `creationTimestamp: null`',
    source: 'kubernetes/kubernetes PR 130989 (CHANGELOG-1.34.md)',
  },
  wholePkiDir: {
    until: 30,
    about: '/etc/pki is mounted whole, where it is there, instead of its two directories of trusted roots',
    source: 'kubernetes/kubernetes PR 124361 (v1.31), cmd/kubeadm/app/phases/controlplane/volumes.go',
  },
  pkiSubdirs: {
    since: 31,
    about: '/etc/pki/ca-trust and /etc/pki/tls/certs are mounted, where they are there',
    source: 'kubernetes/kubernetes PR 124361 (v1.31), cmd/kubeadm/app/phases/controlplane/volumes.go',
  },
  etcdStorageRequest: {
    until: 19,
    patches: { 20: 7, 21: 1 },
    about: 'etcd requests 100Mi of ephemeral storage',
    source:
      'kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/etcd/local.go; PR 102673 (v1.22), PR 102704 and its like in June 2021 for v1.20 and v1.21, the patches by the date',
  },
  etcdHealthProbe: {
    until: 24,
    about: 'etcd is probed at /health',
    source: 'kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/etcd/local.go',
  },
  etcdSerializableProbes: {
    since: 25,
    until: 30,
    about: 'etcd is probed at /health with parameters: for liveness without the other members',
    source: 'kubernetes/kubernetes PR 110072 (v1.25), cmd/kubeadm/app/phases/etcd/local.go',
  },
  etcdLivezProbes: {
    since: 31,
    about: 'etcd is probed at /livez and /readyz, and for readiness too',
    source: 'kubernetes/kubernetes PR 124465 (v1.31), cmd/kubeadm/app/phases/etcd/local.go',
  },
  etcdCorruptCheck: {
    since: 24,
    patches: { 22: 10, 23: 7 },
    about: 'etcd compares its data with the other members before it serves (--experimental-initial-corrupt-check)',
    source:
      'kubernetes/kubernetes PR 109074 (v1.24), picked by PR 109075 and PR 109076 in April 2022 for v1.23 and v1.22, the patches by the date',
  },
  etcdProgressNotify: {
    since: 25,
    about: 'etcd sends the progress of watches every 5 seconds (--experimental-watch-progress-notify-interval)',
    source: 'kubernetes/kubernetes PR 111383 (CHANGELOG-1.25.md)',
  },
  etcdGraduatedFlags: {
    since: 34,
    about:
      'the check and the progress are asked for in the words of etcd 3.6 (--feature-gates=InitialCorruptCheck=true, --watch-progress-notify-interval), where its tag is that new',
    source: 'kubernetes/kubernetes PR 132838 (v1.34), cmd/kubeadm/app/phases/etcd/local.go',
  },
  etcdOnlyGraduatedFlags: {
    since: 36,
    about:
      'etcd is told --feature-gates=InitialCorruptCheck=true and --watch-progress-notify-interval whatever its image tag says',
    source: 'kubernetes/kubernetes PR 135701 (v1.36), cmd/kubeadm/app/phases/etcd/local.go',
  },
  schedulerHealthzProbes: {
    until: 31,
    about: 'the scheduler is probed at /healthz',
    source: 'kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/controlplane/manifests.go; PR 126945 (v1.32)',
  },
  schedulerLivezProbes: {
    since: 32,
    about: 'the scheduler is probed at /livez and /readyz, and for readiness too',
    source: 'kubernetes/kubernetes PR 126945 (CHANGELOG-1.32.md); seen in a cluster that kubeadm v1.33.0 made',
  },
  corednsSubpath: {
    since: 21,
    about: 'in the default registry, CoreDNS is coredns/coredns with a tag that starts with v',
    source: 'kubernetes/kubernetes PR 102502 (v1.21.2), cmd/kubeadm/app/images/images.go',
  },
  oldImageRegistry: {
    until: 21,
    patches: { 22: 16, 23: 14, 24: 8 },
    about: 'images come from k8s.gcr.io instead of registry.k8s.io, where nothing else is said',
    source:
      'kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/apis/kubeadm/v1beta2/defaults.go; PR 109938 (v1.25), PR 113393 and its like for the patches of December 2022',
  },
  masterTaint: {
    until: 24,
    about: 'control planes are tainted node-role.kubernetes.io/master',
    source: 'kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/util/config/initconfiguration.go; CHANGELOG-1.25.md',
  },
  controlPlaneTaint: {
    since: 24,
    about: 'control planes are tainted node-role.kubernetes.io/control-plane',
    source: 'kubernetes/kubernetes CHANGELOG-1.24.md (both taints in 1.24), CHANGELOG-1.25.md',
  },
  configV1beta3: {
    since: 22,
    about: 'the ClusterConfiguration in the cluster is kubeadm.k8s.io/v1beta3, before that v1beta2',
    source: 'kubernetes/kubernetes PR 101547 (v1beta3, v1.22); v1.20.2, cmd/kubeadm/app/util/marshal.go',
  },
  configV1beta4: {
    since: 31,
    about: 'the ClusterConfiguration in the cluster is kubeadm.k8s.io/v1beta4',
    source: 'kubernetes/kubernetes CHANGELOG-1.31.md',
  },
  clusterStatus: {
    until: 21,
    about: 'kubeadm-config also has ClusterStatus, which lists the API servers',
    source:
      'kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/uploadconfig/uploadconfig.go; gone with v1beta3 (v1.22)',
  },
  etcdHttpEndpoints: {
    since: 35,
    about: 'etcd.external has httpEndpoints, within the same v1beta4',
    source: 'kubernetes/kubernetes CHANGELOG-1.35.md',
  },
  recordsAuthorizationMode: {
    until: 30,
    about: "the uploaded configuration names the API server's authorization-mode, also where nobody had asked for one",
    source:
      'kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/controlplane/manifests.go (getAPIServerCommand writes it back); clusters of v1.24 have it, of v1.32 not; the minor between is that of v1beta4',
  },
  kubeletApiBinding: {
    since: 33,
    about:
      'API servers are bound to system:kubelet-api-admin by the name of their client certificate: in every patch of these minors, since later ones that join want it',
    source: 'kubernetes/kubernetes PR 138957 (v1.37, and v1.33.12, v1.34.8, v1.35.5, v1.36.1); harmless before',
  },
  masterLabel: {
    until: 23,
    about: 'control planes are labelled node-role.kubernetes.io/master, too',
    source: 'kubernetes/kubernetes PR 107533 (v1.24)',
  },
  excludesFromLoadBalancers: {
    since: 21,
    about: 'control planes are labelled node.kubernetes.io/exclude-from-external-load-balancers',
    source: 'kubernetes/kubernetes PR 98269, CHANGELOG-1.21.md',
  },
  kubeDnsLabel: {
    until: 20,
    about: 'the Service kube-dns is labelled kubernetes.io/name=KubeDNS instead of CoreDNS',
    source:
      'kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/addons/dns/manifests.go; PR 99646 (kube-dns gone, v1.21)',
  },
  corednsReadsEndpointSlices: {
    since: 22,
    about: 'CoreDNS may list and watch EndpointSlices',
    source: 'kubernetes/kubernetes PR 101955 (milestone v1.22), whose change came with CoreDNS 1.8.4',
  },
  corednsReadsNodes: {
    until: 27,
    about: 'CoreDNS may get Nodes',
    source: 'kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/addons/dns/manifests.go; PR 117521 (v1.28)',
  },
  corednsToleratesMaster: {
    until: 25,
    about: 'CoreDNS tolerates the taint node-role.kubernetes.io/master',
    source: 'kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/addons/dns/manifests.go; PR 112008 (v1.26)',
  },
  corednsSpreads: {
    since: 25,
    about: 'Pods of CoreDNS are rather put on different nodes',
    source: 'kubernetes/kubernetes PR 110593, CHANGELOG-1.25.md',
  },
  corednsDropsUppercase: {
    since: 29,
    about: 'CoreDNS drops the capabilities `ALL` instead of `all`, which is the same',
    source: 'kubernetes/kubernetes PR 121384 (October 2023, v1.29)',
  },
  corednsDoesNotCacheCluster: {
    since: 32,
    about: 'the Corefile takes the names of the cluster out of the cache',
    source: 'kubernetes/kubernetes PR 128359 (October 2024, v1.32), as PR 128457 of the same time prints it',
  },
  corednsNamedProbePorts: {
    since: 34,
    about: 'CoreDNS names the ports of its probes',
    source: 'kubernetes/kubernetes PR 131587 (May 2025), CHANGELOG-1.34.md',
  },
  kubeProxyToleratesCritical: {
    until: 21,
    about: 'kube-proxy tolerates CriticalAddonsOnly beside everything',
    source: 'kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/addons/proxy/manifests.go; PR 101966 (v1.22)',
  },
  dockershim: {
    until: 23,
    about: 'the kubelet can use Docker itself (--network-plugin), at /var/run/dockershim.sock',
    source:
      'kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/kubelet/flags.go; dockershim left the kubelet in v1.24',
  },
  containerRuntimeFlag: {
    until: 25,
    about: 'the kubelet is told --container-runtime=remote',
    source: 'kubernetes/kubernetes PR 112000 (v1.26; the kubelet dropped the flag in v1.27)',
  },
  pauseImageFlag: {
    until: 34,
    about: 'the kubelet is told the pause image (--pod-infra-container-image)',
    source: 'kubernetes/kubernetes PR 133778, CHANGELOG-1.35.md',
  },
  pauseImageFlagForAll: {
    since: 21,
    about: 'and not only where it uses Docker',
    source: 'kubernetes/kubernetes PR 99476, CHANGELOG-1.21.md',
  },
  nodeLocalCriSocket: {
    since: 34,
    about: "the container runtime's socket is in instance-config.yaml and config.yaml instead of a flag of the kubelet",
    source:
      'kubernetes/kubernetes PR 131981 (NodeLocalCRISocket on by default, v1.34); cmd/kubeadm/app/phases/kubelet/config.go (WriteInstanceConfigToDisk)',
  },
  nodeLocalCriSocketGate: {
    since: 32,
    until: 35,
    about: "kubeadm's feature gate NodeLocalCRISocket can be set either way",
    source: 'kubernetes/kubernetes CHANGELOG-1.32.md (alpha), CHANGELOG-1.36.md (locked)',
  },
  unversionedKubeletConfigMap: {
    since: 24,
    about: 'the ConfigMap is kubelet-config instead of kubelet-config-1.NN, and so its Role',
    source: 'kubernetes/kubernetes PR 108027 (v1.24)',
  },
  unversionedKubeletConfigMapGate: {
    since: 23,
    until: 24,
    about: "kubeadm's feature gate UnversionedKubeletConfigMap can be set either way",
    source: 'kubernetes/kubernetes PR 105741 (alpha, v1.23), PR 110327 (locked, v1.25)',
  },
  kubeletSystemdCgroups: {
    since: 21,
    about: "the kubelet's cgroup driver is systemd, where nothing else is said",
    source: 'kubernetes/kubernetes PR 99471 (v1.21, init), cmd/kubeadm/app/componentconfigs/kubelet.go',
  },
  kubeletMemorySwap: {
    since: 22,
    about: 'a KubeletConfiguration has memorySwap',
    source:
      'kubernetes/kubernetes staging/src/k8s.io/kubelet/config/v1beta1/types.go (not in v1.20.2; NodeSwap: v1.22)',
  },
  kubeletLogging: {
    since: 23,
    about: 'logging of a KubeletConfiguration has flushFrequency, options and verbosity, which are always written',
    source: 'kubernetes/kubernetes PR 106090 (v1.23); kubeadm v1.23.0 prints them',
  },
  kubeletRuntimeEndpoint: {
    since: 27,
    about: 'a KubeletConfiguration has containerRuntimeEndpoint, which is always written',
    source:
      'kubernetes/kubernetes PR 112136 (v1.27), staging/src/k8s.io/kubelet/config/v1beta1/types.go; siderolabs/talos PR 7650',
  },
  kubeletImageMaximumAge: {
    since: 29,
    about: 'a KubeletConfiguration has imageMaximumGCAge, which is always written',
    source: 'kubernetes/kubernetes v1.29 (feature gate ImageMaximumGCAge), printed by kubeadm of v1.29',
  },
  textLogging: {
    since: 30,
    about: 'logging has options for text beside those for json',
    source:
      'kubernetes/kubernetes CHANGELOG-1.30.md; kubeadm v1.30.0 prints them; clusters of v1.29 (March 2024) have none',
  },
  kubeletCrashLoopBackOff: {
    since: 32,
    about: 'a KubeletConfiguration has crashLoopBackOff',
    source: 'kubernetes/kubernetes v1.32 (feature gate KubeletCrashLoopBackOffMax), printed by kubeadm since',
  },
  proxyDetectLocal: {
    since: 24,
    about: 'a KubeProxyConfiguration has detectLocal',
    source: 'kubernetes/kubernetes PR 95400 (March 2022, v1.24)',
  },
  proxyHnsHealthChecks: {
    since: 24,
    about: 'winkernel has forwardHealthCheckVip and rootHnsEndpointName',
    source: 'kubernetes/kubernetes PR 99287 (reviewed after v1.23 was closed; v1.24)',
  },
  proxyUdpIdleTimeout: {
    until: 25,
    about: 'a KubeProxyConfiguration has udpIdleTimeout',
    source: 'kubernetes/kubernetes v1.20.2, staging/src/k8s.io/kube-proxy/config/v1alpha1/types.go; PR 112133 (v1.26)',
  },
  proxyLocalhostNodePorts: {
    since: 26,
    about: 'iptables has localhostNodePorts',
    source: 'kubernetes/kubernetes PR 108250 (v1.26)',
  },
  proxyLogging: {
    since: 28,
    about: 'a KubeProxyConfiguration has logging',
    source: 'kubernetes/kubernetes PR 117800 (August 2023, v1.28)',
  },
  proxyNftables: {
    since: 29,
    about: 'a KubeProxyConfiguration has nftables, and conntrack has tcpBeLiberal, udpTimeout and udpStreamTimeout',
    source:
      'kubernetes/kubernetes pkg/proxy/apis/config/scheme/testdata/KubeProxyConfiguration/after/v1alpha1.yaml; clusters of v1.29 (March 2024) have them',
  },
  preflightBridgeNetfilter: {
    until: 29,
    about: 'preflight wants bridged traffic to pass iptables',
    source: 'kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/preflight/checks.go; PR 123464 (v1.30)',
  },
  preflightForwardingByFamily: {
    since: 27,
    about: 'preflight wants IPv4 to be forwarded only where IPv4 is used',
    source: 'kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/preflight/checks.go; PR 115420 (v1.27)',
  },
  preflightSwapError: {
    until: 27,
    about: 'preflight refuses swap, and does not only warn',
    source:
      'kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/preflight/checks.go; PR 104854 (v1.28, where NodeSwap is beta)',
  },
  preflightCrictl: {
    until: 31,
    about: 'preflight looks for crictl',
    source:
      'kubernetes/kubeadm issue 3064; kubernetes/kubernetes PR 124685 (v1.31, a warning) and PR 126596 (v1.32, gone)',
  },
  preflightConntrack: {
    until: 31,
    about: 'preflight looks for conntrack, which kube-proxy runs',
    source: 'kubernetes/kubernetes PR 126953, cmd/kubeadm/app/preflight/checks_linux.go (v1.32)',
  },
  preflightSocat: {
    until: 31,
    about: 'preflight looks for socat and ebtables; kubeadm does not in late patches of 1.28 to 1.31',
    source:
      'kubernetes/kubernetes PR 127151 (v1.32), picked by PR 127413 to 127416 for later patches of v1.28 to v1.31',
  },
  preflightIpTools: {
    until: 32,
    about: 'preflight looks for ip, iptables, ethtool and tc',
    source: 'kubernetes/kubernetes PR 129131 (CHANGELOG-1.33.md)',
  },
  preflightNsenter: {
    until: 32,
    about: 'preflight looks for nsenter',
    source: 'kubernetes/kubernetes PR 129450 (CHANGELOG-1.33.md)',
  },
  preflightLosetup: {
    since: 33,
    about: 'preflight looks for losetup and cp',
    source: 'kubernetes/kubernetes PR 129450 and PR 130045 (February 2025, v1.33)',
  },
  preflightKubeletThreeOlder: {
    since: 29,
    about: 'preflight takes a kubelet up to three minors older, before that one',
    source:
      'kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/constants/constants.go (MinimumKubeletVersion); PR 120825 (v1.29)',
  },
  preflightRuntimeVersion: {
    since: 35,
    about: 'preflight warns of container runtimes without RuntimeConfig',
    source: 'kubernetes/kubernetes PR 134906 (v1.35); PR 139122 defers the error to v1.38',
  },
  preflightRefusesCgroupV1: {
    since: 35,
    about: 'preflight refuses cgroups v1, as the kubelet does unless told otherwise (failCgroupV1)',
    source: 'kubernetes/kubernetes PR 134744 (v1.35)',
  },
  preflightWarnsOfCgroupV1: {
    since: 31,
    about: 'preflight warns of cgroups v1',
    source: 'kubernetes/system-validators PR 38 (July 2024), validators/cgroup_validator_linux.go',
  },
  preflightKernel419: {
    since: 32,
    about: 'preflight takes Linux from 4.19 on, before that from 3.10 on',
    source:
      'kubernetes/system-validators PR 37; v1.9.1 in kubernetes/kubernetes PR 128533 (v1.32); v1.31 stayed with v1.8.0 (PR 134097)',
  },
  preflightKernel54: {
    since: 34,
    about: 'preflight takes Linux 5.4, 5.10, 5.15 and from 6 on, and warns of others instead of refusing them',
    source:
      'kubernetes/system-validators PR 48 and 49, validators/types_unix.go; kubernetes/kubernetes PR 131881 and 131919 (v1.34)',
  },
  preflightFairGroupSched: {
    since: 21,
    about: 'preflight wants kernels with CONFIG_FAIR_GROUP_SCHED',
    source: 'kubernetes/system-validators validators/types_unix.go, v1.4.0 in kubernetes/kubernetes PR 98977 (v1.21)',
  },
  preflightCgroupOptions: {
    until: 31,
    about: 'preflight wants kernels with the options of cgroups v1 (CONFIG_CGROUP_CPUACCT and others)',
    source:
      'kubernetes/kubernetes v1.20.2, vendor/k8s.io/system-validators/validators/types_unix.go; PR 134090, 134086 and 134087 take them out of late patches of v1.32 to v1.34',
  },
  preflightCgroupOptionsByVersion: {
    since: 35,
    about: 'preflight wants kernels with the options of the cgroups that are mounted: v2 needs CONFIG_CGROUP_BPF',
    source: 'kubernetes/system-validators PR 52, validators/types_unix.go; kubernetes/kubernetes PR 134089 (v1.35)',
  },
  preflightBlockIo: {
    since: 24,
    about: 'preflight warns where cgroups have no controller of block devices (blkio, io)',
    source:
      'kubernetes/kubernetes PR 108988 (v1.24), for blkio; io of cgroups v2 as in validators/types_unix.go of a version of about v1.35',
  },
  preflightEtcd3511: {
    since: 31,
    about: 'preflight takes an external etcd from 3.5.11 on, before that from 3.2.18 on',
    source:
      'kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/constants/constants.go (MinExternalEtcdVersion); the newer value as seen about v1.31, its first minor is not known',
  },
  preflightEtcd3524: {
    since: 36,
    about: 'preflight takes an external etcd from 3.5.24 on',
    source:
      'kubernetes/kubernetes cmd/kubeadm/app/constants/constants.go of early 2026 (beside DefaultEtcdVersion 3.6.8-0); late patches of earlier minors have it, too',
  },
  preflightPortAddress: {
    since: 37,
    about: 'preflight tries ports on the address that the component is told to bind to, instead of on all',
    source: 'kubernetes/kubernetes PR 138250 (v1.37)',
  },
  dualStackGate: {
    until: 20,
    about: 'two subnets need the feature gate IPv6DualStack',
    source: 'kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/features/features.go; CHANGELOG-1.21.md (on by default)',
  },
  serviceFamilyChecked: {
    since: 24,
    about:
      'the API server does not start when its advertise address and the first network of Services are of two families',
    source: 'kubernetes/kubernetes PR 106721, issue 111671 (from v1.24 on)',
  },
  takesContainerRuntimeFlag: {
    until: 26,
    about: 'the kubelet takes --container-runtime, whether it is told it or not',
    source: 'kubernetes/minikube issue 16112 (the flag is unknown since v1.27)',
  },
} as const satisfies Readonly<Record<string, Difference>>

/** Name of something that is not the same in every version. */
export type DifferenceName = keyof typeof DIFFERENCES

/** Whether a version has it. */
export function has({ minor, patch }: KubernetesVersion, name: DifferenceName): boolean {
  const { since = 0, until = Number.POSITIVE_INFINITY, patches = {} }: Difference = DIFFERENCES[name]
  if (since <= minor && minor <= until) return true
  const turn = patches[minor]
  return turn !== undefined && (minor < since ? patch >= turn : patch <= turn)
}
