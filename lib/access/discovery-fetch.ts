import type { Context } from '../context.js'
import { KpkiError, VerifyError } from '../errors.js'
import { formatHostPort } from '../kubernetes/net.js'
import type { Certificate } from '../x509/certificate.js'
import type { BootstrapToken } from './bootstrap-token.js'
import type { ClusterInfo } from './cluster-info.js'
import { type DiscoveryAnswer, mayComeUp, readDiscoveryAnswer } from './discovery-answer.js'
import { type DiscoveryHandshake, readChain } from './discovery-tls.js'
import type { DiscoveryTransport } from './discovery-types.js'
import type { ServerEndpoint } from './server-endpoint.js'

/** Whom to ask, and how long. */
export interface Fetching {
  readonly transport: DiscoveryTransport
  readonly endpoint: ServerEndpoint
  /** Its signature is waited for. */
  readonly token: BootstrapToken | undefined
  /** Of the transport's clock: when all is over. */
  readonly endSeconds: number
  readonly requestTimeoutSeconds: number
  readonly signal: AbortSignal | undefined
}

/** Whom to trust, and who is told how far it has come. */
export interface Watching {
  readonly roots: readonly Certificate[] | undefined
  readonly onConnect?: (address: string) => void
  readonly onHandshake?: (handshake: DiscoveryHandshake, leaf: Certificate | undefined) => void
  readonly onTrusted?: () => void
  readonly onInfo?: (info: ClusterInfo, answer: DiscoveryAnswer) => void
}

/** What was fetched, or why not; both when only the token's signature is missing. */
export interface Fetched {
  readonly info?: ClusterInfo
  readonly failure?: KpkiError
  /** The certificate that the server showed last. */
  readonly leaf?: Certificate | undefined
  /** The server's clock, which it may lie about. */
  readonly serverDate?: Date | undefined
}

/** kubeadm waits five; a person who looks on has less patience. */
const RETRY_SECONDS = 1

/** Fetches `cluster-info`; what may still come up is asked for again, as long as there is time. */
export async function fetchClusterInfo(fetching: Fetching, watching: Watching, context: Context): Promise<Fetched> {
  const { transport, endSeconds, requestTimeoutSeconds, signal } = fetching
  for (let earlier: KpkiError | undefined; ; ) {
    const left = endSeconds - transport.elapsedSeconds()
    const timeoutSeconds = Math.max(0.001, Math.min(requestTimeoutSeconds, left))
    const fetched = await attempt(fetching, watching, timeoutSeconds)
    const { failure } = fetched
    if (!failure) return fetched
    if (!mayComeUp(failure) || endSeconds - transport.elapsedSeconds() <= RETRY_SECONDS) {
      // The last request may have had too little time to find out more than those before it.
      const isCutShort = failure.code === 'KPKI_NET_TIMEOUT' && timeoutSeconds < requestTimeoutSeconds
      return isCutShort && earlier ? { ...fetched, failure: earlier } : fetched
    }
    if (earlier?.code !== failure.code) context.log({ level: 'info', message: `waiting: ${failure.message}` })
    earlier = failure
    await transport.sleep(RETRY_SECONDS, signal)
  }
}

async function attempt(
  { transport, endpoint, token, signal }: Fetching,
  { roots, onConnect, onHandshake, onTrusted, onInfo }: Watching,
  timeoutSeconds: number,
): Promise<Fetched> {
  let leaf: Certificate | undefined
  try {
    const answer = await transport.ask({
      endpoint,
      roots,
      timeoutSeconds,
      signal,
      onConnect: address => onConnect?.(address),
      onHandshake: handshake => {
        leaf = readChain(handshake)[0]
        onHandshake?.(handshake, leaf)
      },
      onTrusted: () => onTrusted?.(),
    })
    const info = readDiscoveryAnswer(answer, formatHostPort(endpoint.host, endpoint.port))
    onInfo?.(info, answer)
    const failure = token && !info.signatures.has(token.id) ? { failure: unknownToken(info, token) } : {}
    return { info, leaf, serverDate: parseHttpDate(answer.date), ...failure }
  } catch (failure) {
    if (failure instanceof KpkiError) return { failure, leaf }
    throw failure
  }
}

/** Ids that a person reads; a server may send any number. */
const MOST_IDS = 20

function unknownToken({ signatures }: ClusterInfo, { id }: BootstrapToken): VerifyError {
  const ids = [...signatures.keys()].slice(0, MOST_IDS)
  const others =
    ids.length === 0
      ? 'it is signed with none'
      : `it is signed with ${ids.join(', ')}${signatures.size > MOST_IDS ? ', …' : ''}`
  return new VerifyError('KPKI_TOKEN_UNKNOWN', `cluster-info is not signed with token ${id}; ${others}`, {
    details: { tokenId: id, signedWith: ids },
    hint:
      'the token has expired, was deleted, is not for signing, or is of another cluster: make one with kpki token create ' +
      'on a control plane; if it is a minute old, look at the controller manager, which signs',
  })
}

/** `Date` of HTTP (RFC 9110 section 5.6.7); `undefined` when it is none. */
export function parseHttpDate(text: string | undefined): Date | undefined {
  if (text === undefined || !/^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/.test(text)) return undefined
  const date = new Date(text)
  return Number.isNaN(+date) ? undefined : date
}
