import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  formatBootstrapToken,
  generateBootstrapToken,
  isBootstrapTokenId,
  parseBootstrapToken,
} from '../../lib/access/bootstrap-token.js'
import { rejects, testContext } from '../support/context.js'

// kubernetes v1.20.2, staging/src/k8s.io/cluster-bootstrap/token/api/types.go
const PATTERN = /^([a-z0-9]{6})\.([a-z0-9]{16})$/

/** A provider whose randomness is a list of bytes. */
function drawing(bytes: readonly number[]): { readonly crypto: Crypto; readonly left: () => number } {
  let used = 0
  const getRandomValues = (array: Uint8Array) => {
    for (const index of array.keys()) {
      const byte = bytes[used++]
      if (byte === undefined) throw new Error('no byte is left')
      array[index] = byte
    }
    return array
  }
  return { crypto: { getRandomValues } as unknown as Crypto, left: () => bytes.length - used }
}

test('a new token has the form that Kubernetes asks for', () => {
  for (let round = 0; round < 50; round++)
    assert.match(formatBootstrapToken(generateBootstrapToken(testContext())), PATTERN)
})

test('bytes from 252 on are drawn again: 256 is no multiple of 36', () => {
  // The first draw of each half is of no use but for its last byte, 251, which is 251 % 36 = 35.
  const useless = (length: number) => [252, 253, 254, 255, ...Array.from({ length: length - 5 }, () => 255), 251]
  const zeros = (length: number) => Array.from({ length }, () => 0)
  const { crypto, left } = drawing([...useless(6), ...zeros(6), ...useless(16), ...zeros(16)])
  const token = generateBootstrapToken(testContext({ crypto }))
  assert.equal(token, { id: 'z00000', secret: 'z000000000000000' })
  assert.is(left(), 0)
})

test('every byte below 252 stands for the character that its rest by 36 names', () => {
  for (let start = 0; start + 22 <= 252; start += 22) {
    const bytes = Array.from({ length: 22 }, (_, index) => start + index)
    const { id, secret } = generateBootstrapToken(testContext({ crypto: drawing(bytes).crypto }))
    assert.is(id + secret, bytes.map(byte => (byte % 36).toString(36)).join(''))
  }
})

test('what is written is read again', () => {
  fc.assert(
    fc.property(fc.stringMatching(PATTERN), text => {
      const token = parseBootstrapToken(text)
      assert.is(formatBootstrapToken(token), text)
      assert.equal(token, { id: text.slice(0, 6), secret: text.slice(7) })
      assert.ok(isBootstrapTokenId(token.id))
      assert.not(isBootstrapTokenId(text))
    }),
  )
})

test('nothing but a token is read as one', async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.string(), fc.stringMatching(/^[a-z0-9.]{20,25}$/)), async text => {
      fc.pre(!PATTERN.test(text))
      assert.is((await rejects(() => parseBootstrapToken(text))).code, 'KPKI_TOKEN_INVALID')
    }),
  )
})

for (const [name, text, problem] of [
  ['nothing', '', /^the token is empty$/],
  ['upper case', 'Abcdef.k3v9w2x7y1z5q8rt', /upper-case/],
  ['a short id', 'abcde.k3v9w2x7y1z5q8rt', /5 characters instead of 6 before its dot/],
  ['a long id', 'abcdefg.k3v9w2x7y1z5q8rt', /7 characters instead of 6/],
  ['a short secret', 'abcdef.k3v9w2x7y1z5q8r', /15 characters instead of 16 behind its dot/],
  ['a long secret', 'abcdef.k3v9w2x7y1z5q8rt0', /17 characters instead of 16/],
  ['a newline behind it', 'abcdef.k3v9w2x7y1z5q8rt\n', /white space/],
  ['a space before it', ' abcdef.k3v9w2x7y1z5q8rt', /white space/],
  ['two dots', 'abcdef.k3v9w2x7.y1z5q8rt', /more than one dot/],
  ['no dot', 'abcdefk3v9w2x7y1z5q8rt', /has no dot/],
  ['an id alone', 'abcdef', /has no dot/],
  ['other characters', 'abcdef.k3v9w2x7y1z5q8r!', /other characters/],
  ['letters that look alike', 'abcdef.k3v9w2x7y1аbcdef', /other characters/],
] as const) {
  test(`${name} is refused in its own words, without the text`, async () => {
    const error = await rejects(() => parseBootstrapToken(text))
    assert.is(error.code, 'KPKI_TOKEN_INVALID')
    assert.match(error.message, problem)
    const said = JSON.stringify({ ...error, message: error.message })
    for (const part of text.split('.').slice(1)) assert.not(said.includes(part.trim()), said)
  })
}

test.run()
