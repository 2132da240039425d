import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatTar } from '../../lib/tree/archive.js'
import { filesOf } from '../../lib/tree/layout.js'
import { MemoryStore } from '../../lib/tree/store.js'
import { NOW, rejects } from '../support/context.js'
import { testWith } from '../support/skip.js'
import { inTempDir, snapshot } from '../support/temp.js'

type Entry = readonly [path: string, content: string | Uint8Array, mode: number]

async function storeOf(entries: readonly Entry[]): Promise<MemoryStore> {
  const store = new MemoryStore()
  for (const [path, content, mode] of entries) {
    await store.create(path, typeof content === 'string' ? new TextEncoder().encode(content) : content, mode)
  }
  return store
}

/** What tar says; it is to complain of nothing. */
function tar(args: readonly string[], input: Uint8Array): string {
  const env = { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' }
  const { status, stdout, stderr } = spawnSync('tar', args, { input, env, encoding: 'utf8' })
  assert.is(`${status}${stderr}`, '0')
  return stdout
}

const TREE: readonly Entry[] = [
  ['pki/etcd/ca.key', 'the key of etcd\n', 0o600],
  ['pki/ca.crt', 'certificate\n', 0o644],
  ['admin.conf', 'x'.repeat(512), 0o600],
  ['pki/sa.pub', '', 0o644],
]

testWith('tar', test, 'tar lists every file and directory, with mode, owner, size and moment', async () => {
  const listed = tar(['--numeric-owner', '--full-time', '-tvf', '-'], formatTar((await storeOf(TREE)).files, NOW))
  assert.equal(listed.replace(/ +/g, ' ').split('\n'), [
    '-rw------- 0/0 512 2026-06-01 12:00:00 admin.conf',
    'drwxr-xr-x 0/0 0 2026-06-01 12:00:00 pki/',
    '-rw-r--r-- 0/0 12 2026-06-01 12:00:00 pki/ca.crt',
    'drwxr-xr-x 0/0 0 2026-06-01 12:00:00 pki/etcd/',
    '-rw------- 0/0 16 2026-06-01 12:00:00 pki/etcd/ca.key',
    '-rw-r--r-- 0/0 0 2026-06-01 12:00:00 pki/sa.pub',
    '',
  ])
})

testWith(
  'tar',
  test,
  'what tar unpacks is what was packed, byte for byte and mode for mode',
  inTempDir(async dir => {
    tar(['-xpf', '-', '-C', dir], formatTar((await storeOf(TREE)).files, NOW))
    const found = snapshot(dir)
    assert.equal([...found.keys()], ['admin.conf', 'pki', 'pki/ca.crt', 'pki/etcd', 'pki/etcd/ca.key', 'pki/sa.pub'])
    for (const [path, content, mode] of TREE) assert.equal(found.get(path), { content, mode }, path)
    for (const path of ['pki', 'pki/etcd']) assert.equal(found.get(path), { content: undefined, mode: 0o755 }, path)
    assert.is(statSync(join(dir, 'pki/ca.crt')).mtimeMs, NOW.getTime())
  }),
)

testWith(
  'tar',
  test,
  'GNU tar packs the same files into the same bytes',
  inTempDir(async dir => {
    if (!spawnSync('tar', ['--version'], { encoding: 'utf8' }).stdout.includes('GNU tar')) return
    mkdirSync(join(dir, 'pki/etcd'), { recursive: true })
    for (const path of ['pki', 'pki/etcd']) chmodSync(join(dir, path), 0o755)
    for (const [path, content, mode] of TREE) {
      writeFileSync(join(dir, path), content)
      chmodSync(join(dir, path), mode)
    }
    const moment = `--mtime=@${NOW.getTime() / 1000}`
    const names = ['--owner=:0', '--group=:0', '--numeric-owner', '--sort=name', '-C', dir]
    const theirs = tar(['--format=ustar', '-b1', moment, ...names, '-cf', '-', 'admin.conf', 'pki'], new Uint8Array())
    assert.is(Buffer.from(formatTar((await storeOf(TREE)).files, NOW)).toString('latin1'), theirs)
  }),
)

test('the same files and moment give the same bytes, in whatever order they were made', async () => {
  const [one, other] = await Promise.all([storeOf(TREE), storeOf([...TREE].reverse())])
  assert.equal(formatTar(one.files, NOW), formatTar(other.files, NOW))
  assert.not.equal(formatTar(one.files, NOW), formatTar(one.files, new Date(0)))
})

test('nothing at all is two blocks of zeros', () => assert.equal(formatTar(new Map(), NOW), new Uint8Array(1024)))

/** Path, and the field that it is cut into where it is too long for one. */
const LONG: readonly (readonly [what: string, path: string])[] = [
  ['100 bytes in one name', 'n'.repeat(100)],
  ['as long as both fields hold', `${'p'.repeat(77)}/${'q'.repeat(77)}/${'n'.repeat(100)}`],
  ['several slashes', `${'a'.repeat(60)}/${'b'.repeat(60)}/${'c'.repeat(60)}`],
  ['a directory that needs both fields', `${'a'.repeat(90)}/${'b'.repeat(60)}/c`],
  ['more bytes than characters', `${'ä'.repeat(40)}/${'ö'.repeat(40)}`],
]
for (const [what, path] of LONG) {
  testWith('tar', test, `long paths: ${what}`, async () => {
    const archive = formatTar((await storeOf([[path, 'x', 0o600]])).files, NOW)
    const listed = tar(['--quoting-style=literal', '-tf', '-'], archive)
    assert.is(listed.split('\n').at(-2), path)
  })
}

const REFUSED: readonly (readonly [what: string, paths: readonly string[]])[] = [
  ['an absolute path', ['/etc/passwd']],
  ['a way up', ['pki/../../etc/passwd']],
  ['the directory itself', ['.']],
  ['no path', ['']],
  ['an empty step', ['pki//ca.crt']],
  ['a directory as a file', ['pki/']],
  ['a line break', ['pki/a\nb']],
  ['a zero', ['pki/a\0b']],
  ["another system's slash", ['..\\..\\a']],
  ['101 bytes in one name', ['n'.repeat(101)]],
  ['101 bytes in the name of a directory', [`${'p'.repeat(101)}/n`]],
  ['257 bytes', [`${'p'.repeat(77)}/${'q'.repeat(78)}/${'n'.repeat(100)}`]],
  ['a file where others need a directory', ['pki', 'pki/ca.crt']],
]
for (const [what, paths] of REFUSED) {
  test(`refused: ${what}`, async () => {
    const { files } = await storeOf(paths.map(path => [path, 'x', 0o600] as const))
    const error = await rejects(() => formatTar(files, NOW))
    assert.is(error.code, 'KPKI_WRITE_FAILED')
    // Of a long path it may be a directory on the way that does not fit.
    assert.ok(paths[0]?.startsWith(String(error.details['path'])), String(error.details['path']))
    assert.not.match(error.message, /[\n\0]/)
    assert.ok(error.message.length < 200)
  })
}

/** Moment, and what tar shows of it. */
const MOMENTS: readonly (readonly [moment: Date, shown: string])[] = [
  [new Date('2026-06-01T12:00:00.999Z'), '2026-06-01 12:00:00'],
  [new Date('1969-01-01T00:00:00Z'), '1970-01-01 00:00:00'],
  [new Date('2242-03-16T12:56:31Z'), '2242-03-16 12:56:31'],
  [new Date('9999-12-31T23:59:59Z'), '2242-03-16 12:56:31'],
  [new Date(Number.NaN), '1970-01-01 00:00:00'],
]
for (const [moment, shown] of MOMENTS) {
  testWith('tar', test, `the moment ${shown} of ${moment.getTime()}`, async () => {
    const listed = tar(['--full-time', '-tvf', '-'], formatTar((await storeOf([['a', '', 0o600]])).files, moment))
    assert.ok(listed.includes(` ${shown} a\n`), listed)
  })
}

test('special bits of a mode stay, what is no mode does not', async () => {
  const { files } = await storeOf([['a', '', 0o104755]])
  const field = new TextDecoder().decode(formatTar(files, NOW).subarray(100, 108))
  assert.is(field, '0004755\0')
})

testWith('tar', test, 'any files: tar finds all of them, with their contents', () =>
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(fc.constantFrom('', 'a/', 'a/b/', 'ä/'), fc.uint8Array({ maxLength: 1300 })), {
        maxLength: 12,
        selector: ([directory, bytes]) => `${directory}${bytes.length}`,
      }),
      files => {
        const store = new Map(
          files.map(([directory, bytes]) => [
            `${directory}f${bytes.length}`,
            { bytes: new Uint8Array(bytes), mode: 0o600 },
          ]),
        )
        const dir = mkdtempSync('/tmp/kpki-test-tar-')
        try {
          tar(['-xf', '-', '-C', dir], formatTar(store, NOW))
          const found = [...snapshot(dir)].filter(([, { content }]) => content !== undefined)
          assert.equal(
            found.map(([path, { content }]) => [path, content]),
            [...store].map(([path, { bytes }]) => [path, Buffer.from(bytes).toString('latin1')]).sort(byPath),
          )
        } finally {
          rmSync(dir, { recursive: true, force: true })
        }
      },
    ),
    { numRuns: 25 },
  ),
)

function byPath([a = '']: readonly string[], [b = '']: readonly string[]): number {
  return a < b ? -1 : 1
}

test('every file of the layout has a place in an archive', async () => {
  const paths = filesOf('etcd-healthcheck-client').map(({ path }) => path)
  const { files } = await storeOf(paths.map(path => [path, 'x', 0o600] as const))
  // pki/, pki/etcd/ and two files of one block each, then the end.
  assert.is(formatTar(files, NOW).length, 512 * (2 + 2 * 2 + 2))
})

test.run()
