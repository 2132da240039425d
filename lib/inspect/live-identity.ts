import type { ClusterApi } from '../access/api.js'
import { ApiError, type ErrorCode } from '../errors.js'
import type { KubernetesObject } from '../kubernetes/objects.js'
import { isYamlObject, type YamlValue } from '../yaml-scalars.js'

/** Whom an API server takes somebody for. */
export interface LiveIdentity {
  /** `undefined`: it let them in, but is too old to say as whom. */
  readonly user: string | undefined
  readonly groups: readonly string[]
  /** What was asked: the kind of the review. */
  readonly via: 'SelfSubjectReview' | 'SelfSubjectAccessReview'
}

const OLD: readonly ErrorCode[] = ['KPKI_API_NOT_FOUND', 'KPKI_API_FORBIDDEN']

/**
 * Asks an API server who we are. Servers before 1.28 cannot say; they are asked whether we may read their version, which they
 * answer to everybody whom they know.
 *
 * @throws {@link ApiError} `KPKI_API_UNAUTHORIZED`: it does not know us; `KPKI_API_FORBIDDEN`: we are nobody to it (anonymous), or
 *   somebody took the right to ask away, which all users have; and as {@link ClusterApi}
 * @see Kubernetes documentation, "Authenticating" (API access to authentication information for a client: stable in 1.28);
 *   kubernetes/kubernetes v1.20.2, plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go (system:basic-user)
 */
export async function askIdentity(api: ClusterApi): Promise<LiveIdentity> {
  const review = (group: string, kind: string, spec?: KubernetesObject['spec']) =>
    api.review(`/apis/${group}/v1/${kind.toLowerCase()}s`, {
      apiVersion: `${group}/v1`,
      kind,
      metadata: {},
      ...(spec === undefined ? {} : { spec }),
    })
  try {
    const { status } = await review('authentication.k8s.io', 'SelfSubjectReview')
    const info = field(status as YamlValue | undefined, 'userInfo')
    const [user, groups] = [field(info, 'username'), field(info, 'groups')]
    return {
      user: typeof user === 'string' ? user : undefined,
      groups: Array.isArray(groups) ? groups.filter(group => typeof group === 'string') : [],
      via: 'SelfSubjectReview',
    }
  } catch (error) {
    // Whether one may ask is looked at before whether it exists: an old server says 403 to all but administrators.
    if (!(error instanceof ApiError && OLD.includes(error.code))) throw error
  }
  const nonResourceAttributes = { path: '/version', verb: 'get' }
  await review('authorization.k8s.io', 'SelfSubjectAccessReview', { nonResourceAttributes })
  return { user: undefined, groups: [], via: 'SelfSubjectAccessReview' }
}

function field(value: YamlValue | undefined, name: string): YamlValue | undefined {
  return isYamlObject(value) ? value[name] : undefined
}
