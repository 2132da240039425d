// The examples and the README's snippets, run as a user runs them: against the built package, by its name.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Runs a TypeScript file that lies inside the package, in an empty directory. */
function runFile(file: string): { readonly stdout: string; readonly written: readonly string[] } {
  const cwd = mkdtempSync(join(tmpdir(), 'kpki-example-'))
  try {
    const tsx = new URL(import.meta.resolve('tsx')).href
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', tsx, file], {
      cwd,
      encoding: 'utf8',
      env: { ...process.env, TMPDIR: cwd },
    })
    assert.is(status, 0, stderr)
    return { stdout, written: readdirSync(cwd, { recursive: true }) as string[] }
  } finally {
    rmSync(cwd, { recursive: true, force: true })
  }
}

const EXAMPLES: Readonly<Record<string, (result: ReturnType<typeof runFile>) => void>> = {
  'in-memory.ts': ({ stdout }) => {
    assert.match(stdout, 'kubelet.conf: O=system:nodes, CN=system:node:cp-1\n')
    assert.match(stdout, '27 files\n')
  },
  'on-disk.ts': ({ written }) => {
    for (const host of ['cp-1', 'cp-2', 'cp-3'])
      assert.ok(
        written.some(path => path.endsWith(`${host}/pki/etcd/peer.key`)),
        host,
      )
    assert.ok(written.some(path => path.endsWith('cp-1/super-admin.conf')))
    assert.not.ok(written.some(path => path.endsWith('cp-2/super-admin.conf')))
    assert.not.ok(written.some(path => path.endsWith('worker-1/pki/ca.key')))
  },
  'verify-pin.ts': ({ stdout }) => {
    assert.match(stdout, /^sha256:[0-9a-f]{64} matches$/m)
    assert.match(stdout, /is refused: KPKI_PIN_MISMATCH$/m)
  },
}

test('every example has a test', () => {
  assert.equal(
    readdirSync(join(root, 'examples')).filter(name => name.endsWith('.ts')),
    Object.keys(EXAMPLES),
  )
})
for (const [name, check] of Object.entries(EXAMPLES)) {
  test(`examples/${name}`, () => check(runFile(join(root, 'examples', name))))
}

const README = readFileSync(join(root, 'README.md'), 'utf8')
const snippets = [...README.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code = '']) => code)

test('the README has three snippets', () => assert.is(snippets.length, 3))
for (const [index, code] of snippets.entries()) {
  test(`README snippet ${index + 1}`, () => {
    const dir = join(root, 'test/.snippets')
    mkdirSync(dir, { recursive: true })
    const file = join(dir, `snippet-${process.pid}-${index}.ts`)
    writeFileSync(file, code)
    try {
      const { stdout, written } = runFile(file)
      assert.ok(stdout.length > 0)
      if (code.includes('DiskStore')) assert.ok(written.includes('cp-1/pki/ca.key'))
    } finally {
      rmSync(file)
    }
  })
}

test('the commands in the README exist, with their flags', async () => {
  const { COMMANDS } = await import('../lib/cli/commands.js')
  const lines = [...README.matchAll(/^(?:npm ci && npx )?kpki ((?:gen|config|hash) .*)$/gm)].map(([, line = '']) =>
    line.replace(/ +#.*| [>|].*/, ''),
  )
  assert.ok(lines.length > 10)
  for (const line of lines) {
    const words = line.split(' ')
    const path = [words.slice(0, 2).join(' '), words[0] ?? ''].find(name => COMMANDS[name]?.load) ?? ''
    assert.ok(COMMANDS[path], line)
    for (const word of words) {
      if (word.startsWith('--')) assert.ok(word.slice(2) in (COMMANDS[path]?.flags ?? {}), `${line}: ${word}`)
    }
  }
})

test.run()
