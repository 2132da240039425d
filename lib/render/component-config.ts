import { encodeUtf8 } from '../crypto/bytes.js'
import { sha256Now } from '../crypto/sha256.js'
import { UsageError } from '../errors.js'
import type { Cluster } from '../kubernetes/cluster.js'
import type { FieldProblem } from '../kubernetes/cluster-fields.js'
import { type DifferenceName, has } from '../kubernetes/differences.js'
import type { KubernetesVersion } from '../kubernetes/versions.js'
import { isYamlObject, type YamlObject, type YamlValue } from '../yaml-scalars.js'

/** A field of a component's configuration and what stands in it where nobody has said anything. */
export interface FieldRow {
  /** Keys from the root, joined with dots. */
  readonly path: string
  readonly value: YamlValue
}

/** A field that Go writes even when it is empty, because its type has no way to leave it out. */
export interface ZeroRow extends FieldRow {
  /** What versions have the field. Default: all */
  readonly when?: DifferenceName
}

/** A component's configuration as it is to be, and what in it is not as kubeadm would have it. */
export interface ComponentConfiguration {
  /** `apiVersion` and `kind` included. */
  readonly configuration: YamlObject
  /** All of them warnings; `field` begins with the kind, e.g. `KubeletConfiguration.staticPodPath`. */
  readonly problems: readonly FieldProblem[]
}

/**
 * Merges what a person wrote with kubeadm's defaults and the zero values that Go writes beside them. What was written stays as it
 * was written, fields that nobody here knows included; `null` and an empty text count as not written, as in Go.
 *
 * @param own - the person's document; `undefined`: there is none
 * @param defaults - what kubeadm sets; another value that was written stays, and is a warning
 * @throws {@link UsageError} `KPKI_FIELD_VALUE` where something else stands in the place of a mapping
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/componentconfigs/{kubelet,kubeproxy,utils}.go
 */
export function mergeConfiguration(
  type: { readonly apiVersion: string; readonly kind: string },
  own: YamlObject | undefined,
  defaults: readonly FieldRow[],
  zeros: readonly ZeroRow[],
  version: KubernetesVersion,
): ComponentConfiguration {
  const problems: FieldProblem[] = []
  let configuration: YamlObject = { ...(own ?? {}), ...type }
  for (const { path } of [...defaults, ...zeros]) assertMappings(configuration, path, type.kind)
  for (const { path, value } of defaults) {
    const found = valueAt(configuration, path)
    if (found === undefined || isUnset(found)) configuration = withValueAt(configuration, path, value)
    else if (!isSame(found, value)) problems.push(unusual(type.kind, path, found, value))
  }
  for (const { path, value, when } of zeros) {
    const found = valueAt(configuration, path)
    const isThere = found !== undefined && (found !== null || value === null)
    if (!isThere && (when === undefined || has(version, when))) configuration = withValueAt(configuration, path, value)
  }
  return { configuration, problems }
}

/** A warning about a value that was written and is kept. */
export function unusual(kind: string, path: string, found: YamlValue, value: YamlValue): FieldProblem {
  return {
    severity: 'warning',
    code: 'KPKI_FIELD_VALUE',
    field: `${kind}.${path}`,
    message: `is ${JSON.stringify(found)}, where ${JSON.stringify(value)} fits the cluster; it is kept`,
  }
}

/** On the way to a field stand mappings, or nothing yet. */
function assertMappings(configuration: YamlObject, path: string, kind: string): void {
  const keys = path.split('.')
  for (let length = 1; length < keys.length; length++) {
    const parent = keys.slice(0, length).join('.')
    const value = valueAt(configuration, parent)
    if (value === undefined || value === null || isYamlObject(value)) continue
    const field = `${kind}.${parent}`
    throw new UsageError('KPKI_FIELD_VALUE', `${field}: is no mapping`, { details: { field } })
  }
}

function isUnset(value: YamlValue): boolean {
  return value === null || value === ''
}

/** A value by its keys; `undefined` where there is none. */
export function valueAt(object: YamlObject, path: string): YamlValue | undefined {
  let value: YamlValue | undefined = object
  for (const key of path.split('.')) {
    if (!isYamlObject(value) || !Object.hasOwn(value, key)) return undefined
    value = value[key]
  }
  return value
}

/** The same with one value changed; mappings on the way are made, and what is no mapping gives way to one. */
export function withValueAt(object: YamlObject, path: string, value: YamlValue): YamlObject {
  const [key = '', ...rest] = path.split('.')
  if (rest.length === 0) return { ...object, [key]: value }
  const inner = Object.hasOwn(object, key) ? object[key] : undefined
  return { ...object, [key]: withValueAt(isYamlObject(inner) ? inner : {}, rest.join('.'), value) }
}

function isSame(a: YamlValue | undefined, b: YamlValue): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

/** Zero values of `logging`, which two kinds have. */
export function loggingZeros(when: DifferenceName): readonly ZeroRow[] {
  return [
    { path: 'logging.flushFrequency', value: 0, when },
    { path: 'logging.options.json.infoBufferSize', value: '0', when },
    { path: 'logging.options.text.infoBufferSize', value: '0', when: 'textLogging' },
    { path: 'logging.verbosity', value: 0, when },
  ]
}

/** kubeadm's feature gates that decide what is written, and since when they are on without being asked for. */
const GATES = {
  NodeLocalCRISocket: { isOn: 'nodeLocalCriSocket', canBeSet: 'nodeLocalCriSocketGate' },
  UnversionedKubeletConfigMap: { isOn: 'unversionedKubeletConfigMap', canBeSet: 'unversionedKubeletConfigMapGate' },
} as const satisfies Readonly<Record<string, { readonly isOn: DifferenceName; readonly canBeSet: DifferenceName }>>

/** Whether a feature gate of kubeadm is on in a cluster: as the description says where that version lets it, else the version's own. */
export function isGateOn({ kubernetesVersion, featureGates }: Cluster, gate: keyof typeof GATES): boolean {
  const { isOn, canBeSet } = GATES[gate]
  const asked = featureGates[gate]
  return asked !== undefined && has(kubernetesVersion, canBeSet) ? asked : has(kubernetesVersion, isOn)
}

/** kubeadm's feature gate for both IP families, handed down to the components of a node as long as there is one. */
export function dualStackGate({ kubernetesVersion, featureGates }: Cluster): readonly FieldRow[] {
  const value = featureGates['IPv6DualStack']
  return value === undefined || !has(kubernetesVersion, 'handsDualStackGateDown')
    ? []
    : [{ path: 'featureGates.IPv6DualStack', value }]
}

/** The annotation of a ConfigMap that says what kubeadm has put into it. */
export const COMPONENT_CONFIG_HASH = 'kubeadm.kubernetes.io/component-config.hash'

/**
 * What kubeadm signs the ConfigMap of a component's configuration with, so that an upgrade can tell its own from a person's: to be
 * left out where a person wrote the document.
 *
 * @param data - of the ConfigMap, without binaryData
 * @returns e.g. `sha256:…`
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/componentconfigs/checksums.go (ChecksumForConfigMap)
 */
export function componentConfigHash(data: Readonly<Record<string, string>>): string {
  // By bytes as Go sorts; the keys of a ConfigMap are ASCII.
  const keys = Object.keys(data).toSorted((a, b) => (a < b ? -1 : 1))
  return `sha256:${sha256Now(encodeUtf8(keys.map(key => data[key] ?? '').join('')))}`
}
