/** How a field of a struct is merged. Fields that are not named are mappings without rules, or lists that are replaced whole. */
export interface MergeRow {
  /** The struct in it, by the name of its row. Default: one without rules */
  readonly struct?: string
  /** A list whose items are told apart by this field of theirs. */
  readonly key?: string
  /** A list of words that are put together. */
  readonly isSet?: true
}

const WORKLOAD = { metadata: { struct: 'ObjectMeta' }, spec: { struct: 'WorkloadSpec' } } as const
const CONTAINERS = { struct: 'Container', key: 'name' } as const

/**
 * Which lists a strategic merge patch merges, and by what, in the kinds that are patched here. A KubeletConfiguration has none.
 *
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/api/core/v1/types.go, .../apps/v1/types.go,
 *   .../apimachinery/pkg/apis/meta/v1/types.go: the tags `patchStrategy` and `patchMergeKey`; `resourceClaims` and
 *   `schedulingGates` came with v1.26
 */
export const MERGE_KEYS: Readonly<Record<string, Readonly<Record<string, MergeRow>>>> = {
  Pod: { metadata: { struct: 'ObjectMeta' }, spec: { struct: 'PodSpec' } },
  Deployment: WORKLOAD,
  DaemonSet: WORKLOAD,
  WorkloadSpec: { template: { struct: 'Pod' } },
  ObjectMeta: { finalizers: { isSet: true }, ownerReferences: { key: 'uid' } },
  PodSpec: {
    containers: CONTAINERS,
    initContainers: CONTAINERS,
    ephemeralContainers: CONTAINERS,
    volumes: { key: 'name' },
    imagePullSecrets: { key: 'name' },
    hostAliases: { key: 'ip' },
    topologySpreadConstraints: { key: 'topologyKey' },
    resourceClaims: { key: 'name' },
    schedulingGates: { key: 'name' },
  },
  Container: {
    ports: { key: 'containerPort' },
    env: { key: 'name' },
    volumeMounts: { key: 'mountPath' },
    volumeDevices: { key: 'devicePath' },
  },
}
