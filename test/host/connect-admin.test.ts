import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseIp } from '../../lib/crypto/ip.js'
import type { ConnectOptions } from '../../lib/host/api-client.js'
import { connectAdministrator } from '../../lib/host/connect-admin.js'
import { MemoryStore } from '../../lib/tree/store.js'
import { rejects, testContext } from '../support/context.js'
import { controlPlane } from '../support/control-plane.js'
import { answerJson, FakeServer, TestCa } from '../support/lying-server.js'

const ca = await TestCa.create()
const BINDING = '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/kubeadm:cluster-admins'

/** An API server that knows administrators once they are bound, and a little later; who is who is said by tokens. */
async function setUp(version: string, { isBound = false, lag = 0, knowsAdmins = false, port: wanted = 0 } = {}) {
  let bound = isBound
  let late = lag
  const server: FakeServer = await FakeServer.start({
    pair: await ca.issue(),
    port: wanted,
    answer: ({ method, url = '', headers }, response) => {
      const fail = (code: number, reason: string) =>
        answerJson(response, code, {
          apiVersion: 'v1',
          kind: 'Status',
          status: 'Failure',
          code,
          reason,
          message: reason,
          details: { name: 'kubeadm:cluster-admins', kind: 'clusterrolebindings' },
        })
      const isSuper = headers.authorization === 'Bearer super'
      if (!isSuper && headers.authorization !== 'Bearer admin') return fail(401, 'Unauthorized')
      if (!isSuper && !knowsAdmins && (!bound || late-- > 0)) return fail(403, 'Forbidden')
      if (!decodeURIComponent(url).startsWith(BINDING)) return fail(404, 'NotFound')
      if (method === 'PATCH') bound = true
      else if (!bound) return fail(404, 'NotFound')
      answerJson(response, 200, {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRoleBinding',
        metadata: { name: 'kubeadm:cluster-admins' },
      })
    },
  })
  const conf = (token: string) =>
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'a',
      contexts: [{ name: 'a', context: { cluster: 'c', user: 'u' } }],
      // What stands in front of all control planes is not there yet.
      clusters: [
        {
          name: 'c',
          cluster: {
            server: 'https://lb.invalid:6443',
            'certificate-authority-data': Buffer.from(ca.pem).toString('base64'),
          },
        },
      ],
      users: [{ name: 'u', user: { token } }],
    })
  const store = new MemoryStore({ 'admin.conf': conf('admin'), 'super-admin.conf': conf('super') })
  const described = await controlPlane(version)
  const { hostname, port } = new URL(server.url)
  const advertiseAddress = parseIp(hostname === 'localhost' ? '127.0.0.1' : hostname)
  if (!advertiseAddress) throw new Error(server.url)
  const cluster = { ...described.cluster, advertiseAddress, bindPort: Number(port) }
  const connect = ({ seconds = 3, ...options }: ConnectOptions & { readonly seconds?: number } = {}) => {
    const timeoutSeconds = { ...described.timeoutSeconds, kubernetesAPICall: seconds }
    return connectAdministrator({ cluster, timeoutSeconds }, store, testContext(), options)
  }
  const asked = () =>
    server.requests.map(({ method, headers }) => `${method} ${String(headers.authorization).replace('Bearer ', '')}`)
  return { server, store, connect, asked }
}

const CASES: readonly (readonly [string, string, Parameters<typeof setUp>[1], readonly string[]])[] = [
  // kubernetes/kubernetes PR 121305: before v1.29 admin.conf is in system:masters.
  ['before v1.29 nobody is asked', 'v1.28.4', {}, []],
  ['who is bound is an administrator', 'v1.36.4', { isBound: true }, ['GET admin']],
  ['who is not is bound by super-admin.conf', 'v1.29.0', {}, ['GET admin', 'PATCH super', 'GET admin']],
  [
    'authorizers that learn of it later are waited for',
    'v1.36.4',
    { lag: 2 },
    ['GET admin', 'PATCH super', 'GET admin', 'GET admin', 'GET admin'],
  ],
  ['who may do all without a binding makes it', 'v1.36.4', { knowsAdmins: true }, ['GET admin', 'PATCH admin']],
]

for (const [name, version, options, expected] of CASES) {
  test(name, async () => {
    const { server, connect, asked } = await setUp(version, options)
    try {
      const api = await connect()
      assert.is(api.server, server.url.replace('localhost', '127.0.0.1'))
      api.close()
      assert.equal(asked(), expected)
    } finally {
      await server.close()
    }
  })
}

test('who is forbidden all the time is no administrator: that is said when time is up, and an interrupt ends it', async () => {
  const { server, connect } = await setUp('v1.36.4', { lag: 1000 })
  try {
    const late = await rejects(connect({ seconds: 1 }))
    assert.equal([late.code, late.details['path']], ['KPKI_WAIT_TIMEOUT', 'admin.conf'])
    assert.match(late.message, /does not take admin\.conf for an administrator's within 1s$/)
    const stop = new AbortController()
    setTimeout(() => stop.abort(), 700)
    assert.is((await rejects(connect({ seconds: 30, signal: stop.signal }))).code, 'KPKI_INTERRUPTED')
  } finally {
    await server.close()
  }
})

test('an API server that is about to start is waited for, as long as a call may take', async () => {
  const { server, connect } = await setUp('v1.36.4', { isBound: true })
  const { port } = server
  await server.close()
  const connecting = connect({ seconds: 10 })
  await new Promise(resolve => setTimeout(resolve, 600))
  const again = await setUp('v1.36.4', { isBound: true, port })
  try {
    const api = await connecting
    api.close()
  } finally {
    await again.server.close()
  }
  const started = performance.now()
  assert.is((await rejects(connect({ seconds: 1 }))).code, 'KPKI_NET_UNREACHABLE')
  assert.ok(performance.now() - started < 3000)
})

test('without the files it says how to make them', async () => {
  const { server, store, connect } = await setUp('v1.36.4')
  try {
    store.files.delete('super-admin.conf')
    const second = await rejects(connect())
    assert.equal([second.code, second.details['path']], ['KPKI_FILE_NOT_FOUND', 'super-admin.conf'])
    store.files.delete('admin.conf')
    const first = await rejects(connect())
    assert.match(first.hint ?? '', /kpki init phase kubeconfig admin/)
  } finally {
    await server.close()
  }
})

test.run()
