import { type Bytes, concatBytes, decodeUtf8 } from '../crypto/bytes.js'
import { EncodingError } from '../errors.js'

/** Everything in a tar archive comes in blocks of this many bytes (POSIX.1-2017, pax, ustar Interchange Format). */
const BLOCK = 512
const MIB = 2 ** 20
/** Bounds of what is read. */
const LIMITS = {
  entries: 200_000,
  /** A long name, or the keywords of one entry. */
  header: 64 * 1024,
} as const

/** One member of an archive. */
export interface TarEntry {
  /** As it is written, without what says nothing: `./`, `//`, a slash before or behind it. */
  readonly path: string
  readonly kind: 'file' | 'directory' | 'link' | 'hard-link' | 'other'
  /** What a link leads to, as it is written. */
  readonly target: string
  readonly size: number
  /** Permission bits. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Contents of a file that was wanted. */
  readonly bytes: Bytes | undefined
}

/**
 * Reads a tar archive member by member: POSIX ustar and pax, GNU with its long names, the old format of V7. Keeps nothing of
 * members that nobody wants. Bounded: 1 GiB, 200,000 members.
 *
 * @param source - the archive in pieces of any size, not compressed
 * @param wants - whose contents are asked for
 * @param maxBytes - of the archive. Default: 1 GiB
 * @throws {@link EncodingError} `KPKI_ARCHIVE_INVALID`: no tar, cut off, sparse files, parts of another archive, a path that
 *   leads upwards, or more than is read
 * @see POSIX.1-2017, pax; GNU tar manual, "Basic Tar Format"
 */
export async function* parseTar(
  source: AsyncIterable<Uint8Array>,
  wants: (path: string, size: number) => boolean,
  maxBytes = 1024 * MIB,
): AsyncGenerator<TarEntry> {
  const reader = new BlockReader(source, maxBytes)
  try {
    yield* membersOf(reader, wants)
  } finally {
    // What comes after the end of an archive is not read, so that its source would stay open.
    await reader.close()
  }
}

async function* membersOf(
  reader: BlockReader,
  wants: (path: string, size: number) => boolean,
): AsyncGenerator<TarEntry> {
  const all = new Map<string, string>()
  let next = new Map<string, string>()
  for (let count = 0; ; ) {
    const block = await reader.read(BLOCK)
    if (!block) throw refusal(count === 0 ? 'is empty' : 'is cut off')
    // Two blocks of zeros end it; some programs write but one.
    if (block.every(byte => byte === 0)) return
    const header = readHeader(block)
    if (++count > LIMITS.entries) throw refusal(`has more than ${LIMITS.entries} members`)
    const { type } = header
    if (type === 'x' || type === 'g' || type === 'L' || type === 'K') {
      if (header.size > LIMITS.header) throw refusal('has a name that is longer than any file has')
      const content = await reader.content(header.size)
      if (type === 'L') next.set('path', text(content))
      else if (type === 'K') next.set('linkpath', text(content))
      else for (const [name, value] of keywordsOf(content)) (type === 'g' ? all : next).set(name, value)
      continue
    }
    const said = new Map([...all, ...next])
    next = new Map()
    if (type === 'S' || said.has(SPARSE)) throw refusal('holds sparse files', 'make it without --sparse')
    if (type === 'M') throw refusal('begins in another volume', 'put its volumes together')
    const number = (name: string, otherwise: number) => numberOf(said.get(name)) ?? otherwise
    const name = said.get('path') ?? header.name
    const kind = KINDS[type] ?? 'other'
    const path = plainPath(name)
    const entry = {
      path,
      kind: kind === 'file' && name.endsWith('/') ? ('directory' as const) : kind,
      target: said.get('linkpath') ?? header.target,
      mode: header.mode & 0o7777,
      uid: number('uid', header.uid),
      gid: number('gid', header.gid),
    }
    // Links and directories have no contents, whatever size they name; pax(1) lets hard links have some.
    const size = entry.kind === 'file' || entry.kind === 'other' ? number('size', header.size) : 0
    const isWanted = entry.kind === 'file' && wants(path, size)
    const bytes = isWanted ? await reader.content(size) : undefined
    if (!isWanted) await reader.skip(size)
    yield { ...entry, size, bytes }
  }
}

/** Keywords that are heeded. Of the others nothing is kept: an archive may have any number of them, for all of its members. */
const KEYWORDS: readonly string[] = ['path', 'linkpath', 'size', 'uid', 'gid']
/** What GNU tar's keywords of sparse files begin with, and what stands for all of them. */
const SPARSE = 'GNU.sparse'

const KINDS: Readonly<Record<string, TarEntry['kind']>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  '1': 'hard-link',
  '2': 'link',
  '5': 'directory',
  D: 'directory',
}

function refusal(problem: string, hint?: string): EncodingError {
  return new EncodingError('KPKI_ARCHIVE_INVALID', `the archive ${problem}`, {
    hint: hint ?? 'make it anew: tar -c -f host.tar /etc/kubernetes /var/lib/kubelet/pki',
  })
}

/** A path as it is compared; one that leads upwards is made by nobody who means well. */
function plainPath(name: string): string {
  const parts = name.split('/').filter(part => part !== '' && part !== '.')
  if (parts.includes('..') || name.includes('\0')) throw refusal('has a path in it that leads upwards')
  return parts.join('/')
}

/** Takes pieces of any size and gives as much as is asked for. */
class BlockReader {
  readonly #source: AsyncIterator<Uint8Array>
  readonly #maxBytes: number
  #pieces: Uint8Array[] = []
  #length = 0
  #total = 0

  constructor(source: AsyncIterable<Uint8Array>, maxBytes: number) {
    this.#maxBytes = maxBytes
    this.#source = source[Symbol.asyncIterator]()
  }

  /** @returns `undefined` when nothing is left */
  async read(length: number): Promise<Bytes | undefined> {
    await this.#fill(length)
    if (this.#length === 0 && length > 0) return undefined
    if (this.#length < length) throw refusal('is cut off')
    return this.#take(length)
  }

  /** Contents of a member, without what fills its last block. */
  async content(size: number): Promise<Bytes> {
    const padded = Math.ceil(size / BLOCK) * BLOCK
    const bytes = await this.read(padded)
    if (!bytes && padded > 0) throw refusal('is cut off')
    return (bytes ?? new Uint8Array()).slice(0, size)
  }

  /** Tells the source that nothing more is wanted. */
  async close(): Promise<void> {
    await this.#source.return?.()
  }

  async skip(size: number): Promise<void> {
    for (let left = Math.ceil(size / BLOCK) * BLOCK; left > 0; ) {
      await this.#fill(1)
      if (this.#length === 0) throw refusal('is cut off')
      const step = Math.min(left, this.#length)
      this.#drop(step)
      left -= step
    }
  }

  async #fill(length: number): Promise<void> {
    while (this.#length < length) {
      const { value, done } = await this.#source.next()
      if (done === true) return
      this.#pieces.push(value)
      this.#length += value.length
      this.#total += value.length
      if (this.#total > this.#maxBytes)
        throw refusal(`is larger than ${this.#maxBytes / MIB} MiB`, 'put into it only what is to be looked at')
    }
  }

  #take(length: number): Bytes {
    const taken: Uint8Array[] = []
    for (let left = length; left > 0; ) {
      const piece = (this.#pieces[0] ?? new Uint8Array()).subarray(0, left)
      taken.push(piece)
      this.#drop(piece.length)
      left -= piece.length
    }
    return concatBytes(taken)
  }

  #drop(length: number): void {
    this.#length -= length
    for (let left = length; left > 0; ) {
      const [piece = new Uint8Array()] = this.#pieces
      if (piece.length > left) {
        this.#pieces[0] = piece.subarray(left)
        return
      }
      this.#pieces.shift()
      left -= piece.length
    }
  }
}

function readHeader(block: Uint8Array) {
  const field = (offset: number, length: number) => block.subarray(offset, offset + length)
  // The sum is reckoned with spaces in its own place; some have added signed bytes.
  let sum = 0
  let signed = 0
  for (const [index, byte] of block.entries()) {
    const counted = index >= 148 && index < 156 ? 0x20 : byte
    sum += counted
    signed += counted < 0x80 ? counted : counted - 0x100
  }
  const said = octal(field(148, 8))
  if (said !== sum && said !== signed) throw refusal('is no tar archive, or is damaged')
  const magic = text(field(257, 5))
  const prefix = magic === 'ustar' && block[262] === 0 ? text(field(345, 155)) : ''
  const name = text(field(0, 100))
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    target: text(field(157, 100)),
    mode: octal(field(100, 8)),
    uid: octal(field(108, 8)),
    gid: octal(field(116, 8)),
    size: octal(field(124, 12)),
    type: String.fromCharCode(block[156] ?? 0),
  }
}

/** A text up to its first zero. What is no UTF-8 is shown as such, and found under no name. */
function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0)
  const own = end < 0 ? bytes : bytes.subarray(0, end)
  return decodeUtf8(own) ?? new TextDecoder().decode(own)
}

/** A number in octal digits, or, with the first bit set, in base 256 (GNU tar manual, "Basic Tar Format"). */
function octal(bytes: Uint8Array): number {
  const [first = 0] = bytes
  if (first >= 0x80) {
    const number = bytes.reduce((sum, byte, index) => sum * 256 + (index === 0 ? byte & 0x7f : byte), 0)
    if (first === 0xff || !Number.isSafeInteger(number)) throw refusal('has a number in it that no file has')
    return number
  }
  const digits = text(bytes).trim()
  if (!/^[0-7]*$/.test(digits)) throw refusal('is no tar archive, or is damaged')
  return digits === '' ? 0 : Number.parseInt(digits, 8)
}

function numberOf(said: string | undefined): number | undefined {
  if (said === undefined) return undefined
  if (!/^[0-9]{1,15}$/.test(said)) throw refusal('has a number in it that no file has')
  return Number(said)
}

/** Those of {@link KEYWORDS}: `LENGTH KEYWORD=VALUE` and a newline, LENGTH counting all of it (POSIX.1-2017, pax Extended Header). */
function keywordsOf(bytes: Uint8Array): [string, string][] {
  const keywords: [string, string][] = []
  for (let at = 0; at < bytes.length && bytes[at] !== 0; ) {
    const digits = /^([0-9]{1,7}) /.exec(text(bytes.subarray(at, at + 8)))?.[1]
    const length = Number(digits)
    const record = bytes.subarray(at, at + length)
    const line = text(record)
    const equals = line.indexOf('=')
    const isWhole = digits !== undefined && record.length === length && line.endsWith('\n') && equals > digits.length
    if (!isWhole) throw refusal('has a pax header that is damaged')
    const name = line.slice(digits.length + 1, equals)
    if (name.startsWith(SPARSE)) keywords.push([SPARSE, ''])
    else if (KEYWORDS.includes(name)) keywords.push([name, line.slice(equals + 1, -1)])
    at += length
  }
  return keywords
}
