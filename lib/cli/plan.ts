import { type ChangeOptions, planInputs, planStore, savePlan, UsageError } from '../index.js'
import { formatPlan } from './change-text.js'
import type { Invocation, Run } from './command.js'
import { text } from './flags.js'
import { unlessInterrupted } from './interruption.js'
import { EXIT } from './io.js'
import { formatStructured, isStructured } from './structured.js'
import { terminalOf } from './terminal.js'
import { openTree } from './tree.js'

/** `kpki plan`: what would be changed. */
export const runPlan: Run = async (invocation, io) => {
  const options = planOptions(invocation)
  const { store, name, asked, context, warnings, notes } = await openTree(invocation, io)
  const planned = await unlessInterrupted(planStore(store, asked, context, options), io.signal)
  const { plan } = planned
  const output = text(invocation.flags, 'output')
  if (isStructured(output))
    io.stdout(formatStructured({ ...savePlan(plan, planInputs(asked, options)), warnings, notes }, output))
  else if (invocation.flags['quiet'] !== true)
    io.stdout(formatPlan(planned, name, hasFlags(invocation), terminalOf(io)))
  return plan.changes.length > 0 ? EXIT.findings : EXIT.done
}

/** Whether the command line says what `apply` would not know by itself. */
function hasFlags({ flags }: Invocation): boolean {
  return Object.entries(flags).some(([name, value]) => value !== undefined && name !== 'output' && name !== 'quiet')
}

/**
 * What a command line says about keys.
 *
 * @throws {@link UsageError} `KPKI_USAGE`
 */
export function planOptions({ path, flags }: Invocation): Pick<ChangeOptions, 'keys'> {
  const [keep, fresh] = [flags['keep-keys'] === true, flags['new-keys'] === true]
  if (keep && fresh) throw new UsageError('KPKI_USAGE', `${path}: --keep-keys and --new-keys exclude each other`)
  return keep ? { keys: 'keep' } : fresh ? { keys: 'new' } : {}
}
