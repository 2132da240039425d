import type { Context } from '../context.js'
import { UsageError } from '../errors.js'
import { formatDuration } from '../kubernetes/duration.js'
import { formatTime, LAST_TIME } from '../kubernetes/time.js'
import { type BootstrapToken, generateBootstrapToken } from './bootstrap-token.js'

/**
 * What a bootstrap token can be good for: `signing` of cluster-info, by which hosts trust the cluster, and `authentication`,
 * by which the cluster lets hosts ask for a certificate.
 *
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/cluster-bootstrap/token/api/types.go (KnownTokenUsages)
 */
export const TOKEN_USAGES = ['signing', 'authentication'] as const

/** kubeadm's defaults: 24 hours, and the group that its RBAC objects let join. */
export const TOKEN_DEFAULTS = {
  ttlSeconds: 86_400,
  usages: TOKEN_USAGES,
  groups: ['system:bootstrappers:kubeadm:default-node-token'],
} as const

/** A token as a cluster knows it. Holds a secret: `token.secret`. */
export interface BootstrapTokenSpec {
  readonly token: BootstrapToken
  /** For people; empty when there is none. */
  readonly description: string
  /** Whole seconds; `undefined`: never. */
  readonly expires: Date | undefined
  /** {@link TOKEN_USAGES}; of Secrets that others made perhaps others. */
  readonly usages: readonly string[]
  /** Beside `system:bootstrappers`, which every token is in. */
  readonly groups: readonly string[]
}

/** What is wanted of a token; everything has a default. */
export interface BootstrapTokenOptions {
  /** Default: a new one. */
  readonly token?: BootstrapToken
  /** Default: none. */
  readonly description?: string
  /** Seconds until it ends; 0 for never. Default: 86400, unless `expires` is given. */
  readonly ttlSeconds?: number
  /** Default: by `ttlSeconds`. */
  readonly expires?: Date
  /** Default: all of {@link TOKEN_USAGES}. */
  readonly usages?: readonly string[]
  /** Default: `system:bootstrappers:kubeadm:default-node-token` where the usages have `authentication`, else none. */
  readonly groups?: readonly string[]
}

// Where Go's durations end: 292 years.
const MAX_TTL_SECONDS = 2 ** 63 / 1e9
const GROUP = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/

/**
 * Makes a token of what is wanted of it, with kubeadm's defaults for the rest.
 *
 * Departs from kubeadm where that surprises: a negative ttl is refused rather than taken for "never", and a token that only
 * signs gets no default group, which kubeadm gives it and then refuses it for.
 *
 * @throws {@link UsageError} `KPKI_FIELD_VALUE`, `KPKI_FIELD_CONFLICT`, with the name of the option in `details.field`
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/apis/kubeadm/v1beta2/defaults.go (SetDefaults_BootstrapToken),
 *   validation/validation.go (ValidateBootstrapTokens)
 */
export function resolveBootstrapToken(options: BootstrapTokenOptions, context: Context): BootstrapTokenSpec {
  const { token, description = '', usages = TOKEN_DEFAULTS.usages } = options
  const canAuthenticate = usages.includes('authentication')
  const { groups = canAuthenticate ? TOKEN_DEFAULTS.groups : [] } = options
  const unknown = usages.find(usage => !TOKEN_USAGES.some(known => known === usage))
  if (unknown !== undefined)
    throw refuse(
      'usages',
      `${JSON.stringify(unknown)} is no usage of a bootstrap token`,
      `there are ${TOKEN_USAGES.join(' and ')}`,
    )
  if (groups.length > 0 && !canAuthenticate) {
    throw new UsageError('KPKI_FIELD_CONFLICT', 'groups: a token that nobody can authenticate with is in no group', {
      details: { field: 'groups' },
      hint: 'give it the usage authentication, too, or no groups',
    })
  }
  const wrong = groups.find(group => !isBootstrapTokenGroup(group))
  if (wrong !== undefined) {
    throw refuse(
      'groups',
      `${JSON.stringify(wrong)} is no group that a bootstrap token can be in`,
      'write system:bootstrappers: and then a-z, 0-9, : and -, at most 256 of them',
    )
  }
  if (/[^\P{Cc}\t\n]|\p{Surrogate}/u.test(description) || description.length > 4096)
    throw refuse('description', 'it has control characters, or more than 4096 in all', 'write a line or two')
  const expires = expiryOf(options, context)
  return {
    token: token ?? generateBootstrapToken(context),
    description,
    expires,
    usages: [...usages],
    groups: [...groups],
  }
}

/** Whether a token can be in a group. */
export function isBootstrapTokenGroup(group: string): boolean {
  return GROUP.test(group)
}

function expiryOf({ ttlSeconds, expires }: BootstrapTokenOptions, { clock }: Context): Date | undefined {
  if (ttlSeconds !== undefined && expires !== undefined)
    throw new UsageError('KPKI_FIELD_CONFLICT', 'expires: ttl and expires exclude each other', {
      details: { field: 'expires' },
    })
  const now = clock()
  if (expires !== undefined) {
    if (expires.getTime() > now.getTime()) return new Date(Math.floor(expires.getTime() / 1000) * 1000)
    throw refuse('expires', `${formatTime(expires)} is past`, 'name a moment to come')
  }
  const seconds = ttlSeconds ?? TOKEN_DEFAULTS.ttlSeconds
  const end = Math.floor(now.getTime() / 1000 + seconds) * 1000
  if (!(seconds >= 0) || seconds > MAX_TTL_SECONDS || end > LAST_TIME)
    throw refuse(
      'ttl',
      `${Number.isFinite(seconds) ? formatDuration(seconds) : seconds} is no time to live`,
      '0 means that it never ends',
    )
  return seconds === 0 ? undefined : new Date(end)
}

function refuse(field: string, message: string, hint: string): UsageError {
  return new UsageError('KPKI_FIELD_VALUE', `${field}: ${message}`, { details: { field }, hint })
}
