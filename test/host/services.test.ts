import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { WorkflowError } from '../../lib/errors.js'
import { findServices, serviceManager } from '../../lib/host/services.js'
import type { ProgramResult } from '../../lib/workflow/host.js'

/** Answers commands as they are given, and keeps what was run. */
function fake(answers: Readonly<Record<string, Partial<ProgramResult>>>) {
  const log: string[] = []
  const run = async (program: string, args: readonly string[]): Promise<ProgramResult> => {
    const command = [program, ...args].join(' ')
    log.push(command)
    return { status: 0, stdout: '', stderr: '', ...answers[command] }
  }
  return { log, run }
}
const has =
  (...programs: string[]) =>
  async (program: string) =>
    programs.includes(program) ? `/usr/bin/${program}` : undefined

// systemctl(1), is-system-running: `offline` where the manager does not run, with status 1.
for (const [what, programs, said, expected] of [
  ['systemd', ['systemctl'], 'running\n', 'systemd'],
  ['systemd with a unit that has failed', ['systemctl'], 'degraded\n', 'systemd'],
  ['systemd that is not booted', ['systemctl'], 'offline\n', undefined],
  ['systemd that cannot be asked', ['systemctl'], '', undefined],
  ['both, systemd not booted', ['systemctl', 'openrc'], 'offline\n', 'openrc'],
  ['OpenRC', ['openrc'], '', 'openrc'],
  ['neither', [], '', undefined],
] as const)
  test(`what looks after services: ${what}`, async () => {
    const { run } = fake({ 'systemctl is-system-running': { stdout: said, status: said === 'running\n' ? 0 : 1 } })
    assert.is((await findServices(run, has(...programs)))?.name, expected)
  })

// The states of systemctl(1), is-active and show; exit statuses of OpenRC's rc-service (status: 3 stopped, 32 crashed).
for (const [manager, question, command, answer, expected] of [
  ['systemd', 'isInstalled', 'systemctl show --property=LoadState kubelet', { stdout: 'LoadState=loaded\n' }, true],
  ['systemd', 'isInstalled', 'systemctl show --property=LoadState kubelet', { stdout: 'LoadState=not-found\n' }, false],
  ['systemd', 'isEnabled', 'systemctl is-enabled kubelet', { stdout: 'enabled\n' }, true],
  ['systemd', 'isEnabled', 'systemctl is-enabled kubelet', { stdout: 'disabled\n', status: 1 }, false],
  ['systemd', 'isActive', 'systemctl is-active kubelet', { stdout: 'active\n' }, true],
  ['systemd', 'isActive', 'systemctl is-active kubelet', { stdout: 'activating\n', status: 3 }, true],
  ['systemd', 'isActive', 'systemctl is-active kubelet', { stdout: 'inactive\n', status: 3 }, false],
  ['systemd', 'isActive', 'systemctl is-active kubelet', { stdout: 'failed\n', status: 3 }, false],
  ['openrc', 'isInstalled', 'rc-service --exists kubelet', {}, true],
  ['openrc', 'isInstalled', 'rc-service --exists kubelet', { status: 1 }, false],
  ['openrc', 'isEnabled', 'rc-update show default', { stdout: '    docker | default\n    kubelet | default\n' }, true],
  ['openrc', 'isEnabled', 'rc-update show default', { stdout: '    kubelet-proxy | default\n' }, false],
  ['openrc', 'isActive', 'rc-service kubelet status', { stdout: ' * status: started\n' }, true],
  ['openrc', 'isActive', 'rc-service kubelet status', { stdout: ' * status: starting\n', status: 8 }, true],
  ['openrc', 'isActive', 'rc-service kubelet status', { stdout: ' * status: stopped\n', status: 3 }, false],
  ['openrc', 'isActive', 'rc-service kubelet status', { stdout: ' * status: crashed\n', status: 32 }, false],
] as const)
  test(`${manager}: ${question} by ${command}: ${JSON.stringify(answer)}`, async () => {
    const { run, log } = fake({ [command]: answer })
    assert.is(await serviceManager(manager, run)[question]('kubelet'), expected)
    assert.equal(log, [command])
  })

test('units are read again before systemd starts a service anew, and not before it stops one', async () => {
  const { run, log } = fake({})
  const services = serviceManager('systemd', run)
  await services.stop('kubelet')
  await services.restart('kubelet')
  await services.enable('kubelet')
  assert.equal(log, [
    'systemctl stop kubelet',
    'systemctl daemon-reload',
    'systemctl restart kubelet',
    'systemctl enable kubelet',
  ])
})

test('OpenRC is told by rc-service', async () => {
  const { run, log } = fake({})
  const services = serviceManager('openrc', run)
  await services.stop('kubelet')
  await services.restart('kubelet')
  await services.enable('kubelet')
  assert.equal(log, ['rc-service kubelet stop', 'rc-service kubelet restart', 'rc-update add kubelet default'])
})

test('a service that does not start: the command, what it says first, and where to look', async () => {
  const stderr = `Job for kubelet.service failed because of a timeout.\nSee "systemctl status kubelet.service".\n`
  const { run, log } = fake({ 'systemctl restart kubelet': { status: 1, stderr } })
  try {
    await serviceManager('systemd', run).restart('kubelet')
    assert.unreachable()
  } catch (error) {
    assert.instance(error, WorkflowError)
    if (!(error instanceof WorkflowError)) return
    assert.is(error.code, 'KPKI_SERVICE_FAILED')
    assert.equal(error.details, { manager: 'systemd', service: 'kubelet', status: 1 })
    assert.match(error.message, 'failed because of a timeout')
    assert.not.match(error.message, 'See "')
    assert.match(error.hint ?? '', 'journalctl -u kubelet')
  }
  assert.is(log.at(-1), 'systemctl restart kubelet')
})

test('what a program says of a failure is bounded', async () => {
  const { run } = fake({ 'systemctl stop kubelet': { status: 1, stderr: 'x'.repeat(10_000) } })
  try {
    await serviceManager('systemd', run).stop('kubelet')
    assert.unreachable()
  } catch (error) {
    assert.ok((error as Error).message.length < 300)
  }
})

test.run()
