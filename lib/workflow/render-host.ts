import type { ControlPlane } from '../config/control-plane.js'
import type { KubernetesObject } from '../kubernetes/objects.js'
import type { HostTraits } from '../render/host-file.js'
import type { Patch } from '../render/patch.js'
import { type InitRunOptions, prepareInit } from './init-cluster.js'
import { INIT_PHASES } from './phases/init.js'
import type { InitRun } from './phases/init-run.js'
import { listPhases } from './phases/paths.js'
import type { Hands, Phase } from './phases/phase.js'
import { type PhaseResult, planPhases, type RunOptions, runPhases } from './phases/runner.js'
import { readTraits } from './read-traits.js'

/** Phases of `init` that write files of the host. */
export const HOST_PHASES: readonly string[] = ['certs', 'kubeconfig', 'etcd', 'control-plane', 'kubelet-start']
/** Phases of `init` whose objects can be told before there is a cluster. */
export const OBJECT_PHASES: readonly string[] = ['upload-config', 'bootstrap-token', 'addon']

/** How a host is rendered; every field has a default. */
export interface RenderOptions extends Pick<InitRunOptions, 'as' | 'overwrite' | 'skip'> {
  /** What the host's files depend on, beyond what is in its directory. Default: nothing */
  readonly traits?: HostTraits
  /** In the order in which they apply. Default: none */
  readonly patches?: readonly Patch[]
  /** A table made of `INIT_PHASES`. Default: that one */
  readonly phases?: readonly Phase<InitRun>[]
}

/**
 * The facts of rendering a host: as those of `init` there, without anything that is found on the host that this runs on.
 *
 * @param hands - `host` and `store` of a directory that stands for the host
 * @throws as `prepareInit`
 */
export async function prepareRender(
  controlPlane: ControlPlane,
  hands: Pick<Hands, 'host' | 'store' | 'context'>,
  { traits = {}, patches = [], as, overwrite, skip }: RenderOptions = {},
): Promise<InitRun> {
  const run = await prepareInit({ ...controlPlane, patchesDir: undefined }, hands, {
    traits: { ...(await readTraits(hands.host, hands.store)), ...traits },
    ...(as === undefined ? {} : { as }),
    ...(overwrite === undefined ? {} : { overwrite }),
    ...(skip === undefined ? {} : { skip }),
  })
  return {
    ...run,
    controlPlane: { ...run.controlPlane, patchesDir: controlPlane.patchesDir },
    patches,
  }
}

/**
 * Writes everything that `init` would write on a host below a directory that stands for it, on any machine. Doing it again writes
 * nothing; a file that says something else is named, and left.
 *
 * @param run - of {@link prepareRender}
 * @returns what each phase came to
 * @throws as `runPhases`
 * @example await renderHost(await prepareRender(controlPlane, hands), hands)
 */
export async function renderHost(
  run: InitRun,
  hands: Hands,
  { phases = INIT_PHASES, skip = [], ...options }: Omit<RunOptions, 'only'> & Pick<RenderOptions, 'phases'> = {},
): Promise<readonly PhaseResult[]> {
  const selection = { only: among(HOST_PHASES, phases), skip }
  // Before anything is written: a place that is a link out of the directory is an error, see `Host.linkTarget`.
  const files = planPhases(phases, run, selection).flatMap(({ actions }) =>
    actions.flatMap(action => action.files ?? []),
  )
  for (const { path } of files) await hands.host.linkTarget(path)
  return runPhases(phases, run, hands, { ...options, ...selection, hasPhaseCommand: false })
}

/** The objects of one phase. */
export interface PhaseObjects {
  /** e.g. `addon/coredns` */
  readonly path: string
  readonly objects: readonly KubernetesObject[]
}

/**
 * The objects that `init` would put into the cluster, by phase, as far as they are known without one: not the labels and taints of
 * its node. A token that nobody asked for is none of them, since it would be another one at every run.
 *
 * @throws `PolicyError` `KPKI_ISSUER_MISSING` where the CA is not there yet, which cluster-info has in it
 */
export async function clusterObjects(
  run: InitRun,
  hands: Pick<Hands, 'store' | 'context'>,
  { phases = INIT_PHASES, skip = [] }: Pick<RenderOptions, 'phases' | 'skip'> = {},
): Promise<readonly PhaseObjects[]> {
  const found: PhaseObjects[] = []
  for (const { path, actions } of planPhases(phases, run, { only: among(OBJECT_PHASES, phases), skip })) {
    const objects: KubernetesObject[] = []
    for (const action of actions) {
      objects.push(...(action.objects ?? []))
      if (action.readObjects) objects.push(...(await action.readObjects(hands)))
    }
    if (objects.length > 0) found.push({ path, objects })
  }
  return found
}

/** A table of one's own need not have them all. */
function among(names: readonly string[], phases: readonly Phase<InitRun>[]): readonly string[] {
  const paths = listPhases(phases).map(({ path }) => path)
  return names.filter(name => paths.includes(name))
}
