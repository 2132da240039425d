import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { planChanges } from '../../lib/audit/changes.js'
import { compareTree } from '../../lib/audit/compare.js'
import { inferDescription } from '../../lib/audit/infer.js'
import { readTree } from '../../lib/audit/tree.js'
import type { Asked, TreeComparison } from '../../lib/audit/types.js'
import { rowsOf } from '../../lib/kubernetes/catalogue.js'
import { type ClusterFacts, parseCluster } from '../../lib/kubernetes/cluster.js'
import { ROW_IDS, type Role } from '../../lib/kubernetes/rows.js'
import { MemoryStore, type Store } from '../../lib/tree/store.js'
import { generateTree } from '../../lib/workflow/generate.js'
import { rejects } from '../support/context.js'
import { reissueUser } from './breaks/tree.js'
import { context, reissue, wellTree } from './tree.js'

const compare = async (store: Store, asked: Asked = {}): Promise<TreeComparison> =>
  compareTree(await readTree(store, context), asked, context)
const told = ({ findings }: TreeComparison) => findings.map(({ code, row }) => `${row} ${code}`)

const LEAVES = ROW_IDS.filter(id => id !== 'sa' && !id.endsWith('ca'))
const KUBECONFIGS = ROW_IDS.filter(id => id.endsWith('.conf'))
const LOCAL = ['controller-manager.conf', 'scheduler.conf']

/** What changes in a description, and what follows from it in the well tree: its facts are in tree.ts. */
const CHANGES: readonly [about: string, facts: Partial<ClusterFacts>, findings: readonly string[]][] = [
  ['nothing', {}, []],
  [
    'what is so already',
    { nodeName: 'cp-1', advertiseAddress: '10.0.0.10', controlPlaneEndpoint: 'api.example.org:6443' },
    [],
  ],
  ['a SAN', { apiServerCertSans: ['new.example.org'] }, ['apiserver names-missing']],
  ['no SAN', { apiServerCertSans: [] }, []],
  ['a SAN of etcd', { etcdServerCertSans: ['192.0.2.9'] }, ['etcd-server names-missing']],
  ['a SAN of a peer', { etcdPeerCertSans: ['etcd.example.org'] }, ['etcd-peer names-missing']],
  [
    'the endpoint',
    { controlPlaneEndpoint: 'new.example.org' },
    ['apiserver names-missing', 'admin.conf server', 'super-admin.conf server'],
  ],
  [
    'the address',
    { advertiseAddress: '10.0.0.11' },
    [
      'apiserver names-missing',
      'etcd-server names-missing',
      'etcd-peer names-missing',
      'kubelet.conf server',
      ...LOCAL.map(id => `${id} server`),
    ],
  ],
  ['the port', { bindPort: 16443 }, ['kubelet.conf server', ...LOCAL.map(id => `${id} server`)]],
  ['the service subnet', { serviceSubnet: '10.97.0.0/16' }, ['apiserver names-missing']],
  ['another part of a subnet that begins in the same place', { serviceSubnet: '10.96.0.0/16' }, []],
  ['the DNS domain', { dnsDomain: 'corp.example' }, ['apiserver names-missing']],
  [
    'the node',
    { nodeName: 'cp-2' },
    [
      'apiserver names-missing',
      ...['etcd-server', 'etcd-peer'].flatMap(id => [`${id} common-name`, `${id} names-missing`]),
      'kubelet.conf common-name',
    ],
  ],
  [
    'the algorithm',
    { encryptionAlgorithm: 'ECDSA-P384' },
    ROW_IDS.flatMap(id => (id === 'sa' ? [] : [`${id} ${LEAVES.includes(id) ? 'key-algorithm' : 'ca-drift'}`])),
  ],
  ['the validity', { certificateValidityPeriod: '720h' }, LEAVES.map(id => `${id} validity`)],
  [
    'the validity of CAs',
    { caCertificateValidityPeriod: '43800h' },
    ['ca', 'front-proxy-ca', 'etcd-ca'].map(id => `${id} ca-drift`),
  ],
  ['the pod subnet', { podSubnet: '10.244.0.0/16' }, []],
  ['the version, to one that does the same', { kubernetesVersion: 'v1.30.0' }, []],
  ['the version, to one before bound administrators', { kubernetesVersion: 'v1.28.0' }, []],
]
for (const [about, facts, findings] of CHANGES)
  test(`${about}: exactly what follows from it`, async () => {
    assert.equal([...told(await compare(wellTree(), { facts }))].sort(), [...findings].sort())
  })

test('a changed fact adds its name and keeps those that are there', async () => {
  const { items } = await compare(wellTree(), {
    facts: { controlPlaneEndpoint: 'new.example.org', serviceSubnet: '10.97.0.0/16' },
  })
  const wanted = items.find(({ id }) => id === 'apiserver')?.wanted
  // kubeadm's names of this cluster (phases/certs, GetAPIServerAltNames), and the new ones.
  assert.equal(wanted?.dnsNames, [
    'api.example.org',
    'cp-1',
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    'kubernetes.default.svc.cluster.local',
    'new.example.org',
  ])
  assert.equal([...(wanted?.ipAddresses ?? [])].sort(), ['10.0.0.10', '10.96.0.1', '10.97.0.1'])
})

test('a list of names that is stated is the list: others go, but none under which a kubeconfig asks', async () => {
  const store = new MemoryStore()
  const facts = { nodeName: 'cp-1', advertiseAddress: '10.0.0.10', encryptionAlgorithm: 'ECDSA-P256' }
  const cluster = parseCluster({ ...facts, apiServerCertSans: ['old.example.org', '192.0.2.7'] }, context)
  await generateTree(rowsOf(cluster, 'init'), cluster, store, context)
  const { items, findings } = await compare(store, { facts: { apiServerCertSans: ['new.example.org'] } })
  assert.equal(
    findings.map(({ code, row, expected, actual }) => [row, code, code === 'names-missing' ? expected : actual]),
    [
      ['apiserver', 'names-missing', 'new.example.org'],
      ['apiserver', 'names-extra', 'old.example.org, 192.0.2.7'],
    ],
  )
  const wanted = items.find(({ id }) => id === 'apiserver')?.wanted
  assert.equal([...(wanted?.ipAddresses ?? [])].sort(), ['10.0.0.10', '10.96.0.1'])
  assert.ok(wanted?.dnsNames.includes('new.example.org') && !wanted.dnsNames.includes('old.example.org'))
  assert.match(findings.at(-1)?.message ?? '', /, which the description does not list$/)
  const listed = { facts: { apiServerCertSans: [] }, from: 'kubeadm.yaml' }
  assert.match((await compare(store, listed)).findings[0]?.message ?? '', /, which kubeadm\.yaml does not list$/)
})

test('what cannot be asked of any tree is refused, and nothing is planned for it', async () => {
  const wrong: readonly (readonly [Asked, RegExp])[] = [
    [{ facts: { apiServerCertSans: ['a b'] } }, /apiServer\.certSANs\[0\]: "a b" is neither/],
    [{ adds: { apiServerCertSans: ['10.0.0.256'] } }, /10\.0\.0\.256/],
    [{ adds: { etcdPeerCertSans: ['-bad-'] } }, /peerCertSANs/],
    [{ facts: { controlPlaneEndpoint: 'not a host:99999' } }, /controlPlaneEndpoint/],
    [{ facts: { serviceSubnet: 'x' } }, /serviceSubnet/],
    [{ facts: { encryptionAlgorithm: 'FOO' } }, /FOO/],
    [{ facts: { nodeName: 'A B\u001b[2J' } }, /not a node name/],
    [JSON.parse('{"facts": {"nope": 1}}') as Asked, /not known: "nope"/],
    [JSON.parse('{"facts": {"apiServerCertSans": "abc"}}') as Asked, /wrong type/],
    [JSON.parse('{"adds": {"nodeName": "cp-2"}}') as Asked, /not known: "nodeName"/],
    [JSON.parse('{"facts": null}') as Asked, /facts is no object/],
    [JSON.parse('{"facts": []}') as Asked, /facts is no object/],
    [JSON.parse('{"adds": "x"}') as Asked, /adds is no object/],
    [JSON.parse('{"role": "king"}') as Asked, /role is none of init, control-plane, worker/],
  ]
  for (const [asked, message] of wrong) {
    const error = await rejects(compare(wellTree(), asked))
    assert.is(error.code, 'KPKI_FIELD_VALUE')
    assert.match(error.message, message)
  }
  // Each is right, and both together are too many.
  const names = (letter: string) => Array.from({ length: 600 }, (_, index) => `${letter}${index}.example.org`)
  const both = { facts: { apiServerCertSans: names('a') }, adds: { apiServerCertSans: names('b') } }
  assert.is((await rejects(compare(wellTree(), both))).code, 'KPKI_FIELD_VALUE')
})

test('names that are added come to those that are there, or to the list', async () => {
  const store = new MemoryStore()
  const facts = {
    ...{ nodeName: 'cp-1', advertiseAddress: '10.0.0.10', encryptionAlgorithm: 'ECDSA-P256' },
    ...{ apiServerCertSans: ['old.example.org', '192.0.2.7'], etcdServerCertSans: ['etcd.example.org'] },
  }
  await generateTree(rowsOf(parseCluster(facts, context), 'init'), parseCluster(facts, context), store, context)
  const names = { apiServerCertSans: ['New.example.org', '192.0.2.7'], etcdPeerCertSans: ['192.0.2.9'] }
  const missing = [
    ['apiserver', 'names-missing', 'new.example.org'],
    ['etcd-peer', 'names-missing', '192.0.2.9'],
  ]
  const said = ({ findings }: Awaited<ReturnType<typeof compare>>) =>
    findings.map(({ code, row, expected, actual }) => [row, code, code === 'names-missing' ? expected : actual])
  const added = await compare(store, { adds: names })
  assert.equal(said(added), missing)
  const wanted = added.items.find(({ id }) => id === 'apiserver')?.wanted
  for (const name of ['new.example.org', 'old.example.org']) assert.ok(wanted?.dnsNames.includes(name), name)
  assert.equal(said(await compare(store, { facts: { apiServerCertSans: ['old.example.org'] }, adds: names })), missing)
  const [first, second, third] = said(
    await compare(store, { facts: { apiServerCertSans: ['192.0.2.7'] }, adds: names }),
  )
  assert.equal([first, second, third], [missing[0], ['apiserver', 'names-extra', 'old.example.org'], missing[1]])
  // What is made for the first time has them, too.
  store.files.delete('pki/etcd/server.crt')
  store.files.delete('pki/etcd/server.key')
  const { items } = await compare(store, { role: 'init', adds: { etcdServerCertSans: ['192.0.2.99'] } })
  assert.ok(items.find(({ id }) => id === 'etcd-server')?.wanted?.ipAddresses.includes('192.0.2.99'))
})

test('items stand in the order of the catalogue, and what is wanted of a well tree is what is there', async () => {
  const { items, cluster } = await compare(wellTree())
  assert.equal(
    items.map(({ id }) => id),
    ROW_IDS,
  )
  assert.is(cluster?.nodeName, 'cp-1')
  for (const { id, certificate, wanted, server } of items) {
    if (id === 'sa') continue
    assert.is(wanted?.commonName, certificate?.subject.commonName, id)
    assert.equal(wanted?.organizations, certificate?.subject.organizations, id)
    assert.equal(wanted?.dnsNames, certificate?.dnsNames, id)
    assert.equal(wanted?.ipAddresses, certificate?.ipAddresses, id)
    assert.equal(wanted?.extKeyUsages, certificate?.extKeyUsages, id)
    assert.is(wanted?.keyAlgorithm, certificate?.publicKey.name, id)
    assert.is(wanted?.validitySeconds, (LEAVES.includes(id as 'ca') ? 365 : 3650) * 86_400, id)
    assert.is(server !== undefined, KUBECONFIGS.includes(id as 'ca'), id)
  }
})

test('a version from 1.29 on takes superusers away where it is stated, and nobody is locked out by that unsaid', async () => {
  const store = wellTree()
  await reissueUser(store, 'admin.conf', { organizations: ['system:masters'] })
  await reissue(store, 'apiserver-kubelet-client', { organizations: ['system:masters'] })
  for (const [kubernetesVersion, groups] of [
    [undefined, 'system:masters'],
    ['v1.28.0', 'system:masters'],
    // kubernetes/kubernetes PR 121305
    ['v1.29.0', 'kubeadm:cluster-admins'],
  ] as const) {
    const comparison = await compare(store, kubernetesVersion === undefined ? {} : { facts: { kubernetesVersion } })
    for (const id of ['admin.conf', 'apiserver-kubelet-client'])
      assert.equal(comparison.items.find(item => item.id === id)?.wanted?.organizations, [groups])
    const { changes, followUps } = planChanges(comparison, context)
    const isChanged = groups !== 'system:masters'
    assert.is(changes.length, isChanged ? 2 : 0)
    assert.is(
      followUps.some(text => text.includes('clusterrolebinding')),
      isChanged,
    )
  }
})

const label = fc.stringMatching(/^[a-z]([a-z0-9]{0,8}[a-z0-9])?$/)
const dnsName = fc.tuple(label, label).map(([a, b]) => `${a}.${b}.example`)
const ipv4 = fc
  .tuple(fc.integer({ min: 11, max: 99 }), fc.integer({ min: 2, max: 254 }))
  .map(([a, b]) => `${a}.20.30.${b}`)
const ipv6 = fc.integer({ min: 2, max: 0xfffe }).map(last => `fd00::${last.toString(16)}`)
const names = fc.uniqueArray(
  fc.oneof(
    dnsName,
    ipv4,
    ipv6,
    dnsName.map(name => `*.${name}`),
  ),
  { maxLength: 3 },
)
const seconds = fc.integer({ min: 1, max: 20_000 }).map(hours => `${hours}h0m0s`)
const description = fc.record(
  {
    nodeName: fc.oneof(label, dnsName),
    advertiseAddress: fc.oneof(ipv4, ipv6),
    bindPort: fc.integer({ min: 1, max: 65_535 }),
    controlPlaneEndpoint: fc.oneof(
      dnsName,
      fc.tuple(dnsName, fc.integer({ min: 1, max: 65_535 })).map(parts => parts.join(':')),
      ipv4,
    ),
    kubernetesVersion: fc.integer({ min: 20, max: 37 }).map(minor => `v1.${minor}.0`),
    clusterName: fc.oneof(label, fc.constant('prod@eu')),
    serviceSubnet: fc.constantFrom('10.96.0.0/12', '10.32.0.0/24', '172.20.0.0/16', 'fd01::/112', '192.168.0.16/28'),
    dnsDomain: fc.constantFrom('cluster.local', 'corp.example'),
    apiServerCertSans: names,
    etcdServerCertSans: names,
    etcdPeerCertSans: names,
    encryptionAlgorithm: fc.constantFrom('ECDSA-P256', 'ECDSA-P384'),
    certificateValidityPeriod: seconds,
    caCertificateValidityPeriod: fc.constantFrom('87600h', '26280h'),
  },
  { requiredKeys: ['nodeName', 'advertiseAddress', 'encryptionAlgorithm'] },
)

test('what was made by a description is what the description wants, and what the tree says of itself', async () => {
  await fc.assert(
    fc.asyncProperty(description, fc.constantFrom<Role>('init', 'control-plane', 'worker'), async (facts, role) => {
      const store = new MemoryStore()
      const cluster = parseCluster(facts, context)
      await generateTree(rowsOf(cluster, 'init'), cluster, store, context, { ledger: false })
      const kept: readonly string[] = rowsOf(cluster, role)
      for (const path of store.files.keys())
        if (
          role === 'worker'
            ? !/^(pki\/ca\.crt|kubelet\.conf)$/.test(path)
            : path.endsWith('.conf') && !kept.includes(path)
        )
          store.files.delete(path)
      const tree = await readTree(store, context)
      const isNews = ({ code }: { readonly code: string }) =>
        !['superuser-older', 'ends-soon', 'ca-ends-early', 'long-life'].includes(code)
      const quiet = async (asked: Asked, about: string) =>
        assert.equal(
          (await compareTree(tree, asked, context)).findings
            .filter(isNews)
            .map(({ code, row, message }) => `${row} ${code} ${message}`),
          [],
          about,
        )
      await quiet({}, 'nothing asked')
      const inference = inferDescription(tree, context)
      await quiet({ facts: inference.facts }, 'what it says of itself')
      await quiet({ facts: inference.facts, ...(inference.role ? { role: inference.role } : {}) }, 'with its role')
      if (role !== 'worker') {
        await quiet({ facts, role }, 'its description')
        assert.is(inference.facts.nodeName, cluster.nodeName)
        assert.is(inference.facts.dnsDomain, cluster.dnsDomain)
        assert.is(inference.facts.advertiseAddress, cluster.advertiseAddress.text)
        assert.is(inference.facts.bindPort, cluster.bindPort)
        assert.is(inference.facts.clusterName, cluster.clusterName)
        assert.is(inference.facts.encryptionAlgorithm, cluster.encryptionAlgorithm)
      }
    }),
    { numRuns: 20 },
  )
})

test.run()
