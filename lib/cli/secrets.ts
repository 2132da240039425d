import { UsageError } from '../index.js'
import { createFile } from '../node.js'
import type { Invocation } from './command.js'
import { text } from './flags.js'
import { readInput } from './input.js'
import type { Io } from './io.js'

/** Prints a secret, or writes it to the file that `--out` names. */
export async function writeSecret(content: string, { flags }: Invocation, io: Io): Promise<void> {
  const file = text(flags, 'out')
  if (file !== undefined) {
    await createFile(file, new TextEncoder().encode(content), 0o600)
    if (flags['quiet'] !== true) io.stderr(`kpki: written to ${file}\n`)
    return
  }
  if (io.stdoutIsExposed) {
    io.stderr(
      'kpki: warning: this is a secret, and others can read the file that it goes to; --out FILE makes one of mode 0600\n',
    )
  }
  io.stdout(content)
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
