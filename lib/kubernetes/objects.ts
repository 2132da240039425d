import { formatYaml, type YamlInput } from '../yaml-format.js'

/** `metadata` of an object: what kpki reads and writes of it, and whatever else is there. */
export type ObjectMeta = {
  readonly name?: string
  readonly namespace?: string
  readonly uid?: string
  readonly resourceVersion?: string
  readonly creationTimestamp?: string | null
  readonly deletionTimestamp?: string
  readonly [field: string]: YamlInput | undefined
}

/** An object of the Kubernetes API: a Secret, a ConfigMap, a ClusterRole. */
export type KubernetesObject = {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: ObjectMeta
  readonly [field: string]: YamlInput | undefined
}

/** A kind as the API server's URLs know it. */
export interface ResourceRow {
  readonly apiVersion: string
  /** Last word of its URLs. */
  readonly plural: string
  /** Whether its objects are in namespaces. */
  readonly isNamespaced: boolean
}

/** Kinds that kpki reads or writes in a cluster. */
export const RESOURCES = {
  ClusterRole: { apiVersion: 'rbac.authorization.k8s.io/v1', plural: 'clusterroles', isNamespaced: false },
  ClusterRoleBinding: {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    plural: 'clusterrolebindings',
    isNamespaced: false,
  },
  ConfigMap: { apiVersion: 'v1', plural: 'configmaps', isNamespaced: true },
  DaemonSet: { apiVersion: 'apps/v1', plural: 'daemonsets', isNamespaced: true },
  Deployment: { apiVersion: 'apps/v1', plural: 'deployments', isNamespaced: true },
  Lease: { apiVersion: 'coordination.k8s.io/v1', plural: 'leases', isNamespaced: true },
  Namespace: { apiVersion: 'v1', plural: 'namespaces', isNamespaced: false },
  Node: { apiVersion: 'v1', plural: 'nodes', isNamespaced: false },
  Role: { apiVersion: 'rbac.authorization.k8s.io/v1', plural: 'roles', isNamespaced: true },
  RoleBinding: { apiVersion: 'rbac.authorization.k8s.io/v1', plural: 'rolebindings', isNamespaced: true },
  Secret: { apiVersion: 'v1', plural: 'secrets', isNamespaced: true },
  Service: { apiVersion: 'v1', plural: 'services', isNamespaced: true },
  ServiceAccount: { apiVersion: 'v1', plural: 'serviceaccounts', isNamespaced: true },
} as const satisfies Readonly<Record<string, ResourceRow>>

/** A kind that kpki reads or writes in a cluster, e.g. `'Secret'`. */
export type ResourceKind = keyof typeof RESOURCES

/** Writes objects as a stream of YAML documents, in this order, as `kubectl apply -f` takes it. */
export function formatManifests(objects: readonly KubernetesObject[]): string {
  return objects.map(object => formatYaml(object)).join('---\n')
}
