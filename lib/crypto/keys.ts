import type { Context, KeyParameters, RawKeyPair } from '../context.js'
import { EncodingError } from '../errors.js'
import { type Bytes, equalBytes, parseBase64, toBytes } from './bytes.js'
import { type DerNode, der, formatOid, parseDer, TAG, toBigInt } from './der.js'
import { describeLabels, formatPem, parsePem } from './pem.js'

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

const PRIVATE_KEY_LABELS: readonly string[] = ['PRIVATE KEY', 'RSA PRIVATE KEY', 'EC PRIVATE KEY']

const OID = { rsa: '1.2.840.113549.1.1.1', ec: '1.2.840.10045.2.1', ed25519: '1.3.101.112' } as const
interface Curve {
  readonly name: 'P-256' | 'P-384' | 'P-521'
  /** Size of a coordinate. */
  readonly bytes: number
  /** Of the base point: a private key is below it. */
  readonly order: bigint
}
/** By object identifier (RFC 5480 section 2.1.1.1; NIST SP 800-186 section 3.2.1). */
const CURVES: Readonly<Record<string, Curve>> = {
  '1.2.840.10045.3.1.7': {
    name: 'P-256',
    bytes: 32,
    order: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  },
  '1.3.132.0.34': {
    name: 'P-384',
    bytes: 48,
    order: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  },
  '1.3.132.0.35': {
    name: 'P-521',
    bytes: 66,
    order:
      0x01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
  },
}

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
  if (oid === OID.rsa) {
    const modulus = parseDer(key.content.subarray(1), what).children[0]
    if (modulus?.tagNumber !== TAG.integer) throw invalid()
    const modulusBits = toBigInt(modulus.content).toString(2).length
    return { kind: 'RSA', modulusBits, name: `RSA-${modulusBits}` }
  }
  const curve = oid === OID.ec && curveNode ? CURVES[formatOid(curveNode.content)] : undefined
  if (curve) return { kind: 'ECDSA', curve: curve.name, name: `ECDSA-${curve.name.replace('-', '')}` }
  return { kind: 'other', oid, name: oid === OID.ed25519 ? 'Ed25519' : oid }
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

/**
 * Reads the first private key of a PEM text: PKCS #1, SEC 1 or PKCS #8, unencrypted, RSA or ECDSA. Other blocks
 * (`EC PARAMETERS`, certificates) are passed over, as client-go does.
 *
 * The public half is computed from the private one, so that a file whose two halves disagree cannot pass for a pair.
 *
 * @param pem - PEM text, at most 1 MiB
 * @param what - named in errors, e.g. a file name
 * @throws {@link EncodingError} `KPKI_PEM_INVALID`, `KPKI_PEM_LABEL` (no private key in it), `KPKI_KEY_ENCRYPTED`,
 *   `KPKI_KEY_TYPE`, `KPKI_KEY_INVALID`, `KPKI_DER_INVALID`
 * @see RFC 5958 section 2, RFC 5915 section 3, RFC 8017 appendix A.1.2
 */
export async function parsePrivateKey(pem: string, context: Context, what = 'the private key'): Promise<PrivateKey> {
  const blocks = parsePem(pem, what)
  const block = blocks.find(({ label }) => label.endsWith('PRIVATE KEY'))
  if (!block) {
    throw new EncodingError('KPKI_PEM_LABEL', `${what} ${describeLabels('private key', blocks)}`, { details: { what } })
  }
  if (block.label.startsWith('ENCRYPTED') || block.hasHeaders) {
    throw new EncodingError('KPKI_KEY_ENCRYPTED', `${what} is encrypted`, {
      details: { what },
      hint: 'Kubernetes reads unencrypted keys only; decrypt it with: openssl pkey -in FILE',
    })
  }
  if (!PRIVATE_KEY_LABELS.includes(block.label)) throw wrongType(what)
  const root = parseDer(block.bytes, what)
  switch (block.label) {
    case 'RSA PRIVATE KEY':
      return rsaKey(root, what)
    case 'EC PRIVATE KEY':
      return ecKey(root, undefined, context, what)
    default: {
      const [, algorithm, secret] = isSequence(root) ? root.children : []
      const oid = algorithm?.children[0]
      if (oid && secret?.tagNumber === TAG.octetString) {
        const inner = () => parseDer(secret.content, what)
        if (formatOid(oid.content) === OID.rsa) return rsaKey(inner(), what)
        if (formatOid(oid.content) === OID.ec) return ecKey(inner(), algorithm.children[1], context, what)
        throw wrongType(what)
      }
      throw invalidKey(what)
    }
  }
}

function invalidKey(what: string): EncodingError {
  return new EncodingError('KPKI_KEY_INVALID', `${what} is not a valid private key`, { details: { what } })
}

function wrongType(what: string): EncodingError {
  return new EncodingError(
    'KPKI_KEY_TYPE',
    `${what} is neither a plain RSA key nor an ECDSA key on a curve that is used here`,
    {
      details: { what },
      hint: 'Kubernetes components here use RSA keys and ECDSA keys on P-256, P-384 or P-521',
    },
  )
}

function isSequence({ tagClass, tagNumber }: DerNode): boolean {
  return tagClass === 1 && tagNumber === TAG.sequence
}

function rsaKey(pkcs1: DerNode, what: string): PrivateKey {
  const isPositive = ({ tagClass, tagNumber, content }: DerNode) =>
    tagClass === 1 && tagNumber === TAG.integer && ((content[0] ?? 0x80) & 0x80) === 0
  if (!isSequence(pkcs1) || !pkcs1.children.every(isPositive)) throw invalidKey(what)
  const integers = pkcs1.children.map(({ content }) => toBigInt(content))
  const [version, n, e, d, p, q, dp, dq, qinv] = integers
  const [, nNode, eNode] = pkcs1.children
  if (version !== 0n || !n || !e || !d || !p || !q || !dp || !dq || !qinv || !nNode || !eNode) throw invalidKey(what)
  // The relations of RFC 8017 section 3.2: a key with one changed bit would sign, and every signature would be wrong.
  const one = 1n
  const holds =
    integers.length === 9 &&
    p > one &&
    q > one &&
    p * q === n &&
    dp === d % (p - one) &&
    dq === d % (q - one) &&
    (e * dp) % (p - one) === one &&
    (e * dq) % (q - one) === one &&
    (qinv * q) % p === one
  if (!holds) throw invalidKey(what)
  const algorithm = der.sequence(der.oid(OID.rsa), der.null())
  return new PrivateKey({
    pkcs8: der.sequence(der.integer(0), algorithm, der.octetString(pkcs1.bytes)),
    spki: der.sequence(algorithm, der.bitString(der.sequence(nNode.bytes, eNode.bytes))),
  })
}

async function ecKey(
  sec1: DerNode,
  curveNode: DerNode | undefined,
  context: Context,
  what: string,
): Promise<PrivateKey> {
  if (!isSequence(sec1)) throw invalidKey(what)
  const [version, scalar] = sec1.children
  const optional = (tag: number) =>
    sec1.children.find(node => node.tagClass === 3 && node.tagNumber === tag)?.children[0]
  const oid = curveNode ?? optional(0)
  const curve = oid?.tagNumber === TAG.oid ? CURVES[formatOid(oid.content)] : undefined
  if (!version || !scalar || toBigInt(version.content) !== 1n || scalar.tagNumber !== TAG.octetString)
    throw invalidKey(what)
  if (!curve || !oid) throw wrongType(what)
  // Some writers drop leading zeros; RFC 5915 section 3 wants the full length, and so do strict readers.
  const secret = new Uint8Array(curve.bytes)
  const trimmed = scalar.content.slice(Math.max(0, scalar.content.length - curve.bytes))
  const number = toBigInt(scalar.content)
  if (toBigInt(trimmed) !== number || number === 0n || number >= curve.order) throw invalidKey(what)
  secret.set(trimmed, curve.bytes - trimmed.length)
  const algorithm = der.sequence(der.oid(OID.ec), oid.bytes)
  const pkcs8 = (...publicPoint: Uint8Array[]) =>
    der.sequence(
      der.integer(0),
      algorithm,
      der.octetString(der.sequence(der.integer(1), der.octetString(secret), ...publicPoint)),
    )
  const given = optional(1)
  // A compressed point (SEC 1 section 2.3.3) is as good as none: Go does not read it, and we write uncompressed ones.
  const isCompressed = given?.content.length === 2 + curve.bytes && (given.content[1] === 2 || given.content[1] === 3)
  const stored = isCompressed ? undefined : given
  if (stored && (stored.content.length !== 2 + 2 * curve.bytes || stored.content[1] !== 4)) throw invalidKey(what)
  const point = await publicPoint(pkcs8, stored, curve, context)
  if (!point && !stored) {
    throw new EncodingError(
      'KPKI_KEY_INVALID',
      `${what} lacks its public point, and this platform does not compute it`,
      {
        details: { what },
        hint: 'rewrite the file with its public point: openssl ec -in FILE -out FILE',
      },
    )
  }
  if (!point) throw invalidKey(what)
  return new PrivateKey({
    pkcs8: pkcs8(der.explicit(1, der.bitString(point))),
    spki: der.sequence(algorithm, der.bitString(point)),
  })
}

/** The public point that belongs to a scalar; `undefined` when the stored one does not, or none can be had. */
async function publicPoint(
  pkcs8: (...publicPoint: Uint8Array[]) => Bytes,
  stored: DerNode | undefined,
  curve: Curve,
  { crypto: { subtle } }: Context,
): Promise<Bytes | undefined> {
  const algorithm = { name: 'ECDSA', namedCurve: curve.name }
  const hashed = { ...algorithm, hash: 'SHA-256' }
  try {
    if (stored) {
      // The stored point is the right one exactly if what the scalar signs verifies under it.
      const point = stored.content.slice(1)
      const signer = await subtle.importKey('pkcs8', pkcs8(der.explicit(1, stored.bytes)), algorithm, false, ['sign'])
      const verifier = await subtle.importKey('raw', point, algorithm, false, ['verify'])
      const signature = await subtle.sign(hashed, signer, point)
      return (await subtle.verify(hashed, verifier, signature, point)) ? point : undefined
    }
    const { x = '', y = '' } = await subtle.exportKey(
      'jwk',
      await subtle.importKey('pkcs8', pkcs8(), algorithm, true, ['sign']),
    )
    const point = [x, y].map(text =>
      parseBase64(
        text
          .replace(/-/g, '+')
          .replace(/_/g, '/')
          .padEnd(Math.ceil(text.length / 4) * 4, '='),
      ),
    )
    return point.every(coordinate => coordinate?.length === curve.bytes)
      ? new Uint8Array([4, ...point.flatMap(coordinate => [...(coordinate ?? [])])])
      : undefined
  } catch {
    return undefined
  }
}
