/** No authorizer refuses anything to this group (kubernetes/kubernetes v1.20.2, staging/src/k8s.io/apiserver/pkg/authentication/user). */
export const MASTERS = 'system:masters'
/** kubeadm's group of administrators since 1.29, which has its rights from RBAC (kubernetes/kubernetes PR 121305). */
export const CLUSTER_ADMINS = 'kubeadm:cluster-admins'
/** The group of kubelets (kubernetes/kubernetes v1.20.2, pkg/auth/nodeidentifier/default.go). */
export const NODES = 'system:nodes'
/** What a kubelet's user name begins with; its node's name follows (as above). */
export const NODE_USER_PREFIX = 'system:node:'
