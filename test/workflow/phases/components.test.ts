import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { StoreError, WorkflowError } from '../../../lib/errors.js'
import { prepareInit } from '../../../lib/workflow/init-cluster.js'
import { CONTROL_PLANE } from '../../../lib/workflow/phases/control-plane.js'
import { runPhases } from '../../../lib/workflow/phases/runner.js'
import { rejects } from '../../support/context.js'
import { initHost } from '../../support/init.js'

const UNIT = '/etc/systemd/system/kube-apiserver.service'
const KUBE_APISERVER = 'kube-apiserver'

/** Nothing that comes after it is done. */
class KilledError extends Error {}

/** A host with systemd, on which the API server runs by its unit. */
async function setUp() {
  const service = { isInstalled: true, isEnabled: false, isActive: false }
  const made = await initHost({ host: { system: { services: { [KUBE_APISERVER]: service } } } })
  const { controlPlane, hands, host } = made
  const run = async (value: string, overwrite = true) => {
    const apiServer = { ...controlPlane.apiServer, extraArgs: [{ name: 'v', value }] }
    const facts = await prepareInit({ ...controlPlane, apiServer }, hands, { as: 'systemd', overwrite })
    return runPhases([CONTROL_PLANE], facts, hands, { only: ['control-plane/apiserver'] })
  }
  await run('1')
  host.system?.log.splice(0)
  return { ...made, run, service }
}

test('what runs is stopped while its unit is replaced, and enabled where it is not', async () => {
  const { host, run, service } = await setUp()
  assert.equal(service, { isInstalled: true, isEnabled: true, isActive: true })
  const [second] = await run('1')
  assert.equal([second?.state, second?.notes, host.system?.log], ['unchanged', [], []])
  service.isEnabled = false
  await run('2')
  assert.equal(host.system?.log, [`stop ${KUBE_APISERVER}`, `restart ${KUBE_APISERVER}`, `enable ${KUBE_APISERVER}`])
  assert.match(host.text(UNIT) ?? '', /--v=2/)
})

test('a run that was killed behind its unit is completed: the service is started with it', async () => {
  const { host, run, service } = await setUp()
  const replace = host.replace.bind(host)
  host.replace = async (file, expected) => {
    await replace(file, expected)
    if (file.path !== UNIT) return
    throw new KilledError()
  }
  const system = host.system
  const services = system?.services.bind(system)
  if (!system || !services) return assert.unreachable()
  system.services = async () => {
    const found = await services()
    return found && { ...found, restart: () => Promise.reject(new KilledError()) }
  }
  await run('2').then(
    () => assert.unreachable(),
    () => {},
  )
  host.replace = replace
  system.services = services
  system.log.splice(0)
  assert.match(host.text(UNIT) ?? '', /--v=2/)
  assert.is(service.isActive, false)
  await run('2')
  assert.equal([service.isActive, system.log], [true, [`restart ${KUBE_APISERVER}`]])
})

test('a unit that is not replaced stops nothing, and one that cannot be is started again', async () => {
  const { host, run, service } = await setUp()
  const there = host.text(UNIT)
  assert.is((await rejects(run('2', false))).details['error'], 'KPKI_FILE_EXISTS')
  assert.equal(host.system?.log, [])
  host.onWrite = (_, path) => {
    if (path === UNIT) throw new StoreError('KPKI_DISK_FULL', 'no space left')
  }
  assert.is((await rejects(run('2'))).details['error'], 'KPKI_DISK_FULL')
  assert.equal([service.isActive, host.text(UNIT)], [true, there])
})

test('a service that cannot be enabled runs, and that is said in a line', async () => {
  const { run, service, host, log } = await setUp()
  service.isEnabled = false
  const system = host.system
  const services = system?.services.bind(system)
  if (!system || !services) return assert.unreachable()
  system.services = async () => {
    const found = await services()
    const enable = () =>
      Promise.reject(new WorkflowError('KPKI_SERVICE_FAILED', 'systemctl enable kube-apiserver failed with status 1'))
    return found && { ...found, enable }
  }
  await run('1')
  const warnings = log.filter(({ message }) => message.includes('reboot')).map(({ message }) => message)
  assert.equal(warnings, [
    'kube-apiserver runs, but will not after a reboot: systemctl enable kube-apiserver failed with status 1',
  ])
})

test.run()
