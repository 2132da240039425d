import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatClusterConfiguration, formatClusterStatus } from '../../lib/config/cluster-configuration.js'
import { parseConfiguration } from '../../lib/config/parse.js'
import { controlPlane } from '../support/control-plane.js'

const HOST = 'localAPIEndpoint: {advertiseAddress: 10.77.1.10}\nnodeRegistration: {name: cp-1}'

/** What `kubeadm init --dry-run` of v1.20.2 puts into kubeadm-config, and what clusters of later versions were seen to have. */
const SEEN: readonly (readonly [string, string, string])[] = [
  [
    'v1.20.2',
    '',
    `apiServer:
  extraArgs:
    authorization-mode: Node,RBAC
  timeoutForControlPlane: 4m0s
apiVersion: kubeadm.k8s.io/v1beta2
certificatesDir: /etc/kubernetes/pki
clusterName: kubernetes
controllerManager: {}
dns:
  type: CoreDNS
etcd:
  local:
    dataDir: /var/lib/etcd
imageRepository: k8s.gcr.io
kind: ClusterConfiguration
kubernetesVersion: v1.20.2
networking:
  dnsDomain: cluster.local
  serviceSubnet: 10.96.0.0/12
scheduler: {}
`,
  ],
  [
    'v1.21.5',
    'controlPlaneEndpoint: 10.230.7.30:6443\nnetworking: {podSubnet: 10.4.0.0/16, serviceSubnet: 10.6.0.0/16}\nimageRepository: registry.aliyuncs.com/google_containers',
    `apiServer:
  extraArgs:
    authorization-mode: Node,RBAC
  timeoutForControlPlane: 4m0s
apiVersion: kubeadm.k8s.io/v1beta2
certificatesDir: /etc/kubernetes/pki
clusterName: kubernetes
controlPlaneEndpoint: 10.230.7.30:6443
controllerManager: {}
dns:
  type: CoreDNS
etcd:
  local:
    dataDir: /var/lib/etcd
imageRepository: registry.aliyuncs.com/google_containers
kind: ClusterConfiguration
kubernetesVersion: v1.21.5
networking:
  dnsDomain: cluster.local
  podSubnet: 10.4.0.0/16
  serviceSubnet: 10.6.0.0/16
scheduler: {}
`,
  ],
  [
    'v1.22.1',
    'apiServer: {certSANs: [192.168.50.10]}\nnetworking: {podSubnet: 10.85.0.0/16}',
    `apiServer:
  certSANs:
  - 192.168.50.10
  extraArgs:
    authorization-mode: Node,RBAC
  timeoutForControlPlane: 4m0s
apiVersion: kubeadm.k8s.io/v1beta3
certificatesDir: /etc/kubernetes/pki
clusterName: kubernetes
controllerManager: {}
dns: {}
etcd:
  local:
    dataDir: /var/lib/etcd
imageRepository: k8s.gcr.io
kind: ClusterConfiguration
kubernetesVersion: v1.22.1
networking:
  dnsDomain: cluster.local
  podSubnet: 10.85.0.0/16
  serviceSubnet: 10.96.0.0/12
scheduler: {}
`,
  ],
  [
    'v1.32.1',
    'networking: {podSubnet: 10.244.0.0/16, serviceSubnet: 10.255.0.0/16}',
    `apiServer: {}
apiVersion: kubeadm.k8s.io/v1beta4
caCertificateValidityPeriod: 87600h0m0s
certificateValidityPeriod: 8760h0m0s
certificatesDir: /etc/kubernetes/pki
clusterName: kubernetes
controllerManager: {}
dns: {}
encryptionAlgorithm: RSA-2048
etcd:
  local:
    dataDir: /var/lib/etcd
imageRepository: registry.k8s.io
kind: ClusterConfiguration
kubernetesVersion: v1.32.1
networking:
  dnsDomain: cluster.local
  podSubnet: 10.244.0.0/16
  serviceSubnet: 10.255.0.0/16
proxy: {}
scheduler: {}
`,
  ],
  [
    'v1.34.0',
    'apiServer: {certSANs: [controlplane]}\ncontrolPlaneEndpoint: controlplane:6443\nnetworking: {podSubnet: 172.17.0.0/16, serviceSubnet: 172.20.0.0/16}',
    `apiServer:
  certSANs:
  - controlplane
apiVersion: kubeadm.k8s.io/v1beta4
caCertificateValidityPeriod: 87600h0m0s
certificateValidityPeriod: 8760h0m0s
certificatesDir: /etc/kubernetes/pki
clusterName: kubernetes
controlPlaneEndpoint: controlplane:6443
controllerManager: {}
dns: {}
encryptionAlgorithm: RSA-2048
etcd:
  local:
    dataDir: /var/lib/etcd
imageRepository: registry.k8s.io
kind: ClusterConfiguration
kubernetesVersion: v1.34.0
networking:
  dnsDomain: cluster.local
  podSubnet: 172.17.0.0/16
  serviceSubnet: 172.20.0.0/16
proxy: {}
scheduler: {}
`,
  ],
]

for (const [version, cluster, wanted] of SEEN) {
  test(`${version}: kubeadm-config as it was seen`, async () => {
    const { text, warnings } = formatClusterConfiguration(await controlPlane(version, { cluster, init: HOST }))
    assert.is(text, wanted)
    assert.equal(warnings, [])
  })
}

const RICH = `controlPlaneEndpoint: api.example.org:8443
apiServer:
  certSANs: [lb.example.org]
  extraArgs: [{name: audit-log-maxage, value: "7"}]
  extraVolumes: [{name: a, hostPath: /a, mountPath: /b, readOnly: true, pathType: Directory}]
scheduler: {extraArgs: [{name: v, value: "2"}]}
etcd: {local: {dataDir: /data, extraArgs: [{name: quota-backend-bytes, value: "1"}], peerCertSANs: [e.example.org]}}
dns: {imageTag: v9}
encryptionAlgorithm: ECDSA-P256
networking: {podSubnet: 10.244.0.0/16}`

for (const minor of [20, 21, 22, 25, 29, 30, 31, 34, 36, 37]) {
  test(`v1.${minor}: what is put into the cluster is read again as what it was`, async () => {
    const made = await controlPlane(`v1.${minor}.1`, { cluster: RICH })
    const { text, warnings } = formatClusterConfiguration(made)
    const { configuration, problems, versions } = parseConfiguration(text, 'kubeadm-config')
    assert.equal(
      problems.filter(({ severity }) => severity === 'error'),
      [],
    )
    assert.equal(warnings, [])
    const { ClusterConfiguration: wanted = {} } = made.configuration
    const { ClusterConfiguration: read = {}, InitConfiguration: init } = configuration
    // Older kubeadms record what they gave the API server; what v1beta4 alone can say has its defaults.
    const args = (read.apiServer?.extraArgs ?? []).filter(({ name }) => name !== 'authorization-mode')
    assert.equal({ ...read.apiServer, extraArgs: args }, wanted.apiServer)
    for (const field of ['etcd', 'scheduler', 'networking', 'controlPlaneEndpoint', 'encryptionAlgorithm'] as const)
      assert.equal(read[field], wanted[field], field)
    if (versions.ClusterConfiguration === 'v1beta4') assert.is(init, undefined)
    else assert.equal(init?.timeouts, { controlPlaneComponentHealthCheck: '4m0s' })
  })
}

const words = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}[a-z0-9]$/)
const texts = fc.string({ unit: 'grapheme-ascii', maxLength: 60 })
const args = fc.uniqueArray(fc.record({ name: words, value: texts }, { noNullPrototype: true }), {
  maxLength: 4,
  selector: ({ name }) => name,
})
const component = fc.record({ extraArgs: args })
const described = fc.record({
  minor: fc.integer({ min: 20, max: 37 }),
  clusterName: words,
  imageRepository: words.map(word => `${word}.example.org/x`),
  apiServer: component,
  controllerManager: component,
  scheduler: component,
})

test('whatever the arguments are, they are read again as they were', async () => {
  await fc.assert(
    fc.asyncProperty(described, async ({ minor, ...cluster }) => {
      // JSON is YAML.
      const lines = Object.entries(cluster).map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
      const made = await controlPlane(`v1.${minor}.0`, { cluster: lines.join('\n') })
      const { configuration, problems } = parseConfiguration(formatClusterConfiguration(made).text, 'kubeadm-config')
      assert.equal(
        problems.filter(({ severity }) => severity === 'error'),
        [],
      )
      const { ClusterConfiguration: read = {} } = configuration
      for (const field of ['clusterName', 'imageRepository'] as const) assert.is(read[field], cluster[field])
      for (const field of ['apiServer', 'controllerManager', 'scheduler'] as const) {
        const found = (read[field]?.extraArgs ?? []).filter(({ name }) => name !== 'authorization-mode')
        const byName = (list: readonly { name: string }[]) => [...list].sort((a, b) => (a.name < b.name ? -1 : 1))
        assert.equal(byName(found), byName(cluster[field].extraArgs), field)
      }
    }),
    { numRuns: 60 },
  )
})

const LOST: readonly (readonly [string, string, string, readonly string[]])[] = [
  ['v1.30.1', 'proxy: {disabled: true}', 'proxy.disabled', ['v1beta3']],
  ['v1.30.1', 'dns: {disabled: true}', 'dns.disabled', ['v1beta3']],
  ['v1.30.1', 'encryptionAlgorithm: RSA-3072', 'encryptionAlgorithm (RSA-3072)', []],
  ['v1.30.1', 'certificateValidityPeriod: 100h', 'certificateValidityPeriod (100h', []],
  ['v1.20.2', 'apiServer: {extraEnvs: [{name: A, value: b}]}', 'apiServer.extraEnvs', ['v1beta2']],
  [
    'v1.20.2',
    'scheduler: {extraArgs: [{name: v, value: "1"}, {name: v, value: "2"}]}',
    'name v of scheduler.extraArgs',
    [],
  ],
]

for (const [version, cluster, part, more] of LOST) {
  test(`${version}: what it cannot say is said: ${part}`, async () => {
    const { warnings } = formatClusterConfiguration(await controlPlane(version, { cluster }))
    assert.is(warnings.length, 1, warnings.join('\n'))
    for (const text of [part, ...more]) assert.match(warnings[0] ?? '', text)
  })
}

// The two exclude each other (kubernetes/kubernetes PR 123654), and kubeadm upgrade would hand both on.
test('up to v1.30 modes of authorization are written down where nothing else says how it is done', async () => {
  for (const [args, names] of [
    ['{name: v, value: "1"}', ['v', 'authorization-mode']],
    ['{name: authorization-config, value: /etc/a.yaml}', ['authorization-config']],
    ['{name: authorization-mode, value: "RBAC,Node"}', ['authorization-mode']],
  ] as const) {
    const { text } = formatClusterConfiguration(
      await controlPlane('v1.30.4', { cluster: `apiServer: {extraArgs: [${args}]}` }),
    )
    const { configuration } = parseConfiguration(text, 'kubeadm-config')
    assert.equal(configuration.ClusterConfiguration?.apiServer?.extraArgs?.map(({ name }) => name).toSorted(), [
      ...names.toSorted(),
    ])
  }
})

test('httpEndpoints are for kubeadm 1.35 and newer', async () => {
  const cluster =
    'etcd: {external: {endpoints: ["http://e:2379"], httpEndpoints: ["http://e:2381"]}}\nproxy: {disabled: true}'
  for (const [version, isThere] of [
    ['v1.30.0', false],
    ['v1.34.9', false],
    ['v1.35.0', true],
  ] as const) {
    const { text, warnings } = formatClusterConfiguration(await controlPlane(version, { cluster }))
    assert.is(text.includes('httpEndpoints'), isThere, version)
    assert.is(warnings.filter(warning => warning.includes('etcd.external.httpEndpoints')).length, isThere ? 0 : 1)
  }
})

test('a certificate period that is the usual one is no loss', async () => {
  const made = await controlPlane('v1.30.1', {
    cluster: 'caCertificateValidityPeriod: 87600h\ncertificateValidityPeriod: 525600m',
  })
  assert.equal(formatClusterConfiguration(made).warnings, [])
})

test('tokens and keys of the description are not put into the cluster', async () => {
  const init = `${HOST}\nbootstrapTokens: [{token: abcdef.0123456789abcdef}]\ncertificateKey: ${'ab'.repeat(32)}`
  for (const version of ['v1.20.2', 'v1.30.1', 'v1.36.4']) {
    const { text } = formatClusterConfiguration(await controlPlane(version, { init }))
    assert.not.match(text, /abcdef|abab|nodeRegistration|10\.77/)
  }
})

test('up to v1.21 the API servers are listed', () => {
  assert.is(
    formatClusterStatus({ 'cp-1': { advertiseAddress: '10.77.1.10', bindPort: 6443 } }),
    `apiEndpoints:
  cp-1:
    advertiseAddress: 10.77.1.10
    bindPort: 6443
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterStatus
`,
  )
})

test.run()
