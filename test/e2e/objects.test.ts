/** What init puts into a cluster, beside kubeadm v1.20.2 and a real API server of that version. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parse } from 'yaml'
import type { ClusterApi } from '../../lib/access/api.js'
import { resolveBootstrapToken } from '../../lib/access/bootstrap-token-spec.js'
import { generateCertificateKey } from '../../lib/access/certificate-key.js'
import { readClusterConnection } from '../../lib/access/kubeconfig-connection.js'
import type { ControlPlane } from '../../lib/config/control-plane.js'
import { createNodeContext } from '../../lib/host/context.js'
import type { KubernetesObject } from '../../lib/kubernetes/objects.js'
import { connectCluster, DiskStore } from '../../lib/node.js'
import { corednsAddon } from '../../lib/render/coredns.js'
import { kubeProxyAddon } from '../../lib/render/kube-proxy-addon.js'
import { kubeadmConfigObjects, kubeletConfigObjects } from '../../lib/render/upload-config.js'
import { ADDON } from '../../lib/workflow/phases/addon.js'
import { BOOTSTRAP_TOKEN } from '../../lib/workflow/phases/bootstrap-token.js'
import type { InitRun } from '../../lib/workflow/phases/init-run.js'
import { MARK_CONTROL_PLANE } from '../../lib/workflow/phases/mark-control-plane.js'
import type { Hands } from '../../lib/workflow/phases/phase.js'
import { runPhases } from '../../lib/workflow/phases/runner.js'
import { UPLOAD_CERTS } from '../../lib/workflow/phases/upload-certs.js'
import { UPLOAD_CONFIG } from '../../lib/workflow/phases/upload-config.js'
import { controlPlane } from '../support/control-plane.js'
import { memoryHost } from '../support/memory-host.js'
import { type Cluster, testWithCluster } from './cluster.js'
import { Host, must, until } from './host.js'
import { kube, testWithAll } from './programs.js'

const test = suite('objects')
const ADDRESS = '10.77.9.10'

/** What kubeadm is told in the words of its version, and kpki in those of v1beta4. */
const DESCRIPTIONS: readonly (readonly [string, string, string])[] = [
  ['nothing', '', ''],
  [
    'networks and an endpoint',
    'controlPlaneEndpoint: api.example.org:8443\nclusterName: prod\nnetworking: {podSubnet: 10.244.0.0/16, serviceSubnet: 10.100.0.0/16, dnsDomain: k8s.example.org}',
    '',
  ],
  [
    'arguments, volumes, images, SANs',
    `apiServer: {certSANs: [LB.example.org], extraArgs: {audit-log-maxage: "7", authorization-mode: "Node,RBAC,Webhook"}, extraVolumes: [{name: a, hostPath: /a, mountPath: /a, readOnly: true, pathType: Directory}]}
controllerManager: {extraArgs: {node-monitor-grace-period: 20s}}
dns: {imageRepository: registry.example.org/dns, imageTag: v9}
imageRepository: registry.example.org
etcd: {local: {dataDir: /data/etcd, extraArgs: {quota-backend-bytes: "1"}, serverCertSANs: [etcd.example.org]}}
certificatesDir: /etc/kubernetes/own-pki`,
    `apiServer: {certSANs: [LB.example.org], extraArgs: [{name: audit-log-maxage, value: "7"}, {name: authorization-mode, value: "Node,RBAC,Webhook"}], extraVolumes: [{name: a, hostPath: /a, mountPath: /a, readOnly: true, pathType: Directory}]}
controllerManager: {extraArgs: [{name: node-monitor-grace-period, value: 20s}]}
dns: {imageRepository: registry.example.org/dns, imageTag: v9}
imageRepository: registry.example.org
etcd: {local: {dataDir: /data/etcd, extraArgs: [{name: quota-backend-bytes, value: "1"}], serverCertSANs: [etcd.example.org]}}
certificatesDir: /etc/kubernetes/own-pki`,
  ],
  ['ECDSA', 'featureGates: {PublicKeysECDSA: true}', 'encryptionAlgorithm: ECDSA-P256'],
  [
    'both families',
    'featureGates: {IPv6DualStack: true}\nnetworking: {podSubnet: "10.244.0.0/16,fd00:10:244::/56", serviceSubnet: "10.96.0.0/16,fd00:10:96::/112"}',
    '',
  ],
]

let bare: Host | undefined

/** What the real kubeadm would put into a cluster, by kind and name. */
async function kubeadmObjects(cluster: string): Promise<ReadonlyMap<string, KubernetesObject>> {
  bare ??= await Host.create('cp-1')
  await must(bare.run('ip', ['address', 'replace', `${ADDRESS}/24`, 'dev', 'lo']))
  const config = join(bare.data, 'objects.yaml')
  writeFileSync(
    config,
    `apiVersion: kubeadm.k8s.io/v1beta2
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: ${ADDRESS}}
nodeRegistration: {name: cp-1, criSocket: /run/containerd/containerd.sock}
---
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
kubernetesVersion: v1.20.2
${cluster}
`,
  )
  const args = ['init', '--dry-run', '--config', config, '--ignore-preflight-errors', 'all']
  const text = await must(bare.run(kube('kubeadm'), args, { timeoutSeconds: 120 }))
  return new Map(
    [...text.matchAll(/Attached object:\n((?:\t.*\n)+)/g)].map(([, block = '']) => {
      const object = parse(block.replace(/^\t/gm, '')) as KubernetesObject
      return [nameOf(object), object]
    }),
  )
}

const nameOf = ({ kind, metadata }: KubernetesObject) => `${kind} ${metadata.name}`

/** Less what Go writes of what is not there yet, and what the API server adds anyway. */
function plain(object: unknown): unknown {
  const copy = JSON.parse(
    JSON.stringify(object, (key, value) => {
      if (key === 'creationTimestamp' && value === null) return undefined
      if (key === 'resources' && JSON.stringify(value) === '{}') return undefined
      // Of groups and users; the API server fills it in.
      if (key === 'subjects') return (value as { apiGroup?: string }[]).map(({ apiGroup: _, ...rest }) => rest)
      return value
    }),
  ) as { status?: unknown; metadata: { resourceVersion?: string } }
  const { status: _, metadata, ...rest } = copy
  const { resourceVersion: _version, ...own } = metadata
  return { ...rest, metadata: own }
}

for (const [name, theirs, ours] of DESCRIPTIONS) {
  testWithAll(['kubeadm'], test, `${name}: what kubeadm would put into a cluster`, async () => {
    const wanted = await kubeadmObjects(theirs)
    const made = await controlPlane('v1.20.2', {
      cluster: ours || theirs,
      init: `localAPIEndpoint: {advertiseAddress: ${ADDRESS}}\nnodeRegistration: {name: cp-1}`,
    })
    const objects = [
      ...kubeadmConfigObjects(made),
      ...kubeletConfigObjects(made, {}),
      ...corednsAddon(made).objects,
      ...kubeProxyAddon(made).objects,
    ]
    assert.is(objects.length, 18)
    for (const object of objects) assert.equal(plain(object), plain(wanted.get(nameOf(object))), nameOf(object))
    // Beside these there are only tokens, what is allowed with them, and cluster-info.
    const others = [...wanted.keys()].filter(key => !objects.some(object => nameOf(object) === key))
    assert.is(others.length, 9)
  })
}

test.after(async () => {
  await bare?.close()
})

const NODE = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'cp-1', labels: { 'kubernetes.io/hostname': 'cp-1' } },
}
const PHASES = [UPLOAD_CONFIG, UPLOAD_CERTS, MARK_CONTROL_PLANE, BOOTSTRAP_TOKEN, ADDON]

async function describeCluster(cluster: Cluster): Promise<ControlPlane> {
  return controlPlane('v1.20.2', {
    cluster: `controlPlaneEndpoint: ${cluster.address}:6443\nnetworking: {podSubnet: 10.244.0.0/16}`,
    init: `localAPIEndpoint: {advertiseAddress: ${cluster.address}}\nnodeRegistration: {name: cp-1}`,
  })
}

async function prepare(cluster: Cluster): Promise<{ run: InitRun; hands: Hands; api: ClusterApi }> {
  const context = createNodeContext()
  const api = connectCluster(await readClusterConnection(cluster.localKubeconfig()), context)
  const made = await describeCluster(cluster)
  return {
    run: {
      controlPlane: made,
      traits: {},
      patches: [],
      as: 'static-pods',
      tokens: [resolveBootstrapToken({ description: 'of the tests' }, context)],
      uploadCerts: generateCertificateKey(context),
      overwrite: false,
      now: new Date(),
    },
    hands: {
      host: memoryHost(),
      store: new DiskStore(cluster.host.tree),
      context,
      connect: async () => api,
    },
    api,
  }
}

const LISTED = ['configmap', 'role', 'rolebinding', 'serviceaccount', 'deployment', 'daemonset', 'service'] as const

/** Everything that counts, by kind and name, as it stands in the cluster. */
async function everything(cluster: Cluster): Promise<Map<string, Record<string, unknown>>> {
  const [own, all] = await Promise.all([
    must(cluster.kubectl('-n', 'kube-system', 'get', LISTED.join(','), '-o', 'json')),
    must(cluster.kubectl('get', 'node,clusterrole,clusterrolebinding', '-o', 'json')),
  ])
  const items = [own, all].flatMap(text => (JSON.parse(text) as { items: KubernetesObject[] }).items)
  return new Map(
    items
      .filter(({ metadata: { name = '' } }) => /kubeadm|coredns|kube-dns|kube-proxy|kubelet-config|cp-1/.test(name))
      .map(object => [nameOf(object), object]),
  )
}

/** Less what is not of whoever made it. */
function settled(object: Record<string, unknown> | undefined): unknown {
  const {
    status: _status,
    metadata,
    ...rest
  } = JSON.parse(JSON.stringify(object ?? {})) as {
    status?: unknown
    metadata?: Record<string, unknown>
  }
  const {
    managedFields: _fields,
    uid: _uid,
    resourceVersion: _version,
    creationTimestamp: _created,
    generation: _generation,
    annotations,
    ...own
  } = metadata ?? {}
  const { 'deployment.kubernetes.io/revision': _revision, ...notes } = (annotations ?? {}) as Record<string, unknown>
  return { ...rest, metadata: { ...own, annotations: notes } }
}

testWithCluster(test, 'a real API server takes all of it, and a second run changes nothing', async cluster => {
  await cluster.apply(JSON.stringify(NODE))
  const { run, hands, api } = await prepare(cluster)
  const first = await runPhases(PHASES, run, hands)
  assert.equal(
    first.map(({ path, state }) => [path, state]),
    [
      ['upload-config/kubeadm', 'done'],
      ['upload-config/kubelet', 'done'],
      ['upload-certs', 'done'],
      ['mark-control-plane', 'done'],
      ['bootstrap-token', 'done'],
      ['addon/coredns', 'done'],
      ['addon/kube-proxy', 'done'],
    ],
  )
  const node = (await everything(cluster)).get('Node cp-1') as KubernetesObject & {
    spec: { taints: { key: string }[] }
  }
  assert.equal(
    Object.keys(node.metadata['labels'] ?? {}).filter(label => label.startsWith('node-role')),
    ['node-role.kubernetes.io/control-plane', 'node-role.kubernetes.io/master'],
  )
  assert.ok(node.spec.taints.some(({ key }) => key === 'node-role.kubernetes.io/master'))
  const second = await runPhases(PHASES, run, hands)
  assert.equal(
    second.map(({ path, state, made }) => [path, state, made]),
    first.map(({ path }) => [path, 'unchanged', []]),
  )
  api.close()
})

testWithCluster(
  test,
  'kubeadm reads kubeadm-config and cluster-info, and a host joins as far as it can',
  async cluster => {
    const config = await must(cluster.kubeadm('config', 'view', '--kubeconfig', '/etc/kubernetes/admin.conf'))
    assert.match(config, `controlPlaneEndpoint: ${cluster.address}:6443`)
    const admin = ['--kubeconfig', '/etc/kubernetes/admin.conf']
    const join = await must(cluster.kubeadm('token', 'create', '--print-join-command', ...admin))
    const [, ...words] = join.trim().split(/\s+/)
    const host = await cluster.addHost('w-9')
    try {
      await until('the worker has read the configuration', 60, async () => {
        const ignored = ['--ignore-preflight-errors', 'all', '-v', '1']
        const [verb = '', server = '', ...rest] = words
        const said = await host.run(kube('kubeadm'), [verb, 'phase', 'preflight', server, ...rest, ...ignored])
        assert.is(said.status, 0, `${said.stdout}${said.stderr}`)
        assert.match(said.stdout, 'Reading configuration from the cluster')
      })
    } finally {
      await host.close()
    }
  },
)

testWithCluster(test, "beside kubeadm's own phases, and over what they have made", async cluster => {
  const before = await everything(cluster)
  const config = join(cluster.host.data, 'phases.yaml')
  writeFileSync(
    config,
    `apiVersion: kubeadm.k8s.io/v1beta2
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: ${cluster.address}}
nodeRegistration: {name: cp-1, criSocket: unix:///var/run/containerd/containerd.sock}
---
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
kubernetesVersion: v1.20.2
controlPlaneEndpoint: ${cluster.address}:6443
networking: {podSubnet: 10.244.0.0/16}
# What kubeadm init has written back into it, when all its phases are one run.
apiServer: {extraArgs: {authorization-mode: "Node,RBAC"}}
`,
  )
  const names = 'deployment/coredns daemonset/kube-proxy service/kube-dns configmap/coredns configmap/kube-proxy'
  await must(cluster.kubectl('-n', 'kube-system', 'delete', ...names.split(' ')))
  await must(
    cluster.kubectl('-n', 'kube-system', 'delete', 'configmap/kubeadm-config', 'configmap/kubelet-config-1.20'),
  )
  for (const phase of [
    ['upload-config', 'all'],
    ['addon', 'all'],
  ])
    await must(cluster.kubeadm('init', 'phase', ...phase, '--config', config))
  const theirs = await everything(cluster)
  for (const [name, object] of before)
    if (!name.startsWith('Node ')) assert.equal(settled(object), settled(theirs.get(name)), name)
  // Fields change hands and nothing else: no Pod is made anew.
  const { run, hands, api } = await prepare(cluster)
  await runPhases([UPLOAD_CONFIG, ADDON], run, hands)
  const ours = await everything(cluster)
  for (const [name, object] of theirs)
    if (!name.startsWith('Node ')) assert.equal(settled(ours.get(name)), settled(object), name)
  const generation = (objects: typeof ours) =>
    ['Deployment coredns', 'DaemonSet kube-proxy'].map(
      name => (objects.get(name) as KubernetesObject | undefined)?.metadata['generation'],
    )
  assert.equal(generation(ours), generation(theirs))
  api.close()
})

testWithCluster(
  test,
  'replicas and a changed Corefile stay; another address of the DNS Service is refused',
  async cluster => {
    await must(cluster.kubectl('-n', 'kube-system', 'scale', 'deployment/coredns', '--replicas=3'))
    const patch = JSON.stringify({ data: { Corefile: '.:53 {\n    errors\n}\n' } })
    await must(cluster.kubectl('-n', 'kube-system', 'patch', 'configmap', 'coredns', '--type', 'merge', '-p', patch))
    const { run, hands, api } = await prepare(cluster)
    const [result] = await runPhases([ADDON], run, hands, { only: ['addon/coredns'] })
    assert.match(result?.notes.join() ?? '', 'was changed by somebody')
    const objects = await everything(cluster)
    assert.match(JSON.stringify(objects.get('Deployment coredns')?.['spec']), '"replicas":3')
    assert.match(JSON.stringify(objects.get('ConfigMap coredns')?.['data']), 'errors')
    const cluster2 = await controlPlane('v1.20.2', { cluster: 'networking: {serviceSubnet: 10.200.0.0/16}' })
    try {
      await runPhases([ADDON], { ...run, controlPlane: cluster2 }, hands, { only: ['addon/coredns'] })
      assert.unreachable()
    } catch (error) {
      assert.match(String(error), 'that never changes')
    }
    // Others of this run find the cluster without it.
    await must(
      cluster.kubectl('-n', 'kube-system', 'delete', 'deployment/coredns', 'service/kube-dns', 'configmap/coredns'),
    )
    await must(cluster.kubectl('-n', 'kube-system', 'delete', 'daemonset/kube-proxy', 'secret/kubeadm-certs'))
    await must(cluster.kubectl('delete', 'node', 'cp-1'))
    api.close()
  },
)

test.run()
