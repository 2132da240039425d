import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { encodeUtf8 } from '../../lib/crypto/bytes.js'
import { WorkflowError } from '../../lib/errors.js'
import { writeFiles } from '../../lib/workflow/phases/actions.js'
import { INIT_PHASES } from '../../lib/workflow/phases/init.js'
import type { InitRun } from '../../lib/workflow/phases/init-run.js'
import { RESET_PHASES } from '../../lib/workflow/phases/reset.js'
import { planPhases, runPhases } from '../../lib/workflow/phases/runner.js'
import { RECORD_PATH } from '../../lib/workflow/record.js'
import { parseMounts } from '../../lib/workflow/reset/mounts.js'
import { type ResetOptions, surveyReset } from '../../lib/workflow/reset/survey.js'
import { rejects, testContext } from '../support/context.js'
import { controlPlane } from '../support/control-plane.js'
import { type MemoryHost, type MemoryHostOptions, memoryHost } from '../support/memory-host.js'

const context = testContext()
const connect = () => Promise.reject(new Error('no cluster is asked'))
const RUN: InitRun = {
  controlPlane: await controlPlane('v1.36.4', {
    cluster: 'encryptionAlgorithm: ECDSA-P256',
    init:
      'localAPIEndpoint: {advertiseAddress: 10.77.1.10}\n' +
      'nodeRegistration: {name: cp-1, criSocket: "unix:///run/x.sock"}',
  }),
  traits: {},
  patches: [],
  as: 'static-pods',
  tokens: [],
  uploadCerts: undefined,
  overwrite: false,
  now: context.clock(),
}
const PHASES = ['certs', 'kubeconfig', 'etcd', 'control-plane', 'kubelet-start']

const MOUNTINFO = '/proc/self/mountinfo'
const mountLine = (point: string) => `36 35 98:0 / ${point} rw,noatime shared:1 - ext4 /dev/root rw\n`
/** What a cluster that has run leaves beside what init wrote. */
const OF_A_RUN = {
  '/var/lib/kubelet/cpu_manager_state': '{}',
  '/var/lib/kubelet/pki/kubelet.key': 'secret',
  '/var/lib/kubelet/pki/kubelet-client-2026-01-01-00-00-00.pem': 'secret',
  '/var/lib/kubelet/pods/uid/volumes/empty/file': 'data',
  '/var/lib/etcd/member/snap/db': 'data',
  '/var/lib/etcd/member/wal/0.wal': 'data',
}
const OF_OTHERS = {
  '/etc/cni/net.d/10-flannel.conflist': '{}',
  '/etc/kubernetes/manifests/mine.yaml': 'kind: Pod\n',
  '/etc/kubernetes/pki/mine.pem': 'x',
  '/etc/kubernetes/notes.txt': 'x',
  '/var/lib/kubelet/config.json': '{"auths":{}}',
  '/var/lib/etcd/lost+found/x': 'x',
  '/root/.kube/config': 'x',
  '/etc/passwd': 'root:x:0:0::/root:/bin/sh\n',
}

type System = NonNullable<MemoryHostOptions['system']>
const newHost = (system: System = {}, files: MemoryHostOptions['files'] = {}) =>
  memoryHost({
    files: { [MOUNTINFO]: mountLine('/'), ...files },
    system: { serviceManager: 'systemd', env: { HOME: '/root' }, ...system },
  })

/** What init makes, once for all tests that begin with nothing. */
const made = newHost()
await init(made)

async function initialized(system: System = {}, before?: MemoryHostOptions['files']): Promise<MemoryHost> {
  const host = newHost(system, before)
  if (before) await init(host)
  else for (const [path, entry] of made.entries) host.entries.set(path, entry)
  for (const [path, content] of Object.entries({ ...OF_A_RUN, ...OF_OTHERS }))
    if (!host.entries.has(path)) host.put(path, content)
  const kubelet = host.system?.serviceTable['kubelet']
  if (kubelet) kubelet.isActive = true
  return host
}

function init(host: MemoryHost) {
  return runPhases(INIT_PHASES, RUN, { host, store: host.store, context, connect }, { only: PHASES })
}

async function reset(host: MemoryHost, options: ResetOptions = {}, signal?: AbortSignal) {
  const run = await surveyReset(host, context, options)
  const hands = { host, store: host.store, context, connect, ...(signal ? { signal } : {}) }
  return { run, results: await runPhases(RESET_PHASES, run, hands) }
}

const encodeLatin1 = (text: string) => Uint8Array.from(text, char => char.charCodeAt(0))
const filesOf = (host: MemoryHost) => Object.keys(host.snapshot()).filter(path => !path.startsWith('/proc/'))

test('what init and the cluster have made is gone, and nothing else', async () => {
  const host = await initialized()
  const { results } = await reset(host)
  assert.equal(filesOf(host), Object.keys(OF_OTHERS).sort())
  for (const [path, content] of Object.entries(OF_OTHERS)) assert.is(host.text(path), content)
  assert.equal(
    results.map(({ path, state }) => [path, state]),
    [
      ['preflight', 'unchanged'],
      ['remove-etcd-member', 'unchanged'],
      ['cleanup-node', 'done'],
    ],
  )
  assert.ok(host.system?.log.includes('stop kubelet'))
})

test('a second reset does nothing, and init works again and makes what it made', async () => {
  const host = await initialized()
  const before = filesOf(host)
  await reset(host)
  const log = host.system?.log.length
  const { run, results } = await reset(host)
  assert.equal(run.remove, [])
  assert.equal(
    results.map(({ state }) => state),
    ['unchanged', 'skipped', 'skipped'],
  )
  assert.is(host.system?.log.length, log)
  await init(host)
  const [made, ofRun] = [filesOf(host), Object.keys(OF_A_RUN)]
  assert.equal(
    made,
    before.filter(path => !ofRun.includes(path)),
  )
})

test('what goes and what stays is said before, and the survey touches nothing', async () => {
  const host = await initialized()
  const before = host.snapshot()
  const { remove, keep } = await surveyReset(host, context)
  assert.equal(host.snapshot(), before)
  const signing = remove.filter(({ isSigningKey }) => isSigningKey).map(({ path }) => path)
  assert.equal(signing.sort(), [
    '/etc/kubernetes/pki/ca.key',
    '/etc/kubernetes/pki/etcd/ca.key',
    '/etc/kubernetes/pki/front-proxy-ca.key',
    '/etc/kubernetes/pki/sa.key',
  ])
  assert.equal(
    remove.slice(-2).map(({ path }) => path),
    [RECORD_PATH, '/etc/kubernetes/.kpki'],
  )
  const kept = keep.map(({ path }) => path)
  for (const path of Object.keys(OF_OTHERS)) {
    if (path === '/etc/passwd') continue
    const isNamed = kept.some(name => path === name || path.startsWith(`${name}/`))
    assert.ok(isNamed, `${path} is named`)
  }
  assert.not(kept.includes('/etc/passwd'))
})

test('a CA that was there before init stays, and is named', async () => {
  const donor = memoryHost()
  await runPhases(INIT_PHASES, RUN, { host: donor, store: donor.store, context, connect }, { only: ['certs/ca'] })
  const [crt, key] = ['/etc/kubernetes/pki/ca.crt', '/etc/kubernetes/pki/ca.key'] as const
  const theirs = { [crt]: donor.text(crt) ?? '', [key]: { content: donor.text(key) ?? '', mode: 0o600 } }
  const host = await initialized({}, theirs)
  const { run } = await reset(host)
  assert.is(host.text(key), donor.text(key))
  assert.is(host.text(crt), donor.text(crt))
  assert.is(run.keep.find(({ path }) => path === key)?.why, 'no run of kpki has made it')
  assert.not(filesOf(host).includes('/etc/kubernetes/pki/apiserver.crt'))
  const all = await initialized({}, theirs)
  await reset(all, { all: true })
  assert.is(all.text(key), undefined)
})

/** Another CA than that of a host. */
async function anotherCa(): Promise<readonly (readonly [path: string, text: string])[]> {
  const donor = memoryHost()
  await runPhases(INIT_PHASES, RUN, { host: donor, store: donor.store, context, connect }, { only: ['certs/ca'] })
  const paths = ['/etc/kubernetes/pki/ca.crt', '/etc/kubernetes/pki/ca.key']
  return paths.map(path => [path, donor.text(path) ?? ''] as const)
}

test('a CA that was put in the place of the one that init has made stays, and is named', async () => {
  const theirs = await anotherCa()
  const host = await initialized()
  for (const [path, content] of theirs) host.put(path, { content, mode: 0o600 })
  host.put('/etc/kubernetes/pki/apiserver.crt', 'another')
  const { run } = await reset(host)
  for (const [path, content] of theirs) {
    assert.is(host.text(path), content)
    assert.match(run.keep.find(kept => kept.path === path)?.why ?? '', /is another one than a run of kpki has made/)
  }
  assert.ok(run.remove.find(({ path }) => path === '/etc/kubernetes/pki/apiserver.crt')?.isChanged)
  assert.ok(filesOf(host).includes(RECORD_PATH))
  await reset(host, { all: true })
  for (const [path] of theirs) assert.is(host.text(path), undefined)
})

test('a CA that was brought along after init could not make one stays', async () => {
  const theirs = await anotherCa()
  const host = newHost()
  host.onWrite = (_what, path) => {
    if (path.endsWith('/ca.crt') || path.endsWith('/ca.key'))
      throw new WorkflowError('KPKI_INTERNAL', 'no space is left')
  }
  await rejects(init(host))
  host.onWrite = undefined
  assert.ok(host.text(RECORD_PATH)?.includes('/pki/ca.key'))
  for (const [path, content] of theirs) host.put(path, { content, mode: 0o600 })
  await reset(host)
  for (const [path, content] of theirs) assert.is(host.text(path), content)
})

test('certificates and data stay when that is asked for; the record that names them stays, too', async () => {
  const host = await initialized()
  const ca = host.text('/etc/kubernetes/pki/ca.key')
  await reset(host, { keepPki: true, keepEtcd: true })
  assert.is(host.text('/etc/kubernetes/pki/ca.key'), ca)
  assert.is(host.text('/var/lib/etcd/member/snap/db'), 'data')
  assert.not(filesOf(host).includes('/etc/kubernetes/admin.conf'))
  assert.ok(filesOf(host).includes(RECORD_PATH))
  await reset(host)
  assert.equal(filesOf(host), Object.keys(OF_OTHERS).sort())
})

test("without a record, what is of kubeadm's list goes", async () => {
  const host = await initialized()
  await host.remove(RECORD_PATH)
  const { run } = await reset(host)
  assert.ok(run.remove.every(({ why }) => ['known', 'kubelet', 'etcd', 'empty'].includes(why)))
  assert.equal(filesOf(host), Object.keys(OF_OTHERS).sort())
})

const RECORDS: readonly (readonly [name: string, change: (text: string) => string])[] = [
  ['of a later kpki', text => text.replaceAll('"v":1', '"v":2')],
  ['that is empty', () => ''],
  ['of torn lines', text => text.replaceAll('"path"', '')],
]
for (const [name, change] of RECORDS)
  test(`a record ${name} is no record that is not there: nothing goes`, async () => {
    const host = await initialized()
    host.put(RECORD_PATH, { content: change(host.text(RECORD_PATH) ?? ''), mode: 0o600 })
    const before = host.snapshot()
    const error = await rejects(reset(host))
    assert.is(error.code, 'KPKI_FILE_UNREADABLE')
    assert.match(error.message, /no line of it can be read/)
    assert.equal(host.snapshot(), before)
  })

test('a record of which one line cannot be read stays, and says so', async () => {
  const host = await initialized()
  host.put(RECORD_PATH, { content: `${host.text(RECORD_PATH)}{"v":2}\n`, mode: 0o600 })
  const { run } = await reset(host)
  assert.match(run.keep.find(({ path }) => path === RECORD_PATH)?.why ?? '', /^1 of its lines cannot be read/)
  assert.ok(filesOf(host).includes(RECORD_PATH))
  assert.not(filesOf(host).includes('/etc/kubernetes/admin.conf'))
})

test('data of etcd are found whatever slashes its manifest has', async () => {
  const host = await initialized()
  const manifest = '/etc/kubernetes/manifests/etcd.yaml'
  host.put(manifest, (host.text(manifest) ?? '').replaceAll(/path: \/var\/lib\/etcd$/gm, 'path: /var//lib/./etcd/'))
  await host.remove(RECORD_PATH)
  const { run } = await reset(host)
  assert.ok(run.remove.some(({ path }) => path === '/var/lib/etcd/member'))
  assert.is(host.text('/var/lib/etcd/member/snap/db'), undefined)
})

test('a data directory of which nobody can say where it leads is named, and stays', async () => {
  const host = await initialized()
  const manifest = '/etc/kubernetes/manifests/etcd.yaml'
  host.put(manifest, (host.text(manifest) ?? '').replaceAll(/path: \/var\/lib\/etcd$/gm, 'path: /var/x/../lib/etcd'))
  await host.remove(RECORD_PATH)
  const { run } = await reset(host)
  assert.ok(run.keep.some(({ path }) => path === '/var/x/../lib/etcd'))
  assert.is(host.text('/var/lib/etcd/member/snap/db'), 'data')
})

test('directories in which nothing is left go, what is half-written, too; those of others stay', async () => {
  const host = await initialized()
  host.put('/etc/kubernetes/pki/.ca.key.kpki-tmp-1-2', 'half a key')
  await host.remove('/etc/kubernetes/manifests/mine.yaml')
  await reset(host)
  assert.equal(await host.names('/etc/kubernetes'), ['notes.txt', 'pki'])
  assert.equal(await host.names('/etc/kubernetes/pki'), ['mine.pem'])
})

test('a data directory that was there before init, empty, is emptied: its etcd is ours', async () => {
  const host = await initialized({}, { '/var/lib/etcd': { type: 'directory', mode: 0o700 } })
  await reset(host)
  assert.equal(filesOf(host), Object.keys(OF_OTHERS).sort())
  assert.is((await host.look('/var/lib/etcd'))?.type, 'directory')
})

test('data of an etcd that nobody of kpki has set up stay', async () => {
  const host = await initialized()
  const record = host.text(RECORD_PATH) ?? ''
  host.put(RECORD_PATH, { content: record.replace(/^.*(etcd\.yaml|"\/var\/lib\/etcd").*\n/gm, ''), mode: 0o600 })
  const { run } = await reset(host)
  assert.is(host.text('/var/lib/etcd/member/snap/db'), 'data')
  assert.ok(run.keep.some(({ path }) => path === '/var/lib/etcd/member'))
})

test('the member of an etcd that nobody of kpki has set up stays in its cluster', async () => {
  const host = await initialized()
  const record = host.text(RECORD_PATH) ?? ''
  host.put(RECORD_PATH, { content: record.replace(/^.*(etcd\.yaml|"\/var\/lib\/etcd").*\n/gm, ''), mode: 0o600 })
  const { run, results } = await reset(host)
  assert.is(run.etcd, undefined)
  assert.is(results[1]?.state, 'skipped')
})

test('data of an etcd that systemd runs are found by its unit', async () => {
  const host = memoryHost({ files: { [MOUNTINFO]: mountLine('/'), '/data/etc"d': { type: 'directory' } } })
  const unit = {
    path: '/etc/systemd/system/etcd.service',
    mode: 0o644,
    bytes: encodeUtf8(
      '[Service]\nExecStart=/usr/local/bin/etcd \\\n  --name=a \\\n  "--data-dir=/data/etc\\"d" \\\n' +
        '  --initial-advertise-peer-urls=https://10.77.1.10:2380 --listen-client-urls=https://[::1]:3379,https://1.2.3.4:1\n',
    ),
  }
  await writeFiles([unit]).apply({ host, store: host.store, context, connect })
  host.put('/data/etc"d/member/db', 'data')
  const { run } = await reset(host)
  assert.is(run.etcd?.peerUrl, 'https://10.77.1.10:2380')
  assert.is(run.etcd?.clientUrl, 'https://[::1]:3379')
  assert.equal(filesOf(host), [])
})

test('a host without anything of a cluster keeps its kubelet running', async () => {
  const host = memoryHost({
    files: { [MOUNTINFO]: mountLine('/'), '/var/lib/kubelet/pods/x': 'data' },
    system: {
      serviceManager: 'systemd',
      services: { kubelet: { isInstalled: true, isEnabled: true, isActive: true } },
    },
  })
  await reset(host)
  assert.equal(host.system?.log, [])
  assert.is(host.text('/var/lib/kubelet/pods/x'), 'data')
})

test('a file that somebody has changed since is told apart, and goes with the others', async () => {
  const host = await initialized()
  host.put('/etc/kubernetes/manifests/etcd.yaml', `${host.text('/etc/kubernetes/manifests/etcd.yaml')}# mine\n`)
  const { remove } = await surveyReset(host, context)
  assert.equal(
    remove.filter(({ isChanged }) => isChanged).map(({ path }) => path),
    ['/etc/kubernetes/manifests/etcd.yaml'],
  )
})

test('killed at every write, the next reset completes', async () => {
  const count = await (async () => {
    const host = await initialized()
    let writes = 0
    host.onWrite = () => void writes++
    await reset(host)
    return writes
  })()
  assert.ok(count > 20)
  for (let killed = 0; killed < count; killed += 3) {
    const host = await initialized()
    let writes = 0
    host.onWrite = () => {
      if (writes++ >= killed) throw new Error('killed')
    }
    await reset(host).then(
      () => assert.unreachable(),
      () => {},
    )
    host.onWrite = undefined
    await reset(host)
    assert.equal(filesOf(host), Object.keys(OF_OTHERS).sort(), `killed at ${killed}`)
  }
})

test('an interrupted reset stops between two files, and the next one goes on', async () => {
  const host = await initialized()
  const controller = new AbortController()
  host.onWrite = () => controller.abort()
  const error = await rejects(reset(host, {}, controller.signal))
  assert.is(error.code, 'KPKI_INTERRUPTED')
  host.onWrite = undefined
  await reset(host)
  assert.equal(filesOf(host), Object.keys(OF_OTHERS).sort())
})

test('only root resets a host', async () => {
  const host = await initialized({ uid: 1000 })
  const error = await rejects(reset(host))
  assert.is(error.code, 'KPKI_PREFLIGHT_FAILED')
  assert.ok(filesOf(host).includes('/etc/kubernetes/admin.conf'))
  await reset(host, { ignorePreflightErrors: ['IsPrivilegedUser'] })
  assert.not(filesOf(host).includes('/etc/kubernetes/admin.conf'))
})

test('a record that others may write is not believed', async () => {
  const host = await initialized()
  host.put(RECORD_PATH, { content: host.text(RECORD_PATH) ?? '', mode: 0o666 })
  assert.is((await rejects(surveyReset(host, context))).code, 'KPKI_FILE_FOREIGN')
})

/** umount that takes its mount point away. */
function mounted(points: readonly string[], stays: readonly string[] = []) {
  const host = initialized({
    programs: {
      readlink: args => `${args.at(-1)}\n`,
      umount: args => {
        const point = args.at(-1) ?? ''
        if (stays.includes(point)) return { status: 32, stdout: '', stderr: 'target is busy.' }
        left.delete(point)
        return ''
      },
    },
  })
  const left = new Set(points)
  const keepUp = async () => {
    const memory = await host
    const original = memory.read.bind(memory)
    memory.read = async path =>
      path === MOUNTINFO ? encodeUtf8([mountLine('/'), ...[...left].map(mountLine)].join('')) : original(path)
    return memory
  }
  return keepUp()
}

test('volumes are unmounted, the last one first, before anything is removed', async () => {
  const [a, b] = ['/var/lib/kubelet/pods/uid/volumes/a', '/var/lib/kubelet/pods/uid/volumes/a/b']
  const host = await mounted([a, b])
  await reset(host, { unmountFlags: ['MNT_DETACH', 'MNT_FORCE', 'UMOUNT_NOFOLLOW'] })
  const umounts = host.system?.log.filter(line => line.startsWith('umount'))
  assert.equal(umounts, [`umount --lazy --force -- ${b}`, `umount --lazy --force -- ${a}`])
  assert.equal(filesOf(host), Object.keys(OF_OTHERS).sort())
})

test('what stays mounted is not gone into: its data, and the record, stay for the next reset', async () => {
  const point = '/var/lib/kubelet/pods/uid/volumes/empty'
  const host = await mounted([point], [point])
  const error = await rejects(reset(host))
  assert.is(error.code, 'KPKI_PHASE_FAILED')
  assert.is(error.details['error'], 'KPKI_WRITE_FAILED')
  assert.match(error.message, /is a mount point/)
  assert.is(host.text(`${point}/file`), 'data')
  assert.ok(filesOf(host).includes(RECORD_PATH))
  assert.not(filesOf(host).includes('/etc/kubernetes/admin.conf'))
})

test("where nobody knows what is mounted, the kubelet's directories stay, and the reset has failed", async () => {
  const host = await initialized()
  await host.remove(MOUNTINFO)
  const error = await rejects(reset(host))
  assert.is(error.details['error'], 'KPKI_WRITE_FAILED')
  assert.match(error.message, /\/var\/lib\/kubelet stays as it is: .*nobody knows what is mounted/)
  assert.is(host.text('/var/lib/kubelet/pods/uid/volumes/empty/file'), 'data')
  assert.ok(filesOf(host).includes(RECORD_PATH))
  assert.not(filesOf(host).includes('/etc/kubernetes/admin.conf'))
})

test('many mounts, and mounts with names that are no UTF-8, are mounts', async () => {
  const host = await initialized()
  const many = mountLine(`/tmp/${'x'.repeat(400)}`).repeat(3000)
  host.put(MOUNTINFO, encodeLatin1(`${many}${mountLine('/tmp/caf\xe9')}${mountLine('/var/lib/kubelet/pods/uid')}`))
  await reset(host, {}).catch(() => {})
  assert.ok(host.system?.log.includes('umount -- /var/lib/kubelet/pods/uid'))
})

test('Pods of the runtime that the kubelet was told of are removed; one that does not go is told of', async () => {
  const sandboxes = [
    { id: 'a', name: 'etcd-cp-1', namespace: 'kube-system' },
    { id: 'b', name: 'coredns', namespace: 'kube-system' },
  ]
  const host = await initialized({ sandboxes })
  const { run } = await reset(host)
  assert.is(run.criSocket, 'unix:///run/x.sock')
  assert.equal(host.system?.sandboxTable, [])
  const failing = await initialized({ sandboxes, runtimeFails: { removeSandbox: 'busy' } })
  const { results } = await reset(failing)
  const notes = results.flatMap(result => result.notes)
  assert.ok(notes.some(note => note.includes('Pod kube-system/coredns stays: busy')))
  assert.is(failing.system?.log.filter(line => line === 'remove sandbox a').length, 5)
  assert.equal(filesOf(failing), Object.keys(OF_OTHERS).sort())
})

const MEMBER = (id: string, host: string) => ({
  ID: id,
  name: host,
  peerURLs: [`https://${host}:2380`],
  clientURLs: [`https://${host}:2379`],
})
const OWN = MEMBER('17001234567890123456', '10.77.1.10')
const OTHER = MEMBER('42', '10.77.1.11')
const answer = (value: object, status = 200) => ({ status, body: JSON.stringify(value) })

test("the member goes out of etcd's cluster, asked of one that stays, with the client certificate of health checks", async () => {
  const host = await initialized({
    answers: {
      'https://127.0.0.1:2379/v3/cluster/member/list': answer({ members: [OWN, OTHER] }),
      'https://10.77.1.11:2379/v3/cluster/member/remove': answer({ members: [OTHER] }),
    },
  })
  const ca = host.text('/etc/kubernetes/pki/etcd/ca.crt')
  const { results } = await reset(host)
  assert.match(results[1]?.made[0] ?? '', /etcd member 17001234567890123456 was removed; 1 are left/)
  const [list, removal] = host.system?.requests ?? []
  assert.equal(list?.options.json, {})
  assert.equal(removal?.options.json, { ID: OWN.ID })
  assert.is(removal?.options.ca, ca)
})

const MEMBERS: readonly (readonly [name: string, answers: NonNullable<System['answers']>, note: RegExp])[] = [
  [
    'the last member stays',
    { 'https://127.0.0.1:2379/v3/cluster/member/list': answer({ members: [OWN] }) },
    /last member/,
  ],
  [
    'one that is gone already is fine',
    { 'https://127.0.0.1:2379/v3/cluster/member/list': answer({ members: [OTHER] }) },
    /no member of etcd's cluster any more/,
  ],
  ['an etcd that does not answer is told of', {}, /the etcd member was not removed: .*connection refused/],
  [
    'an etcd that refuses is told of',
    {
      'https://127.0.0.1:2379/v3/cluster/member/list': answer({ members: [OWN, OTHER] }),
      'https://10.77.1.11:2379/v3/cluster/member/remove': answer({ message: 'etcdserver: unhealthy cluster' }, 503),
    },
    /unhealthy cluster; remove the member by hand/,
  ],
  [
    'no JSON is told of',
    { 'https://127.0.0.1:2379/v3/cluster/member/list': { status: 200, body: '<html>' } },
    /no JSON/,
  ],
]
for (const [name, answers, note] of MEMBERS)
  test(`etcd: ${name}, and the rest is cleaned up`, async () => {
    const host = await initialized({ answers })
    const { results } = await reset(host)
    assert.match(results[1]?.notes.join('\n') ?? '', note)
    assert.equal(filesOf(host), Object.keys(OF_OTHERS).sort())
  })

test('units that init has made are stopped, and go', async () => {
  const host = await initialized({
    services: {
      kubelet: { isInstalled: true, isEnabled: true, isActive: false },
      'kube-apiserver': { isInstalled: true, isEnabled: true, isActive: true },
    },
  })
  const unit = { path: '/etc/systemd/system/kube-apiserver.service', mode: 0o644, bytes: encodeUtf8('[Unit]\n') }
  await writeFiles([unit]).apply({ host, store: host.store, context, connect })
  await reset(host)
  assert.ok(host.system?.log.includes('stop kube-apiserver'))
  assert.is(host.system?.log.at(-1), 'systemctl daemon-reload')
  assert.is(host.text(unit.path), undefined)
})

test("the phases have kubeadm's names, and are planned without a host", async () => {
  const run = await surveyReset(await initialized(), context)
  assert.equal(
    planPhases(RESET_PHASES, run).map(({ path }) => path),
    ['preflight', 'remove-etcd-member', 'cleanup-node'],
  )
  assert.equal(planPhases(RESET_PHASES, run, { only: ['cleanupnode'] }).length, 1)
})

test('mount points with spaces are read as they are', () => {
  assert.equal(parseMounts(`${mountLine('/var/lib/my\\040dir')}nonsense\n`), ['/var/lib/my dir'])
})

test('an error of the program itself is no note', async () => {
  const host = await initialized()
  if (host.system) host.system.services = () => Promise.reject(new TypeError('a defect'))
  const error = await rejects(reset(host))
  assert.instance(error, WorkflowError)
  assert.is(error.details['error'], 'KPKI_INTERNAL')
})

test.run()
