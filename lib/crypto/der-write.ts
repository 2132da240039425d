/** Writes DER (X.690): what key files and certificates need. The border to asn1js, which knows integers and OIDs. */
import * as asn1 from 'asn1js'
import { type Bytes, encodeUtf8, formatHex } from './bytes.js'

/** The few that are written again and again. */
const OIDS = new Map<string, Bytes>()

/** Encoders, one per form; each returns a whole element. */
export const der = {
  sequence: (...items: readonly Uint8Array[]): Bytes => element(0x30, ...items),
  /** A SET OF: its elements stand in the order of their encodings (section 11.6). */
  setOf: (...items: readonly Uint8Array[]): Bytes =>
    element(0x31, ...[...items].sort((a, b) => (formatHex(a) < formatHex(b) ? -1 : 1))),
  /** `[number]` EXPLICIT. */
  explicit: (number: number, item: Uint8Array): Bytes => element(0xa0 | number, item),
  /** `[number]` IMPLICIT, of a primitive type. */
  implicit: (number: number, content: Uint8Array): Bytes => element(0x80 | number, content),
  boolean: (value: boolean): Bytes => element(0x01, new Uint8Array([value ? 0xff : 0])),
  integer: (value: number): Bytes => new Uint8Array(new asn1.Integer({ value }).toBER()),
  /** An INTEGER of any length that is not negative: big-endian, leading zeros do not count. */
  unsigned: (magnitude: Uint8Array): Bytes => {
    const start = magnitude.findIndex(byte => byte !== 0)
    const digits = start < 0 ? new Uint8Array(1) : magnitude.subarray(start)
    return element(0x02, ...((digits[0] ?? 0) >= 0x80 ? [new Uint8Array(1)] : []), digits)
  },
  octetString: (content: Uint8Array): Bytes => element(0x04, content),
  bitString: (content: Uint8Array, unusedBits = 0): Bytes => element(0x03, new Uint8Array([unusedBits]), content),
  oid: (value: string): Bytes => {
    const known = OIDS.get(value) ?? new Uint8Array(new asn1.ObjectIdentifier({ value }).toBER())
    OIDS.set(value, known)
    return known
  },
  /** PrintableString where it can be, else UTF8String, as Go chooses (encoding/asn1, marshal.go). */
  text: (value: string): Bytes => element(/^[A-Za-z0-9 '()+,\-./:=?]*$/.test(value) ? 0x13 : 0x0c, encodeUtf8(value)),
  /** UTCTime to the year 2049, then GeneralizedTime; fractions of seconds are cut (RFC 5280 section 4.1.2.5). */
  time: (moment: Date): Bytes => {
    const digits = `${moment.toISOString().replace(/[-:T]|\..*/g, '')}Z`
    const isUtc = moment.getUTCFullYear() < 2050
    return element(isUtc ? 0x17 : 0x18, encodeUtf8(isUtc ? digits.slice(2) : digits))
  },
  null: (): Bytes => element(0x05),
}

function element(identifier: number, ...contents: readonly Uint8Array[]): Bytes {
  const length = contents.reduce((sum, content) => sum + content.length, 0)
  const size: number[] = []
  if (length >= 0x80) for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) size.unshift(rest % 256)
  const header = [identifier, ...(length < 0x80 ? [length] : [0x80 | size.length, ...size])]
  const bytes = new Uint8Array(header.length + length)
  bytes.set(header)
  let at = header.length
  for (const content of contents) {
    bytes.set(content, at)
    at += content.length
  }
  return bytes
}
