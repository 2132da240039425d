import { UsageError } from '../../errors.js'
import { type StaticPodComponent, staticPodFile } from '../../render/static-pods.js'
import { writeFiles } from './actions.js'
import type { InitRun } from './init-run.js'
import type { Action } from './phase.js'

/**
 * How a component is put on the host.
 *
 * @throws as `staticPodFile`
 */
export function componentActions(component: StaticPodComponent, run: InitRun): readonly Action[] {
  const { controlPlane, traits, patches, overwrite, as } = run
  if (as === 'systemd') throw new UsageError('KPKI_USAGE', 'units for systemd are not written yet')
  return [writeFiles([staticPodFile(component, controlPlane, traits, patches)], { overwrite })]
}
