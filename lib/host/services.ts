import { WorkflowError } from '../errors.js'
import type { HostSystem, ProgramResult, ServiceManager, ServiceManagerName } from '../workflow/host.js'

type Run = HostSystem['run']
type Which = HostSystem['which']

/** How a program is told what to do with a service, and how its answers are read. */
interface Manager {
  /** Programs that are run, one after the other; the last one decides. */
  readonly stop: (service: string) => readonly Command[]
  readonly restart: (service: string) => readonly Command[]
  readonly enable: (service: string) => readonly Command[]
  readonly asks: Readonly<Record<Question, (service: string) => Command>>
  readonly reads: Readonly<Record<Question, (answer: ProgramResult, service: string) => boolean>>
  /** Where the service's own words are, for a hint. */
  readonly log: (service: string) => string
}
type Command = readonly [program: string, ...args: string[]]
type Question = 'isInstalled' | 'isEnabled' | 'isActive'

/**
 * The managers of services that kubeadm knows, with its commands. Stricter: whether a service is there is asked for, and not
 * looked for in a text for people; one that has crashed in OpenRC does not count as active, so that it is started again.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/util/initsystem/initsystem_unix.go
 */
const MANAGERS: Readonly<Record<ServiceManagerName, Manager>> = {
  systemd: {
    stop: service => [['systemctl', 'stop', service]],
    restart: service => [
      ['systemctl', 'daemon-reload'],
      ['systemctl', 'restart', service],
    ],
    enable: service => [['systemctl', 'enable', service]],
    asks: {
      isInstalled: service => ['systemctl', 'show', '--property=LoadState', service],
      isEnabled: service => ['systemctl', 'is-enabled', service],
      isActive: service => ['systemctl', 'is-active', service],
    },
    reads: {
      isInstalled: ({ status, stdout }) => status === 0 && stdout.trim() !== 'LoadState=not-found',
      isEnabled: ({ status }) => status === 0,
      // A service that crashes and is started over and over, as the kubelet before it has a configuration, is `activating`.
      isActive: ({ stdout }) => ['active', 'activating', 'reloading'].includes(stdout.trim()),
    },
    log: service => `journalctl -u ${service} -n 50`,
  },
  openrc: {
    stop: service => [['rc-service', service, 'stop']],
    restart: service => [['rc-service', service, 'restart']],
    enable: service => [['rc-update', 'add', service, 'default']],
    asks: {
      isInstalled: service => ['rc-service', '--exists', service],
      isEnabled: () => ['rc-update', 'show', 'default'],
      isActive: service => ['rc-service', service, 'status'],
    },
    reads: {
      isInstalled: ({ status }) => status === 0,
      isEnabled: ({ stdout }, service) => stdout.split('\n').some(line => line.split('|')[0]?.trim() === service),
      isActive: ({ status, stdout }) => status === 0 || /\bstarting\b/.test(stdout),
    },
    log: service => `rc-service ${service} status`,
  },
}

// `restart` waits for the service to be up, which systemd gives 90 seconds by default.
const TIMEOUT_MS = 120_000

/**
 * What looks after the services of a host: systemd, where it runs and is not merely installed (as in most containers), else
 * OpenRC.
 *
 * @param run - runs a program
 * @param which - finds one in PATH
 * @returns `undefined` where there is neither
 */
export async function findServices(run: Run, which: Which): Promise<ServiceManager | undefined> {
  if ((await which('systemctl')) !== undefined) {
    const { stdout } = await run('systemctl', ['is-system-running'], { timeoutMs: TIMEOUT_MS })
    // A word that it says of itself: running, degraded, starting, …; offline where it was not booted.
    if (!['', 'offline'].includes(stdout.trim())) return serviceManager('systemd', run)
  }
  if ((await which('openrc')) !== undefined) return serviceManager('openrc', run)
  return undefined
}

/** A manager of services that is told what to do through programs. */
export function serviceManager(name: ServiceManagerName, run: Run): ServiceManager {
  const { stop, restart, enable, asks, reads, log } = MANAGERS[name]
  const ask = async (question: Question, service: string) => {
    const [program, ...args] = asks[question](service)
    return reads[question](await run(program, args, { timeoutMs: TIMEOUT_MS }), service)
  }
  const tell = async (commands: readonly Command[], service: string) => {
    for (const [program, ...args] of commands) {
      const { status, stdout, stderr } = await run(program, args, { timeoutMs: TIMEOUT_MS })
      if (status !== 0) throw serviceFailed(name, service, [program, ...args], status, stderr || stdout, log(service))
    }
  }
  return {
    name,
    isInstalled: service => ask('isInstalled', service),
    isEnabled: service => ask('isEnabled', service),
    isActive: service => ask('isActive', service),
    stop: service => tell(stop(service), service),
    restart: service => tell(restart(service), service),
    enable: service => tell(enable(service), service),
  }
}

// What a program says of a failure is at its beginning; the rest is advice to run other programs.
const MAX_SAID = 200

function serviceFailed(
  manager: ServiceManagerName,
  service: string,
  command: readonly string[],
  status: number,
  output: string,
  log: string,
): WorkflowError {
  const said = output.trim().split('\n')[0]?.slice(0, MAX_SAID) ?? ''
  const what = `${command.join(' ')} failed with status ${status}${said === '' ? '' : `: ${said}`}`
  return new WorkflowError('KPKI_SERVICE_FAILED', what, {
    details: { manager, service, status },
    hint: `see why: ${log}`,
  })
}
