import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  decodeUtf8,
  encodeUtf8,
  equalBytes,
  formatBase64,
  formatBase64Url,
  formatHex,
  parseBase64,
  parseBase64Url,
  toBytes,
} from '../../lib/crypto/bytes.js'

const bytes = fc.uint8Array({ maxLength: 300 })

// RFC 4648 section 10.
for (const [text, base64, hex] of [
  ['', '', ''],
  ['f', 'Zg==', '66'],
  ['fo', 'Zm8=', '666f'],
  ['foo', 'Zm9v', '666f6f'],
  ['foob', 'Zm9vYg==', '666f6f62'],
  ['fooba', 'Zm9vYmE=', '666f6f6261'],
  ['foobar', 'Zm9vYmFy', '666f6f626172'],
] as const) {
  test(`the vectors of RFC 4648: ${JSON.stringify(text)}`, () => {
    assert.is(formatBase64(encodeUtf8(text)), base64)
    assert.is(decodeUtf8(parseBase64(base64) ?? new Uint8Array([0xff])), text)
    assert.is(formatHex(encodeUtf8(text)), hex)
  })
}

for (const [name, text] of [
  ['one digit', 'Z'],
  ['no padding', 'Zg'],
  ['too much padding', 'Z==='],
  ['padding alone', '===='],
  ['padding within', 'Zg==Zg=='],
  ['URL-safe digits', 'Zm-_'],
  ['a foreign character', 'Zm9*'],
  ['a NUL', 'Zm9v\0\0\0\0'],
  ['a no-break space', 'Zm9v\u00a0'],
] as const) {
  test(`base64 is refused with ${name}`, () => assert.is(parseBase64(text), undefined))
}

test('base64 may be broken over lines', () =>
  assert.is(formatHex(parseBase64('Zm9v\r\nYm Fy\t\n') ?? new Uint8Array()), '666f6f626172'))

test('base64 and hex are what Node makes of the same bytes', () =>
  fc.assert(
    fc.property(bytes, value => {
      assert.is(formatBase64(value), Buffer.from(value).toString('base64'))
      assert.is(formatHex(value), Buffer.from(value).toString('hex'))
      assert.ok(equalBytes(parseBase64(formatBase64(value)) ?? new Uint8Array(1), value))
    }),
  ))

test('base64 for URLs is what Node makes of the same bytes', () =>
  fc.assert(
    fc.property(bytes, value => {
      assert.is(formatBase64Url(value), Buffer.from(value).toString('base64url'))
      assert.ok(equalBytes(parseBase64Url(formatBase64Url(value)) ?? new Uint8Array(1), value))
    }),
  ))

// RFC 7515 section 2: no padding, white space or other characters; Zh has bits behind the last byte (RFC 4648 section 3.5).
for (const text of ['Zg==', 'Zm9v\n', 'Zm 9v', 'Zm+/', 'Z', 'Zh'])
  test(`base64 for URLs is refused: ${JSON.stringify(text)}`, () => assert.is(parseBase64Url(text), undefined))

test('a whole megabyte goes through base64', () => {
  const megabyte = new Uint8Array(1024 * 1024).map((_, index) => index * 7)
  assert.ok(equalBytes(parseBase64(formatBase64(megabyte)) ?? new Uint8Array(), megabyte))
})

test('UTF-8: whole characters back, broken ones never', () => {
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), text => assert.is(decodeUtf8(encodeUtf8(text)), text)))
  // RFC 3629 section 10 and 4: overlong, surrogate, cut off, beyond U+10FFFF.
  for (const broken of [[0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82], [0xf4, 0x90, 0x80, 0x80], [0xff]])
    assert.is(decodeUtf8(new Uint8Array(broken)), undefined)
  // A byte order mark is a character to Go, and a PEM block behind one is none.
  assert.is(decodeUtf8(new Uint8Array([0xef, 0xbb, 0xbf, 0x61])), '\ufeffa')
})

test('bytes are compared whole', () => {
  assert.ok(equalBytes(new Uint8Array(), new Uint8Array()))
  assert.not(equalBytes(new Uint8Array([1]), new Uint8Array([1, 2])))
  assert.not(equalBytes(new Uint8Array([1, 2]), new Uint8Array([1])))
  assert.not(equalBytes(new Uint8Array([1, 3]), new Uint8Array([1, 2])))
})

test('bytes get memory of their own', () => {
  const pool = new Uint8Array([0, 1, 2, 3, 4])
  const copy = toBytes(pool.subarray(1, 3))
  pool[1] = 9
  assert.equal([...copy], [1, 2])
  assert.is(copy.buffer.byteLength, 2)
  const buffer = new Uint8Array([5, 6]).buffer
  const second = toBytes(buffer)
  new Uint8Array(buffer)[0] = 9
  assert.equal([...second], [5, 6])
})

test.run()
