import type { Cluster } from '../kubernetes/cluster.js'
import type { YamlObject } from '../yaml-scalars.js'
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
  /** Of the configuration alone, as they stand there; secrets. */
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
  /** The same as kubeadm's kinds (v1beta4), every default filled in; the facts that flags gave are in it. */
  readonly configuration: Configuration
}
