import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { StoreError } from '../../../lib/errors.js'
import { generateTree } from '../../../lib/workflow/generate.js'
import type { InitRun } from '../../../lib/workflow/phases/init-run.js'
import { KUBECONFIG } from '../../../lib/workflow/phases/kubeconfig.js'
import { KUBELET_FINALIZE } from '../../../lib/workflow/phases/kubelet-finalize.js'
import { KUBELET_START } from '../../../lib/workflow/phases/kubelet-start.js'
import type { Hands, Outcome, Phase } from '../../../lib/workflow/phases/phase.js'
import { readRecord } from '../../../lib/workflow/record.js'
import { parseYaml } from '../../../lib/yaml.js'
import { rejects, testContext } from '../../support/context.js'
import { controlPlane } from '../../support/control-plane.js'
import { type MemoryHostOptions, type MemorySystemOptions, memoryHost } from '../../support/memory-host.js'

const DIR = '/var/lib/kubelet'
const FILES = [`${DIR}/kubeadm-flags.env`, `${DIR}/instance-config.yaml`, `${DIR}/config.yaml`]
const running = (isActive: boolean): MemorySystemOptions => ({
  serviceManager: 'systemd',
  services: { kubelet: { isInstalled: true, isEnabled: true, isActive } },
})

async function runOf(
  more: Partial<InitRun> & { readonly text?: Parameters<typeof controlPlane>[1] } = {},
): Promise<InitRun> {
  const { text, ...rest } = more
  return {
    controlPlane: await controlPlane('v1.36.0', text),
    traits: { hostname: 'cp-1' },
    patches: [],
    as: 'static-pods',
    tokens: [],
    uploadCerts: undefined,
    overwrite: false,
    now: new Date('2026-11-21T12:00:00Z'),
    ...rest,
  }
}

function setUp(options: MemoryHostOptions = {}) {
  const host = memoryHost(options)
  const hands: Hands = {
    host,
    store: host.store,
    context: testContext(),
    connect: () => Promise.reject(new Error('nobody asks')),
  }
  return { host, hands }
}

async function apply(phase: Phase<InitRun>, run: InitRun, hands: Hands): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = []
  for (const { plan } of [phase, ...(phase.phases ?? [])])
    for (const action of plan?.(run) ?? []) outcomes.push(await action.apply(hands))
  return outcomes
}
const madeBy = (outcomes: readonly Outcome[]) => outcomes.flatMap(({ made }) => made)
const notesOf = (outcomes: readonly Outcome[]) => outcomes.flatMap(({ notes = [] }) => notes)

test('the kubelet is stopped, its files are written, it is started; a second run leaves it alone', async () => {
  const order: string[] = []
  const { host, hands } = setUp({
    system: running(true),
    onWrite: (what, path) => void (path.startsWith(`${DIR}/`) && order.push(`${what} ${path}`)),
  })
  // As one log: what the service manager is told, and what is written.
  const { system } = host
  const log = system?.log ?? []
  const push = log.push.bind(log)
  log.push = (...lines) => {
    order.push(...lines)
    return push(...lines)
  }
  const outcomes = await apply(KUBELET_START, await runOf(), hands)
  assert.equal(order, ['stop kubelet', ...FILES.map(path => `create ${path}`), 'restart kubelet'])
  assert.equal(madeBy(outcomes), [DIR, ...FILES, 'the service kubelet was started (systemd)'])
  assert.equal(
    outcomes.map(({ state }) => state),
    ['done', 'done'],
  )
  assert.is((await host.look(DIR))?.mode, 0o700)
  for (const path of FILES) assert.is((await host.look(path))?.mode, 0o644)
  assert.equal(
    (await readRecord(host)).entries.map(({ path }) => path),
    [DIR, ...FILES],
  )

  order.length = 0
  const again = await apply(KUBELET_START, await runOf(), hands)
  assert.equal(again, [
    { state: 'unchanged', made: [] },
    { state: 'unchanged', made: [] },
  ])
  assert.equal(order, [])
})

test('a kubelet with its files that does not run is started', async () => {
  const { host, hands } = setUp({ system: running(false) })
  await apply(KUBELET_START, await runOf(), hands)
  assert.equal(host.system?.log, ['restart kubelet'])
  const kubelet = host.system?.serviceTable['kubelet']
  if (kubelet) kubelet.isActive = false
  const outcomes = await apply(KUBELET_START, await runOf(), hands)
  assert.equal(madeBy(outcomes), ['the service kubelet was started (systemd)'])
})

test('files of somebody else end the run before the kubelet is touched', async () => {
  const { host, hands } = setUp({ system: running(true), files: { [`${DIR}/config.yaml`]: 'mine' } })
  const error = await rejects(apply(KUBELET_START, await runOf(), hands))
  assert.instance(error, StoreError)
  assert.equal([error.code, error.details['path']], ['KPKI_FILE_EXISTS', `${DIR}/config.yaml`])
  assert.equal(host.system?.log, [])
  assert.equal(Object.keys(host.snapshot(DIR)), [`${DIR}/config.yaml`])
})

test('what an earlier run has written is replaced where it is asked for', async () => {
  const { host, hands } = setUp({ system: running(true) })
  await apply(KUBELET_START, await runOf(), hands)
  const run = await runOf({ text: { cluster: 'networking: {dnsDomain: corp.example}' } })
  assert.is((await rejects(apply(KUBELET_START, run, hands))).code, 'KPKI_FILE_EXISTS')
  host.system?.log.splice(0)
  const outcomes = await apply(KUBELET_START, { ...run, overwrite: true }, hands)
  assert.equal(madeBy(outcomes), [`${DIR}/config.yaml`, 'the service kubelet was started (systemd)'])
  assert.equal(host.system?.log, ['stop kubelet', 'restart kubelet'])
  assert.match(host.text(`${DIR}/config.yaml`) ?? '', 'clusterDomain: corp.example')
})

test('a kubelet that was stopped for files that cannot be written is started again', async () => {
  const { host, hands } = setUp({
    system: running(true),
    onWrite: (_what, path) => {
      if (path.endsWith('config.yaml')) throw new StoreError('KPKI_DISK_FULL', 'no space is left')
    },
  })
  assert.is((await rejects(apply(KUBELET_START, await runOf(), hands))).code, 'KPKI_DISK_FULL')
  assert.equal(host.system?.log, ['stop kubelet', 'restart kubelet'])
  // With space, the next run completes what is missing.
  host.onWrite = undefined
  const outcomes = await apply(KUBELET_START, await runOf(), hands)
  assert.equal(madeBy(outcomes), [...FILES.slice(1), 'the service kubelet was started (systemd)'])
})

test('a service that does not start is a note, as with kubeadm', async () => {
  const { host, hands } = setUp({ system: running(false) })
  const services = await host.system?.services()
  if (!host.system || !services) throw new TypeError('a system')
  const { WorkflowError } = await import('../../../lib/errors.js')
  host.system.services = async () => ({
    ...services,
    restart: async () => {
      throw new WorkflowError('KPKI_SERVICE_FAILED', 'systemctl restart kubelet failed with status 1', {
        hint: 'see why: journalctl -u kubelet',
      })
    },
  })
  const outcomes = await apply(KUBELET_START, await runOf(), hands)
  assert.equal(madeBy(outcomes), [DIR, ...FILES])
  assert.equal(notesOf(outcomes), ['systemctl restart kubelet failed with status 1; see why: journalctl -u kubelet'])
})

const COMMAND = `kubelet \\
--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf \\
--kubeconfig=/etc/kubernetes/kubelet.conf \\
--config=/var/lib/kubelet/config.yaml`

for (const [what, system] of [
  ['nothing looks after services', {}],
  ['the kubelet is no service', { serviceManager: 'systemd', services: {} }],
] as const satisfies readonly (readonly [string, MemorySystemOptions])[])
  test(`where ${what}, the command is said until the kubelet answers`, async () => {
    const { host, hands } = setUp({ system })
    const expected = `the kubelet is no service of this host: start it yourself:\n${COMMAND}`
    assert.equal(notesOf(await apply(KUBELET_START, await runOf(), hands)), [expected])
    assert.equal(notesOf(await apply(KUBELET_START, await runOf(), hands)), [expected])
    if (host.system) host.system.answers['http://127.0.0.1:10248/healthz'] = { status: 200, body: 'ok' }
    assert.equal(notesOf(await apply(KUBELET_START, await runOf(), hands)), [])
  })

test('a directory that stands for a host gets the files, and nothing more is said', async () => {
  const { host, hands } = setUp({ system: undefined })
  const outcomes = await apply(KUBELET_START, await runOf(), hands)
  assert.equal(madeBy(outcomes), [DIR, ...FILES])
  assert.equal(notesOf(outcomes), [])
  assert.match(host.text(`${DIR}/config.yaml`) ?? '', 'kind: KubeletConfiguration')
})

const KUBELET_CONF = '/etc/kubernetes/kubelet.conf'
const PEM = `${DIR}/pki/kubelet-client-current.pem`

/** A host whose kubelet.conf a run has made. */
async function withKubeconfig(options: MemoryHostOptions) {
  const { host, hands } = setUp(options)
  const run = await runOf({ text: { cluster: 'encryptionAlgorithm: ECDSA-P256' } })
  await generateTree(['ca', 'kubelet.conf'], run.controlPlane.cluster, host.store, hands.context)
  host.system?.log.splice(0)
  return { host, hands, run }
}

test('a kubelet without a certificate of its own keeps its kubeconfig', async () => {
  const { host, hands, run } = await withKubeconfig({ system: running(true) })
  const before = host.text(KUBELET_CONF)
  assert.equal(await apply(KUBELET_FINALIZE, run, hands), [{ state: 'unchanged', made: [] }])
  assert.is(host.text(KUBELET_CONF), before)
  assert.equal(host.system?.log, [])
})

test('a kubelet with a certificate of its own is left to renew it; a second run changes nothing', async () => {
  const { host, hands, run } = await withKubeconfig({ system: running(true), files: { [PEM]: { mode: 0o600 } } })
  const before = parseYaml(host.text(KUBELET_CONF) ?? '', 'before').value
  assert.equal(await apply(KUBELET_FINALIZE, run, hands), [{ state: 'done', made: [KUBELET_CONF] }])
  const after = parseYaml(host.text(KUBELET_CONF) ?? '', 'after').value
  // kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/cmd/phases/init/kubeletfinalize.go: the data go, both files are the link.
  const user = { 'client-certificate': PEM, 'client-key': PEM }
  assert.equal(after, { ...(before as object), users: [{ name: 'system:node:cp-1', user }] })
  assert.is((await host.look(KUBELET_CONF))?.mode, 0o600)
  assert.equal(host.system?.log, ['restart kubelet'])
  assert.equal(await apply(KUBELET_FINALIZE, run, hands), [{ state: 'unchanged', made: [] }])
  assert.equal(host.system?.log, ['restart kubelet'])
})

test('where the kubelet keeps its certificates elsewhere, that is looked at', async () => {
  const init =
    'localAPIEndpoint: {advertiseAddress: 10.77.1.10}\nnodeRegistration: {name: cp-1, kubeletExtraArgs: [{name: cert-dir, value: /srv/certs}]}'
  const { host, hands } = await withKubeconfig({
    system: running(true),
    files: { '/srv/certs/kubelet-client-current.pem': { mode: 0o600 } },
  })
  assert.equal(madeBy(await apply(KUBELET_FINALIZE, await runOf({ text: { init } }), hands)), [KUBELET_CONF])
  assert.match(host.text(KUBELET_CONF) ?? '', 'client-key: /srv/certs/kubelet-client-current.pem')
})

test('a kubelet that is no service is to be restarted by who has started it', async () => {
  const { hands, run } = await withKubeconfig({ system: {}, files: { [PEM]: { mode: 0o600 } } })
  const [note] = notesOf(await apply(KUBELET_FINALIZE, run, hands))
  assert.match(note ?? '', 'restart it')
})

for (const [what, text, code] of [
  ['nobody made', undefined, 'KPKI_FILE_NOT_FOUND'],
  ['of another node', 'users: [{name: "system:node:cp-2", user: {}}]', 'KPKI_KUBECONFIG_INVALID'],
  ['that is no mapping', '- 1', 'KPKI_KUBECONFIG_INVALID'],
  ['that is no YAML', '{', 'KPKI_YAML_INVALID'],
] as const)
  test(`a kubelet.conf ${what} is refused: ${code}`, async () => {
    const { hands } = setUp({ files: { [PEM]: '', ...(text === undefined ? {} : { [KUBELET_CONF]: text }) } })
    assert.is((await rejects(apply(KUBELET_FINALIZE, await runOf(), hands))).code, code)
  })

test('the phase kubeconfig leaves a kubelet.conf that was finalized as it is', async () => {
  const { host, hands, run } = await withKubeconfig({ system: running(true), files: { [PEM]: { mode: 0o600 } } })
  // What the kubelet gets from the cluster is a certificate of the same CA for the same names: its first one stands for it.
  const conf = parseYaml(host.text(KUBELET_CONF) ?? '', 'conf').value as {
    users: { user: Record<string, string> }[]
  }
  const [{ user } = { user: {} }] = conf.users
  const pem = ['client-certificate-data', 'client-key-data'].map(key =>
    Buffer.from(user[key] ?? '', 'base64').toString(),
  )
  host.put(PEM, { content: pem.join(''), mode: 0o600 })
  await apply(KUBELET_FINALIZE, run, hands)
  const before = host.text(KUBELET_CONF)
  const outcomes = await apply({ name: 'x', about: 'x', phases: KUBECONFIG.phases ?? [] }, run, hands)
  assert.is(host.text(KUBELET_CONF), before)
  assert.not.ok(madeBy(outcomes).includes(KUBELET_CONF))
})

test.run()
