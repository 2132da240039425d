import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatHex, parseHex } from '../../lib/crypto/bytes.js'
import { formatProto, parseProto } from '../../lib/host/protobuf.js'

const hex = (text: string) => parseHex(text.replaceAll(' ', ''))
const utf8 = (text: string) => new TextEncoder().encode(text)

test('messages are written as protobuf.dev has them', () => {
  // Test2 of protobuf.dev/programming-guides/encoding: field 2, "testing".
  assert.is(formatHex(formatProto([[2, 'testing']])), '120774657374696e67')
  // Test3 there: field 3, a message whose field 1 is 150.
  assert.is(formatHex(formatProto([[3, hex('08 96 01')]])), '1a03089601')
  assert.is(formatHex(formatProto([[1, true]])), '0801')
  // Field 16 is the first one whose tag takes two octets; a length of 300 is ac 02.
  assert.is(formatHex(formatProto([[16, 'a']])), '82010161')
  assert.is(formatHex(formatProto([[1, 'a'.repeat(300)]])), `0aac02${'61'.repeat(300)}`)
  assert.is(
    formatHex(
      formatProto([
        [1, ''],
        [2, false],
      ]),
    ),
    '',
  )
})

test('messages are read as protobuf.dev has them', () => {
  const read = (text: string) => Object.fromEntries(parseProto(hex(text)) ?? [])
  assert.equal(read('08 96 01'), { 1: [150n] })
  assert.equal(read('12 07 74 65 73 74 69 6e 67'), { 2: [utf8('testing')] })
  assert.equal(read('1a 03 08 96 01'), { 3: [hex('08 96 01')] })
  // -2 as int64 there; a fixed64 and a fixed32 between.
  assert.equal(read('08 fe ff ff ff ff ff ff ff ff 01'), { 1: [2n ** 64n - 2n] })
  assert.equal(read('09 01 02 03 04 05 06 07 08 15 01 02 03 04'), {
    1: [hex('0102030405060708')],
    2: [hex('01020304')],
  })
  assert.equal(read('0a 01 61 0a 01 62'), { 1: [utf8('a'), utf8('b')] }, 'repeated')
  assert.equal(read(''), {})
})

for (const [what, text] of [
  ['a varint that is cut off', '08 96'],
  ['a length beyond the end', '0a 05 61'],
  ['a length beyond all numbers', '0a ff ff ff ff ff ff ff ff ff 01'],
  ['a varint of more than 64 bits', '08 ff ff ff ff ff ff ff ff ff 02'],
  ['a varint without an end', '08 ff ff ff ff ff ff ff ff ff ff ff'],
  ['a group', '0b 0c'],
  ['a wire type that does not exist', '0e'],
  ['field 0', '00 01'],
  ['a tag without a value', '08'],
  ['a fixed32 that is cut off', '0d 01 02'],
] as const)
  test(`${what} is no message`, () => assert.is(parseProto(hex(text)), undefined))

test('what is written is read', () => {
  const value = fc.oneof(
    fc.constant(true),
    fc.string({ minLength: 1, maxLength: 400 }),
    fc.uint8Array({ maxLength: 40 }),
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 2 ** 29 - 1 }), value), { maxLength: 8 }), fields => {
      const expected = new Map<number, (bigint | Uint8Array)[]>()
      for (const [number, field] of fields) {
        const read = field === true ? 1n : typeof field === 'string' ? utf8(field) : Uint8Array.from(field)
        expected.set(number, [...(expected.get(number) ?? []), read])
      }
      assert.equal(parseProto(formatProto(fields)), expected)
    }),
  )
})

test('reading never throws', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), bytes => void parseProto(Uint8Array.from(bytes))))
})

test.run()
