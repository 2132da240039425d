import type { ExtKeyUsage } from '../x509/extensions.js'
import type { DEFAULT_VALIDITY_SECONDS } from './cluster.js'

/** What a kind of certificate is good for. */
export interface Profile {
  readonly isCa: boolean
  /** In kubeadm's order. */
  readonly extKeyUsages: readonly ExtKeyUsage[]
  /** The period of the Cluster that applies. */
  readonly validity: keyof typeof DEFAULT_VALIDITY_SECONDS
}

/**
 * The kinds of certificates.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/certs/certlist.go (etcd servers need clientAuth: etcd-io/etcd
 *   issue 9785)
 */
export const PROFILES = {
  ca: { isCa: true, extKeyUsages: [], validity: 'ca' },
  server: { isCa: false, extKeyUsages: ['serverAuth'], validity: 'leaf' },
  client: { isCa: false, extKeyUsages: ['clientAuth'], validity: 'leaf' },
  peer: { isCa: false, extKeyUsages: ['serverAuth', 'clientAuth'], validity: 'leaf' },
} as const satisfies Record<string, Profile>
/** Name of a {@link PROFILES} row. */
export type ProfileName = keyof typeof PROFILES

/** Where the names of a certificate come from. */
export type SanSource =
  | 'common-name'
  | 'node'
  | 'service-names'
  | 'service-ip'
  | 'advertise'
  | 'localhost'
  | 'loopback'
  | 'endpoint'
  | 'extra-apiserver'
  | 'extra-etcd-server'
  | 'extra-etcd-peer'

/** Groups that depend on the version. */
export type GroupSource = 'admin' | 'etcd-client'

/** One certificate with a file of its own. */
export interface CertificateRow {
  readonly profile: ProfileName
  /** `{node}` stands for the node name. */
  readonly commonName: string
  readonly groups?: GroupSource
  /** Id of the row that signs this one; absent on a CA. */
  readonly issuer?: string
  readonly sans?: readonly SanSource[]
  /** For people. */
  readonly about: string
}

/**
 * Every certificate of a control plane, in kubeadm's order: an issuer stands before what it signs.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/certs/certlist.go
 */
export const CATALOGUE = {
  ca: {
    profile: 'ca',
    commonName: 'kubernetes',
    sans: ['common-name'],
    about: 'the cluster CA: components, kubelets and users',
  },
  apiserver: {
    profile: 'server',
    commonName: 'kube-apiserver',
    issuer: 'ca',
    about: 'what the API server shows its clients',
    sans: ['node', 'service-names', 'service-ip', 'advertise', 'endpoint', 'extra-apiserver'],
  },
  'apiserver-kubelet-client': {
    profile: 'client',
    commonName: 'kube-apiserver-kubelet-client',
    groups: 'admin',
    issuer: 'ca',
    about: 'the API server as a client of kubelets',
  },
  'front-proxy-ca': {
    profile: 'ca',
    commonName: 'front-proxy-ca',
    sans: ['common-name'],
    about: 'the CA of the aggregation layer',
  },
  'front-proxy-client': {
    profile: 'client',
    commonName: 'front-proxy-client',
    issuer: 'front-proxy-ca',
    about: 'the API server as a client of extension API servers',
  },
  'etcd-ca': {
    profile: 'ca',
    commonName: 'etcd-ca',
    sans: ['common-name'],
    about: 'the CA of etcd: whoever it signs may read all',
  },
  'etcd-server': {
    profile: 'peer',
    commonName: '{node}',
    issuer: 'etcd-ca',
    about: 'what etcd shows its clients',
    sans: ['node', 'localhost', 'advertise', 'loopback', 'extra-etcd-server'],
  },
  'etcd-peer': {
    profile: 'peer',
    commonName: '{node}',
    issuer: 'etcd-ca',
    about: 'what etcd members show each other',
    sans: ['node', 'localhost', 'advertise', 'loopback', 'extra-etcd-peer'],
  },
  'etcd-healthcheck-client': {
    profile: 'client',
    commonName: 'kube-etcd-healthcheck-client',
    groups: 'etcd-client',
    issuer: 'etcd-ca',
    about: "the liveness probe's client certificate for etcd",
  },
  'apiserver-etcd-client': {
    profile: 'client',
    commonName: 'kube-apiserver-etcd-client',
    groups: 'etcd-client',
    issuer: 'etcd-ca',
    about: 'the API server as a client of etcd',
  },
} as const satisfies Record<string, CertificateRow>
/** Id of a {@link CATALOGUE} row. */
export type CertificateId = keyof typeof CATALOGUE

/** One kubeconfig. */
export interface KubeconfigRow {
  /** `{node}` stands for the node name. User name in the file and common name in the certificate. */
  readonly commonName: string
  readonly groups: readonly string[] | GroupSource
  /** `endpoint`: what stands in front of all control planes; `local`: this host; `kubelet`: by version. */
  readonly server: 'endpoint' | 'local' | 'kubelet'
  readonly about: string
}

/**
 * Every kubeconfig of a control plane, in kubeadm's order. Their client certificates are signed by `ca`.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/kubeconfig/kubeconfig.go (getKubeConfigSpecsBase)
 */
export const KUBECONFIGS = {
  'admin.conf': { commonName: 'kubernetes-admin', groups: 'admin', server: 'endpoint', about: 'for administrators' },
  'super-admin.conf': {
    commonName: 'kubernetes-super-admin',
    groups: ['system:masters'],
    server: 'endpoint',
    about: 'for emergencies: no authorizer can refuse it',
  },
  'kubelet.conf': {
    commonName: 'system:node:{node}',
    groups: ['system:nodes'],
    server: 'kubelet',
    about: "the node's kubelet",
  },
  'controller-manager.conf': {
    commonName: 'system:kube-controller-manager',
    groups: [],
    server: 'local',
    about: 'the controller manager',
  },
  'scheduler.conf': { commonName: 'system:kube-scheduler', groups: [], server: 'local', about: 'the scheduler' },
} as const satisfies Record<string, KubeconfigRow>
/** Id of a {@link KUBECONFIGS} row: its file name. */
export type KubeconfigId = keyof typeof KUBECONFIGS

/** Id of anything that a tree holds: a certificate, the service-account key pair, a kubeconfig. */
export type RowId = CertificateId | 'sa' | KubeconfigId

/** What a host is: the first control plane, a further one, or a worker. */
export type Role = 'init' | 'control-plane' | 'worker'

/** Ids of all certificates, in order. */
export const CERTIFICATE_IDS = Object.keys(CATALOGUE) as readonly CertificateId[]
/** Ids of all kubeconfigs, in order. */
export const KUBECONFIG_IDS = Object.keys(KUBECONFIGS) as readonly KubeconfigId[]
/** Ids of everything, in the order in which it is made. */
export const ROW_IDS: readonly RowId[] = [...CERTIFICATE_IDS, 'sa', ...KUBECONFIG_IDS]

/** Whether an id names a certificate of its own. */
export function isCertificateId(id: string): id is CertificateId {
  return Object.hasOwn(CATALOGUE, id)
}

/** Whether an id names a kubeconfig. */
export function isKubeconfigId(id: string): id is KubeconfigId {
  return Object.hasOwn(KUBECONFIGS, id)
}

/** Id of the CA that signs a row's certificate; `undefined` for CAs and key pairs. */
export function issuerOf(id: RowId): CertificateId | undefined {
  if (isKubeconfigId(id)) return 'ca'
  if (id === 'sa') return undefined
  const row: CertificateRow = CATALOGUE[id]
  return row.issuer === undefined ? undefined : (row.issuer as CertificateId)
}

/** Name of the profile of a row's certificate; the client certificate's for a kubeconfig, a CA's for what has none. */
export function profileOf(id: RowId): ProfileName {
  if (isKubeconfigId(id)) return 'client'
  return id === 'sa' ? 'ca' : CATALOGUE[id].profile
}
