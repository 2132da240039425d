import type { Bytes } from '../crypto/bytes.js'
import { type DerNode, formatOid, parseDer } from '../crypto/der.js'
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
  return extensionNode(certificate, EXTENSIONS.subjectAltName)?.children.map(({ bytes }) => bytes.slice()) ?? []
}

/**
 * Whether a certificate names its issuer's certificate by serial number, too: then OpenSSL takes no other certificate of the same
 * name and key for its issuer.
 *
 * @see RFC 5280 section 4.2.1.1 (authorityCertSerialNumber)
 */
export function namesIssuerSerial(certificate: Certificate): boolean {
  const fields = extensionNode(certificate, EXTENSIONS.authorityKeyIdentifier)?.children ?? []
  return fields.some(({ tagClass, tagNumber }) => tagClass === 3 && tagNumber === 2)
}

function extensionNode(certificate: Certificate, oid: string): DerNode | undefined {
  if (!certificate.extensions.includes(oid)) return undefined
  const found = rawExtensions(certificate).find(extension => extension.oid === oid)
  return found && parseDer(found.value, 'the extension')
}
