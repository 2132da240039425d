import type { Host } from '../host.js'
import { stopIfInterrupted } from '../interruption.js'
import { isThere, type Removal } from './survey.js'

/** How things are removed. */
export interface RemoveOptions {
  /** Mount points, which are neither removed nor gone into. */
  readonly mounts: readonly string[]
  readonly signal?: AbortSignal | undefined
}

/** What became of it. */
export interface Removed {
  /** Paths that were removed. */
  readonly gone: readonly string[]
  /** What is still there, and why. */
  readonly left: readonly string[]
}

/**
 * Removes things from a host, one after the other; goes on where one cannot be removed. See `Host.removeAll` for what is not gone
 * into.
 *
 * @throws `WorkflowError` `KPKI_INTERRUPTED`; what is no error of a file
 */
export async function removeThings(
  removals: readonly Pick<Removal, 'path' | 'type'>[],
  host: Host,
  { mounts, signal }: RemoveOptions,
): Promise<Removed> {
  const gone: string[] = []
  const left: string[] = []
  for (const { path, type } of removals) {
    stopIfInterrupted(signal, `${gone.length === 0 ? 'nothing' : `${gone.length} of ${removals.length}`} was removed`)
    const problems = await host.removeAll(path, { type, mounts })
    if (problems.length > 0) left.push(...problems)
    else if (!(await isThere(path, host))) gone.push(path)
  }
  return { gone, left }
}
