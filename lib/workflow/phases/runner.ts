import { KpkiError, WorkflowError } from '../../errors.js'
import { type HeldStore, holdStore } from '../../tree/hold.js'
import { stopIfInterrupted } from '../interruption.js'
import { findPhases, listPhases, type PhaseAt } from './paths.js'
import type { Action, Handed, Hands, Outcome, Phase } from './phase.js'

/** Which phases of a table are meant. Names are paths, see `findPhases`. */
export interface PhaseSelection {
  /** These and those below them, in the table's order. Default: all */
  readonly only?: readonly string[]
  /** Not these, nor those below them. Default: none */
  readonly skip?: readonly string[]
}

/** What one phase is going to do. */
export interface PlannedPhase {
  /** e.g. `certs/apiserver` */
  readonly path: string
  readonly about: string
  /** Why it is left out, with all that is below it. `undefined`: it is not */
  readonly skipped: string | undefined
  /** What it does is done in the cluster. */
  readonly isInCluster: boolean
  /** In order; none for a phase that only holds others. */
  readonly actions: readonly Action[]
}

/** What one phase came to. */
export interface PhaseResult {
  readonly path: string
  readonly state: 'done' | 'unchanged' | 'skipped'
  /** Why it was skipped. */
  readonly reason?: string
  /** One thing a line, as in {@link Outcome}. */
  readonly made: readonly string[]
  readonly notes: readonly string[]
  /** May hold secrets. */
  readonly handed: readonly Handed[]
}

/** What happens while phases run. Phases that hold others and do nothing themselves are not told of. */
export type PhaseEvent =
  | { readonly type: 'started'; readonly path: string; readonly about: string }
  | { readonly type: 'action'; readonly path: string; readonly action: Action; readonly outcome: Outcome }
  | { readonly type: 'ended'; readonly path: string; readonly result: PhaseResult }
  | { readonly type: 'failed'; readonly path: string; readonly error: unknown }

/** Options of {@link runPhases}. */
export interface RunOptions extends PhaseSelection {
  /** Is told what happens; what it throws ends the run. Default: nobody */
  readonly observe?: (event: PhaseEvent) => void
  /** How the phases are run again, for hints, e.g. `kpki init`. Default: no command is named */
  readonly command?: string
  /** Whether that command runs a phase alone: `kpki init phase …`. Default: true */
  readonly hasPhaseCommand?: boolean
}

/**
 * What a run of phases would do, looking at nothing but its facts.
 *
 * A phase above one that is asked for by `only` does nothing itself, but where it is not for this run, neither is what is below
 * it.
 *
 * @returns in the order in which they run; below a skipped phase none is named
 * @throws `UsageError` `KPKI_PHASE_UNKNOWN`; what plans throw, e.g. `KPKI_PATCH_INVALID`
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/cmd/phases/workflow/runner.go
 */
export function planPhases<Run>(
  phases: readonly Phase<Run>[],
  run: Run,
  { only = [], skip = [] }: PhaseSelection = {},
): readonly PlannedPhase[] {
  const wanted = only.flatMap(name => findPhases(name, phases))
  const unwanted = skip.flatMap(name => findPhases(name, phases))
  const planned: PlannedPhase[] = []
  const left = new Set<string>()
  for (const at of listPhases(phases)) {
    const { path, phase } = at
    const lineage = [...at.above, at]
    const isIn = (paths: readonly string[]) => lineage.some(each => paths.includes(each.path))
    if (only.length > 0 && !isIn(wanted)) continue
    if (at.above.some(each => left.has(each.path))) continue
    const skipped = isIn(unwanted) ? 'as asked' : reasonOf(lineage, run)
    if (skipped !== undefined) left.add(path)
    planned.push({
      path,
      about: phase.about,
      skipped,
      isInCluster: lineage.some(each => each.phase.isInCluster === true),
      actions: skipped === undefined ? (phase.plan?.(run) ?? []) : [],
    })
  }
  return planned
}

function reasonOf<Run>(lineage: readonly PhaseAt<Run>[], run: Run): string | undefined {
  for (const { phase } of lineage) {
    const reason = phase.skip?.(run)
    if (reason !== undefined) return reason
  }
  return undefined
}

/**
 * Runs phases: a phase before those below it, in the table's order. All are planned before the first one does anything. The first
 * error ends the run; what was done stays, and another run goes on from there.
 *
 * @throws `WorkflowError` `KPKI_PHASE_FAILED` with `details.phase`, the code of what happened in `details.error` and the phases
 *   before in `details.done`; `KPKI_PREFLIGHT_FAILED` as it is; `KPKI_INTERRUPTED` when the signal came; as {@link planPhases}
 * @example const results = await runPhases(INIT_PHASES, run, hands, { skip: ['addon/kube-proxy'] })
 */
export async function runPhases<Run>(
  phases: readonly Phase<Run>[],
  run: Run,
  hands: Hands,
  { observe = () => {}, command, hasPhaseCommand = true, ...selection }: RunOptions = {},
): Promise<readonly PhaseResult[]> {
  const results: PhaseResult[] = []
  const host = new HostInHands({ ...hands, connect: once(hands.connect) })
  try {
    for (const planned of planPhases(phases, run, selection)) {
      const { path, about, skipped, actions } = planned
      if (skipped === undefined && actions.length === 0) continue
      let result: PhaseResult
      try {
        if (skipped === undefined) {
          stopIfInterrupted(hands.signal)
          observe({ type: 'started', path, about })
          result = await runOne(planned, host, observe)
        } else result = { path, state: 'skipped', reason: skipped, made: [], notes: [], handed: [] }
      } catch (error) {
        const failure = toFailure(path, error, results, { command, hasPhaseCommand })
        observe({ type: 'failed', path, error: failure })
        throw failure
      }
      results.push(result)
      observe({ type: 'ended', path, result })
    }
    return results
  } finally {
    await host.release()
  }
}

/** The first connection, for all who ask; one that could not be made is tried again. */
function once<T>(connect: () => Promise<T>): () => Promise<T> {
  let connected: Promise<T> | undefined
  return () => {
    connected ??= connect().catch(error => {
      connected = undefined
      throw error
    })
    return connected
  }
}

/** What a run works with; from the first change of the host on with the lock of its tree. */
class HostInHands {
  #hands: Hands
  #held: HeldStore | undefined

  constructor(hands: Hands) {
    this.#hands = hands
  }

  async before({ isAlone = false }: Action): Promise<Hands> {
    stopIfInterrupted(this.#hands.signal)
    if (isAlone && !this.#held) {
      this.#held = await holdStore(this.#hands.store)
      this.#hands = { ...this.#hands, store: this.#held.store }
    }
    return this.#hands
  }

  async release(): Promise<void> {
    await this.#held?.release()
  }
}

async function runOne(
  { path, actions }: PlannedPhase,
  host: HostInHands,
  observe: (event: PhaseEvent) => void,
): Promise<PhaseResult> {
  const outcomes: Outcome[] = []
  for (const action of actions) {
    const outcome = await action.apply(await host.before(action))
    outcomes.push(outcome)
    observe({ type: 'action', path, action, outcome })
  }
  return {
    path,
    state: outcomes.some(({ state }) => state === 'done') ? 'done' : 'unchanged',
    made: outcomes.flatMap(({ made }) => made),
    notes: outcomes.flatMap(({ notes = [] }) => notes),
    handed: outcomes.flatMap(({ handed = [] }) => handed),
  }
}

function toFailure(
  path: string,
  error: unknown,
  results: readonly PhaseResult[],
  { command, hasPhaseCommand }: { readonly command: string | undefined; readonly hasPhaseCommand: boolean },
): WorkflowError {
  const done = results.filter(({ state }) => state !== 'skipped').map(result => result.path)
  const code = error instanceof KpkiError ? error.code : 'KPKI_INTERNAL'
  const details = { ...(error instanceof KpkiError ? error.details : {}), phase: path, error: code, done }
  const again = command === undefined ? 'run again' : `run ${command} again`
  if (error instanceof WorkflowError && error.code === 'KPKI_PREFLIGHT_FAILED') return error
  if (code === 'KPKI_INTERRUPTED') {
    const what = done.length === 0 ? 'no phase was done' : `done before: ${done.join(', ')}`
    return new WorkflowError('KPKI_INTERRUPTED', `interrupted in the phase ${path}; ${what}`, {
      details,
      hint: `${again}: it goes on from there`,
      cause: error,
    })
  }
  const message = error instanceof Error ? error.message : 'something was thrown that is no error'
  const hint = error instanceof KpkiError ? error.hint : undefined
  const alone =
    command !== undefined && hasPhaseCommand
      ? `; the phase alone, with the same flags: ${command} phase ${path.replaceAll('/', ' ')}`
      : ''
  const go = `then ${again}: what is done stays${alone}`
  return new WorkflowError('KPKI_PHASE_FAILED', `phase ${path}: ${message}`, {
    details,
    hint:
      hint === undefined ? go.replace(/^then /, 'mend that, then ') : `${hint.replace(/ and run again$/, '')}; ${go}`,
    cause: error,
  })
}
