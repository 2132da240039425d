import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parse as parseYaml } from 'yaml'
import {
  bootstrapTokenStateOf,
  formatBootstrapTokenSecret,
  parseBootstrapTokenSecret,
} from '../../lib/access/bootstrap-token-secret.js'
import { resolveBootstrapToken } from '../../lib/access/bootstrap-token-spec.js'
import { formatManifests, type KubernetesObject } from '../../lib/kubernetes/objects.js'
import { NOW, rejects, testContext } from '../support/context.js'

const context = testContext()
const TOKEN = { id: 'abcdef', secret: 'k3v9w2x7y1z5q8rt' }
const base64 = (text: string) => Buffer.from(text).toString('base64')

/** A Secret of these values. */
function secretOf(data: Readonly<Record<string, string>>, rest: object = {}): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'bootstrap-token-abcdef', namespace: 'kube-system' },
    type: 'bootstrap.kubernetes.io/token',
    data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, base64(value)])),
    ...rest,
  }
}
const GOOD = { 'token-id': TOKEN.id, 'token-secret': TOKEN.secret }

test('a token with nothing said becomes the Secret that kubeadm makes of one', () => {
  const yaml = formatManifests([formatBootstrapTokenSecret(resolveBootstrapToken({ token: TOKEN }, context))])
  // kubernetes v1.20.2, cmd/kubeadm/app/apis/kubeadm/bootstraptokenhelpers_test.go has the same keys and words.
  assert.equal(parseYaml(yaml), {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'bootstrap-token-abcdef', namespace: 'kube-system' },
    type: 'bootstrap.kubernetes.io/token',
    data: {
      'token-id': base64('abcdef'),
      'token-secret': base64(TOKEN.secret),
      expiration: base64('2026-06-02T12:00:00Z'),
      'usage-bootstrap-signing': base64('true'),
      'usage-bootstrap-authentication': base64('true'),
      'auth-extra-groups': base64('system:bootstrappers:kubeadm:default-node-token'),
    },
  })
})

test('a token that never ends, is for nothing and has a description', () => {
  const spec = resolveBootstrapToken({ token: TOKEN, ttlSeconds: 0, usages: [], description: 'Proxy' }, context)
  assert.equal(formatBootstrapTokenSecret(spec)['data'], {
    'token-id': base64('abcdef'),
    'token-secret': base64(TOKEN.secret),
    description: base64('Proxy'),
  })
})

test('any token comes back from its Secret', () =>
  fc.assert(
    fc.property(
      fc.record({
        token: fc.record(
          { id: fc.stringMatching(/^[a-z0-9]{6}$/), secret: fc.stringMatching(/^[a-z0-9]{16}$/) },
          { noNullPrototype: true },
        ),
        description: fc.string({ unit: fc.constantFrom(...'ab ä€😀,:\n\t"') }),
        ttlSeconds: fc.nat(10 ** 9),
        usages: fc.subarray(['authentication', 'signing']),
        groups: fc.array(fc.stringMatching(/^system:bootstrappers:[a-z0-9:-]{0,20}[a-z0-9]$/), { maxLength: 4 }),
      }),
      wanted => {
        const { groups, ...rest } = wanted
        const options = wanted.usages.includes('authentication') ? wanted : rest
        const spec = resolveBootstrapToken(options, context)
        const secret = formatBootstrapTokenSecret(spec)
        const read = { ...spec, usages: [...spec.usages].sort(), isBeingDeleted: false }
        assert.equal(parseBootstrapTokenSecret(secret), read)
        assert.equal(parseBootstrapTokenSecret(parseYaml(formatManifests([secret]))), read)
        // The same in words, as people write manifests.
        const { data, ...others } = secret
        const words = Object.entries(data as Record<string, string>).map(([key, value]) => [
          key,
          Buffer.from(value, 'base64').toString(),
        ])
        assert.equal(parseBootstrapTokenSecret({ ...others, stringData: Object.fromEntries(words) }), read)
      },
    ),
  ))

test('what is read is what kubeadm reads: other usages stay, off is off, times may have an offset', () => {
  const read = parseBootstrapTokenSecret(
    secretOf({
      ...GOOD,
      expiration: '2026-06-01T14:00:00+01:00',
      'usage-bootstrap-signing': 'true',
      'usage-bootstrap-authentication': 'True',
      'usage-bootstrap-dancing': 'true',
      'auth-extra-groups': 'system:bootstrappers:b,system:bootstrappers:a',
      unknown: 'x',
    }),
  )
  assert.equal(read.usages, ['dancing', 'signing'])
  assert.equal(read.groups, ['system:bootstrappers:b', 'system:bootstrappers:a'])
  assert.is(read.expires?.toISOString(), '2026-06-01T13:00:00.000Z')
})

test('stringData stands over data, as the API server has it', () =>
  assert.is(
    parseBootstrapTokenSecret(secretOf({ ...GOOD, description: 'old' }, { stringData: { description: 'new' } }))
      .description,
    'new',
  ))

for (const [name, secret, problem] of [
  ['another type', secretOf(GOOD, { type: 'Opaque' }), /not of type bootstrap\.kubernetes\.io\/token/],
  ['another kind', secretOf(GOOD, { kind: 'ConfigMap' }), /not of type/],
  [
    'another namespace',
    secretOf(GOOD, { metadata: { name: 'bootstrap-token-abcdef', namespace: 'default' } }),
    /namespace kube-system/,
  ],
  ['no namespace', secretOf(GOOD, { metadata: { name: 'bootstrap-token-abcdef' } }), /namespace kube-system/],
  ['no data', secretOf(GOOD, { data: undefined }), /has no token-id/],
  ['data that is a list', secretOf(GOOD, { data: [] }), /data that is no mapping/],
  [
    'data that is not base64',
    secretOf(GOOD, { data: { 'token-secret': TOKEN.secret.slice(1) } }),
    /"token-secret" is not base64/,
  ],
  ['data that is no text', secretOf(GOOD, { data: { 'token-id': '/w==' } }), /"token-id" is not base64 of a text/],
  ['no token-secret', secretOf({ 'token-id': 'abcdef' }), /has no token-secret/],
  [
    'another name',
    secretOf(GOOD, { metadata: { name: 'bootstrap-token-fedcba', namespace: 'kube-system' } }),
    /misnamed: by its token-id it is bootstrap-token-abcdef/,
  ],
  ['an id of upper case', secretOf({ ...GOOD, 'token-id': 'ABCDEF' }), /token-id that is not six/],
  [
    'a secret with a newline',
    secretOf({ ...GOOD, 'token-secret': `${TOKEN.secret}\n` }),
    /token-secret that is not sixteen/,
  ],
  ['an expiration that is none', secretOf({ ...GOOD, expiration: 'tomorrow' }), /expiration that is no time/],
] as const) {
  test(`a Secret with ${name} is refused, and nothing of it is quoted`, async () => {
    const error = await rejects(() => parseBootstrapTokenSecret(secret))
    assert.is(error.code, 'KPKI_TOKEN_SECRET_INVALID')
    assert.match(error.message, problem)
    assert.not(JSON.stringify({ ...error, message: error.message }).includes(TOKEN.secret.slice(1)))
  })
}

const SPEC = resolveBootstrapToken({ token: TOKEN }, context)
const at = (seconds: number) => new Date(NOW.getTime() + seconds * 1000)
for (const [name, spec, now, signing, authentication] of [
  ['a new token may do both', SPEC, NOW, 'yes', 'yes'],
  ['a second before its end it may', SPEC, at(86_399), 'yes', 'yes'],
  ['at its end it may nothing', SPEC, at(86_400), 'expired', 'expired'],
  ['one without end may, in any year', { ...SPEC, expires: undefined }, at(1e10), 'yes', 'yes'],
  ['usages are asked each', { ...SPEC, usages: ['signing'] }, NOW, 'yes', 'not-a-usage'],
  ['and the other one', { ...SPEC, usages: ['authentication'] }, NOW, 'not-a-usage', 'yes'],
  ['one wrong group spoils it', { ...SPEC, groups: [...SPEC.groups, 'system:masters'] }, NOW, 'yes', 'group-invalid'],
  ['one that is deleted still signs', { ...SPEC, isBeingDeleted: true }, NOW, 'yes', 'being-deleted'],
] as const) {
  test(name, () => {
    const state = bootstrapTokenStateOf(spec, now)
    assert.equal([state.signing, state.authentication], [signing, authentication])
    assert.is(state.isExpired, signing === 'expired')
  })
}

test('the groups of a token are sorted, each once, with the one that all are in', () => {
  const groups = ['system:bootstrappers:b', 'system:bootstrappers:a', 'system:bootstrappers:b']
  const state = bootstrapTokenStateOf({ ...SPEC, groups }, NOW)
  assert.equal(state.groups, ['system:bootstrappers', 'system:bootstrappers:a', 'system:bootstrappers:b'])
  assert.is(state.userName, 'system:bootstrap:abcdef')
})

test.run()
