import { configurationOf, type FactName } from '../config/facts.js'
import { formatStatedConfiguration } from '../config/format.js'
import type { Configuration } from '../config/types.js'
import { type ClusterFacts, FACT_FIELDS } from '../kubernetes/cluster.js'
import type { TreePath } from '../tree/layout.js'
import { certificatePathOf } from './items.js'
import type { Inference } from './types.js'

/** One fact of a kubeadm configuration, as a tree says it. */
export interface InferredValue {
  readonly name: FactName
  /** kubeadm's path, e.g. `networking.serviceSubnet`. */
  readonly field: string
  /** As kubeadm.k8s.io/v1beta4 has it; `undefined` where the tree does not say. */
  readonly value: ClusterFacts[FactName] | undefined
  /** The file that says it. */
  readonly from: TreePath | undefined
  /** What the tree does say about what it does not, the end of a sentence. Default: nothing */
  readonly note?: string
}

/** Every fact of a kubeadm configuration, said or not, in the order of `FACT_FIELDS`. */
export function inferredValues(inference: Inference): readonly InferredValue[] {
  const { facts, from } = inference
  return (Object.keys(FACT_FIELDS) as FactName[]).map(name => {
    const note = facts[name] === undefined ? noteOn(name, inference) : undefined
    return {
      ...{ name, field: FACT_FIELDS[name], value: facts[name], from: from[name] },
      ...(note === undefined ? {} : { note }),
    }
  })
}

function noteOn(name: FactName, { serviceAddress, hasBoundAdmins }: Inference): string | undefined {
  if (name === 'serviceSubnet' && serviceAddress !== undefined)
    return `it begins before ${serviceAddress}, which is in ${certificatePathOf('apiserver')}`
  if (name === 'kubernetesVersion' && hasBoundAdmins !== undefined)
    return `${hasBoundAdmins ? '1.29 or later' : 'before 1.29'}, by the group of administrators`
  return undefined
}

/** The kubeadm configuration that states what a tree says of itself, and nothing else: a worker is one that joins. */
export function inferredConfiguration({ facts, role }: Inference): Configuration {
  const { InitConfiguration, ...rest } = configurationOf(facts)
  if (role !== 'worker') return { ...rest, ...(InitConfiguration ? { InitConfiguration } : {}) }
  const { nodeRegistration } = InitConfiguration ?? {}
  return { ...rest, JoinConfiguration: nodeRegistration ? { nodeRegistration } : {} }
}

/**
 * The same as a file to keep, kubeadm.k8s.io/v1beta4, with a comment that says what is missing in it.
 *
 * @param name - how people call the tree, e.g. `/etc/kubernetes`
 */
export function formatInference(inference: Inference, name: string): string {
  const unsaid = inferredValues(inference).filter(({ value }) => value === undefined)
  const comments = [
    // A name may hold anything; a line end would end the comment.
    `What ${JSON.stringify(name)} says of itself. What it does not say is left out, and is not judged:`,
    ...unsaid.map(({ field, note }) => `  ${field}${note === undefined ? '' : `: ${note}`}`),
  ]
  return `${comments.map(line => `# ${line}\n`).join('')}${formatStatedConfiguration(inferredConfiguration(inference))}`
}
