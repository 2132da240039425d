import { type Bytes, decodeUtf8 } from '../crypto/bytes.js'
import { type DerNode, formatOid, TAG } from '../crypto/der.js'

/** A distinguished name, as far as Kubernetes reads it: the common name is the user, organizations are the groups. */
export interface DistinguishedName {
  /** The last one, as Go's crypto/x509/pkix takes it (`FillFromRDNSequence`); empty when there is none. */
  readonly commonName: string
  readonly organizations: readonly string[]
  /** The whole name in the order in which it is encoded, values escaped as in RFC 4514: `O=system:nodes, CN=system:node:cp-1`. */
  readonly text: string
  readonly der: Bytes
  /** Attributes in a string type that RFC 5280 section 4.1.2.4 leaves to the past, e.g. `O (BMPString)`. */
  readonly oldStrings: readonly string[]
}

/** String types of the past: Go reads them, and section 4.1.2.4 allows them in names that were there before 2004 only. */
const OLD_STRINGS: Readonly<Record<number, string>> = {
  [TAG.teletexString]: 'TeletexString',
  [TAG.bmpString]: 'BMPString',
}

/** Object identifiers of the attributes that kpki writes (RFC 5280 appendix A.1). */
export const ATTRIBUTE_OIDS = { commonName: '2.5.4.3', organization: '2.5.4.10' } as const

/** Short names of attribute types (RFC 4514 section 3, RFC 4519; E as everybody writes emailAddress of PKCS #9). */
const ATTRIBUTES: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.4': 'SN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'STREET',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '2.5.4.12': 'title',
  '2.5.4.42': 'GN',
  '2.5.4.97': 'organizationIdentifier',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
  '1.2.840.113549.1.9.1': 'E',
}

/**
 * Reads a Name; `undefined` when it is none.
 *
 * @see RFC 5280 section 4.1.2.4
 */
export function readName(node: DerNode | undefined): DistinguishedName | undefined {
  if (node?.tagClass !== 1 || node.tagNumber !== TAG.sequence) return undefined
  let commonName = ''
  const organizations: string[] = []
  const parts: string[] = []
  const oldStrings: string[] = []
  for (const rdn of node.children) {
    const attributes: string[] = []
    for (const { tagNumber, children } of rdn.children) {
      const [type, value] = children
      if (tagNumber !== TAG.sequence || type?.tagNumber !== TAG.oid || !value || children.length !== 2) return undefined
      const name = ATTRIBUTES[formatOid(type.content)] ?? formatOid(type.content)
      const text = readString(value)
      if (text === undefined) return undefined
      if (name === 'CN') commonName = text
      if (name === 'O') organizations.push(text)
      const oldType = OLD_STRINGS[value.tagNumber]
      if (oldType !== undefined) oldStrings.push(`${name} (${oldType})`)
      attributes.push(`${name}=${escapeValue(text)}`)
    }
    if (rdn.tagClass !== 1 || rdn.tagNumber !== TAG.set || attributes.length === 0) return undefined
    parts.push(attributes.join('+'))
  }
  return { commonName, organizations, text: parts.join(', '), der: node.bytes.slice(), oldStrings }
}

/**
 * Text of the character strings that Go reads in names (crypto/x509 v1.23, parser.go, parseASN1String); `undefined` when the
 * element is none of them, or the octets are not what its type says. Teletex strings are read as Latin-1, as everybody writes
 * them; a PrintableString may have an asterisk and an ampersand, as many do.
 */
export function readString({ tagClass, tagNumber, content }: DerNode): string | undefined {
  if (tagClass !== 1) return undefined
  switch (tagNumber) {
    case TAG.utf8String:
      return decodeUtf8(content)
    case TAG.printableString:
      return matching(/^[A-Za-z0-9 '()+,\-./:=?*&]*$/, content)
    case TAG.numericString:
      return matching(/^[0-9 ]*$/, content)
    case TAG.ia5String:
      return content.some(byte => byte >= 0x80) ? undefined : latin1(content)
    case TAG.teletexString:
      return latin1(content)
    case TAG.bmpString:
      return content.length % 2 === 0 ? wide(content) : undefined
    default:
      return undefined
  }
}

/** Each octet as the character of that number. */
export function latin1(content: Uint8Array): string {
  let text = ''
  for (const byte of content) text += String.fromCharCode(byte)
  return text
}

function matching(pattern: RegExp, content: Uint8Array): string | undefined {
  const text = latin1(content)
  return pattern.test(text) ? text : undefined
}

/** UTF-16, big-endian; a zero at the end is no part of it. */
function wide(content: Uint8Array): string {
  const units = Array.from({ length: content.length / 2 }, (_, index) => content.slice(2 * index, 2 * index + 2))
  const text = units.map(([high = 0, low = 0]) => String.fromCharCode(high * 256 + low)).join('')
  return text.replace(/\0$/, '')
}

/** RFC 4514 section 2.4. */
function escapeValue(text: string): string {
  return text
    .replace(/[\\"+,;<>]/g, '\\$&')
    .replace(/^[# ]/, '\\$&')
    .replace(/ $/, '\\ ')
    .replaceAll('\0', '\\00')
}
