import type { X509Certificate } from 'node:crypto'
import net from 'node:net'
import tls from 'node:tls'
import { parseIp } from '../crypto/ip.js'
import { NetworkError } from '../errors.js'
import { boundedLookup } from './lookup.js'
import type { Peer } from './network-errors.js'

/** Takes note of a connection that is being made, so that it can be ended. */
export type Keep = <T extends net.Socket>(socket: T) => T

/**
 * Connects over TCP; to each address of a name, one after the other.
 *
 * @param onLookup - told when the name is known
 */
export function openSocket({ host, port }: Peer, keep: Keep, onLookup: () => void = () => {}): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const closed = new AbortController()
    const lookup = boundedLookup(closed.signal)
    const socket = keep(
      // Node gives each of several addresses 250 ms, which a far server does not keep.
      net.connect({ host, port, lookup, autoSelectFamily: true, autoSelectFamilyAttemptTimeout: 2000 }),
    )
    socket.once('lookup', onLookup)
    socket.once('error', reject)
    socket.once('close', () => {
      closed.abort()
      reject(new Error('closed'))
    })
    socket.once('connect', () => resolve(socket.setNoDelay(true).setKeepAlive(true, 30_000)))
  })
}

/** `allowPartialTrustChain` is a setting of contexts, which the types of Node 20 have for connections only. */
export function createContext(options: tls.SecureContextOptions & { allowPartialTrustChain: true }): tls.SecureContext {
  try {
    return tls.createSecureContext({ minVersion: 'TLSv1.2', ...options })
  } catch (cause) {
    // OpenSSL names what is wrong, not what it read; what stands before that is for those who write OpenSSL.
    const text = cause instanceof Error ? cause.message.replace(/^error:[0-9A-F]+:.*:/, '') : ''
    const reason = text === 'key values mismatch' ? 'the key is not that of the certificate' : text
    throw new NetworkError('KPKI_TLS_FAILED', `the certificates or the key to connect with cannot be used: ${reason}`, {
      hint: 'check that the client certificate and its key belong together, and that the CA is PEM',
      cause,
    })
  }
}

/** A connection over which nothing has been said yet. */
export interface Handshake {
  readonly socket: tls.TLSSocket
  /** What OpenSSL has against the server's certificate; `undefined` when it chains to what is trusted. */
  readonly problem: string | undefined
}

/** Shakes hands over a connection; whether the server is trusted is for the caller to look at. */
export function handshake(
  wire: net.Socket,
  name: string,
  secureContext: tls.SecureContext,
  keep: Keep,
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
export function chainOf(socket: tls.TLSSocket): readonly X509Certificate[] {
  const chain: X509Certificate[] = []
  for (let next = socket.getPeerX509Certificate(); next && chain.length < 10; next = next.issuerCertificate) {
    if (chain.some(({ fingerprint256 }) => fingerprint256 === next?.fingerprint256)) break
    chain.push(next)
  }
  return chain
}
