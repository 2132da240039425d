/**
 * What kubeadm's files say, written down by hand: nothing here is computed by, or imported from, the code under test.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/certs/certlist.go (subjects, usages, issuers),
 *   cmd/kubeadm/app/util/pkiutil/pki_helpers.go (names and their order), cmd/kubeadm/app/phases/kubeconfig/kubeconfig.go,
 *   cmd/kubeadm/app/util/kubeconfig/kubeconfig.go; pull requests 119859, 120521, 121305, 121837 (v1.29), 124652 (v1.31),
 *   129956 (v1.33); client-go v1.34 tools/clientcmd/api/v1/types.go (preferences)
 */

/** The description that the facts below are of. */
export const DESCRIPTION = {
  nodeName: 'cp-1',
  advertiseAddress: '10.0.0.10',
  controlPlaneEndpoint: 'api.example.org:7443',
  serviceSubnet: '10.200.0.0/16,fd00:200::/108',
  dnsDomain: 'corp.internal',
  clusterName: 'prod',
  apiServerCertSans: ['192.0.2.7', 'kubernetes', '*.apps.example.org', 'API2.example.org', '2001:db8::7', '192.0.2.7'],
  etcdServerCertSans: ['etcd.example.org', '192.0.2.8'],
  etcdPeerCertSans: ['a-peer.example.org', '192.0.2.9'],
} as const

/** The moment that they were made. */
export const MADE = new Date('2026-06-01T12:00:00Z')
/** Five minutes before. */
export const NOT_BEFORE = 'UTCTIME 260601115500Z'
/** 365 days later. */
export const LEAF_END = 'UTCTIME 270601120000Z'
/** 3650 days later: 29 February comes in 2028, 2032 and 2036. */
export const CA_END = 'UTCTIME 360529120000Z'

/** What a certificate is good for, as it stands in its extensions. */
type Purpose = 'ca' | 'server' | 'client' | 'both'

/** One certificate. */
export interface CertificateFact {
  /** Path in the tree. */
  readonly file: string
  /** Path of its CA; its own on a CA. */
  readonly signedBy: string
  readonly purpose: Purpose
  /** Organizations in order, then the common name. */
  readonly subject: readonly (readonly ['O' | 'CN', string])[]
  /** As openssl prints them. */
  readonly names: string
}

/** One kubeconfig. */
export interface KubeconfigFact {
  readonly file: string
  readonly user: string
  readonly server: string
  readonly subject: readonly (readonly ['O' | 'CN', string])[]
}

/** What is in a tree of one version. */
export interface VersionFacts {
  readonly version: string
  readonly certificates: readonly CertificateFact[]
  readonly kubeconfigs: readonly KubeconfigFact[]
  /** Kubeconfigs say `preferences: {}`. */
  readonly preferences: boolean
}

const CA = 'pki/ca.crt'
const PROXY_CA = 'pki/front-proxy-ca.crt'
const ETCD_CA = 'pki/etcd/ca.crt'

const API_SERVER_NAMES = [
  'DNS:*.apps.example.org',
  'DNS:api.example.org',
  'DNS:api2.example.org',
  'DNS:cp-1',
  'DNS:kubernetes',
  'DNS:kubernetes.default',
  'DNS:kubernetes.default.svc',
  'DNS:kubernetes.default.svc.corp.internal',
  'IP Address:10.200.0.1',
  'IP Address:10.0.0.10',
  'IP Address:192.0.2.7',
  'IP Address:2001:DB8:0:0:0:0:0:7',
].join(', ')
const LOOPBACK = 'IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1'
const ETCD_SERVER_NAMES = `DNS:cp-1, DNS:etcd.example.org, DNS:localhost, IP Address:10.0.0.10, ${LOOPBACK}, IP Address:192.0.2.8`
const ETCD_PEER_NAMES = `DNS:a-peer.example.org, DNS:cp-1, DNS:localhost, IP Address:10.0.0.10, ${LOOPBACK}, IP Address:192.0.2.9`

const MASTERS = ['O', 'system:masters'] as const
const ADMINS = ['O', 'kubeadm:cluster-admins'] as const

const cn = (name: string) => ['CN', name] as const

/** The same in all versions. */
const ROOT: CertificateFact = {
  file: CA,
  signedBy: CA,
  purpose: 'ca',
  subject: [cn('kubernetes')],
  names: 'DNS:kubernetes',
}
const API_SERVER: CertificateFact = {
  file: 'pki/apiserver.crt',
  signedBy: CA,
  purpose: 'server',
  subject: [cn('kube-apiserver')],
  names: API_SERVER_NAMES,
}
const PROXY: readonly CertificateFact[] = [
  { file: PROXY_CA, signedBy: PROXY_CA, purpose: 'ca', subject: [cn('front-proxy-ca')], names: 'DNS:front-proxy-ca' },
  {
    file: 'pki/front-proxy-client.crt',
    signedBy: PROXY_CA,
    purpose: 'client',
    subject: [cn('front-proxy-client')],
    names: '',
  },
]
const ETCD: readonly CertificateFact[] = [
  { file: ETCD_CA, signedBy: ETCD_CA, purpose: 'ca', subject: [cn('etcd-ca')], names: 'DNS:etcd-ca' },
  {
    file: 'pki/etcd/server.crt',
    signedBy: ETCD_CA,
    purpose: 'both',
    subject: [cn('cp-1')],
    names: ETCD_SERVER_NAMES,
  },
  { file: 'pki/etcd/peer.crt', signedBy: ETCD_CA, purpose: 'both', subject: [cn('cp-1')], names: ETCD_PEER_NAMES },
]

const client = (file: string, signedBy: string, subject: CertificateFact['subject']): CertificateFact => ({
  file,
  signedBy,
  purpose: 'client',
  subject,
  names: '',
})

/** Up to 1.28: who may do everything is in system:masters, also towards etcd. */
const OLD_CERTIFICATES: readonly CertificateFact[] = [
  ROOT,
  API_SERVER,
  client('pki/apiserver-kubelet-client.crt', CA, [MASTERS, cn('kube-apiserver-kubelet-client')]),
  ...PROXY,
  ...ETCD,
  client('pki/etcd/healthcheck-client.crt', ETCD_CA, [MASTERS, cn('kube-etcd-healthcheck-client')]),
  client('pki/apiserver-etcd-client.crt', ETCD_CA, [MASTERS, cn('kube-apiserver-etcd-client')]),
]
/** From 1.29 on (119859, 120521, 121837). */
const NEW_CERTIFICATES: readonly CertificateFact[] = [
  ROOT,
  API_SERVER,
  client('pki/apiserver-kubelet-client.crt', CA, [ADMINS, cn('kube-apiserver-kubelet-client')]),
  ...PROXY,
  ...ETCD,
  client('pki/etcd/healthcheck-client.crt', ETCD_CA, [cn('kube-etcd-healthcheck-client')]),
  client('pki/apiserver-etcd-client.crt', ETCD_CA, [cn('kube-apiserver-etcd-client')]),
]

const ENDPOINT = 'https://api.example.org:7443'
const LOCAL = 'https://10.0.0.10:6443'

const kubeconfig = (
  file: string,
  user: string,
  server: string,
  groups: readonly (readonly ['O', string])[],
): KubeconfigFact => ({ file, user, server, subject: [...groups, cn(user)] })

const MANAGERS: readonly KubeconfigFact[] = [
  kubeconfig('controller-manager.conf', 'system:kube-controller-manager', LOCAL, []),
  kubeconfig('scheduler.conf', 'system:kube-scheduler', LOCAL, []),
]
const kubelet = (server: string) =>
  kubeconfig('kubelet.conf', 'system:node:cp-1', server, [['O', 'system:nodes'] as const])
const SUPER_ADMIN = kubeconfig('super-admin.conf', 'kubernetes-super-admin', ENDPOINT, [MASTERS])

const OLD_KUBECONFIGS: readonly KubeconfigFact[] = [
  kubeconfig('admin.conf', 'kubernetes-admin', ENDPOINT, [MASTERS]),
  kubelet(ENDPOINT),
  ...MANAGERS,
]
/** 121305: admin.conf is in a group that is bound by RBAC, super-admin.conf keeps system:masters. */
const NEW_KUBECONFIGS: readonly KubeconfigFact[] = [
  kubeconfig('admin.conf', 'kubernetes-admin', ENDPOINT, [ADMINS]),
  SUPER_ADMIN,
  kubelet(ENDPOINT),
  ...MANAGERS,
]
/** 129956: a control plane's kubelet goes to its own API server. */
const LOCAL_KUBECONFIGS: readonly KubeconfigFact[] = [
  kubeconfig('admin.conf', 'kubernetes-admin', ENDPOINT, [ADMINS]),
  SUPER_ADMIN,
  kubelet(LOCAL),
  ...MANAGERS,
]

/** One row per version at which something changed. */
export const VERSIONS: readonly VersionFacts[] = [
  { version: 'v1.20.2', certificates: OLD_CERTIFICATES, kubeconfigs: OLD_KUBECONFIGS, preferences: true },
  { version: 'v1.28.15', certificates: OLD_CERTIFICATES, kubeconfigs: OLD_KUBECONFIGS, preferences: true },
  { version: 'v1.29.0', certificates: NEW_CERTIFICATES, kubeconfigs: NEW_KUBECONFIGS, preferences: true },
  { version: 'v1.33.0', certificates: NEW_CERTIFICATES, kubeconfigs: LOCAL_KUBECONFIGS, preferences: true },
  { version: 'v1.37.0', certificates: NEW_CERTIFICATES, kubeconfigs: LOCAL_KUBECONFIGS, preferences: false },
]

/** One key algorithm, as it shows in what is made with it. */
export interface AlgorithmFacts {
  readonly name: string
  /** Lines of the subjectPublicKeyInfo's algorithm, without depth. */
  readonly publicKey: readonly string[]
  /** Lines of a signature algorithm, without depth. */
  readonly signature: readonly string[]
  readonly keyLabel: 'RSA PRIVATE KEY' | 'EC PRIVATE KEY'
  /** DER of the keyUsage bits. kubeadm sets A4 and A0 everywhere; RFC 8813 section 3 allows EC keys no keyEncipherment. */
  readonly caUsage: string
  readonly leafUsage: string
  /** As openssl prints the public key. */
  readonly shown: string
}

const RSA = {
  publicKey: ['OBJECT rsaEncryption', 'NULL'],
  signature: ['OBJECT sha256WithRSAEncryption', 'NULL'],
  keyLabel: 'RSA PRIVATE KEY',
  caUsage: '030202A4',
  leafUsage: '030205A0',
} as const
const EC = { keyLabel: 'EC PRIVATE KEY', caUsage: '03020284', leafUsage: '03020780' } as const

/** Go chooses the hash by the issuer's key (crypto/x509 signingParamsForPublicKey). */
export const ALGORITHMS: readonly AlgorithmFacts[] = [
  { name: 'RSA-2048', ...RSA, shown: 'Public-Key: (2048 bit)' },
  { name: 'RSA-3072', ...RSA, shown: 'Public-Key: (3072 bit)' },
  { name: 'RSA-4096', ...RSA, shown: 'Public-Key: (4096 bit)' },
  {
    name: 'ECDSA-P256',
    ...EC,
    publicKey: ['OBJECT id-ecPublicKey', 'OBJECT prime256v1'],
    signature: ['OBJECT ecdsa-with-SHA256'],
    shown: 'ASN1 OID: prime256v1',
  },
  {
    name: 'ECDSA-P384',
    ...EC,
    publicKey: ['OBJECT id-ecPublicKey', 'OBJECT secp384r1'],
    signature: ['OBJECT ecdsa-with-SHA384'],
    shown: 'ASN1 OID: secp384r1',
  },
]

/** DER of extendedKeyUsage: 1.3.6.1.5.5.7.3.1 is serverAuth, ….2 clientAuth. */
const EXTENDED: Readonly<Record<Exclude<Purpose, 'ca'>, string>> = {
  server: '300A06082B06010505070301',
  client: '300A06082B06010505070302',
  both: '301406082B0601050507030106082B06010505070302',
}

/** What a certificate is to look like, line by line, with placeholders for what is random or checked elsewhere. */
export function expectedAsn1(
  { subject, purpose, names }: Pick<CertificateFact, 'subject' | 'purpose' | 'names'>,
  issuer: CertificateFact['subject'],
  algorithm: AlgorithmFacts,
): readonly string[] {
  const isCa = purpose === 'ca'
  const name = (rdns: CertificateFact['subject']) => [
    '2 SEQUENCE',
    ...rdns.flatMap(([type, value]) => [
      '3 SET',
      '4 SEQUENCE',
      `5 OBJECT ${type === 'O' ? 'organizationName' : 'commonName'}`,
      // asn1parse knows PrintableString from UTF8String; all of kubeadm's own names are printable ones.
      `5 PRINTABLESTRING ${value}`,
    ]),
  ]
  const extension = (oid: string, critical: boolean, value: string) => [
    '4 SEQUENCE',
    `5 OBJECT X509v3 ${oid}`,
    ...(critical ? ['5 BOOLEAN 255'] : []),
    `5 OCTET STRING ${value}`,
  ]
  return [
    '0 SEQUENCE',
    '1 SEQUENCE',
    '2 cont [ 0 ]',
    '3 INTEGER 02',
    '2 INTEGER SERIAL',
    '2 SEQUENCE',
    ...algorithm.signature.map(line => `3 ${line}`),
    ...name(issuer),
    '2 SEQUENCE',
    `3 ${NOT_BEFORE}`,
    `3 ${isCa ? CA_END : LEAF_END}`,
    ...name(subject),
    '2 SEQUENCE',
    '3 SEQUENCE',
    ...algorithm.publicKey.map(line => `4 ${line}`),
    '3 BIT STRING',
    '2 cont [ 3 ]',
    '3 SEQUENCE',
    ...extension('Key Usage', true, isCa ? algorithm.caUsage : algorithm.leafUsage),
    ...(isCa ? [] : extension('Extended Key Usage', false, EXTENDED[purpose])),
    ...extension('Basic Constraints', true, isCa ? '30030101FF' : '3000'),
    ...extension('Subject Key Identifier', false, 'OWN'),
    ...(isCa ? [] : extension('Authority Key Identifier', false, 'ISSUER')),
    ...(names === '' ? [] : extension('Subject Alternative Name', false, 'NAMES')),
    '1 SEQUENCE',
    ...algorithm.signature.map(line => `2 ${line}`),
    '1 BIT STRING',
  ]
}

/** The text of a kubeconfig, with placeholders for what is in base64. */
export function expectedKubeconfig({ user, server }: KubeconfigFact, preferences: boolean): string {
  return `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: CA
    server: ${server}
  name: prod
contexts:
- context:
    cluster: prod
    user: ${user}
  name: ${user}@prod
current-context: ${user}@prod
kind: Config
${preferences ? 'preferences: {}\n' : ''}users:
- name: ${user}
  user:
    client-certificate-data: CERTIFICATE
    client-key-data: KEY
`
}
