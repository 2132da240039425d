import type { Bytes } from '../crypto/bytes.js'
import type { KeyType } from '../crypto/keys.js'
import type { DistinguishedName } from './certificate.js'
import type { KeyUsage } from './extensions.js'

/** A PKCS #10 certification request, decoded once. */
export interface CertificateRequest {
  readonly der: Bytes
  readonly subject: DistinguishedName
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Bytes
  readonly publicKey: KeyType
  /** Digest of its signature, e.g. `SHA-256`; empty where the algorithm has none (Ed25519). */
  readonly signatureHash: string
  readonly isCa: boolean
  readonly keyUsages: readonly KeyUsage[] | undefined
  /** As in {@link Certificate}. */
  readonly extKeyUsages: readonly string[] | undefined
  readonly dnsNames: readonly string[]
  /** As text, IPv6 in the form of RFC 5952. */
  readonly ipAddresses: readonly string[]
  /** Names of other kinds with their kind, e.g. `email:a@example.org`, `URI:spiffe://x/y`. */
  readonly otherNames: readonly string[]
}
