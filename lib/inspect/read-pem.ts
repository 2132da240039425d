import type { Context } from '../context.js'
import { KEY_OIDS, OTHER_KEYS } from '../crypto/algorithms.js'
import { formatOid, parseDer, TAG } from '../crypto/der.js'
import { der } from '../crypto/der-write.js'
import { parsePrivateKey } from '../crypto/key-files.js'
import { describePublicKey, type KeyType } from '../crypto/keys.js'
import { formatPem, type PemBlock, type PemFault, scanPem } from '../crypto/pem.js'
import { EncodingError } from '../errors.js'
import { MAX_INSPECT_BYTES } from '../limits.js'
import { parseCertificateRequest } from '../x509/request.js'
import { type ClosedForm, closedBlock, ENCRYPTED_KEY } from './closed-forms.js'
import { type Contents, type Draft, INSPECT_LIMITS, noContents } from './draft.js'
import type { Place } from './types.js'

type Kind = 'certificate' | 'request' | 'private key' | 'public key' | 'parameters' | 'other'

/** Labels of RFC 7468, and what older programs write in their place. */
const LABELS: Readonly<Record<string, Kind>> = {
  CERTIFICATE: 'certificate',
  'X509 CERTIFICATE': 'certificate',
  'TRUSTED CERTIFICATE': 'certificate',
  'CERTIFICATE REQUEST': 'request',
  'NEW CERTIFICATE REQUEST': 'request',
  'PRIVATE KEY': 'private key',
  'RSA PRIVATE KEY': 'private key',
  'EC PRIVATE KEY': 'private key',
  'DSA PRIVATE KEY': 'private key',
  'ENCRYPTED PRIVATE KEY': 'private key',
  'PUBLIC KEY': 'public key',
  'RSA PUBLIC KEY': 'public key',
  // openssl writes them before EC keys; they say nothing that the key does not.
  'EC PARAMETERS': 'parameters',
}

/**
 * Takes in everything that a PEM text holds.
 *
 * @param place - of the text; blocks are numbered in its part where there are several of a kind
 */
export async function readPem(text: string, place: Place, draft: Draft, context: Context): Promise<Contents> {
  const contents = noContents()
  const found: (PemBlock | PemFault)[] = []
  for (const block of scanPem(text, 'the text', MAX_INSPECT_BYTES)) {
    if (found.length >= INSPECT_LIMITS.blocks) {
      draft.remark('too-many', place, `has more than ${INSPECT_LIMITS.blocks} PEM blocks`)
      break
    }
    found.push(block)
  }
  const kinds = found.map(block => ('problem' in block ? 'other' : (LABELS[block.label] ?? 'other')))
  const totals = countBy(kinds)
  const isAlone = kinds.length - (totals.get('parameters') ?? 0) === 1
  const counts = new Map<Kind, number>()
  for (const [index, block] of found.entries()) {
    const kind = kinds[index] ?? 'other'
    const number = (counts.get(kind) ?? 0) + 1
    counts.set(kind, number)
    const name = kind === 'other' ? 'block' : kind
    const isOnly = kind !== 'other' && totals.get(kind) === 1
    const label = isOnly ? name : `${ordinal(kind === 'other' ? index + 1 : number)} ${name}`
    const own = isAlone ? place : within(place, label)
    if ('problem' in block) {
      contents.isAny = true
      draft.remark('unreadable', own, `is broken: ${block.problem}`, { error: 'KPKI_PEM_INVALID' })
    } else await readBlock(block, kind, own, contents, draft, context)
  }
  return contents
}

function countBy(kinds: readonly Kind[]): Map<Kind, number> {
  const counts = new Map<Kind, number>()
  for (const kind of kinds) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  return counts
}

/** A part of what a place names. */
export function within({ file, part }: Place, inner: string): Place {
  return { file, part: part === undefined ? inner : `${part}, ${inner}` }
}

/** `1st`, `2nd`, `3rd`, `4th`, … */
function ordinal(number: number): string {
  const isTeen = number % 100 > 10 && number % 100 < 14
  return `${number}${isTeen ? 'th' : (['th', 'st', 'nd', 'rd'][number % 10] ?? 'th')}`
}

/** Takes one block in, whatever it is. */
export async function readBlock(
  block: PemBlock,
  kind: Kind,
  place: Place,
  contents: Contents,
  draft: Draft,
  context: Context,
): Promise<void> {
  const { label, bytes } = block
  switch (kind) {
    case 'certificate':
      // openssl appends what it trusts the certificate for (x509(1), -trustout).
      return draft.addCertificate(label.startsWith('TRUSTED') ? firstElement(bytes) : bytes, place, contents)
    case 'request': {
      contents.isAny = true
      const request = draft.attempt(place, () => parseCertificateRequest(bytes, 'the request'))
      return request && draft.addRequest(request, place, contents)
    }
    case 'public key': {
      contents.isAny = true
      const spki = label.startsWith('RSA') ? rsaSpki(bytes) : bytes
      const type = draft.attempt(place, () => describePublicKey(spki, 'the public key'))
      return type && draft.addKey('public', type, spki, place, contents)
    }
    case 'private key':
      return readPrivateKey(block, place, contents, draft, context)
    case 'other':
      contents.isAny = true
      draft.blocks.push({ label, place })
      keepClosed(draft, place, closedBlock(label))
  }
}

function keepClosed(draft: Draft, { file }: Place, form: ClosedForm | undefined): void {
  if (form && !draft.closed.has(file)) draft.closed.set(file, form)
}

async function readPrivateKey(
  { label, bytes, hasHeaders }: PemBlock,
  place: Place,
  contents: Contents,
  draft: Draft,
  context: Context,
): Promise<void> {
  contents.isAny = true
  if (draft.isFullOfKeys(place)) return
  if (label.startsWith('ENCRYPTED') || hasHeaders) {
    keepClosed(draft, place, ENCRYPTED_KEY)
    return draft.addClosedKey(undefined, true, place, contents)
  }
  try {
    const key = await parsePrivateKey(formatPem(label, bytes), context, 'the private key')
    await draft.addKey('private', key.type, key.spki, place, contents)
  } catch (error) {
    const isUnusual = error instanceof EncodingError && error.code === 'KPKI_KEY_TYPE'
    const type = isUnusual ? unusualType(label, bytes) : undefined
    if (type) draft.addClosedKey(type, false, place, contents)
    else draft.refused(error, place)
  }
}

/** RFC 3279 section 2.3.2; the one whose label says what it is. */
const DSA = '1.2.840.10040.4.1'

/** Type of a well-formed private key that is not read; `undefined` when it is not well-formed. */
function unusualType(label: string, bytes: Uint8Array): KeyType | undefined {
  try {
    const { children } = parseDer(bytes, 'the private key')
    const named = children[1]?.children[0]
    const oid = label.startsWith('DSA')
      ? DSA
      : label.startsWith('EC')
        ? KEY_OIDS.ec
        : named?.tagNumber === TAG.oid
          ? formatOid(named.content)
          : ''
    if (oid === '') return undefined
    return { kind: 'other', oid, name: oid === KEY_OIDS.ec ? 'EC, unusual curve' : (OTHER_KEYS[oid] ?? oid) }
  } catch {
    return undefined
  }
}

/** SubjectPublicKeyInfo around a PKCS #1 public key (RFC 8017 appendix A.1.1, RFC 3279 section 2.3.1). */
function rsaSpki(pkcs1: Uint8Array): Uint8Array {
  return der.sequence(der.sequence(der.oid(KEY_OIDS.rsa), der.null()), der.bitString(pkcs1))
}

/** The first DER element of some bytes, without what follows it. */
export function firstElement(bytes: Uint8Array): Uint8Array {
  const [, first = 0] = bytes
  // What is no DER is refused where it is read; here it only has to be harmless.
  const size = first < 0x80 ? 0 : Math.min(4, first & 0x7f)
  const length = size === 0 ? first : bytes.slice(2, 2 + size).reduce((sum, byte) => sum * 256 + byte, 0)
  return bytes.slice(0, 2 + size + length)
}
