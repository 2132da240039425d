import { type Bytes, toBytes } from '../crypto/bytes.js'
import { parseDer } from '../crypto/der.js'
import { parseIp } from '../crypto/ip.js'
import { describePublicKey, type KeyType } from '../crypto/keys.js'
import { describeLabels, formatPem, parsePem } from '../crypto/pem.js'
import { EncodingError, KpkiError } from '../errors.js'
import { EXT_KEY_USAGES, EXTENSIONS, KEY_USAGES, type KeyUsage } from './extensions.js'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsagesExtension,
  type Name,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
} from './peculiar.js'

/** A distinguished name, as far as Kubernetes reads it: the common name is the user, organizations are the groups. */
export interface DistinguishedName {
  readonly commonName: string
  readonly organizations: readonly string[]
  /** The whole name, e.g. `O=system:nodes, CN=system:node:cp-1`. */
  readonly text: string
  readonly der: Bytes
}

/** An X.509 certificate, decoded once. */
export interface Certificate {
  readonly der: Bytes
  readonly subject: DistinguishedName
  readonly issuer: DistinguishedName
  /** Content of the INTEGER in hex, e.g. `6d5b7339c78cbf70`. */
  readonly serialNumber: string
  readonly notBefore: Date
  readonly notAfter: Date
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Bytes
  readonly publicKey: KeyType
  /** Digest of the issuer's signature, e.g. `SHA-256`; empty where the algorithm has none (Ed25519). */
  readonly signatureHash: string
  readonly isCa: boolean
  /** basicConstraints' pathLenConstraint. */
  readonly pathLength: number | undefined
  /** `undefined` when the extension is absent, which allows all. */
  readonly keyUsages: readonly KeyUsage[] | undefined
  /** Names of {@link EXT_KEY_USAGES}, others as OIDs; `undefined` when the extension is absent, which allows all. */
  readonly extKeyUsages: readonly string[] | undefined
  readonly dnsNames: readonly string[]
  /** As text, IPv6 in the form of RFC 5952. */
  readonly ipAddresses: readonly string[]
  /** Hex. */
  readonly subjectKeyIdentifier: string | undefined
  /** Hex. */
  readonly authorityKeyIdentifier: string | undefined
  /** Object identifiers of all extensions. */
  readonly extensions: readonly string[]
  /** Object identifiers of the extensions marked critical. */
  readonly criticalExtensions: readonly string[]
}

/**
 * Decodes one DER certificate. Signatures are not checked here, see {@link verifyCertificate}.
 *
 * @param what - named in errors, e.g. a file name
 * @throws {@link EncodingError} `KPKI_CERT_INVALID`
 * @see RFC 5280 section 4.1
 */
export function parseCertificate(der: Uint8Array, what = 'the certificate'): Certificate {
  // Strict about form first, as Go is: nothing behind the certificate, no BER inside it, bounded in depth and number.
  parseDer(der, what)
  try {
    const certificate = new X509Certificate(toBytes(der))
    // Read once: every look at `extensions` decodes them all anew.
    const extensions = Array.from(certificate.extensions)
    const extension = <T>(oid: string, type: abstract new (...args: never[]) => T): T | undefined => {
      const found = extensions.find(candidate => candidate.type === oid)
      return found instanceof type ? found : undefined
    }
    const usages = extension(EXTENSIONS.keyUsage, KeyUsagesExtension)?.usages
    const constraints = extension(EXTENSIONS.basicConstraints, BasicConstraintsExtension)
    const names = extension(EXTENSIONS.subjectAltName, SubjectAlternativeNameExtension)?.names.items ?? []
    const extKeyUsages = extension(EXTENSIONS.extKeyUsage, ExtendedKeyUsageExtension)?.usages
    const spki = toBytes(certificate.publicKey.rawData)
    const { hash } = certificate.signatureAlgorithm as { readonly hash?: { readonly name: string } }
    return {
      der: toBytes(certificate.rawData),
      subject: toName(certificate.subjectName),
      issuer: toName(certificate.issuerName),
      serialNumber: certificate.serialNumber,
      notBefore: certificate.notBefore,
      notAfter: certificate.notAfter,
      spki,
      publicKey: describePublicKey(spki, what),
      signatureHash: hash?.name ?? '',
      isCa: constraints?.ca ?? false,
      pathLength: constraints?.pathLength,
      keyUsages: usages === undefined ? undefined : KEY_USAGES.filter((_, bit) => usages & (1 << bit)),
      extKeyUsages: extKeyUsages && Array.from(extKeyUsages, extKeyUsageName),
      dnsNames: names.filter(({ type }) => type === 'dns').map(({ value }) => value),
      ipAddresses: names.filter(({ type }) => type === 'ip').map(({ value }) => parseIp(value)?.text ?? value),
      subjectKeyIdentifier: extension(
        EXTENSIONS.subjectKeyIdentifier,
        SubjectKeyIdentifierExtension,
      )?.keyId.toLowerCase(),
      authorityKeyIdentifier: extension(
        EXTENSIONS.authorityKeyIdentifier,
        AuthorityKeyIdentifierExtension,
      )?.keyId?.toLowerCase(),
      extensions: extensions.map(({ type }) => type),
      criticalExtensions: extensions.filter(({ critical }) => critical).map(({ type }) => type),
    }
  } catch (cause) {
    if (cause instanceof KpkiError) throw cause
    throw new EncodingError('KPKI_CERT_INVALID', `${what} is not an X.509 certificate`, { details: { what }, cause })
  }
}

/**
 * Decodes every `CERTIFICATE` block of a PEM text, in order; other blocks are passed over, as client-go does.
 *
 * @param pem - at most 1 MiB
 * @throws {@link EncodingError} `KPKI_PEM_INVALID`, `KPKI_PEM_LABEL` when there is none, `KPKI_CERT_INVALID`
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

function toName(name: Name): DistinguishedName {
  return {
    commonName: name.getField('CN').at(-1) ?? '',
    organizations: name.getField('O'),
    text: name.toString(),
    der: toBytes(name.toArrayBuffer()),
  }
}

function extKeyUsageName(usage: unknown): string {
  const oid = String(usage)
  return Object.entries(EXT_KEY_USAGES).find(([, value]) => value === oid)?.[0] ?? oid
}
