// The default export on purpose: tests put faults into single calls of it.
import fs from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Bytes } from '../crypto/bytes.js'
import { EncodingError, StoreError } from '../errors.js'
import { MAX_INPUT_BYTES } from '../limits.js'
import type { StagedFile, StoredFile } from '../tree/store.js'
import { type Failure, failureCode, fileNotFound, toStoreError } from './disk-errors.js'

/** How a file system says that it has no hard links. */
export const NO_HARD_LINKS: readonly Failure[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']

const PIECE = 256 * 1024

/** Names of files that are being written: process and number make them unique. */
export const TEMPORARY = /^\..+\.kpki-tmp-[0-9]+-[0-9]+$/

/**
 * Reads a file that somebody named: a regular one (or a link to one). Never waits on a pipe, and never reads past its bound,
 * whatever the size of a file is said to be: `/proc/PID/pagemap` is an empty regular file without an end.
 *
 * @param maxBytes - what is larger is refused. Default: 1 MiB
 * @returns `undefined` when there is none
 * @throws {@link StoreError} `KPKI_FILE_UNREADABLE`, `KPKI_FILE_NOT_REGULAR`; {@link EncodingError} `KPKI_INPUT_TOO_LARGE`
 */
export async function readRegularFile(path: string, maxBytes = MAX_INPUT_BYTES): Promise<StoredFile | undefined> {
  const tooLarge = () =>
    new EncodingError('KPKI_INPUT_TOO_LARGE', `${path} is larger than ${maxBytes / MAX_INPUT_BYTES} MiB`, {
      details: { path },
    })
  try {
    const handle = await fs.open(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
    try {
      const stats = await handle.stat()
      if (!stats.isFile()) {
        throw new StoreError(
          'KPKI_FILE_NOT_REGULAR',
          `${path} is ${stats.isDirectory() ? 'a directory' : 'not a regular file'}`,
          {
            details: { path },
            ...(stats.isFIFO()
              ? { hint: 'move it away; what comes through a pipe is read from standard input: -' }
              : {}),
          },
        )
      }
      if (stats.size > maxBytes) throw tooLarge()
      const bytes = await readAtMost(handle, stats.size, maxBytes)
      if (!bytes) throw tooLarge()
      const { uid, gid, mode } = stats
      return { bytes, mode: mode & 0o7777, owner: isOurs(uid) ? 'trusted' : 'foreign', uid, gid }
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (failureCode(error) !== 'ENOENT') throw toStoreError(error, path, 'read')
    if (await isLink(path))
      throw new StoreError('KPKI_FILE_NOT_REGULAR', `${path} is a link to nothing`, { details: { path } })
    return undefined
  }
}

/**
 * Reads a regular file in pieces, whatever its size.
 *
 * @throws {@link StoreError} `KPKI_FILE_NOT_FOUND`, `KPKI_FILE_UNREADABLE`, `KPKI_FILE_NOT_REGULAR`
 */
export async function* readPieces(path: string): AsyncGenerator<Uint8Array> {
  try {
    const handle = await fs.open(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
    try {
      if (!(await handle.stat()).isFile()) {
        const hint = 'what comes through a pipe is read from standard input: -'
        throw new StoreError('KPKI_FILE_NOT_REGULAR', `${path} is not a regular file`, { details: { path }, hint })
      }
      for (;;) {
        const { bytesRead, buffer } = await handle.read(new Uint8Array(PIECE))
        if (bytesRead === 0) return
        yield buffer.subarray(0, bytesRead)
      }
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (failureCode(error) === 'ENOENT') throw fileNotFound(path)
    throw toStoreError(error, path, 'read')
  }
}

/** Reads to the end, of which the size said beforehand is only a guess; `undefined` when it is beyond the bound. */
async function readAtMost(handle: fs.FileHandle, size: number, maxBytes: number): Promise<Bytes | undefined> {
  let bytes = new Uint8Array(Math.min(size, maxBytes) + 1)
  for (let length = 0; ; ) {
    const { bytesRead } = await handle.read(bytes, length, bytes.length - length)
    if (bytesRead === 0) return bytes.slice(0, length)
    length += bytesRead
    if (length > maxBytes) return undefined
    // One octet more was asked for: there is no more. What says to be empty is read until it is.
    if (length === size && length < bytes.length) return bytes.subarray(0, length)
    if (length < bytes.length) continue
    const larger = new Uint8Array(Math.min(2 * length + 4096, maxBytes + 1))
    larger.set(bytes)
    bytes = larger
  }
}

/**
 * Writes a new file: whole or not at all, with its mode from the first moment on, never over something that is there.
 *
 * @throws {@link StoreError} `KPKI_FILE_EXISTS`, `KPKI_DIR_NOT_WRITABLE`, `KPKI_DISK_FULL`, `KPKI_WRITE_FAILED`
 */
export async function createFile(target: string, bytes: Uint8Array, mode: number): Promise<void> {
  const staged = await stageFile(target, bytes, mode)
  await staged.commit()
  try {
    await syncDir(dirname(target))
  } catch (error) {
    await fs.rm(target, { force: true }).catch(() => {})
    throw toStoreError(error, target, 'write')
  }
}

/**
 * Writes a new file aside, synced, so that `commit` has only to give it its name; the directory is not synced.
 *
 * @throws as {@link createFile}, as does `commit`; either leaves nothing behind
 */
export async function stageFile(target: string, bytes: Uint8Array, mode: number): Promise<StagedFile> {
  const temporary = await writeAside(target, bytes, mode)
  const commit = async () => {
    let isInPlace = false
    try {
      await takeName(temporary, target)
      isInPlace = true
      await fs.rm(temporary, { force: true })
    } catch (error) {
      for (const file of isInPlace ? [temporary, target] : [temporary]) await remove(file)
      throw toStoreError(error, target, 'write')
    }
  }
  return { commit, discard: () => remove(temporary) }
}

/** Who a file belongs to. */
export interface FileOwner {
  readonly uid: number
  readonly gid: number
}

/**
 * Writes a file beside the one that it is to become, synced.
 *
 * @param owner - Default: whoever runs this
 * @returns its path; nothing is left behind on errors
 * @throws as {@link createFile}
 */
export async function writeAside(target: string, bytes: Uint8Array, mode: number, owner?: FileOwner): Promise<string> {
  const temporary = temporaryName(target, `${process.pid}-${temporaries++}`)
  try {
    // Born 0600 whatever it becomes, and only if nothing is there: neither a file nor a link laid out for us.
    const handle = await fs.open(temporary, 'wx', 0o600)
    try {
      await handle.writeFile(bytes)
      // Before the mode: a change of owner takes some bits of it away.
      if (owner) await handle.chown(owner.uid, owner.gid)
      await handle.chmod(mode)
      await handle.sync()
    } finally {
      await handle.close()
    }
    return temporary
  } catch (error) {
    await remove(temporary)
    throw toStoreError(error, target, 'write')
  }
}

function remove(file: string): Promise<void> {
  return fs.rm(file, { force: true }).catch(() => {})
}

let temporaries = 0

/** The name that {@link TEMPORARY} matches, beside the file that is to be. */
export function temporaryName(target: string, unique: string): string {
  return join(dirname(target), `.${basename(target).replace(/^\./, '')}.kpki-tmp-${unique}`)
}

/** Gives a file its name if that is free, which a rename would not ask; the temporary name may stay beside it. */
async function takeName(temporary: string, target: string): Promise<void> {
  try {
    await fs.link(temporary, target)
  } catch (error) {
    if (!NO_HARD_LINKS.includes(failureCode(error))) throw error
    // FAT and some network file systems have no hard links; the lock keeps other runs of ours away meanwhile.
    if ((await exists(target)) || (await isLink(target))) throw Object.assign(new Error('exists'), { code: 'EEXIST' })
    await fs.rename(temporary, target)
  }
}

/** Makes a directory's new entries outlive a crash; not every system lets directories be opened. */
export async function syncDir(dir: string): Promise<void> {
  const handle = await fs.open(dir, 'r').catch(() => undefined)
  try {
    await handle?.sync()
  } catch (error) {
    const harmless: readonly Failure[] = ['EINVAL', 'EISDIR', 'EPERM']
    if (!harmless.includes(failureCode(error))) throw error
  } finally {
    await handle?.close()
  }
}

/** Whether a file or directory is root's or this user's. */
export function isOurs(uid: number): boolean {
  return uid === 0 || process.geteuid === undefined || uid === process.geteuid()
}

/** Whether a path leads to something. */
export async function exists(path: string): Promise<boolean> {
  return fs.stat(path).then(
    () => true,
    () => false,
  )
}

/** Whether a path leads to a regular file. */
export async function isRegularFile(path: string): Promise<boolean> {
  return fs.stat(path).then(
    stats => stats.isFile(),
    () => false,
  )
}

/** Whether a path is a symbolic link itself. */
export async function isLink(path: string): Promise<boolean> {
  return fs.lstat(path).then(
    stats => stats.isSymbolicLink(),
    () => false,
  )
}
