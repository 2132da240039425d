/** Certificates made over from others, with one thing about them different, and signed again: everything else stays well. */
import { Buffer } from 'node:buffer'
import { createPrivateKey, sign } from 'node:crypto'
import { type DerNode, formatOid, parseDer } from '../../lib/crypto/der.js'
import { element, oid, sequence } from '../inspect/der.js'

/** What to put in place of what is there; each is a whole element. */
export interface Remake {
  /** `[0]`; `undefined` leaves it out, which is version 1. */
  readonly version?: Buffer | undefined
  readonly serial?: Buffer
  readonly issuer?: Buffer
  readonly notBefore?: Buffer
  readonly notAfter?: Buffer
  readonly subject?: Buffer
  readonly spki?: Uint8Array
  /** Between key and extensions: `[1]`, `[2]`. */
  readonly uniqueIdentifier?: Buffer
  /** Whole extensions, without the sequence and tag around them; an empty list leaves the field out. */
  readonly extensions?: (list: readonly Extension[]) => readonly Buffer[]
  readonly algorithm?: 'SHA-256' | 'SHA-1'
}

/** An extension that is there. */
export interface Extension {
  readonly oid: string
  readonly bytes: Buffer
}

const ALGORITHMS = { 'SHA-256': ['1.2.840.10045.4.3.2', 'sha256'], 'SHA-1': ['1.2.840.10045.4.1', 'sha1'] } as const

/** Version 3, 2, 1 as they are written. */
export const versionField = (version: number): Buffer => element(0xa0, [element(2, Buffer.from([version - 1]))])

/**
 * @param der - a certificate that is well
 * @param keyPem - the EC key that signs the new one
 */
export function remake(der: Uint8Array, keyPem: string, changes: Remake): Buffer {
  const fields = [...(parseDer(der, 'the original').children[0]?.children ?? [])]
  const [version, serial, , issuer, validity, subject, spki, tagged] = fields
  const bytes = (node: DerNode | undefined) => Buffer.from(node?.bytes ?? [])
  const list = (tagged?.children[0]?.children ?? []).map(node => ({
    oid: formatOid(node.children[0]?.content ?? new Uint8Array()),
    bytes: bytes(node),
  }))
  const extensions = changes.extensions?.(list) ?? list.map(each => each.bytes)
  const [algorithmOid, digest] = ALGORITHMS[changes.algorithm ?? 'SHA-256']
  const algorithm = sequence(oid(algorithmOid))
  const content = sequence(
    ...('version' in changes ? (changes.version ? [changes.version] : []) : [bytes(version)]),
    changes.serial ?? bytes(serial),
    algorithm,
    changes.issuer ?? bytes(issuer),
    sequence(changes.notBefore ?? bytes(validity?.children[0]), changes.notAfter ?? bytes(validity?.children[1])),
    changes.subject ?? bytes(subject),
    Buffer.from(changes.spki ?? bytes(spki)),
    ...(changes.uniqueIdentifier ? [changes.uniqueIdentifier] : []),
    ...(extensions.length > 0 ? [element(0xa3, [sequence(...extensions)])] : []),
  )
  const signature = sign(digest, content, createPrivateKey(keyPem))
  return sequence(content, algorithm, element(3, Buffer.concat([Buffer.from([0]), signature])))
}

/** The list without the extensions of a kind. */
export const without =
  (...types: readonly string[]) =>
  (list: readonly Extension[]): readonly Buffer[] =>
    list.filter(each => !types.includes(each.oid)).map(({ bytes }) => bytes)

/** The list with one more, in place of one of its kind where there is one. */
export const withExtension =
  (added: Buffer) =>
  (list: readonly Extension[]): readonly Buffer[] => {
    const type = formatOid(parseDer(added, 'the extension').children[0]?.content ?? new Uint8Array())
    return [...without(type)(list), added]
  }
