import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { unifiedDiff } from '../../lib/cli/diff.js'
import { testWith } from '../support/skip.js'

const NAMES = { from: 'a', to: 'b' }
const text = (...lines: string[]) => lines.map(line => `${line}\n`).join('')
const TEN = Array.from({ length: 20 }, (_, index) => `line ${index + 1}`)

const CASES: readonly (readonly [name: string, before: string, after: string])[] = [
  ['one line', text('x'), text('y')],
  ['from nothing', '', text('a', 'b')],
  ['to nothing', text('a', 'b'), ''],
  ['a line in the middle', text(...TEN), text(...TEN.map(line => (line === 'line 10' ? 'other' : line)))],
  ['two places far apart', text(...TEN), text('first', ...TEN, 'last')],
  ['two places close by', text(...TEN), text(...TEN.filter(line => line !== 'line 5' && line !== 'line 9'))],
  ['no line end before', 'a\nb', text('a', 'b')],
  ['no line end after', text('a', 'b'), 'a\nb'],
  ['no line end in both', 'a\nb', 'x\nb'],
]

function inDir(work: (dir: string) => void): void {
  const dir = mkdtempSync(join(tmpdir(), 'kpki-test-'))
  try {
    work(dir)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

for (const [name, before, after] of CASES)
  testWith('diff', test, `${name}: as diff -u has it`, () => {
    inDir(dir => {
      writeFileSync(join(dir, 'a'), before)
      writeFileSync(join(dir, 'b'), after)
      const { stdout } = spawnSync('diff', ['-u', '--label', 'a', '--label', 'b', 'a', 'b'], {
        cwd: dir,
        encoding: 'utf8',
      })
      assert.is(`${unifiedDiff(before, after, NAMES).join('\n')}\n`, stdout)
    })
  })

test('what is the same has no difference', () => {
  assert.equal(unifiedDiff('a\n', 'a\n', NAMES), [])
})

testWith('patch', test, 'patch makes the one of the other', () => {
  const lines = fc.array(fc.constantFrom('a', 'b', 'c', 'd', ''), { maxLength: 12 })
  const content = fc
    .tuple(lines, fc.boolean())
    .map(([all, ends]) => all.join('\n') + (ends && all.length > 0 ? '\n' : ''))
  inDir(dir => {
    fc.assert(
      fc.property(content, content, (before, after) => {
        fc.pre(before !== after)
        writeFileSync(join(dir, 'a'), before)
        const input = `${unifiedDiff(before, after, NAMES).join('\n')}\n`
        const { status, stdout } = spawnSync('patch', ['-s', '-o', 'out', 'a'], { cwd: dir, input, encoding: 'utf8' })
        assert.is(status, 0, stdout)
        assert.is(readFileSync(join(dir, 'out'), 'utf8'), after)
      }),
      { numRuns: 50 },
    )
  })
})

test('large texts that have nothing in common are one change', () => {
  const many = (word: string) => text(...Array.from({ length: 3000 }, (_, index) => `${word} ${index}`))
  const lines = unifiedDiff(many('a'), many('b'), NAMES)
  assert.is(lines.length, 2 + 1 + 6000)
  assert.is(lines[2], '@@ -1,3000 +1,3000 @@')
})

test.run()
