import { formatBase64Url } from '../crypto/bytes.js'
import { parseDer, TAG } from '../crypto/der.js'
import { describePublicKey } from '../crypto/keys.js'
import { EncodingError, PolicyError } from '../errors.js'
import type { JwtAlgorithm, ServiceAccountKey } from './service-account-keys.js'

/** A public key as JSON (RFC 7517 section 4, RFC 7518 section 6), with the fields and in the order of go-jose. */
export interface JsonWebKey {
  readonly use: 'sig'
  readonly kty: 'RSA' | 'EC'
  readonly kid: string
  readonly crv?: 'P-256' | 'P-384' | 'P-521'
  readonly alg: JwtAlgorithm
  readonly x?: string
  readonly y?: string
  readonly n?: string
  readonly e?: string
}

/** A key set (RFC 7517 section 5). */
export interface JsonWebKeySet {
  readonly keys: readonly JsonWebKey[]
}

/**
 * The key set that the API server serves at `/openid/v1/jwks`; `JSON.stringify` of it is that to the byte.
 *
 * @param keys - the newest first, as they stand in its `--service-account-key-file`s
 * @see kubernetes/kubernetes v1.20.2, pkg/serviceaccount/openidmetadata.go (publicJWKSFromKeys)
 */
export function serviceAccountJwks(keys: readonly ServiceAccountKey[]): JsonWebKeySet {
  return { keys: keys.map(toJwk) }
}

function toJwk({ spki, id: kid, algorithm: alg }: ServiceAccountKey): JsonWebKey {
  const type = describePublicKey(spki)
  const bits = parseDer(spki, 'the public key').children[1]?.content.subarray(1) ?? new Uint8Array()
  if (type.kind === 'ECDSA') {
    // SEC 1 section 2.3.3: 04, then both coordinates in full length, as RFC 7518 section 6.2.1.2 wants them.
    const size = (bits.length - 1) / 2
    const [x, y] = [bits.slice(1, 1 + size), bits.slice(1 + size)].map(formatBase64Url)
    if (bits[0] !== 4 || x === undefined || y === undefined)
      throw new EncodingError('KPKI_KEY_INVALID', 'the public key is no uncompressed point')
    return { use: 'sig', kty: 'EC', kid, crv: type.curve, alg, x, y }
  }
  const [n, e] = parseDer(bits, 'the public key').children
  if (n?.tagNumber !== TAG.integer || e?.tagNumber !== TAG.integer)
    throw new EncodingError('KPKI_KEY_INVALID', 'the public key is no RSA key')
  // RFC 7518 section 2, Base64urlUInt: no zeros in front.
  const [modulus, exponent] = [n, e].map(({ content }) =>
    formatBase64Url(content[0] === 0 ? content.slice(1) : content),
  )
  return { use: 'sig', kty: 'RSA', kid, alg, ...(modulus && exponent ? { n: modulus, e: exponent } : {}) }
}

/** What the discovery document of an issuer says (OpenID Connect Discovery 1.0 section 3), in the order of the API server. */
export interface OpenIdConfiguration {
  readonly issuer: string
  readonly jwks_uri: string
  readonly response_types_supported: readonly ['id_token']
  readonly subject_types_supported: readonly ['public']
  readonly id_token_signing_alg_values_supported: readonly JwtAlgorithm[]
}

/** Where the API server serves its key set. */
export const JWKS_PATH = '/openid/v1/jwks'

/**
 * The discovery document that the API server serves at `/.well-known/openid-configuration`; `JSON.stringify` of it is that
 * to the byte.
 *
 * @param issuer - `--service-account-issuer`
 * @param jwksUri - `--service-account-jwks-uri`. Default: below the issuer, for key sets that are published beside the document
 * @throws {@link PolicyError} `KPKI_ISSUER_URL` for what the API server would not serve
 * @see kubernetes/kubernetes v1.20.2, pkg/serviceaccount/openidmetadata.go (NewOpenIDMetadata, openIDConfigJSON)
 */
export function openIdConfiguration(
  issuer: string,
  keys: readonly ServiceAccountKey[],
  jwksUri = `${issuer.replace(/\/$/, '')}${JWKS_PATH}`,
): OpenIdConfiguration {
  assertUrl(issuer, 'the issuer')
  assertUrl(jwksUri, 'the URI of the key set', true)
  return {
    issuer,
    jwks_uri: jwksUri,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [...new Set(keys.map(({ algorithm }) => algorithm))].sort(),
  }
}

function assertUrl(text: string, what: string, mayHaveQuery = false): void {
  const url = text.length <= 2048 && URL.canParse(text) ? new URL(text) : undefined
  const problem =
    url === undefined || /\s/.test(text)
      ? 'is no URL'
      : url.protocol !== 'https:'
        ? 'must begin with https://'
        : url.username !== '' || url.password !== ''
          ? 'has a user name or a password in it'
          : !mayHaveQuery && (text.includes('?') || text.includes('#'))
            ? 'has a query or a fragment'
            : undefined
  if (problem === undefined) return
  throw new PolicyError('KPKI_ISSUER_URL', `${what} ${problem}`, {
    details: { what },
    hint: 'e.g. https://kubernetes.default.svc.cluster.local, to the letter as in --service-account-issuer of the API server',
  })
}
