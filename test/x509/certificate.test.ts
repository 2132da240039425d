import { X509Certificate } from 'node:crypto'
import { readdirSync } from 'node:fs'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatHex } from '../../lib/crypto/bytes.js'
import { formatPem } from '../../lib/crypto/pem.js'
import { EncodingError } from '../../lib/errors.js'
import { formatCertificate, parseCertificate, parseCertificates } from '../../lib/x509/certificate.js'
import { rejects } from '../support/context.js'
import { vector, vectorDer } from '../vectors/read.js'

const parse = (file: string) => parseCertificates(vector(`x509/${file}.crt`), file)[0]
const files = readdirSync(new URL('../vectors/x509', import.meta.url)).filter(file => file.endsWith('.crt'))

test('there are vectors', () => assert.ok(files.length > 50))

for (const file of files) {
  test(`${file}: what Node's parser says`, () => {
    const pem = vector(`x509/${file}`)
    const [ours] = parseCertificates(pem, file)
    const theirs = new X509Certificate(pem)
    assert.is(formatHex(ours.der), theirs.raw.toString('hex'))
    assert.is(formatHex(ours.spki), theirs.publicKey.export({ type: 'spki', format: 'der' }).toString('hex'))
    // OpenSSL's word for a CA includes the key usage; ours is basicConstraints alone, as Go's IsCA.
    if (file !== 'no-sign.crt') assert.is(ours.isCa, theirs.ca)
    assert.is(ours.notBefore.getTime(), Date.parse(theirs.validFrom))
    assert.is(ours.notAfter.getTime(), Date.parse(theirs.validTo))
    assert.is(formatCertificate(ours), theirs.toString())
    if (!file.startsWith('odd-'))
      assert.is(ours.serialNumber.replace(/^0+/, ''), theirs.serialNumber.toLowerCase().replace(/^0+/, ''))
    const names = (theirs.subjectAltName ?? '').split(', ')
    assert.equal(
      ours.dnsNames,
      names.filter(name => name.startsWith('DNS:')).map(name => name.slice(4)),
    )
    assert.is(ours.ipAddresses.length, names.filter(name => name.startsWith('IP Address:')).length)
  })
}

test('every field of a leaf', () => {
  const leaf = parse('leaf')
  const root = parse('root')
  assert.is(leaf.subject.commonName, 'leaf')
  assert.is(leaf.issuer.commonName, 'root')
  assert.equal(leaf.issuer.der, root.subject.der)
  assert.equal(leaf.subject.organizations, [])
  assert.is(leaf.notBefore.toISOString(), '2026-01-01T00:00:00.000Z')
  assert.is(leaf.notAfter.toISOString(), '2036-01-01T00:00:00.000Z')
  assert.is(leaf.publicKey.name, 'ECDSA-P256')
  assert.is(leaf.signatureHash, 'SHA-256')
  assert.is(leaf.isCa, false)
  assert.is(leaf.pathLength, undefined)
  assert.equal(leaf.keyUsages, ['digitalSignature'])
  assert.equal(leaf.extKeyUsages, ['serverAuth'])
  assert.equal(leaf.dnsNames, ['leaf.example.org'])
  assert.equal(leaf.ipAddresses, ['10.0.0.1', '2001:db8::1'])
  assert.is(leaf.authorityKeyIdentifier, root.subjectKeyIdentifier)
  assert.match(leaf.subjectKeyIdentifier ?? '', /^[0-9a-f]{40}$/)
  assert.equal(leaf.criticalExtensions, ['2.5.29.19', '2.5.29.15'])
  assert.equal(root.keyUsages, ['digitalSignature', 'keyCertSign'])
  assert.is(root.extKeyUsages, undefined)
})

// What openssl x509 -text prints for the same files.
for (const [name, actual, expected] of [
  ['pathLenConstraint 0', () => parse('inter').pathLength, 0],
  ['pathLenConstraint 1', () => parse('inter-one').pathLength, 1],
  ['no usages: all', () => [parse('leaf-bare').keyUsages, parse('leaf-bare').extKeyUsages], [undefined, undefined]],
  ['any usage', () => parse('leaf-any').extKeyUsages, ['anyExtendedKeyUsage']],
  ['a usage that has no name here', () => parse('leaf-code').extKeyUsages, ['1.3.6.1.5.5.7.3.3']],
  ['SHA-1', () => [parse('leaf-sha1').signatureHash, parse('rsa-leaf-sha1').signatureHash], ['SHA-1', 'SHA-1']],
  ['SHA-384', () => parse('leaf-sha384').signatureHash, 'SHA-384'],
  ['SHA-512', () => parse('leaf-sha512').signatureHash, 'SHA-512'],
  ['RSA', () => [parse('rsa-leaf').publicKey.name, parse('rsa-leaf').signatureHash], ['RSA-2048', 'SHA-256']],
  ['Ed25519', () => [parse('ed25519-ca').publicKey.name, parse('ed25519-ca').signatureHash], ['Ed25519', '']],
  ['P-384', () => parse('p384-ca').publicKey.name, 'ECDSA-P384'],
  ['an unknown critical extension', () => parse('leaf-unknown-critical').criticalExtensions.at(-1), '1.2.3.4'],
  [
    'GeneralizedTime from 2050 on',
    () => parse('odd-generalized-time').notAfter.toISOString(),
    '2060-01-01T00:00:00.000Z',
  ],
  ['UTCTime until 2049', () => parse('odd-year-2049').notAfter.toISOString(), '2049-12-31T23:59:59.000Z'],
  [
    'no subject',
    () => [parse('odd-no-subject').subject.commonName, parse('odd-no-subject').subject.organizations],
    ['', []],
  ],
  [
    'a BMPString',
    () => [parse('odd-bmp-string').subject.commonName, parse('odd-bmp-string').subject.organizations],
    ['leaf', ['group']],
  ],
  [
    'a T61String',
    () => [parse('odd-t61-string').subject.commonName, parse('odd-t61-string').subject.organizations],
    ['leaf', ['group']],
  ],
  // Go takes the last common name (crypto/x509/pkix FillFromRDNSequence) and all organizations.
  [
    'several RDNs',
    () => [parse('odd-groups-rdns').subject.commonName, parse('odd-groups-rdns').subject.organizations],
    ['second', ['one', 'two']],
  ],
  [
    'one multi-valued RDN',
    () => [parse('odd-groups').subject.commonName, [...parse('odd-groups').subject.organizations].sort()],
    ['jürgen@example.org', ['a', 'dev_team', 'system:masters']],
  ],
  [
    '1000 names',
    () => [parse('odd-1000-names').dnsNames.length, parse('odd-1000-names').dnsNames.at(-1)],
    [1000, 'host-999.example.org'],
  ],
  ['serial number 0', () => parse('odd-zero-serial').serialNumber, '00'],
] as const) {
  test(`read: ${name}`, () => assert.equal(actual(), expected))
}

test('a negative serial number is read as the octets that stand there', () => {
  assert.is(parse('odd-negative-serial').serialNumber, 'f9')
})

test('addresses are in the form of RFC 5952, names of other kinds are passed over', () => {
  const { dnsNames, ipAddresses } = parse('odd-names')
  assert.equal(dnsNames, ['*.example.org', 'UPPER.example.org'])
  // `::ffff:10.0.0.1` in sixteen octets: Go's net.IP prints and compares it as 10.0.0.1.
  assert.equal(ipAddresses, ['2001:db8::1:0:0:1', '2001:0:0:1::1', '10.0.0.1', '::'])
})

test('only certificates are taken out of a file, in order', () => {
  const text =
    vector('keys/p256.parameters.pem') + vector('x509/root.crt') + vector('keys/p256.pub.pem') + vector('x509/leaf.crt')
  assert.equal(
    parseCertificates(text).map(({ subject }) => subject.commonName),
    ['root', 'leaf'],
  )
})

test('a file without certificates is refused, and says what it holds', async () => {
  for (const text of [vector('keys/p256.pub.pem'), '', 'text'])
    assert.is((await rejects(() => parseCertificates(text))).code, 'KPKI_PEM_LABEL')
  assert.match((await rejects(() => parseCertificates(vector('keys/p256.pub.pem')))).message, 'PUBLIC KEY')
})

test('one bad certificate in a bundle spoils it', async () => {
  const bad = formatPem('CERTIFICATE', vectorDer('x509/leaf.crt').slice(0, 100))
  assert.instance(await rejects(() => parseCertificates(vector('x509/root.crt') + bad)), EncodingError)
})

test('DER that is no certificate', async () => {
  for (const bytes of [
    new Uint8Array([0x30, 0x00]),
    vectorDer('keys/p256.pub.pem'),
    vectorDer('keys/rsa-2048.pkcs1.pem'),
  ])
    assert.is((await rejects(() => parseCertificate(bytes))).code, 'KPKI_CERT_INVALID')
})

const leafDer = vectorDer('x509/leaf.crt')
const kind = (der: Uint8Array): string => {
  try {
    parseCertificate(der)
    return 'read'
  } catch (error) {
    assert.instance(error, EncodingError)
    return 'refused'
  }
}

test('a certificate cut off at any octet is refused', () => {
  for (let length = 0; length < leafDer.length; length++)
    assert.is(kind(leafDer.slice(0, length)), 'refused', `${length}`)
})

test('octets behind the certificate are refused, as Go does ("trailing data")', () => {
  assert.is(kind(new Uint8Array([...leafDer, 0])), 'refused')
  assert.is(kind(new Uint8Array([...leafDer, ...leafDer])), 'refused')
})

test('any changed octet is read or refused with our error, never anything else, and never for long', () => {
  const start = performance.now()
  for (let index = 0; index < leafDer.length; index += 2)
    for (const value of [index % 4 === 0 ? 0xff : (leafDer[index] ?? 0) ^ 1])
      kind(leafDer.map((byte, at) => (at === index ? value : byte)))
  assert.ok(performance.now() - start < 10_000)
})

test('random octets are refused', () =>
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), bytes => assert.is(kind(bytes), 'refused')),
    { numRuns: 200 },
  ))

test('octets of a certificate in a random order are read or refused', () =>
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: leafDer.length }),
      fc.integer({ min: 0, max: leafDer.length }),
      fc.uint8Array({ maxLength: 20 }),
      (from, to, between) => void kind(new Uint8Array([...leafDer.slice(0, from), ...between, ...leafDer.slice(to)])),
    ),
    { numRuns: 80 },
  ))

test('certificates of others go through parse and format unchanged', () =>
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...files), { minLength: 1, maxLength: 5 }), list => {
      const text = list.map(file => vector(`x509/${file}`)).join('')
      assert.is(parseCertificates(text).map(formatCertificate).join(''), text)
    }),
    { numRuns: 15 },
  ))

test.run()
