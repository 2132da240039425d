import {
  createHash,
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  sign as nodeSign,
  verify as nodeVerify,
} from 'node:crypto'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { describeServiceAccountKey, type ServiceAccountKey } from '../../lib/access/service-account-keys.js'
import {
  type BoundObject,
  DEFAULT_ISSUER,
  type ServiceAccountTokenSpec,
  signServiceAccountToken,
} from '../../lib/access/service-account-token.js'
import { verifyServiceAccountToken } from '../../lib/access/service-account-verify.js'
import { parsePrivateKey } from '../../lib/crypto/key-files.js'
import { EncodingError, PolicyError, VerifyError } from '../../lib/errors.js'
import { parseVersion } from '../../lib/kubernetes/versions.js'
import { NOW, rejects, testContext } from '../support/context.js'

const context = testContext()
const at = (seconds: number) => testContext({ clock: () => new Date(NOW.getTime() + seconds * 1000) })
const MAKERS = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ES384: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
} as const
type Algorithm = keyof typeof MAKERS
const ALGORITHMS = Object.keys(MAKERS) as Algorithm[]

async function makePair(algorithm: Algorithm) {
  const { privateKey, publicKey } = MAKERS[algorithm]()
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  const own = await parsePrivateKey(pem, context)
  return { privateKey, publicKey, own, spki, described: await describeServiceAccountKey(spki, context) }
}
type Pair = Awaited<ReturnType<typeof makePair>>
const pairs = Object.fromEntries(
  await Promise.all(ALGORITHMS.map(async name => [name, await makePair(name)] as const)),
) as Record<Algorithm, Pair>
const SPEC: ServiceAccountTokenSpec = { namespace: 'ci', name: 'builder', uid: '3a0e3a7e-5f0e-4a5c-9b51-0d2f7d5e3f10' }

const decode = (part = '') => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>
const encode = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
/** How node:crypto signs and verifies the three, by RFC 7518 section 3.1: the signature of ECDSA is r and s side by side. */
const HASHES: Readonly<Record<Algorithm, string>> = { RS256: 'sha256', ES256: 'sha256', ES384: 'sha384' }
const nodeKey = (algorithm: Algorithm, key: KeyObject) =>
  algorithm === 'RS256' ? key : { key, dsaEncoding: 'ieee-p1363' as const }
/** A token made by node:crypto. */
function forge(
  algorithm: Algorithm,
  claims: unknown,
  header: unknown = { alg: algorithm, kid: pairs[algorithm].described.id },
) {
  const input = `${encode(header)}.${encode(claims)}`
  const signature = nodeSign(HASHES[algorithm], Buffer.from(input), nodeKey(algorithm, pairs[algorithm].privateKey))
  return `${input}.${signature.toString('base64url')}`
}
const seconds = NOW.getTime() / 1000
const CLAIMS = {
  aud: [DEFAULT_ISSUER],
  exp: seconds + 3600,
  iat: seconds,
  iss: DEFAULT_ISSUER,
  'kubernetes.io': { namespace: 'ci', serviceaccount: { name: 'builder', uid: SPEC.uid } },
  nbf: seconds,
  sub: 'system:serviceaccount:ci:builder',
}
const keysOf = (...names: Algorithm[]): readonly ServiceAccountKey[] => names.map(name => pairs[name].described)
const verify = (token: string, keys = keysOf(...ALGORITHMS), options = {}, when = context) =>
  verifyServiceAccountToken(token, keys, when, options)

for (const algorithm of ALGORITHMS) {
  const { own, publicKey, spki } = pairs[algorithm]

  test(`${algorithm}: header and signature, the word of Node`, async () => {
    const { token, expiresAt } = await signServiceAccountToken(SPEC, own, context)
    const [header, claims, signature = '', ...rest] = token.split('.')
    assert.is(rest.length, 0)
    const kid = createHash('sha256').update(spki).digest('base64url')
    assert.is(Buffer.from(header ?? '', 'base64url').toString(), `{"alg":"${algorithm}","kid":"${kid}"}`)
    const bytes = Buffer.from(signature, 'base64url')
    assert.ok(nodeVerify(HASHES[algorithm], Buffer.from(`${header}.${claims}`), nodeKey(algorithm, publicKey), bytes))
    // RFC 7518 section 3.4: 64 octets with P-256, 96 with P-384.
    assert.is(bytes.length, { RS256: 256, ES256: 64, ES384: 96 }[algorithm])
    assert.is(expiresAt.getTime(), NOW.getTime() + 3_600_000)
  })

  test(`${algorithm}: a token that node:crypto made verifies, and every changed bit of it does not`, async () => {
    const token = forge(algorithm, CLAIMS)
    const found = await verify(token)
    assert.equal([found.namespace, found.name, found.uid], ['ci', 'builder', SPEC.uid])
    assert.is(found.keyId, pairs[algorithm].described.id)
    const bytes = Buffer.from(token.split('.')[2] ?? '', 'base64url')
    for (const index of [0, 1, bytes.length >> 1, bytes.length - 1]) {
      const changed = Buffer.from(bytes)
      changed.writeUInt8(changed.readUInt8(index) ^ 1, index)
      const other = [...token.split('.').slice(0, 2), changed.toString('base64url')].join('.')
      assert.is((await rejects(verify(other))).code, 'KPKI_JWT_SIGNATURE')
    }
    for (const length of [0, 1, bytes.length - 1]) {
      const short = [...token.split('.').slice(0, 2), bytes.subarray(0, length).toString('base64url')].join('.')
      assert.is((await rejects(verify(short))).code, 'KPKI_JWT_SIGNATURE')
    }
    const [header, , signature] = token.split('.')
    const raised = [header, encode({ ...CLAIMS, sub: 'system:serviceaccount:kube-system:x' }), signature].join('.')
    assert.is((await rejects(verify(raised))).code, 'KPKI_JWT_SIGNATURE')
  })
}

// The order of names is what encoding/json makes of go-jose's map: kubernetes/kubernetes v1.20.2, pkg/serviceaccount/jwt.go.
test('claims of v1.20: a token of its API server, to the byte', async () => {
  const version = parseVersion('v1.20.2')
  const spec = { ...SPEC, ...(version ? { kubernetesVersion: version } : {}) }
  const { token } = await signServiceAccountToken(spec, pairs.ES256.own, context)
  assert.is(
    Buffer.from(token.split('.')[1] ?? '', 'base64url').toString(),
    `{"aud":["${DEFAULT_ISSUER}"],"exp":${seconds + 3600},"iat":${seconds},"iss":"${DEFAULT_ISSUER}","kubernetes.io":` +
      `{"namespace":"ci","serviceaccount":{"name":"builder","uid":"${SPEC.uid}"}},"nbf":${seconds},` +
      `"sub":"system:serviceaccount:ci:builder"}`,
  )
})

test('since v1.30 a token has a number of its own; with what it ends with beside the account', async () => {
  const spec: ServiceAccountTokenSpec = {
    ...SPEC,
    audiences: ['vault', 'db'],
    lifetimeSeconds: 600,
    issuer: 'https://issuer.example.org',
    boundTo: { kind: 'Pod', name: 'builder-0', uid: 'p-1' },
  }
  const ids = new Set<unknown>()
  for (let count = 0; count < 20; count++) {
    const { token } = await signServiceAccountToken(spec, pairs.ES256.own, context)
    const { jti, ...claims } = decode(token.split('.')[1])
    // RFC 9562 section 5.4.
    assert.match(String(jti), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    ids.add(jti)
    assert.equal(claims['aud'], ['vault', 'db'])
    assert.is(claims['exp'], seconds + 600)
    assert.is(
      JSON.stringify(claims['kubernetes.io']),
      `{"namespace":"ci","pod":{"name":"builder-0","uid":"p-1"},"serviceaccount":{"name":"builder","uid":"${SPEC.uid}"}}`,
    )
    const found = await verify(token, keysOf('ES256'), { issuer: spec.issuer, audience: 'db' })
    assert.equal(found.boundTo, [{ kind: 'Pod', name: 'builder-0', uid: 'p-1' }])
    assert.is(found.id, jti)
  }
  assert.is(ids.size, 20)
})

const label = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?$/)
test('whatever is signed verifies, and says the same', () =>
  fc.assert(
    fc.asyncProperty(
      label,
      label,
      fc.uuid(),
      fc.array(fc.stringMatching(/^[\x21-\x7e]{1,40}$/), { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 1, max: 2 ** 32 }),
      fc.constantFrom('ES256', 'ES384'),
      async (namespace, name, uid, audiences, lifetimeSeconds, algorithm) => {
        const spec = { namespace, name, uid, audiences, lifetimeSeconds }
        const { token, expiresAt } = await signServiceAccountToken(spec, pairs[algorithm].own, context)
        const found = await verify(token, keysOf(...ALGORITHMS), { audience: audiences.at(-1) })
        assert.equal([found.namespace, found.name, found.uid, found.audiences], [namespace, name, uid, audiences])
        assert.equal(found.expiresAt, expiresAt)
      },
    ),
    { numRuns: 40 },
  ))

const NODE: BoundObject = { kind: 'Node', name: 'cp-1', uid: 'n-1' }
function versionOf(text: string): Partial<ServiceAccountTokenSpec> {
  const kubernetesVersion = parseVersion(text)
  if (!kubernetesVersion) throw new Error(text)
  return { kubernetesVersion }
}
test('a token can end with a Node since v1.30', async () => {
  for (const version of [{}, versionOf('v1.30.0')]) {
    const { token } = await signServiceAccountToken({ ...SPEC, boundTo: NODE, ...version }, pairs.ES256.own, context)
    assert.equal((await verify(token)).boundTo, [NODE])
  }
})

const SPECS: readonly (readonly [name: string, changes: Partial<ServiceAccountTokenSpec>])[] = [
  ['no namespace', { namespace: '' }],
  ['a namespace with a dot', { namespace: 'a.b' }],
  ['a namespace of 64 characters', { namespace: 'a'.repeat(64) }],
  ['a name with a colon', { name: 'a:b' }],
  ['a name in capitals', { name: 'Builder' }],
  ['no uid', { uid: '' }],
  ['a uid with a line end', { uid: 'a\nb' }],
  ['an empty issuer', { issuer: '' }],
  ['no audience at all', { audiences: [] }],
  ['an empty audience', { audiences: [''] }],
  ['101 audiences', { audiences: Array.from({ length: 101 }, (_, index) => `a${index}`) }],
  ['no time', { lifetimeSeconds: 0 }],
  ['negative time', { lifetimeSeconds: -1 }],
  ['half a second', { lifetimeSeconds: 0.5 }],
  ['more than 2^32 seconds', { lifetimeSeconds: 2 ** 32 + 1 }],
  ['an infinite time', { lifetimeSeconds: Number.POSITIVE_INFINITY }],
  ['bound to nothing', { boundTo: { kind: 'Pod', name: '', uid: 'a' } }],
  ['bound to a Node before v1.30', { boundTo: NODE, ...versionOf('v1.29.15') }],
  ['bound to a Node of v1.20', { boundTo: NODE, ...versionOf('v1.20.2') }],
  ['bound to no uid', { boundTo: { kind: 'Secret', name: 'a', uid: '' } }],
]
for (const [name, changes] of SPECS) {
  test(`refused: ${name}`, async () => {
    const error = await rejects(signServiceAccountToken({ ...SPEC, ...changes }, pairs.ES256.own, context))
    assert.is(error.code, 'KPKI_JWT_SPEC')
    assert.instance(error, PolicyError)
  })
}

// RFC 7515 appendix A.2 and A.3: what is signed there ended in 2011, which is told after the signature has verified.
const RFC_CLAIMS = 'eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ'
const RFC: readonly (readonly [name: string, jwk: JsonWebKey, token: string])[] = [
  [
    'RS256, appendix A.2',
    {
      kty: 'RSA',
      n: 'ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ',
      e: 'AQAB',
    },
    `eyJhbGciOiJSUzI1NiJ9.${RFC_CLAIMS}.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw`,
  ],
  [
    'ES256, appendix A.3',
    {
      kty: 'EC',
      crv: 'P-256',
      x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
      y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
    },
    `eyJhbGciOiJFUzI1NiJ9.${RFC_CLAIMS}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q`,
  ],
]
for (const [name, jwk, token] of RFC) {
  test(`RFC 7515, ${name}`, async () => {
    const spki = createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'der' })
    const keys = [await describeServiceAccountKey(spki, context)]
    assert.is((await rejects(verify(token, keys, { issuer: 'joe' }))).code, 'KPKI_JWT_EXPIRED')
    const changed = token.replace(/.(?=.{40}$)/, character => (character === 'A' ? 'B' : 'A'))
    assert.is((await rejects(verify(changed, keys, { issuer: 'joe' }))).code, 'KPKI_JWT_SIGNATURE')
  })
}

const { RS256, ES256 } = pairs
/** HS256 with the public key as its secret: the confusion of RFC 8725 section 2.1. */
function confused(secret: Buffer | string): string {
  const input = `${encode({ alg: 'HS256', kid: RS256.described.id })}.${encode(CLAIMS)}`
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
}
const bound = (more: object) => forge('ES256', { ...CLAIMS, 'kubernetes.io': { ...CLAIMS['kubernetes.io'], ...more } })
const none = (alg: string) => `${encode({ alg, kid: RS256.described.id })}.${encode(CLAIMS)}.`
const other = await makePair('ES256')

const FORGED: readonly (readonly [name: string, code: string, token: string, options?: object, keys?: Algorithm[]])[] =
  [
    ['no algorithm', 'KPKI_JWT_ALGORITHM', none('none')],
    ['no algorithm, in capitals', 'KPKI_JWT_ALGORITHM', none('NONE')],
    [
      'HS256 with the PEM of the public key',
      'KPKI_JWT_ALGORITHM',
      confused(RS256.publicKey.export({ type: 'spki', format: 'pem' })),
    ],
    ['HS256 with its DER', 'KPKI_JWT_ALGORITHM', confused(Buffer.from(RS256.spki))],
    ['a name that objects have of their own', 'KPKI_JWT_ALGORITHM', none('constructor')],
    ['a key that is not there', 'KPKI_JWT_KEY_UNKNOWN', forge('RS256', CLAIMS), {}, ['ES256', 'ES384']],
    [
      'the id of a key of another algorithm, signed by one that is not there',
      'KPKI_JWT_ALGORITHM',
      forge('RS256', CLAIMS, { alg: 'RS256', kid: ES256.described.id }),
      {},
      ['ES256', 'ES384'],
    ],
    // An empty list stands for the key that is nobody's here.
    [
      'the id of one key, signed by another',
      'KPKI_JWT_SIGNATURE',
      forge('ES256', CLAIMS, { alg: 'ES256', kid: other.described.id }),
      {},
      [],
    ],
    ['another issuer', 'KPKI_JWT_ISSUER', forge('ES256', { ...CLAIMS, iss: 'https://evil.example.org' })],
    ['no issuer', 'KPKI_JWT_ISSUER', forge('ES256', { ...CLAIMS, iss: undefined })],
    ['another audience', 'KPKI_JWT_AUDIENCE', forge('ES256', { ...CLAIMS, aud: ['vault'] })],
    [
      'no audience, which is for the API server alone',
      'KPKI_JWT_AUDIENCE',
      forge('ES256', { ...CLAIMS, aud: undefined }),
      { audience: 'vault' },
    ],
    ['ended', 'KPKI_JWT_EXPIRED', forge('ES256', { ...CLAIMS, exp: seconds - 61 })],
    ['without end', 'KPKI_JWT_EXPIRED', forge('ES256', { ...CLAIMS, exp: undefined })],
    ['not begun', 'KPKI_JWT_NOT_YET', forge('ES256', { ...CLAIMS, nbf: seconds + 61 })],
    ['signed in the future', 'KPKI_JWT_NOT_YET', forge('ES256', { ...CLAIMS, iat: seconds + 61 })],
    ['a user', 'KPKI_JWT_SUBJECT', forge('ES256', { ...CLAIMS, sub: 'kubernetes-admin' })],
    ['two accounts', 'KPKI_JWT_SUBJECT', forge('ES256', { ...CLAIMS, sub: 'system:serviceaccount:ci:other' })],
    ['no account beside the subject', 'KPKI_JWT_SUBJECT', forge('ES256', { ...CLAIMS, 'kubernetes.io': undefined })],
    [
      'an account that is a list',
      'KPKI_JWT_SUBJECT',
      forge('ES256', { ...CLAIMS, 'kubernetes.io': { namespace: 'ci', serviceaccount: [] } }),
    ],
    ['a Pod that is a text', 'KPKI_JWT_SUBJECT', bound({ pod: 'foo' })],
    ['a Pod without uid', 'KPKI_JWT_SUBJECT', bound({ pod: { name: 'a' } })],
    ['a Secret whose name is a number', 'KPKI_JWT_SUBJECT', bound({ secret: { name: 1, uid: 'a' } })],
    ['a warning in words', 'KPKI_JWT_SUBJECT', bound({ warnafter: 'soon' })],
  ]
for (const [name, code, token, options = {}, names = ALGORITHMS] of FORGED) {
  test(`not taken: ${name}`, async () => {
    const keys = names.length === 0 ? [{ ...other.described }] : keysOf(...names)
    const error = await rejects(verify(token, keys, options))
    assert.is(error.code, code)
    assert.instance(error, VerifyError)
    const said = JSON.stringify([error.message, error.hint, error.details])
    for (const part of token.split('.').slice(1).filter(Boolean)) assert.not.ok(said.includes(part))
  })
}

const valid = forge('ES256', CLAIMS)
const [first = '', second = '', third = ''] = valid.split('.')
const BROKEN: readonly (readonly [name: string, token: string])[] = [
  ['empty', ''],
  ['one part', 'abc'],
  ['two parts', `${first}.${second}`],
  ['four parts', `${valid}.x`],
  ['white space', ` ${valid}`],
  ['a line end', `${valid}\n`],
  ['base64 with padding', `${first}=.${second}.${third}`],
  ['bits beyond the last byte', `${first}.${second}.${third.slice(0, -1)}${third.endsWith('B') ? 'D' : 'B'}`],
  ['a header that is a list', `${encode([])}.${second}.${third}`],
  ['a header without algorithm', `${encode({ kid: 'a' })}.${second}.${third}`],
  ['claims that are a text', `${first}.${encode('"a"')}.${third}`],
  ['claims that are no JSON', `${first}.${encode('{')}.${third}`],
  ['claims that are no UTF-8', `${first}.${Buffer.from([0xff, 0xfe]).toString('base64url')}.${third}`],
  // gopkg.in/square/go-jose.v2/json: what stands there twice is refused. Signed, so that nothing else is wrong with it.
  ['an algorithm named twice', forge('ES256', CLAIMS, '{"alg":"none","alg":"ES256"}')],
  ['two ends', forge('ES256', JSON.stringify(CLAIMS).replace('{', '{"exp":9999999999,'))],
  ['two ends, one of them escaped', forge('ES256', JSON.stringify(CLAIMS).replace('{', '{"\\u0065xp":9999999999,'))],
  ['a key id that is no text', forge('ES256', CLAIMS, { alg: 'ES256', kid: 1 })],
  ['an end in words', forge('ES256', { ...CLAIMS, exp: '9999999999' })],
  ['an end that no clock comes to', forge('ES256', { ...CLAIMS, exp: 1e300 })],
  [
    'an end that no number holds',
    forge('ES256', JSON.stringify({ ...CLAIMS, exp: 0 }).replace('"exp":0', '"exp":1e400')),
  ],
  ['a beginning in words', forge('ES256', { ...CLAIMS, nbf: '0' })],
  ['an audience that is no text', forge('ES256', { ...CLAIMS, aud: [DEFAULT_ISSUER, 1] })],
  ['a key of its own', forge('ES256', CLAIMS, { alg: 'ES256', jwk: ES256.publicKey.export({ format: 'jwk' }) })],
  ['a certificate of its own', forge('ES256', CLAIMS, { alg: 'ES256', x5c: [] })],
  ['an extension that is critical', forge('ES256', CLAIMS, { alg: 'ES256', crit: ['b64'], b64: false })],
  ['longer than any header', `${first}.${'A'.repeat(65_536)}.${third}`],
]
for (const [name, token] of BROKEN) {
  test(`no token: ${name}`, async () => {
    const error = await rejects(verify(token))
    assert.is(error.code, 'KPKI_JWT_INVALID')
    assert.instance(error, EncodingError)
    if (second !== '') assert.not.ok(JSON.stringify([error.message, error.details]).includes(second))
  })
}

// go-jose v2, jwt/validation.go: one minute of leeway, both ends.
test('clocks may differ by a minute, and by no more', async () => {
  const token = forge('ES256', CLAIMS)
  await verify(token, keysOf('ES256'), {}, at(3660))
  assert.is((await rejects(verify(token, keysOf('ES256'), {}, at(3661)))).code, 'KPKI_JWT_EXPIRED')
  await verify(token, keysOf('ES256'), {}, at(-60))
  assert.is((await rejects(verify(token, keysOf('ES256'), {}, at(-61)))).code, 'KPKI_JWT_NOT_YET')
  assert.is((await rejects(verify(token, keysOf('ES256'), { leewaySeconds: 0 }, at(3601)))).code, 'KPKI_JWT_EXPIRED')
})

test('a token without key id is tried with every key of its algorithm; one text is an audience, too', async () => {
  const token = forge('ES256', { ...CLAIMS, aud: DEFAULT_ISSUER }, { alg: 'ES256' })
  assert.is((await verify(token, [other.described, ...keysOf('RS256', 'ES256')])).keyId, ES256.described.id)
  assert.is((await rejects(verify(token, [other.described]))).code, 'KPKI_JWT_SIGNATURE')
})

// kubernetes/kubernetes v1.20.2, pkg/serviceaccount/jwt.go (AuthenticateToken): every key is tried.
test('a key id is a hint: the signature decides, and it is said that newer API servers want the id, too', async () => {
  const old = forge('ES256', CLAIMS, { alg: 'ES256', kid: 'of-another-signer' })
  const found = await verify(old)
  assert.equal([found.keyId, found.namedKeyId], [ES256.described.id, 'of-another-signer'])
  const foreign = await verify(forge('RS256', CLAIMS, { alg: 'RS256', kid: ES256.described.id }))
  assert.equal([foreign.keyId, foreign.namedKeyId], [RS256.described.id, ES256.described.id])
  for (const kid of [undefined, '', ES256.described.id])
    assert.is((await verify(forge('ES256', CLAIMS, { alg: 'ES256', kid }))).namedKeyId, undefined)
})

// The same place: what names no audience is for those of the API server.
test('a token without audience is for the API server; an empty list of critical extensions asks for none', async () => {
  for (const aud of [undefined, []]) assert.equal((await verify(forge('ES256', { ...CLAIMS, aud }))).audiences, [])
  for (const crit of [null, []]) await verify(forge('ES256', CLAIMS, { alg: 'ES256', crit }))
})

test('a time far away is the last one that RFC 3339 can write; fractions are cut off', async () => {
  for (const exp of [253402300799, 253402300800, 1e13])
    assert.equal((await verify(forge('ES256', { ...CLAIMS, exp }))).expiresAt, new Date('9999-12-31T23:59:59Z'))
  const token = forge('ES256', { ...CLAIMS, exp: seconds - 60 + 0.9 })
  assert.equal((await verify(token)).expiresAt, new Date((seconds - 60) * 1000))
})

test('a key that cannot sign tokens is refused', async () => {
  const { publicKey } = generateKeyPairSync('ed25519')
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  assert.is((await rejects(describeServiceAccountKey(spki, context))).code, 'KPKI_KEY_TYPE')
})

test.run()
