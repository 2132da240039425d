import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { encodeUtf8 } from '../../lib/crypto/bytes.js'
import { sha256Now } from '../../lib/crypto/sha256.js'

// FIPS 180-2 appendix B.1, B.2 and B.3, and the digest of nothing.
for (const [text, expected] of [
  ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  [
    'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq',
    '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
  ],
  ['a'.repeat(1_000_000), 'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0'],
] as const)
  test(`SHA-256 of ${text.length} characters`, () => assert.is(sha256Now(encodeUtf8(text)), expected))

test('SHA-256 is what node:crypto has, for every length around the ends of blocks', () => {
  for (let length = 0; length < 200; length++) {
    const bytes = Uint8Array.from({ length }, (_, index) => (index * 7 + length) & 0xff)
    assert.is(sha256Now(bytes), createHash('sha256').update(bytes).digest('hex'))
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1000 }), bytes => {
      assert.is(sha256Now(bytes), createHash('sha256').update(bytes).digest('hex'))
    }),
  )
})

test.run()
