import http from 'node:http'
import { type Bytes, concatBytes } from '../crypto/bytes.js'
import { NetworkError } from '../errors.js'
import { formatHostPort } from '../kubernetes/net.js'
import { Deadline } from './deadline.js'
import { type AttemptOptions, VerifyingAgent } from './https-agent.js'
import { type Peer, type Phase, peerDetails, peerName, urlError } from './network-errors.js'
import type { HttpProxy } from './proxy.js'
import type { Attempt, ClientPair, ConnectionWatcher, Shown } from './tls-connect.js'
import type { Trust } from './tls-trust.js'

/** Which server, and how it is known. */
export interface HttpsServer {
  /** `https://HOST[:PORT]`; a path is left out of account. */
  readonly url: string
  readonly trust: Trust
  /** The name to ask for, and that the certificate must have. Default: the host of the URL */
  readonly serverName?: string | undefined
  /** Default: none */
  readonly client?: ClientPair | undefined
  /** Default: none, whatever the environment says; see {@link findProxy} */
  readonly proxy?: HttpProxy | undefined
  /** Send credentials to a server that is not verified, as `insecure-skip-tls-verify` wants it. Default: no, refuse to */
  readonly allowUnverifiedCredentials?: boolean | undefined
}

/** What is asked. */
export interface HttpsRequest {
  /** Default: `GET` */
  readonly method?: string | undefined
  /** Path and query, e.g. `/api/v1/secrets?limit=500` */
  readonly path: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>> | undefined
  readonly body?: Uint8Array | undefined
  /** For all of it: connection, handshake, answer to its last byte. Default: 10 000 */
  readonly timeoutMs?: number | undefined
  /** Of the body. Default: 1 MiB */
  readonly maxBytes?: number | undefined
  /** Stops it. */
  readonly signal?: AbortSignal | undefined
  /** Sees the connection come about, where a new one is made. Default: nobody */
  readonly watcher?: ConnectionWatcher | undefined
}

/** What is answered, whole. */
export interface HttpsAnswer extends Shown {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Bytes
}

/** An answer that goes on. */
export interface HttpsStream extends Omit<HttpsAnswer, 'body'> {
  /** Ends with the answer; stopping early cuts the connection. */
  readonly chunks: AsyncIterable<Uint8Array>
  /** For who does not read it. */
  readonly cancel: () => void
}

const DEFAULT_TIMEOUT_MS = 10_000
const DEFAULT_MAX_BYTES = 1024 * 1024
const CREDENTIALS = /^(authorization|cookie|impersonate-.*)$/i

/**
 * One question and its answer, over a connection of its own; redirects are not followed.
 *
 * @throws {@link NetworkError} with a code of its own for whatever keeps the answer from coming whole and in time from the
 *   server that is meant; `details` has `host`, `port` and `phase`
 */
export async function exchangeHttps(
  request: HttpsServer & Omit<HttpsRequest, 'path'> & { readonly path?: string },
): Promise<HttpsAnswer> {
  const client = new HttpsClient(request)
  try {
    const { pathname, search } = new URL(request.url)
    return await client.exchange({ ...request, path: request.path ?? `${pathname}${search}` })
  } finally {
    client.close()
  }
}

/** Connections to one server, kept for the next question. */
export class HttpsClient {
  readonly #server: HttpsServer
  readonly #peer: Peer
  readonly #agent: VerifyingAgent

  /** @throws {@link NetworkError} `KPKI_NET_UNREACHABLE` when the URL is none, `KPKI_TLS_FAILED` when it is not `https://` */
  constructor(server: HttpsServer) {
    this.#server = server
    this.#peer = parseOrigin(server.url)
    this.#agent = new VerifyingAgent({ ...server, ...this.#peer })
  }

  /**
   * One question and its whole answer.
   *
   * @throws as {@link exchangeHttps}
   */
  async exchange(request: HttpsRequest): Promise<HttpsAnswer> {
    const deadline = new Deadline(this.#peer, request.timeoutMs ?? DEFAULT_TIMEOUT_MS, request.signal)
    try {
      const { message, ...answer } = await this.#begin(request, deadline)
      deadline.phase = 'body'
      const chunks: Uint8Array[] = []
      for await (const chunk of this.#chunksOf(message, request.maxBytes ?? DEFAULT_MAX_BYTES, deadline))
        chunks.push(chunk)
      return { ...answer, body: concatBytes(chunks) }
    } finally {
      deadline.clear()
    }
  }

  /**
   * A question whose answer goes on; `timeoutMs` is for its head, `idleMs` for each piece after that; `maxBytes` is not
   * looked at.
   *
   * @throws as {@link exchangeHttps}, as does reading
   */
  async stream(request: HttpsRequest & { readonly idleMs?: number }): Promise<HttpsStream> {
    const deadline = new Deadline(this.#peer, request.timeoutMs ?? DEFAULT_TIMEOUT_MS, request.signal)
    try {
      const { message, ...answer } = await this.#begin(request, deadline)
      deadline.phase = 'body'
      deadline.renew(request.idleMs)
      const cancel = () => {
        message.destroy()
        deadline.clear()
      }
      return { ...answer, chunks: this.#chunksOf(message, Number.POSITIVE_INFINITY, deadline, true), cancel }
    } catch (error) {
      deadline.clear()
      throw error
    }
  }

  /** Closes idle connections, and those in use. */
  close(): void {
    this.#agent.destroy()
  }

  async #begin(request: HttpsRequest, deadline: Deadline): Promise<Head> {
    const { method = 'GET', path, headers = {}, body } = request
    const { trust, client, allowUnverifiedCredentials } = this.#server
    const isBare = client === undefined && !Object.keys(headers).some(name => CREDENTIALS.test(name))
    if (trust === 'unverified' && !isBare && allowUnverifiedCredentials !== true) {
      throw new NetworkError('KPKI_TLS_UNTRUSTED', `${peerName(this.#peer)} is not verified, and gets no credentials`, {
        details: peerDetails(this.#peer, 'connect'),
        hint: 'give the CA of the server',
      })
    }
    const attempt: Attempt = {
      signal: deadline.signal,
      onPhase: phase => {
        deadline.phase = phase
      },
      watcher: request.watcher,
    }
    const options: AttemptOptions = {
      agent: this.#agent,
      host: this.#peer.host,
      port: this.#peer.port,
      method,
      path,
      headers: {
        ...headers,
        host: hostHeader(this.#peer),
        ...(body === undefined ? {} : { 'content-length': String(body.length) }),
      } as http.OutgoingHttpHeaders,
      attempt,
    }
    return deadline.race(
      new Promise<Head>((resolve, reject) => {
        const message = http.request(options)
        deadline.onEnd(() => message.destroy())
        message.once('socket', () => {
          if (message.reusedSocket) deadline.phase = 'head'
        })
        message.once('error', reject)
        message.once('upgrade', (_answer, socket) => {
          socket.destroy()
          reject(this.#lie('wants to switch to another protocol', 'head'))
        })
        message.once('response', answer => {
          const shown = this.#agent.shown.get(answer.socket) ?? { chain: [], protocol: '' }
          try {
            this.#checkFraming(answer, method)
            resolve({ status: answer.statusCode ?? 0, headers: plainHeaders(answer), ...shown, message: answer })
          } catch (error) {
            answer.destroy()
            reject(error)
          }
        })
        message.end(body)
      }),
    )
  }

  /** An answer that says neither how long it is nor where it ends cannot be told from one that was cut off. */
  #checkFraming(answer: http.IncomingMessage, method: string): void {
    const { headers, statusCode = 0 } = answer
    const hasNoBody = method === 'HEAD' || statusCode === 204 || statusCode === 304
    const isFramed =
      headers['content-length'] !== undefined || /(^|,)\s*chunked\s*$/i.test(headers['transfer-encoding'] ?? '')
    if (!hasNoBody && !isFramed) throw this.#lie('does not say how long its answer is', 'head')
    const encoding = headers['content-encoding'] ?? 'identity'
    if (encoding !== 'identity') throw this.#lie('compresses its answer, for which it was not asked', 'head')
  }

  async *#chunksOf(
    message: http.IncomingMessage,
    maxBytes: number,
    deadline: Deadline,
    isStream = false,
  ): AsyncGenerator<Uint8Array> {
    const pieces = message[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>
    let isOver = false
    try {
      for (let length = 0; ; ) {
        const next = await deadline.race(pieces.next())
        if (isStream) deadline.renew()
        if (next.done === true) break
        length += next.value.length
        if (length > maxBytes) throw this.#lie(`sends more than ${maxBytes} bytes`, 'body')
        yield next.value
      }
      if (!message.complete) throw this.#lie('cut its answer off', 'body')
      isOver = true
    } finally {
      if (!isOver) message.destroy()
      deadline.clear()
    }
  }

  #lie(problem: string, phase: Phase): NetworkError {
    return new NetworkError('KPKI_NET_RESPONSE', `${peerName(this.#peer)} ${problem}`, {
      details: peerDetails(this.#peer, phase),
      hint: 'check that it is an API server that answers there, and what stands between',
    })
  }
}

interface Head extends Omit<HttpsAnswer, 'body'> {
  readonly message: http.IncomingMessage
}

function parseOrigin(text: string): Peer {
  if (!URL.canParse(text)) throw urlError(text, 'is not a URL')
  const url = new URL(text)
  if (url.protocol !== 'https:') {
    throw new NetworkError(
      'KPKI_TLS_FAILED',
      `${urlError(text, 'is not https://, and kpki talks to no server without TLS').message}`,
      {
        hint: 'write it as https://HOST:PORT',
      },
    )
  }
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port === '' ? 443 : Number(url.port) }
}

function hostHeader({ host, port }: Peer): string {
  return port === 443 ? formatHostPort(host, port).replace(/:443$/, '') : formatHostPort(host, port)
}

function plainHeaders({ headers }: http.IncomingMessage): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]],
    ),
  )
}
