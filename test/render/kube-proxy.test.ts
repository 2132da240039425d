import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { componentConfigHash } from '../../lib/render/component-config.js'
import { kubeProxyConfigMapData, kubeProxyConfiguration } from '../../lib/render/kube-proxy.js'
import { parseYaml } from '../../lib/yaml.js'
import { controlPlane } from '../support/control-plane.js'
import { vector } from '../vectors/read.js'

// kubeadm config print init-defaults --component-configs KubeProxyConfiguration, see test/vectors/kubeadm/kubelet.sh.
const V1_20 = vector('kubeadm/kubelet/proxy-defaults.yaml')
const V1_24 = V1_20.replace(
  'detectLocalMode',
  'detectLocal:\n  bridgeInterface: ""\n  interfaceNamePrefix: ""\ndetectLocalMode',
)
  .replace('  networkName', '  forwardHealthCheckVip: false\n  networkName')
  .replace('  sourceVip', '  rootHnsEndpointName: ""\n  sourceVip')
const V1_26 = V1_24.replace('udpIdleTimeout: 0s\n', '').replace(
  'iptables:\n',
  'iptables:\n  localhostNodePorts: null\n',
)
const V1_28 = V1_26.replace(
  'metricsBindAddress',
  'logging:\n  flushFrequency: 0\n  options:\n    json:\n      infoBufferSize: "0"\n  verbosity: 0\nmetricsBindAddress',
)
const V1_29 = V1_28.replace('  tcpCloseWait', '  tcpBeLiberal: false\n  tcpCloseWait')
  .replace('detectLocal:', '  udpStreamTimeout: 0s\n  udpTimeout: 0s\ndetectLocal:')
  .replace(
    'nodePortAddresses',
    'nftables:\n  masqueradeAll: false\n  masqueradeBit: null\n  minSyncPeriod: 0s\n  syncPeriod: 0s\nnodePortAddresses',
  )

// In full, as kubeadm v1.32.0 prints it (podSubnet not set).
const V1_30 = `apiVersion: kubeproxy.config.k8s.io/v1alpha1
bindAddress: 0.0.0.0
bindAddressHardFail: false
clientConnection:
  acceptContentTypes: ""
  burst: 0
  contentType: ""
  kubeconfig: /var/lib/kube-proxy/kubeconfig.conf
  qps: 0
clusterCIDR: ""
configSyncPeriod: 0s
conntrack:
  maxPerCore: null
  min: null
  tcpBeLiberal: false
  tcpCloseWaitTimeout: null
  tcpEstablishedTimeout: null
  udpStreamTimeout: 0s
  udpTimeout: 0s
detectLocal:
  bridgeInterface: ""
  interfaceNamePrefix: ""
detectLocalMode: ""
enableProfiling: false
healthzBindAddress: ""
hostnameOverride: ""
iptables:
  localhostNodePorts: null
  masqueradeAll: false
  masqueradeBit: null
  minSyncPeriod: 0s
  syncPeriod: 0s
ipvs:
  excludeCIDRs: null
  minSyncPeriod: 0s
  scheduler: ""
  strictARP: false
  syncPeriod: 0s
  tcpFinTimeout: 0s
  tcpTimeout: 0s
  udpTimeout: 0s
kind: KubeProxyConfiguration
logging:
  flushFrequency: 0
  options:
    json:
      infoBufferSize: "0"
    text:
      infoBufferSize: "0"
  verbosity: 0
metricsBindAddress: ""
mode: ""
nftables:
  masqueradeAll: false
  masqueradeBit: null
  minSyncPeriod: 0s
  syncPeriod: 0s
nodePortAddresses: null
oomScoreAdj: null
portRange: ""
showHiddenMetricsForVersion: ""
winkernel:
  enableDSR: false
  forwardHealthCheckVip: false
  networkName: ""
  rootHnsEndpointName: ""
  sourceVip: ""
`

for (const [minor, expected] of [
  [20, V1_20],
  [23, V1_20],
  [24, V1_24],
  [25, V1_24],
  [26, V1_26],
  [27, V1_26],
  [28, V1_28],
  [29, V1_29],
  [30, V1_30],
  [33, V1_30],
  [36, V1_30],
  [37, V1_30],
] as const)
  test(`KubeProxyConfiguration of 1.${minor}`, async () => {
    const data = kubeProxyConfigMapData(await controlPlane(`v1.${minor}.0`))
    assert.is(`${data['config.conf']}\n`, expected)
  })

// Clusters of others, whose ConfigMap and its annotation stand in public notes: what kubeadm of that minor signed.
for (const [version, endpoint, podSubnet, hash] of [
  ['v1.20.0', 'controlplane:6443', '10.244.0.0/16', '3c1c57a3d54be93d94daaa656d9428e3fbaf8d0cbb4d2221339c2d450391ee35'],
  ['v1.21.1', '10.0.2.100:1644', undefined, 'abbfdfdf2193cde1470588f464d713dc0078905117ab32580f202e7970a922a3'],
  ['v1.29.0', 'controlplane:6443', '10.244.0.0/16', 'a58bc934e3784937e225f9d601a6a87d49d87707757c3825c91340be984ace5a'],
  ['v1.30.0', 'controlplane:6443', '10.244.0.0/16', '906b8697200819e8263843f43965bb3614545800b82206dcee8ef93a08bc4f4b'],
] as const)
  test(`both texts have the hash that a real kubeadm gave them: ${version}`, async () => {
    const networking = podSubnet === undefined ? '' : `\nnetworking: {podSubnet: ${podSubnet}}`
    const data = kubeProxyConfigMapData(
      await controlPlane(version, { cluster: `controlPlaneEndpoint: ${endpoint}${networking}` }),
    )
    assert.equal(Object.keys(data), ['config.conf', 'kubeconfig.conf'])
    assert.is(componentConfigHash(data), `sha256:${hash}`)
  })

for (const [cluster, init, expected] of [
  ['', undefined, { server: 'https://10.77.1.10:6443', bindAddress: '0.0.0.0', clusterCIDR: '' }],
  [
    'networking: {podSubnet: "10.244.0.0/16,fd00:10:244::/56"}\ncontrolPlaneEndpoint: api.example.org',
    undefined,
    {
      server: 'https://api.example.org:6443',
      bindAddress: '0.0.0.0',
      clusterCIDR: '10.244.0.0/16,fd00:10:244::/56',
    },
  ],
  [
    'networking: {serviceSubnet: "fd00:10:96::/112", podSubnet: "fd00:10:244::/56"}',
    'localAPIEndpoint: {advertiseAddress: "fd00:77::10"}\nnodeRegistration: {name: cp-1}',
    { server: 'https://[fd00:77::10]:6443', bindAddress: '::', clusterCIDR: 'fd00:10:244::/56' },
  ],
] as const)
  test(`kube-proxy's own of a cluster: ${JSON.stringify(expected)}`, async () => {
    const plane = await controlPlane('v1.36.0', { cluster, ...(init === undefined ? {} : { init }) })
    const { configuration, problems } = kubeProxyConfiguration(plane)
    assert.equal(problems, [])
    assert.is(configuration['bindAddress'], expected.bindAddress)
    assert.is(configuration['clusterCIDR'], expected.clusterCIDR)
    const kubeconfig = parseYaml(kubeProxyConfigMapData(plane)['kubeconfig.conf'], 'kubeconfig').value
    assert.equal((kubeconfig as { clusters: unknown }).clusters, [
      {
        name: 'default',
        cluster: {
          'certificate-authority': '/var/run/secrets/kubernetes.io/serviceaccount/ca.crt',
          server: expected.server,
        },
      },
    ])
  })

const own = (text: string) => `apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n${text}`

test('what was written stays, and is a warning where kubeadm warns', async () => {
  const plane = await controlPlane('v1.36.0', {
    cluster: 'networking: {podSubnet: 10.244.0.0/16}',
    more: own(
      'mode: ipvs\nbindAddress: 10.0.0.1\nclusterCIDR: 10.0.0.0/8\nipvs: {strictARP: true}\nclientConnection: {kubeconfig: /srv/x}\nnew: 1',
    ),
  })
  const { configuration, problems } = kubeProxyConfiguration(plane)
  assert.equal(
    problems.map(({ field }) => field),
    [
      'KubeProxyConfiguration.bindAddress',
      'KubeProxyConfiguration.clusterCIDR',
      'KubeProxyConfiguration.clientConnection.kubeconfig',
    ],
  )
  assert.is(configuration['mode'], 'ipvs')
  assert.is(configuration['new'], 1)
  assert.is(configuration['bindAddress'], '10.0.0.1')
  assert.equal(configuration['ipvs'], {
    excludeCIDRs: null,
    minSyncPeriod: '0s',
    scheduler: '',
    strictARP: true,
    syncPeriod: '0s',
    tcpFinTimeout: '0s',
    tcpTimeout: '0s',
    udpTimeout: '0s',
  })
})

test('the gate for both IP families goes down to kube-proxy as long as there is one', async () => {
  const cluster = 'featureGates: {IPv6DualStack: true}'
  const of = async (version: string) =>
    kubeProxyConfiguration(await controlPlane(version, { cluster })).configuration['featureGates']
  assert.equal(await of('v1.20.2'), { IPv6DualStack: true })
  assert.is(await of('v1.23.0'), undefined)
})

test.run()
