import type { Report } from '../audit/about.js'
import type { Finding } from '../audit/rules.js'
import { NODE_USER_PREFIX, NODES } from '../kubernetes/groups.js'
import type { Certificate } from '../x509/certificate.js'

/** Identities that only clients have: RBAC binds rights to these very names (bootstrap policy of the API server). */
const CLIENTS = ['system:kube-scheduler', 'system:kube-controller-manager', 'system:kube-proxy']
/** Names that only API servers have; which of them there are is their maker's choice. */
const SERVICE_NAMES = ['kubernetes.default', 'kubernetes.default.svc']

/**
 * What certificates of Kubernetes' own components must say, where their names leave no doubt whose they are: a kubelet's client
 * certificate, those of controller manager, scheduler and kube-proxy, the API server's own.
 *
 * @see kubernetes/kubernetes v1.20.2, plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go (ClusterRoleBindings),
 *   pkg/auth/nodeidentifier/default.go, staging/src/k8s.io/client-go/rest/config.go (InClusterConfig)
 */
export function checkIdentity(certificate: Certificate, report: Report): Finding[] {
  if (certificate.isCa) return []
  const { commonName, organizations } = certificate.subject
  const findings: Finding[] = []
  const isServer = hasUsage(certificate, 'serverAuth')
  const isClient = hasUsage(certificate, 'clientAuth')
  const isNode = commonName.startsWith(NODE_USER_PREFIX) && commonName !== NODE_USER_PREFIX
  // The kubelet's serving certificate has the same name, and needs the group of the signer (certificates.k8s.io).
  if (isNode && !organizations.includes(NODES))
    findings.push(
      report('groups-missing', `is a node's, and lacks the group ${NODES}`, {
        field: 'subject.organizations',
        expected: NODES,
        actual: organizations.join(', '),
        hint: 'the node authorizer knows nodes by that group: have it made anew with it',
      }),
    )
  if (!isNode && organizations.includes(NODES))
    findings.push(
      report('common-name', `is in the group ${NODES}, and not named as a node`, {
        field: 'subject.commonName',
        expected: `${NODE_USER_PREFIX}NAME`,
        actual: commonName,
        hint: 'have it made anew with the name of its node',
      }),
    )
  const isComponent = CLIENTS.includes(commonName) || (isNode && !isServer)
  if (isComponent && !isClient) findings.push(usage(report, certificate, 'clientAuth'))
  if (SERVICE_NAMES.some(name => certificate.dnsNames.includes(name))) {
    if (!isServer) findings.push(usage(report, certificate, 'serverAuth'))
    if (certificate.ipAddresses.length === 0)
      findings.push(
        report('names-missing', "is the API server's, and has no address", {
          field: 'subjectAltName',
          expected: 'the address of the Service kubernetes',
          actual: certificate.dnsNames.slice(0, 20).join(', '),
          hint: 'Pods ask for it by the address of its Service: have it made anew with that, e.g. 10.96.0.1',
        }),
      )
  }
  return findings
}

function hasUsage({ extKeyUsages }: Certificate, usage: string): boolean {
  return extKeyUsages === undefined || extKeyUsages.includes(usage) || extKeyUsages.includes('anyExtendedKeyUsage')
}

function usage(report: Report, { extKeyUsages }: Certificate, expected: string): Finding {
  return report('usage-missing', `is not made for ${expected}`, {
    field: 'extKeyUsage',
    expected,
    actual: (extKeyUsages ?? []).join(', '),
    hint: 'have it made anew for what it is used for',
  })
}
