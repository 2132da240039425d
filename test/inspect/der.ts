/** Certificates by hand: well-formed and signed by nobody, in any number and of any content. */
import { Buffer } from 'node:buffer'

type Content = Uint8Array | string | readonly Uint8Array[]

/** One element: tag octet and content. */
export function element(tag: number, content: Content): Buffer {
  const bytes = Array.isArray(content) ? Buffer.concat(content) : Buffer.from(content as Uint8Array)
  const size = bytes.length
  const digits =
    size < 0x80
      ? []
      : [
          ...Buffer.from(
            size.toString(16).padStart(size.toString(16).length + (size.toString(16).length % 2), '0'),
            'hex',
          ),
        ]
  return Buffer.concat([
    Buffer.from([tag, ...(digits.length === 0 ? [size] : [0x80 | digits.length, ...digits])]),
    bytes,
  ])
}
export const sequence = (...items: readonly Uint8Array[]): Buffer => element(0x30, items)
/** An object identifier. */
export function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number)
  const octets = [first * 40 + second, ...rest].flatMap(number => {
    const out = [number & 0x7f]
    for (let high = Math.floor(number / 128); high > 0; high = Math.floor(high / 128)) out.unshift((high & 0x7f) | 0x80)
    return out
  })
  return element(6, Buffer.from(octets))
}

/** A name of a common name, in a string of any type. */
export const nameOf = (commonName: Uint8Array | string, tag = 12): Buffer =>
  sequence(element(0x31, sequence(oid('2.5.4.3'), element(tag, commonName))))

/** What goes into a certificate; the rest is of no interest. */
export interface Parts {
  readonly subject?: Buffer
  readonly issuer?: Buffer
  readonly serial?: Uint8Array
  /** UTCTime without its tag, or a whole element. */
  readonly notBefore?: string | Buffer
  readonly notAfter?: string | Buffer
  readonly spki: Uint8Array
  readonly extensions?: readonly Buffer[]
}

/** One extension. */
export const extension = (type: string, value: Uint8Array, critical = false): Buffer =>
  sequence(oid(type), ...(critical ? [element(1, Buffer.from([0xff]))] : []), element(4, value))

/** subjectAltName of DNS names. */
export const dnsNames = (names: readonly string[]): Buffer =>
  extension('2.5.29.17', sequence(...names.map(name => element(0x82, name))))

/** basicConstraints of a CA. */
export const ca = extension('2.5.29.19', sequence(element(1, Buffer.from([0xff]))), true)

const ECDSA_SHA256 = sequence(oid('1.2.840.10045.4.3.2'))

/** A certificate with a signature that nobody made. */
export function certificate(parts: Parts): Buffer {
  const time = (value: string | Buffer) => (typeof value === 'string' ? element(23, value) : value)
  const { extensions = [], subject = nameOf('a'), issuer = subject } = parts
  const content = sequence(
    element(0xa0, [element(2, Buffer.from([2]))]),
    element(2, parts.serial ?? Buffer.from([1])),
    ECDSA_SHA256,
    issuer,
    sequence(time(parts.notBefore ?? '260101000000Z'), time(parts.notAfter ?? '360101000000Z')),
    subject,
    Buffer.from(parts.spki),
    ...(extensions.length > 0 ? [element(0xa3, [sequence(...extensions)])] : []),
  )
  const signature = sequence(element(2, Buffer.from([1])), element(2, Buffer.from([1])))
  return sequence(content, ECDSA_SHA256, element(3, Buffer.concat([Buffer.from([0]), signature])))
}

/** As PEM. */
export const pem = (der: Uint8Array, label = 'CERTIFICATE'): string =>
  `-----BEGIN ${label}-----\n${(
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  ).join('\n')}\n-----END ${label}-----\n`
