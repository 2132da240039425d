import type { Context } from '../context.js'
import { equalBytes, formatHex } from '../crypto/bytes.js'
import type { KeyType } from '../crypto/keys.js'
import type { Certificate } from '../x509/certificate.js'
import { verifySignature } from '../x509/signature.js'
import { canSign, outsideValidity } from '../x509/verify.js'

/**
 * What is checked in one inspection, in units of one RSA-4096 signature: the likeliest issuer of every certificate, and some
 * more. Like-named CAs without key identifiers would otherwise cost the square of their number.
 */
const MAX_COST = { first: 20_000, further: 1000 } as const
/** Keys that are tried for one certificate. */
const MAX_TRIES = 16

/** Who signed what, among some certificates. */
export interface Issuers {
  /** By certificate: index of its issuer. */
  readonly verified: readonly (number | undefined)[]
  /** By certificate: index of what must be its issuer, where the signature cannot be checked here. */
  readonly unchecked: readonly (number | undefined)[]
  /** By certificate: indexes of those that have its issuer's name, and have not signed it; only where no issuer was found. */
  readonly namesakes: readonly (readonly number[])[]
  /** Index of the first certificate whose issuer may have been missed because a bound was reached. */
  readonly exhaustedAt: number | undefined
}

/**
 * Finds the issuer of every certificate: names are equal, key identifiers do not contradict, and the signature verifies.
 *
 * @see RFC 5280 section 6.1.3, 4.2.1.1
 */
export async function findIssuers(certificates: readonly Certificate[], context: Context): Promise<Issuers> {
  const byName = indexByName(certificates)
  const verified: (number | undefined)[] = []
  const unchecked: (number | undefined)[] = []
  const namesakes: (readonly number[])[] = []
  const now = context.clock()
  const cost = { first: 0, further: 0 }
  let exhaustedAt: number | undefined
  for (const [index, certificate] of certificates.entries()) {
    const candidates = candidatesFor(certificate, index, certificates, byName, now)
    let isCut = candidates.length > MAX_SORTED
    const tried = new Map<string, boolean>()
    let isUnknown: number | undefined
    let found: number | undefined
    for (const candidate of candidates) {
      const issuer = certificates[candidate]
      if (!issuer) continue
      const key = formatHex(issuer.spki)
      if (!tried.has(key)) {
        const round = tried.size === 0 ? 'first' : 'further'
        if (cost[round] >= MAX_COST[round] || tried.size >= MAX_TRIES) {
          isCut = true
          break
        }
        cost[round] += costOf(issuer)
        tried.set(key, await verifySignature(certificate, issuer.spki, context))
      }
      if (tried.get(key)) {
        found = candidate
        break
      }
      if (isBeyondUs(certificate.signatureHash, issuer.publicKey)) isUnknown ??= candidate
    }
    verified.push(found)
    unchecked.push(found === undefined ? isUnknown : undefined)
    const isOpen = found === undefined && isUnknown === undefined
    if (isOpen && isCut) exhaustedAt ??= index
    const named = byName.get(formatHex(certificate.issuer.der))?.all ?? []
    namesakes.push(isOpen && !isCut ? named.slice(0, MAX_TRIES) : [])
  }
  return { verified, unchecked, namesakes, exhaustedAt }
}

interface Namesakes {
  /** By subject key identifier. */
  readonly byIdentifier: Map<string, number[]>
  readonly all: number[]
}

function indexByName(certificates: readonly Certificate[]): Map<string, Namesakes> {
  const byName = new Map<string, Namesakes>()
  for (const [index, { subject, subjectKeyIdentifier }] of certificates.entries()) {
    const name = formatHex(subject.der)
    const namesakes = byName.get(name) ?? { byIdentifier: new Map<string, number[]>(), all: [] }
    byName.set(name, namesakes)
    namesakes.all.push(index)
    const identified = namesakes.byIdentifier.get(subjectKeyIdentifier ?? '') ?? []
    namesakes.byIdentifier.set(subjectKeyIdentifier ?? '', identified)
    identified.push(index)
  }
  return byName
}

// Candidates that are looked at before the best of them are tried.
const MAX_SORTED = 256

/** Whom to try, the likeliest first: itself, then those whose key identifier is named, that may sign, that are valid. */
function candidatesFor(
  certificate: Certificate,
  index: number,
  certificates: readonly Certificate[],
  byName: ReadonlyMap<string, Namesakes>,
  now: Date,
): readonly number[] {
  const named = byName.get(formatHex(certificate.issuer.der))
  const identifier = certificate.authorityKeyIdentifier
  const possible = !named
    ? []
    : identifier === undefined
      ? named.all
      : [identifier, ''].flatMap(name => (named.byIdentifier.get(name) ?? []).slice(0, MAX_SORTED + 1))
  const rank = (candidate: number): number => {
    const issuer = certificates[candidate]
    if (!issuer) return 0
    return (
      (identifier !== undefined && issuer.subjectKeyIdentifier === identifier ? 0 : 4) +
      (canSign(issuer) ? 0 : 2) +
      (outsideValidity(issuer, now) === undefined ? 0 : 1)
    )
  }
  const isSelfIssued = equalBytes(certificate.issuer.der, certificate.subject.der)
  // One more than are sorted tells that there are more.
  const others = possible.slice(0, MAX_SORTED + 1).filter(candidate => candidate !== index)
  others.sort((a, b) => rank(a) - rank(b) || a - b)
  const own = certificate.subjectKeyIdentifier
  const isOwn = isSelfIssued && (identifier === undefined || own === undefined || identifier === own)
  return isOwn ? [index, ...others] : others
}

/** Whether a signature is of a kind that not every platform checks, so that a failure says nothing. */
export function isBeyondUs(signatureHash: string, signer: KeyType): boolean {
  return !/^SHA-(1|256|384|512)$/.test(signatureHash) || signer.kind === 'other'
}

/** What it costs to check a signature with a key: OpenSSL takes up to 16,384 bits, and time grows with their square. */
function costOf({ publicKey }: Certificate): number {
  return publicKey.kind === 'RSA' ? Math.max(1, (publicKey.modulusBits / 4096) ** 2) : 1
}
