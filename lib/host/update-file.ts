// The default export on purpose: tests put faults into single calls of it.
import fs from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { equalBytes } from '../crypto/bytes.js'
import { StoreError, WorkflowError } from '../errors.js'
import { requireTime } from '../kubernetes/waiting.js'
import type { StoredFile } from '../tree/store.js'
import { failureCode, toStoreError } from './disk-errors.js'
import { createFile, type FileOwner, readRegularFile, syncDir, TEMPORARY, temporaryName, writeAside } from './files.js'

/** Options of {@link updateFile}. */
export interface UpdateFileOptions {
  /** Of a file that is not there yet; one that is keeps its own. Default: 0600 */
  readonly mode?: number
  /** Keep kubectl and others who ask for it away with FILE.lock; of no use where only whole files are put there. Default: true */
  readonly withLock?: boolean
  /** What is larger is refused. Default: 1 MiB */
  readonly maxBytes?: number
  /** How long to wait for another program that holds the lock; 0: not at all. Default: 2000 */
  readonly lockTimeoutMs?: number
  /** Ends the wait. Default: nothing does. */
  readonly signal?: AbortSignal
}

// kubectl gives up at once; its changes take milliseconds.
const LOCK_TIMEOUT_MS = 2000
const LOCK_POLL_MS = 50

/**
 * Changes a file that others change, too: reads it, asks what is to be there instead, and puts that in its place by a rename,
 * so that it is whole at every moment. Links are followed; owner and mode stay. Meanwhile FILE.lock keeps kubectl away, which
 * takes the same lock; what somebody changes without asking for it is noticed before the rename. What a killed run left beside
 * it is removed, other than the lock, of which nobody knows whose it is.
 *
 * @param change - gets what is there, `undefined` when nothing is; returns the new content, or `undefined` to leave it
 * @returns whether anything was written
 * @throws {@link WorkflowError} `KPKI_INTERRUPTED`; {@link StoreError} `KPKI_LOCKED`, `KPKI_FILE_CHANGED`, `KPKI_FILE_FOREIGN`
 *   for a file of somebody else (but root may change everybody's), and as `readRegularFile` and `createFile`; what `change`
 *   throws
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/client-go/tools/clientcmd/loader.go (lockFile), config.go (ModifyConfig)
 */
export async function updateFile(
  path: string,
  change: (current: StoredFile | undefined) => Promise<Uint8Array | undefined>,
  options: UpdateFileOptions = {},
): Promise<boolean> {
  const { lockTimeoutMs = LOCK_TIMEOUT_MS, withLock = true } = options
  if (lockTimeoutMs !== 0) requireTime(lockTimeoutMs, 'lockTimeoutMs')
  const named = resolve(path)
  const target = await realPath(named)
  const releases: (() => Promise<void>)[] = []
  try {
    // By the name that others use, and by that of the file itself: two links may lead to it.
    for (const file of withLock ? [...new Set([named, target])].sort() : [])
      releases.push(await lockFile(file, options))
    await sweep(target)
    return await replaceLocked(target, change, options)
  } finally {
    for (const release of releases.reverse()) await release()
  }
}

async function replaceLocked(
  target: string,
  change: (current: StoredFile | undefined) => Promise<Uint8Array | undefined>,
  { mode = 0o600, maxBytes }: UpdateFileOptions,
): Promise<boolean> {
  const current = await readRegularFile(target, maxBytes)
  const owner = current && (await ownerOf(target))
  const bytes = await change(current)
  if (!bytes) return false
  if (!current) {
    await createFile(target, bytes, mode)
    return true
  }
  const temporary = await writeAside(target, bytes, current.mode ?? mode, owner)
  try {
    const now = await readRegularFile(target, maxBytes)
    if (!now || !equalBytes(now.bytes, current.bytes)) {
      throw new StoreError(
        'KPKI_FILE_CHANGED',
        `${target} was changed by somebody else meanwhile; nothing was written`,
        {
          details: { path: target },
          hint: 'run again',
        },
      )
    }
    await fs.rename(temporary, target)
    await syncDir(dirname(target))
  } catch (error) {
    await fs.rm(temporary, { force: true }).catch(() => {})
    if (failureCode(error) === 'EBUSY')
      throw new StoreError('KPKI_WRITE_FAILED', `${target} is mounted by itself, and cannot be replaced (EBUSY)`, {
        details: { path: target, errno: 'EBUSY' },
        hint: 'mount its folder instead of the file, as a container does with -v',
        cause: error,
      })
    throw toStoreError(error, target, 'write')
  }
  return true
}

/** Removes what runs wrote aside that are gone; it holds what the file does. */
async function sweep(target: string): Promise<void> {
  const beginning = basename(temporaryName(target, ''))
  const names = await fs.readdir(dirname(target)).catch(() => [])
  for (const name of names) {
    const [, pid] = name.startsWith(beginning) && TEMPORARY.test(name) ? (/-([0-9]+)-[0-9]+$/.exec(name) ?? []) : []
    if (pid !== undefined && isGone(Number(pid)))
      await fs.rm(join(dirname(target), name), { force: true }).catch(() => {})
  }
}

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    return failureCode(error) === 'ESRCH'
  }
}

/** Who is to have the new file; `undefined` where that is whoever runs this anyway. */
async function ownerOf(path: string): Promise<FileOwner | undefined> {
  const { geteuid, getegid } = process
  const { uid, gid } = await fs.stat(path)
  if (!geteuid || !getegid || (uid === geteuid.call(process) && gid === getegid.call(process))) return undefined
  if (geteuid.call(process) !== 0 && uid !== geteuid.call(process)) {
    throw new StoreError('KPKI_FILE_FOREIGN', `${path} belongs to another user, and would be yours afterwards`, {
      details: { path },
      hint: 'run it as the user that it belongs to',
    })
  }
  return { uid, gid }
}

/** Where a path leads; itself when nothing is there. */
async function realPath(path: string): Promise<string> {
  try {
    return await fs.realpath(path)
  } catch (error) {
    if (failureCode(error) !== 'ENOENT') throw toStoreError(error, path, 'read')
    // Says so for a link to nothing.
    await readRegularFile(path)
    return path
  }
}

/** As client-go: a file of mode 0 beside it that only one can make. The directory is made where there is none. */
async function lockFile(
  path: string,
  { lockTimeoutMs = LOCK_TIMEOUT_MS, signal }: UpdateFileOptions,
): Promise<() => Promise<void>> {
  const lock = `${path}.lock`
  let pollsLeft = Math.ceil(lockTimeoutMs / LOCK_POLL_MS)
  try {
    await fs.mkdir(dirname(lock), { recursive: true, mode: 0o700 })
  } catch (error) {
    // That is about the directory, and no lock.
    if (failureCode(error) === 'EEXIST') throw notDirectory(dirname(lock))
    throw notLockable(error, path)
  }
  for (;;) {
    if (signal?.aborted) throw new WorkflowError('KPKI_INTERRUPTED', `interrupted; ${path} is as it was`)
    try {
      await (await fs.open(lock, 'wx', 0)).close()
      return () => fs.rm(lock, { force: true })
    } catch (error) {
      if (failureCode(error) !== 'EEXIST') throw notLockable(error, path)
      if (pollsLeft-- <= 0) {
        throw new StoreError('KPKI_LOCKED', `another program is changing ${path}: its lock ${lock} is there`, {
          details: { path: lock },
          hint: `wait for it; if there is none, kubectl or kpki was killed: remove ${lock}`,
        })
      }
      await sleep(LOCK_POLL_MS, undefined, signal ? { signal } : {}).catch(() => {})
    }
  }
}

/** Nobody who runs this has asked for the lock: what is said is about the file. */
function notLockable(error: unknown, path: string): unknown {
  const found = toStoreError(error, path, 'write')
  if (!(found instanceof StoreError) || found.code !== 'KPKI_DIR_NOT_WRITABLE') return found
  return new StoreError(
    found.code,
    `${path} cannot be changed: its directory cannot be written to (${failureCode(error)})`,
    {
      details: found.details,
      hint: 'run it as the user that it belongs to, or name another file',
      cause: error,
    },
  )
}

function notDirectory(path: string): StoreError {
  return new StoreError('KPKI_FILE_NOT_REGULAR', `${path} is not a directory`, { details: { path } })
}
