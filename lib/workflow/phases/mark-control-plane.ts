import type { ControlPlane } from '../../config/control-plane.js'
import type { Struct } from '../../config/types.js'
import { has } from '../../kubernetes/differences.js'
import type { KubernetesObject } from '../../kubernetes/objects.js'
import type { KubernetesVersion } from '../../kubernetes/versions.js'
import { mappingOf, patchNode } from '../patch-node.js'
import { outcomeOf } from './actions.js'
import type { InitRun } from './init-run.js'
import type { Action, Phase } from './phase.js'

/** Marks the Node as one of the control plane, so that load balancers and ordinary Pods keep away. */
export const MARK_CONTROL_PLANE: Phase<InitRun> = {
  name: 'mark-control-plane',
  about: 'label the node as one of the control plane, and taint it',
  isInCluster: true,
  plan: ({ controlPlane }) => [markControlPlane(controlPlane)],
}

/**
 * Labels of a control plane's Node; all of them are empty.
 *
 * @see kubernetes/kubernetes v1.20.2 and master of 2025, cmd/kubeadm/app/phases/markcontrolplane/markcontrolplane.go
 */
export function controlPlaneLabels(version: KubernetesVersion): readonly string[] {
  return [
    ...(has(version, 'masterLabel') ? ['node-role.kubernetes.io/master'] : []),
    'node-role.kubernetes.io/control-plane',
    ...(has(version, 'excludesFromLoadBalancers') ? ['node.kubernetes.io/exclude-from-external-load-balancers'] : []),
  ]
}

/** Labels and taints a Node, once it is there; what else is on it stays. */
function markControlPlane({ cluster, node, timeoutSeconds }: ControlPlane): Action {
  const labels = controlPlaneLabels(cluster.kubernetesVersion)
  const { nodeName } = cluster
  const what = `Node ${nodeName}: ${[...labels, ...node.taints.map(formatTaint)].join(', ')}`
  return {
    kind: 'node',
    about: `mark ${what}`,
    objects: [
      {
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name: nodeName, labels: Object.fromEntries(labels.map(label => [label, ''])) },
        ...(node.taints.length === 0 ? {} : { spec: { taints: node.taints.map(taintObject) } }),
      },
    ],
    async apply({ connect, context, signal }) {
      const isChanged = await patchNode(
        nodeName,
        found => markPatch(found, labels, node.taints),
        await connect(),
        context,
        { timeoutSeconds: timeoutSeconds.kubernetesAPICall, signal },
      )
      return outcomeOf(isChanged ? [what] : [])
    },
  }
}

/** What a Node lacks of labels and taints; `undefined`: nothing. */
export function markPatch(
  node: KubernetesObject,
  labels: readonly string[],
  taints: readonly Struct<'Taint'>[],
): Readonly<Record<string, unknown>> | undefined {
  const actual = mappingOf(node.metadata['labels'])
  const missing = labels.filter(label => actual[label] !== '')
  const spec = mappingOf(node['spec'])
  const existing = Array.isArray(spec['taints']) ? (spec['taints'] as readonly unknown[]).map(mappingOf) : []
  const lacks = taints.some(taint => !existing.some(found => isSameTaint(found, taint)))
  if (missing.length === 0 && !lacks) return undefined
  // Of one key and effect there can be one taint only.
  const others = existing.filter(
    found => !taints.some(({ key, effect }) => found['key'] === key && found['effect'] === effect),
  )
  return {
    ...(missing.length === 0 ? {} : { metadata: { labels: Object.fromEntries(missing.map(label => [label, ''])) } }),
    ...(lacks ? { spec: { taints: [...taints.map(taintObject), ...others] } } : {}),
  }
}

function taintObject({ key = '', value, effect = '', timeAdded }: Struct<'Taint'>) {
  return {
    key,
    ...(value ? { value } : {}),
    effect,
    ...(timeAdded ? { timeAdded } : {}),
  }
}

function isSameTaint(found: Readonly<Record<string, unknown>>, { key, value, effect }: Struct<'Taint'>): boolean {
  return found['key'] === key && found['effect'] === effect && (found['value'] ?? '') === (value ?? '')
}

function formatTaint({ key = '', value, effect = '' }: Struct<'Taint'>): string {
  return `${key}${value ? `=${value}` : ''}:${effect}`
}
