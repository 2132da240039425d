import { makeDirectory } from './actions.js'
import { componentActions } from './components.js'
import type { InitRun } from './init-run.js'
import type { Phase } from './phase.js'

/** etcd's data is everybody's secrets. kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/cmd/phases/init/etcd.go */
const DATA_DIR_MODE = 0o700

/**
 * The etcd of a first control plane.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/cmd/phases/init/etcd.go
 */
export const ETCD: Phase<InitRun> = {
  name: 'etcd',
  about: 'put etcd on this host',
  skip: ({ controlPlane }) => (controlPlane.localEtcd ? undefined : 'etcd is elsewhere'),
  phases: [
    {
      name: 'local',
      about: 'make the data directory, and the static Pod, or unit, of a single member',
      plan: run => {
        const { localEtcd } = run.controlPlane
        return localEtcd ? [makeDirectory(localEtcd.dataDir, DATA_DIR_MODE), ...componentActions('etcd', run)] : []
      },
    },
  ],
}
