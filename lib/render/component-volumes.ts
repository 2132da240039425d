import type { ComponentOptions, ControlPlane } from '../config/control-plane.js'
import { throwFirst } from '../config/problems.js'
import { type FieldProblem, quote } from '../kubernetes/cluster-fields.js'
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
 * @throws {@link UsageError} `KPKI_FIELD_CONFLICT` where two are mounted at one place, see {@link volumeProblems}
 */
export function componentVolumes(
  component: StaticPodComponent,
  controlPlane: ControlPlane,
  traits: HostTraits = {},
): readonly ComponentVolume[] {
  throwFirst(volumeProblems(component, controlPlane, traits))
  return volumesOf(component, controlPlane, traits)
}

/**
 * Volumes that the description adds at the place of another one: the kubelet refuses such a Pod, and nothing says so where `init`
 * waits.
 */
export function volumeProblems(
  component: StaticPodComponent,
  controlPlane: ControlPlane,
  traits: HostTraits = {},
): readonly FieldProblem[] {
  if (component === 'etcd') return []
  const volumes = volumesOf(component, controlPlane, traits)
  return controlPlane[EXTRA_VOLUMES[component]].extraVolumes.flatMap(({ name, mountPath }, index) => {
    const other = volumes.find(volume => volume.name !== name && volume.mountPath === mountPath)
    return other === undefined
      ? []
      : [
          {
            severity: 'error',
            code: 'KPKI_FIELD_CONFLICT',
            field: `${EXTRA_VOLUMES[component]}.extraVolumes[${index}].mountPath`,
            message: `${quote(mountPath)} is where ${other.name} is mounted, too`,
            hint: `to replace that volume, name this one ${other.name}`,
          },
        ]
  })
}

function volumesOf(
  component: StaticPodComponent,
  controlPlane: ControlPlane,
  traits: HostTraits,
): readonly ComponentVolume[] {
  const extra = optionsOf(component, controlPlane)?.extraVolumes ?? []
  const byName = new Map([...ownVolumes(component, controlPlane, traits), ...extra].map(each => [each.name, each]))
  return [...byName.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))
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
