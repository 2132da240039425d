import type { Context, KeyParameters, RawKeyPair } from '../context.js'
import { EncodingError } from '../errors.js'
import { type Bytes, equalBytes, toBytes } from './bytes.js'
import { CURVES } from './curves.js'
import { der, formatOid, parseDer, TAG, toBigInt } from './der.js'
import { formatPem } from './pem.js'

/**
 * The key algorithms that kpki makes, under the names of kubeadm's `encryptionAlgorithm`.
 *
 * @see kubernetes/kubernetes v1.34, cmd/kubeadm/app/apis/kubeadm/types.go (EncryptionAlgorithmType)
 */
export const KEY_ALGORITHMS = {
  'RSA-2048': { name: 'RSA', modulusLength: 2048 },
  'RSA-3072': { name: 'RSA', modulusLength: 3072 },
  'RSA-4096': { name: 'RSA', modulusLength: 4096 },
  'ECDSA-P256': { name: 'ECDSA', namedCurve: 'P-256' },
  'ECDSA-P384': { name: 'ECDSA', namedCurve: 'P-384' },
} as const satisfies Record<string, KeyParameters>
/** One of kubeadm's `encryptionAlgorithm` values. */
export type KeyAlgorithm = keyof typeof KEY_ALGORITHMS

/** Object identifiers of key algorithms (RFC 8017 appendix A.1, RFC 5480 section 2.1.1, RFC 8410 section 3). */
export const KEY_OIDS = { rsa: '1.2.840.113549.1.1.1', ec: '1.2.840.10045.2.1', ed25519: '1.3.101.112' } as const
/** What kind of key a public key is. */
export type KeyType =
  | { readonly kind: 'RSA'; readonly modulusBits: number; readonly name: string }
  | { readonly kind: 'ECDSA'; readonly curve: 'P-256' | 'P-384' | 'P-521'; readonly name: string }
  | { readonly kind: 'other'; readonly oid: string; readonly name: string }

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
  return { kind: 'other', oid, name: oid === KEY_OIDS.ed25519 ? 'Ed25519' : oid }
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

/**
 * Writes a private key as kubeadm does: `RSA PRIVATE KEY` (PKCS #1) or `EC PRIVATE KEY` (SEC 1 with curve and public point).
 *
 * @see RFC 8017 appendix A.1.2, RFC 5915 section 3; kubernetes/kubernetes v1.20.2, staging/src/k8s.io/client-go/util/keyutil/key.go
 */
export function formatPrivateKey(key: PrivateKey): string {
  const [, algorithm, secret] = parseDer(key.exportPkcs8(), 'the private key').children
  if (!algorithm || !secret) throw new EncodingError('KPKI_KEY_INVALID', 'the private key is not PKCS #8')
  if (key.type.kind === 'RSA') return formatPem('RSA PRIVATE KEY', secret.content)
  const [, scalar] = parseDer(secret.content, 'the private key').children
  const curve = algorithm.children[1]
  const point = parseDer(key.spki, 'the public key').children[1]
  if (!scalar || !curve || !point) throw new EncodingError('KPKI_KEY_INVALID', 'the private key is not an EC key')
  return formatPem(
    'EC PRIVATE KEY',
    der.sequence(
      der.integer(1),
      der.octetString(scalar.content),
      der.explicit(0, curve.bytes),
      der.explicit(1, point.bytes),
    ),
  )
}

/** Writes a public key as kubeadm writes `sa.pub`: one `PUBLIC KEY` block. */
export function formatPublicKey(spki: Uint8Array): string {
  return formatPem('PUBLIC KEY', spki)
}
