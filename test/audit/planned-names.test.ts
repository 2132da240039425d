/** Whatever a tree says and whoever asks: no name goes that nobody has taken away. */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { planChanges } from '../../lib/audit/changes.js'
import { compareTree } from '../../lib/audit/compare.js'
import { droppedNames } from '../../lib/audit/planning.js'
import { readTree } from '../../lib/audit/tree.js'
import type { Asked, WantedIdentity } from '../../lib/audit/types.js'
import { UsageError } from '../../lib/errors.js'
import type { ClusterFacts } from '../../lib/kubernetes/cluster.js'
import type { MemoryStore } from '../../lib/tree/store.js'
import { certificateIn, context, put, read, reissue, wellTree } from './tree.js'

const base = wellTree()
await reissue(base, 'apiserver', {
  dnsNames: [...certificateIn(base, 'pki/apiserver.crt').dnsNames, 'my_host', 'lb.example.org', '*.example.net'],
  ipAddresses: [...certificateIn(base, 'pki/apiserver.crt').ipAddresses, '192.0.2.7', 'fd00::7'],
})
await reissue(
  base,
  'etcd-server',
  { dnsNames: ['cp-1', 'localhost', 'etcd.example.org'] },
  { ca: 'pki/etcd/ca', base: 'pki/etcd/server' },
)
const OLD = certificateIn(base, 'pki/apiserver.crt')

const pod = (component: string, flags: Readonly<Record<string, string>>) =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: component },
    spec: {
      containers: [{ name: component, command: [component, ...Object.entries(flags).map(([k, v]) => `--${k}=${v}`)] }],
    },
  })

const odd = fc.string({ unit: 'binary', maxLength: 12 })
const addresses = fc.oneof(fc.ipV4(), fc.ipV6(), fc.constantFrom('0.0.0.0', '::', '127.0.0.1', '169.254.1.1', ''), odd)
const subnets = fc
  .array(
    fc.oneof(
      fc.tuple(fc.oneof(fc.ipV4(), fc.ipV6()), fc.integer({ min: 0, max: 130 })).map(x => x.join('/')),
      odd,
    ),
    {
      minLength: 1,
      maxLength: 3,
    },
  )
  .map(list => list.join(','))
const hosts = fc.oneof(fc.domain(), fc.ipV4(), fc.constantFrom('my_host', 'UPPER', '-x', '[::1]', '10.0.0.256'), odd)

/** A tree whose manifests and kubeconfigs say anything, and some of whose files are not there. */
const trees = fc
  .record({
    apiserver: fc.dictionary(
      fc.constantFrom('advertise-address', 'service-cluster-ip-range', 'secure-port', 'etcd-servers'),
      fc.oneof(addresses, subnets, hosts),
    ),
    manager: fc.dictionary(
      fc.constantFrom('cluster-name', 'cluster-cidr', 'service-cluster-ip-range'),
      fc.oneof(subnets, odd),
    ),
    etcd: fc.dictionary(fc.constantFrom('name', 'advertise-client-urls'), hosts),
    servers: fc.dictionary(
      fc.constantFrom('admin.conf', 'kubelet.conf', 'scheduler.conf', 'controller-manager.conf'),
      hosts,
    ),
    gone: fc.subarray([...base.files.keys()].filter(path => !/^pki\/(ca|apiserver)\./.test(path))),
  })
  .map(({ apiserver, manager, etcd, servers, gone }): MemoryStore => {
    const store = wellTree()
    for (const [path, file] of base.files) store.files.set(path, file)
    put(store, 'manifests/kube-apiserver.yaml', pod('kube-apiserver', apiserver))
    put(store, 'manifests/kube-controller-manager.yaml', pod('kube-controller-manager', manager))
    put(store, 'manifests/etcd.yaml', pod('etcd', etcd))
    for (const [id, host] of Object.entries(servers))
      put(
        store,
        id,
        read(store, id).replace(/server: .*/, () => `server: ${JSON.stringify(`https://${host}:6443`)}`),
      )
    for (const path of gone) store.files.delete(path)
    return store
  })

const names = fc.array(fc.oneof(fc.domain(), fc.ipV4(), fc.constant('*.example.org')), { maxLength: 3 })
/** What is well by itself; that two of them go together nobody says. */
const FACTS: fc.Arbitrary<Partial<ClusterFacts>> = fc.record(
  {
    nodeName: fc.constantFrom('cp-1', 'cp-2'),
    advertiseAddress: fc.constantFrom('10.0.0.10', '192.0.2.9', 'fd00::9'),
    controlPlaneEndpoint: fc.constantFrom('new.example.org', 'api.example.org:6443', '192.0.2.8:443'),
    serviceSubnet: fc.constantFrom('10.97.0.0/16', '10.96.0.0/12,fd00:1::/112'),
    kubernetesVersion: fc.constantFrom('1.20', '1.36'),
    encryptionAlgorithm: fc.constantFrom('RSA-2048', 'ECDSA-P384'),
    externalEtcd: fc.constant({ endpoints: ['https://192.0.2.30:2379'] }),
    certificateValidityPeriod: fc.constantFrom('720h', '8760h'),
  },
  { requiredKeys: [] },
)

const planned = async (store: MemoryStore, asked: Asked) => {
  const comparison = await compareTree(await readTree(store, context), asked, context)
  const { wanted } = comparison.items.find(({ id }) => id === 'apiserver') ?? {}
  const change = planChanges(comparison, context, { only: ['apiserver'] }).changes.find(({ id }) => id === 'apiserver')
  assert.equal(change?.wanted, wanted)
  return { wanted: change?.wanted, findings: comparison.findings.filter(({ row }) => row === 'apiserver') }
}
const has = (wanted: WantedIdentity | undefined, name: string) =>
  [...(wanted?.dnsNames ?? []), ...(wanted?.ipAddresses ?? [])].includes(name)

test('where no file lists the names none goes, and what is added comes', async () => {
  await fc.assert(
    fc.asyncProperty(trees, FACTS, names, async (store, facts, added) => {
      const { wanted } = await planned(store, { facts, adds: { apiServerCertSans: added } })
      assert.equal(droppedNames(OLD, wanted), [])
      for (const name of added)
        assert.ok(has(wanted, name) || has(wanted, '*.example.org') || has(wanted, '*.example.net'), name)
    }),
    { numRuns: 60 },
  )
})

test('where a file lists the names those come, the ones of the Service stay, and whatever goes is said', async () => {
  await fc.assert(
    fc.asyncProperty(trees, FACTS, names, async (store, facts, listed) => {
      const { wanted, findings } = await planned(store, { facts: { ...facts, apiServerCertSans: listed } })
      for (const name of [
        ...listed,
        'kubernetes',
        'kubernetes.default',
        'kubernetes.default.svc',
        'kubernetes.default.svc.cluster.local',
      ])
        assert.ok(has(wanted, name), name)
      const said = findings.find(({ code }) => code === 'names-extra')?.actual ?? ''
      for (const name of droppedNames(OLD, wanted)) assert.ok(said.split(', ').includes(name), name)
    }),
    { numRuns: 60 },
  )
})

test('what is no fact is refused, whatever the tree is', async () => {
  const wrong = fc.oneof(
    fc.constantFrom('a b', '', '010.0.0.1', '*', '10.0.0.256', '-x').map(name => ({ apiServerCertSans: [name] })),
    fc.constantFrom<Partial<ClusterFacts>>(
      { encryptionAlgorithm: 'DSA' },
      { kubernetesVersion: 'v9' },
      { advertiseAddress: 'x' },
      { controlPlaneEndpoint: 'http://x' },
      { nodeName: '../../x' },
      { certificateValidityPeriod: JSON.parse('-1') },
    ),
  )
  await fc.assert(
    fc.asyncProperty(trees, wrong, async (store, facts) => {
      const error = await planned(store, { facts }).catch((cause: unknown) => cause)
      assert.ok(error instanceof UsageError && error.code === 'KPKI_FIELD_VALUE')
    }),
    { numRuns: 20 },
  )
})

test.run()
