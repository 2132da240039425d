import { WorkflowError } from '../../errors.js'
import type { Host, HostSystem, ServiceManager } from '../host.js'

/** The service that a kubelet is. */
export const KUBELET_SERVICE = 'kubelet'

/**
 * The manager of a host's kubelet.
 *
 * @returns `undefined` where nothing looks after services, or the kubelet is none of them
 */
export async function findKubelet({ system }: Pick<Host, 'system'>): Promise<ServiceManager | undefined> {
  const services = await system?.services()
  return (await services?.isInstalled(KUBELET_SERVICE)) ? services : undefined
}

/** Does something with a service, which may fail: as with kubeadm, that ends no run. What went wrong is returned. */
export async function tryService(work: () => Promise<void>): Promise<readonly string[]> {
  try {
    await work()
    return []
  } catch (error) {
    if (!(error instanceof WorkflowError)) throw error
    return [error.hint === undefined ? error.message : `${error.message}; ${error.hint}`]
  }
}

/** Whether a kubelet answers; nobody's certificate is looked at, since it serves this without TLS, on the host alone. */
export async function isHealthy(system: HostSystem, url: string | undefined): Promise<boolean> {
  if (url === undefined) return false
  try {
    return (await system.fetch(url)).status === 200
  } catch {
    return false
  }
}
