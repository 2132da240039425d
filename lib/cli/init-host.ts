import {
  type ClusterApi,
  type Context,
  type ControlPlane,
  findCriSocket,
  type Hands,
  type Host,
  StoreError,
  UsageError,
} from '../index.js'
import type { Invocation } from './command.js'
import { describeControlPlane } from './control-plane.js'
import { text } from './flags.js'
import type { Io, OpenedHost } from './io.js'
import { VERSION } from './version.js'

/** The host of a command; its tree is known once its description is. */
export interface HostInWork {
  readonly host: Host
  readonly open: (controlPlane: ControlPlane) => Promise<OpenedHost>
}

/** This host, or the one that a test brings. */
export async function hostInWork(io: Io, context: Context): Promise<HostInWork> {
  const { host: given } = io
  if (given) return { host: given.host, open: async () => given }
  const { connectAdministrator, DiskStore, nodeHost } = await import('../node.js')
  const host = nodeHost({ env: io.env })
  return {
    host,
    async open(controlPlane) {
      const store = new DiskStore('/etc/kubernetes', { certDir: controlPlane.cluster.certificatesDir })
      const options = { env: io.env, signal: io.signal, userAgent: `kpki/${VERSION}` }
      const connect = () => connectAdministrator(controlPlane, store, context, options)
      return { host, store, connect }
    },
  }
}

/**
 * The control plane that the command line describes, with the container runtime that the host has.
 *
 * @throws {@link UsageError} with every error of the description; `KPKI_FIELD_VALUE` where the host has several runtimes and none is
 *   named
 */
export async function describeForHost(
  invocation: Invocation,
  io: Io,
  context: Context,
  host: Host,
): Promise<ControlPlane> {
  let criSocket: string | undefined
  let several: UsageError | undefined
  try {
    criSocket = await findCriSocket(host)
  } catch (error) {
    // Who may not look is told so by preflight, in better words.
    const isClosed = error instanceof StoreError && error.code === 'KPKI_FILE_UNREADABLE'
    if (error instanceof UsageError) several = error
    else if (!isClosed) throw error
  }
  const found = criSocket === undefined ? {} : { criSocket }
  const { description, controlPlane } = await describeControlPlane(invocation, io, context, found)
  const stated =
    text(invocation.flags, 'cri-socket') ?? description.configuration.InitConfiguration?.nodeRegistration?.criSocket
  if (several && stated === undefined) throw several
  return controlPlane
}

/** What phases work with: the host, its tree, and its cluster, which is connected to once. */
export function handsOf(
  { host, store, connect }: OpenedHost,
  invocation: Invocation,
  io: Io,
  context: Context,
): Hands & { readonly close: () => void } {
  let api: ClusterApi | undefined
  return {
    host,
    store,
    context,
    signal: io.signal,
    async connect() {
      api ??= await (text(invocation.flags, 'kubeconfig') === undefined
        ? connect()
        : (await import('./connect.js')).connectCluster(invocation, io, context))
      return api
    },
    close: () => api?.close(),
  }
}
