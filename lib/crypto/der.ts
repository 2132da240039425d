/** A DER reader (X.690) of our own: as strict as Go's encoding/asn1 and cryptobyte, which read our files in the end. */
import { EncodingError } from '../errors.js'
import { type Bytes, formatHex, toBytes } from './bytes.js'

/** One DER element (X.690), read to its leaves. */
export interface DerNode {
  /** `universal` 1, `application` 2, `context` 3, `private` 4, as asn1js numbers them. */
  readonly tagClass: number
  readonly tagNumber: number
  /** The whole element, header included; a view into the input's copy. */
  readonly bytes: Bytes
  /** What stands between its header and its end. */
  readonly content: Bytes
  /** The elements inside a constructed element; empty for a primitive one. */
  readonly children: readonly DerNode[]
}

/** Universal tag numbers (X.680 section 8.4). */
export const TAG = {
  boolean: 1,
  integer: 2,
  bitString: 3,
  octetString: 4,
  null: 5,
  oid: 6,
  utf8String: 12,
  sequence: 16,
  set: 17,
  numericString: 18,
  printableString: 19,
  teletexString: 20,
  ia5String: 22,
  utcTime: 23,
  generalizedTime: 24,
  bmpString: 30,
} as const

const MAX_DEPTH = 32
// Certificates and keys hold a few hundred elements; one with ten thousand names holds ten thousand more.
const MAX_NODES = 20_000

/**
 * Reads one DER element that fills the input: definite lengths in their shortest form (X.690 section 10.1), inner elements
 * that fill the outer one exactly, strings in one piece (section 10.2), and the one form that each simple type has (11.1,
 * 8.3.2, 8.6.2, 8.8, 8.19.2).
 *
 * @param what - named in errors
 * @throws {@link EncodingError} `KPKI_DER_INVALID`: not DER, cut off, followed by something, nested or large beyond measure;
 *   `details.offset` says where
 */
export function parseDer(bytes: Uint8Array, what: string): DerNode {
  const copy = toBytes(bytes)
  const refuse = (problem: string, offset: number) =>
    new EncodingError('KPKI_DER_INVALID', `${what} ${problem}`, { details: { what, offset } })
  const reader: Reader = {
    bytes: copy,
    nodes: 0,
    invalid: (at, problem) => refuse(`is not well-formed DER: at octet ${at}, ${problem}`, at),
    excessive: at => refuse(`is nested deeper than ${MAX_DEPTH} levels, or has more than ${MAX_NODES} elements`, at),
  }
  const root = readElement(reader, 0, copy.length, 0)
  const end = root.bytes.length
  if (end !== copy.length) throw reader.invalid(end, `it ends, and ${copy.length - end} more follow`)
  return root
}

interface Reader {
  readonly bytes: Bytes
  readonly invalid: (at: number, problem: string) => EncodingError
  readonly excessive: (at: number) => EncodingError
  nodes: number
}

function readElement(reader: Reader, start: number, limit: number, depth: number): DerNode {
  const { bytes, invalid } = reader
  if (depth > MAX_DEPTH || reader.nodes++ > MAX_NODES) throw reader.excessive(start)
  // Past the end the octet is NaN, which fails every check below.
  const octet = (at: number): number => (at < limit ? (bytes[at] ?? Number.NaN) : Number.NaN)
  let at = start
  const identifier = octet(at++)
  const tagClass = (identifier >> 6) + 1
  const isConstructed = (identifier & 0x20) !== 0
  let tagNumber = identifier & 0x1f
  if (tagNumber === 0x1f) {
    // Numbers from 31 on follow in base 128 without leading zeros (section 8.1.2.4); nothing here needs more than two octets.
    const [high, low] = [octet(at), octet(at + 1)]
    const isLong = high >= 0x80
    tagNumber = isLong ? (high & 0x7f) * 128 + low : high
    at += isLong ? 2 : 1
    if (!(tagNumber >= 31) || high === 0x80 || low >= (isLong ? 0x80 : Number.POSITIVE_INFINITY))
      throw invalid(start, 'a tag is not in its shortest form')
  }
  const first = octet(at++)
  let length = first
  if (first >= 0x80) {
    const size = first & 0x7f
    if (size === 0) throw invalid(start, 'an element has no length of its own: it is BER')
    if (size > 4) throw invalid(start, 'an element is longer than can be')
    length = 0
    for (let index = 0; index < size; index++) length = length * 256 + octet(at++)
    if (length < (size === 1 ? 0x80 : 256 ** (size - 1))) throw invalid(start, 'a length is not in its shortest form')
  }
  const end = at + length
  if (!(end <= limit)) throw invalid(start, depth === 0 ? 'it is cut off' : 'an element is longer than what it is in')
  if (identifier === 0) throw invalid(start, 'an element has no type')
  const content = bytes.subarray(at, end)
  if (tagClass === 1 && !isWellFormed(tagNumber, isConstructed, content)) {
    throw invalid(start, FORMS[tagNumber] ?? 'a string is not in one piece')
  }
  const children: DerNode[] = []
  if (isConstructed) {
    for (let next = at; next < end; ) {
      const child = readElement(reader, next, end, depth + 1)
      children.push(child)
      next += child.bytes.length
    }
  }
  return { tagClass, tagNumber, bytes: bytes.subarray(start, end), content, children }
}

/** Every number ends, none begins with a zero, and none is over 31 bits, which is where Go stops (cryptobyte, readBase128Int). */
function isObjectIdentifier(content: Uint8Array): boolean {
  let value = 0
  for (const [index, byte] of content.entries()) {
    const isFirst = index === 0 || (content[index - 1] ?? 0) < 0x80
    if (isFirst && byte === 0x80) return false
    value = (isFirst ? 0 : value * 128) + (byte & 0x7f)
    if (value >= 2 ** 31) return false
  }
  return content.length > 0 && (content.at(-1) ?? 0x80) < 0x80
}

/** What was meant, by tag number, where {@link isWellFormed} says no. */
const FORMS: Readonly<Record<number, string>> = {
  [TAG.sequence]: 'a SEQUENCE holds no elements',
  [TAG.set]: 'a SET holds no elements',
  [TAG.boolean]: 'a BOOLEAN is neither 00 nor ff',
  [TAG.integer]: 'an INTEGER is empty or begins with a needless octet',
  [TAG.bitString]: 'a BIT STRING has no count of unused bits, or these are not zero',
  [TAG.null]: 'a NULL holds something',
  [TAG.oid]: 'an OBJECT IDENTIFIER is cut off, padded or out of bounds',
}

/** What DER says of the content of a universal type; types that are not listed here have one form anyway, or are not used. */
function isWellFormed(tagNumber: number, isConstructed: boolean, content: Uint8Array): boolean {
  const [first = 0, second = 0] = content
  const { length } = content
  if (tagNumber === TAG.sequence || tagNumber === TAG.set) return isConstructed
  // EXTERNAL, EMBEDDED PDV and CHARACTER STRING are sequences by another name.
  if (isConstructed) return tagNumber === 8 || tagNumber === 11 || tagNumber === 29
  switch (tagNumber) {
    case TAG.boolean:
      return length === 1 && (first === 0 || first === 0xff)
    case TAG.integer:
      return length === 1 || (length > 1 && !((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80)))
    case TAG.bitString:
      return length === 1 ? first === 0 : length > 1 && first < 8 && ((content.at(-1) ?? 0) & ((1 << first) - 1)) === 0
    case TAG.null:
      return length === 0
    case TAG.oid:
      return isObjectIdentifier(content)
    default:
      return true
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
