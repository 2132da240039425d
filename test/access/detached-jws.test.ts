import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseBootstrapToken } from '../../lib/access/bootstrap-token.js'
import { signDetached, verifyDetached } from '../../lib/access/detached-jws.js'
import { rejects, testContext } from '../support/context.js'

const context = testContext()
const TOKEN = parseBootstrapToken('abcdef.0123456789abcdef')

/** RFC 7515 section 5.1 by hand, with Node's HMAC. */
function byHand(payload: string, id: string, secret: string): string {
  const header = Buffer.from(JSON.stringify({ alg: 'HS256', kid: id })).toString('base64url')
  const input = `${header}.${Buffer.from(payload).toString('base64url')}`
  return `${header}..${createHmac('sha256', secret).update(input).digest('base64url')}`
}

for (const [payload, jws] of [
  ['hello', 'eyJhbGciOiJIUzI1NiIsImtpZCI6ImFiY2RlZiJ9..MxsnbCjBaYzcbNIFa06F-wuF9LX26rhMlrL4zA1511s'],
  [
    'apiVersion: v1\nkind: Config\n',
    'eyJhbGciOiJIUzI1NiIsImtpZCI6ImFiY2RlZiJ9..vH_kT4yiol-nrAWgjfCYqvum5wsKETXe0S7OOp1VgnE',
  ],
] as const) {
  test(`the signature over ${JSON.stringify(payload)} is the known one`, async () => {
    assert.is(await signDetached(payload, TOKEN, context), jws)
    await verifyDetached(jws, payload, TOKEN, context)
  })
}

// kubernetes v1.20.2, staging/src/k8s.io/cluster-bootstrap/token/jws/jws_test.go; tokens of other forms than ours.
for (const [payload, jws] of [
  [
    'Hello from the other side. I must have called a thousand times.',
    'eyJhbGciOiJIUzI1NiIsImtpZCI6Impvc2h1YSJ9..VShe2taLd-YTrmWuRkcL_8QTNDHYxQIEBsAYYiIj1_8',
  ],
  ['', 'eyJhbGciOiJIUzI1NiIsImtpZCI6Impvc2h1YSJ9..7Ui1ALizW4jXphVUB7xUqC9vLYLL9RZeOFfVLoB7Tgk'],
] as const) {
  test(`the signature over ${JSON.stringify(payload)} is that of Kubernetes' own test`, async () =>
    assert.is(await signDetached(payload, { id: 'joshua', secret: 'my voice is my passcode' }, context), jws))
}

test('any payload and token are signed as by hand, and verify', () =>
  fc.assert(
    fc.asyncProperty(
      fc.string({ unit: 'binary' }),
      fc.stringMatching(/^[a-z0-9]{6}$/),
      fc.stringMatching(/^[a-z0-9]{16}$/),
      async (payload, id, secret) => {
        const jws = await signDetached(payload, { id, secret }, context)
        assert.is(jws, byHand(payload, id, secret))
        await verifyDetached(jws, payload, { id, secret }, context)
      },
    ),
    { numRuns: 30 },
  ))

const PAYLOAD = 'apiVersion: v1\nkind: Config\n'
const refused = async (jws: string, payload = PAYLOAD, token = TOKEN) =>
  assert.is((await rejects(verifyDetached(jws, payload, token, context))).code, 'KPKI_JWS_MISMATCH', jws)

test('a signature with one bit changed, one character more or less, is refused', async () => {
  const jws = byHand(PAYLOAD, TOKEN.id, TOKEN.secret)
  for (let index = 0; index < jws.length; index++) {
    const flipped = String.fromCharCode(jws.charCodeAt(index) ^ (1 << (index % 7)))
    await refused(jws.slice(0, index) + flipped + jws.slice(index + 1))
    await refused(jws.slice(0, index) + jws.slice(index + 1))
  }
  for (const other of ['', '.', '..', `${jws}A`, `${jws}\0`, `\0${jws}`, `${jws}${jws}`, jws.slice(0, 1), `${jws}=`])
    await refused(other)
})

test('another payload, secret or id is refused, without the secret in the error', async () => {
  const jws = byHand(PAYLOAD, TOKEN.id, TOKEN.secret)
  for (let index = 0; index < PAYLOAD.length; index++) {
    const flipped = String.fromCharCode(PAYLOAD.charCodeAt(index) ^ 1)
    await refused(jws, PAYLOAD.slice(0, index) + flipped + PAYLOAD.slice(index + 1))
  }
  await refused(jws, PAYLOAD, { ...TOKEN, secret: '0123456789abcdeg' })
  await refused(jws, PAYLOAD, { ...TOKEN, id: 'abcdeg' })
  // The same key, but a header that says otherwise: a verifier of Kubernetes compares the whole text.
  const reordered = Buffer.from('{"kid":"abcdef","alg":"HS256"}').toString('base64url')
  const input = `${reordered}.${Buffer.from(PAYLOAD).toString('base64url')}`
  await refused(`${reordered}..${createHmac('sha256', TOKEN.secret).update(input).digest('base64url')}`)
  const none = Buffer.from('{"alg":"none","kid":"abcdef"}').toString('base64url')
  await refused(`${none}..`)
  const error = await rejects(verifyDetached('x', PAYLOAD, TOKEN, context))
  assert.not(JSON.stringify({ ...error, message: error.message }).includes(TOKEN.secret))
})

test.run()
