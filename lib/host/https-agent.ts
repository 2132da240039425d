import http from 'node:http'
import type { Duplex } from 'node:stream'
import { type Attempt, connectTls, type Shown, type TlsTarget } from './tls-connect.js'

// Shorter than what servers and balancers keep idle connections, so that none is used that is being closed.
const IDLE_MS = 15_000

/** Of a request over {@link VerifyingAgent}. */
export type AttemptOptions = http.RequestOptions & { readonly attempt: Attempt }

/** Gives Node's HTTP connections that are already verified, and keeps them. */
export class VerifyingAgent extends http.Agent {
  /** What each server showed. */
  readonly shown = new WeakMap<object, Shown>()
  readonly #target: TlsTarget

  constructor(target: TlsTarget) {
    super({ keepAlive: true, timeout: IDLE_MS, scheduling: 'lifo' })
    this.#target = target
  }

  override createConnection(
    options: http.ClientRequestArgs,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    const { attempt } = options as AttemptOptions
    const done = callback as (error: Error | null, stream?: Duplex) => void
    connectTls(this.#target, attempt).then(
      ({ socket, shown }) => {
        this.shown.set(socket, shown)
        done(null, socket)
      },
      (error: Error) => done(error),
    )
  }
}
