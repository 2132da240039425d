import type { Cluster } from '../kubernetes/cluster.js'
import { parseDuration } from '../kubernetes/duration.js'
import type { YamlObject } from '../yaml-scalars.js'
import { checkControlPlane } from './check-control-plane.js'
import { hostDocument } from './facts.js'
import { type ConfigProblem, throwFirst } from './problems.js'
import type { Description } from './resolve.js'
import { type ControlPlaneOptions, resolveConfiguration } from './resolve-configuration.js'
import type { Configuration, Struct } from './types.js'

/** One argument of a component's command line, without the dashes. */
export interface Argument {
  readonly name: string
  readonly value: string
}

/** What a description says about one component of the control plane, beyond the defaults. */
export interface ComponentOptions {
  readonly extraArgs: readonly Argument[]
  readonly extraVolumes: readonly Required<Struct<'HostPathMount'>>[]
  /** core/v1 EnvVar, as they were written. */
  readonly extraEnvs: readonly Struct<'EnvVar'>[]
}

/** Where an image is taken from, where that is not the default. */
export interface ImageOverride {
  readonly imageRepository?: string
  readonly imageTag?: string
}

/** How long to wait, in seconds; names are kubeadm's. */
export type TimeoutSeconds = Readonly<Record<keyof Required<Struct<'Timeouts'>>, number>>

/**
 * A control plane's first host, as it is to be: the {@link Cluster}, and everything that `init` does beyond its certificates.
 * Parsed, validated, every default filled in.
 */
export interface ControlPlane {
  readonly cluster: Cluster
  readonly apiServer: ComponentOptions
  readonly controllerManager: ComponentOptions
  readonly scheduler: ComponentOptions
  /** `undefined`: etcd is elsewhere, see `cluster.externalEtcd`. */
  readonly localEtcd:
    | (ImageOverride & {
        readonly dataDir: string
        readonly extraArgs: readonly Argument[]
        readonly extraEnvs: readonly Struct<'EnvVar'>[]
      })
    | undefined
  /** e.g. `registry.k8s.io` */
  readonly imageRepository: string
  readonly dns: ImageOverride & { readonly isDisabled: boolean }
  readonly proxy: { readonly isDisabled: boolean }
  readonly node: {
    /** With its scheme, e.g. `unix:///var/run/containerd/containerd.sock`. */
    readonly criSocket: string
    readonly taints: readonly Struct<'Taint'>[]
    readonly kubeletExtraArgs: readonly Argument[]
    readonly imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never'
    readonly imagePullSerial: boolean
  }
  /** As they were given, without defaults; secrets. One without a `token` is to get a random one. Default: none */
  readonly bootstrapTokens: readonly Struct<'BootstrapToken'>[]
  /** 64 hex digits; a secret. */
  readonly certificateKey: string | undefined
  readonly timeoutSeconds: TimeoutSeconds
  readonly skipPhases: readonly string[]
  /** Names of preflight checks, lower-cased. */
  readonly ignorePreflightErrors: readonly string[]
  /** Directory of patch files, on the host. */
  readonly patchesDir: string | undefined
  /** The person's own KubeletConfiguration and KubeProxyConfiguration, `apiVersion` and `kind` included. */
  readonly kubeletConfiguration: YamlObject | undefined
  readonly kubeProxyConfiguration: YamlObject | undefined
  /** The configuration asks for a dry run. */
  readonly isDryRun: boolean
  /** The same as kubeadm's kinds (v1beta4), every default filled in; the facts that flags gave are in it. */
  readonly configuration: Configuration
}

/** A control plane, and everything that is wrong with it. */
export interface ResolvedControlPlane {
  /** `undefined` when a problem is an error. */
  readonly controlPlane: ControlPlane | undefined
  /** Those that the description has not said itself. */
  readonly problems: readonly ConfigProblem[]
}

/**
 * Makes a control plane of a described cluster: flag over file over default. Where the description is that of a host that joins
 * (a JoinConfiguration without an InitConfiguration), what is the host's comes from there.
 *
 * Never throws for what was said: everything wrong is in `problems`, errors and warnings.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/util/config/initconfiguration.go, .../apis/kubeadm/validation/validation.go
 */
export function resolveControlPlane(
  description: Description & { readonly cluster: Cluster },
  options: ControlPlaneOptions = {},
): ResolvedControlPlane {
  const { stated, configuration } = resolveConfiguration(description, options)
  const { flags = {}, isThisHost = true } = options
  const { cluster, origins } = description
  const address = isThisHost || origins.advertiseAddress.kind !== 'detected' ? cluster.advertiseAddress : undefined
  const problems = checkControlPlane({ description, flags, address, stated, configuration })
  const isBroken = problems.some(({ severity }) => severity === 'error')
  return { controlPlane: isBroken ? undefined : controlPlaneOf(cluster, stated, configuration), problems }
}

/**
 * As {@link resolveControlPlane}, for those who need a control plane or nothing.
 *
 * @throws `UsageError` the first error, with its place
 */
export function parseControlPlane(
  description: Description & { readonly cluster: Cluster },
  options: ControlPlaneOptions = {},
): ControlPlane {
  const { controlPlane, problems } = resolveControlPlane(description, options)
  throwFirst(problems)
  if (!controlPlane) throw new TypeError('a description without errors has a control plane')
  return controlPlane
}

/** The value of a configuration that has been checked. */
function controlPlaneOf(cluster: Cluster, stated: Configuration, configuration: Configuration): ControlPlane {
  const { ClusterConfiguration: whole = {} } = configuration
  const isJoin = hostDocument(configuration) === 'JoinConfiguration'
  const host = (isJoin ? configuration.JoinConfiguration : configuration.InitConfiguration) ?? {}
  const { nodeRegistration: node = {}, timeouts = {} } = host
  const { local } = whole.etcd ?? {}
  const carried = (kind: string) => configuration.carried.find(document => document['kind'] === kind)
  return {
    cluster,
    apiServer: component(whole.apiServer),
    controllerManager: component(whole.controllerManager),
    scheduler: component(whole.scheduler),
    localEtcd: local && {
      ...imageOverride(local),
      dataDir: local.dataDir ?? '',
      extraArgs: local.extraArgs ?? [],
      extraEnvs: local.extraEnvs ?? [],
    },
    imageRepository: whole.imageRepository ?? '',
    dns: { ...imageOverride(whole.dns ?? {}), isDisabled: whole.dns?.disabled ?? false },
    proxy: { isDisabled: whole.proxy?.disabled ?? false },
    node: {
      criSocket: node.criSocket ?? '',
      taints: node.taints ?? [],
      kubeletExtraArgs: node.kubeletExtraArgs ?? [],
      imagePullPolicy: PULL_POLICIES.find(policy => policy === node.imagePullPolicy) ?? 'IfNotPresent',
      imagePullSerial: node.imagePullSerial ?? true,
    },
    bootstrapTokens: stated.InitConfiguration?.bootstrapTokens ?? [],
    certificateKey:
      (isJoin
        ? configuration.JoinConfiguration?.controlPlane?.certificateKey
        : configuration.InitConfiguration?.certificateKey) || undefined,
    timeoutSeconds: Object.fromEntries(
      Object.entries(timeouts).map(([name, text]) => [name, parseDuration(text) ?? 0]),
      // Every field of the struct has a default.
    ) as TimeoutSeconds,
    skipPhases: host.skipPhases ?? [],
    ignorePreflightErrors: (node.ignorePreflightErrors ?? []).map(name => name.toLowerCase()),
    patchesDir: host.patches?.directory || undefined,
    kubeletConfiguration: carried('KubeletConfiguration'),
    kubeProxyConfiguration: carried('KubeProxyConfiguration'),
    isDryRun: host.dryRun ?? false,
    configuration,
  }
}

const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'] as const

function component(options: Struct<'ControlPlaneComponent'> = {}): ComponentOptions {
  const volumes = options.extraVolumes ?? []
  return {
    extraArgs: options.extraArgs ?? [],
    extraVolumes: volumes.map(({ name = '', hostPath = '', mountPath = '', readOnly = false, pathType = '' }) => ({
      name,
      hostPath,
      mountPath,
      readOnly,
      pathType,
    })),
    extraEnvs: options.extraEnvs ?? [],
  }
}

function imageOverride({ imageRepository, imageTag }: ImageOverride): ImageOverride {
  return { ...(imageRepository ? { imageRepository } : {}), ...(imageTag ? { imageTag } : {}) }
}
