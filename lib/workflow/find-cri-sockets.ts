import type { Host } from './host.js'

/**
 * Where container runtimes listen, in the order in which they are looked for.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/constants/constants_unix.go, .../util/runtime/runtime_unix.go; cri-dockerd:
 *   since v1.24
 */
const CRI_SOCKETS = [
  '/var/run/containerd/containerd.sock',
  '/var/run/crio/crio.sock',
  '/var/run/cri-dockerd.sock',
] as const

/** The container runtimes that a host has, as a description names them. */
export async function findCriSockets(host: Host): Promise<readonly string[]> {
  const found: string[] = []
  for (const path of CRI_SOCKETS) if ((await host.look(path))?.type === 'socket') found.push(`unix://${path}`)
  return found
}
