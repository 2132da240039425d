import type { KubernetesObject } from '../kubernetes/objects.js'

/** Who is to be let do something. */
export type RbacSubject =
  | { readonly kind: 'User' | 'Group'; readonly name: string }
  | { readonly kind: 'ServiceAccount'; readonly name: string; readonly namespace: string }

/** What a user is to be let do: a role that is there. */
export interface RbacGrant {
  readonly subject: RbacSubject
  /** Role: needs a namespace. */
  readonly role?: string
  /** ClusterRole: in the namespace, or everywhere where none is named. */
  readonly clusterRole?: string
  readonly namespace?: string
}

const API = 'rbac.authorization.k8s.io'
const MANAGED = { 'app.kubernetes.io/managed-by': 'kpki' }

/**
 * The bindings that give a user a role, and nothing more: a RoleBinding where a namespace is named, else a ClusterRoleBinding.
 *
 * The name of a binding says whom it binds to what. As what it binds cannot be changed once it is there, applying the manifest
 * again changes nothing, and applying one of another role makes another binding.
 *
 * @returns a binding for each role that is named, Role before ClusterRole; a Role without a namespace has none
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/api/rbac/v1/types.go (RoleBinding, ClusterRoleBinding, Subject);
 *   pkg/apis/rbac/validation/validation.go (ValidateRBACName: a path segment)
 */
export function userRbac({ subject, role, clusterRole, namespace }: RbacGrant): readonly KubernetesObject[] {
  const bind = (kind: 'Role' | 'ClusterRole', name: string): KubernetesObject => ({
    apiVersion: `${API}/v1`,
    kind: namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding',
    metadata: {
      name: `${nameOf(subject)}:${kind.toLowerCase()}:${segment(name)}`,
      ...(namespace === undefined ? {} : { namespace }),
      labels: MANAGED,
    },
    roleRef: { apiGroup: API, kind, name },
    subjects: [subject.kind === 'ServiceAccount' ? subject : { apiGroup: API, ...subject }],
  })
  return [
    ...(role === undefined || namespace === undefined ? [] : [bind('Role', role)]),
    ...(clusterRole === undefined ? [] : [bind('ClusterRole', clusterRole)]),
  ]
}

/** A subject as a part of a name; an = that is no escape stands in no other. */
function nameOf(subject: RbacSubject): string {
  if (subject.kind === 'ServiceAccount') return segment(`system:serviceaccount:${subject.namespace}:${subject.name}`)
  return subject.kind === 'Group' ? `group=${segment(subject.name)}` : segment(subject.name)
}

/**
 * A text as a path segment, in which neither / nor % may stand (apimachinery v0.20.2, pkg/api/validation/path/name.go). What is
 * escaped can be told from what looks so, or one user's binding would replace another's.
 */
function segment(text: string): string {
  return text.replace(/[/%=]/g, character => `=${character.charCodeAt(0).toString(16).toUpperCase()}`)
}
