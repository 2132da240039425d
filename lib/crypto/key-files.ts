import type { Context } from '../context.js'
import { EncodingError } from '../errors.js'
import { KEY_OIDS } from './algorithms.js'
import { type Bytes, parseBase64 } from './bytes.js'
import { CURVES, type Curve } from './curves.js'
import { type DerNode, formatOid, parseDer, TAG, toBigInt } from './der.js'
import { der } from './der-write.js'
import { PrivateKey } from './keys.js'
import { describeLabels, formatPem, type PemBlock, parsePem } from './pem.js'

const PRIVATE_KEY_LABELS: readonly string[] = ['PRIVATE KEY', 'RSA PRIVATE KEY', 'EC PRIVATE KEY']

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
  const block = blocks.find(isPrivateKeyBlock)
  if (block) return parsePrivateKeyBlock(block, context, what)
  throw new EncodingError('KPKI_PEM_LABEL', `${what} ${describeLabels('private key', blocks)}`, { details: { what } })
}

/** Whether a block says that it is a private key, of whatever kind. */
export function isPrivateKeyBlock({ label }: PemBlock): boolean {
  return label.endsWith('PRIVATE KEY')
}

/**
 * Reads one block as {@link parsePrivateKey} does.
 *
 * @throws as {@link parsePrivateKey}
 */
export async function parsePrivateKeyBlock(block: PemBlock, context: Context, what: string): Promise<PrivateKey> {
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
        if (formatOid(oid.content) === KEY_OIDS.rsa) return rsaKey(inner(), what)
        if (formatOid(oid.content) === KEY_OIDS.ec) return ecKey(inner(), algorithm.children[1], context, what)
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
  const algorithm = der.sequence(der.oid(KEY_OIDS.rsa), der.null())
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
  const algorithm = der.sequence(der.oid(KEY_OIDS.ec), oid.bytes)
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
  const spki = (publicPoint: Uint8Array) => der.sequence(algorithm, der.bitString(publicPoint))
  const point = await publicPoint({ pkcs8, spki }, stored, curve, context)
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
    spki: spki(point),
  })
}

interface EcEncoders {
  readonly pkcs8: (...publicPoint: Uint8Array[]) => Bytes
  readonly spki: (point: Uint8Array) => Bytes
}

/** The public point that belongs to a scalar; `undefined` when the stored one does not, or none can be had. */
async function publicPoint(
  { pkcs8, spki }: EcEncoders,
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
      const verifier = await subtle.importKey('spki', spki(point), algorithm, false, ['verify'])
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
