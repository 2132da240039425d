import { type ControlPlane, resolveControlPlane } from '../config/control-plane.js'
import { hostDocument } from '../config/facts.js'
import type { ConfigProblem } from '../config/problems.js'
import type { Description } from '../config/resolve.js'
import type { ControlPlaneOptions } from '../config/resolve-configuration.js'
import type { Cluster } from '../kubernetes/cluster.js'
import { componentProblems } from './component-problems.js'

/**
 * What is wrong with a control plane that is described here and made elsewhere, and with what its components would be given: an
 * address that was detected on this machine says nothing about that one, and is not judged.
 */
export function checkDescription(
  description: Description & { readonly cluster: Cluster },
  options: ControlPlaneOptions = {},
): readonly ConfigProblem[] {
  const { controlPlane, problems } = resolveControlPlane(description, { ...options, isThisHost: false })
  if (!controlPlane) return problems
  const isDetected = description.origins.advertiseAddress.kind === 'detected'
  const found = checkComponents(description, controlPlane).filter(({ field }) => !(isDetected && field === OF_ADDRESS))
  return [...problems, ...found]
}

/** What goes by the family of the advertise address. */
const OF_ADDRESS = 'KubeProxyConfiguration.bindAddress'

/** What is wrong with what the components of a described control plane would be given, with its place; hosts aside. */
export function checkComponents(description: Description, controlPlane: ControlPlane): readonly ConfigProblem[] {
  const { configuration, locate } = description
  return componentProblems(controlPlane, {}).map(problem => {
    const steps = problem.field.split(/[.[\]]+/).map(step => (/^[0-9]+$/.test(step) ? Number(step) : step))
    const [first, ...rest] = steps
    if (first === 'KubeletConfiguration' || first === 'KubeProxyConfiguration')
      return { ...problem, ...locate(first, rest) }
    const kind = first === 'nodeRegistration' ? hostDocument(configuration) : 'ClusterConfiguration'
    return { ...problem, ...locate(kind, steps) }
  })
}
