import type { Context } from '../context.js'
import { type Bytes, toBytes } from '../crypto/bytes.js'
import { formatOid, parseDer, TAG } from '../crypto/der.js'
import { describePublicKey, type KeyType } from '../crypto/keys.js'
import { EncodingError } from '../errors.js'
import { type ExtensionFacts, isUniversal, readExtensions } from './extensions.js'
import { type DistinguishedName, readName } from './name.js'
import { verifySigned } from './signature.js'
import { readSignatureAlgorithm, readSigned } from './signed.js'

/** A PKCS #10 certification request, decoded once; its extensions are those that it asks for. */
export interface CertificateRequest extends ExtensionFacts {
  readonly der: Bytes
  readonly subject: DistinguishedName
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Bytes
  readonly publicKey: KeyType
  /** Digest of its signature, e.g. `SHA-256`; empty where the algorithm has none of its own (Ed25519) or is not known. */
  readonly signatureHash: string
}

/** RFC 2985 section 5.4.2 (extensionRequest), and what Microsoft's tools write in its place. */
const EXTENSION_REQUESTS = ['1.2.840.113549.1.9.14', '1.3.6.1.4.1.311.2.1.14']

/**
 * Decodes one DER certification request. Its signature is not checked here, see {@link verifyRequestSignature}.
 *
 * @param what - named in errors, e.g. a file name
 * @throws {@link EncodingError} `KPKI_CERT_INVALID`; `KPKI_DER_INVALID`, `KPKI_KEY_INVALID`
 * @see RFC 2986 section 4
 */
export function parseCertificateRequest(der: Uint8Array, what = 'the request'): CertificateRequest {
  const invalid = (problem: string) =>
    new EncodingError('KPKI_CERT_INVALID', `${what} is not a certification request: ${problem}`, { details: { what } })
  const signed = readSigned(parseDer(der, what))
  const [version, subjectNode, spkiNode, attributes, ...rest] = signed?.content.children ?? []
  if (!signed || !isUniversal(version, TAG.integer) || rest.length > 0) throw invalid('it is not a signed sequence')
  const subject = readName(subjectNode)
  if (!subject) throw invalid('its subject is malformed')
  if (!isUniversal(spkiNode, TAG.sequence)) throw invalid('it has no public key')
  if (attributes && (attributes.tagClass !== 3 || attributes.tagNumber !== 0))
    throw invalid('its attributes are malformed')
  const asked = attributes?.children.filter(
    ({ children: [type] }) => isUniversal(type, TAG.oid) && EXTENSION_REQUESTS.includes(formatOid(type.content)),
  )
  if (asked && asked.length > 1) throw invalid('it asks for extensions twice')
  const facts = readExtensions(asked?.[0]?.children[1]?.children[0])
  if ('problem' in facts) throw invalid(facts.problem)
  const spki = spkiNode.bytes.slice()
  return {
    der: toBytes(der),
    subject,
    spki,
    publicKey: describePublicKey(spki, what),
    signatureHash: readSignatureAlgorithm(signed.algorithm)?.hash ?? '',
    ...facts,
  }
}

/** Whether a request is signed with the key that it is for, which proves that its sender has that key. */
export function verifyRequestSignature(request: CertificateRequest, context: Context): Promise<boolean> {
  return verifySigned(request.der, request.spki, context)
}
