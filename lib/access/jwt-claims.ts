import { decodeUtf8, parseBase64Url } from '../crypto/bytes.js'

/** What a JWT says of itself. Nobody has checked its signature: it is a claim, no proof. */
export interface JwtClaims {
  /** `sub`, e.g. `system:serviceaccount:default:builder`. */
  readonly subject: string | undefined
  /** `iss` */
  readonly issuer: string | undefined
  /** `aud` */
  readonly audiences: readonly string[]
  /** `iat` */
  readonly issuedAt: Date | undefined
  /** `exp`; tokens of Secrets have none. */
  readonly expiresAt: Date | undefined
}

// Tokens go into one header line, of which servers take 8 to 64 KiB.
const MAX_LENGTH = 65_536

/**
 * Reads the claims of a bearer token, without verifying it.
 *
 * @param token - a secret; nothing of its signature gets into the result
 * @returns `undefined` when it is no JWT in compact form, as most static tokens are not
 * @see RFC 7519 section 4.1, RFC 7515 section 3.1
 */
export function readJwtClaims(token: string): JwtClaims | undefined {
  const parts = token.length <= MAX_LENGTH ? token.split('.') : []
  const [header, claims] = parts.slice(0, 2).map(readObject)
  if (parts.length !== 3 || !header || !claims || typeof header['alg'] !== 'string') return undefined
  const { sub, iss, aud, iat, exp } = claims
  return {
    subject: textOf(sub),
    issuer: textOf(iss),
    audiences: (Array.isArray(aud) ? aud : [aud]).filter(item => typeof item === 'string'),
    issuedAt: dateOf(iat),
    expiresAt: dateOf(exp),
  }
}

type Fields = Readonly<Record<string, unknown>>

function readObject(part: string): Fields | undefined {
  const bytes = parseBase64Url(part)
  const text = bytes && decodeUtf8(bytes)
  if (!text?.startsWith('{')) return undefined
  try {
    return JSON.parse(text) as Fields
  } catch {
    return undefined
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** NumericDate: seconds, with a fraction if need be (RFC 7519 section 2). */
function dateOf(value: unknown): Date | undefined {
  const date = typeof value === 'number' ? new Date(value * 1000) : undefined
  return date === undefined || Number.isNaN(date.getTime()) ? undefined : date
}
