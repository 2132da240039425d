import http2 from 'node:http2'
import { connect } from 'node:net'
import { concatBytes } from '../crypto/bytes.js'
import { failureCode } from './disk-errors.js'

/** What a call came to: its answer, or why there is none. */
export type GrpcResult =
  | { readonly ok: true; readonly message: Uint8Array }
  | {
      readonly ok: false
      /** gRPC's number, e.g. 12 (unimplemented); 4 when time was up here, 14 when nobody answers. */
      readonly status: number
      /** One line, of the server or about it. */
      readonly problem: string
    }

/** @see github.com/grpc/grpc, doc/statuscodes.md */
export const GRPC_STATUS = {
  deadlineExceeded: 4,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
} as const

const MAX_ANSWER_BYTES = 16 * 1024 * 1024
const MAX_PROBLEM_LENGTH = 600
const PREFIX_BYTES = 5

/**
 * Calls to a server that listens on a unix socket: one message there, one back. The connection is kept for the next call, and
 * keeps nobody's process alive between two of them.
 *
 * @see github.com/grpc/grpc, doc/PROTOCOL-HTTP2.md
 */
export class GrpcClient {
  readonly #socket: string
  #session: http2.ClientHttp2Session | undefined

  /** @param socket - path of the socket */
  constructor(socket: string) {
    this.#socket = socket
  }

  /**
   * @param method - `/package.Service/Method`
   * @param timeoutMs - for all of it; the server is told, too
   */
  call(method: string, message: Uint8Array, timeoutMs: number): Promise<GrpcResult> {
    return new Promise(resolve => {
      const session = this.#connect()
      session.ref()
      const end = (result: GrpcResult) => {
        clearTimeout(timer)
        session.off('error', fail)
        session.off('close', fail)
        if (!session.destroyed) session.unref()
        resolve(result)
      }
      const stop = (status: number, problem: string) => {
        end({ ok: false, status, problem })
        if (!stream.destroyed) stream.close(http2.constants.NGHTTP2_CANCEL)
      }
      const fail = (error?: unknown) => end({ ok: false, status: GRPC_STATUS.unavailable, problem: explain(error) })
      const timer = setTimeout(
        () => stop(GRPC_STATUS.deadlineExceeded, `no answer within ${timeoutMs / 1000} s`),
        timeoutMs,
      )
      session.once('error', fail)
      session.once('close', fail)
      const stream = session.request({
        ':method': 'POST',
        ':path': method,
        ':scheme': 'http',
        ':authority': 'localhost',
        'content-type': 'application/grpc',
        te: 'trailers',
        'grpc-timeout': `${Math.ceil(timeoutMs)}m`,
      })
      let head: http2.IncomingHttpHeaders = {}
      let trailers: http2.IncomingHttpHeaders = {}
      const chunks: Uint8Array[] = []
      let length = 0
      stream.on('response', headers => {
        head = headers
      })
      stream.on('trailers', headers => {
        trailers = headers
      })
      stream.on('data', (chunk: Uint8Array) => {
        length += chunk.length
        if (length > MAX_ANSWER_BYTES)
          stop(GRPC_STATUS.resourceExhausted, `the answer is larger than ${MAX_ANSWER_BYTES / 1024 ** 2} MiB`)
        else chunks.push(chunk)
      })
      stream.on('error', fail)
      stream.on('end', () => {
        // A connection that is cut before an answer ends the stream, too.
        if (head[':status'] === undefined) fail()
        else end(judge({ ...head, ...trailers }, concatBytes(chunks)))
      })
      stream.end(frame(message))
    })
  }

  close(): void {
    this.#session?.destroy()
    this.#session = undefined
  }

  #connect(): http2.ClientHttp2Session {
    if (this.#session && !this.#session.destroyed && !this.#session.closed) return this.#session
    const session = http2.connect('http://localhost', { createConnection: () => connect(this.#socket) })
    // Calls listen themselves; what happens between two of them is seen by the next one.
    session.on('error', () => {})
    this.#session = session
    return session
  }
}

/** A message behind its head: not compressed, and how long. */
function frame(message: Uint8Array): Uint8Array {
  const head = new Uint8Array(PREFIX_BYTES)
  new DataView(head.buffer).setUint32(1, message.length)
  return concatBytes([head, message])
}

function judge(headers: http2.IncomingHttpHeaders, body: Uint8Array): GrpcResult {
  const bad = (problem: string, status: number = GRPC_STATUS.internal): GrpcResult => ({ ok: false, status, problem })
  const httpStatus = Number(headers[':status'])
  if (httpStatus !== 200) return bad(`what listens there answers with HTTP status ${httpStatus}`)
  const status = headers['grpc-status']
  if (typeof status !== 'string' || !/^[0-9]{1,2}$/.test(status)) return bad('what listens there does not speak gRPC')
  if (status !== '0') {
    const text = headers['grpc-message']
    return bad(oneLine(decode(typeof text === 'string' ? text : '')) || `gRPC status ${status}`, Number(status))
  }
  const isFramed =
    body.length >= PREFIX_BYTES &&
    body[0] === 0 &&
    new DataView(body.buffer, body.byteOffset).getUint32(1) === body.length - PREFIX_BYTES
  return isFramed ? { ok: true, message: body.subarray(PREFIX_BYTES) } : bad('the answer is not one whole message')
}

/** The server percent-encodes what is not printable ASCII. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function oneLine(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim()
  return line.length > MAX_PROBLEM_LENGTH ? `${line.slice(0, MAX_PROBLEM_LENGTH)}…` : line
}

const SOCKET_PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such socket',
  ECONNREFUSED: 'nobody listens on the socket',
  EACCES: 'this user may not connect to the socket',
  EPERM: 'this user may not connect to the socket',
  ENOTSOCK: 'it is not a socket',
}

function explain(error: unknown): string {
  // A stream that never began says that it was cancelled, and has the connection's error behind it.
  const code = failureCode(error instanceof Error && error.cause instanceof Error ? error.cause : error)
  return SOCKET_PROBLEMS[code] ?? `the connection was cut${code === '' ? '' : ` (${code})`}`
}
