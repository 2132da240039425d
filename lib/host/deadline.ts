import type { KpkiError } from '../errors.js'
import { abortError, type Peer, type Phase, timeoutError, toNetworkError } from './network-errors.js'

/** What one exchange may take, and how far it has come. */
export class Deadline {
  phase: Phase = 'connect'
  readonly #peer: Peer
  #timeoutMs: number
  readonly #outer: AbortSignal | undefined
  readonly #stop = new AbortController()
  readonly #interrupt: () => void
  #timer: NodeJS.Timeout | undefined

  constructor(peer: Peer, timeoutMs: number, outer: AbortSignal | undefined) {
    this.#peer = peer
    this.#timeoutMs = timeoutMs
    this.#outer = outer
    this.#interrupt = () => {
      if (outer) this.#stop.abort(abortError(outer, peer, this.phase))
    }
    outer?.addEventListener('abort', this.#interrupt)
    if (outer?.aborted) this.#interrupt()
    this.renew()
  }

  get signal(): AbortSignal {
    return this.#stop.signal
  }

  /** Begins to count anew. */
  renew(timeoutMs = this.#timeoutMs): void {
    this.#timeoutMs = timeoutMs
    clearTimeout(this.#timer)
    this.#timer = setTimeout(
      () => this.#stop.abort(timeoutError(this.#peer, this.phase, this.#timeoutMs)),
      this.#timeoutMs,
    )
  }

  onEnd(end: () => void): void {
    this.signal.addEventListener('abort', end, { once: true })
  }

  /** What the work gives, or the reason why it is stopped; errors as our own. */
  async race<T>(work: Promise<T>): Promise<T> {
    const { signal } = this
    let end: (() => void) | undefined
    const stopped = new Promise<never>((_resolve, reject) => {
      end = () => reject(signal.reason)
      if (signal.aborted) end()
      else signal.addEventListener('abort', end)
    })
    try {
      return await Promise.race([work, stopped])
    } catch (error) {
      work.catch(() => {})
      throw signal.aborted ? (signal.reason as KpkiError) : toNetworkError(error, this.#peer, this.phase)
    } finally {
      if (end) signal.removeEventListener('abort', end)
    }
  }

  clear(): void {
    clearTimeout(this.#timer)
    this.#outer?.removeEventListener('abort', this.#interrupt)
  }
}
