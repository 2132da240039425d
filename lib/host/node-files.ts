// The default export on purpose: tests put faults into single calls of it.
import fs from 'node:fs/promises'
import { dirname } from 'node:path'
import { equalBytes } from '../crypto/bytes.js'
import { StoreError } from '../errors.js'
import type { HostFile } from '../render/host-file.js'
import { fileChanged } from '../tree/store.js'
import type { Host, HostEntry } from '../workflow/host.js'
import { type Failure, failureCode, toStoreError } from './disk-errors.js'
import { assertOurs } from './disk-store.js'
import { createFile, readRegularFile } from './files.js'
import { removeAll } from './remove-all.js'
import { stageReplacement } from './replace-file.js'

/** Nothing is there, or what is above it is no directory. */
const MISSING: readonly Failure[] = ['ENOENT', 'ENOTDIR']

/** The files of the host that this runs on. */
export const NODE_FILES: Pick<
  Host,
  'locate' | 'look' | 'read' | 'names' | 'makeDirectory' | 'create' | 'replace' | 'remove' | 'linkTarget' | 'removeAll'
> = {
  locate: path => path,
  look,
  read: async (path, maxBytes) => (await unlessMissing(readRegularFile(path, maxBytes), path))?.bytes,
  names: async path => (await unlessMissing(fs.readdir(path), path))?.sort(),
  makeDirectory,
  create,
  replace,
  remove,
  linkTarget,
  removeAll: (path, options) => removeAll(path, options),
}

async function look(path: string): Promise<HostEntry | undefined> {
  const stats = await unlessMissing(fs.stat(path), path)
  if (!stats) return undefined
  const type = stats.isFile() ? 'file' : stats.isDirectory() ? 'directory' : stats.isSocket() ? 'socket' : 'other'
  return { type, mode: stats.mode & 0o7777, uid: stats.uid, gid: stats.gid, size: stats.size }
}

/** Modes are those asked for, whatever the umask takes away. */
async function makeDirectory(path: string, mode: number): Promise<boolean> {
  const there = await look(path)
  if (there?.type === 'directory') return false
  try {
    if (dirname(path) !== path) await makeDirectory(dirname(path), 0o755)
    await fs.mkdir(path, { mode: 0o700 })
    await fs.chmod(path, mode)
    return true
  } catch (error) {
    throw toStoreError(error, path, 'write')
  }
}

async function create({ path, mode, bytes }: HostFile): Promise<void> {
  const dir = dirname(path)
  await makeDirectory(dir, 0o755)
  await assertDirIsOurs(dir)
  try {
    await createFile(path, bytes, mode)
  } catch (error) {
    const isThere = error instanceof StoreError && error.code === 'KPKI_FILE_EXISTS'
    // Nothing was found there before: it leads to nothing, and would for ever.
    if (!isThere || (await linkTarget(path)) === undefined) throw error
    throw new StoreError('KPKI_FILE_NOT_REGULAR', `${path} is a link, and nothing was found where it leads to`, {
      details: { path },
      hint: 'remove the link, or put there what it is to lead to',
      cause: error,
    })
  }
}

async function replace({ path, mode, bytes }: HostFile, expected: Uint8Array): Promise<void> {
  await assertDirIsOurs(dirname(path))
  const there = await readRegularFile(path)
  if (!there || !equalBytes(there.bytes, expected)) throw fileChanged(path)
  const staged = await stageReplacement(path, await fs.realpath(path), there, { bytes, mode })
  try {
    await staged.commit()
  } finally {
    await staged.discard()
  }
}

async function remove(path: string): Promise<boolean> {
  try {
    const stats = await unlessMissing(fs.lstat(path), path)
    if (!stats) return false
    if (stats.isDirectory()) await fs.rmdir(path)
    else await fs.unlink(path)
    return true
  } catch (error) {
    throw toStoreError(error, path, 'write')
  }
}

async function linkTarget(path: string): Promise<string | undefined> {
  const isLink = (await unlessMissing(fs.lstat(path), path))?.isSymbolicLink()
  return isLink ? unlessMissing(fs.readlink(path), path) : undefined
}

async function assertDirIsOurs(dir: string): Promise<void> {
  const stats = await unlessMissing(fs.stat(dir), dir)
  if (stats) assertOurs(dir, stats, 'chown and chmod it, so that nobody else writes there')
}

async function unlessMissing<T>(reading: Promise<T>, path: string): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    const failure = error instanceof StoreError ? error.details['errno'] : failureCode(error)
    if (typeof failure === 'string' && MISSING.includes(failure)) return undefined
    throw toStoreError(error, path, 'read')
  }
}
