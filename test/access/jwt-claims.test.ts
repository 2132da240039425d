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

test('claims of wrong types are none', () =>
  assert.equal(readJwtClaims(jwt({ sub: 1, iss: {}, aud: [1, 'a'], exp: 'soon', iat: 1e300 })), {
    subject: undefined,
    issuer: undefined,
    audiences: ['a'],
    issuedAt: undefined,
    expiresAt: undefined,
  }))

test('anything can be asked, and nothing of the signature is told', () => {
  fc.assert(fc.property(fc.string(), text => void readJwtClaims(text)))
  const token = jwt({ sub: 'a' })
  assert.not.match(JSON.stringify(readJwtClaims(token)), token.split('.')[2] ?? '')
})

test.run()
