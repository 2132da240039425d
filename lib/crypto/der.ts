/** The border to asn1js: DER in, plain nodes out, and the few encoders that key files need. */
import * as asn1 from 'asn1js'
import { EncodingError } from '../errors.js'
import { type Bytes, formatHex, toBytes } from './bytes.js'

/** One DER element (X.690), read to its leaves. */
export interface DerNode {
  /** `universal` 1, `application` 2, `context` 3, `private` 4, as asn1js numbers them. */
  readonly tagClass: number
  readonly tagNumber: number
  /** The whole element, header included. */
  readonly bytes: Bytes
  /** What stands between its header and its end. */
  readonly content: Bytes
  /** The elements inside a constructed element; empty for a primitive one. */
  readonly children: readonly DerNode[]
}

/** Universal tag numbers (X.680 section 8.4). */
export const TAG = { integer: 2, bitString: 3, octetString: 4, null: 5, oid: 6, sequence: 16 } as const

// Certificates and keys nest less than ten deep and hold a few hundred elements; ten thousand SANs are ten thousand.
const LIMITS = { maxDepth: 32, maxNodes: 20_000, maxContentLength: 1024 * 1024 }

/**
 * Reads one DER element that fills the input.
 *
 * @param what - named in errors
 * @throws {@link EncodingError} `KPKI_DER_INVALID`: not DER, cut off, followed by something, nested or large beyond measure
 */
export function parseDer(bytes: Uint8Array, what: string): DerNode {
  const invalid = () => new EncodingError('KPKI_DER_INVALID', `${what} is not well-formed DER`, { details: { what } })
  let parsed: ReturnType<typeof asn1.fromBER>
  try {
    parsed = asn1.fromBER(toBytes(bytes), LIMITS)
  } catch {
    // Some string and time types throw what they mean; it would quote the input.
    throw invalid()
  }
  if (parsed.offset !== bytes.length || parsed.result.error) throw invalid()
  return toNode(parsed.result, invalid)
}

function toNode(block: asn1.BaseBlock, invalid: () => EncodingError): DerNode {
  // asn1js reads BER and is generous with lengths; Go's encoding/asn1, which reads our files in the end, is not. Lengths
  // are definite, as short as they can be (X.690 section 10.1), and inner elements fill the outer one exactly.
  const { isIndefiniteForm, longFormUsed, length, blockLength } = block.lenBlock
  const shortest = length < 0x80 ? 1 : 1 + Math.ceil(length.toString(16).length / 2)
  const bytes = new Uint8Array(block.valueBeforeDecodeView)
  const header = block.idBlock.blockLength + blockLength
  if (isIndefiniteForm || (longFormUsed && length < 0x80) || blockLength !== shortest) throw invalid()
  const inner = (block.valueBlock as { value?: unknown }).value
  const children = block.idBlock.isConstructed && Array.isArray(inner) ? inner.map(child => toNode(child, invalid)) : []
  const filled = children.reduce((sum, child) => sum + child.bytes.length, 0)
  if (bytes.length !== header + length || (block.idBlock.isConstructed && filled !== length)) throw invalid()
  return {
    tagClass: block.idBlock.tagClass,
    tagNumber: block.idBlock.tagNumber,
    bytes,
    content: bytes.slice(header),
    children,
  }
}

/** The integer of an INTEGER's content, or of any big-endian magnitude. */
export function toBigInt(content: Uint8Array): bigint {
  return content.length === 0 ? 0n : BigInt(`0x${formatHex(content)}`)
}

/** Dotted text of an OBJECT IDENTIFIER's content, e.g. `1.2.840.113549.1.1.1` (X.690 section 8.19). */
export function formatOid(content: Uint8Array): string {
  const parts: number[] = []
  let value = 0
  for (const byte of content) {
    value = value * 128 + (byte & 0x7f)
    if (byte & 0x80) continue
    if (parts.length === 0) {
      const first = Math.min(2, Math.floor(value / 40))
      parts.push(first, value - first * 40)
    } else parts.push(value)
    value = 0
  }
  return parts.join('.')
}

/** Encoders, one per DER form that key files need; each returns a whole element. */
export const der = {
  sequence: (...items: readonly Uint8Array[]): Bytes => constructed(new asn1.Sequence(), items),
  /** `[number]` EXPLICIT. */
  explicit: (number: number, item: Uint8Array): Bytes =>
    constructed(new asn1.Constructed({ idBlock: { tagClass: 3, tagNumber: number } }), [item]),
  integer: (value: number): Bytes => new Uint8Array(new asn1.Integer({ value }).toBER()),
  octetString: (content: Uint8Array): Bytes =>
    new Uint8Array(new asn1.OctetString({ valueHex: toBytes(content) }).toBER()),
  bitString: (content: Uint8Array): Bytes =>
    new Uint8Array(new asn1.BitString({ valueHex: toBytes(content), unusedBits: 0 }).toBER()),
  oid: (value: string): Bytes => new Uint8Array(new asn1.ObjectIdentifier({ value }).toBER()),
  null: (): Bytes => new Uint8Array(new asn1.Null().toBER()),
}

function constructed(outer: asn1.Constructed, items: readonly Uint8Array[]): Bytes {
  outer.valueBlock.value = items.map(item => asn1.fromBER(toBytes(item), LIMITS).result)
  return new Uint8Array(outer.toBER())
}
