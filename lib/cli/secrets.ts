import type { Invocation } from './command.js'
import { type FlagValues, text } from './flags.js'
import type { Io } from './io.js'

/** The new file that a flag names; none for `-`, which is standard output, as without the flag. */
export function outFile(flags: FlagValues, name = 'out'): string | undefined {
  const file = text(flags, name)
  return file === '-' ? undefined : file
}

/** Prints a secret, or writes it to the file that `--out` names. */
export async function writeSecret(content: string, { flags }: Invocation, io: Io): Promise<void> {
  const file = outFile(flags)
  if (file !== undefined) {
    // Most secrets are printed, and to make files takes longer to load than to make one.
    const { createNewFile } = await import('./new-file.js')
    await createNewFile(file, content, 0o600)
    if (flags['quiet'] !== true) io.stderr(`kpki: written to ${file}\n`)
    return
  }
  if (io.stdoutIsExposed) {
    io.stderr(
      'kpki: warning: this is a secret, and others can read the file that it goes to; --out FILE makes one of mode 0600\n',
    )
  }
  // A token or key that is made and shown to nobody is worse than none.
  io.stdout(content, true)
}

/** proc(5): everybody may read the arguments of everybody's processes. */
export function warnOfProcesses(what: string, flag: string, { flags }: Invocation, io: Io): void {
  if (flags['quiet'] === true) return
  io.stderr(
    `kpki: warning: others on this host can see the ${what} in the list of processes; ${flag} keeps it from them\n`,
  )
}
