import type { Cluster } from '../kubernetes/cluster.js'
import type { YamlPath } from '../yaml.js'
import { isYamlObject, type YamlObject, type YamlValue } from '../yaml-scalars.js'
import { at } from './convert.js'
import { describeEffective, type EffectiveValue } from './describe.js'
import { FACT_SOURCES, hostDocument } from './facts.js'
import { flagText, HOST_FLAG_ROWS, type HostFlagName, hostFlagPlace } from './host-flags.js'
import { formatPath } from './problems.js'
import type { Description, Origin } from './resolve.js'
import { type ControlPlaneOptions, resolveConfiguration } from './resolve-configuration.js'
import { type CarriedKind, type FieldRow, type KubeadmKind, STRUCTS, type StructName } from './schema.js'

const WITHHELD = '***'

/**
 * Every value that counts for a control plane, and where it came from: first the facts of its cluster, then what else kubeadm's
 * kinds say of it, and what component configurations state. Secrets are withheld.
 *
 * @param options - as for `resolveControlPlane`
 */
export function describeControlPlane(
  description: Description & { readonly cluster: Cluster },
  options: ControlPlaneOptions = {},
): readonly EffectiveValue[] {
  const { configuration } = resolveConfiguration(description, options)
  const host = hostDocument(configuration)
  const originOf = originsOf(description, options)
  const rows = ([host, 'ClusterConfiguration'] as const).flatMap(kind =>
    leaves(configuration[kind] as YamlObject, kind, factPaths(host, kind)).map(({ path, value }) => ({
      field: formatPath(path),
      value,
      origin: originOf(kind, path),
    })),
  )
  const carried = configuration.carried.flatMap(({ apiVersion: _, kind, ...fields }) =>
    Object.entries(fields).map(([field, value]) => ({
      field: `${String(kind)}.${field}`,
      // It may hold what a server is asked with.
      value: field === 'staticPodURLHeader' ? WITHHELD : value,
      origin: placeOf(description, kind as CarriedKind, [field]),
    })),
  )
  return [...describeEffective(description.cluster, description.origins), ...rows, ...carried]
}

/** Paths that are facts of the cluster, and described as such. */
function factPaths(host: KubeadmKind, kind: KubeadmKind): ReadonlySet<string> {
  return new Set(
    Object.values(FACT_SOURCES).flatMap(source => {
      if (kind === 'JoinConfiguration') return source.joinPath ? [formatPath(source.joinPath)] : []
      return source.kind === kind || (kind === host && source.kind === 'InitConfiguration')
        ? [formatPath(source.path)]
        : []
    }),
  )
}

/** The values of a struct, mappings of it taken apart; what is empty is left out. */
function leaves(
  object: YamlObject,
  struct: StructName,
  without: ReadonlySet<string>,
  path: YamlPath = [],
): readonly { readonly path: YamlPath; readonly value: YamlValue }[] {
  return Object.entries<FieldRow>(STRUCTS[struct]).flatMap(([name, { type, isSecret }]) => {
    const value = object[name]
    const here = [...path, name]
    if (value === undefined || without.has(formatPath(here))) return []
    if (isSecret) return value === '' ? [] : [{ path: here, value: WITHHELD }]
    if (isYamlObject(value) && Object.hasOwn(STRUCTS, type)) return leaves(value, type as StructName, without, here)
    return [{ path: here, value: withhold(value, type) }]
  })
}

/** A list whose items have secrets in them, less these; of a token its id is none. */
function withhold(value: YamlValue, type: string): YamlValue {
  const struct = type.replace('[]', '')
  if (!Array.isArray(value) || !Object.hasOwn(STRUCTS, struct)) return value
  const rows: Readonly<Record<string, FieldRow>> = STRUCTS[struct as StructName]
  return (value as readonly YamlValue[]).map(item =>
    isYamlObject(item)
      ? Object.fromEntries(
          Object.entries(item).map(([name, field]) => [
            name,
            rows[name]?.isSecret
              ? String(field).replace(/(?<=^[a-z0-9]{6}\.).*$|^(?![a-z0-9]{6}\.).*$/s, WITHHELD)
              : field,
          ]),
        )
      : item,
  )
}

function originsOf(
  description: Description,
  { flags = {}, criSocket }: ControlPlaneOptions,
): (kind: KubeadmKind, path: YamlPath) => Origin {
  const given = (Object.keys(HOST_FLAG_ROWS) as HostFlagName[]).flatMap(name => {
    if (flagText(flags, name) === undefined) return []
    const { kind, path } = hostFlagPlace(name, description.configuration)
    // What is in a list is described with the list.
    const list = path.findIndex(step => typeof step === 'number')
    return [{ kind, field: formatPath(list < 0 ? path : path.slice(0, list)), flag: HOST_FLAG_ROWS[name].flag }]
  })
  return (kind, path) => {
    const field = formatPath(path)
    const flag = given.find(each => each.kind === kind && each.field === field)?.flag
    if (flag !== undefined) return { kind: 'flag', flag }
    const stated = at(description.configuration[kind] as YamlObject | undefined, path as readonly string[])
    if (stated !== undefined && stated !== '') return placeOf(description, kind, path)
    if (field === 'nodeRegistration.criSocket' && criSocket !== undefined)
      return { kind: 'detected', from: 'the sockets of the host' }
    return { kind: 'default' }
  }
}

function placeOf(description: Description, kind: KubeadmKind | CarriedKind, path: YamlPath): Origin {
  const place = description.locate(kind, path)
  return place ? { kind: 'file', ...place } : { kind: 'default' }
}
