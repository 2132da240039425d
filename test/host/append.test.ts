import { spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import fs from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { DiskStore } from '../../lib/host/disk-store.js'
import { rejects } from '../support/context.js'
import { skipped } from '../support/skip.js'
import { inTempDir, snapshot } from '../support/temp.js'

const FILE = 'pki/issued.jsonl'
const bytes = (text: string) => new TextEncoder().encode(text)
const append = (dir: string, text: string) => new DiskStore(dir).append(FILE, bytes(text), 0o600)
const read = (dir: string) => readFileSync(join(dir, FILE), 'utf8')

test(
  'a new file is made with its mode, a file that is there grows and keeps its own',
  inTempDir(async dir => {
    const before = process.umask(0)
    try {
      assert.equal(await append(dir, 'a\n'), { isNew: true, mode: 0o600 })
    } finally {
      process.umask(before)
    }
    assert.is(statSync(join(dir, FILE)).mode & 0o7777, 0o600)
    chmodSync(join(dir, FILE), 0o640)
    assert.equal(await append(dir, 'b\n'), { isNew: false, mode: 0o640 })
    assert.is(read(dir), 'a\nb\n')
    assert.is(statSync(join(dir, FILE)).mode & 0o7777, 0o640)
    assert.equal([...snapshot(dir).keys()], ['pki', FILE])
  }),
)

test(
  'behind a torn line a new one begins; an empty file has none',
  inTempDir(async dir => {
    mkdirSync(join(dir, 'pki'))
    writeFileSync(join(dir, FILE), '', { mode: 0o600 })
    await append(dir, 'a\n')
    assert.is(read(dir), 'a\n')
    writeFileSync(join(dir, FILE), 'a\n{"half')
    await append(dir, 'b\n')
    assert.is(read(dir), 'a\n{"half\nb\n')
  }),
)

const REFUSED: readonly (readonly [name: string, code: string, prepare: (file: string, dir: string) => void])[] = [
  ['a link', 'KPKI_FILE_NOT_REGULAR', (file, dir) => symlinkSync(join(dir, 'other'), file)],
  ['a link to nothing', 'KPKI_FILE_NOT_REGULAR', (file, dir) => symlinkSync(join(dir, 'nothing'), file)],
  ['a directory', 'KPKI_FILE_NOT_REGULAR', file => mkdirSync(file)],
  ['a pipe', 'KPKI_FILE_NOT_REGULAR', file => void spawnSync('mkfifo', [file])],
  ['a file that others can write to', 'KPKI_FILE_FOREIGN', file => writeFileSync(file, '') ?? chmodSync(file, 0o622)],
  ['a file of another user', 'KPKI_FILE_FOREIGN', file => writeFileSync(file, '') ?? chownSync(file, 65534, 65534)],
]
for (const [name, code, prepare] of REFUSED) {
  test(
    `${name} is refused, and left as it is`,
    inTempDir(async dir => {
      mkdirSync(join(dir, 'pki'))
      writeFileSync(join(dir, 'other'), 'other\n')
      try {
        prepare(join(dir, FILE), dir)
      } catch (error) {
        skipped.push(`${name} (${String(error)})`)
        return
      }
      const state = () => {
        const { mode, mtimeMs, size } = lstatSync(join(dir, FILE))
        return [mode, mtimeMs, size, readdirSync(join(dir, 'pki')), readFileSync(join(dir, 'other'), 'utf8')]
      }
      const before = state()
      const error = await rejects(append(dir, 'a\n'))
      assert.is(error.code, code)
      assert.match(error.message, join(dir, FILE))
      assert.ok(error.hint)
      assert.equal(state(), before)
    }),
  )
}

/** Lets calls of the handle of an existing file fail. */
async function withHandle(change: (handle: fs.FileHandle) => object, work: () => Promise<unknown>): Promise<void> {
  const { open } = fs
  Object.assign(fs, {
    open: async (...args: Parameters<typeof open>) => {
      const handle = await open.apply(fs, args)
      return Object.assign(handle, change(handle))
    },
  })
  try {
    await work()
  } finally {
    Object.assign(fs, { open })
  }
}
const failure = (code: string) => Promise.reject(Object.assign(new Error('injected'), { code }))
const FAULTS: readonly (readonly [name: string, code: string, change: (handle: fs.FileHandle) => object])[] = [
  ['a full disk', 'KPKI_DISK_FULL', () => ({ write: () => failure('ENOSPC') })],
  [
    'a disk that has room for half of it',
    'KPKI_DISK_FULL',
    handle => {
      const write = handle.write.bind(handle)
      return { write: (buffer: Uint8Array) => write(buffer.subarray(0, 3)) }
    },
  ],
  ['a disk that does not keep it', 'KPKI_WRITE_FAILED', () => ({ sync: () => failure('EIO') })],
]
for (const [name, code, change] of FAULTS) {
  test(
    `${name}: the file is as it was`,
    inTempDir(async dir => {
      await append(dir, 'first\n')
      await withHandle(change, async () => assert.is((await rejects(append(dir, 'second\n'))).code, code))
      assert.is(read(dir), 'first\n')
      await append(dir, 'third\n')
      assert.is(read(dir), 'first\nthird\n')
    }),
  )
}

test(
  'several processes at once, without a lock: every line is there, whole',
  inTempDir(async dir => {
    const [processes, lines] = [3, 60]
    const module = fileURLToPath(new URL('../../lib/host/disk-store.ts', import.meta.url))
    const script = `
import { DiskStore } from ${JSON.stringify(module)}
const store = new DiskStore(process.argv[1])
for (let n = 0; n < ${lines}; n++) {
  const line = JSON.stringify({ who: process.argv[2], n, filler: 'x'.repeat(n * 97) }) + '\\n'
  await store.append(${JSON.stringify(FILE)}, new TextEncoder().encode(line), 0o600)
}`
    const run = (who: number) =>
      new Promise<number | null>(resolve => {
        const args = ['--import', 'tsx', '--input-type=module', '-e', script, dir, String(who)]
        spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] }).once('close', resolve)
      })
    const statuses = await Promise.all(Array.from({ length: processes }, (_, who) => run(who)))
    assert.equal(
      statuses,
      statuses.map(() => 0),
    )
    // Who looks while another is writing may take its line for a torn one, and begin with an empty line.
    const found = read(dir)
      .split('\n')
      .filter(Boolean)
      .map(line => JSON.parse(line) as { who: string; n: number })
    assert.is(found.length, processes * lines)
    for (let who = 0; who < processes; who++)
      assert.equal(
        found.filter(line => line.who === String(who)).map(({ n }) => n),
        Array.from({ length: lines }, (_, n) => n),
      )
  }),
)

test.run()
