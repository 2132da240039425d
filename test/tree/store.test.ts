import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { StoreError } from '../../lib/errors.js'
import { MemoryStore } from '../../lib/tree/store.js'
import { rejects } from '../support/context.js'

const bytes = (text: string) => new TextEncoder().encode(text)
const text = async (store: MemoryStore, path: string) => new TextDecoder().decode((await store.read(path))?.bytes)

test('a file that is not there is undefined', async () =>
  assert.is(await new MemoryStore().read('pki/ca.crt'), undefined))

test('what is created is read, with its mode', async () => {
  const store = new MemoryStore()
  await store.create('pki/ca.crt', bytes('a'), 0o644)
  assert.is(await text(store, 'pki/ca.crt'), 'a')
  const file = await store.read('pki/ca.crt')
  assert.is(file?.mode, 0o644)
  assert.is(file?.owner, 'trusted')
})

test('nothing is written over', async () => {
  const store = new MemoryStore({ 'pki/ca.crt': 'a' })
  const error = await rejects(store.create('pki/ca.crt', bytes('b'), 0o644))
  assert.is(error.code, 'KPKI_FILE_EXISTS')
  assert.instance(error, StoreError)
  assert.is(error.details['path'], 'pki/ca.crt')
  assert.is(await text(store, 'pki/ca.crt'), 'a')
})

test('nobody holds the bytes that are kept', async () => {
  const given = bytes('abc')
  const initial = bytes('xyz')
  const store = new MemoryStore({ b: initial })
  await store.create('a', given, 0o600)
  given[0] = 0
  initial[0] = 0
  const handed = await store.read('a')
  handed?.bytes.fill(0)
  assert.is(await text(store, 'a'), 'abc')
  assert.is(await text(store, 'b'), 'xyz')
})

test('what is taken back is gone, and can be created again', async () => {
  const store = new MemoryStore()
  await store.create('a', bytes('1'), 0o600)
  await store.takeBack('a')
  assert.is(await store.read('a'), undefined)
  await store.create('a', bytes('2'), 0o600)
  assert.is(await text(store, 'a'), '2')
  await store.takeBack('never there')
})

test('one run at a time', async () => {
  const store = new MemoryStore()
  const release = await store.lock()
  assert.is((await rejects(store.lock())).code, 'KPKI_LOCKED')
  await release()
  await (await store.lock())()
})

test('names that objects have of their own are no files', async () => {
  const store = new MemoryStore()
  for (const path of ['constructor', '__proto__', 'toString']) assert.is(await store.read(path), undefined)
})

test('paths are found as they are', () => assert.is(new MemoryStore().locate('pki/ca.crt'), 'pki/ca.crt'))

test.run()
