import { type Bytes, decodeUtf8, encodeUtf8, parseBase64Url } from '../crypto/bytes.js'
import { isJsonObject, type JsonObject } from '../json.js'
import { LAST_TIME } from '../kubernetes/time.js'

/** A JWT, taken apart, its registered members of the types that they must have. Nobody has checked its signature. */
export interface DecodedJwt {
  /** `alg` of the header. */
  readonly algorithm: string
  /** `kid` of the header. */
  readonly keyId: string | undefined
  /** The whole header. */
  readonly header: JsonObject
  readonly issuer: string | undefined
  readonly subject: string | undefined
  readonly id: string | undefined
  /** None where there is no `aud`. */
  readonly audiences: readonly string[]
  /** Seconds since 1970, perhaps with a fraction, as are the next two. */
  readonly expiry: number | undefined
  readonly notBefore: number | undefined
  readonly issuedAt: number | undefined
  /** All claims. */
  readonly claims: JsonObject
  /** What is signed. */
  readonly input: Bytes
  readonly signature: Bytes
}

/** A token goes into one header line, of which servers take 8 to 64 KiB. */
const MAX_LENGTH = 65_536
/** Go keeps seconds in 64 bits with a sign, and some of them for the years before 1970: beyond, its clock wraps around. */
const MAX_SECONDS = 2 ** 62

/**
 * Takes a JWT in compact form apart, as go-jose does: a member that stands in an object twice, and a registered one of another
 * type, spoil the whole token, since two readers could understand two things. `null` is absence for texts.
 *
 * @returns as a text why it is none, the end of a sentence that quotes nothing of it
 * @see RFC 7515 section 5.2 and 7.1, RFC 7519 section 4.1; gopkg.in/square/go-jose.v2 as in kubernetes/kubernetes v1.20.2:
 *   json/decode.go (object), jwt/claims.go, shared.go (sanitized)
 */
export function decodeJwt(token: string): DecodedJwt | string {
  if (token.length > MAX_LENGTH) return `it is longer than ${MAX_LENGTH} characters`
  const parts = token.split('.')
  const [first = '', second = '', third = ''] = parts
  if (parts.length !== 3) return 'it is not three parts with dots between them'
  const [header, claims, signature] = [readObject(first), readObject(second), parseBase64Url(third)]
  if (typeof header === 'string') return `its header ${header}`
  if (typeof claims === 'string') return `the part with its claims ${claims}`
  if (!signature) return 'its signature is not base64url'
  if (typeof header['alg'] !== 'string') return 'its header names no algorithm'
  const wrong =
    ['kid', 'nonce'].find(name => !isTextOrAbsent(header[name])) ??
    ['iss', 'sub', 'jti'].find(name => !isTextOrAbsent(claims[name])) ??
    ['exp', 'nbf', 'iat'].find(name => claims[name] !== undefined && !isSeconds(claims[name])) ??
    (audiencesOf(claims['aud']) ? undefined : 'aud')
  if (wrong !== undefined) return `its ${wrong} is of a type or size that none has`
  return {
    algorithm: header['alg'],
    keyId: textOf(header['kid']),
    header,
    issuer: textOf(claims['iss']),
    subject: textOf(claims['sub']),
    id: textOf(claims['jti']),
    audiences: audiencesOf(claims['aud']) ?? [],
    expiry: secondsOf(claims['exp']),
    notBefore: secondsOf(claims['nbf']),
    issuedAt: secondsOf(claims['iat']),
    claims,
    input: encodeUtf8(`${first}.${second}`),
    signature,
  }
}

/** RFC 3339 has four digits for the year. */
const EARLIEST = Date.parse('0000-01-01T00:00:00Z')

/** A moment of a token; before the year 0 and after 9999 the first and the last one that RFC 3339 can write. */
export function momentOf(seconds: number): Date {
  return new Date(Math.min(Math.max(seconds * 1000, EARLIEST), LAST_TIME))
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** @returns as a text what is wrong, the end of a sentence */
function readObject(part: string): JsonObject | string {
  const bytes = parseBase64Url(part)
  const text = bytes && decodeUtf8(bytes)
  if (text === undefined) return 'is no JSON object in base64url'
  try {
    const value: unknown = JSON.parse(text)
    if (!isJsonObject(value)) return 'is no JSON object in base64url'
    return hasDuplicates(text) ? 'names a member twice' : value
  } catch {
    return 'is no JSON object in base64url'
  }
}

/** Whether an object in a JSON text, at any depth, has a member twice; `JSON.parse` takes the last one and says nothing. */
function hasDuplicates(json: string): boolean {
  const open: Set<string>[] = []
  for (const [token, name] of json.matchAll(/("(?:[^"\\]|\\.)*")\s*:|"(?:[^"\\]|\\.)*"|[{}]/g)) {
    if (token === '{') open.push(new Set())
    else if (token === '}') open.pop()
    else if (name !== undefined) {
      // Escapes do not make another name of it.
      const key = String(JSON.parse(name))
      const names = open.at(-1)
      if (names?.has(key)) return true
      names?.add(key)
    }
  }
  return false
}

function isTextOrAbsent(value: unknown): boolean {
  return value === undefined || value === null || typeof value === 'string'
}

/** RFC 7519 section 2, NumericDate. What JSON writes and a number cannot hold (1e400) is infinite here. */
export function isSeconds(value: unknown): value is number {
  return typeof value === 'number' && Math.abs(value) <= MAX_SECONDS
}

function secondsOf(value: unknown): number | undefined {
  return isSeconds(value) ? value : undefined
}

function audiencesOf(value: unknown): readonly string[] | undefined {
  const list: readonly unknown[] = Array.isArray(value) ? value : value === undefined ? [] : [value]
  const texts = list.filter(item => typeof item === 'string')
  return texts.length === list.length ? texts : undefined
}
