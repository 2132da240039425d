import type { Bytes } from '../crypto/bytes.js'
import { formatOid, parseDer } from '../crypto/der.js'
import type { Certificate } from './certificate.js'
import { EXTENSIONS } from './extensions.js'
import { readSigned } from './signed.js'

/** An extension as it stands in a certificate. */
export interface RawExtension {
  /** Object identifier. */
  readonly oid: string
  readonly isCritical: boolean
  /** The whole Extension, DER. */
  readonly der: Bytes
  /** Content of its OCTET STRING. */
  readonly value: Bytes
}

/** The extensions of a certificate in its order, as octets: for whoever puts them into another one. */
export function rawExtensions({ der }: Certificate): readonly RawExtension[] {
  const fields = readSigned(parseDer(der, 'the certificate'))?.content.children ?? []
  const list = fields.find(({ tagClass, tagNumber }) => tagClass === 3 && tagNumber === 3)?.children[0]?.children ?? []
  return list.map(({ bytes, children }) => {
    const [type, ...rest] = children
    return {
      oid: type ? formatOid(type.content) : '',
      isCritical: rest.length === 2 && rest[0]?.content[0] === 0xff,
      der: bytes.slice(),
      value: (rest.at(-1)?.content ?? new Uint8Array()).slice(),
    }
  })
}

/** The GeneralNames of a certificate's subjectAltName in its order, DER each; none where it has no such extension. */
export function rawAlternativeNames(certificate: Certificate): readonly Bytes[] {
  const found = rawExtensions(certificate).find(({ oid }) => oid === EXTENSIONS.subjectAltName)
  return found ? parseDer(found.value, 'the extension').children.map(({ bytes }) => bytes.slice()) : []
}
