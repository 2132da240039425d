import { type Bytes, concatBytes, encodeUtf8 } from '../crypto/bytes.js'
import { StoreError } from '../errors.js'
import type { TreePath } from './layout.js'

/** Everything in a ustar archive comes in blocks of this many bytes. */
const BLOCK = 512
/** As the disk store makes them. */
const DIRECTORY_MODE = 0o755
/** The latest moment that eleven octal digits can say: 2242-03-16T12:56:31Z. */
const MAX_SECONDS = 8 ** 11 - 1

/** One field of a header: where it stands, and what is written there; the rest of it is zeros. */
type Field = readonly [offset: number, value: Uint8Array | string]
/** POSIX.1-2017, pax, table "ustar Header Block". */
const AT = {
  name: 0,
  mode: 100,
  uid: 108,
  gid: 116,
  size: 124,
  mtime: 136,
  chksum: 148,
  typeflag: 156,
  magic: 257,
  version: 263,
  devmajor: 329,
  devminor: 337,
  prefix: 345,
} as const
/** How much the two halves of a path hold. */
const [NAME_BYTES, PREFIX_BYTES] = [100, 155]

/**
 * Packs files as a POSIX ustar archive, which every `tar` unpacks: `tar -x -f FILE -C /etc/kubernetes`.
 *
 * The same files and the same moment give the same bytes: entries are sorted by path, owner and group are 0, directories
 * stand before what is in them, with mode 0755. Paths are relative, so that the archive unpacks wherever one likes.
 *
 * Private keys in it are not encrypted, as they are not on a disk.
 *
 * @param files - contents and modes by tree path, e.g. `files` of a `MemoryStore`
 * @param modified - the moment that all entries were last changed at, in whole seconds; one before 1970 or after
 *   2242-03-16T12:56:31Z, which ustar cannot say, becomes the nearest that it can
 * @returns the archive, in whole blocks of 512 bytes
 * @throws {@link StoreError} `KPKI_WRITE_FAILED` for a path that is absolute, leads upwards, has control characters or
 *   backslashes in it, or is too long for ustar, and for a file in whose place others need a directory
 * @see POSIX.1-2017, pax, ustar Interchange Format
 * @example const tar = formatTar(store.files, context.clock())
 */
export function formatTar(
  files: ReadonlyMap<TreePath, { readonly bytes: Uint8Array; readonly mode: number }>,
  modified: Date,
): Bytes {
  const seconds = Math.min(Math.max(Math.floor(modified.getTime() / 1000) || 0, 0), MAX_SECONDS)
  for (const path of files.keys()) assertPath(path)
  const directories = new Set([...files.keys()].flatMap(directoriesOf))
  const entries = [...[...directories].map(path => [path, undefined] as const), ...files].sort(([a], [b]) =>
    a < b ? -1 : 1,
  )
  const blocks: Uint8Array[] = []
  for (const [path, file] of entries) {
    if (file && directories.has(`${path}/`)) throw refusal(path, 'is a file, and a directory for others')
    blocks.push(header(path, file?.mode ?? DIRECTORY_MODE, file?.bytes.length ?? 0, seconds))
    if (file) blocks.push(file.bytes, new Uint8Array(-file.bytes.length & (BLOCK - 1)))
  }
  // Two blocks of zeros say that nothing more comes.
  return concatBytes([...blocks, new Uint8Array(2 * BLOCK)])
}

/** Whoever unpacks an archive as root trusts it to stay in its directory. */
function assertPath(path: string): void {
  const isOdd = path.split('/').some(part => part === '' || part === '.' || part === '..')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (isOdd || /[\0-\x1f\x7f\\]/.test(path)) throw refusal(path, 'is no path below a directory')
}

/** The directories that a path leads through, each with a slash at its end. */
function directoriesOf(path: string): readonly string[] {
  const parts = path.split('/')
  return parts.slice(1).map((_, index) => `${parts.slice(0, index + 1).join('/')}/`)
}

/** The header of one entry; a path that ends in a slash is a directory. */
function header(path: string, mode: number, size: number, seconds: number): Uint8Array {
  const { prefix, name } = splitPath(path)
  const fields: readonly Field[] = [
    [AT.name, name],
    [AT.mode, octal(mode & 0o7777, 7)],
    [AT.uid, octal(0, 7)],
    [AT.gid, octal(0, 7)],
    [AT.size, octal(size, 11)],
    [AT.mtime, octal(seconds, 11)],
    // The sum of all bytes, reckoned with spaces in its own place.
    [AT.chksum, ' '.repeat(8)],
    [AT.typeflag, path.endsWith('/') ? '5' : '0'],
    [AT.magic, 'ustar\0'],
    [AT.version, '00'],
    [AT.devmajor, octal(0, 7)],
    [AT.devminor, octal(0, 7)],
    [AT.prefix, prefix],
  ]
  const block = new Uint8Array(BLOCK)
  for (const [offset, value] of fields) block.set(typeof value === 'string' ? encodeUtf8(value) : value, offset)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.set(encodeUtf8(`${octal(sum, 6)}\0 `), AT.chksum)
  return block
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0')
}

/** Paths too long for the name are cut at a slash: what stands before it goes into the prefix. */
function splitPath(path: string): { readonly prefix: Uint8Array; readonly name: Uint8Array } {
  const bytes = encodeUtf8(path)
  if (bytes.length <= NAME_BYTES) return { prefix: new Uint8Array(), name: bytes }
  const slash = bytes.indexOf(0x2f, bytes.length - NAME_BYTES - 1)
  // The slash at the end of a directory divides nothing.
  if (slash < 0 || slash > PREFIX_BYTES || slash === bytes.length - 1) throw refusal(path, 'is too long for an archive')
  return { prefix: bytes.subarray(0, slash), name: bytes.subarray(slash + 1) }
}

function refusal(path: string, reason: string): StoreError {
  return new StoreError('KPKI_WRITE_FAILED', `${JSON.stringify(path.slice(0, 100))} ${reason}`, { details: { path } })
}
