import type { PhaseResult } from '../index.js'

/** What phases came to, as results of `init`, `render` and `reset` have it under `phases`. */
export function describePhases(results: readonly PhaseResult[]) {
  return results.map(({ path, state, reason, made, notes }) => ({
    name: path,
    state,
    ...(reason === undefined ? {} : { reason }),
    made,
    notes,
  }))
}
