import { concatBytes } from '../crypto/bytes.js'
import { EncodingError } from '../errors.js'

/** How other compressed files begin. */
const OTHERS: readonly (readonly [magic: readonly number[], program: string])[] = [
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], 'xz'],
  [[0x28, 0xb5, 0x2f, 0xfd], 'zstd'],
  [[0x42, 0x5a, 0x68], 'bzip2'],
]

/**
 * The inflated archive, where it is gzipped (RFC 1952), else the archive as it is.
 *
 * @param source - told to end when nothing more is wanted
 * @throws {@link EncodingError} `KPKI_ARCHIVE_INVALID`: compressed in another way; damaged, when that is come by
 */
export async function* inflate(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]()
  try {
    yield* inflated(iterator)
  } finally {
    await iterator.return?.()
  }
}

async function* inflated(iterator: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  let first = new Uint8Array()
  while (first.length < 6) {
    const { value, done } = await iterator.next()
    if (done === true) break
    first = concatBytes([first, value])
  }
  const whole = (async function* () {
    yield first
    for (let step = await iterator.next(); step.done !== true; step = await iterator.next()) yield step.value
  })()
  const other = OTHERS.find(([magic]) => magic.every((byte, index) => first[index] === byte))
  if (other)
    throw new EncodingError('KPKI_ARCHIVE_INVALID', `the archive is compressed with ${other[1]}`, {
      hint: `inflate it on the way: ${other[1]} -dc FILE | kpki check --dir -`,
    })
  yield* first[0] === 0x1f && first[1] === 0x8b ? gunzip(whole) : whole
}

const PIECE = 64 * 1024

async function* gunzip(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { readable, writable } = new DecompressionStream('gzip')
  const writer = writable.getWriter()
  const reader = readable.getReader()
  // What the source fails with is its own matter; all else that goes wrong is of the gzip.
  let failure: { readonly error: unknown } | undefined
  const noting = async function* () {
    try {
      yield* source
    } catch (error) {
      failure = { error }
      throw error
    }
  }
  const pump = async () => {
    for await (const piece of noting()) {
      // In small pieces: each one may inflate to a thousand times its size, and waits until that is read.
      for (let at = 0; at < piece.length; at += PIECE)
        await writer.write(new Uint8Array(piece.subarray(at, at + PIECE)))
    }
    await writer.close()
  }
  pump().catch(error => writer.abort(error).catch(() => {}))
  try {
    for (;;) {
      const { value, done } = await reader.read()
      if (done) return
      yield value
    }
  } catch (cause) {
    if (failure) throw failure.error
    throw new EncodingError('KPKI_ARCHIVE_INVALID', 'the archive is gzip that is cut off or damaged', { cause })
  } finally {
    // Not waited for: a writer that waits for its reader ends with it.
    reader.cancel().catch(() => {})
  }
}
