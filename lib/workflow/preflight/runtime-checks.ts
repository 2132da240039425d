import { KpkiError } from '../../errors.js'
import {
  error,
  PREFLIGHT_ROLES,
  type PreflightCheck,
  type PreflightSurroundings,
  type PreflightVerdict,
  warning,
  well,
} from './check.js'

/** The kubelet's own (until v1.23), which is not there before the kubelet is. */
export function isDockershim(criSocket: string): boolean {
  return criSocket.endsWith('/dockershim.sock')
}

const RUNTIME: PreflightCheck = {
  name: 'CRI',
  about: 'the container runtime answers on its socket, and is ready',
  severity: 'error',
  origin: 'kubeadm',
  mend: 'systemctl start containerd, with its cri plugin on; or name the socket (--cri-socket)',
  roles: PREFLIGHT_ROLES,
  probes: ({ criSocket }) => [{ name: 'CRI', look: around => lookAtRuntime(criSocket, around) }],
}

async function lookAtRuntime(criSocket: string, { system }: PreflightSurroundings): Promise<PreflightVerdict> {
  if (isDockershim(criSocket))
    return well('Docker is reached through the kubelet, which does not run yet: it is not asked')
  const runtime = system.runtime(criSocket)
  try {
    const { runtime: name, notReady } = await runtime.status()
    // The network becomes ready with the CNI plugin, which is put into the cluster after init.
    const missing = notReady.filter(condition => !condition.startsWith('NetworkReady'))
    if (missing.length > 0)
      return error(`${name} is not ready: ${missing.join(', ')}`, "look into the container runtime's own log")
    return well(notReady.length === 0 ? name : `${name}; a network plugin is to be added after init`)
  } catch (failure) {
    if (!(failure instanceof KpkiError)) throw failure
    return error(
      `container runtime is not running: ${failure.message}`,
      failure.hint ?? 'start the container runtime, or name the socket that it listens on (--cri-socket)',
    )
  } finally {
    runtime.close()
  }
}

const RUNTIME_VERSION: PreflightCheck = {
  name: 'ContainerRuntimeVersion',
  about: 'the container runtime tells the kubelet its cgroup driver (RuntimeConfig)',
  severity: 'warning',
  origin: 'kubeadm',
  mend: 'update the container runtime: containerd 2.0, CRI-O 1.28 and later have it',
  roles: PREFLIGHT_ROLES,
  versions: 'preflightRuntimeVersion',
  probes: ({ criSocket }) => [
    {
      name: 'ContainerRuntimeVersion',
      look: async ({ system }) => {
        const runtime = system.runtime(criSocket)
        try {
          const { runtime: name, hasRuntimeConfig } = await runtime.status()
          if (hasRuntimeConfig) return well()
          return warning(
            `${name} does not implement the call RuntimeConfig, without which a kubelet of 1.38 and later may not start`,
            'update the container runtime before the kubelet: containerd 2.0, CRI-O 1.28 and later have it',
          )
        } catch (failure) {
          if (!(failure instanceof KpkiError)) throw failure
          return well('not known: the container runtime does not answer')
        } finally {
          runtime.close()
        }
      },
    },
  ],
}

/** The container runtime. */
export const RUNTIME_CHECKS: readonly PreflightCheck[] = [RUNTIME, RUNTIME_VERSION]
