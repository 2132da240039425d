// Every block of every document does what it shows: commands run, snippets run, data parses, output is what is printed.
import { existsSync, readdirSync, statSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { COMMANDS } from '../../lib/cli/commands.js'
import { parseYamlStream } from '../../lib/yaml.js'
import { documentPaths, readDocument } from '../../tools/docs/documents.js'
import { provider } from '../support/context.js'
import { hasTool, testWith } from '../support/skip.js'
import { type Block, blocksOf, isShown, MARKS } from './blocks.js'
import { openSandbox, type Ran, type Sandbox } from './sandbox.js'

/** What the host has in the place that no block may touch. */
const etc = () =>
  existsSync('/etc/kubernetes') ? [statSync('/etc/kubernetes').mtimeMs, ...readdirSync('/etc/kubernetes')] : []
const before = etc()

// What is run is the built program, which takes its crypto provider itself: once is enough.
for (const path of provider === 'platform' ? documentPaths() : []) {
  const blocks = blocksOf(readDocument(path))
  if (blocks.length === 0) continue
  let sandbox: Sandbox | undefined
  let printed: Ran | undefined
  for (const block of blocks) {
    const needs =
      block.marks
        .find(mark => mark.startsWith('needs='))
        ?.slice('needs='.length)
        .split(',') ?? []
    const tool = needs.find(name => !hasTool(name)) ?? 'sh'
    testWith(tool, test, `${path}:${block.line} ${block.language}`, () => {
      for (const mark of block.marks) assert.match(mark, MARKS[block.language] ?? /^$/, `${mark} says nothing here`)
      sandbox ??= openSandbox()
      const before = printed
      // What is shown as output can only be of the block just before it.
      if (block.language !== 'text') printed = undefined
      printed = check(block, sandbox, before) ?? printed
    })
  }
  test(`${path}: its folder is removed`, () => sandbox?.close())
}

// What is not run can at least be typed: every word that it begins with and every flag exists.
for (const path of documentPaths()) {
  const lines = blocksOf(readDocument(path))
    .filter(({ language, marks }) => language === 'sh' && marks.includes('no-run'))
    .flatMap(({ code }) => code.replaceAll('\\\n', ' ').split('\n'))
    .flatMap(line => /(?:^|[;&|]\s*|\bsudo )(?:npx )?kpki ([a-z].*)/.exec(line)?.[1] ?? [])
    .map(line => line.replace(/ +#.*| [>|].*/, '').split(' '))
  if (lines.length === 0) continue
  test(`${path}: commands that are not run exist, with their flags`, () => {
    for (const words of lines) {
      const command = COMMANDS[words.slice(0, 2).join(' ')] ?? COMMANDS[words[0] ?? '']
      assert.ok(command?.load, words.join(' '))
      for (const word of words.filter(text => text.startsWith('--')))
        assert.ok(Object.hasOwn(command.flags ?? {}, word.slice(2).replace(/=.*/, '')), `${words.join(' ')}: ${word}`)
    }
  })
}

test('the host has what it had', () => assert.equal(etc(), before))

function check(block: Block, sandbox: Sandbox, printed: Ran | undefined): Ran | undefined {
  const { language, marks, code } = block
  if (marks.includes('no-run')) return undefined
  if (language === 'json') JSON.parse(code)
  if (language === 'yaml') parseYamlStream(code, 'the block')
  if (language === 'text' && marks.includes('output')) {
    assert.ok(printed, 'nothing was run before it')
    if (!isShown(code, printed.stdout)) assert.fixture(printed.stdout, code)
  }
  if (language !== 'sh' && language !== 'ts') return undefined
  const ran = sandbox[language](code)
  assert.is(ran.status, 0, `${code}\n${ran.stdout}${ran.stderr}`)
  // The status of a pipe is that of its end; a failure that belongs into a block is shown there.
  assert.not.match(ran.stderr, /^kpki: error/m, code)
  return ran
}

test.run()
