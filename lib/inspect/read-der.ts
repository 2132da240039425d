import type { Context } from '../context.js'
import { type DerNode, parseDer, TAG } from '../crypto/der.js'
import { type Contents, type Draft, noContents } from './draft.js'
import { firstElement, readBlock } from './read-pem.js'
import type { Place } from './types.js'

/** Whether bytes begin as one DER SEQUENCE that fills them, as no text does. */
export function looksLikeDer(bytes: Uint8Array): boolean {
  return bytes.length > 8 && bytes[0] === 0x30 && firstElement(bytes).length === bytes.length && !isText(bytes)
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
  const root = draft.attempt(place, () => parseDer(bytes, 'the file'))
  contents.isAny = root === undefined
  if (!root) return contents
  const [label, kind] = FORMS.find(([, , fits]) => fits(root.children)) ?? []
  if (label === undefined || kind === undefined) return contents
  await readBlock({ label, bytes: root.bytes, hasHeaders: false }, kind, place, contents, draft, context)
  return contents
}

function is(node: DerNode | undefined, tagNumber: number): boolean {
  return node?.tagClass === 1 && node.tagNumber === tagNumber
}
