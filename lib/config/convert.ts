import { isYamlObject, type YamlObject, type YamlValue } from '../yaml-scalars.js'
import type { Report } from './problems.js'
import type { ApiVersion, KubeadmKind } from './schema.js'

/** Decoded documents by kind; the values of one are converted into fields of another. */
export type Decoded = Partial<Record<KubeadmKind, YamlObject>>

/** What one field that is no more becomes. */
interface Move {
  readonly kind: KubeadmKind
  /** Where it was, from the root of its document. */
  readonly from: readonly string[]
  /** Where it goes, by document and path. Default: nowhere. */
  readonly to?: { readonly kind: KubeadmKind; readonly path: readonly string[]; readonly value?: YamlValue }
  /** Only this value is moved; others stay. Default: any. */
  readonly when?: YamlValue
  /** Said as a warning. Default: nothing is. */
  readonly warning?: string
}

/**
 * What v1beta4 put elsewhere or left out; arguments have changed their shape already when they were decoded.
 *
 * @see kubernetes/kubernetes v1.31, cmd/kubeadm/app/apis/kubeadm/v1beta3/conversion.go; v1.22, .../v1beta2/conversion.go
 */
const MOVES: readonly Move[] = [
  {
    kind: 'ClusterConfiguration',
    from: ['apiServer', 'timeoutForControlPlane'],
    to: { kind: 'InitConfiguration', path: ['timeouts', 'controlPlaneComponentHealthCheck'] },
  },
  {
    kind: 'JoinConfiguration',
    from: ['discovery', 'timeout'],
    to: { kind: 'JoinConfiguration', path: ['timeouts', 'discovery'] },
  },
  {
    kind: 'ClusterConfiguration',
    from: ['featureGates', 'PublicKeysECDSA'],
    when: true,
    to: { kind: 'ClusterConfiguration', path: ['encryptionAlgorithm'], value: 'ECDSA-P256' },
  },
  { kind: 'ClusterConfiguration', from: ['dns', 'type'] },
  { kind: 'ClusterConfiguration', from: ['useHyperKubeImage'], when: false },
  {
    kind: 'ClusterConfiguration',
    from: ['useHyperKubeImage'],
    when: true,
    warning: 'there is no hyperkube image since v1.19; the components have images of their own',
  },
]

/** Turns decoded documents of an older version into v1beta4. */
export function convertDecoded(
  decoded: Decoded,
  versions: Readonly<Partial<Record<KubeadmKind, ApiVersion>>>,
  report: (kind: KubeadmKind) => Report,
): Decoded {
  let out = decoded
  for (const { kind, from, to, when, warning } of MOVES) {
    if (versions[kind] === undefined || versions[kind] === 'v1beta4') continue
    const value = at(out[kind], from)
    if (value === undefined || (when !== undefined && value !== when)) continue
    if (warning !== undefined) report(kind)(from, 'KPKI_FIELD_VALUE', warning, { severity: 'warning' })
    out = { ...out, [kind]: withoutValue(out[kind] ?? {}, from) }
    if (!to) continue
    // Only a document of its own makes a host the first one of its cluster: a host that joins keeps to what it has.
    const target =
      to.kind === 'InitConfiguration' && !out[to.kind] && out.JoinConfiguration ? 'JoinConfiguration' : to.kind
    if (at(out[target], to.path) === undefined)
      out = { ...out, [target]: withValue(out[target] ?? {}, to.path, to.value ?? value) }
  }
  return out
}

/** The value at a path; `undefined` where there is none. */
export function at(object: YamlValue | undefined, path: readonly string[]): YamlValue | undefined {
  return path.reduce<YamlValue | undefined>(
    (value, key) => (isYamlObject(value) && Object.hasOwn(value, key) ? value[key] : undefined),
    object,
  )
}

/** An object less one field, and less the mapping it stood in when that is empty now. */
export function withoutValue(object: YamlObject, [key = '', ...rest]: readonly string[]): YamlObject {
  const { [key]: child, ...others } = object
  if (rest.length === 0 || !isYamlObject(child)) return others
  const shrunk = withoutValue(child, rest)
  return Object.keys(shrunk).length === 0 ? others : { ...others, [key]: shrunk }
}

/** An object with a value at a path, mappings on the way made where there are none. */
export function withValue(object: YamlObject, [key = '', ...rest]: readonly string[], value: YamlValue): YamlObject {
  if (rest.length === 0) return { ...object, [key]: value }
  const child = object[key]
  return { ...object, [key]: withValue(isYamlObject(child) ? child : {}, rest, value) }
}
