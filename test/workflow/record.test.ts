import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { encodeUtf8 } from '../../lib/crypto/bytes.js'
import { StoreError } from '../../lib/errors.js'
import {
  formatMadeEntry,
  hostPathOf,
  isAsMade,
  isPlainPath,
  type MadeEntry,
  parseRecord,
  RECORD_PATH,
  readRecord,
  record,
} from '../../lib/workflow/record.js'
import { NOW, rejects, testContext } from '../support/context.js'
import { memoryHost } from '../support/memory-host.js'

const context = testContext()
const FILE = { path: '/etc/kubernetes/manifests/etcd.yaml', mode: 0o600, bytes: encodeUtf8('kind: Pod\n') }
/** By node:crypto. */
const DIGEST = createHash('sha256').update('kind: Pod\n').digest('hex')

test('what is about to be made is a line of JSON in a file of its owner', async () => {
  const host = memoryHost()
  await record([FILE, { path: '/var/lib/etcd', mode: 0o700, type: 'directory' }], { host, context })
  assert.is((await host.look(RECORD_PATH))?.mode, 0o600)
  assert.is((await host.look('/etc/kubernetes/.kpki'))?.mode, 0o700)
  const lines = (host.text(RECORD_PATH) ?? '').trimEnd().split('\n')
  assert.equal(
    lines.map(line => JSON.parse(line)),
    [
      { v: 1, path: FILE.path, type: 'file', mode: '0600', sha256: DIGEST, by: 'init', madeAt: NOW.toISOString() },
      { v: 1, path: '/var/lib/etcd', type: 'directory', mode: '0700', by: 'init', madeAt: NOW.toISOString() },
    ],
  )
})

test('the same again is no new line; another content is', async () => {
  const host = memoryHost()
  await record([FILE], { host, context })
  const before = host.text(RECORD_PATH)
  await record([FILE], { host, context: testContext({ clock: () => new Date(+NOW + 1000) }) })
  assert.is(host.text(RECORD_PATH), before)
  await record([{ ...FILE, bytes: encodeUtf8('another') }], { host, context })
  const made = await readRecord(host)
  assert.is(made.entries.length, 2)
  assert.ok(await isAsMade(made, FILE.path, FILE.bytes, context))
  assert.ok(await isAsMade(made, FILE.path, encodeUtf8('another'), context))
  assert.not(await isAsMade(made, FILE.path, encodeUtf8('changed'), context))
  assert.not(await isAsMade(made, '/etc/kubernetes/manifests/other.yaml', FILE.bytes, context))
})

test('nothing to write down leaves no record', async () => {
  const host = memoryHost()
  await record([], { host, context })
  assert.is(host.text(RECORD_PATH), undefined)
  assert.equal(await readRecord(host), { entries: [], unreadLines: 0 })
})

test('a torn line stays on a line of its own, and is passed over', async () => {
  const host = memoryHost({ files: { [RECORD_PATH]: { content: '{"v":1,"path":"/etc/ku', mode: 0o600 } } })
  await record([FILE], { host, context })
  const made = await readRecord(host)
  assert.is(made.unreadLines, 1)
  assert.equal(
    made.entries.map(({ path }) => path),
    [FILE.path],
  )
})

test('a record that another run has changed meanwhile is read again', async () => {
  const host = memoryHost()
  await record([FILE], { host, context })
  let isFirst = true
  host.onWrite = what => {
    if (what !== 'replace' || !isFirst) return
    isFirst = false
    host.put(RECORD_PATH, { content: `${host.text(RECORD_PATH)}\n`, mode: 0o600 })
    throw new StoreError('KPKI_FILE_CHANGED', 'changed meanwhile')
  }
  await record([{ ...FILE, path: '/etc/kubernetes/x.conf' }], { host, context })
  assert.is((await readRecord(host)).entries.length, 2)
})

test('a record that cannot be written stops what was to be made', async () => {
  const host = memoryHost({
    onWrite: () => {
      throw new StoreError('KPKI_DISK_FULL', 'no space is left')
    },
  })
  assert.is((await rejects(record([FILE], { host, context }))).code, 'KPKI_DISK_FULL')
})

const VALID: MadeEntry = { ...FILE, type: 'file', sha256: DIGEST, by: 'init', madeAt: NOW }
const line = (changes: object) => JSON.stringify({ ...JSON.parse(formatMadeEntry(VALID)), ...changes })
const NO_ENTRIES: readonly [string, string][] = [
  ['no JSON', 'x'],
  ['a list', '[]'],
  ['null', 'null'],
  ['another version', line({ v: 2 })],
  ['a relative path', line({ path: 'etc/passwd' })],
  ['a path that climbs', line({ path: '/etc/kubernetes/../passwd' })],
  ['the root', line({ path: '/' })],
  ['a path with NUL', line({ path: '/etc/\0' })],
  ['an unknown type', line({ type: 'link' })],
  ['a mode that is none', line({ mode: '9999' })],
  ['a digest that is none', line({ sha256: 'abc' })],
  ['no moment', line({ madeAt: 'yesterday-ish' })],
]
for (const [name, text] of NO_ENTRIES)
  test(`a line with ${name} is no entry`, () => {
    assert.equal(parseRecord(`${text}\n`), { entries: [], unreadLines: 1 })
  })

test('what is written is read back', () => {
  const part = fc
    .string({ minLength: 1, unit: 'grapheme' })
    .filter(text => isPlainPath(`/${text}`) && !text.includes('/'))
  const entry = fc.record({
    path: fc.array(part, { minLength: 1, maxLength: 5 }).map(parts => `/${parts.join('/')}`),
    type: fc.constantFrom('file' as const, 'directory' as const),
    mode: fc.integer({ min: 0, max: 0o7777 }),
    sha256: fc.option(fc.constant(DIGEST), { nil: undefined }),
    by: fc.string(),
    madeAt: fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true }),
  })
  fc.assert(
    fc.property(fc.array(entry.map(fields => ({ ...fields }))), entries => {
      assert.equal(parseRecord(entries.map(formatMadeEntry).join('')), { entries, unreadLines: 0 })
    }),
  )
})

test('the path of a host is what is left of a place without the directory that stands for its root', () => {
  const host = { ...memoryHost(), locate: (path: string) => `/srv/host${path}` } as ReturnType<typeof memoryHost>
  assert.is(hostPathOf('/srv/host/etc/kubernetes/admin.conf', host), '/etc/kubernetes/admin.conf')
  assert.is(hostPathOf('/etc/kubernetes/admin.conf', memoryHost()), '/etc/kubernetes/admin.conf')
})

test.run()
