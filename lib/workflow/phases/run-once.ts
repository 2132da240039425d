import { StoreError } from '../../errors.js'
import { MANIFESTS_DIR } from '../../kubernetes/paths.js'
import type { StaticPodComponent } from '../../render/static-pods.js'
import { UNITS_DIR } from '../../render/units.js'
import { readRecord } from '../record.js'
import type { InitRun } from './init-run.js'
import type { Hands } from './phase.js'

/**
 * Makes sure that a component is not put on a host twice, as a static Pod and as a unit: two etcds would share their data. A manifest
 * is run by the kubelet, whoever wrote it; a unit may be of another program with that name, unless a run of kpki made it.
 *
 * @throws {@link StoreError} `KPKI_FILE_EXISTS`; as `Host.look`, `readRecord`
 */
export async function assertRunOnce(
  component: StaticPodComponent,
  as: InitRun['as'],
  { host }: Pick<Hands, 'host'>,
): Promise<void> {
  const isUnit = as === 'systemd'
  const other = isUnit ? `${MANIFESTS_DIR}/${component}.yaml` : `${UNITS_DIR}/${component}.service`
  if ((await host.look(other)) === undefined) return
  if (!isUnit && !(await readRecord(host)).entries.some(({ path }) => path === other)) return
  const [there, asked] = isUnit ? ['a static Pod', 'a unit'] : ['a unit', 'a static Pod']
  const place = host.locate(other)
  throw new StoreError('KPKI_FILE_EXISTS', `${place} is there: ${component} would run as ${there} and as ${asked}`, {
    details: { path: place },
    hint: host.system
      ? 'take back what is there first, with kpki reset, or move that file away'
      : 'use another directory, or move that file away',
  })
}
