import fs from 'node:fs/promises'
import { basename, join } from 'node:path'
import { KpkiError } from '../errors.js'
import type { InputProblem } from '../inspect/types.js'
import { MAX_INPUT_BYTES } from '../limits.js'
import { failureCode, toStoreError } from './disk-errors.js'
import { readRegularFile } from './files.js'

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
  readonly problemKind?: InputProblem
}

const DEFAULTS = { maxDepth: 8, maxFiles: 10_000, maxBytes: 64 * MAX_INPUT_BYTES } as const

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
  const walk: Walk = { ...DEFAULTS, ...limits, files: [], bytes: 0, seen: new Set(), rehashed: [], isFull: false }
  await walkInto(dir, 0, walk)
  for (const link of walk.rehashed) await takeFile(link, walk)
  if (walk.isFull) walk.files.push(unread(dir, 'holds more than is looked at', 'too-many'))
  return walk.files
}

interface Walk extends Required<WalkLimits> {
  readonly files: WalkedFile[]
  bytes: number
  /** Files behind names, by device and number. */
  readonly seen: Set<string>
  /** Left to the end, for the better name of the same file to come first. */
  readonly rehashed: string[]
  isFull: boolean
}

async function walkInto(dir: string, depth: number, walk: Walk): Promise<void> {
  const entries = await fs.readdir(dir, { withFileTypes: true }).catch(error => {
    if (depth === 0) throw toStoreError(error, dir, 'read')
    walk.files.push(unread(dir, `cannot be read (${failureCode(error)})`, kindOf(failureCode(error))))
    return []
  })
  entries.sort((a, b) => (a.name < b.name ? -1 : 1))
  const visible = entries.filter(({ name }) => !name.startsWith('.'))
  // Files first, as people list a tree.
  for (const entry of visible) {
    if (entry.isDirectory() || !(entry.isFile() || entry.isSymbolicLink())) continue
    const path = join(dir, entry.name)
    if (entry.isSymbolicLink() && REHASHED.test(entry.name)) walk.rehashed.push(path)
    else await takeFile(path, walk)
  }
  for (const entry of visible) {
    const path = join(dir, entry.name)
    const isLinked = depth === 0 && entry.isSymbolicLink() && (await isNewDirectory(path, dir))
    if (!entry.isDirectory() && !isLinked) continue
    if (depth + 1 >= walk.maxDepth) walk.isFull = true
    else await walkInto(path, depth + 1, walk)
  }
}

function unread(name: string, problem: string, problemKind: InputProblem): WalkedFile {
  return { name, bytes: new Uint8Array(), problem, problemKind }
}

function kindOf(errno: unknown): InputProblem {
  return errno === 'EACCES' || errno === 'EPERM' ? 'forbidden' : 'other'
}

/** Whether a link leads to a directory that is neither the one it stands in nor above or below that. */
async function isNewDirectory(link: string, dir: string): Promise<boolean> {
  const stats = await fs.stat(link).catch(() => undefined)
  if (!stats?.isDirectory()) return false
  const [target = '', here = ''] = await Promise.all([fs.realpath(link), fs.realpath(dir)]).catch(() => [])
  return (
    target !== '' && !`${here}/`.startsWith(`${target.replace(/\/$/, '')}/`) && !`${target}/`.startsWith(`${here}/`)
  )
}

async function takeFile(path: string, walk: Walk): Promise<void> {
  if (walk.isFull) return
  const stats = await fs.stat(path).catch(() => undefined)
  // Links to nothing and sockets lie about in many directories, and hold nothing.
  if (!stats?.isFile()) return
  const identity = `${stats.dev}:${stats.ino}`
  if (REHASHED.test(basename(path)) && walk.seen.has(identity)) return
  walk.seen.add(identity)
  if (walk.files.length >= walk.maxFiles || walk.bytes + Math.min(stats.size, MAX_INPUT_BYTES) > walk.maxBytes) {
    walk.isFull = true
    return
  }
  if (stats.size > MAX_INPUT_BYTES && !OURS.test(path)) {
    walk.files.push({ name: path, bytes: new Uint8Array() })
    return
  }
  try {
    const file = await readRegularFile(path)
    if (!file) return
    walk.bytes += file.bytes.length
    walk.files.push({ name: path, bytes: file.bytes, ...(file.mode === undefined ? {} : { mode: file.mode }) })
  } catch (error) {
    if (!(error instanceof KpkiError)) throw error
    const kind = error.code === 'KPKI_INPUT_TOO_LARGE' ? 'too-large' : kindOf(error.details['errno'])
    walk.files.push(unread(path, error.message.replace(`${path} `, ''), kind))
  }
}
