import { showUrl } from '../access/server-url.js'
import { KpkiError, NetworkError, WorkflowError } from '../errors.js'
import { formatHostPort } from '../kubernetes/net.js'

/** How far an exchange had come. Nothing of the request has been sent before `head`. */
export type Phase = 'lookup' | 'connect' | 'proxy' | 'tls' | 'head' | 'body'

/** Who was being talked to. */
export interface Peer {
  readonly host: string
  readonly port: number
}

const NAME_UNKNOWN = ['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_NONAME', 'EAI_NODATA']

/** What system errors of sockets mean, as the end of a sentence whose subject is `HOST:PORT`. */
const SOCKET_FAILURES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refuses connections',
  ECONNRESET: 'cut the connection',
  EPIPE: 'cut the connection',
  EHOSTUNREACH: 'cannot be reached: no route to the host',
  ENETUNREACH: 'cannot be reached: no route to its network',
  EADDRNOTAVAIL: 'cannot be reached from this host',
  EACCES: 'may not be connected to: this host forbids it',
  EPERM: 'may not be connected to: this host forbids it',
  ECONNABORTED: 'cut the connection',
}

const WHILE: Readonly<Record<Phase, string>> = {
  lookup: 'while looking its name up',
  connect: 'while connecting',
  proxy: 'while asking the proxy',
  tls: 'during the TLS handshake',
  head: 'before it answered',
  body: 'in the middle of its answer',
}

/** What a server is called in messages. */
export function peerName({ host, port }: Peer): string {
  return formatHostPort(host, port)
}

/** Details of every network error. */
export function peerDetails(peer: Peer, phase: Phase): { host: string; port: number; phase: Phase } {
  return { host: peer.host, port: peer.port, phase }
}

/**
 * What an error of Node's sockets, TLS or HTTP reader means; kpki's own pass through, anything else is a cut connection.
 * Nothing of the request or of what a URL may hold is in the result.
 */
export function toNetworkError(error: unknown, peer: Peer, phase: Phase): KpkiError {
  if (error instanceof KpkiError) return error
  const code = codeOf(error)
  const name = peerName(peer)
  const options = { details: { ...peerDetails(peer, phase), ...(code === '' ? {} : { errno: code }) }, cause: error }
  if (NAME_UNKNOWN.includes(code)) {
    return new NetworkError('KPKI_NET_UNREACHABLE', `the name ${peer.host} cannot be resolved (${code})`, {
      ...options,
      hint: "check the spelling, and this host's name servers",
    })
  }
  if (code === 'ETIMEOUT') {
    return new NetworkError('KPKI_NET_TIMEOUT', `the name ${peer.host} cannot be looked up: no name server answers`, {
      ...options,
      hint: TIMEOUT_HINTS.lookup,
    })
  }
  if (code === 'ETIMEDOUT') {
    return new NetworkError('KPKI_NET_TIMEOUT', `${name} did not answer: the system gave up ${WHILE[phase]}`, {
      ...options,
      hint: TIMEOUT_HINTS[phase],
    })
  }
  if (code.startsWith('HPE_')) {
    return new NetworkError('KPKI_NET_RESPONSE', `${name} does not answer in HTTP (${code})`, {
      ...options,
      hint: 'check that it is an API server that listens there',
    })
  }
  if (code.startsWith('ERR_SSL_') || code.startsWith('ERR_OSSL_') || code === 'EPROTO') {
    const isPlain = /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST/.test(code)
    const isOurs = /ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_|NO_CERTIFICATE|UNSUPPORTED_CERT)/.test(code)
    const hint = isPlain
      ? 'check that the port speaks TLS, and not plain HTTP'
      : isOurs
        ? 'the server does not take the client certificate: check that its CA signed it, and that it has not expired'
        : 'TLS 1.2 or newer is wanted: check what the server offers, and that nothing stands between'
    return new NetworkError('KPKI_TLS_FAILED', `the TLS handshake with ${name} failed (${code})`, { ...options, hint })
  }
  if (phase === 'body') {
    return new NetworkError('KPKI_NET_RESPONSE', `${name} cut its answer off`, {
      ...options,
      hint: 'try again; if it stays so, look for what stands between',
    })
  }
  const failure = SOCKET_FAILURES[code] ?? 'cut the connection'
  const isCut = phase !== 'connect' && phase !== 'lookup' && failure === 'cut the connection'
  return new NetworkError('KPKI_NET_UNREACHABLE', `${name} ${failure}${isCut ? ` ${WHILE[phase]}` : ''}`, {
    ...options,
    hint:
      code === 'ECONNREFUSED'
        ? 'check that the server is running there, and the port'
        : 'check the address, the server, and what stands between',
  })
}

const TIMEOUT_HINTS: Readonly<Record<Phase, string>> = {
  lookup: "no name server has answered: check this host's (/etc/resolv.conf), or give an address",
  connect: 'check the address and port, and whether a firewall drops the packets',
  proxy: 'check the proxy, or leave it out for this host with NO_PROXY',
  tls: 'something took the connection and does not speak TLS: check the port, and what stands between',
  head: 'the server is there but does not answer: it may be overloaded, or without its etcd',
  body: 'the server is there but its answer does not end: try again, or allow more time',
}

/** The time of an exchange is up. */
export function timeoutError(peer: Peer, phase: Phase, timeoutMs: number): NetworkError {
  const seconds = timeoutMs / 1000
  return new NetworkError('KPKI_NET_TIMEOUT', `${peerName(peer)}: time was up after ${seconds} s, ${WHILE[phase]}`, {
    details: { ...peerDetails(peer, phase), timeoutMs },
    hint: TIMEOUT_HINTS[phase],
  })
}

/** The caller has stopped it: its own error, a timeout where the signal is of `AbortSignal.timeout`, else an interruption. */
export function abortError(signal: AbortSignal, peer: Peer, phase: Phase): KpkiError {
  const { reason } = signal
  if (reason instanceof KpkiError) return reason
  if (reason instanceof DOMException && reason.name === 'TimeoutError') {
    return new NetworkError('KPKI_NET_TIMEOUT', `${peerName(peer)}: time was up ${WHILE[phase]}`, {
      details: peerDetails(peer, phase),
      hint: TIMEOUT_HINTS[phase],
    })
  }
  return new WorkflowError('KPKI_INTERRUPTED', `interrupted while talking to ${peerName(peer)}`)
}

/** A URL that is none, or not of a scheme that is spoken. */
export function urlError(url: string, problem: string): NetworkError {
  return new NetworkError('KPKI_NET_UNREACHABLE', `${JSON.stringify(showUrl(url).text)} ${problem}`, {
    hint: 'write it as https://HOST:PORT',
  })
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
