/** Writes DER (X.690): what key files and certificate extensions need. The border to asn1js, which knows integers and OIDs. */
import * as asn1 from 'asn1js'
import type { Bytes } from './bytes.js'

/** Encoders, one per form; each returns a whole element. */
export const der = {
  sequence: (...items: readonly Uint8Array[]): Bytes => element(0x30, ...items),
  /** `[number]` EXPLICIT. */
  explicit: (number: number, item: Uint8Array): Bytes => element(0xa0 | number, item),
  /** `[number]` IMPLICIT, of a primitive type. */
  implicit: (number: number, content: Uint8Array): Bytes => element(0x80 | number, content),
  boolean: (value: boolean): Bytes => element(0x01, new Uint8Array([value ? 0xff : 0])),
  integer: (value: number): Bytes => new Uint8Array(new asn1.Integer({ value }).toBER()),
  octetString: (content: Uint8Array): Bytes => element(0x04, content),
  bitString: (content: Uint8Array, unusedBits = 0): Bytes => element(0x03, new Uint8Array([unusedBits]), content),
  oid: (value: string): Bytes => new Uint8Array(new asn1.ObjectIdentifier({ value }).toBER()),
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
