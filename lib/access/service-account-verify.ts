import type { Context } from '../context.js'
import { describePublicKey } from '../crypto/keys.js'
import { EncodingError, VerifyError } from '../errors.js'
import { isJsonObject, type JsonObject } from '../json.js'
import { type DecodedJwt, decodeJwt, isSeconds, momentOf, textOf } from './jwt-decode.js'
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
  /** None where the token names none: it is then for the API server, and nobody else. */
  readonly audiences: readonly string[]
  /** Within the years that RFC 3339 can write, and so is the next one: 0 to 9999. */
  readonly issuedAt: Date | undefined
  /** The end of the year 9999 stands for all that is later. */
  readonly expiresAt: Date
  /** What it ends with; whether that still exists only the API server knows. A Pod has its Node beside it since v1.30. */
  readonly boundTo: readonly BoundObject[]
  /** `jti` */
  readonly id: string | undefined
  /** Of the key that verified it. */
  readonly keyId: string
  /** `kid` of the token, where that is another: API servers before v1.31 take it for a hint, later ones look for no other key. */
  readonly namedKeyId: string | undefined
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

/** go-jose v2, jwt/validation.go (DefaultLeeway). */
const LEEWAY_SECONDS = 60

/**
 * Makes sure that a token was signed with one of these keys, for this audience, and is valid now: takes what the API server
 * takes, but for what none ever made and what could not be sent to it.
 *
 * Stricter: the algorithm is the key's, never the token's, so that `none`, `HS256` and `RS512` have no key here (RFC 8725
 * section 3.1); the subject must be the account; `iat` must not be in the future (v1.20 does not look, later ones do); there
 * must be an end (later ones do not ask for it); no white space, no key or certificate in the header. Whether the
 * ServiceAccount, and what the token is bound to, still exist, only the API server knows (TokenReview).
 *
 * @param keys - all that tokens may be signed with, e.g. old and new during a rotation. The one that the token names is tried
 *   first, then all others
 * @throws {@link EncodingError} `KPKI_JWT_INVALID`; {@link VerifyError} `KPKI_JWT_ALGORITHM`, `KPKI_JWT_KEY_UNKNOWN`,
 *   `KPKI_JWT_SIGNATURE`, `KPKI_JWT_ISSUER`, `KPKI_JWT_AUDIENCE`, `KPKI_JWT_EXPIRED`, `KPKI_JWT_NOT_YET`,
 *   `KPKI_JWT_SUBJECT`. None quotes the token
 * @see RFC 7515 section 5.2, RFC 7519 section 7.2; kubernetes/kubernetes v1.20.2, pkg/serviceaccount/jwt.go
 *   (AuthenticateToken), claims.go (Validate); PR 125177 (v1.31: the key that `kid` names, and no other)
 */
export async function verifyServiceAccountToken(
  token: string,
  keys: readonly ServiceAccountKey[],
  context: Context,
  options: VerifyTokenOptions = {},
): Promise<VerifiedServiceAccountToken> {
  const { issuer = DEFAULT_ISSUER, audience = issuer, leewaySeconds = LEEWAY_SECONDS } = options
  const decoded = decode(token)
  const key = await findKey(decoded, keys, context)
  // Nothing below is looked at before the signature has verified.
  const { audiences, keyId } = decoded
  // go-jose, jwt/claims.go (UnmarshalJSON): fractions are cut off.
  const [expiry, notBefore, issuedAt] = [decoded.expiry, decoded.notBefore, decoded.issuedAt].map(
    seconds => seconds && Math.trunc(seconds),
  )
  if (decoded.issuer !== issuer) {
    throw new VerifyError('KPKI_JWT_ISSUER', 'the token is of another issuer', {
      details: { issuer: decoded.issuer ?? '', expected: issuer },
      hint: 'the issuer is --service-account-issuer of the API server, to the letter',
    })
  }
  // One without audience is for the API server's own, which is its issuer.
  if (!(audiences.length === 0 ? [issuer] : audiences).includes(audience)) {
    throw new VerifyError('KPKI_JWT_AUDIENCE', 'the token is for another audience', {
      details: { audiences, expected: audience },
      hint: 'do not take it: it was made for somebody else, who could have passed it on',
    })
  }
  const now = context.clock().getTime() / 1000
  if (expiry === undefined) {
    throw new VerifyError('KPKI_JWT_EXPIRED', 'the token has no end: it is one of the kind that is kept in Secrets', {
      hint: 'make one that ends: kpki sa token, or kubectl create token',
    })
  }
  const expiresAt = momentOf(expiry)
  if (now - leewaySeconds > expiry) {
    throw new VerifyError('KPKI_JWT_EXPIRED', `the token has expired on ${expiresAt.toISOString()}`, {
      details: { expiresAt: expiresAt.toISOString() },
    })
  }
  if (now + leewaySeconds < Math.max(notBefore ?? 0, issuedAt ?? 0)) {
    throw new VerifyError('KPKI_JWT_NOT_YET', 'the token is not valid yet', { hint: "compare this machine's clock" })
  }
  const account = accountOf(decoded.claims)
  if (!account || decoded.subject !== `system:serviceaccount:${account.namespace}:${account.name}`) {
    throw new VerifyError('KPKI_JWT_SUBJECT', 'the token is not that of a ServiceAccount, or of two at once')
  }
  return {
    ...account,
    issuer,
    audiences,
    issuedAt: issuedAt === undefined ? undefined : momentOf(issuedAt),
    expiresAt,
    id: decoded.id,
    keyId: key.id,
    namedKeyId: keyId === undefined || keyId === '' || keyId === key.id ? undefined : keyId,
  }
}

function decode(token: string): DecodedJwt {
  const decoded = decodeJwt(token)
  const problem = typeof decoded === 'string' ? decoded : problemOf(decoded.header)
  if (typeof decoded === 'string' || problem !== undefined)
    throw new EncodingError('KPKI_JWT_INVALID', `the token is no JWT that an API server takes: ${problem}`)
  return decoded
}

function problemOf({ crit = null, jwk, x5c }: JsonObject): string | undefined {
  // RFC 7515 section 4.1.11: who does not understand an extension that is critical must refuse. An empty list asks for none.
  if (crit !== null && !(Array.isArray(crit) && crit.length === 0)) return 'its header asks for extensions'
  // A key that comes with the token proves nothing (RFC 8725 section 3.8), and no API server sends one.
  return jwk === undefined && x5c === undefined ? undefined : 'its header has a key of its own'
}

const KNOWN: readonly string[] = ['RS256', 'ES256', 'ES384', 'ES512'] satisfies JwtAlgorithm[]

async function findKey(
  { algorithm, keyId, input, signature }: DecodedJwt,
  keys: readonly ServiceAccountKey[],
  context: Context,
): Promise<ServiceAccountKey> {
  if (!KNOWN.includes(algorithm)) {
    throw new VerifyError('KPKI_JWT_ALGORITHM', 'the token is signed with an algorithm that no API server uses', {
      hint: `service-account tokens are signed with ${KNOWN.join(', ')}; anything else is forged`,
    })
  }
  const isNamed = ({ id }: ServiceAccountKey) => id === keyId
  const named = keys.filter(isNamed)
  const fitting = [...named, ...keys.filter(key => !isNamed(key))].filter(key => key.algorithm === algorithm)
  for (const key of fitting) if (await isSignedBy(key, input, signature, context)) return key
  if (keyId !== undefined && keyId !== '' && named.length === 0) {
    throw new VerifyError('KPKI_JWT_KEY_UNKNOWN', 'the token is signed with none of these keys', {
      details: { keyIds: keys.map(({ id }) => id) },
      hint: 'it is of another cluster, or of an older sa.key: name all keys that the API server has',
    })
  }
  if ((named.length > 0 ? named : keys).every(key => key.algorithm !== algorithm))
    throw new VerifyError('KPKI_JWT_ALGORITHM', 'the token names another algorithm than its key has')
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

/** As the API server reads them; `undefined` where it would find no such account or object, or a member of another type. */
function accountOf({ 'kubernetes.io': own }: JsonObject) {
  if (!isJsonObject(own)) return undefined
  const account = referenceOf(own['serviceaccount'])
  const namespace = textOf(own['namespace'])
  if (!account || !namespace || !(own['warnafter'] === undefined || isSeconds(own['warnafter']))) return undefined
  const boundTo: BoundObject[] = []
  for (const kind of ['Pod', 'Secret', 'Node'] as const) {
    const value = own[kind.toLowerCase()] ?? undefined
    if (value === undefined) continue
    const reference = referenceOf(value)
    if (!reference) return undefined
    boundTo.push({ kind, ...reference })
  }
  return { namespace, ...account, boundTo }
}

function referenceOf(value: unknown): { readonly name: string; readonly uid: string } | undefined {
  const [name, uid] = isJsonObject(value) ? [textOf(value['name']), textOf(value['uid'])] : []
  return name && uid ? { name, uid } : undefined
}
