import { UsageError } from '../errors.js'
import type { Host } from './host.js'

/**
 * Where container runtimes listen, as kubeadm looks for them; `/run` is where `/var/run` leads to.
 *
 * @see kubernetes/kubernetes v1.24, cmd/kubeadm/app/constants/constants_unix.go (CRISocketContainerd, CRISocketCRIO, CRISocketDocker)
 */
const KNOWN_SOCKETS = [
  '/var/run/containerd/containerd.sock',
  '/var/run/crio/crio.sock',
  '/var/run/cri-dockerd.sock',
] as const

/**
 * The container runtime that a host has, by its socket.
 *
 * @returns with its scheme; `undefined` where none is there, or nobody can be asked
 * @throws {@link UsageError} `KPKI_FIELD_VALUE` where there are several
 */
export async function findCriSocket(host: Host): Promise<string | undefined> {
  const found: string[] = []
  if (host.system)
    for (const path of KNOWN_SOCKETS) if ((await host.look(path))?.type === 'socket') found.push(`unix://${path}`)
  if (found.length <= 1) return found[0]
  throw new UsageError('KPKI_FIELD_VALUE', `the host has several container runtimes: ${found.join(', ')}`, {
    details: { field: 'nodeRegistration.criSocket', found },
    hint: 'name the one that the kubelet is to use (--cri-socket, nodeRegistration.criSocket)',
  })
}
