import { EncodingError, UsageError } from '../index.js'
import { fileNotFound, readRegularFile } from '../node.js'
import type { Invocation } from './command.js'
import { text } from './flags.js'
import type { Io } from './io.js'

/**
 * Reads a file that the command line names; `-` is standard input.
 *
 * @param isConfiguration - it is a description rather than data, so that what is wrong with it is a usage error
 * @throws `StoreError` `KPKI_FILE_NOT_FOUND` and as {@link readRegularFile}; {@link EncodingError} or {@link UsageError}
 *   when it is not text
 */
export async function readInput(
  path: string,
  io: Io,
  isConfiguration = false,
): Promise<{ readonly text: string; readonly name: string }> {
  const name = path === '-' ? 'standard input' : path
  const bytes = path === '-' ? await io.readStdin() : (await readRegularFile(path))?.bytes
  if (!bytes) throw fileNotFound(path)
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), name }
  } catch (cause) {
    if (isConfiguration) throw new UsageError('KPKI_CONFIG_SYNTAX', `${name} is not UTF-8 text`, { cause })
    throw new EncodingError('KPKI_PEM_INVALID', `${name} is not UTF-8 text`, { details: { what: name }, cause })
  }
}

/** Reads something; where it is too large, says which command prints only what is needed. */
export async function withHint<T>(command: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    if (!(error instanceof EncodingError) || error.code !== 'KPKI_INPUT_TOO_LARGE') throw error
    const { code, message, details } = error
    throw new EncodingError(code, message, { details, hint: `take only what is needed: ${command}`, cause: error })
  }
}

/**
 * The secret of `--NAME` or of the file that `--NAME-file` names (`-` is standard input), one final newline cut off.
 *
 * @returns `undefined` when neither is given
 * @throws {@link UsageError} when both are given; and as {@link readInput}
 */
export async function readSecret({ path, flags }: Invocation, name: string, io: Io): Promise<string | undefined> {
  const [value, file] = [text(flags, name), text(flags, `${name}-file`)]
  if (file === undefined) return value
  if (value !== undefined) {
    throw new UsageError('KPKI_USAGE', `--${name} and --${name}-file are two ways to say one thing: give one of them`, {
      hint: `see kpki ${path} --help`,
    })
  }
  return (await readInput(file, io)).text.replace(/\r?\n$/, '')
}
