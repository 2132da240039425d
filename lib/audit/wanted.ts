import type { FactName } from '../config/facts.js'
import type { Context } from '../context.js'
import { KEY_ALGORITHMS } from '../crypto/algorithms.js'
import { equalBytes } from '../crypto/bytes.js'
import { parseIp } from '../crypto/ip.js'
import type { KeyType } from '../crypto/keys.js'
import { SAN_SOURCES, serverOf, wantedCertificate } from '../kubernetes/catalogue.js'
import { type Cluster, type ClusterFacts, checkCluster, DEFAULT_VALIDITY_SECONDS } from '../kubernetes/cluster.js'
import { parseDuration } from '../kubernetes/duration.js'
import { addressAt, type Cidr, parseCidr, parseSubjectAltName } from '../kubernetes/net.js'
import {
  CATALOGUE,
  type CertificateRow,
  isCertificateId,
  isKubeconfigId,
  KUBECONFIGS,
  type KubeconfigId,
  PROFILES,
  type Profile,
  profileOf,
  type Role,
  type RowId,
  type SanSource,
} from '../kubernetes/rows.js'
import { parseVersion } from '../kubernetes/versions.js'
import type { Certificate } from '../x509/certificate.js'
import { isForServer } from '../x509/server-names.js'
import { MASTERS, NODES } from './groups.js'
import { NODE_USER_PREFIX } from './infer.js'
import { periodOf } from './infer-period.js'
import { isCaId, isKubeletId, splitServer } from './items.js'
import type { LifeOptions } from './lifetimes.js'
import type { TreeItemId } from './rules.js'
import type { ActualTree, Asked, Inference, WantedIdentity } from './types.js'

/** What an item is compared with. */
export interface Wanting {
  readonly tree: ActualTree
  readonly inference: Inference
  /** What somebody has said. */
  readonly stated: Partial<ClusterFacts>
  /** That, and where nobody has said anything what the tree says. */
  readonly facts: Partial<ClusterFacts>
  /** What the host is to be, else what the tree looks like. */
  readonly role: Role | undefined
  readonly statedRole: Role | undefined
  /** `undefined` where the facts are not enough for a whole description. */
  readonly cluster: Cluster | undefined
  /** The facts with stand-ins where there are none: good for what depends on known facts alone. */
  readonly draft: Cluster | undefined
  readonly context: Context
  readonly options: LifeOptions
}

/** Puts together what is stated and what the tree says. */
export function wantingOf(
  tree: ActualTree,
  asked: Asked,
  inference: Inference,
  context: Context,
  options: LifeOptions = {},
): Wanting {
  const stated = asked.facts ?? {}
  const facts: Partial<ClusterFacts> = { ...inference.facts, ...stated }
  const role = asked.role ?? inference.role
  const standIns = {
    ...(facts.kubernetesVersion === undefined && inference.hasBoundAdmins === false
      ? { kubernetesVersion: '1.28' }
      : {}),
    ...(facts.serviceSubnet === undefined ? subnetAround(inference.serviceAddress) : {}),
    ...(facts.encryptionAlgorithm === undefined ? commonAlgorithm(tree) : {}),
  }
  const { cluster: draft } = checkCluster(
    { nodeName: 'node', advertiseAddress: '192.0.2.1', ...facts, ...standIns },
    context,
  )
  const isWhole =
    facts.nodeName !== undefined &&
    facts.advertiseAddress !== undefined &&
    (facts.serviceSubnet !== undefined || inference.serviceAddress !== undefined || role === 'worker')
  return {
    tree,
    inference,
    stated,
    facts,
    role,
    statedRole: asked.role,
    cluster: isWhole ? draft : undefined,
    draft,
    context,
    options,
  }
}

/** The smallest subnet that kubeadm takes and that begins before this address: only its first address is ever used. */
function subnetAround(address: string | undefined): { readonly serviceSubnet?: string } {
  const parsed = parseIp(address ?? '')
  const cidr = parsed && parseCidr(`${parsed.text}/${parsed.bytes.length * 8 - 4}`)
  return cidr && addressAt(cidr, 1)?.text === parsed.text ? { serviceSubnet: cidr.text } : {}
}

/** What most keys of the tree are. */
function commonAlgorithm(tree: ActualTree): { readonly encryptionAlgorithm?: string } {
  const counts = new Map<string, number>()
  for (const { certificates, kubeconfig } of tree.rows.values())
    for (const { publicKey } of kubeconfig?.certificates ?? certificates)
      if (Object.hasOwn(KEY_ALGORITHMS, publicKey.name))
        counts.set(publicKey.name, (counts.get(publicKey.name) ?? 0) + 1)
  const [most] = [...counts].sort(([, a], [, b]) => b - a)
  return most ? { encryptionAlgorithm: most[0] } : {}
}

/** The facts that each source of names needs. */
const SOURCE_FACTS: Readonly<Record<Exclude<SanSource, 'common-name'>, readonly FactName[]>> = {
  node: ['nodeName'],
  'service-names': ['dnsDomain'],
  'service-ip': ['serviceSubnet'],
  advertise: ['advertiseAddress'],
  localhost: [],
  loopback: [],
  endpoint: ['controlPlaneEndpoint'],
  'extra-apiserver': ['apiServerCertSans'],
  'extra-etcd-server': ['etcdServerCertSans'],
  'extra-etcd-peer': ['etcdPeerCertSans'],
}

/** What a description calls the list of further names of a row. */
export const NAME_LISTS = {
  apiserver: 'apiServerCertSans',
  'etcd-server': 'etcdServerCertSans',
  'etcd-peer': 'etcdPeerCertSans',
} as const satisfies Partial<Record<RowId, FactName>>

/** The list of further names of a row, where the description states it: its names are then those, and no others. */
export function statedNameList(id: TreeItemId, { stated }: Wanting): FactName | undefined {
  const list = Object.hasOwn(NAME_LISTS, id) ? NAME_LISTS[id as keyof typeof NAME_LISTS] : undefined
  return list !== undefined && stated[list] !== undefined ? list : undefined
}

/** Names of a certificate. */
export interface Names {
  readonly dnsNames: readonly string[]
  readonly ipAddresses: readonly string[]
}

/** Names that a certificate lacks, as somebody asks for it by them: a name with `*` may cover one. */
export function missingNames(names: Names, wanted: readonly string[]): readonly string[] {
  // Ten thousand names are their own most of the time. An address among the DNS names is none that anybody finds.
  const own = new Set([...names.dnsNames.filter(name => !parseIp(name)), ...names.ipAddresses])
  return wanted.filter(name => {
    const address = own.has(name) ? undefined : parseIp(name)
    return !own.has(name) && (address ? !own.has(address.text) : !isForServer({ dns: names.dnsNames, ips: [] }, name))
  })
}

/**
 * The names that a certificate is to have: those that it has, what is asked for by others ({@link neededNames}), what follows from stated
 * facts. Where the description states the list of further names, exactly what follows from all facts, and that list.
 */
export function wantedNames(id: TreeItemId, found: Certificate | undefined, wanting: Wanting): Names {
  const { stated, facts, inference } = wanting
  const { ipAddresses = [] } = found ?? {}
  // An empty name is for nobody.
  const dnsNames = (found?.dnsNames ?? []).filter(name => name !== '')
  const needed = [...neededNames(id, wanting).keys()]
  const sources: readonly SanSource[] = isCertificateId(id) ? ((CATALOGUE[id] as CertificateRow).sans ?? []) : []
  if (!statedNameList(id, wanting)) {
    const ofFacts = sources.filter(source => source !== 'common-name' && SOURCE_FACTS[source].length > 0)
    const described = sourcedNames(ofFacts, wanting, name => stated[name] !== undefined)
    const missing = missingNames({ dnsNames, ipAddresses }, [...new Set([...needed, ...described])])
    return sortedNames([...dnsNames, ...ipAddresses, ...missing])
  }
  const known = sourcedNames(sources, wanting, name => facts[name] !== undefined)
  // Names of which nobody knows whether they are of the description stay.
  const domains = facts.dnsDomain === undefined ? dnsNames.filter(name => /^kubernetes(\.|$)/.test(name)) : []
  const isOfUnknownSubnet = sources.includes('service-ip') && facts.serviceSubnet === undefined
  const service = isOfUnknownSubnet && inference.serviceAddress !== undefined ? [inference.serviceAddress] : []
  const list = [...known, ...domains, ...service]
  return sortedNames([...list, ...missingNames(sortedNames(list), needed)])
}

/** The names of those sources whose facts are known; one that needs none is the same everywhere. */
function sourcedNames(
  sources: readonly SanSource[],
  { draft }: Wanting,
  isKnown: (fact: FactName) => boolean,
): readonly string[] {
  if (!draft) return []
  return sources.flatMap(source =>
    source !== 'common-name' && SOURCE_FACTS[source].every(isKnown)
      ? SAN_SOURCES[source](draft).map(name => (name.type === 'ip' ? name.address.text : name.name))
      : [],
  )
}

function sortedNames(names: readonly string[]): Names {
  const all = [...new Set(names)]
  return {
    dnsNames: all.filter(name => !parseIp(name)).sort(),
    ipAddresses: [...new Set(all.flatMap(name => parseIp(name)?.text ?? []))],
  }
}

/**
 * Names under which a server is asked for, as far as the tree shows it, and who does.
 *
 * @returns by name the reason, the end of a sentence
 */
export function neededNames(id: TreeItemId, wanting: Wanting): ReadonlyMap<string, string> {
  const needed = new Map<string, string>()
  const add = (name: string | undefined, reason: string) => {
    const parsed = name === undefined ? undefined : parseSubjectAltName(name.toLowerCase())
    if (parsed && name !== undefined && !needed.has(name)) needed.set(name.toLowerCase(), reason)
  }
  const { tree } = wanting
  const urls = (component: string, flag: string) =>
    (tree.manifests.flags.get(component)?.get(flag) ?? '').split(',').map(url => splitServer(url.trim())?.host)
  if (id === 'apiserver') {
    const ca = tree.rows.get('ca')?.certificates ?? []
    for (const [row, { kubeconfig }] of tree.rows) {
      if (!kubeconfig || !isKubeconfigId(row)) continue
      const isOurs =
        ca.length === 0 ||
        kubeconfig.caCertificates.length === 0 ||
        kubeconfig.caCertificates.some(({ spki }) => ca.some(own => equalBytes(own.spki, spki)))
      const isOther = kubeconfig.extras.some(
        field => field === 'tls-server-name' || field === 'insecure-skip-tls-verify',
      )
      if (isOurs && !isOther) add(splitServer(wantedServer(row, wanting) ?? '')?.host, `${row} goes there`)
    }
    if (wanting.facts.serviceSubnet !== undefined && wanting.draft)
      add(firstAddress(wanting.draft.serviceSubnets), 'Pods go there')
  }
  if (id === 'etcd-server') {
    // Of several members each has its own names.
    const hosts = urls('kube-apiserver', 'etcd-servers')
    const own = [wanting.facts.advertiseAddress, wanting.facts.nodeName, '127.0.0.1', '::1', 'localhost']
    for (const host of hosts) if (hosts.length === 1 || own.includes(host)) add(host, 'the API server goes there')
    for (const host of urls('etcd', 'advertise-client-urls')) add(host, 'etcd tells its clients to go there')
  }
  if (id === 'etcd-peer')
    for (const host of urls('etcd', 'initial-advertise-peer-urls')) add(host, 'etcd tells its peers to go there')
  return needed
}

function firstAddress([primary]: readonly Cidr[]): string | undefined {
  return primary && addressAt(primary, 1)?.text
}

/** The facts that decide where kubeconfigs go. */
const SERVER_FACTS: readonly FactName[] = ['controlPlaneEndpoint', 'advertiseAddress', 'bindPort']

/** The server that a kubeconfig is to name: the one it names, unless something is stated that it does not follow. */
export function wantedServer(id: KubeconfigId, wanting: Wanting): string | undefined {
  const { stated, facts, inference, draft, role = 'control-plane', tree } = wanting
  const found = tree.rows.get(id)?.kubeconfig?.server
  const isKnown =
    facts.advertiseAddress !== undefined || (role === 'worker' && facts.controlPlaneEndpoint !== undefined)
  const described = draft && isKnown ? serverOf(id, draft, role) : undefined
  if (found === undefined) return wanting.cluster || role === 'worker' ? described : undefined
  if (!draft || !SERVER_FACTS.some(name => stated[name] !== undefined)) return found
  // Before it went to the endpoint or to this host, and it is not for us to send it elsewhere: kubeadm has changed its mind on that.
  const [local, endpoint] = [false, true].map(isEndpoint => ends(facts, isEndpoint))
  const [oldLocal, oldEndpoint] = [false, true].map(isEndpoint => ends(inference.facts, isEndpoint))
  const at = splitServer(found)
  const goesTo = (end: ReturnType<typeof ends>) => end !== undefined && at?.host === end.host && at.port === end.port
  const canBeEither = KUBECONFIGS[id].server !== 'endpoint'
  const isEither = goesTo(endpoint) || goesTo(local)
  if (canBeEither && isEither) return found
  if (canBeEither && goesTo(oldEndpoint) && !goesTo(oldLocal) && endpoint) return urlOf(endpoint)
  if (canBeEither && goesTo(oldLocal) && local) return urlOf(local)
  if (described === undefined || at === undefined) return found
  const target = splitServer(described)
  return goesTo(target) ? found : described
}

function ends(
  { controlPlaneEndpoint, advertiseAddress, bindPort = 6443 }: Partial<ClusterFacts>,
  isEndpoint: boolean,
): { readonly host: string; readonly port: number } | undefined {
  if (!isEndpoint)
    return advertiseAddress === undefined
      ? undefined
      : { host: parseIp(advertiseAddress)?.text ?? advertiseAddress, port: bindPort }
  if (controlPlaneEndpoint === undefined) return undefined
  const host = parseIp(controlPlaneEndpoint)
  const split = splitServer(`https://${host?.family === 6 ? `[${host.text}]` : controlPlaneEndpoint}`)
  const hasPort = !host && /:[0-9]+$/.test(controlPlaneEndpoint)
  return split && { host: split.host, port: hasPort ? split.port : bindPort }
}

function urlOf({ host, port }: { readonly host: string; readonly port: number }): string {
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}`
}

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
  if (id === 'controller-manager.conf' || id === 'scheduler.conf') return others
  const version = parseVersion(stated.kubernetesVersion ?? '')
  if (!version || version.minor < 29 || others.length === found.length) return found
  const groups = isKubeconfigId(id) ? KUBECONFIGS[id].groups : (CATALOGUE[id] as CertificateRow).groups
  if (groups === 'etcd-client') return others
  return groups === 'admin' ? [...new Set([...others, 'kubeadm:cluster-admins'])] : found
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
