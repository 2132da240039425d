import { expectedEnd, renew, type TreeItemId } from '../index.js'
import { describeChanged } from './change-structured.js'
import { afterwardsLines, changedItems, itemLines, untouchedLines } from './change-text.js'
import type { Run } from './command.js'
import { periodOf } from './duration.js'
import { text } from './flags.js'
import { EXIT } from './io.js'
import { formatStructured, isStructured } from './structured.js'
import { terminalOf } from './terminal.js'
import { openTree } from './tree.js'

/** `kpki renew`: new certificates for what is there. */
export const runRenew: Run = async (invocation, io) => {
  const { flags, args } = invocation
  const ifWithinSeconds = periodOf(flags, 'if-within')
  const { store, name, asked, context, warnings, notes } = await openTree(invocation, io)
  const isDryRun = flags['dry-run'] === true
  // The parser has held them against the choices.
  const items = [...new Set(args)] as (TreeItemId | 'all')[]
  const changed = await renew(store, items, asked, context, {
    keys: flags['keep-keys'] === true ? 'keep' : 'new',
    asFound: flags['as-found'] === true,
    dryRun: isDryRun,
    ledger: flags['no-ledger'] !== true,
    signal: io.signal,
    ...(ifWithinSeconds === undefined ? {} : { ifWithinSeconds }),
  })
  const output = text(flags, 'output')
  if (isStructured(output)) {
    const result = describeChanged('RenewResult', changed, { store, context, isDryRun })
    io.stdout(formatStructured({ ...result, warnings, notes }, output))
  } else if (flags['quiet'] !== true) {
    const terminal = terminalOf(io)
    const { plan, backup } = changed
    const shown = changedItems(changed, change => expectedEnd(change, changed, context))
    const count = plan.changes.length
    const where = terminal.show(name)
    const end = isDryRun
      ? `Dry run, nothing was written: ${count} to change in ${where}`
      : backup === undefined
        ? `Nothing to renew in ${where}`
        : `Done: ${count} changed in ${where}; what was replaced is in ${terminal.show(store.locate(`.kpki/backups/${backup.name}`))}, kpki undo puts it back`
    const lines = [
      ...itemLines(shown, isDryRun, terminal),
      ...untouchedLines(plan, terminal),
      ...(count > 0 ? afterwardsLines(plan, terminal) : []),
      end,
    ]
    io.stdout(`${lines.join('\n')}\n`)
  }
  return EXIT.done
}
