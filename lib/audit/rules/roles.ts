import type { Rule } from '../rule.js'

/** What can be wrong with a certificate in its place: what Kubernetes reads in it. */
export const ROLE_RULES = {
  'common-name': {
    group: 'roles',
    severity: 'error',
    about: 'the certificate is for somebody else',
    why: 'The common name is the user. RBAC knows the components by their names, and the Node authorizer a node by its own.',
    fix: 'Have it made anew with the right name: kpki apply.',
  },
  'node-differs': {
    group: 'roles',
    severity: 'warning',
    about: 'the kubelet is of another node than the servers of this host',
    why: 'A kubelet may do what is about its own node, and nothing else: with the certificate of another one it is refused, or speaks for that one.',
    fix: 'Put the kubelet files of this node back, or join it again: kubeadm join. Where the servers are those of another host: kpki apply --node-name with the name of this one.',
  },
  'groups-missing': {
    group: 'roles',
    severity: 'error',
    about: 'the certificate lacks a group, so that its bearer would be refused',
    why: 'Organizations are groups, and rights are given to groups.',
    fix: 'Have it made anew with the group: kpki apply.',
  },
  'groups-extra': {
    group: 'roles',
    severity: 'warning',
    about: 'the certificate has more rights than its role needs',
    why: 'Whoever takes it can do more than the component ever does.',
    fix: 'Have it made anew without the group: kpki apply.',
  },
  'names-missing': {
    group: 'roles',
    severity: 'error',
    about: 'the certificate lacks names under which it is asked for',
    why: 'Clients compare the name they dialled with the subject alternative names, and with nothing else.',
    fix: 'Have it made anew with the name: kpki apply.',
  },
  'usage-missing': {
    group: 'roles',
    severity: 'error',
    about: 'the certificate is not made for what it is used for',
    why: 'The other side refuses it in the handshake.',
    fix: 'Have it made anew: kpki renew.',
    source: 'RFC 5280 section 4.2.1.12',
  },
  wider: {
    group: 'roles',
    severity: 'warning',
    about: 'the certificate is good for more than its role needs',
    why: 'Whoever takes it can use it in other places.',
    fix: 'Have it made anew: kpki renew.',
  },
  superuser: {
    group: 'roles',
    severity: 'warning',
    about: 'the certificate makes its bearer a superuser, which its role does not need',
    why:
      'No authorizer refuses anything to the group system:masters, and nothing can be taken back before the certificate ends. ' +
      'Since 1.29 kubeadm has administrators in a group that RBAC gives its rights, and system:masters in super-admin.conf alone.',
    fix: 'kpki apply --kubernetes-version with that of the cluster takes it out; the group kubeadm:cluster-admins must have its ClusterRoleBinding.',
    source: 'kubernetes/kubernetes PR 121305',
  },
  'superuser-older': {
    group: 'roles',
    severity: 'info',
    about: 'the certificate makes its bearer a superuser, as kubeadm had it before 1.29',
    why: 'No authorizer refuses anything to the group system:masters, and nothing can be taken back before the certificate ends.',
    fix: 'Nothing has to be done before the cluster is of 1.29; until then give such a file to nobody.',
    source: 'kubernetes/kubernetes PR 121305',
  },
  'usages-extra': {
    group: 'roles',
    severity: 'info',
    about: 'the certificate is made for more than it is used for',
    why: 'Whoever takes it can use it for that, too, as the one that it names.',
    fix: 'Nothing has to be done: nobody refuses it. Moved away, it is made anew for its own use alone.',
  },
} as const satisfies Record<string, Rule>
