import type { Context } from '../context.js'
import { type Bytes, formatBase64Url, toBytes } from '../crypto/bytes.js'
import { describePublicKey } from '../crypto/keys.js'
import { EncodingError } from '../errors.js'

/** A signature algorithm of service-account tokens, by its name in JOSE (RFC 7518 section 3.1). */
export type JwtAlgorithm = 'RS256' | 'ES256' | 'ES384' | 'ES512'

/** A public key that service-account tokens are verified with. */
export interface ServiceAccountKey {
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Bytes
  /** `kid` of tokens and key sets: SHA-256 of the key, base64url. */
  readonly id: string
  /** The only algorithm that the API server signs with by such a key. */
  readonly algorithm: JwtAlgorithm
}

const EC_ALGORITHMS = { 'P-256': 'ES256', 'P-384': 'ES384', 'P-521': 'ES512' } as const

/**
 * What the API server makes of a public key.
 *
 * @throws {@link EncodingError} `KPKI_KEY_TYPE`, `KPKI_KEY_INVALID`
 * @see kubernetes/kubernetes v1.20.2, pkg/serviceaccount/jwt.go (keyIDFromPublicKey, signerFromRSAPrivateKey),
 *   openidmetadata.go (algorithmFromPublicKey)
 */
export async function describeServiceAccountKey(
  spki: Uint8Array,
  context: Context,
  what = 'the service-account key',
): Promise<ServiceAccountKey> {
  const type = describePublicKey(spki, what)
  if (type.kind === 'other') {
    throw new EncodingError(
      'KPKI_KEY_TYPE',
      `${what} is of type ${type.name}: the API server signs with RSA and ECDSA`,
      {
        details: { what },
        hint: 'kpki gen sa makes a key that it takes',
      },
    )
  }
  const bytes = toBytes(spki)
  const id = formatBase64Url(new Uint8Array(await context.crypto.subtle.digest('SHA-256', bytes)))
  return { spki: bytes, id, algorithm: type.kind === 'RSA' ? 'RS256' : EC_ALGORITHMS[type.curve] }
}

/** Each key once, in its first place. */
export function uniqueKeys(keys: readonly ServiceAccountKey[]): readonly ServiceAccountKey[] {
  return [...new Map(keys.map(key => [key.id, key] as const)).values()]
}
