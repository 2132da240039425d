/** The border to asn1js, which writes the few elements that key files need. */
import * as asn1 from 'asn1js'
import { type Bytes, toBytes } from './bytes.js'

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
  outer.valueBlock.value = items.map(item => asn1.fromBER(toBytes(item)).result)
  return new Uint8Array(outer.toBER())
}
