import type { Context } from '../context.js'
import { CLUSTER_ADMINS, MASTERS } from '../kubernetes/groups.js'
import type { CertificateId } from '../kubernetes/rows.js'
import { shortList } from './about.js'
import { manifestAdvice } from './manifest-advice.js'
import { droppedNames } from './planning.js'
import type { TreeItemId } from './rules.js'
import type { Change, TreeComparison } from './types.js'

/** What else a new CA certificate has to be brought to, by CA. */
const RENEWED_CA: Partial<Record<CertificateId, readonly string[]>> = {
  ca: [
    'Put the new pki/ca.crt on every other host of the cluster, control planes and workers, and run kpki apply on its tree.',
    'Put it into the ConfigMap cluster-info in kube-public: hosts that join read it there.',
    'Pods get it from kube-controller-manager; those that have read the old one need a restart before that ends.',
    'Give it to everybody who has a kubeconfig of this cluster.',
  ],
  'front-proxy-ca': ['Put the new pki/front-proxy-ca.crt on every other control plane.'],
  'etcd-ca': [
    'Put the new pki/etcd/ca.crt on every other control plane, and restart etcd there, one at a time, and then kube-apiserver: both go on with the one that they read when they started.',
  ],
}

/** Who shows a certificate to clients that dial its names. */
const SERVERS: Partial<Record<TreeItemId, string>> = {
  apiserver: 'kube-apiserver',
  'etcd-server': 'etcd',
  'etcd-peer': 'this member of etcd',
}

/** What is to be done after changes that is not done with files of this tree. Sentences. */
export function followUpsOf(
  changes: readonly Change[],
  comparison: TreeComparison,
  context: Context,
): readonly string[] {
  const isChanged = (id: TreeItemId) => changes.find(change => change.id === id && change.action !== 'edit')
  const oldEnd = (id: TreeItemId) => comparison.items.find(item => item.id === id)?.certificate?.notAfter
  const sentences = changes.flatMap(({ id, action }) =>
    action === 'renew-ca' ? (RENEWED_CA[id as CertificateId] ?? []) : [],
  )
  if (changes.length > 0) sentences.push(...manifestAdvice(comparison))
  const isDemoted = changes.some(({ id, wanted }) => {
    const had = comparison.items.find(item => item.id === id)?.certificate?.subject.organizations
    return (
      had?.includes(MASTERS) &&
      wanted?.organizations.includes(CLUSTER_ADMINS) &&
      !wanted.organizations.includes(MASTERS)
    )
  })
  // Until then nobody can refuse them anything; from then on they may do what is bound to the group, and that may be nothing.
  if (isDemoted)
    sentences.push(
      `Beforehand, while ${MASTERS} still lets you in, bind the group: kubectl create clusterrolebinding ${CLUSTER_ADMINS} --clusterrole=cluster-admin --group=${CLUSTER_ADMINS}`,
      'Keep a way in for emergencies: kpki gen kubeconfig super-admin.conf',
    )
  const admins = (['admin.conf', 'super-admin.conf'] as const).filter(isChanged)
  if (admins.length > 0) {
    const end = oldEnd(admins[0] ?? 'admin.conf')
    const until = end === undefined ? '' : end < context.clock() ? ': theirs has ended' : `: theirs ends on ${day(end)}`
    sentences.push(`Give the new ${admins.join(' and ')} to everybody who has a copy, e.g. as ~/.kube/config${until}.`)
  }
  for (const { id, wanted } of changes) {
    const dropped = droppedNames(comparison.items.find(item => item.id === id)?.certificate, wanted)
    const server = SERVERS[id]
    if (server !== undefined && dropped.length > 0)
      sentences.push(
        `Clients that dial ${shortList(dropped)} refuse ${server} from then on: have them dial another name beforehand, or keep it in the list.`,
      )
  }
  const isNewlyNamed = changes.some(
    ({ id, reasons }) => id === 'apiserver' && reasons.some(({ code }) => code === 'names-missing'),
  )
  if (isNewlyNamed && comparison.role !== 'worker')
    sentences.push('Do the same on every other control plane: each has a certificate of its own for its API server.')
  return sentences
}

function day(moment: Date): string {
  return moment.toISOString().slice(0, 10)
}
