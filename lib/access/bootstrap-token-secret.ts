import { decodeUtf8, encodeUtf8, formatBase64, parseBase64 } from '../crypto/bytes.js'
import { EncodingError } from '../errors.js'
import type { KubernetesObject } from '../kubernetes/objects.js'
import { formatTime, parseTime } from '../kubernetes/time.js'
import { type BootstrapToken, isBootstrapTokenId, parseBootstrapToken } from './bootstrap-token.js'
import { type BootstrapTokenSpec, isBootstrapTokenGroup } from './bootstrap-token-spec.js'

/**
 * Names around the Secret of a bootstrap token.
 *
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/cluster-bootstrap/token/api/types.go
 */
export const TOKEN_SECRETS = {
  type: 'bootstrap.kubernetes.io/token',
  namespace: 'kube-system',
  prefix: 'bootstrap-token-',
} as const

const USAGE = 'usage-bootstrap-'

/** A token as its Secret in a cluster describes it. Holds a secret: `token.secret`. */
export interface StoredBootstrapToken extends BootstrapTokenSpec {
  /** Somebody has deleted it, and the API server waits for a finalizer. */
  readonly isBeingDeleted: boolean
}

/** The name of a token's Secret, e.g. `bootstrap-token-abcdef`. */
export function secretNameOf({ id }: Pick<BootstrapToken, 'id'>): string {
  return TOKEN_SECRETS.prefix + id
}

/**
 * The Secret that makes a token known to a cluster, as kubeadm writes it.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/apis/kubeadm/bootstraptokenhelpers.go (encodeTokenSecretData); the time in
 *   UTC, as since v1.21
 */
export function formatBootstrapTokenSecret({
  token,
  description,
  expires,
  usages,
  groups,
}: BootstrapTokenSpec): KubernetesObject {
  const data = {
    'token-id': token.id,
    'token-secret': token.secret,
    ...(description === '' ? {} : { description }),
    ...(expires === undefined ? {} : { expiration: formatTime(expires) }),
    ...Object.fromEntries(usages.map(usage => [USAGE + usage, 'true'])),
    ...(groups.length === 0 ? {} : { 'auth-extra-groups': groups.join(',') }),
  }
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: secretNameOf(token), namespace: TOKEN_SECRETS.namespace },
    type: TOKEN_SECRETS.type,
    data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, formatBase64(encodeUtf8(value))])),
  }
}

/** Whether an object says that it is the Secret of a bootstrap token, right or wrong. */
export function isBootstrapTokenSecret({ kind, type }: KubernetesObject): boolean {
  return kind === 'Secret' && type === TOKEN_SECRETS.type
}

/**
 * Reads the Secret of a bootstrap token, of the API server or of a manifest (`stringData` over `data`). That it has expired is
 * no error: see {@link bootstrapTokenStateOf}.
 *
 * @returns usages sorted
 * @throws {@link EncodingError} `KPKI_TOKEN_SECRET_INVALID`; never with a value of the Secret in the message
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/apis/kubeadm/bootstraptokenhelpers.go (BootstrapTokenFromSecret)
 */
export function parseBootstrapTokenSecret(object: KubernetesObject): StoredBootstrapToken {
  const { name = '', namespace, deletionTimestamp } = object.metadata
  const fail = (problem: string, cause?: unknown) =>
    new EncodingError('KPKI_TOKEN_SECRET_INVALID', `Secret ${JSON.stringify(name)} ${problem}`, {
      details: { name },
      hint: 'no token comes of this Secret, so it can go; kpki token create makes one',
      ...(cause === undefined ? {} : { cause }),
    })
  if (!isBootstrapTokenSecret(object)) throw fail(`is not of type ${TOKEN_SECRETS.type}`)
  // Without a namespace, kubectl would put it where it is.
  if (namespace !== TOKEN_SECRETS.namespace) throw fail(`is not in namespace ${TOKEN_SECRETS.namespace}`)
  const data = dataOf(object, fail)
  const id = data.get('token-id') ?? ''
  if (id === '') throw fail('has no token-id')
  if (!isBootstrapTokenId(id)) throw fail('has a token-id that is not six characters of a-z and 0-9')
  if (name !== secretNameOf({ id })) throw fail(`is misnamed: by its token-id it is ${secretNameOf({ id })}`)
  const secret = data.get('token-secret') ?? ''
  if (secret === '') throw fail('has no token-secret')
  if (!/^[a-z0-9]{16}$/.test(secret)) throw fail('has a token-secret that is not sixteen characters of a-z and 0-9')
  const expiration = data.get('expiration') ?? ''
  const expires = expiration === '' ? undefined : parseTime(expiration)
  if (expiration !== '' && !expires) throw fail('has an expiration that is no time, so that it counts as expired')
  const groups = data.get('auth-extra-groups') ?? ''
  return {
    token: parseBootstrapToken(`${id}.${secret}`),
    description: data.get('description') ?? '',
    expires,
    // Go sorts by bytes.
    usages: [...data]
      .flatMap(([key, value]) => (key.startsWith(USAGE) && value === 'true' ? [key.slice(USAGE.length)] : []))
      .sort((a, b) => (a < b ? -1 : 1)),
    groups: groups === '' ? [] : groups.split(','),
    isBeingDeleted: typeof deletionTimestamp === 'string',
  }
}

type Fail = (problem: string) => EncodingError

/** Values as the API server has them once it has taken `stringData` in. */
function dataOf(object: KubernetesObject, fail: Fail): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  for (const field of ['data', 'stringData'] as const) {
    const mapping = object[field] ?? {}
    if (typeof mapping !== 'object' || Array.isArray(mapping)) throw fail(`has a ${field} that is no mapping`)
    for (const [key, value] of Object.entries(mapping)) {
      const bytes = field === 'data' && typeof value === 'string' ? parseBase64(value) : undefined
      const text = field === 'data' ? bytes && decodeUtf8(bytes) : value
      if (typeof text !== 'string')
        throw fail(
          `has a ${field} whose ${JSON.stringify(key)} is ${field === 'data' ? 'not base64 of a text' : 'no text'}`,
        )
      values.set(key, text)
    }
  }
  return values
}

/** Whether a token may do something, or why it may not. */
export type TokenAbility = 'yes' | 'not-a-usage' | 'expired' | 'being-deleted' | 'group-invalid'

/** What a cluster makes of a token at some moment. */
export interface BootstrapTokenState {
  /** Whether the controller manager signs cluster-info with it. */
  readonly signing: TokenAbility
  /** Whether the API server takes it for somebody. */
  readonly authentication: TokenAbility
  readonly isExpired: boolean
  /** As whom it authenticates, e.g. `system:bootstrap:abcdef`. */
  readonly userName: string
  /** In which groups, sorted. */
  readonly groups: readonly string[]
}

/**
 * What a cluster makes of a token at some moment.
 *
 * @see kubernetes/kubernetes v1.20.2, plugin/pkg/auth/authenticator/token/bootstrap/bootstrap.go (AuthenticateToken),
 *   pkg/controller/bootstrap/util.go (validateSecretForSigning)
 */
export function bootstrapTokenStateOf(
  {
    token,
    expires,
    usages,
    groups,
    isBeingDeleted = false,
  }: BootstrapTokenSpec & { readonly isBeingDeleted?: boolean },
  now: Date,
): BootstrapTokenState {
  const isExpired = expires !== undefined && expires.getTime() <= now.getTime()
  const able = (usage: string): TokenAbility => (isExpired ? 'expired' : usages.includes(usage) ? 'yes' : 'not-a-usage')
  const authentication = isBeingDeleted ? 'being-deleted' : able('authentication')
  return {
    signing: able('signing'),
    authentication: authentication === 'yes' && !groups.every(isBootstrapTokenGroup) ? 'group-invalid' : authentication,
    isExpired,
    userName: `system:bootstrap:${token.id}`,
    groups: [...new Set(['system:bootstrappers', ...groups])].sort((a, b) => (a < b ? -1 : 1)),
  }
}
