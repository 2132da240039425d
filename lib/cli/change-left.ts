import type { ChangedTree, Context } from '../index.js'
import type { Invocation } from './command.js'
import type { Io } from './io.js'
import { printable } from './terminal.js'

/**
 * Warns of certificates that have ended, or end within a time, and were left as they are: whoever runs this from a timer sees nothing
 * else of it. What the kubelet signs itself is its own.
 *
 * @param withinSeconds - Default: those that have ended
 * @returns whether there are any
 */
export function warnOfEnding(
  { plan, comparison }: Pick<ChangedTree, 'plan' | 'comparison'>,
  context: Context,
  { flags }: Invocation,
  io: Io,
  withinSeconds = 0,
): boolean {
  const by = new Date(context.clock().getTime() + withinSeconds * 1000)
  const left = new Map<string, Set<string>>()
  for (const { id, message } of plan.untouched) {
    const end = comparison.items.find(item => item.id === id)?.certificate?.notAfter
    const isMade = plan.changes.some(change => change.id === id)
    if (!end || end > by || isMade || id === 'kubelet-server') continue
    left.set(message, (left.get(message) ?? new Set()).add(id))
  }
  const when = withinSeconds > 0 ? `ends by ${by.toISOString()}` : 'has ended'
  for (const [reason, ids] of left) {
    const message = `${when} and is left as it is: ${[...ids].join(', ')}: ${reason}`
    context.log({ level: 'warning', message })
    // The log is silent then, and this is no news of the kind that somebody wants to be spared.
    if (flags['quiet'] === true) io.stderr(`kpki: warning: ${printable(message)}\n`)
  }
  return left.size > 0
}
