import { OPTIONAL_CA_DIRS } from '../render/component-volumes.js'
import type { HostTraits } from '../render/host-file.js'
import { certificatePath, keyPath, type TreePath } from '../tree/layout.js'
import type { Store } from '../tree/store.js'
import type { Host } from './host.js'
import { hostPathOf } from './record.js'

const RESOLVER = 'systemd-resolved'

/**
 * Looks at a host for what its files depend on. Of a directory that stands for a host, only what is in it is known.
 *
 * @param store - the host's tree
 * @throws `StoreError` as `Host.look`
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/util/env.go (GetProxyEnvVars), .../phases/certs/certs.go
 *   (UsingExternalCA), .../componentconfigs/kubelet.go (isServiceActive)
 */
export async function readTraits(host: Host, store: Store): Promise<HostTraits> {
  const { system } = host
  const caDirs: string[] = []
  for (const dir of OPTIONAL_CA_DIRS) if ((await host.look(dir))?.type === 'directory') caDirs.push(dir)
  // Whether the key can be read is nobody's question here.
  const has = async (path: TreePath) => (await host.look(hostPathOf(store.locate(path), host))) !== undefined
  const services = await system?.services()
  // A resolver that cannot be asked for is none, as kubeadm has it.
  const usesSystemdResolved = (await services?.isActive(RESOLVER).catch(() => false)) ?? false
  return {
    ...(system ? { hostname: system.hostname } : {}),
    caDirs,
    usesSystemdResolved,
    proxyEnv: proxiesOf(system?.env ?? {}),
    isExternalCa: (await has(certificatePath('ca'))) && !(await has(keyPath('ca'))),
  }
}

function proxiesOf(env: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) =>
      /_proxy$/i.test(name) && value !== undefined && value !== '' ? [[name, value]] : [],
    ),
  )
}
