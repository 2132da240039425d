import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  type JsonWebKey as NodeJwk,
  X509Certificate,
} from 'node:crypto'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openIdConfiguration, serviceAccountJwks } from '../../lib/access/jwks.js'
import { parseServiceAccountKeys } from '../../lib/access/service-account-key-files.js'
import { uniqueKeys } from '../../lib/access/service-account-keys.js'
import { PolicyError } from '../../lib/errors.js'
import { rejects, testContext } from '../support/context.js'
import { vector } from '../vectors/read.js'

const context = testContext()
const KEYS: readonly (readonly [
  name: string,
  alg: string,
  make: () => { publicKey: KeyObject; privateKey: KeyObject },
])[] = [
  ['RSA-2048', 'RS256', () => generateKeyPairSync('rsa', { modulusLength: 2048 })],
  [
    'RSA-3072 with an exponent of one byte',
    'RS256',
    () => generateKeyPairSync('rsa', { modulusLength: 3072, publicExponent: 3 }),
  ],
  ['P-256', 'ES256', () => generateKeyPairSync('ec', { namedCurve: 'P-256' })],
  ['P-384', 'ES384', () => generateKeyPairSync('ec', { namedCurve: 'P-384' })],
  ['P-521', 'ES512', () => generateKeyPairSync('ec', { namedCurve: 'P-521' })],
]
const pem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }) as string
const kid = (key: KeyObject) =>
  createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('base64url')
const made = KEYS.map(([name, alg, make]) => ({ name, alg, ...make() }))

for (const { name, alg, publicKey } of made) {
  test(`${name}: the fields of go-jose in their order, values as Node exports them, and Node reads it`, async () => {
    const [key] = serviceAccountJwks(await parseServiceAccountKeys(pem(publicKey), context)).keys
    const { kty, crv, x, y, n, e } = publicKey.export({ format: 'jwk' })
    // gopkg.in/square/go-jose.v2 jwk.go, rawJSONWebKey.
    const expected = { use: 'sig', kty, kid: kid(publicKey), crv, alg, x, y, n, e }
    assert.is(JSON.stringify(key), JSON.stringify(expected))
    const imported = createPublicKey({ key: { ...key } as NodeJwk, format: 'jwk' })
    assert.is(pem(imported), pem(publicKey))
  })
}

test('coordinates keep their zeros in front: RFC 7518 section 6.2.1.2', () =>
  fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 3 }), async () => {
      const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const [key] = serviceAccountJwks(await parseServiceAccountKeys(pem(publicKey), context)).keys
      assert.equal([key?.x?.length, key?.y?.length], [43, 43])
    }),
    // One key in 128 has a zero in front of x or y.
    { numRuns: 300 },
  ))

test('several keys in one file keep their order, each stands once; a private key counts for its public half', async () => {
  const [rsa, , p256] = made
  if (!rsa || !p256) throw new Error('no keys')
  const both = `${pem(p256.publicKey)}some words\n${pem(rsa.publicKey)}${pem(p256.publicKey)}`
  const keys = await parseServiceAccountKeys(both, context)
  assert.equal(
    keys.map(({ id }) => id),
    [kid(p256.publicKey), kid(rsa.publicKey)],
  )
  const pkcs1 = rsa.publicKey.export({ type: 'pkcs1', format: 'pem' }) as string
  const own = rsa.privateKey.export({ type: 'pkcs1', format: 'pem' }) as string
  for (const text of [pkcs1, own]) {
    const [key] = await parseServiceAccountKeys(text, context)
    assert.is(key?.id, kid(rsa.publicKey))
  }
  assert.is(uniqueKeys([...keys, ...keys]).length, 2)
})

// kubernetes/kubernetes v1.20.2, keyutil/key.go (ParsePublicKeysPEM): each block for what it is, whatever stands around it.
test('certificates count for the keys in them, and all kinds may stand in one file', async () => {
  const [rsa, , p256] = made
  if (!rsa || !p256) throw new Error('no keys')
  const certificate = vector('x509/root.crt')
  const own = p256.privateKey.export({ type: 'sec1', format: 'pem' }) as string
  const keys = await parseServiceAccountKeys(`${pem(rsa.publicKey)}${own}${certificate}${pem(p256.publicKey)}`, context)
  assert.equal(
    keys.map(({ id }) => id),
    [kid(rsa.publicKey), kid(p256.publicKey), kid(new X509Certificate(certificate).publicKey)],
  )
})

const BAD: readonly (readonly [name: string, text: string, code: string])[] = [
  ['nothing', '', 'KPKI_PEM_LABEL'],
  ['a request', '-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----\n', 'KPKI_PEM_LABEL'],
  ['an Ed25519 key', pem(generateKeyPairSync('ed25519').publicKey), 'KPKI_KEY_TYPE'],
  ['an encrypted key', vector('keys/encrypted.pkcs8.pem'), 'KPKI_KEY_ENCRYPTED'],
  ['bytes that are no key', '-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n', 'KPKI_KEY_INVALID'],
  ['101 keys', pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey).repeat(101), 'KPKI_INPUT_TOO_LARGE'],
]
for (const [name, text, code] of BAD)
  test(`no keys: ${name}`, async () => assert.is((await rejects(parseServiceAccountKeys(text, context))).code, code))

test('the discovery document: names, order and values of the API server', async () => {
  const keys = await parseServiceAccountKeys(made.map(({ publicKey }) => pem(publicKey)).join(''), context)
  // kubernetes/kubernetes v1.20.2, pkg/serviceaccount/openidmetadata.go; algorithms sorted, each once.
  assert.is(
    JSON.stringify(openIdConfiguration('https://issuer.example.org', keys, 'https://10.0.0.10:6443/openid/v1/jwks')),
    '{"issuer":"https://issuer.example.org","jwks_uri":"https://10.0.0.10:6443/openid/v1/jwks",' +
      '"response_types_supported":["id_token"],"subject_types_supported":["public"],' +
      '"id_token_signing_alg_values_supported":["ES256","ES384","ES512","RS256"]}',
  )
  assert.is(openIdConfiguration('https://a.example.org/b/', keys).jwks_uri, 'https://a.example.org/b/openid/v1/jwks')
})

const URLS: readonly (readonly [issuer: string, jwksUri?: string])[] = [
  [''],
  ['kubernetes/serviceaccount'],
  ['http://issuer.example.org'],
  ['https://issuer.example.org?a=b'],
  ['https://issuer.example.org#a'],
  ['https://user:secret@issuer.example.org'],
  ['https://issuer.example.org '],
  ['https://issuer.example.org/'.padEnd(3000, 'a')],
  ['https://issuer.example.org', 'http://issuer.example.org/jwks'],
  ['https://issuer.example.org', 'x'],
]
for (const [issuer, jwksUri] of URLS) {
  test(`no document for ${issuer.slice(0, 50)} ${jwksUri ?? ''}`, async () => {
    const error = await rejects(() => openIdConfiguration(issuer, [], jwksUri))
    assert.is(error.code, 'KPKI_ISSUER_URL')
    assert.instance(error, PolicyError)
    assert.not.match(JSON.stringify([error.message, error.details]), 'secret')
  })
}

test.run()
