// The roots that Node carries, of every CA of the web and of twenty years: what others read in them.
import 'reflect-metadata'
import { X509Certificate as NodeCertificate } from 'node:crypto'
import { rootCertificates } from 'node:tls'
import * as peculiar from '@peculiar/x509'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatHex } from '../../lib/crypto/bytes.js'
import { parseCertificates } from '../../lib/x509/certificate.js'
import { KEY_USAGES } from '../../lib/x509/extensions.js'
import { verifySignature } from '../../lib/x509/signature.js'
import { testContext } from '../support/context.js'

test('there are many of them', () => assert.ok(rootCertificates.length > 100))

test('what node:crypto reads in a root, we read', () => {
  for (const pem of rootCertificates) {
    const [ours] = parseCertificates(pem)
    const theirs = new NodeCertificate(pem)
    assert.is(formatHex(ours.der), theirs.raw.toString('hex'))
    assert.is(formatHex(ours.spki), theirs.publicKey.export({ type: 'spki', format: 'der' }).toString('hex'))
    assert.is(ours.notBefore.getTime(), Date.parse(theirs.validFrom), pem)
    assert.is(ours.notAfter.getTime(), Date.parse(theirs.validTo), pem)
    assert.is(ours.isCa, theirs.ca)
    assert.is(ours.serialNumber.replace(/^0+/, ''), theirs.serialNumber.toLowerCase().replace(/^0+/, ''))
    const { asymmetricKeyType, asymmetricKeyDetails } = theirs.publicKey
    const { publicKey } = ours
    if (asymmetricKeyType === 'rsa') assert.is(publicKey.name, `RSA-${asymmetricKeyDetails?.modulusLength}`)
    else assert.is(publicKey.kind, 'ECDSA')
    const commonName =
      theirs.subject
        .split('\n')
        .filter(line => line.startsWith('CN='))
        .at(-1)
        ?.slice(3) ?? ''
    // Node escapes what is not ASCII.
    if (/^[ -~]*$/.test(ours.subject.commonName)) assert.is(ours.subject.commonName, commonName.replaceAll('\\', ''))
  }
})

test('what @peculiar/x509 reads in a root, we read', () => {
  for (const pem of rootCertificates) {
    const [ours] = parseCertificates(pem)
    const theirs = new peculiar.X509Certificate(pem)
    assert.equal(
      ours.extensions,
      Array.from(theirs.extensions, ({ type }) => type),
    )
    assert.equal(
      ours.criticalExtensions,
      Array.from(theirs.extensions)
        .filter(({ critical }) => critical)
        .map(({ type }) => type),
    )
    assert.is(formatHex(ours.subject.der), Buffer.from(theirs.subjectName.toArrayBuffer()).toString('hex'))
    assert.is(formatHex(ours.issuer.der), Buffer.from(theirs.issuerName.toArrayBuffer()).toString('hex'))
    assert.equal([ours.subject.commonName], theirs.subjectName.getField('CN').slice(-1).concat('').slice(0, 1))
    assert.equal(ours.subject.organizations, theirs.subjectName.getField('O'))
    const constraints = theirs.getExtension(peculiar.BasicConstraintsExtension)
    assert.equal([ours.isCa, ours.pathLength], [constraints?.ca ?? false, constraints?.pathLength])
    const usages = theirs.getExtension(peculiar.KeyUsagesExtension)?.usages
    assert.equal(ours.keyUsages, usages === undefined ? undefined : KEY_USAGES.filter((_, bit) => usages & (1 << bit)))
    assert.is(
      ours.subjectKeyIdentifier,
      theirs.getExtension(peculiar.SubjectKeyIdentifierExtension)?.keyId.toLowerCase(),
    )
    assert.is(
      ours.authorityKeyIdentifier,
      theirs.getExtension(peculiar.AuthorityKeyIdentifierExtension)?.keyId?.toLowerCase(),
    )
  }
})

test('a root verifies under its own key as OpenSSL says, and under no other', async () => {
  const roots = rootCertificates.map(pem => parseCertificates(pem)[0])
  for (const [index, root] of roots.entries()) {
    const theirs = new NodeCertificate(rootCertificates[index] ?? '')
    assert.is(await verifySignature(root, root.spki, testContext()), theirs.verify(theirs.publicKey), root.subject.text)
    const other = roots[(index + 1) % roots.length]
    assert.not.ok(other && (await verifySignature(root, other.spki, testContext())), root.subject.text)
  }
})

test.run()
