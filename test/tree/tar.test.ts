import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatTar } from '../../lib/tree/archive.js'
import { type ArchiveStore, readTreeArchive } from '../../lib/tree/tar.js'
import { parseTar, type TarEntry } from '../../lib/tree/tar-read.js'
import { NOW, rejects } from '../support/context.js'
import { testWith } from '../support/skip.js'

const utf8 = (text: string) => new TextEncoder().encode(text)

/** Bytes in pieces of some size, as they come from a disk or a pipe. */
async function* pieces(bytes: Uint8Array, size = 64 * 1024): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

const read = (bytes: Uint8Array, size?: number) => readTreeArchive(pieces(bytes, size), 'host.tar')

async function entriesOf(bytes: Uint8Array, size?: number): Promise<TarEntry[]> {
  const entries: TarEntry[] = []
  for await (const entry of parseTar(pieces(bytes, size), () => true)) entries.push(entry)
  return entries
}

async function listing(store: ArchiveStore): Promise<string[]> {
  const lines: string[] = []
  for await (const { path, target, problem } of store.list())
    lines.push(
      [path, ...(target === undefined ? [] : ['->', target]), ...(problem === undefined ? [] : [problem])].join(' '),
    )
  return lines
}

test('what formatTar packs is read: bytes, modes and paths, whatever the pieces are', async () => {
  const name = fc.string({ unit: fc.constantFrom(...'abcdefghij.-ü'), minLength: 1, maxLength: 60 })
  const part = name.filter(text => text !== '.' && text !== '..')
  const file = fc.record({
    bytes: fc.uint8Array({ maxLength: 1500 }).map(bytes => new Uint8Array(bytes)),
    mode: fc.constantFrom(0o600, 0o644, 0o640),
  })
  const files = fc.dictionary(
    fc.tuple(part, part).map(([directory, base]) => `d${directory}/f${base}`),
    file,
    { maxKeys: 8 },
  )
  await fc.assert(
    fc.asyncProperty(files, fc.integer({ min: 1, max: 2000 }), async (given, size) => {
      const packed = formatTar(new Map(Object.entries(given)), NOW)
      const found = (await entriesOf(packed, size)).filter(({ kind }) => kind === 'file')
      const expected = Object.entries(given).map(([path, { bytes, mode }]) => [path, [...bytes], mode])
      assert.equal(found.map(({ path, bytes, mode }) => [path, [...(bytes ?? [])], mode]).sort(), expected.sort())
    }),
    { numRuns: 100 },
  )
})

/** A host's files, packed by a program. */
function onHost(pack: (dir: string, archive: string) => void): Uint8Array {
  const dir = mkdtempSync(join(tmpdir(), 'kpki-tar-'))
  try {
    const write = (path: string, text: string) => {
      mkdirSync(join(dir, 'host', path, '..'), { recursive: true })
      writeFileSync(join(dir, 'host', path), text, { mode: 0o640 })
    }
    write('etc/kubernetes/pki/ca.crt', 'the CA')
    write('etc/kubernetes/pki/etcd/ca.crt', 'the CA of etcd')
    write('etc/kubernetes/admin.conf', 'admin')
    write(`etc/kubernetes/pki/${'long-'.repeat(30)}name.crt`, 'long')
    write(`etc/kubernetes/pki/${'deep/'.repeat(60)}x.crt`, 'deep')
    write('etc/kubernetes/pki/größe.crt', 'umlaut')
    write('var/lib/kubelet/pki/kubelet-client-2026-01-01.pem', 'client')
    write('var/lib/kubelet/pods/secret/token.pem', 'of a Pod')
    write('etc/ssl/other.pem', 'no business of ours')
    const pki = join(dir, 'host/var/lib/kubelet/pki')
    symlinkSync('/var/lib/kubelet/pki/kubelet-client-2026-01-01.pem', join(pki, 'kubelet-client-current.pem'))
    symlinkSync('/etc/shadow', join(pki, 'kubelet.key'))
    symlinkSync('nowhere.crt', join(pki, 'kubelet.crt'))
    symlinkSync('b.crt', join(dir, 'host/etc/kubernetes/a.crt'))
    symlinkSync('a.crt', join(dir, 'host/etc/kubernetes/b.crt'))
    execFileSync('ln', [join(dir, 'host/etc/kubernetes/admin.conf'), join(dir, 'host/etc/kubernetes/hard.conf')])
    execFileSync('mkfifo', [join(dir, 'host/etc/kubernetes/pipe.crt')])
    const archive = join(dir, 'host.tar')
    pack(join(dir, 'host'), archive)
    return readFileSync(archive)
  } finally {
    rmSync(dir, { recursive: true })
  }
}

async function assertHost(bytes: Uint8Array): Promise<void> {
  const store = await read(bytes)
  const content = async (path: string) => new TextDecoder().decode((await store.read(path))?.bytes)
  assert.is(await content('pki/ca.crt'), 'the CA')
  assert.is((await store.read('pki/ca.crt'))?.mode, 0o640)
  assert.is(await content('kubelet/pki/kubelet-client-current.pem'), 'client')
  assert.is(await content('hard.conf'), 'admin')
  assert.is(store.locate('pki/ca.crt'), 'etc/kubernetes/pki/ca.crt')
  assert.is(store.locate('kubelet/pki/kubelet.crt'), 'var/lib/kubelet/pki/kubelet.crt')
  assert.equal(await listing(store), [
    'admin.conf',
    'hard.conf',
    'kubelet/pki/kubelet-client-2026-01-01.pem',
    'pki/ca.crt',
    `pki/${'deep/'.repeat(60)}x.crt`,
    'pki/etcd/ca.crt',
    'pki/größe.crt',
    `pki/${'long-'.repeat(30)}name.crt`,
    'kubelet/pki/kubelet-client-current.pem -> kubelet/pki/kubelet-client-2026-01-01.pem',
    'a.crt is a link that leads in a circle',
    'b.crt is a link that leads in a circle',
    'kubelet/pki/kubelet.crt is a link to nothing',
    'kubelet/pki/kubelet.key is a link out of the tree, to /etc/shadow',
    'pipe.crt is a device or a pipe, not a regular file',
  ])
  const out = await rejects(store.read('kubelet/pki/kubelet.key'))
  assert.is(out.code, 'KPKI_FILE_OUTSIDE')
  assert.is((await rejects(store.read('pipe.crt'))).code, 'KPKI_FILE_NOT_REGULAR')
}

for (const format of ['gnu', 'oldgnu', 'pax', 'posix'])
  testWith('tar', test, `GNU tar, --format=${format}`, async () => {
    const order = ['--sort=name', '-C']
    await assertHost(
      onHost((dir, archive) =>
        execFileSync('tar', [`--format=${format}`, ...order, dir, '-cf', archive, 'etc', 'var']),
      ),
    )
  })

testWith('tar', test, 'as it is gzipped, as it is made below other names, and with ./ before them', async () => {
  const pack = (dir: string, archive: string, ...names: readonly string[]) =>
    execFileSync('tar', ['--sort=name', '-C', dir, '-cf', archive, ...names])
  const plain = onHost((dir, archive) => pack(dir, archive, './etc', './var'))
  await assertHost(plain)
  await assertHost(gzipSync(plain))
  const tree = await read(onHost((dir, archive) => pack(join(dir, 'etc/kubernetes'), archive, '.')))
  assert.is(new TextDecoder().decode((await tree.read('pki/ca.crt'))?.bytes), 'the CA')
  const below = await read(onHost((dir, archive) => pack(join(dir, '..'), archive, 'host')))
  assert.is(below.locate('kubelet/pki/x'), 'host/var/lib/kubelet/pki/x')
  assert.is((await below.read('kubelet/pki/kubelet-client-current.pem'))?.bytes.length, 6)
  const pki = await read(onHost((dir, archive) => pack(join(dir, 'etc/kubernetes/pki'), archive, 'ca.crt')))
  assert.is((await pki.read('pki/ca.crt'))?.bytes.length, 6)
  assert.is(await pki.read('admin.conf'), undefined)
})

for (const format of ['USTAR_FORMAT', 'GNU_FORMAT', 'PAX_FORMAT'])
  testWith('python3', test, `Python's tarfile, ${format}`, async () => {
    const script = `
import sys, tarfile
t = tarfile.open(sys.argv[2], 'w', format=tarfile.${format})
t.add(sys.argv[1], 'x' , filter=lambda i: None if len(i.name) > 98 and tarfile.${format} == 0 else i)
t.close()`
    const bytes = onHost((dir, archive) => execFileSync('python3', ['-c', script, dir, archive]))
    const store = await read(bytes)
    assert.is(new TextDecoder().decode((await store.read('pki/etcd/ca.crt'))?.bytes), 'the CA of etcd')
    assert.is((await store.read('kubelet/pki/kubelet-client-current.pem'))?.bytes.length, 6)
  })

testWith('python3', test, 'owners come along, and are told of where root has files', async () => {
  const script = `
import io, sys, tarfile
t = tarfile.open(sys.argv[2], 'w')
for name, uid in [('ca.crt', 0), ('ca.key', 1000), ('apiserver.crt', 5000000)]:
  i = tarfile.TarInfo('etc/kubernetes/pki/' + name); i.uid = uid; i.size = 1
  t.addfile(i, io.BytesIO(b'x'))
t.close()`
  const store = await read(onHost((dir, archive) => execFileSync('python3', ['-c', script, dir, archive])))
  const owner = async (name: string) => {
    const file = await store.read(`pki/${name}`)
    return [file?.uid, file?.owner]
  }
  assert.equal(await owner('ca.crt'), [0, 'trusted'])
  assert.equal(await owner('ca.key'), [1000, 'foreign'])
  assert.equal(await owner('apiserver.crt'), [5_000_000, 'foreign'])
})

const WELL = formatTar(new Map([['pki/ca.crt', { bytes: utf8('x'.repeat(3000)), mode: 0o644 }]]), NOW)

/** The archive with other bytes at some place of its first file's header, and the sum made right. */
function spoiled(offset: number, bytes: Uint8Array | string): Uint8Array {
  const copy = WELL.slice()
  const header = copy.subarray(512, 1024)
  header.set(typeof bytes === 'string' ? utf8(bytes) : bytes, offset)
  header.set(utf8(' '.repeat(8)), 148)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.set(utf8(`${sum.toString(8).padStart(6, '0')}\0 `), 148)
  return copy
}

/** One member of an archive. */
function member(type: string, content: Uint8Array, name = 'pax'): Uint8Array {
  const header = WELL.slice(512, 1024)
  header.fill(0, 0, 100)
  header.set(utf8(name), 0)
  header.set(utf8(`${content.length.toString(8).padStart(11, '0')}\0`), 124)
  header.set(utf8(' '.repeat(8)), 148)
  header.set(utf8(type), 156)
  header.set(
    utf8(
      `${header
        .reduce((total, byte) => total + byte, 0)
        .toString(8)
        .padStart(6, '0')}\0 `,
    ),
    148,
  )
  return Buffer.concat([header, content, new Uint8Array(-content.length & 511)])
}

const HOSTILE: readonly (readonly [about: string, bytes: Uint8Array, code: string])[] = [
  ['nothing', new Uint8Array(), 'KPKI_ARCHIVE_INVALID'],
  ['a text', utf8('hello '.repeat(200)), 'KPKI_ARCHIVE_INVALID'],
  ['zeros', new Uint8Array(10_240), 'KPKI_NOTHING_FOUND'],
  ['a damaged sum', WELL.map((byte, index) => (index === 520 ? byte ^ 1 : byte)), 'KPKI_ARCHIVE_INVALID'],
  ['cut in a header', WELL.slice(0, 700), 'KPKI_ARCHIVE_INVALID'],
  ['cut in a file', WELL.slice(0, 2000), 'KPKI_ARCHIVE_INVALID'],
  ['cut behind a file', WELL.slice(0, -1024), 'KPKI_ARCHIVE_INVALID'],
  ['a path upwards', spoiled(0, 'pki/../../../etc/shadow'), 'KPKI_ARCHIVE_INVALID'],
  ['a size of letters', spoiled(124, 'abc'), 'KPKI_ARCHIVE_INVALID'],
  ['a negative size', spoiled(124, new Uint8Array(12).fill(0xff)), 'KPKI_ARCHIVE_INVALID'],
  [
    'a size beyond numbers',
    spoiled(124, new Uint8Array([0x80, ...new Uint8Array(11).fill(0xfe)])),
    'KPKI_ARCHIVE_INVALID',
  ],
  ['a size beyond the end', spoiled(124, '77777777777'), 'KPKI_ARCHIVE_INVALID'],
  ['a sparse file', spoiled(156, 'S'), 'KPKI_ARCHIVE_INVALID'],
  ['another volume', spoiled(156, 'M'), 'KPKI_ARCHIVE_INVALID'],
  ['a pax header of other things', spoiled(156, 'x'), 'KPKI_ARCHIVE_INVALID'],
  ['a name without an end', spoiled(156, 'L'), 'KPKI_NOTHING_FOUND'],
  ['gzip that is cut off', gzipSync(WELL).subarray(0, 60), 'KPKI_ARCHIVE_INVALID'],
  ['gzip of nothing', new Uint8Array([0x1f, 0x8b, 1, 2, 3, 4, 5, 6]), 'KPKI_ARCHIVE_INVALID'],
  ['xz', new Uint8Array([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 0]), 'KPKI_ARCHIVE_INVALID'],
]

for (const [about, bytes, code] of HOSTILE)
  test(`refused: ${about}`, async () => {
    const error = await rejects(read(bytes))
    assert.is(error.code, code)
    assert.match(error.message, /^host\.tar |^the archive/)
  })

testWith('tar', test, 'a sparse file of GNU tar in each of its forms is refused', async () => {
  for (const version of ['0.0', '0.1', '1.0']) {
    const bytes = onHost((dir, archive) => {
      execFileSync('truncate', ['-s', '100M', join(dir, 'etc/kubernetes/pki/huge.crt')])
      const flags = ['--sparse', '--format=pax', `--sparse-version=${version}`]
      execFileSync('tar', [...flags, '-C', dir, '-cf', archive, 'etc'])
    })
    assert.is((await rejects(read(bytes))).code, 'KPKI_ARCHIVE_INVALID', version)
  }
})

test('a bomb of gzip ends at the bound, and soon', async () => {
  // A file of two GiB: the first one, of zeros, is 1 MB of gzip.
  const header = spoiled(124, '20000000000').subarray(512, 1024)
  const zeros = new Uint8Array(2 ** 24)
  const { createGzip } = await import('node:zlib')
  const gzip = createGzip({ level: 1 })
  const chunks: Uint8Array[] = []
  gzip.on('data', chunk => chunks.push(chunk))
  gzip.write(header)
  for (let count = 0; count < 20; count++) gzip.write(zeros)
  await new Promise<void>(resolve => gzip.end(resolve))
  const before = process.memoryUsage().rss
  const begun = performance.now()
  const error = await rejects(readTreeArchive(pieces(Buffer.concat(chunks), 2 ** 30), 'bomb', { maxBytes: 2 ** 28 }))
  assert.is(error.code, 'KPKI_ARCHIVE_INVALID')
  assert.match(error.message, /larger than 256 MiB/)
  assert.ok(performance.now() - begun < 60_000)
  assert.ok(process.memoryUsage().rss - before < 150 * 2 ** 20, 'little of it is in memory at a time')
})

test('a source that fails is told as itself, gzipped or not', async () => {
  const broken = async function* (first: Uint8Array) {
    yield first
    throw Object.assign(new Error('EIO'), { code: 'EIO' })
  }
  for (const first of [WELL.slice(0, 700), new Uint8Array(gzipSync(WELL).subarray(0, 40))]) {
    const error = await readTreeArchive(broken(first), 'x').catch(caught => caught)
    assert.is(error.message, 'EIO')
  }
})

test("a source is told to end when the archive is over or refused: files that stay open are nobody's", async () => {
  let ends = 0
  const endless = async function* (bytes: Uint8Array) {
    try {
      yield bytes
      for (;;) yield new Uint8Array(512)
    } finally {
      ends++
    }
  }
  await readTreeArchive(endless(WELL), 'x')
  await readTreeArchive(endless(new Uint8Array(gzipSync(WELL))), 'x').catch(() => undefined)
  assert.is(ends, 2)
  for (const bytes of [utf8('hello '.repeat(200)), WELL.slice(0, 700), gzipSync(utf8('hello '.repeat(200)))])
    await rejects(readTreeArchive(endless(new Uint8Array(bytes)), 'x'))
  await rejects(readTreeArchive(endless(new Uint8Array([0x42, 0x5a, 0x68, 1, 2, 3])), 'bzip2'))
  assert.is(ends, 6)
})

test('keywords for all members that nobody reads cost nothing for each of them', async () => {
  // Length, space, keyword, equals sign, value, newline.
  const record = (keyword: string) => `${keyword.length + 6} ${keyword}=x
`
  const globals = Array.from({ length: 60 }, (_, block) => {
    const text = Array.from({ length: 3600 }, (_, index) => record(`k${10_000 + block}.${10_000 + index}`)).join('')
    return member('g', utf8(text))
  })
  const members = Array.from({ length: 19_000 }, (_, index) => member('0', utf8(''), `pki/${index}.crt`))
  const begun = performance.now()
  const archive = Buffer.concat([...globals, ...members, WELL])
  const store = await read(archive)
  assert.ok(await store.read('pki/ca.crt'))
  assert.ok(performance.now() - begun < 20_000)
})

test('what is dropped for the tree of a host does not count', async () => {
  const large = { bytes: new Uint8Array(2 ** 20 + 1), mode: 0o600 }
  const kept = { bytes: new Uint8Array(2 ** 20), mode: 0o600 }
  const files = new Map(Array.from({ length: 3 }, (_, index) => [`a/${index}.crt`, large] as const))
  const home = Array.from({ length: 65 }, (_, index) => [`etc/kubernetes/pki/${index}.crt`, kept] as const)
  assert.is((await rejects(read(formatTar(new Map([...files, ...home]), NOW)))).code, 'KPKI_ARCHIVE_INVALID')
})

test('a file that is too large is told of where its name is one of ours', async () => {
  const large = { bytes: new Uint8Array(2 ** 20 + 1), mode: 0o600 }
  const files = { 'pki/ca.crt': { bytes: utf8('x'), mode: 0o644 }, 'pki/apiserver.crt': large, 'tmp/etcd/db': large }
  const store = await read(formatTar(new Map(Object.entries(files)), NOW))
  assert.equal(await listing(store), ['pki/ca.crt', 'pki/apiserver.crt is larger than 1 MiB'])
  assert.is((await rejects(store.read('pki/apiserver.crt'))).code, 'KPKI_INPUT_TOO_LARGE')
})

test.run()
