import type { KubernetesObject } from '../kubernetes/objects.js'
import { CLUSTER_INFO } from './cluster-info.js'
import type { RbacSubject } from './user-rbac.js'

/** One thing that kubeadm allows somebody in a cluster: a role, of its own or of Kubernetes, and who has it. */
export interface RbacRow {
  /** Of the role, where there is one, and of the binding. */
  readonly name: string
  /** Default: for the whole cluster. */
  readonly namespace?: string
  /** What the role allows, where it is kubeadm's own. Default: {@link RbacRow.builtIn}. */
  readonly rule?: {
    readonly verbs: readonly string[]
    readonly apiGroups: readonly string[]
    readonly resources: readonly string[]
    readonly resourceNames?: readonly string[]
  }
  /** Name of a ClusterRole that every API server makes by itself. */
  readonly builtIn?: string
  readonly subjects: readonly RbacSubject[]
  /** What for, in a few words. */
  readonly about: string
}

/** The group of tokens that hosts join with. */
export const NODE_TOKEN_GROUP = 'system:bootstrappers:kubeadm:default-node-token'

const JOINING = [{ kind: 'Group', name: NODE_TOKEN_GROUP }] as const

/**
 * What `kubeadm init phase bootstrap-token` allows, in its order: the last one after the ConfigMap `cluster-info`.
 *
 * The same for every version that kpki knows.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/cmd/phases/init/bootstraptoken.go,
 *   cmd/kubeadm/app/phases/bootstraptoken/{node/tlsbootstrap.go,clusterinfo/clusterinfo.go}; `kubeadm:get-nodes` since v1.18
 */
export const BOOTSTRAP_RBAC = [
  {
    name: 'kubeadm:get-nodes',
    rule: { verbs: ['get'], apiGroups: [''], resources: ['nodes'] },
    subjects: JOINING,
    about: 'a joining host may see whether its name is taken',
  },
  {
    name: 'kubeadm:kubelet-bootstrap',
    builtIn: 'system:node-bootstrapper',
    subjects: JOINING,
    about: 'a joining host may ask for a certificate',
  },
  {
    name: 'kubeadm:node-autoapprove-bootstrap',
    builtIn: 'system:certificates.k8s.io:certificatesigningrequests:nodeclient',
    subjects: JOINING,
    about: 'and gets it without anybody being asked',
  },
  {
    name: 'kubeadm:node-autoapprove-certificate-rotation',
    builtIn: 'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient',
    subjects: [{ kind: 'Group', name: 'system:nodes' }],
    about: 'a node gets its next certificate, too',
  },
  {
    name: 'kubeadm:bootstrap-signer-clusterinfo',
    namespace: CLUSTER_INFO.namespace,
    rule: { verbs: ['get'], apiGroups: [''], resources: ['configmaps'], resourceNames: [CLUSTER_INFO.name] },
    subjects: [{ kind: 'User', name: 'system:anonymous' }],
    about: 'everybody may read cluster-info',
  },
] as const satisfies readonly RbacRow[]

/**
 * What an API server may do at kubelets by its name alone: since May 2026 kubeadm gives `apiserver-kubelet-client` no group, so that
 * a control plane that it joins could reach no kubelet without this.
 *
 * @see kubernetes/kubernetes PR 138957 (v1.37, and v1.33.12, v1.34.8, v1.35.5, v1.36.1), as kubernetes-sigs/cluster-api tells
 */
export const KUBELET_API_RBAC = [
  {
    name: 'kubeadm:apiserver-kubelet-client',
    builtIn: 'system:kubelet-api-admin',
    subjects: [{ kind: 'User', name: 'kube-apiserver-kubelet-client' }],
    about: 'API servers may ask kubelets: logs, exec, port-forward',
  },
] as const satisfies readonly RbacRow[]

const GROUP = 'rbac.authorization.k8s.io'

/** The objects of rows, each role before its binding. */
export function rbacObjects(rows: readonly RbacRow[]): readonly KubernetesObject[] {
  return rows.flatMap(({ name, namespace, rule, builtIn, subjects }) => {
    const prefix = namespace === undefined ? 'Cluster' : ''
    const head = (kind: string) => ({
      apiVersion: `${GROUP}/v1`,
      kind,
      metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
    })
    const role = {
      apiGroup: GROUP,
      kind: builtIn === undefined ? `${prefix}Role` : 'ClusterRole',
      name: builtIn ?? name,
    }
    return [
      ...(rule ? [{ ...head(`${prefix}Role`), rules: [rule] }] : []),
      {
        ...head(`${prefix}RoleBinding`),
        roleRef: role,
        // A group and a user are named with their API group, as the API server fills it in.
        subjects: subjects.map(subject =>
          subject.kind === 'ServiceAccount' ? subject : { apiGroup: GROUP, ...subject },
        ),
      },
    ]
  })
}
