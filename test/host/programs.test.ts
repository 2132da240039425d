import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { programExists } from '../../lib/host/programs.js'
import { inTempDir } from '../support/temp.js'

test(
  'programs are found by path, or by name in PATH',
  inTempDir(async dir => {
    const at = (name: string) => join(dir, name)
    mkdirSync(at('bin/folder'), { recursive: true })
    for (const name of ['bin/run', 'bin/text']) writeFileSync(at(name), '')
    chmodSync(at('bin/run'), 0o755)
    chmodSync(at('bin/text'), 0o644)
    symlinkSync('run', at('bin/link'))
    const env = { PATH: `:/nowhere:${at('bin')}` }
    for (const [command, expected] of [
      ['run', true],
      ['link', true],
      ['text', false],
      ['folder', false],
      ['no', false],
      [at('bin/run'), true],
      [at('bin/text'), false],
      ['./run', false],
      ['', false],
    ] as const)
      assert.is(await programExists(command, env), expected, command)
    assert.is(await programExists('run', {}), false)
  }),
)

test.run()
