import { type Bytes, equalBytes, formatHex, toBytes } from '../crypto/bytes.js'
import { type DerNode, parseDer, TAG } from '../crypto/der.js'
import { describePublicKey, type KeyType } from '../crypto/keys.js'
import { describeLabels, formatPem, parsePem } from '../crypto/pem.js'
import { EncodingError } from '../errors.js'
import { type CertificateFault, fieldAt, inField, otherForm } from './certificate-fault.js'
import { type ExtensionFacts, isUniversal, readExtensions } from './extensions.js'
import { type DistinguishedName, latin1, readName } from './name.js'
import { readSignatureAlgorithm, readSigned } from './signed.js'

/** How a date of a certificate is written. */
export interface EncodedDate {
  readonly type: 'UTCTime' | 'GeneralizedTime'
  /** e.g. `260601120000Z` */
  readonly text: string
}

/** An X.509 certificate, decoded once. */
export interface Certificate extends ExtensionFacts {
  readonly der: Bytes
  /** 1 to 3. */
  readonly version: number
  readonly subject: DistinguishedName
  readonly issuer: DistinguishedName
  /** Content of the INTEGER in hex, e.g. `6d5b7339c78cbf70`. */
  readonly serialNumber: string
  readonly notBefore: Date
  readonly notAfter: Date
  /** notBefore and notAfter as they are written. */
  readonly dates: readonly [notBefore: EncodedDate, notAfter: EncodedDate]
  /** Whether issuer and subject are the same name, byte by byte. */
  readonly isSelfIssued: boolean
  /** Whether it has one of the unique identifiers of X.509 version 2. */
  readonly hasUniqueIdentifier: boolean
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Bytes
  readonly publicKey: KeyType
  /** Digest of the issuer's signature, e.g. `SHA-256`; empty where the algorithm has none of its own (Ed25519) or is not known. */
  readonly signatureHash: string
}

/**
 * Decodes one DER certificate, as strictly as Go's crypto/x509 does. Signatures are not checked here, see
 * {@link verifyCertificate}.
 *
 * @param what - named in errors, e.g. a file name
 * @throws {@link EncodingError} `KPKI_CERT_INVALID`, `details.fault` and `details.field` say what is wrong where that is known;
 *   `KPKI_DER_INVALID`, `KPKI_KEY_INVALID`
 * @see RFC 5280 section 4.1
 */
export function parseCertificate(der: Uint8Array, what = 'the certificate'): Certificate {
  const invalid = (problem: string, fault?: CertificateFault, field = '') =>
    new EncodingError('KPKI_CERT_INVALID', `${what} is not an X.509 certificate: ${problem}`, {
      details: { what, ...(fault && { fault }), ...(field !== '' && { field }) },
    })
  const root = inField(
    offset => fieldAt(der, offset),
    () => parseDer(der, what),
  )
  const signed = readSigned(root)
  if (!signed) throw invalid(`it is ${otherForm(root) ?? 'not a signed sequence'}`)
  const fields = [...signed.content.children]
  const version = isTagged(fields[0], 0) ? readVersion(fields.shift()) : 0
  if (version === undefined) throw invalid('it is of no version that there is')
  const [serial, algorithm, issuerNode, validity, subjectNode, spkiNode, ...rest] = fields
  if (!isUniversal(serial, TAG.integer)) throw invalid('it has no serial number')
  if (!algorithm || !equalBytes(algorithm.bytes, signed.algorithm.bytes)) {
    throw invalid('its two signature algorithms differ')
  }
  const [issuer, subject] = [readName(issuerNode), readName(subjectNode)]
  if (!issuer || !subject) {
    const field = issuer ? 'subject' : 'issuer'
    throw invalid(`its ${field} is malformed`, 'subject-malformed', field)
  }
  const [first, last] = validity?.children ?? []
  const [notBefore, notAfter] = [readTime(first), readTime(last)]
  if (!notBefore || !notAfter || !isUniversal(validity, TAG.sequence) || validity.children.length !== 2) {
    throw invalid('its validity is malformed', 'time-malformed', 'validity')
  }
  if (!isUniversal(spkiNode, TAG.sequence)) throw invalid('it has no public key')
  const tagged = rest.find(node => isTagged(node, 3))
  // RFC 5280 section 4.1.2.8: [1] and [2] are unique identifiers, which nobody uses.
  const isKnown = (node: DerNode) => node.tagClass === 3 && node.tagNumber >= 1 && node.tagNumber <= 3
  if (tagged && version !== 2) {
    throw invalid(`it has extensions and is of version ${version + 1}`, 'version-extensions', 'version')
  }
  if (!rest.every(isKnown) || (tagged && tagged.children.length !== 1)) {
    throw invalid('something stands where its extensions should', 'extension-malformed')
  }
  const facts = readExtensions(tagged?.children[0])
  if ('problem' in facts) throw invalid(facts.problem, facts.kind, facts.field)
  const spki = spkiNode.bytes.slice()
  return {
    der: toBytes(der),
    version: version + 1,
    subject,
    issuer,
    serialNumber: formatHex(serial.content),
    notBefore: notBefore.date,
    notAfter: notAfter.date,
    dates: [notBefore.encoded, notAfter.encoded],
    isSelfIssued: equalBytes(issuer.der, subject.der),
    hasUniqueIdentifier: rest.some(node => node !== tagged),
    spki,
    publicKey: inField(
      () => ({ fault: 'key-unusable', field: 'subjectPublicKeyInfo' }),
      () => describePublicKey(spki, what),
    ),
    signatureHash: readSignatureAlgorithm(signed.algorithm)?.hash ?? '',
    ...facts,
  }
}

/** v2 is 1, v3 is 2; v1 is the default, which DER leaves out and some write (RFC 5280 section 4.1.2.1). */
function readVersion(node: DerNode | undefined): number | undefined {
  const [version, ...rest] = node?.children ?? []
  const value = isUniversal(version, TAG.integer) && version.content.length === 1 ? version.content[0] : undefined
  return rest.length === 0 && value !== undefined && value <= 2 ? value : undefined
}

function isTagged(node: DerNode | undefined, tagNumber: number): boolean {
  return node?.tagClass === 3 && node.tagNumber === tagNumber
}

/**
 * RFC 5280 section 4.1.2.5: UTCTime is of the years 1950 to 2049, both have seconds and end in Z. Go reads UTCTime without
 * seconds and with offsets, too, and so are some very old roots.
 */
function readTime(node: DerNode | undefined): { readonly date: Date; readonly encoded: EncodedDate } | undefined {
  const isUtc = isUniversal(node, TAG.utcTime)
  if (!(isUtc || isUniversal(node, TAG.generalizedTime))) return undefined
  const text = latin1(node.content)
  const match = (
    isUtc
      ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?(Z|[+-]\d{4})$/
      : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(Z|[+-]\d{4})$/
  ).exec(text)
  if (!match) return undefined
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map(part => Number(part ?? 0))
  const zone = match[7] ?? 'Z'
  const offset = zone === 'Z' ? 0 : (zone[0] === '-' ? -1 : 1) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3)))
  const date = new Date(0)
  date.setUTCFullYear(isUtc ? year + (year < 50 ? 2000 : 1900) : year, month - 1, day)
  date.setUTCHours(hour, minute, second)
  // Date turns the 30th of February into the 2nd of March, and 24:00 into the next day.
  const isReal =
    date.getUTCMonth() === month - 1 && date.getUTCDate() === day && hour < 24 && minute < 60 && second < 60
  const encoded = { type: isUtc ? 'UTCTime' : 'GeneralizedTime', text } as const
  return isReal ? { date: new Date(date.getTime() - offset * 60_000), encoded } : undefined
}

/**
 * Decodes every `CERTIFICATE` block of a PEM text, in order; other blocks are passed over, as client-go does.
 *
 * @param pem - at most 1 MiB
 * @throws {@link EncodingError} `KPKI_PEM_INVALID`, `KPKI_PEM_LABEL` when there is none, and as {@link parseCertificate}
 */
export function parseCertificates(pem: string, what = 'the certificate'): [Certificate, ...Certificate[]] {
  const blocks = parsePem(pem, what)
  const [first, ...rest] = blocks
    .filter(({ label }) => label === 'CERTIFICATE' || label === 'TRUSTED CERTIFICATE' || label === 'X509 CERTIFICATE')
    .map(({ bytes }) => parseCertificate(bytes, what))
  if (first) return [first, ...rest]
  throw new EncodingError('KPKI_PEM_LABEL', `${what} ${describeLabels('certificate', blocks)}`, { details: { what } })
}

/** Writes a certificate as one `CERTIFICATE` block (LF, final newline). */
export function formatCertificate(certificate: Certificate): string {
  return formatPem('CERTIFICATE', certificate.der)
}
