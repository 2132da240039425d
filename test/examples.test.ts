// The examples, run as a user runs them: against the built package, by its name.
import { spawnSync } from 'node:child_process'
import { createDecipheriv, createHmac } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAllDocuments } from 'yaml'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Runs a TypeScript file that lies inside the package, in an empty directory. */
function runFile(file: string): {
  readonly stdout: string
  readonly stderr: string
  readonly written: readonly string[]
} {
  const cwd = mkdtempSync(join(tmpdir(), 'kpki-example-'))
  try {
    const tsx = new URL(import.meta.resolve('tsx')).href
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', tsx, file], {
      cwd,
      encoding: 'utf8',
      env: { ...process.env, TMPDIR: cwd },
    })
    assert.is(status, 0, stderr)
    return { stdout, stderr, written: readdirSync(cwd, { recursive: true }) as string[] }
  } finally {
    rmSync(cwd, { recursive: true, force: true })
  }
}

const EXAMPLES: Readonly<Record<string, (result: ReturnType<typeof runFile>) => void>> = {
  'bootstrap-manifests.ts': ({ stdout, stderr }) => {
    const objects = parseAllDocuments(stdout).map(document => document.toJS())
    const [token, info] = objects
    const certs = objects.find(({ metadata }) => metadata.name === 'kubeadm-certs')
    assert.is(objects.filter(({ kind }) => /^(Cluster)?Role(Binding)?$/.test(kind)).length, 9)
    const [, id = '', secret = '', hex = ''] =
      /^kubeadm join api\.example\.org:6443 --token (\w{6})\.(\w{16}) .* --certificate-key ([0-9a-f]{64})$/m.exec(
        stderr,
      ) ?? []
    assert.is(token.metadata.name, `bootstrap-token-${id}`)
    // RFC 7515 appendix F: the payload is left out of what is there, and put back for the check.
    const payload = Buffer.from(info.data.kubeconfig).toString('base64url')
    const [head, , signature] = info.data[`jws-kubeconfig-${id}`].split('.')
    assert.is(signature, createHmac('sha256', secret).update(`${head}.${payload}`).digest('base64url'))
    const bytes = Buffer.from(certs.data['ca.key'], 'base64')
    const decipher = createDecipheriv('aes-256-gcm', Buffer.from(hex, 'hex'), bytes.subarray(0, 12))
    decipher.setAuthTag(bytes.subarray(-16))
    assert.match(decipher.update(bytes.subarray(12, -16), undefined, 'utf8') + decipher.final('utf8'), /^-----BEGIN EC/)
  },
  'in-memory.ts': ({ stdout }) => {
    assert.match(stdout, 'kubelet.conf: O=system:nodes, CN=system:node:cp-1\n')
    assert.match(stdout, '28 files\n')
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
  'phases.ts': ({ stdout, written }) => {
    const lines = stdout.trim().split('\n')
    // A phase of one's own stands where it was put, and the second run finds nothing to do.
    const own = lines.indexOf('audit-policy: done, 1 made')
    assert.is(lines[own - 1], 'etcd/local: done, 2 made')
    assert.is(lines[own + 1], 'control-plane/apiserver: done, 1 made')
    assert.ok(lines.includes('again: 0 done'), stdout)
    assert.is(lines.at(-1), 'addon/service-proxy: ConfigMap service-proxy')
    assert.ok(written.some(path => path.endsWith('etc/kubernetes/audit.yaml')))
  },
  'renew.ts': ({ stdout }) => {
    const lines = stdout.trim().split('\n')
    // kubeadm's leaves and kubeconfigs of v1.29 and later: seven certificates, five kubeconfigs.
    assert.is(lines.filter(line => line.startsWith('expired: ')).length, 12)
    assert.ok(lines.includes('restart: kubelet on cp-1'), stdout)
    assert.ok(lines.includes('after renewal: 0 findings'), stdout)
    assert.ok(lines.includes('apiserver: reissue, keep key: lacks the name api.example.org'), stdout)
    assert.is(lines.at(-1), 'left to do: 0')
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
