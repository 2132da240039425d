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

/**
 * Verifies that a certificate chains to one of the roots at the context's moment.
 *
 * @returns the chain, leaf first, trust anchor last
 * @throws {@link VerifyError} `KPKI_CHAIN_INVALID`, the message says why
 * @see RFC 5280 section 6.1
 */
export async function verifyCertificate(
  leaf: Certificate,
  options: VerifyOptions,
  context: Context,
): Promise<Certificate[]> {
  const what = options.what ?? leaf.subject.text
  const refuse = (problem: string) => new VerifyError('KPKI_CHAIN_INVALID', `${what} ${problem}`, { details: { what } })
  const now = context.clock()
  for (const usage of options.usages ?? []) {
    const { extKeyUsages } = leaf
    if (extKeyUsages && !extKeyUsages.includes(usage) && !extKeyUsages.includes('anyExtendedKeyUsage')) {
      throw refuse(`is not made for ${usage}`)
    }
  }
  const chain = [leaf]
  for (let current = leaf; ; ) {
    const period = outsideValidity(current, now)
    if (period) throw refuse(current === leaf ? period : `is signed by ${current.subject.text}, which ${period}`)
    const unknown = current.criticalExtensions.find(oid => !KNOWN_EXTENSIONS.includes(oid))
    if (unknown !== undefined) throw refuse(`has the critical extension ${unknown}, which is not understood`)
    if (options.roots.some(root => equalBytes(root.der, current.der))) return chain
    const issuer = await findIssuer(current, chain, options, context)
    if (!issuer)
      throw refuse(`is not signed by ${options.roots.map(root => root.subject.text).join(' or ') || 'any CA'}`)
    const depth = chain.length - 1
    if (chain.length >= MAX_CHAIN || (issuer.pathLength !== undefined && depth > issuer.pathLength))
      throw refuse('has too long a chain')
    chain.push(issuer)
    current = issuer
  }
}

/** Why a certificate is not valid at a moment, as the end of a sentence; `undefined` when it is. Both ends count as valid. */
export function outsideValidity({ notBefore, notAfter }: Certificate, now: Date): string | undefined {
  if (now < notBefore) return `is not valid before ${notBefore.toISOString()}`
  return now > notAfter ? `expired on ${notAfter.toISOString()}` : undefined
}

/** Whether a certificate may sign others. */
export function canSign({ isCa, keyUsages }: Certificate): boolean {
  return isCa && (keyUsages === undefined || keyUsages.includes('keyCertSign'))
}

async function findIssuer(
  child: Certificate,
  chain: readonly Certificate[],
  { roots, intermediates = [] }: VerifyOptions,
  context: Context,
): Promise<Certificate | undefined> {
  for (const candidate of [...roots, ...intermediates]) {
    if (chain.includes(candidate) || !canSign(candidate) || !equalBytes(candidate.subject.der, child.issuer.der))
      continue
    if (await verifySignature(child, candidate.spki, context)) return candidate
  }
  return undefined
}
