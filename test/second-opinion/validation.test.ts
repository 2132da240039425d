/** What kubeadm v1.20.2 refuses in a configuration is refused here; what is refused beyond that is a row of its own. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { resolveControlPlane } from '../../lib/config/control-plane.js'
import { resolveDescription } from '../../lib/config/resolve.js'
import { testContext } from '../support/context.js'
import { KUBEADM, runKubeadm, testBy } from '../support/kube-programs.js'
import { inTempDir } from '../support/temp.js'

const CLUSTER = 'apiVersion: kubeadm.k8s.io/v1beta2\nkind: ClusterConfiguration\nkubernetesVersion: v1.20.2\n'
const INIT = 'apiVersion: kubeadm.k8s.io/v1beta2\nkind: InitConfiguration\n'
const NODE = 'nodeRegistration: {name: cp-1, criSocket: /run/x.sock}\n'
const ADDRESS = 'localAPIEndpoint: {advertiseAddress: 10.77.1.10}\n'
const cluster = (lines: string) => `${INIT}${NODE}${ADDRESS}---\n${CLUSTER}${lines}\n`
const init = (lines: string) => `${INIT}${lines}\n---\n${CLUSTER}`

/** A configuration; whether kubeadm takes it, and whether it is taken here where that differs. */
const CASES: readonly (readonly [
  name: string,
  text: string,
  theirs: 'taken' | 'refused',
  ours?: 'taken' | 'refused',
])[] = [
  ['nothing special', cluster(''), 'taken'],
  ['an endpoint', cluster('controlPlaneEndpoint: api.example.org:6443'), 'taken'],
  ['an endpoint that is none', cluster('controlPlaneEndpoint: "api example:6443"'), 'refused'],
  ['an endpoint with a port that is none', cluster('controlPlaneEndpoint: "api:99999"'), 'refused'],
  ['both etcds', cluster('etcd: {local: {dataDir: /x}, external: {endpoints: ["http://e:2379"]}}'), 'refused'],
  ['etcd elsewhere', cluster('etcd: {external: {endpoints: ["http://e:2379"]}}'), 'taken'],
  ['etcd elsewhere without a scheme', cluster('etcd: {external: {endpoints: ["e"]}}'), 'refused'],
  [
    'etcd elsewhere without TLS',
    cluster('etcd: {external: {endpoints: ["http://e:2379"], caFile: /c, certFile: /a, keyFile: /b}}'),
    'refused',
  ],
  [
    'etcd elsewhere with half a pair',
    cluster('etcd: {external: {endpoints: ["https://e:2379"], caFile: /c, certFile: /a}}'),
    'refused',
  ],
  [
    'etcd elsewhere without a CA',
    cluster('etcd: {external: {endpoints: ["https://e:2379"], certFile: /a, keyFile: /b}}'),
    'refused',
  ],
  [
    'etcd elsewhere with a relative path',
    cluster('etcd: {external: {endpoints: ["https://e:2379"], caFile: c}}'),
    'refused',
  ],
  ['data in a relative directory', cluster('etcd: {local: {dataDir: data}}'), 'refused'],
  ['data in the root directory', cluster('etcd: {local: {dataDir: /}}'), 'taken', 'refused'],
  ['a name of etcd that is none', cluster('etcd: {local: {serverCertSANs: ["a_b"]}}'), 'refused'],
  ['a name that is none', cluster('apiServer: {certSANs: ["a b"]}'), 'refused'],
  ['a wildcard', cluster('apiServer: {certSANs: ["*.example.org"]}'), 'taken'],
  ['certificates in a relative directory', cluster('certificatesDir: pki'), 'refused'],
  ['a feature gate that is none', cluster('featureGates: {Foo: true}'), 'refused'],
  ['a feature gate', cluster('featureGates: {IPv6DualStack: true}'), 'taken'],
  ['Services that are none', cluster('networking: {serviceSubnet: x}'), 'refused'],
  ['too few Services', cluster('networking: {serviceSubnet: 10.96.0.0/29}'), 'refused'],
  ['too many Services', cluster('networking: {serviceSubnet: 10.0.0.0/8}'), 'refused'],
  ['two subnets without the gate', cluster('networking: {serviceSubnet: "10.96.0.0/16,fd00::/112"}'), 'refused'],
  [
    'two subnets with the gate',
    cluster('networking: {serviceSubnet: "10.96.0.0/16,fd00::/112"}\nfeatureGates: {IPv6DualStack: true}'),
    'taken',
  ],
  [
    'two subnets of one family',
    cluster('networking: {serviceSubnet: "10.96.0.0/16,10.97.0.0/16"}\nfeatureGates: {IPv6DualStack: true}'),
    'refused',
  ],
  ['Pods', cluster('networking: {podSubnet: 10.244.0.0/16}'), 'taken'],
  ['too few Pods', cluster('networking: {podSubnet: 10.244.0.0/30}'), 'refused'],
  ['less Pods than for a node', cluster('networking: {podSubnet: 10.244.0.0/25}'), 'refused'],
  [
    'Pods for smaller nodes',
    cluster('networking: {podSubnet: 10.244.0.0/25}\ncontrollerManager: {extraArgs: {node-cidr-mask-size: "26"}}'),
    'taken',
  ],
  ['Pods for too many nodes', cluster('networking: {podSubnet: 172.0.0.0/7}'), 'refused'],
  [
    'a mask that is none',
    cluster('networking: {podSubnet: 10.244.0.0/16}\ncontrollerManager: {extraArgs: {node-cidr-mask-size: x}}'),
    'refused',
  ],
  ['Pods among Services', cluster('networking: {podSubnet: 10.96.0.0/16}'), 'taken', 'refused'],
  ['a domain that is none', cluster('networking: {dnsDomain: "a_b"}'), 'refused'],
  ['a dash before an argument', cluster('apiServer: {extraArgs: {--v: "4"}}'), 'taken', 'refused'],
  [
    'an address within the Services',
    init(`${NODE}localAPIEndpoint: {advertiseAddress: 10.96.0.1}`),
    'taken',
    'refused',
  ],
  ['an address that is none', init(`${NODE}localAPIEndpoint: {advertiseAddress: 10.77.1}`), 'refused'],
  ['a port that is none', init(`${NODE}localAPIEndpoint: {advertiseAddress: 10.77.1.10, bindPort: 70000}`), 'refused'],
  ['a node name that is none', init(`${ADDRESS}nodeRegistration: {name: a_b, criSocket: /run/x.sock}`), 'refused'],
  ['a relative socket', init(`${ADDRESS}nodeRegistration: {name: a, criSocket: run/x.sock}`), 'refused'],
  ['a socket of TCP', init(`${ADDRESS}nodeRegistration: {name: a, criSocket: "tcp://10.0.0.1:1"}`), 'refused'],
  ['a socket with a scheme', init(`${ADDRESS}nodeRegistration: {name: a, criSocket: "unix:///run/x.sock"}`), 'taken'],
  [
    'a taint without a key',
    init(`${ADDRESS}nodeRegistration: {name: a, criSocket: /run/x.sock, taints: [{effect: NoSchedule}]}`),
    'taken',
    'refused',
  ],
  ['a token that is none', init(`${NODE}${ADDRESS}bootstrapTokens: [{token: abcdef.0}]`), 'refused'],
  [
    'a usage that is none',
    init(`${NODE}${ADDRESS}bootstrapTokens: [{token: abcdef.0123456789abcdef, usages: [x]}]`),
    'refused',
  ],
  [
    'groups without authentication',
    init(
      `${NODE}${ADDRESS}bootstrapTokens: [{token: abcdef.0123456789abcdef, usages: [signing], groups: ["system:bootstrappers:a"]}]`,
    ),
    'refused',
  ],
  [
    'a group that is none',
    init(`${NODE}${ADDRESS}bootstrapTokens: [{token: abcdef.0123456789abcdef, groups: [a]}]`),
    'refused',
  ],
  [
    'a life and an end',
    init(
      `${NODE}${ADDRESS}bootstrapTokens: [{token: abcdef.0123456789abcdef, ttl: 1h, expires: "2040-01-01T00:00:00Z"}]`,
    ),
    'refused',
  ],
]

async function byUs(text: string): Promise<string> {
  const description = await resolveDescription({ file: { text, name: 'k.yaml' } }, testContext())
  const { cluster: resolved } = description
  return resolved && resolveControlPlane({ ...description, cluster: resolved }).controlPlane ? 'taken' : 'refused'
}

/** What kubeadm's validation, and its reader, say. */
const REFUSAL = /: Invalid value: |^hostport \S.*: |^couldn't use ".*" as |bootstrap token ".*" was not of the form/m

function byKubeadm(dir: string, text: string): string {
  const config = join(dir, 'k.yaml')
  writeFileSync(config, text)
  const { status, stderr } = runKubeadm(['init', 'phase', 'control-plane', 'scheduler', '--config', config])
  if (status === 0) return 'taken'
  return REFUSAL.test(stderr) ? 'refused' : `status ${status}: ${stderr}`
}

test('configurations are taken and refused as the table says', async () => {
  for (const [name, text, theirs, ours = theirs] of CASES) assert.is(await byUs(text), ours, name)
})

testBy(
  KUBEADM,
  test,
  'kubeadm v1.20.2 takes and refuses them as the table says',
  inTempDir(async dir => {
    for (const [what, text, theirs] of CASES) assert.is(byKubeadm(dir, text), theirs, what)
  }),
)

test.run()
