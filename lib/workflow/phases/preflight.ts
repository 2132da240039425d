import type { ControlPlane } from '../../config/control-plane.js'
import { KpkiError, WorkflowError } from '../../errors.js'
import type { HostFile } from '../../render/host-file.js'
import { pullList } from '../../render/images.js'
import { kubeletFiles } from '../../render/kubelet-files.js'
import { STATIC_POD_COMPONENTS } from '../../render/static-pods.js'
import type { ContainerRuntime } from '../host.js'
import { stopIfInterrupted, unlessInterrupted } from '../interruption.js'
import type { PreflightRole } from '../preflight/check.js'
import { PREFLIGHT_CHECKS } from '../preflight/checks.js'
import { assertPreflight, type PreflightReport, runPreflight } from '../preflight/run.js'
import { isDockershim } from '../preflight/runtime-checks.js'
import { type PreflightSubject, preflightSubject } from '../preflight/subject.js'
import { outcomeOf } from './actions.js'
import { componentActions } from './components.js'
import type { InitRun } from './init-run.js'
import type { Action, Hands, Phase } from './phase.js'

/** @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/constants/constants.go (PullImageRetry) */
const PULL_ATTEMPTS = 5

/**
 * Looks at the host before anything is written, and fetches the images that the control plane is started from.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/cmd/phases/init/preflight.go
 */
export const PREFLIGHT: Phase<InitRun> = {
  name: 'preflight',
  about: 'look at the host, and fetch the images that are wanted',
  plan: run => [lookAtHost(run), ...(run.as === 'systemd' ? [] : [pullImages(run.controlPlane)])],
}

/** What an init's preflight looks at: files that the run would write are its own, and not in its way. */
export function initSubject(run: InitRun, role: PreflightRole = 'init'): PreflightSubject {
  return preflightSubject(run.controlPlane, { role, files: plannedFiles(run), overwrite: run.overwrite })
}

/** Those by which a run knows its own components. */
function plannedFiles(run: InitRun): readonly HostFile[] {
  const { controlPlane, traits, patches } = run
  const components = STATIC_POD_COMPONENTS.filter(name => name !== 'etcd' || controlPlane.localEtcd !== undefined)
  const actions = components.flatMap(component => componentActions(component, run))
  return [...actions.flatMap(({ files = [] }) => files), ...kubeletFiles(controlPlane, traits, patches)]
}

function lookAtHost(run: InitRun): Action {
  return {
    kind: 'preflight',
    about: 'look at the host with all preflight checks',
    async apply({ host, context, signal }) {
      const { ignorePreflightErrors: ignore } = run.controlPlane
      const report = await runPreflight(PREFLIGHT_CHECKS, host, initSubject(run), context, {
        ignore,
        ...(signal === undefined ? {} : { signal }),
      })
      for (const message of warningLines(report)) context.log({ level: 'warning', message })
      assertPreflight(report)
      return outcomeOf([])
    },
  }
}

/** Everything that does not keep the run from going on, one a line. */
export function warningLines({ results, unknown }: PreflightReport): readonly string[] {
  const found = results
    .filter(({ state }) => state === 'warning' || state === 'ignored')
    .flatMap(({ name, state, findings }) =>
      findings.map(({ message, hint }) => `${name}${state === 'ignored' ? ' (ignored)' : ''}: ${message} (${hint})`),
    )
  const asked = unknown.map(({ name, nearest }) => {
    const meant = nearest === undefined ? '' : `; did you mean ${nearest}?`
    return `there is no preflight check ${JSON.stringify(name)} whose errors could be ignored${meant}`
  })
  return [...asked, ...found]
}

function pullImages(controlPlane: ControlPlane): Action {
  const images = pullList(controlPlane)
  return {
    kind: 'pull',
    about: `fetch ${images.join(', ')}`,
    apply: hands => fetchImages(images, controlPlane, hands),
  }
}

async function fetchImages(images: readonly string[], { node, ignorePreflightErrors }: ControlPlane, hands: Hands) {
  const { host, context, signal } = hands
  if (!host.system) return outcomeOf([], [`${host.name} stands for a host: no images are fetched`])
  if (node.imagePullPolicy === 'Never') return outcomeOf([], ['no images are fetched: imagePullPolicy is Never'])
  if (isDockershim(node.criSocket)) return outcomeOf([], ['images are fetched by the kubelet: Docker is behind it'])
  const runtime = host.system.runtime(node.criSocket)
  const made: string[] = []
  const failures: string[] = []
  const fetchOne = async (image: string) => {
    stopIfInterrupted(signal, 'no file was written')
    context.log({ level: 'progress', message: 'images', done: made.length + failures.length, total: images.length })
    try {
      if (await fetchImage(image, node.imagePullPolicy === 'Always', runtime, signal)) made.push(image)
    } catch (failure) {
      if (!(failure instanceof KpkiError) || failure.code === 'KPKI_INTERRUPTED') throw failure
      failures.push(`ImagePull: failed to pull image ${image}: ${failure.message}`)
    }
  }
  try {
    if (node.imagePullSerial) for (const image of images) await fetchOne(image)
    else {
      // Nobody goes on with a runtime that is closed.
      const ended = await Promise.allSettled(images.map(fetchOne))
      for (const each of ended) if (each.status === 'rejected') throw each.reason
    }
  } finally {
    runtime.close()
  }
  context.log({ level: 'progress', message: 'images', done: images.length, total: images.length })
  if (failures.length === 0) return outcomeOf(made)
  if (ignorePreflightErrors.includes('all') || ignorePreflightErrors.includes('imagepull')) {
    for (const message of failures) context.log({ level: 'warning', message })
    return outcomeOf(made)
  }
  throw new WorkflowError('KPKI_PREFLIGHT_FAILED', failures.join('; '), {
    details: { checks: ['ImagePull'], findings: failures },
    hint: 'check that the registry is reached from here (imageRepository), or bring the images to the host and go on with --ignore-preflight-errors=ImagePull',
  })
}

/** Whether it had to be fetched. */
async function fetchImage(
  image: string,
  isAlways: boolean,
  runtime: ContainerRuntime,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  if (!isAlways && (await runtime.hasImage(image))) return false
  for (let attempt = 1; ; attempt++) {
    try {
      await unlessInterrupted(runtime.pullImage(image), signal)
      return true
    } catch (failure) {
      if (attempt >= PULL_ATTEMPTS || signal?.aborted) throw failure
    }
  }
}
