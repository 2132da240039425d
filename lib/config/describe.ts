import { type Cluster, FACT_FIELDS } from '../kubernetes/cluster.js'
import { formatDuration } from '../kubernetes/duration.js'
import { formatHostPort, type SubjectAltName } from '../kubernetes/net.js'
import type { YamlValue } from '../yaml-scalars.js'
import type { FactName } from './facts.js'
import type { Origin } from './resolve.js'

/** One effective value, in the words of kubeadm. */
export interface EffectiveValue {
  readonly field: string
  /** As kubeadm.k8s.io/v1beta4 has it; `null` where there is none. */
  readonly value: YamlValue
  readonly origin: Origin
}

const names = (list: readonly SubjectAltName[]): readonly string[] =>
  list.map(name => (name.type === 'ip' ? name.address.text : name.name))

/** How each fact of a cluster is written. */
const VALUES: Readonly<Record<FactName, (cluster: Cluster) => YamlValue>> = {
  nodeName: cluster => cluster.nodeName,
  advertiseAddress: cluster => cluster.advertiseAddress.text,
  bindPort: cluster => cluster.bindPort,
  controlPlaneEndpoint: ({ controlPlaneEndpoint }) =>
    controlPlaneEndpoint ? formatHostPort(controlPlaneEndpoint.host, controlPlaneEndpoint.port) : null,
  kubernetesVersion: cluster => cluster.kubernetesVersion.text,
  clusterName: cluster => cluster.clusterName,
  serviceSubnet: cluster => cluster.serviceSubnets.map(({ text }) => text).join(','),
  podSubnet: cluster => cluster.podSubnets.map(({ text }) => text).join(',') || null,
  dnsDomain: cluster => cluster.dnsDomain,
  apiServerCertSans: cluster => names(cluster.apiServerCertSans),
  etcdServerCertSans: cluster => names(cluster.etcdServerCertSans),
  etcdPeerCertSans: cluster => names(cluster.etcdPeerCertSans),
  externalEtcd: ({ externalEtcd }) => (externalEtcd ? { ...externalEtcd } : null),
  certificatesDir: cluster => cluster.certificatesDir,
  encryptionAlgorithm: cluster => cluster.encryptionAlgorithm,
  certificateValidityPeriod: cluster => formatDuration(cluster.certificateValiditySeconds),
  caCertificateValidityPeriod: cluster => formatDuration(cluster.caCertificateValiditySeconds),
  featureGates: cluster => cluster.featureGates,
}

/** Every value that counts, in the order of FACT_FIELDS, and where it came from; none of them is secret. */
export function describeEffective(
  cluster: Cluster,
  origins: Readonly<Record<FactName, Origin>>,
): readonly EffectiveValue[] {
  return (Object.keys(FACT_FIELDS) as FactName[]).map(name => ({
    field: FACT_FIELDS[name],
    value: VALUES[name](cluster),
    origin: origins[name],
  }))
}

/** An origin in a word or two, e.g. `--service-cidr`, `kubeadm.yaml:3:5`, `default`, `interface eth0`. */
export function formatOrigin(origin: Origin): string {
  if (origin.kind === 'flag') return origin.flag
  if (origin.kind === 'file') return `${origin.file}:${origin.line}:${origin.column}`
  return origin.kind === 'detected' ? origin.from : 'default'
}
