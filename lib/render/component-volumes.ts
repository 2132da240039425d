import type { ComponentOptions, ControlPlane } from '../config/control-plane.js'
import { UsageError } from '../errors.js'
import { type DifferenceName, has } from '../kubernetes/differences.js'
import { isWithin, joinPath } from '../kubernetes/paths.js'
import { lastArgument } from './arguments.js'
import type { StaticPodComponent } from './component-args.js'
import type { HostTraits } from './host-file.js'

/** A directory or file of the host that a component sees. */
export interface ComponentVolume {
  readonly name: string
  readonly hostPath: string
  readonly mountPath: string
  readonly readOnly: boolean
  /** core/v1 HostPathType; empty: nothing is checked. */
  readonly pathType: string
}

const CA_DIRS: readonly { readonly path: string; readonly when?: DifferenceName }[] = [
  { path: '/etc/pki', when: 'wholePkiDir' },
  { path: '/etc/pki/ca-trust', when: 'pkiSubdirs' },
  { path: '/etc/pki/tls/certs', when: 'pkiSubdirs' },
  { path: '/etc/ca-certificates' },
  { path: '/usr/share/ca-certificates' },
  { path: '/usr/local/share/ca-certificates' },
]

/**
 * Directories of trusted roots that some hosts have and that `/etc/ssl/certs` links to: `HostTraits.caDirs` says which.
 *
 * @see kubernetes/kubernetes v1.20.2 and v1.36, cmd/kubeadm/app/phases/controlplane/volumes.go (caCertsExtraVolumePaths)
 */
export const OPTIONAL_CA_DIRS: readonly string[] = CA_DIRS.map(({ path }) => path)

const FLEX_VOLUME_DIR = '/usr/libexec/kubernetes/kubelet-plugins/volume/exec'

/** The field of a description that adds volumes to a component; etcd has none. */
const EXTRA_VOLUMES = {
  'kube-apiserver': 'apiServer',
  'kube-controller-manager': 'controllerManager',
  'kube-scheduler': 'scheduler',
} as const satisfies Readonly<Partial<Record<StaticPodComponent, keyof ControlPlane>>>

/** What the description says about a component; `undefined` for etcd, which it describes in another way. */
export function optionsOf(component: StaticPodComponent, controlPlane: ControlPlane): ComponentOptions | undefined {
  return component === 'etcd' ? undefined : controlPlane[EXTRA_VOLUMES[component]]
}

/**
 * The volumes of a component, sorted by name: those that it needs, and those that the description adds; one that is added
 * with the name of another takes its place.
 *
 * @throws {@link UsageError} `KPKI_FIELD_CONFLICT` where two are mounted at one place or added with one name: the kubelet
 *   refuses such a Pod, and nothing says so where `init` waits
 */
export function componentVolumes(
  component: StaticPodComponent,
  controlPlane: ControlPlane,
  traits: HostTraits = {},
): readonly ComponentVolume[] {
  const extra = optionsOf(component, controlPlane)?.extraVolumes ?? []
  const field = component === 'etcd' ? '' : `${EXTRA_VOLUMES[component]}.extraVolumes`
  const byName = new Map(ownVolumes(component, controlPlane, traits).map(volume => [volume.name, volume]))
  for (const [index, volume] of extra.entries()) {
    const twice = extra.findIndex(({ name }) => name === volume.name)
    if (twice !== index)
      throw conflict(`${field}[${index}].name`, `${volume.name} is the name of ${field}[${twice}], too`)
    byName.set(volume.name, volume)
  }
  const volumes = [...byName.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))
  for (const [index, volume] of extra.entries()) {
    const other = volumes.find(({ name, mountPath }) => name !== volume.name && mountPath === volume.mountPath)
    if (other) {
      throw conflict(
        `${field}[${index}].mountPath`,
        `${volume.mountPath} is where ${other.name} is mounted, too`,
        other.name,
      )
    }
  }
  return volumes
}

function conflict(field: string, message: string, name?: string): UsageError {
  return new UsageError('KPKI_FIELD_CONFLICT', `${field}: ${message}`, {
    details: { field },
    hint: name === undefined ? 'take one of them out' : `to replace that volume, name this one ${name}`,
  })
}

const directory = (name: string, path: string, readOnly = true): ComponentVolume => ({
  name,
  hostPath: path,
  mountPath: path,
  readOnly,
  pathType: 'DirectoryOrCreate',
})

function ownVolumes(
  component: StaticPodComponent,
  controlPlane: ControlPlane,
  traits: HostTraits,
): readonly ComponentVolume[] {
  const pki = controlPlane.cluster.certificatesDir
  const kubeconfig = (file: string): ComponentVolume => ({
    ...directory('kubeconfig', `/etc/kubernetes/${file}`),
    pathType: 'FileOrCreate',
  })
  switch (component) {
    case 'etcd':
      return [
        directory('etcd-certs', `${pki}/etcd`, false),
        directory('etcd-data', controlPlane.localEtcd?.dataDir ?? '', false),
      ]
    case 'kube-apiserver': {
      const shared = [...trustedRoots(controlPlane, traits), directory('k8s-certs', pki)]
      return [...shared, ...externalEtcdDirs(controlPlane, shared)]
    }
    case 'kube-controller-manager':
      return [
        ...trustedRoots(controlPlane, traits),
        directory('k8s-certs', pki),
        kubeconfig('controller-manager.conf'),
        // Plugins make sockets there.
        directory(
          'flexvolume-dir',
          lastArgument(controlPlane.controllerManager.extraArgs, 'flex-volume-plugin-dir') ?? FLEX_VOLUME_DIR,
          false,
        ),
      ]
    case 'kube-scheduler':
      return [kubeconfig('scheduler.conf')]
  }
}

function trustedRoots({ cluster }: ControlPlane, { caDirs = [] }: HostTraits): readonly ComponentVolume[] {
  const there = CA_DIRS.filter(
    ({ path, when }) => caDirs.includes(path) && (when === undefined || has(cluster.kubernetesVersion, when)),
  )
  return [
    directory('ca-certs', '/etc/ssl/certs'),
    ...there.map(({ path }) => directory(path.slice(1).replaceAll('/', '-'), path)),
  ]
}

/**
 * Directories of what the API server shows to an etcd that is elsewhere, where they are not mounted already.
 *
 * kubeadm compares the beginnings of the texts: it takes `/etc/kubernetes/pki-etcd` for something in `/etc/kubernetes/pki`,
 * and the API server does not find its certificate. Here, paths are compared.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/controlplane/volumes.go (getEtcdCertVolumes)
 */
function externalEtcdDirs({ cluster }: ControlPlane, mounted: readonly ComponentVolume[]): readonly ComponentVolume[] {
  const { caFile, certFile, keyFile } = cluster.externalEtcd ?? {}
  const files = [caFile, certFile, keyFile].flatMap(file => (file ? [file] : []))
  const dirs = [...new Set(files.map(file => joinPath(file, '..')))]
    .filter(dir => !mounted.some(({ mountPath }) => isWithin(dir, mountPath)))
    .filter((dir, _, all) => !all.some(other => other !== dir && isWithin(dir, other)))
  return dirs.toSorted().map((dir, index) => directory(`etcd-certs-${index}`, dir))
}
