import { parseIp } from '../crypto/ip.js'
import { isLoopbackAddress, quote } from '../kubernetes/cluster-fields.js'
import { has } from '../kubernetes/differences.js'
import { type Cidr, cidrContains, cidrsOverlap } from '../kubernetes/net.js'
import { type ControlPlaneSubject, hostKind, type ReportAt } from './control-plane-subject.js'
import { hostDocument } from './facts.js'

/** cmd/kubeadm/app/constants/constants.go PodSubnetNodeMaskMaxDiff (kubernetes/kubernetes v1.20.2). */
const MOST_NODE_BITS = 16

/** How subnets, addresses and the masks of nodes go together. */
export function checkNetworks(subject: ControlPlaneSubject, report: ReportAt): void {
  const { cluster } = subject.description
  const { serviceSubnets, podSubnets, controlPlaneEndpoint, kubernetesVersion } = cluster
  const { address } = subject
  const at = (name: string) => ({ kind: 'ClusterConfiguration', path: ['networking', name] }) as const
  const kind = hostKind(subject)
  const advertise = {
    kind,
    path: [
      ...(hostDocument(subject.configuration) === 'JoinConfiguration' ? ['controlPlane'] : []),
      'localAPIEndpoint',
      'advertiseAddress',
    ],
  } as const

  // kubeadm takes it for a wish: the global address that the loopback interface has, if any (initconfiguration.go,
  // SetAPIEndpointDynamicDefaults, v1.20.2). It is never advertised.
  if (address && isLoopbackAddress(address))
    report('error', advertise, `${address.text} leads every host to itself: no other one can join`, {
      hint: 'give the address that other hosts reach this one at, e.g. 10.0.0.10; one of the loopback interface in so many words',
    })

  for (const pods of podSubnets)
    for (const services of serviceSubnets)
      if (cidrsOverlap(pods, services))
        report('error', at('podSubnet'), `${pods.text} overlaps with the serviceSubnet ${services.text}`, {
          code: 'KPKI_FIELD_CONFLICT',
          hint: 'an address is a Pod or a Service: choose networks that have none in common',
        })

  const endpoint = controlPlaneEndpoint && parseIp(controlPlaneEndpoint.host)
  for (const [name, networks] of [
    ['serviceSubnet', serviceSubnets],
    ['podSubnet', podSubnets],
  ] as const)
    for (const network of networks) {
      const hint = 'these addresses exist within the cluster only: choose another network'
      if (address && cidrContains(network, address))
        report('error', advertise, `${address.text} is in the ${name} ${network.text}`, {
          code: 'KPKI_FIELD_CONFLICT',
          hint,
        })
      if (endpoint && cidrContains(network, endpoint))
        report(
          'error',
          { kind: 'ClusterConfiguration', path: ['controlPlaneEndpoint'] },
          `${endpoint.text} is in the ${name} ${network.text}`,
          { code: 'KPKI_FIELD_CONFLICT', hint },
        )
    }

  const [primary] = serviceSubnets
  if (primary && address && primary.address.family !== address.family) {
    const isRefused = has(kubernetesVersion, 'serviceFamilyChecked')
    const outcome = isRefused ? 'the API server does not start' : 'Pods do not reach the API server by its Service'
    report(
      isRefused ? 'error' : 'warning',
      at('serviceSubnet'),
      `the first subnet, ${primary.text}, is of another family than the advertise address ${address.text}: ${outcome}`,
      {
        code: 'KPKI_FIELD_CONFLICT',
        hint: 'put the subnet of its family first, or advertise an address of the other one',
      },
    )
  }
  const [pods] = podSubnets
  if (primary && pods && primary.address.family !== pods.address.family)
    report(
      'warning',
      at('podSubnet'),
      `the first subnet, ${pods.text}, is of another family than that of Services, ${primary.text}`,
    )

  if (has(kubernetesVersion, 'dualStackGate') && cluster.featureGates['IPv6DualStack'] !== true)
    for (const [name, networks] of [
      ['serviceSubnet', serviceSubnets],
      ['podSubnet', podSubnets],
    ] as const)
      if (networks.length > 1)
        report('error', at(name), `two subnets need the feature gate IPv6DualStack in ${kubernetesVersion.text}`, {
          hint: '--feature-gates IPv6DualStack=true, or name one subnet',
        })

  checkNodeMasks(subject, podSubnets, report)
}

function checkNodeMasks(subject: ControlPlaneSubject, podSubnets: readonly Cidr[], report: ReportAt): void {
  const args = subject.configuration.ClusterConfiguration?.controllerManager?.extraArgs ?? []
  const indexOf = (...names: readonly string[]) =>
    names.map(name => args.findLastIndex(arg => arg.name === name && arg.value !== '')).find(index => index >= 0)
  const allocates = args.findLast(({ name }) => name === 'allocate-node-cidrs')?.value !== 'false'
  if (!allocates) return
  for (const { address, prefixLength, text } of podSubnets) {
    const most = address.bytes.length * 8
    const family = address.family === 6 ? 'node-cidr-mask-size-ipv6' : 'node-cidr-mask-size-ipv4'
    const index = indexOf(...(podSubnets.length > 1 ? [family] : [family, 'node-cidr-mask-size']))
    const value = index === undefined ? undefined : args[index]?.value
    const mask = value === undefined ? (address.family === 6 ? 64 : 24) : Number(value)
    if (value !== undefined && !(/^[0-9]{1,3}$/.test(value) && mask <= most)) {
      report(
        'error',
        { kind: 'ClusterConfiguration', path: ['controllerManager', 'extraArgs', index ?? 0] },
        `${quote(value)} is not a length of a prefix: 0 to ${most}`,
      )
      continue
    }
    const flag = value === undefined ? '' : ` (--${args[index ?? 0]?.name})`
    const hint = `a larger podSubnet, or another ${family} among controllerManager.extraArgs`
    const place = { kind: 'ClusterConfiguration', path: ['networking', 'podSubnet'] } as const
    if (prefixLength > mask)
      report('error', place, `${text} is smaller than the /${mask} that each node gets of it${flag}`, { hint })
    else if (mask - prefixLength > MOST_NODE_BITS)
      report(
        'error',
        place,
        `${text} holds more than 2^${MOST_NODE_BITS} times the /${mask} that each node gets of it${flag}`,
        {
          hint: hint.replace('larger', 'smaller'),
        },
      )
  }
}
