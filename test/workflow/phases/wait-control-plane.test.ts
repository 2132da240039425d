import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { LogEvent } from '../../../lib/context.js'
import { NetworkError } from '../../../lib/errors.js'
import { generateTree } from '../../../lib/workflow/generate.js'
import type { WebAnswer, WebOptions } from '../../../lib/workflow/host.js'
import type { InitRun } from '../../../lib/workflow/phases/init-run.js'
import type { Hands } from '../../../lib/workflow/phases/phase.js'
import { runPhases } from '../../../lib/workflow/phases/runner.js'
import { healthTargets, WAIT_CONTROL_PLANE } from '../../../lib/workflow/phases/wait-control-plane.js'
import { waitUntilHealthy } from '../../../lib/workflow/wait.js'
import { NOW, rejects, testContext } from '../../support/context.js'
import { controlPlane } from '../../support/control-plane.js'
import { type MemoryHostOptions, memoryHost } from '../../support/memory-host.js'

const OK = { status: 200, body: 'ok' }

async function setUp(version: string, init: string | undefined, options: MemoryHostOptions = {}) {
  const described = await controlPlane(version, {
    cluster: 'encryptionAlgorithm: ECDSA-P256',
    ...(init ? { init } : {}),
  })
  const host = memoryHost(options)
  const log: LogEvent[] = []
  const context = testContext({ log: event => void log.push(event) })
  await generateTree(['ca'], described.cluster, host.store, context)
  const run: InitRun = {
    controlPlane: described,
    traits: {},
    patches: [],
    as: 'static-pods',
    tokens: [],
    uploadCerts: undefined,
    overwrite: false,
    now: NOW,
  }
  const hands: Hands = { host, store: host.store, context, connect: () => Promise.reject(new Error('nobody asks')) }
  return { run, hands, host, log }
}

const QUICK = `localAPIEndpoint: {advertiseAddress: 10.77.1.10}
nodeRegistration: {name: cp-1}
timeouts: {controlPlaneComponentHealthCheck: 1s, kubeletHealthCheck: 1s}`
const KUBELET = { '/var/lib/kubelet/config.yaml': 'healthzBindAddress: 127.0.0.1\nhealthzPort: 10248\n' }

function manifest(component: string, ...args: string[]): string {
  const command = JSON.stringify([component, ...args])
  return `apiVersion: v1\nkind: Pod\nmetadata: {name: ${component}}\nspec:\n  containers:\n  - name: ${component}\n    command: ${command}\n`
}

// What kubeadm asks: kubernetes/kubernetes cmd/kubeadm/app/util/apiclient/wait_test.go (Test_getControlPlaneComponents).
test('each component is asked where its manifest says, else where the description does', async () => {
  const { run, hands, host } = await setUp('v1.36.4', undefined)
  const urls = async (given = run) => (await healthTargets(given, hands)).map(({ name, url }) => [name, url])
  assert.equal(await urls(), [
    ['kube-apiserver', 'https://10.77.1.10:6443/livez'],
    ['kube-controller-manager', 'https://127.0.0.1:10257/healthz'],
    ['kube-scheduler', 'https://127.0.0.1:10259/livez'],
  ])
  const old = await setUp('v1.32.4', undefined)
  assert.equal(await urls(old.run), [['kube-apiserver', 'https://10.77.1.10:6443/healthz']])
  const put = (component: string, ...args: string[]) =>
    host.put(`/etc/kubernetes/manifests/${component}.yaml`, manifest(component, ...args))
  put('kube-apiserver', '--advertise-address=fd00:1::', '--secure-port=1111')
  put('kube-controller-manager', '--bind-address=fd00:1::', '--secure-port=2222')
  put('kube-scheduler', '--bind-address=0.0.0.0')
  assert.equal(await urls(), [
    ['kube-apiserver', 'https://[fd00:1::]:1111/livez'],
    ['kube-controller-manager', 'https://[fd00:1::]:2222/healthz'],
    ['kube-scheduler', 'https://127.0.0.1:10259/livez'],
  ])
})

test('the API server is asked with the CA of the tree, the others without; what was late is waited for', async () => {
  const asked: [string, WebOptions][] = []
  const fetch = (url: string, options: WebOptions): WebAnswer => {
    asked.push([url, options])
    const times = asked.filter(([each]) => each === url).length
    if (url.startsWith('https://10.77') && times < 3)
      throw new NetworkError('KPKI_NET_UNREACHABLE', `${url}: connection refused`)
    return times < 2 ? { status: 500, body: '[+]ping ok\n[-]etcd failed: reason withheld\nhealthz check failed' } : OK
  }
  const { run, hands, host } = await setUp('v1.36.4', undefined, { files: KUBELET, system: { fetch } })
  const [result] = await runPhases([WAIT_CONTROL_PLANE], run, hands)
  assert.is(result?.state, 'unchanged')
  const ca = host.text('/etc/kubernetes/pki/ca.crt')
  assert.equal(
    [...new Map(asked).entries()].map(([url, options]) => [url, options.ca === ca, options.ca === undefined]),
    [
      ['http://127.0.0.1:10248/healthz', false, true],
      ['https://10.77.1.10:6443/livez', true, false],
      ['https://127.0.0.1:10257/healthz', false, true],
      ['https://127.0.0.1:10259/livez', false, true],
    ],
  )
})

test('what does not come up in time is named, with what it says', async () => {
  const fetch = (url: string): WebAnswer => {
    if (url.includes(':10257')) throw new NetworkError('KPKI_NET_UNREACHABLE', `${url}: connection refused`)
    return url.includes(':6443') ? { status: 500, body: '[+]ping ok\n[-]etcd failed: \u001b[31mred\nend' } : OK
  }
  const { run, hands } = await setUp('v1.36.4', QUICK, { files: KUBELET, system: { fetch } })
  const error = await rejects(runPhases([WAIT_CONTROL_PLANE], run, hands))
  assert.is(error.code, 'KPKI_PHASE_FAILED')
  assert.equal(
    [error.details['error'], error.details['missing']],
    ['KPKI_WAIT_TIMEOUT', ['kube-apiserver', 'kube-controller-manager']],
  )
  assert.match(error.message, /kube-apiserver \(https:\/\/10\.77\.1\.10:6443\/livez: status 500: \[-\]etcd failed/)
  assert.match(error.message, /kube-controller-manager \(https:\/\/127\.0\.0\.1:10257\/healthz: connection refused\)/)
  assert.match(error.message, /after 1s$/)
  assert.not.ok(error.message.includes('\u001b'))
  assert.match(error.hint ?? '', /crictl --runtime-endpoint unix:\/\/\/var\/run\/containerd\/containerd\.sock/)
})

test('that the last question had no time says less than what was answered before', async () => {
  const fetch = (url: string, { timeoutMs = 0 }: WebOptions): WebAnswer => {
    if (timeoutMs >= 900) return { status: 500, body: '[-]etcd failed' }
    throw new NetworkError('KPKI_NET_TIMEOUT', `${url}: time was up after ${timeoutMs / 1000} s`)
  }
  const { run, hands } = await setUp('v1.36.4', QUICK, { files: KUBELET, system: { fetch } })
  const error = await rejects(runPhases([WAIT_CONTROL_PLANE], run, hands))
  assert.is(error.details['error'], 'KPKI_WAIT_TIMEOUT')
  assert.match(error.message, /healthz: status 500: \[-\]etcd failed\) is not well after 1s$/)
})

test('a kubelet that does not come up is named before anything else is asked', async () => {
  const asked: string[] = []
  const fetch = (url: string): WebAnswer => {
    asked.push(url)
    throw new NetworkError('KPKI_NET_UNREACHABLE', `${url}: connection refused`)
  }
  const { run, hands } = await setUp('v1.36.4', QUICK, { files: KUBELET, system: { fetch } })
  const error = await rejects(runPhases([WAIT_CONTROL_PLANE], run, hands))
  assert.equal([error.details['error'], error.details['missing']], ['KPKI_WAIT_TIMEOUT', ['kubelet']])
  assert.equal([...new Set(asked)], ['http://127.0.0.1:10248/healthz'])
})

const KUBELETS: readonly [string, string | undefined, string | undefined][] = [
  ['no file', undefined, undefined],
  ['healthz off', 'healthzPort: 0', undefined],
  ['another port', 'healthzBindAddress: 0.0.0.0\nhealthzPort: 1234', 'http://127.0.0.1:1234/healthz'],
  ['IPv6', 'healthzBindAddress: "::1"', 'http://[::1]:10248/healthz'],
]

for (const [name, config, url] of KUBELETS) {
  test(`the kubelet is asked where its file says: ${name}`, async () => {
    const asked: string[] = []
    const fetch = (each: string): WebAnswer => {
      asked.push(each)
      return OK
    }
    const files = config === undefined ? {} : { '/var/lib/kubelet/config.yaml': config }
    const { run, hands } = await setUp('v1.36.4', QUICK, { files, system: { fetch } })
    const [result] = await runPhases([WAIT_CONTROL_PLANE], run, hands)
    assert.equal(
      asked.filter(each => each.startsWith('http:')),
      url === undefined ? [] : [url],
    )
    assert.is(result?.notes.length, url === undefined ? 1 : 0)
  })
}

test('a server of another cluster is not waited for', async () => {
  const fetch = (url: string): WebAnswer => {
    throw new NetworkError('KPKI_TLS_UNTRUSTED', `${url} is of another CA`)
  }
  const { run, hands } = await setUp('v1.36.4', undefined, { system: { fetch } })
  assert.is((await rejects(runPhases([WAIT_CONTROL_PLANE], run, hands))).details['error'], 'KPKI_TLS_UNTRUSTED')
})

test('a signal ends the waiting, and progress says what is missing', async () => {
  const stop = new AbortController()
  const log: LogEvent[] = []
  const fetch = async (url: string): Promise<WebAnswer> => {
    throw new NetworkError('KPKI_NET_UNREACHABLE', `${url}: connection refused`)
  }
  setTimeout(() => stop.abort(), 3400)
  const error = await rejects(
    waitUntilHealthy(
      [{ name: 'x', url: 'https://x/' }],
      { fetch },
      testContext({ log: event => void log.push(event) }),
      {
        timeoutSeconds: 60,
        hint: '',
        signal: stop.signal,
      },
    ),
  )
  assert.is(error.code, 'KPKI_INTERRUPTED')
  assert.equal(
    log.map(({ level, message, done, total }) => [level, message, done, total]),
    [['progress', 'waiting for x', 0, 1]],
  )
})

test('a directory that stands for a host is not waited for', async () => {
  const { run, hands } = await setUp('v1.36.4', undefined, { system: undefined })
  const [result] = await runPhases([WAIT_CONTROL_PLANE], run, hands)
  assert.is(result?.notes.length, 2)
})

test.run()
