import type net from 'node:net'
import type tls from 'node:tls'
import { type Bytes, toBytes } from '../crypto/bytes.js'
import { parseIp } from '../crypto/ip.js'
import { type Peer, type Phase, toNetworkError } from './network-errors.js'
import type { HttpProxy } from './proxy.js'
import { hostRoots } from './roots.js'
import { checkName, type TrustedPeer, toTrustError } from './tls-trust.js'
import { chainOf, createContext, handshake, openSocket } from './tls-wire.js'
import { openTunnel, toProxyError } from './tunnel.js'

/** A client certificate. Holds a secret: `keyPem`. */
export interface ClientPair {
  /** Leaf first. */
  readonly certificatePem: string
  readonly keyPem: string
}

/** A server, and how it is known. */
export interface TlsTarget extends TrustedPeer {
  /** The name to ask for, and that the certificate must have. Default: the host */
  readonly serverName?: string | undefined
  readonly client?: ClientPair | undefined
  /** Default: none */
  readonly proxy?: HttpProxy | undefined
}

/** One attempt to connect: how it is stopped, and whom it tells how far it has come. */
export interface Attempt {
  readonly signal: AbortSignal
  readonly onPhase: (phase: Phase) => void
  /** Default: nobody */
  readonly watcher?: ConnectionWatcher | undefined
}

/** Sees a connection come about, also one that is then refused. */
export interface ConnectionWatcher {
  /** Somebody listens: the server's address, or the proxy's. */
  readonly onConnect?: (address: Peer) => void
  /** What the server showed, of which nothing has been made sure yet. */
  readonly onShown?: (shown: Shown) => void
  /** The server is trusted as its trust wants it. */
  readonly onVerified?: () => void
}

/** A connection to a server that has been verified as its trust wants it. */
export interface TlsPeer {
  readonly socket: tls.TLSSocket
  readonly shown: Shown
}

/** What a server showed in its handshake. */
export interface Shown {
  /** DER, its own certificate first, each issued by the next. */
  readonly chain: readonly Bytes[]
  /** e.g. `TLSv1.3` */
  readonly protocol: string
}

/**
 * Connects, through a proxy where there is one, and verifies the server before anything but the handshake is sent to it.
 *
 * @throws `NetworkError`, all but `KPKI_NET_RESPONSE` and `KPKI_NET_TIMEOUT`, which is for who sets the time
 */
export async function connectTls(target: TlsTarget, { signal, onPhase, watcher }: Attempt): Promise<TlsPeer> {
  const progress: { phase: Phase } = { phase: 'connect' }
  const enter = (phase: Phase) => {
    progress.phase = phase
    onPhase(phase)
  }
  const { host, port, proxy, trust } = target
  const name = target.serverName ?? host
  let outermost: net.Socket | undefined
  const keep = <T extends net.Socket>(socket: T): T => {
    socket.on('error', () => {})
    outermost = socket
    return socket
  }
  // It closes what is below it; Node 20 crashes when that is closed first.
  const stop = () => outermost?.destroy()
  signal.addEventListener('abort', stop)
  try {
    signal.throwIfAborted()
    enter(proxy ? 'proxy' : parseIp(host) ? 'connect' : 'lookup')
    const wire = proxy ? await openTunnel(proxy, target, keep) : await openSocket(target, keep, () => enter('connect'))
    watcher?.onConnect?.({ host: wire.remoteAddress ?? host, port: wire.remotePort ?? port })
    enter('tls')
    const { socket, problem } = await handshake(wire, name, await secureContext(target), keep)
    const certificates = chainOf(socket)
    const [leaf] = certificates
    const shown: Shown = { chain: certificates.map(({ raw }) => toBytes(raw)), protocol: socket.getProtocol() ?? '' }
    watcher?.onShown?.(shown)
    if (trust !== 'unverified') {
      if (problem !== undefined || !leaf) throw toTrustError(problem ?? 'no certificate', target, leaf)
      checkName(leaf, name, target)
    }
    watcher?.onVerified?.()
    enter('head')
    signal.throwIfAborted()
    return { socket, shown }
  } catch (error) {
    stop()
    throw progress.phase === 'proxy' && proxy
      ? toProxyError(error, proxy)
      : toNetworkError(error, { host, port }, progress.phase)
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** Settings of one side of a handshake. `allowPartialTrustChain`: Go takes any certificate in the bundle as an anchor, not only roots. */
async function secureContext({ trust, client }: TlsTarget): Promise<tls.SecureContext> {
  const pair = client ? { cert: client.certificatePem, key: client.keyPem } : {}
  // An empty list: else Node would look for issuers of what the server shows among its own roots.
  const ca = typeof trust === 'object' ? [trust.caPem] : trust === 'system' ? [...(await hostRoots())] : []
  return createContext({ ...pair, ca, allowPartialTrustChain: true })
}
