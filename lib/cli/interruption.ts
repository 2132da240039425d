import { WorkflowError } from '../index.js'

/** How long an interrupt waits for the answer to a change, and for what takes it back. */
const GRACE_MS = 10_000

/** A signal for connections over which something has to be taken back: it comes some seconds after another one. */
export function afterGrace(signal: AbortSignal, graceMs = GRACE_MS): AbortSignal {
  const late = new AbortController()
  const begin = () => AbortSignal.timeout(graceMs).addEventListener('abort', () => late.abort(), { once: true })
  if (signal.aborted) begin()
  else signal.addEventListener('abort', begin, { once: true })
  return late.signal
}

/**
 * Waits for work before anything is changed, which an interrupt may leave alone.
 *
 * @throws {@link WorkflowError} `KPKI_INTERRUPTED`; what the work throws
 */
export async function unlessInterrupted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const done = new AbortController()
  const stopped = new Promise<never>((_resolve, reject) => {
    const stop = () => reject(new WorkflowError('KPKI_INTERRUPTED', 'interrupted; nothing was changed'))
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true, signal: done.signal })
  })
  try {
    return await Promise.race([stopped, work])
  } finally {
    done.abort()
    // Nobody may wait for it any more.
    work.catch(() => {})
  }
}
