import type { HostFile } from '../../render/host-file.js'
import { kubeletFiles, kubeletHealthUrl, kubeletPatchNotes } from '../../render/kubelet-files.js'
import { formatCommand, KUBELET_DIR, KUBELET_DIR_MODE, kubeletCommand } from '../../render/kubelet-flags.js'
import type { ServiceManager } from '../host.js'
import { isToBeWritten, makeDirectory, outcomeOf, writeFiles } from './actions.js'
import type { InitRun } from './init-run.js'
import { findKubelet, isHealthy, KUBELET_SERVICE, tryService } from './kubelet-service.js'
import type { Action, Hands, Outcome, Phase } from './phase.js'

/** What a kubelet's start is planned from. */
type Facts = Pick<InitRun, 'controlPlane' | 'traits' | 'patches' | 'overwrite'>

/**
 * Writes the kubelet's files and starts it with them. It is stopped while they are written, and started anew only where one of
 * them is new or it does not run; a kubelet that is no service is left to who starts it, with the command.
 *
 * Unlike kubeadm, which stops and starts it in every run.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/cmd/phases/init/kubelet.go
 */
export const KUBELET_START: Phase<InitRun> = {
  name: 'kubelet-start',
  about: "write the kubelet's settings, and start it with them",
  plan: run => [makeDirectory(KUBELET_DIR, KUBELET_DIR_MODE), startKubelet(run)],
}

/** Writes the kubelet's files, and starts it where something manages it. */
function startKubelet(facts: Facts): Action {
  const { controlPlane, traits, patches } = facts
  const files = kubeletFiles(controlPlane, traits, patches)
  const notes = kubeletPatchNotes(controlPlane, traits, patches)
  return {
    kind: 'kubelet',
    about: `write ${files.map(({ path }) => path).join(', ')}, and start the kubelet`,
    files,
    notes,
    isAlone: true,
    apply: async hands => withNotes(await applyStart(facts, files, hands), notes),
  }
}

async function applyStart(facts: Facts, files: readonly HostFile[], hands: Hands): Promise<Outcome> {
  const { host } = hands
  const write = writeFiles(files, { overwrite: facts.overwrite })
  if (host.system === undefined) return write.apply(hands)
  const services = await findKubelet(host)
  if (!services) return withNotes(await write.apply(hands), await toStartByHand(facts, hands))
  const wasActive = await services.isActive(KUBELET_SERVICE)
  const isNews = await isToBeWritten(files, facts, host)
  const notes = isNews && wasActive ? await tryService(() => services.stop(KUBELET_SERVICE)) : []
  const written = await write.apply(hands).catch(async error => {
    if (isNews && wasActive) await tryService(() => services.restart(KUBELET_SERVICE))
    throw error
  })
  return wasActive && !isNews ? withNotes(written, notes) : start(services, written, notes)
}

async function start(services: ServiceManager, written: Outcome, notes: readonly string[]): Promise<Outcome> {
  const failures = await tryService(() => services.restart(KUBELET_SERVICE))
  const started = failures.length === 0 ? [`the service ${KUBELET_SERVICE} was started (${services.name})`] : []
  return outcomeOf([...written.made, ...started], [...notes, ...failures])
}

async function toStartByHand({ controlPlane, traits, patches }: Facts, { host }: Hands): Promise<readonly string[]> {
  if (host.system && (await isHealthy(host.system, kubeletHealthUrl(controlPlane, traits, patches)))) return []
  // An argument a line, so that a narrow terminal breaks none.
  const command = kubeletCommand(controlPlane, traits).map(word => formatCommand([word]))
  return [`the kubelet is no service of this host: start it yourself:\n${command.join(' \\\n')}`]
}

function withNotes({ state, made, notes: own = [] }: Outcome, notes: readonly string[]): Outcome {
  const all = [...notes, ...own]
  return { state, made, ...(all.length === 0 ? {} : { notes: all }) }
}
