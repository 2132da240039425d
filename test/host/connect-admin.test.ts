import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseIp } from '../../lib/crypto/ip.js'
import { connectAdministrator } from '../../lib/host/connect-admin.js'
import { MemoryStore } from '../../lib/tree/store.js'
import { rejects, testContext } from '../support/context.js'
import { controlPlane } from '../support/control-plane.js'
import { answerJson, FakeServer, TestCa } from '../support/lying-server.js'

const BINDING = '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/kubeadm:cluster-admins'

/** An API server that knows administrators once they are bound, and a little later; who is who is said by tokens. */
async function setUp(version: string, { isBound = false, lag = 0, knowsAdmins = false } = {}) {
  const ca = await TestCa.create()
  let bound = isBound
  let late = lag
  const server: FakeServer = await FakeServer.start({
    pair: await ca.issue(),
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
  const timeoutSeconds = { ...described.timeoutSeconds, kubernetesAPICall: 3 }
  const connect = () => connectAdministrator({ cluster, timeoutSeconds }, store, testContext())
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
