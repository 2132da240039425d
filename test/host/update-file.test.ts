import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import fs from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { updateFile } from '../../lib/host/update-file.js'
import { rejects } from '../support/context.js'
import { inTempDir } from '../support/temp.js'

const to = (text: string) => async () => new TextEncoder().encode(text)
const alone = (dir: string, ...names: string[]) => assert.equal(readdirSync(dir).sort(), names.sort())

test(
  'a file that is not there is made, 0600, with its folder',
  inTempDir(async dir => {
    const path = join(dir, '.kube/config')
    const seen: unknown[] = []
    const change = async (current: unknown) => {
      seen.push(current)
      return new TextEncoder().encode('new')
    }
    assert.is(await updateFile(path, change), true)
    assert.equal(seen, [undefined])
    assert.is(readFileSync(path, 'utf8'), 'new')
    assert.is(statSync(path).mode & 0o777, 0o600)
    assert.is(statSync(join(dir, '.kube')).mode & 0o777, 0o700)
    alone(join(dir, '.kube'), 'config')
  }),
)

test(
  'one that is there is replaced, and keeps its mode; what is not to be changed is not touched',
  inTempDir(async dir => {
    const path = join(dir, 'config')
    writeFileSync(path, 'old')
    chmodSync(path, 0o640)
    const { ino } = statSync(path)
    assert.is(await updateFile(path, async () => undefined), false)
    assert.is(statSync(path).ino, ino)
    assert.is(
      await updateFile(path, async current =>
        new TextEncoder().encode(`${new TextDecoder().decode(current?.bytes)}er`),
      ),
      true,
    )
    assert.is(readFileSync(path, 'utf8'), 'older')
    assert.is(statSync(path).mode & 0o777, 0o640)
    assert.not(statSync(path).ino === ino)
    alone(dir, 'config')
  }),
)

test(
  'a link stays one, and what it leads to is replaced',
  inTempDir(async dir => {
    mkdirSync(join(dir, 'real'))
    writeFileSync(join(dir, 'real/config'), 'old')
    symlinkSync('real/config', join(dir, 'config'))
    await updateFile(join(dir, 'config'), to('new'))
    assert.is(await fs.readlink(join(dir, 'config')), 'real/config')
    assert.is(readFileSync(join(dir, 'real/config'), 'utf8'), 'new')
    alone(join(dir, 'real'), 'config')
    alone(dir, 'config', 'real')
    symlinkSync('nothing', join(dir, 'broken'))
    assert.is((await rejects(updateFile(join(dir, 'broken'), to('x')))).code, 'KPKI_FILE_NOT_REGULAR')
  }),
)

test(
  "kubectl's lock is there while the file is changed, and kept when it is somebody else's",
  inTempDir(async dir => {
    const path = join(dir, 'config')
    writeFileSync(path, 'old')
    await updateFile(path, async () => {
      // client-go makes it with O_EXCL and mode 0.
      assert.is(statSync(`${path}.lock`).mode & 0o777, 0)
      return new TextEncoder().encode('new')
    })
    alone(dir, 'config')
    writeFileSync(`${path}.lock`, '')
    const error = await rejects(updateFile(path, to('x'), { lockTimeoutMs: 120 }))
    assert.is(error.code, 'KPKI_LOCKED')
    assert.match(error.hint ?? '', `${path}.lock`)
    assert.is(readFileSync(path, 'utf8'), 'new')
    setTimeout(() => void fs.rm(`${path}.lock`), 80)
    await updateFile(path, to('later'))
    assert.is(readFileSync(path, 'utf8'), 'later')
  }),
)

test(
  'what somebody changes meanwhile, without the lock, is not overwritten',
  inTempDir(async dir => {
    const path = join(dir, 'config')
    writeFileSync(path, 'old')
    const error = await rejects(
      updateFile(path, async () => {
        writeFileSync(path, 'theirs')
        return new TextEncoder().encode('ours')
      }),
    )
    assert.is(error.code, 'KPKI_FILE_CHANGED')
    assert.is(readFileSync(path, 'utf8'), 'theirs')
    const made = join(dir, 'made')
    const late = updateFile(made, async () => {
      writeFileSync(made, 'theirs')
      return new TextEncoder().encode('ours')
    })
    assert.is((await rejects(late)).code, 'KPKI_FILE_EXISTS')
    alone(dir, 'config', 'made')
  }),
)

test(
  'an error leaves everything as it was, and no lock',
  inTempDir(async dir => {
    const path = join(dir, 'config')
    writeFileSync(path, 'old')
    const thrown = new Error('no')
    let caught: unknown
    await updateFile(path, async () => Promise.reject(thrown)).catch(error => {
      caught = error
    })
    assert.is(caught, thrown)
    const { rename } = fs
    fs.rename = () => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' }))
    try {
      assert.is((await rejects(updateFile(path, to('new')))).code, 'KPKI_DISK_FULL')
    } finally {
      fs.rename = rename
    }
    assert.is(readFileSync(path, 'utf8'), 'old')
    alone(dir, 'config')
    assert.is((await rejects(updateFile(dir, to('x')))).code, 'KPKI_FILE_NOT_REGULAR')
    assert.is((await rejects(updateFile(join(path, 'below'), to('x')))).code, 'KPKI_FILE_NOT_REGULAR')
    assert.is(existsSync(`${dir}.lock`), false)
  }),
)

test(
  'a file that is a mount of its own is said to be one',
  inTempDir(async dir => {
    const path = join(dir, 'config')
    writeFileSync(path, 'old')
    const { rename } = fs
    fs.rename = () => Promise.reject(Object.assign(new Error('busy'), { code: 'EBUSY' }))
    try {
      const error = await rejects(updateFile(path, to('new')))
      assert.equal([error.code, error.details['errno']], ['KPKI_WRITE_FAILED', 'EBUSY'])
      assert.match(error.hint ?? '', 'mount its folder')
    } finally {
      fs.rename = rename
    }
    alone(dir, 'config')
  }),
)

test(
  'an interrupt ends the wait for a lock',
  inTempDir(async dir => {
    const path = join(dir, 'config')
    writeFileSync(`${path}.lock`, '')
    const begin = Date.now()
    const error = await rejects(updateFile(path, to('x'), { signal: AbortSignal.timeout(60), lockTimeoutMs: 20_000 }))
    assert.is(error.code, 'KPKI_INTERRUPTED')
    assert.ok(Date.now() - begin < 5000)
    assert.is((await rejects(updateFile(path, to('x'), { signal: AbortSignal.abort() }))).code, 'KPKI_INTERRUPTED')
    alone(dir, 'config.lock')
  }),
)

test(
  'what killed runs wrote aside is removed, and nothing else',
  inTempDir(async dir => {
    const path = join(dir, '.config')
    const { pid } = spawnSync('true')
    const kept = [
      `.config.kpki-tmp-${process.pid}-0`,
      `.config2.kpki-tmp-${pid}-0`,
      `.x.config.kpki-tmp-${pid}-0`,
      `.config.kpki-tmp-${pid}-0.bak`,
      `config.kpki-tmp-${pid}-0`,
    ]
    for (const name of [...kept, `.config.kpki-tmp-${pid}-0`, `.config.kpki-tmp-${pid}-12`])
      writeFileSync(join(dir, name), 'secret')
    await updateFile(path, to('x'))
    alone(dir, '.config', ...kept)
  }),
)

if (process.getuid?.() === 0) {
  test(
    "root changes somebody's file, and it stays theirs",
    inTempDir(async dir => {
      const path = join(dir, 'config')
      writeFileSync(path, 'old')
      await fs.chown(path, 1234, 4321)
      await updateFile(path, to('new'))
      const { uid, gid, mode } = statSync(path)
      assert.equal([uid, gid, mode & 0o777], [1234, 4321, 0o644])
    }),
  )
}

test(
  'two at once both get in, one after the other',
  inTempDir(async dir => {
    const path = join(dir, 'config')
    const append = (text: string) =>
      updateFile(path, async current => new TextEncoder().encode(new TextDecoder().decode(current?.bytes) + text))
    await Promise.all(['a', 'b', 'c', 'd'].map(append))
    assert.equal([...readFileSync(path, 'utf8')].sort(), ['a', 'b', 'c', 'd'])
  }),
)

test(
  'without a lock nobody is waited for; the file is whole at every moment all the same',
  inTempDir(async dir => {
    const path = join(dir, 'report')
    writeFileSync(`${path}.lock`, '')
    assert.is((await rejects(updateFile(path, to('x'), { lockTimeoutMs: 0 }))).code, 'KPKI_LOCKED')
    assert.is(await updateFile(path, to('one'), { withLock: false, mode: 0o644 }), true)
    assert.is(await updateFile(path, to('two'), { withLock: false }), true)
    assert.equal([readFileSync(path, 'utf8'), statSync(path).mode & 0o777], ['two', 0o644])
    alone(dir, 'report', 'report.lock')
    // Neither is the lock of others taken away.
    assert.is((await rejects(updateFile(path, to('x'), { lockTimeoutMs: 0 }))).code, 'KPKI_LOCKED')
  }),
)

test(
  'how much of a file is read is up to the caller',
  inTempDir(async dir => {
    const path = join(dir, 'report')
    writeFileSync(path, Buffer.alloc(2 ** 20 + 1, 'x'))
    assert.is((await rejects(updateFile(path, to('x')))).code, 'KPKI_INPUT_TOO_LARGE')
    assert.is(await updateFile(path, to('small'), { maxBytes: 2 ** 21 }), true)
    assert.is(readFileSync(path, 'utf8'), 'small')
  }),
)

test(
  'a time to wait that is none',
  inTempDir(async dir => {
    const path = join(dir, 'config')
    writeFileSync(`${path}.lock`, '')
    for (const lockTimeoutMs of [-1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31]) {
      const error = await rejects(updateFile(path, to('x'), { lockTimeoutMs }))
      assert.is(error.code, 'KPKI_FIELD_VALUE')
    }
    assert.is((await rejects(updateFile(path, to('x'), { lockTimeoutMs: 0 }))).code, 'KPKI_LOCKED')
  }),
)

test.run()
