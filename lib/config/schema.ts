/** Versions of kubeadm.k8s.io that are read, oldest first; the last one is written. */
export const API_VERSIONS = ['v1beta2', 'v1beta3', 'v1beta4'] as const
/** A version of kubeadm.k8s.io that is read. */
export type ApiVersion = (typeof API_VERSIONS)[number]

/** The group of kubeadm's own kinds. */
export const KUBEADM_GROUP = 'kubeadm.k8s.io'

/**
 * The last kubeadm that read a version which is read no more.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/util/config/common.go (v1alpha*); v1.22 dropped v1beta1
 */
export const LAST_KUBEADM: Readonly<Record<string, string>> = {
  v1alpha1: 'v1.11',
  v1alpha2: 'v1.12',
  v1alpha3: 'v1.14',
  v1beta1: 'v1.21',
}

/** Documents of other groups that belong into a kubeadm configuration and are carried through untouched. */
export const CARRIED = {
  KubeletConfiguration: 'kubelet.config.k8s.io/v1beta1',
  KubeProxyConfiguration: 'kubeproxy.config.k8s.io/v1alpha1',
} as const

/** A kind of another group that is carried through. */
export type CarriedKind = keyof typeof CARRIED

/** One field of a kubeadm struct. */
export interface FieldRow {
  /**
   * `string`, `bool`, `int32`, `duration` (Go), `time` (RFC 3339), `object` (anything, e.g. core/v1), `args`
   * (`{flag: value}` up to v1beta3, then a list of name and value), `strings`, `bools` (by name), or a key of
   * {@link STRUCTS}, alone or as a list (`[]`) or by name (`{}`).
   */
  readonly type: string
  /** Default: since ever. */
  readonly since?: ApiVersion
  /** The last version that has the field. Default: it is there still. */
  readonly until?: ApiVersion
  /** A key of CHECKS in check.ts, asked for each string. */
  readonly check?: string
  /** Never to be shown. */
  readonly isSecret?: true
  /** Written even when it is empty, 0 or false: Go has no omitempty, or a pointer, there. */
  readonly isWritten?: true
}

const NAMES = { type: 'strings' } as const
const STRING = { type: 'string' } as const
const BOOL = { type: 'bool' } as const
const ABSOLUTE = { type: 'string', check: 'absolute-path' } as const
const TOKEN = { type: 'string', check: 'token', isSecret: true } as const
const CERTIFICATE_KEY = { type: 'string', check: 'certificate-key', isSecret: true } as const
const PULL_POLICY = { type: 'string', check: 'pull-policy', since: 'v1beta3' } as const
const PULL_SERIAL = { type: 'bool', since: 'v1beta4', isWritten: true } as const
const CHOICE = { type: 'bool', isWritten: true } as const
const WRITTEN = { type: 'string', isWritten: true } as const

const IMAGE = { imageRepository: STRING, imageTag: STRING } as const
const COMPONENT = {
  extraArgs: { type: 'args' },
  extraVolumes: { type: 'HostPathMount[]' },
  extraEnvs: { type: 'EnvVar[]', since: 'v1beta4' },
} as const
const RUN = {
  dryRun: { type: 'bool', since: 'v1beta4' },
  skipPhases: { type: 'strings', since: 'v1beta3' },
  patches: { type: 'Patches', since: 'v1beta3' },
  timeouts: { type: 'Timeouts', since: 'v1beta4' },
} as const

/**
 * kubeadm's structs by their Go names; the kinds among them are {@link KINDS}.
 *
 * @see kubernetes/kubernetes v1.20.2, v1.31, v1.35, cmd/kubeadm/app/apis/kubeadm/{v1beta2,v1beta3,v1beta4}/types.go
 */
export const STRUCTS = {
  ClusterConfiguration: {
    etcd: { type: 'Etcd' },
    networking: { type: 'Networking' },
    kubernetesVersion: STRING,
    controlPlaneEndpoint: STRING,
    apiServer: { type: 'APIServer' },
    controllerManager: { type: 'ControlPlaneComponent' },
    scheduler: { type: 'ControlPlaneComponent' },
    dns: { type: 'DNS' },
    proxy: { type: 'Proxy', since: 'v1beta4' },
    certificatesDir: STRING,
    imageRepository: STRING,
    useHyperKubeImage: { type: 'bool', until: 'v1beta2' },
    featureGates: { type: 'bools' },
    clusterName: STRING,
    encryptionAlgorithm: { type: 'string', since: 'v1beta4' },
    certificateValidityPeriod: { type: 'duration', since: 'v1beta4' },
    caCertificateValidityPeriod: { type: 'duration', since: 'v1beta4' },
  },
  InitConfiguration: {
    bootstrapTokens: { type: 'BootstrapToken[]' },
    nodeRegistration: { type: 'NodeRegistrationOptions' },
    localAPIEndpoint: { type: 'APIEndpoint' },
    certificateKey: CERTIFICATE_KEY,
    ...RUN,
  },
  JoinConfiguration: {
    nodeRegistration: { type: 'NodeRegistrationOptions' },
    caCertPath: { type: 'string', check: 'ca-cert-path' },
    discovery: { type: 'Discovery' },
    controlPlane: { type: 'JoinControlPlane' },
    ...RUN,
  },
  ResetConfiguration: {
    cleanupTmpDir: BOOL,
    certificatesDir: ABSOLUTE,
    criSocket: STRING,
    dryRun: BOOL,
    force: BOOL,
    ignorePreflightErrors: NAMES,
    skipPhases: NAMES,
    unmountFlags: { type: 'strings', check: 'unmount-flag' },
    timeouts: { type: 'Timeouts' },
  },
  UpgradeConfiguration: {
    apply: { type: 'UpgradeApplyConfiguration' },
    node: { type: 'UpgradeNodeConfiguration' },
    plan: { type: 'UpgradePlanConfiguration' },
    diff: { type: 'UpgradeDiffConfiguration' },
    timeouts: { type: 'Timeouts' },
  },

  APIEndpoint: { advertiseAddress: STRING, bindPort: { type: 'int32' } },
  APIServer: {
    ...COMPONENT,
    certSANs: NAMES,
    timeoutForControlPlane: { type: 'duration', until: 'v1beta3' },
  },
  ControlPlaneComponent: COMPONENT,
  DNS: {
    type: { type: 'string', check: 'dns-type', until: 'v1beta2' },
    ...IMAGE,
    disabled: { type: 'bool', since: 'v1beta4' },
  },
  Proxy: { disabled: BOOL },
  Networking: { serviceSubnet: STRING, podSubnet: STRING, dnsDomain: STRING },
  Etcd: { local: { type: 'LocalEtcd' }, external: { type: 'ExternalEtcd' } },
  LocalEtcd: {
    ...IMAGE,
    dataDir: { type: 'string', check: 'absolute-path', isWritten: true },
    extraArgs: { type: 'args' },
    extraEnvs: { type: 'EnvVar[]', since: 'v1beta4' },
    serverCertSANs: NAMES,
    peerCertSANs: NAMES,
  },
  // httpEndpoints came with v1.35, without a new API version.
  ExternalEtcd: {
    endpoints: { type: 'strings', isWritten: true },
    httpEndpoints: { type: 'strings', since: 'v1beta4' },
    caFile: WRITTEN,
    certFile: WRITTEN,
    keyFile: WRITTEN,
  },
  HostPathMount: {
    name: WRITTEN,
    hostPath: WRITTEN,
    mountPath: WRITTEN,
    readOnly: BOOL,
    pathType: { type: 'string', check: 'host-path-type' },
  },
  EnvVar: { name: WRITTEN, value: STRING, valueFrom: { type: 'object' } },
  NodeRegistrationOptions: {
    name: STRING,
    criSocket: STRING,
    taints: { type: 'Taint[]', isWritten: true },
    kubeletExtraArgs: { type: 'args' },
    ignorePreflightErrors: NAMES,
    imagePullPolicy: PULL_POLICY,
    imagePullSerial: PULL_SERIAL,
  },
  Taint: {
    key: WRITTEN,
    value: STRING,
    effect: { type: 'string', check: 'taint-effect', isWritten: true },
    timeAdded: { type: 'time' },
  },
  BootstrapToken: {
    token: TOKEN,
    description: STRING,
    ttl: { type: 'duration' },
    expires: { type: 'time' },
    usages: { type: 'strings', check: 'token-usage' },
    groups: { type: 'strings', check: 'token-group' },
  },
  Discovery: {
    bootstrapToken: { type: 'BootstrapTokenDiscovery' },
    file: { type: 'FileDiscovery' },
    tlsBootstrapToken: TOKEN,
    timeout: { type: 'duration', until: 'v1beta3' },
  },
  BootstrapTokenDiscovery: {
    token: TOKEN,
    apiServerEndpoint: { type: 'string', check: 'host-port' },
    caCertHashes: { type: 'strings', check: 'ca-cert-hash' },
    unsafeSkipCAVerification: BOOL,
  },
  FileDiscovery: { kubeConfigPath: WRITTEN },
  JoinControlPlane: { localAPIEndpoint: { type: 'APIEndpoint' }, certificateKey: CERTIFICATE_KEY },
  Patches: { directory: STRING },
  Timeouts: {
    controlPlaneComponentHealthCheck: { type: 'duration' },
    kubeletHealthCheck: { type: 'duration' },
    kubernetesAPICall: { type: 'duration' },
    etcdAPICall: { type: 'duration' },
    tlsBootstrap: { type: 'duration' },
    discovery: { type: 'duration' },
    upgradeManifests: { type: 'duration' },
  },
  UpgradeApplyConfiguration: {
    kubernetesVersion: STRING,
    allowExperimentalUpgrades: CHOICE,
    allowRCUpgrades: CHOICE,
    certificateRenewal: CHOICE,
    dryRun: CHOICE,
    etcdUpgrade: CHOICE,
    forceUpgrade: CHOICE,
    ignorePreflightErrors: NAMES,
    patches: { type: 'Patches' },
    printConfig: CHOICE,
    skipPhases: NAMES,
    imagePullPolicy: PULL_POLICY,
    imagePullSerial: PULL_SERIAL,
  },
  UpgradeNodeConfiguration: {
    certificateRenewal: CHOICE,
    dryRun: CHOICE,
    etcdUpgrade: CHOICE,
    ignorePreflightErrors: NAMES,
    skipPhases: NAMES,
    patches: { type: 'Patches' },
    imagePullPolicy: PULL_POLICY,
    imagePullSerial: PULL_SERIAL,
  },
  UpgradePlanConfiguration: {
    kubernetesVersion: STRING,
    allowExperimentalUpgrades: CHOICE,
    allowRCUpgrades: CHOICE,
    dryRun: CHOICE,
    etcdUpgrade: CHOICE,
    ignorePreflightErrors: NAMES,
    printConfig: CHOICE,
  },
  UpgradeDiffConfiguration: { kubernetesVersion: STRING, contextLines: { type: 'int32' } },
} as const satisfies Readonly<Record<string, Readonly<Record<string, FieldRow>>>>

export type StructName = keyof typeof STRUCTS

/** kubeadm's kinds, in the order in which they are written, and the version that brought each. */
export const KINDS = {
  InitConfiguration: 'v1beta2',
  ClusterConfiguration: 'v1beta2',
  JoinConfiguration: 'v1beta2',
  ResetConfiguration: 'v1beta4',
  UpgradeConfiguration: 'v1beta4',
} as const satisfies Readonly<Partial<Record<StructName, ApiVersion>>>

/** A kind of kubeadm.k8s.io. */
export type KubeadmKind = keyof typeof KINDS

/** The fields of a struct as one version has them. */
export function structFields(name: StructName, version: ApiVersion): Readonly<Record<string, FieldRow>> {
  const index = API_VERSIONS.indexOf(version)
  return Object.fromEntries(
    Object.entries<FieldRow>(STRUCTS[name]).filter(
      ([, { since = 'v1beta2', until = 'v1beta4' }]) =>
        API_VERSIONS.indexOf(since) <= index && index <= API_VERSIONS.indexOf(until),
    ),
  )
}
