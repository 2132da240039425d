import type { Dirent } from 'node:fs'
import fs from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { ahead } from '../ahead.js'
import { KpkiError } from '../errors.js'
import { MAX_INPUT_BYTES, MAX_INSPECT_BYTES } from '../limits.js'
import type { FileProblem } from '../tree/store.js'
import { failureCode, fileNotFound, toStoreError } from './disk-errors.js'
import { readRegularFile } from './files.js'
import { isBelow } from './links.js'

/** How far a directory is walked. */
export interface WalkLimits {
  /** Levels of directories. Default: 8 */
  readonly maxDepth?: number
  /** Default: 10,000 */
  readonly maxFiles?: number
  /** All files together. Default: 64 MiB */
  readonly maxBytes?: number
}

/** A file as a walk found it. */
export interface WalkedFile {
  /** Below the directory as it was named, e.g. `demo/pki/ca.crt`. */
  readonly name: string
  /** Empty where there is a problem. */
  readonly bytes: Uint8Array
  readonly mode?: number
  /** Why it could not be read, as the end of a sentence. */
  readonly problem?: string
  /** What kind of problem it is. */
  readonly problemKind?: FileProblem
}

/** A name that a walk comes by. */
export interface WalkedName {
  readonly path: string
  /** What it leads to, when it is a link. */
  readonly target?: string
  readonly problem?: string
  readonly problemKind?: FileProblem
}

const DEFAULTS = { maxDepth: 8, maxFiles: 10_000, maxBytes: 64 * MAX_INPUT_BYTES } as const
/** Where nothing is kept, only what never ends has to be ended. */
const STREAM_LIMITS = { maxDepth: 32, maxNames: 1_000_000 } as const
/** Names of one directory that are put in order. */
const MAX_NAMES = 200_000

/** How c_rehash(1) names its links, which double every file of /etc/ssl/certs. */
const REHASHED = /^[0-9a-f]{8}\.r?[0-9]+$/

/** What should be readable by its name; other files over 1 MiB are images, binaries, databases. */
const OURS = /\.(crt|cer|pem|der|key|pub|csr|conf|ya?ml|json)$|kubeconfig/i

/**
 * Reads the files below a directory, in the order of their names: at most 1 MiB each, nothing whose name begins with a dot,
 * never a device or pipe. Links to files are followed, links to directories only where they stand directly in the named one
 * (`pki` may live elsewhere). What cannot be read is named with its problem.
 *
 * @throws {@link StoreError} `KPKI_FILE_UNREADABLE`, `KPKI_FILE_NOT_REGULAR` when the directory itself cannot be listed
 */
export async function readDirectory(dir: string, limits: WalkLimits = {}): Promise<readonly WalkedFile[]> {
  const { maxDepth, maxFiles, maxBytes } = { ...DEFAULTS, ...limits }
  const files: WalkedFile[] = []
  /** Files behind names, by device and number. */
  const seen = new Set<string>()
  /** Left to the end, for the better name of the same file to come first. */
  const rehashed: string[] = []
  let bytes = 0
  let isFull = false
  const take = async (path: string): Promise<void> => {
    const stats = isFull ? undefined : await fs.stat(path).catch(() => undefined)
    // Links to nothing and sockets lie about in many directories, and hold nothing.
    if (!stats?.isFile()) return
    const identity = `${stats.dev}:${stats.ino}`
    if (REHASHED.test(basename(path)) && seen.has(identity)) return
    seen.add(identity)
    isFull = files.length >= maxFiles || bytes + Math.min(stats.size, MAX_INPUT_BYTES) > maxBytes
    if (isFull) return
    const file = stats.size > MAX_INPUT_BYTES && !OURS.test(path) ? unread(path) : await readWalked(path)
    if (!file) return
    bytes += file.bytes.length
    files.push(file)
  }
  for await (const { path, target, problem, problemKind } of walkNames(dir, { maxDepth, links: 'any' })) {
    if (problemKind === 'too-deep' || problemKind === 'too-many') isFull = true
    else if (problem !== undefined && problemKind !== 'not-regular') files.push(unread(path, problem, problemKind))
    else if (target !== undefined && REHASHED.test(basename(path))) rehashed.push(path)
    else await take(path)
  }
  for (const link of rehashed) await take(link)
  if (isFull) files.push(unread(dir, 'holds more than is looked at', 'too-many'))
  return files
}

/**
 * Reads a file, or all files below a directory, one after the other: as {@link readDirectory}, for as many as there are, and
 * keeps none. Links in a directory are followed to other files of it; the one that is named leads where it likes.
 *
 * @param path - a file, of which up to 32 MiB are read, or a directory
 * @throws {@link StoreError} `KPKI_FILE_NOT_FOUND`, `KPKI_FILE_UNREADABLE`, `KPKI_FILE_NOT_REGULAR` when it is neither
 */
export async function* streamFiles(path: string): AsyncGenerator<WalkedFile> {
  const stats = await fs.stat(path).catch(error => {
    if (failureCode(error) === 'ENOENT') throw fileNotFound(path)
    throw toStoreError(error, path, 'read')
  })
  if (!stats.isDirectory()) {
    const file = await readRegularFile(path, MAX_INSPECT_BYTES)
    if (file) yield { name: path, bytes: file.bytes, ...(file.mode === undefined ? {} : { mode: file.mode }) }
    return
  }
  const read = async ({ path: name, problem, problemKind }: WalkedName) =>
    problem === undefined ? readWalked(name) : unread(name, problem, problemKind)
  for await (const file of ahead(namesToRead(path), read)) if (file) yield file
}

/** What a link inside of the directory leads to comes by itself. */
async function* namesToRead(dir: string): AsyncGenerator<WalkedName> {
  for await (const name of walkNames(dir)) if (name.target === undefined || name.problem !== undefined) yield name
}

/** Reads a file that a walk has found; `undefined` when it is gone. */
async function readWalked(path: string): Promise<WalkedFile | undefined> {
  try {
    const file = await readRegularFile(path)
    return file && { name: path, bytes: file.bytes, ...(file.mode === undefined ? {} : { mode: file.mode }) }
  } catch (error) {
    if (!(error instanceof KpkiError)) throw error
    // A name that nobody looks for under 1 MiB is none over it.
    const isLarge = error.code === 'KPKI_INPUT_TOO_LARGE'
    if (isLarge && !OURS.test(path)) return unread(path)
    return unread(
      path,
      error.message.replace(`${path} `, ''),
      isLarge ? 'too-large' : kindOf(String(error.details['errno'])),
    )
  }
}

function unread(name: string, problem?: string, problemKind?: FileProblem): WalkedFile {
  return {
    name,
    bytes: new Uint8Array(),
    ...(problem === undefined ? {} : { problem }),
    ...(problemKind === undefined ? {} : { problemKind }),
  }
}

function kindOf(errno: string): FileProblem {
  return errno === 'EACCES' || errno === 'EPERM' ? 'forbidden' : 'other'
}

/** What is walked. */
export interface WalkOptions {
  /** Levels of directories. Default: 32 */
  readonly maxDepth?: number
  /**
   * Which links are followed: `any` leaves it to the reader where one leads, and enters directories behind links that stand directly
   * in the named one; with `inside` no directory behind a link is entered, and what leads out is a problem. Default: `inside`
   */
  readonly links?: 'any' | 'inside'
  /** Names below the directory that are passed over, with what is below them. Default: none */
  readonly without?: readonly string[]
}

/**
 * The names of files below a directory, files of one directory before those below it, each in the order of its name; nothing
 * whose name begins with a dot. What has the name of a PKI file and is none comes with its problem.
 *
 * @throws {@link StoreError} `KPKI_FILE_UNREADABLE`, `KPKI_FILE_NOT_REGULAR` when the directory itself cannot be listed
 */
export async function* walkNames(dir: string, options: WalkOptions = {}): AsyncGenerator<WalkedName> {
  const root = await fs.realpath(dir).catch(error => {
    throw toStoreError(error, dir, 'read')
  })
  const { maxDepth = STREAM_LIMITS.maxDepth, links = 'inside', without = [] } = options
  yield* walkInto(dir, 0, { maxDepth, links, without, root, names: 0 })
}

interface Walk extends Required<WalkOptions> {
  /** Where the directory really is. */
  readonly root: string
  /** How many there were. */
  names: number
}

async function* walkInto(dir: string, depth: number, walk: Walk): AsyncGenerator<WalkedName> {
  let entries: readonly Dirent[] = []
  try {
    entries = await entriesOf(dir)
  } catch (error) {
    if (depth === 0) throw toStoreError(error, dir, 'read')
    yield { path: dir, problem: `cannot be read (${failureCode(error)})`, problemKind: kindOf(failureCode(error)) }
    return
  }
  if (entries.length > MAX_NAMES || walk.names > STREAM_LIMITS.maxNames) {
    yield { path: dir, problem: 'holds more than is looked at', problemKind: 'too-many' }
    return
  }
  walk.names += entries.length
  const visible = entries.filter(({ name }) => !name.startsWith('.') && !walk.without.includes(join(dir, name)))
  // Files first, as people list a tree.
  for (const entry of visible) {
    const path = join(dir, entry.name)
    if (entry.isDirectory()) continue
    if (entry.name.includes('\ufffd') && !(await isThere(path)))
      yield { path, problem: 'has a name that is not UTF-8, and is not read', problemKind: 'other' }
    else if (entry.isFile()) yield { path }
    else if (entry.isSymbolicLink()) yield* walk.links === 'any' ? [{ path, target: '' }] : await nameOfLink(path, walk)
    else if (OURS.test(entry.name))
      yield { path, problem: `is ${kindName(entry)}, not a regular file`, problemKind: 'not-regular' }
  }
  for (const entry of visible) {
    const path = join(dir, entry.name)
    const isLinked =
      depth === 0 && walk.links === 'any' && entry.isSymbolicLink() && (await isNewDirectory(path, walk.root))
    if (!entry.isDirectory() && !isLinked) continue
    if (depth + 1 < walk.maxDepth) yield* walkInto(path, depth + 1, walk)
    else yield { path, problem: `lies deeper than ${walk.maxDepth} levels`, problemKind: 'too-deep' }
  }
}

/** Names of a directory in order; more than {@link MAX_NAMES} when there are too many. */
async function entriesOf(dir: string): Promise<readonly Dirent[]> {
  const entries: Dirent[] = []
  for await (const entry of await fs.opendir(dir, { bufferSize: 1024 })) {
    entries.push(entry)
    if (entries.length > MAX_NAMES) break
  }
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** A link of a directory that nothing outside is looked at of; none for one to a directory of it. */
async function nameOfLink(path: string, { root }: Walk): Promise<readonly WalkedName[]> {
  const target = await fs.realpath(path).catch(() => undefined)
  const stats = target === undefined ? undefined : await fs.stat(target).catch(() => undefined)
  if (target === undefined || !stats) {
    // In a copy, what stood beside it on its host stands beside it still.
    const beside = join(dirname(path), basename(await fs.readlink(path).catch(() => path)))
    if (beside !== path && (await isThere(beside))) return [{ path, target: relative(root, beside) }]
    const problem = 'is a link to nothing'
    return OURS.test(path) ? [{ path, problem, problemKind: 'not-regular' }] : []
  }
  if (!isBelow(target, root)) {
    const problem = `is a link out of the directory, to ${target}, and is not followed`
    return target === root ? [] : [{ path, target, problem, problemKind: 'outside' }]
  }
  if (stats.isFile()) return [{ path, target: relative(root, target) }]
  const isOdd = !stats.isDirectory() && OURS.test(path)
  return isOdd ? [{ path, problem: 'is a link to something that is no file', problemKind: 'not-regular' }] : []
}

function kindName(entry: Dirent): string {
  if (entry.isFIFO()) return 'a pipe'
  if (entry.isSocket()) return 'a socket'
  return 'a device'
}

async function isThere(path: string): Promise<boolean> {
  return fs.lstat(path).then(
    () => true,
    () => false,
  )
}

/** Whether a link leads to a directory that is neither the one it stands in nor above or below that. */
async function isNewDirectory(link: string, here: string): Promise<boolean> {
  const stats = await fs.stat(link).catch(() => undefined)
  if (!stats?.isDirectory()) return false
  const target = await fs.realpath(link).catch(() => '')
  return target !== '' && target !== here && !isBelow(here, target) && !isBelow(target, here)
}
