import { type DerNode, formatOid, TAG } from '../crypto/der.js'
import { EncodingError } from '../errors.js'
import { isUniversal } from './extensions.js'

/** What is wrong with bytes that are no certificate, as far as it can be said; errors of `parseCertificate` have it in `details.fault`. */
export const CERTIFICATE_FAULTS = [
  'extension-malformed',
  'extension-twice',
  'key-unusable',
  'subject-malformed',
  'time-malformed',
  'version-extensions',
] as const
/** One of {@link CERTIFICATE_FAULTS}. */
export type CertificateFault = (typeof CERTIFICATE_FAULTS)[number]

/** Where in a certificate something is. */
export interface FaultPlace {
  readonly fault?: CertificateFault
  /** In the words of RFC 5280. */
  readonly field?: string
}

/** Does something with a certificate; an error of ours says more about where it was. */
export function inField<T>(where: (offset: number) => FaultPlace, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof EncodingError)) throw error
    const details = { ...error.details, ...where(Number(error.details['offset'] ?? 0)) }
    throw new EncodingError(error.code, error.message, { details, cause: error })
  }
}

const FIELDS = ['serialNumber', 'signature', 'issuer', 'validity', 'subject', 'subjectPublicKeyInfo']

/** The field of a certificate that an octet is in, as far as lengths say so: what is there is not DER. */
export function fieldAt(der: Uint8Array, offset: number): FaultPlace {
  const certificate = headerAt(der, 0)
  const content = certificate && headerAt(der, certificate.start)
  if (!content || offset < content.start) return {}
  if (offset >= content.end) return { field: 'signatureValue' }
  let fields = FIELDS
  for (let at = content.start; at < content.end; ) {
    const element = headerAt(der, at)
    const tag = der[at] ?? 0
    const field = tag === 0xa0 ? 'version' : tag === 0xa3 ? 'extensions' : fields[0]
    if (!element || offset < element.end) return field === undefined ? {} : { field }
    if (tag !== 0xa0) fields = fields.slice(1)
    at = element.end
  }
  return {}
}

/** Where the content of an element begins and ends; `undefined` where its header says neither. */
function headerAt(der: Uint8Array, at: number): { readonly start: number; readonly end: number } | undefined {
  const first = der[at + 1] ?? 0x80
  const size = first & 0x7f
  if (first < 0x80) return { start: at + 2, end: at + 2 + first }
  if (size === 0 || size > 4) return undefined
  let length = 0
  for (let index = 0; index < size; index++) length = length * 256 + (der[at + 2 + index] ?? 0)
  return { start: at + 2 + size, end: at + 2 + size + length }
}

/** RFC 7292 section 4, RFC 5652 section 3 and 5.1, RFC 2986 section 4, RFC 5958 section 2, RFC 5280 section 5.1. */
const PKCS7_DATA = '1.2.840.113549.1.7.1'

/** What else some DER is that people take for a certificate; the end of a sentence. */
export function otherForm({ children }: DerNode): string | undefined {
  const [first, second, third] = children
  if (isUniversal(first, TAG.oid)) return 'a PKCS #7 bundle'
  if (!isUniversal(first, TAG.integer)) return undefined
  const type = second?.children[0]
  if (isUniversal(type, TAG.oid) && formatOid(type.content) === PKCS7_DATA) return 'a PKCS #12 store'
  if (isUniversal(second, TAG.sequence) && isUniversal(third, TAG.octetString)) return 'a private key'
  return children.length === 9 && children.every(node => isUniversal(node, TAG.integer)) ? 'a private key' : undefined
}
