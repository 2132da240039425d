import { parseIp } from '../crypto/ip.js'
import type { ClusterFacts } from '../kubernetes/cluster.js'
import type { ExternalEtcd } from '../kubernetes/cluster-fields.js'
import type { YamlValue } from '../yaml-scalars.js'
import { type Decoded, withValue } from './convert.js'
import type { KubeadmKind } from './schema.js'
import type { Configuration } from './types.js'

/** The name of a fact about a cluster. */
export type FactName = keyof ClusterFacts

/** The flag that gives a fact, in kubeadm's words where it has one; a fact without a flag comes from files alone. */
export const FACT_FLAGS = {
  nodeName: '--node-name',
  advertiseAddress: '--apiserver-advertise-address',
  bindPort: '--apiserver-bind-port',
  controlPlaneEndpoint: '--control-plane-endpoint',
  kubernetesVersion: '--kubernetes-version',
  clusterName: '--cluster-name',
  serviceSubnet: '--service-cidr',
  podSubnet: '--pod-network-cidr',
  dnsDomain: '--service-dns-domain',
  apiServerCertSans: '--apiserver-cert-extra-sans',
  encryptionAlgorithm: '--encryption-algorithm',
  certificateValidityPeriod: '--certificate-validity-period',
  caCertificateValidityPeriod: '--ca-certificate-validity-period',
  featureGates: '--feature-gates',
} as const satisfies Readonly<Partial<Record<FactName, string>>>

/** A fact that a flag can give. */
export type FlagName = keyof typeof FACT_FLAGS

/**
 * Facts as flags give them: text, or a list where a flag may be repeated; commas separate as well. An empty text takes
 * back what a file says.
 */
export type FlagFacts = { readonly [Name in FlagName]?: string | readonly string[] }

/** Where a fact stands in kubeadm's kinds; `joinPath` counts when there is a JoinConfiguration and no InitConfiguration. */
export interface FactSource {
  readonly kind: KubeadmKind
  readonly path: readonly string[]
  /** Its place within JoinConfiguration. Default: JoinConfiguration does not have it. */
  readonly joinPath?: readonly string[]
}

const cluster = (...path: string[]): FactSource => ({ kind: 'ClusterConfiguration', path })

/** The place of every fact (kubeadm.k8s.io/v1beta4; the older versions have them at the same ones). */
export const FACT_SOURCES: Readonly<Record<FactName, FactSource>> = {
  nodeName: {
    kind: 'InitConfiguration',
    path: ['nodeRegistration', 'name'],
    joinPath: ['nodeRegistration', 'name'],
  },
  advertiseAddress: {
    kind: 'InitConfiguration',
    path: ['localAPIEndpoint', 'advertiseAddress'],
    joinPath: ['controlPlane', 'localAPIEndpoint', 'advertiseAddress'],
  },
  bindPort: {
    kind: 'InitConfiguration',
    path: ['localAPIEndpoint', 'bindPort'],
    joinPath: ['controlPlane', 'localAPIEndpoint', 'bindPort'],
  },
  controlPlaneEndpoint: cluster('controlPlaneEndpoint'),
  kubernetesVersion: cluster('kubernetesVersion'),
  clusterName: cluster('clusterName'),
  serviceSubnet: cluster('networking', 'serviceSubnet'),
  podSubnet: cluster('networking', 'podSubnet'),
  dnsDomain: cluster('networking', 'dnsDomain'),
  apiServerCertSans: cluster('apiServer', 'certSANs'),
  etcdServerCertSans: cluster('etcd', 'local', 'serverCertSANs'),
  etcdPeerCertSans: cluster('etcd', 'local', 'peerCertSANs'),
  externalEtcd: cluster('etcd', 'external'),
  certificatesDir: cluster('certificatesDir'),
  encryptionAlgorithm: cluster('encryptionAlgorithm'),
  certificateValidityPeriod: cluster('certificateValidityPeriod'),
  caCertificateValidityPeriod: cluster('caCertificateValidityPeriod'),
  featureGates: cluster('featureGates'),
}

type Writable<T> = { -readonly [Key in keyof T]?: T[Key] | undefined }

/** The facts that a configuration states; empty text, 0 and unspecified addresses state nothing, as for kubeadm. */
export function factsOf(configuration: Configuration): Partial<ClusterFacts> {
  const { ClusterConfiguration: cluster = {}, InitConfiguration: init, JoinConfiguration: join } = configuration
  const node = hostDocument(configuration)
  const endpoint = node === 'JoinConfiguration' ? join?.controlPlane?.localAPIEndpoint : init?.localAPIEndpoint
  const registration = node === 'JoinConfiguration' ? join?.nodeRegistration : init?.nodeRegistration
  const { networking = {}, etcd = {} } = cluster
  return withoutUnset({
    nodeName: registration?.name,
    advertiseAddress: isUnspecified(endpoint?.advertiseAddress) ? undefined : endpoint?.advertiseAddress,
    bindPort: endpoint?.bindPort === 0 ? undefined : endpoint?.bindPort,
    controlPlaneEndpoint: cluster.controlPlaneEndpoint,
    kubernetesVersion: cluster.kubernetesVersion,
    clusterName: cluster.clusterName,
    serviceSubnet: networking.serviceSubnet,
    podSubnet: networking.podSubnet,
    dnsDomain: networking.dnsDomain,
    apiServerCertSans: cluster.apiServer?.certSANs,
    etcdServerCertSans: etcd.local?.serverCertSANs,
    etcdPeerCertSans: etcd.local?.peerCertSANs,
    externalEtcd: etcd.external && externalEtcd(etcd.external),
    certificatesDir: cluster.certificatesDir,
    encryptionAlgorithm: cluster.encryptionAlgorithm,
    certificateValidityPeriod: cluster.certificateValidityPeriod,
    caCertificateValidityPeriod: cluster.caCertificateValidityPeriod,
    featureGates: cluster.featureGates,
  })
}

/** The configuration that states these facts, and nothing else: the way back of {@link factsOf}. */
export function configurationOf(facts: Partial<ClusterFacts>): Configuration {
  const documents: Decoded = {}
  for (const name of Object.keys(FACT_SOURCES) as FactName[]) {
    const { kind, path } = FACT_SOURCES[name]
    const value = facts[name]
    if (value === undefined || (Array.isArray(value) && value.length === 0)) continue
    documents[kind] = withValue(documents[kind] ?? {}, path, value as YamlValue)
  }
  // The paths are those of the table that the type is made from.
  return { ...documents, carried: [] } as Configuration
}

/** The document that describes this host: JoinConfiguration only where there is no InitConfiguration. */
export function hostDocument(configuration: Configuration): 'InitConfiguration' | 'JoinConfiguration' {
  return configuration.JoinConfiguration && !configuration.InitConfiguration ? 'JoinConfiguration' : 'InitConfiguration'
}

/** Whether an address only says "any": kubeadm then looks for one itself. */
export function isUnspecified(address: string | undefined): boolean {
  const parsed = address === undefined ? undefined : parseIp(address)
  return parsed?.bytes.every(byte => byte === 0) ?? false
}

function externalEtcd({ endpoints = [], ...files }: Partial<ExternalEtcd>): ExternalEtcd {
  const { caFile, certFile, keyFile } = files
  return { endpoints, ...withoutUnset<Omit<ExternalEtcd, 'endpoints'>>({ caFile, certFile, keyFile }) }
}

function withoutUnset<T extends object>(facts: Writable<T>): Partial<T> {
  const isSet = ([, value]: [string, unknown]) => value !== undefined && value !== ''
  return Object.fromEntries(Object.entries(facts).filter(isSet)) as Partial<T>
}
