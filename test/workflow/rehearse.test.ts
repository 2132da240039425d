import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { encodeUtf8 } from '../../lib/crypto/bytes.js'
import { makeDirectory, makeRows, writeFiles } from '../../lib/workflow/phases/actions.js'
import type { Phase } from '../../lib/workflow/phases/phase.js'
import { planPhases, runPhases } from '../../lib/workflow/phases/runner.js'
import { rehearsePhases } from '../../lib/workflow/rehearse.js'
import { testContext } from '../support/context.js'
import { controlPlane } from '../support/control-plane.js'
import { memoryHost } from '../support/memory-host.js'

const context = testContext()
const { cluster } = await controlPlane('v1.36.4', { cluster: 'encryptionAlgorithm: ECDSA-P256' })
const MANIFEST = { path: '/etc/kubernetes/manifests/etcd.yaml', mode: 0o600, bytes: encodeUtf8('kind: Pod\n') }
const SECRET = { path: '/etc/kubernetes/secret', mode: 0o600, bytes: encodeUtf8('hunter2\n'), isSecret: true }

const PHASES: readonly Phase<undefined>[] = [
  {
    name: 'certs',
    about: 'make certificates',
    phases: (['ca', 'apiserver', 'sa'] as const).map(id => ({
      name: id,
      about: id,
      plan: () => [makeRows([id], cluster)],
    })),
  },
  {
    name: 'kubeconfig',
    about: 'make kubeconfigs',
    plan: () => [makeRows(['admin.conf'], cluster)],
  },
  {
    name: 'etcd',
    about: 'run etcd',
    plan: () => [makeDirectory('/var/lib/etcd', 0o700), writeFiles([MANIFEST, SECRET])],
  },
  { name: 'later', about: 'not now', skip: () => 'nobody wants it' },
]

async function rehearse(host = memoryHost()) {
  const hands = { host, store: host.store, context }
  return rehearsePhases(planPhases(PHASES, undefined), cluster, hands)
}

const filesOf = ({ phases }: Awaited<ReturnType<typeof rehearse>>) =>
  phases.flatMap(({ steps }) => steps.flatMap(({ files, rows }) => [...rows.flatMap(row => row.files), ...files]))

test('a directory that is there is not made', async () => {
  const host = memoryHost()
  const aboutOf = async () => (await rehearse(host)).phases.find(({ path }) => path === 'etcd')?.steps[0]?.about
  assert.is(await aboutOf(), 'make /var/lib/etcd (0700)')
  host.put('/var/lib/etcd', { type: 'directory', mode: 0o755 })
  assert.is(await aboutOf(), '/var/lib/etcd is there')
})

test('a new host: every file is new, with its mode; what is signed by a CA that is not there yet is planned, too', async () => {
  const host = memoryHost()
  const rehearsal = await rehearse(host)
  assert.equal(
    filesOf(rehearsal).map(({ path, mode, state, isSecret }) => [path, mode.toString(8), state, isSecret]),
    [
      ['/etc/kubernetes/pki/ca.key', '600', 'new', true],
      ['/etc/kubernetes/pki/ca.crt', '644', 'new', false],
      ['/etc/kubernetes/pki/apiserver.key', '600', 'new', true],
      ['/etc/kubernetes/pki/apiserver.crt', '644', 'new', false],
      ['/etc/kubernetes/pki/sa.key', '600', 'new', true],
      ['/etc/kubernetes/pki/sa.pub', '644', 'new', false],
      ['/etc/kubernetes/admin.conf', '600', 'new', true],
      ['/etc/kubernetes/manifests/etcd.yaml', '600', 'new', false],
      ['/etc/kubernetes/secret', '600', 'new', true],
    ],
  )
  assert.equal(rehearsal.findings, [])
  assert.equal(rehearsal.conflicts, [])
  assert.equal(
    rehearsal.phases.find(({ path }) => path === 'later'),
    { path: 'later', about: 'not now', skipped: 'nobody wants it', steps: [] },
  )
  assert.equal(host.snapshot(), {}, 'nothing is touched')
})

test('what a rehearsal names is what the run makes, and afterwards all is unchanged', async () => {
  const host = memoryHost()
  const named = filesOf(await rehearse(host)).map(({ path }) => path)
  const connect = () => Promise.reject(new Error('no cluster is asked'))
  await runPhases(PHASES, undefined, { host, store: host.store, context, connect })
  const made = Object.keys(host.snapshot()).filter(path => !/\.kpki|issued\.jsonl/.test(path))
  assert.equal([...named].sort(), made)
  const after = filesOf(await rehearse(host))
  assert.equal([...new Set(after.map(({ state }) => state))], ['unchanged'])
  assert.is(after.length, named.length)
})

test('a file in whose place another one is, is a conflict', async () => {
  const host = memoryHost({
    files: { [MANIFEST.path]: 'kind: Other\n', [SECRET.path]: { content: SECRET.bytes, mode: 0o644 } },
  })
  const { conflicts, ...rest } = await rehearse(host)
  assert.equal(conflicts, [MANIFEST.path, SECRET.path])
  const file = filesOf({ conflicts, ...rest }).find(({ path }) => path === MANIFEST.path)
  assert.is(new TextDecoder().decode(file?.before), 'kind: Other\n')
})

test('a certificate that does not fit is a finding', async () => {
  const host = memoryHost({ files: { '/etc/kubernetes/pki/ca.crt': 'no certificate' } })
  const { findings } = await rehearse(host)
  assert.ok(findings.some(({ severity, path }) => severity === 'error' && path === 'pki/ca.crt'))
})

test.run()
