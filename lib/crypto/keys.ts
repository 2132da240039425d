import type { Context, RawKeyPair } from '../context.js'
import { EncodingError } from '../errors.js'
import { KEY_ALGORITHMS, KEY_OIDS, type KeyAlgorithm, OTHER_KEYS } from './algorithms.js'
import { type Bytes, equalBytes, toBytes } from './bytes.js'
import { CURVES } from './curves.js'
import { formatOid, parseDer, TAG, toBigInt } from './der.js'

/** What kind of key a public key is. */
export type KeyType =
  | { readonly kind: 'RSA'; readonly modulusBits: number; readonly name: string }
  | { readonly kind: 'ECDSA'; readonly curve: 'P-256' | 'P-384' | 'P-521'; readonly name: string }
  | { readonly kind: 'other'; readonly oid: string; readonly name: string }

/** SEC 2 appendix A.2, RFC 5639 appendix A.1. */
const OTHER_CURVES: Readonly<Record<string, string>> = {
  '1.3.132.0.33': 'P-224',
  '1.2.840.10045.3.1.1': 'P-192',
  '1.3.132.0.10': 'secp256k1',
  '1.3.36.3.3.2.8.1.1.7': 'brainpoolP256r1',
  '1.3.36.3.3.2.8.1.1.11': 'brainpoolP384r1',
  '1.3.36.3.3.2.8.1.1.13': 'brainpoolP512r1',
}

/**
 * Says what kind of key a SubjectPublicKeyInfo holds; `name` is e.g. `RSA-2048`, `ECDSA-P256`, `Ed25519`.
 *
 * @throws {@link EncodingError} `KPKI_KEY_INVALID`, `KPKI_DER_INVALID`
 * @see RFC 5280 section 4.1.2.7, RFC 8017 appendix A.1.1, RFC 5480 section 2
 */
export function describePublicKey(spki: Uint8Array, what = 'the public key'): KeyType {
  const invalid = () => new EncodingError('KPKI_KEY_INVALID', `${what} is not a public key`, { details: { what } })
  const [algorithm, key] = parseDer(spki, what).children
  const [oidNode, curveNode] = algorithm?.children ?? []
  if (!oidNode || key?.tagNumber !== TAG.bitString) throw invalid()
  const oid = formatOid(oidNode.content)
  if (oid === KEY_OIDS.rsa) {
    const modulus = parseDer(key.content.subarray(1), what).children[0]
    if (modulus?.tagNumber !== TAG.integer) throw invalid()
    const modulusBits = toBigInt(modulus.content).toString(2).length
    return { kind: 'RSA', modulusBits, name: `RSA-${modulusBits}` }
  }
  const curve = oid === KEY_OIDS.ec && curveNode ? CURVES[formatOid(curveNode.content)] : undefined
  if (curve) return { kind: 'ECDSA', curve: curve.name, name: `ECDSA-${curve.name.replace('-', '')}` }
  if (oid !== KEY_OIDS.ec) return { kind: 'other', oid, name: OTHER_KEYS[oid] ?? oid }
  const curveOid = curveNode?.tagNumber === TAG.oid ? formatOid(curveNode.content) : undefined
  const on = curveOid === undefined ? 'explicit parameters' : (OTHER_CURVES[curveOid] ?? `curve ${curveOid}`)
  return { kind: 'other', oid, name: `ECDSA (${on})` }
}

/**
 * A private key and its public half. The secret bytes sit in a private field: neither `JSON.stringify` nor an inspector
 * nor an error message shows them.
 */
export class PrivateKey {
  readonly #pkcs8: Bytes
  /** `SubjectPublicKeyInfo`, DER. */
  readonly spki: Bytes
  /** Kind and size. */
  readonly type: KeyType

  constructor(raw: RawKeyPair) {
    this.#pkcs8 = toBytes(raw.pkcs8)
    this.spki = toBytes(raw.spki)
    this.type = describePublicKey(this.spki)
  }

  /** The secret itself: PKCS #8, DER, unencrypted. Never log it. */
  exportPkcs8(): Bytes {
    return toBytes(this.#pkcs8)
  }

  /** Only what is public: kind and size. */
  toJSON(): { readonly type: string } {
    return { type: this.type.name }
  }

  /** A private key is the key of this public key (compared byte by byte). */
  isKeyOf(spki: Uint8Array): boolean {
    return equalBytes(this.spki, spki)
  }
}

/**
 * Makes a new key pair.
 *
 * @param algorithm - one of {@link KEY_ALGORITHMS}, e.g. `'RSA-2048'`
 */
export async function generateKey(algorithm: KeyAlgorithm, context: Context): Promise<PrivateKey> {
  const parameters = KEY_ALGORITHMS[algorithm]
  if (context.generateKeyPair) return new PrivateKey(await context.generateKeyPair(parameters))
  const { subtle } = context.crypto
  const pair = (await subtle.generateKey(
    parameters.name === 'RSA'
      ? {
          name: 'RSASSA-PKCS1-v1_5',
          modulusLength: parameters.modulusLength,
          // 65537, the only exponent kubeadm's keys have (Go crypto/rsa GenerateKey).
          publicExponent: new Uint8Array([1, 0, 1]),
          hash: 'SHA-256',
        }
      : parameters,
    true,
    ['sign', 'verify'],
  )) as CryptoKeyPair
  return new PrivateKey({
    pkcs8: new Uint8Array(await subtle.exportKey('pkcs8', pair.privateKey)),
    spki: new Uint8Array(await subtle.exportKey('spki', pair.publicKey)),
  })
}
