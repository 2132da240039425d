/** Whatever stands in the files of a tree: it is told, and nothing is thrown. */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { inferDescription } from '../../lib/audit/infer.js'
import { readTree } from '../../lib/audit/tree.js'
import { StoreError } from '../../lib/errors.js'
import { checkTree } from '../../lib/inspect/check-tree.js'
import { ROW_IDS } from '../../lib/kubernetes/rows.js'
import { filesOf } from '../../lib/tree/layout.js'
import { MemoryStore, type Store } from '../../lib/tree/store.js'
import { certificateIn, context, put, read, reissue, wellTree } from './tree.js'

const paths = [
  ...ROW_IDS.flatMap(id => filesOf(id).map(({ path }) => path)),
  'manifests/kube-apiserver.yaml',
  'manifests/etcd.yaml',
  'kubelet/pki/kubelet-client-current.pem',
  'kubelet/pki/kubelet.crt',
  'kubelet/pki/kubelet.key',
  'kubelet/config.yaml',
]
const contents = fc.oneof(
  fc.constantFrom(
    '',
    '{}',
    '[]',
    'null',
    'a: [',
    '\u0000',
    '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n',
    '-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n',
    'apiVersion: v1\nkind: Pod\nspec: {containers: [{command: [null, 1, --a, [x]], image: 5}], volumes: [1, {hostPath: x}]}\n',
    'apiVersion: v1\nkind: Pod\nmetadata: {annotations: [1]}\nspec: {containers: [{name: kube-apiserver, command: [--advertise-address=::, --service-cluster-ip-range=x, "--etcd-servers=,", --secure-port=0]}]}\n',
    'apiVersion: v1\nkind: Config\nclusters: [{name: a, cluster: {server: "https://[::"}}]\nusers: [{name: a, user: {}}]\ncontexts: [{name: a, context: {cluster: a, user: a}}]\ncurrent-context: a\n',
    `apiVersion: v1\nkind: Pod\nspec: {containers: [{command: [${'--a=b, '.repeat(5000)}]}]}\n`,
  ),
  fc.string({ unit: 'binary', maxLength: 200 }),
)

test('a tree of anything is read, described and checked', async () => {
  await fc.assert(
    fc.asyncProperty(fc.dictionary(fc.constantFrom(...paths), contents, { maxKeys: 8 }), async spoiled => {
      const store = wellTree()
      for (const [path, text] of Object.entries(spoiled)) put(store, path, text)
      const { findings } = await checkTree(store, { facts: { nodeName: 'cp-1' } }, context)
      // A Pod may be one whatever its flags are.
      const telling = Object.keys(spoiled).filter(path => !/^(manifests|kubelet)\//.test(path))
      for (const path of telling)
        assert.ok(
          findings.some(found => found.path === path || found.path.endsWith('.crt')),
          path,
        )
      inferDescription(await readTree(store, context), context)
    }),
    { numRuns: 40 },
  )
})

test('a certificate of which single octets are changed is read or told of', async () => {
  const whole = read(wellTree(), 'pki/apiserver.crt')
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 28, max: whole.length - 30 }),
      fc.constantFrom(...'AQgwZ+/9='),
      async (at, letter) => {
        const store = wellTree()
        put(store, 'pki/apiserver.crt', whole.slice(0, at) + letter + whole.slice(at + 1))
        const { findings } = await checkTree(store, {}, context)
        const isSame = read(store, 'pki/apiserver.crt') === whole
        // The last character of a block may hold bits that count for nothing.
        if (!isSame) assert.ok(findings.length > 0 || at > whole.length - 40)
      },
    ),
    { numRuns: 60 },
  )
})

test('no file can be read at all', async () => {
  const well = wellTree()
  const store: Store = {
    ...bound(well),
    read: async path => {
      if (!well.files.has(path)) return undefined
      throw new StoreError('KPKI_FILE_UNREADABLE', `${path} cannot be read`, { details: { path } })
    },
  }
  const { findings, comparison } = await checkTree(store, {}, context)
  assert.equal(new Set(findings.map(({ code }) => code)), new Set(['unreadable']))
  assert.is(findings.length, well.files.size - 1)
  assert.equal(comparison.inference.facts, {})
})

test('an empty tree is told of, once, also where it is described', async () => {
  for (const asked of [{}, { facts: { nodeName: 'cp-1', advertiseAddress: '10.0.0.10' } }]) {
    const { findings } = await checkTree(new MemoryStore(), asked, context)
    assert.equal(
      findings.map(({ code, path }) => [code, path]),
      [['nothing-found', 'pki']],
    )
  }
})

test('ten thousand names and a bundle of hundreds are read in time', async () => {
  const store = wellTree()
  const names = Array.from({ length: 10_000 }, (_, index) => `n${index}.example.org`)
  const { dnsNames } = certificateIn(store, 'pki/apiserver.crt')
  await reissue(store, 'apiserver', { dnsNames: [...dnsNames, ...names] })
  put(store, 'pki/ca.crt', read(store, 'pki/ca.crt') + read(store, 'pki/etcd/ca.crt').repeat(600))
  const start = performance.now()
  for (const facts of [{}, { apiServerCertSans: names.slice(0, 900) }]) await checkTree(store, { facts }, context)
  // Seconds on a busy machine; what takes the square of it takes minutes.
  assert.ok(performance.now() - start < 20_000, `${performance.now() - start} ms`)
})

function bound(store: MemoryStore): Store {
  return {
    locate: path => store.locate(path),
    read: path => store.read(path),
    create: (path, bytes, mode) => store.create(path, bytes, mode),
    takeBack: path => store.takeBack(path),
    prepare: () => store.prepare(),
    lock: () => store.lock(),
  }
}

test.run()
