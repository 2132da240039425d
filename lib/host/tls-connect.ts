import type { X509Certificate } from 'node:crypto'
import http from 'node:http'
import net from 'node:net'
import tls from 'node:tls'
import { type Bytes, toBytes } from '../crypto/bytes.js'
import { parseIp } from '../crypto/ip.js'
import { NetworkError } from '../errors.js'
import { formatHostPort } from '../kubernetes/net.js'
import { type Peer, type Phase, peerDetails, peerName, toNetworkError } from './network-errors.js'
import type { HttpProxy } from './proxy.js'
import { hostRoots } from './roots.js'
import { isForServer, serverNames } from './server-identity.js'

/**
 * Whose certificates are taken: of the CAs in a PEM bundle, of the CAs that this host trusts, or anybody's, which is for looking
 * at a server that is not known yet.
 */
export type Trust = { readonly caPem: string } | 'system' | 'unverified'

/** A client certificate. Holds a secret: `keyPem`. */
export interface ClientPair {
  /** Leaf first. */
  readonly certificatePem: string
  readonly keyPem: string
}

/** A server, and how it is known. */
export interface TlsTarget extends Peer {
  readonly trust: Trust
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
  /** The server is trusted as its {@link Trust} wants it. */
  readonly onVerified?: () => void
}

/** A connection to a server that has been verified as its {@link Trust} wants it. */
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

/** What OpenSSL says of a certificate whose time is not now. */
const OUT_OF_TIME: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'has expired',
  CERT_NOT_YET_VALID: 'is not valid yet',
}

/**
 * Connects, through a proxy where there is one, and verifies the server before anything but the handshake is sent to it.
 *
 * @throws {@link NetworkError} all but `KPKI_NET_RESPONSE` and `KPKI_NET_TIMEOUT`, which is for who sets the time
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
    enter(proxy ? 'proxy' : 'connect')
    const wire = proxy ? await openTunnel(proxy, target, keep) : await openSocket(target, keep)
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

function openSocket({ host, port }: Peer, keep: (socket: net.Socket) => net.Socket): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = keep(
      // Node gives each of several addresses 250 ms, which a far server does not keep.
      net.connect({ host, port, autoSelectFamily: true, autoSelectFamilyAttemptTimeout: 2000 }),
    )
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('closed')))
    socket.once('connect', () => resolve(socket.setNoDelay(true)))
  })
}

/** Asks a proxy for a tunnel. @see RFC 9110 section 9.3.6 (CONNECT) */
async function openTunnel(
  proxy: HttpProxy,
  { host, port, trust }: TlsTarget,
  keep: <T extends net.Socket>(socket: T) => T,
): Promise<net.Socket> {
  const wire = await openSocket(proxy, keep)
  const via = proxy.protocol === 'https' ? await secureProxy(wire, proxy, trust, keep) : wire
  const authority = formatHostPort(host, port)
  return new Promise((resolve, reject) => {
    const request = http.request({
      method: 'CONNECT',
      path: authority,
      createConnection: () => via,
      headers: {
        host: authority,
        ...(proxy.authorization === undefined ? {} : { 'proxy-authorization': proxy.authorization }),
      },
    })
    request.once('error', reject)
    request.once('connect', (answer, socket, head) => {
      const status = answer.statusCode ?? 0
      if (status !== 200) {
        reject(refusedByProxy(proxy, authority, status))
      } else if (head.length > 0) {
        reject(proxyError(proxy, 'talks before it is asked', 'check that it is a proxy that listens there'))
      } else {
        resolve(socket as net.Socket)
      }
    })
    request.end()
  })
}

/** The proxy itself may be certified by the cluster's CA, as client-go has it, or by one that this host trusts. */
async function secureProxy(
  wire: net.Socket,
  proxy: HttpProxy,
  trust: Trust,
  keep: <T extends net.Socket>(socket: T) => T,
): Promise<tls.TLSSocket> {
  const own = typeof trust === 'object' ? [trust.caPem] : []
  const context = createContext({ ca: [...own, ...(await hostRoots())], allowPartialTrustChain: true })
  const { socket, problem } = await handshake(wire, proxy.host, context, keep)
  const [leaf] = chainOf(socket)
  if (problem !== undefined || !leaf)
    throw proxyError(proxy, `has a certificate that is not trusted (${problem})`, "add its CA to this host's")
  if (!isForServer(serverNames(leaf), proxy.host))
    throw proxyError(proxy, 'has a certificate for other names', 'name the proxy as its certificate does')
  return socket
}

/** Settings of one side of a handshake. `allowPartialTrustChain`: Go takes any certificate in the bundle as an anchor, not only roots. */
async function secureContext({ trust, client }: TlsTarget): Promise<tls.SecureContext> {
  const pair = client ? { cert: client.certificatePem, key: client.keyPem } : {}
  // An empty list: else Node would look for issuers of what the server shows among its own roots.
  const ca = typeof trust === 'object' ? [trust.caPem] : trust === 'system' ? [...(await hostRoots())] : []
  return createContext({ ...pair, ca, allowPartialTrustChain: true })
}

/** `allowPartialTrustChain` is a setting of contexts, which the types of Node 20 have for connections only. */
function createContext(options: tls.SecureContextOptions & { allowPartialTrustChain: true }): tls.SecureContext {
  try {
    return tls.createSecureContext({ minVersion: 'TLSv1.2', ...options })
  } catch (cause) {
    // OpenSSL names what is wrong, not what it read.
    const reason = cause instanceof Error ? cause.message : ''
    throw new NetworkError('KPKI_TLS_FAILED', `the certificates or the key to connect with cannot be used: ${reason}`, {
      hint: 'check that the client certificate and its key belong together, and that the CA is PEM',
      cause,
    })
  }
}

interface Handshake {
  readonly socket: tls.TLSSocket
  /** What OpenSSL has against the server's certificate; `undefined` when it chains to what is trusted. */
  readonly problem: string | undefined
}

function handshake(
  wire: net.Socket,
  name: string,
  secureContext: tls.SecureContext,
  keep: <T extends net.Socket>(socket: T) => T,
): Promise<Handshake> {
  return new Promise((resolve, reject) => {
    const socket = keep(
      tls.connect({
        socket: wire,
        secureContext,
        // RFC 6066 section 3: no addresses.
        servername: parseIp(name) ? '' : name,
        ALPNProtocols: ['http/1.1'],
        // Node verifies all the same and says so in `authorized`; the caller refuses, with the certificate at hand to say why.
        rejectUnauthorized: false,
        checkServerIdentity: () => undefined,
      }),
    )
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('closed')))
    socket.once('secureConnect', () => {
      const { authorized, authorizationError } = socket
      resolve({ socket, problem: authorized ? undefined : String(authorizationError) })
    })
  })
}

/** As the server sent them, as far as each is issued by the next. */
function chainOf(socket: tls.TLSSocket): readonly X509Certificate[] {
  const chain: X509Certificate[] = []
  for (let next = socket.getPeerX509Certificate(); next && chain.length < 10; next = next.issuerCertificate) {
    if (chain.some(({ fingerprint256 }) => fingerprint256 === next?.fingerprint256)) break
    chain.push(next)
  }
  return chain
}

function toTrustError(problem: string, target: TlsTarget, leaf: X509Certificate | undefined): NetworkError {
  const details = { ...peerDetails(target, 'tls'), problem }
  const outOfTime = OUT_OF_TIME[problem]
  if (outOfTime !== undefined && leaf) {
    const [from, to] = [leaf.validFrom, leaf.validTo].map(text => new Date(text).toISOString())
    return new NetworkError(
      'KPKI_TLS_EXPIRED',
      `the certificate of ${peerName(target)}, or its CA's, ${outOfTime} by this host's clock: it is valid from ${from} to ${to}`,
      {
        details: { ...details, notBefore: from ?? '', notAfter: to ?? '' },
        hint: "check this host's clock first; if it is right, the server's certificate has to be renewed",
      },
    )
  }
  return new NetworkError(
    'KPKI_TLS_UNTRUSTED',
    `the certificate of ${peerName(target)} is not of a CA that is trusted here (${problem})`,
    {
      details,
      hint:
        target.trust === 'system'
          ? "give the server's CA: this host does not trust it"
          : 'it is another cluster, its CA was made anew, or something stands between: compare the CA',
    },
  )
}

function checkName(leaf: X509Certificate, name: string, target: TlsTarget): void {
  const names = serverNames(leaf)
  if (isForServer(names, name)) return
  const all = [...names.dns.map(showName), ...names.ips.map(({ text }) => text)]
  const some =
    all.length === 0 ? 'no name at all' : all.length > 12 ? `${all.slice(0, 12).join(', ')}, …` : all.join(', ')
  throw new NetworkError(
    'KPKI_TLS_NAME',
    `the certificate of ${peerName(target)} is not for ${name}, but for ${some}`,
    {
      details: { ...peerDetails(target, 'tls'), serverName: name, names: all.slice(0, 100) },
      hint: 'use one of these names, or have the certificate made anew with this one (apiserver-cert-extra-sans)',
    },
  )
}

/** A name out of a certificate that may hold anything. */
function showName(name: string): string {
  return name.length > 253 || /[^\x21-\x7e]/.test(name) ? '?' : name
}

function proxyError(proxy: HttpProxy, problem: string, hint: string, status?: number): NetworkError {
  return new NetworkError('KPKI_NET_PROXY', `the proxy ${peerName(proxy)} ${problem}`, {
    details: { ...peerDetails(proxy, 'proxy'), ...(status === undefined ? {} : { status }) },
    hint,
  })
}

function refusedByProxy(proxy: HttpProxy, authority: string, status: number): NetworkError {
  return status === 407
    ? proxyError(
        proxy,
        'wants a user name and password',
        'put them into its URL: http://USER:PASSWORD@HOST:PORT',
        status,
      )
    : proxyError(
        proxy,
        `does not let connections to ${authority} through (${status})`,
        'allow it there, or leave the proxy out for this host with NO_PROXY',
        status,
      )
}

function toProxyError(error: unknown, proxy: HttpProxy): unknown {
  const known = toNetworkError(error, proxy, 'proxy')
  if (!(known instanceof NetworkError) || known.code === 'KPKI_NET_PROXY') return known
  return new NetworkError('KPKI_NET_PROXY', `through the proxy ${peerName(proxy)}: ${known.message}`, {
    details: known.details,
    hint: 'check the proxy, or leave it out for this host with NO_PROXY',
    cause: known,
  })
}
