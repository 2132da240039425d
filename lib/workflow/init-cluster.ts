import type { CertificateKey } from '../access/certificate-key.js'
import { generateCertificateKey, parseCertificateKey } from '../access/certificate-key.js'
import type { ControlPlane } from '../config/control-plane.js'
import { formatProblem, throwFirst } from '../config/problems.js'
import { componentProblems } from '../render/component-problems.js'
import type { HostTraits } from '../render/host-file.js'
import { initTokens } from './init-tokens.js'
import { INIT_PHASES } from './phases/init.js'
import type { InitRun } from './phases/init-run.js'
import type { Hands, Phase } from './phases/phase.js'
import { type PhaseResult, type PhaseSelection, type RunOptions, runPhases } from './phases/runner.js'
import { readPatches } from './read-patches.js'
import { readTraits } from './read-traits.js'
import { withoutSkippedAddons } from './skipped-addons.js'

/** How a control plane is made; every field has a default. */
export interface InitRunOptions extends Pick<PhaseSelection, 'skip'> {
  /** Default: by the kubelet, as static Pods */
  readonly as?: InitRun['as']
  /** Replace files that an earlier run has made and nobody has changed since. Default: false */
  readonly overwrite?: boolean
  /** Put the shared files into the cluster, encrypted: with the description's certificate key, else a new one. Default: false */
  readonly uploadCerts?: boolean
  /** What the host's files depend on. Default: what is found on the host */
  readonly traits?: HostTraits
}

/** Options of {@link initCluster}. */
export interface InitOptions extends InitRunOptions, RunOptions {
  /** A table made of {@link INIT_PHASES}, e.g. with `insertPhase`. Default: that one */
  readonly phases?: readonly Phase<InitRun>[]
}

/** What an init came to. */
export interface InitResult {
  readonly phases: readonly PhaseResult[]
  /** The facts that it was planned from; holds secrets. */
  readonly run: InitRun
}

/**
 * Makes a control plane of its description: the whole of `kpki init`. Doing it again completes what is missing, and changes nothing
 * where nothing is.
 *
 * @throws as {@link prepareInit} and `runPhases`
 * @example const { phases } = await initCluster(controlPlane, hands, { observe: event => console.error(event.type, event.path) })
 */
export async function initCluster(
  controlPlane: ControlPlane,
  hands: Hands,
  options: InitOptions = {},
): Promise<InitResult> {
  const { phases = INIT_PHASES, skip = controlPlane.skipPhases } = options
  const run = await prepareInit(controlPlane, hands, { ...options, skip })
  return { run, phases: await runPhases(phases, run, hands, { ...options, skip }) }
}

/**
 * The facts of an init: what the description says, what is found on the host, and what is random. Changes nothing; what is doubtful
 * goes to the log.
 *
 * @throws `UsageError` `KPKI_PATCH_INVALID`, and what is wrong with a token or with what the components are given; what looking at
 *   the host throws
 */
export async function prepareInit(
  controlPlane: ControlPlane,
  { host, store, context }: Pick<Hands, 'host' | 'store' | 'context'>,
  options: InitRunOptions = {},
): Promise<InitRun> {
  const { as = 'static-pods', overwrite = false, uploadCerts = false, skip = controlPlane.skipPhases } = options
  const { patches, notes } =
    controlPlane.patchesDir === undefined
      ? { patches: [], notes: [] }
      : await readPatches(host, controlPlane.patchesDir)
  for (const message of notes) context.log({ level: 'warning', message })
  const traits = options.traits ?? (await readTraits(host, store))
  const problems = componentProblems(controlPlane, traits)
  throwFirst(problems)
  for (const problem of problems) context.log({ level: 'warning', message: formatProblem(problem) })
  return {
    controlPlane: withoutSkippedAddons(controlPlane, skip),
    traits,
    patches,
    as,
    tokens: initTokens(controlPlane, context),
    uploadCerts: uploadCerts ? certificateKeyOf(controlPlane, context) : undefined,
    overwrite,
    now: context.clock(),
  }
}

function certificateKeyOf({ certificateKey }: ControlPlane, context: Hands['context']): CertificateKey {
  return certificateKey === undefined ? generateCertificateKey(context) : parseCertificateKey(certificateKey)
}
