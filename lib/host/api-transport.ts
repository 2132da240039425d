import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { Context } from '../context.js'
import { NetworkError, UsageError } from '../errors.js'
import { printable } from '../inspect/picture-text.js'
import { requireTime } from '../kubernetes/waiting.js'
import type { Hide } from './api-errors.js'
import { type HttpsAnswer, HttpsClient, type HttpsRequest, type HttpsServer, type HttpsStream } from './https.js'

/** How long to go on trying; every number has a default. */
export interface RetryOptions {
  /** For one question and its answer, at most. Default: 30 000 */
  readonly timeoutMs?: number
  /** For a question with all its repetitions; a list in many pages has five times as long. Default: 60 000 */
  readonly totalMs?: number
  /** Repetitions of one question. Default: 10, as client-go has it for answers with `Retry-After` */
  readonly maxRetries?: number
  /**
   * Somebody is known to answer there: where nobody does, the server is about to start, and is waited for. Default: false, so that a
   * wrong address is told at once
   */
  readonly isExpected?: boolean
}

/** A question to an API server. */
export interface ApiRequest extends Omit<HttpsRequest, 'timeoutMs'> {
  /** Asking twice does the same as asking once, so that it may be asked again when nobody knows what became of it. Default: no */
  readonly isRepeatable?: boolean
}

const DEFAULTS = { timeoutMs: 30_000, totalMs: 60_000, maxRetries: 10 } as const

type Limits = Required<Pick<RetryOptions, 'timeoutMs' | 'totalMs' | 'maxRetries'>>

function readLimits({ timeoutMs, totalMs, maxRetries }: RetryOptions): Limits {
  const retries = maxRetries ?? DEFAULTS.maxRetries
  if (!Number.isSafeInteger(retries) || retries < 0)
    throw new UsageError('KPKI_FIELD_VALUE', `maxRetries: ${retries} is no number of repetitions`, {
      details: { field: 'maxRetries' },
    })
  return {
    timeoutMs: requireTime(timeoutMs ?? DEFAULTS.timeoutMs, 'timeoutMs'),
    totalMs: requireTime(totalMs ?? DEFAULTS.totalMs, 'totalMs'),
    maxRetries: retries,
  }
}

/** Whether there was no connection, or it was cut, be it in the middle of an answer. */
function isCut(error: unknown): boolean {
  if (!(error instanceof NetworkError)) return false
  const isInAnswer = error.code === 'KPKI_NET_RESPONSE' && error.details['errno'] === 'ECONNRESET'
  return error.code === 'KPKI_NET_UNREACHABLE' || isInAnswer
}

/** Whether the server may have got something of the question. */
function wasSent(error: unknown): boolean {
  const phase = error instanceof NetworkError ? error.details['phase'] : undefined
  return phase === 'head' || phase === 'body'
}

const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 5_000
/** What servers and balancers answer while they start, stop or are overloaded. */
const PASSING = [500, 502, 503, 504]

/**
 * Asks an API server, and again where that may help and cannot harm.
 *
 * As client-go: after 429 and 5xx with `Retry-After` (the server says that nothing was done), and what is repeatable after a cut
 * connection. Beyond it: what is repeatable after other 5xx, and everything after a refused or cut connection over which
 * nothing had been sent, but only once the server has answered something, or is known to: a wrong address is told at once.
 *
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/client-go/rest/request.go (request, checkWait)
 */
export class ApiTransport {
  readonly #https: HttpsClient
  readonly #headers: Readonly<Record<string, string | readonly string[]>>
  readonly #context: Context
  readonly #limits: Limits
  readonly #stop = new AbortController()
  readonly #warned = new Set<string>()
  #hasAnswered: boolean

  /**
   * @param hide - for what the server says
   * @throws `UsageError` `KPKI_FIELD_VALUE` for times and numbers that are none
   */
  constructor(
    server: HttpsServer,
    headers: Readonly<Record<string, string | readonly string[]>>,
    context: Context,
    options: RetryOptions & { readonly signal?: AbortSignal | undefined },
    hide: Hide = text => text,
  ) {
    this.#limits = readLimits(options)
    this.#https = new HttpsClient(server)
    this.#headers = headers
    this.#context = context
    this.#hasAnswered = options.isExpected ?? false
    this.hide = hide
    this.signal = options.signal ? AbortSignal.any([options.signal, this.#stop.signal]) : this.#stop.signal
    // Each question that is under way listens.
    setMaxListeners(0, this.signal)
  }

  /** What was sent with every question is not repeated when the server does. */
  readonly hide: Hide

  /** Aborted when the client is closed, or its user stops it. */
  readonly signal: AbortSignal

  /** For a question with all its repetitions. */
  get totalMs(): number {
    return this.#limits.totalMs
  }

  /** The answer, whatever its status. */
  ask(request: ApiRequest): Promise<HttpsAnswer> {
    return this.#repeat(request, common => this.#https.exchange(common))
  }

  /**
   * An answer that goes on.
   *
   * @param idleMs - how long nothing may come
   */
  stream(request: ApiRequest, idleMs: number): Promise<HttpsStream> {
    return this.#repeat(request, common => this.#https.stream({ ...common, idleMs }))
  }

  /** Waits, unless it is all over. */
  async pause(milliseconds: number): Promise<void> {
    await delay(milliseconds, undefined, { signal: this.signal }).catch(() => {})
  }

  /** Twice as long each time, up to a bound, and up to half as long again, so that many clients do not come back together. */
  pauseAfter(failures: number): number {
    const [random = 0] = this.#context.crypto.getRandomValues(new Uint8Array(1))
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** Math.max(0, failures - 1), LONGEST_PAUSE_MS)
    return Math.round(pause * (1 + random / 512))
  }

  close(): void {
    this.#stop.abort()
    this.#https.close()
  }

  async #repeat<T extends HttpsAnswer | HttpsStream>(
    request: ApiRequest,
    exchange: (request: HttpsRequest) => Promise<T>,
  ): Promise<T> {
    const { timeoutMs, totalMs, maxRetries } = this.#limits
    const headers = { accept: 'application/json', ...this.#headers, ...request.headers }
    const over = new AbortController()
    const timer = setTimeout(() => over.abort(new DOMException('the time is up', 'TimeoutError')), totalMs)
    const signals = [over.signal, this.signal, ...(request.signal ? [request.signal] : [])]
    try {
      let leftMs = totalMs
      let before: NetworkError | undefined
      for (let failures = 0; ; ) {
        const current = await exchange({ ...request, headers, timeoutMs, signal: AbortSignal.any(signals) }).then(
          answer => ({ answer }),
          (error: unknown) => ({ error }),
        )
        // That the rest of the time was too short says less than what was said before.
        const isCutShort = 'error' in current && over.signal.aborted && !wasSent(current.error)
        const outcome = isCutShort && before ? { error: before } : current
        before = 'error' in outcome && outcome.error instanceof NetworkError ? outcome.error : undefined
        if ('answer' in outcome) {
          this.#hasAnswered = true
          this.#warn(outcome.answer)
        }
        const pause = this.#pauseBefore(outcome, request, ++failures)
        leftMs -= pause ?? 0
        const isLast = pause === undefined || failures > maxRetries || leftMs <= 0 || over.signal.aborted
        if (!isLast && failures === 1) this.#announce(outcome, leftMs + pause)
        if (!isLast) await delay(pause, undefined, { signal: AbortSignal.any(signals) }).catch(() => {})
        if (isLast || over.signal.aborted) {
          if ('error' in outcome) throw outcome.error
          return outcome.answer
        }
        if ('answer' in outcome && 'cancel' in outcome.answer) outcome.answer.cancel()
      }
    } finally {
      clearTimeout(timer)
    }
  }

  /** How long to wait before asking again; `undefined`: not at all. */
  #pauseBefore(
    outcome: { readonly answer: HttpsAnswer | HttpsStream } | { readonly error: unknown },
    request: ApiRequest,
    failures: number,
  ): number | undefined {
    const isRepeatable = request.isRepeatable ?? (request.method ?? 'GET') === 'GET'
    if ('answer' in outcome) {
      const { status, headers } = outcome.answer
      if (status !== 429 && status < 500) return undefined
      const after = headers['retry-after']
      if (after !== undefined && /^[0-9]{1,6}$/.test(after)) return Number(after) * 1000
      return isRepeatable && PASSING.includes(status) ? this.pauseAfter(failures) : undefined
    }
    const { error } = outcome
    if (!isCut(error) || !this.#hasAnswered) return undefined
    return isRepeatable || !wasSent(error) ? this.pauseAfter(failures) : undefined
  }

  /** Whoever waits is told why, once for each question. */
  #announce(
    outcome: { readonly answer: HttpsAnswer | HttpsStream } | { readonly error: unknown },
    leftMs: number,
  ): void {
    const why =
      'answer' in outcome
        ? `the API server answers ${outcome.answer.status}`
        : outcome.error instanceof NetworkError
          ? outcome.error.message
          : 'no answer'
    const message = `${why}: asking again for up to ${Math.ceil(leftMs / 1000)} s`
    this.#context.log({ level: 'info', message })
  }

  /** API servers say so when something they were asked for will go away (RFC 7234 section 5.5, code 299). */
  #warn({ headers }: Pick<HttpsAnswer, 'headers'>): void {
    for (const [, text = ''] of (headers['warning'] ?? '').matchAll(/299 [^ ]{1,100} "((?:[^"\\]|\\.){1,1000})"/g)) {
      const message = `the API server says: ${printable(this.hide(text.replace(/\\(.)/g, '$1')))}`
      if (this.#warned.has(message) || this.#warned.size > 20) continue
      this.#warned.add(message)
      this.#context.log({ level: 'warning', message })
    }
  }
}
