import type { Cluster } from '../kubernetes/cluster.js'
import { manifestPath } from './manifests.js'
import type { TreeComparison } from './types.js'

/** A flag of a static Pod that says what a description says, too. */
interface FlagOfFact {
  readonly component: string
  readonly flag: string
  /**
   * @param is - what it says
   * @param before - the address that the tree says
   */
  readonly wanted: (cluster: Cluster, is: string, before: string) => string
}

const subnets = (list: Cluster['serviceSubnets']) => list.map(({ text }) => text).join(',')
const inUrl = (address: string) => `//${address.includes(':') ? `[${address}]` : address}:`
/** Of URLs the address alone: ports and loopback ones are as somebody wants them. */
const etcd = (flag: string): FlagOfFact => ({
  component: 'etcd',
  flag,
  wanted: ({ advertiseAddress }, is, before) => is.replaceAll(inUrl(before), inUrl(advertiseAddress.text)),
})

/**
 * What kubeadm writes of a description into manifests, of what decides who is dialled where.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/controlplane/manifests.go (getAPIServerCommand), .../etcd/local.go
 *   (getEtcdCommand)
 */
const FLAGS: readonly FlagOfFact[] = [
  { component: 'kube-apiserver', flag: 'secure-port', wanted: ({ bindPort }) => String(bindPort) },
  { component: 'kube-apiserver', flag: 'advertise-address', wanted: ({ advertiseAddress }) => advertiseAddress.text },
  { component: 'kube-apiserver', flag: 'service-cluster-ip-range', wanted: cluster => subnets(cluster.serviceSubnets) },
  {
    component: 'kube-controller-manager',
    flag: 'service-cluster-ip-range',
    wanted: cluster => subnets(cluster.serviceSubnets),
  },
  etcd('listen-client-urls'),
  etcd('advertise-client-urls'),
  etcd('listen-peer-urls'),
  etcd('initial-advertise-peer-urls'),
]

/**
 * What manifests say otherwise than what is asked for: certificates and kubeconfigs follow it, and static Pods go on as they are told.
 * Sentences.
 */
export function manifestAdvice({ cluster, inference: { facts }, tree }: TreeComparison): readonly string[] {
  if (!cluster) return []
  const before = { port: facts.bindPort, address: facts.advertiseAddress, subnet: facts.serviceSubnet }
  const isChanged = (flag: string) =>
    flag === 'secure-port'
      ? before.port !== undefined && before.port !== cluster.bindPort
      : flag === 'service-cluster-ip-range'
        ? before.subnet !== undefined && before.subnet !== subnets(cluster.serviceSubnets)
        : before.address !== undefined && before.address !== cluster.advertiseAddress.text
  const components = [...new Set(FLAGS.map(({ component }) => component))]
  return components.flatMap(component => {
    const said = FLAGS.filter(each => each.component === component && isChanged(each.flag)).flatMap(
      ({ flag, wanted }) => {
        const is = tree.manifests.flags.get(component)?.get(flag)
        const to = is === undefined ? undefined : wanted(cluster, is, before.address ?? '')
        return to === undefined || is === to ? [] : [{ is: `--${flag}=${is}`, to }]
      },
    )
    if (said.length === 0) return []
    const flags = said.map(({ is, to }) => `${is}, which is to be ${to}`).join('; ')
    return [`Change ${manifestPath(component)}, too: ${component} is told there ${flags}.`]
  })
}
