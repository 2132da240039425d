/** What check advises is what plan does, or says that it does not. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { planChanges } from '../../lib/audit/changes.js'
import { compareTree } from '../../lib/audit/compare.js'
import { adviceOf } from '../../lib/audit/report.js'
import { readTree } from '../../lib/audit/tree.js'
import type { MemoryStore } from '../../lib/tree/store.js'
import { reissueUser } from './breaks/tree.js'
import { context, put, reissue, wellTree } from './tree.js'

const compare = async (store: MemoryStore) => compareTree(await readTree(store, context), {}, context)

/** Manifests that name what a tree of kubeadm's has (v1.20.2, cmd/kubeadm/app/phases/controlplane/manifests.go). */
function withManifest(store: MemoryStore): MemoryStore {
  const flags = [
    '--service-account-private-key-file=/etc/kubernetes/pki/sa.key',
    '--root-ca-file=/etc/kubernetes/pki/ca.crt',
    '--cluster-signing-key-file=/etc/kubernetes/pki/ca.key',
  ]
  const lines = ['kube-controller-manager', ...flags].map(word => `    - ${word}`)
  put(
    store,
    'manifests/kube-controller-manager.yaml',
    [
      'apiVersion: v1',
      'kind: Pod',
      'metadata: {name: kube-controller-manager}',
      'spec:',
      '  containers:',
      '  - name: kube-controller-manager',
      '    image: registry.k8s.io/kube-controller-manager:v1.36.0',
      '    command:',
      ...lines,
      '  volumes:',
      '  - {name: pki, hostPath: {path: /etc/kubernetes/pki}}',
      '',
    ].join('\n'),
  )
  return store
}

for (const [path, id] of [
  ['pki/sa.key', 'sa'],
  ['pki/ca.crt', 'ca'],
  ['pki/ca.key', 'ca'],
] as const)
  test(`${path} is missing: nobody is sent to apply, and plan says that it leaves it`, async () => {
    const store = withManifest(wellTree())
    store.files.delete(path)
    const comparison = await compare(store)
    const found = comparison.findings.filter(({ code, path: at }) => code === 'file-missing' && at === path)
    assert.is(found.length, 1)
    for (const each of found) assert.not.match(adviceOf(each), /kpki (apply|renew)/)
    const { untouched } = planChanges(comparison, context)
    assert.ok(untouched.some(({ id: left, message }) => left === id && message.includes('missing')))
  })

test('a superuser that is no administrator: the group goes, and nothing is said of the rights of administrators', async () => {
  const store = wellTree()
  const masters = { organizations: ['system:masters'] }
  await reissue(store, 'front-proxy-client', masters, { ca: 'pki/front-proxy-ca' })
  await reissueUser(store, 'controller-manager.conf', { commonName: 'system:kube-controller-manager', ...masters })
  await reissueUser(store, 'admin.conf', { commonName: 'kubernetes-admin', ...masters })
  const comparison = await compare(store)
  const advice = comparison.findings.flatMap(found =>
    found.code === 'superuser' ? [[found.row, /kubeadm:cluster-admins/.test(adviceOf(found))]] : [],
  )
  assert.equal(advice, [
    ['front-proxy-client', false],
    ['admin.conf', true],
    ['controller-manager.conf', false],
  ])
  const { changes } = planChanges(comparison, context)
  assert.equal(
    changes.map(({ id, wanted }) => [id, wanted?.organizations]),
    [
      ['front-proxy-client', []],
      ['controller-manager.conf', []],
    ],
  )
})

test.run()
