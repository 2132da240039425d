import { UsageError } from '../../errors.js'
import { findPhases, listPhases } from './paths.js'
import type { Phase } from './phase.js'

/** Where a new phase goes; a path each, e.g. `{ after: 'certs' }`. */
export type PhasePlace =
  | { readonly before: string }
  | { readonly after: string }
  /** As the last one below it. */
  | { readonly in: string }

/**
 * A table with one phase more; the one that is given stays as it was.
 *
 * @throws {@link UsageError} `KPKI_PHASE_UNKNOWN` for a place that is none, `KPKI_USAGE` when there is a phase of that name
 * @example const phases = insertPhase(INIT_PHASES, { after: 'mark-control-plane' }, { name: 'cni', about: '…', plan: … })
 */
export function insertPhase<Run>(
  phases: readonly Phase<Run>[],
  place: PhasePlace,
  phase: Phase<Run>,
): readonly Phase<Run>[] {
  const edited =
    'in' in place
      ? edit(phases, place.in, at => [{ ...at, phases: [...(at.phases ?? []), phase] }])
      : 'before' in place
        ? edit(phases, place.before, at => [phase, at])
        : edit(phases, place.after, at => [at, phase])
  return assertNames(edited)
}

/**
 * A table with another phase in the place of one, with all that is below it.
 *
 * @throws {@link UsageError} `KPKI_PHASE_UNKNOWN`, `KPKI_USAGE`
 */
export function replacePhase<Run>(
  phases: readonly Phase<Run>[],
  path: string,
  phase: Phase<Run>,
): readonly Phase<Run>[] {
  return assertNames(edit(phases, path, () => [phase]))
}

/**
 * A table without a phase and what is below it. To leave it out of one run, there is `skip` of `runPhases`.
 *
 * @throws {@link UsageError} `KPKI_PHASE_UNKNOWN`
 */
export function removePhase<Run>(phases: readonly Phase<Run>[], path: string): readonly Phase<Run>[] {
  return edit(phases, path, () => [])
}

function edit<Run>(
  phases: readonly Phase<Run>[],
  name: string,
  change: (phase: Phase<Run>) => readonly Phase<Run>[],
): readonly Phase<Run>[] {
  const targets = findPhases(name, phases)
  const [path] = targets
  if (path === undefined || targets.length > 1)
    throw new UsageError('KPKI_USAGE', `${name} is several phases`, { hint: 'name one of them' })
  const walk = (list: readonly Phase<Run>[], parts: readonly string[]): readonly Phase<Run>[] =>
    list.flatMap(phase => {
      if (phase.name !== parts[0]) return [phase]
      return parts.length === 1 ? change(phase) : [{ ...phase, phases: walk(phase.phases ?? [], parts.slice(1)) }]
    })
  return walk(phases, path.split('/'))
}

function assertNames<Run>(phases: readonly Phase<Run>[]): readonly Phase<Run>[] {
  const paths = listPhases(phases).map(({ path }) => path)
  const twice = paths.find((path, index) => paths.indexOf(path) !== index)
  if (twice === undefined) return phases
  throw new UsageError('KPKI_USAGE', `there are two phases ${twice}`, { hint: 'give the new one a name of its own' })
}
