import type { Context } from '../context.js'
import { KEY_OIDS } from '../crypto/algorithms.js'
import { type Bytes, formatBase64Url, toBytes } from '../crypto/bytes.js'
import { parseDer } from '../crypto/der.js'
import { der } from '../crypto/der-write.js'
import { parsePrivateKey } from '../crypto/key-files.js'
import { describePublicKey } from '../crypto/keys.js'
import { describeLabels, parsePem } from '../crypto/pem.js'
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

/** API servers that rotate their keys have two or three; a key set is fetched by everybody who verifies. */
const MAX_KEYS = 100

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

/**
 * Reads all keys of a PEM text as the API server reads `--service-account-key-file`: public keys in the order in which they
 * stand, private keys for their public half; other blocks are passed over. One that stands there twice is taken once.
 *
 * @param what - named in errors, e.g. a file name
 * @throws {@link EncodingError} `KPKI_PEM_LABEL` when there is none, and as {@link describeServiceAccountKey} and
 *   `parsePrivateKey`
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/client-go/util/keyutil/key.go (ParsePublicKeysPEM)
 */
export async function parseServiceAccountKeys(
  pem: string,
  context: Context,
  what = 'the service-account keys',
): Promise<readonly ServiceAccountKey[]> {
  const blocks = parsePem(pem, what)
  const spkis: Uint8Array[] = []
  for (const { label, bytes } of blocks) {
    if (label === 'PUBLIC KEY') spkis.push(bytes)
    else if (label === 'RSA PUBLIC KEY') spkis.push(wrapRsa(bytes, what))
  }
  // A private key is one per file: that is what the API server signs with.
  if (spkis.length === 0 && blocks.some(({ label }) => label.endsWith('PRIVATE KEY')))
    spkis.push((await parsePrivateKey(pem, context, what)).spki)
  if (spkis.length === 0) {
    throw new EncodingError('KPKI_PEM_LABEL', `${what} ${describeLabels('public key', blocks)}`, { details: { what } })
  }
  if (spkis.length > MAX_KEYS)
    throw new EncodingError('KPKI_INPUT_TOO_LARGE', `${what} has more than ${MAX_KEYS} keys`, { details: { what } })
  return uniqueKeys(await Promise.all(spkis.map(spki => describeServiceAccountKey(spki, context, what))))
}

/** Each key once, in its first place. */
export function uniqueKeys(keys: readonly ServiceAccountKey[]): readonly ServiceAccountKey[] {
  return [...new Map(keys.map(key => [key.id, key] as const)).values()]
}

/** SubjectPublicKeyInfo around a PKCS #1 public key (RFC 8017 appendix A.1.1, RFC 3279 section 2.3.1). */
function wrapRsa(pkcs1: Uint8Array, what: string): Bytes {
  parseDer(pkcs1, what)
  return der.sequence(der.sequence(der.oid(KEY_OIDS.rsa), der.null()), der.bitString(pkcs1))
}
