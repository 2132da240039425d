import { CURVES } from '../crypto/curves.js'
import { formatOid, parseDer, TAG, toBigInt } from '../crypto/der.js'
import type { KeyType } from '../crypto/keys.js'
import type { Certificate } from '../x509/certificate.js'
import type { KeyUsage } from '../x509/extensions.js'
import { isWeaklySigned } from '../x509/verify.js'
import { listed, type Report } from './about.js'
import type { Finding } from './rules.js'

/** What is wrong with a certificate's key, with what it claims to be for, and with the digest that it is signed over. */
export function checkKey(certificate: Certificate, report: Report): Finding[] {
  return [
    ...checkStrength(certificate, report),
    ...checkSignature(certificate, report),
    ...checkKeyUsages(certificate, report),
  ]
}

const FIELD = 'subjectPublicKeyInfo'
/** golang/go, src/crypto/tls/handshake_client.go (defaultMaxRSAKeySize), since 1.20.7. */
const MAX_RSA_BITS = 8192
const MIN_RSA_BITS = 2048

/** Whether a key is one that Go, OpenSSL and TLS take. */
function checkStrength(
  { publicKey, spki, isSelfIssued }: Pick<Certificate, 'publicKey' | 'spki' | 'isSelfIssued'>,
  report: Report,
): Finding[] {
  const fault = keyFault(publicKey, spki)
  if (fault !== undefined) return [report('key-unusable', fault, { field: FIELD, actual: publicKey.name })]
  if (publicKey.kind !== 'RSA') return []
  const { modulusBits } = publicKey
  const actual = `${modulusBits} bits`
  if (modulusBits < MIN_RSA_BITS)
    return [
      report('key-weak', `has a key of ${actual}`, { field: FIELD, expected: `at least ${MIN_RSA_BITS} bits`, actual }),
    ]
  // Go looks at what the other side sends, and trust anchors are not sent.
  return modulusBits > MAX_RSA_BITS && !isSelfIssued
    ? [report('key-long', `has a key of ${actual}`, { field: FIELD, expected: `at most ${MAX_RSA_BITS} bits`, actual })]
    : []
}

/** Why no program takes a key; the end of a sentence. */
function keyFault(key: KeyType, spki: Uint8Array): string | undefined {
  if (key.kind === 'other')
    return key.name === 'Ed25519' ? undefined : `has a key of type ${key.name}, which no program of Kubernetes takes`
  if (key.kind === 'ECDSA') return isOnCurve(spki) ? undefined : `has a key that is no point of ${key.curve}`
  return hasUsualExponent(spki) || hasExponent(spki) ? undefined : 'has an RSA key with an impossible exponent'
}

/** INTEGER 65537 at the end, as all have it. */
function hasUsualExponent(spki: Uint8Array): boolean {
  return [2, 3, 1, 0, 1].every((byte, index) => spki[spki.length - 5 + index] === byte)
}

/** golang/go, src/crypto/rsa/rsa.go (checkPublicKeySize, checkKeySize): odd, at least 3, at most 2^31 - 1. */
function hasExponent(spki: Uint8Array): boolean {
  const content = parseDer(spki, 'the public key').children[1]?.content.subarray(1)
  const exponent = content && parseDer(content, 'the public key').children[1]
  if (exponent?.tagNumber !== TAG.integer || exponent.content.length > 4) return false
  const value = toBigInt(exponent.content)
  return value >= 3n && value < 2n ** 31n && value % 2n === 1n
}

/** p and b of y² = x³ - 3x + b (NIST SP 800-186 section 3.2.1). */
const EQUATIONS = {
  'P-256': {
    p: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
    b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
  },
  'P-384': {
    p: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
    b: 0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aefn,
  },
  'P-521': {
    p: 2n ** 521n - 1n,
    b: 0x0051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00n,
  },
} as const

/** Go reads uncompressed points only, and only those that are on their curve (crypto/ecdsa, ParseUncompressedPublicKey). */
function isOnCurve(spki: Uint8Array): boolean {
  const [algorithm, key] = parseDer(spki, 'the public key').children
  const curve = CURVES[formatOid(algorithm?.children[1]?.content ?? new Uint8Array())]
  const point = key?.content.subarray(1)
  if (!curve || !point || point[0] !== 4 || point.length !== 1 + 2 * curve.bytes) return false
  const { p, b } = EQUATIONS[curve.name]
  const x = toBigInt(point.subarray(1, 1 + curve.bytes))
  const y = toBigInt(point.subarray(1 + curve.bytes))
  return x < p && y < p && (y * y - (x * x - 3n) * x - b) % p === 0n
}

/** What a root has signed itself with is looked at by nobody. */
function checkSignature(certificate: Certificate, report: Report): Finding[] {
  const { signatureHash, isSelfIssued } = certificate
  return !isSelfIssued && isWeaklySigned(certificate)
    ? [
        report('signature-weak', `is signed with ${signatureHash}, which Go refuses`, {
          field: 'signatureAlgorithm',
          expected: 'SHA-256',
          actual: signatureHash,
        }),
      ]
    : []
}

const SIGNING: readonly KeyUsage[] = ['digitalSignature', 'nonRepudiation', 'keyCertSign', 'cRLSign']
const AGREEING: readonly KeyUsage[] = ['keyAgreement', 'encipherOnly', 'decipherOnly']

/** What keys of a type can be for; of others nothing is known. EC keys have a rule of their own. */
function usagesOf(key: KeyType): readonly KeyUsage[] | undefined {
  // RFC 3279 section 2.3.1, RFC 5480 section 3.
  if (key.kind === 'RSA') return [...SIGNING, 'keyEncipherment', 'dataEncipherment']
  if (key.kind === 'ECDSA') return [...SIGNING, ...AGREEING]
  // RFC 9295 section 3, RFC 8410 section 5, RFC 9881 section 5.
  if (key.name === 'Ed25519' || key.name === 'Ed448' || key.name.startsWith('ML-DSA-')) return SIGNING
  return key.name === 'X25519' || key.name === 'X448' ? AGREEING : undefined
}

function checkKeyUsages({ publicKey, keyUsages = [] }: Certificate, report: Report): Finding[] {
  const possible = usagesOf(publicKey)
  const unfit = keyUsages.filter(usage => possible?.includes(usage) === false)
  const enciphering = publicKey.kind === 'ECDSA' ? unfit : []
  const others = publicKey.kind === 'ECDSA' ? [] : unfit
  const narrowing = keyUsages.includes('keyAgreement') ? [] : keyUsages.filter(usage => usage.endsWith('Only'))
  const details = { field: 'keyUsage', actual: keyUsages.join(', ') }
  const expected = (possible ?? []).join(', ')
  return [
    ...(enciphering.length > 0
      ? [
          report('ec-key-encipherment', `claims ${listed(enciphering)} with an EC key (RFC 8813 section 3)`, {
            ...details,
            expected: `no ${enciphering.join(', no ')}`,
          }),
        ]
      : []),
    ...(others.length > 0
      ? [
          report('key-usage-unfit', `claims ${listed(others)} with a key of type ${publicKey.name}`, {
            ...details,
            expected,
          }),
        ]
      : []),
    ...(narrowing.length > 0
      ? [report('key-usage-undefined', `claims ${listed(narrowing)} without keyAgreement`, details)]
      : []),
  ]
}
