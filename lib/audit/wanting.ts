import type { FactName } from '../config/facts.js'
import type { Context } from '../context.js'
import { KEY_ALGORITHMS } from '../crypto/algorithms.js'
import { parseIp } from '../crypto/ip.js'
import { type Cluster, type ClusterFacts, checkCluster, FACT_FIELDS } from '../kubernetes/cluster.js'
import { addressAt, parseCidr } from '../kubernetes/net.js'
import type { Role } from '../kubernetes/rows.js'
import { withNames } from './asked.js'
import type { LifeOptions } from './lifetimes.js'
import type { ActualTree, Asked, Inference, NameAdds } from './types.js'

/** What an item is compared with. */
export interface Wanting {
  readonly tree: ActualTree
  readonly inference: Inference
  /** What somebody has said. */
  readonly stated: Partial<ClusterFacts>
  /** Further names that come to what is there, or is stated. */
  readonly adds: NameAdds
  /** Who states the facts, as messages call it. */
  readonly from: string
  /** What is stated and added, and where nobody has said anything what the tree says. */
  readonly facts: Partial<ClusterFacts>
  /** What the tree says and no description could say, e.g. a subnet of a size that kubeadm does not take: as if it were not known. */
  readonly refused: ReadonlySet<FactName>
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
  const { facts: stated = {}, adds = {}, from = 'the description' } = asked
  const { facts, refused } = sayable(inference, stated, adds, context)
  const role = asked.role ?? inference.role
  const standIns = {
    ...(facts.kubernetesVersion === undefined && inference.hasBoundAdmins === false
      ? { kubernetesVersion: '1.28' }
      : {}),
    ...(facts.serviceSubnet === undefined ? subnetAround(inference.serviceAddress) : {}),
    ...(facts.encryptionAlgorithm === undefined ? commonAlgorithm(tree) : {}),
  }
  const { cluster: draft } = checkCluster({ ...STAND_INS, ...facts, ...standIns }, context)
  const isWhole =
    refused.size === 0 &&
    facts.nodeName !== undefined &&
    facts.advertiseAddress !== undefined &&
    (facts.serviceSubnet !== undefined || inference.serviceAddress !== undefined || role === 'worker')
  return {
    tree,
    inference,
    stated,
    adds,
    from,
    facts,
    refused,
    role,
    statedRole: asked.role,
    cluster: isWhole ? draft : undefined,
    draft,
    context,
    options,
  }
}

const STAND_INS = { nodeName: 'node', advertiseAddress: '192.0.2.1' }

/** What is stated, and what the tree says less what no description could say. */
function sayable(
  inference: Inference,
  stated: Partial<ClusterFacts>,
  adds: NameAdds,
  context: Context,
): { readonly facts: Partial<ClusterFacts>; readonly refused: ReadonlySet<FactName> } {
  const refused = new Set<FactName>()
  // Who says that etcd is elsewhere has no further names for one that is here.
  const hasNoEtcd = stated.externalEtcd !== undefined
  const isOfEtcd = (name: string) => name === 'etcdServerCertSans' || name === 'etcdPeerCertSans'
  for (;;) {
    const inferred = Object.fromEntries(
      Object.entries(inference.facts).filter(
        ([name]) => !refused.has(name as FactName) && !(hasNoEtcd && isOfEtcd(name)),
      ),
    )
    const facts = withNames({ ...inferred, ...stated }, adds)
    const { problems } = checkCluster({ ...STAND_INS, ...facts }, context)
    const names = problems.flatMap(({ severity, field }) => (severity === 'error' ? factsOf(field) : []))
    const untrue = names.filter(name => Object.hasOwn(inferred, name) && stated[name] === undefined)
    if (untrue.length === 0) return { facts, refused }
    for (const name of untrue) refused.add(name)
  }
}

/** The fact that a field of the description is about. */
function factsOf(field: string): readonly FactName[] {
  const names = Object.keys(FACT_FIELDS) as FactName[]
  return names.filter(
    name =>
      field === FACT_FIELDS[name] ||
      (/^[.[]/.test(field.slice(FACT_FIELDS[name].length)) && field.startsWith(FACT_FIELDS[name])),
  )
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
