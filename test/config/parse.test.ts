import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CHECKS } from '../../lib/config/checks.js'
import { type ParsedConfiguration, parseConfiguration } from '../../lib/config/parse.js'
import { type ConfigProblem, formatPath, nearestName, throwFirst } from '../../lib/config/problems.js'
import { KINDS, STRUCTS, type StructName } from '../../lib/config/schema.js'
import { rejects } from '../support/context.js'

const vector = (name: string) => readFileSync(new URL(`../vectors/config/${name}`, import.meta.url), 'utf8')
const read = (text: string): ParsedConfiguration => parseConfiguration(text, 'k.yaml')
const brief = ({ code, field, line, column }: ConfigProblem) => `${code} ${field} ${line}:${column}`

const CLUSTER = 'apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n'
const INIT = 'apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n'
const JOIN = 'apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\n'
const OLD = 'apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\n'
const TOKEN = 'abcdef.0123456789abcdef'
const PIN = `sha256:${'0123456789abcdef'.repeat(4)}`

const PROBLEMS: readonly [name: string, text: string, ...problems: string[]][] = [
  ['nothing', ''],
  ['comments', '# nothing\n'],
  ['a null document', '---\nnull\n---\n~\n'],
  ['both kinds', `${CLUSTER}---\n${INIT}`],
  ['JSON', '{"apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "ClusterConfiguration", "clusterName": "a"}'],
  ['go-yaml booleans', `${CLUSTER}dns: {disabled: yes}\nproxy: {disabled: off}\nfeatureGates: {A: on}\n`],
  ['null fields', `${CLUSTER}clusterName: null\nnetworking: ~\napiServer:\n  certSANs:\n`],
  ['component configurations', 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nanything: 1\n'],

  ['a list as document', '- a\n', 'KPKI_CONFIG_KIND  1:1'],
  ['text as document', 'hello\n', 'KPKI_CONFIG_KIND  1:1'],
  ['no apiVersion', `---\nkind: ClusterConfiguration\n`, 'KPKI_CONFIG_API_VERSION  2:1'],
  ['no kind', 'apiVersion: kubeadm.k8s.io/v1beta4\n', 'KPKI_CONFIG_KIND  1:1'],
  ['a numeric apiVersion', 'apiVersion: 1\nkind: ClusterConfiguration\n', 'KPKI_CONFIG_API_VERSION  1:1'],
  ['another group', 'apiVersion: v1\nkind: ConfigMap\n', 'KPKI_CONFIG_API_VERSION apiVersion 1:13'],
  [
    'the next version',
    'apiVersion: kubeadm.k8s.io/v1\nkind: ClusterConfiguration\n',
    'KPKI_CONFIG_API_VERSION apiVersion 1:13',
  ],
  [
    'a version before',
    'kind: ClusterConfiguration\napiVersion: kubeadm.k8s.io/v1beta1\n',
    'KPKI_CONFIG_API_VERSION apiVersion 2:13',
  ],
  [
    'a prototype as version',
    'apiVersion: kubeadm.k8s.io/constructor\nkind: __proto__\n',
    'KPKI_CONFIG_API_VERSION apiVersion 1:13',
  ],
  ['a prototype as kind', 'apiVersion: kubeadm.k8s.io/v1beta4\nkind: __proto__\n', 'KPKI_CONFIG_KIND kind 2:7'],
  ['an unknown kind', 'apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfig\n', 'KPKI_CONFIG_KIND kind 2:7'],
  ['a kind of later', 'apiVersion: kubeadm.k8s.io/v1beta3\nkind: ResetConfiguration\n', 'KPKI_CONFIG_KIND kind 2:7'],
  ['a fleet', 'apiVersion: kpki.dev/v1alpha1\nkind: Fleet\n', 'KPKI_CONFIG_KIND kind 2:7'],
  [
    'the kubelet of tomorrow',
    'apiVersion: kubelet.config.k8s.io/v1\nkind: KubeletConfiguration\n',
    'KPKI_CONFIG_API_VERSION apiVersion 1:13',
  ],
  ['a kind twice', `${CLUSTER}---\n${OLD}`, 'KPKI_CONFIG_KIND kind 5:7'],
  ['not YAML', `${CLUSTER}a: b: c\n`, 'KPKI_CONFIG_SYNTAX  3:4'],
  ['a tab', `${CLUSTER}networking:\n\tdnsDomain: a\n`, 'KPKI_CONFIG_SYNTAX  4:1'],
  ['binary', `${CLUSTER}\u0000`, 'KPKI_CONFIG_SYNTAX  3:1'],

  ['an unknown field', `${CLUSTER}clusterNam: a\n`, 'KPKI_FIELD_UNKNOWN clusterNam 3:1'],
  ['a field in the wrong case', `${CLUSTER}ClusterName: a\n`, 'KPKI_FIELD_UNKNOWN ClusterName 3:1'],
  [
    'an unknown field below',
    `${CLUSTER}networking:\n  serviceCIDR: a\n`,
    'KPKI_FIELD_UNKNOWN networking.serviceCIDR 4:3',
  ],
  ['__proto__ as field', `${CLUSTER}__proto__: {clusterName: a}\n`, 'KPKI_FIELD_UNKNOWN __proto__ 3:1'],
  [
    'constructor as field',
    `${CLUSTER}networking: {constructor: 1}\n`,
    'KPKI_FIELD_UNKNOWN networking.constructor 3:14',
  ],
  ['a field of later', `${OLD}encryptionAlgorithm: RSA-2048\n`, 'KPKI_FIELD_UNKNOWN encryptionAlgorithm 3:1'],
  [
    'a field of earlier',
    `${CLUSTER}apiServer: {timeoutForControlPlane: 4m}\n`,
    'KPKI_FIELD_UNKNOWN apiServer.timeoutForControlPlane 3:13',
  ],
  [
    'a duplicate field',
    `${CLUSTER}clusterName: a\nnetworking: {}\n"clusterName": b\n`,
    'KPKI_FIELD_DUPLICATE clusterName 5:1',
  ],
  ['a number for a name', `${CLUSTER}clusterName: 123\n`, 'KPKI_FIELD_TYPE clusterName 3:14'],
  ['a number for a version', `${CLUSTER}kubernetesVersion: 1.30\n`, 'KPKI_FIELD_TYPE kubernetesVersion 3:20'],
  [
    'a string for a port',
    `${INIT}localAPIEndpoint: {bindPort: "6443"}\n`,
    'KPKI_FIELD_TYPE localAPIEndpoint.bindPort 3:30',
  ],
  [
    'a huge port',
    `${INIT}localAPIEndpoint: {bindPort: 4294967296}\n`,
    'KPKI_FIELD_TYPE localAPIEndpoint.bindPort 3:30',
  ],
  ['half a port', `${INIT}localAPIEndpoint: {bindPort: 1.5}\n`, 'KPKI_FIELD_TYPE localAPIEndpoint.bindPort 3:30'],
  ['a quoted boolean', `${CLUSTER}dns: {disabled: "true"}\n`, 'KPKI_FIELD_TYPE dns.disabled 3:17'],
  ['text for a mapping', `${CLUSTER}networking: none\n`, 'KPKI_FIELD_TYPE networking 3:13'],
  ['text for a list', `${CLUSTER}apiServer: {certSANs: a}\n`, 'KPKI_FIELD_TYPE apiServer.certSANs 3:23'],
  ['a mapping for a list', `${CLUSTER}apiServer: {certSANs: {a: b}}\n`, 'KPKI_FIELD_TYPE apiServer.certSANs 3:23'],
  ['a null name', `${CLUSTER}apiServer: {certSANs: [null]}\n`, 'KPKI_FIELD_TYPE apiServer.certSANs[0] 3:24'],
  ['a gate that is no boolean', `${CLUSTER}featureGates: {A: "true"}\n`, 'KPKI_FIELD_TYPE featureGates.A 3:19'],
  [
    'a mapping of arguments',
    `${CLUSTER}scheduler: {extraArgs: {v: "4"}}\n`,
    'KPKI_FIELD_TYPE scheduler.extraArgs 3:24',
  ],
  [
    'a list of arguments, too early',
    `${OLD}scheduler:\n  extraArgs:\n  - {name: v, value: "4"}\n`,
    'KPKI_FIELD_TYPE scheduler.extraArgs 5:3',
  ],
  [
    'a numeric argument',
    `${CLUSTER}scheduler:\n  extraArgs:\n  - name: v\n    value: 4\n`,
    'KPKI_FIELD_TYPE scheduler.extraArgs[0].value 6:12',
  ],
  ['a boolean argument', `${OLD}scheduler: {extraArgs: {a: true}}\n`, 'KPKI_FIELD_TYPE scheduler.extraArgs.a 3:28'],
  [
    'an argument without name',
    `${CLUSTER}scheduler: {extraArgs: [{value: a}]}\n`,
    'KPKI_FIELD_VALUE scheduler.extraArgs[0] 3:25',
  ],
  [
    'an argument with more',
    `${CLUSTER}scheduler: {extraArgs: [{name: a, valu: b}]}\n`,
    'KPKI_FIELD_UNKNOWN scheduler.extraArgs[0].valu 3:35',
  ],
  ['a wrong duration', `${CLUSTER}certificateValidityPeriod: 10d\n`, 'KPKI_FIELD_VALUE certificateValidityPeriod 3:28'],
  [
    'a wrong time',
    `${INIT}bootstrapTokens: [{token: ${TOKEN}, expires: tomorrow}]\n`,
    'KPKI_FIELD_VALUE bootstrapTokens[0].expires 3:61',
  ],
  [
    'a wrong taint',
    `${INIT}nodeRegistration: {taints: [{key: a, effect: Never}]}\n`,
    'KPKI_FIELD_VALUE nodeRegistration.taints[0].effect 3:46',
  ],
  [
    'a wrong pull policy',
    `${INIT}nodeRegistration: {imagePullPolicy: never}\n`,
    'KPKI_FIELD_VALUE nodeRegistration.imagePullPolicy 3:37',
  ],
  [
    'a wrong token',
    `${INIT}bootstrapTokens:\n- token: ABCDEF.0123456789abcdef\n`,
    'KPKI_FIELD_VALUE bootstrapTokens[0].token 4:10',
  ],
  [
    'a token of digits',
    `${INIT}bootstrapTokens:\n- token: 123456.0123456789012345\n`,
    'KPKI_FIELD_TYPE bootstrapTokens[0].token 4:10',
  ],
  [
    'ttl and expires',
    `${INIT}bootstrapTokens:\n- ttl: 1h\n  expires: 2030-01-01T00:00:00Z\n`,
    'KPKI_FIELD_CONFLICT bootstrapTokens[0].expires 5:12',
  ],
  [
    'a wrong usage and group',
    `${INIT}bootstrapTokens: [{usages: [all], groups: [admins]}]\n`,
    'KPKI_FIELD_VALUE bootstrapTokens[0].usages[0] 3:29',
    'KPKI_FIELD_CONFLICT bootstrapTokens[0].groups 3:43',
    'KPKI_FIELD_VALUE bootstrapTokens[0].groups[0] 3:44',
  ],
  ['a short certificate key', `${INIT}certificateKey: abc\n`, 'KPKI_FIELD_VALUE certificateKey 3:17'],
  [
    'all and more',
    `${INIT}nodeRegistration: {ignorePreflightErrors: [all, Swap]}\n`,
    'KPKI_FIELD_VALUE nodeRegistration.ignorePreflightErrors 3:43',
  ],
  [
    'etcd here and there',
    `${CLUSTER}etcd:\n  local: {}\n  external: {endpoints: [https://a:2379]}\n`,
    'KPKI_FIELD_CONFLICT etcd.external 5:13',
  ],
  ['no discovery', `${JOIN}discovery: {}\n`, 'KPKI_FIELD_VALUE discovery 3:12'],
  [
    'two discoveries',
    `${JOIN}discovery: {file: {kubeConfigPath: a}, bootstrapToken: {token: ${TOKEN}, apiServerEndpoint: "a:1", caCertHashes: ["${PIN}"]}}\n`,
    'KPKI_FIELD_CONFLICT discovery.file 3:19',
  ],
  [
    'a discovery without a pin',
    `${JOIN}discovery: {bootstrapToken: {token: ${TOKEN}, apiServerEndpoint: a}}\n`,
    'KPKI_FIELD_VALUE discovery.bootstrapToken.caCertHashes 3:29',
    'KPKI_FIELD_VALUE discovery.bootstrapToken.apiServerEndpoint 3:81',
  ],
  ['ClusterStatus', 'apiVersion: kubeadm.k8s.io/v1beta2\nkind: ClusterStatus\n', 'KPKI_CONFIG_KIND kind 2:7'],
]
for (const [name, text, ...problems] of PROBLEMS) {
  test(`${name}: ${problems.length === 0 ? 'well' : problems.length}`, () => {
    assert.equal(read(text).problems.map(brief), problems)
  })
}

const HINTS: readonly [text: string, hint: RegExp][] = [
  [`${CLUSTER}clusterNam: a\n`, /clusterName/],
  [`${CLUSTER}apiserver: {}\n`, /apiServer/],
  [`${CLUSTER}networking: {serviceSubnets: a}\n`, /serviceSubnet\?/],
  [`${CLUSTER}nodeRegistration: {}\n`, /^undefined$/],
  [`${OLD}encryptionAlgorithm: a\n`, /v1beta4/],
  [`${CLUSTER}apiServer: {timeoutForControlPlane: 4m}\n`, /timeouts\.controlPlaneComponentHealthCheck/],
  [`${CLUSTER}kubernetesVersion: 1.30\n`, /quotes/],
  ['apiVersion: kubeadm.k8s.io/v1beta1\nkind: ClusterConfiguration\n', /v1\.21/],
  ['apiVersion: kubeadm.k8s.io/v1alpha3\nkind: ClusterConfiguration\n', /v1\.14/],
  ['apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguraton\n', /ClusterConfiguration/],
]
for (const [text, hint] of HINTS) {
  test(`a hint on ${JSON.stringify(text.split('\n').at(-2))}`, () => {
    assert.match(String(read(text).problems[0]?.hint), hint)
  })
}

test('secrets are never repeated', () => {
  const secret = 'topsecret'
  const text = `${INIT}bootstrapTokens: [{token: ${secret}}, {token: [${secret}]}]\ncertificateKey: ${secret}\n---\n${JOIN}discovery: {tlsBootstrapToken: ${secret}, bootstrapToken: {token: ${secret}}}\ncontrolPlane: {certificateKey: ${secret}}\n`
  const { problems } = read(text)
  assert.is(problems.filter(({ severity }) => severity === 'error').length > 5, true)
  assert.not.match(JSON.stringify(problems), secret)
})

test('what is left over from older versions is a warning', () => {
  const text = `apiVersion: kubeadm.k8s.io/v1beta2\nkind: ClusterStatus\napiEndpoints: {}\n---\napiVersion: kubeadm.k8s.io/v1beta2\nkind: ClusterConfiguration\nuseHyperKubeImage: true\n`
  const { problems, configuration } = read(text)
  assert.equal(
    problems.map(problem => `${problem.severity} ${brief(problem)}`),
    ['warning KPKI_CONFIG_KIND kind 2:7', 'warning KPKI_FIELD_VALUE useHyperKubeImage 7:20'],
  )
  assert.equal(configuration, { carried: [], ClusterConfiguration: {} })
})

test('a description of v1beta2 is one of v1beta4', () => {
  const { configuration, problems, versions } = read(vector('kubeadm-v1.20.2/full.v1beta2.yaml'))
  assert.equal(problems, [])
  assert.equal(versions, {
    InitConfiguration: 'v1beta2',
    ClusterConfiguration: 'v1beta2',
    JoinConfiguration: 'v1beta2',
  })
  const { ClusterConfiguration: cluster, InitConfiguration: init, JoinConfiguration: join } = configuration
  assert.equal(cluster?.apiServer?.extraArgs, [
    { name: 'audit-log-path', value: '-' },
    { name: 'authorization-mode', value: 'Node,RBAC' },
    { name: 'v', value: '4' },
  ])
  assert.equal(cluster?.encryptionAlgorithm, 'ECDSA-P256')
  assert.equal(cluster?.featureGates, { IPv6DualStack: true })
  assert.equal(cluster?.dns, { imageTag: '1.8.0' })
  assert.equal(init?.timeouts, { controlPlaneComponentHealthCheck: '7m30s' })
  assert.equal(join?.timeouts, { discovery: '9m0s' })
  assert.equal(init?.nodeRegistration?.taints, [])
})

test('a host that joins stays one, whatever its ClusterConfiguration says', () => {
  const text = `${OLD}apiServer: {timeoutForControlPlane: 1m}\n---\napiVersion: kubeadm.k8s.io/v1beta3\nkind: JoinConfiguration\ndiscovery: {file: {kubeConfigPath: /a}, timeout: 2m}\n`
  const { configuration } = read(text)
  assert.is(configuration.InitConfiguration, undefined)
  assert.equal(configuration.JoinConfiguration?.timeouts, { controlPlaneComponentHealthCheck: '1m', discovery: '2m' })
})

test('component configurations are carried through untouched', () => {
  const { configuration } = read(
    `apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nx: {z: [1, null]}\n`,
  )
  assert.equal(configuration.carried, [
    { apiVersion: 'kubelet.config.k8s.io/v1beta1', kind: 'KubeletConfiguration', x: { z: [1, null] } },
  ])
})

test('over 1 MiB is refused', async () => {
  assert.is((await rejects(() => read(`# ${'x'.repeat(1024 * 1024)}`))).code, 'KPKI_INPUT_TOO_LARGE')
})

test('the first error is thrown with its place and the number of all', async () => {
  const { problems } = read(`${CLUSTER}clusterNam: a\nnetworkin: b\n`)
  const { code, details, hint } = await rejects(() => throwFirst(problems))
  assert.is(code, 'KPKI_FIELD_UNKNOWN')
  assert.equal(details, { field: 'clusterNam', problems: 2, file: 'k.yaml', line: 3, column: 1 })
  assert.match(String(hint), 'clusterName')
  assert.is(throwFirst([]), undefined)
})

test('the nearest name is a near one', () => {
  const rows: readonly [string, string | undefined][] = [
    ['clustername', 'clusterName'],
    ['clutserName', 'clusterName'],
    ['certSAN', 'certSANs'],
    ['certifPeriod', 'certificatePeriod'],
    ['x', undefined],
    ['completelyDifferent', undefined],
    ['c'.repeat(100_000), undefined],
  ]
  for (const [text, expected] of rows)
    assert.is(nearestName(text, ['clusterName', 'certSANs', 'certificatePeriod', 'v']), expected, text)
  assert.is(formatPath(['a', 0, 'b', 1]), 'a[0].b[1]')
})

test('every type and check that a row names exists', () => {
  const scalars = ['string', 'bool', 'int32', 'duration', 'time', 'object', 'args', 'strings', 'bools']
  for (const [struct, fields] of Object.entries(STRUCTS)) {
    for (const [field, row] of Object.entries<{ type: string; check?: string }>(fields)) {
      const known = scalars.includes(row.type) || Object.hasOwn(STRUCTS, row.type.replace('[]', ''))
      assert.ok(known, `${struct}.${field}: ${row.type}`)
      if (row.check !== undefined) assert.ok(Object.hasOwn(CHECKS, row.check), `${struct}.${field}: ${row.check}`)
    }
  }
  for (const kind of Object.keys(KINDS)) assert.ok(Object.hasOwn(STRUCTS, kind as StructName))
})

test.run()
