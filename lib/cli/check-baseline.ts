import { baselineOf, type Context, formatBaseline } from '../index.js'
import type { Checked } from './check-model.js'
import type { CheckRequest } from './check-request.js'
import { count } from './check-text.js'
import type { Io } from './io.js'
import { createNewFile } from './new-file.js'
import { printable } from './terminal.js'

/** Accepts everything that was found, in the file of `--write-baseline`. */
export async function writeBaseline(
  { findings }: Checked,
  { newBaseline, baseline, output, quiet }: CheckRequest,
  context: Context,
  io: Io,
): Promise<void> {
  if (newBaseline === undefined) return
  const raw = findings.map(({ found }) => found)
  const made = await baselineOf(raw, context, baseline)
  // It names files and what is wrong with them, and no secret: it is there to be committed and reviewed.
  await createNewFile(newBaseline, formatBaseline(made), 0o644)
  if (!quiet && output === 'text')
    io.stderr(`kpki: ${printable(newBaseline)} accepts ${count(made.entries.length, 'finding')}\n`)
}

// More are read in JSON.
const MAX_TOLD = 5

/** Entries that do nothing any more, so that somebody takes them out. */
export function tellBaseline({ baseline }: Checked, io: Io): void {
  const tell = (what: string, entries: NonNullable<Checked['baseline']>['ended']) => {
    if (entries.length === 0) return
    const named = entries.slice(0, MAX_TOLD).map(({ rule, path }) => `${rule} ${printable(path)}`)
    const more = entries.length > MAX_TOLD ? ` and ${entries.length - MAX_TOLD} more` : ''
    io.stderr(`kpki: ${what}: ${named.join(', ')}${more}\n`)
  }
  tell('the baseline accepts what is no longer found', baseline?.unmatched ?? [])
  tell('the baseline no longer accepts, its day is over', baseline?.ended ?? [])
}
