import { KpkiError, StoreError } from '../../errors.js'
import type { Host } from '../host.js'
import { stopIfInterrupted } from '../interruption.js'
import { holdsMount } from './mounts.js'
import { isThere, type Removal } from './survey.js'

/** Levels of directories that are gone into. */
const MAX_DEPTH = 64

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
  /** Paths that are still there, and why. */
  readonly left: readonly string[]
}

/**
 * Removes things from a host, one after the other; goes on where one cannot be removed. Links go themselves, never what they lead
 * to. A directory goes when it is empty; nothing of another file system is removed.
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
    const problems: string[] = []
    if (type === 'tree') await removeTree(path, host, mounts, problems)
    else await attempt(path, problems, () => removeOne(path, type, host))
    if (problems.length > 0) left.push(...problems)
    else if (!(await isThere(path, host))) gone.push(path)
  }
  return { gone, left }
}

async function removeOne(path: string, type: Removal['type'], host: Host): Promise<void> {
  try {
    await host.remove(path)
  } catch (error) {
    // Something is in there that stays.
    if (type === 'directory' && isNotEmpty(error)) return
    throw error
  }
}

/** What goes in one step, a link or an empty directory, is not looked into: so a link is never followed. */
async function removeTree(
  path: string,
  host: Host,
  mounts: readonly string[],
  problems: string[],
  depth = 0,
): Promise<void> {
  if (mounts.includes(path)) return void problems.push(`${host.locate(path)} is a mount point`)
  if (depth > MAX_DEPTH) return void problems.push(`${host.locate(path)} lies too deep`)
  try {
    if (!holdsMount(path, mounts)) {
      await host.remove(path)
      return
    }
  } catch (error) {
    if (!isNotEmpty(error)) return attempt(path, problems, () => Promise.reject(error))
  }
  for (const name of (await host.names(path)) ?? [])
    await removeTree(`${path}/${name}`, host, mounts, problems, depth + 1)
  if (problems.length === 0) await attempt(path, problems, () => host.remove(path))
}

function isNotEmpty(error: unknown): boolean {
  return error instanceof StoreError && ['ENOTEMPTY', 'EEXIST'].includes(String(error.details['errno']))
}

async function attempt(path: string, problems: string[], work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof KpkiError)) throw error
    problems.push(error.message.includes(path) ? error.message : `${path}: ${error.message}`)
  }
}
