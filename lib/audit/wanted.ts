import { KEY_ALGORITHMS } from '../crypto/algorithms.js'
import type { KeyType } from '../crypto/keys.js'
import { wantedCertificate } from '../kubernetes/catalogue.js'
import { DEFAULT_VALIDITY_SECONDS } from '../kubernetes/cluster.js'
import { parseDuration } from '../kubernetes/duration.js'
import { CLUSTER_ADMINS, MASTERS, NODE_USER_PREFIX, NODES } from '../kubernetes/groups.js'
import { isCertificateId, KUBECONFIGS, PROFILES, type Profile, profileOf, type RowId } from '../kubernetes/rows.js'
import { adminGroup, parseVersion } from '../kubernetes/versions.js'
import type { Certificate } from '../x509/certificate.js'
import { groupSourceOf } from './group-source.js'
import { periodOf } from './infer-period.js'
import { isCaId, isKubeletId } from './items.js'
import type { TreeItemId } from './rules.js'
import type { WantedIdentity } from './types.js'
import { wantedNames } from './wanted-names.js'
import type { Wanting } from './wanting.js'

/** What the certificate of an item is to say; `undefined` where nobody can tell. */
export function wantedIdentity(
  id: Exclude<TreeItemId, 'sa'>,
  found: Certificate | undefined,
  issuer: Certificate | undefined,
  wanting: Wanting,
): WantedIdentity | undefined {
  if (id === 'kubelet-server') return undefined
  const row = isKubeletId(id) ? 'kubelet.conf' : id
  if (!found) return id === 'kubelet-client' ? undefined : newIdentity(row, wanting)
  const profile: Profile = PROFILES[profileOf(row)]
  const names = profile.isCa
    ? { dnsNames: found.dnsNames, ipAddresses: found.ipAddresses }
    : wantedNames(id, found, wanting)
  return {
    commonName: wantedCommonName(row, found, wanting),
    organizations: wantedGroups(row, found.subject.organizations, wanting),
    dnsNames: [...new Set(names.dnsNames)].sort(),
    ipAddresses: [...new Set(names.ipAddresses)],
    extKeyUsages: wantedUsages(profile, found),
    isCa: profile.isCa,
    validitySeconds: wantedPeriod(id, found, issuer, wanting),
    keyAlgorithm: wanting.stated.encryptionAlgorithm ?? algorithmLike(found.publicKey, wanting),
  }
}

function newIdentity(id: Exclude<RowId, 'sa'>, { cluster }: Wanting): WantedIdentity | undefined {
  if (!cluster) return undefined
  const { profile, commonName, organizations, dnsNames, ipAddresses, validitySeconds } = wantedCertificate(id, cluster)
  return {
    commonName,
    organizations,
    dnsNames,
    ipAddresses,
    extKeyUsages: profile.isCa ? undefined : profile.extKeyUsages,
    isCa: profile.isCa,
    validitySeconds,
    keyAlgorithm: cluster.encryptionAlgorithm,
  }
}

/** Names that Kubernetes itself demands, and node names that follow the description; every other one stays. */
function wantedCommonName(
  id: Exclude<RowId, 'sa'>,
  { subject }: Certificate,
  { stated, facts, inference }: Wanting,
): string {
  const found = subject.commonName
  if (id === 'controller-manager.conf' || id === 'scheduler.conf') return KUBECONFIGS[id].commonName
  if (id === 'kubelet.conf') {
    if (stated.nodeName !== undefined || !found.startsWith(NODE_USER_PREFIX))
      return facts.nodeName === undefined ? found : `${NODE_USER_PREFIX}${facts.nodeName.trim().toLowerCase()}`
    return found
  }
  if (
    (id === 'etcd-server' || id === 'etcd-peer') &&
    stated.nodeName !== undefined &&
    found === inference.facts.nodeName
  )
    return stated.nodeName.trim().toLowerCase()
  return found
}

/** Groups that Kubernetes itself demands, and for administrators those of a version that is stated. Nobody is made a superuser by that. */
function wantedGroups(id: Exclude<RowId, 'sa'>, found: readonly string[], { stated }: Wanting): readonly string[] {
  if (id === 'kubelet.conf') return [NODES]
  if (id === 'super-admin.conf') return found.includes(MASTERS) ? found : [...found, MASTERS]
  const others = found.filter(group => group !== MASTERS)
  const source = groupSourceOf(id)
  // No kubeadm has made one so, and no component needs it.
  if (source === undefined) return isCertificateId(id) && isCaId(id) ? found : others
  const version = parseVersion(stated.kubernetesVersion ?? '')
  if (!version || adminGroup(version) === MASTERS || others.length === found.length) return found
  return source === 'etcd-client' ? others : [...new Set([...others, CLUSTER_ADMINS])]
}

/** What the role needs and lacks comes to what is there; a certificate without the extension is good for all. */
function wantedUsages({ extKeyUsages }: Profile, found: Certificate): readonly string[] | undefined {
  const { extKeyUsages: has } = found
  if (!has || has.includes('anyExtendedKeyUsage')) return has
  return [...has, ...extKeyUsages.filter(usage => !has.includes(usage))]
}

/** Seconds. */
function wantedPeriod(id: TreeItemId, found: Certificate, issuer: Certificate | undefined, wanting: Wanting): number {
  const isCa = isCaId(id)
  const name = isCa ? 'caCertificateValidityPeriod' : 'certificateValidityPeriod'
  const stated = parseDuration(wanting.stated[name] ?? '')
  const inferred = parseDuration(wanting.inference.facts[name] ?? '')
  // Nobody is judged by the last of them: it is how long a new certificate lives where nothing tells how long.
  return (
    stated ?? periodOf(found, isCa ? undefined : issuer) ?? inferred ?? DEFAULT_VALIDITY_SECONDS[isCa ? 'ca' : 'leaf']
  )
}

/** The algorithm of a new key in place of this one: the same, or the next that kpki makes and Kubernetes takes. */
function algorithmLike(key: KeyType, { draft }: Wanting): string {
  if (Object.hasOwn(KEY_ALGORITHMS, key.name)) return key.name
  if (key.kind === 'ECDSA') return 'ECDSA-P384'
  if (key.kind === 'other') return draft?.encryptionAlgorithm ?? 'RSA-2048'
  return key.modulusBits <= 2048 ? 'RSA-2048' : key.modulusBits <= 3072 ? 'RSA-3072' : 'RSA-4096'
}
