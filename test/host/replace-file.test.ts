/** Changing files on a disk that fails, and in runs that die: what is there afterwards is the old tree or the new one. */
import {
  chmodSync,
  chownSync,
  cpSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import fs from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { DiskStore } from '../../lib/host/disk-store.js'
import { listBackups } from '../../lib/tree/backup.js'
import { type ChangeAllOptions, changeAll } from '../../lib/tree/change-all.js'
import { finishInterrupted } from '../../lib/tree/put-back.js'
import { undoLast } from '../../lib/workflow/undo.js'
import { rejects, testContext } from '../support/context.js'
import { withFault } from '../support/faulty-disk.js'
import { skipped } from '../support/skip.js'
import { inMemoryDir as inTempDir } from '../support/temp.js'

const context = testContext()
const isRoot = process.geteuid?.() === 0
const CURRENT = 'kubelet/pki/kubelet-client-current.pem'
const DATED = 'kubelet/pki/kubelet-client-2026-01-01-00-00-00.pem'

/** A tree with one file of each kind, owners and modes of all sorts among them. */
function makeTree(tree: string): void {
  const files: readonly (readonly [path: string, mode: number, owner?: number])[] = [
    ['pki/apiserver.key', 0o600],
    ['pki/apiserver.crt', 0o644],
    ['pki/etcd/peer.key', 0o640, 1234],
    ['admin.conf', 0o604],
    [DATED, 0o600],
    ['pki/ca.crt', 0o444],
  ]
  for (const dir of ['pki/etcd', 'kubelet/pki']) mkdirSync(join(tree, dir), { recursive: true })
  for (const [path, mode, owner] of files) {
    writeFileSync(join(tree, path), `old ${path}`)
    if (owner !== undefined && isRoot) chownSync(join(tree, path), owner, owner + 1)
    chmodSync(join(tree, path), mode)
  }
  symlinkSync(DATED.slice('kubelet/pki/'.length), join(tree, CURRENT))
}

const CHANGE = [
  'pki/apiserver.key',
  'pki/apiserver.crt',
  'pki/etcd/peer.key',
  CURRENT,
  'scheduler.conf',
  'admin.conf',
].map(path => ({ path, bytes: new TextEncoder().encode(`new ${path}`), mode: 0o600 }))

/** What `apply` does. */
async function change(tree: string, options: ChangeAllOptions = {}): Promise<void> {
  const store = new DiskStore(tree)
  const release = await store.lock()
  try {
    await finishInterrupted(store, context)
    await changeAll(CHANGE, { command: 'apply', changes: [] }, store, context, options)
  } finally {
    await release()
  }
}

const undo = (tree: string) => undoLast(new DiskStore(tree), context)

/** Everything in a tree as lstat sees it, other than backups and empty directories of ours. */
function picture(tree: string): readonly string[] {
  const lines: string[] = []
  const look = (dir: string) => {
    for (const name of readdirSync(join(tree, dir)).sort()) {
      const path = join(dir, name)
      if (path === '.kpki') continue
      const stats = lstatSync(join(tree, path))
      const { mode, uid, gid } = stats
      const is = stats.isDirectory() ? '' : stats.isSymbolicLink() ? readlinkSync(join(tree, path)) : undefined
      lines.push(`${path} ${mode.toString(8)} ${uid}:${gid} ${is ?? readFileSync(join(tree, path), 'utf8')}`)
      if (stats.isDirectory()) look(path)
    }
  }
  look('')
  return lines
}

/** The locks of this process, which goes on living after the death of the run. */
function unlock(tree: string): void {
  for (const lock of ['.kpki.lock', '.kpki.lock.break', 'pki/.kpki.lock', 'pki/.kpki.lock.break'])
    rmSync(join(tree, lock), { force: true })
}

const isLitter = (line: string) => /^(\S*\/)?\.\S*kpki-tmp-|\.kpki\.lock/.test(line)
const clean = (tree: string) => picture(tree).filter(line => !isLitter(line))

/** A tree before and after the change. */
async function pictures(
  dir: string,
): Promise<{ readonly before: readonly string[]; readonly after: readonly string[] }> {
  const tree = join(dir, 'model')
  makeTree(tree)
  const before = picture(tree)
  await change(tree)
  const after = picture(tree)
  rmSync(tree, { recursive: true })
  return { before, after }
}

test(
  'modes, owners and links stay; what is replaced comes back with them',
  inTempDir(async dir => {
    const { before, after } = await pictures(dir)
    const access = (lines: readonly string[]) => lines.map(line => line.split(' ').slice(0, 3).join(' '))
    assert.equal(
      access(after).filter(line => !line.startsWith('scheduler.conf')),
      access(before),
    )
    assert.ok(after.some(line => line.startsWith('scheduler.conf 100600 ')))
    assert.is(after.filter(line => line.includes(' new ')).length, CHANGE.length)
    assert.ok(after.some(line => line.startsWith(`${DATED} `) && line.endsWith(`new ${CURRENT}`)))
    const tree = join(dir, 'tree')
    makeTree(tree)
    await change(tree)
    await undo(tree)
    assert.equal(picture(tree), before)
  }),
)

test(
  'one fault at every third call: the old tree after an error, the new one after none',
  inTempDir(async dir => {
    const { before, after } = await pictures(dir)
    const counted = join(dir, 'counted')
    makeTree(counted)
    const { calls } = await withFault(-1, () => change(counted), { cleanUp: true })
    assert.ok(calls > CHANGE.length * 8, `only ${calls} calls`)
    for (let n = 0; n < calls; n += 3) {
      const tree = join(dir, `tree-${n}`)
      makeTree(tree)
      const { error } = await withFault(n, () => change(tree), { cleanUp: true })
      const is = clean(tree)
      // A fault in the last clean-up comes after the change: that is then in effect.
      const isDone = error !== undefined && is.some(line => line.includes(' new '))
      assert.equal(is, error === undefined || isDone ? after : before, `call ${n}: ${error}`)
      unlock(tree)
      if (isDone || error === undefined) await undo(tree)
      else await change(tree).then(() => undo(tree))
      assert.equal(clean(tree), before, `call ${n}: and back`)
      rmSync(tree, { recursive: true })
    }
  }),
)

test(
  'death at any call: the next run makes it the new tree, undo the old one, and no secret is open meanwhile',
  inTempDir(async dir => {
    const { before, after } = await pictures(dir)
    const counted = join(dir, 'counted')
    makeTree(counted)
    const { calls } = await withFault(-1, () => change(counted), { cleanUp: true })
    let [begun, mixed] = [0, 0]
    for (let n = 0; n < calls; n++) {
      const tree = join(dir, `tree-${n}`)
      makeTree(tree)
      await withFault(n, () => change(tree), {
        forEver: true,
        cleanUp: true,
        after: () => {
          for (const line of picture(tree)) {
            const [path = '', mode = ''] = line.split(' ')
            // As open as the file that it is to replace, and no more: that one is open to others by somebody's choice.
            if (isLitter(line) && /\.key|pem/.test(path)) assert.is(Number.parseInt(mode, 8) & 0o007, 0, line)
          }
        },
      })
      const olds = clean(tree).filter(line => line.includes(' old ')).length
      if (olds > 1 && olds < 6) mixed++
      unlock(tree)
      const other = `${tree}-undo`
      cpSync(tree, other, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true })
      if (isRoot) for (const copy of ['pki/etcd/peer.key']) chownSync(join(other, copy), 1234, 1235)
      await change(tree)
      assert.equal(picture(tree), after, `call ${n}`)
      await undo(tree)
      assert.equal(picture(tree), before, `call ${n}: and back`)
      await undo(other).then(
        () => begun++,
        error => assert.is(error.code, 'KPKI_NOTHING_TO_UNDO', `call ${n}: ${error.stack}`),
      )
      assert.equal(picture(other), before, `call ${n}: undone`)
      for (const made of [tree, other]) rmSync(made, { recursive: true })
    }
    assert.ok(begun > 10 && mixed >= CHANGE.length - 1, `${begun} begun, ${mixed} half-changed of ${calls}`)
  }),
)

test(
  'death of an undo at any call: the next undo completes it, or the next change begins with that',
  inTempDir(async dir => {
    const { before, after } = await pictures(dir)
    const model = join(dir, 'model')
    makeTree(model)
    await change(model)
    const copy = (to: string) => {
      makeTree(to)
      return change(to)
    }
    const { calls } = await withFault(-1, () => undo(model), { cleanUp: true })
    assert.ok(calls > 20, `only ${calls} calls`)
    let mixed = 0
    for (let n = 0; n < calls; n++) {
      const tree = join(dir, `tree-${n}`)
      await copy(tree)
      await withFault(n, () => undo(tree), { forEver: true, cleanUp: true })
      unlock(tree)
      const olds = clean(tree).filter(line => line.includes(' old ')).length
      if (olds > 1 && olds < 6) mixed++
      if (n % 2 === 0) {
        await undo(tree).catch(error => assert.is(error.code, 'KPKI_NOTHING_TO_UNDO', `call ${n}: ${error.stack}`))
        assert.equal(picture(tree), before, `call ${n}`)
      } else {
        await change(tree)
        assert.equal(picture(tree), after, `call ${n}`)
        await undo(tree)
        assert.equal(picture(tree), before, `call ${n}: and back`)
      }
      rmSync(tree, { recursive: true })
    }
    assert.ok(mixed >= CHANGE.length - 2, `${mixed} half-changed`)
  }),
)

test(
  'one fault at every third call of an undo: the new tree after an error',
  inTempDir(async dir => {
    const { before, after } = await pictures(dir)
    const model = join(dir, 'model')
    makeTree(model)
    await change(model)
    const { calls } = await withFault(-1, () => undo(model), { cleanUp: true })
    for (let n = 1; n < calls; n += 3) {
      const tree = join(dir, `tree-${n}`)
      makeTree(tree)
      await change(tree)
      const { error } = await withFault(n, () => undo(tree), { cleanUp: true })
      const is = clean(tree)
      const isDone = error !== undefined && is.every(line => !line.includes(' new '))
      assert.equal(is, error === undefined || isDone ? before : after, `call ${n}: ${error}`)
      unlock(tree)
      if (error !== undefined && !isDone) {
        const { backups } = await listBackups(new DiskStore(tree))
        assert.equal([backups.length, backups[0]?.state], [1, 'done'], `call ${n}: nothing says that it is not whole`)
        await undo(tree)
      }
      assert.equal(clean(tree), before, `call ${n}: then`)
      rmSync(tree, { recursive: true })
    }
  }),
)

test(
  'killed, and killed again while that is taken back, at some of all pairs',
  inTempDir(async dir => {
    const { before, after } = await pictures(dir)
    const counted = join(dir, 'counted')
    makeTree(counted)
    const { calls } = await withFault(-1, () => change(counted), { cleanUp: true })
    for (let first = Math.floor(calls / 2); first < calls; first += 11) {
      for (let second = 0; second < calls; second += 17) {
        const tree = join(dir, `tree-${first}-${second}`)
        makeTree(tree)
        await withFault(first, () => change(tree), { forEver: true, cleanUp: true })
        unlock(tree)
        await withFault(second, () => change(tree), { forEver: true, cleanUp: true })
        unlock(tree)
        await change(tree)
        assert.equal(picture(tree), after, `${first}, then ${second}`)
        for (;;) {
          const error = await undo(tree).then(
            () => undefined,
            failure => failure,
          )
          if (error?.code === 'KPKI_NOTHING_TO_UNDO') break
          assert.is(error, undefined, `${first}, then ${second}: ${error?.stack}`)
        }
        assert.equal(picture(tree), before, `${first}, then ${second}: and back`)
        rmSync(tree, { recursive: true })
      }
    }
  }),
)

test(
  'backups are closed to others',
  inTempDir(async dir => {
    makeTree(join(dir, 'tree'))
    const before = process.umask(0)
    try {
      await change(join(dir, 'tree'))
    } finally {
      process.umask(before)
    }
    const own = join(dir, 'tree/.kpki')
    const modes = (path: string): number[] =>
      [path, ...readdirSync(path, { recursive: true, encoding: 'utf8' }).map(name => join(path, name))]
        .map(name => lstatSync(name))
        .filter(stats => stats.isDirectory())
        .map(({ mode }) => mode & 0o777)
    assert.equal([...new Set(modes(own))], [0o700])
  }),
)

/** Runs a change while something happens just before its first rename. */
async function meanwhile(tree: string, happens: () => void): Promise<{ readonly code: string }> {
  return rejects(change(tree, { check: async () => happens() }))
}

const MEANWHILE: readonly (readonly [name: string, happens: (tree: string) => void, code: string])[] = [
  ['is written to', tree => writeFileSync(join(tree, 'pki/apiserver.crt'), 'theirs'), 'KPKI_FILE_CHANGED'],
  ['is removed', tree => rmSync(join(tree, 'pki/apiserver.crt')), 'KPKI_FILE_CHANGED'],
  ['gets another mode', tree => chmodSync(join(tree, 'admin.conf'), 0o600), 'KPKI_FILE_CHANGED'],
  ['is made', tree => writeFileSync(join(tree, 'scheduler.conf'), 'theirs'), 'KPKI_FILE_EXISTS'],
  ['is locked by kubectl', tree => writeFileSync(join(tree, 'admin.conf.lock'), ''), 'KPKI_LOCKED'],
  [
    'is rotated by the kubelet',
    tree => {
      writeFileSync(join(tree, 'kubelet/pki/next.pem'), 'next')
      rmSync(join(tree, CURRENT))
      symlinkSync('next.pem', join(tree, CURRENT))
    },
    'KPKI_FILE_CHANGED',
  ],
]
for (const [name, happens, code] of MEANWHILE) {
  test(
    `a file ${name} by somebody else meanwhile: noticed, and everything else as it was`,
    inTempDir(async dir => {
      const tree = join(dir, 'tree')
      makeTree(tree)
      const theirs = join(dir, 'theirs')
      makeTree(theirs)
      happens(theirs)
      assert.is((await meanwhile(tree, () => happens(tree))).code, code)
      assert.equal(picture(tree), picture(theirs))
      assert.not.ok(readdirSync(tree).includes('.kpki'))
    }),
  )
}

test(
  'a link out of its directory is not replaced, nor what is behind it',
  inTempDir(async dir => {
    for (const target of [join(dir, 'away.key'), '../elsewhere.key']) {
      const tree = join(dir, 'tree')
      makeTree(tree)
      writeFileSync(join(dir, 'away.key'), 'away')
      writeFileSync(join(tree, 'elsewhere.key'), 'elsewhere')
      rmSync(join(tree, 'pki/apiserver.key'))
      symlinkSync(target, join(tree, 'pki/apiserver.key'))
      const before = picture(tree)
      assert.match((await rejects(change(tree))).code, /KPKI_FILE_(NOT_REGULAR|OUTSIDE)/)
      assert.equal(picture(tree), before)
      assert.is(readFileSync(join(dir, 'away.key'), 'utf8'), 'away')
      rmSync(tree, { recursive: true })
    }
  }),
)

test(
  'without hard links a copy serves, and comes back with mode and owner',
  inTempDir(async dir => {
    const { before } = await pictures(dir)
    const tree = join(dir, 'tree')
    makeTree(tree)
    const { link, rename } = fs
    let renames = 0
    Object.assign(fs, {
      link: async () => Promise.reject(Object.assign(new Error('no'), { code: 'EPERM' })),
      rename: async (from: string, to: string) => {
        if (to === join(tree, 'admin.conf') && renames++ === 0)
          throw Object.assign(new Error('mounted'), { code: 'EBUSY' })
        return rename(from, to)
      },
    })
    try {
      const error = await rejects(change(tree))
      assert.is(error.code, 'KPKI_WRITE_FAILED')
      assert.match(error.hint ?? '', 'mount its folder')
    } finally {
      Object.assign(fs, { link, rename })
    }
    assert.equal(clean(tree), before)
  }),
)

test(
  'a file with another name elsewhere is replaced by itself: the other name keeps the old one',
  inTempDir(async dir => {
    const tree = join(dir, 'tree')
    makeTree(tree)
    linkSync(join(tree, 'admin.conf'), join(dir, 'config'))
    await change(tree)
    assert.is(readFileSync(join(dir, 'config'), 'utf8'), 'old admin.conf')
  }),
)

if (isRoot) {
  test(
    'who is not root replaces no file of another user',
    inTempDir(async dir => {
      const tree = join(dir, 'tree')
      makeTree(tree)
      const { geteuid } = process
      const store = new DiskStore(tree)
      const old = await store.read('pki/etcd/peer.key')
      assert.ok(old)
      Object.assign(process, { geteuid: () => 4321 })
      try {
        const error = await rejects(
          store.stageReplacement('pki/etcd/peer.key', old, { bytes: new Uint8Array(), mode: 0o600 }),
        )
        assert.is(error.code, 'KPKI_FILE_FOREIGN')
      } finally {
        Object.assign(process, { geteuid })
      }
    }),
  )
} else {
  skipped.push('files of another user (needs root)')
  test.skip('who is not root replaces no file of another user')
}

test.run()
