import { generateKeyPairSync, sign } from 'node:crypto'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readJwtClaims } from '../../lib/access/jwt-claims.js'

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
/** As any issuer makes one. */
function jwt(claims: unknown, header: unknown = { alg: 'ES256' }): string {
  const input = `${part(header)}.${part(claims)}`
  return `${input}.${sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

test('the claims of a token are those that were signed', () => {
  // RFC 7519 section 3.1, with the audience of section 4.1.3 both ways
  assert.equal(readJwtClaims(jwt({ iss: 'joe', exp: 1300819380, sub: 'a', aud: 'x' })), {
    issuer: 'joe',
    subject: 'a',
    audiences: ['x'],
    issuedAt: undefined,
    expiresAt: new Date('2011-03-22T18:43:00Z'),
  })
  assert.equal(readJwtClaims(jwt({ aud: ['x', 'y'], iat: 1.5 })), {
    issuer: undefined,
    subject: undefined,
    audiences: ['x', 'y'],
    issuedAt: new Date(1500),
    expiresAt: undefined,
  })
})

for (const [what, token] of [
  ['a word', 'secret'],
  ['a bootstrap token', 'abcdef.0123456789abcdef'],
  ['two parts', `${part({ alg: 'none' })}.${part({})}`],
  ['four parts', `${part({ alg: 'none' })}.${part({})}..`],
  ['no object', `${part([])}.${part({})}.`],
  ['no algorithm', `${part({})}.${part({})}.`],
  ['no JSON', `${Buffer.from('{alg').toString('base64url')}.${part({})}.`],
  ['a header that is too long', `${part({ alg: 'x'.repeat(70_000) })}.${part({})}.`],
] as const)
  test(`no JWT: ${what}`, () => assert.is(readJwtClaims(token), undefined))

// RFC 7519 section 4.1; null is nothing to go-jose where a text is wanted (encoding/json), and no number.
for (const [what, claims] of [
  ['a subject', { sub: 1 }],
  ['an issuer', { iss: {} }],
  ['an audience', { aud: ['a', 1] }],
  ['audiences', { aud: null }],
  ['an end', { exp: 'soon' }],
  ['an end', { exp: null }],
  ['a beginning', { nbf: '0' }],
  ['a moment of signing', { iat: [] }],
  ['a name', { jti: 1 }],
] as const)
  test(`no JWT: ${what} that is ${JSON.stringify(Object.values(claims)[0])}`, () =>
    assert.is(readJwtClaims(jwt(claims)), undefined))

test('null where a text is wanted is none', () =>
  assert.equal(
    readJwtClaims(jwt({ sub: null, iss: null, jti: null }, { alg: 'ES256', kid: null }))?.subject,
    undefined,
  ))

test('a time beyond those that RFC 3339 can write is the last one that it can', () => {
  for (const exp of [253402300800, 1e13, 2 ** 62])
    assert.equal(readJwtClaims(jwt({ exp }))?.expiresAt, new Date('9999-12-31T23:59:59Z'), String(exp))
  assert.equal(readJwtClaims(jwt({ iat: -1e13 }))?.issuedAt, new Date('0000-01-01T00:00:00Z'))
  assert.is(readJwtClaims(jwt({ exp: 1e300 })), undefined)
})

const raw = (text: string) => Buffer.from(text).toString('base64url')
for (const [what, text, isTaken] of [
  ['twice', '{"exp":1,"exp":2}', false],
  ['twice, once with an escape', '{"exp":1,"\\u0065xp":2}', false],
  ['twice, and nobody knows it', '{"a":1,"b":{},"a":2}', false],
  ['twice, inside', '{"a":[{"b":{"c":1,"c":1}}]}', false],
  ['in two objects', '{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]}', true],
  ['as a value', '{"a":"a","b":"\\"a\\":{","c":"a"}', true],
] as const)
  test(`a member ${what}: ${isTaken ? 'read' : 'no JWT'}`, () =>
    assert.is(readJwtClaims(`${part({ alg: 'none' })}.${raw(text)}.`) !== undefined, isTaken))

test('members that stand twice, and only those, are found, whatever the text', () =>
  fc.assert(
    fc.property(fc.jsonValue(), fc.string(), (value, name) => {
      const key = JSON.stringify(name)
      const inner = JSON.stringify(value)
      const well = (text: string) => readJwtClaims(`${part({ alg: 'none' })}.${raw(text)}.`) !== undefined
      assert.is(well(`{"kpki":${inner}}`), true)
      assert.is(well(`{"kpki":{${key}:${inner},${key}:${inner}}}`), false)
    }),
  ))

test('anything can be asked, and nothing of the signature is told', () => {
  fc.assert(fc.property(fc.string(), text => void readJwtClaims(text)))
  const token = jwt({ sub: 'a' })
  assert.not.match(JSON.stringify(readJwtClaims(token)), token.split('.')[2] ?? '')
})

test.run()
