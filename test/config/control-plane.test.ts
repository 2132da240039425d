import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseControlPlane, resolveControlPlane } from '../../lib/config/control-plane.js'
import type { FlagFacts } from '../../lib/config/facts.js'
import { parseDescription } from '../../lib/config/resolve.js'
import type { ControlPlaneOptions } from '../../lib/config/resolve-configuration.js'
import { UsageError } from '../../lib/errors.js'
import { testContext } from '../support/context.js'

const HOST = { hostname: 'cp-1', defaultAddress: { address: '192.0.2.9', interface: 'eth0' } }
const describe = (text: string | undefined, flags: FlagFacts = {}) =>
  parseDescription(
    { ...(text === undefined ? {} : { file: { text, name: 'k.yaml' } }), flags, host: HOST },
    testContext(),
  )
const resolve = async (text: string | undefined, facts: FlagFacts = {}, options: ControlPlaneOptions = {}) => {
  const { controlPlane, problems } = resolveControlPlane(await describe(text, facts), options)
  assert.equal(problems, [])
  assert.ok(controlPlane)
  return controlPlane
}
const head = (kind: string, version = 'v1beta4') => `apiVersion: kubeadm.k8s.io/${version}\nkind: ${kind}\n`

test('where nothing is said, everything has its default', async () => {
  const { cluster, configuration, ...rest } = await resolve(undefined)
  const none = { extraArgs: [], extraVolumes: [], extraEnvs: [] }
  // kubeadm v1.35 and v1beta4: cmd/kubeadm/app/apis/kubeadm/v1beta4/defaults.go, cmd/kubeadm/app/constants/constants.go
  assert.equal(rest, {
    apiServer: none,
    controllerManager: none,
    scheduler: none,
    localEtcd: { dataDir: '/var/lib/etcd', extraArgs: [], extraEnvs: [] },
    imageRepository: 'registry.k8s.io',
    dns: { isDisabled: false },
    proxy: { isDisabled: false },
    node: {
      criSocket: 'unix:///var/run/containerd/containerd.sock',
      taints: [{ key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }],
      kubeletExtraArgs: [],
      imagePullPolicy: 'IfNotPresent',
      imagePullSerial: true,
    },
    bootstrapTokens: [],
    certificateKey: undefined,
    timeoutSeconds: {
      controlPlaneComponentHealthCheck: 240,
      kubeletHealthCheck: 240,
      kubernetesAPICall: 60,
      etcdAPICall: 120,
      tlsBootstrap: 300,
      discovery: 300,
      upgradeManifests: 300,
    },
    skipPhases: [],
    ignorePreflightErrors: [],
    patchesDir: undefined,
    kubeletConfiguration: undefined,
    kubeProxyConfiguration: undefined,
    isDryRun: false,
  })
  assert.is(cluster.nodeName, 'cp-1')
  assert.equal(configuration.InitConfiguration?.localAPIEndpoint, { bindPort: 6443, advertiseAddress: '192.0.2.9' })
  assert.is(configuration.InitConfiguration?.nodeRegistration?.name, 'cp-1')
})

test('what flags and the host say of a cluster stands in the configuration, as it was understood', async () => {
  const text = `${head('ClusterConfiguration')}clusterName: a\ncontrolPlaneEndpoint: old:1\nnetworking: {podSubnet: 10.1.0.0/16}\n`
  const { configuration } = await resolve(text, {
    clusterName: 'b',
    controlPlaneEndpoint: 'API.example.org',
    kubernetesVersion: 'stable-1.33',
    serviceSubnet: '10.200.0.0/16',
    podSubnet: '',
    nodeName: ' CP-9 ',
    advertiseAddress: '10.0.0.9',
    bindPort: '7443',
  })
  const { ClusterConfiguration: cluster, InitConfiguration: init } = configuration
  assert.is(cluster?.clusterName, 'b')
  assert.is(cluster?.controlPlaneEndpoint, 'api.example.org:7443')
  assert.match(cluster?.kubernetesVersion ?? '', /^v1\.33\.[0-9]+$/)
  assert.equal(cluster?.networking, { dnsDomain: 'cluster.local', serviceSubnet: '10.200.0.0/16' })
  assert.is(init?.nodeRegistration?.name, 'cp-9')
  assert.equal(init?.localAPIEndpoint, { advertiseAddress: '10.0.0.9', bindPort: 7443 })
})

test('defaults are those of the version', async () => {
  const of = async (kubernetesVersion: string) => {
    const { imageRepository, node } = await resolve(undefined, { kubernetesVersion })
    return [imageRepository, ...node.taints.map(({ key }) => key?.split('/')[1])]
  }
  // kubeadm v1.20.2 constants.go and defaults.go; CHANGELOG-1.24.md, CHANGELOG-1.25.md
  assert.equal(await of('1.20.2'), ['k8s.gcr.io', 'master'])
  assert.equal(await of('1.24.0'), ['k8s.gcr.io', 'master', 'control-plane'])
  assert.equal(await of('1.25.0'), ['registry.k8s.io', 'control-plane'])
  assert.equal(await of('1.37.0'), ['registry.k8s.io', 'control-plane'])
})

test('the file says what the host is', async () => {
  const text = [
    `${head('InitConfiguration')}nodeRegistration:
  criSocket: /run/x.sock
  taints: []
  kubeletExtraArgs: [{name: v, value: "4"}]
  ignorePreflightErrors: [Swap]
  imagePullPolicy: Never
skipPhases: [addon/kube-proxy]
patches: {directory: /p}
timeouts: {kubeletHealthCheck: 90s}
certificateKey: ${'ab'.repeat(32)}
dryRun: true
bootstrapTokens: [{token: abcdef.0123456789abcdef, ttl: 1h}]
`,
    `${head('ClusterConfiguration')}imageRepository: r.example.org/k8s
dns: {imageTag: v9, disabled: true}
proxy: {disabled: true}
etcd: {local: {dataDir: /srv/etcd, extraArgs: [{name: v, value: "2"}]}}
apiServer:
  extraArgs: [{name: v, value: "1"}]
  extraEnvs: [{name: A, value: b}]
  extraVolumes: [{name: x, hostPath: /h, mountPath: /m, readOnly: true}]
`,
    'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nmaxPods: 50\n',
  ].join('---\n')
  const plane = await resolve(text)
  assert.equal(plane.node, {
    criSocket: 'unix:///run/x.sock',
    taints: [],
    kubeletExtraArgs: [{ name: 'v', value: '4' }],
    imagePullPolicy: 'Never',
    imagePullSerial: true,
  })
  assert.equal(plane.ignorePreflightErrors, ['swap'])
  assert.equal(plane.skipPhases, ['addon/kube-proxy'])
  assert.is(plane.patchesDir, '/p')
  assert.is(plane.timeoutSeconds.kubeletHealthCheck, 90)
  assert.is(plane.certificateKey, 'ab'.repeat(32))
  assert.is(plane.isDryRun, true)
  assert.equal(plane.bootstrapTokens, [{ token: 'abcdef.0123456789abcdef', ttl: '1h' }])
  assert.is(plane.imageRepository, 'r.example.org/k8s')
  assert.equal(plane.dns, { imageTag: 'v9', isDisabled: true })
  assert.is(plane.proxy.isDisabled, true)
  assert.equal(plane.localEtcd, { dataDir: '/srv/etcd', extraArgs: [{ name: 'v', value: '2' }], extraEnvs: [] })
  assert.equal(plane.apiServer, {
    extraArgs: [{ name: 'v', value: '1' }],
    extraVolumes: [{ name: 'x', hostPath: '/h', mountPath: '/m', readOnly: true, pathType: '' }],
    extraEnvs: [{ name: 'A', value: 'b' }],
  })
  assert.is(plane.kubeletConfiguration?.['maxPods'], 50)
})

test('flags go over the file; ignored errors are put together, phases that are skipped are not', async () => {
  const text = `${head('InitConfiguration')}nodeRegistration: {criSocket: /run/x.sock, ignorePreflightErrors: [Swap]}
skipPhases: [addon]
patches: {directory: /p}
certificateKey: ${'ab'.repeat(32)}
bootstrapTokens: [{token: abcdef.0123456789abcdef, expires: "2030-01-01T00:00:00Z", description: d}, {token: aaaaaa.0123456789abcdef}]
`
  const flags = {
    imageRepository: 'r.example.org',
    criSocket: 'unix:///run/y.sock',
    patchesDir: 'patches',
    skipPhases: ['preflight,show-join-command'],
    ignorePreflightErrors: 'NumCPU, swap',
    token: 'bbbbbb.0123456789abcdef',
    tokenTtl: '2h',
    certificateKey: 'cd'.repeat(32),
  }
  const plane = await resolve(text, {}, { flags, criSocket: 'unix:///found.sock' })
  assert.is(plane.imageRepository, 'r.example.org')
  assert.is(plane.node.criSocket, 'unix:///run/y.sock')
  assert.is(plane.patchesDir, 'patches')
  assert.equal(plane.skipPhases, ['preflight', 'show-join-command'])
  assert.equal(plane.ignorePreflightErrors, ['swap', 'numcpu'])
  assert.is(plane.certificateKey, 'cd'.repeat(32))
  assert.equal(plane.bootstrapTokens, [
    { token: 'bbbbbb.0123456789abcdef', ttl: '2h', description: 'd' },
    { token: 'aaaaaa.0123456789abcdef' },
  ])
  assert.is(plane.configuration.InitConfiguration?.patches?.directory, 'patches')
})

test('the socket that was found counts where none is named', async () => {
  assert.is((await resolve(undefined, {}, { criSocket: 'unix:///found.sock' })).node.criSocket, 'unix:///found.sock')
})

test('external etcd leaves no local one', async () => {
  const { localEtcd, cluster } = await resolve(
    `${head('ClusterConfiguration')}etcd: {external: {endpoints: [http://10.9.0.1:2379]}}\n`,
  )
  assert.is(localEtcd, undefined)
  assert.equal(cluster.externalEtcd?.endpoints, ['http://10.9.0.1:2379'])
})

test('a host that joins takes its own from the JoinConfiguration', async () => {
  const text = `${head('JoinConfiguration')}discovery: {file: {kubeConfigPath: /d.conf}}
nodeRegistration: {name: n-2, criSocket: unix:///run/y.sock}
controlPlane: {localAPIEndpoint: {advertiseAddress: 10.0.0.2}, certificateKey: ${'ab'.repeat(32)}}
skipPhases: [preflight]
`
  const plane = await resolve(text, { nodeName: 'n-3' })
  assert.is(plane.node.criSocket, 'unix:///run/y.sock')
  assert.equal(plane.skipPhases, ['preflight'])
  assert.is(plane.certificateKey, 'ab'.repeat(32))
  assert.is(plane.configuration.JoinConfiguration?.nodeRegistration?.name, 'n-3')
  assert.is(plane.configuration.InitConfiguration, undefined)
  assert.equal(plane.node.taints, [{ key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }])
})

test('a worker that joins has no taints, and no address of an API server', async () => {
  const plane = await resolve(`${head('JoinConfiguration')}discovery: {file: {kubeConfigPath: /d.conf}}\n`)
  assert.equal(plane.node.taints, [])
  assert.is(plane.configuration.JoinConfiguration?.controlPlane, undefined)
})

test('older configurations come to the same', async () => {
  const plane = await resolve(
    `${head('ClusterConfiguration', 'v1beta2')}kubernetesVersion: v1.20.2\napiServer: {extraArgs: {v: "2"}, timeoutForControlPlane: 5m0s}\n`,
  )
  assert.equal(plane.apiServer.extraArgs, [{ name: 'v', value: '2' }])
  assert.is(plane.timeoutSeconds.controlPlaneComponentHealthCheck, 300)
})

test('who needs a control plane or nothing gets the first error', async () => {
  const description = await describe(`${head('ClusterConfiguration')}kubernetesVersion: v1.38.0\n`)
  try {
    parseControlPlane(description)
    assert.unreachable()
  } catch (error) {
    assert.instance(error, UsageError)
    assert.is((error as UsageError).code, 'KPKI_VERSION_UNSUPPORTED')
    assert.match((error as UsageError).message, /^k\.yaml:3:20: kubernetesVersion: .*1\.20 to 1\.37/)
  }
})

test.run()
