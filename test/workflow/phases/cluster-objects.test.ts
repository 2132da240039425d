import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseBootstrapToken } from '../../../lib/access/bootstrap-token.js'
import { resolveBootstrapToken } from '../../../lib/access/bootstrap-token-spec.js'
import { parseCertificateKey } from '../../../lib/access/certificate-key.js'
import { parseClusterInfo, parseDiscoveredCluster } from '../../../lib/access/cluster-info.js'
import { KUBEADM_CERTS } from '../../../lib/access/kubeadm-certs.js'
import { ApiError, NetworkError } from '../../../lib/errors.js'
import type { KubernetesObject } from '../../../lib/kubernetes/objects.js'
import { ADDON } from '../../../lib/workflow/phases/addon.js'
import { BOOTSTRAP_TOKEN } from '../../../lib/workflow/phases/bootstrap-token.js'
import { CERTS } from '../../../lib/workflow/phases/certs.js'
import type { InitRun } from '../../../lib/workflow/phases/init-run.js'
import { MARK_CONTROL_PLANE, markPatch } from '../../../lib/workflow/phases/mark-control-plane.js'
import type { Hands } from '../../../lib/workflow/phases/phase.js'
import { planPhases, runPhases } from '../../../lib/workflow/phases/runner.js'
import { UPLOAD_CERTS } from '../../../lib/workflow/phases/upload-certs.js'
import { UPLOAD_CONFIG } from '../../../lib/workflow/phases/upload-config.js'
import { NOW, rejects, testContext } from '../../support/context.js'
import { type ControlPlaneText, controlPlane } from '../../support/control-plane.js'
import { MemoryApi } from '../../support/memory-api.js'
import { memoryHost } from '../../support/memory-host.js'

const PHASES = [UPLOAD_CONFIG, UPLOAD_CERTS, MARK_CONTROL_PLANE, BOOTSTRAP_TOKEN, ADDON]
const KEY = parseCertificateKey('ab'.repeat(32))
const TOKEN = parseBootstrapToken('abcdef.0123456789abcdef')
const node = (name = 'cp-1', rest: object = {}): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels: { 'kubernetes.io/hostname': name } },
  ...rest,
})

interface SetUp {
  readonly version?: string
  readonly text?: ControlPlaneText
  readonly run?: Partial<InitRun>
  readonly objects?: readonly KubernetesObject[]
}

/** A host with a tree, a cluster in memory and the facts of a run. */
async function setUp({ version = 'v1.36.4', text = {}, run = {}, objects = [node()] }: SetUp = {}) {
  const host = memoryHost()
  const api = new MemoryApi(objects)
  const context = testContext()
  const hands: Hands = { host, store: host.store, context, connect: async () => api }
  const ec = { ...text, cluster: `encryptionAlgorithm: ECDSA-P256\n${text.cluster ?? ''}` }
  const facts: InitRun = {
    controlPlane: await controlPlane(version, ec),
    traits: {},
    patches: [],
    as: 'static-pods',
    tokens: [resolveBootstrapToken({ token: TOKEN }, context)],
    uploadCerts: undefined,
    overwrite: false,
    now: NOW,
    ...run,
  }
  await runPhases([CERTS], facts, hands)
  return { api, hands, run: facts }
}

const get = (api: MemoryApi, kind: string, name: string) =>
  [...api.objects.values()].find(object => object.kind === kind && object.metadata.name === name)
const dataOf = (object: KubernetesObject | undefined) => Object(object?.['data']) as Readonly<Record<string, string>>

for (const version of ['v1.20.2', 'v1.30.1', 'v1.37.1']) {
  test(`${version}: all of it, and a second run changes nothing`, async () => {
    const { api, hands, run } = await setUp({ version, run: { uploadCerts: KEY } })
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
    const versions = [...api.objects.values()].map(({ metadata }) => metadata.resourceVersion)
    const second = await runPhases(PHASES, run, hands)
    assert.equal([...new Set(second.map(({ state }) => state))], ['unchanged'])
    assert.equal(
      [...api.objects.values()].map(({ metadata }) => metadata.resourceVersion),
      versions,
    )
    const annotations = Object(get(api, 'Node', 'cp-1')?.metadata['annotations'])
    assert.is(
      annotations['kubeadm.alpha.kubernetes.io/cri-socket'],
      version === 'v1.37.1' ? undefined : 'unix:///var/run/containerd/containerd.sock',
    )
  })
}

test('a host finds the cluster by its cluster-info', async () => {
  const { api, hands, run } = await setUp({ text: { cluster: 'controlPlaneEndpoint: api.example.org:8443' } })
  await runPhases([BOOTSTRAP_TOKEN], run, hands)
  const info = parseClusterInfo(get(api, 'ConfigMap', 'cluster-info'))
  const { server, caCertificates } = await parseDiscoveredCluster(info?.kubeconfig ?? '')
  assert.is(server, 'https://api.example.org:8443')
  assert.is(caCertificates.length, 1)
  // Who signs it is the controller manager.
  assert.is(info?.signatures.size, 0)
})

test('cluster-info is read for whoever prints it; without a CA that is said', async () => {
  const { hands, run } = await setUp()
  const actions = planPhases([BOOTSTRAP_TOKEN], run).flatMap(phase => phase.actions)
  const read = await Promise.all(actions.flatMap(({ readObjects }) => (readObjects ? [readObjects(hands)] : [])))
  assert.equal(
    read.flat().map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`),
    ['ConfigMap kube-public/cluster-info'],
  )
  const error = await rejects(async () => {
    for (const { readObjects } of actions) await readObjects?.({ ...hands, store: memoryHost().store })
  })
  assert.is(error.code, 'KPKI_ISSUER_MISSING')
  assert.match(error.hint ?? '', 'certs/ca')
})

test('signatures of cluster-info stay', async () => {
  const { api, hands, run } = await setUp()
  await runPhases([BOOTSTRAP_TOKEN], run, hands)
  const name = { kind: 'ConfigMap', namespace: 'kube-public', name: 'cluster-info' } as const
  await api.patch(name, { data: { 'jws-kubeconfig-abcdef': 'x..y' } })
  await runPhases([BOOTSTRAP_TOKEN], run, hands)
  assert.is(dataOf(await api.get(name))['jws-kubeconfig-abcdef'], 'x..y')
})

for (const [version, isBound] of [
  ['v1.20.2', false],
  ['v1.32.13', false],
  ['v1.33.13', true],
  ['v1.36.4', true],
  ['v1.37.1', true],
] as const) {
  test(`${version}: API servers reach kubelets ${isBound ? 'by their name' : 'by their group alone'}`, async () => {
    const { run } = await setUp({ version })
    const objects = planPhases([BOOTSTRAP_TOKEN], run).flatMap(({ actions }) =>
      actions.flatMap(each => each.objects ?? []),
    )
    const binding = objects.find(({ metadata }) => metadata.name === 'kubeadm:apiserver-kubelet-client')
    const apiGroup = 'rbac.authorization.k8s.io'
    // As kubernetes-sigs/cluster-api makes it for clusters of kubeadm (EnsureKubeadmPermissions).
    const wanted = {
      apiVersion: `${apiGroup}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: 'kubeadm:apiserver-kubelet-client' },
      roleRef: { apiGroup, kind: 'ClusterRole', name: 'system:kubelet-api-admin' },
      subjects: [{ apiGroup, kind: 'User', name: 'kube-apiserver-kubelet-client' }],
    }
    assert.equal(binding, isBound ? wanted : undefined)
  })
}

test('a cluster-info that named another server is replaced, and that is said', async () => {
  const { api, hands, run } = await setUp()
  await runPhases([BOOTSTRAP_TOKEN], run, hands)
  const moved = {
    ...run,
    controlPlane: await controlPlane('v1.36.4', { cluster: 'controlPlaneEndpoint: lb.example.org' }),
  }
  const [result] = await runPhases([BOOTSTRAP_TOKEN], moved, hands)
  assert.equal(result?.made, ['ConfigMap kube-public/cluster-info'])
  assert.match(result?.notes.join() ?? '', '"https://10.77.1.10:6443" before, and now https://lb.example.org:6443')
  assert.match(dataOf(get(api, 'ConfigMap', 'cluster-info'))['kubeconfig'] ?? '', 'lb.example.org')
})

test('a token of the same id that is another one is replaced, with all of its rights', async () => {
  const { api, hands, run } = await setUp({
    objects: [
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'bootstrap-token-abcdef', namespace: 'kube-system' },
        type: 'bootstrap.kubernetes.io/token',
        data: {
          'token-id': btoa('abcdef'),
          'token-secret': btoa('0'.repeat(16)),
          'usage-bootstrap-other': btoa('true'),
        },
      },
    ],
  })
  const [result] = await runPhases([BOOTSTRAP_TOKEN], run, hands)
  assert.ok(result?.made.includes('Secret kube-system/bootstrap-token-abcdef'))
  const data = dataOf(get(api, 'Secret', 'bootstrap-token-abcdef'))
  assert.is(atob(data['token-secret'] ?? ''), '0123456789abcdef')
  assert.not.ok('usage-bootstrap-other' in data)
})

test('a token that nobody asked for is in no plan', async () => {
  const random = { ...resolveBootstrapToken({ token: TOKEN }, testContext()), isRandom: true }
  const { run } = await setUp({ run: { tokens: [random] } })
  const planned = planPhases([BOOTSTRAP_TOKEN], run)
  assert.not.match(JSON.stringify(planned), /0123456789abcdef|abcdef/)
})

test('certificates are uploaded when asked for, and anew with another key', async () => {
  const without = await setUp()
  const [skipped] = await runPhases([UPLOAD_CERTS], without.run, without.hands)
  assert.match(skipped?.reason ?? '', '--upload-certs')
  const { api, hands, run } = await setUp({ run: { uploadCerts: KEY } })
  const states: string[] = []
  for (const uploadCerts of [KEY, KEY, parseCertificateKey('cd'.repeat(32))]) {
    const [result] = await runPhases([UPLOAD_CERTS], { ...run, uploadCerts }, hands)
    states.push(result?.state ?? '')
  }
  assert.equal(states, ['done', 'unchanged', 'done'])
  const uploadCerts = parseCertificateKey('cd'.repeat(32))
  const [again] = await runPhases([UPLOAD_CERTS], { ...run, uploadCerts }, hands)
  assert.match(again?.notes.join() ?? '', 'ends at 2026-06-01T14:00:00Z')
  // What it belongs to is gone, and so will it be.
  for (const object of [...api.objects.values()])
    if (object['type'] === 'bootstrap.kubernetes.io/token')
      await api.delete({ kind: 'Secret', namespace: 'kube-system', name: object.metadata.name ?? '' })
  const [last] = await runPhases([UPLOAD_CERTS], { ...run, uploadCerts }, hands)
  assert.is(last?.state, 'done')
  assert.ok(get(api, 'Secret', KUBEADM_CERTS.name))
})

const LABELS = ['node-role.kubernetes.io/control-plane']
const TAINT = { key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }
const NOT_READY = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }

/** kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/markcontrolplane/markcontrolplane_test.go, and what it leaves open. */
const MARKS: readonly (readonly [string, readonly string[], readonly object[], object | undefined])[] = [
  ['nothing there', [], [], { metadata: { labels: { [LABELS[0] ?? '']: '' } }, spec: { taints: [TAINT] } }],
  ['the label is there', LABELS, [], { spec: { taints: [TAINT] } }],
  ['the taint is there', [], [TAINT], { metadata: { labels: { [LABELS[0] ?? '']: '' } } }],
  ['both are there', LABELS, [TAINT], undefined],
  ['another taint stays', LABELS, [NOT_READY], { spec: { taints: [TAINT, NOT_READY] } }],
  ['another value gives way', LABELS, [{ ...TAINT, value: 'x' }], { spec: { taints: [TAINT] } }],
  ['another one beside it', LABELS, [NOT_READY, TAINT], undefined],
]

for (const [name, labels, taints, wanted] of MARKS) {
  test(`marking a node: ${name}`, () => {
    const found = node('cp-1', {
      metadata: { name: 'cp-1', labels: Object.fromEntries(labels.map(label => [label, ''])) },
      spec: { taints },
    })
    assert.equal(markPatch(found, LABELS, [TAINT]), wanted)
  })
}

// kubernetes/kubernetes, cmd/kubeadm/app/util/apiclient (PatchNode): tried again, in v1.20.2 after a timeout, later after any error.
for (const isDone of [true, false]) {
  test(`a patch that nobody answered, and that was ${isDone ? '' : 'not '}done, is no failure`, async () => {
    const { api, hands, run } = await setUp()
    const patch = api.patch.bind(api)
    let failures = 0
    api.patch = async (name, content) => {
      if (failures++ > 0) return patch(name, content)
      if (isDone) await patch(name, content)
      throw new NetworkError('KPKI_NET_UNREACHABLE', 'the connection was cut', { details: { phase: 'head' } })
    }
    const [result] = await runPhases([MARK_CONTROL_PLANE], run, hands)
    assert.is(result?.state, 'done')
    assert.equal(Object(get(api, 'Node', 'cp-1')?.['spec']).taints, [TAINT])
    assert.is(failures, isDone ? 1 : 2)
  })
}

test('who was faster is not overwritten: the node is read again', async () => {
  const { api, hands, run } = await setUp()
  const patch = api.patch.bind(api)
  let others = 2
  api.patch = async (name, content) => {
    if (others-- > 0) await patch({ kind: 'Node', name: 'cp-1' }, { spec: { taints: [NOT_READY], round: others } })
    return patch(name, content)
  }
  const [result] = await runPhases([MARK_CONTROL_PLANE], run, hands)
  assert.is(result?.state, 'done')
  const { taints } = Object(get(api, 'Node', 'cp-1')?.['spec'])
  assert.equal(taints, [TAINT, NOT_READY])
})

const SHORT =
  'localAPIEndpoint: {advertiseAddress: 10.77.1.10}\nnodeRegistration: {name: cp-1}\ntimeouts: {kubernetesAPICall: 1s}'

test('a node that is not registered is waited for, and then named', async () => {
  const bare = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'cp-1' } }
  for (const objects of [[], [bare]]) {
    const { hands, run } = await setUp({ text: { init: SHORT }, objects })
    const error = await rejects(runPhases([MARK_CONTROL_PLANE], run, hands))
    assert.equal([error.code, error.details['error']], ['KPKI_PHASE_FAILED', 'KPKI_WAIT_TIMEOUT'])
    assert.match(error.message, 'Node cp-1')
  }
  const { api, hands, run } = await setUp({ objects: [] })
  setTimeout(() => void api.create(node()), 600)
  const [result] = await runPhases([MARK_CONTROL_PLANE], run, hands)
  assert.is(result?.state, 'done')
})

test('a run that is stopped while it waits ends at once', async () => {
  const { hands, run } = await setUp({ objects: [] })
  const stop = new AbortController()
  setTimeout(() => stop.abort(), 100)
  const error = await rejects(runPhases([MARK_CONTROL_PLANE], run, { ...hands, signal: stop.signal }))
  assert.is(error.code, 'KPKI_INTERRUPTED')
})

test('replicas stay, unless a patch says them', async () => {
  const { api, hands, run } = await setUp()
  await runPhases([ADDON], run, hands)
  const name = { kind: 'Deployment', namespace: 'kube-system', name: 'coredns' } as const
  const replicas = async () => Object((await api.get(name))?.['spec'])['replicas']
  assert.is(await replicas(), 2)
  await api.patch(name, { spec: { replicas: 5 } })
  await runPhases([ADDON], run, hands)
  assert.is(await replicas(), 5)
  const content = { spec: { replicas: 3 } }
  const patches = [{ target: 'corednsdeployment', type: 'merge', content, file: 'corednsdeployment.yaml' }] as const
  await runPhases([ADDON], { ...run, patches }, hands)
  assert.is(await replicas(), 3)
  // The usual number, said by a patch.
  const usual = [{ ...patches[0], content: { spec: { replicas: 2 } } }] as const
  await runPhases([ADDON], { ...run, patches: usual }, hands)
  assert.is(await replicas(), 2)
})

test('a Corefile of an older kubeadm is replaced, one that somebody changed is kept and named', async () => {
  const { api, hands, run } = await setUp({ version: 'v1.30.1' })
  await runPhases([ADDON], run, hands)
  const corefile = () => dataOf(get(api, 'ConfigMap', 'coredns'))['Corefile'] ?? ''
  assert.not.match(corefile(), 'disable success')
  const newer = { ...run, controlPlane: await controlPlane('v1.36.4') }
  const [quiet] = await runPhases([ADDON], newer, hands)
  assert.match(corefile(), 'disable success')
  assert.equal(quiet?.notes, [])
  const name = { kind: 'ConfigMap', namespace: 'kube-system', name: 'coredns' } as const
  await api.patch(name, { data: { Corefile: '.:53 {\n}\n' } })
  const [result] = await runPhases([ADDON], newer, hands)
  assert.is(corefile(), '.:53 {\n}\n')
  assert.match(result?.notes.join() ?? '', 'changed by somebody and is kept')
})

test('a DNS Service with another address is an error that says the way out', async () => {
  const { hands, run } = await setUp()
  await runPhases([ADDON], run, hands)
  const other = await controlPlane('v1.36.4', { cluster: 'networking: {serviceSubnet: 10.200.0.0/16}' })
  const error = await rejects(runPhases([ADDON], { ...run, controlPlane: other }, hands))
  assert.is(error.details['error'], 'KPKI_API_CONFLICT')
  for (const part of ['kube-system/kube-dns', '10.96.0.10', '10.200.0.10']) assert.match(error.message, part)
})

test('disabled addons are skipped, with the reason', async () => {
  const { api, hands, run } = await setUp({ text: { cluster: 'dns: {disabled: true}\nproxy: {disabled: true}' } })
  const results = await runPhases([ADDON], run, hands)
  assert.equal(
    results.map(({ path, state, reason }) => [path, state, reason]),
    [
      ['addon/coredns', 'skipped', 'dns.disabled is set'],
      ['addon/kube-proxy', 'skipped', 'proxy.disabled is set'],
    ],
  )
  assert.is(api.calls.length, 0)
})

test('up to v1.21, API servers of other hosts stay listed', async () => {
  const status = `apiEndpoints:\n  cp-0:\n    advertiseAddress: 10.77.1.9\n    bindPort: 6443\napiVersion: kubeadm.k8s.io/v1beta2\nkind: ClusterStatus\n`
  const metadata = { name: 'kubeadm-config', namespace: 'kube-system' }
  const existing = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { ClusterStatus: status } }
  const { api, hands, run } = await setUp({ version: 'v1.21.5', objects: [existing, node()] })
  await runPhases([UPLOAD_CONFIG], run, hands)
  const { ClusterStatus } = dataOf(get(api, 'ConfigMap', 'kubeadm-config'))
  assert.match(ClusterStatus ?? '', 'cp-0:\n    advertiseAddress: 10.77.1.9')
  assert.match(ClusterStatus ?? '', 'cp-1:\n    advertiseAddress: 10.77.1.10')
})

test('what kubeadm-config cannot say is told', async () => {
  const { hands, run } = await setUp({ version: 'v1.30.1', text: { cluster: 'proxy: {disabled: true}' } })
  const [result] = await runPhases([UPLOAD_CONFIG], run, hands)
  assert.match(result?.notes.join() ?? '', 'proxy.disabled')
})

test('a refused object is named, and what is before it stays', async () => {
  const { api, hands, run } = await setUp()
  const apply = api.apply.bind(api)
  api.apply = async object => {
    if (object.kind !== 'DaemonSet') return apply(object)
    const message = 'apply daemonsets "kube-proxy": admission webhook "no.example.org" denied the request: no'
    throw new ApiError('KPKI_API_REFUSED', message, { details: { status: 400 } })
  }
  const error = await rejects(runPhases([ADDON], run, hands))
  assert.equal([error.details['phase'], error.details['error']], ['addon/kube-proxy', 'KPKI_API_REFUSED'])
  assert.match(error.message, 'admission webhook "no.example.org"')
  api.apply = apply
  const results = await runPhases([ADDON], run, hands)
  assert.equal(
    results.map(({ state, made }) => [state, made]),
    [
      ['unchanged', []],
      ['done', ['DaemonSet kube-system/kube-proxy']],
    ],
  )
})

test.run()
