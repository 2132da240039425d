import { isIP, isIPv4 } from 'node:net'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatHex } from '../../lib/crypto/bytes.js'
import { parseIp, toIpAddress } from '../../lib/crypto/ip.js'

// RFC 4291 section 2.2, RFC 5952 sections 1, 2 and 4, Go 1.19 net/ip_test.go (parseIPTests, ipStringTests).
for (const [text, expected] of [
  ['0.0.0.0', '0.0.0.0'],
  ['127.0.1.2', '127.0.1.2'],
  ['255.255.255.255', '255.255.255.255'],
  ['ABCD:EF01:2345:6789:ABCD:EF01:2345:6789', 'abcd:ef01:2345:6789:abcd:ef01:2345:6789'],
  ['2001:DB8:0:0:8:800:200C:417A', '2001:db8::8:800:200c:417a'],
  ['FF01:0:0:0:0:0:0:101', 'ff01::101'],
  ['0:0:0:0:0:0:0:1', '::1'],
  ['0:0:0:0:0:0:0:0', '::'],
  ['::', '::'],
  ['::1', '::1'],
  ['1::', '1::'],
  // RFC 5952 section 4.1: no leading zeros.
  ['2001:0db8::0001', '2001:db8::1'],
  // 4.2.1: as short as can be.
  ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
  ['2001:db8::0:1', '2001:db8::1'],
  // 4.2.2: not for one group.
  ['2001:db8::1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  // 4.2.3: the longest run, the first of two alike.
  ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['2001:db8::1:0:0:1', '2001:db8::1:0:0:1'],
  ['0:0:1:0:0:1:0:0', '::1:0:0:1:0:0'],
  // 4.3: lower case.
  ['2001:DB8::AAAA', '2001:db8::aaaa'],
  ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
  ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
  ['2001:4860:0000:2001:0000:0000:0000:0068', '2001:4860:0:2001::68'],
  ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ['::13.1.68.3', '::d01:4403'],
  // IPv4-mapped addresses are IPv4 (Go's To4).
  ['::ffff:127.1.2.3', '127.1.2.3'],
  ['::ffff:7f01:0203', '127.1.2.3'],
  ['0:0:0:0:0000:ffff:127.1.2.3', '127.1.2.3'],
  ['0:0:0:0::ffff:127.1.2.3', '127.1.2.3'],
] as const) {
  test(`address ${text}`, () => {
    const address = parseIp(text)
    assert.is(address?.text, expected)
    assert.is(address?.family, isIP(expected))
    assert.is(address?.bytes.length, isIPv4(expected) ? 4 : 16)
  })
}

for (const text of [
  '',
  ' ',
  'abc',
  '1',
  '1.2.3',
  '1.2.3.4.5',
  '1.2..4',
  '.1.2.3',
  '1.2.3.',
  '127.0.0.256',
  '-0.0.0.0',
  '0.0.0.-3',
  '+1.2.3.4',
  '1e1.0.0.0',
  '0x7f.0.0.1',
  '127.001.002.003',
  '0123.0.0.1',
  '00.0.0.0',
  ' 1.2.3.4',
  '1.2.3.4 ',
  '1.2.3.4\n',
  '1.2.3.4/8',
  '1.2.3.4:80',
  '٠.٠.٠.٠',
  '123:',
  ':',
  ':::',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '1:2:3:4:5:6:7:8::',
  '::1:2:3:4:5:6:7:8',
  'a1:a2:a3:a4::b1:b2:b3:b4',
  '1::2::3',
  ':1::2',
  '1::2:',
  '12345::',
  '0:0:0:0:000000:ffff:127.1.2.3',
  'g::',
  '::ffff:127.001.002.003',
  '::1.2.3',
  '::1.2.3.256',
  '1.2.3.4::',
  '::1.2.3.4:5',
  '1:2:3:4:5:6:7:1.2.3.4',
  'fe80::1%lo0',
  'fe80::1%911',
  '[::1]',
  '::1\n',
  '::/0',
]) {
  test(`no address: ${JSON.stringify(text)}`, () => assert.is(parseIp(text), undefined))
}

const octets4 = fc.uint8Array({ minLength: 4, maxLength: 4 })
// Zero groups on purpose: the compression is where mistakes hide.
const octets6 = fc
  .array(fc.oneof(fc.constant(0), fc.constant(0), fc.integer({ min: 0, max: 0xffff })), { minLength: 8, maxLength: 8 })
  .map(groups => new Uint8Array(groups.flatMap(group => [group >> 8, group & 255])))

test('octets to text and back; IPv6 text is what the URL standard and Node make of it', () =>
  fc.assert(
    fc.property(fc.oneof(octets4, octets6), octets => {
      const address = toIpAddress(octets)
      assert.ok(address)
      assert.is(isIP(address.text), address.family)
      const again = parseIp(address.text)
      assert.is(formatHex(again?.bytes ?? new Uint8Array()), formatHex(address.bytes))
      // RFC 5952 and the URL standard (section 3.5, IPv6 serializer) agree on the form.
      if (address.family === 6) {
        assert.is(new URL(`http://[${address.text}]/`).hostname, `[${address.text}]`)
        const full = formatHex(octets).match(/..../g)?.join(':') ?? ''
        assert.is(parseIp(full)?.text, address.text)
        assert.is(parseIp(full.toUpperCase())?.text, address.text)
      }
    }),
    { numRuns: 1000 },
  ))

test('an address is what Node calls one, less zones, for texts that look like addresses', () =>
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'0123456789af:::...'), maxLength: 24 }), text => {
      assert.is(parseIp(text) !== undefined, isIP(text) !== 0, text)
    }),
    { numRuns: 3000 },
  ))

test('octets of other lengths are no address', () => {
  for (const length of [0, 3, 5, 15, 17]) assert.is(toIpAddress(new Uint8Array(length)), undefined)
})

test.run()
