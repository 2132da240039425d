import type { Context } from '../context.js'
import type { KeyAlgorithm } from '../crypto/algorithms.js'
import { generateKey, type PrivateKey } from '../crypto/keys.js'
import { interrupted } from '../tree/write-all.js'

/** A key that is to be made. */
export interface KeyOrder<Id extends string> {
  readonly id: Id
  readonly algorithm: KeyAlgorithm
}

/**
 * Makes all keys at once: on Node they are made on all cores, and are ready in about this order. Says how far it is.
 *
 * @param orders - each id once
 */
export function makeKeys<Id extends string>(
  orders: readonly KeyOrder<Id>[],
  context: Context,
): ReadonlyMap<Id, Promise<PrivateKey>> {
  const algorithms = [...new Set(orders.map(({ algorithm }) => algorithm))].join(' and ')
  let done = 0
  const progress = () =>
    context.log({ level: 'progress', message: `making ${algorithms} keys`, done, total: orders.length })
  progress()
  const make = async (algorithm: KeyAlgorithm) => {
    const key = await generateKey(algorithm, context)
    done++
    progress()
    return key
  }
  const keys = new Map(orders.map(({ id, algorithm }) => [id, make(algorithm)]))
  // Whoever waits for a key hears of its failure; the others' failures are the same one.
  for (const key of keys.values()) key.catch(() => {})
  return keys
}

/** Large RSA keys take a minute, in which nothing is written yet: nobody has to wait for them to stop. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work
  return new Promise((resolve, reject) => {
    const stop = () => reject(interrupted())
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
