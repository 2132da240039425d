import { WorkflowError } from '../index.js'

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
