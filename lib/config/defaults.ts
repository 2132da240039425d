import { defaultVersion, parseVersion } from '../kubernetes/versions.js'
import type { Configuration, Struct } from './types.js'

/** What kubeadm finds out at run time, where a configuration does not say it. */
export interface DefaultsOptions {
  /** Default: left open. */
  readonly nodeName?: string
  /** Default: left open. */
  readonly advertiseAddress?: string
  /** Default: containerd's socket. */
  readonly criSocket?: string
}

const CRI_SOCKET = 'unix:///var/run/containerd/containerd.sock'

/** @see kubernetes/kubernetes v1.31, cmd/kubeadm/app/apis/kubeadm/timeoututils.go, .../v1beta4/defaults.go */
const TIMEOUTS: Required<Struct<'Timeouts'>> = {
  controlPlaneComponentHealthCheck: '4m0s',
  discovery: '5m0s',
  etcdAPICall: '2m0s',
  kubeletHealthCheck: '4m0s',
  kubernetesAPICall: '1m0s',
  tlsBootstrap: '5m0s',
  upgradeManifests: '5m0s',
}

/** Where Kubernetes' images are, and where they were: which of them is the default of a version says `oldImageRegistry`. */
export const REGISTRIES = { current: 'registry.k8s.io', old: 'k8s.gcr.io' } as const

const CLUSTER = {
  caCertificateValidityPeriod: '87600h0m0s',
  certificateValidityPeriod: '8760h0m0s',
  certificatesDir: '/etc/kubernetes/pki',
  clusterName: 'kubernetes',
  imageRepository: REGISTRIES.current,
} as const

const CONTROL_PLANE_TAINT = { key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' } as const

/**
 * Fills in what kubeadm fills in before it writes a configuration: InitConfiguration and ClusterConfiguration come as a
 * pair where one of them is there, versions are resolved to a release, the taint of a control plane is named.
 *
 * Nothing secret is invented: no bootstrap token is added (kubeadm makes one at `init` when there is none).
 *
 * @see kubernetes/kubernetes v1.31, cmd/kubeadm/app/apis/kubeadm/v1beta4/defaults.go, cmd/kubeadm/app/util/config
 */
export function withDefaults(configuration: Configuration, options: DefaultsOptions = {}): Configuration {
  const {
    InitConfiguration: init,
    ClusterConfiguration: cluster,
    JoinConfiguration: join,
    ResetConfiguration: reset,
    UpgradeConfiguration: upgrade,
    carried,
  } = configuration
  return {
    carried,
    ...(init || cluster
      ? { InitConfiguration: defaultInit(init ?? {}, options), ClusterConfiguration: defaultCluster(cluster ?? {}) }
      : {}),
    ...(join ? { JoinConfiguration: defaultJoin(join, options) } : {}),
    ...(reset
      ? {
          ResetConfiguration: {
            ...reset,
            certificatesDir: reset.certificatesDir || CLUSTER.certificatesDir,
            criSocket: criSocket(reset.criSocket, options),
            timeouts: { ...TIMEOUTS, ...reset.timeouts },
          },
        }
      : {}),
    ...(upgrade ? { UpgradeConfiguration: defaultUpgrade(upgrade) } : {}),
  }
}

function defaultInit(init: Struct<'InitConfiguration'>, options: DefaultsOptions): Struct<'InitConfiguration'> {
  return {
    ...init,
    ...(init.bootstrapTokens ? { bootstrapTokens: init.bootstrapTokens.map(defaultToken) } : {}),
    localAPIEndpoint: defaultEndpoint(init.localAPIEndpoint, options),
    nodeRegistration: defaultNode(init.nodeRegistration, true, options),
    timeouts: { ...TIMEOUTS, ...init.timeouts },
  }
}

function defaultCluster(cluster: Struct<'ClusterConfiguration'>): Struct<'ClusterConfiguration'> {
  const { kubernetesVersion, networking, etcd = {}, featureGates } = cluster
  const version = kubernetesVersion ? parseVersion(kubernetesVersion)?.text : defaultVersion().text
  const stated = Object.fromEntries(Object.entries(cluster).filter(([, value]) => value !== ''))
  const { certSANs } = cluster.apiServer ?? {}
  return {
    controllerManager: {},
    dns: {},
    proxy: {},
    scheduler: {},
    ...CLUSTER,
    encryptionAlgorithm: featureGates?.['PublicKeysECDSA'] ? 'ECDSA-P256' : 'RSA-2048',
    ...stated,
    // kubeadm lower-cases these, and only these (v1.20.2, cmd/kubeadm/app/util/config/common.go LowercaseSANs).
    apiServer: { ...cluster.apiServer, ...(certSANs ? { certSANs: certSANs.map(name => name.toLowerCase()) } : {}) },
    kubernetesVersion: version ?? kubernetesVersion ?? '',
    networking: {
      ...networking,
      dnsDomain: networking?.dnsDomain || 'cluster.local',
      serviceSubnet: networking?.serviceSubnet || '10.96.0.0/12',
    },
    etcd: etcd.external
      ? { external: { endpoints: [], caFile: '', certFile: '', keyFile: '', ...etcd.external } }
      : { local: { ...etcd.local, dataDir: etcd.local?.dataDir || '/var/lib/etcd' } },
  }
}

function defaultJoin(join: Struct<'JoinConfiguration'>, options: DefaultsOptions): Struct<'JoinConfiguration'> {
  const { discovery = {}, controlPlane } = join
  const { bootstrapToken, file, tlsBootstrapToken } = discovery
  const token = tlsBootstrapToken || bootstrapToken?.token
  return {
    ...join,
    caCertPath: join.caCertPath || '/etc/kubernetes/pki/ca.crt',
    discovery: {
      ...discovery,
      ...(file ? { file: { kubeConfigPath: (file.kubeConfigPath ?? '').replace(/^file:\/\//, '') } } : {}),
      ...(token ? { tlsBootstrapToken: token } : {}),
    },
    ...(controlPlane
      ? { controlPlane: { ...controlPlane, localAPIEndpoint: defaultEndpoint(controlPlane.localAPIEndpoint, options) } }
      : {}),
    nodeRegistration: defaultNode(join.nodeRegistration, controlPlane !== undefined, options),
    timeouts: { ...TIMEOUTS, ...join.timeouts },
  }
}

function defaultUpgrade(upgrade: Struct<'UpgradeConfiguration'>): Struct<'UpgradeConfiguration'> {
  const renewal = {
    certificateRenewal: true,
    etcdUpgrade: true,
    imagePullPolicy: 'IfNotPresent',
    imagePullSerial: true,
  }
  return {
    apply: { ...renewal, ...upgrade.apply },
    diff: upgrade.diff ?? {},
    node: { ...renewal, ...upgrade.node },
    plan: { etcdUpgrade: true, ...upgrade.plan },
    timeouts: { ...TIMEOUTS, ...upgrade.timeouts },
  }
}

function defaultToken(token: Struct<'BootstrapToken'>): Struct<'BootstrapToken'> {
  const usages = token.usages?.length ? token.usages : ['signing', 'authentication']
  return {
    ...token,
    ...(token.ttl || token.expires ? {} : { ttl: '24h0m0s' }),
    usages,
    // kubeadm gives them to a token that nobody authenticates with, too, and then refuses it for that.
    ...(token.groups?.length || usages.includes('authentication')
      ? { groups: token.groups?.length ? token.groups : ['system:bootstrappers:kubeadm:default-node-token'] }
      : {}),
  }
}

function defaultEndpoint(endpoint: Struct<'APIEndpoint'> = {}, options: DefaultsOptions): Struct<'APIEndpoint'> {
  const advertiseAddress = endpoint.advertiseAddress || options.advertiseAddress
  return { bindPort: endpoint.bindPort || 6443, ...(advertiseAddress ? { advertiseAddress } : {}) }
}

function defaultNode(
  node: Struct<'NodeRegistrationOptions'> = {},
  isControlPlane: boolean,
  options: DefaultsOptions,
): Struct<'NodeRegistrationOptions'> {
  // kubeadm trims and lower-cases the name before it uses it (v1.20.2, cmd/kubeadm/app/util/util.go GetHostname).
  const name = (node.name || options.nodeName || '').trim().toLowerCase()
  const taints = node.taints ?? (isControlPlane ? [CONTROL_PLANE_TAINT] : undefined)
  return {
    ...node,
    criSocket: criSocket(node.criSocket, options),
    imagePullPolicy: node.imagePullPolicy || 'IfNotPresent',
    imagePullSerial: node.imagePullSerial ?? true,
    ...(name === '' ? {} : { name }),
    ...(taints ? { taints } : {}),
  }
}

/** A socket without a scheme is a Unix one, which newer versions want said (kubernetes/kubernetes v1.24, validation.go). */
function criSocket(stated: string | undefined, options: DefaultsOptions): string {
  const socket = stated || options.criSocket || CRI_SOCKET
  return socket.startsWith('/') ? `unix://${socket}` : socket
}
