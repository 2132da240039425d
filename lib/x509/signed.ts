import type { Bytes } from '../crypto/bytes.js'
import { type DerNode, formatOid, TAG } from '../crypto/der.js'
import { isUniversal } from './extensions.js'

/** The outer form of certificates and requests: what is signed, with which algorithm, and the signature. */
export interface Signed {
  readonly content: DerNode
  readonly algorithm: DerNode
  readonly signature: Bytes
}

/**
 * Takes a signed object apart; `undefined` when it is none.
 *
 * @see RFC 5280 section 4.1.1, RFC 2986 section 4.2
 */
export function readSigned(node: DerNode): Signed | undefined {
  const [content, algorithm, signature] = node.children
  if (!isUniversal(node, TAG.sequence) || node.children.length !== 3) return undefined
  if (!isUniversal(content, TAG.sequence) || !isUniversal(algorithm, TAG.sequence)) return undefined
  // A signature is a whole number of octets.
  if (!isUniversal(signature, TAG.bitString) || signature.content[0] !== 0) return undefined
  if (!isUniversal(algorithm.children[0], TAG.oid) || algorithm.children.length > 2) return undefined
  return { content, algorithm, signature: signature.content.slice(1) }
}

/** How a signature was made, in WebCrypto's words. */
export interface SignatureAlgorithm {
  readonly name: 'RSASSA-PKCS1-v1_5' | 'RSA-PSS' | 'ECDSA' | 'Ed25519'
  /** Digest; empty where the algorithm has its own. */
  readonly hash: string
  /** RSA-PSS: octets of salt. */
  readonly saltLength?: number
}

const rsa = (hash: string) => ({ name: 'RSASSA-PKCS1-v1_5', hash }) as const
const ecdsa = (hash: string) => ({ name: 'ECDSA', hash }) as const

/** RFC 3279 section 2.2, RFC 4055 section 5, RFC 5758 section 3, RFC 8410 section 3. */
const ALGORITHMS: Readonly<Record<string, SignatureAlgorithm>> = {
  '1.2.840.113549.1.1.2': rsa('MD2'),
  '1.2.840.113549.1.1.4': rsa('MD5'),
  '1.2.840.113549.1.1.5': rsa('SHA-1'),
  '1.3.14.3.2.29': rsa('SHA-1'),
  '1.2.840.113549.1.1.14': rsa('SHA-224'),
  '1.2.840.113549.1.1.11': rsa('SHA-256'),
  '1.2.840.113549.1.1.12': rsa('SHA-384'),
  '1.2.840.113549.1.1.13': rsa('SHA-512'),
  '1.2.840.10045.4.1': ecdsa('SHA-1'),
  '1.2.840.10045.4.3.1': ecdsa('SHA-224'),
  '1.2.840.10045.4.3.2': ecdsa('SHA-256'),
  '1.2.840.10045.4.3.3': ecdsa('SHA-384'),
  '1.2.840.10045.4.3.4': ecdsa('SHA-512'),
  '1.3.101.112': { name: 'Ed25519', hash: '' },
}
/** Object identifier of a signature algorithm that kpki signs with. */
export function signatureOid(name: SignatureAlgorithm['name'], hash: string): string {
  const found = Object.entries(ALGORITHMS).find(([, known]) => known.name === name && known.hash === hash)
  return found?.[0] ?? ''
}

const RSA_PSS = '1.2.840.113549.1.1.10'
/** RFC 4055 section 2.1. */
const HASHES: Readonly<Record<string, string>> = {
  '1.3.14.3.2.26': 'SHA-1',
  '2.16.840.1.101.3.4.2.4': 'SHA-224',
  '2.16.840.1.101.3.4.2.1': 'SHA-256',
  '2.16.840.1.101.3.4.2.2': 'SHA-384',
  '2.16.840.1.101.3.4.2.3': 'SHA-512',
}

/** Reads an AlgorithmIdentifier of a signature; `undefined` for one that is not known here. */
export function readSignatureAlgorithm({ children }: DerNode): SignatureAlgorithm | undefined {
  const [type, parameters] = children
  const oid = type ? formatOid(type.content) : ''
  if (oid !== RSA_PSS) return ALGORITHMS[oid]
  // RFC 4055 section 3.1: SHA-1 and 20 octets unless it says otherwise.
  const parameter = (tag: number) => parameters?.children.find(node => node.tagNumber === tag)?.children[0]
  const hash = parameter(0)?.children[0]
  const salt = parameter(2)?.content
  const name = hash ? HASHES[formatOid(hash.content)] : 'SHA-1'
  return name === undefined ? undefined : { name: 'RSA-PSS', hash: name, saltLength: salt ? (salt.at(-1) ?? 0) : 20 }
}
