import type { Context } from '../../context.js'
import { type StaticPodComponent, staticPodFile, staticPodPatchNotes } from '../../render/static-pods.js'
import { systemdFiles } from '../../render/units.js'
import type { ServiceManager } from '../host.js'
import { isToBeWritten, outcomeOf, writeFiles } from './actions.js'
import type { InitRun } from './init-run.js'
import { tryService } from './kubelet-service.js'
import type { Action } from './phase.js'
import { assertRunOnce } from './run-once.js'

/**
 * How a component is put on the host: its static Pod for the kubelet, or a unit for systemd, which is started.
 *
 * One that is there in the other form ends the run.
 *
 * @throws as `staticPodFile`, `systemdFiles`
 */
export function componentActions(component: StaticPodComponent, run: InitRun): readonly Action[] {
  return formOf(component, run).map(action => ({
    ...action,
    apply: async hands => {
      await assertRunOnce(component, run.as, hands)
      return action.apply(hands)
    },
  }))
}

function formOf(component: StaticPodComponent, run: InitRun): readonly Action[] {
  const { controlPlane, traits, patches, overwrite, as } = run
  if (as === 'systemd') return [runUnit(component, run)]
  const written = writeFiles([staticPodFile(component, controlPlane, traits, patches)], { overwrite })
  const notes = staticPodPatchNotes(component, controlPlane, traits, patches)
  if (notes.length === 0) return [written]
  return [{ ...written, notes, apply: async hands => ({ ...(await written.apply(hands)), notes }) }]
}

/**
 * Writes a unit and has systemd run it; where nobody can be asked, says what to do. What runs is stopped while its unit is replaced:
 * whatever ends the run there, the next one finds it stopped, and starts it with the new unit.
 */
function runUnit(component: StaticPodComponent, { controlPlane, traits, patches, overwrite }: InitRun): Action {
  const { files, notes } = systemdFiles(component, controlPlane, traits, { patches })
  const written = writeFiles(files, { overwrite })
  return {
    ...written,
    kind: 'unit',
    notes,
    async apply(hands) {
      const { host, context } = hands
      const services = await host.system?.services()
      if (services?.name !== 'systemd') {
        const byHand = `start it: systemctl daemon-reload && systemctl enable --now ${component}`
        return outcomeOf((await written.apply(hands)).made, [...notes, byHand])
      }
      const isReplaced = (await services.isActive(component)) && (await isToBeWritten(files, { overwrite }, host))
      if (isReplaced) await services.stop(component)
      const { made } = await written.apply(hands).catch(async error => {
        if (isReplaced) await tryService(() => services.restart(component))
        throw error
      })
      return outcomeOf(made, [...notes, ...(await startUnit(component, services, context))])
    },
  }
}

async function startUnit(component: string, services: ServiceManager, { log }: Context): Promise<readonly string[]> {
  const isRunning = await services.isActive(component)
  if (!isRunning) await services.restart(component)
  if (!(await services.isEnabled(component))) {
    const failures = await tryService(() => services.enable(component))
    for (const failure of failures)
      log({ level: 'warning', message: `${component} runs, but will not after a reboot: ${failure}` })
  }
  return isRunning ? [] : [`${component} was started`]
}
