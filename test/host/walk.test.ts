import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readDirectory } from '../../lib/host/walk.js'
import { rejects } from '../support/context.js'
import { inTempDir } from '../support/temp.js'

/** Names below a directory, with the problem where there is one. */
async function namesBelow(dir: string, limits = {}): Promise<string[]> {
  const files = await readDirectory(dir, limits)
  return files.map(({ name, problem }) => `${name.slice(dir.length + 1)}${problem === undefined ? '' : ` ${problem}`}`)
}

test(
  'files in the order of their names, those of a directory before those below it, with their modes',
  inTempDir(async dir => {
    mkdirSync(join(dir, 'pki/etcd'), { recursive: true })
    for (const name of ['z.conf', 'pki/ca.crt', 'pki/etcd/ca.crt', 'a.conf', '.hidden', 'pki/.ca.crt.tmp'])
      writeFileSync(join(dir, name), name)
    chmodSync(join(dir, 'a.conf'), 0o640)
    const files = await readDirectory(dir)
    assert.equal(
      files.map(({ name, bytes }) => [name, Buffer.from(bytes).toString()]),
      ['a.conf', 'z.conf', 'pki/ca.crt', 'pki/etcd/ca.crt'].map(name => [join(dir, name), name]),
    )
    assert.is(files[0]?.mode, 0o640)
  }),
)

test(
  'links to files are files, links to nothing, pipes and circles are none',
  inTempDir(async dir => {
    mkdirSync(join(dir, 'tree/deep'), { recursive: true })
    mkdirSync(join(dir, 'secure'))
    writeFileSync(join(dir, 'secure/ca.crt'), 'x')
    const tree = join(dir, 'tree')
    symlinkSync('../secure/ca.crt', join(tree, 'link.crt'))
    symlinkSync('../secure', join(tree, 'pki'))
    symlinkSync('nowhere', join(tree, 'gone.crt'))
    symlinkSync('self', join(tree, 'self'))
    symlinkSync('.', join(tree, 'here'))
    symlinkSync('..', join(tree, 'above'))
    symlinkSync('/dev/zero', join(tree, 'zero.crt'))
    symlinkSync('../../secure', join(tree, 'deep/not-followed'))
    execFileSync('mkfifo', [join(tree, 'pipe.crt')])
    assert.equal(await namesBelow(tree), ['link.crt', 'pki/ca.crt'])
  }),
)

test(
  'the links of c_rehash name nothing twice, other links do',
  inTempDir(async dir => {
    writeFileSync(join(dir, 'Root.pem'), 'x')
    symlinkSync('Root.pem', join(dir, '0a775a30.0'))
    symlinkSync('Root.pem', join(dir, 'current.pem'))
    writeFileSync(join(dir, '11111111.0'), 'a file of its own')
    assert.equal(await namesBelow(dir), ['11111111.0', 'Root.pem', 'current.pem'])
  }),
)

test(
  'what is too large or cannot be read is named, what nobody looks for has no content',
  inTempDir(async dir => {
    const large = Buffer.alloc(1024 * 1024 + 1)
    writeFileSync(join(dir, 'a.crt'), large)
    writeFileSync(join(dir, 'image'), large)
    const files = await readDirectory(dir)
    assert.equal(
      files.map(({ name, problem, bytes }) => [name.slice(dir.length + 1), problem, bytes.length]),
      [
        ['a.crt', 'is larger than 1 MiB', 0],
        ['image', undefined, 0],
      ],
    )
  }),
)

test(
  'bounds: depth, number, size; what is beyond them is told',
  inTempDir(async dir => {
    mkdirSync(join(dir, 'a/b/c'), { recursive: true })
    for (const name of ['1', '2', '3', 'a/4', 'a/b/5', 'a/b/c/6']) writeFileSync(join(dir, name), 'xxxxx')
    const beyond = ' holds more than is looked at'
    assert.equal(await namesBelow(dir, { maxDepth: 2 }), ['1', '2', '3', 'a/4', beyond])
    assert.equal(await namesBelow(dir, { maxFiles: 2 }), ['1', '2', beyond])
    assert.equal(await namesBelow(dir, { maxBytes: 12 }), ['1', '2', beyond])
    assert.is((await namesBelow(dir)).length, 6)
  }),
)

test(
  'a directory that is not there, and a file in place of one',
  inTempDir(async dir => {
    writeFileSync(join(dir, 'file'), '')
    assert.is((await rejects(readDirectory(join(dir, 'gone')))).code, 'KPKI_FILE_UNREADABLE')
    assert.is((await rejects(readDirectory(join(dir, 'file')))).code, 'KPKI_FILE_NOT_REGULAR')
  }),
)

test.run()
