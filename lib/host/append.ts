// The default export on purpose: tests put faults into single calls of it.
import fs from 'node:fs/promises'
import { StoreError } from '../errors.js'
import { failureCode, toStoreError } from './disk-errors.js'
import { isOurs } from './files.js'

const NEWLINE = 0x0a

/**
 * Adds whole lines to the end of a file that is there, in one write, and syncs it: several processes may do so at once. A last
 * line that a crash has torn, or that another process is just writing, gets its end first: readers pass over empty lines. What
 * could be written only in part is cut off again.
 *
 * @returns the permission bits of the file; `undefined` when there is none
 * @throws {@link StoreError} `KPKI_FILE_NOT_REGULAR` for a link, `KPKI_FILE_FOREIGN` where others could change it, and as
 *   `createFile`
 */
export async function appendToFile(path: string, bytes: Uint8Array): Promise<number | undefined> {
  const { O_RDWR, O_APPEND, O_NOFOLLOW, O_NONBLOCK } = fs.constants
  try {
    // Windows has neither of the last two.
    const handle = await fs.open(path, O_RDWR | O_APPEND | (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0))
    try {
      return await append(handle, path, bytes)
    } finally {
      await handle.close()
    }
  } catch (error) {
    const failure = failureCode(error)
    if (failure === 'ENOENT') return undefined
    // What open(2) says of a link with O_NOFOLLOW.
    if (failure === 'ELOOP') throw notRegular(path, 'a link')
    if (failure === 'EISDIR') throw notRegular(path, 'a directory')
    throw toStoreError(error, path, 'write')
  }
}

async function append(handle: fs.FileHandle, path: string, bytes: Uint8Array): Promise<number> {
  const stats = await handle.stat()
  const { size, uid, mode } = stats
  if (!stats.isFile()) throw notRegular(path, 'not a regular file')
  const problem = !isOurs(uid) ? 'belongs to another user' : (mode & 0o022) !== 0 ? 'can be written to by others' : ''
  if (problem !== '') {
    throw new StoreError('KPKI_FILE_FOREIGN', `${path} ${problem}, and is to be relied on`, {
      details: { path },
      hint: 'chown and chmod it after a look at what is in it, or move it away for a new one',
    })
  }
  const last = new Uint8Array(1)
  if (size > 0) await handle.read(last, 0, 1, size - 1)
  const lines = size > 0 && last[0] !== NEWLINE ? new Uint8Array([NEWLINE, ...bytes]) : bytes
  let written = 0
  try {
    written = (await handle.write(lines)).bytesWritten
    // A full disk takes what it has room for, and says so by the count alone.
    if (written < lines.length) throw Object.assign(new Error('written in part'), { code: 'ENOSPC' })
    await handle.sync()
  } catch (error) {
    // Unless another process has gone on behind it.
    const isLast = (await handle.stat()).size === size + written
    if (written > 0 && isLast) await handle.truncate(size).catch(() => {})
    throw error
  }
  return mode & 0o7777
}

function notRegular(path: string, what: string): StoreError {
  return new StoreError('KPKI_FILE_NOT_REGULAR', `${path} is ${what}`, {
    details: { path },
    hint: 'move it away, and a new file is made',
  })
}
