import type { Context } from '../context.js'
import { type DerNode, parseDer, TAG } from '../crypto/der.js'
import { KpkiError } from '../errors.js'
import { type Contents, type Draft, noContents } from './draft.js'
import { firstElement, readBlock } from './read-pem.js'
import type { Place } from './types.js'

/** Whether bytes begin as a DER SEQUENCE, as no text does; what follows it is told of by {@link readDer}. */
export function looksLikeDer(bytes: Uint8Array): boolean {
  if (bytes.length <= 8 || bytes[0] !== 0x30 || isText(bytes)) return false
  return firstElement(bytes).length > 8
}

function isText(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 64).every(byte => byte === 9 || byte === 10 || byte === 13 || (byte >= 0x20 && byte < 0x7f))
}

/** What the outermost elements of a SEQUENCE say it is; the first form that fits counts. */
const FORMS: readonly (readonly [
  label: string,
  kind: Parameters<typeof readBlock>[1],
  fits: (children: readonly DerNode[]) => boolean,
])[] = [
  // RFC 5280 section 5.1: a date where certificates have a name or an algorithm.
  [
    'X509 CRL',
    'other',
    ([list, , signature]) =>
      is(signature, TAG.bitString) &&
      (list?.children.slice(2, 4) ?? []).some(node => is(node, TAG.utcTime) || is(node, TAG.generalizedTime)),
  ],
  // RFC 2986 section 4: the inner sequence begins with a version, name, key; a certificate's has six elements at least.
  [
    'CERTIFICATE REQUEST',
    'request',
    ([info, algorithm, signature]) =>
      is(algorithm, TAG.sequence) &&
      is(signature, TAG.bitString) &&
      is(info?.children[0], TAG.integer) &&
      (info?.children.length ?? 0) < 5,
  ],
  ['CERTIFICATE', 'certificate', ([info, , signature]) => is(info, TAG.sequence) && is(signature, TAG.bitString)],
  [
    'PUBLIC KEY',
    'public key',
    ([algorithm, key, ...rest]) => is(algorithm, TAG.sequence) && is(key, TAG.bitString) && rest.length === 0,
  ],
  [
    'ENCRYPTED PRIVATE KEY',
    'private key',
    ([algorithm, key, ...rest]) => is(algorithm, TAG.sequence) && is(key, TAG.octetString) && rest.length === 0,
  ],
  [
    'PRIVATE KEY',
    'private key',
    ([version, algorithm, key]) => is(version, TAG.integer) && is(algorithm, TAG.sequence) && is(key, TAG.octetString),
  ],
  [
    'RSA PRIVATE KEY',
    'private key',
    children => children.length === 9 && children.every(node => is(node, TAG.integer)),
  ],
  ['RSA PUBLIC KEY', 'public key', children => children.length === 2 && children.every(node => is(node, TAG.integer))],
  ['EC PRIVATE KEY', 'private key', ([version, key]) => is(version, TAG.integer) && is(key, TAG.octetString)],
  ['PKCS7', 'other', ([type, content]) => is(type, TAG.oid) && content?.tagClass === 3],
  ['PKCS12', 'other', ([version, content]) => is(version, TAG.integer) && is(content?.children[0], TAG.oid)],
]

/** Takes in a DER certificate, request or key; PKCS #7 and #12 are named. */
export async function readDer(bytes: Uint8Array, place: Place, draft: Draft, context: Context): Promise<Contents> {
  const contents = noContents()
  const own = firstElement(bytes)
  const behind = bytes.length - own.length
  // Any binary file may begin like this; with octets behind it only what is well-formed is believed to be DER.
  const root = behind === 0 ? draft.attempt(place, () => parseDer(own, 'the file')) : parseQuietly(own)
  contents.isAny = root === undefined && behind === 0
  if (!root) return contents
  const [label, kind] = FORMS.find(([, , fits]) => fits(root.children)) ?? []
  if (label === undefined || kind === undefined) return contents
  await readBlock({ label, bytes: root.bytes, hasHeaders: false }, kind, place, contents, draft, context)
  if (behind > 0)
    draft.remark(
      'unreadable',
      place,
      `has ${behind} octet${behind === 1 ? '' : 's'} behind its end, which Go refuses`,
      {
        error: 'KPKI_DER_INVALID',
        hint: 'cut them off, or write it anew as PEM: openssl reads past them',
      },
    )
  return contents
}

function parseQuietly(bytes: Uint8Array): DerNode | undefined {
  try {
    return parseDer(bytes, 'the file')
  } catch (error) {
    if (!(error instanceof KpkiError)) throw error
    return undefined
  }
}

function is(node: DerNode | undefined, tagNumber: number): boolean {
  return node?.tagClass === 1 && node.tagNumber === tagNumber
}
