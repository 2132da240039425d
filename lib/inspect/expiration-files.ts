import { CLUSTER_ADMINS } from '../kubernetes/groups.js'
import { type CertificateId, KUBECONFIG_IDS, type RowId } from '../kubernetes/rows.js'
import { certificatePath, filesOf } from '../tree/layout.js'
import { directoryOf } from './links.js'
import { isRotated } from './store-inputs.js'
import type { InspectedCertificate, InspectedKubeconfig, Inspection, Place } from './types.js'

/** A certificate in the order in which its file has it. */
export interface PlacedCertificate {
  /** Counted from 1. */
  readonly number: number
  readonly index: number
  readonly found: InspectedCertificate
  readonly place: Place
}

/** What reads as a certificate's number within its file, as the reader of PEM names it. */
const NUMBERED = /^(\d+)(?:st|nd|rd|th) certificate$/

/** The certificates that stand in files themselves, by file; those inside of kubeconfigs and manifests are not among them. */
export function certificatesByFile({ certificates }: Inspection): ReadonlyMap<string, readonly PlacedCertificate[]> {
  const files = new Map<string, PlacedCertificate[]>()
  for (const [index, found] of certificates.entries()) {
    for (const place of found.places) {
      const { file, part } = place
      const number = part === undefined || part === 'certificate' ? 1 : Number(NUMBERED.exec(part)?.[1] ?? 0)
      if (number === 0) continue
      const list = files.get(file) ?? []
      files.set(file, list)
      list.push({ number, index, found, place })
    }
  }
  for (const list of files.values()) list.sort((a, b) => a.number - b.number)
  return files
}

/** kubeadm's rows of leaf certificates, sorted as kubeadm does; kubelet.conf is none of them. */
const KUBEADM_LEAVES: readonly RowId[] = [
  ...(['apiserver', 'apiserver-etcd-client', 'apiserver-kubelet-client', 'etcd-healthcheck-client'] as const),
  ...(['etcd-peer', 'etcd-server', 'front-proxy-client'] as const),
  ...KUBECONFIG_IDS.filter(id => id !== 'kubelet.conf'),
].sort()
const CAS = ['ca', 'etcd-ca', 'front-proxy-ca'] as const satisfies readonly CertificateId[]
/** What nobody has but a member of etcd that kubeadm runs. */
const ETCD_OWN = ['etcd-healthcheck-client', 'etcd-peer', 'etcd-server'] as const satisfies readonly CertificateId[]

/** The rows that a tree has, or should have: what is not there is told as missing only where it belongs. */
export interface ExpectedRows {
  readonly leaves: readonly RowId[]
  readonly cas: readonly CertificateId[]
}

/**
 * Which of kubeadm's rows to report on: on a control plane all of them, those of etcd where it has a member of its own, and
 * `super-admin.conf` where `admin.conf` is of the kind that goes with it (kubeadm 1.29 and later); elsewhere what there is.
 *
 * @param files - tree paths of all files
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/certs/renewal/manager.go (NewManager)
 */
export function expectedRows(files: ReadonlySet<string>, adminGroups: readonly string[]): ExpectedRows {
  const isThere = (id: RowId) => filesOf(id).some(({ path }) => files.has(path))
  const hasEtcd = files.has('manifests/etcd.yaml') || files.has('pki/etcd/ca.key') || ETCD_OWN.some(isThere)
  const isControlPlane =
    files.has('manifests/kube-apiserver.yaml') ||
    isThere('sa') ||
    files.has('pki/ca.key') ||
    KUBEADM_LEAVES.some(isThere)
  const isEtcds = (id: RowId) => id.includes('etcd')
  const isWanted = (id: RowId) =>
    isThere(id) ||
    (isControlPlane && (!isEtcds(id) || hasEtcd) && (id !== 'super-admin.conf' || adminGroups.includes(CLUSTER_ADMINS)))
  return { leaves: KUBEADM_LEAVES.filter(isWanted), cas: CAS.filter(isWanted) }
}

/** Names of the certificates that a kubelet keeps for itself, by their path; the first one of a name that there is has it. */
export const KUBELET_FILES = [
  ['kubelet-client', 'kubelet/pki/kubelet-client-current.pem'],
  ['kubelet-server', 'kubelet/pki/kubelet-server-current.pem'],
  ['kubelet-server', 'kubelet/pki/kubelet.crt'],
] as const

/** Which files of the kubelet there are, by the name that they go by. */
export function kubeletFiles(files: ReadonlySet<string>): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const [name, path] of KUBELET_FILES) if (files.has(path) && !found.has(name)) found.set(name, path)
  return found
}

/**
 * What lies in a tree and is out of use: certificates that the kubelet has replaced by newer ones, what kubeadm has put aside.
 * Their end is nobody's concern.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/constants/constants.go (TempDirForKubeadm)
 */
export function isPutAside(path: string): boolean {
  return isRotated(path) || path.startsWith('tmp/') || path.startsWith('pki/expired/')
}

/** Files that should hold a certificate by their name, and of which it is told when nobody can say when it ends. */
export function namesCertificate(path: string): boolean {
  return /(?:\.(?:crt|cer|pem|der|conf)|kubeconfig)$/i.test(path) && !/-key\.pem$/.test(path)
}

/**
 * Finds the file of a tree that a kubeconfig names, wherever the tree itself is.
 *
 * @param located - tree paths by where they are
 */
export function findNamed(
  name: string,
  { place }: InspectedKubeconfig,
  files: ReadonlySet<string>,
  located: () => ReadonlyMap<string, string>,
): string | undefined {
  if (!name.startsWith('/')) {
    const path = `${directoryOf(place.file)}${name.replace(/^(?:\.\/)+/, '')}`
    return files.has(path) ? path : undefined
  }
  const atHome = [
    ['/etc/kubernetes/', ''],
    ['/var/lib/kubelet/', 'kubelet/'],
  ] as const
  for (const [home, below] of atHome) {
    const path = name.startsWith(home) ? `${below}${name.slice(home.length)}` : ''
    if (files.has(path)) return path
  }
  return located().get(name)
}

/** Path of the file that a row's certificate is in. */
export function pathOf(id: RowId): string {
  return filesOf(id).find(({ kind }) => kind === 'certificate' || kind === 'kubeconfig')?.path ?? certificatePath('ca')
}
