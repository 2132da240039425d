/** A NIST curve. */
export interface Curve {
  readonly name: 'P-256' | 'P-384' | 'P-521'
  /** Size of a coordinate. */
  readonly bytes: number
  /** Of the base point: a private key is below it. */
  readonly order: bigint
}
/** By object identifier (RFC 5480 section 2.1.1.1; NIST SP 800-186 section 3.2.1). */
export const CURVES: Readonly<Record<string, Curve>> = {
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
