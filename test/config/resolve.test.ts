import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { describeEffective, formatOrigin } from '../../lib/config/describe.js'
import { configurationOf, FACT_FLAGS, FACT_SOURCES, type FlagFacts, factsOf } from '../../lib/config/facts.js'
import { type ConfigProblem, formatProblem } from '../../lib/config/problems.js'
import { type DescriptionSources, parseDescription, resolveDescription } from '../../lib/config/resolve.js'
import { wantedCertificate } from '../../lib/kubernetes/catalogue.js'
import { FACT_FIELDS } from '../../lib/kubernetes/cluster.js'
import { rejects, testContext } from '../support/context.js'

const vector = (name: string) => readFileSync(new URL(`../vectors/config/${name}`, import.meta.url), 'utf8')
const HOST = { hostname: 'host-1', defaultAddress: { address: '192.0.2.9', interface: 'eth0' } }
const resolve = (text: string | undefined, flags: FlagFacts = {}, host: DescriptionSources['host'] = HOST) =>
  resolveDescription({ ...(text === undefined ? {} : { file: { text, name: 'k.yaml' } }), flags, host }, testContext())
const brief = ({ severity, code, field, file, line, column, flag }: ConfigProblem) =>
  `${severity} ${code} ${field} ${flag ?? (file === undefined ? '-' : `${line}:${column}`)}`

const CLUSTER = 'apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n'
const INIT = 'apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n'
const JOIN =
  'apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\ndiscovery: {file: {kubeConfigPath: /d.conf}}\n'

test('without file and flags the host is asked, and defaults do the rest', async () => {
  const { cluster, origins, problems, role, configuration } = await resolve(undefined)
  assert.equal(problems, [])
  assert.is(cluster?.nodeName, 'host-1')
  assert.is(cluster?.advertiseAddress.text, '192.0.2.9')
  assert.is(cluster?.kubernetesVersion.minor, 36)
  assert.equal(origins.nodeName, { kind: 'detected', from: 'hostname' })
  assert.equal(origins.advertiseAddress, { kind: 'detected', from: 'interface eth0' })
  assert.equal(origins.serviceSubnet, { kind: 'default' })
  assert.is(role, undefined)
  assert.equal(configuration, { carried: [] })
})

test('the host is asked only for what nobody said', async () => {
  const asked: string[] = []
  const host = {
    hostname: () => void asked.push('hostname') as undefined,
    defaultAddress: async () => {
      asked.push('address')
      return { address: '192.0.2.9', interface: 'eth0' }
    },
  }
  const text = `${INIT}nodeRegistration: {name: CP-1}\nlocalAPIEndpoint: {advertiseAddress: 10.0.0.1}\n`
  assert.is((await resolve(text, {}, host)).cluster?.nodeName, 'cp-1')
  assert.equal(asked, [])
  await resolve(text.replace('10.0.0.1', '0.0.0.0'), {}, host)
  assert.equal(asked, ['address'])
})

test('nothing known about the host: both are said, and the rest is judged as well', async () => {
  const { problems, cluster } = await resolve(`${CLUSTER}networking: {serviceSubnet: a}\n`, {}, {})
  assert.equal(problems.map(brief), [
    'error KPKI_FIELD_VALUE nodeRegistration.name -',
    'error KPKI_ADDRESS_UNKNOWN localAPIEndpoint.advertiseAddress -',
    'error KPKI_FIELD_VALUE networking.serviceSubnet 3:29',
  ])
  assert.match(String(problems[1]?.hint), '--apiserver-advertise-address')
  assert.is(cluster, undefined)
})

test('flag over file over default', async () => {
  const text = `${CLUSTER}clusterName: a\nnetworking: {serviceSubnet: 10.1.0.0/16}\ncontrolPlaneEndpoint: lb:6443\napiServer: {certSANs: [a.example]}\n`
  const { facts, origins, cluster } = await resolve(text, {
    serviceSubnet: '10.2.0.0/16',
    apiServerCertSans: ['b.example,c.example', '10.0.0.9'],
    bindPort: '7443',
    featureGates: 'A=true,B=False',
    controlPlaneEndpoint: '',
  })
  assert.is(facts.serviceSubnet, '10.2.0.0/16')
  assert.equal(facts.apiServerCertSans, ['b.example', 'c.example', '10.0.0.9'])
  assert.is(facts.bindPort, 7443)
  assert.equal(facts.featureGates, { A: true, B: false })
  assert.is(cluster?.controlPlaneEndpoint, undefined)
  assert.equal(origins.serviceSubnet, { kind: 'flag', flag: '--service-cidr' })
  assert.equal(origins.clusterName, { kind: 'file', file: 'k.yaml', line: 3, column: 14 })
  assert.equal(origins.podSubnet, { kind: 'default' })
})

test('empty text in a file means unset', async () => {
  const { problems, origins } = await resolve(
    `${CLUSTER}clusterName: ""\nkubernetesVersion: ""\nnetworking: {serviceSubnet: "", dnsDomain: ""}\n---\n${INIT}localAPIEndpoint: {bindPort: 0, advertiseAddress: "::"}\nnodeRegistration: {name: ""}\n`,
  )
  assert.equal(problems, [])
  assert.equal([...new Set(Object.values(origins).map(({ kind }) => kind))].sort(), ['default', 'detected'])
})

const PLACES: readonly [name: string, text: string, flags: FlagFacts, ...problems: string[]][] = [
  [
    'a CIDR',
    `${CLUSTER}networking:\n  podSubnet: 10.0.0.0/33\n`,
    {},
    'error KPKI_FIELD_VALUE networking.podSubnet 4:14',
  ],
  [
    'host bits',
    `${CLUSTER}networking:\n  podSubnet: 10.0.0.1/16\n`,
    {},
    'warning KPKI_FIELD_VALUE networking.podSubnet 4:14',
  ],
  [
    'a SAN',
    `${CLUSTER}apiServer:\n  certSANs:\n  - a\n  - "-b"\n`,
    {},
    'error KPKI_FIELD_VALUE apiServer.certSANs[1] 6:5',
  ],
  [
    'a SAN behind a wrong one',
    `${CLUSTER}apiServer:\n  certSANs:\n  - 1\n  - "-b"\n`,
    {},
    'error KPKI_FIELD_TYPE apiServer.certSANs[0] 5:5',
    'error KPKI_FIELD_VALUE apiServer.certSANs[1] 6:5',
  ],
  [
    'an etcd SAN',
    `${CLUSTER}etcd: {local: {peerCertSANs: [a, 10.0.0.256]}}\n`,
    {},
    'error KPKI_FIELD_VALUE etcd.local.peerCertSANs[1] 3:34',
  ],
  ['a node name', `${INIT}nodeRegistration:\n  name: a_b\n`, {}, 'error KPKI_FIELD_VALUE nodeRegistration.name 4:9'],
  ['an endpoint', `${CLUSTER}controlPlaneEndpoint: "a b:1"\n`, {}, 'error KPKI_FIELD_VALUE controlPlaneEndpoint 3:23'],
  [
    'a period',
    `${CLUSTER}certificateValidityPeriod: 0s\n`,
    {},
    'error KPKI_FIELD_VALUE certificateValidityPeriod 3:28',
  ],
  [
    'a period that is none',
    `${CLUSTER}certificateValidityPeriod: 1y\n`,
    {},
    'error KPKI_FIELD_VALUE certificateValidityPeriod 3:28',
  ],
  ['a version', `${CLUSTER}kubernetesVersion: v1.2.3\n`, {}, 'error KPKI_VERSION_UNSUPPORTED kubernetesVersion 3:20'],
  [
    'an address',
    `${INIT}localAPIEndpoint: {advertiseAddress: 224.0.0.1}\n`,
    {},
    'error KPKI_FIELD_VALUE localAPIEndpoint.advertiseAddress 3:38',
  ],
  [
    'an address to join with',
    `${JOIN}controlPlane: {localAPIEndpoint: {advertiseAddress: x}}\n`,
    {},
    'error KPKI_FIELD_VALUE localAPIEndpoint.advertiseAddress 4:53',
  ],
  [
    'an etcd elsewhere',
    `${CLUSTER}etcd:\n  external:\n    endpoints: [https://a:2379, ftp://b]\n`,
    {},
    'error KPKI_FIELD_VALUE etcd.external.endpoints[1] 5:33',
  ],
  [
    'an etcd elsewhere without endpoints',
    `${CLUSTER}etcd: {external: {caFile: /a}}\n`,
    {},
    'error KPKI_FIELD_VALUE etcd.external.endpoints 3:18',
  ],
  [
    'etcd here and there',
    `${CLUSTER}etcd: {local: {peerCertSANs: [a]}, external: {endpoints: [https://a:2379]}}\n`,
    {},
    'error KPKI_FIELD_CONFLICT etcd.external 3:46',
  ],
  [
    'ECDSA by gate',
    `apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\nfeatureGates: {PublicKeysECDSA: true}\nkubernetesVersion: v1.30.0\n`,
    {},
  ],
  ['an algorithm', `${CLUSTER}encryptionAlgorithm: RSA-1024\n`, {}, 'error KPKI_FIELD_VALUE encryptionAlgorithm 3:22'],
  [
    'a flag',
    `${CLUSTER}networking: {podSubnet: 10.0.0.0/16}\n`,
    { podSubnet: 'x' },
    'error KPKI_FIELD_VALUE networking.podSubnet --pod-network-cidr',
  ],
  [
    'a flag over a mistake',
    `${CLUSTER}clusterName: 1\n`,
    { clusterName: '' },
    'error KPKI_FIELD_TYPE clusterName 3:14',
    'error KPKI_FIELD_VALUE clusterName --cluster-name',
  ],
  ['a port flag', '', { bindPort: '64x' }, 'error KPKI_FIELD_VALUE localAPIEndpoint.bindPort --apiserver-bind-port'],
  [
    'a large port flag',
    '',
    { bindPort: '70000' },
    'error KPKI_FIELD_VALUE localAPIEndpoint.bindPort --apiserver-bind-port',
  ],
  ['a gates flag', '', { featureGates: 'A' }, 'error KPKI_FIELD_VALUE featureGates --feature-gates'],
  ['a name flag', '', { nodeName: '' }, 'error KPKI_FIELD_VALUE nodeRegistration.name --node-name'],
  [
    'a SAN flag',
    '',
    { apiServerCertSans: 'a,-b' },
    'error KPKI_FIELD_VALUE apiServer.certSANs[1] --apiserver-cert-extra-sans',
  ],
  [
    'an address flag',
    '',
    { advertiseAddress: 'x' },
    'error KPKI_FIELD_VALUE localAPIEndpoint.advertiseAddress --apiserver-advertise-address',
  ],
  ['any address as flag', '', { advertiseAddress: '0.0.0.0' }],
]
for (const [name, text, flags, ...problems] of PLACES) {
  test(`the place of a problem: ${name}`, async () => {
    const description = await resolve(text === '' ? undefined : text, flags)
    assert.equal(description.problems.map(brief), problems)
    assert.is(
      description.cluster === undefined,
      problems.some(problem => problem.startsWith('error')),
    )
  })
}

const ROLES: readonly [text: string, role: string | undefined, nodeName: string, address: string][] = [
  [`${JOIN}nodeRegistration: {name: w-1}\n`, 'worker', 'w-1', '192.0.2.9'],
  [`${JOIN}controlPlane: {}\n`, 'control-plane', 'host-1', '192.0.2.9'],
  [
    `${JOIN}controlPlane: {localAPIEndpoint: {advertiseAddress: 10.0.0.2}}\nnodeRegistration: {name: c-2}\n---\n${CLUSTER}`,
    'control-plane',
    'c-2',
    '10.0.0.2',
  ],
  [`${JOIN}nodeRegistration: {name: w-1}\n---\n${INIT}nodeRegistration: {name: c-1}\n`, undefined, 'c-1', '192.0.2.9'],
  [CLUSTER, undefined, 'host-1', '192.0.2.9'],
]
for (const [text, role, nodeName, address] of ROLES) {
  test(`a host's role and name: ${role} ${nodeName}`, async () => {
    const description = await resolve(text)
    assert.is(description.role, role)
    assert.is(description.cluster?.nodeName, nodeName)
    assert.is(description.cluster?.advertiseAddress.text, address)
  })
}

test('an old description wants the names that its own kubeadm gave', async () => {
  for (const name of ['full.v1beta2.yaml', 'full.v1beta1.yaml']) {
    // v1beta2 reads what v1beta1 had.
    const text = vector(`kubeadm-v1.20.2/${name}`).replaceAll('v1beta1', 'v1beta2')
    const { cluster, problems, origins } = await resolve(text, {}, {})
    if (!cluster) throw new Error(problems.map(formatProblem).join('\n'))
    const sections = vector('kubeadm-v1.20.2/full.sans.txt').split(/^(?=[a-z])/m)
    for (const section of sections) {
      const [head = '', ...names] = section.trim().split('\n')
      const id = head.replace('/', '-') as 'apiserver' | 'etcd-server' | 'etcd-peer'
      const { dnsNames, ipAddresses } = wantedCertificate(id, cluster)
      const theirs = names.map(entry => entry.replace(/^(DNS|IPAddress):/, '').toLowerCase())
      const openssl = (ip: string) => ip.replace('::1', '0:0:0:0:0:0:0:1').replace('fd00::7', 'fd00:0:0:0:0:0:0:7')
      assert.equal([...dnsNames, ...ipAddresses.map(openssl)].sort(), theirs.sort(), id)
    }
    assert.is(cluster.encryptionAlgorithm, 'ECDSA-P256')
    assert.is(origins.encryptionAlgorithm.kind, 'file')
    assert.is(cluster.bindPort, 7443)
  }
})

test('facts and configuration are two forms of one thing', async () => {
  const { facts } = await resolve(vector('kubeadm-v1.20.2/full.v1beta2.yaml'), {}, {})
  assert.equal(factsOf(configurationOf(facts)), facts)
  assert.equal(configurationOf({ clusterName: 'a', apiServerCertSans: [] }), {
    ClusterConfiguration: { clusterName: 'a' },
    carried: [],
  })
})

test('every effective value is shown with its origin, none of them secret', async () => {
  const text = `${INIT}certificateKey: ${'ab'.repeat(32)}\nbootstrapTokens: [{token: abcdef.0123456789abcdef}]\n---\n${CLUSTER}controlPlaneEndpoint: LB.example\n`
  const { cluster, origins } = await resolve(text, { podSubnet: '10.9.0.0/16,fd00::/56' })
  if (!cluster) throw new Error('no cluster')
  const rows = describeEffective(cluster, origins)
  assert.equal(
    rows.map(({ field }) => field),
    Object.values(FACT_FIELDS),
  )
  const shown = Object.fromEntries(rows.map(({ field, value, origin }) => [field, [value, formatOrigin(origin)]]))
  assert.equal(shown['controlPlaneEndpoint'], ['lb.example:6443', 'k.yaml:8:23'])
  assert.equal(shown['networking.podSubnet'], ['10.9.0.0/16,fd00::/56', '--pod-network-cidr'])
  assert.equal(shown['nodeRegistration.name'], ['host-1', 'hostname'])
  assert.equal(shown['localAPIEndpoint.advertiseAddress'], ['192.0.2.9', 'interface eth0'])
  assert.equal(shown['certificateValidityPeriod'], ['8760h0m0s', 'default'])
  assert.equal(shown['etcd.external'], [null, 'default'])
  assert.not.match(JSON.stringify(rows), /abab|abcdef/)
})

test('parseDescription throws the first error, and logs warnings', async () => {
  const logged: string[] = []
  const context = testContext({ log: ({ message }) => void logged.push(message) })
  const sources = (text: string) => ({ file: { text, name: 'k.yaml' }, host: HOST })
  const { cluster } = await parseDescription(sources(`${CLUSTER}networking: {podSubnet: 10.0.0.1/16}\n`), context)
  assert.is(cluster.podSubnets[0]?.text, '10.0.0.0/16')
  assert.is(logged.length, 1)
  const { code, details, message } = await rejects(
    parseDescription(sources(`${CLUSTER}a: 1\nclusterName: 2\n`), context),
  )
  assert.is(code, 'KPKI_FIELD_UNKNOWN')
  assert.equal(details, { field: 'a', problems: 2, file: 'k.yaml', line: 3, column: 1 })
  assert.ok(message.startsWith('k.yaml:3:1: a: '))
})

test('every fact has a place, and every flag a fact', () => {
  assert.equal(Object.keys(FACT_SOURCES), Object.keys(FACT_FIELDS))
  for (const name of Object.keys(FACT_SOURCES) as (keyof typeof FACT_SOURCES)[])
    assert.is(FACT_SOURCES[name].path.join('.'), FACT_FIELDS[name])
  assert.ok(Object.keys(FACT_FLAGS).every(name => Object.hasOwn(FACT_FIELDS, name)))
})

test.run()
