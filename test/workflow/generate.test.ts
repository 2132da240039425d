import { createPublicKey, X509Certificate } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseKubeconfig } from '../../lib/access/kubeconfig.js'
import type { Context, LogEvent } from '../../lib/context.js'
import { formatPublicKey } from '../../lib/crypto/key-files.js'
import { generateKey } from '../../lib/crypto/keys.js'
import { PolicyError, StoreError, WorkflowError } from '../../lib/errors.js'
import { rowsOf } from '../../lib/kubernetes/catalogue.js'
import type { ClusterFacts } from '../../lib/kubernetes/cluster.js'
import { CATALOGUE, type CertificateId, issuerOf, ROW_IDS, type RowId } from '../../lib/kubernetes/rows.js'
import { certificatePath, filesOf } from '../../lib/tree/layout.js'
import { LEDGER_PATH } from '../../lib/tree/ledger.js'
import { MemoryStore, type Store } from '../../lib/tree/store.js'
import { type GenerateOptions, generateTree } from '../../lib/workflow/generate.js'
import {
  certificateIn,
  codes,
  context,
  copyOf,
  describe,
  keyIn,
  plan,
  put,
  read,
  reissue,
  snapshot,
  wellTree,
} from '../audit/tree.js'
import { NOW, rejects, testContext } from '../support/context.js'
import { vector } from '../vectors/read.js'

interface Run extends GenerateOptions {
  readonly facts?: Partial<ClusterFacts>
  readonly rows?: readonly RowId[]
  readonly with?: Partial<Context>
}
function run(store: Store, { facts = {}, rows, with: overrides = {}, ...options }: Run = {}) {
  const cluster = describe(facts)
  return generateTree(
    rows ?? rowsOf(cluster, options.role ?? 'init'),
    cluster,
    store,
    { ...context, ...overrides },
    options,
  )
}
/** The paths that a refusal names, in order. */
const named = (error: { details: Readonly<Record<string, unknown>> }) =>
  (error.details['findings'] as readonly string[]).map(line => line.split(/:? /)[0])
const written = ({ rows }: Awaited<ReturnType<typeof run>>) => rows.flatMap(row => row.written)
const ALL = rowsOf(describe(), 'init').flatMap(id => filesOf(id).map(({ path }) => path))
/** Files in their order, the ledger aside: it has tests of its own. */
const paths = (store: MemoryStore) => [...store.files.keys()].filter(path => path !== LEDGER_PATH)

test('an empty store gets every file, with its mode', async () => {
  const store = new MemoryStore()
  const result = await run(store)
  assert.equal(paths(store), ALL)
  assert.equal(written(result), ALL)
  for (const id of rowsOf(describe(), 'init'))
    for (const { path, mode } of filesOf(id)) assert.is(store.files.get(path)?.mode, mode)
  for (const row of result.rows) assert.is(row.action, 'create')
  assert.equal(codes(await plan(store)), [])
})

test('every certificate is signed by its CA, for the right names and time: the word of Node', () => {
  const store = wellTree()
  for (const id of Object.keys(CATALOGUE) as CertificateId[]) {
    const certificate = new X509Certificate(read(store, certificatePath(id)))
    const issuer = issuerOf(id)
    const ca = new X509Certificate(read(store, certificatePath(issuer ?? id)))
    assert.ok(certificate.verify(ca.publicKey), id)
    assert.ok(certificate.checkIssued(ca), id)
    assert.is(certificate.ca, issuer === undefined)
    // RFC 5280 leaves room for clocks; kubeadm since v1.31: five minutes.
    assert.is(Date.parse(certificate.validFrom), NOW.getTime() - 300_000)
    assert.is(Date.parse(certificate.validTo), NOW.getTime() + (issuer ? 1 : 10) * 365 * 86_400_000)
  }
  const apiserver = new X509Certificate(read(store, 'pki/apiserver.crt'))
  for (const name of ['cp-1', 'api.example.org', 'kubernetes.default.svc.cluster.local'])
    assert.ok(apiserver.checkHost(name), name)
  for (const address of ['10.0.0.10', '10.96.0.1']) assert.ok(apiserver.checkIP(address), address)
})

test('kubeconfigs: server, CA, and a client certificate that the CA signed', async () => {
  const store = wellTree()
  for (const id of ROW_IDS.filter(row => row.endsWith('.conf'))) {
    const config = await parseKubeconfig(read(store, id), context)
    const [leaf] = config.certificates
    assert.is(config.server, /admin/.test(id) ? 'https://api.example.org:6443' : 'https://10.0.0.10:6443')
    assert.is(config.caCertificates.length, 1)
    assert.equal(config.caCertificates[0]?.der, certificateIn(store, 'pki/ca.crt').der)
    assert.ok(leaf && config.key?.isKeyOf(leaf.spki))
    assert.is(config.userName, leaf?.subject.commonName)
  }
})

test('sa.pub is the public half of sa.key: the word of Node', () => {
  const store = wellTree()
  const derived = createPublicKey(read(store, 'pki/sa.key')).export({ type: 'spki', format: 'pem' })
  assert.is(read(store, 'pki/sa.pub'), derived)
})

test('every row has a key of its own', async () => {
  const store = wellTree()
  const keys = await Promise.all(ALL.filter(path => path.endsWith('.key')).map(path => keyIn(store, path)))
  const confs = await Promise.all(
    ALL.filter(path => path.endsWith('.conf')).map(
      async path => (await parseKubeconfig(read(store, path), context)).key,
    ),
  )
  assert.is(new Set([...keys, ...confs].map(key => key?.spki.join())).size, 11 + 5)
})

test('a second run makes no key, writes nothing and changes no byte', async () => {
  const store = wellTree()
  const before = snapshot(store)
  const never = async () => {
    throw new Error('made or written')
  }
  const result = await run({ ...wrap(store), create: never }, { with: { generateKeyPair: never } })
  assert.equal(written(result), [])
  for (const row of result.rows) assert.is(row.action, 'reuse')
  assert.equal(snapshot(store), before)
})

test('a dry run tells and writes nothing, also about a tree that does not fit', async () => {
  const store = new MemoryStore()
  const result = await run(store, { dryRun: true })
  assert.equal(written(result), ALL)
  assert.is(store.files.size, 0)
  put(store, 'pki/ca.crt', 'x')
  assert.equal(codes((await run(store, { dryRun: true })).plan).slice(0, 1), ['ca unreadable'])
  // It needs no lock: another run may be at work.
  const release = await store.lock()
  await run(store, { dryRun: true })
  await release()
})

/** A store with something in the way. */
function wrap(store: Store): Store {
  return {
    locate: path => store.locate(path),
    read: path => store.read(path),
    create: (path, bytes, mode) => store.create(path, bytes, mode),
    takeBack: path => store.takeBack(path),
    prepare: paths => store.prepare(paths),
    lock: () => store.lock(),
  }
}

// Each file but one is there: what can be made again is, the rest is refused.
for (const path of ALL) {
  const isLeafCertificate = path.endsWith('.crt') && !/(^|\/|-)ca\.crt$/.test(path)
  const outcome =
    isLeafCertificate || path.endsWith('.conf') || path === 'pki/sa.pub'
      ? 'made'
      : /(^|\/|-)ca\.key$/.test(path)
        ? 'external'
        : 'refused'
  test(`without ${path}: ${outcome}`, async () => {
    const store = wellTree()
    store.files.delete(LEDGER_PATH)
    const before = snapshot(store)
    store.files.delete(path)
    const lacking = snapshot(store)
    // A CA certificate is judged by what it signed; the rest by its own row.
    const rows = ROW_IDS.filter(id => /ca\.crt$/.test(path) || filesOf(id).some(file => file.path === path))
    if (outcome === 'refused') {
      const error = await rejects(run(store, { rows }))
      assert.is(error.code, 'KPKI_TREE_MISMATCH')
      assert.instance(error, StoreError)
      assert.equal(snapshot(store), lacking)
      return
    }
    const result = await run(store, { rows })
    assert.equal(written(result), outcome === 'made' ? [path] : [])
    const { [path]: made, [LEDGER_PATH]: line, ...rest } = snapshot(store)
    assert.equal(rest, lacking)
    assert.is(line !== undefined, outcome === 'made' && path !== 'pki/sa.pub')
    if (outcome === 'external') return
    if (path === 'pki/sa.pub') assert.is(made, before[path])
    else assert.is.not(made, before[path])
    assert.equal(codes(await plan(store, {}, { rows })), [])
  })
}

test('a lone new CA key, as a killed run leaves it, gets its certificate and everything else', async () => {
  const store = new MemoryStore()
  for (const path of ['pki/ca.key', 'pki/etcd/ca.key', 'pki/sa.key', 'pki/apiserver.key'])
    put(store, path, read(wellTree(), path))
  const keys = snapshot(store)
  const result = await run(store)
  assert.equal(codes(await plan(store)), [])
  for (const [path, text] of Object.entries(keys)) assert.is(snapshot(store)[path], text)
  assert.equal(
    written(result),
    ALL.filter(path => !(path in keys)),
  )
})

// The CA key is elsewhere: a mode, not a failure.
for (const [ca, leaf, lacking] of [
  ['pki/ca', 'pki/apiserver', ['pki/apiserver.crt']],
  ['pki/front-proxy-ca', 'pki/front-proxy-client', ['pki/front-proxy-client.crt']],
  ['pki/etcd/ca', 'pki/etcd/server', ['pki/etcd/server.crt']],
] as const) {
  test(`${ca}.key is elsewhere, all that it signed is here: nothing to do`, async () => {
    const store = wellTree()
    store.files.delete(`${ca}.key`)
    const before = snapshot(store)
    const result = await run(store)
    assert.equal(written(result), [])
    assert.equal(snapshot(store), before)
  })

  test(`${ca}.key is elsewhere, one certificate is missing: named, nothing is written`, async () => {
    const store = wellTree()
    store.files.delete(`${ca}.key`)
    store.files.delete('pki/sa.pub')
    store.files.delete(`${leaf}.crt`)
    const before = snapshot(store)
    const error = await rejects(run(store))
    assert.is(error.code, 'KPKI_TREE_MISMATCH')
    assert.equal(named(error), [...lacking])
    assert.equal(snapshot(store), before)
  })
}

test('all three CA keys are elsewhere', async () => {
  const store = wellTree()
  for (const ca of ['pki/ca', 'pki/front-proxy-ca', 'pki/etcd/ca']) store.files.delete(`${ca}.key`)
  assert.equal(written(await run(store)), [])
})

test('an external CA in an empty tree: every lacking file is named once', async () => {
  const store = new MemoryStore()
  put(store, 'pki/ca.crt', read(wellTree(), 'pki/ca.crt'))
  const error = await rejects(run(store))
  assert.equal(named(error).sort(), [
    ...['admin.conf', 'controller-manager.conf', 'kubelet.conf'],
    ...[
      'pki/apiserver-kubelet-client.crt',
      'pki/apiserver-kubelet-client.key',
      'pki/apiserver.crt',
      'pki/apiserver.key',
      'pki/sa.key',
    ],
    ...['scheduler.conf', 'super-admin.conf'],
  ])
  assert.is(store.files.size, 1)
})

test('a CA bundle whose second certificate belongs to the key: that one signs, kubeconfigs embed both', async () => {
  const store = new MemoryStore()
  const bundle = vector('x509/root.crt') + read(wellTree(), 'pki/ca.crt')
  put(store, 'pki/ca.crt', bundle)
  put(store, 'pki/ca.key', read(wellTree(), 'pki/ca.key'))
  await run(store)
  assert.is(read(store, 'pki/ca.crt'), bundle)
  const ca = new X509Certificate(read(wellTree(), 'pki/ca.crt'))
  assert.ok(new X509Certificate(read(store, 'pki/apiserver.crt')).verify(ca.publicKey))
  const config = await parseKubeconfig(read(store, 'admin.conf'), context)
  assert.equal(
    config.caCertificates.map(({ subject }) => subject.commonName),
    ['root', 'kubernetes'],
  )
  assert.equal(codes(await plan(store)), [])
})

test('a CA that is an intermediate, with its root behind it in the file', async () => {
  const store = new MemoryStore()
  put(store, 'pki/ca.crt', vector('x509/inter.crt') + vector('x509/root.crt'))
  put(store, 'pki/ca.key', vector('x509/inter.key'))
  await run(store)
  assert.equal(codes(await plan(store)), [])
  const apiserver = new X509Certificate(read(store, 'pki/apiserver.crt'))
  assert.ok(apiserver.checkIssued(new X509Certificate(vector('x509/inter.crt'))))
  assert.is(apiserver.issuer, 'CN=inter')
})

test('an intermediate CA without its root in the file is an anchor by itself', async () => {
  const store = new MemoryStore()
  put(store, 'pki/ca.crt', vector('x509/inter.crt'))
  put(store, 'pki/ca.key', vector('x509/inter.key'))
  await run(store)
  assert.equal(codes(await plan(store)), [])
})

test('a leaf with its chain behind it, under a root whose key is elsewhere', async () => {
  const store = wellTree()
  put(store, 'pki/front-proxy-ca.crt', vector('x509/inter.crt'))
  put(store, 'pki/front-proxy-ca.key', vector('x509/inter.key'))
  await reissue(store, 'front-proxy-client', {}, { ca: 'pki/front-proxy-ca' })
  put(store, 'pki/front-proxy-client.crt', read(store, 'pki/front-proxy-client.crt') + vector('x509/inter.crt'))
  put(store, 'pki/front-proxy-ca.crt', vector('x509/root.crt'))
  store.files.delete('pki/front-proxy-ca.key')
  assert.equal(written(await run(store)), [])
})

// A further host takes over what all hosts share.
const SHARED = ['pki/ca', 'pki/front-proxy-ca', 'pki/etcd/ca']
  .flatMap(base => [`${base}.key`, `${base}.crt`])
  .concat('pki/sa.key', 'pki/sa.pub')
const second = { nodeName: 'cp-2', advertiseAddress: '10.0.0.11' }

test('a further control plane: CAs and service-account keys are the same bytes, the rest is its own', async () => {
  const source = wellTree()
  const before = snapshot(source)
  const store = new MemoryStore()
  const result = await run(store, { facts: second, role: 'control-plane', source })
  for (const path of SHARED) assert.is(read(store, path), read(source, path), path)
  assert.not.ok(store.files.has('super-admin.conf'))
  assert.equal(
    paths(store),
    ALL.filter(path => path !== 'super-admin.conf'),
  )
  for (const path of ALL.filter(file => !SHARED.includes(file) && file !== 'super-admin.conf'))
    assert.is.not(read(store, path), read(source, path), path)
  for (const path of SHARED) assert.is(store.files.get(path)?.mode, /key$/.test(path) ? 0o600 : 0o644)
  assert.equal(
    result.rows.filter(({ action }) => action === 'copy').map(({ id }) => id),
    ['ca', 'front-proxy-ca', 'etcd-ca', 'sa'],
  )
  assert.equal(snapshot(source), before)
  const again = await run(store, { facts: second, role: 'control-plane', source })
  assert.equal(written(again), [])
  // Later runs need the source no more.
  assert.equal(written(await run(store, { facts: second, role: 'control-plane' })), [])
})

test('a worker: the CA certificate without its key, and its kubelet', async () => {
  const source = wellTree()
  const store = new MemoryStore()
  await run(store, { facts: second, role: 'worker', source })
  assert.equal(paths(store), ['pki/ca.crt', 'kubelet.conf'])
  const config = await parseKubeconfig(read(store, 'kubelet.conf'), context)
  assert.is(config.userName, 'system:node:cp-2')
  assert.is(config.server, 'https://api.example.org:6443')
  assert.equal(written(await run(store, { facts: second, role: 'worker', source })), [])
  assert.equal(written(await run(store, { facts: second, role: 'worker' })), [], 'the CA key is elsewhere')
})

for (const role of ['control-plane', 'worker'] as const) {
  test(`a ${role} without anything to take over is refused`, async () => {
    const error = await rejects(run(new MemoryStore(), { facts: second, role }))
    assert.is(error.code, 'KPKI_ISSUER_MISSING')
    assert.instance(error, PolicyError)
    assert.match(error.hint ?? '', '--ca-from')
  })

  test(`a ${role} with an empty source is refused, nothing is written`, async () => {
    const store = new MemoryStore()
    const error = await rejects(run(store, { facts: second, role, source: new MemoryStore() }))
    assert.is(error.code, 'KPKI_TREE_MISMATCH')
    assert.is(store.files.size, 0)
  })
}

// What is not whole cannot be taken over; each row is the source's only lack.
for (const path of ['pki/ca.crt', 'pki/front-proxy-ca.crt', 'pki/etcd/ca.crt', 'pki/sa.key']) {
  test(`a source without ${path} is refused, nothing is written`, async () => {
    const source = wellTree()
    source.files.delete(path)
    const store = new MemoryStore()
    const error = await rejects(run(store, { facts: second, role: 'control-plane', source }))
    assert.is(error.code, 'KPKI_TREE_MISMATCH')
    assert.ok(named(error).includes(path), named(error).join())
    assert.is(store.files.size, 0)
  })
}

test('a source without sa.pub: it is derived', async () => {
  const source = wellTree()
  source.files.delete('pki/sa.pub')
  const store = new MemoryStore()
  await run(store, { facts: second, role: 'control-plane', source })
  assert.is(read(store, 'pki/sa.pub'), read(wellTree(), 'pki/sa.pub'))
})

test('a source without the CA key: what it would sign is named', async () => {
  const source = wellTree()
  source.files.delete('pki/ca.key')
  const store = new MemoryStore()
  const error = await rejects(run(store, { facts: second, role: 'worker', source }))
  assert.equal(named(error), ['kubelet.conf'])
  assert.is(store.files.size, 0)
})

test('a source whose CA has expired is refused', async () => {
  const source = wellTree()
  put(source, 'pki/ca.crt', vector('x509/root-expired.crt'))
  put(source, 'pki/ca.key', vector('x509/root.key'))
  assert.is(
    (await rejects(run(new MemoryStore(), { facts: second, role: 'control-plane', source }))).code,
    'KPKI_TREE_MISMATCH',
  )
})

test('one row: its CA is read, and has to be there', async () => {
  const store = new MemoryStore()
  const error = await rejects(run(store, { rows: ['apiserver'] }))
  assert.is(error.code, 'KPKI_ISSUER_MISSING')
  assert.is(error.details['issuer'], 'ca')
  assert.is(store.files.size, 0)
  await run(store, { rows: ['ca'] })
  const result = await run(store, { rows: ['apiserver'] })
  assert.equal(written(result), ['pki/apiserver.key', 'pki/apiserver.crt'])
  assert.equal(paths(store), ['pki/ca.key', 'pki/ca.crt', 'pki/apiserver.key', 'pki/apiserver.crt'])
})

test('one row of a tree whose other rows are broken', async () => {
  const store = wellTree()
  put(store, 'pki/etcd/ca.crt', 'x')
  store.files.delete('admin.conf')
  assert.equal(written(await run(store, { rows: ['admin.conf'] })), ['admin.conf'])
})

test('a leaf never outlives its CA, and a warning says so', async () => {
  const store = new MemoryStore()
  const events: LogEvent[] = []
  await run(store, { facts: { caCertificateValidityPeriod: '24h' }, with: { log: event => void events.push(event) } })
  const end = NOW.getTime() + 86_400_000
  for (const id of Object.keys(CATALOGUE) as CertificateId[])
    assert.is(certificateIn(store, certificatePath(id)).notAfter.getTime(), end, id)
  const [admin] = (await parseKubeconfig(read(store, 'admin.conf'), context)).certificates
  assert.is(admin?.notAfter.getTime(), end)
  const warnings = events.filter(({ level }) => level === 'warning')
  assert.is(warnings.length, ROW_IDS.length - 4)
  assert.match(warnings[0]?.message ?? '', 'apiserver')
  assert.equal(codes(await plan(store)), [])
})

test('a leaf that ends with its CA needs no warning', async () => {
  const events: LogEvent[] = []
  await run(new MemoryStore(), {
    facts: { caCertificateValidityPeriod: '8760h' },
    with: { log: event => void events.push(event) },
  })
  assert.equal(
    events.filter(({ level }) => level === 'warning'),
    [],
  )
})

test('the clock is the one of the first look: a run over midnight has one moment', async () => {
  const store = new MemoryStore()
  let ticks = 0
  await run(store, { with: { clock: () => new Date(NOW.getTime() + ticks++ * 1000) } })
  const starts = new Set(
    (Object.keys(CATALOGUE) as CertificateId[]).map(id =>
      certificateIn(store, certificatePath(id)).notBefore.getTime(),
    ),
  )
  assert.is(starts.size, 1)
})

test('progress is told, from none to all', async () => {
  const events: LogEvent[] = []
  await run(new MemoryStore(), { with: { log: event => void events.push(event) } })
  const progress = events.filter(({ level }) => level === 'progress')
  assert.equal(
    progress.map(({ done }) => done),
    Array.from({ length: 17 }, (_, index) => index),
  )
  for (const { total } of progress) assert.is(total, 16)
})

test('a file that does not fit: all faults are named, nothing is written, nothing is made', async () => {
  const store = wellTree()
  put(store, 'pki/apiserver.crt', 'x')
  put(store, 'pki/sa.pub', formatPublicKey((await generateKey('ECDSA-P256', context)).spki))
  store.files.delete('admin.conf')
  const before = snapshot(store)
  const error = await rejects(
    run(store, {
      with: {
        generateKeyPair: async () => {
          throw new Error('made')
        },
      },
    }),
  )
  assert.is(error.code, 'KPKI_TREE_MISMATCH')
  assert.equal(named(error), ['pki/apiserver.crt', 'pki/sa.pub'])
  assert.equal(snapshot(store), before)
})

test('warnings alone stop nothing', async () => {
  const store = wellTree()
  await reissue(store, 'apiserver', { keyUsages: ['digitalSignature', 'keyEncipherment'] })
  store.files.delete('admin.conf')
  assert.equal(written(await run(store)), ['admin.conf'])
})

test('two runs at once: one is refused, the tree is whole', async () => {
  const store = new MemoryStore()
  const [first, late] = await Promise.allSettled([run(store), run(store)])
  assert.is(first.status, 'fulfilled')
  assert.is(late.status, 'rejected')
  assert.equal(codes(await plan(store)), [])
})

test('the lock is given back, also after a refusal', async () => {
  const store = new MemoryStore({ 'pki/ca.crt': 'x' })
  await rejects(run(store))
  await rejects(run(store, { rows: ['apiserver'], role: 'worker' }))
  await (await store.lock())()
})

/** Fails at the n-th create (from 0); `dies` means that nothing works from then on. */
function failing(store: MemoryStore, at: number, dies: boolean): Store {
  let count = 0
  let isDead = false
  const alive = async <T>(work: () => Promise<T>): Promise<T> => {
    if (isDead) throw new StoreError('KPKI_WRITE_FAILED', 'dead')
    return work()
  }
  return {
    locate: path => store.locate(path),
    read: path => alive(() => store.read(path)),
    create: (path, bytes, mode) =>
      alive(async () => {
        if (count++ === at) {
          isDead = dies
          throw new StoreError('KPKI_DISK_FULL', 'full')
        }
        await store.create(path, bytes, mode)
      }),
    takeBack: path => alive(() => store.takeBack(path)),
    prepare: () => alive(() => store.prepare()),
    // A process that dies takes its lock with it.
    lock: async () => async () => {},
  }
}

// Half a tree, so that there is something to keep: two CAs and one leaf. Rows of every kind are to be made.
const half = new MemoryStore()
const KEPT = [
  'pki/ca.key',
  'pki/ca.crt',
  'pki/front-proxy-ca.crt',
  'pki/front-proxy-ca.key',
  'pki/apiserver.key',
  'pki/apiserver.crt',
]
for (const path of KEPT) put(half, path, read(wellTree(), path))
const rows: readonly RowId[] = [
  'ca',
  'apiserver',
  'front-proxy-ca',
  'front-proxy-client',
  'etcd-ca',
  'sa',
  'scheduler.conf',
]
const WANTED = rows.flatMap(id => filesOf(id).map(({ path }) => path))
const MISSING = WANTED.length - KEPT.length

test('an error at any write is taken back, byte for byte, and is the one that is told', async () => {
  for (let at = 0; at < MISSING; at++) {
    const store = copyOf(half)
    const error = await rejects(run(failing(store, at, false), { rows }))
    assert.is(error.code, 'KPKI_DISK_FULL', `write ${at}`)
    assert.equal(snapshot(store), snapshot(half), `write ${at}`)
  }
  const whole = copyOf(half)
  await run(failing(whole, MISSING, false), { rows })
  assert.is(whole.files.size, WANTED.length)
})

test('a run that dies at any write leaves whole files, and the next run completes them', async () => {
  for (let at = 0; at < MISSING; at++) {
    const store = copyOf(half)
    assert.instance(await rejects(run(failing(store, at, true), { rows })), StoreError)
    const left = snapshot(store)
    assert.is(store.files.size, half.files.size + at)
    await run(store, { rows })
    assert.equal(paths(store).sort(), [...WANTED].sort(), `write ${at}`)
    for (const [path, text] of Object.entries(left)) assert.is(snapshot(store)[path], text, path)
    if (at % 5 === 0) assert.equal(codes(await plan(store, {}, { rows })), [], `write ${at}`)
  }
})

test('when taking back fails, too, the rest is still taken back, and the first error is told', async () => {
  const store = copyOf(half)
  const broken = failing(store, 5, false)
  const stuck: string[] = []
  const error = await rejects(
    run({
      ...broken,
      takeBack: async path => {
        if (stuck.length === 0) {
          stuck.push(path)
          throw new StoreError('KPKI_WRITE_FAILED', 'stuck')
        }
        await store.takeBack(path)
      },
    }),
  )
  assert.is(error.code, 'KPKI_DISK_FULL')
  for (const path of stuck) store.files.delete(path)
  assert.equal(snapshot(store), snapshot(half))
})

test('an error before the first write leaves nothing', async () => {
  const store = new MemoryStore()
  const prepare = async () => {
    throw new StoreError('KPKI_DIR_NOT_WRITABLE', 'no')
  }
  assert.is((await rejects(run({ ...wrap(store), prepare }))).code, 'KPKI_DIR_NOT_WRITABLE')
  assert.is(store.files.size, 0)
})

test('an interrupted run writes nothing, or takes it back', async () => {
  const store = copyOf(half)
  const error = await rejects(run(store, { signal: AbortSignal.abort() }))
  assert.is(error.code, 'KPKI_INTERRUPTED')
  assert.instance(error, WorkflowError)
  assert.equal(snapshot(store), snapshot(half))

  const controller = new AbortController()
  let count = 0
  const interrupting: Store = {
    ...wrap(store),
    create: async (path, bytes, mode) => {
      await store.create(path, bytes, mode)
      if (++count === 7) controller.abort()
    },
  }
  assert.is((await rejects(run(interrupting, { signal: controller.signal }))).code, 'KPKI_INTERRUPTED')
  assert.is(count, 7)
  assert.equal(snapshot(store), snapshot(half))
})

test('an interrupt ends the wait for keys', async () => {
  const store = copyOf(half)
  const controller = new AbortController()
  const slow = testContext({
    generateKeyPair: () => {
      controller.abort()
      return new Promise(() => {})
    },
  })
  const cluster = describe()
  const error = await rejects(
    generateTree(rowsOf(cluster, 'init'), cluster, store, slow, { signal: controller.signal }),
  )
  assert.is(error.code, 'KPKI_INTERRUPTED')
  assert.equal(snapshot(store), snapshot(half))
})

test('an interrupt after the last write comes too late', async () => {
  const store = wellTree()
  store.files.delete('admin.conf')
  const controller = new AbortController()
  const late: Store = {
    ...wrap(store),
    create: async (path, bytes, mode) => {
      await store.create(path, bytes, mode)
      controller.abort()
    },
  }
  assert.equal(written(await run(late, { signal: controller.signal })), ['admin.conf'])
  assert.ok(store.files.has('admin.conf'))
})

// The tree that kubeadm v1.20.2 made: judged as kubeadm would, and kept.
test("kubeadm's own tree is reused as it is, with warnings about what is weaker than ours", async () => {
  const store = new MemoryStore()
  const ids = ROW_IDS.filter(id => id !== 'super-admin.conf')
  for (const { path, mode } of ids.flatMap(filesOf)) {
    put(store, path, vector(`kubeadm/v1.20.2/${path}`))
    const file = store.files.get(path)
    if (file) store.files.set(path, { ...file, mode })
  }
  const before = snapshot(store)
  const facts = {
    kubernetesVersion: 'v1.20.2',
    encryptionAlgorithm: 'RSA-2048',
    apiServerCertSans: ['extra.example.org', '192.0.2.7'],
  }
  const result = await run(store, { facts, with: testContext({ clock: () => new Date('2027-01-01T00:00:00Z') }) })
  assert.equal(written(result), [])
  assert.equal(snapshot(store), before)
  const found = new Set(result.plan.findings.map(({ code }) => code))
  assert.equal(found, new Set(['serial-zero', 'serial-short', 'no-key-identifier']))
})

test.run()
