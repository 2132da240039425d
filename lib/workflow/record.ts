import type { Context } from '../context.js'
import { encodeUtf8 } from '../crypto/bytes.js'
import { sha256 } from '../crypto/digest.js'
import { isJsonObject } from '../json.js'
import type { HostFile } from '../render/host-file.js'
import { formatMode } from '../tree/layout.js'
import type { Host } from './host.js'

/** Where a host keeps what was made on it: one JSON object a line, oldest first. */
export const RECORD_PATH = '/etc/kubernetes/.kpki/made.jsonl'
/** What kpki keeps for itself on a host. */
export const RECORD_DIR = '/etc/kubernetes/.kpki'
const [RECORD_MODE, RECORD_DIR_MODE] = [0o600, 0o700]
/** Version of the lines. Fields are added within one, never renamed or removed. */
const VERSION = 1
/** Two runs at once are not meant to be, and the tree's lock keeps most of them apart. */
const ATTEMPTS = 5

/** Something that a run has made on a host, or was about to make when it was killed. */
export interface MadeEntry {
  /** Absolute, as the host has it. */
  readonly path: string
  readonly type: 'file' | 'directory'
  /** Permission bits. */
  readonly mode: number
  /**
   * SHA-256 of the content, 64 hexadecimal digits. It gives no secret away: what is secret in these files is a key of 112 bits and
   * more, which nobody finds by trying. `undefined`: a directory.
   */
  readonly sha256: string | undefined
  /** Which command, e.g. `init`. */
  readonly by: string
  readonly madeAt: Date
}

/** What is about to be made. */
export type Making = Pick<HostFile, 'path' | 'mode'> & {
  /** Default: it is a directory */
  readonly bytes?: Uint8Array
  /** Default: `file` */
  readonly type?: MadeEntry['type']
}

/** What was made on a host. */
export interface HostRecord {
  /** Oldest first; a path that was made twice stands there twice. */
  readonly entries: readonly MadeEntry[]
  /** Lines that are no entries: torn by a crash, edited, or of a later kpki. */
  readonly unreadLines: number
}

/**
 * Writes down what a run is about to make, before it makes it: nothing of ours is on a host without its line. A line whose file was
 * never made does no harm: what somebody else puts there has another content. What is written down already in the same words is not again. Holds no secret.
 *
 * @param by - which command. Default: `init`
 * @throws `StoreError` as `Host.create` and `Host.replace`; `EncodingError` `KPKI_INPUT_TOO_LARGE` for a record over 1 MiB
 */
export async function record(
  files: readonly Making[],
  { host, context }: { readonly host: Host; readonly context: Context },
  by = 'init',
): Promise<void> {
  if (files.length === 0) return
  const madeAt = context.clock()
  const entries = await Promise.all(
    files.map(async ({ path, mode, bytes, type = 'file' }): Promise<MadeEntry> => {
      return { path, type, mode, sha256: bytes && (await sha256(bytes, context)), by, madeAt }
    }),
  )
  for (let attempt = 1; ; attempt++) {
    try {
      await addLines(entries, host)
      return
    } catch (error) {
      if (attempt >= ATTEMPTS || !isRace(error)) throw error
    }
  }
}

async function addLines(entries: readonly MadeEntry[], host: Host): Promise<void> {
  const before = await host.read(RECORD_PATH)
  const text = before === undefined ? '' : new TextDecoder().decode(before)
  const known = new Set(parseRecord(text).entries.map(identityOf))
  const fresh = entries.filter(entry => !known.has(identityOf(entry)))
  if (fresh.length === 0) return
  // A torn line stays on one of its own.
  const ending = text === '' || text.endsWith('\n') ? '' : '\n'
  const bytes = encodeUtf8(text + ending + fresh.map(formatMadeEntry).join(''))
  const file = { path: RECORD_PATH, mode: RECORD_MODE, bytes }
  if (before !== undefined) return host.replace(file, before)
  await host.makeDirectory(RECORD_DIR, RECORD_DIR_MODE)
  return host.create(file)
}

/** Another run was quicker. */
function isRace(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'KPKI_FILE_CHANGED' || code === 'KPKI_FILE_EXISTS'
}

function identityOf({ path, type, mode, sha256: digest, by }: MadeEntry): string {
  return JSON.stringify([path, type, mode, digest, by])
}

/**
 * Reads what was made on a host; nothing where there is no record.
 *
 * @throws `StoreError`, `EncodingError` as `Host.read`
 */
export async function readRecord(host: Host): Promise<HostRecord> {
  const bytes = await host.read(RECORD_PATH)
  return bytes === undefined ? { entries: [], unreadLines: 0 } : parseRecord(new TextDecoder().decode(bytes))
}

/**
 * Whether a file is as a run has made it: one of the record's lines about it has this content.
 *
 * @param bytes - what is there now
 */
export async function isAsMade(
  made: HostRecord,
  path: string,
  bytes: Uint8Array,
  context: Pick<Context, 'crypto'>,
): Promise<boolean> {
  const digest = await sha256(bytes, context)
  return made.entries.some(entry => entry.path === path && entry.sha256 === digest)
}

/** Writes an entry as one line, its end included. */
export function formatMadeEntry({ path, type, mode, sha256: digest, by, madeAt }: MadeEntry): string {
  const line = { v: VERSION, path, type, mode: formatMode(mode), sha256: digest, by, madeAt: madeAt.toISOString() }
  return `${JSON.stringify(line)}\n`
}

/** Reads a record. Never throws: a line that is none of ours is counted and passed over. */
export function parseRecord(text: string): HostRecord {
  const lines = text.split('\n').filter(line => line.trim() !== '')
  const entries = lines.flatMap(line => parseEntry(line) ?? [])
  return { entries, unreadLines: lines.length - entries.length }
}

const DIGEST = /^[0-9a-f]{64}$/
const MODE = /^[0-7]{4}$/

function parseEntry(text: string): MadeEntry | undefined {
  let line: unknown
  try {
    line = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isJsonObject(line) || line['v'] !== VERSION) return undefined
  const { path, type, mode, sha256: digest, by, madeAt } = line as Readonly<Record<string, unknown>>
  if (typeof path !== 'string' || !isPlainPath(path)) return undefined
  if (type !== 'file' && type !== 'directory') return undefined
  if (typeof mode !== 'string' || !MODE.test(mode)) return undefined
  if (digest !== undefined && !(typeof digest === 'string' && DIGEST.test(digest))) return undefined
  if (typeof by !== 'string' || typeof madeAt !== 'string' || Number.isNaN(Date.parse(madeAt))) return undefined
  return { path, type, mode: Number.parseInt(mode, 8), sha256: digest, by, madeAt: new Date(madeAt) }
}

/** Whether a path is absolute and says where it leads: nothing of it is empty, `.` or `..`. */
export function isPlainPath(path: string): boolean {
  if (!path.startsWith('/') || path.includes('\0')) return false
  return path
    .slice(1)
    .split('/')
    .every(part => part !== '' && part !== '.' && part !== '..')
}

/** The path that a host has for a place that people know, e.g. of `Store.locate`. */
export function hostPathOf(place: string, host: Host): string {
  const root = host.locate('/').replace(/\/+$/, '')
  return root !== '' && place.startsWith(`${root}/`) ? place.slice(root.length) : place
}
