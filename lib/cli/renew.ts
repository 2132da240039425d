import { renew, type TreeItemId } from '../index.js'
import { warnOfEnding } from './change-left.js'
import { describeChanged } from './change-structured.js'
import { resultLines } from './change-text.js'
import type { Run } from './command.js'
import { periodOf } from './duration.js'
import { text } from './flags.js'
import { EXIT } from './io.js'
import { formatStructured, isStructured } from './structured.js'
import { terminalOf } from './terminal.js'
import { openTree, openWritableTree } from './tree.js'

/** `kpki renew`: new certificates for what is there. */
export const runRenew: Run = async (invocation, io) => {
  const { flags, args } = invocation
  const ifWithinSeconds = periodOf(flags, 'if-within')
  const isDryRun = flags['dry-run'] === true
  const open = isDryRun ? openTree : openWritableTree
  const { store, name, asked, context, warnings, notes } = await open(invocation, io)
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
  const isLeft = warnOfEnding(changed, context, invocation, io, ifWithinSeconds)
  const output = text(flags, 'output')
  if (isStructured(output)) {
    const result = describeChanged('RenewResult', changed, { store, context, isDryRun })
    io.stdout(formatStructured({ ...result, warnings, notes }, output))
  } else if (flags['quiet'] !== true) {
    const facts = { store, context, name, isDryRun }
    io.stdout(`${resultLines(changed, facts, terminalOf(io)).join('\n')}\n`)
  }
  return isLeft ? EXIT.failed : EXIT.done
}
