import type { Run } from './command.js'
import { COMMANDS } from './commands.js'
import { formatBash } from './completion-bash.js'
import { formatFish } from './completion-fish.js'
import { type OfferedCommand, offeredCommands } from './completion-model.js'
import { formatZsh } from './completion-zsh.js'
import { EXIT } from './io.js'
import { formatStructured, isStructured, OUTPUT_VERSION } from './structured.js'

/** Shells that can be completed, and how their scripts are written. */
export const SHELLS: Readonly<Record<string, (commands: readonly OfferedCommand[]) => string>> = {
  bash: formatBash,
  zsh: formatZsh,
  fish: formatFish,
}

/** `kpki completion`: prints a script that holds all it needs, so that a TAB starts nothing. */
export const runCompletion: Run = async ({ flags, args }, io) => {
  const [shell = ''] = args
  const script = SHELLS[shell]?.(offeredCommands(COMMANDS)) ?? ''
  const output = flags['output']
  const result = { apiVersion: OUTPUT_VERSION, kind: 'CompletionScript', shell, script }
  io.stdout(isStructured(output) ? formatStructured(result, output) : script)
  return EXIT.done
}
