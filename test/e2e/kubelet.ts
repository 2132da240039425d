/** The kubelet of v1.20.2 and the containerd that it wants, on a host of its own. It runs no Pods: there are no images here. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Host } from './host.js'
import { kube } from './programs.js'

/** What {@link startKubelet} runs, beside a control plane. */
export const KUBELET_PROGRAMS = ['kubelet', 'containerd'] as const

/** A kubelet as kubeadm sets it up (its client certificate rotates), which leaves the machine's cgroups and rules alone. */
const CONFIGURATION = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: true}
  x509: {clientCAFile: /etc/kubernetes/pki/ca.crt}
authorization: {mode: Webhook}
rotateCertificates: true
cgroupDriver: cgroupfs
cgroupsPerQOS: false
enforceNodeAllocatable: []
cpuCFSQuota: false
failSwapOn: false
makeIPTablesUtilChains: false
nodeLeaseDurationSeconds: 8
nodeStatusReportFrequency: 2s
nodeStatusUpdateFrequency: 2s
featureGates: {CSIMigration: false}
`

/** How containerd is started; every field has a default. */
export interface ContainerdOptions {
  /** Default: below the host's own directory. */
  readonly socket?: string
  /** Where what runs is kept. Default: below the host's own directory. */
  readonly state?: string
  /** Image of Pods' sandboxes, which then are really started, in a namespace that may not shield them from the OOM killer. Default: none are */
  readonly pause?: string
}

/** Starts containerd, with everything that it keeps below the host's own directory, and with a network that needs no plugin. */
export function startContainerd(host: Host, { socket = socketOf(host), state, pause }: ContainerdOptions = {}): void {
  const dir = join(host.data, 'containerd')
  mkdirSync(join(dir, 'net'), { recursive: true })
  const network = { cniVersion: '0.4.0', name: 'none', plugins: [{ type: 'loopback' }] }
  writeFileSync(join(dir, 'net/10-none.conflist'), JSON.stringify(network))
  writeFileSync(
    join(dir, 'config.toml'),
    `version = 2
root = "${dir}/root"
state = "${state ?? `${dir}/state`}"
[grpc]
address = "${socket}"
${pause === undefined ? '' : sandboxes(pause)}[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "${dir}/bin"
conf_dir = "${dir}/net"
[plugins."io.containerd.internal.v1.opt"]
path = "${dir}/opt"
`,
  )
  host.daemon('containerd', 'containerd', ['--config', join(dir, 'config.toml')])
}

/** Starts the kubelet with the host's kubelet.conf; a `config.yaml` that is there is kept. */
export async function startKubelet(host: Host): Promise<void> {
  // It asks whether it is in somebody's cloud, and would wait for an answer.
  await host.run('ip', ['route', 'replace', 'unreachable', '169.254.169.254'])
  if (!existsSync(join(host.kubeletDir, 'config.yaml')))
    writeFileSync(join(host.kubeletDir, 'config.yaml'), CONFIGURATION)
  host.daemon('kubelet', kube('kubelet'), [
    '--config=/var/lib/kubelet/config.yaml',
    '--kubeconfig=/etc/kubernetes/kubelet.conf',
    '--container-runtime=remote',
    `--container-runtime-endpoint=unix://${socketOf(host)}`,
  ])
}

const sandboxes = (pause: string) => `[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "${pause}"
restrict_oom_score_adj = true
`

/** Where containerd listens on a host, unless it is told otherwise. */
export const socketOf = (host: Host): string => join(host.data, 'containerd/containerd.sock')
