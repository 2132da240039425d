import { Buffer } from 'node:buffer'
import { spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { checkIssued } from '../../lib/audit/check-issued.js'
import type { RuleId } from '../../lib/audit/rules.js'
import { parseCertificate } from '../../lib/x509/certificate.js'
import { element, extension, nameOf, oid, pem, sequence } from '../inspect/der.js'
import { NOW } from '../support/context.js'
import { type Remake, remake, withExtension } from '../support/remake.js'
import { testWith } from '../support/skip.js'
import { inTempDir } from '../support/temp.js'
import { certificateIn, read, wellTree } from './tree.js'

const store = wellTree()
const keyPem = read(store, 'pki/front-proxy-ca.key')
const ca = certificateIn(store, 'pki/front-proxy-ca.crt')
const leaf = certificateIn(store, 'pki/front-proxy-client.crt')
const about = { row: 'front-proxy-client', path: 'pki/front-proxy-client.crt' } as const

const AKI = '2.5.29.35'
const flag = element(1, Buffer.from([0xff]))
const bytes = (hex: string | undefined) => Buffer.from(hex ?? '', 'hex')
/** UTCTime of some days after the end of the CA. */
const after = (days: number) => {
  const text = new Date(ca.notAfter.getTime() + days * 86_400_000).toISOString().replace(/[-:T]|\..*/g, '')
  return element(23, `${text.slice(2)}Z`)
}
const constraints = (...parts: readonly Buffer[]) => withExtension(extension('2.5.29.19', sequence(...parts), true))
const authority = (...parts: readonly Buffer[]) => withExtension(extension(AKI, sequence(...parts)))
const usages = (...types: readonly string[]) => withExtension(extension('2.5.29.37', sequence(...types.map(oid))))
const SERVER = '1.3.6.1.5.5.7.3.1'
const CLIENT = '1.3.6.1.5.5.7.3.2'
const own = element(0x80, bytes(ca.subjectKeyIdentifier))
const issuedBy = (name: string, serial: string) => [
  element(0xa1, [element(0xa4, nameOf(name, 19))]),
  element(0x82, bytes(serial)),
]

const dns = (name: string) => element(0x82, name)
const ip = (...octets: readonly number[]) => element(0x87, Buffer.from(octets))
/** RFC 5280 section 4.2.1.10: GeneralSubtrees of [0] permitted and [1] excluded. */
const permitted = (...bases: readonly Buffer[]) =>
  element(
    0xa0,
    bases.map(base => sequence(base)),
  )
const excluded = (...bases: readonly Buffer[]) =>
  element(
    0xa1,
    bases.map(base => sequence(base)),
  )
const TEN = ip(10, 0, 0, 0, 255, 0, 0, 0)
const FD = ip(0xfd, ...Array(15).fill(0), 0xff, ...Array(15).fill(0))
/** What a CA is narrowed to, what a certificate is for, and what openssl says. */
const NAMED: readonly (readonly [about: string, subtrees: Buffer, names: readonly Buffer[], openssl?: RegExp])[] = [
  ['a name below', sequence(permitted(dns('example.org'))), [dns('a.Example.org'), dns('example.org')]],
  ['a name beside', sequence(permitted(dns('example.org'))), [dns('a.example.com')], /permitted subtree violation/],
  ['an ending that is no label', sequence(permitted(dns('example.org'))), [dns('anexample.org')], /permitted subtree/],
  ['one of several', sequence(permitted(dns('a.org'), dns('b.org'))), [dns('x.b.org')]],
  ['one that is taken out', sequence(excluded(dns('b.org'))), [dns('a.org'), dns('x.b.org')], /excluded subtree/],
  [
    'a part that is taken out',
    sequence(permitted(dns('a.org')), excluded(dns('x.a.org'))),
    [dns('x.a.org')],
    /excluded/,
  ],
  ['an address of a network', sequence(permitted(TEN)), [ip(10, 1, 2, 3)]],
  ['an address of none', sequence(permitted(TEN)), [ip(192, 0, 2, 1)], /permitted subtree violation/],
  ['an address of the other family', sequence(permitted(TEN)), [ip(0xfd, ...Array(15).fill(1))], /permitted subtree/],
  ['an address that is taken out', sequence(excluded(FD)), [ip(0xfd, ...Array(15).fill(1))], /excluded subtree/],
  ['an address where names are narrowed', sequence(permitted(dns('a.org'))), [dns('a.org'), ip(192, 0, 2, 1)]],
]

interface Row {
  readonly about: string
  readonly leaf?: Remake
  readonly ca?: Remake
  readonly expected: readonly RuleId[]
  /** What openssl says of the chain, not even strictly; `undefined` when it takes it. */
  readonly openssl?: RegExp
}
const ROWS: readonly Row[] = [
  { about: 'both as they are', expected: [] },
  {
    about: 'another key identifier',
    leaf: { extensions: authority(element(0x80, Buffer.alloc(20, 7))) },
    expected: ['authority-identifier'],
    openssl: /unable to get local issuer certificate/,
  },
  {
    about: 'another serial number of the issuer',
    leaf: { extensions: authority(own, ...issuedBy('front-proxy-ca', '01')) },
    expected: ['authority-identifier'],
    openssl: /unable to get local issuer certificate/,
  },
  {
    about: 'the right serial number of the issuer',
    leaf: { extensions: authority(own, ...issuedBy('front-proxy-ca', ca.serialNumber)) },
    expected: [],
  },
  {
    about: 'no key identifier on one side',
    ca: { extensions: list => list.filter(each => each.oid !== '2.5.29.14').map(each => each.bytes) },
    expected: [],
  },
  {
    about: 'another name of the issuer',
    leaf: { issuer: nameOf('somebody') },
    expected: ['issuer-name'],
    openssl: /unable to get local issuer certificate/,
  },
  // OpenSSL folds string types and case before it compares (X509_NAME_cmp), Go does not.
  {
    about: 'the name in another string type',
    leaf: { issuer: nameOf('front-proxy-ca', 12) },
    expected: ['issuer-name'],
  },
  {
    about: 'signed by what is no CA',
    ca: { extensions: constraints() },
    expected: ['not-a-ca'],
    openssl: /invalid CA certificate/,
  },
  {
    about: 'signed by what may not sign',
    ca: { extensions: withExtension(extension('2.5.29.15', element(3, Buffer.from([7, 0x80])), true)) },
    expected: ['not-a-ca'],
    openssl: /invalid CA certificate/,
  },
  {
    about: 'a leaf below a CA that allows no CA below it',
    ca: { extensions: constraints(flag, element(2, Buffer.from([0]))) },
    expected: [],
  },
  {
    about: 'a CA below a CA that allows none',
    ca: { extensions: constraints(flag, element(2, Buffer.from([0]))) },
    leaf: { extensions: constraints(flag) },
    expected: ['path-length'],
  },
  {
    about: 'a CA below a CA that allows one',
    ca: { extensions: constraints(flag, element(2, Buffer.from([1]))) },
    leaf: { extensions: constraints(flag) },
    expected: [],
  },
  {
    about: 'a client below a CA for servers',
    ca: { extensions: usages(SERVER) },
    expected: ['ca-restricted'],
    openssl: /unsuitable certificate purpose|unsupported certificate purpose|invalid CA certificate/,
  },
  { about: 'a client below a CA for clients and servers', ca: { extensions: usages(SERVER, CLIENT) }, expected: [] },
  {
    about: 'a client below a CA for anything',
    ca: { extensions: usages('2.5.29.37.0') },
    // Which is said of the CA itself.
    expected: [],
    openssl: /unsuitable certificate purpose/,
  },
  { about: 'a day after its CA', leaf: { notAfter: after(1) }, expected: [] },
  { about: 'two days after its CA', leaf: { notAfter: after(2) }, expected: ['outlives-ca'] },
  ...NAMED.map(
    ([about, subtrees, names, openssl]): Row => ({
      about: `name constraints: ${about}`,
      leaf: { extensions: withExtension(extension('2.5.29.17', sequence(...names))) },
      ca: { extensions: withExtension(extension('2.5.29.30', subtrees, true)) },
      expected: openssl ? ['ca-restricted'] : [],
      ...(openssl ? { openssl } : {}),
    }),
  ),
]

const made = ({ leaf: ofLeaf, ca: ofCa }: Row) => ({
  leaf: remake(leaf.der, keyPem, ofLeaf ?? {}),
  ca: remake(ca.der, keyPem, ofCa ?? {}),
})

for (const row of ROWS) {
  test(`${row.about}: ${row.expected.join(', ') || 'nothing'}`, () => {
    const pair = made(row)
    const findings = checkIssued(parseCertificate(pair.leaf), parseCertificate(pair.ca), about)
    assert.equal(
      findings.map(({ code }) => code),
      row.expected,
    )
    for (const found of findings) {
      assert.is(found.path, about.path)
      assert.ok(found.field && found.expected !== undefined && found.actual !== undefined)
    }
  })
}

testWith(
  'openssl',
  test,
  'OpenSSL refuses the same chains',
  inTempDir(async dir => {
    for (const row of ROWS) {
      const pair = made(row)
      writeFileSync(`${dir}/ca.pem`, pem(pair.ca))
      writeFileSync(`${dir}/leaf.pem`, pem(pair.leaf))
      const moment = String(NOW.getTime() / 1000)
      const { status, stderr } = spawnSync(
        'openssl',
        ['verify', '-purpose', 'sslclient', '-attime', moment, '-CAfile', `${dir}/ca.pem`, `${dir}/leaf.pem`],
        { encoding: 'utf8' },
      )
      if (row.openssl) assert.match(stderr, row.openssl, row.about)
      else assert.is(status, 0, `${row.about}: ${stderr}`)
    }
  }),
)

test('Node.js sees no issuer where an identifier says so', () => {
  for (const row of ROWS.filter(({ expected }) => expected.length === 0 || expected[0] === 'authority-identifier')) {
    const pair = made(row)
    const isIssued = new X509Certificate(pair.leaf).checkIssued(new X509Certificate(pair.ca))
    assert.is(isIssued, row.expected.length === 0, row.about)
  }
})

test('nothing is said between a root and itself', () => {
  assert.equal(checkIssued(ca, ca, about), [])
})

test.run()
