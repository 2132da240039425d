import type { Context } from '../context.js'
import { equalBytes } from '../crypto/bytes.js'
import { VerifyError } from '../errors.js'
import type { Certificate } from './certificate.js'
import { EXTENSIONS, type ExtKeyUsage } from './extensions.js'
import { verifySignature } from './signature.js'

/** Options of {@link verifyCertificate}. */
export interface VerifyOptions {
  /** Trust anchors: each one ends a chain, self-signed or not, as in a Go `CertPool`. */
  readonly roots: readonly Certificate[]
  /** Certificates that may stand between, e.g. the rest of the leaf's file. Default: none. */
  readonly intermediates?: readonly Certificate[]
  /** What the leaf must be good for. Default: anything. */
  readonly usages?: readonly ExtKeyUsage[]
  /** Named in errors. Default: the subject. */
  readonly what?: string
}

const KNOWN_EXTENSIONS: readonly string[] = Object.values(EXTENSIONS)
const MAX_CHAIN = 8
/** Signatures looked at in one verification: what a hostile bundle of like-named CAs can cost. Go stops at 100 with a few roots. */
const MAX_SIGNATURES = 1000

/**
 * Verifies that a certificate chains to one of the roots at the context's moment. Every path is tried: an expired or
 * cross-signed CA of the same name does not hide one that is well.
 *
 * @returns the chain, leaf first, trust anchor last
 * @throws {@link VerifyError} `KPKI_CHAIN_INVALID`, the message says why
 * @see RFC 5280 section 6.1; Go crypto/x509 Certificate.Verify (usages nest, SHA-1 is refused, a root may be anything)
 */
export async function verifyCertificate(
  leaf: Certificate,
  options: VerifyOptions,
  context: Context,
): Promise<Certificate[]> {
  const what = options.what ?? leaf.subject.text
  const search: Search = { options, context, now: context.clock(), signatures: 0, problem: undefined }
  const chain = await extend([leaf], search)
  if (chain) return chain
  const names = [...new Set(options.roots.map(root => root.subject.text))].join(' or ') || 'any CA'
  throw new VerifyError('KPKI_CHAIN_INVALID', `${what} ${search.problem ?? `is not signed by ${names}`}`, {
    details: { what },
  })
}

interface Search {
  readonly options: VerifyOptions
  readonly context: Context
  readonly now: Date
  signatures: number
  /** Why the first path that got further than a missing issuer ended. */
  problem: string | undefined
}

/** Completes a chain to a trust anchor, depth first; `undefined` when no path leads to one. */
async function extend(chain: readonly Certificate[], search: Search): Promise<Certificate[] | undefined> {
  const current = chain.at(-1)
  if (!current) return undefined
  const problem = unfitness(current, chain.length === 1, search)
  if (problem !== undefined) {
    search.problem ??= chain.length === 1 ? problem : `is signed by ${current.subject.text}, which ${problem}`
    return undefined
  }
  const { roots, intermediates = [] } = search.options
  if (roots.some(root => equalBytes(root.der, current.der))) return [...chain]
  if (isWeaklySigned(current)) {
    search.problem ??= `is signed with ${current.signatureHash}`
    return undefined
  }
  for (const candidate of [...roots, ...intermediates]) {
    const isKnown = chain.some(({ der }) => equalBytes(der, candidate.der))
    if (isKnown || !canSign(candidate) || !equalBytes(candidate.subject.der, current.issuer.der)) continue
    // Everything between the leaf and the candidate counts (RFC 5280 section 4.2.1.9).
    if (chain.length >= MAX_CHAIN || (candidate.pathLength !== undefined && chain.length - 1 > candidate.pathLength)) {
      search.problem ??= 'has too long a chain'
      continue
    }
    if (search.signatures++ >= MAX_SIGNATURES) return undefined
    if (!(await verifySignature(current, candidate.spki, search.context))) continue
    const found = await extend([...chain, candidate], search)
    if (found) return found
  }
  return undefined
}

/** Why a certificate cannot be a link of the chain, as the end of a sentence. */
function unfitness(
  certificate: Certificate,
  isLeaf: boolean,
  { now, options: { usages = [] } }: Search,
): string | undefined {
  const unknown = certificate.criticalExtensions.find(oid => !KNOWN_EXTENSIONS.includes(oid))
  if (unknown !== undefined) return `has the critical extension ${unknown}, which is not understood`
  const { extKeyUsages } = certificate
  const missing = usages.find(
    usage => extKeyUsages && !extKeyUsages.includes(usage) && !extKeyUsages.includes('anyExtendedKeyUsage'),
  )
  if (missing !== undefined) return `${isLeaf ? 'is' : 'may'} not ${isLeaf ? 'made for' : 'vouch for'} ${missing}`
  return outsideValidity(certificate, now)
}

/** Why a certificate is not valid at a moment, as the end of a sentence; `undefined` when it is. Both ends count as valid. */
export function outsideValidity({ notBefore, notAfter }: Certificate, now: Date): string | undefined {
  if (now < notBefore) return `is not valid before ${notBefore.toISOString()}`
  return now > notAfter ? `expired on ${notAfter.toISOString()}` : undefined
}

/** Whether a certificate's signature is one that Go and OpenSSL no longer take (Go 1.18: InsecureAlgorithmError). */
export function isWeaklySigned({ signatureHash }: Certificate): boolean {
  return /^(SHA-1|MD[0-9])$/.test(signatureHash)
}

/** Whether a certificate may sign others. */
export function canSign({ isCa, keyUsages }: Certificate): boolean {
  return isCa && (keyUsages === undefined || keyUsages.includes('keyCertSign'))
}
