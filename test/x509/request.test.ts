import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatHex } from '../../lib/crypto/bytes.js'
import { EncodingError } from '../../lib/errors.js'
import { parseCertificateRequest, verifyRequestSignature } from '../../lib/x509/request.js'
import { provider, rejects, testContext } from '../support/context.js'
import { testWith } from '../support/skip.js'
import { vectorDer } from '../vectors/read.js'

const parse = (name: string) => parseCertificateRequest(vectorDer(`requests/${name}.csr`), name)
const names = readdirSync(new URL('../vectors/requests', import.meta.url))
  .filter(file => file.endsWith('.csr'))
  .map(file => file.slice(0, -'.csr'.length))

// As the commands in test/vectors/requests/make.sh ask for.
test('every field of a request', () => {
  const request = parse('kubelet')
  assert.is(request.subject.text, 'O=system:nodes, CN=system:node:cp-1')
  assert.is(request.subject.commonName, 'system:node:cp-1')
  assert.equal(request.subject.organizations, ['system:nodes'])
  assert.is(request.publicKey.name, 'ECDSA-P256')
  assert.is(request.signatureHash, 'SHA-256')
  assert.is(request.isCa, false)
  assert.equal(request.keyUsages, ['digitalSignature'])
  assert.equal(request.extKeyUsages, ['serverAuth'])
  assert.equal(request.dnsNames, ['cp-1'])
  assert.equal(request.ipAddresses, ['10.0.0.10', '2001:db8::10'])
  assert.equal(request.otherNames, ['email:a@example.org', 'URI:spiffe://example.org/cp-1'])
  assert.equal(request.criticalExtensions, ['2.5.29.15'])
})

for (const [name, actual, expected] of [
  ['no extensions', () => [parse('rsa').extensions, parse('rsa').keyUsages], [[], undefined]],
  ['an RSA key', () => parse('rsa').publicKey.name, 'RSA-2048'],
  ['a CA', () => [parse('ca').isCa, parse('ca').pathLength], [true, 3]],
  ['no subject', () => [parse('no-subject').subject.text, parse('no-subject').dnsNames], ['', ['only-names']]],
  ['extensions beside another attribute', () => parse('challenge').dnsNames, ['a.example.org']],
  ['SHA-1', () => parse('sha1').signatureHash, 'SHA-1'],
  ['RSASSA-PSS', () => parse('rsa-pss').signatureHash, 'SHA-256'],
  ['Ed25519', () => [parse('ed25519').publicKey.name, parse('ed25519').signatureHash], ['Ed25519', '']],
] as const) {
  test(`read: ${name}`, () => assert.equal(actual(), expected))
}

test('no password of a request is anywhere in what is read', () => {
  assert.not.match(JSON.stringify(parse('challenge')), 'secret123')
})

for (const name of names) {
  testWith('openssl', test, `${name}: what openssl says of its key and its signature`, async () => {
    const file = fileURLToPath(new URL(`../vectors/requests/${name}.csr`, import.meta.url))
    const request = parse(name)
    const key = execFileSync('openssl', ['req', '-in', file, '-noout', '-pubkey'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    assert.is(Buffer.from(request.spki).toString('base64'), key.replace(/-----.*-----|\n/g, ''))
    // openssl req -verify exits 0 either way before 3.2; its word is on stderr.
    const { stderr } = await import('node:child_process').then(({ spawnSync }) =>
      spawnSync('openssl', ['req', '-in', file, '-noout', '-verify'], { encoding: 'utf8' }),
    )
    const theirs = /verify OK/.test(stderr)
    assert.is(theirs, name !== 'forged')
    // @peculiar/webcrypto's Ed25519 goes by another name; what cannot be verified is not.
    if (name === 'ed25519' && provider === 'peculiar') return
    assert.is(await verifyRequestSignature(request, testContext()), theirs)
  })
}

const der = vectorDer('requests/kubelet.csr')
const kind = (bytes: Uint8Array) => {
  try {
    return formatHex(parseCertificateRequest(bytes).der) === formatHex(bytes) ? 'read' : 'changed'
  } catch (error) {
    assert.instance(error, EncodingError)
    return 'refused'
  }
}

test('certificates, keys and nothing are no requests', async () => {
  for (const bytes of [
    vectorDer('x509/leaf.crt'),
    vectorDer('keys/p256.pub.pem'),
    vectorDer('keys/rsa-2048.pkcs1.pem'),
  ])
    assert.is((await rejects(() => parseCertificateRequest(bytes))).code, 'KPKI_CERT_INVALID')
  assert.is(kind(new Uint8Array()), 'refused')
})

test('a request cut off at any octet is refused', () => {
  for (let length = 0; length < der.length; length++) assert.is(kind(der.slice(0, length)), 'refused', `${length}`)
})

// RFC 3279 section 2.2.3: a SEQUENCE of two INTEGERs, neither of them negative; Go's ecdsa.VerifyASN1 takes nothing else.
test('an ECDSA signature in another form is none', async () => {
  const at = der.length - 70
  const own = parseCertificateRequest(der)
  assert.equal([der[at], der[at + 1], der[at + 2]], [0x30, 68, 0x02])
  assert.ok(await verifyRequestSignature(own, testContext()))
  for (const tag of [0x31, 0x70, 0xb0]) {
    const changed = der.map((byte, index) => (index === at ? tag : byte))
    assert.not.ok(await verifyRequestSignature({ ...own, der: changed }, testContext()), tag.toString(16))
  }
})

test('with any octet changed it is read or refused, and its signature no longer holds', () =>
  fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: der.length - 1 }),
      fc.integer({ min: 1, max: 255 }),
      async (at, change) => {
        const changed = der.map((byte, index) => (index === at ? byte ^ change : byte))
        if (kind(changed) !== 'read') return
        assert.not.ok(await verifyRequestSignature(parseCertificateRequest(changed), testContext()))
      },
    ),
    { numRuns: 200 },
  ))

test.run()
