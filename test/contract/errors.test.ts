import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Io } from '../../lib/cli/io.js'
import { main } from '../../lib/cli/main.js'
import { readRegularFile } from '../../lib/node.js'
import { rejects } from '../support/context.js'

/** Runs a command line and keeps what it says. */
async function run(argv: readonly string[], overrides: Partial<Io> = {}) {
  const said = { stdout: '', stderr: '' }
  const status = await main(argv, {
    stdout: text => {
      said.stdout += text
    },
    stderr: text => {
      said.stderr += text
    },
    stdoutIsTerminal: false,
    stderrIsTerminal: false,
    stdoutIsExposed: false,
    columns: 80,
    env: {},
    readStdin: async () => new Uint8Array(),
    signal: new AbortController().signal,
    ...overrides,
  })
  return { status, ...said }
}
const nowhere = join(tmpdir(), 'kpki-nowhere', 'ca.crt')

test('a foreign error becomes one line, a code and a way out; never a stack trace', async () => {
  const stdout = () => {
    throw new TypeError('odd')
  }
  const { status, stderr } = await run(['hash', '--help', '-o', 'json'], { stdout })
  assert.is(status, 1)
  assert.is(JSON.parse(stderr).error.code, 'KPKI_INTERNAL')
  assert.not.match(stderr, ' at ')
  const plain = await run(['--version'], { stdout })
  assert.match(plain.stderr, /^kpki: error: .*\nkpki: hint: .*\n$/)
  assert.match((await run(['--version'], { stdout, env: { KPKI_DEBUG: '1' } })).stderr, ' at ')
})

test('a file that is not there', async () => {
  const { status, stdout, stderr } = await run(['hash', nowhere, '-o', 'json'])
  assert.is(status, 1)
  assert.is(stdout, '')
  assert.is(JSON.parse(stderr).error.code, 'KPKI_FILE_NOT_FOUND')
})

test('a path that no system reads', async () => {
  // ENAMETOOLONG: over 255 octets (POSIX NAME_MAX); also root cannot read it.
  const error = await rejects(readRegularFile(join(tmpdir(), 'x'.repeat(300))))
  assert.is(error.code, 'KPKI_FILE_UNREADABLE')
})

test.run()
