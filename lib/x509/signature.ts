import type { Context } from '../context.js'
import { type Bytes, toBytes } from '../crypto/bytes.js'
import { parseDer, TAG } from '../crypto/der.js'
import { der } from '../crypto/der-write.js'
import { describePublicKey, type KeyType, type PrivateKey } from '../crypto/keys.js'
import { EncodingError } from '../errors.js'
import type { Certificate } from './certificate.js'
import { isUniversal } from './extensions.js'
import { readSignatureAlgorithm, readSigned, type SignatureAlgorithm, signatureOid } from './signed.js'

const EC_HASHES = { 'P-256': 'SHA-256', 'P-384': 'SHA-384', 'P-521': 'SHA-512' } as const
const EC_BYTES = { 'P-256': 32, 'P-384': 48, 'P-521': 66 } as const

/** WebCrypto's name of a signature algorithm. */
export type SigningAlgorithm =
  | { readonly name: 'RSASSA-PKCS1-v1_5'; readonly hash: 'SHA-256' }
  | { readonly name: 'ECDSA'; readonly namedCurve: string; readonly hash: (typeof EC_HASHES)[keyof typeof EC_HASHES] }

/**
 * The signature algorithm that goes with a CA key: what Go's crypto/x509 picks (`signingParamsForKey`).
 *
 * @throws {@link EncodingError} `KPKI_KEY_TYPE`
 */
export function signingAlgorithm(key: PrivateKey): SigningAlgorithm {
  if (key.type.kind === 'RSA') return { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
  if (key.type.kind === 'ECDSA') return { name: 'ECDSA', namedCurve: key.type.curve, hash: EC_HASHES[key.type.curve] }
  throw new EncodingError('KPKI_KEY_TYPE', `a key of type ${key.type.name} cannot sign here`)
}

/** The AlgorithmIdentifier of a signature, DER. Parameters are NULL with RSA (RFC 4055 section 5), absent with ECDSA (RFC 5758 section 3.2). */
export function algorithmIdentifier({ name, hash }: SigningAlgorithm): Bytes {
  return der.sequence(der.oid(signatureOid(name, hash)), ...(name === 'ECDSA' ? [] : [der.null()]))
}

/** Signs with a CA key, in the form that X.509 has (RFC 3279 section 2.2). */
export async function sign(
  content: Bytes,
  key: PrivateKey,
  algorithm: SigningAlgorithm,
  { crypto: { subtle } }: Context,
): Promise<Bytes> {
  const signingKey = await subtle.importKey('pkcs8', key.exportPkcs8(), algorithm, false, ['sign'])
  const signature = new Uint8Array(await subtle.sign(algorithm, signingKey, content))
  if (algorithm.name !== 'ECDSA') return signature
  const half = signature.length / 2
  return der.sequence(der.unsigned(signature.subarray(0, half)), der.unsigned(signature.subarray(half)))
}

/** Whether a certificate's signature verifies under a public key; a signature that cannot be read does not. */
export function verifySignature(certificate: Certificate, issuerSpki: Uint8Array, context: Context): Promise<boolean> {
  return verifySigned(certificate.der, issuerSpki, context)
}

/** Whether the signature of a signed object verifies under a public key; one that cannot be read does not. */
export function verifySigned(object: Uint8Array, spki: Uint8Array, context: Context): Promise<boolean> {
  return verifierOf(spki, context)(object)
}

/** {@link verifySigned} for many objects: the key is made ready once for each of the algorithms that they are signed with. */
export function verifierOf(spki: Uint8Array, { crypto }: Context): (object: Uint8Array) => Promise<boolean> {
  const ready = new Map<string, Promise<CryptoKey>>()
  return async object => {
    try {
      const signed = readSigned(parseDer(object, 'the signed object'))
      const algorithm = signed && readSignatureAlgorithm(signed.algorithm)
      const key = describePublicKey(spki)
      const isPair = algorithm?.name.startsWith('RSA') ? key.kind === 'RSA' : algorithm?.name === nameOf(key)
      if (!signed || !algorithm || !isPair) return false
      const signature = key.kind === 'ECDSA' ? rawSignature(signed.signature, EC_BYTES[key.curve]) : signed.signature
      // Before the key is made ready: a promise that nobody waits for ends the process when it fails.
      if (!signature) return false
      const { parameters, ...importing } = toWebCrypto(algorithm, key)
      const name = JSON.stringify(importing)
      const importKey = () => crypto.subtle.importKey('spki', toBytes(spki), importing, false, ['verify'])
      const publicKey = ready.get(name) ?? importKey()
      ready.set(name, publicKey)
      return await crypto.subtle.verify(parameters, await publicKey, signature, signed.content.bytes)
    } catch {
      // A digest or a curve that this platform does not have.
      return false
    }
  }
}

function nameOf(key: KeyType): string {
  return key.kind === 'other' ? key.name : key.kind
}

function toWebCrypto({ name, hash, saltLength = 0 }: SignatureAlgorithm, key: KeyType) {
  if (key.kind === 'ECDSA') return { name, namedCurve: key.curve, parameters: { name, hash } }
  return name === 'RSA-PSS' ? { name, hash, parameters: { name, saltLength } } : { name, hash, parameters: { name } }
}

/** WebCrypto wants r and s side by side in full length; X.509 has a SEQUENCE of two INTEGERs (RFC 3279 section 2.2.3). */
function rawSignature(signature: Bytes, size: number): Bytes | undefined {
  const sequence = parseDer(signature, 'the signature')
  const { children } = sequence
  const raw = new Uint8Array(2 * size)
  if (!isUniversal(sequence, TAG.sequence) || children.length !== 2) return undefined
  for (const [index, node] of children.entries()) {
    const digits = node.content[0] === 0 ? node.content.subarray(1) : node.content
    const isNegative = (node.content[0] ?? 0) >= 0x80
    if (!isUniversal(node, TAG.integer) || isNegative || digits.length > size) return undefined
    raw.set(digits, (index + 1) * size - digits.length)
  }
  return raw
}
