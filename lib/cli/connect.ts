import { type ClusterApi, type ClusterConnection, type Context, readClusterConnection, StoreError } from '../index.js'
import { connectCluster as connect, kubeconfigPaths, readRegularFile } from '../node.js'
import type { Invocation } from './command.js'
import { text } from './flags.js'
import { readInput } from './input.js'
import type { Io } from './io.js'
import { VERSION } from './version.js'

const ADMIN_CONF = '/etc/kubernetes/admin.conf'

/**
 * Connects to the cluster that the command line names, as {@link readConnection} finds it.
 *
 * @throws as {@link readConnection}
 */
export async function connectCluster(invocation: Invocation, io: Io, context: Context): Promise<ClusterApi> {
  return connectTo(await readConnection(invocation, io), io, context)
}

/**
 * Connects to a cluster.
 *
 * @param signal - ends all questions. Default: the person's interrupt
 */
export function connectTo(connection: ClusterConnection, io: Io, context: Context, signal = io.signal): ClusterApi {
  return connect(connection, context, { env: io.env, signal, userAgent: `kpki/${VERSION}` })
}

/**
 * How to connect to the cluster of `--kubeconfig`, or of the first kubeconfig that is there, in kubeadm's order: those that
 * KUBECONFIG names, or else ~/.kube/config; then /etc/kubernetes/admin.conf. As kubeadm has it and kubectl has not, several are
 * not merged. Nothing is asked.
 *
 * @throws `KPKI_FILE_NOT_FOUND` when there is none, and as `readClusterConnection`
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/cmd/util/cmdutil.go (GetKubeConfigPath);
 *   staging/src/k8s.io/client-go/tools/clientcmd/loader.go (NewDefaultClientConfigLoadingRules, GetDefaultFilename)
 */
export async function readConnection({ flags }: Invocation, io: Io): Promise<ClusterConnection> {
  const path = text(flags, 'kubeconfig')
  const found = path === undefined ? await findKubeconfig(io) : await readInput(path, io)
  const folder = path === '-' ? undefined : /^(.*)\/[^/]*$/.exec(found.name)?.[1]
  return readClusterConnection(found.text, {
    what: found.name,
    // A file in the root directory has an empty folder.
    folder: folder === '' ? '/' : folder,
    readFile: async file => (await readRegularFile(file))?.bytes,
  })
}

async function findKubeconfig(io: Io): Promise<{ readonly text: string; readonly name: string }> {
  const candidates = [...kubeconfigPaths(io.env), ADMIN_CONF]
  for (const path of candidates) {
    try {
      return await readInput(path, io)
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'KPKI_FILE_NOT_FOUND') throw error
    }
  }
  throw new StoreError('KPKI_FILE_NOT_FOUND', `there is no kubeconfig: none of ${candidates.join(', ')} exists`, {
    details: { paths: candidates },
    hint: 'name one with --kubeconfig FILE; on a control plane, run with sudo for /etc/kubernetes/admin.conf',
  })
}
