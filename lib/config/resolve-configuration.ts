import type { Cluster } from '../kubernetes/cluster.js'
import { has } from '../kubernetes/differences.js'
import { formatHostPort } from '../kubernetes/net.js'
import type { KubernetesVersion } from '../kubernetes/versions.js'
import type { YamlObject, YamlValue } from '../yaml-scalars.js'
import { type Decoded, withoutValue, withValue } from './convert.js'
import { REGISTRIES, withDefaults } from './defaults.js'
import { FACT_SOURCES, type FactName, hostDocument } from './facts.js'
import { flagItems, flagText, HOST_FLAG_ROWS, type HostFlagName, type HostFlags, hostFlagPlace } from './host-flags.js'
import type { Description } from './resolve.js'
import type { Configuration, Struct } from './types.js'

/** What a control plane is, beyond what the description of its cluster says. */
export interface ControlPlaneOptions {
  /** Default: none. */
  readonly flags?: HostFlags
  /** The container runtime's socket that was found on the host. Default: containerd's, `unix:///var/run/containerd/containerd.sock` */
  readonly criSocket?: string
  /**
   * It is that of the host that this runs on. Default: true; else an advertise address that was detected says nothing about that
   * host, and is not judged
   */
  readonly isThisHost?: boolean
}

/** A configuration, before and after its defaults. */
export interface ResolvedConfiguration {
  /** What the file and the flags say, and what was detected. */
  readonly stated: Configuration
  /** The same with every default of that Kubernetes version. */
  readonly configuration: Configuration
}

/** Writes everything that is known of a host into kubeadm's kinds (v1beta4): flag over file over default. */
export function resolveConfiguration(
  description: Description & { readonly cluster: Cluster },
  { flags = {}, criSocket }: ControlPlaneOptions,
): ResolvedConfiguration {
  const { cluster } = description
  const stated = withHostFlags(withFacts(description), flags)
  const { kubernetesVersion: version } = cluster
  const repository = has(version, 'oldImageRegistry') ? REGISTRIES.old : REGISTRIES.current
  const { InitConfiguration: init, ...configuration } = withDefaults(
    {
      ...stated,
      ...withDefaultTaints(stated, version),
      ClusterConfiguration: {
        ...stated.ClusterConfiguration,
        imageRepository: stated.ClusterConfiguration?.imageRepository || repository,
      },
    },
    criSocket === undefined ? {} : { criSocket },
  )
  // Defaults come as a pair with those of the cluster, and make the first host of one: a host that joins is none.
  return {
    stated,
    configuration:
      hostDocument(stated) === 'InitConfiguration' && init
        ? { ...configuration, InitConfiguration: init }
        : configuration,
  }
}

/** What the file says, with the facts that flags gave or that were detected, and each fact as it was understood. */
function withFacts({
  configuration,
  cluster,
  facts,
  origins,
}: Description & { readonly cluster: Cluster }): Configuration {
  const kind = hostDocument(configuration)
  let documents = {
    ...configuration,
    // kubeadm makes up the one that is not there.
    ...(kind === 'InitConfiguration' ? { InitConfiguration: configuration.InitConfiguration ?? {} } : {}),
    ClusterConfiguration: configuration.ClusterConfiguration ?? {},
  } as Decoded
  const understood: Partial<Record<FactName, YamlValue>> = {
    nodeName: cluster.nodeName,
    advertiseAddress: cluster.advertiseAddress.text,
    bindPort: cluster.bindPort,
    kubernetesVersion: cluster.kubernetesVersion.text,
    serviceSubnet: cluster.serviceSubnets.map(({ text }) => text).join(','),
    podSubnet: cluster.podSubnets.map(({ text }) => text).join(','),
    // kubeadm adds the port, too (v1.20.2, cmd/kubeadm/app/util/config/initconfiguration.go SetClusterDynamicDefaults).
    ...(cluster.controlPlaneEndpoint
      ? { controlPlaneEndpoint: formatHostPort(cluster.controlPlaneEndpoint.host, cluster.controlPlaneEndpoint.port) }
      : {}),
    encryptionAlgorithm: cluster.encryptionAlgorithm,
  }
  for (const name of Object.keys(FACT_SOURCES) as FactName[]) {
    const source = FACT_SOURCES[name]
    const isJoin = source.joinPath !== undefined && kind === 'JoinConfiguration'
    // A worker has no address of an API server.
    if (isJoin && source.joinPath[0] === 'controlPlane' && !configuration.JoinConfiguration?.controlPlane) continue
    const [document, path] = isJoin
      ? (['JoinConfiguration', source.joinPath] as const)
      : ([source.kind, source.path] as const)
    // The fact is less than what the file says of it: httpEndpoints are none of it.
    if (name === 'externalEtcd' && origins[name].kind === 'file') continue
    const value = facts[name] === undefined ? undefined : (understood[name] ?? (facts[name] as YamlValue))
    if (value !== undefined) documents = { ...documents, [document]: withValue(documents[document] ?? {}, path, value) }
    else if (origins[name].kind === 'flag')
      documents = { ...documents, [document]: withoutValue(documents[document] ?? {}, path) }
  }
  // The paths are those of the table that the type is made from.
  return { ...documents, carried: configuration.carried } as Configuration
}

/** The configuration with what flags say that are no facts. */
function withHostFlags(configuration: Configuration, flags: HostFlags): Configuration {
  let documents = configuration as Decoded
  for (const name of Object.keys(HOST_FLAG_ROWS) as HostFlagName[]) {
    const value = flagValue(name, configuration, flags)
    if (value === undefined) continue
    const { kind, path } = hostFlagPlace(name, configuration)
    const [list, index, field] = path
    // Tokens are for the first host of a cluster alone.
    if (typeof list === 'string' && typeof index === 'number' && typeof field === 'string') {
      if (kind !== 'InitConfiguration') continue
      const items = (documents[kind]?.[list] ?? []) as readonly YamlObject[]
      const item = { ...items[index], [field]: value }
      // One of these says when a token ends.
      const { expires: _, ...rest } = item
      documents = {
        ...documents,
        [kind]: { ...documents[kind], [list]: items.toSpliced(index, 1, field === 'ttl' ? rest : item) },
      }
    } else documents = { ...documents, [kind]: withValue(documents[kind] ?? {}, path as readonly string[], value) }
  }
  return { ...documents, carried: configuration.carried } as Configuration
}

function flagValue(name: HostFlagName, configuration: Configuration, flags: HostFlags): YamlValue | undefined {
  if (!('isList' in HOST_FLAG_ROWS[name])) return flagText(flags, name)
  const items = flagItems(flags, name)
  if (items === undefined || name !== 'ignorePreflightErrors') return items
  // The only one that adds to what the file says instead of taking its place (validation.go ValidateIgnorePreflightErrors).
  const stated = configuration[hostDocument(configuration)]?.nodeRegistration?.ignorePreflightErrors ?? []
  return [...new Set([...stated, ...items].map(each => each.toLowerCase()))]
}

/** The taints of a control plane, by the names of that version, where none are stated. */
function withDefaultTaints(stated: Configuration, version: KubernetesVersion): Partial<Configuration> {
  const kind = hostDocument(stated)
  const document = stated[kind]
  if (document?.nodeRegistration?.taints || (kind === 'JoinConfiguration' && !stated.JoinConfiguration?.controlPlane))
    return {}
  const keys = [
    ...(has(version, 'masterTaint') ? ['node-role.kubernetes.io/master'] : []),
    ...(has(version, 'controlPlaneTaint') ? ['node-role.kubernetes.io/control-plane'] : []),
  ]
  const taints: readonly Struct<'Taint'>[] = keys.map(key => ({ key, effect: 'NoSchedule' }))
  return { [kind]: { ...document, nodeRegistration: { ...document?.nodeRegistration, taints } } }
}
