import { nearestName } from '../../config/problems.js'
import { UsageError } from '../../errors.js'
import type { Phase } from './phase.js'

/** A phase with its path, e.g. `certs/apiserver`. */
export interface PhaseAt<Run> {
  readonly path: string
  readonly phase: Phase<Run>
  /** The phases above it, outermost first. */
  readonly above: readonly PhaseAt<Run>[]
}

/** All phases of a table, each before those below it: the order in which they run. */
export function listPhases<Run>(
  phases: readonly Phase<Run>[],
  above: readonly PhaseAt<Run>[] = [],
): readonly PhaseAt<Run>[] {
  const parent = above.at(-1)
  return phases.flatMap(phase => {
    const at = { path: parent ? `${parent.path}/${phase.name}` : phase.name, phase, above }
    return [at, ...listPhases(phase.phases ?? [], [...above, at])]
  })
}

/**
 * The phases that a name stands for: a path, one with aliases in it, in any letter case; `certs/all` for all below `certs`, as
 * kubeadm has it.
 *
 * @returns paths; of a phase without those below it
 * @throws {@link UsageError} `KPKI_PHASE_UNKNOWN`, with the nearest name in the hint
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/cmd/phases/workflow/runner.go (computePhaseRunFlags)
 */
export function findPhases<Run>(name: string, phases: readonly Phase<Run>[]): readonly string[] {
  const wanted = name.trim().toLowerCase()
  const all = listPhases(phases)
  const direct = all.find(at => namesOf(at).includes(wanted))
  if (direct) return [direct.path]
  const parent = wanted.endsWith('/all') ? wanted.slice(0, -'/all'.length) : undefined
  const group = all.find(at => parent !== undefined && namesOf(at).includes(parent) && at.phase.phases?.length)
  if (group) return (group.phase.phases ?? []).map(({ name: child }) => `${group.path}/${child}`)
  throw unknownPhase(name, all)
}

/** Every path by which a phase is called: its own names, below all names of those above it. */
function namesOf<Run>({ phase, above }: PhaseAt<Run>): readonly string[] {
  const parent = above.at(-1)
  const own = [phase.name, ...(phase.aliases ?? [])]
  return parent ? namesOf(parent).flatMap(path => own.map(name => `${path}/${name}`)) : own
}

function unknownPhase<Run>(name: string, all: readonly PhaseAt<Run>[]): UsageError {
  // A phase below another one is often asked for by its last name alone.
  const below = all.filter(({ path }) => path.endsWith(`/${name.trim().toLowerCase()}`)).map(({ path }) => path)
  const nearest = nearestName(
    name.trim(),
    all.flatMap(at => namesOf(at)),
  )
  const meant = below.length > 0 ? below : nearest === undefined ? [] : [nearest]
  const top = all.filter(({ above }) => above.length === 0).map(({ path }) => path)
  return new UsageError('KPKI_PHASE_UNKNOWN', `there is no phase ${JSON.stringify(name.slice(0, 100))}`, {
    details: { phase: name.slice(0, 100), ...(meant.length === 0 ? {} : { nearest: meant }) },
    hint: meant.length > 0 ? `did you mean ${meant.join(' or ')}?` : `there are ${top.join(', ')}`,
  })
}
