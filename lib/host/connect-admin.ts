import type { ClusterApi } from '../access/api.js'
import { readClusterConnection } from '../access/kubeconfig-connection.js'
import type { ControlPlane } from '../config/control-plane.js'
import type { Context } from '../context.js'
import { decodeUtf8 } from '../crypto/bytes.js'
import { ApiError, StoreError, WorkflowError } from '../errors.js'
import { formatDuration } from '../kubernetes/duration.js'
import { CLUSTER_ADMINS } from '../kubernetes/groups.js'
import { formatHostPort } from '../kubernetes/net.js'
import type { KubeconfigId } from '../kubernetes/rows.js'
import { adminBinding } from '../render/admin-binding.js'
import type { Store } from '../tree/store.js'
import { unlessInterrupted } from '../workflow/interruption.js'
import { startStopwatch } from '../workflow/stopwatch.js'
import { type ConnectOptions, connectCluster } from './api-client.js'
import { readRegularFile } from './files.js'

/** kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/constants/constants.go (APICallRetryInterval). */
const INTERVAL_MS = 500
/** As many repetitions as there is time for: a kubelet takes a while to start an API server anew. */
const MOST_RETRIES = 20

/**
 * Connects to the API server of this host as the administrator, whatever stands in front of all control planes: that may not be
 * there yet.
 *
 * Where the cluster does not know yet that those in `admin.conf`'s group are administrators (since v1.29), `super-admin.conf` makes
 * it known. An API server that does not answer is waited for, as one that the kubelet starts anew with other arguments.
 *
 * @param store - the host's tree
 * @throws {@link StoreError} `KPKI_FILE_NOT_FOUND` without `admin.conf`; {@link WorkflowError} `KPKI_WAIT_TIMEOUT` where the cluster
 *   does not take `admin.conf` for an administrator in time, `KPKI_INTERRUPTED`; {@link ApiError}, `NetworkError`
 * @see kubernetes/kubernetes PR 121305 (v1.29), cmd/kubeadm/app/phases/kubeconfig/kubeconfig.go (EnsureAdminClusterRoleBinding);
 *   the server, as kubeadm has it since v1.37
 */
export async function connectAdministrator(
  { cluster, timeoutSeconds }: Pick<ControlPlane, 'cluster' | 'timeoutSeconds'>,
  store: Store,
  context: Context,
  options: ConnectOptions = {},
): Promise<ClusterApi> {
  const totalMs = timeoutSeconds.kubernetesAPICall * 1000
  const open = async (id: KubeconfigId) => {
    const connection = await readConnection(id, store)
    const server = `https://${formatHostPort(cluster.advertiseAddress.text, cluster.bindPort)}`
    const retry = { totalMs, maxRetries: MOST_RETRIES, isExpected: true }
    return connectCluster({ ...connection, server }, context, { ...retry, ...options })
  }
  const api = await open('admin.conf')
  const binding = adminBinding(cluster.kubernetesVersion)
  if (binding === undefined) return api
  try {
    const state = await stateOf(api)
    if (state === 'missing') await api.apply(binding)
    if (state !== 'forbidden') return api
    const superAdmin = await open('super-admin.conf')
    try {
      await superAdmin.apply(binding)
    } finally {
      superAdmin.close()
    }
    // Authorizers learn of it a little later.
    const watch = startStopwatch(context)
    while ((await unlessInterrupted(stateOf(api), options.signal)) === 'forbidden') {
      const leftMs = totalMs - watch.elapsedMs()
      if (leftMs <= 0) throw notAdministrator(store.locate('admin.conf'), timeoutSeconds.kubernetesAPICall)
      await unlessInterrupted(watch.pause(Math.min(INTERVAL_MS, leftMs)), options.signal)
    }
    return api
  } catch (error) {
    api.close()
    throw error
  }
}

function notAdministrator(place: string, seconds: number): WorkflowError {
  const message = `the cluster does not take ${place} for an administrator's within ${formatDuration(seconds)}`
  return new WorkflowError('KPKI_WAIT_TIMEOUT', message, {
    details: { path: place, timeoutSeconds: seconds },
    hint: `it is one by ClusterRoleBinding ${CLUSTER_ADMINS}, which is there: is RBAC in --authorization-mode, and is nothing before it that refuses?`,
  })
}

/** Whether an administrator is one: who sees the binding, or sees that there is none, is. */
async function stateOf(api: ClusterApi): Promise<'bound' | 'missing' | 'forbidden'> {
  try {
    const binding = await api.get({ kind: 'ClusterRoleBinding', name: CLUSTER_ADMINS })
    return binding === undefined ? 'missing' : 'bound'
  } catch (error) {
    if (error instanceof ApiError && error.code === 'KPKI_API_FORBIDDEN') return 'forbidden'
    throw error
  }
}

async function readConnection(id: KubeconfigId, store: Store) {
  const file = await store.read(id)
  const place = store.locate(id)
  if (!file) {
    throw new StoreError('KPKI_FILE_NOT_FOUND', `${place} does not exist`, {
      details: { path: place },
      hint: `make it: kpki init phase kubeconfig ${id.replace(/\.conf$/, '')}`,
    })
  }
  return readClusterConnection(decodeUtf8(file.bytes) ?? '', {
    what: place,
    folder: place.replace(/\/[^/]*$/, ''),
    readFile: async path => (await readRegularFile(path))?.bytes,
  })
}
