import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { DiskStore } from '../../lib/host/disk-store.js'
import { BACKUPS, listBackups } from '../../lib/tree/backup.js'
import { changeAll } from '../../lib/tree/change-all.js'
import { assertFinished, finishInterrupted } from '../../lib/tree/put-back.js'
import { MemoryStore, type Store } from '../../lib/tree/store.js'
import { undoLast } from '../../lib/workflow/undo.js'
import { NOW, rejects, testContext } from '../support/context.js'
import { inTempDir } from '../support/temp.js'

const context = testContext()
const bytes = (text: string) => new TextEncoder().encode(text)
const RECORD = { command: 'apply', changes: ['apiserver: reissue, keep key'] }
const file = (path: string, content: string, mode = 0o600) => ({ path, bytes: bytes(content), mode })

/** What a tree holds, backups aside. */
async function contents(store: Store, paths: readonly string[]): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const path of paths) {
    const is = await store.read(path)
    if (is) found[path] = `${(is.mode ?? 0).toString(8)} ${new TextDecoder().decode(is.bytes)}`
  }
  return found
}

const PATHS = ['pki/ca.crt', 'pki/apiserver.crt', 'pki/apiserver.key', 'admin.conf', 'pki/etcd/peer.crt']
const BEFORE = {
  'pki/ca.crt': '644 ca',
  'pki/apiserver.crt': '644 old certificate',
  'pki/apiserver.key': '400 old key',
  'admin.conf': '640 old conf',
}
const CHANGE = [
  file('pki/apiserver.key', 'new key'),
  file('pki/apiserver.crt', 'new certificate', 0o644),
  file('pki/etcd/peer.crt', 'new peer', 0o644),
  file('admin.conf', 'new conf'),
  file('pki/ca.crt', 'ca', 0o644),
]
/** Modes of what was there stay. */
const AFTER = {
  'pki/ca.crt': '644 ca',
  'pki/apiserver.crt': '644 new certificate',
  'pki/apiserver.key': '400 new key',
  'admin.conf': '640 new conf',
  'pki/etcd/peer.crt': '644 new peer',
}

const STORES: readonly (readonly [name: string, make: (dir: string) => Store])[] = [
  ['in memory', () => new MemoryStore()],
  ['on disk', dir => new DiskStore(join(dir, 'tree'))],
]
for (const [where, make] of STORES) {
  const withTree = (work: (store: Store) => Promise<void>) =>
    inTempDir(async dir => {
      const store = make(dir)
      for (const [path, content] of Object.entries(BEFORE)) {
        const [mode = '', text = ''] = /^(\d+) (.*)$/.exec(content)?.slice(1) ?? []
        await store.create(path, bytes(text), Number.parseInt(mode, 8))
      }
      await work(store)
    })

  test(
    `${where}: what is replaced keeps its mode, what is new has the given one, and undo puts all back`,
    withTree(async store => {
      const backup = await changeAll(CHANGE, RECORD, store, context)
      assert.equal(await contents(store, PATHS), AFTER)
      assert.is(backup?.name, '2026-06-01T12-00-00Z')
      assert.equal([backup?.command, backup?.changes], ['apply', RECORD.changes])
      // What is as it should be is no change.
      assert.equal(
        backup?.files.map(({ path, old }) => [path, old?.mode]),
        [
          ['pki/apiserver.key', 0o400],
          ['pki/apiserver.crt', 0o644],
          ['pki/etcd/peer.crt', undefined],
          ['admin.conf', 0o640],
        ],
      )
      const { backup: undone, files } = await undoLast(store, context)
      assert.is(undone.name, backup?.name)
      assert.equal(
        files.map(({ path, action }) => [path, action]),
        [
          ['pki/apiserver.key', 'restored'],
          ['pki/apiserver.crt', 'restored'],
          ['pki/etcd/peer.crt', 'removed'],
          ['admin.conf', 'restored'],
        ],
      )
      assert.equal(await contents(store, PATHS), BEFORE)
      assert.is((await rejects(undoLast(store, context))).code, 'KPKI_NOTHING_TO_UNDO')
    }),
  )

  test(
    `${where}: old and new are in the backup, where a copy by hand brings them back, too`,
    withTree(async store => {
      const backup = await changeAll(CHANGE, RECORD, store, context)
      const dir = `${BACKUPS}/${backup?.name}`
      assert.equal(
        await contents(
          store,
          PATHS.map(path => `${dir}/old/${path}`),
        ),
        {
          [`${dir}/old/pki/apiserver.crt`]: '644 old certificate',
          [`${dir}/old/pki/apiserver.key`]: '400 old key',
          [`${dir}/old/admin.conf`]: '640 old conf',
        },
      )
      await undoLast(store, context)
      assert.equal(
        await contents(
          store,
          PATHS.map(path => `${dir}/new/${path}`),
        ),
        {
          [`${dir}/new/pki/apiserver.crt`]: '644 new certificate',
          [`${dir}/new/pki/apiserver.key`]: '400 new key',
          [`${dir}/new/pki/etcd/peer.crt`]: '644 new peer',
          [`${dir}/new/admin.conf`]: '640 new conf',
        },
      )
    }),
  )

  test(
    `${where}: a second undo takes back the change before, whatever the clock says`,
    withTree(async store => {
      const earlier = testContext({ clock: () => new Date(+NOW - 86_400_000) })
      await changeAll([file('admin.conf', 'first')], RECORD, store, context)
      await changeAll([file('admin.conf', 'second')], RECORD, store, earlier)
      await changeAll([file('admin.conf', 'third')], RECORD, store, earlier)
      const seen: string[] = []
      for (let turn = 0; turn < 3; turn++) {
        seen.push((await undoLast(store, context)).backup.name)
        seen.push((await contents(store, ['admin.conf']))['admin.conf'] ?? '')
      }
      assert.equal(seen, [
        ...['2026-05-31T12-00-00Z-2', '640 second'],
        ...['2026-05-31T12-00-00Z', '640 first'],
        ...['2026-06-01T12-00-00Z', '640 old conf'],
      ])
      assert.equal(
        (await listBackups(store)).backups.map(({ state }) => state),
        ['undone', 'undone', 'undone'],
      )
    }),
  )

  test(
    `${where}: nothing to change makes no backup`,
    withTree(async store => {
      assert.is(await changeAll([file('pki/ca.crt', 'ca')], RECORD, store, context), undefined)
      assert.equal(await store.names?.('.kpki'), [])
    }),
  )

  test(
    `${where}: what was changed since is not written over: named, nothing put back, and the rest on demand`,
    withTree(async store => {
      await changeAll(CHANGE, RECORD, store, context)
      await store.takeBack('admin.conf')
      await store.create('admin.conf', bytes('theirs'), 0o600)
      await store.takeBack('pki/etcd/peer.crt')
      await store.create('pki/etcd/peer.crt', bytes('theirs'), 0o600)
      const before = await contents(store, PATHS)
      const error = await rejects(undoLast(store, context))
      assert.is(error.code, 'KPKI_UNDO_CONFLICT')
      assert.equal((error.details['findings'] as readonly string[]).length, 2)
      assert.match(error.message, /peer\.crt \(and 1 more\) was changed/)
      assert.equal(await contents(store, PATHS), before)
      const { files } = await undoLast(store, context, { keepChanged: true })
      assert.equal(
        files.map(({ action }) => action),
        ['restored', 'restored', 'kept', 'kept'],
      )
      assert.equal(await contents(store, PATHS), {
        ...BEFORE,
        'admin.conf': '600 theirs',
        'pki/etcd/peer.crt': '600 theirs',
      })
    }),
  )

  test(
    `${where}: a dry undo says what it would do and does nothing`,
    withTree(async store => {
      await changeAll(CHANGE, RECORD, store, context)
      const { files } = await undoLast(store, context, { dryRun: true })
      assert.is(files.filter(({ action }) => action === 'restored').length, 3)
      assert.equal(await contents(store, PATHS), AFTER)
      assert.is((await undoLast(store, context)).files.length, 4)
    }),
  )

  test(
    `${where}: what the check or the signal stops leaves nothing behind`,
    withTree(async store => {
      const stale = new Error('stale')
      const check = () => Promise.reject(stale)
      await changeAll(CHANGE, RECORD, store, context, { check }).then(
        () => assert.unreachable(),
        error => assert.is(error, stale),
      )
      const signal = AbortSignal.abort()
      assert.is((await rejects(changeAll(CHANGE, RECORD, store, context, { signal }))).code, 'KPKI_INTERRUPTED')
      assert.equal(await contents(store, PATHS), BEFORE)
      assert.equal(await store.names?.(BACKUPS), [])
    }),
  )

  test(
    `${where}: a backup that was tampered with is not put back`,
    withTree(async store => {
      const backup = await changeAll(CHANGE, RECORD, store, context)
      const copy = `${BACKUPS}/${backup?.name}/old/pki/apiserver.key`
      await store.takeBack(copy)
      assert.is((await rejects(undoLast(store, context))).code, 'KPKI_BACKUP_INVALID')
      await store.create(copy, bytes('another key'), 0o600)
      assert.is((await rejects(undoLast(store, context))).code, 'KPKI_BACKUP_INVALID')
      assert.equal(await contents(store, PATHS), AFTER)
      const manifest = `${BACKUPS}/${backup?.name}/manifest.json`
      await store.takeBack(manifest)
      await store.create(manifest, bytes('{}'), 0o600)
      assert.is((await rejects(undoLast(store, context))).code, 'KPKI_BACKUP_INVALID')
      // It stands in nobody's way otherwise.
      await assertFinished(store)
      assert.equal(await finishInterrupted(store, context), [])
      assert.ok(await changeAll([file('admin.conf', 'next')], RECORD, store, context))
      await store.create(`${BACKUPS}/${backup?.name}/unfinished`, bytes(''), 0o600)
      assert.is((await rejects(assertFinished(store))).code, 'KPKI_BACKUP_INVALID')
    }),
  )

  test(
    `${where}: somebody else's directory among the backups stays`,
    withTree(async store => {
      await store.create(`${BACKUPS}/my-own/notes`, bytes('mine'), 0o600)
      await store.create(`${BACKUPS}/2020-01-01T00-00-00Z/notes`, bytes('mine'), 0o600)
      await finishInterrupted(store, context)
      await changeAll(CHANGE, RECORD, store, context)
      await undoLast(store, context)
      for (const dir of ['my-own', '2020-01-01T00-00-00Z']) assert.ok(await store.read(`${BACKUPS}/${dir}/notes`))
    }),
  )
}

test.run()
