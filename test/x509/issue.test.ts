import { createPrivateKey, X509Certificate } from 'node:crypto'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatHex } from '../../lib/crypto/bytes.js'
import { type DerNode, formatOid, parseDer } from '../../lib/crypto/der.js'
import { parsePrivateKey } from '../../lib/crypto/key-files.js'
import { generateKey, type PrivateKey } from '../../lib/crypto/keys.js'
import { type Certificate, formatCertificate, parseCertificates } from '../../lib/x509/certificate.js'
import type { KeyUsage } from '../../lib/x509/extensions.js'
import { type CertificateSpec, type Issuer, issueCertificate } from '../../lib/x509/issue.js'
import { NOW, rejects, testContext } from '../support/context.js'
import { vector } from '../vectors/read.js'

const context = testContext()
const later = (seconds: number) => new Date(NOW.getTime() + seconds * 1000)
const YEAR = 365 * 86_400

const readKey = (name: string) => parsePrivateKey(vector(`${name}.pem`), context)
const caKey = await readKey('keys/p256.sec1')
const leafKey = await generateKey('ECDSA-P256', context)
const caSpec = (key: PrivateKey): CertificateSpec => ({
  commonName: 'kubernetes',
  spki: key.spki,
  isCa: true,
  keyUsages: ['digitalSignature', 'keyCertSign'],
  notBefore: later(-300),
  notAfter: later(10 * YEAR),
})
const leafSpec = (overrides: Partial<CertificateSpec> = {}): CertificateSpec => ({
  commonName: 'leaf',
  spki: leafKey.spki,
  isCa: false,
  keyUsages: ['digitalSignature'],
  extKeyUsages: ['serverAuth'],
  notBefore: later(-300),
  notAfter: later(YEAR),
  ...overrides,
})
const ca: Issuer = { certificate: await issueCertificate(caSpec(caKey), { key: caKey }, context), key: caKey }
const issue = (overrides: Partial<CertificateSpec> = {}) => issueCertificate(leafSpec(overrides), ca, context)
const asNode = (certificate: Certificate) => new X509Certificate(formatCertificate(certificate))

/** The parts of a TBSCertificate (RFC 5280 section 4.1), by hand. */
function tbs(certificate: Certificate) {
  const [body, algorithm] = parseDer(certificate.der, 'x').children
  const [version, serial, inner, issuer, validity, subject, spki, extensions] = body?.children ?? []
  return {
    version,
    serial,
    inner,
    algorithm,
    issuer,
    validity,
    subject,
    spki,
    extensions: extensions?.children[0]?.children ?? [],
  }
}
const hexOf = (node: DerNode | undefined) => formatHex(node?.bytes ?? new Uint8Array())
const extensionOf = (certificate: Certificate, oid: string) =>
  tbs(certificate).extensions.find(({ children }) => formatOid(children[0]?.content ?? new Uint8Array()) === oid)

// The signature algorithms of Go's crypto/x509 (signingParamsForKey); OIDs of RFC 4055 and RFC 5758.
for (const [name, oid] of [
  ['rsa-2048.pkcs1', '1.2.840.113549.1.1.11'],
  ['rsa-1024.pkcs1', '1.2.840.113549.1.1.11'],
  ['p256.sec1', '1.2.840.10045.4.3.2'],
  ['p384.sec1', '1.2.840.10045.4.3.3'],
  ['p521.sec1', '1.2.840.10045.4.3.4'],
] as const) {
  test(`a CA and a leaf under it, signed with ${name}: Node verifies both`, async () => {
    const key = await readKey(`keys/${name}`)
    const certificate = await issueCertificate(caSpec(key), { key }, context)
    const leaf = await issueCertificate(leafSpec(), { certificate, key }, context)
    const [nodeCa, nodeLeaf] = [asNode(certificate), asNode(leaf)]
    assert.ok(nodeCa.verify(nodeCa.publicKey))
    assert.ok(nodeLeaf.verify(nodeCa.publicKey))
    assert.ok(nodeLeaf.checkIssued(nodeCa))
    assert.ok(nodeCa.ca)
    assert.not.ok(nodeLeaf.ca)
    assert.ok(nodeCa.checkPrivateKey(createPrivateKey(vector(`keys/${name}.pem`))))
    const { inner, algorithm } = tbs(leaf)
    assert.is(formatOid(algorithm?.children[0]?.content ?? new Uint8Array()), oid)
    // RFC 5280 section 4.1.1.2: both must be the same. RFC 5758: no parameters for ECDSA; RFC 4055: NULL for RSA.
    assert.is(hexOf(inner), hexOf(algorithm))
    assert.is(algorithm?.children.length, name.startsWith('rsa') ? 2 : 1)
  })
}

test('the extensions of a leaf, in order, critical or not (RFC 5280 section 4.2.1)', async () => {
  const leaf = await issue({ dnsNames: ['a.example.org', '*.example.org'], ipAddresses: ['10.0.0.1', '2001:db8::1'] })
  const rows = tbs(leaf).extensions.map(({ children }) => [
    formatOid(children[0]?.content ?? new Uint8Array()),
    children.length === 3 ? formatHex(children[1]?.bytes ?? new Uint8Array()) : 'false',
    formatHex(children.at(-1)?.content ?? new Uint8Array()),
  ])
  assert.equal(rows, [
    ['2.5.29.15', '0101ff', '03020780'], // digitalSignature: one bit, seven unused
    ['2.5.29.37', 'false', '300a06082b06010505070301'],
    ['2.5.29.19', '0101ff', '3000'], // cA FALSE is the default, so DER leaves it out
    ['2.5.29.14', 'false', rows[3]?.[2]],
    ['2.5.29.35', 'false', `30168014${ca.certificate.subjectKeyIdentifier}`],
    [
      '2.5.29.17',
      'false',
      `3036820d${Buffer.from('a.example.org').toString('hex')}820d${Buffer.from('*.example.org').toString('hex')}87040a000001871020010db8000000000000000000000001`,
    ],
  ])
  assert.is(hexOf(tbs(leaf).version), 'a003020102', 'version 3')
})

test('the extensions of a CA', () => {
  assert.is(formatHex(extensionOf(ca.certificate, '2.5.29.15')?.children[2]?.content ?? new Uint8Array()), '03020284')
  assert.is(formatHex(extensionOf(ca.certificate, '2.5.29.19')?.children[2]?.content ?? new Uint8Array()), '30030101ff')
  assert.is(extensionOf(ca.certificate, '2.5.29.37'), undefined)
  assert.is(extensionOf(ca.certificate, '2.5.29.17'), undefined)
  assert.is(extensionOf(ca.certificate, '2.5.29.35'), undefined)
})

test('the key identifier is 160 bits of SHA-256 of the key (RFC 7093 section 2, method 1)', async () => {
  const bits = parseDer(leafKey.spki, 'x').children[1]?.content.slice(1) ?? new Uint8Array()
  const digest = new Uint8Array(await globalThis.crypto.subtle.digest('SHA-256', bits))
  assert.is((await issue()).subjectKeyIdentifier, formatHex(digest.slice(0, 20)))
})

// RFC 5280 section 4.2.1.3: bit 0 is the first; computed with openssl x509 -addext keyUsage=…
for (const [usages, bits] of [
  [['digitalSignature', 'keyEncipherment'], '030205a0'],
  [['keyCertSign', 'cRLSign'], '03020106'],
  [['decipherOnly'], '0303070080'],
  [['encipherOnly'], '03020001'],
] as const) {
  test(`key usage ${usages.join(' and ')}`, async () => {
    const leaf = await issue({ keyUsages: usages as readonly KeyUsage[] })
    assert.is(formatHex(extensionOf(leaf, '2.5.29.15')?.children[2]?.content ?? new Uint8Array()), bits)
    assert.equal(leaf.keyUsages, [...usages])
  })
}

// Go's asn1 package: PrintableString where it can be, else UTF8String; `*`, `&`, `@` and `_` are not printable.
for (const [text, tag] of [
  ['system:node:cp-1', 0x13],
  ["a b'()+,-./:=?9", 0x13],
  ['kube_proxy', 0x0c],
  ['jürgen', 0x0c],
  ['a@example.org', 0x0c],
  ['*', 0x0c],
  ['a&b', 0x0c],
  ['a,b=c+d"e\\f<g>;h#', 0x0c],
  ['#0401', 0x0c],
  [' leading and trailing ', 0x13],
  ['日本語', 0x0c],
  ['x'.repeat(64), 0x13],
] as const) {
  test(`common name and group ${JSON.stringify(text)}: string type, and the text as it was`, async () => {
    const leaf = await issue({ commonName: text, organizations: [text] })
    const rdns = tbs(leaf).subject?.children ?? []
    assert.is(rdns.length, 2)
    for (const rdn of rdns) {
      const value = rdn.children[0]?.children[1]
      assert.is(value?.bytes[0], tag)
      assert.is(Buffer.from(value?.content ?? new Uint8Array()).toString(), text)
    }
    assert.is(leaf.subject.commonName, text)
    assert.equal(leaf.subject.organizations, [text])
  })
}

/** RFC 5280: RelativeDistinguishedName is a SET OF; DER orders its elements by their encodings (X.690 section 11.6). */
function assertOrdered(leaf: Certificate, count: number): void {
  const set = tbs(leaf).subject?.children[0]
  assert.is(set?.bytes[0], 0x31)
  const encodings = (set?.children ?? []).map(({ bytes }) => formatHex(bytes))
  assert.is(encodings.length, count)
  // Hex sorts as the octets do.
  assert.equal(encodings, [...encodings].sort())
}

for (const organizations of [
  ['system:masters', 'a'],
  ['b', 'a', 'c'],
  ['long-name', 'z', 'aa'],
  ['kubeadm:cluster-admins', 'system:masters', 'system:nodes'],
  // The string type comes before the text: UTF8String (0x0c) before PrintableString (0x13).
  ['aaa', 'b_b'],
  ['zz', 'ü'],
  // Long enough for a length in two octets.
  ['x'.repeat(130), 'y', 'a'.repeat(120)],
]) {
  test(`groups stand in one set in DER order: ${organizations.map(name => name.slice(0, 30)).join(', ')}`, async () => {
    const leaf = await issue({ organizations })
    assertOrdered(leaf, organizations.length)
    assert.equal([...leaf.subject.organizations].sort(), [...organizations].sort())
  })
}

test('groups of any text are in DER order and come back', () =>
  fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 4 }),
      async organizations => {
        const leaf = await issue({ organizations })
        assertOrdered(leaf, organizations.length)
        assert.equal([...leaf.subject.organizations].sort(), [...organizations].sort())
      },
    ),
    { numRuns: 20 },
  ))

test('serial numbers: positive, 16 octets, the content of a minimal INTEGER, never twice', async () => {
  const seen = new Set<string>()
  for (let count = 0; count < 40; count++) {
    const leaf = await issue()
    const content = tbs(leaf).serial?.content ?? new Uint8Array()
    // RFC 5280 section 4.1.2.2: positive, at most 20 octets.
    assert.is(content.length, 16)
    assert.ok((content[0] ?? 0x80) < 0x80 && (content[0] ?? 0) !== 0)
    assert.is(leaf.serialNumber, formatHex(content))
    assert.is(asNode(leaf).serialNumber.toLowerCase(), formatHex(content))
    seen.add(leaf.serialNumber)
  }
  assert.is(seen.size, 40)
  // At least 120 random bits: in 40 numbers each of the 126 bits below the first two takes both values (p of a miss: 1e-10).
  for (let bit = 2; bit < 128; bit++) {
    const values = new Set([...seen].map(hex => (BigInt(`0x${hex}`) >> BigInt(127 - bit)) & 1n))
    assert.is(values.size, 2, `bit ${bit}`)
  }
})

test('serial numbers stay in their form for the smallest and the largest random octets', async () => {
  for (const [octet, first] of [
    [0x00, '40'],
    [0xff, '7f'],
  ] as const) {
    const fixed = {
      subtle: context.crypto.subtle,
      getRandomValues: (array: Uint8Array) => array.fill(octet),
    } as unknown as Crypto
    const { serialNumber } = await issueCertificate(leafSpec(), ca, testContext({ crypto: fixed }))
    assert.is(serialNumber.slice(0, 2), first)
    assert.is(serialNumber.length, 32)
  }
})

// RFC 5280 section 4.1.2.5: UTCTime (tag 0x17) to the end of 2049, GeneralizedTime (0x18) from 2050 on, seconds, Z.
for (const [moment, tag, text] of [
  ['2026-06-02T00:00:00Z', 0x17, '260602000000Z'],
  ['2049-12-31T23:59:59Z', 0x17, '491231235959Z'],
  ['2049-12-31T23:59:59.999Z', 0x17, '491231235959Z'],
  ['2050-01-01T00:00:00Z', 0x18, '20500101000000Z'],
  ['2050-01-01T00:00:00.750Z', 0x18, '20500101000000Z'],
  ['9999-12-31T23:59:59Z', 0x18, '99991231235959Z'],
] as const) {
  test(`notAfter ${moment}`, async () => {
    const leaf = await issue({ notAfter: new Date(moment) })
    const value = tbs(leaf).validity?.children[1]
    assert.is(value?.bytes[0], tag)
    assert.is(Buffer.from(value?.content ?? new Uint8Array()).toString(), text)
    assert.is(leaf.notAfter.getTime(), Math.floor(Date.parse(moment) / 1000) * 1000)
    assert.is(Date.parse(asNode(leaf).validTo), leaf.notAfter.getTime())
  })
}

test('notBefore is cut to whole seconds', async () => {
  assert.is(
    (await issue({ notBefore: new Date(NOW.getTime() - 1) })).notBefore.toISOString(),
    '2026-06-01T11:59:59.000Z',
  )
})

test('a start in or after 2050 has no fraction, either', async () => {
  const [notBefore, notAfter] = [new Date('2050-01-01T00:00:00.750Z'), new Date('2051-01-01T00:00:00Z')]
  const value = tbs(await issue({ notBefore, notAfter })).validity?.children[0]
  assert.is(Buffer.from(value?.content ?? new Uint8Array()).toString(), '20500101000000Z')
})

for (const [address, octets] of [
  ['10.0.0.1', '87040a000001'],
  ['255.255.255.255', '8704ffffffff'],
  ['::1', '871000000000000000000000000000000001'],
  ['::', `8710${'00'.repeat(16)}`],
  ['2001:db8::1:0:0:1', '871020010db8000000000001000000000001'],
  ['fe80::1', '8710fe800000000000000000000000000001'],
] as const) {
  test(`address ${address}: octets as RFC 5280 section 4.2.1.6 wants them, and the same text back`, async () => {
    const leaf = await issue({ ipAddresses: [address] })
    assert.match(formatHex(extensionOf(leaf, '2.5.29.17')?.children[1]?.content ?? new Uint8Array()), octets)
    assert.equal(leaf.ipAddresses, [address])
    assert.ok(asNode(leaf).checkIP(address))
  })
}

test('a thousand names', async () => {
  const dnsNames = Array.from({ length: 1000 }, (_, index) => `host-${index}.example.org`)
  const leaf = await issue({ dnsNames })
  assert.equal(leaf.dnsNames, dnsNames)
  assert.is(asNode(leaf).checkHost('host-999.example.org'), 'host-999.example.org')
})

test('without an issuer the key signs itself: no authority key identifier, issuer is subject', () => {
  assert.equal(ca.certificate.issuer.der, ca.certificate.subject.der)
  assert.is(ca.certificate.authorityKeyIdentifier, undefined)
})

test("the issuer's name is taken over byte by byte, whatever its string types", async () => {
  const [certificate] = parseCertificates(vector('x509/root.crt'))
  const key = await parsePrivateKey(vector('x509/root.key'), context)
  const leaf = await issueCertificate(leafSpec(), { certificate, key }, context)
  assert.is(formatHex(leaf.issuer.der), formatHex(certificate.subject.der))
  assert.ok(asNode(leaf).checkIssued(new X509Certificate(vector('x509/root.crt'))))
})

// The certificate of whoever signs, and why it may not.
for (const [name, file, key, code] of [
  ['a leaf', 'x509/leaf.crt', 'x509/leaf.key', 'KPKI_ISSUER_NOT_CA'],
  ['a CA without keyCertSign', 'x509/no-sign.crt', 'x509/root.key', 'KPKI_ISSUER_NOT_CA'],
  ['a certificate without basicConstraints', 'x509/no-constraints.crt', 'x509/root.key', 'KPKI_ISSUER_NOT_CA'],
  ['an expired CA', 'x509/root-expired.crt', 'x509/root.key', 'KPKI_ISSUER_EXPIRED'],
  ['the key of another CA', 'x509/root.crt', 'x509/leaf.key', 'KPKI_ISSUER_KEY_MISMATCH'],
  ['the name of this CA, the key of another', 'x509/root-other.crt', 'x509/root.key', 'KPKI_ISSUER_KEY_MISMATCH'],
] as const) {
  test(`refused as issuer: ${name}`, async () => {
    const [certificate] = parseCertificates(vector(file))
    const error = await rejects(
      issueCertificate(leafSpec(), { certificate, key: await parsePrivateKey(vector(key), context) }, context),
    )
    assert.is(error.code, code)
  })
}

test('a CA that is not valid yet, and the first and last moments of one', async () => {
  const [certificate] = parseCertificates(vector('x509/root.crt'))
  const key = await parsePrivateKey(vector('x509/root.key'), context)
  const at = (moment: string) =>
    issueCertificate(leafSpec(), { certificate, key }, testContext({ clock: () => new Date(moment) }))
  assert.is((await rejects(at('2025-12-31T23:59:59Z'))).code, 'KPKI_ISSUER_EXPIRED')
  await at('2026-01-01T00:00:00Z')
  await at('2036-01-01T00:00:00Z')
  assert.is((await rejects(at('2036-01-01T00:00:01Z'))).code, 'KPKI_ISSUER_EXPIRED')
})

test('a key that signs wrongly is found out before its certificate leaves', async () => {
  // The public half is the CA's, the secret another's.
  const liar = new (caKey.constructor as new (raw: { pkcs8: Uint8Array; spki: Uint8Array }) => PrivateKey)({
    pkcs8: leafKey.exportPkcs8(),
    spki: caKey.spki,
  })
  assert.is(
    (await rejects(issueCertificate(leafSpec(), { certificate: ca.certificate, key: liar }, context))).code,
    'KPKI_ISSUER_KEY_MISMATCH',
  )
})

for (const [name, overrides] of [
  ['no common name', { commonName: '' }],
  ['an end before the start', { notAfter: later(-301) }],
  ['an end at the start', { notAfter: later(-300) }],
  ['a start that is no date', { notBefore: new Date(Number.NaN) }],
  ['an end that is no date', { notAfter: new Date(Number.NaN) }],
  ['an end after the year 9999', { notAfter: new Date('+010000-01-01T00:00:00Z') }],
  ['a start before the year 0', { notBefore: new Date('-000001-01-01T00:00:00Z') }],
  ['a leaf for nothing', { extKeyUsages: [] }],
  ['an address that is none', { ipAddresses: ['10.0.0.256'] }],
  ['an address with a zone', { ipAddresses: ['fe80::1%eth0'] }],
  ['a name that is not ASCII', { dnsNames: ['jürgen.example.org'] }],
  ['an empty name', { dnsNames: [''] }],
  ['a public key that is none', { spki: new Uint8Array([0x30, 0x00]) }],
] as const) {
  test(`refused: ${name}`, async () => assert.is((await rejects(issue(overrides))).code, 'KPKI_CERT_SPEC'))
}

// RFC 5280 section 4.2.1.9: below a CA with pathLenConstraint 0 there can be no CA that anybody would trust.
test('refused: a CA below one that may have none', async () => {
  const [certificate] = parseCertificates(vector('x509/inter.crt'))
  const key = await parsePrivateKey(vector('x509/inter.key'), context)
  const error = await rejects(
    issueCertificate({ ...caSpec(leafKey), commonName: 'below', notAfter: later(YEAR) }, { certificate, key }, context),
  )
  assert.is(error.code, 'KPKI_CERT_SPEC')
})

test('refused: signing itself with another key', async () => {
  const error = await rejects(issueCertificate(caSpec(leafKey), { key: caKey }, context))
  assert.is(error.code, 'KPKI_ISSUER_KEY_MISMATCH')
})

test('@peculiar/x509 reads what we write, and finds the signature good', async () => {
  await import('reflect-metadata')
  const peculiar = await import('@peculiar/x509')
  const groups = {
    organizations: ['system:masters', 'a', 'jürgen'],
    dnsNames: ['a.example.org'],
    ipAddresses: ['::1', '10.0.0.1'],
  }
  for (const certificate of [
    ca.certificate,
    await issue(groups),
    await issue({ notAfter: new Date('2060-01-01T00:00:00Z') }),
  ]) {
    const theirs = new peculiar.X509Certificate(new Uint8Array(certificate.der))
    assert.ok(
      await theirs.verify(
        { publicKey: new peculiar.PublicKey(new Uint8Array(caKey.spki)), signatureOnly: true },
        context.crypto,
      ),
    )
    assert.equal(theirs.subjectName.getField('O').sort(), [...certificate.subject.organizations].sort())
    assert.is(theirs.notAfter.getTime(), certificate.notAfter.getTime())
    assert.is(theirs.serialNumber, certificate.serialNumber)
  }
})

test.run()
