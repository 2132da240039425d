import * as asn1js from 'asn1js'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatHex } from '../../lib/crypto/bytes.js'
import { type DerNode, formatOid, parseDer, TAG, toBigInt } from '../../lib/crypto/der.js'
import { der } from '../../lib/crypto/der-write.js'
import { EncodingError } from '../../lib/errors.js'
import { rejects } from '../support/context.js'
import { vectorDer } from '../vectors/read.js'

const hex = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))

test('an element is read to its leaves', () => {
  const root = parseDer(hex('30 0c 02 01 05 a0 03 04 01 ff 05 00 05 00'), 'x')
  assert.is(root.tagNumber, TAG.sequence)
  assert.equal(
    root.children.map(({ tagClass, tagNumber, content }) => [tagClass, tagNumber, formatHex(content)]),
    [
      [1, TAG.integer, '05'],
      [3, 0, '0401ff'],
      [1, TAG.null, ''],
      [1, TAG.null, ''],
    ],
  )
  assert.equal(
    root.children[1]?.children.map(({ bytes }) => formatHex(bytes)),
    ['0401ff'],
  )
})

test('a primitive string has no children, even when its content looks like an element', () => {
  assert.is(parseDer(hex('04 03 02 01 05'), 'x').children.length, 0)
  assert.is(parseDer(hex('03 04 00 02 01 05'), 'x').children.length, 0)
})

const nested = (depth: number): Uint8Array => {
  let bytes: Buffer = Buffer.from([5, 0])
  for (let level = 0; level < depth; level++) {
    const { length } = bytes
    const header =
      length < 0x80 ? [0x30, length] : length < 0x100 ? [0x30, 0x81, length] : [0x30, 0x82, length >> 8, length & 0xff]
    bytes = Buffer.concat([Buffer.from(header), bytes])
  }
  return new Uint8Array(bytes)
}

// X.690: DER has one definite, shortest length for everything (section 10.1).
for (const [name, bytes] of [
  ['nothing', new Uint8Array()],
  ['a tag alone', hex('30')],
  ['content cut off', hex('30 05 02 01')],
  ['an inner element that reaches over the end', hex('30 03 02 05 01')],
  ['an inner element longer than the outer one', hex('30 03 02 02 01 01')],
  ['bytes behind the end', hex('05 00 00')],
  ['a second element', hex('05 00 05 00')],
  ['an indefinite length', hex('30 80 02 01 05 00 00')],
  ['an indefinite length inside', hex('30 07 30 80 02 01 05 00 00')],
  // X.690 section 10.1: the shortest form; Go: "superfluous leading zeros in length", "non-minimal length".
  ['a length with a leading zero', hex(`30 82 00 81 04 7f ${'00'.repeat(0x7f)}`)],
  ['a long form where the short one does', hex('30 81 03 02 01 05')],
  ['a length of 2^32 - 1', hex('30 84 ff ff ff ff')],
  ['a length of 2^64 - 1', hex('30 88 ff ff ff ff ff ff ff ff')],
  ['a length in 126 octets', hex(`30 fe ${'ff'.repeat(126)}`)],
  ['a reserved length octet', hex('30 ff 00')],
  // X.690 sections 8.1.2.4, 8.2, 8.3.2, 8.6.2, 8.8, 8.9, 8.19.2, 10.2, 11.1, 11.2.1.
  ['the end-of-contents octets', hex('00 00')],
  ['a tag number in the long form that fits the short one', hex('9f 1e 00')],
  ['a tag number with a leading zero', hex('9f 80 1f 00')],
  ['a tag number that does not end', hex('9f ff')],
  ['a truth value of no octet', hex('01 00')],
  ['a truth value that is neither', hex('01 01 01')],
  ['an integer of no octet', hex('02 00')],
  ['an integer with a leading zero', hex('02 02 00 7f')],
  ['a negative integer with leading ones', hex('02 02 ff 80')],
  ['a bit string of no octet', hex('03 00')],
  ['a bit string with eight unused bits', hex('03 02 08 00')],
  ['a bit string whose unused bits are set', hex('03 02 01 01')],
  ['an empty bit string with unused bits', hex('03 01 01')],
  ['a null with something in it', hex('05 01 00')],
  ['an object identifier of no octet', hex('06 00')],
  ['an object identifier that does not end', hex('06 02 2a 86')],
  ['an object identifier with a leading zero', hex('06 03 2a 80 01')],
  ['a sequence that is not constructed', hex('10 00')],
  ['a string in pieces', hex('24 04 04 02 01 02')],
  ['a thousand levels', nested(1000)],
  ['forty levels', nested(40)],
] as const) {
  test(`refused: ${name}`, async () => {
    const error = await rejects(() => parseDer(bytes, 'x'))
    assert.is(error.code, 'KPKI_DER_INVALID')
    assert.instance(error, EncodingError)
  })
}

test('an element that ends in the middle of nowhere is refused at every length', async () => {
  const bytes = vectorDer('keys/p256.sec1.pem')
  assert.ok(parseDer(bytes, 'x'))
  for (let length = 0; length < bytes.length; length++)
    assert.is((await rejects(() => parseDer(bytes.slice(0, length), 'x'))).code, 'KPKI_DER_INVALID')
})

test('more elements than anything has are refused, and fast', async () => {
  const many = Buffer.concat([hex('30 83 07 a1 20'), Buffer.alloc(500_000, Buffer.from([5, 0]))])
  const start = performance.now()
  assert.is((await rejects(() => parseDer(many, 'x'))).code, 'KPKI_DER_INVALID')
  assert.ok(performance.now() - start < 1000)
})

test('whatever the bytes are, they are read or refused with our error', () =>
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), bytes => {
      try {
        parseDer(bytes, 'x')
      } catch (error) {
        assert.instance(error, EncodingError)
      }
    }),
    { numRuns: 1000 },
  ))

test('where ours reads, asn1js reads the same', () => {
  interface Shape {
    readonly tag: string
    readonly children: readonly Shape[]
  }
  const ours = ({ tagClass, tagNumber, children }: DerNode): Shape => ({
    tag: `${tagClass}/${tagNumber}`,
    children: children.map(ours),
  })
  const theirs = ({ idBlock, valueBlock }: asn1js.BaseBlock): Shape => {
    const inner: unknown = 'value' in valueBlock ? valueBlock.value : []
    return {
      tag: `${idBlock.tagClass}/${idBlock.tagNumber}`,
      children: idBlock.isConstructed && Array.isArray(inner) ? inner.map(theirs) : [],
    }
  }
  for (const file of [
    'x509/leaf.crt',
    'x509/root.crt',
    'x509/odd-names.crt',
    'keys/p256.sec1.pem',
    'keys/rsa-2048.pkcs1.pem',
  ]) {
    const bytes = vectorDer(file)
    assert.equal(ours(parseDer(bytes, file)), theirs(asn1js.fromBER(bytes).result), file)
  }
})

// RFC 8017 appendix C, RFC 5480 section 2.1.1.1, RFC 8410 section 3; encodings by `openssl asn1parse -genstr OID:…`.
for (const [oid, encoded] of [
  ['1.2.840.113549.1.1.1', '06092a864886f70d010101'],
  ['1.2.840.10045.2.1', '06072a8648ce3d0201'],
  ['1.2.840.10045.3.1.7', '06082a8648ce3d030107'],
  ['1.3.132.0.34', '06052b81040022'],
  ['1.3.101.112', '06032b6570'],
  ['2.5.29.17', '0603551d11'],
  ['2.999.3', '0603883703'],
  ['0.9.2342', '0603099226'],
] as const) {
  test(`OID ${oid}`, () => {
    assert.is(formatOid(hex(encoded).slice(2)), oid)
    assert.is(formatHex(der.oid(oid)), encoded)
  })
}

test('encoders', () => {
  assert.is(formatHex(der.integer(0)), '020100')
  assert.is(formatHex(der.integer(1)), '020101')
  assert.is(formatHex(der.null()), '0500')
  assert.is(formatHex(der.octetString(hex('0500'))), '04020500')
  assert.is(formatHex(der.bitString(hex('04aabb'))), '030400' + '04aabb')
  assert.is(formatHex(der.explicit(1, der.null())), 'a1020500')
  assert.is(formatHex(der.implicit(7, hex('0a000001'))), '87040a000001')
  assert.is(formatHex(der.boolean(true)), '0101ff')
  // X.690 section 11.2.2: named bits without trailing zeros; section 11.6: a SET OF in the order of its encodings.
  assert.is(formatHex(der.bitString(hex('a0'), 5)), '030205a0')
  assert.is(formatHex(der.setOf(hex('020102'), hex('0500'), hex('020101'))), '310802010102' + '01020500')
  assert.is(formatHex(der.unsigned(hex('0000'))), '020100')
  assert.is(formatHex(der.unsigned(hex('00007f'))), '02017f')
  assert.is(formatHex(der.unsigned(hex('80'))), '02020080')
  assert.is(formatHex(der.text('system:nodes')), '130c73797374656d3a6e6f646573')
  assert.is(formatHex(der.text('jürgen@')), '0c086ac3bc7267656e40')
  // RFC 5280 section 4.1.2.5.
  assert.is(
    formatHex(der.time(new Date('2049-12-31T23:59:59.999Z'))),
    `170d${Buffer.from('491231235959Z').toString('hex')}`,
  )
  assert.is(
    formatHex(der.time(new Date('2050-01-01T00:00:00Z'))),
    `180f${Buffer.from('20500101000000Z').toString('hex')}`,
  )
  assert.is(formatHex(der.sequence(der.integer(1), der.octetString(new Uint8Array(200)))).slice(0, 12), '3081ce020101')
})

test('integers: big-endian, of any length', () => {
  assert.is(toBigInt(new Uint8Array()), 0n)
  assert.is(toBigInt(hex('00ff')), 255n)
  assert.is(toBigInt(hex('0100000000000000000000')), 1n << 80n)
})

test.run()
