import type { Context } from '../context.js'
import { type Bytes, encodeUtf8, parseHex, toBytes } from '../crypto/bytes.js'
import { parseDer } from '../crypto/der.js'
import { der } from '../crypto/der-write.js'
import { parseIp } from '../crypto/ip.js'
import { describePublicKey, type PrivateKey } from '../crypto/keys.js'
import { PolicyError } from '../errors.js'
import { type Certificate, parseCertificate } from './certificate.js'
import { EXT_KEY_USAGES, EXTENSIONS, KEY_USAGES, type KeyUsage } from './extensions.js'
import { ATTRIBUTE_OIDS } from './name.js'
import { algorithmIdentifier, sign, signingAlgorithm, verifySignature } from './signature.js'

/** What a certificate is to say. */
export interface CertificateSpec {
  readonly commonName: string
  /** Groups, in one multi-valued RDN before the common name, as Go writes them. Default: none. */
  readonly organizations?: readonly string[]
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array
  readonly isCa: boolean
  readonly keyUsages: readonly KeyUsage[]
  /** Names of `EXT_KEY_USAGES`, others as object identifiers; in this order. Default: the extension is left out. */
  readonly extKeyUsages?: readonly string[]
  /** In this order, before the addresses. Default: none. */
  readonly dnsNames?: readonly string[]
  /** Text. Default: none. */
  readonly ipAddresses?: readonly string[]
  /** GeneralNames, DER each, in this order, in place of `dnsNames` and `ipAddresses`. Default: made of those. */
  readonly alternativeNames?: readonly Uint8Array[]
  /**
   * Name, DER: the subject octet for octet, as a CA's must stay for what it has signed. Default: made of `organizations` and
   * `commonName`, which then only name the certificate in errors.
   */
  readonly subjectDer?: Uint8Array
  /** Default: 160 bits of a SHA-256 over the public key. */
  readonly subjectKeyIdentifier?: Uint8Array
  /** pathLenConstraint of a CA. Default: none. */
  readonly pathLength?: number
  /** Extensions of other kinds, DER each, which come last. Default: none. */
  readonly furtherExtensions?: readonly Uint8Array[]
  /** Whole seconds; fractions are cut. */
  readonly notBefore: Date
  /** Whole seconds; fractions are cut. */
  readonly notAfter: Date
}

/** A CA certificate with its private key. */
export interface Issuer {
  readonly certificate: Certificate
  readonly key: PrivateKey
}

/**
 * Issues a certificate; with no issuer it signs itself with `key`.
 *
 * keyUsage and basicConstraints are critical; subjectKeyIdentifier is always present (RFC 7093 section 2, method 1: 160 bits
 * of SHA-256), authorityKeyIdentifier whenever there is an issuer. The serial number has 126 random bits (RFC 5280 4.1.2.2
 * wants at most 20 octets; the CA/Browser Forum at least 64 random bits). The signature is verified before anything is
 * returned, so that a damaged CA key cannot go unnoticed.
 *
 * @throws {@link PolicyError} `KPKI_CERT_SPEC`, `KPKI_ISSUER_NOT_CA`, `KPKI_ISSUER_EXPIRED`, `KPKI_ISSUER_KEY_MISMATCH`
 * @see RFC 5280 sections 4.1.2 and 4.2.1
 */
export async function issueCertificate(
  spec: CertificateSpec,
  issuer: Issuer | { readonly certificate?: undefined; readonly key: PrivateKey },
  context: Context,
): Promise<Certificate> {
  checkSpec(spec, issuer.certificate)
  if (issuer.certificate) checkIssuer({ certificate: issuer.certificate, key: issuer.key }, context)
  else if (!issuer.key.isKeyOf(spec.spki)) {
    const message = `certificate for ${spec.commonName}: only its own key can sign it without an issuer`
    throw new PolicyError('KPKI_ISSUER_KEY_MISMATCH', message)
  }
  const algorithm = signingAlgorithm(issuer.key)
  const signature = algorithmIdentifier(algorithm)
  const subject = spec.subjectDer ?? encodeName(spec)
  const content = der.sequence(
    der.explicit(0, der.integer(2)),
    der.unsigned(serialNumber(context)),
    signature,
    issuer.certificate?.subject.der ?? subject,
    der.sequence(der.time(spec.notBefore), der.time(spec.notAfter)),
    subject,
    spec.spki,
    der.explicit(3, der.sequence(...(await extensions(spec, issuer.certificate, context)))),
  )
  const signed = der.sequence(content, signature, der.bitString(await sign(content, issuer.key, algorithm, context)))
  const certificate = parseCertificate(signed)
  if (!(await verifySignature(certificate, issuer.key.spki, context))) {
    throw new PolicyError('KPKI_ISSUER_KEY_MISMATCH', 'the signing key makes signatures that do not verify', {
      hint: 'the CA key is damaged: restore it from a backup',
    })
  }
  return certificate
}

function checkSpec(spec: CertificateSpec, issuer: Certificate | undefined): void {
  const refuse = (problem: string, cause?: unknown) =>
    new PolicyError('KPKI_CERT_SPEC', `certificate for ${spec.commonName}: ${problem}`, { cause })
  if (spec.commonName === '' && !spec.subjectDer) throw refuse('a common name is needed')
  const badUsage = spec.extKeyUsages?.find(usage => usageOid(usage) === undefined)
  if (badUsage !== undefined) throw refuse(`${JSON.stringify(badUsage)} is no extended key usage`)
  // RFC 5280 section 4.2.1.9: a path length is for CAs alone.
  if (spec.pathLength !== undefined && !(spec.isCa && Number.isInteger(spec.pathLength) && spec.pathLength >= 0))
    throw refuse('its path length is none')
  if (!(spec.notBefore.getTime() < spec.notAfter.getTime())) throw refuse('it would end before it begins')
  // RFC 5280 section 4.1.2.5: UTCTime begins with 1950, GeneralizedTime has four digits for the year.
  if (spec.notBefore.getTime() < Date.UTC(1950, 0, 1)) throw refuse('it would begin before the year 1950')
  if (spec.notAfter.getTime() >= Date.UTC(10_000, 0, 1)) throw refuse('it would end after the year 9999')
  if (!spec.isCa && !spec.extKeyUsages?.length) throw refuse('a leaf needs an extended key usage')
  if (!spec.alternativeNames) checkNames(spec, refuse)
  if (spec.isCa && issuer?.pathLength === 0) throw refuse(`${issuer.subject.text} may have no CA below it`)
  try {
    describePublicKey(spec.spki)
  } catch (cause) {
    throw refuse('the public key is none', cause)
  }
}

/** Names that are made; those that another certificate had stay as they are, whatever they are. */
function checkNames({ dnsNames, ipAddresses }: CertificateSpec, refuse: (problem: string) => PolicyError): void {
  // RFC 5280 section 4.2.1.6: dNSName is an IA5String and never empty.
  const badName = dnsNames?.find(name => !/^(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$/.test(name))
  if (badName !== undefined) throw refuse(`${JSON.stringify(badName)} is not a DNS name`)
  const badAddress = ipAddresses?.find(address => parseIp(address) === undefined)
  if (badAddress !== undefined) throw refuse(`${JSON.stringify(badAddress)} is not an IP address`)
}

function checkIssuer({ certificate, key }: Issuer, context: Context): void {
  const { subject, isCa, keyUsages, notBefore, notAfter } = certificate
  const details = { issuer: subject.text }
  if (!isCa || (keyUsages && !keyUsages.includes('keyCertSign'))) {
    throw new PolicyError('KPKI_ISSUER_NOT_CA', `${subject.text} may not sign certificates: it is not a CA`, {
      details,
    })
  }
  const now = context.clock()
  if (now < notBefore || now > notAfter) {
    const when = now > notAfter ? `ended on ${notAfter.toISOString()}` : `begins on ${notBefore.toISOString()}`
    throw new PolicyError('KPKI_ISSUER_EXPIRED', `the CA certificate of ${subject.text} ${when}`, { details })
  }
  if (!key.isKeyOf(certificate.spki)) {
    throw new PolicyError(
      'KPKI_ISSUER_KEY_MISMATCH',
      `the CA key does not belong to the certificate of ${subject.text}`,
      { details },
    )
  }
}

function serialNumber(context: Context): Bytes {
  const bytes = context.crypto.getRandomValues(new Uint8Array(16))
  // Positive, and never shorter than its sixteen octets.
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes
}

/** The groups in one RDN, then the common name, as Go's crypto/x509/pkix writes them (ToRDNSequence). */
function encodeName({ commonName, organizations = [] }: CertificateSpec): Bytes {
  const attribute = (type: string, value: string) => der.sequence(der.oid(type), der.text(value))
  const groups = organizations.map(organization => attribute(ATTRIBUTE_OIDS.organization, organization))
  return der.sequence(
    ...(groups.length > 0 ? [der.setOf(...groups)] : []),
    der.setOf(attribute(ATTRIBUTE_OIDS.commonName, commonName)),
  )
}

/** In the order in which Go writes them (crypto/x509 buildCertExtensions). */
async function extensions(spec: CertificateSpec, issuer: Certificate | undefined, context: Context): Promise<Bytes[]> {
  const { extKeyUsages = [], dnsNames = [], ipAddresses = [], furtherExtensions = [] } = spec
  const constraints = [
    ...(spec.isCa ? [der.boolean(true)] : []),
    ...(spec.pathLength === undefined ? [] : [der.integer(spec.pathLength)]),
  ]
  const identifier = spec.subjectKeyIdentifier ?? (await keyIdentifier(spec.spki, context))
  const list = [
    extension(EXTENSIONS.keyUsage, true, keyUsageBits(spec.keyUsages)),
    extension(EXTENSIONS.basicConstraints, true, der.sequence(...constraints)),
    extension(EXTENSIONS.subjectKeyIdentifier, false, der.octetString(identifier)),
  ]
  if (extKeyUsages.length > 0) {
    const usages = extKeyUsages.map(usage => der.oid(usageOid(usage) ?? ''))
    list.splice(1, 0, extension(EXTENSIONS.extKeyUsage, false, der.sequence(...usages)))
  }
  if (issuer?.subjectKeyIdentifier !== undefined) {
    const identifier = der.implicit(0, parseHex(issuer.subjectKeyIdentifier))
    list.push(extension(EXTENSIONS.authorityKeyIdentifier, false, der.sequence(identifier)))
  }
  const names = spec.alternativeNames ?? [
    ...dnsNames.map(name => der.implicit(2, encodeUtf8(name))),
    ...ipAddresses.flatMap(text => parseIp(text)?.bytes ?? []).map(bytes => der.implicit(7, bytes)),
  ]
  // RFC 5280 section 4.2.1.6: critical where nothing else says whom it is for.
  const isOnlyName = spec.subjectDer !== undefined && spec.subjectDer.length <= 2
  if (names.length > 0) list.push(extension(EXTENSIONS.subjectAltName, isOnlyName, der.sequence(...names)))
  return [...list, ...furtherExtensions.map(toBytes)]
}

function usageOid(usage: string): string | undefined {
  if (Object.hasOwn(EXT_KEY_USAGES, usage)) return EXT_KEY_USAGES[usage as keyof typeof EXT_KEY_USAGES]
  return /^[0-2](\.(0|[1-9][0-9]{0,9}))+$/.test(usage) ? usage : undefined
}

function extension(oid: string, isCritical: boolean, value: Uint8Array): Bytes {
  return der.sequence(der.oid(oid), ...(isCritical ? [der.boolean(true)] : []), der.octetString(value))
}

/** A named bit list is as short as it can be (X.690 section 11.2.2). */
function keyUsageBits(usages: readonly KeyUsage[]): Bytes {
  const bits = usages.map(usage => KEY_USAGES.indexOf(usage))
  const last = Math.max(-1, ...bits)
  const bytes = new Uint8Array(Math.floor(last / 8) + 1)
  for (const bit of bits) bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (0x80 >> (bit & 7))
  return der.bitString(bytes, bytes.length * 8 - last - 1)
}

async function keyIdentifier(spki: Uint8Array, context: Context): Promise<Bytes> {
  const bits = parseDer(spki, 'the public key').children[1]?.content.slice(1) ?? new Uint8Array()
  return new Uint8Array(await context.crypto.subtle.digest('SHA-256', bits)).slice(0, 20)
}
