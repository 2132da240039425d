import { parseIp } from '../crypto/ip.js'
import type { KeyType } from '../crypto/keys.js'
import type { KeyUsage } from '../x509/extensions.js'
import { type Cluster, serviceAddress } from './cluster.js'
import { formatHostPort, type SubjectAltName } from './net.js'
import {
  CATALOGUE,
  type CertificateId,
  type CertificateRow,
  type GroupSource,
  isKubeconfigId,
  issuerOf,
  KUBECONFIGS,
  type KubeconfigId,
  PROFILES,
  type Profile,
  ROW_IDS,
  type Role,
  type RowId,
  type SanSource,
} from './rows.js'
import { adminGroup, etcdClientGroups, hasSuperAdmin, kubeletUsesLocalEndpoint } from './versions.js'

/**
 * Key usages of a certificate, by its own key. RSA as kubeadm has it; with EC keys keyEncipherment is left out, which
 * kubeadm sets (RFC 8813 section 3 forbids it).
 */
export function keyUsages({ isCa }: Profile, { kind }: KeyType): readonly KeyUsage[] {
  return [
    'digitalSignature',
    ...(kind === 'RSA' ? (['keyEncipherment'] as const) : []),
    ...(isCa ? (['keyCertSign'] as const) : []),
  ]
}

const dns = (...names: readonly string[]): SubjectAltName[] => names.map(name => ({ type: 'dns', name }))
const ip = (text: string): SubjectAltName[] => {
  const address = parseIp(text)
  return address ? [{ type: 'ip', address }] : []
}

/**
 * One function per source of names, in the words of kubeadm's GetAPIServerAltNames and getAltNames.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/util/pkiutil/pki_helpers.go
 */
export const SAN_SOURCES: Readonly<
  Record<Exclude<SanSource, 'common-name'>, (cluster: Cluster) => readonly SubjectAltName[]>
> = {
  node: cluster => dns(cluster.nodeName),
  'service-names': cluster =>
    dns('kubernetes', 'kubernetes.default', 'kubernetes.default.svc', `kubernetes.default.svc.${cluster.dnsDomain}`),
  'service-ip': cluster => [{ type: 'ip', address: serviceAddress(cluster) }],
  advertise: cluster => [{ type: 'ip', address: cluster.advertiseAddress }],
  localhost: () => dns('localhost'),
  loopback: () => [...ip('127.0.0.1'), ...ip('::1')],
  endpoint: ({ controlPlaneEndpoint }) => {
    if (!controlPlaneEndpoint) return []
    const { host } = controlPlaneEndpoint
    return parseIp(host) ? ip(host) : dns(host)
  },
  'extra-apiserver': cluster => cluster.apiServerCertSans,
  'extra-etcd-server': cluster => cluster.etcdServerCertSans,
  'extra-etcd-peer': cluster => cluster.etcdPeerCertSans,
}

/**
 * The rows that a host has, in the order in which they are made.
 *
 * With external etcd its rows are left out. A further control plane has no `super-admin.conf`, as after kubeadm's join; a
 * worker has its kubelet's identity and the CA certificate to go with it.
 */
export function rowsOf(cluster: Cluster, role: Role): readonly RowId[] {
  if (role === 'worker') return ['ca', 'kubelet.conf']
  return ROW_IDS.filter(id => {
    if (cluster.externalEtcd && (id === 'etcd-ca' || issuerOf(id) === 'etcd-ca')) return false
    return id !== 'super-admin.conf' || (role === 'init' && hasSuperAdmin(cluster.kubernetesVersion))
  })
}

/** A row with everything filled in that depends on the cluster. */
export interface WantedCertificate {
  readonly profile: Profile
  readonly commonName: string
  readonly organizations: readonly string[]
  /** Sorted bytewise, each once. */
  readonly dnsNames: readonly string[]
  /** In the order of their sources, each once. */
  readonly ipAddresses: readonly string[]
  readonly validitySeconds: number
}

/**
 * What the certificate of a row is to say in this cluster.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/util/pkiutil/pki_helpers.go (RemoveDuplicateAltNames: order of names)
 */
export function wantedCertificate(id: CertificateId | KubeconfigId, cluster: Cluster): WantedCertificate {
  const row: CertificateRow = isKubeconfigId(id)
    ? { profile: 'client', commonName: KUBECONFIGS[id].commonName, about: '' }
    : CATALOGUE[id]
  const profile: Profile = PROFILES[row.profile]
  const commonName = row.commonName.replace('{node}', cluster.nodeName)
  const names = (row.sans ?? []).flatMap(source =>
    source === 'common-name' ? dns(commonName) : SAN_SOURCES[source](cluster),
  )
  return {
    profile,
    commonName,
    organizations: groups(isKubeconfigId(id) ? KUBECONFIGS[id].groups : (row.groups ?? []), cluster),
    dnsNames: [...new Set(names.flatMap(name => (name.type === 'dns' ? [name.name] : [])))].sort(),
    ipAddresses: [...new Set(names.flatMap(name => (name.type === 'ip' ? [name.address.text] : [])))],
    validitySeconds:
      profile.validity === 'ca' ? cluster.caCertificateValiditySeconds : cluster.certificateValiditySeconds,
  }
}

/**
 * The API server that a kubeconfig names, e.g. `https://10.0.0.10:6443`.
 *
 * @param role - a worker has no API server of its own: its kubelet goes to the control-plane endpoint
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/util/endpoint.go
 */
export function serverOf(id: KubeconfigId, cluster: Cluster, role: Role): string {
  const { server } = KUBECONFIGS[id]
  const { controlPlaneEndpoint: endpoint, advertiseAddress, bindPort, kubernetesVersion, featureGates } = cluster
  const isLocal =
    role !== 'worker' &&
    (server === 'local' ||
      (server === 'kubelet' &&
        kubeletUsesLocalEndpoint(kubernetesVersion, featureGates['ControlPlaneKubeletLocalMode'])))
  const [host, port] = endpoint && !isLocal ? [endpoint.host, endpoint.port] : [advertiseAddress.text, bindPort]
  return `https://${formatHostPort(host, port)}`
}

function groups(source: readonly string[] | GroupSource, { kubernetesVersion }: Cluster): readonly string[] {
  if (source === 'admin') return [adminGroup(kubernetesVersion)]
  return source === 'etcd-client' ? etcdClientGroups(kubernetesVersion) : source
}
