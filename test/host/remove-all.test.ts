import fs from 'node:fs'
import promises from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { removeAll } from '../../lib/host/remove-all.js'

const scratch = fs.realpathSync(fs.mkdtempSync(join(fs.existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'kpki-test-')))
test.after(() => fs.rmSync(scratch, { recursive: true, force: true }))

/** A directory with things in it, and one of somebody else with a file of the same name. */
function laidOut(name: string) {
  const [dir, theirs] = [join(scratch, name, 'tree'), join(scratch, name, 'theirs')]
  fs.mkdirSync(join(dir, 'sub'), { recursive: true })
  fs.mkdirSync(theirs)
  for (const at of [dir, join(dir, 'sub'), theirs]) fs.writeFileSync(join(at, 'passwd'), 'x')
  return { dir, theirs, isSafe: () => fs.existsSync(join(theirs, 'passwd')) }
}

test('a tree goes, links in it themselves', async () => {
  const { dir, theirs, isSafe } = laidOut('plain')
  fs.symlinkSync(theirs, join(dir, 'link'))
  assert.equal(await removeAll(dir, { type: 'tree' }), [])
  assert.not(fs.existsSync(dir))
  assert.ok(isSafe())
})

test('a link in the place of a tree goes itself; below a link nothing does', async () => {
  const { dir, theirs, isSafe } = laidOut('above')
  const link = join(scratch, 'above', 'link')
  fs.symlinkSync(theirs, link)
  for (const type of ['file', 'tree'] as const)
    assert.equal(await removeAll(join(link, 'passwd'), { type }), [
      `${link} is a link, and nothing is removed through one`,
    ])
  assert.ok(isSafe())
  assert.equal(await removeAll(link, { type: 'tree' }), [])
  assert.not(fs.existsSync(link))
  assert.ok(isSafe())
  assert.ok(fs.existsSync(dir))
})

test('a directory that is swapped for a link in the middle leads nowhere else', async () => {
  const { dir, theirs, isSafe } = laidOut('swapped')
  const readdir = promises.readdir
  let swaps = 0
  // As somebody who writes in the tree would: after its names were read, and before they are removed.
  promises.readdir = (async (...args: Parameters<typeof readdir>) => {
    const names = await readdir(...args)
    if (swaps++ === 1) {
      fs.renameSync(join(dir, 'sub'), join(scratch, 'swapped', 'away'))
      fs.symlinkSync(theirs, join(dir, 'sub'))
    }
    return names
  }) as typeof readdir
  try {
    await removeAll(dir, { type: 'tree' })
  } finally {
    promises.readdir = readdir
  }
  assert.ok(swaps > 1)
  assert.ok(isSafe())
})

test('names that are no UTF-8, and directories as deep as anybody likes', async () => {
  const { dir } = laidOut('odd')
  fs.writeFileSync(Buffer.concat([Buffer.from(`${dir}/caf`), Buffer.from([0xe9])]), 'x')
  const deep = join(dir, ...Array<string>(700).fill('d'))
  fs.mkdirSync(deep, { recursive: true })
  fs.writeFileSync(join(deep, 'file'), 'x')
  assert.equal(await removeAll(dir, { type: 'tree' }), [])
  assert.not(fs.existsSync(dir))
})

test('what is no tree goes alone; a directory that is not empty stays without a word, a file that is one is told of', async () => {
  const { dir } = laidOut('alone')
  assert.equal(await removeAll(join(dir, 'passwd'), { type: 'file' }), [])
  assert.equal(await removeAll(join(dir, 'sub'), { type: 'directory' }), [])
  assert.ok(fs.existsSync(join(dir, 'sub')))
  assert.match((await removeAll(join(dir, 'sub'), { type: 'file' }))[0] ?? '', /sub cannot be written \(ENOTEMPTY\)/)
  for (const name of ['nothing', 'nothing/below', 'sub/passwd/below'])
    assert.equal(await removeAll(join(dir, name), { type: 'tree' }), [])
  fs.rmSync(join(dir, 'sub', 'passwd'))
  assert.equal(await removeAll(join(dir, 'sub'), { type: 'directory' }), [])
  assert.not(fs.existsSync(join(dir, 'sub')))
})

test('what is mounted is not gone into', async () => {
  const { dir } = laidOut('mounted')
  const problems = await removeAll(dir, { type: 'tree', mounts: [join(dir, 'sub')] })
  assert.equal(problems, [`${join(dir, 'sub')} is a mount point`])
  assert.ok(fs.existsSync(join(dir, 'sub', 'passwd')))
  assert.not(fs.existsSync(join(dir, 'passwd')))
})

test.run()
