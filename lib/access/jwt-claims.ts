import { decodeJwt, momentOf } from './jwt-decode.js'

/** What a JWT says of itself. Nobody has checked its signature: it is a claim, no proof. */
export interface JwtClaims {
  /** `sub`, e.g. `system:serviceaccount:default:builder`. */
  readonly subject: string | undefined
  /** `iss` */
  readonly issuer: string | undefined
  /** `aud` */
  readonly audiences: readonly string[]
  /** `iat`; it and `exp` within the years that RFC 3339 can write, 0 to 9999. */
  readonly issuedAt: Date | undefined
  /** `exp`; tokens of Secrets have none. The end of the year 9999 stands for all that is later. */
  readonly expiresAt: Date | undefined
}

/**
 * Reads the claims of a bearer token, without verifying it.
 *
 * @param token - a secret; nothing of its signature gets into the result
 * @returns `undefined` when it is no JWT in compact form, as most static tokens are not, or one that nobody could take: with a
 *   member twice, or a claim of another type than it must have
 * @see RFC 7519 section 4.1, RFC 7515 section 3.1
 */
export function readJwtClaims(token: string): JwtClaims | undefined {
  const decoded = decodeJwt(token)
  if (typeof decoded === 'string') return undefined
  const { subject, issuer, audiences, issuedAt, expiry } = decoded
  return {
    subject,
    issuer,
    audiences,
    issuedAt: issuedAt === undefined ? undefined : momentOf(issuedAt),
    expiresAt: expiry === undefined ? undefined : momentOf(expiry),
  }
}
