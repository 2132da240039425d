import { type StaticPodComponent, staticPodFile, staticPodPatchNotes } from '../../render/static-pods.js'
import { systemdFiles } from '../../render/units.js'
import { outcomeOf, writeFiles } from './actions.js'
import type { InitRun } from './init-run.js'
import type { Action, Hands, Outcome } from './phase.js'

/**
 * How a component is put on the host: its static Pod for the kubelet, or a unit for systemd, which is started.
 *
 * @throws as `staticPodFile`, `systemdFiles`
 */
export function componentActions(component: StaticPodComponent, run: InitRun): readonly Action[] {
  const { controlPlane, traits, patches, overwrite, as } = run
  if (as === 'systemd') return [runUnit(component, run)]
  const written = writeFiles([staticPodFile(component, controlPlane, traits, patches)], { overwrite })
  const notes = staticPodPatchNotes(component, controlPlane, traits, patches)
  if (notes.length === 0) return [written]
  return [{ ...written, notes, apply: async hands => ({ ...(await written.apply(hands)), notes }) }]
}

/** Writes a unit and has systemd run it; where nobody can be asked, says what to do. */
function runUnit(component: StaticPodComponent, { controlPlane, traits, patches, overwrite }: InitRun): Action {
  const { files, notes } = systemdFiles(component, controlPlane, traits, { patches })
  const written = writeFiles(files, { overwrite })
  return {
    ...written,
    kind: 'unit',
    notes,
    async apply(hands) {
      const { state, made } = await written.apply(hands)
      return outcomeOf(made, [...notes, ...(await startUnit(component, state, hands))])
    },
  }
}

async function startUnit(
  component: string,
  state: Outcome['state'],
  { host: { system }, context }: Hands,
): Promise<readonly string[]> {
  const services = await system?.services()
  if (!system || services?.name !== 'systemd')
    return [`start it: systemctl daemon-reload && systemctl enable --now ${component}`]
  if (state === 'unchanged' && (await services.isActive(component))) return []
  await services.restart(component)
  if (!(await services.isEnabled(component))) {
    const { status, stderr } = await system.run('systemctl', ['enable', component])
    const message = `${component} runs, but will not after a reboot: ${stderr.slice(0, 300).trim()}`
    if (status !== 0) context.log({ level: 'warning', message })
  }
  return [`${component} was started`]
}
