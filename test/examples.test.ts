// The examples, run as a user runs them: against the built package, by its name.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
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

test.run()
