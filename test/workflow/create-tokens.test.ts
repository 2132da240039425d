import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BOOTSTRAP_RBAC, rbacObjects } from '../../lib/access/bootstrap-rbac.js'
import { resolveBootstrapToken } from '../../lib/access/bootstrap-token-spec.js'
import { ApiError } from '../../lib/errors.js'
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

test.run()
