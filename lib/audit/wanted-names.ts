import type { FactName } from '../config/facts.js'
import { equalBytes } from '../crypto/bytes.js'
import { parseIp } from '../crypto/ip.js'
import { SAN_SOURCES } from '../kubernetes/catalogue.js'
import type { ClusterFacts } from '../kubernetes/cluster.js'
import { addressAt, type Cidr, parseSubjectAltName } from '../kubernetes/net.js'
import {
  CATALOGUE,
  type CertificateRow,
  isCertificateId,
  isKubeconfigId,
  type RowId,
  type SanSource,
} from '../kubernetes/rows.js'
import type { Certificate } from '../x509/certificate.js'
import { isForServer } from '../x509/server-names.js'
import { splitServer } from './items.js'
import type { TreeItemId } from './rules.js'
import { wantedServer } from './wanted-server.js'
import type { Wanting } from './wanting.js'

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
const NAME_LISTS = {
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
interface Names {
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
 * facts, what is added. Where the description states the list of further names, exactly what follows from all facts, and that list.
 */
export function wantedNames(id: TreeItemId, found: Certificate | undefined, wanting: Wanting): Names {
  const { stated, facts, inference } = wanting
  const adds: Partial<ClusterFacts> = wanting.adds
  const isSaid = (name: FactName) => stated[name] !== undefined || adds[name] !== undefined
  const { ipAddresses = [] } = found ?? {}
  // An empty name is for nobody.
  const dnsNames = (found?.dnsNames ?? []).filter(name => name !== '')
  const needed = [...neededNames(id, wanting).keys()]
  const sources: readonly SanSource[] = isCertificateId(id) ? ((CATALOGUE[id] as CertificateRow).sans ?? []) : []
  if (!statedNameList(id, wanting) || !isToldWhole(sources, wanting)) {
    const ofFacts = sources.filter(source => source !== 'common-name' && SOURCE_FACTS[source].length > 0)
    const described = sourcedNames(ofFacts, wanting, isSaid)
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

/**
 * Whether every name that follows from the cluster can be told from others: who does not know the node or its address, or cannot
 * make anything of what the tree says, takes no name away.
 */
function isToldWhole(sources: readonly SanSource[], { facts, refused, draft, inference }: Wanting): boolean {
  if (!draft) return false
  // Of the subnet only the first address is a name, which is known all the same.
  const isUnusable = (name: FactName) =>
    refused.has(name) && !(name === 'serviceSubnet' && inference.serviceAddress !== undefined)
  const needed = new Set(sources.flatMap(source => (source === 'common-name' ? [] : SOURCE_FACTS[source])))
  const isUnknown = (['nodeName', 'advertiseAddress'] as const).some(
    name => needed.has(name) && facts[name] === undefined,
  )
  return !isUnknown && ![...needed].some(isUnusable)
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
    const { facts, inference, draft } = wanting
    // Of a subnet that no description could name the first address is the same.
    if (facts.serviceSubnet !== undefined && draft) add(firstAddress(draft.serviceSubnets), 'Pods go there')
    else if (inference.facts.serviceSubnet !== undefined) add(inference.serviceAddress, 'Pods go there')
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
