import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { LogEvent } from '../../lib/context.js'
import { UsageError } from '../../lib/errors.js'
import {
  type ClusterFacts,
  checkCluster,
  FACT_FIELDS,
  parseCluster,
  serviceAddress,
} from '../../lib/kubernetes/cluster.js'
import { quote } from '../../lib/kubernetes/cluster-fields.js'
import { rejects, testContext } from '../support/context.js'

const LEAST: ClusterFacts = { nodeName: 'cp-1', advertiseAddress: '10.0.0.10' }
const check = (facts: Partial<ClusterFacts>) => checkCluster({ ...LEAST, ...facts }, testContext())

test('two facts are enough; the rest are kubeadm defaults', () => {
  const { cluster, problems } = check({})
  assert.equal(problems, [])
  assert.is(cluster?.nodeName, 'cp-1')
  assert.is(cluster?.advertiseAddress.text, '10.0.0.10')
  assert.is(cluster?.bindPort, 6443)
  assert.is(cluster?.controlPlaneEndpoint, undefined)
  assert.is(cluster?.clusterName, 'kubernetes')
  assert.equal(
    cluster?.serviceSubnets.map(({ text }) => text),
    ['10.96.0.0/12'],
  )
  assert.equal(cluster?.podSubnets, [])
  assert.is(cluster?.dnsDomain, 'cluster.local')
  assert.is(cluster?.certificatesDir, '/etc/kubernetes/pki')
  assert.is(cluster?.encryptionAlgorithm, 'RSA-2048')
  assert.is(cluster?.certificateValiditySeconds, 8760 * 3600)
  assert.is(cluster?.caCertificateValiditySeconds, 87_600 * 3600)
  assert.equal([cluster?.apiServerCertSans, cluster?.etcdServerCertSans, cluster?.etcdPeerCertSans], [[], [], []])
  assert.is(cluster?.externalEtcd, undefined)
  assert.equal(cluster?.featureGates, {})
})

// What is taken, and what becomes of it.
for (const [name, facts, actual] of [
  ['host names are trimmed and lower-cased', { nodeName: '  CP-1.Example ' }, ['nodeName', 'cp-1.example']],
  ['52 characters of node name', { nodeName: 'a'.repeat(52) }, ['nodeName', 'a'.repeat(52)]],
  [
    'an endpoint without a port gets bindPort',
    { controlPlaneEndpoint: 'api.example', bindPort: 8443 },
    ['controlPlaneEndpoint', { host: 'api.example', port: 8443 }],
  ],
  [
    'an endpoint in capitals',
    { controlPlaneEndpoint: 'API.Example:6443' },
    ['controlPlaneEndpoint', { host: 'api.example', port: 6443 }],
  ],
  [
    'an endpoint with a bare IPv6 address',
    { controlPlaneEndpoint: 'FD00::1' },
    ['controlPlaneEndpoint', { host: 'fd00::1', port: 6443 }],
  ],
  [
    'an endpoint with an IPv6 address and port',
    { controlPlaneEndpoint: '[fd00::1]:6443' },
    ['controlPlaneEndpoint', { host: 'fd00::1', port: 6443 }],
  ],
  ['ECDSA by the old feature gate', { featureGates: { PublicKeysECDSA: true } }, ['encryptionAlgorithm', 'ECDSA-P256']],
  [
    'the algorithm over the gate',
    { featureGates: { PublicKeysECDSA: true }, encryptionAlgorithm: 'RSA-3072' },
    ['encryptionAlgorithm', 'RSA-3072'],
  ],
  ['the gate when it is off', { featureGates: { PublicKeysECDSA: false } }, ['encryptionAlgorithm', 'RSA-2048']],
  ['a loopback address (a test cluster)', { advertiseAddress: '127.0.0.1' }, ['bindPort', 6443]],
  ['unique local IPv6', { advertiseAddress: 'fd00::1' }, ['bindPort', 6443]],
  // Go: net.IP.IsGlobalUnicast holds for 240.0.0.0/4, which clouds use.
  ['an address of 240.0.0.0/4', { advertiseAddress: '240.0.0.1' }, ['bindPort', 6443]],
  ['port 1', { bindPort: 1 }, ['bindPort', 1]],
  ['port 65535', { bindPort: 65_535 }, ['bindPort', 65_535]],
  ['the smallest service network', { serviceSubnet: '10.0.0.0/28' }, ['bindPort', 6443]],
  ['the largest service networks', { serviceSubnet: '10.0.0.0/12,fd00::/108' }, ['bindPort', 6443]],
  ['a pod network of any size', { podSubnet: '10.0.0.0/8,fd00::/32' }, ['bindPort', 6443]],
  ['one second', { certificateValidityPeriod: '1s' }, ['certificateValiditySeconds', 1]],
  ['an empty period is the default', { certificateValidityPeriod: '' }, ['certificateValiditySeconds', 8760 * 3600]],
  ['a directory written with slashes', { certificatesDir: '/srv//pki/./' }, ['certificatesDir', '/srv/pki']],
  ['an empty endpoint is none', { controlPlaneEndpoint: '' }, ['controlPlaneEndpoint', undefined]],
] as const) {
  test(`taken without a word: ${name}`, () => {
    const { cluster, problems } = check(facts as Partial<ClusterFacts>)
    assert.equal(problems, [])
    assert.equal(cluster?.[actual[0]], actual[1])
  })
}

const external = (overrides: object = {}) => ({
  externalEtcd: {
    endpoints: ['https://10.0.0.1:2379'],
    caFile: '/ca',
    certFile: '/crt',
    keyFile: '/key',
    ...overrides,
  },
})

// One row per refusal: facts, field. kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/apis/kubeadm/validation/validation.go.
const ERRORS: readonly (readonly [string, Partial<ClusterFacts>, string, string?])[] = [
  ['no node name', { nodeName: '' }, 'nodeRegistration.name'],
  ['blanks for a node name', { nodeName: '  ' }, 'nodeRegistration.name'],
  ['an underscore', { nodeName: 'cp_1' }, 'nodeRegistration.name'],
  ['a final dot', { nodeName: 'cp-1.' }, 'nodeRegistration.name'],
  ['a node name too long', { nodeName: 'a'.repeat(254) }, 'nodeRegistration.name'],
  ['a path', { nodeName: '../../etc' }, 'nodeRegistration.name'],
  ['a node name with a line break', { nodeName: 'cp\n-1' }, 'nodeRegistration.name'],
  ['an address that is a name', { advertiseAddress: 'cp-1' }, 'localAPIEndpoint.advertiseAddress'],
  ['no address', { advertiseAddress: '' }, 'localAPIEndpoint.advertiseAddress'],
  ['an address with a port', { advertiseAddress: '10.0.0.1:6443' }, 'localAPIEndpoint.advertiseAddress'],
  ['an address with a zone', { advertiseAddress: 'fe80::1%eth0' }, 'localAPIEndpoint.advertiseAddress'],
  ['the unspecified address', { advertiseAddress: '0.0.0.0' }, 'localAPIEndpoint.advertiseAddress'],
  ['the unspecified IPv6 address', { advertiseAddress: '::' }, 'localAPIEndpoint.advertiseAddress'],
  ['a multicast address', { advertiseAddress: '224.0.0.1' }, 'localAPIEndpoint.advertiseAddress'],
  ['the last multicast address', { advertiseAddress: '239.255.255.255' }, 'localAPIEndpoint.advertiseAddress'],
  ['the broadcast address', { advertiseAddress: '255.255.255.255' }, 'localAPIEndpoint.advertiseAddress'],
  ['an IPv6 multicast address', { advertiseAddress: 'ff02::1' }, 'localAPIEndpoint.advertiseAddress'],
  ['a link-local address', { advertiseAddress: '169.254.1.1' }, 'localAPIEndpoint.advertiseAddress'],
  ['an IPv6 link-local address', { advertiseAddress: 'fe80::1' }, 'localAPIEndpoint.advertiseAddress'],
  ['the last IPv6 link-local address', { advertiseAddress: 'febf::1' }, 'localAPIEndpoint.advertiseAddress'],
  ['port 0', { bindPort: 0 }, 'localAPIEndpoint.bindPort'],
  ['port 65536', { bindPort: 65_536 }, 'localAPIEndpoint.bindPort'],
  ['half a port', { bindPort: 6443.5 }, 'localAPIEndpoint.bindPort'],
  ['no number', { bindPort: Number.NaN }, 'localAPIEndpoint.bindPort'],
  ['no version', { kubernetesVersion: 'newest' }, 'kubernetesVersion'],
  ['a version too old', { kubernetesVersion: 'v1.19.16' }, 'kubernetesVersion', 'KPKI_VERSION_UNSUPPORTED'],
  ['no cluster name', { clusterName: '' }, 'clusterName'],
  ['a cluster name of control characters', { clusterName: 'a\nb' }, 'clusterName'],
  ['a cluster name with DEL', { clusterName: 'a\x7fb' }, 'clusterName'],
  ['a cluster name too long', { clusterName: 'a'.repeat(254) }, 'clusterName'],
  ['no network', { serviceSubnet: '10.96.0.0' }, 'networking.serviceSubnet'],
  ['an empty network', { serviceSubnet: '' }, 'networking.serviceSubnet'],
  ['half a pair', { serviceSubnet: '10.96.0.0/12,' }, 'networking.serviceSubnet'],
  ['a service network too small', { serviceSubnet: '10.0.0.0/29' }, 'networking.serviceSubnet'],
  ['a service network too large', { serviceSubnet: '10.0.0.0/11' }, 'networking.serviceSubnet'],
  ['an IPv6 service network too large', { serviceSubnet: 'fd00::/107' }, 'networking.serviceSubnet'],
  ['the second one too large', { serviceSubnet: '10.96.0.0/12,fd00::/64' }, 'networking.serviceSubnet'],
  ['two networks of one family', { serviceSubnet: '10.96.0.0/16,10.97.0.0/16' }, 'networking.serviceSubnet'],
  ['three networks', { serviceSubnet: '10.96.0.0/16,fd00::/112,10.97.0.0/16' }, 'networking.serviceSubnet'],
  ['a pod network too small', { podSubnet: '10.0.0.0/29' }, 'networking.podSubnet'],
  ['no pod network', { podSubnet: 'flannel' }, 'networking.podSubnet'],
  ['two pod networks of one family', { podSubnet: 'fd00::/64,fd01::/64' }, 'networking.podSubnet'],
  ['an empty domain', { dnsDomain: '' }, 'networking.dnsDomain'],
  ['a domain with a final dot', { dnsDomain: 'cluster.local.' }, 'networking.dnsDomain'],
  ['a domain in capitals', { dnsDomain: 'Cluster.Local' }, 'networking.dnsDomain'],
  ['a domain that leaves no room', { dnsDomain: 'a'.repeat(231) }, 'networking.dnsDomain'],
  ['a bad name', { apiServerCertSans: ['good.example', 'a_b'] }, 'apiServer.certSANs[1]'],
  ['a mistyped address', { apiServerCertSans: ['10.0.0.256'] }, 'apiServer.certSANs[0]'],
  ['a URL for a name', { apiServerCertSans: ['https://a.example'] }, 'apiServer.certSANs[0]'],
  ['an empty name', { apiServerCertSans: [''] }, 'apiServer.certSANs[0]'],
  ['a bad name of etcd', { etcdServerCertSans: ['*.*.example'] }, 'etcd.local.serverCertSANs[0]'],
  ['a bad name of etcd peers', { etcdPeerCertSans: ['a b'] }, 'etcd.local.peerCertSANs[0]'],
  [
    '1001 names',
    { apiServerCertSans: Array.from({ length: 1001 }, (_, index) => `h${index}.example`) },
    'apiServer.certSANs',
  ],
  ['an endpoint with a scheme', { controlPlaneEndpoint: 'https://api.example:6443' }, 'controlPlaneEndpoint'],
  ['an endpoint with a path', { controlPlaneEndpoint: 'api.example:6443/x' }, 'controlPlaneEndpoint'],
  ['an endpoint with a wildcard', { controlPlaneEndpoint: '*.example:6443' }, 'controlPlaneEndpoint'],
  ['kubeadm: bad!!cp.k8s.io', { controlPlaneEndpoint: 'bad!!cp.k8s.io' }, 'controlPlaneEndpoint'],
  ['kubeadm: port aaa', { controlPlaneEndpoint: 'cp.k8s.io:aaa' }, 'controlPlaneEndpoint'],
  ['kubeadm: port too large', { controlPlaneEndpoint: 'cp.k8s.io:987654321' }, 'controlPlaneEndpoint'],
  ['kubeadm: port below zero', { controlPlaneEndpoint: 'cp.k8s.io:-987654321' }, 'controlPlaneEndpoint'],
  ['kubeadm: two ports', { controlPlaneEndpoint: 'cp.k8s.io:123:123' }, 'controlPlaneEndpoint'],
  ['an empty port', { controlPlaneEndpoint: 'cp.k8s.io:' }, 'controlPlaneEndpoint'],
  ['port 0 of the endpoint', { controlPlaneEndpoint: 'cp.k8s.io:0' }, 'controlPlaneEndpoint'],
  ['a port alone', { controlPlaneEndpoint: ':6443' }, 'controlPlaneEndpoint'],
  ['a bracket too many', { controlPlaneEndpoint: '::1]' }, 'controlPlaneEndpoint'],
  ['too many colons', { controlPlaneEndpoint: '1::2::3' }, 'controlPlaneEndpoint'],
  ['a mistyped endpoint address', { controlPlaneEndpoint: '10.0.0.300:6443' }, 'controlPlaneEndpoint'],
  ['a relative directory', { certificatesDir: 'pki' }, 'certificatesDir'],
  ['no directory', { certificatesDir: '' }, 'certificatesDir'],
  ['an unknown algorithm', { encryptionAlgorithm: 'Ed25519' }, 'encryptionAlgorithm'],
  ['an algorithm in lower case', { encryptionAlgorithm: 'rsa-2048' }, 'encryptionAlgorithm'],
  ['days', { certificateValidityPeriod: '365d' }, 'certificateValidityPeriod'],
  ['no time', { certificateValidityPeriod: '0' }, 'certificateValidityPeriod'],
  ['less than a second', { certificateValidityPeriod: '999ms' }, 'certificateValidityPeriod'],
  ['time that goes back', { certificateValidityPeriod: '-8760h' }, 'certificateValidityPeriod'],
  ['an unreadable CA period', { caCertificateValidityPeriod: 'ten years' }, 'caCertificateValidityPeriod'],
  ['a period beyond the year 9999', { caCertificateValidityPeriod: '70000000h' }, 'caCertificateValidityPeriod'],
  ['external etcd without endpoints', external({ endpoints: [] }), 'etcd.external.endpoints'],
  [
    'an endpoint that is no URL',
    external({ endpoints: ['https://a.example:2379', 'b.example:2379'] }),
    'etcd.external.endpoints[1]',
  ],
  ['an endpoint of another scheme', external({ endpoints: ['unix:///run/etcd'] }), 'etcd.external.endpoints[0]'],
  ['an endpoint with a path', external({ endpoints: ['https://a.example/x'] }), 'etcd.external.endpoints[0]'],
  ['http with certificates', external({ endpoints: ['http://a.example:2379'] }), 'etcd.external.endpoints[0]'],
  ['a certificate without its key', external({ keyFile: '' }), 'etcd.external'],
  ['a key without its certificate', external({ certFile: '' }), 'etcd.external'],
  ['a certificate without a CA', external({ caFile: '' }), 'etcd.external.caFile'],
  ['a relative CA file', external({ caFile: 'ca.crt' }), 'etcd.external.caFile'],
  ['a relative certificate file', external({ certFile: 'a.crt' }), 'etcd.external.certFile'],
  ['a relative key file', external({ keyFile: 'a.key' }), 'etcd.external.keyFile'],
]
for (const [name, facts, field, code = 'KPKI_FIELD_VALUE'] of ERRORS) {
  test(`refused: ${name} (${field})`, async () => {
    const { cluster, problems } = check(facts)
    assert.is(cluster, undefined)
    const errors = problems.filter(({ severity }) => severity === 'error')
    assert.equal(
      errors.map(problem => [problem.field, problem.code]),
      [[field, code]],
    )
    for (const { message, hint = '' } of errors) assert.not.match(message + hint, /\p{Cc}/u)
    const error = await rejects(() => parseCluster({ ...LEAST, ...facts }, testContext()))
    assert.instance(error, UsageError)
    assert.is(error.code, code)
    assert.is(error.details['field'], field)
  })
}

test('local and external etcd exclude each other', async () => {
  const facts = { ...external(), etcdServerCertSans: ['a.example'] }
  const { cluster, problems } = check(facts)
  assert.is(cluster, undefined)
  assert.equal(
    problems.map(({ code, field }) => [code, field]),
    [['KPKI_FIELD_CONFLICT', 'etcd.external']],
  )
  assert.is((await rejects(() => parseCluster({ ...LEAST, ...facts }, testContext()))).code, 'KPKI_FIELD_CONFLICT')
})

test('external etcd over http, when nothing is signed', () => {
  const { cluster, problems } = check({ externalEtcd: { endpoints: ['http://a.example:2379'] } })
  assert.equal(problems, [])
  assert.ok(cluster?.externalEtcd)
})

const WARNINGS: readonly (readonly [string, Partial<ClusterFacts>, string])[] = [
  ['53 characters of node name', { nodeName: 'a'.repeat(53) }, 'nodeRegistration.name'],
  ['a version that is not known yet', { kubernetesVersion: 'v1.38.0' }, 'kubernetesVersion'],
  ['an endpoint on another port', { controlPlaneEndpoint: 'api.example:8443' }, 'controlPlaneEndpoint'],
  ['host bits in the service network', { serviceSubnet: '10.96.0.1/12' }, 'networking.serviceSubnet'],
  ['host bits in the pod network', { podSubnet: '10.244.1.0/16' }, 'networking.podSubnet'],
  ['site-local addresses', { podSubnet: 'fec0::/64' }, 'networking.podSubnet'],
  [
    'an algorithm that kubeadm 1.30 has not',
    { kubernetesVersion: 'v1.30.0', encryptionAlgorithm: 'RSA-4096' },
    'encryptionAlgorithm',
  ],
  ['P-384 before 1.34', { kubernetesVersion: 'v1.33.0', encryptionAlgorithm: 'ECDSA-P384' }, 'encryptionAlgorithm'],
  ['two years', { certificateValidityPeriod: '17520h' }, 'certificateValidityPeriod'],
  ['twenty years', { caCertificateValidityPeriod: '175200h' }, 'caCertificateValidityPeriod'],
]
for (const [name, facts, field] of WARNINGS) {
  test(`taken with a warning: ${name} (${field})`, () => {
    const { cluster, problems } = check(facts)
    assert.ok(cluster)
    assert.equal(
      problems.map(problem => [problem.severity, problem.field]),
      [['warning', field]],
    )
    const events: LogEvent[] = []
    parseCluster({ ...LEAST, ...facts }, testContext({ log: event => void events.push(event) }))
    assert.equal(
      events.map(({ level }) => level),
      ['warning'],
    )
    assert.match(events[0]?.message ?? '', field)
  })
}

test('networks are normalised', () => {
  const { cluster } = check({ serviceSubnet: '10.97.3.4/16, FD00:0::5/112' })
  assert.equal(
    cluster?.serviceSubnets.map(({ text }) => text),
    ['10.97.0.0/16', 'fd00::/112'],
  )
  assert.is(cluster && serviceAddress(cluster).text, '10.97.0.1')
})

test('all problems are told at once, in the order of the fields', () => {
  const { problems } = check({
    nodeName: '_',
    advertiseAddress: 'x',
    bindPort: 0,
    serviceSubnet: 'y',
    certificateValidityPeriod: 'z',
  })
  assert.equal(
    problems.map(({ field }) => field),
    [
      'nodeRegistration.name',
      'localAPIEndpoint.advertiseAddress',
      'localAPIEndpoint.bindPort',
      'networking.serviceSubnet',
      'certificateValidityPeriod',
    ],
  )
})

test('every fact has a field of kubeadm, no two the same', () => {
  assert.is(new Set(Object.values(FACT_FIELDS)).size, Object.keys(FACT_FIELDS).length)
})

test('values in messages are one short line', () => {
  assert.is(quote('a\nb'), '"a\\nb"')
  assert.ok(quote('x'.repeat(1000)).length <= 80)
  assert.not.match(quote('\u001b[31m'), '\u001b')
})

test.run()
