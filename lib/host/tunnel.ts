import http from 'node:http'
import type net from 'node:net'
import type tls from 'node:tls'
import { NetworkError } from '../errors.js'
import { formatHostPort } from '../kubernetes/net.js'
import { isForServer } from '../x509/server-names.js'
import { peerDetails, peerName, toNetworkError } from './network-errors.js'
import type { HttpProxy } from './proxy.js'
import { hostRoots } from './roots.js'
import { serverNames } from './server-identity.js'
import type { Trust, TrustedPeer } from './tls-trust.js'
import { chainOf, createContext, handshake, type Keep, openSocket } from './tls-wire.js'

/**
 * Asks a proxy for a tunnel.
 *
 * @throws {@link NetworkError} `KPKI_NET_PROXY`, and what sockets throw: see {@link toProxyError}
 * @see RFC 9110 section 9.3.6 (CONNECT)
 */
export async function openTunnel(
  proxy: HttpProxy,
  { host, port, trust }: TrustedPeer,
  keep: Keep,
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
async function secureProxy(wire: net.Socket, proxy: HttpProxy, trust: Trust, keep: Keep): Promise<tls.TLSSocket> {
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

/** Any error on the way through a proxy, as one of the proxy; timeouts stay what they are. */
export function toProxyError(error: unknown, proxy: HttpProxy): unknown {
  const known = toNetworkError(error, proxy, 'proxy')
  if (!(known instanceof NetworkError) || known.code === 'KPKI_NET_PROXY') return known
  return new NetworkError('KPKI_NET_PROXY', `through the proxy ${peerName(proxy)}: ${known.message}`, {
    details: known.details,
    hint: 'check the proxy, or leave it out for this host with NO_PROXY',
    cause: known,
  })
}
