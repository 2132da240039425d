import { WorkflowError } from '../errors.js'

/** Why a run stopped that was told to, and what became of what it had made. */
export function interruption(outcome = 'nothing was made'): WorkflowError {
  return new WorkflowError('KPKI_INTERRUPTED', `interrupted; ${outcome}`)
}

/** @throws {@link WorkflowError} `KPKI_INTERRUPTED` when the signal has come */
export function stopIfInterrupted(signal: AbortSignal | undefined, outcome?: string): void {
  if (signal?.aborted) throw interruption(outcome)
}

/**
 * Waits for work that changes nothing, so that it can be left alone when the signal comes.
 *
 * @throws {@link WorkflowError} `KPKI_INTERRUPTED`; what the work throws
 */
export async function unlessInterrupted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work
  let stop: (() => void) | undefined
  const stopped = new Promise<never>((_resolve, reject) => {
    stop = () => reject(interruption())
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([stopped, work])
  } finally {
    if (stop) signal.removeEventListener('abort', stop)
    // Nobody waits for it any more.
    work.catch(() => {})
  }
}
