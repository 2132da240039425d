import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { COMMANDS } from '../../lib/cli/commands.js'
import { listPhases, RESET_PHASES, StoreError } from '../../lib/index.js'
import { record } from '../../lib/workflow/record.js'
import { run } from '../support/cli.js'
import { testContext } from '../support/context.js'
import { type MemoryHost, memoryHost } from '../support/memory-host.js'

const context = testContext()
const connect = () => Promise.reject(new Error('no cluster is asked'))
const FILES = {
  '/etc/kubernetes/manifests/etcd.yaml': 'kind: Pod\n',
  '/etc/kubernetes/admin.conf': 'secret of admin',
  '/etc/kubernetes/pki/ca.crt': 'certificate',
  '/etc/kubernetes/pki/ca.key': 'secret of ca',
  '/var/lib/kubelet/config.yaml': 'kind: KubeletConfiguration\n',
}

async function someHost(uid = 0): Promise<MemoryHost> {
  const host = memoryHost({
    files: { '/proc/self/mountinfo': '1 1 0:1 / / rw - ext4 x rw\n', '/etc/kubernetes/mine': 'x' },
    system: { uid, serviceManager: 'systemd' },
  })
  await record(
    Object.entries(FILES).map(([path, text]) => ({ path, mode: 0o600, bytes: new TextEncoder().encode(text) })),
    { host, context },
  )
  for (const [path, content] of Object.entries(FILES)) host.put(path, { content, mode: 0o600 })
  return host
}

const opened = (host: MemoryHost) => ({ host: { host, store: host.store, connect } })
const filesOf = (host: MemoryHost) => Object.keys(host.snapshot('/etc')).concat(Object.keys(host.snapshot('/var')))

test('what goes and stays is listed, somebody is asked, and it is done', async () => {
  const host = await someHost()
  const { status, stdout, stderr } = await run(['reset'], {
    ...opened(host),
    terminal: true,
    answer: 'y',
    env: { NO_COLOR: '1' },
  })
  assert.is(status, 0, stderr)
  assert.match(stderr, /Goes:/)
  assert.match(stderr, /made by kpki \/etc\/kubernetes\/pki\/ca\.key/)
  assert.match(stderr, /a key that certificates or tokens are signed with/)
  assert.match(stderr, /Stays:\n(.*\n)*? {2}\/etc\/kubernetes\/mine/)
  assert.match(stderr, /keys of CAs among them\. Do it\? \[y\/N\]/)
  assert.match(stdout, /done +cleanup-node/)
  assert.match(stderr, /^First:\n {2}stop kubelet\n/)
  assert.match(stdout, /9 of 9 files and directories removed/)
  assert.equal(filesOf(host), ['/etc/kubernetes/mine'])
  assert.not.match(stdout + stderr, /secret of/)
})

for (const [name, answer] of [
  ['nobody is there', undefined],
  ['somebody says no', 'n'],
  ['somebody says nothing', ''],
] as const)
  test(`nothing is removed when ${name}`, async () => {
    const host = await someHost()
    const before = host.snapshot()
    const { status, stderr } = await run(['reset'], { ...opened(host), ...(answer === undefined ? {} : { answer }) })
    assert.is(status, 1)
    assert.match(stderr, /nothing was removed/)
    assert.match(stderr, /hint: with --force/)
    assert.equal(host.snapshot(), before)
  })

for (const flag of ['--force', '-f', '--yes', '-y'])
  test(`${flag} asks nobody`, async () => {
    const host = await someHost()
    const { status, stderr } = await run(['reset', flag], opened(host))
    assert.is(status, 0, stderr)
    assert.match(stderr, /Goes:/)
    assert.equal(filesOf(host), ['/etc/kubernetes/mine'])
  })

test('a second reset has nothing to do, and asks nobody', async () => {
  const host = await someHost()
  await run(['reset', '-f'], opened(host))
  const { status, stdout } = await run(['reset'], opened(host))
  assert.is(status, 0)
  assert.match(stdout, /there was nothing to take back/)
})

test('a dry run prints the list on stdout and touches nothing', async () => {
  const host = await someHost(1000)
  const before = host.snapshot()
  const { status, stdout, stderr } = await run(['reset', '--dry-run'], opened(host))
  assert.is(status, 0, stderr)
  assert.match(stdout, /Goes:/)
  assert.match(stdout, /Dry run, nothing was touched\n$/)
  assert.equal(host.snapshot(), before)
  assert.equal(host.system?.log, [])
})

test('for programs: what goes, why, what stays, what the phases came to', async () => {
  const host = await someHost()
  const planned = JSON.parse((await run(['reset', '--dry-run', '-o', 'json'], opened(host))).stdout)
  assert.is(planned.kind, 'ResetResult')
  assert.is(planned.dryRun, true)
  assert.equal(planned.phases, [])
  const done = JSON.parse((await run(['reset', '-f', '-o', 'json'], opened(host))).stdout)
  assert.equal(done.remove, planned.remove)
  assert.equal(
    done.remove.find(({ path }: { path: string }) => path.endsWith('ca.key')),
    { path: '/etc/kubernetes/pki/ca.key', type: 'file', why: 'recorded', changed: false, signingKey: true },
  )
  assert.ok(done.keep.some(({ path }: { path: string }) => path === '/etc/kubernetes/mine'))
  assert.equal(
    done.phases.map(({ name, state }: { name: string; state: string }) => [name, state]),
    [
      ['preflight', 'unchanged'],
      ['remove-etcd-member', 'skipped'],
      ['cleanup-node', 'done'],
    ],
  )
})

test('who is not root is told so, and nothing is removed', async () => {
  const host = await someHost(1000)
  const { status, stderr } = await run(['reset', '-f'], opened(host))
  assert.is(status, 1)
  assert.match(stderr, /a host is reset by root/)
  assert.ok(filesOf(host).includes('/etc/kubernetes/admin.conf'))
  assert.is((await run(['reset', '-f', '--ignore-preflight-errors', 'isprivilegeduser'], opened(host))).status, 0)
})

test("phases alone, by kubeadm's names; cleanup-node leaves nothing to the others", async () => {
  const host = await someHost()
  assert.is((await run(['reset', 'phase', 'preflight', '-f'], opened(host))).status, 0)
  assert.ok(filesOf(host).includes('/etc/kubernetes/admin.conf'))
  assert.is((await run(['reset', 'phase', 'cleanupnode', '-f'], opened(host))).status, 0)
  assert.not(filesOf(host).includes('/etc/kubernetes/admin.conf'))
  const { status, stderr } = await run(['reset', '--skip-phases', 'cleanup', '-f'], opened(host))
  assert.is(status, 2)
  assert.match(stderr, /KPKI_PHASE_UNKNOWN|there is no phase "cleanup"/)
})

test('what is listed and asked is what the phases do that run', async () => {
  const host = await someHost()
  const before = host.snapshot()
  for (const args of [
    ['reset', 'phase', 'preflight'],
    ['reset', '--skip-phases', 'cleanup-node'],
  ]) {
    const { status, stdout, stderr } = await run(args, opened(host))
    assert.is(status, 0, stderr)
    assert.is(stderr, '')
    assert.match(stdout, /Done\.\n$/)
    const { remove, keep, does } = JSON.parse((await run([...args, '-o', 'json'], opened(host))).stdout)
    assert.equal([remove, keep, does], [[], [], []])
    const rehearsed = await run([...args, '--dry-run'], opened(host))
    assert.match(rehearsed.stdout, /^No file goes: cleanup-node is not among the phases that run\./)
  }
  assert.equal(host.snapshot(), before)
  const { does } = JSON.parse((await run(['reset', '--dry-run', '-o', 'json'], opened(host))).stdout)
  assert.equal(does, [
    'stop kubelet',
    'unmount what is mounted below /var/lib/kubelet',
    'remove the Pods that run on unix:///var/run/containerd/containerd.sock',
  ])
})

test("for the member of etcd's cluster alone, that is asked", async () => {
  const host = await someHost()
  const manifest =
    'kind: Pod\nspec: {containers: [{name: etcd, command: [etcd, --data-dir=/var/lib/etcd, ' +
    '"--initial-advertise-peer-urls=https://10.0.0.1:2380"]}]}\n'
  host.put('/etc/kubernetes/manifests/etcd.yaml', { content: manifest, mode: 0o600 })
  const { status, stderr } = await run(['reset', 'phase', 'remove-etcd-member'], {
    ...opened(host),
    terminal: true,
    answer: 'n',
    env: { NO_COLOR: '1' },
  })
  assert.is(status, 1)
  assert.match(stderr, /First:\n {2}remove the etcd member https:\/\/10\.0\.0\.1:2380\n/)
  assert.match(stderr, /remove the etcd member https:\/\/10\.0\.0\.1:2380\. Do it\? \[y\/N\]/)
  assert.not.match(stderr, /Goes:|ca\.key/)
})

test('nothing is listed or removed while another run is at work', async () => {
  const host = await someHost()
  const before = host.snapshot()
  const release = await host.store.lock()
  const { status, stderr } = await run(['reset', '--force'], opened(host))
  assert.is(status, 1)
  assert.match(stderr, /another run is at work/)
  assert.equal(host.snapshot(), before)
  assert.is((await run(['reset', '--dry-run'], opened(host))).status, 0, 'who only looks disturbs nobody')
  await release()
  assert.is((await run(['reset', '--force'], opened(host))).status, 0)
  await (await host.store.lock())()
})

test('--keep-pki leaves certificates and keys', async () => {
  const host = await someHost()
  await run(['reset', '-f', '--keep-pki'], opened(host))
  assert.is(host.text('/etc/kubernetes/pki/ca.key'), 'secret of ca')
  assert.is(host.text('/etc/kubernetes/admin.conf'), undefined)
})

function inDir(work: (dir: string) => Promise<void>): () => Promise<void> {
  return async () => {
    const dir = mkdtempSync(join(tmpdir(), 'kpki-test-'))
    try {
      await work(dir)
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  }
}

test(
  '--backup packs what goes, for its owner alone, and never over a file',
  inDir(async dir => {
    const host = await someHost()
    const file = join(dir, 'host.tar')
    const { status, stdout } = await run(['reset', '-f', '--backup', file], opened(host))
    assert.is(status, 0)
    assert.match(stdout, /A copy is in/)
    assert.is(statSync(file).mode & 0o777, 0o600)
    const unpacked = spawnSync('tar', ['-xOf', file, 'etc/kubernetes/pki/ca.key'], { encoding: 'utf8' })
    assert.is(unpacked.stdout, 'secret of ca')
    const again = await someHost()
    const second = await run(['reset', '-f', '--backup', file], opened(again))
    assert.is(second.status, 1)
    assert.match(second.stderr, /exists already/)
    assert.ok(filesOf(again).includes('/etc/kubernetes/pki/ca.key'), 'nothing was removed')
  }),
)

test(
  '--backup packs the whole of every file, and what was replaced',
  inDir(async dir => {
    const host = await someHost()
    const ledger = '/etc/kubernetes/pki/issued.jsonl'
    host.put(ledger, `${'x'.repeat(3_000_000)}\n`)
    host.put('/etc/kubernetes/tmp/old/pki/ca.key', { content: 'old key', mode: 0o600 })
    const file = join(dir, 'host.tar')
    const { status, stderr } = await run(['reset', '-f', '--cleanup-tmp-dir', '--backup', file], opened(host))
    assert.is(status, 0, stderr)
    assert.not(filesOf(host).includes(ledger))
    const content = (path: string) =>
      spawnSync('tar', ['-xOf', file, path], { encoding: 'utf8', maxBuffer: 10_000_000 }).stdout
    assert.is(content(ledger.slice(1)).length, 3_000_001)
    assert.is(content('etc/kubernetes/tmp/old/pki/ca.key'), 'old key')
  }),
)

test(
  'a backup that cannot be whole, or would go with the rest, stops the reset before anything goes',
  inDir(async dir => {
    const host = await someHost()
    const before = host.snapshot()
    const read = host.read.bind(host)
    host.read = (path, maxBytes) => {
      if (path.endsWith('/ca.key') && maxBytes !== undefined)
        throw new StoreError('KPKI_FILE_UNREADABLE', 'ca.key cannot be read (EIO)')
      return read(path, maxBytes)
    }
    const file = join(dir, 'host.tar')
    const torn = await run(['reset', '-f', '--backup', file], opened(host))
    assert.is(torn.status, 1)
    assert.match(torn.stderr, /ca\.key cannot be read \(EIO\): the backup would not be whole/)
    assert.equal(host.snapshot(), before)
    assert.not(existsSync(file))
    host.read = read
    // The disk's own directory, by another name.
    const link = join(dir, 'link')
    mkdirSync(join(dir, 'plugins'))
    symlinkSync(join(dir, 'plugins'), link)
    host.put('/var/lib/kubelet/plugins/x', 'x')
    host.locate = path => path.replace('/var/lib/kubelet', realpathSync(dir))
    const inside = await run(['reset', '-f', '--backup', join(link, 'host.tar')], opened(host))
    assert.is(inside.status, 2)
    assert.match(inside.stderr, /lies in .*\/plugins, which goes/)
    assert.is(host.text('/etc/kubernetes/pki/ca.key'), 'secret of ca')
    assert.equal(readdirSync(join(dir, 'plugins')), [])
  }),
)

test(
  'ResetConfiguration says the same, and flags say it over the file',
  inDir(async dir => {
    const file = join(dir, 'reset.yaml')
    const write = (lines: string) =>
      writeFileSync(file, `apiVersion: kubeadm.k8s.io/v1beta4\nkind: ResetConfiguration\n${lines}`)
    write('force: true\ncriSocket: unix:///run/a.sock\nskipPhases: [remove-etcd-member]\n')
    const host = await someHost()
    const { stdout } = await run(['reset', '--config', file, '--dry-run', '-o', 'json'], opened(host))
    assert.is(JSON.parse(stdout).criSocket, 'unix:///run/a.sock')
    const over = await run(
      ['reset', '--config', file, '--cri-socket', '/run/b.sock', '--dry-run', '-o', 'json'],
      opened(host),
    )
    assert.is(JSON.parse(over.stdout).criSocket, 'unix:///run/b.sock')
    assert.is((await run(['reset', '--config', file], opened(host))).status, 0)
    assert.not(filesOf(host).includes('/etc/kubernetes/admin.conf'))
    write('forse: true\n')
    assert.is((await run(['reset', '--config', file], opened(await someHost()))).status, 2)
  }),
)

for (const dir of ['pki', '/a/../b', '/a//b', '/'])
  test(`--cert-dir ${dir} is refused`, async () => {
    const { status, stderr } = await run(['reset', '-f', '--cert-dir', dir], opened(await someHost()))
    assert.is(status, 2)
    assert.match(stderr, /--cert-dir .* is not absolute, or does not say where it leads/)
  })

test('cleanup-node alone leaves the data of etcd, as its member stays in the cluster', async () => {
  for (const args of [
    ['reset', 'phase', 'cleanup-node', '-f'],
    ['reset', '-f', '--skip-phases', 'remove-etcd-member'],
  ]) {
    const host = await someHost()
    host.put('/etc/kubernetes/manifests/etcd.yaml', {
      content: 'kind: Pod\nspec: {containers: [{name: etcd, command: [etcd, --data-dir=/var/lib/etcd]}]}\n',
      mode: 0o600,
    })
    host.put('/var/lib/etcd/member/db', 'data')
    const { status, stderr } = await run(args, opened(host))
    assert.is(status, 0, stderr)
    assert.match(stderr, /\/var\/lib\/etcd\/member: data of etcd stay without the phase remove-etcd-member/)
    assert.is(host.text('/var/lib/etcd/member/db'), 'data')
  }
})

test('the phases of the help are those of the table', () => {
  const rows = COMMANDS['reset phase']?.list?.rows ?? []
  assert.equal(
    rows.map(([name, about]) => [name, about]),
    listPhases(RESET_PHASES).map(({ path, phase }) => [path, phase.about]),
  )
})

test.run()
