import { decodeUtf8 } from '../crypto/bytes.js'
import { EncodingError } from '../errors.js'
import { isJsonObject } from '../json.js'
import { formatMode, type TreePath } from './layout.js'
import type { Store, StoredFile } from './store.js'

/** Where a tree keeps what was replaced: one directory per change, closed to others. */
export const BACKUPS: TreePath = '.kpki/backups'

/** What is in a backup's directory. */
const [MANIFEST, UNFINISHED, UNDONE] = ['manifest.json', 'unfinished', 'undone']
/** Version of the manifests. Fields are added within one, never renamed or removed. */
const VERSION = 'kpki.dev/v1alpha1'
/** As {@link momentName} makes them, with a number where there are several of one second. */
const NAME = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ(-[1-9]\d*)?$/
/** A tree has some forty files. */
const MAX_FILES = 1000

/** Content and access of a file, without the content. */
export interface FileFacts {
  /** Of the content, 64 hex digits. */
  readonly sha256: string
  /** Permission bits, at most 0777. */
  readonly mode: number
  /** Default: the store knows no owners */
  readonly uid?: number
  /** Default: the store knows no owners */
  readonly gid?: number
}

/** A file that was replaced or made. */
export interface BackedUpFile {
  readonly path: TreePath
  /** `undefined`: there was none. */
  readonly old: FileFacts | undefined
  readonly new: FileFacts
}

/** A change that was made to a tree, and what it has replaced. */
export interface Backup {
  /** Of its directory below `.kpki/backups`: the moment of the change, e.g. `2026-11-21T18-02-51Z`. */
  readonly name: string
  /** Grows from one change to the next, whatever the clock says. */
  readonly sequence: number
  readonly createdAt: Date
  /** What made it, e.g. `apply`. */
  readonly command: string
  /** What was changed and why, a line each. */
  readonly changes: readonly string[]
  /** In the order in which they were written. */
  readonly files: readonly BackedUpFile[]
  /**
   * `done`: it is in effect, or another change came after it; `undone`: it was taken back; `unfinished`: a run was killed while it
   * made the change; `unfinished-undo`: while it took it back.
   */
  readonly state: 'done' | 'undone' | 'unfinished' | 'unfinished-undo'
}

/** All backups of a tree. */
export interface Backups {
  /** Oldest first. */
  readonly backups: readonly Backup[]
  /** Names of directories that cannot be read as one. */
  readonly broken: readonly string[]
  /** Of directories of runs that were killed before they changed anything. */
  readonly abandoned: readonly string[]
}

/** Paths of what is in a backup's directory. */
export function backupPaths(name: string) {
  const dir = `${BACKUPS}/${name}`
  return {
    dir,
    manifest: `${dir}/${MANIFEST}`,
    unfinished: `${dir}/${UNFINISHED}`,
    undone: `${dir}/${UNDONE}`,
    /** What was replaced. */
    old: (path: TreePath): TreePath => `${dir}/old/${path}`,
    /** What was in its place when it was put back. */
    new: (path: TreePath): TreePath => `${dir}/new/${path}`,
  } as const
}

/** A name for the change of a moment that no other one has. */
export function backupName(moment: Date, taken: readonly string[]): string {
  const name = moment
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replaceAll(':', '-')
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? name : `${name}-${number}`
    if (!taken.includes(candidate)) return candidate
  }
}

/** Access of a file, as manifests keep it. */
export function accessOf({
  mode = 0o600,
  uid,
  gid,
}: Pick<StoredFile, 'mode' | 'uid' | 'gid'>): Omit<FileFacts, 'sha256'> {
  return { mode: mode & 0o777, ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }) }
}

/**
 * All backups of a tree; none where the store keeps none.
 *
 * @throws what the store throws
 */
export async function listBackups(store: Store): Promise<Backups> {
  const backups: Backup[] = []
  const broken: string[] = []
  const abandoned: string[] = []
  for (const name of (await store.names?.(BACKUPS)) ?? []) {
    if (!NAME.test(name)) continue
    const { dir, manifest } = backupPaths(name)
    const names = (await store.names?.(dir)) ?? []
    const has = (file: string) => names.includes(file)
    const file = has(MANIFEST) ? await store.read(manifest) : undefined
    // Somebody else's directory is left alone.
    if (!file && names.every(entry => ['old', 'new', UNFINISHED, UNDONE].includes(entry) || entry.startsWith('.')))
      abandoned.push(name)
    if (!file) continue
    const facts = parseManifest(decodeUtf8(file.bytes) ?? '')
    if (!facts) {
      broken.push(name)
      continue
    }
    const state = `${has(UNFINISHED) ? 'unfinished' : 'done'}${has(UNDONE) ? '-undo' : ''}` as const
    backups.push({ name, ...facts, state: state === 'done-undo' ? 'undone' : state })
  }
  backups.sort((a, b) => a.sequence - b.sequence)
  return { backups, broken, abandoned }
}

/** Why a backup cannot be used. */
export function backupInvalid(name: string, store: Store, problem = 'is not what kpki writes'): EncodingError {
  const path = store.locate(backupPaths(name).dir)
  return new EncodingError('KPKI_BACKUP_INVALID', `the backup ${path} ${problem}`, {
    details: { path },
    hint: 'put back by hand what you need of it, and move it away',
  })
}

/** Writes what a backup's directory says about it, as JSON. */
export function formatManifest({
  sequence,
  createdAt,
  command,
  changes,
  files,
}: Omit<Backup, 'name' | 'state'>): string {
  const content = {
    apiVersion: VERSION,
    kind: 'Backup',
    sequence,
    createdAt: createdAt.toISOString(),
    command,
    changes,
    files: files.map(file => ({ path: file.path, old: shown(file.old), new: shown(file.new) })),
  }
  return `${JSON.stringify(content, undefined, 2)}\n`
}

function shown(facts: FileFacts | undefined) {
  return facts ? { ...facts, mode: formatMode(facts.mode) } : null
}

/** @returns `undefined` for what {@link formatManifest} has not written */
function parseManifest(text: string): Omit<Backup, 'name' | 'state'> | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isJsonObject(value) || value['apiVersion'] !== VERSION || value['kind'] !== 'Backup') return undefined
  const { sequence, createdAt, command, changes, files } = value
  const moment = new Date(typeof createdAt === 'string' ? createdAt : Number.NaN)
  if (!isCount(sequence) || Number.isNaN(+moment) || typeof command !== 'string' || !isTexts(changes)) return undefined
  if (!Array.isArray(files) || files.length > MAX_FILES) return undefined
  const parsed = files.map(parseFile)
  const known = parsed.filter(file => file !== undefined)
  const isEachOnce = new Set(known.map(({ path }) => path)).size === parsed.length
  return isEachOnce ? { sequence, createdAt: moment, command, changes, files: known } : undefined
}

function parseFile(value: unknown): BackedUpFile | undefined {
  if (!isJsonObject(value) || !isTreePath(value['path'])) return undefined
  const old = value['old'] === null ? undefined : parseFacts(value['old'])
  const now = parseFacts(value['new'])
  if (!now || (!old && value['old'] !== null)) return undefined
  return { path: value['path'], old, new: now }
}

function parseFacts(value: unknown): FileFacts | undefined {
  if (!isJsonObject(value)) return undefined
  const { sha256, mode, uid, gid } = value
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) return undefined
  if (typeof mode !== 'string' || !/^0[0-7]{3}$/.test(mode)) return undefined
  if (uid === undefined && gid === undefined) return { sha256, mode: Number.parseInt(mode, 8) }
  return isCount(uid) && isCount(gid) ? { sha256, mode: Number.parseInt(mode, 8), uid, gid } : undefined
}

/** What a change of a tree may touch: never what is outside of it, nor its backups and locks. */
export function isTreePath(value: unknown): value is TreePath {
  if (typeof value !== 'string' || value.length > 255) return false
  return value.split('/').every(part => /^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(part))
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value < 2 ** 32
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(item => typeof item === 'string')
}
