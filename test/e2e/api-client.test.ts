/** The API client against a real API server, beside Kubernetes' own client for JavaScript and kubectl. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CoreV1Api, KubeConfig } from '@kubernetes/client-node'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parse, stringify } from 'yaml'
import type { ClusterApi, WatchEvent } from '../../lib/access/api.js'
import { readClusterConnection } from '../../lib/access/kubeconfig-connection.js'
import type { KubernetesObject } from '../../lib/kubernetes/objects.js'
import { type ConnectOptions, connectCluster, createNodeContext } from '../../lib/node.js'
import { clientNode } from '../support/client-node.js'
import { rejects } from '../support/context.js'
import { skipped } from '../support/skip.js'
import { type Cluster, testWithCluster } from './cluster.js'
import { must, until } from './host.js'
import { kube } from './programs.js'

const test = suite('API client')
const NAMESPACE = 'api-client'

const configMap = (name: string, data: Readonly<Record<string, string>>, rest: object = {}) =>
  ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: NAMESPACE, ...rest }, data }) as const
const nameOf = (name: string) => ({ kind: 'ConfigMap', name, namespace: NAMESPACE }) as const

async function connect(kubeconfig: string, options: ConnectOptions = {}): Promise<ClusterApi> {
  return connectCluster(await readClusterConnection(kubeconfig), createNodeContext(), {
    ...options,
    userAgent: 'kpki/e2e',
  })
}

/** Runs a test with an administrator's client. */
function testWithApi(name: string, work: (api: ClusterApi, cluster: Cluster) => Promise<void>): void {
  testWithCluster(test, name, async cluster => {
    const api = await connect(cluster.localKubeconfig())
    try {
      await work(api, cluster)
    } finally {
      api.close()
    }
  })
}

/** The same with Kubernetes' own client beside it. */
function testWithBoth(
  name: string,
  work: (api: ClusterApi, theirs: CoreV1Api, cluster: Cluster, config: KubeConfig) => Promise<void>,
): void {
  const client = clientNode
  if (!client) {
    skipped.push(`${name} (@kubernetes/client-node does not load)`)
    test.skip()
    return
  }
  testWithApi(name, async (api, cluster) => {
    const config = new client.KubeConfig()
    config.loadFromString(cluster.localKubeconfig())
    await work(api, config.makeApiClient(client.CoreV1Api), cluster, config)
  })
}

/** As JSON: their dates and absent fields become what the server sent. */
const plain = (value: unknown): unknown => {
  const { metadata, ...rest } = JSON.parse(JSON.stringify(value)) as { metadata: Record<string, unknown> }
  const { creationTimestamp, managedFields: _, ...kept } = metadata
  return { ...rest, metadata: { ...kept, creationTimestamp: String(creationTimestamp).replace('.000Z', 'Z') } }
}
const bare = (value: KubernetesObject | undefined): unknown => {
  const { apiVersion: _, kind: __, ...rest } = value ?? { kind: '', apiVersion: '', metadata: {} }
  return plain(rest)
}
const theirBare = (value: object): unknown => {
  const { apiVersion: _, kind: __, ...rest } = value as Record<string, unknown>
  return plain(rest)
}

testWithApi('a namespace of its own', async api => {
  const made = await api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } })
  assert.ok(made.metadata.uid)
  assert.is((await api.get({ kind: 'Namespace', name: NAMESPACE }))?.metadata.uid, made.metadata.uid)
})

testWithBoth('what one client makes, changes and deletes, the other sees the same', async (api, theirs) => {
  const created = await api.create(configMap('mine', { a: '1' }))
  const read = await theirs.readNamespacedConfigMap({ name: 'mine', namespace: NAMESPACE })
  assert.equal(bare(created), theirBare(read))

  const applied = await api.apply(configMap('mine', { b: '2' }))
  assert.equal(applied['data'], { a: '1', b: '2' })
  const patched = await api.patch(nameOf('mine'), { data: { a: null, c: 'ü' } })
  assert.equal(bare(patched), theirBare(await theirs.readNamespacedConfigMap({ name: 'mine', namespace: NAMESPACE })))
  assert.equal(patched['data'], { b: '2', c: 'ü' })

  const body = { metadata: { name: 'theirs', labels: { of: 'them' } }, binaryData: { x: 'AAEC' } }
  const made = await theirs.createNamespacedConfigMap({ namespace: NAMESPACE, body })
  assert.equal(bare(await api.get(nameOf('theirs'))), theirBare(made))

  const list = await theirs.listNamespacedConfigMap({ namespace: NAMESPACE })
  const ours = await api.list('ConfigMap', { namespace: NAMESPACE })
  assert.equal(ours.map(bare), list.items.map(theirBare))
  const some = await api.list('ConfigMap', { namespace: NAMESPACE, labelSelector: 'of=them' })
  assert.equal(
    some.map(({ metadata }) => metadata.name),
    ['theirs'],
  )
  const one = await api.list('ConfigMap', { fieldSelector: 'metadata.name=mine' })
  assert.equal(
    one.map(({ kind, apiVersion, metadata }) => [kind, apiVersion, metadata.name]),
    [['ConfigMap', 'v1', 'mine']],
  )

  assert.is(await api.delete(nameOf('theirs')), true)
  assert.is(await api.delete(nameOf('theirs')), false)
  const gone = await theirs
    .readNamespacedConfigMap({ name: 'theirs', namespace: NAMESPACE })
    .catch((error: { code: number }) => error.code)
  assert.is(gone, 404)
  await theirs.deleteNamespacedConfigMap({ name: 'mine', namespace: NAMESPACE })
  assert.is(await api.get(nameOf('mine')), undefined)
})

testWithApi('more objects than a page has', async api => {
  const names = Array.from({ length: 520 }, (_, index) => `page-${String(index).padStart(3, '0')}`)
  for (let start = 0; start < names.length; start += 20)
    await Promise.all(
      names.slice(start, start + 20).map(name => api.create(configMap(name, {}, { labels: { page: 'x' } }))),
    )
  const found = await api.list('ConfigMap', { namespace: NAMESPACE, labelSelector: 'page=x' })
  assert.equal(
    found.map(({ metadata }) => metadata.name),
    names,
  )
})

testWithBoth('a watch sees what theirs sees', async (api, _theirs, _cluster, config) => {
  if (!clientNode) return
  const [ours, others]: [string[], string[]] = [[], []]
  const line = (type: string, { metadata }: KubernetesObject) => `${type} ${metadata.name} ${metadata.resourceVersion}`
  const stop = new AbortController()
  const list = await api.list('ConfigMap', { namespace: NAMESPACE })
  assert.ok(list.length > 500)
  const watching = collect(api.watch('ConfigMap', { namespace: NAMESPACE, signal: stop.signal }), event => {
    if (event.object.metadata.name !== 'mark') ours.push(line(event.type, event.object))
  })
  const watch = new clientNode.Watch(config)
  // From the moment that ours begins at.
  await new Promise(resolve => setTimeout(resolve, 500))
  const request = await watch.watch(
    `/api/v1/namespaces/${NAMESPACE}/configmaps`,
    { resourceVersion: (await highest(api)).toString() },
    (type: string, object: KubernetesObject) => others.push(line(type, object)),
    () => {},
  )
  await new Promise(resolve => setTimeout(resolve, 500))
  await api.create(configMap('seen', { a: '1' }))
  await api.patch(nameOf('seen'), { data: { a: '2' } })
  await api.apply(configMap('seen', { b: '2' }))
  await api.delete(nameOf('seen'))
  await until('all events are there', 10, () => assert.is(others.length, 4))
  await until('all events are there', 10, () => assert.equal(ours, others))
  assert.equal(
    ours.map(text => text.split(' ')[0]),
    ['ADDED', 'MODIFIED', 'MODIFIED', 'DELETED'],
  )
  stop.abort()
  request.abort()
  assert.is(await watching, undefined)
})

/** Takes events until there are none; the error that ends them, if one does. */
async function collect(events: AsyncIterable<WatchEvent>, take: (event: WatchEvent) => void): Promise<unknown> {
  try {
    for await (const event of events) take(event)
    return undefined
  } catch (error) {
    return error
  }
}

async function highest(api: ClusterApi): Promise<number> {
  const made = await api.create(configMap('mark', {}))
  await api.delete(nameOf('mark'))
  return Number(made.metadata.resourceVersion) + 1
}

testWithApi('each refusal has its code and the reason of the server', async (api, cluster) => {
  await api.create(configMap('there', { a: '1' }))
  const exists = await rejects(api.create(configMap('there', {})))
  assert.is(exists.code, 'KPKI_API_EXISTS')
  assert.equal([exists.details['status'], exists.details['reason']], [409, 'AlreadyExists'])

  const stale = await rejects(api.patch(nameOf('there'), { metadata: { resourceVersion: '1' }, data: { a: '2' } }))
  assert.is(stale.code, 'KPKI_API_CONFLICT')

  await cluster.apply(stringify(configMap('owned', { a: '1' })))
  const conflict = await rejects(api.apply(configMap('owned', { a: '2' }), { force: false }))
  assert.is(conflict.code, 'KPKI_API_CONFLICT')
  assert.equal([conflict.details['status'], conflict.details['reason']], [409, 'Conflict'])
  assert.match(String(conflict.details['causes']), /\.data\.a: conflict with "kubectl/)
  assert.equal((await api.apply(configMap('owned', { a: '2' })))['data'], { a: '2' })

  const invalid = await rejects(api.create(configMap('Not A Name', {})))
  assert.is(invalid.code, 'KPKI_API_REFUSED')
  assert.equal([invalid.details['status'], invalid.details['reason']], [422, 'Invalid'])
  assert.match(String(invalid.details['causes']), /metadata\.name/)

  const missing = await rejects(api.patch(nameOf('gone'), {}))
  assert.is(missing.code, 'KPKI_API_NOT_FOUND')
  const nowhere = await rejects(api.review('/apis/nothing.example.org/v1/things', configMap('x', {})))
  assert.is(nowhere.code, 'KPKI_API_NOT_FOUND')

  const nobody = await connect(withUser(cluster, { token: 'abcdef.0123456789abcdef' }))
  const unauthorized = await rejects(nobody.list('Secret'))
  assert.is(unauthorized.code, 'KPKI_API_UNAUTHORIZED')
  assert.equal([unauthorized.details['status'], unauthorized.details['reason']], [401, 'Unauthorized'])
  nobody.close()

  const scheduler = await connect(cluster.localKubeconfig('scheduler.conf'))
  const forbidden = await rejects(scheduler.list('Secret'))
  assert.is(forbidden.code, 'KPKI_API_FORBIDDEN')
  assert.equal([forbidden.details['status'], forbidden.details['reason']], [403, 'Forbidden'])
  assert.match(forbidden.message, /system:kube-scheduler/)
  scheduler.close()
})

testWithApi('a Secret that the server cannot read is not repeated', async api => {
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's', namespace: NAMESPACE } } as const
  for (const data of [{ key: '###hunter2' }, { 'no key': 'aHVudGVyMmh1bnRlcjI=' }]) {
    for (const ask of [() => api.create({ ...secret, data }), () => api.apply({ ...secret, data })]) {
      const error = await rejects(ask)
      assert.is(error.code, 'KPKI_API_REFUSED')
      assert.not.match(`${error.message}${JSON.stringify(error.details)}`, /hunter2|aHVudGVy/)
    }
  }
})

testWithApi('somebody else, with groups, as kubectl has it', async (_api, cluster) => {
  const user = {
    ...userOf(cluster),
    as: 'jane',
    'as-groups': ['crew', 'system:masters'],
    'as-user-extra': { why: ['e2e'] },
  }
  const api = await connect(withUser(cluster, user))
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    metadata: {},
    spec: { resourceAttributes: { verb: '*', resource: '*' } },
  }
  const answer = await api.review('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', review)
  assert.is((answer['status'] as { allowed: boolean }).allowed, true)
  await api.list('ConfigMap', { namespace: NAMESPACE, labelSelector: 'e2e=impersonated' })
  const seen = await until('it is in the audit log', 10, () => {
    const event = cluster.audit().find(found => found.requestURI.includes('impersonated') && found.impersonatedUser)
    if (!event) throw new Error('not yet')
    return event
  })
  assert.equal([seen.user.username, seen.userAgent, seen.verb], ['kubernetes-admin', 'kpki/e2e', 'list'])
  assert.is(seen.impersonatedUser?.username, 'jane')
  assert.equal(seen.impersonatedUser?.groups, ['crew', 'system:masters', 'system:authenticated'])
  assert.equal(seen.impersonatedUser?.extra, { why: ['e2e'] })
  api.close()
})

testWithCluster(test, 'files beside a kubeconfig are found where kubectl finds them', async cluster => {
  const folder = cluster.host.data
  const secret = await serviceAccountToken(cluster)
  writeFileSync(join(folder, 'beside.ca'), cluster.file('pki/ca.crt'))
  writeFileSync(join(folder, 'beside.token'), `${secret}\n`, { mode: 0o600 })
  const config = (server: string) => {
    const clusters = [{ name: 'c', cluster: { server, 'certificate-authority': 'beside.ca' } }]
    const users = [{ name: 'u', user: { token: 'a-stale-one', tokenFile: './beside.token' } }]
    const contexts = [{ name: 'c', context: { cluster: 'c', user: 'u' } }]
    return stringify({ apiVersion: 'v1', kind: 'Config', clusters, users, contexts, 'current-context': 'c' })
  }
  writeFileSync(join(folder, 'beside.conf'), config(cluster.server))
  const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', metadata: {}, spec: { token: secret } }
  const args = ['--kubeconfig', join(folder, 'beside.conf'), 'get', '--raw', '/api/v1/namespaces/default/configmaps']
  const theirs = await cluster.host.run(kube('kubectl'), args)
  assert.match(theirs.stderr, /system:serviceaccount:kube-public:default/)
  const { readFile } = await import('node:fs/promises')
  const connection = await readClusterConnection(config(cluster.localServer), {
    folder,
    readFile: path => readFile(path),
  })
  const api = connectCluster(connection, createNodeContext())
  const ours = await rejects(api.list('ConfigMap', { namespace: 'default' }))
  assert.is(ours.code, 'KPKI_API_FORBIDDEN')
  assert.match(ours.message, /system:serviceaccount:kube-public:default/)
  assert.is(
    (await rejects(api.review('/apis/authentication.k8s.io/v1/tokenreviews', review))).code,
    'KPKI_API_FORBIDDEN',
  )
  api.close()
})

testWithApi('the API server dies and comes back', async (api, cluster) => {
  const seen: WatchEvent[] = []
  const stop = new AbortController()
  const watching = collect(api.watch('ConfigMap', { namespace: NAMESPACE, signal: stop.signal }), event =>
    seen.push(event),
  )
  // What is there when it begins is not told, and when that is nobody knows.
  let changes = 0
  await until('the watch is at work', 10, async () => {
    await api.apply(configMap('survivor', { run: '0', changes: String(changes++) }))
    assert.ok(seen.length > 0)
  })
  await cluster.stopApiServer()
  const [list, applied] = [
    api.list('ConfigMap', { namespace: NAMESPACE, labelSelector: 'page=x' }),
    api.apply(configMap('survivor', { run: '1' })),
  ]
  const fresh = await connect(cluster.localKubeconfig())
  const refused = await rejects(fresh.get(nameOf('survivor')))
  assert.is(refused.code, 'KPKI_NET_UNREACHABLE')
  fresh.close()
  await cluster.startApiServer()
  assert.is((await list).length, 520)
  assert.equal((await applied)['data'], { run: '1' })
  await api.delete(nameOf('survivor'))
  await until('the watch goes on', 60, () => assert.is(seen.at(-1)?.type, 'DELETED'))
  stop.abort()
  assert.is(await watching, undefined)
})

testWithApi('a namespace that is gone', async api => {
  assert.is(await api.delete({ kind: 'Namespace', name: NAMESPACE }), true)
})

test.run()

type Fields = Record<string, unknown>

function userOf(cluster: Cluster): Fields {
  const { users } = parse(cluster.localKubeconfig()) as { users: { user: Fields }[] }
  return users[0]?.user ?? {}
}

/** The administrator's kubeconfig with another user. */
function withUser(cluster: Cluster, user: Fields): string {
  const config = parse(cluster.localKubeconfig()) as { users: { name: string; user: Fields }[] }
  return stringify({ ...config, users: config.users.map(({ name }) => ({ name, user })) })
}

async function serviceAccountToken(cluster: Cluster): Promise<string> {
  const account = ['-n', 'kube-public', 'get', 'serviceaccount', 'default', '-o', 'jsonpath={.secrets[0].name}']
  const name = await until('there is a token', 60, async () => {
    const text = await must(cluster.kubectl(...account))
    if (text === '') throw new Error('not yet')
    return text
  })
  const encoded = await must(
    cluster.kubectl('-n', 'kube-public', 'get', 'secret', name, '-o', 'jsonpath={.data.token}'),
  )
  return Buffer.from(encoded, 'base64').toString()
}
