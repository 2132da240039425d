import { isIP, isIPv6 } from 'node:net'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseIp, toIpAddress } from '../../lib/crypto/ip.js'
import {
  addressAt,
  formatHostPort,
  hostBits,
  isDnsSubdomain,
  parseCidr,
  parseSubjectAltName,
  splitHostPort,
} from '../../lib/kubernetes/net.js'

const octets4 = fc.uint8Array({ minLength: 4, maxLength: 4 })
// Zero groups on purpose: the compression is where mistakes hide.
const octets6 = fc
  .array(fc.oneof(fc.constant(0), fc.constant(0), fc.integer({ min: 0, max: 0xffff })), { minLength: 8, maxLength: 8 })
  .map(groups => new Uint8Array(groups.flatMap(group => [group >> 8, group & 255])))

for (const [text, expected, hadHostBits] of [
  ['10.96.0.0/12', '10.96.0.0/12', false],
  ['10.97.1.2/12', '10.96.0.0/12', true],
  ['0.0.0.0/0', '0.0.0.0/0', false],
  ['255.255.255.255/0', '0.0.0.0/0', true],
  ['255.255.255.255/1', '128.0.0.0/1', true],
  ['10.0.0.1/32', '10.0.0.1/32', false],
  ['10.0.0.1/31', '10.0.0.0/31', true],
  ['fd00::/8', 'fd00::/8', false],
  ['FD00:10:96::/112', 'fd00:10:96::/112', false],
  ['2001:db8::1/127', '2001:db8::/127', true],
  ['::1/128', '::1/128', false],
  ['2001:db8:ffff::/33', '2001:db8:8000::/33', true],
] as const) {
  test(`network ${text}`, () => {
    const cidr = parseCidr(text)
    assert.is(cidr?.text, expected)
    assert.is(cidr?.hadHostBits, hadHostBits)
    assert.is(cidr && hostBits(cidr), (text.includes(':') ? 128 : 32) - Number(text.split('/')[1]))
  })
}

for (const text of [
  '',
  '/',
  '10.0.0.0',
  '10.0.0.0/',
  '10.0.0.0/33',
  '10.0.0.0/-1',
  '10.0.0.0/+8',
  '10.0.0.0/08',
  '10.0.0.0/8/8',
  '10.0.0.0/8 ',
  '10.0.0.0 /8',
  '10.0.0/8',
  '::/129',
  '::/1000',
  '10.0.0.0/255.0.0.0',
  '/8',
  'a/8',
])
  test(`no network: ${JSON.stringify(text)}`, () => assert.is(parseCidr(text), undefined))

test('a network keeps its first bits and no others, and reads its own text', () =>
  fc.assert(
    fc.property(fc.oneof(octets4, octets6), fc.nat(128), (octets, prefix) => {
      const address = toIpAddress(octets)
      if (!address) return
      const length = Math.min(prefix, address.bytes.length * 8)
      const cidr = parseCidr(`${address.text}/${length}`)
      assert.ok(cidr)
      // An IPv6 network that begins with ::ffff:0:0/96 is an IPv4 address by then; no such octets are made here.
      const bits = (bytes: Uint8Array) => [...bytes].map(byte => byte.toString(2).padStart(8, '0')).join('')
      assert.is(
        bits(cidr.address.bytes),
        bits(address.bytes)
          .slice(0, length)
          .padEnd(address.bytes.length * 8, '0'),
      )
      assert.is(cidr.hadHostBits, /1/.test(bits(address.bytes).slice(length)))
      assert.equal(parseCidr(cidr.text), { ...cidr, hadHostBits: false })
    }),
    { numRuns: 500 },
  ))

// kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/constants/constants_test.go (TestGetAPIServerVirtualIP) and plain counting.
for (const [network, index, expected] of [
  ['10.96.0.0/12', 1, '10.96.0.1'],
  ['10.96.0.0/12', 10, '10.96.0.10'],
  ['10.0.0.128/25', 1, '10.0.0.129'],
  ['1.2.3.0/8', 256, '1.0.1.0'],
  ['fd00:10:96::/112', 1, 'fd00:10:96::1'],
  ['2001:db8::ffff:0/112', 65_535, '2001:db8::ffff:ffff'],
  ['0.0.0.0/0', 4_294_967_295, '255.255.255.255'],
  ['255.255.255.255/32', 1, undefined],
] as const) {
  test(`address ${index} of ${network}`, () => {
    const cidr = parseCidr(network)
    assert.ok(cidr)
    assert.is(addressAt(cidr, index)?.text, expected)
  })
}

// kubernetes/kubernetes v1.20.2, staging/src/k8s.io/apimachinery/pkg/util/validation/validation_test.go, TestIsDNS1123Subdomain
const GOOD_SUBDOMAINS = [
  ...['a', 'ab', 'abc', 'a1', 'a-1', 'a--1--2--b', '0', '01', '012', '1a', '1-a', '1--a--b--2'],
  ...['a.a', 'ab.a', 'abc.a', 'a1.a', 'a-1.a', 'a--1--2--b.a', 'a.1', 'ab.1', 'abc.1', 'a1.1', 'a-1.1', 'a--1--2--b.1'],
  ...['0.a', '01.a', '012.a', '1a.a', '1-a.a', '1--a--b--2', '0.1', '01.1', '012.1', '1a.1', '1-a.1', '1--a--b--2.1'],
  ...['a.b.c.d.e', 'aa.bb.cc.dd.ee', '1.2.3.4.5', '11.22.33.44.55', 'a'.repeat(253)],
]
const BAD_SUBDOMAINS = [
  ...[
    '',
    'A',
    'ABC',
    'aBc',
    'A1',
    'A-1',
    '1-A',
    '-',
    'a-',
    '-a',
    '1-',
    '-1',
    '_',
    'a_',
    '_a',
    'a_b',
    '1_',
    '_1',
    '1_2',
  ],
  ...['.', 'a.', '.a', 'a..b', '1.', '.1', '1..2', ' ', 'a ', ' a', 'a b', '1 ', ' 1', '1 2'],
  ...['A.a', 'aB.a', 'ab.A', 'A1.a', 'a1.A', 'A.1', 'aB.1', 'A1.1', '1A.1', '0.A', '01.A', '012.A', '1A.a', '1a.A'],
  ...[
    'A.B.C.D.E',
    'AA.BB.CC.DD.EE',
    'a.B.c.d.e',
    'aa.bB.cc.dd.ee',
    'a@b',
    'a,b',
    'a_b',
    'a;b',
    'a:b',
    'a%b',
    'a?b',
    'a$b',
  ],
  ...['a'.repeat(254), 'a\n', 'a\nb', 'ä', 'a\u0000'],
]
test("RFC 1123 subdomains: Kubernetes' own cases", () => {
  for (const text of GOOD_SUBDOMAINS) assert.ok(isDnsSubdomain(text), text)
  for (const text of BAD_SUBDOMAINS) assert.not.ok(isDnsSubdomain(text), text)
})

for (const [text, expected] of [
  ['10.0.0.1', '10.0.0.1'],
  ['2001:DB8::1', '2001:db8::1'],
  ['::ffff:10.0.0.1', '10.0.0.1'],
  ['localhost', 'localhost'],
  ['api.example.org', 'api.example.org'],
  ['1a.example.org', '1a.example.org'],
  ['1.2.3.example', '1.2.3.example'],
  // The same file, TestIsWildcardDNS1123Subdomain.
  ['*.example.com', '*.example.com'],
  ['*.bar.com', '*.bar.com'],
  ['*.foo.bar.com', '*.foo.bar.com'],
  [`${'a'.repeat(63)}.example`, `${'a'.repeat(63)}.example`],
  ['*.*.bar.com', undefined],
  ['*.foo.*.com', undefined],
  ['*bar.com', undefined],
  ['f*.bar.com', undefined],
  ['*', undefined],
  ['*.', undefined],
  ['', undefined],
  ['UPPER.example.org', undefined],
  ['a_b.example.org', undefined],
  ['example.org.', undefined],
  ['https://example.org', undefined],
  ['example.org:6443', undefined],
  ['[::1]', undefined],
  ['10.0.0.0/8', undefined],
  // Mistyped addresses are no names.
  ['10.0.0.256', undefined],
  ['010.0.0.1', undefined],
  ['10.0.0', undefined],
  ['1', undefined],
  ['*.1', undefined],
  [`${'a'.repeat(64)}.example`, undefined],
  ['jürgen.example', undefined],
  ['a'.repeat(300), undefined],
] as const) {
  test(`a name for a certificate: ${JSON.stringify(text.slice(0, 80))}`, () => {
    const name = parseSubjectAltName(text)
    assert.is(name?.type === 'ip' ? name.address.text : name?.name, expected)
    if (name) assert.is(name.type, isIP(text) ? 'ip' : 'dns')
  })
}

// kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/util/endpoint_test.go (TestParseHostPort); ports are judged elsewhere.
for (const [text, host, port] of [
  ['cp.k8s.io', 'cp.k8s.io', undefined],
  ['cp.k8s.io:1234', 'cp.k8s.io', '1234'],
  ['1.2.3.4', '1.2.3.4', undefined],
  ['1.2.3.4:1234', '1.2.3.4', '1234'],
  ['2001:db8::1', '2001:db8::1', undefined],
  ['[2001:db8::1]:1234', '2001:db8::1', '1234'],
  ['[2001:db8::1]', '2001:db8::1', undefined],
  ['cp.k8s.io:aaa', 'cp.k8s.io', 'aaa'],
] as const)
  test(`host and port of ${text}`, () => assert.equal(splitHostPort(text), { host, port }))

for (const text of ['[10.0.0.1]:80', '[::1', '[]:80', '[a]:80', '[::1]80', 'a[::1]', '[[::1]]:80'])
  test(`no host and port: ${text}`, () => assert.is(splitHostPort(text), undefined))

test('host and port go together and come apart', () =>
  fc.assert(
    fc.property(
      fc.oneof(
        fc.domain(),
        octets4.map(octets => toIpAddress(octets)?.text ?? ''),
        octets6.map(octets => toIpAddress(octets)?.text ?? ''),
      ),
      fc.integer({ min: 1, max: 65_535 }),
      (host, port) => {
        const text = formatHostPort(host, port)
        assert.equal(splitHostPort(text), { host, port: String(port) })
        // Node's URL takes it apart alike.
        assert.is(new URL(`x://${text}`).hostname, isIPv6(host) ? `[${host}]` : host)
      },
    ),
  ))

for (const [name, work] of [
  ['addresses', (text: string) => parseIp(text)],
  ['networks', (text: string) => parseCidr(text)],
  ['subdomains', (text: string) => isDnsSubdomain(text)],
  ['names', (text: string) => parseSubjectAltName(text)],
  ['host and port', (text: string) => splitHostPort(text)],
] as const) {
  test(`${name}: texts of a hundred thousand characters are dealt with at once`, () => {
    const start = performance.now()
    for (const unit of ['a', '-', '.', ':', '1', '0:', '1.', 'a.', '[', ']', '*.', '/', ' ']) {
      work(unit.repeat(100_000))
      work(`${unit.repeat(100_000)}!`)
    }
    assert.ok(performance.now() - start < 1500, `${Math.round(performance.now() - start)} ms`)
  })
}

test.run()
