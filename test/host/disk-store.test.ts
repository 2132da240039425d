import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import fs from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createNodeContext, generateNodeKeyPair } from '../../lib/host/context.js'
import { DiskStore } from '../../lib/host/disk-store.js'
import { readRegularFile } from '../../lib/host/files.js'
import { rowsOf } from '../../lib/kubernetes/catalogue.js'
import { parseCluster } from '../../lib/kubernetes/cluster.js'
import { filesOf } from '../../lib/tree/layout.js'
import { LEDGER_PATH } from '../../lib/tree/ledger.js'
import { generateTree } from '../../lib/workflow/generate.js'
import { NOW, rejects, testContext } from '../support/context.js'
import { withFault } from '../support/faulty-disk.js'
import { skipped } from '../support/skip.js'
import { inTempDir, snapshot } from '../support/temp.js'

const context = createNodeContext({ clock: () => NOW, crypto: testContext().crypto })
const cluster = parseCluster(
  { nodeName: 'cp-1', advertiseAddress: '10.0.0.10', encryptionAlgorithm: 'ECDSA-P256' },
  context,
)
const rows = rowsOf(cluster, 'init')
const generate = (dir: string) => generateTree(rows, cluster, new DiskStore(dir), context)
const ALL_FILES = rows.flatMap(filesOf)
/** One row of each kind, with keys that are ready: what the loops over every call are run on. */
const FEW = ['ca', 'apiserver', 'sa', 'admin.conf'] as const
const FEW_FILES = FEW.flatMap(filesOf)
const pair = await generateNodeKeyPair({ name: 'ECDSA', namedCurve: 'P-256' })
const quick = { ...context, generateKeyPair: async () => pair }
const generateFew = (dir: string) => generateTree(FEW, cluster, new DiskStore(dir), quick)
const isRoot = process.geteuid?.() === 0

test(
  'writes every file with its mode, directories 0755, nothing else',
  inTempDir(async dir => {
    const tree = join(dir, 'tree')
    await generate(tree)
    const expected = new Map<string, number>([
      ['pki', 0o755],
      ['pki/etcd', 0o755],
      [LEDGER_PATH, 0o600],
    ])
    for (const { path, mode } of ALL_FILES) expected.set(path, mode)
    assert.equal(
      [...snapshot(tree)].map(([path, { mode }]) => [path, mode]),
      [...expected].sort(([a], [b]) => (a < b ? -1 : 1)),
    )
    assert.is(statSync(tree).mode & 0o7777, 0o755)
  }),
)

test(
  'the umask neither opens nor closes anything',
  inTempDir(async dir => {
    for (const mask of [0o000, 0o077]) {
      const tree = join(dir, mask.toString(8))
      const before = process.umask(mask)
      try {
        await generate(tree)
      } finally {
        process.umask(before)
      }
      for (const { path, mode } of ALL_FILES) assert.is(statSync(join(tree, path)).mode & 0o7777, mode, path)
    }
  }),
)

test(
  'certificates and kubeconfigs may be in directories of their own',
  inTempDir(async dir => {
    const store = new DiskStore(join(dir, 'unused'), { certDir: join(dir, 'certs'), kubeconfigDir: join(dir, 'conf') })
    await generateTree(rows, cluster, store, context)
    assert.ok(existsSync(join(dir, 'certs/etcd/server.key')))
    assert.ok(existsSync(join(dir, 'conf/admin.conf')))
    assert.not.ok(existsSync(join(dir, 'unused')))
  }),
)

test(
  'one fault at any call: the run is taken back to the last byte',
  inTempDir(async dir => {
    const { calls } = await withFault(-1, () => generateFew(join(dir, 'counted')))
    assert.ok(calls > FEW_FILES.length * 5, `only ${calls} calls`)
    for (let n = 0; n < calls; n++) {
      const tree = join(dir, `tree-${n}`)
      mkdirSync(tree)
      writeFileSync(join(tree, 'other.txt'), 'not ours')
      const { error } = await withFault(n, () => generateFew(tree))
      const left = [...snapshot(tree).keys()].filter(path => path !== 'other.txt')
      // Reading a file that does not exist, or syncing a directory that cannot be opened, may fail without harm.
      // The directory and the ledger come on top.
      if (error === undefined) assert.is(left.length, FEW_FILES.length + 2, `call ${n}: survived, but ${left}`)
      else assert.equal(left, [], `call ${n}`)
      assert.is(readFileSync(join(tree, 'other.txt'), 'utf8'), 'not ours')
    }
  }),
)

test(
  'death at any call: only whole files, secrets closed at every moment, and the next run completes',
  inTempDir(async dir => {
    const counted = join(dir, 'counted')
    const assertClosed = (tree: string) => {
      if (!existsSync(tree)) return
      for (const [path, { content, mode }] of snapshot(tree)) {
        if (content?.includes('PRIVATE KEY') || content?.includes('client-key-data')) assert.is(mode & 0o077, 0, path)
      }
    }
    const { calls } = await withFault(-1, () => generateFew(counted), { after: () => assertClosed(counted) })
    assert.ok(calls > FEW_FILES.length * 5, `only ${calls} calls`)
    for (let n = 0; n < calls; n++) {
      const tree = join(dir, `tree-${n}`)
      await withFault(n, () => generateFew(tree), { forEver: true })
      if (!existsSync(tree)) continue
      for (const [path, { content }] of snapshot(tree)) {
        if (content === undefined || path.includes('.kpki')) continue
        assert.match(
          content,
          path === LEDGER_PATH
            ? /^({.*}\n)+$/
            : path.endsWith('.conf')
              ? /^users:\n(.*\n)+.*client-key-data: [A-Za-z0-9+/=]+\n$/m
              : /-----END [A-Z ]+-----\n$/,
          `call ${n}: ${path}`,
        )
      }
      // The dead one has this process's pid and start time, so that it looks alive: its lock is removed by hand here, and
      // the take-over of a real dead process's lock has a test of its own.
      for (const lock of ['.kpki.lock', 'pki/.kpki.lock']) await fs.rm(join(tree, lock), { force: true })
      await generateFew(tree)
      const left = [...snapshot(tree).keys()].filter(path => !/\.kpki\.lock\.(break|\d+)$/.test(path))
      assert.equal(left, [...snapshot(counted).keys()], `call ${n}`)
      const { rows: results } = await generateFew(tree)
      assert.ok(
        results.every(({ action }) => action === 'reuse'),
        `call ${n}`,
      )
    }
  }),
)

test(
  'a file that appears meanwhile is not overwritten',
  inTempDir(async dir => {
    const store = new DiskStore(dir)
    mkdirSync(join(dir, 'pki'))
    writeFileSync(join(dir, 'pki/ca.key'), 'theirs')
    const error = await rejects(store.create('pki/ca.key', new Uint8Array([1]), 0o600))
    assert.is(error.code, 'KPKI_FILE_EXISTS')
    assert.is(readFileSync(join(dir, 'pki/ca.key'), 'utf8'), 'theirs')
    assert.equal([...snapshot(dir).keys()], ['pki', 'pki/ca.key'])
  }),
)

test(
  'without hard links a rename serves',
  inTempDir(async dir => {
    const { link } = fs
    Object.assign(fs, { link: async () => Promise.reject(Object.assign(new Error('no'), { code: 'EPERM' })) })
    try {
      const store = new DiskStore(dir)
      await store.create('admin.conf', new TextEncoder().encode('x'), 0o600)
      assert.is((await rejects(store.create('admin.conf', new Uint8Array(), 0o600))).code, 'KPKI_FILE_EXISTS')
    } finally {
      Object.assign(fs, { link })
    }
    assert.is(readFileSync(join(dir, 'admin.conf'), 'utf8'), 'x')
  }),
)

const LINKS: readonly (readonly [name: string, path: string, target: string])[] = [
  ['a key that links to nothing', 'pki/apiserver.key', '/nonexistent/key'],
  ['a directory that links to nothing', 'pki', '/nonexistent/dir'],
  ['a kubeconfig that links to itself', 'admin.conf', 'admin.conf'],
  ['a key that links to a directory', 'pki/ca.key', '/tmp'],
]
for (const [name, path, target] of LINKS) {
  test(
    `refuses ${name}`,
    inTempDir(async dir => {
      const tree = join(dir, 'tree')
      mkdirSync(path.startsWith('pki/') ? join(tree, 'pki') : tree, { recursive: true })
      symlinkSync(target, join(tree, path))
      const before = list(tree)
      assert.is((await rejects(generate(tree))).code, 'KPKI_FILE_NOT_REGULAR')
      assert.equal(list(tree), before)
    }),
  )
}

/** Names in a tree, links not followed. */
function list(tree: string): string[] {
  return ['', 'pki'].flatMap(dir =>
    lstatSync(join(tree, dir), { throwIfNoEntry: false })?.isDirectory() ? readdirSync(join(tree, dir)) : [],
  )
}

test(
  'a directory that is a link to one of ours is fine',
  inTempDir(async dir => {
    mkdirSync(join(dir, 'tree'))
    mkdirSync(join(dir, 'elsewhere'))
    symlinkSync(join(dir, 'elsewhere'), join(dir, 'tree/pki'))
    await generate(join(dir, 'tree'))
    assert.ok(existsSync(join(dir, 'elsewhere/etcd/ca.key')))
  }),
)

test(
  'refuses a directory that everybody can write to',
  inTempDir(async dir => {
    chmodSync(dir, 0o777)
    assert.is((await rejects(generate(dir))).code, 'KPKI_DIR_FOREIGN')
    chmodSync(dir, 0o1777)
    await generate(dir)
  }),
)

if (isRoot) {
  test(
    'refuses a directory of another user, keeps a file of one with a warning',
    inTempDir(async dir => {
      await generate(dir)
      chownSync(join(dir, 'pki/apiserver.key'), 65534, 65534)
      const { plan } = await generate(dir)
      assert.equal(
        plan.findings.map(({ code, path }) => [code, path]),
        [['owner-foreign', 'pki/apiserver.key']],
      )
      chownSync(join(dir, 'pki/etcd'), 65534, 65534)
      await fs.rm(join(dir, 'pki/etcd/peer.crt'))
      assert.is((await rejects(generate(dir))).code, 'KPKI_DIR_FOREIGN')
      assert.not.ok(existsSync(join(dir, 'pki/etcd/peer.crt')))
    }),
  )
} else {
  skipped.push('a directory of another user (needs root)')
  test.skip('refuses a directory of another user')
}

const ERRNOS: readonly (readonly [errno: string, code: string, hint?: RegExp])[] = [
  ['EROFS', 'KPKI_DIR_NOT_WRITABLE', /mounted to be read only/],
  ['EACCES', 'KPKI_DIR_NOT_WRITABLE', /sudo/],
  ['ENOSPC', 'KPKI_DISK_FULL'],
  ['EDQUOT', 'KPKI_DISK_FULL'],
  ['EIO', 'KPKI_WRITE_FAILED'],
]
for (const [errno, code, hint] of ERRNOS) {
  test(
    `${errno} while writing is ${code}, with what to do or where`,
    inTempDir(async dir => {
      const { mkdir } = fs
      Object.assign(fs, { mkdir: async () => Promise.reject(Object.assign(new Error('no'), { code: errno })) })
      try {
        const error = await rejects(generate(join(dir, 'tree')))
        assert.is(error.code, code)
        assert.match(error.message, join(dir, 'tree'))
        if (hint) assert.match(error.hint ?? '', hint)
      } finally {
        Object.assign(fs, { mkdir })
      }
      assert.equal([...snapshot(dir).keys()], [])
    }),
  )
}

test(
  'reads regular files of at most 1 MiB only, and never waits',
  inTempDir(async dir => {
    writeFileSync(join(dir, 'large'), Buffer.alloc(1024 * 1024 + 1))
    writeFileSync(join(dir, 'fits'), Buffer.alloc(1024 * 1024))
    assert.is((await rejects(readRegularFile(join(dir, 'large')))).code, 'KPKI_INPUT_TOO_LARGE')
    assert.is((await rejects(readRegularFile(dir))).code, 'KPKI_FILE_NOT_REGULAR')
    assert.is((await rejects(readRegularFile(join(dir, 'fits/below')))).code, 'KPKI_FILE_NOT_REGULAR')
    assert.is((await rejects(readRegularFile('/dev/zero'))).code, 'KPKI_FILE_NOT_REGULAR')
    execFileSync('mkfifo', [join(dir, 'pipe')])
    const pipe = await rejects(readRegularFile(join(dir, 'pipe')))
    assert.is(pipe.code, 'KPKI_FILE_NOT_REGULAR')
    assert.match(pipe.hint ?? '', 'standard input: -')
    assert.is(await readRegularFile(join(dir, 'absent')), undefined)
    assert.is((await readRegularFile(join(dir, 'fits')))?.bytes.length, 1024 * 1024)
    assert.is((await readRegularFile(join(dir, 'large'), 2 * 1024 * 1024))?.bytes.length, 1024 * 1024 + 1)
    if (process.platform !== 'linux') return
    // Both are empty regular files by what stat says; the second one has no end.
    assert.is((await readRegularFile('/proc/self/mounts'))?.bytes.length, readFileSync('/proc/self/mounts').length)
    const endless = await rejects(readRegularFile('/proc/self/pagemap'))
    assert.ok(['KPKI_INPUT_TOO_LARGE', 'KPKI_FILE_UNREADABLE'].includes(endless.code))
  }),
)

test(
  'two runs at once: the second refuses and changes nothing',
  inTempDir(async dir => {
    const release = await new DiskStore(dir).lock()
    const before = [...snapshot(dir)]
    const error = await rejects(generate(dir))
    assert.is(error.code, 'KPKI_LOCKED')
    assert.match(error.message, String(process.pid))
    assert.equal([...snapshot(dir)], before)
    await release()
    await generate(dir)
  }),
)

test(
  'many at once: exactly one holds the lock',
  inTempDir(async dir => {
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => new DiskStore(dir).lock()))
    assert.is(results.filter(({ status }) => status === 'fulfilled').length, 1)
  }),
)

test(
  'who is told to wait for a run gets the lock after it, in turn; nobody waits for longer than he was told',
  inTempDir(async dir => {
    const release = await new DiskStore(dir).lock()
    const waiting = new DiskStore(dir).lock(10)
    assert.is((await rejects(new DiskStore(dir).lock(0.1))).code, 'KPKI_LOCKED')
    await release()
    await (await waiting)()
    let holders = 0
    const turns = Array.from({ length: 6 }, async () => {
      const free = await new DiskStore(dir).lock(10)
      assert.is(++holders, 1)
      await new Promise(resolve => setTimeout(resolve, 5))
      holders--
      await free()
    })
    await Promise.all(turns)
    assert.equal([...snapshot(dir).keys()], [])
  }),
)

test(
  'people are told of the lock, also while another run looks whether it is dead',
  inTempDir(async dir => {
    const release = await new DiskStore(dir).lock()
    writeFileSync(join(dir, '.kpki.lock.break'), readFileSync(join(dir, '.kpki.lock')))
    const error = await rejects(new DiskStore(dir).lock())
    assert.equal([error.code, error.details['path']], ['KPKI_LOCKED', join(dir, '.kpki.lock')])
    assert.match(error.hint ?? '', /remove .*\/\.kpki\.lock$/)
    await release()
    // What it asks for is enough.
    await (await new DiskStore(dir).lock())()
  }),
)

const HOLDERS: readonly (readonly [name: string, holder: string, isDead: boolean])[] = [
  ['a process that is gone', holderOf({ pid: 4_194_300 }), true],
  ['a process whose pid is another one now', holderOf({ pid: process.pid, started: '1' }), true],
  ['a process of another container or boot', holderOf({ pid: 4_194_300, world: 'elsewhere' }), false],
  ['nobody knows whom', 'garbage', false],
]
for (const [name, holder, isDead] of HOLDERS) {
  test(
    `a lock of ${name} is ${isDead ? 'taken over' : 'respected'}`,
    inTempDir(async dir => {
      writeFileSync(join(dir, '.kpki.lock'), holder)
      if (isDead) await generate(dir)
      else assert.is((await rejects(generate(dir))).code, 'KPKI_LOCKED')
      assert.is(existsSync(join(dir, '.kpki.lock')), !isDead)
    }),
  )
}

function holderOf(overrides: { pid: number; started?: string; world?: string }): string {
  const boot = existsSync('/proc/sys/kernel/random/boot_id')
    ? readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    : hostname()
  const namespace = existsSync('/proc/self/ns/pid') ? readlinkSync('/proc/self/ns/pid') : ''
  return JSON.stringify({ started: '', world: `${boot} ${namespace}`, ...overrides })
}

test(
  'a run that was killed while it took a dead lock over does not lock the tree for ever',
  inTempDir(async dir => {
    for (const name of ['.kpki.lock', '.kpki.lock.break']) writeFileSync(join(dir, name), holderOf({ pid: 4_194_300 }))
    await generate(dir)
    assert.equal(
      [...snapshot(dir).keys()].filter(path => path.includes('kpki')),
      [],
    )
    writeFileSync(join(dir, '.kpki.lock'), holderOf({ pid: 4_194_300 }))
    writeFileSync(join(dir, '.kpki.lock.break'), holderOf({ pid: 4_194_300, world: 'elsewhere' }))
    assert.is((await rejects(generate(dir))).code, 'KPKI_LOCKED')
  }),
)

test(
  'a leftover of a killed run is swept',
  inTempDir(async dir => {
    mkdirSync(join(dir, 'pki/etcd'), { recursive: true })
    for (const path of ['.admin.conf.kpki-tmp-7-0', 'pki/.ca.key.kpki-tmp-7-0', 'pki/etcd/.ca.key.kpki-tmp-7-0'])
      writeFileSync(join(dir, path), 'half')
    await generate(dir)
    assert.equal(
      [...snapshot(dir).keys()].filter(path => path.includes('kpki-tmp')),
      [],
    )
  }),
)

test('an empty name is no directory, least of all the current one', async () => {
  for (const make of [() => new DiskStore(''), () => new DiskStore('a', { certDir: '' })])
    assert.is((await rejects(make)).code, 'KPKI_USAGE')
})

test(
  'a file outside of the tree is where its absolute path says, and everything else holds for it, too',
  inTempDir(async dir => {
    const store = new DiskStore(join(dir, 'tree'))
    const outside = join(dir, 'ssl/etcd/ca.crt')
    assert.is(store.locate(outside), outside)
    const release = await store.lock()
    await store.prepare([outside])
    const staged = await store.stage(outside, new Uint8Array([1]), 0o644)
    assert.not.ok(existsSync(outside))
    await staged.commit()
    assert.equal([...readFileSync(outside)], [1])
    assert.is((await rejects(store.create(outside, new Uint8Array([2]), 0o644))).code, 'KPKI_FILE_EXISTS')
    await store.takeBack(outside)
    await release()
    assert.equal(readdirSync(dir), [])
  }),
)

test.run()
