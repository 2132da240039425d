import { hasControlCharacter, quote } from '../kubernetes/cluster-fields.js'
import { CLUSTER_ADMINS, MASTERS, NODE_USER_PREFIX, NODES } from '../kubernetes/groups.js'

/** Something about a name that is refused, or that one should know. */
export interface IdentityProblem {
  readonly severity: 'error' | 'warning'
  /** What it is about. */
  readonly field: 'name' | 'group'
  /** One sentence, lower case, no final period. */
  readonly message: string
  readonly hint?: string
}

// RFC 5280 appendix A.1: ub-common-name and ub-organization-name.
const LONGEST_NAME = 64

/** Names that mean something to Kubernetes itself, longest first, and what. */
const RESERVED: readonly (readonly [prefix: string, field: 'name' | 'group', meaning: string])[] = [
  ['system:serviceaccount:', 'name', 'is the name of a service account: the API server takes whoever has it for that'],
  ['system:serviceaccounts', 'group', 'is the group of service accounts'],
  [NODE_USER_PREFIX, 'name', "is a kubelet's name: with the group system:nodes it has a kubelet's rights"],
  [NODES, 'group', 'is the group of all kubelets'],
  ['system:', 'name', "begins with system:, which is kept for Kubernetes' own components"],
  ['system:', 'group', "begins with system:, which is kept for Kubernetes' own groups"],
]

/**
 * Judges the name and the groups of a user who is to get a client certificate.
 *
 * @param name - becomes the certificate's common name
 * @param groups - become its organisations
 * @see Kubernetes documentation, "Authenticating" (X.509 client certificates) and "Using RBAC Authorization" (system: prefix)
 */
export function checkUserIdentity(name: string, groups: readonly string[]): IdentityProblem[] {
  return [
    ...judge('name', name),
    ...[...new Set(groups)].flatMap(group => [...judge('group', group), ...judgeRights(group)]),
  ]
}

function judge(field: 'name' | 'group', text: string): IdentityProblem[] {
  const what = field === 'name' ? 'the user name' : 'the group'
  const error = (problem: string): IdentityProblem[] => [{ severity: 'error', field, message: problem }]
  if (text === '') return error(`${what} is empty`)
  if (text.length > 1024) return error(`${what} has more than 1024 characters`)
  if (hasControlCharacter(text) || /[\p{Cf}\p{Zl}\p{Zp}\x80-\x9f]/u.test(text))
    return error(`${what} ${quote(text)} has characters in it that nobody can see`)
  if (text !== text.trim()) return error(`${what} ${quote(text)} begins or ends with white space`)
  const problems: IdentityProblem[] = []
  if ([...text].length > LONGEST_NAME) {
    problems.push({
      severity: 'warning',
      field,
      message: `${what} ${quote(text)} has more than ${LONGEST_NAME} characters, which RFC 5280 allows`,
    })
  }
  const reserved = RESERVED.find(([prefix, of]) => of === field && text.startsWith(prefix))
  if (reserved && text !== MASTERS)
    problems.push({ severity: 'warning', field, message: `${what} ${quote(text)} ${reserved[2]}` })
  return problems
}

function judgeRights(group: string): IdentityProblem[] {
  if (group === MASTERS) {
    return [
      {
        severity: 'warning',
        field: 'group',
        message: `members of ${MASTERS} may do everything, whatever RBAC says, and nobody can take that back before the certificate ends`,
        hint: 'bind a group of your own to cluster-admin instead: a binding can be deleted',
      },
    ]
  }
  if (group === CLUSTER_ADMINS) {
    return [
      {
        severity: 'warning',
        field: 'group',
        message: `members of ${CLUSTER_ADMINS} may do everything as long as its ClusterRoleBinding is there; deleting it takes the rights of every administrator`,
      },
    ]
  }
  return []
}
