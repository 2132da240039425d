import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { INIT_PHASE_ROWS } from '../../lib/index.js'
import { parseYamlStream } from '../../lib/yaml.js'
import { run } from '../support/cli.js'
import { initHost } from '../support/init.js'

const dir = mkdtempSync(join(tmpdir(), 'kpki-init-'))
test.after(() => rmSync(dir, { recursive: true, force: true }))
const config = join(dir, 'kubeadm.yaml')
writeFileSync(
  config,
  `apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: 10.77.1.10}
nodeRegistration: {name: cp-1, ignorePreflightErrors: [SystemVerification]}
timeouts: {controlPlaneComponentHealthCheck: 1s, kubeletHealthCheck: 1s, kubernetesAPICall: 1s}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.36.4
encryptionAlgorithm: ECDSA-P256
controlPlaneEndpoint: api.example.org:6443
`,
)

async function setUp(...more: Parameters<typeof initHost>) {
  const { host, api } = await initHost(...more)
  const opened = { host, store: host.store, connect: async () => api }
  const kpki = (argv: readonly string[], options = {}, file = config) =>
    run([...argv, '--config', file], { host: opened, ...options })
  return { host, api, kpki }
}

const TOKEN = /[a-z0-9]{6}\.[a-z0-9]{16}/

test('a control plane: a line for each phase, and how others join', async () => {
  const { kpki } = await setUp()
  const { status, stdout } = await kpki(['init'])
  assert.is(status, 0)
  const told = stdout.split('\n').flatMap(line => /^(?:done|unchanged|skipped) +([a-z/-]+)/.exec(line)?.[1] ?? [])
  const leaves = INIT_PHASE_ROWS.map(({ path }) => path).filter(
    path => !INIT_PHASE_ROWS.some(other => other.path.startsWith(`${path}/`)),
  )
  assert.equal(told, leaves)
  const lines = stdout.split('\n').filter(line => !/kubeadm join|discovery|--control-plane/.test(line))
  assert.ok(
    lines.every(line => line.length <= 80),
    lines.find(line => line.length > 80),
  )
  assert.match(stdout, /^ {2}kubeadm join api\.example\.org:6443 --token [a-z0-9]{6}\.[a-z0-9]{16} \\$/m)
  assert.match(stdout, /^ {2}export KUBECONFIG=\/etc\/kubernetes\/admin\.conf$/m)
  const again = await kpki(['init'])
  assert.is(again.status, 0)
  assert.not.match(again.stdout, /^done/m)
  assert.match(again.stdout, /nothing was\s+changed/)
})

test('secrets are left out where that is asked for, and are nowhere in a dry run', async () => {
  const { kpki, host, api } = await setUp()
  const before = [host.snapshot(), api.objects.size]
  const dry = await kpki(['init', '--dry-run', '--upload-certs'])
  assert.is(dry.status, 0)
  assert.not.match(dry.stdout + dry.stderr, TOKEN)
  assert.not.match(dry.stdout, /PRIVATE KEY|certificate-key [0-9a-f]/)
  assert.equal([host.snapshot(), api.objects.size], before)
  assert.is((await kpki(['init', '--dry-run', '--upload-certs'])).stdout, dry.stdout)
  const { stdout } = await kpki(['init', '--upload-certs', '--skip-token-print', '--skip-certificate-key-print'])
  assert.not.match(stdout, TOKEN)
  assert.match(stdout, /--token <value withheld> \\$/m)
  assert.match(stdout, /--control-plane --certificate-key <value withheld>$/m)
})

test('others that can read the output are warned of, where it holds secrets', async () => {
  const { kpki } = await setUp()
  assert.match((await kpki(['init'], { exposed: true })).stderr, /hold secrets, and others can read/)
  assert.not.match((await kpki(['init', '--skip-token-print'], { exposed: true })).stderr, /hold secrets/)
  const keyFile = join(dir, 'given-key')
  writeFileSync(keyFile, 'ab'.repeat(32))
  const withKey = ['init', '--upload-certs', '--skip-token-print', '--certificate-key-file', keyFile]
  const told = await kpki(withKey, { exposed: true })
  assert.match(told.stdout, /--certificate-key abab/)
  assert.match(told.stderr, /hold secrets, and others can read/)
  const withheld = await kpki([...withKey, '--skip-certificate-key-print'], { exposed: true })
  assert.is(withheld.status, 0)
  assert.not.match(withheld.stderr, /hold secrets/)
})

test('others that can read objects with a token in them are warned of', async () => {
  const { kpki } = await setUp()
  const described = join(dir, 'token.yaml')
  const token = 'bootstrapTokens: [{token: abcdef.0123456789abcdef}]'
  writeFileSync(described, readFileSync(config, 'utf8').replace('InitConfiguration', `InitConfiguration\n${token}`))
  await kpki(['init', 'phase', 'certs', 'ca'])
  const print = ['init', 'phase', 'bootstrap-token', '-o', 'yaml']
  assert.match((await kpki(print, { exposed: true }, described)).stderr, /hold a bootstrap token, and others can read/)
  assert.is((await kpki(print, {}, described)).stderr, '')
  assert.not.match((await kpki(print, { exposed: true })).stderr, /others can read/)
})

test('a key that nobody gave is handed over, where certificates are uploaded with it', async () => {
  const { kpki } = await setUp()
  await kpki(['init', 'phase', 'certs'])
  const { stdout } = await kpki(['init', 'phase', 'upload-certs'])
  assert.match(stdout, /^ {2}[0-9a-f]{64}$/m)
  const result = JSON.parse((await kpki(['init', '--only', 'upload-certs', '--upload-certs', '-o', 'json'])).stdout)
  assert.match(result.certificateKey, /^[0-9a-f]{64}$/)
  const withheld = await kpki(['init', 'phase', 'upload-certs', '--skip-certificate-key-print'])
  assert.not.match(withheld.stdout, /[0-9a-f]{64}/)
  const key = 'ab'.repeat(32)
  writeFileSync(join(dir, 'key'), key)
  assert.not.match(
    (await kpki(['init', 'phase', 'upload-certs', '--certificate-key-file', join(dir, 'key')])).stdout,
    new RegExp(key),
  )
})

test('a description can ask for a dry run', async () => {
  const { kpki, host } = await setUp()
  const dry = join(dir, 'dry.yaml')
  writeFileSync(
    dry,
    readFileSync(config, 'utf8').replace('kind: InitConfiguration', 'kind: InitConfiguration\ndryRun: true'),
  )
  const before = host.snapshot()
  const { status, stdout } = await kpki(['init'], {}, dry)
  assert.is(status, 0)
  assert.match(stdout, /nothing was touched/)
  assert.equal(host.snapshot(), before)
})

test('quiet says nothing', async () => {
  const { kpki } = await setUp()
  assert.equal(await kpki(['init', '-q']), { status: 0, stdout: '', stderr: '' })
})

test('for programs: every phase, and the commands in one line', async () => {
  const { kpki } = await setUp()
  const { status, stdout, stderr } = await kpki(['init', '-o', 'json', '--skip-phases', 'addon'])
  assert.equal([status, stderr], [0, ''])
  const result = JSON.parse(stdout)
  assert.equal([result.kind, result.nodeName, result.server], ['InitResult', 'cp-1', 'https://api.example.org:6443'])
  assert.equal(
    result.phases.find(({ name }: { name: string }) => name === 'addon'),
    { name: 'addon', state: 'skipped', reason: 'as asked', made: [], notes: [] },
  )
  assert.match(
    result.joinCommands.worker,
    /^kubeadm join api\.example\.org:6443 --token \S+ --discovery-token-ca-cert-hash sha256:[0-9a-f]{64}$/,
  )
  assert.match(result.joinCommands.controlPlane, / --control-plane$/)
})

const ALONE: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['with blanks', ['certs', 'ca'], ['certs/ca']],
  ['with slashes', ['certs/ca'], ['certs/ca']],
  [
    'all below one',
    ['control-plane', 'all'],
    ['apiserver', 'controller-manager', 'scheduler'].map(name => `control-plane/${name}`),
  ],
  ['a whole group', ['etcd'], ['etcd/local']],
  [
    'another name',
    ['kubelet-finalize', 'experimental-cert-rotation'],
    ['kubelet-finalize/enable-client-cert-rotation'],
  ],
]

for (const [name, words, paths] of ALONE) {
  test(`a phase alone, ${name}`, async () => {
    const { kpki } = await setUp()
    const { status, stdout } = await kpki(['init', 'phase', ...words, '-o', 'json'])
    assert.is(status, 0)
    assert.equal(
      JSON.parse(stdout).phases.map((phase: { name: string }) => phase.name),
      paths,
    )
  })
}

test('phases that put objects into the cluster print them for programs, and ask nobody', async () => {
  const { kpki, host, api } = await setUp()
  await kpki(['init', 'phase', 'certs', 'ca'])
  const before = [host.snapshot(), api.calls.length]
  for (const words of [
    ['addon', 'coredns'],
    ['addon'],
    ['upload-config'],
    ['bootstrap-token'],
    ['mark-control-plane'],
  ]) {
    const { status, stdout, stderr } = await kpki(['init', 'phase', ...words, '-o', 'yaml'])
    assert.is(status, 0, stderr)
    const kinds = parseYamlStream(stdout, 'output').map(({ value }) => (value as { kind: string }).kind)
    assert.ok(kinds.length > 0 && !kinds.includes('InitResult'), `${words}: ${kinds}`)
  }
  assert.equal([host.snapshot(), api.calls.length], before)
  const list = JSON.parse((await kpki(['init', 'phase', 'addon', 'kube-proxy', '-o', 'json'])).stdout)
  assert.equal([list.kind, list.items.at(-1).kind], ['List', 'DaemonSet'])
})

test('what no object says is never done where objects are asked for: it is refused, or said', async () => {
  const { kpki, host, api } = await setUp()
  await kpki(['init', 'phase', 'certs'])
  const before = [host.snapshot(), api.calls.length, api.objects.size]
  for (const output of ['yaml', 'json']) {
    const refused = await kpki(['init', 'phase', 'upload-certs', '--upload-certs', '-o', output])
    assert.equal([refused.status, refused.stdout], [2, ''])
    const words = refused.stderr.replaceAll(/\s+/g, ' ')
    assert.match(words, /upload-certs: it has no objects .*nothing was done/)
    assert.match(words, /--kubeconfig .*kpki certs upload -o yaml/)
  }
  const disabled = join(dir, 'disabled.yaml')
  const off = 'kubernetesVersion: v1.33.1\ndns: {disabled: true}\nproxy: {disabled: true}'
  writeFileSync(disabled, readFileSync(config, 'utf8').replace('kubernetesVersion: v1.36.4', off))
  const addon = await kpki(['init', 'phase', 'addon', '-o', 'json'], {}, disabled)
  assert.equal(JSON.parse(addon.stdout), { apiVersion: 'v1', kind: 'List', items: [] })
  assert.match(addon.stderr, /addon\/coredns is skipped: dns\.disabled is set/)
  const kubelet = await kpki(['init', 'phase', 'upload-config', 'kubelet', '-o', 'yaml'], {}, disabled)
  assert.match(kubelet.stderr, /not among the objects: annotate Node cp-1: kubeadm\.alpha\.kubernetes\.io\/cri-socket/)
  const tokens = await kpki(['init', 'phase', 'bootstrap-token', '-o', 'yaml'])
  assert.match(tokens.stderr, /not among the objects: make a bootstrap token/)
  assert.is((await kpki(['init', 'phase', 'bootstrap-token', '-o', 'yaml', '-q'])).stderr, '')
  assert.equal([host.snapshot(), api.calls.length, api.objects.size], before)
})

const REFUSED: readonly (readonly [readonly string[], number, RegExp])[] = [
  [['init', 'phase', 'cert'], 2, /there is no phase "cert"\n.*did you mean certs\?/],
  [['init', 'phase', 'apiserver'], 2, /did you mean certs\/apiserver or control-plane\/apiserver\?/],
  [['init', 'phase'], 2, /init phase needs/],
  [['init', '--skip-phases', 'addons'], 2, /there is no phase "addons"/],
  [['init', '--only', 'nothing-like-it'], 2, /there are preflight, certs, /],
  [['init', '--kubernetes-version', 'v1.60.0'], 2, /1\.20.*1\.37/],
  [['init', '--patches', '/nowhere'], 2, /\/nowhere is not there/],
  [['init', '--as', 'openrc'], 2, /static-pods, systemd/],
]

for (const [argv, status, message] of REFUSED) {
  test(`refused: ${argv.join(' ')}`, async () => {
    const { kpki, host } = await setUp()
    const before = host.snapshot()
    const said = await kpki(argv)
    assert.is(said.status, status, said.stderr)
    assert.match(said.stderr, message)
    assert.equal([said.stdout, host.snapshot()], ['', before])
  })
}

test('a failure names the phase and how to go on; a dry run tells of what would stop it', async () => {
  const { kpki, host } = await setUp({ fetch: () => ({ status: 500, body: 'no' }) })
  const failed = await kpki(['init'])
  assert.is(failed.status, 1)
  assert.match(
    failed.stderr,
    /^kpki: error: phase wait-control-plane: kubelet \(http:\/\/127\.0\.0\.1:10248\/healthz: status 500: no\) is not well after 1s$/m,
  )
  assert.match(failed.stderr, /^kpki: hint: .*then run kpki init again.*kpki init phase wait-control-plane$/m)
  assert.match(failed.stdout, /^done +kubelet-start/m)
  const errors = JSON.parse((await kpki(['init', '-o', 'json'])).stderr).error
  assert.equal(
    [errors.code, errors.details.phase, errors.details.error],
    ['KPKI_PHASE_FAILED', 'wait-control-plane', 'KPKI_WAIT_TIMEOUT'],
  )
  host.put('/etc/kubernetes/manifests/etcd.yaml', 'mine')
  const dry = await kpki(['init', '--dry-run', '-o', 'json'])
  assert.is(dry.status, 1)
  assert.equal(JSON.parse(dry.stdout).conflicts, ['/etc/kubernetes/manifests/etcd.yaml'])
})

test('an interrupt ends the run between two actions, with status 130', async () => {
  const stop = new AbortController()
  const { kpki, host } = await setUp()
  host.onWrite = (_, path) => {
    if (path.endsWith('kube-apiserver.yaml')) stop.abort()
  }
  const { status, stderr } = await kpki(['init'], { signal: stop.signal })
  assert.is(status, 130)
  assert.match(stderr, /interrupted in the phase control-plane\/controller-manager/)
  host.onWrite = undefined
  assert.is((await kpki(['init'])).status, 0)
})

test('help lists the phases', async () => {
  const { stdout } = await run(['init', 'phase', '--help'])
  for (const { path } of INIT_PHASE_ROWS)
    assert.ok(stdout.includes(`\n  ${path} `) || stdout.includes(`\n  ${path}\n`), path)
})

test.run()
