/** kube-apiserver v1.20.2 and kpki take each other's service-account tokens, and publish the same keys. */
import { sign as signWith } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Cluster, testWithCluster } from './cluster.js'
import { must, type Said } from './host.js'
import { kube } from './programs.js'

const test = suite('service-account tokens')
const NAMESPACE = 'kpki-sa'
const ISSUER = 'https://kubernetes.default.svc.cluster.local'

interface Review {
  readonly status: {
    readonly authenticated?: boolean
    readonly error?: string
    readonly audiences?: readonly string[]
    readonly user?: { readonly username?: string; readonly uid?: string; readonly groups?: readonly string[] }
  }
}

async function post<T>(cluster: Cluster, path: string, object: unknown): Promise<T> {
  const args = ['--kubeconfig', '/etc/kubernetes/admin.conf', 'create', '--raw', path, '-f', '-']
  return JSON.parse(await must(cluster.host.run(kube('kubectl'), args, { input: JSON.stringify(object) }))) as T
}

const review = (cluster: Cluster, token: string, audiences?: readonly string[]) =>
  post<Review>(cluster, '/apis/authentication.k8s.io/v1/tokenreviews', {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenReview',
    spec: { token, ...(audiences ? { audiences } : {}) },
  })

const request = async (cluster: Cluster, spec: object) =>
  (
    await post<{ status: { token: string } }>(
      cluster,
      `/api/v1/namespaces/${NAMESPACE}/serviceaccounts/builder/token`,
      { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec },
    )
  ).status.token

const sign = (cluster: Cluster, ...more: readonly string[]): Promise<Said> =>
  cluster.kpki('sa', 'token', 'builder', '--namespace', NAMESPACE, '--quiet', ...more)

/** The ServiceAccount, made when it is first asked for; its uid. */
async function account(cluster: Cluster, name = 'builder'): Promise<string> {
  await cluster.apply(
    `apiVersion: v1\nkind: Namespace\nmetadata: {name: ${NAMESPACE}}\n---\n` +
      `apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: ${name}, namespace: ${NAMESPACE}}\n`,
  )
  const path = 'jsonpath={.metadata.uid}'
  return must(cluster.kubectl('-n', NAMESPACE, 'get', 'serviceaccount', name, '-o', path))
}

const partOf = (token: string, index: number) => Buffer.from(token.split('.')[index] ?? '', 'base64url').toString()

testWithCluster(test, 'a token that kpki signed is that account to the API server', async cluster => {
  const uid = await account(cluster)
  const token = (await must(sign(cluster, '--uid', uid))).trim()
  const { status } = await review(cluster, token)
  assert.is(status.authenticated, true, status.error)
  assert.is(status.user?.username, `system:serviceaccount:${NAMESPACE}:builder`)
  assert.is(status.user?.uid, uid)
  assert.equal(status.user?.groups, [
    'system:serviceaccounts',
    `system:serviceaccounts:${NAMESPACE}`,
    'system:authenticated',
  ])
  const config = `apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: '${cluster.server}', certificate-authority: /etc/kubernetes/pki/ca.crt}}]
users: [{name: u, user: {token: ${token}}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
`
  const file = join(cluster.host.data, 'token.conf')
  writeFileSync(file, config, { mode: 0o600 })
  const said = await cluster.host.run(kube('kubectl'), ['--kubeconfig', file, 'get', 'secrets', '-A'])
  assert.match(said.stderr, `User "system:serviceaccount:${NAMESPACE}:builder" cannot list resource "secrets"`)
})

testWithCluster(test, 'the uid is looked up in the cluster where it is asked for', async cluster => {
  const uid = await account(cluster)
  const token = (await must(sign(cluster, '--kubeconfig', '/etc/kubernetes/admin.conf'))).trim()
  assert.is((await review(cluster, token)).status.user?.uid, uid)
  const args = ['sa', 'token', 'nobody', '-n', NAMESPACE, '--kubeconfig', '/etc/kubernetes/admin.conf', '-o', 'json']
  const missing = await cluster.kpki(...args)
  assert.is(missing.status, 1)
  assert.is(JSON.parse(missing.stderr).error.code, 'KPKI_API_NOT_FOUND')
})

testWithCluster(
  test,
  'another uid, another audience, and what has ended: the API server refuses all',
  async cluster => {
    const uid = await account(cluster)
    for (const [what, more, says] of [
      ['uid', ['--uid', '3a0e3a7e-5f0e-4a5c-9b51-0d2f7d5e3f10'], /UID/],
      ['audience', ['--uid', uid, '--audience', 'vault'], /audience/],
      ['issuer', ['--uid', uid, '--issuer', 'https://a.example.org'], undefined],
      ['time', ['--uid', uid, '--now', '2020-01-01T00:00:00Z'], /expired/],
    ] as const) {
      const { status } = await review(cluster, (await must(sign(cluster, ...more))).trim())
      assert.is.not(status.authenticated, true, what)
      if (says) assert.match(status.error ?? '', says)
    }
    const vault = (await must(sign(cluster, '--uid', uid, '--audience', 'vault'))).trim()
    const { status } = await review(cluster, vault, ['vault'])
    assert.is(status.authenticated, true, status.error)
    assert.equal(status.audiences, ['vault'])
  },
)

testWithCluster(test, 'a token bound to a Secret is good until that is deleted', async cluster => {
  const uid = await account(cluster)
  await cluster.apply(`apiVersion: v1\nkind: Secret\nmetadata: {name: lease, namespace: ${NAMESPACE}}\n`)
  const path = 'jsonpath={.metadata.uid}'
  const secret = await must(cluster.kubectl('-n', NAMESPACE, 'get', 'secret', 'lease', '-o', path))
  const bound = ['--bound-object-kind', 'Secret', '--bound-object-name', 'lease', '--bound-object-uid', secret]
  const token = (await must(sign(cluster, '--uid', uid, ...bound))).trim()
  assert.is((await review(cluster, token)).status.authenticated, true)
  await must(cluster.kubectl('-n', NAMESPACE, 'delete', 'secret', 'lease'))
  // The API server remembers for ten seconds what it has seen; another token of the same kind is new to it.
  const second = (await must(sign(cluster, '--uid', uid, ...bound, '--duration', '59m'))).trim()
  const { status } = await review(cluster, second)
  assert.is.not(status.authenticated, true)
  assert.match(status.error ?? '', /invalidated/)
})

testWithCluster(
  test,
  'a token that the API server signed verifies, and ours is the same to the byte',
  async cluster => {
    const uid = await account(cluster)
    for (const [audiences, more] of [
      [[ISSUER], []],
      [
        ['vault', 'db'],
        ['--audience', 'vault,db'],
      ],
    ] as const) {
      const theirs = await request(cluster, { audiences, expirationSeconds: 1800 })
      const args = ['sa', 'verify', '--audience', audiences[0], '-o', 'json']
      const file = join(cluster.host.data, 'theirs')
      writeFileSync(file, theirs, { mode: 0o600 })
      const verified = JSON.parse(await must(cluster.kpki(...args, file))) as { name: string; uid: string }
      assert.equal([verified.name, verified.uid], ['builder', uid])
      const { iat } = JSON.parse(partOf(theirs, 1)) as { iat: number }
      const now = new Date(iat * 1000).toISOString()
      const flags = ['--now', now, '--duration', '30m', '--kubernetes-version', 'v1.20.2', ...more]
      const ours = (await must(sign(cluster, '--uid', uid, ...flags))).trim()
      assert.is(partOf(ours, 0), partOf(theirs, 0))
      assert.is(partOf(ours, 1), partOf(theirs, 1))
    }
  },
)

testWithCluster(
  test,
  'key set and discovery document are those that the API server serves, to the byte',
  async cluster => {
    const jwks = await must(cluster.kubectl('get', '--raw', '/openid/v1/jwks'))
    assert.is((await must(cluster.kpki('sa', 'jwks'))).trimEnd(), jwks.trimEnd())
    const document = await must(cluster.kubectl('get', '--raw', '/.well-known/openid-configuration'))
    const { jwks_uri: uri } = JSON.parse(document) as { jwks_uri: string }
    const ours = await must(cluster.kpki('sa', 'openid-configuration', '--jwks-uri', uri))
    assert.is(ours.trimEnd(), document.trimEnd())
  },
)

const text = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))

/** Tokens of whoever has sa.key and writes what he likes: whether v1.20.2 takes them, and whether we do, where that differs. */
const FORGED: readonly (readonly [
  name: string,
  isTaken: boolean,
  claims: (claims: Readonly<Record<string, unknown>>) => unknown,
  header?: unknown,
  isTakenHere?: boolean,
])[] = [
  ['as it should be', true, claims => claims],
  ['an unknown key id', true, claims => claims, { alg: 'ES256', kid: 'other' }],
  ['no key id', true, claims => claims, { alg: 'ES256' }],
  ['a key id that is no text', false, claims => claims, { alg: 'ES256', kid: 1 }],
  ['a key id that is null', true, claims => claims, { alg: 'ES256', kid: null }],
  ['no audience', true, ({ aud, ...claims }) => claims],
  ['an empty list of audiences', true, claims => ({ ...claims, aud: [] })],
  ['one audience as a text', true, claims => ({ ...claims, aud: ISSUER })],
  ['an audience that is no text', false, claims => ({ ...claims, aud: [ISSUER, 1] })],
  ['an audience that is null', false, claims => ({ ...claims, aud: null })],
  ['no critical extensions', true, claims => claims, { alg: 'ES256', crit: [] }],
  ['critical extensions that are null', true, claims => claims, { alg: 'ES256', crit: null }],
  ['a critical extension', false, claims => claims, { alg: 'ES256', crit: ['b64'], b64: true }],
  ['an algorithm named twice', false, claims => claims, '{"alg":"none","alg":"ES256"}'],
  ['two ends', false, claims => text(claims).replace('{', '{"exp":1,')],
  ['two ends, one of them escaped', false, claims => text(claims).replace('{', '{"\\u0065xp":1,')],
  ['an unknown member twice', false, claims => text(claims).replace('{', '{"x":1,"x":1,')],
  [
    'an account named twice',
    false,
    claims => text(claims).replace('"serviceaccount":{', '"serviceaccount":{"name":"a",'),
  ],
  ['an end in words', false, claims => ({ ...claims, exp: '9999999999' })],
  ['an end that is null', false, claims => ({ ...claims, exp: null })],
  ['an end after the year 9999', true, claims => ({ ...claims, exp: 253402300800 })],
  ['an end with a fraction', true, claims => ({ ...claims, exp: Number(claims['exp']) + 0.5 })],
  ['an end that no number holds', false, claims => text(claims).replace(/"exp":[0-9]+/, '"exp":1e400')],
  ['a beginning in words', false, claims => ({ ...claims, nbf: '0' })],
  ['a subject that is a number', false, claims => ({ ...claims, sub: 1 })],
  ['a number that is no text', false, claims => ({ ...claims, jti: 1 })],
  ['a Pod that is a text', false, claims => withOwn(claims, { pod: 'foo' })],
  ['a Pod that is null', true, claims => withOwn(claims, { pod: null })],
  ['a Pod that is not there', false, claims => withOwn(claims, { pod: { name: '', uid: '' } })],
  ['a time to warn in words', false, claims => withOwn(claims, { warnafter: 'soon' })],
  // Stricter, as the guide says.
  ['signed in the future', true, claims => ({ ...claims, iat: Number(claims['exp']) + 60 }), undefined, false],
  ['the subject of somebody else', true, claims => ({ ...claims, sub: 'system:admin' }), undefined, false],
  ['certificates of its own, none', true, claims => claims, { alg: 'ES256', x5c: [] }, false],
]
function withOwn(claims: Readonly<Record<string, unknown>>, more: object): unknown {
  return { ...claims, 'kubernetes.io': { ...Object(claims['kubernetes.io']), ...more } }
}

testWithCluster(test, 'what the API server takes, and what it does not', async cluster => {
  const uid = await account(cluster)
  const now = Math.floor(Date.now() / 1000)
  const good = {
    aud: [ISSUER],
    exp: now + 3600,
    iat: now,
    iss: ISSUER,
    'kubernetes.io': { namespace: NAMESPACE, serviceaccount: { name: 'builder', uid } },
    nbf: now,
    sub: `system:serviceaccount:${NAMESPACE}:builder`,
  }
  const pem = await must(cluster.host.run('cat', ['/etc/kubernetes/pki/sa.key']))
  const differ: string[] = []
  for (const [name, isTaken, claims, header = { alg: 'ES256' }, isTakenHere = isTaken] of FORGED) {
    const input = [header, claims(good)].map(part => Buffer.from(text(part)).toString('base64url')).join('.')
    const signature = signWith('sha256', Buffer.from(input), { key: pem, dsaEncoding: 'ieee-p1363' })
    const token = `${input}.${signature.toString('base64url')}`
    const { status } = await review(cluster, token)
    if ((status.authenticated ?? false) !== isTaken) differ.push(`${name}: the API server says ${text(status)}`)
    const file = join(cluster.host.data, 'forged')
    writeFileSync(file, token, { mode: 0o600 })
    const said = await cluster.kpki('sa', 'verify', file)
    if ((said.status === 0) !== isTakenHere) differ.push(`${name}: kpki says ${said.stderr}`)
  }
  assert.equal(differ, [])
})

test.run()
