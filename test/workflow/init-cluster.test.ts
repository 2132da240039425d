import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ClusterApi } from '../../lib/access/api.js'
import { ApiError, NetworkError, StoreError } from '../../lib/errors.js'
import { initCluster } from '../../lib/workflow/init-cluster.js'
import { insertPhase } from '../../lib/workflow/phases/edit.js'
import { INIT_PHASES } from '../../lib/workflow/phases/init.js'
import { INIT_PHASE_ROWS } from '../../lib/workflow/phases/init-rows.js'
import { listPhases } from '../../lib/workflow/phases/paths.js'
import { JOIN_CONTROL_PLANE, JOIN_WORKER } from '../../lib/workflow/phases/show-join-command.js'
import { rejects } from '../support/context.js'
import { type InitHost, type InitHostOptions, initHost, runsWhatIsThere, SHORT } from '../support/init.js'
import type { MemoryApi } from '../support/memory-api.js'

/** A host in memory has no kernel. */
const IGNORED = ['systemverification', 'hostname']

async function setUp(options: InitHostOptions = {}) {
  const made = await initHost(options)
  const controlPlane = { ...made.controlPlane, ignorePreflightErrors: IGNORED }
  return { ...made, controlPlane, init: (more = {}) => initCluster(controlPlane, made.hands, more) }
}

/** What a file says beyond what is random in it: keys, and what is signed with them. */
function factsOf(path: string, text: string): unknown {
  if (path.endsWith('.key')) return createPrivateKey(text).asymmetricKeyType
  if (path.endsWith('.pub')) return createPublicKey(text).asymmetricKeyType
  if (path.endsWith('.crt')) {
    const { subject, issuer, subjectAltName, ca, keyUsage, validFrom, validTo } = new X509Certificate(text)
    return { subject, issuer, subjectAltName, ca, keyUsage, validFrom, validTo }
  }
  if (path.endsWith('.conf')) return text.replaceAll(/-data: \S+/g, '-data: …')
  if (!path.endsWith('.jsonl')) return text
  // What is signed is others each time; that it was, and by whom, is test/workflow/ledger.test.ts's.
  if (path.endsWith('issued.jsonl')) return ''
  // A run that goes on writes down again what was not known to be made.
  return [
    ...new Set(
      text
        .trim()
        .split('\n')
        .map(line => lineOf(line)),
    ),
  ].sort()
}

function lineOf(line: string): string {
  const { path, type, mode } = JSON.parse(line)
  return [path, type, mode].join(' ')
}

/** Everything that a run leaves behind, but for what is random. */
function stateOf({ host, api }: Pick<InitHost, 'host' | 'api'>) {
  const files = Object.entries(host.snapshot()).map(([path, text]) => [
    path,
    text.slice(0, 4),
    factsOf(path, text.slice(5)),
  ])
  const objects = [...api.objects].map(([key, object]) => [
    key.replace(/bootstrap-token-.*/, 'bootstrap-token'),
    key.includes('cluster-info') || key.startsWith('Secret')
      ? ''
      : { ...object, metadata: { ...object.metadata, uid: '', resourceVersion: '' } },
  ])
  return { files, objects: objects.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)) }
}

const versionsOf = (api: MemoryApi) => [...api.objects].map(([key, { metadata }]) => [key, metadata.resourceVersion])

test('help names the phases that there are', () => {
  assert.equal(
    INIT_PHASE_ROWS,
    listPhases(INIT_PHASES).map(({ path, phase }) => ({ path, about: phase.about })),
  )
})

// The order of kubernetes/kubernetes v1.36, cmd/kubeadm/app/cmd/init.go.
const ORDER = [
  'preflight',
  'certs',
  'kubeconfig',
  'etcd',
  'control-plane',
  'kubelet-start',
  'wait-control-plane',
  'upload-config',
  'upload-certs',
  'mark-control-plane',
  'bootstrap-token',
  'kubelet-finalize',
  'addon',
  'show-join-command',
]

test('the phases are those of kubeadm, in its order', () => {
  assert.equal(
    INIT_PHASES.map(({ name }) => name),
    ORDER,
  )
})

for (const version of ['v1.20.2', 'v1.28.4', 'v1.30.1', 'v1.36.4', 'v1.37.0']) {
  test(`${version}: a second run changes nothing, and says so`, async () => {
    const { init, host, api } = await setUp({ version, cluster: 'controlPlaneEndpoint: api.example.org:6443' })
    const first = await init()
    assert.is(first.phases.find(({ path }) => path === 'addon/coredns')?.state, 'done')
    const before = { files: host.snapshot(), objects: versionsOf(api) }
    const services = host.system?.log.length ?? 0
    const second = await init()
    assert.equal(
      second.phases.filter(({ state }) => state === 'done').map(({ path, made }) => [path, made]),
      [],
    )
    assert.equal({ files: host.snapshot(), objects: versionsOf(api) }, before)
    assert.equal(
      host.system?.log.slice(services).filter(line => !line.includes('--version')),
      [],
    )
    const joinOf = ({ phases }: typeof first) => phases.flatMap(({ handed }) => handed)
    assert.equal(joinOf(second), joinOf(first))
    assert.equal(
      joinOf(first).map(({ name }) => name),
      [JOIN_CONTROL_PLANE, JOIN_WORKER],
    )
    // kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/cmd/util/join.go
    assert.match(
      joinOf(first)[1]?.text ?? '',
      /^kubeadm join api\.example\.org:6443 --token [a-z0-9]{6}\.[a-z0-9]{16} \\\n\s+--discovery-token-ca-cert-hash sha256:[0-9a-f]{64}\s*$/,
    )
  })
}

const tokenSecrets = (api: MemoryApi) =>
  [...api.objects.values()].filter(({ type }) => type === 'bootstrap.kubernetes.io/token')

// Only a token that is named is another one than that of an earlier run.
const UNNAMED: readonly (readonly [string, number])[] = [
  ['[]', 1],
  ['[{ttl: 48h}]', 1],
  ['[{description: mine}]', 1],
  ["[{groups: ['system:bootstrappers:mine']}]", 1],
  ['[{usages: [signing, authentication], groups: ["system:bootstrappers:mine"], ttl: "0"}]', 1],
  ['[{description: mine}, {description: mine}]', 2],
  ['[{token: abcdef.0123456789abcdef}, {}]', 2],
]

for (const [tokens, count] of UNNAMED) {
  test(`a second run makes no other token: ${tokens}`, async () => {
    const { init, api } = await setUp({ init: `${SHORT}\nbootstrapTokens: ${tokens}` })
    const first = await init()
    const before = tokenSecrets(api)
    assert.is(before.length, count)
    const second = await init()
    assert.is(second.phases.find(({ path }) => path === 'bootstrap-token')?.state, 'unchanged')
    assert.equal(tokenSecrets(api), before)
    const joinOf = ({ phases }: typeof first) => phases.flatMap(({ handed }) => handed)
    assert.equal(joinOf(second), joinOf(first))
  })
}

test('a token of an earlier run that is kept is named, with its end; one without an end is none with one', async () => {
  const { init, api, hands } = await setUp()
  await init()
  const again = await init()
  const id = tokenSecrets(api)[0]?.metadata.name?.replace('bootstrap-token-', '')
  assert.equal(again.phases.find(({ path }) => path === 'bootstrap-token')?.notes, [
    `token ${id} of an earlier run is kept, and ends at 2026-06-02T12:00:00Z`,
  ])
  const other = await initHost({ init: `${SHORT}\nbootstrapTokens: [{ttl: "0"}]` })
  const endless = () => initCluster({ ...other.controlPlane, ignorePreflightErrors: IGNORED }, hands)
  await endless()
  assert.is(tokenSecrets(api).length, 2)
  const { phases } = await endless()
  assert.match(phases.find(({ path }) => path === 'bootstrap-token')?.notes.join() ?? '', /and never ends$/)
  assert.is(tokenSecrets(api).length, 2)
})

for (const tokens of ['[]', '[{token: abcdef.0123456789abcdef}]', '[{description: mine}]']) {
  test(`tokens that were not made are in no command that joins: ${tokens}`, async () => {
    const { init } = await setUp({ init: `${SHORT}\nbootstrapTokens: ${tokens}` })
    const { phases } = await init({ skip: ['bootstrap-token'] })
    const last = phases.at(-1)
    assert.equal([last?.path, last?.handed], ['show-join-command', []])
    assert.match(last?.notes.join() ?? '', /there is no bootstrap token to join with: kpki token create/)
    await init()
    assert.is((await init({ only: ['show-join-command'] })).phases[0]?.handed.length, 1)
  })
}

test('the command that joins has a token that hosts can join with', async () => {
  const bootstrapTokens = '[{token: abcdef.0123456789abcdef, usages: [signing]}, {token: ghijkl.0123456789abcdef}]'
  const { init } = await setUp({ init: `${SHORT}\nbootstrapTokens: ${bootstrapTokens}` })
  const { phases } = await init()
  assert.match(phases.at(-1)?.handed[0]?.text ?? '', /--token ghijkl\./)
})

const BOUNDARIES = listPhases(INIT_PHASES)
  .filter(
    ({ path, phase }) =>
      phase.plan !== undefined && (!/^(certs|kubeconfig)\//.test(path) || /(^certs\/ca|admin)$/.test(path)),
  )
  .map(({ path }) => path)

let wholeState: Promise<ReturnType<typeof stateOf>> | undefined
/** What a run that nothing happens to leaves behind. */
function whole(): Promise<ReturnType<typeof stateOf>> {
  wholeState ??= setUp().then(async host => {
    await host.init()
    return stateOf(host)
  })
  return wholeState
}

test('a run that is killed behind any phase is completed by the next one', async () => {
  for (const last of BOUNDARIES) {
    const made = await setUp()
    const stop = new Error('killed')
    const killed = await rejects(
      made
        .init({
          observe: (event: { type: string; path: string }) => {
            if (event.type === 'ended' && event.path === last) throw stop
          },
        })
        .then(
          () => assert.unreachable(last),
          error => {
            if (error === stop) throw new StoreError('KPKI_WRITE_FAILED', 'killed')
            throw error
          },
        ),
    )
    assert.is(killed.message, 'killed', last)
    await made.init()
    assert.equal(stateOf(made), await whole(), last)
  }
})

test('a run that is killed at any write of a file is completed by the next one', async () => {
  const count = await setUp()
  let writes = 0
  count.host.onWrite = () => void writes++
  await count.init()
  assert.ok(writes > 50)
  for (let at = 3; at < writes; at += 17) {
    const made = await setUp()
    let n = 0
    made.host.onWrite = (_, path) => {
      if (++n >= at) throw new StoreError('KPKI_DISK_FULL', `no space is left for ${path}`)
    }
    const error = await rejects(made.init())
    assert.equal([error.code, error.details['error']], ['KPKI_PHASE_FAILED', 'KPKI_DISK_FULL'], `write ${at}`)
    made.host.onWrite = undefined
    await made.init()
    assert.equal(stateOf(made), await whole(), `write ${at}`)
  }
})

test('an API server that never comes up is named, and a second run completes', async () => {
  let isUp = false
  const made = await setUp({
    fetch: (url, host) => {
      if (url.includes(':6443') && !isUp) throw new NetworkError('KPKI_NET_UNREACHABLE', `${url}: connection refused`)
      return runsWhatIsThere(url, host)
    },
  })
  const error = await rejects(made.init({ command: 'kpki init' }))
  assert.equal([error.details['phase'], error.details['error']], ['wait-control-plane', 'KPKI_WAIT_TIMEOUT'])
  assert.match(
    error.message,
    /^phase wait-control-plane: kube-apiserver \(https:\/\/10\.77\.1\.10:6443\/livez: connection refused\) is not well after 1s$/,
  )
  assert.match(error.hint ?? '', /then run kpki init again/)
  isUp = true
  await made.init()
  assert.equal(stateOf(made), await whole())
})

/** Faults of the API server, each at some call of `apply`. */
const API_FAULTS: readonly [
  string,
  string,
  (api: MemoryApi, object: Parameters<ClusterApi['apply']>[0]) => Promise<never>,
][] = [
  [
    'it dies',
    'KPKI_NET_UNREACHABLE',
    async () => {
      throw new NetworkError('KPKI_NET_UNREACHABLE', 'https://10.77.1.10:6443: connection refused')
    },
  ],
  [
    'the connection is lost after the object was taken',
    'KPKI_NET_UNREACHABLE',
    async (api, object) => {
      await api.apply(object)
      throw new NetworkError('KPKI_NET_UNREACHABLE', 'the connection was cut', { details: { phase: 'body' } })
    },
  ],
  [
    'it answers 429 until nobody asks any more',
    'KPKI_API_REFUSED',
    async () => {
      throw new ApiError('KPKI_API_REFUSED', 'too many requests', { details: { status: 429 } })
    },
  ],
  [
    'it answers 500',
    'KPKI_API_REFUSED',
    async () => {
      throw new ApiError('KPKI_API_REFUSED', 'etcdserver: leader changed', { details: { status: 500 } })
    },
  ],
]

for (const [name, code, fault] of API_FAULTS) {
  test(`the API server fails in the middle: ${name}; a second run completes`, async () => {
    for (const at of [2, 15]) {
      let n = 0
      const made = await setUp({
        connect: async api =>
          new Proxy(api, {
            get(target, key) {
              const value: unknown = Reflect.get(target, key)
              if (key === 'apply')
                return (object: Parameters<ClusterApi['apply']>[0]) =>
                  ++n === at ? fault(target, object) : target.apply(object)
              return typeof value === 'function' ? value.bind(target) : value
            },
          }),
      })
      const error = await rejects(made.init())
      assert.equal([error.code, error.details['error']], ['KPKI_PHASE_FAILED', code])
      await made.init()
      assert.equal(stateOf(made), await whole(), `apply ${at}`)
    }
  })
}

test('a port that is taken is said before anything is written', async () => {
  const made = await setUp({ host: { system: { ports: { '6443': 'taken', '10.77.1.10:6443': 'taken' } } } })
  const error = await rejects(made.init())
  assert.is(error.code, 'KPKI_PREFLIGHT_FAILED')
  assert.match(JSON.stringify(error.details), /Port-6443/)
  assert.not.ok(Object.keys(made.host.snapshot()).some(path => path.startsWith('/etc/kubernetes')))
})

test('a file of somebody else is named, and stays', async () => {
  const path = '/etc/kubernetes/manifests/kube-scheduler.yaml'
  const made = await setUp({ host: { files: { [path]: 'mine' } } })
  assert.is((await rejects(made.init())).code, 'KPKI_PREFLIGHT_FAILED')
  const error = await rejects(made.init({ skip: ['preflight'] }))
  assert.equal(
    [error.details['phase'], error.details['error'], error.details['path']],
    ['control-plane/scheduler', 'KPKI_FILE_EXISTS', path],
  )
  assert.is(made.host.text(path), 'mine')
})

test('another description: what differs is named, and replaced where that is asked for', async () => {
  const made = await setUp()
  await made.init()
  const other = {
    ...made.controlPlane,
    scheduler: { ...made.controlPlane.scheduler, extraArgs: [{ name: 'v', value: '4' }] },
  }
  const run = (more = {}) => initCluster(other, made.hands, { skip: ['preflight'], ...more })
  const error = await rejects(run())
  assert.equal([error.details['phase'], error.details['error']], ['control-plane/scheduler', 'KPKI_FILE_EXISTS'])
  const { phases } = await run({ overwrite: true })
  assert.equal(
    phases.filter(({ state, path }) => state === 'done' && path.startsWith('control-plane/')).map(({ path }) => path),
    ['control-plane/scheduler'],
  )
  assert.match(made.host.text('/etc/kubernetes/manifests/kube-scheduler.yaml') ?? '', /--v=4/)
})

test('an external CA is a mode: what it signs is verified, and not made', async () => {
  const made = await setUp()
  await made.init({ only: ['certs', 'kubeconfig'] })
  await made.host.remove('/etc/kubernetes/pki/ca.key')
  const pki = made.host.snapshot('/etc/kubernetes/pki')
  const { phases } = await made.init()
  assert.equal(made.host.snapshot('/etc/kubernetes/pki'), pki)
  assert.equal(
    [...new Set(phases.filter(({ path }) => /^(certs|kubeconfig)/.test(path)).map(({ state }) => state))],
    ['unchanged'],
  )
  // kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/controlplane/manifests.go: nothing to sign with.
  assert.match(
    made.host.text('/etc/kubernetes/manifests/kube-controller-manager.yaml') ?? '',
    /--cluster-signing-key-file=\n/,
  )
  await made.host.remove('/etc/kubernetes/pki/apiserver.crt')
  const error = await rejects(made.init())
  assert.equal([error.details['phase'], error.details['error']], ['certs/apiserver', 'KPKI_TREE_MISMATCH'])
})

test('external etcd leaves out what is etcd here', async () => {
  const made = await setUp({
    cluster:
      'etcd: {external: {endpoints: ["https://10.77.1.20:2379"], caFile: /etc/etcd/ca.crt, certFile: /etc/etcd/c.crt, keyFile: /etc/etcd/c.key}}',
  })
  const { phases } = await made.init({ skip: ['preflight'] })
  assert.equal(
    phases
      .filter(({ state, path }) => state === 'skipped' && path !== 'preflight' && path !== 'upload-certs')
      .map(({ path, reason }) => [path, reason]),
    [
      ...['etcd-ca', 'etcd-server', 'etcd-peer', 'etcd-healthcheck-client', 'apiserver-etcd-client'].map(id => [
        `certs/${id}`,
        'etcd is elsewhere',
      ]),
      ['etcd', 'etcd is elsewhere'],
    ],
  )
  assert.is(made.host.text('/etc/kubernetes/manifests/etcd.yaml'), undefined)
})

test('certificates are uploaded when that is asked for, once', async () => {
  const key = '0123456789abcdef'.repeat(4)
  const made = await setUp({ cluster: 'controlPlaneEndpoint: api.example.org:6443' })
  const controlPlane = { ...made.controlPlane, certificateKey: key }
  const run = () => initCluster(controlPlane, made.hands, { uploadCerts: true })
  const { phases } = await run()
  assert.is(phases.find(({ path }) => path === 'upload-certs')?.state, 'done')
  const [join] = phases.flatMap(({ handed }) => handed)
  assert.match(join?.text ?? '', new RegExp(`--control-plane --certificate-key ${key}`))
  const before = versionsOf(made.api)
  assert.is((await run()).phases.find(({ path }) => path === 'upload-certs')?.state, 'unchanged')
  assert.equal(versionsOf(made.api), before)
})

test('skipped addons are disabled in what is uploaded', async () => {
  const made = await setUp()
  const { phases } = await made.init({ skip: ['addon/kube-proxy'] })
  assert.is(phases.find(({ path }) => path === 'addon/kube-proxy')?.state, 'skipped')
  const config = made.api.objects.get('ConfigMap kube-system/kubeadm-config')
  assert.match(JSON.stringify(config?.['data']), /proxy:\\n {2}disabled: true/)
  assert.not.ok(made.api.objects.has('DaemonSet kube-system/kube-proxy'))
})

test('with units of systemd nothing is put where the kubelet looks for static Pods', async () => {
  const made = await setUp({
    fetch: () => ({ status: 200, body: 'ok' }),
    host: {
      system: {
        services: Object.fromEntries(
          ['kubelet', 'etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'].map(name => [
            name,
            { isInstalled: true, isEnabled: name !== 'etcd', isActive: false },
          ]),
        ),
        programs: { systemctl: '' },
      },
    },
  })
  const { phases } = await made.init({ as: 'systemd', skip: ['preflight'] })
  assert.ok(made.host.text('/etc/systemd/system/kube-apiserver.service'))
  assert.equal(await made.host.names('/etc/kubernetes/manifests'), undefined)
  assert.equal(
    made.host.system?.log.filter(line => /restart|enable/.test(line)),
    [
      'restart etcd',
      'enable etcd',
      'restart kube-apiserver',
      'restart kube-controller-manager',
      'restart kube-scheduler',
      'restart kubelet',
    ],
  )
  assert.match(phases.find(({ path }) => path === 'etcd/local')?.notes.join() ?? '', /etcd was started/)
  const before = made.host.system?.log.length
  await made.init({ as: 'systemd', skip: ['preflight'] })
  assert.is(made.host.system?.log.length, before)
})

test('phases of one’s own are run at their place', async () => {
  const made = await setUp()
  const phases = insertPhase(
    INIT_PHASES,
    { before: 'show-join-command' },
    {
      name: 'cni',
      about: 'a network for Pods',
      plan: () => [{ kind: 'own', about: 'x', apply: async () => ({ state: 'done', made: ['a network'] }) }],
    },
  )
  const { phases: results } = await initCluster(made.controlPlane, made.hands, { phases })
  assert.equal(
    results.slice(-2).map(({ path, made }) => [path, made]),
    [
      ['cni', ['a network']],
      ['show-join-command', []],
    ],
  )
})

test.run()
