/** No certificate without its line: what a run writes into the ledger, and when. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { StoreError } from '../../lib/errors.js'
import { rowsOf } from '../../lib/kubernetes/catalogue.js'
import { LEDGER_PATH, parseLedger } from '../../lib/tree/ledger.js'
import { MemoryStore, type Store } from '../../lib/tree/store.js'
import { type GenerateOptions, generateTree } from '../../lib/workflow/generate.js'
import { context, describe, snapshot, wellTree } from '../audit/tree.js'
import { rejects } from '../support/context.js'

const cluster = describe()
const run = (store: Store, options: GenerateOptions = {}) =>
  generateTree(rowsOf(cluster, 'init'), cluster, store, context, options)
const purposes = (store: MemoryStore) =>
  parseLedger(new TextDecoder().decode(store.files.get(LEDGER_PATH)?.bytes)).entries.map(({ purpose }) => purpose)
/** A well tree that lacks two certificates. */
function lacking(): MemoryStore {
  const store = wellTree()
  for (const path of ['pki/apiserver.crt', 'admin.conf']) store.files.delete(path)
  return store
}
const full = () => Promise.reject(new StoreError('KPKI_DISK_FULL', 'full'))
/** The same store with some calls of its own. */
const withCalls = (store: MemoryStore, calls: Partial<Store>): Store => ({
  locate: path => store.locate(path),
  read: path => store.read(path),
  create: (path, bytes, mode) => store.create(path, bytes, mode),
  append: (path, bytes, mode) => store.append(path, bytes, mode),
  takeBack: path => store.takeBack(path),
  prepare: () => store.prepare(),
  lock: () => store.lock(),
  ...calls,
})

test('a line per certificate, in the order in which they are signed; none for service-account keys', () =>
  assert.equal(
    purposes(wellTree()),
    rowsOf(cluster, 'init').filter(id => id !== 'sa'),
  ))

test('what is copied was not signed', async () => {
  const store = new MemoryStore()
  const host = describe({ nodeName: 'cp-2', advertiseAddress: '10.0.0.11' })
  await generateTree(rowsOf(host, 'worker'), host, store, context, { role: 'worker', source: wellTree() })
  assert.equal(purposes(store), ['kubelet.conf'])
})

test('lines are added behind those that are there, before the first file has its name', async () => {
  const store = lacking()
  const before = purposes(store)
  const seen: number[] = []
  const create: Store['create'] = (path, bytes, mode) => {
    seen.push(purposes(store).length)
    return store.create(path, bytes, mode)
  }
  await run(withCalls(store, { create }))
  assert.equal(purposes(store), [...before, 'apiserver', 'admin.conf'])
  assert.equal(seen, [before.length + 2, before.length + 2])
})

test('a ledger that cannot be written: nothing else is', async () => {
  for (const store of [lacking(), new MemoryStore()]) {
    const before = snapshot(store)
    const error = await rejects(run(withCalls(store, { append: full })))
    assert.is(error.code, 'KPKI_DISK_FULL')
    assert.equal(snapshot(store), before)
  }
})

test('a run that fails takes its files back, and a ledger that is as new; older ones keep their lines', async () => {
  const old = lacking()
  const before = snapshot(old)
  const count = purposes(old).length
  let left = 1
  const create =
    (store: MemoryStore): Store['create'] =>
    (path, bytes, mode) =>
      left-- > 0 ? store.create(path, bytes, mode) : full()
  assert.is((await rejects(run(withCalls(old, { create: create(old) })))).code, 'KPKI_DISK_FULL')
  assert.is(purposes(old).length, count + 2)
  assert.equal({ ...snapshot(old), [LEDGER_PATH]: '' }, { ...before, [LEDGER_PATH]: '' })
  left = 3
  const empty = new MemoryStore()
  assert.is((await rejects(run(withCalls(empty, { create: create(empty) })))).code, 'KPKI_DISK_FULL')
  assert.is(empty.files.size, 0)
  // A certificate that cannot be taken back keeps its line.
  left = 3
  const stuck = new MemoryStore()
  const takeBack: Store['takeBack'] = path => (path === 'pki/ca.crt' ? full() : stuck.takeBack(path))
  assert.is((await rejects(run(withCalls(stuck, { create: create(stuck), takeBack })))).code, 'KPKI_DISK_FULL')
  assert.equal([...stuck.files.keys()], [LEDGER_PATH, 'pki/ca.crt'])
})

test('an interrupt before the first file leaves the ledger as it was', async () => {
  const store = lacking()
  const before = snapshot(store)
  const controller = new AbortController()
  const prepare = async () => controller.abort()
  const error = await rejects(run(withCalls(store, { prepare }), { signal: controller.signal }))
  assert.is(error.code, 'KPKI_INTERRUPTED')
  assert.equal(snapshot(store), before)
})

test('a dry run makes sure that the ledger could be written, and writes nothing; without signing it is not asked for', async () => {
  const asked: string[] = []
  const note = (store: MemoryStore) =>
    withCalls(store, { prepare: async paths => void asked.push(...paths.filter(path => path === LEDGER_PATH)) })
  const store = lacking()
  const before = snapshot(store)
  await run(note(store), { dryRun: true })
  assert.equal(asked.splice(0), [LEDGER_PATH])
  assert.equal(snapshot(store), before)
  await run(note(lacking()), { ledger: false })
  await run(note(wellTree()))
  const withoutPub = wellTree()
  withoutPub.files.delete('pki/sa.pub')
  await run(note(withoutPub))
  assert.equal(asked, [])
})

test('without a ledger none is made, and one that is there is left alone', async () => {
  const store = new MemoryStore()
  await run(store, { ledger: false })
  assert.not.ok(store.files.has(LEDGER_PATH))
  const old = lacking()
  const before = snapshot(old)[LEDGER_PATH]
  await run(old, { ledger: false })
  assert.is(snapshot(old)[LEDGER_PATH], before)
})

test.run()
