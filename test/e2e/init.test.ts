/** `kpki init` on a host of its own: kubelet, containerd and control plane v1.20.2 are real, and so is what reads the cluster. */
import { existsSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { must, type Said, Switch, until } from './host.js'
import { CONFIG, describe, init, kpki, ready } from './init.js'
import { CONTROL_PLANE_PROGRAMS, NODE_PROGRAMS, Node } from './node.js'
import { kube, testWithAll } from './programs.js'
import { snapshot } from './tree.js'

const PROGRAMS = [...CONTROL_PLANE_PROGRAMS, ...NODE_PROGRAMS]
const ADDRESS = '10.77.20.11'
const test = suite('init')

let net: Switch | undefined
let node: Node | undefined
let isServing = false
let worker: Node | undefined
let first: Said

test.after(async () => {
  await worker?.close()
  await node?.close()
  net?.close()
})

function cp(): Node {
  if (!node || !isServing) throw new Error('there is no control plane: its test failed')
  return node
}

interface Named {
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly resourceVersion: string
    readonly generation?: number
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
}
interface NodeObject extends Named {
  readonly spec: { readonly taints?: readonly { readonly key: string; readonly effect: string }[] }
  readonly status: {
    readonly conditions: readonly { readonly type: string; readonly status: string }[]
    readonly nodeInfo: { readonly kubeletVersion: string }
  }
}
const list = async (...args: readonly string[]) => (await cp().get<{ items: readonly Named[] }>(...args)).items
const names = async (pattern: RegExp, ...args: readonly string[]) =>
  (await list(...args))
    .map(({ metadata: { namespace, name } }) => (namespace === undefined ? name : `${namespace}/${name}`))
    .filter(name => pattern.test(name))
    .sort()

/** Phases that do something, with paths (kubeadm v1.20.2, cmd/init.go and cmd/phases/init/*.go). */
const PHASES = [
  'preflight',
  'certs/ca',
  'certs/apiserver',
  'certs/apiserver-kubelet-client',
  'certs/front-proxy-ca',
  'certs/front-proxy-client',
  'certs/etcd-ca',
  'certs/etcd-server',
  'certs/etcd-peer',
  'certs/etcd-healthcheck-client',
  'certs/apiserver-etcd-client',
  'certs/sa',
  'kubeconfig/admin',
  'kubeconfig/kubelet',
  'kubeconfig/controller-manager',
  'kubeconfig/scheduler',
  'etcd/local',
  'control-plane/apiserver',
  'control-plane/controller-manager',
  'control-plane/scheduler',
  'kubelet-start',
  'wait-control-plane',
  'upload-config/kubeadm',
  'upload-config/kubelet',
  'mark-control-plane',
  'bootstrap-token',
  'kubelet-finalize/enable-client-cert-rotation',
  'addon/coredns',
  'addon/kube-proxy',
  'show-join-command',
]

testWithAll(PROGRAMS, test, 'init runs all its phases, and a control plane serves', async () => {
  net = await Switch.create()
  node = await Node.create(net, 'cp-1', ADDRESS)
  await node.startRuntime()
  describe(node)
  first = await init(node, () => node?.startKubelet())
  await must(first)
  const told = [...first.stdout.matchAll(/^(done|unchanged|skipped) +(\S+)/gm)].map(([, state, path]) => [state, path])
  assert.equal(
    told.filter(([state]) => state !== 'skipped').map(([, path]) => path),
    PHASES,
    first.stdout,
  )
  // v1.20.2 has no super-admin.conf; nobody asked for uploaded certificates.
  assert.equal(
    told.filter(([state]) => state === 'skipped').map(([, path]) => path),
    ['kubeconfig/super-admin', 'upload-certs'],
  )
  await ready(node)
  isServing = true
})

/** A test of the control plane that the first one has made. */
function testServing(name: string, handler: () => Promise<void>): void {
  testWithAll(PROGRAMS, test, name, async () => {
    cp()
    await handler()
  })
}

testServing('the controller manager and the scheduler hold their leases', async () => {
  for (const name of ['kube-controller-manager', 'kube-scheduler'])
    await until(`${name} has its lease`, 30, async () => {
      const { spec } = await cp().get<{ spec: { holderIdentity: string } }>('-n', 'kube-system', 'lease', name)
      assert.match(spec.holderIdentity, /^cp-1_/)
    })
})

testServing('the kubelet registers, and its Node is marked as a control plane', async () => {
  await until('the node is ready', 30, async () => {
    const { status } = await cp().get<NodeObject>('node', 'cp-1')
    assert.is(status.conditions.find(({ type }) => type === 'Ready')?.status, 'True')
  })
  const { metadata, spec, status } = await cp().get<NodeObject>('node', 'cp-1')
  assert.is(status.nodeInfo.kubeletVersion, 'v1.20.2')
  // kubeadm v1.20.2, phases/markcontrolplane: both labels, the taint of the older one.
  assert.is(metadata.labels?.['node-role.kubernetes.io/master'], '')
  assert.is(metadata.labels?.['node-role.kubernetes.io/control-plane'], '')
  assert.is(metadata.labels?.['node.kubernetes.io/exclude-from-external-load-balancers'], undefined)
  assert.equal(
    spec.taints
      ?.filter(({ key }) => !key.startsWith('node.kubernetes.io/'))
      .map(({ key, effect }) => `${key}:${effect}`),
    ['node-role.kubernetes.io/master:NoSchedule'],
  )
  assert.is(metadata.annotations?.['kubeadm.alpha.kubernetes.io/cri-socket'], 'unix:///run/containerd/containerd.sock')
})

/** What a whole run of the real kubeadm v1.20.2 leaves in a cluster, seen with kubectl. */
const OBJECTS: readonly (readonly [kind: string, pattern: RegExp, names: readonly string[]])[] = [
  [
    'configmap',
    /^kube-(public|system)\/(?!kube-root-ca|extension-apiserver)/,
    [
      'kube-public/cluster-info',
      'kube-system/coredns',
      'kube-system/kube-proxy',
      'kube-system/kubeadm-config',
      'kube-system/kubelet-config-1.20',
    ],
  ],
  [
    'role',
    /\/(kubeadm:|kube-proxy)/,
    [
      'kube-public/kubeadm:bootstrap-signer-clusterinfo',
      'kube-system/kube-proxy',
      'kube-system/kubeadm:kubelet-config-1.20',
      'kube-system/kubeadm:nodes-kubeadm-config',
    ],
  ],
  [
    'rolebinding',
    /\/(kubeadm:|kube-proxy)/,
    [
      'kube-public/kubeadm:bootstrap-signer-clusterinfo',
      'kube-system/kube-proxy',
      'kube-system/kubeadm:kubelet-config-1.20',
      'kube-system/kubeadm:nodes-kubeadm-config',
    ],
  ],
  ['clusterrole', /^(kubeadm:|system:coredns)/, ['kubeadm:get-nodes', 'system:coredns']],
  [
    'clusterrolebinding',
    /^(kubeadm:|system:coredns)/,
    [
      'kubeadm:get-nodes',
      'kubeadm:kubelet-bootstrap',
      'kubeadm:node-autoapprove-bootstrap',
      'kubeadm:node-autoapprove-certificate-rotation',
      'kubeadm:node-proxier',
      'system:coredns',
    ],
  ],
  ['serviceaccount', /\/(coredns|kube-proxy)$/, ['kube-system/coredns', 'kube-system/kube-proxy']],
  ['deployment', /./, ['kube-system/coredns']],
  ['daemonset', /./, ['kube-system/kube-proxy']],
  ['service', /./, ['default/kubernetes', 'kube-system/kube-dns']],
]

testServing('ConfigMaps, RBAC and addons are those of kubeadm v1.20.2', async () => {
  for (const [kind, pattern, expected] of OBJECTS)
    assert.equal(await names(pattern, kind, '--all-namespaces'), expected, kind)
  assert.is((await names(/\/bootstrap-token-/, 'secret', '--all-namespaces')).length, 1)
  const service = await cp().get<{ spec: { clusterIP: string } }>('-n', 'kube-system', 'service', 'kube-dns')
  assert.is(service.spec.clusterIP, '10.96.0.10')
})

testServing('static Pods are seen in the cluster, and none was started twice', async () => {
  // The kubelet mirrors a static Pod when it looks at it again, which it does every 60 to 90 seconds, and says how it is then.
  await until('mirrors are there', 240, async () => {
    const { items } = await cp().get<{
      items: readonly (Named & {
        status: { containerStatuses?: readonly { restartCount: number; ready: boolean }[] }
      })[]
    }>('-n', 'kube-system', 'pod', '-l', 'tier=control-plane')
    assert.equal(
      items.map(({ metadata }) => metadata.name),
      ['etcd-cp-1', 'kube-apiserver-cp-1', 'kube-controller-manager-cp-1', 'kube-scheduler-cp-1'],
    )
    for (const { metadata, status } of items) {
      assert.is(status.containerStatuses?.[0]?.restartCount, 0, metadata.name)
      assert.is(status.containerStatuses?.[0]?.ready, true, metadata.name)
    }
  })
})

testServing('the real kubeadm reads what was uploaded, and lists the token', async () => {
  const kubeadm = (...args: string[]) => must(cp().host.run(kube('kubeadm'), args))
  const view = await kubeadm('config', 'view')
  assert.match(view, /^kubernetesVersion: v1\.20\.2$/m)
  assert.match(view, /^ {2}serviceSubnet: 10\.96\.0\.0\/12$/m)
  const tokens = await kubeadm('token', 'list')
  const token = /^([a-z0-9]{6}\.[a-z0-9]{16})\s+23h\s/m.exec(tokens)?.[1]
  assert.ok(token, tokens)
  assert.ok(first.stdout.includes(`--token ${token}`), first.stdout)
  assert.match(tokens, /system:bootstrappers:kubeadm:default-node-token/)
})

testServing("a worker joins by the real kubeadm's own join command", async () => {
  if (!net) throw new Error('no net')
  worker = await Node.create(net, 'worker-1', '10.77.20.21')
  await worker.startRuntime()
  const said = await must(cp().host.run(kube('kubeadm'), ['token', 'create', '--print-join-command']))
  const [, ...join] = said.trim().split(/\s+/)
  const { host } = worker
  // crictl is not here, which its preflight cannot do without.
  const joining = host.run(kube('kubeadm'), [
    ...join,
    '--skip-phases=preflight',
    '--cri-socket=/run/containerd/containerd.sock',
  ])
  let isOver = false
  void joining.then(() => {
    isOver = true
  })
  await until('kubeadm join has written the configuration', 30, () => {
    if (!isOver && !existsSync(`${host.kubeletDir}/kubeadm-flags.env`)) throw new Error('it is not there')
  })
  if (!isOver) worker.startKubelet('--cgroups-per-qos=false', '--enforce-node-allocatable=')
  await must(joining)
  await until('the worker is ready', 30, async () => {
    const { status } = await cp().get<NodeObject>('node', 'worker-1')
    assert.is(status.conditions.find(({ type }) => type === 'Ready')?.status, 'True')
  })
  await worker.stopAll()
})

/** What may change by itself: the kubelet's own state. */
const KUBELETS_OWN = /^(?!(config\.yaml|kubeadm-flags\.env|instance-config\.yaml)$)/

/** Everything of a control plane that a run of kpki could touch. */
async function everything(): Promise<unknown> {
  const kinds = 'configmap,role,rolebinding,clusterrole,clusterrolebinding,serviceaccount,service,secret'
  const objects = (await list(kinds, '--all-namespaces'))
    .filter(({ metadata: { name, namespace } }) =>
      /kubeadm|coredns|kube-|bootstrap|cluster-info|kubelet/.test(`${namespace}/${name}`),
    )
    .map(({ metadata: { namespace, name, resourceVersion } }) => `${namespace}/${name} ${resourceVersion}`)
  // The status of a workload changes, and its Node's: what is asked of them does not.
  const workloads = (await list('deployment,daemonset', '--all-namespaces')).map(
    ({ metadata: { name, generation } }) => `${name} ${generation}`,
  )
  const { metadata, spec } = await cp().get<NodeObject>('node', 'cp-1')
  return {
    files: snapshot(cp().host.tree),
    kubelet: snapshot(cp().host.kubeletDir, KUBELETS_OWN),
    objects,
    workloads,
    node: [metadata.labels, metadata.annotations, spec],
  }
}

testServing('a second init changes nothing: no file, no object, no token', async () => {
  await until('cluster-info is signed', 30, async () => {
    const { data } = await cp().get<{ data: Record<string, string> }>('-n', 'kube-public', 'configmap', 'cluster-info')
    assert.ok(Object.keys(data).some(key => key.startsWith('jws-kubeconfig-')))
  })
  // The worker's token is made with a signature, too: what controllers do is done once nothing changes any more.
  let before = await everything()
  await until('the cluster is at rest', 30, async () => {
    const last = before
    await new Promise(resolve => setTimeout(resolve, 1000))
    before = await everything()
    assert.equal(before, last)
  })
  const said = await kpki(cp(), 'init', '--config', CONFIG)
  await must(said)
  assert.equal(await everything(), before)
  await ready(cp())
})

testServing('reset takes away what init made, and init makes it anew', async () => {
  await cp().host.stop('kubelet')
  await cp().sh('echo mine >/etc/kubernetes/pki/notes.txt')
  const said = await kpki(cp(), 'reset', '--yes')
  await must(said)
  // Directories stay, empty, as kubeadm leaves them.
  const left = Object.entries(snapshot(cp().host.tree)).filter(([, state]) => !state.startsWith('directory'))
  assert.equal(
    left.map(([path]) => path),
    ['pki/notes.txt'],
  )
  const containers = await cp().sh('ctr -n k8s.io tasks ls -q')
  assert.is(containers, '', 'containers run on')
  const again = await init(cp(), () => cp().startKubelet())
  await must(again)
  await ready(cp())
  assert.match(await must(cp().kubectl('get', 'nodes')), /^cp-1\s/m)
})

test.run()
