import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { resolveControlPlane } from '../../lib/config/control-plane.js'
import type { FlagFacts } from '../../lib/config/facts.js'
import type { HostFlags } from '../../lib/config/host-flags.js'
import { type ConfigProblem, formatProblem } from '../../lib/config/problems.js'
import { resolveDescription } from '../../lib/config/resolve.js'
import { testContext } from '../support/context.js'

const HOST = { hostname: 'cp-1', defaultAddress: { address: '192.0.2.9', interface: 'eth0' } }

interface Said {
  readonly cluster?: string
  readonly init?: string
  readonly facts?: FlagFacts
  readonly flags?: HostFlags
}

async function judge({ cluster, init, facts = {}, flags = {} }: Said): Promise<readonly ConfigProblem[]> {
  const document = (kind: string, lines: string) => `apiVersion: kubeadm.k8s.io/v1beta4\nkind: ${kind}\n${lines}\n`
  const text = [
    ...(cluster === undefined ? [] : [document('ClusterConfiguration', cluster)]),
    ...(init === undefined ? [] : [document('InitConfiguration', init)]),
  ].join('---\n')
  const file = text === '' ? {} : { file: { text, name: 'k.yaml' } }
  const description = await resolveDescription({ ...file, flags: facts, host: HOST }, testContext())
  const { cluster: resolved, problems } = description
  if (!resolved) return problems
  return [...problems, ...resolveControlPlane({ ...description, cluster: resolved }, { flags }).problems]
}
const brief = ({ severity, code, field, file, line, column, flag }: ConfigProblem) =>
  `${severity} ${code.slice('KPKI_'.length)} ${field} ${flag ?? (file === undefined ? '-' : `${line}:${column}`)}`

/** What is said, and what is wrong with it: severity, code, field, place. */
const CASES: readonly (readonly [name: string, said: Said, expected: readonly string[]])[] = [
  [
    'a minor that nobody knows',
    { facts: { kubernetesVersion: '1.38.0' } },
    [
      'warning FIELD_VALUE kubernetesVersion --kubernetes-version',
      'error VERSION_UNSUPPORTED kubernetesVersion --kubernetes-version',
    ],
  ],
  ...['v1.19.16', '1.19', 'stable-1.12'].map((kubernetesVersion): (typeof CASES)[number] => [
    `${kubernetesVersion}, which nobody knows any more`,
    { facts: { kubernetesVersion } },
    ['error VERSION_UNSUPPORTED kubernetesVersion --kubernetes-version'],
  ]),
  [
    'no version at all',
    { facts: { kubernetesVersion: 'v2.1.0' } },
    ['error FIELD_VALUE kubernetesVersion --kubernetes-version'],
  ],
  [
    'Pods in the network of Services',
    { cluster: 'networking: {podSubnet: 10.100.0.0/16}' },
    ['error FIELD_CONFLICT networking.podSubnet 3:25'],
  ],
  [
    'Services in the network of Pods',
    { facts: { podSubnet: '10.244.0.0/16', serviceSubnet: '10.244.128.0/20' } },
    ['error FIELD_CONFLICT networking.podSubnet --pod-network-cidr'],
  ],
  ['networks beside each other', { cluster: 'networking: {podSubnet: 10.112.0.0/16}' }, []],
  [
    'an address within the Services',
    { facts: { advertiseAddress: '10.100.0.1' } },
    ['error FIELD_CONFLICT localAPIEndpoint.advertiseAddress --apiserver-advertise-address'],
  ],
  [
    'an address within the Pods',
    { cluster: 'networking: {podSubnet: 10.244.0.0/16}', init: 'localAPIEndpoint: {advertiseAddress: 10.244.1.1}' },
    ['error FIELD_CONFLICT localAPIEndpoint.advertiseAddress 7:38'],
  ],
  [
    'an address that leads nowhere else',
    { facts: { advertiseAddress: '127.0.0.1' } },
    ['error FIELD_VALUE localAPIEndpoint.advertiseAddress --apiserver-advertise-address'],
  ],
  [
    'one of IPv6, in a file',
    { cluster: 'networking: {serviceSubnet: fd00::/112}', init: 'localAPIEndpoint: {advertiseAddress: "::1"}' },
    ['error FIELD_VALUE localAPIEndpoint.advertiseAddress 7:38'],
  ],
  [
    'an endpoint within the Services',
    { cluster: 'controlPlaneEndpoint: 10.100.0.1:6443' },
    ['error FIELD_CONFLICT controlPlaneEndpoint 3:23'],
  ],
  [
    'Services of another family',
    { facts: { serviceSubnet: 'fd00::/112' } },
    ['error FIELD_CONFLICT networking.serviceSubnet --service-cidr'],
  ],
  [
    'Services of another family before 1.24',
    { facts: { serviceSubnet: 'fd00::/112', kubernetesVersion: '1.23.0' } },
    ['warning FIELD_CONFLICT networking.serviceSubnet --service-cidr'],
  ],
  [
    'the other family first',
    { facts: { serviceSubnet: 'fd00::/112,10.96.0.0/16' } },
    ['error FIELD_CONFLICT networking.serviceSubnet --service-cidr'],
  ],
  ['both families', { facts: { serviceSubnet: '10.96.0.0/16,fd00::/112', podSubnet: '10.244.0.0/16,fd01::/48' } }, []],
  [
    'Pods of the other family first',
    { facts: { serviceSubnet: '10.96.0.0/16,fd00::/112', podSubnet: 'fd01::/48,10.244.0.0/16' } },
    ['warning FIELD_VALUE networking.podSubnet --pod-network-cidr'],
  ],
  [
    'both families in 1.20',
    { facts: { kubernetesVersion: '1.20.2', serviceSubnet: '10.96.0.0/16,fd00::/112' } },
    ['error FIELD_VALUE networking.serviceSubnet --service-cidr'],
  ],
  [
    'both families in 1.20, with the gate',
    {
      facts: {
        kubernetesVersion: '1.20.2',
        serviceSubnet: '10.96.0.0/16,fd00::/112',
        featureGates: 'IPv6DualStack=true',
      },
    },
    [],
  ],
  [
    'Pods of less than a node',
    { facts: { podSubnet: '10.244.0.0/25' } },
    ['error FIELD_VALUE networking.podSubnet --pod-network-cidr'],
  ],
  [
    'Pods of too many nodes',
    { facts: { podSubnet: '172.0.0.0/7' } },
    ['error FIELD_VALUE networking.podSubnet --pod-network-cidr'],
  ],
  ['as many Pods as a node has', { facts: { podSubnet: '10.244.0.0/24' } }, []],
  ['as many nodes as can be', { facts: { podSubnet: '11.0.0.0/8' } }, []],
  [
    'smaller nodes',
    {
      cluster:
        'networking: {podSubnet: 10.244.0.0/25}\ncontrollerManager: {extraArgs: [{name: node-cidr-mask-size, value: "26"}]}',
    },
    [],
  ],
  [
    'nodes of both families',
    {
      cluster:
        'networking: {podSubnet: "10.244.0.0/16,fd01::/48", serviceSubnet: "10.96.0.0/16,fd00::/112"}\ncontrollerManager: {extraArgs: [{name: node-cidr-mask-size-ipv6, value: "80"}]}',
    },
    ['error FIELD_VALUE networking.podSubnet 3:25'],
  ],
  [
    'a mask that is none',
    {
      cluster:
        'networking: {podSubnet: 10.244.0.0/16}\ncontrollerManager: {extraArgs: [{name: node-cidr-mask-size, value: x}]}',
    },
    ['error FIELD_VALUE controllerManager.extraArgs[0] 4:33'],
  ],
  [
    'nobody gives nodes their networks',
    {
      cluster:
        'networking: {podSubnet: 10.244.0.0/25}\ncontrollerManager: {extraArgs: [{name: allocate-node-cidrs, value: "false"}]}',
    },
    [],
  ],
  [
    'a name that is there anyway',
    { cluster: 'apiServer: {certSANs: [kubernetes.default, a.example.org]}' },
    ['warning FIELD_VALUE apiServer.certSANs[0] 3:24'],
  ],
  [
    'a name that is there twice',
    { cluster: 'apiServer: {certSANs: [a.example.org, A.example.org]}' },
    ['warning FIELD_VALUE apiServer.certSANs[1] 3:39'],
  ],
  [
    'a wildcard among peers',
    { cluster: 'etcd: {local: {peerCertSANs: ["*.example.org"], serverCertSANs: ["*.example.org"]}}' },
    ['warning FIELD_VALUE etcd.local.peerCertSANs[0] 3:31'],
  ],
  [
    'a feature gate of a component',
    { facts: { featureGates: 'GracefulNodeShutdown=true' } },
    [
      'warning FIELD_VALUE featureGates.GracefulNodeShutdown --feature-gates',
      'error FIELD_VALUE featureGates.GracefulNodeShutdown --feature-gates',
    ],
  ],
  [
    'components without root',
    { cluster: 'featureGates: {RootlessControlPlane: true}' },
    ['warning FIELD_VALUE featureGates.RootlessControlPlane 3:38'],
  ],
  [
    'data in the root directory',
    { cluster: 'etcd: {local: {dataDir: /}}' },
    ['error FIELD_VALUE etcd.local.dataDir 3:25'],
  ],
  [
    "data in the kubelet's directory",
    { cluster: 'etcd: {local: {dataDir: /var/lib/kubelet/}}' },
    ['error FIELD_VALUE etcd.local.dataDir 3:25'],
  ],
  [
    'data that climb',
    { cluster: 'etcd: {local: {dataDir: /var/lib/../../etc}}' },
    ['error FIELD_VALUE etcd.local.dataDir 3:25'],
  ],
  [
    'data in a directory of the kubelet',
    { cluster: 'etcd: {local: {dataDir: /var/lib/kubelet/etcd}}' },
    ['error FIELD_VALUE etcd.local.dataDir 3:25'],
  ],
  [
    'data where the kubelet looks for Pods',
    { cluster: 'etcd: {local: {dataDir: /etc/kubernetes/manifests/./etcd}}' },
    ['error FIELD_VALUE etcd.local.dataDir 3:25'],
  ],
  [
    'data among certificates',
    { cluster: 'etcd: {local: {dataDir: /etc/kubernetes/pki/etcd}}' },
    ['error FIELD_VALUE etcd.local.dataDir 3:25'],
  ],
  [
    'data and certificates in one directory',
    { cluster: 'certificatesDir: /srv/pki/\netcd: {local: {dataDir: /srv//pki}}' },
    ['error FIELD_VALUE etcd.local.dataDir 4:25'],
  ],
  [
    'certificates among data',
    { cluster: 'certificatesDir: /srv/etcd/pki\netcd: {local: {dataDir: /srv/etcd}}' },
    ['error FIELD_VALUE etcd.local.dataDir 4:25'],
  ],
  [
    'data and certificates beside each other',
    { cluster: 'certificatesDir: /srv/etcd-pki\netcd: {local: {dataDir: /srv/etcd}}' },
    [],
  ],
  ...['/', '/etc/../', '/etc/kubernetes', '/etc/kubernetes/manifests', '/var/lib/kubelet/pki'].map(
    (path): (typeof CASES)[number] => [
      `certificates in ${path}`,
      { cluster: `certificatesDir: ${path}` },
      ['error FIELD_VALUE certificatesDir 3:18'],
    ],
  ),
  [
    'metrics of etcd before 1.35',
    { cluster: 'kubernetesVersion: v1.34.0\netcd: {external: {endpoints: [http://e:2379], httpEndpoints: [e]}}' },
    ['error FIELD_VALUE etcd.external.httpEndpoints[0] 4:63', 'warning FIELD_VALUE etcd.external.httpEndpoints 4:62'],
  ],
  [
    'a repository with a scheme',
    { cluster: 'imageRepository: https://r.example.org' },
    ['error FIELD_VALUE imageRepository 3:18'],
  ],
  [
    'a repository in capitals',
    { cluster: 'imageRepository: r.example.org/K8s' },
    ['error FIELD_VALUE imageRepository 3:18'],
  ],
  ['a repository with a port', { cluster: 'imageRepository: r.example.org:5000/k8s/x__y' }, []],
  [
    'a repository with a tag behind',
    { flags: { imageRepository: 'r.example.org/k8s:v1' } },
    ['error FIELD_VALUE imageRepository --image-repository'],
  ],
  [
    'tags that are none',
    { cluster: 'dns: {imageTag: "v 1", imageRepository: "a b"}\netcd: {local: {imageTag: -x, imageRepository: a//b}}' },
    [
      'error FIELD_VALUE dns.imageRepository 3:41',
      'error FIELD_VALUE dns.imageTag 3:17',
      'error FIELD_VALUE etcd.local.imageRepository 4:47',
      'error FIELD_VALUE etcd.local.imageTag 4:26',
    ],
  ],
  [
    'a socket that is none',
    { init: 'nodeRegistration: {criSocket: "tcp://10.0.0.1:1"}' },
    ['error FIELD_VALUE nodeRegistration.criSocket 3:31'],
  ],
  [
    'a socket of Windows',
    { flags: { criSocket: 'npipe:////./pipe/containerd' } },
    ['error FIELD_VALUE nodeRegistration.criSocket --cri-socket'],
  ],
  [
    'a socket without a path',
    { flags: { criSocket: 'unix://' } },
    ['error FIELD_VALUE nodeRegistration.criSocket --cri-socket'],
  ],
  [
    'a relative socket',
    { flags: { criSocket: 'run/x.sock' } },
    ['error FIELD_VALUE nodeRegistration.criSocket --cri-socket'],
  ],
  [
    'taints that are none',
    { init: 'nodeRegistration: {taints: [{effect: NoSchedule}, {key: a}, {key: a, value: "x y", effect: NoExecute}]}' },
    [
      'error FIELD_VALUE nodeRegistration.taints[0] 3:29',
      'error FIELD_VALUE nodeRegistration.taints[1] 3:51',
      'error FIELD_VALUE nodeRegistration.taints[2] 3:61',
    ],
  ],
  [
    'a taint twice',
    {
      init: 'nodeRegistration: {taints: [{key: a, effect: NoSchedule}, {key: a, effect: NoExecute}, {key: a, value: x, effect: NoSchedule}]}',
    },
    ['error FIELD_CONFLICT nodeRegistration.taints[2] 3:88'],
  ],
  [
    'all, and another',
    { init: 'nodeRegistration: {ignorePreflightErrors: [Swap]}', flags: { ignorePreflightErrors: 'ALL' } },
    ['error FIELD_VALUE nodeRegistration.ignorePreflightErrors --ignore-preflight-errors'],
  ],
  [
    'all alone',
    { init: 'nodeRegistration: {ignorePreflightErrors: [all]}', flags: { ignorePreflightErrors: 'all' } },
    [],
  ],
  ['relative patches', { init: 'patches: {directory: p}' }, ['error FIELD_VALUE patches.directory 3:22']],
  ['patches below the working directory', { init: 'patches: {directory: p}', flags: { patchesDir: 'q' } }, []],
  [
    'no time',
    { init: 'timeouts: {tlsBootstrap: 0s, discovery: -5s}' },
    ['error FIELD_VALUE timeouts.discovery 3:41', 'error FIELD_VALUE timeouts.tlsBootstrap 3:26'],
  ],
  [
    'a token that is none',
    { flags: { token: 'abcdef.short' } },
    ['error FIELD_VALUE bootstrapTokens[0].token --token'],
  ],
  ['a life that is none', { flags: { tokenTtl: '1d' } }, ['error FIELD_VALUE bootstrapTokens[0].ttl --token-ttl']],
  ['a token that never ends', { flags: { tokenTtl: '0' } }, []],
  [
    'a token of which another has the id',
    {
      init: 'bootstrapTokens: [{token: aaaaaa.0123456789abcdef}, {token: abcdef.0123456789abcdef}]',
      flags: { token: 'abcdef.fedcba9876543210' },
    },
    ['error FIELD_CONFLICT bootstrapTokens[0].token --token'],
  ],
  ['a key that is none', { flags: { certificateKey: 'abc' } }, ['error FIELD_VALUE certificateKey --certificate-key']],
  [
    'dashes before an argument',
    { cluster: 'apiServer: {extraArgs: [{name: --v, value: "4"}]}' },
    ['error FIELD_VALUE apiServer.extraArgs[0] 3:25'],
  ],
  [
    'an argument with its value',
    { cluster: 'scheduler: {extraArgs: [{name: v=4}]}' },
    ['error FIELD_VALUE scheduler.extraArgs[0] 3:25'],
  ],
  [
    'an argument of two lines',
    { init: 'nodeRegistration: {kubeletExtraArgs: [{name: v, value: "4\\nX=1"}]}' },
    ['error FIELD_VALUE nodeRegistration.kubeletExtraArgs[0] 3:39'],
  ],
  [
    'another port',
    { cluster: 'apiServer: {extraArgs: [{name: secure-port, value: "8443"}]}' },
    ['warning FIELD_VALUE apiServer.extraArgs[0] 3:25'],
  ],
  ['the same port', { cluster: 'apiServer: {extraArgs: [{name: secure-port, value: "6443"}]}' }, []],
  [
    'other Services',
    {
      cluster:
        'apiServer: {extraArgs: [{name: service-cluster-ip-range, value: 10.0.0.0/16}]}\ncontrollerManager: {extraArgs: [{name: service-cluster-ip-range, value: 10.96.0.0/12}]}',
    },
    ['warning FIELD_VALUE apiServer.extraArgs[0] 3:25'],
  ],
  [
    'another etcd',
    {
      cluster:
        'etcd: {external: {endpoints: ["http://e:2379"]}}\napiServer: {extraArgs: [{name: etcd-servers, value: "http://f:2379"}]}',
    },
    ['warning FIELD_VALUE apiServer.extraArgs[0] 4:25'],
  ],
  [
    'other data',
    { cluster: 'etcd: {local: {extraArgs: [{name: data-dir, value: /x}]}}' },
    ['warning FIELD_VALUE etcd.local.extraArgs[0] 3:28'],
  ],
  [
    'the last one of a name counts',
    { cluster: 'apiServer: {extraArgs: [{name: secure-port, value: "1"}, {name: secure-port, value: "6443"}]}' },
    [],
  ],
  [
    'another name of the node',
    { init: 'nodeRegistration: {kubeletExtraArgs: [{name: hostname-override, value: x}]}' },
    ['warning FIELD_VALUE nodeRegistration.kubeletExtraArgs[0] 3:39'],
  ],
  [
    'no RBAC',
    { cluster: 'apiServer: {extraArgs: [{name: authorization-mode, value: "Node,Webhook"}]}' },
    ['warning FIELD_VALUE apiServer.extraArgs[0] 3:25'],
  ],
  [
    'more than Node and RBAC',
    { cluster: 'apiServer: {extraArgs: [{name: authorization-mode, value: "Node,RBAC,Webhook"}]}' },
    [],
  ],
  [
    'what the kubelet knows no more',
    {
      init: 'nodeRegistration: {kubeletExtraArgs: [{name: network-plugin, value: cni}, {name: container-runtime, value: remote}]}',
    },
    [
      'warning FIELD_VALUE nodeRegistration.kubeletExtraArgs[0] 3:39',
      'warning FIELD_VALUE nodeRegistration.kubeletExtraArgs[1] 3:75',
    ],
  ],
  [
    'what no table of flags has of its own',
    {
      init: 'nodeRegistration: {kubeletExtraArgs: [{name: constructor, value: x}, {name: valueOf, value: x}]}',
    },
    [],
  ],
  [
    'what the kubelet still knew',
    {
      facts: { kubernetesVersion: '1.23.0' },
      init: 'nodeRegistration: {kubeletExtraArgs: [{name: network-plugin, value: cni}]}',
    },
    [],
  ],
  [
    'variables that are none',
    { cluster: 'apiServer: {extraEnvs: [{name: "A=B"}, {name: A, value: x, valueFrom: {fieldRef: {}}}, {name: A}]}' },
    [
      'error FIELD_VALUE apiServer.extraEnvs[0] 3:25',
      'error FIELD_CONFLICT apiServer.extraEnvs[1] 3:40',
      'warning FIELD_VALUE apiServer.extraEnvs[2] 3:88',
    ],
  ],
  [
    'volumes that are none',
    {
      cluster:
        'scheduler: {extraVolumes: [{name: A_b, hostPath: /x, mountPath: /x}, {name: b, hostPath: x, mountPath: "/a:b"}, {name: c, hostPath: /a/../b, mountPath: /c}]}',
    },
    [
      'error FIELD_VALUE scheduler.extraVolumes[0] 3:28',
      'error FIELD_VALUE scheduler.extraVolumes[1].hostPath 3:90',
      'error FIELD_VALUE scheduler.extraVolumes[1].mountPath 3:104',
      'error FIELD_VALUE scheduler.extraVolumes[2].hostPath 3:133',
    ],
  ],
  [
    'volumes twice',
    {
      cluster:
        'scheduler: {extraVolumes: [{name: a, hostPath: /x, mountPath: /x}, {name: a, hostPath: /y, mountPath: /y}, {name: b, hostPath: /z, mountPath: /x}]}',
    },
    ['error FIELD_CONFLICT scheduler.extraVolumes[1] 3:68', 'error FIELD_CONFLICT scheduler.extraVolumes[2] 3:108'],
  ],
]
for (const [name, said, expected] of CASES)
  test(name, async () => {
    const problems = await judge(said)
    assert.equal(problems.map(brief).sort(), [...expected].sort())
  })

test('contradictions name both sides', async () => {
  const [problem] = await judge({ cluster: 'apiServer: {extraArgs: [{name: secure-port, value: "8443"}]}' })
  assert.match(problem?.message ?? '', /--secure-port="8443".*localAPIEndpoint\.bindPort.*"6443"/)
})

test('no problem has a secret in it', async () => {
  const secrets = ['abcdef.0123456789abcde', 'f'.repeat(63)]
  const problems = await judge({ flags: { token: secrets[0] ?? '', certificateKey: secrets[1] ?? '' } })
  assert.is(problems.length, 2)
  for (const problem of problems)
    for (const secret of secrets) assert.not.match(formatProblem(problem), new RegExp(secret.slice(0, 10)))
})

test('arguments of older versions, which are mappings, are found in the text', async () => {
  const text =
    'apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\napiServer:\n  extraArgs:\n    v: "4"\n    secure-port: "8443"\n'
  const description = await resolveDescription({ file: { text, name: 'k.yaml' }, host: HOST }, testContext())
  const { cluster } = description
  assert.ok(cluster)
  const { problems } = resolveControlPlane({ ...description, cluster })
  assert.equal(
    problems.map(({ line, column }) => [line, column]),
    [[6, 18]],
  )
})

test('the timeout of older versions is named as it stands in the text', async () => {
  for (const [lines, place] of [
    ['apiServer:\n  extraArgs: {v: "4"}\n  timeoutForControlPlane: 0s\n', [5, 27]],
    ['apiServer: {timeoutForControlPlane: 0s}\n', [3, 37]],
  ] as const) {
    const text = `apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\n${lines}`
    const description = await resolveDescription({ file: { text, name: 'k.yaml' }, host: HOST }, testContext())
    const { cluster } = description
    assert.ok(cluster)
    const [problem] = resolveControlPlane({ ...description, cluster }).problems
    assert.is(problem?.field, 'apiServer.timeoutForControlPlane')
    assert.equal([problem?.line, problem?.column], place)
  }
})

test.run()
