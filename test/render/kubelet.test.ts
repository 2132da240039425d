import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type ControlPlane, parseControlPlane } from '../../lib/config/control-plane.js'
import { parseDescription } from '../../lib/config/resolve.js'
import { createContext } from '../../lib/context.js'
import { decodeUtf8 } from '../../lib/crypto/bytes.js'
import { UsageError } from '../../lib/errors.js'
import { componentConfigHash, valueAt } from '../../lib/render/component-config.js'
import type { HostFile, HostTraits } from '../../lib/render/host-file.js'
import { kubeletConfigMapData, kubeletConfigMapName, kubeletConfiguration } from '../../lib/render/kubelet.js'
import { kubeletFiles, kubeletHealthUrl, kubeletPatchNotes } from '../../lib/render/kubelet-files.js'
import { formatCommand, kubeletCommand, kubeletFlags, quoteGo } from '../../lib/render/kubelet-flags.js'
import type { Patch } from '../../lib/render/patch.js'
import { parseYaml } from '../../lib/yaml.js'
import { isYamlObject, type YamlObject } from '../../lib/yaml-scalars.js'
import { controlPlane } from '../support/control-plane.js'
import { vector } from '../vectors/read.js'

const TRAITS: HostTraits = { hostname: 'host-1' }

async function described(text: string): Promise<ControlPlane> {
  return parseControlPlane(await parseDescription({ file: { text, name: 'kubeadm.yaml' } }, createContext()))
}

const textOf = (files: readonly HostFile[], name: string) =>
  decodeUtf8(files.find(({ path }) => path === `/var/lib/kubelet/${name}`)?.bytes ?? new Uint8Array())

function own(text: string): { readonly more: string } {
  return { more: `apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n${text}` }
}

// kubeadm v1.20.2 init phase kubelet-start, see test/vectors/kubeadm/kubelet.sh.
for (const name of ['default', 'docker', 'dual-stack', 'own'])
  test(`files of the kubelet are those of kubeadm v1.20.2: ${name}`, async () => {
    const read = (suffix: string) => vector(`kubeadm/kubelet/${name}.${suffix}`)
    const files = kubeletFiles(await described(read('in.yaml')), TRAITS, [])
    assert.equal(
      files.map(({ path, mode }) => [path, mode]),
      [
        ['/var/lib/kubelet/kubeadm-flags.env', 0o644],
        ['/var/lib/kubelet/config.yaml', 0o644],
      ],
    )
    assert.is(textOf(files, 'config.yaml'), read('config.yaml'))
    assert.is(textOf(files, 'kubeadm-flags.env'), read('flags.env'))
  })

// As `kubeadm config print init-defaults --component-configs KubeletConfiguration` of v1.30.0 prints it.
const V1_30 = `apiVersion: kubelet.config.k8s.io/v1beta1
authentication:
  anonymous:
    enabled: false
  webhook:
    cacheTTL: 0s
    enabled: true
  x509:
    clientCAFile: /etc/kubernetes/pki/ca.crt
authorization:
  mode: Webhook
  webhook:
    cacheAuthorizedTTL: 0s
    cacheUnauthorizedTTL: 0s
cgroupDriver: systemd
clusterDNS:
- 10.96.0.10
clusterDomain: cluster.local
containerRuntimeEndpoint: ""
cpuManagerReconcilePeriod: 0s
evictionPressureTransitionPeriod: 0s
fileCheckFrequency: 0s
healthzBindAddress: 127.0.0.1
healthzPort: 10248
httpCheckFrequency: 0s
imageMaximumGCAge: 0s
imageMinimumGCAge: 0s
kind: KubeletConfiguration
logging:
  flushFrequency: 0
  options:
    json:
      infoBufferSize: "0"
    text:
      infoBufferSize: "0"
  verbosity: 0
memorySwap: {}
nodeStatusReportFrequency: 0s
nodeStatusUpdateFrequency: 0s
rotateCertificates: true
runtimeRequestTimeout: 0s
shutdownGracePeriod: 0s
shutdownGracePeriodCriticalPods: 0s
staticPodPath: /etc/kubernetes/manifests
streamingConnectionIdleTimeout: 0s
syncFrequency: 0s
volumeStatsAggPeriod: 0s
`
const without = (text: string, lines: string) => text.replace(lines, '')
const TEXT_LOGGING = '    text:\n      infoBufferSize: "0"\n'
// kubeadm v1.29 (a cluster with imageMaximumGCAge and no text logging), v1.24.0, v1.22.
const V1_29 = without(V1_30, TEXT_LOGGING)
const V1_27 = without(V1_29, 'imageMaximumGCAge: 0s\n')
const V1_24 = without(V1_27, 'containerRuntimeEndpoint: ""\n')
const V1_22 = V1_24.replace(/logging:\n(?: .*\n)+/, 'logging: {}\n')
// Clusters of v1.32 and later.
const V1_32 = V1_30.replace('evictionPressure', 'crashLoopBackOff: {}\nevictionPressure')

for (const [minor, expected] of [
  [21, without(V1_22, 'memorySwap: {}\n')],
  [22, V1_22],
  [23, V1_24],
  [24, V1_24],
  [26, V1_24],
  [27, V1_27],
  [28, V1_27],
  [29, V1_29],
  [30, V1_30],
  [31, V1_30],
  [32, V1_32],
  [33, V1_32],
  [34, V1_32],
  [35, V1_32],
  [36, V1_32],
  [37, V1_32],
] as const)
  test(`KubeletConfiguration of 1.${minor}`, async () => {
    const { kubelet } = kubeletConfigMapData(await controlPlane(`v1.${minor}.0`), TRAITS)
    assert.is(kubelet, expected)
  })

// Clusters of others, on hosts with systemd-resolved, whose ConfigMap and its annotation stand in public notes.
for (const [version, text, hash] of [
  ['v1.20.0', 'cgroupDriver: cgroupfs', '306a726156f1e2879bedabbdfa452caae8a63929426a55de71c22fe901fde977'],
  ['v1.23.0', undefined, '000a5dd81630f64bd6f310899359dfb9e8818fc8fe011b7fdc0ec73783a42452'],
  ['v1.28.0', undefined, 'ff76c96ce6a025e279138fef234cfd93e648e9fdd0e482723f43376929e1784c'],
] as const)
  test(`the KubeletConfiguration has the hash that a real kubeadm gave it: ${version}`, async () => {
    const plane = await controlPlane(version, text === undefined ? {} : own(text))
    const data = kubeletConfigMapData(plane, { usesSystemdResolved: true })
    assert.is(componentConfigHash(data), `sha256:${hash}`)
  })

const CONTAINERD = 'unix:///var/run/containerd/containerd.sock'
// kubeadm-flags.env of these versions (reference 4.3; pause images as `kubeadm config images list` has them).
for (const [minor, expected] of [
  [20, `--container-runtime=remote --container-runtime-endpoint=${CONTAINERD} --hostname-override=cp-1`],
  [
    21,
    `--container-runtime=remote --container-runtime-endpoint=${CONTAINERD} --hostname-override=cp-1 --pod-infra-container-image=k8s.gcr.io/pause:3.4.1`,
  ],
  [
    25,
    `--container-runtime=remote --container-runtime-endpoint=${CONTAINERD} --hostname-override=cp-1 --pod-infra-container-image=registry.k8s.io/pause:3.8`,
  ],
  [
    30,
    `--container-runtime-endpoint=${CONTAINERD} --hostname-override=cp-1 --pod-infra-container-image=registry.k8s.io/pause:3.9`,
  ],
  [
    33,
    `--container-runtime-endpoint=${CONTAINERD} --hostname-override=cp-1 --pod-infra-container-image=registry.k8s.io/pause:3.10`,
  ],
  [34, '--hostname-override=cp-1 --pod-infra-container-image=registry.k8s.io/pause:3.10.1'],
  [35, '--hostname-override=cp-1'],
  [37, '--hostname-override=cp-1'],
] as const)
  test(`kubeadm-flags.env of 1.${minor}`, async () => {
    const plane = await controlPlane(`v1.${minor}.0`)
    assert.is(kubeletFlags(plane, TRAITS), `KUBELET_KUBEADM_ARGS="${expected}"\n`)
  })

test('a node that is called as its host needs no flag; of 1.35 on, nothing is left', async () => {
  const plane = await controlPlane('v1.36.0')
  assert.is(kubeletFlags(plane, { hostname: 'cp-1' }), 'KUBELET_KUBEADM_ARGS=""\n')
  assert.is(kubeletFlags(plane, {}), 'KUBELET_KUBEADM_ARGS=""\n')
})

for (const [version, gate, isLocal] of [
  ['v1.31.0', 'true', false],
  ['v1.32.0', undefined, false],
  ['v1.32.0', 'true', true],
  ['v1.33.0', 'false', false],
  ['v1.34.0', undefined, true],
  ['v1.34.0', 'false', false],
  ['v1.36.0', undefined, true],
  ['v1.36.0', 'false', true],
] as const)
  test(`the runtime's socket with NodeLocalCRISocket ${gate ?? 'unsaid'} in ${version}`, async () => {
    const cluster = gate === undefined ? '' : `featureGates: {NodeLocalCRISocket: ${gate}}`
    const plane = await controlPlane(version, { cluster })
    const files = kubeletFiles(plane, TRAITS, [])
    const names = files.map(({ path }) => path.replace('/var/lib/kubelet/', ''))
    const endpoint = `containerRuntimeEndpoint: ${CONTAINERD}\n`
    assert.equal(names, ['kubeadm-flags.env', ...(isLocal ? ['instance-config.yaml'] : []), 'config.yaml'])
    assert.is(textOf(files, 'kubeadm-flags.env')?.includes('--container-runtime-endpoint='), !isLocal)
    assert.is(textOf(files, 'config.yaml')?.includes(endpoint), isLocal)
    // fmt.Sprintf("containerRuntimeEndpoint: %q\n") in cmd/kubeadm/app/phases/kubelet/config.go
    if (isLocal) assert.is(textOf(files, 'instance-config.yaml'), `containerRuntimeEndpoint: "${CONTAINERD}"\n`)
    // The one in the cluster is for all nodes.
    assert.not.match(kubeletConfigMapData(plane, TRAITS).kubelet, CONTAINERD)
  })

for (const [version, gate, expected] of [
  ['v1.20.2', undefined, 'kubelet-config-1.20'],
  ['v1.23.0', undefined, 'kubelet-config-1.23'],
  ['v1.23.0', 'true', 'kubelet-config'],
  ['v1.24.0', undefined, 'kubelet-config'],
  ['v1.24.0', 'false', 'kubelet-config-1.24'],
  ['v1.36.0', 'false', 'kubelet-config'],
] as const)
  test(`the kubelet's ConfigMap in ${version}, UnversionedKubeletConfigMap ${gate ?? 'unsaid'}`, async () => {
    const cluster = gate === undefined ? '' : `featureGates: {UnversionedKubeletConfigMap: ${gate}}`
    assert.is(kubeletConfigMapName(await controlPlane(version, { cluster })), expected)
  })

// As kubeadm joins it (v1.20.2, cmd/kubeadm/app/componentconfigs/kubelet.go: filepath.Join).
test('a directory of certificates that is written with slashes at its end is the same directory', async () => {
  const cluster = 'certificatesDir: /srv//pki/'
  for (const more of ['', own('authentication: {x509: {clientCAFile: /srv/pki/ca.crt}}').more ?? '']) {
    const { configuration, problems } = kubeletConfiguration(await controlPlane('v1.36.0', { cluster, more }), {})
    assert.is(valueAt(configuration, 'authentication.x509.clientCAFile'), '/srv/pki/ca.crt')
    assert.equal(problems, [])
  }
})

// Fields that kubeadm's own defaulting warns about (componentconfigs/kubelet.go), and three that it overrides in silence.
for (const [field, text] of [
  ['staticPodPath', 'staticPodPath: /srv/manifests'],
  ['clusterDNS', 'clusterDNS: [10.96.0.10, 10.96.0.11]'],
  ['clusterDomain', 'clusterDomain: example.org'],
  ['authentication.x509.clientCAFile', 'authentication: {x509: {clientCAFile: /srv/ca.crt}}'],
  ['authentication.anonymous.enabled', 'authentication: {anonymous: {enabled: true}}'],
  ['authentication.webhook.enabled', 'authentication: {webhook: {enabled: false}}'],
  ['authorization.mode', 'authorization: {mode: AlwaysAllow}'],
  ['healthzBindAddress', 'healthzBindAddress: 0.0.0.0'],
  ['healthzPort', 'healthzPort: 10348'],
  ['resolvConf', 'resolvConf: /etc/resolv.conf'],
  ['readOnlyPort', 'readOnlyPort: 10255'],
  ['rotateCertificates', 'rotateCertificates: false'],
  ['containerRuntimeEndpoint', 'containerRuntimeEndpoint: unix:///run/other.sock'],
] as const)
  test(`KubeletConfiguration.${field} of one's own is kept with a warning`, async () => {
    const plane = await controlPlane('v1.36.0', own(text))
    const { configuration, problems } = kubeletConfiguration(plane, { usesSystemdResolved: true })
    assert.equal(
      problems.map(problem => [problem.severity, problem.field]),
      [['warning', `KubeletConfiguration.${field}`]],
    )
    const written = parseYaml(text, 'test').value as YamlObject
    const expected = field === 'rotateCertificates' ? { rotateCertificates: true } : written
    assertContains(configuration, expected)
  })

function assertContains(actual: YamlObject, expected: YamlObject): void {
  for (const [key, value] of Object.entries(expected)) {
    const found = actual[key]
    if (isYamlObject(value) && isYamlObject(found)) assertContains(found, value)
    else assert.equal(found, value, key)
  }
}

for (const text of ['cgroupDriver: cgroupfs', 'readOnlyPort: 0', 'rotateCertificates: true', 'maxPods: 500', ''])
  test(`nothing is said about: ${text || 'an empty document'}`, async () => {
    const { problems } = kubeletConfiguration(await controlPlane('v1.36.0', own(text)), TRAITS)
    assert.equal(problems, [])
  })

test('what was written stays as it was written, fields that nobody knows included; null counts as not written', async () => {
  const text = [
    'somethingNew: {a: [1, {b: null}]}',
    'syncFrequency: 60s',
    'clusterDomain: null',
    'logging: {format: json}',
    'authentication: null',
  ].join('\n')
  const { configuration, problems } = kubeletConfiguration(await controlPlane('v1.36.0', own(text)), TRAITS)
  assert.equal(configuration['somethingNew'], { a: [1, { b: null }] })
  assert.is(configuration['syncFrequency'], '60s')
  assert.is(configuration['clusterDomain'], 'cluster.local')
  assert.equal(configuration['logging'], {
    format: 'json',
    flushFrequency: 0,
    options: { json: { infoBufferSize: '0' }, text: { infoBufferSize: '0' } },
    verbosity: 0,
  })
  assert.equal(configuration['authentication'], {
    anonymous: { enabled: false },
    webhook: { enabled: true, cacheTTL: '0s' },
    x509: { clientCAFile: '/etc/kubernetes/pki/ca.crt' },
  })
  assert.equal(problems, [])
})

for (const [field, text] of [
  ['authentication', 'authentication: false'],
  ['authentication.x509', 'authentication: {x509: [a]}'],
  ['logging.options', 'logging: {options: text}'],
] as const)
  test(`what is no mapping where one stands is refused: ${field}`, async () => {
    const plane = await controlPlane('v1.36.0', own(text))
    try {
      kubeletConfiguration(plane, TRAITS)
      assert.unreachable()
    } catch (error) {
      assert.instance(error, UsageError)
      if (error instanceof UsageError)
        assert.equal([error.code, error.details], ['KPKI_FIELD_VALUE', { field: `KubeletConfiguration.${field}` }])
    }
  })

test('Pods get the resolver that systemd-resolved has, not its stub', async () => {
  const plane = await controlPlane('v1.36.0')
  const path = '/run/systemd/resolve/resolv.conf'
  assert.is(kubeletConfiguration(plane, { usesSystemdResolved: true }).configuration['resolvConf'], path)
  assert.is(kubeletConfiguration(plane, {}).configuration['resolvConf'], undefined)
})

const PATCHES: readonly Patch[] = [
  { target: 'etcd', type: 'merge', content: { maxPods: 1 }, file: 'etcd.yaml' },
  { target: 'kubeletconfiguration', type: 'strategic', content: { maxPods: 42 }, file: 'kubeletconfiguration.yaml' },
  {
    target: 'kubeletconfiguration',
    type: 'json',
    content: [{ op: 'replace', path: '/healthzPort', value: 10348 }],
    file: 'kubeletconfiguration1+json.json',
  },
  {
    target: 'kubeletconfiguration',
    type: 'merge',
    content: { containerRuntimeEndpoint: 'unix:///run/patched.sock' },
    file: 'kubeletconfiguration2+merge.yaml',
  },
]

test('patches are for this host; what is its own comes behind them', async () => {
  const plane = await controlPlane('v1.36.0')
  const config = textOf(kubeletFiles(plane, TRAITS, PATCHES), 'config.yaml') ?? ''
  assert.match(config, /^maxPods: 42$/m)
  assert.match(config, /^healthzPort: 10348$/m)
  assert.match(config, new RegExp(`^containerRuntimeEndpoint: ${CONTAINERD}$`, 'm'))
  assert.not.match(kubeletConfigMapData(plane, TRAITS).kubelet, 'maxPods')
  // Before 1.34 nothing comes behind them.
  const older = textOf(kubeletFiles(await controlPlane('v1.33.0'), TRAITS, PATCHES), 'config.yaml') ?? ''
  assert.match(older, /^containerRuntimeEndpoint: unix:\/\/\/run\/patched\.sock$/m)
})

test('patches are for every version, also those whose kubeadm had none', async () => {
  const config = textOf(kubeletFiles(await controlPlane('v1.20.2'), TRAITS, PATCHES), 'config.yaml') ?? ''
  assert.match(config, /^maxPods: 42$/m)
})

test('a patch that changes nothing is told', async () => {
  const plane = await controlPlane('v1.36.0')
  const patch = {
    target: 'kubeletconfiguration',
    type: 'merge',
    content: { healthzPort: 10248 },
    file: 'k.yaml',
  } as const
  assert.equal(kubeletPatchNotes(plane, TRAITS, PATCHES), [])
  assert.match(kubeletPatchNotes(plane, TRAITS, [patch]).join(), 'k.yaml')
})

for (const [text, patches, expected] of [
  ['', [], 'http://127.0.0.1:10248/healthz'],
  ['', PATCHES, 'http://127.0.0.1:10348/healthz'],
  ['healthzBindAddress: "::1"\nhealthzPort: 1234', [], 'http://[::1]:1234/healthz'],
  ['healthzPort: 0', [], undefined],
] as const)
  test(`where the kubelet says how it is: ${expected ?? 'nowhere'}`, async () => {
    assert.is(kubeletHealthUrl(await controlPlane('v1.36.0', own(text)), TRAITS, patches), expected)
  })

test('arguments of a description stand behind the defaults, in its order', async () => {
  const init = [
    'localAPIEndpoint: {advertiseAddress: 10.77.1.10}',
    'nodeRegistration:',
    '  name: cp-1',
    '  kubeletExtraArgs:',
    '  - {name: v, value: "4"}',
    '  - {name: cert-dir, value: /srv/kubelet}',
  ].join('\n')
  const plane = await controlPlane('v1.36.0', { init })
  assert.is(
    kubeletFlags(plane, TRAITS),
    'KUBELET_KUBEADM_ARGS="--hostname-override=cp-1 --v=4 --cert-dir=/srv/kubelet"\n',
  )
  assert.equal(kubeletCommand(plane, TRAITS), [
    'kubelet',
    '--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf',
    '--kubeconfig=/etc/kubernetes/kubelet.conf',
    '--config=/var/lib/kubelet/config.yaml',
    '--hostname-override=cp-1',
    '--v=4',
    '--cert-dir=/srv/kubelet',
  ])
})

for (const [words, expected] of [
  [['kubelet', '--v=4', '--node-labels=a/b=c,d=e'], 'kubelet --v=4 --node-labels=a/b=c,d=e'],
  [['kubelet', '--x=a b', "--y=it's", '--z=$HOME'], `kubelet '--x=a b' '--y=it'\\''s' '--z=$HOME'`],
  [['kubelet', ''], `kubelet ''`],
] as const)
  test(`a command as it is typed: ${expected}`, () => assert.is(formatCommand(words), expected))

// Go 1.20, fmt.Sprintf("%q", …): strconv/quote_test.go has these.
for (const [text, expected] of [
  ['\x07\b\f\r\n\t\v', '"\\a\\b\\f\\r\\n\\t\\v"'],
  ['\\', '"\\\\"'],
  ['abc"def', '"abc\\"def"'],
  ['☺', '"☺"'],
  ['\u{10ffff}', '"\\U0010ffff"'],
  ['\x04', '"\\x04"'],
  ['\u0085', '"\\u0085"'],
  ['!\u00a0!\u2000!\u3000!', '"!\\u00a0!\\u2000!\\u3000!"'],
  ['\x7f', '"\\x7f"'],
] as const)
  test(`a text as Go quotes it: ${expected}`, () => assert.is(quoteGo(text), expected))

test('JSON reads what Go quotes, of what stands in descriptions', () => {
  const printable = fc.stringMatching(/^[ -~]*$/)
  fc.assert(fc.property(printable, text => assert.is(JSON.parse(quoteGo(text)), text)))
})

// `kubeadm init phase addon kube-proxy` and `upload-config` sign with SHA-256 over the values in the order of their keys;
// sha256("ab") by coreutils' sha256sum.
test('the hash of a ConfigMap is over its values, by key', () => {
  const expected = 'sha256:fb8e20fc2e4c3f248c60c39bd652f3c1347298bb977b8b4d5903b85055620603'
  assert.is(componentConfigHash({ y: 'b', x: 'a' }), expected)
  assert.is(componentConfigHash({ x: 'ab' }), expected)
})

test.run()
