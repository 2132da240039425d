import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ApiError, type CodeOf, NetworkError } from '../../lib/errors.js'
import { judgeLive } from '../../lib/inspect/check-live.js'
import { viewKubeconfigs } from '../../lib/inspect/kubeconfig-view.js'
import { askIdentity } from '../../lib/inspect/live-identity.js'
import type { KubernetesObject } from '../../lib/kubernetes/objects.js'
import { rejects, testContext } from '../support/context.js'
import { MemoryApi } from '../support/memory-api.js'
import { vector } from '../vectors/read.js'

/** A server that answers some reviews, and refuses others. */
class Reviewer extends MemoryApi {
  readonly asked: string[] = []
  readonly #answers: Readonly<Record<string, KubernetesObject['status'] | CodeOf<'api'>>>

  constructor(answers: Readonly<Record<string, KubernetesObject['status'] | CodeOf<'api'>>>) {
    super()
    this.#answers = answers
  }

  override async review(path: string, object: KubernetesObject): Promise<KubernetesObject> {
    this.asked.push(`${path} ${object.apiVersion} ${object.kind}`)
    const answer = this.#answers[object.kind]
    if (typeof answer === 'string') throw new ApiError(answer as CodeOf<'api'>, 'no')
    return { ...object, status: answer }
  }
}

test('a server of today says who one is', async () => {
  // Kubernetes documentation, "API access to authentication information for a client"
  const userInfo = {
    username: 'jane.doe',
    uid: 'b79dbf30',
    groups: ['viewers', 'system:authenticated'],
    extra: { a: ['b'] },
  }
  const api = new Reviewer({ SelfSubjectReview: { userInfo } })
  assert.equal(await askIdentity(api), {
    user: 'jane.doe',
    groups: ['viewers', 'system:authenticated'],
    via: 'SelfSubjectReview',
  })
  assert.equal(api.asked, [
    '/apis/authentication.k8s.io/v1/selfsubjectreviews authentication.k8s.io/v1 SelfSubjectReview',
  ])
})

for (const refusal of ['KPKI_API_NOT_FOUND', 'KPKI_API_FORBIDDEN'] as const)
  test(`an old server lets one in, or does not (${refusal})`, async () => {
    const api = new Reviewer({ SelfSubjectReview: refusal, SelfSubjectAccessReview: { allowed: true } })
    assert.equal(await askIdentity(api), { user: undefined, groups: [], via: 'SelfSubjectAccessReview' })
    assert.is(
      api.asked[1],
      '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews authorization.k8s.io/v1 SelfSubjectAccessReview',
    )
    const anonymous = new Reviewer({ SelfSubjectReview: refusal, SelfSubjectAccessReview: 'KPKI_API_FORBIDDEN' })
    assert.is((await rejects(askIdentity(anonymous))).code, 'KPKI_API_FORBIDDEN')
  })

test('whom it does not know it is not asked about again', async () => {
  const api = new Reviewer({ SelfSubjectReview: 'KPKI_API_UNAUTHORIZED' })
  assert.is((await rejects(askIdentity(api))).code, 'KPKI_API_UNAUTHORIZED')
  assert.is(api.asked.length, 1)
})

test('answers that are none say nothing', async () => {
  for (const status of [
    undefined,
    null,
    'x',
    { userInfo: 1 },
    { userInfo: { username: 1, groups: [1, 'a'] } },
  ] as const) {
    const api = new Reviewer({ SelfSubjectReview: status === 'x' ? { x: 'x' } : status })
    const { user, groups } = await askIdentity(api)
    assert.is(user, undefined)
    assert.ok(groups.every(group => group === 'a'))
  }
})

test('what an answer means for a context', async () => {
  const file = { name: 'admin.conf', bytes: new TextEncoder().encode(vector('kubeadm/v1.20.2/admin.conf')) }
  const view = await viewKubeconfigs([file], testContext())
  const name = 'kubernetes-admin@kubernetes'
  const judge = (answer: Parameters<typeof judgeLive>[2]) =>
    judgeLive(name, view, answer).map(({ code, severity, error }) => [code, severity, error])
  const is = (user: string | undefined) => judge({ user, groups: [], via: 'SelfSubjectReview' })
  assert.equal(is('kubernetes-admin'), [])
  assert.equal(is(undefined), [])
  assert.equal(is('proxy'), [['live-identity', 'warning', undefined]])
  assert.equal(is('system:anonymous'), [['live-identity', 'error', undefined]])
  const forbidden = (user: string) =>
    new ApiError('KPKI_API_FORBIDDEN', `selfsubjectaccessreviews is forbidden: User "${user}" cannot create it`, {
      hint: 'use a kubeconfig of somebody who may',
    })
  assert.equal(judge(forbidden('system:anonymous')), [['live-identity', 'error', 'KPKI_API_FORBIDDEN']])
  const [nobody] = judgeLive(name, view, forbidden('system:anonymous'))
  assert.match(nobody?.message ?? '', 'is nobody to its server')
  assert.match(nobody?.hint ?? '', 'give the user')
  assert.match(nobody?.message ?? '', 'User "system:anonymous"')
  assert.equal(judge(new NetworkError('KPKI_NET_TIMEOUT', 'slow')), [['live-failed', 'error', 'KPKI_NET_TIMEOUT']])
})

test.run()
