import type { Argument, ControlPlane } from '../../config/control-plane.js'
import type { IpAddress } from '../../crypto/ip.js'
import type { ExternalEtcd } from '../../kubernetes/cluster-fields.js'
import type { Cidr } from '../../kubernetes/net.js'
import type { KubernetesVersion } from '../../kubernetes/versions.js'
import type { HostFile } from '../../render/host-file.js'
import type { PreflightRole } from './check.js'

/** What is to be made on a host, as far as its preflight checks want to know. */
export interface PreflightSubject {
  readonly role: PreflightRole
  /** Of which it was made. Default: it is that of a worker */
  readonly controlPlane?: ControlPlane
  readonly version: KubernetesVersion
  readonly nodeName: string
  /** With or without its scheme. */
  readonly criSocket: string
  /** The host's own API server; `undefined` for a worker. */
  readonly api: { readonly address: IpAddress; readonly port: number } | undefined
  /** What others reach the cluster by: `controlPlaneEndpoint`, or where a host that joins asks. Default: none */
  readonly endpoint: { readonly host: string; readonly port: number } | undefined
  readonly serviceSubnets: readonly Cidr[]
  readonly podSubnets: readonly Cidr[]
  /** Addresses that components are told to bind to, by component. Default: what the component does by itself */
  readonly bindAddresses: Readonly<Record<string, string>>
  /** Data directory of an etcd of this host. `undefined`: it has none */
  readonly etcdDataDir: string | undefined
  readonly externalEtcd: ExternalEtcd | undefined
  readonly certificatesDir: string
  /** Directory of patch files. `undefined`: none was named */
  readonly patchesDir: string | undefined
  /** The kubelet is told to run on a host with swap. */
  readonly allowsSwap: boolean
  /** The kubelet is told to run with cgroups v1. */
  readonly allowsCgroupV1: boolean
  /** Files that the run would write; those that are there already as they are to be are its own. */
  readonly files: readonly HostFile[]
  /** The run replaces what an earlier one has made and nobody has changed. */
  readonly overwrites: boolean
}

/** Facts of a preflight that the control plane does not say. */
export interface PreflightSubjectOptions {
  /** Default: `init` */
  readonly role?: PreflightRole
  /** See {@link PreflightSubject.files}. Default: none are known, and any that is there is in the way */
  readonly files?: readonly HostFile[]
  /** Default: false */
  readonly overwrite?: boolean
}

/** What preflight checks of a control plane look at. */
export function preflightSubject(controlPlane: ControlPlane, options: PreflightSubjectOptions = {}): PreflightSubject {
  const { role = 'init', files = [], overwrite = false } = options
  const { cluster, localEtcd, node, kubeletConfiguration } = controlPlane
  const components: Readonly<Record<string, readonly Argument[]>> = {
    'kube-apiserver': controlPlane.apiServer.extraArgs,
    'kube-controller-manager': controlPlane.controllerManager.extraArgs,
    'kube-scheduler': controlPlane.scheduler.extraArgs,
  }
  const bound = Object.entries(components).flatMap(([component, args]) => {
    const address = args.findLast(({ name }) => name === 'bind-address')?.value
    return address === undefined ? [] : [[component, address] as const]
  })
  const isWorker = role === 'join-worker'
  return {
    role,
    ...(isWorker ? {} : { controlPlane }),
    version: cluster.kubernetesVersion,
    nodeName: cluster.nodeName,
    criSocket: node.criSocket,
    api: isWorker ? undefined : { address: cluster.advertiseAddress, port: cluster.bindPort },
    endpoint: cluster.controlPlaneEndpoint,
    serviceSubnets: cluster.serviceSubnets,
    podSubnets: cluster.podSubnets,
    bindAddresses: Object.fromEntries(bound),
    etcdDataDir: isWorker ? undefined : localEtcd?.dataDir,
    externalEtcd: isWorker ? undefined : cluster.externalEtcd,
    certificatesDir: cluster.certificatesDir,
    patchesDir: controlPlane.patchesDir,
    allowsSwap: kubeletConfiguration?.['failSwapOn'] === false,
    allowsCgroupV1: kubeletConfiguration?.['failCgroupV1'] === false,
    files,
    overwrites: overwrite,
  }
}
