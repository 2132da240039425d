import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatConfiguration, initDefaults, joinDefaults, migrateConfiguration } from '../../lib/config/format.js'
import { parseConfiguration } from '../../lib/config/parse.js'
import { parseYamlStream } from '../../lib/yaml.js'
import { rejects } from '../support/context.js'

const vector = (name: string) => readFileSync(new URL(`../vectors/config/${name}`, import.meta.url), 'utf8')
const kinds = (text: string) => parseYamlStream(text, 'x').map(({ value }) => (value as { kind: string }).kind)

test('the defaults are printed as kubeadm prints them', () => {
  assert.is(initDefaults({ kubernetesVersion: '1.35.0' }), vector('kubeadm-v1beta4/init-defaults.yaml'))
  assert.is(joinDefaults(), vector('kubeadm-v1beta4/join-defaults.yaml'))
  assert.match(initDefaults(), /^kubernetesVersion: 1\.36\.0$/m)
  assert.match(joinDefaults({ nodeName: 'w-1' }), /^ {2}name: w-1$/m)
})

test('what is printed is read without a word', () => {
  for (const text of [initDefaults(), joinDefaults()]) assert.equal(parseConfiguration(text, 'x').problems, [])
})

test('what v1.20 printed becomes what v1beta4 prints, as far as they agree', () => {
  const { text, warnings } = migrateConfiguration(vector('kubeadm-v1.20.2/init-defaults.v1beta2.yaml'), 'x')
  const expected = vector('kubeadm-v1beta4/init-defaults.yaml')
    .replace('kubernetesVersion: 1.35.0', 'kubernetesVersion: v1.20.0')
    .replace('registry.k8s.io', 'k8s.gcr.io')
    .replace('unix:///var/run/containerd/containerd.sock', 'unix:///var/run/dockershim.sock')
    .replace('  taints: null', '  taints:\n  - effect: NoSchedule\n    key: node-role.kubernetes.io/master')
  assert.is(text, expected)
  assert.equal(warnings, [])
  const join = migrateConfiguration(vector('kubeadm-v1.20.2/join-defaults.v1beta2.yaml'), 'x').text
  assert.is(join, vector('kubeadm-v1beta4/join-defaults.yaml').replace('containerd/containerd', 'dockershim'))
})

test('kubeadm v1.20.2 and kpki understand the same by an old text: migrating either of their forms gives one text', () => {
  const ours = vector('kubeadm-v1.20.2/full.v1beta1.yaml').replaceAll('v1beta1', 'v1beta2')
  const theirs = vector('kubeadm-v1.20.2/full.v1beta2.yaml')
  // kubeadm of that version named the taint of a joining control plane itself, by its old name.
  const taint = (text: string) =>
    text.replaceAll('node-role.kubernetes.io/master', 'node-role.kubernetes.io/control-plane')
  assert.is(taint(migrateConfiguration(theirs, 'x').text), migrateConfiguration(ours, 'x').text)
})

test('migrating twice changes nothing', () => {
  for (const name of [
    'full.v1beta2.yaml',
    'init-defaults.v1beta2.yaml',
    'join-defaults.v1beta2.yaml',
    'strings.v1beta2.yaml',
  ]) {
    const once = migrateConfiguration(vector(`kubeadm-v1.20.2/${name}`), 'x').text
    assert.is(migrateConfiguration(once, 'x').text, once, name)
  }
})

test('Init and Cluster come as a pair and first, component configurations go', () => {
  const text = [
    'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n',
    'apiVersion: kubeadm.k8s.io/v1beta4\nkind: UpgradeConfiguration\n',
    'apiVersion: kubeadm.k8s.io/v1beta4\nkind: ResetConfiguration\n',
    'apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n',
  ].join('---\n')
  const order = ['InitConfiguration', 'ClusterConfiguration', 'ResetConfiguration', 'UpgradeConfiguration']
  assert.equal(kinds(migrateConfiguration(text, 'x').text), order)
  const { configuration } = parseConfiguration(text, 'x')
  assert.equal(kinds(formatConfiguration(configuration)), [...order, 'KubeletConfiguration'])
})

test('an UpgradeConfiguration is filled in', () => {
  // As kubernetes/kubernetes v1.34, cmd/kubeadm/app/cmd/upgrade/apply_test.go has it, plus the default of plan.
  const text = formatConfiguration({ carried: [], UpgradeConfiguration: { apply: { certificateRenewal: false } } })
  assert.is(
    text.slice(0, text.indexOf('timeouts:')),
    'apiVersion: kubeadm.k8s.io/v1beta4\napply:\n  certificateRenewal: false\n  etcdUpgrade: true\n  imagePullPolicy: IfNotPresent\n  imagePullSerial: true\ndiff: {}\nkind: UpgradeConfiguration\nnode:\n  certificateRenewal: true\n  etcdUpgrade: true\n  imagePullPolicy: IfNotPresent\n  imagePullSerial: true\nplan:\n  etcdUpgrade: true\n',
  )
})

const CLUSTER = 'apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\n'
const WRITTEN: readonly [name: string, text: string, ...expected: (string | RegExp)[]][] = [
  ['a label becomes a version', 'kubernetesVersion: stable-1.33\n', /^kubernetesVersion: v1\.33\.\d+$/m],
  ["durations are Go's", 'apiServer: {timeoutForControlPlane: 90m}\n', '  controlPlaneComponentHealthCheck: 1h30m0s\n'],
  [
    'an external etcd is whole',
    'etcd: {external: {endpoints: ["http://a:1"]}}\n',
    '  external:\n    caFile: ""\n    certFile: ""\n    endpoints:\n    - http://a:1\n    keyFile: ""\n',
  ],
  [
    'arguments become a sorted list',
    'scheduler: {extraArgs: {b: "1", a: "", B: x}}\n',
    '  extraArgs:\n  - name: B\n    value: x\n  - name: a\n    value: ""\n  - name: b\n    value: "1"\n',
  ],
  [
    'zero values go',
    'networking: {podSubnet: ""}\ndns: {imageTag: ""}\nfeatureGates: {}\n',
    'dns: {}\n',
    /networking:\n {2}dnsDomain: cluster.local\n {2}serviceSubnet: 10.96.0.0\/12\n/,
  ],
  ['SANs are lower-cased', 'apiServer: {certSANs: [A.Example]}\n', '  - a.example\n'],
]
for (const [name, text, ...expected] of WRITTEN) {
  test(`migrated: ${name}`, () => {
    for (const part of expected) assert.match(migrateConfiguration(CLUSTER + text, 'x').text, part)
  })
}

test('no token and no name is made up', () => {
  const { text } = migrateConfiguration(CLUSTER, 'x')
  assert.not.match(text, /bootstrapTokens|name:|advertiseAddress/)
  const named = migrateConfiguration(CLUSTER, 'x', { nodeName: 'CP-1', advertiseAddress: '10.0.0.1' }).text
  assert.match(named, '  advertiseAddress: 10.0.0.1\n')
  assert.match(named, '  name: cp-1\n')
})

test('migration is strict', async () => {
  const rows: readonly [string, string][] = [
    [`${CLUSTER}clusterNam: a\n`, 'KPKI_FIELD_UNKNOWN'],
    ['apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n', 'KPKI_CONFIG_KIND'],
    ['', 'KPKI_CONFIG_KIND'],
    ['apiVersion: kubeadm.k8s.io/v1beta1\nkind: ClusterConfiguration\n', 'KPKI_CONFIG_API_VERSION'],
    ['a: [', 'KPKI_CONFIG_SYNTAX'],
  ]
  for (const [text, code] of rows) assert.is((await rejects(() => migrateConfiguration(text, 'x'))).code, code)
})

test.run()
