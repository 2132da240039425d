import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { describePublicKey } from '../../lib/crypto/keys.js'
import { keyUsages, rowsOf, SAN_SOURCES, serverOf, wantedCertificate } from '../../lib/kubernetes/catalogue.js'
import { type ClusterFacts, parseCluster } from '../../lib/kubernetes/cluster.js'
import {
  CATALOGUE,
  CERTIFICATE_IDS,
  type CertificateRow,
  isCertificateId,
  isKubeconfigId,
  issuerOf,
  KUBECONFIG_IDS,
  KUBECONFIGS,
  type KubeconfigId,
  type KubeconfigRow,
  PROFILES,
  ROW_IDS,
  type Role,
} from '../../lib/kubernetes/rows.js'
import { filesOf } from '../../lib/tree/layout.js'
import { testContext } from '../support/context.js'
import { vectorDer } from '../vectors/read.js'

const cluster = (facts: Partial<ClusterFacts> = {}) =>
  parseCluster({ nodeName: 'cp-1', advertiseAddress: '10.0.0.10', ...facts }, testContext())
const version = (minor: number, facts: Partial<ClusterFacts> = {}) =>
  cluster({ kubernetesVersion: `v1.${minor}.0`, ...facts })

// The contract of the tables.
for (const id of CERTIFICATE_IDS) {
  const row: CertificateRow = CATALOGUE[id]
  test(`row ${id}: its profile exists, its issuer is a CA and stands before it, its sources resolve`, () => {
    const profile = PROFILES[row.profile]
    assert.ok(profile)
    if (row.issuer === undefined) assert.ok(profile.isCa)
    else {
      assert.ok(isCertificateId(row.issuer))
      const issuer: CertificateRow = CATALOGUE[row.issuer]
      assert.ok(PROFILES[issuer.profile].isCa)
      assert.ok(CERTIFICATE_IDS.indexOf(row.issuer) < CERTIFICATE_IDS.indexOf(id))
    }
    for (const source of row.sans ?? []) {
      if (source === 'common-name') continue
      const names = SAN_SOURCES[source](cluster({ controlPlaneEndpoint: 'api.example.org' }))
      if (!source.startsWith('extra')) assert.ok(names.length > 0, source)
    }
    assert.equal(JSON.parse(JSON.stringify(row)), row, 'plain data')
    assert.ok(row.about.length > 0)
  })
}

for (const id of KUBECONFIG_IDS) {
  const row: KubeconfigRow = KUBECONFIGS[id]
  test(`row ${id} is plain data, signed by the cluster CA`, () => {
    assert.equal(JSON.parse(JSON.stringify(row)), row)
    assert.is(issuerOf(id), 'ca')
    assert.ok(isKubeconfigId(id))
    assert.not.ok(isCertificateId(id))
  })
}

test('no two rows share a file, and every row has one', () => {
  const paths = ROW_IDS.flatMap(id => filesOf(id).map(({ path }) => path))
  assert.is(new Set(paths).size, paths.length)
  for (const id of ROW_IDS) assert.ok(filesOf(id).length > 0)
})

test('every id once, issuers before what they sign', () => {
  assert.is(new Set(ROW_IDS).size, ROW_IDS.length)
  assert.is(ROW_IDS.length, CERTIFICATE_IDS.length + 1 + KUBECONFIG_IDS.length)
  for (const id of ROW_IDS) {
    const issuer = issuerOf(id)
    if (issuer) assert.ok(ROW_IDS.indexOf(issuer) < ROW_IDS.indexOf(id))
  }
  assert.not.ok(isCertificateId('toString'))
  assert.not.ok(isKubeconfigId('__proto__'))
})

// kubernetes.io/docs/setup/best-practices/certificates/ and kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/certs/certlist.go
for (const [id, issuer, commonName, usages] of [
  ['ca', undefined, 'kubernetes', []],
  ['apiserver', 'ca', 'kube-apiserver', ['serverAuth']],
  ['apiserver-kubelet-client', 'ca', 'kube-apiserver-kubelet-client', ['clientAuth']],
  ['front-proxy-ca', undefined, 'front-proxy-ca', []],
  ['front-proxy-client', 'front-proxy-ca', 'front-proxy-client', ['clientAuth']],
  ['etcd-ca', undefined, 'etcd-ca', []],
  ['etcd-server', 'etcd-ca', 'cp-1', ['serverAuth', 'clientAuth']],
  ['etcd-peer', 'etcd-ca', 'cp-1', ['serverAuth', 'clientAuth']],
  ['etcd-healthcheck-client', 'etcd-ca', 'kube-etcd-healthcheck-client', ['clientAuth']],
  ['apiserver-etcd-client', 'etcd-ca', 'kube-apiserver-etcd-client', ['clientAuth']],
  ['admin.conf', 'ca', 'kubernetes-admin', ['clientAuth']],
  ['super-admin.conf', 'ca', 'kubernetes-super-admin', ['clientAuth']],
  ['kubelet.conf', 'ca', 'system:node:cp-1', ['clientAuth']],
  ['controller-manager.conf', 'ca', 'system:kube-controller-manager', ['clientAuth']],
  ['scheduler.conf', 'ca', 'system:kube-scheduler', ['clientAuth']],
] as const) {
  test(`${id}: who signs it, for whom, for what, how long`, () => {
    const wanted = wantedCertificate(id, cluster())
    assert.is(issuerOf(id), issuer)
    assert.is(wanted.commonName, commonName)
    assert.equal(wanted.profile.extKeyUsages, [...usages])
    assert.is(wanted.profile.isCa, issuer === undefined)
    assert.is(wanted.validitySeconds, issuer === undefined ? 315_360_000 : 31_536_000)
  })
}
test('the service-account key pair has no issuer', () => assert.is(issuerOf('sa'), undefined))

// kubeadm 1.28 and 1.29: `kubeadm init phase certs all`, `openssl x509 -subject`.
const CLIENT_GROUPS = {
  'apiserver-kubelet-client': [['system:masters'], ['kubeadm:cluster-admins']],
  'front-proxy-client': [[], []],
  'etcd-server': [[], []],
  'etcd-peer': [[], []],
  'etcd-healthcheck-client': [['system:masters'], []],
  'apiserver-etcd-client': [['system:masters'], []],
  apiserver: [[], []],
  'admin.conf': [['system:masters'], ['kubeadm:cluster-admins']],
  'kubelet.conf': [['system:nodes'], ['system:nodes']],
  'controller-manager.conf': [[], []],
  'scheduler.conf': [[], []],
} as const
for (const [id, [before, since]] of Object.entries(CLIENT_GROUPS) as [
  keyof typeof CLIENT_GROUPS,
  readonly [readonly string[], readonly string[]],
][]) {
  test(`groups of ${id} before and since 1.29`, () => {
    for (const minor of [20, 28]) assert.equal(wantedCertificate(id, version(minor)).organizations, [...before])
    for (const minor of [29, 30, 37]) assert.equal(wantedCertificate(id, version(minor)).organizations, [...since])
  })
}
test('the super admin stays one', () =>
  assert.equal(wantedCertificate('super-admin.conf', version(30)).organizations, ['system:masters']))

// The certificates of test/vectors/kubeadm/v1.20.2, made by kubeadm itself with these facts; order of the files.
const KUBEADM = {
  kubernetesVersion: 'v1.20.2',
  controlPlaneEndpoint: 'api.example.org:6443',
  apiServerCertSans: ['extra.example.org', '192.0.2.7'],
}
const NAMES = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local']
for (const [name, facts, id, dnsNames, ipAddresses] of [
  ['plain', {}, 'apiserver', ['cp-1', ...NAMES], ['10.96.0.1', '10.0.0.10']],
  [
    'kubeadm 1.20.2',
    KUBEADM,
    'apiserver',
    ['api.example.org', 'cp-1', 'extra.example.org', ...NAMES],
    ['10.96.0.1', '10.0.0.10', '192.0.2.7'],
  ],
  [
    'endpoint is an address',
    { controlPlaneEndpoint: '192.0.2.1:6443' },
    'apiserver',
    ['cp-1', ...NAMES],
    ['10.96.0.1', '10.0.0.10', '192.0.2.1'],
  ],
  [
    'endpoint is an IPv6 address',
    { controlPlaneEndpoint: '[fd00::5]:6443' },
    'apiserver',
    ['cp-1', ...NAMES],
    ['10.96.0.1', '10.0.0.10', 'fd00::5'],
  ],
  [
    'endpoint is the advertise address',
    { controlPlaneEndpoint: '10.0.0.10:6443' },
    'apiserver',
    ['cp-1', ...NAMES],
    ['10.96.0.1', '10.0.0.10'],
  ],
  [
    'another domain and network',
    { dnsDomain: 'k8s.example', serviceSubnet: '172.16.0.0/16' },
    'apiserver',
    ['cp-1', ...NAMES.slice(0, 3), 'kubernetes.default.svc.k8s.example'],
    ['172.16.0.1', '10.0.0.10'],
  ],
  // kubeadm takes the first of two service networks (GetKubernetesServiceCIDR, constants.GetAPIServerVirtualIP).
  [
    'dual stack, IPv4 first',
    { serviceSubnet: '10.96.0.0/16,fd00:10:96::/112' },
    'apiserver',
    ['cp-1', ...NAMES],
    ['10.96.0.1', '10.0.0.10'],
  ],
  [
    'dual stack, IPv6 first',
    { serviceSubnet: 'fd00:10:96::/112,10.96.0.0/16', advertiseAddress: 'fd00::10' },
    'apiserver',
    ['cp-1', ...NAMES],
    ['fd00:10:96::1', 'fd00::10'],
  ],
  [
    'names twice',
    {
      apiServerCertSans: [
        'cp-1',
        'b.example',
        'a.example',
        'b.example',
        '10.0.0.10',
        '10.96.0.1',
        '2001:DB8:0::1',
        '2001:db8::1',
      ],
    },
    'apiserver',
    ['a.example', 'b.example', 'cp-1', ...NAMES],
    ['10.96.0.1', '10.0.0.10', '2001:db8::1'],
  ],
  [
    'names in capitals',
    { nodeName: ' CP-1 ', apiServerCertSans: ['API.Example.ORG'] },
    'apiserver',
    ['api.example.org', 'cp-1', ...NAMES],
    ['10.96.0.1', '10.0.0.10'],
  ],
  [
    'a wildcard',
    { apiServerCertSans: ['*.example.org'] },
    'apiserver',
    ['*.example.org', 'cp-1', ...NAMES],
    ['10.96.0.1', '10.0.0.10'],
  ],
  ['etcd', KUBEADM, 'etcd-server', ['cp-1', 'localhost'], ['10.0.0.10', '127.0.0.1', '::1']],
  ['etcd', KUBEADM, 'etcd-peer', ['cp-1', 'localhost'], ['10.0.0.10', '127.0.0.1', '::1']],
  [
    'etcd with more names',
    { etcdServerCertSans: ['etcd.example', '192.0.2.9'] },
    'etcd-server',
    ['cp-1', 'etcd.example', 'localhost'],
    ['10.0.0.10', '127.0.0.1', '::1', '192.0.2.9'],
  ],
  [
    "etcd's other certificate",
    { etcdServerCertSans: ['etcd.example', '192.0.2.9'] },
    'etcd-peer',
    ['cp-1', 'localhost'],
    ['10.0.0.10', '127.0.0.1', '::1'],
  ],
  [
    'etcd peers with more names',
    { etcdPeerCertSans: ['peer.example'] },
    'etcd-peer',
    ['cp-1', 'localhost', 'peer.example'],
    ['10.0.0.10', '127.0.0.1', '::1'],
  ],
  ['no names', KUBEADM, 'front-proxy-client', [], []],
  ['no names', KUBEADM, 'admin.conf', [], []],
  // Since v1.31 a CA has itself as name (client-go cert.NewSelfSignedCACert); ours has it for every version.
  ['a CA', {}, 'ca', ['kubernetes'], []],
  ['a CA', {}, 'etcd-ca', ['etcd-ca'], []],
  ['a CA', {}, 'front-proxy-ca', ['front-proxy-ca'], []],
] as const) {
  test(`names of ${id}: ${name}`, () => {
    const wanted = wantedCertificate(id, cluster(facts))
    assert.equal(wanted.dnsNames, [...dnsNames])
    assert.equal(wanted.ipAddresses, [...ipAddresses])
  })
}

test('resolving a row writes nothing to it', () => {
  const before = JSON.stringify([CATALOGUE, KUBECONFIGS, PROFILES])
  wantedCertificate('etcd-peer', cluster({ nodeName: 'other' }))
  wantedCertificate('kubelet.conf', cluster({ nodeName: 'other' }))
  assert.is(JSON.stringify([CATALOGUE, KUBECONFIGS, PROFILES]), before)
})

test('periods are those of the description', () => {
  const described = cluster({ certificateValidityPeriod: '24h', caCertificateValidityPeriod: '48h' })
  assert.is(wantedCertificate('apiserver', described).validitySeconds, 86_400)
  assert.is(wantedCertificate('admin.conf', described).validitySeconds, 86_400)
  assert.is(wantedCertificate('etcd-ca', described).validitySeconds, 172_800)
})

// kubernetes/kubernetes v1.20.2, pki_helpers.go, for RSA; RFC 8813 section 3 for EC keys.
for (const [profile, key, expected] of [
  ['ca', 'rsa-2048', ['digitalSignature', 'keyEncipherment', 'keyCertSign']],
  ['ca', 'p256', ['digitalSignature', 'keyCertSign']],
  ['server', 'rsa-2048', ['digitalSignature', 'keyEncipherment']],
  ['client', 'p384', ['digitalSignature']],
] as const)
  test(`key usages of a ${profile} with ${key}`, () =>
    assert.equal(keyUsages(PROFILES[profile], describePublicKey(vectorDer(`keys/${key}.pub.pem`))), [...expected]))

// What `kubeadm init` and `kubeadm join` leave behind in /etc/kubernetes.
const ETCD = ['etcd-ca', 'etcd-server', 'etcd-peer', 'etcd-healthcheck-client', 'apiserver-etcd-client']
const CERTIFICATES = ['ca', 'apiserver', 'apiserver-kubelet-client', 'front-proxy-ca', 'front-proxy-client']
const CONFS = ['kubelet.conf', 'controller-manager.conf', 'scheduler.conf']
const external = {
  externalEtcd: { endpoints: ['https://etcd.example:2379'], caFile: '/ca', certFile: '/crt', keyFile: '/key' },
}
for (const [minor, role, facts, expected] of [
  [36, 'init', {}, [...CERTIFICATES, ...ETCD, 'sa', 'admin.conf', 'super-admin.conf', ...CONFS]],
  [29, 'init', {}, [...CERTIFICATES, ...ETCD, 'sa', 'admin.conf', 'super-admin.conf', ...CONFS]],
  [28, 'init', {}, [...CERTIFICATES, ...ETCD, 'sa', 'admin.conf', ...CONFS]],
  [36, 'control-plane', {}, [...CERTIFICATES, ...ETCD, 'sa', 'admin.conf', ...CONFS]],
  [20, 'control-plane', {}, [...CERTIFICATES, ...ETCD, 'sa', 'admin.conf', ...CONFS]],
  [36, 'init', external, [...CERTIFICATES, 'sa', 'admin.conf', 'super-admin.conf', ...CONFS]],
  [36, 'control-plane', external, [...CERTIFICATES, 'sa', 'admin.conf', ...CONFS]],
  [36, 'worker', {}, ['ca', 'kubelet.conf']],
  [20, 'worker', external, ['ca', 'kubelet.conf']],
] as const) {
  test(`rows of ${role} in 1.${minor}${facts === external ? ' with external etcd' : ''}`, () =>
    assert.equal(rowsOf(version(minor, facts), role), [...expected]))
}

// kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/util/endpoint_test.go (TestGetControlPlaneEndpoint).
for (const [facts, expected] of [
  [{ controlPlaneEndpoint: 'cp.k8s.io:1234' }, 'https://cp.k8s.io:1234'],
  [{ controlPlaneEndpoint: '1.2.3.4:1234' }, 'https://1.2.3.4:1234'],
  [{ controlPlaneEndpoint: '[2001:db8::1]:1234' }, 'https://[2001:db8::1]:1234'],
  [{ controlPlaneEndpoint: 'cp.k8s.io', bindPort: 4567, advertiseAddress: '4.5.6.7' }, 'https://cp.k8s.io:4567'],
  [{ controlPlaneEndpoint: '1.2.3.4', bindPort: 4567, advertiseAddress: '4.5.6.7' }, 'https://1.2.3.4:4567'],
  [{ controlPlaneEndpoint: '2001:db8::1', bindPort: 4567, advertiseAddress: '4.5.6.7' }, 'https://[2001:db8::1]:4567'],
  [{ bindPort: 4567, advertiseAddress: '4.5.6.7' }, 'https://4.5.6.7:4567'],
  [{ bindPort: 4567, advertiseAddress: '2001:db8::1' }, 'https://[2001:db8::1]:4567'],
] as const)
  test(`admin.conf goes to ${expected}`, () => assert.is(serverOf('admin.conf', cluster(facts), 'init'), expected))

const [COMMON, LOCAL] = ['https://api.example.org:8443', 'https://10.0.0.10:6443']
const behind = { controlPlaneEndpoint: 'api.example.org:8443' }
const on = { ...behind, featureGates: { ControlPlaneKubeletLocalMode: true } }
const off = { ...behind, featureGates: { ControlPlaneKubeletLocalMode: false } }
for (const [id, minor, role, facts, expected] of [
  ['admin.conf', 36, 'init', behind, COMMON],
  ['super-admin.conf', 36, 'init', behind, COMMON],
  // controller manager and scheduler talk to their own API server only (kubeadm.k8s.io, since v1.19).
  ['controller-manager.conf', 20, 'init', behind, LOCAL],
  ['controller-manager.conf', 36, 'control-plane', behind, LOCAL],
  ['scheduler.conf', 36, 'init', behind, LOCAL],
  ['kubelet.conf', 20, 'init', behind, COMMON],
  ['kubelet.conf', 30, 'init', on, COMMON],
  ['kubelet.conf', 31, 'init', on, LOCAL],
  ['kubelet.conf', 32, 'init', behind, COMMON],
  ['kubelet.conf', 32, 'init', on, LOCAL],
  ['kubelet.conf', 33, 'init', behind, LOCAL],
  ['kubelet.conf', 33, 'init', off, COMMON],
  ['kubelet.conf', 33, 'control-plane', behind, LOCAL],
  ['kubelet.conf', 36, 'init', off, LOCAL],
  ['kubelet.conf', 33, 'worker', behind, COMMON],
  ['kubelet.conf', 36, 'worker', behind, COMMON],
] as readonly (readonly [KubeconfigId, number, Role, Partial<ClusterFacts>, string])[])
  test(`${id} of ${role} in 1.${minor} goes to ${expected}`, () =>
    assert.is(serverOf(id, version(minor, facts), role), expected))

test.run()
