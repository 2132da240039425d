import type { Context } from '../context.js'
import { toBytes } from '../crypto/bytes.js'
import type { PrivateKey } from '../crypto/keys.js'
import { EncodingError } from '../errors.js'
import type { Certificate } from './certificate.js'
import { PublicKey, X509Certificate } from './peculiar.js'

const EC_HASHES = { 'P-256': 'SHA-256', 'P-384': 'SHA-384', 'P-521': 'SHA-512' } as const

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

/** Whether a certificate's signature verifies under a public key; a signature that cannot be read does not. */
export async function verifySignature(
  certificate: Certificate,
  issuerSpki: Uint8Array,
  context: Context,
): Promise<boolean> {
  try {
    return await new X509Certificate(toBytes(certificate.der)).verify(
      { publicKey: new PublicKey(toBytes(issuerSpki)), signatureOnly: true },
      context.crypto,
    )
  } catch {
    return false
  }
}
