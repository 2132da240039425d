import type { Context } from '../context.js'
import { decodeUtf8, encodeUtf8, parseBase64Url } from '../crypto/bytes.js'
import { describePublicKey } from '../crypto/keys.js'
import { EncodingError, VerifyError } from '../errors.js'
import type { JwtAlgorithm, ServiceAccountKey } from './service-account-keys.js'
import type { BoundObject } from './service-account-token.js'
import { DEFAULT_ISSUER } from './service-account-token.js'

/** A token that may be trusted. */
export interface VerifiedServiceAccountToken {
  readonly namespace: string
  readonly name: string
  /** Of the account that it was made for; whether that one still exists only the API server knows. */
  readonly uid: string
  readonly issuer: string
  readonly audiences: readonly string[]
  readonly issuedAt: Date | undefined
  readonly expiresAt: Date
  /** What it ends with; whether that still exists only the API server knows. A Pod has its Node beside it since v1.30. */
  readonly boundTo: readonly BoundObject[]
  /** `jti` */
  readonly id: string | undefined
  /** `kid` of the key that verified it. */
  readonly keyId: string
}

/** Options of {@link verifyServiceAccountToken}. */
export interface VerifyTokenOptions {
  /** Default: {@link DEFAULT_ISSUER} */
  readonly issuer?: string
  /** The token must be for this audience. Default: the issuer, which is what API servers take for themselves. */
  readonly audience?: string
  /** By how much clocks may differ. Default: 60, as the API server has it. */
  readonly leewaySeconds?: number
}

/** A token goes into one header line, of which servers take 8 to 64 KiB. */
const MAX_LENGTH = 65_536
/** go-jose v2, jwt/validation.go (DefaultLeeway). */
const LEEWAY_SECONDS = 60

/**
 * Makes sure that a token was signed with one of these keys, for this audience, and is valid now.
 *
 * The algorithm is the key's, never the token's: `none` and `HS256` have no key here (RFC 8725 section 3.1). Whether the
 * ServiceAccount, and what the token is bound to, still exist, only the API server knows (TokenReview).
 *
 * @param keys - all that tokens may be signed with, e.g. old and new during a rotation
 * @throws {@link EncodingError} `KPKI_JWT_INVALID`; {@link VerifyError} `KPKI_JWT_ALGORITHM`, `KPKI_JWT_KEY_UNKNOWN`,
 *   `KPKI_JWT_SIGNATURE`, `KPKI_JWT_ISSUER`, `KPKI_JWT_AUDIENCE`, `KPKI_JWT_EXPIRED`, `KPKI_JWT_NOT_YET`,
 *   `KPKI_JWT_SUBJECT`. None quotes the token
 * @see RFC 7515 section 5.2, RFC 7519 section 7.2; kubernetes/kubernetes v1.20.2, pkg/serviceaccount/jwt.go
 *   (AuthenticateToken), claims.go (Validate)
 */
export async function verifyServiceAccountToken(
  token: string,
  keys: readonly ServiceAccountKey[],
  context: Context,
  options: VerifyTokenOptions = {},
): Promise<VerifiedServiceAccountToken> {
  const { issuer = DEFAULT_ISSUER, audience = issuer, leewaySeconds = LEEWAY_SECONDS } = options
  const { header, claims, input, signature } = decode(token)
  const key = await findKey(header, input, signature, keys, context)
  // Nothing below is looked at before the signature has verified.
  const { iss, aud, exp, nbf, iat, jti, sub } = claims
  if (iss !== issuer) {
    throw new VerifyError('KPKI_JWT_ISSUER', 'the token is of another issuer', {
      details: { issuer: textOf(iss) ?? '', expected: issuer },
      hint: 'the issuer is --service-account-issuer of the API server, to the letter',
    })
  }
  const audiences = (Array.isArray(aud) ? aud : aud === undefined ? [] : [aud]).filter(item => typeof item === 'string')
  if (!audiences.includes(audience)) {
    throw new VerifyError('KPKI_JWT_AUDIENCE', 'the token is for another audience', {
      details: { audiences, expected: audience },
      hint: 'do not take it: it was made for somebody else, who could have passed it on',
    })
  }
  const now = context.clock().getTime() / 1000
  const [expiry, notBefore, issued] = [exp, nbf, iat].map(numberOf)
  if (expiry === undefined) {
    throw new VerifyError('KPKI_JWT_EXPIRED', 'the token has no end: it is one of the kind that is kept in Secrets', {
      hint: 'make one that ends: kpki sa token, or kubectl create token',
    })
  }
  if (now - leewaySeconds > expiry) {
    const expiresAt = momentOf(expiry)?.toISOString() ?? ''
    throw new VerifyError('KPKI_JWT_EXPIRED', `the token has expired${expiresAt && ` on ${expiresAt}`}`, {
      details: { expiresAt },
    })
  }
  if (now + leewaySeconds < Math.max(notBefore ?? 0, issued ?? 0)) {
    throw new VerifyError('KPKI_JWT_NOT_YET', 'the token is not valid yet', { hint: "compare this machine's clock" })
  }
  const expiresAt = momentOf(expiry)
  const account = accountOf(claims)
  if (!account || !expiresAt || sub !== `system:serviceaccount:${account.namespace}:${account.name}`) {
    throw new VerifyError('KPKI_JWT_SUBJECT', 'the token is not that of a ServiceAccount, or of two at once')
  }
  return {
    ...account,
    issuer,
    audiences,
    issuedAt: issued === undefined ? undefined : momentOf(issued),
    expiresAt,
    id: textOf(jti),
    keyId: key.id,
  }
}

type Fields = Readonly<Record<string, unknown>>

function invalid(problem: string): EncodingError {
  return new EncodingError('KPKI_JWT_INVALID', `the token is no JWT: ${problem}`)
}

function decode(token: string) {
  if (token.length > MAX_LENGTH) throw invalid(`it is longer than ${MAX_LENGTH} characters`)
  const parts = token.split('.')
  const [first = '', second = '', third = ''] = parts
  if (parts.length !== 3) throw invalid('it is not three parts with dots between them')
  const [header, claims, signature] = [objectOf(first), objectOf(second), parseBase64Url(third)]
  if (!header) throw invalid('its header is no JSON object in base64url')
  if (!claims) throw invalid('its claims are no JSON object in base64url')
  if (!signature) throw invalid('its signature is not base64url')
  if (typeof header['alg'] !== 'string') throw invalid('its header names no algorithm')
  // RFC 7515 section 4.1.11: who does not understand an extension that is critical must refuse.
  if ('crit' in header) throw invalid('its header asks for extensions')
  return { header, claims, input: encodeUtf8(`${first}.${second}`), signature }
}

function objectOf(part: string): Fields | undefined {
  const bytes = parseBase64Url(part)
  const text = bytes && decodeUtf8(bytes)
  if (text === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const KNOWN: readonly string[] = ['RS256', 'ES256', 'ES384', 'ES512'] satisfies JwtAlgorithm[]

async function findKey(
  { alg, kid }: Fields,
  input: Uint8Array<ArrayBuffer>,
  signature: Uint8Array<ArrayBuffer>,
  keys: readonly ServiceAccountKey[],
  context: Context,
): Promise<ServiceAccountKey> {
  const named = kid === undefined ? keys : keys.filter(({ id }) => id === kid)
  if (!KNOWN.includes(String(alg))) {
    throw new VerifyError('KPKI_JWT_ALGORITHM', 'the token is signed with an algorithm that no API server uses', {
      hint: `service-account tokens are signed with ${KNOWN.join(', ')}; anything else is forged`,
    })
  }
  if (named.length === 0) {
    throw new VerifyError('KPKI_JWT_KEY_UNKNOWN', 'the token is signed with none of these keys', {
      details: { keyIds: keys.map(({ id }) => id) },
      hint: 'it is of another cluster, or of an older sa.key: name all keys that the API server has',
    })
  }
  const fitting = named.filter(({ algorithm }) => algorithm === alg)
  if (fitting.length === 0)
    throw new VerifyError('KPKI_JWT_ALGORITHM', 'the token names another algorithm than its key has')
  for (const key of fitting) if (await isSignedBy(key, input, signature, context)) return key
  throw new VerifyError('KPKI_JWT_SIGNATURE', 'the signature of the token does not verify', {
    hint: 'do not take it: it was changed, or forged',
  })
}

async function isSignedBy(
  { spki }: ServiceAccountKey,
  input: Uint8Array<ArrayBuffer>,
  signature: Uint8Array<ArrayBuffer>,
  { crypto: { subtle } }: Context,
): Promise<boolean> {
  const type = describePublicKey(spki)
  const algorithm =
    type.kind === 'ECDSA'
      ? {
          name: 'ECDSA',
          namedCurve: type.curve,
          hash: { 'P-256': 'SHA-256', 'P-384': 'SHA-384', 'P-521': 'SHA-512' }[type.curve],
        }
      : { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
  try {
    return await subtle.verify(
      algorithm,
      await subtle.importKey('spki', new Uint8Array(spki), algorithm, false, ['verify']),
      signature,
      input,
    )
  } catch {
    // Signatures of another length, points that are on no curve.
    return false
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

function momentOf(seconds: number): Date | undefined {
  const moment = new Date(seconds * 1000)
  return Number.isNaN(+moment) ? undefined : moment
}

function accountOf(claims: Fields) {
  const own = claims['kubernetes.io']
  const account = isObject(own) ? own['serviceaccount'] : undefined
  if (!isObject(own) || !isObject(account)) return undefined
  const [namespace, name, uid] = [own['namespace'], account['name'], account['uid']].map(textOf)
  if (!namespace || !name || !uid) return undefined
  const kinds = ['Pod', 'Secret', 'Node'] as const
  const boundTo = kinds.flatMap((kind): BoundObject[] => {
    const reference = own[kind.toLowerCase()]
    if (!isObject(reference)) return []
    return [{ kind, name: textOf(reference['name']) ?? '', uid: textOf(reference['uid']) ?? '' }]
  })
  return { namespace, name, uid, boundTo }
}
