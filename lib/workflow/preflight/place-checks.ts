import { has } from '../../kubernetes/differences.js'
import { formatMode } from '../../tree/layout.js'
import { differenceOf } from '../phases/actions.js'
import {
  CONTROL_PLANE_ROLES,
  dashed,
  error,
  PREFLIGHT_ROLES,
  type PreflightCheck,
  type PreflightFiles,
  type PreflightSurroundings,
  type PreflightVerdict,
  well,
} from './check.js'
import { manifestOf, ownFileOf, whoseFile } from './own-files.js'
import type { PreflightSubject } from './subject.js'

/** A port of a host, and the component that wants it. */
interface WantedPort {
  readonly port: number
  readonly component: string
  /** Where it listens by itself, as newer kubeadm asks. `undefined`: on all addresses */
  readonly address: string | undefined
}

/** @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/constants/constants.go */
const PORTS = { scheduler: 10259, controllerManager: 10257, kubelet: 10250, etcdClient: 2379, etcdPeer: 2380 } as const
const LOOPBACK = '127.0.0.1'

function controlPlanePorts({ api, version, bindAddresses }: PreflightSubject): readonly WantedPort[] {
  if (!api) return []
  const hasAddress = has(version, 'preflightPortAddress')
  const want = (port: number, component: string, byItself?: string): WantedPort => {
    return { port, component, address: hasAddress ? (bindAddresses[component] ?? byItself) : undefined }
  }
  return [
    want(api.port, 'kube-apiserver'),
    want(PORTS.scheduler, 'kube-scheduler', LOOPBACK),
    want(PORTS.controllerManager, 'kube-controller-manager', LOOPBACK),
  ]
}

function etcdPorts({ etcdDataDir, api, version }: PreflightSubject): readonly WantedPort[] {
  if (etcdDataDir === undefined) return []
  const address = has(version, 'preflightPortAddress') ? api?.address.text : undefined
  return [PORTS.etcdClient, PORTS.etcdPeer].map(port => ({ port, component: 'etcd', address }))
}

async function lookAtPort(
  { port, component, address }: WantedPort,
  around: PreflightSurroundings,
): Promise<PreflightVerdict> {
  const state = await around.system.listen(address, port)
  if (state === 'free') return well()
  if (state === 'no-such-address') {
    return error(
      `port ${port} cannot be had: no interface of this host has the address ${address}`,
      'state an address of this host (--apiserver-advertise-address, bind-address)',
    )
  }
  if (state === 'forbidden')
    return error(`port ${port} cannot be had: this user may not listen there`, 'run it as root, e.g. with sudo')
  const own = await ownFileOf(component, around)
  if (own !== undefined)
    return well(`in use, as it is where ${component} runs: ${own} is there; by whom was not looked at`)
  return error(
    `Port ${port} is in use`,
    `find out by whom (ss -ltnp 'sport = :${port}') and stop it: ${component} wants it`,
  )
}

const portRow = (
  about: string,
  wanted: (subject: PreflightSubject) => readonly WantedPort[],
  roles: PreflightCheck['roles'],
): PreflightCheck => ({
  name: 'Port-N',
  about,
  severity: 'error',
  origin: 'kubeadm',
  mend: 'find out who listens there (ss -ltnp) and stop it; after an earlier cluster: kpki reset',
  roles,
  probes: subject =>
    wanted(subject).map(port => ({ name: `Port-${port.port}`, look: around => lookAtPort(port, around) })),
})

/** In kubeadm's order. */
const MANIFEST_PATHS = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'etcd'].map(manifestOf)

const MANIFESTS: PreflightCheck = {
  name: 'FileAvailable-PATH',
  about: 'no static Pod manifest of somebody else is where one is to be written',
  severity: 'error',
  origin: 'kubeadm',
  mend: 'move it away, or take the earlier cluster down with kpki reset; --overwrite for what kpki wrote itself',
  roles: CONTROL_PLANE_ROLES,
  isOfFiles: true,
  probes: () =>
    MANIFEST_PATHS.map(path => ({ name: `FileAvailable-${dashed(path)}`, look: around => lookAtFile(path, around) })),
}

/** A file that may only be there as this run would write it. */
async function lookAtFile(path: string, around: PreflightFiles): Promise<PreflightVerdict> {
  const { host, subject } = around
  const entry = await host.look(path)
  const place = host.locate(path)
  if (!entry) {
    const target = await host.linkTarget(path)
    return target === undefined ? well() : error(`${place} already exists, and is a link to nothing`, 'move it away')
  }
  if (entry.type !== 'file') return error(`${place} already exists, and is no file`, 'move it away')
  const whose = await whoseFile(path, around)
  const planned = subject.files.find(file => file.path === path)
  const difference = whose === 'same' && planned ? await differenceOf(planned, planned.bytes, host) : undefined
  if (whose === 'same' && difference === undefined) return well(`${place} is there as it is to be`)
  if (difference !== undefined && !subject.overwrites)
    return error(`${place} ${difference}`, `chmod it to ${formatMode(planned?.mode ?? 0)}, after a look at who has it`)
  if (whose !== 'foreign' && subject.overwrites) return well(`${place} is of an earlier run, and is replaced`)
  if (whose === 'earlier' && planned) {
    return error(
      `${place} already exists: an earlier run of kpki has made it of another description`,
      '--overwrite replaces it; --dry-run shows the difference',
    )
  }
  const text = new TextDecoder().decode(await host.read(path))
  return error(
    `${place} already exists${planned ? `, and ${whatIsForeign(text, new TextDecoder().decode(planned.bytes), subject)}` : ''}`,
    'it is not overwritten: move it away, or take the earlier cluster down with kpki reset (kubeadm reset)',
  )
}

/** How a manifest shows that it is of another cluster or host, or at least where it differs. */
function whatIsForeign(text: string, planned: string, { nodeName, api }: PreflightSubject): string {
  const [, node] = /--name=([^\s"']{1,253})/.exec(text) ?? []
  if (node !== undefined && node !== nodeName) return `is of the node ${node}, not of ${nodeName}`
  const [, address] = /--advertise-address=([^\s"']{1,45})/.exec(text) ?? []
  if (address !== undefined && api && address !== api.address.text)
    return `advertises ${address}, not ${api.address.text}`
  const [lines, wanted] = [text.split('\n'), planned.split('\n')]
  const first = lines.findIndex((line, index) => line !== wanted[index])
  return `differs from what would be written, first in line ${(first < 0 ? lines.length : first) + 1}`
}

/** Beside the manifests. */
export const OTHER_FILES: PreflightCheck = {
  name: 'FileAvailable-PATH',
  about: "no other file that the run would write, of the kubelet's or a unit, is somebody else's",
  severity: 'error',
  origin: 'kpki',
  mend: 'move it away, or take the earlier cluster down with kpki reset; --overwrite for what kpki wrote itself',
  roles: ['init'],
  isOfFiles: true,
  probes: ({ files }) =>
    files
      .filter(({ path }) => !MANIFEST_PATHS.includes(path))
      .map(({ path }) => ({ name: `FileAvailable-${dashed(path)}`, look: around => lookAtFile(path, around) })),
}

/** Of a host that joins. */
export const KUBELET_FILES: PreflightCheck = {
  name: 'FileAvailable-PATH',
  about: 'a host that joins has no kubeconfig of a kubelet yet, and a worker no CA',
  severity: 'error',
  origin: 'kubeadm',
  mend: 'the host is in a cluster already: kpki reset takes it out',
  roles: ['join-control-plane', 'join-worker'],
  isOfFiles: true,
  probes: ({ role, certificatesDir }) =>
    [
      '/etc/kubernetes/kubelet.conf',
      '/etc/kubernetes/bootstrap-kubelet.conf',
      ...(role === 'join-worker' ? [`${certificatesDir}/ca.crt`] : []),
    ].map(path => ({ name: `FileAvailable-${dashed(path)}`, look: around => lookAtFile(path, around) })),
}

const ETCD_DIR: PreflightCheck = {
  name: 'DirAvailable-PATH',
  about: "etcd's data directory is empty, or not there",
  severity: 'error',
  origin: 'kubeadm',
  mend: 'move the data of the earlier etcd away (kpki reset removes it), or name another directory (etcd.local.dataDir)',
  roles: CONTROL_PLANE_ROLES,
  isOfFiles: true,
  probes: ({ etcdDataDir }) =>
    etcdDataDir === undefined
      ? []
      : [{ name: `DirAvailable-${dashed(etcdDataDir)}`, look: around => lookAtDataDir(etcdDataDir, around) }],
}

async function lookAtDataDir(path: string, around: PreflightFiles): Promise<PreflightVerdict> {
  const { host } = around
  const entry = await host.look(path)
  if (entry && entry.type !== 'directory') return error(`${host.locate(path)} is not a directory`, 'move it away')
  const names = await host.names(path)
  if (names === undefined || names.length === 0) return well()
  const own = await ownFileOf('etcd', around)
  if (own !== undefined) return well(`holds the data of this cluster's etcd: ${own} is there as it is to be`)
  const data = names.includes('member') ? ': it holds the data of an etcd' : ''
  return error(
    `${host.locate(path)} is not empty${data}`,
    'move it away: an etcd that starts with it is a member of the cluster that the data is of; or name another etcd.local.dataDir',
  )
}

/** Ports and manifests of a control plane; those of its etcd; what a kubelet has left. */
export const CONTROL_PLANE_PLACES: readonly PreflightCheck[] = [
  portRow(
    'the ports of the API server, the scheduler and the controller manager are free',
    controlPlanePorts,
    CONTROL_PLANE_ROLES,
  ),
  MANIFESTS,
]
export const ETCD_PLACES: readonly PreflightCheck[] = [
  portRow("etcd's ports are free", etcdPorts, CONTROL_PLANE_ROLES),
  ETCD_DIR,
]
export const KUBELET_PLACES: readonly PreflightCheck[] = [
  portRow(
    "the kubelet's port is free",
    () => [{ port: PORTS.kubelet, component: 'kubelet', address: undefined }],
    PREFLIGHT_ROLES,
  ),
]
