import { inspect } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BOOTSTRAP_RBAC, rbacObjects } from '../../lib/access/bootstrap-rbac.js'
import { resolveBootstrapToken } from '../../lib/access/bootstrap-token-spec.js'
import { ApiError, type KpkiError, NetworkError, WorkflowError } from '../../lib/errors.js'
import type { KubernetesObject } from '../../lib/kubernetes/objects.js'
import { createBootstrapTokens } from '../../lib/workflow/create-tokens.js'
import { rejects, testContext } from '../support/context.js'
import { MemoryApi } from '../support/memory-api.js'

const context = testContext()
const spec = (id: string) => resolveBootstrapToken({ token: { id, secret: 'k3v9w2x7y1z5q8rt' } }, context)
const secret = (id: string): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: `bootstrap-token-${id}`, namespace: 'kube-system' },
})
const [A, B] = [spec('aaaaaa'), spec('bbbbbb')]

test('tokens and what goes with them are made', async () => {
  const api = new MemoryApi()
  await createBootstrapTokens([A, B], api, { objects: rbacObjects(BOOTSTRAP_RBAC).slice(0, 1) })
  assert.equal(api.calls, [
    'apply ClusterRole /kubeadm:get-nodes',
    'create Secret kube-system/bootstrap-token-aaaaaa',
    'create Secret kube-system/bootstrap-token-bbbbbb',
  ])
})

test('an id that is taken is found before anything is made', async () => {
  const api = new MemoryApi([secret('bbbbbb')])
  const error = await rejects(createBootstrapTokens([A, B], api, { objects: rbacObjects(BOOTSTRAP_RBAC) }))
  assert.equal([error.code, error.details['id']], ['KPKI_API_EXISTS', 'bbbbbb'])
  assert.equal(api.calls, [])
})

test('a dry run asks, and changes nothing', async () => {
  const api = new MemoryApi()
  await createBootstrapTokens([A], api, { isDryRun: true, objects: rbacObjects(BOOTSTRAP_RBAC) })
  assert.equal(api.calls, [])
  const taken = new MemoryApi([secret('aaaaaa')])
  assert.is((await rejects(createBootstrapTokens([A], taken, { isDryRun: true }))).code, 'KPKI_API_EXISTS')
})

/** Somebody else makes a token of the same id in between. */
class Racing extends MemoryApi {
  override async create(object: KubernetesObject): Promise<KubernetesObject> {
    if (object.metadata.name === 'bootstrap-token-bbbbbb')
      throw new ApiError('KPKI_API_EXISTS', 'secrets "bootstrap-token-bbbbbb" already exists', {
        details: { status: 409 },
      })
    return super.create(object)
  }
}

test('when one cannot be made, the others are taken back', async () => {
  const api = new Racing()
  const error = await rejects(createBootstrapTokens([A, B], api))
  assert.equal([error.code, error.details['id']], ['KPKI_API_EXISTS', 'bbbbbb'])
  assert.equal(api.calls, [
    'create Secret kube-system/bootstrap-token-aaaaaa',
    'delete Secret kube-system/bootstrap-token-aaaaaa',
  ])
  assert.is(api.objects.size, 0)
})

test('and that one cannot be taken back hides nothing', async () => {
  class Stuck extends Racing {
    override async delete(): Promise<boolean> {
      throw new ApiError('KPKI_API_FORBIDDEN', 'no', { details: { status: 403 } })
    }
  }
  assert.is((await rejects(createBootstrapTokens([A, B], new Stuck()))).code, 'KPKI_API_EXISTS')
})

const cut = () =>
  new NetworkError('KPKI_NET_UNREACHABLE', '10.0.0.10:6443 cut the connection before it answered', {
    details: { phase: 'head' },
  })
/** Errors after which nobody knows what came of a question. */
const LOST: readonly (readonly [name: string, error: () => Error])[] = [
  ['cut', cut],
  ['late', () => new NetworkError('KPKI_NET_TIMEOUT', 'time was up', { details: { phase: 'head' } })],
  ['cut off', () => new NetworkError('KPKI_NET_RESPONSE', 'cut its answer off', { details: { phase: 'body' } })],
  ['a page of a gateway', () => new NetworkError('KPKI_NET_RESPONSE', 'answers 502', { details: { status: 502 } })],
  ['504', () => new ApiError('KPKI_API_REFUSED', 'timeout', { details: { status: 504 } })],
  ['interrupted', () => new WorkflowError('KPKI_INTERRUPTED', 'interrupted while talking')],
]

/** Loses the answer to a creation, which has been done or not. */
class Lossy extends MemoryApi {
  readonly #isDone: boolean
  readonly #error: Error

  constructor(isDone: boolean, error: Error) {
    super()
    this.#isDone = isDone
    this.#error = error
  }

  override async create(object: KubernetesObject): Promise<KubernetesObject> {
    if (this.#isDone) await super.create(object)
    throw this.#error
  }
}

for (const [name, error] of LOST) {
  test(`the answer is lost (${name}): a token that is there is ours, one that is not is deleted all the same`, async () => {
    const there = new Lossy(true, error())
    await createBootstrapTokens([A], there)
    assert.equal([...there.objects.keys()], ['Secret kube-system/bootstrap-token-aaaaaa'])
    const absent = new Lossy(false, error())
    const failure = await rejects(createBootstrapTokens([A], absent))
    assert.is(failure.message, error().message)
    assert.equal(absent.calls, ['delete Secret kube-system/bootstrap-token-aaaaaa'])
  })
}

test('the answer is lost, and then the server: the token is named, its secret is not', async () => {
  for (const [, error] of LOST) {
    const api = new Lossy(true, error())
    const { get } = api
    let asked = 0
    api.get = name => (asked++ === 0 ? get.call(api, name) : Promise.reject(cut()))
    api.delete = () => Promise.reject(cut())
    const failure = await rejects(createBootstrapTokens([A], api))
    assert.is(failure.code, (error() as KpkiError).code)
    assert.match(failure.message, 'token aaaaaa may be there, and could not be taken back')
    assert.match(failure.hint ?? '', 'kpki token delete aaaaaa')
    assert.equal(failure.details['mayExist'], ['kube-system/bootstrap-token-aaaaaa'])
    assert.not.ok(inspect(failure, { depth: 10 }).includes('k3v9w2x7y1z5q8rt'))
  }
})

test('an error that is certain: nothing is deleted that somebody else may have made', async () => {
  for (const error of [
    new ApiError('KPKI_API_FORBIDDEN', 'no', { details: { status: 403 } }),
    new NetworkError('KPKI_TLS_UNTRUSTED', 'no', { details: { phase: 'tls' } }),
    new NetworkError('KPKI_NET_RESPONSE', 'redirects', { details: { status: 302 } }),
  ]) {
    const api = new Lossy(false, error)
    assert.is(await rejects(createBootstrapTokens([A], api)), error)
    assert.equal(api.calls, [])
  }
})

test('a question that the client had to ask twice has made the token the first time', async () => {
  const api = new MemoryApi()
  const { create } = api
  api.create = async object => {
    await create.call(api, object)
    return create.call(api, object)
  }
  await createBootstrapTokens([A, B], api)
  assert.is(api.objects.size, 2)
})

test('an interrupt takes back what was made; before anything is made, it ends at once', async () => {
  const stop = new AbortController()
  const api = new MemoryApi()
  const { create } = api
  api.create = object => {
    stop.abort()
    return create.call(api, object)
  }
  const failure = await rejects(createBootstrapTokens([A, B], api, { signal: stop.signal }))
  assert.equal([failure.code, api.objects.size], ['KPKI_INTERRUPTED', 0])
  assert.match(failure.message, 'taken back')
  api.delete = () => Promise.reject(cut())
  const stuck = new AbortController()
  api.create = object => {
    stuck.abort()
    return create.call(api, object)
  }
  const left = await rejects(createBootstrapTokens([A], api, { signal: stuck.signal }))
  assert.equal(left.details['mayExist'], ['kube-system/bootstrap-token-aaaaaa'])
  const hung = new MemoryApi()
  hung.get = () => new Promise(() => {})
  const soon = new AbortController()
  setTimeout(() => soon.abort(), 10)
  assert.is((await rejects(createBootstrapTokens([A], hung, { signal: soon.signal }))).code, 'KPKI_INTERRUPTED')
})

test.run()
