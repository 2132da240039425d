/** No authorizer refuses anything to this group (kubernetes/kubernetes v1.20.2, staging/src/k8s.io/apiserver/pkg/authentication/user). */
export const MASTERS = 'system:masters'
/** The group of kubelets (kubernetes/kubernetes v1.20.2, pkg/auth/nodeidentifier/default.go). */
export const NODES = 'system:nodes'
