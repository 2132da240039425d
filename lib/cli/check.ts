import { UsageError } from '../index.js'
import { CHECK_RULES, describeRules, editionOf, formatRules, rulesNamed } from './check-explain.js'
import type { Run } from './command.js'
import { type FlagValues, text } from './flags.js'
import { EXIT, type Io } from './io.js'
import { formatStructured, isStructured } from './structured.js'
import { terminalOf } from './terminal.js'

/** `kpki check`: what is wrong with a tree or with any files, status 3 when somebody should act; or what a rule is about. */
export const runCheck: Run = async (invocation, io) => {
  const word = text(invocation.flags, 'explain')
  // What reads certificates is not needed to explain what is found about them.
  if (word === undefined) return (await import('./check-run.js')).runChecks(invocation, io)
  return explain(word, invocation.flags, io)
}

function explain(word: string, flags: FlagValues, io: Io): number {
  const rules = word === 'all' ? CHECK_RULES : rulesNamed([word], 'explain', editionOf(flags))
  const output = text(flags, 'output') ?? 'text'
  if (output === 'sarif' || output === 'junit')
    throw new UsageError('KPKI_USAGE', `--explain prints text, json or yaml, not ${output}`)
  io.stdout(isStructured(output) ? formatStructured(describeRules(rules), output) : formatRules(rules, terminalOf(io)))
  return EXIT.done
}
