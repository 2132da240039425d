import type { Context } from '../context.js'
import { encodeUtf8, formatBase64Url, formatHex } from '../crypto/bytes.js'
import type { PrivateKey } from '../crypto/keys.js'
import { PolicyError } from '../errors.js'
import { isDnsSubdomain } from '../kubernetes/net.js'
import { defaultVersion, endsTokensWithNodes, hasTokenIds, type KubernetesVersion } from '../kubernetes/versions.js'
import { signingAlgorithm } from '../x509/signature.js'
import { describeServiceAccountKey } from './service-account-keys.js'

/** An object that a token ends with. */
export interface BoundObject {
  readonly kind: 'Pod' | 'Secret' | 'Node'
  readonly name: string
  readonly uid: string
}

/** Who a token is for, and how long. */
export interface ServiceAccountTokenSpec {
  readonly namespace: string
  readonly name: string
  /** `metadata.uid` of the ServiceAccount: the API server compares it, so that a new account of the name is another one. */
  readonly uid: string
  /** `--service-account-issuer` of the API server. Default: {@link DEFAULT_ISSUER} */
  readonly issuer?: string
  /** Who is to take it. Default: the issuer, which is what API servers take for themselves. */
  readonly audiences?: readonly string[]
  /** Default: one hour. */
  readonly lifetimeSeconds?: number
  /** The token ends with this object; with a Node since v1.30. Default: with its time and the ServiceAccount. */
  readonly boundTo?: BoundObject
  /** Whose API server's habits the claims follow. Default: the default version. */
  readonly kubernetesVersion?: KubernetesVersion
}

/**
 * What kubeadm sets `--service-account-issuer` to, for the default DNS domain.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/controlplane/manifests.go
 */
export const DEFAULT_ISSUER = 'https://kubernetes.default.svc.cluster.local'

/** As kubectl and TokenRequest have it (kubernetes/kubernetes v1.20.2, pkg/apis/authentication/v1/defaults.go). */
const DEFAULT_LIFETIME_SECONDS = 3600
/** pkg/apis/authentication/validation/validation.go, v1.20.2: the most that a TokenRequest may ask for. */
const MAX_LIFETIME_SECONDS = 2 ** 32
const MAX_AUDIENCES = 100

/**
 * Signs a token for a ServiceAccount as the API server does for a TokenRequest: same header, same claims in the same order,
 * without asking it. Whoever has `sa.key` is every ServiceAccount of the cluster.
 *
 * @param key - `sa.key`
 * @returns the token, a secret, and when it ends. Nobody can take it back: it ends with its time, with the ServiceAccount, or
 *   with what it is bound to
 * @throws {@link PolicyError} `KPKI_JWT_SPEC`; {@link EncodingError} `KPKI_KEY_TYPE`
 * @see kubernetes/kubernetes v1.20.2, pkg/serviceaccount/claims.go, jwt.go; `jti` since v1.30, KEP 4193
 */
export async function signServiceAccountToken(
  spec: ServiceAccountTokenSpec,
  key: PrivateKey,
  context: Context,
): Promise<{ readonly token: string; readonly expiresAt: Date }> {
  checkSpec(spec)
  const { namespace, name, uid, issuer = DEFAULT_ISSUER, audiences = [issuer], boundTo } = spec
  const now = Math.floor(context.clock().getTime() / 1000)
  const expiry = now + (spec.lifetimeSeconds ?? DEFAULT_LIFETIME_SECONDS)
  const bound = boundTo && { [boundTo.kind.toLowerCase()]: { name: boundTo.name, uid: boundTo.uid } }
  // The names in the order of the alphabet, as Go writes maps.
  const claims = sorted({
    aud: audiences,
    exp: expiry,
    iat: now,
    iss: issuer,
    ...(hasTokenIds(spec.kubernetesVersion ?? defaultVersion()) ? { jti: randomUuid(context) } : {}),
    'kubernetes.io': sorted({ namespace, serviceaccount: { name, uid }, ...bound }),
    nbf: now,
    sub: `system:serviceaccount:${namespace}:${name}`,
  })
  const { id, algorithm: alg } = await describeServiceAccountKey(key.spki, context)
  const input = [{ alg, kid: id }, claims].map(part => formatBase64Url(encodeUtf8(JSON.stringify(part)))).join('.')
  const algorithm = signingAlgorithm(key)
  const { subtle } = context.crypto
  const signer = await subtle.importKey('pkcs8', key.exportPkcs8(), algorithm, false, ['sign'])
  // WebCrypto has r and s side by side already, as RFC 7518 section 3.4 wants them.
  const signature = new Uint8Array(await subtle.sign(algorithm, signer, encodeUtf8(input)))
  return { token: `${input}.${formatBase64Url(signature)}`, expiresAt: new Date(expiry * 1000) }
}

function checkSpec({
  namespace,
  name,
  uid,
  issuer,
  audiences,
  lifetimeSeconds,
  boundTo,
  kubernetesVersion = defaultVersion(),
}: ServiceAccountTokenSpec): void {
  const isUid = (text: string) => /^[\x21-\x7e]{1,128}$/.test(text)
  const isText = (text: string) => text !== '' && text.length <= 2048 && !/[\s\p{Cc}]/u.test(text)
  const seconds = lifetimeSeconds ?? DEFAULT_LIFETIME_SECONDS
  const problem =
    !isDnsSubdomain(namespace) || namespace.includes('.') || namespace.length > 63
      ? 'the namespace is no RFC 1123 label'
      : !isDnsSubdomain(name)
        ? 'the name of the ServiceAccount is no RFC 1123 subdomain'
        : !isUid(uid)
          ? 'the uid of the ServiceAccount is empty, or has characters that no uid has'
          : issuer !== undefined && !isText(issuer)
            ? 'the issuer is empty, or has white space in it'
            : audiences !== undefined && (audiences.length === 0 || audiences.length > MAX_AUDIENCES)
              ? `there must be 1 to ${MAX_AUDIENCES} audiences`
              : audiences !== undefined && !audiences.every(isText)
                ? 'an audience is empty, or has white space in it'
                : !Number.isInteger(seconds) || seconds < 1 || seconds > MAX_LIFETIME_SECONDS
                  ? 'the lifetime must be 1 second to 2^32 seconds, in whole seconds'
                  : boundTo && !(isDnsSubdomain(boundTo.name) && isUid(boundTo.uid))
                    ? `the ${boundTo.kind} that it is bound to has no usable name or uid`
                    : boundTo?.kind === 'Node' && !endsTokensWithNodes(kubernetesVersion)
                      ? `API servers end a token with its Node since v1.30, and ${kubernetesVersion.text} is wanted`
                      : undefined
  if (problem !== undefined) throw new PolicyError('KPKI_JWT_SPEC', problem)
}

function sorted(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** RFC 9562 section 5.4; not every WebCrypto has `randomUUID`. */
function randomUuid({ crypto }: Context): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  const [version = 0, variant = 0] = [bytes[6], bytes[8]]
  bytes[6] = (version & 0x0f) | 0x40
  bytes[8] = (variant & 0x3f) | 0x80
  return formatHex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
