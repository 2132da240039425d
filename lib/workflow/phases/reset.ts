import { KpkiError, StoreError, WorkflowError } from '../../errors.js'
import { KUBELET_DIR } from '../../render/kubelet-flags.js'
import type { HostSystem, PodSandbox } from '../host.js'
import { RECORD_DIR, RECORD_PATH } from '../record.js'
import { removeEtcdMember } from '../reset/etcd-here.js'
import { readMounts } from '../reset/mounts.js'
import { removeThings } from '../reset/remove.js'
import type { Removal, ResetRun } from '../reset/survey.js'
import { outcomeOf } from './actions.js'
import type { Action, Hands, Outcome, Phase } from './phase.js'

/** kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/constants/constants.go has 5 attempts for images; containers get as many. */
const SANDBOX_ATTEMPTS = 5

/** umount(8) for the words of ResetConfiguration; it has none for the others. */
const UMOUNT_OPTIONS: Readonly<Record<string, string>> = { MNT_FORCE: '--force', MNT_DETACH: '--lazy' }

const nothingHere = ({ remove }: ResetRun) => (remove.length === 0 ? 'nothing of a cluster is on this host' : undefined)

/**
 * Takes back what `init` or `join` have made on a host; see `surveyReset` for what that is. Whether somebody agrees is asked before.
 *
 * The data of etcd go with the other files, after the kubelet was stopped, and not while etcd runs as with kubeadm; left out is
 * the phase `remove-etcd-member` with `keepEtcd`.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/cmd/phases/reset
 */
export const RESET_PHASES: readonly Phase<ResetRun>[] = [
  {
    name: 'preflight',
    about: 'check that this may be done',
    aliases: ['pre-flight'],
    plan: run => [checkPrivilege(run)],
  },
  {
    name: 'remove-etcd-member',
    about: "take the member of this host out of etcd's cluster",
    skip: run =>
      nothingHere(run) ??
      (run.etcd ? undefined : 'no etcd that kpki has set up can be found here: what is in another one stays'),
    plan: ({ etcd }) => (etcd ? [removeMember(etcd)] : []),
  },
  {
    name: 'cleanup-node',
    about: 'stop the kubelet, unmount, remove containers, remove files',
    aliases: ['cleanupnode'],
    skip: nothingHere,
    plan: run => [stopServices(run), unmountVolumes(run), removeSandboxes(run), removeFiles(run)],
  },
]

/** kubeadm's check, the only one of its reset. */
function checkPrivilege({ ignorePreflightErrors }: ResetRun): Action {
  return {
    kind: 'check',
    about: 'check that this is root',
    async apply({ host: { system } }) {
      const isIgnored = ignorePreflightErrors.some(name => name === 'all' || name === 'isprivilegeduser')
      if (!system || system.uid === 0) return outcomeOf([])
      const text = `a host is reset by root, and this is user ${system.uid}`
      if (isIgnored) return outcomeOf([], [text])
      throw new WorkflowError('KPKI_PREFLIGHT_FAILED', text, {
        details: { findings: [`IsPrivilegedUser: ${text}`] },
        hint: 'run with sudo; to go on all the same: --ignore-preflight-errors IsPrivilegedUser',
      })
    },
  }
}

function removeMember(etcd: NonNullable<ResetRun['etcd']>): Action {
  return {
    kind: 'etcd-member',
    about: `remove the etcd member ${etcd.peerUrl ?? 'of this host'}`,
    apply: ({ host }) =>
      unlessItFails(host.system, 'the etcd member was not removed', async system => {
        const { isRemoved, text } = await removeEtcdMember(etcd, host, system)
        return isRemoved ? outcomeOf([text]) : outcomeOf([], [text])
      }),
  }
}

/** Nothing is to write the files anew that are removed. */
function stopServices({ units }: ResetRun): Action {
  return {
    kind: 'services',
    about: `stop ${['kubelet', ...units].join(', ')}`,
    isAlone: true,
    apply: ({ host }) =>
      unlessItFails(host.system, 'the kubelet was not stopped', async system => {
        const services = await system.services()
        if (!services) return outcomeOf([], ['nothing looks after services here: stop the kubelet by hand, if it runs'])
        const [stopped, notes]: [string[], string[]] = [[], []]
        for (const service of ['kubelet', ...units]) {
          try {
            if (!(await services.isActive(service))) continue
            await services.stop(service)
            stopped.push(`${service} stopped`)
          } catch (error) {
            notes.push(`${service} could not be stopped: ${messageOf(error)}`)
          }
        }
        return outcomeOf(stopped, notes)
      }),
  }
}

function unmountVolumes({ unmountFlags }: ResetRun): Action {
  return {
    kind: 'unmount',
    about: `unmount what is mounted below ${KUBELET_DIR}`,
    apply: ({ host }) =>
      unlessItFails(host.system, 'nothing was unmounted', async system => {
        const points = (await readMounts(host)).filter(point => point.startsWith(`${KUBELET_DIR}/`))
        const flags = unmountFlags.flatMap(flag => UMOUNT_OPTIONS[flag] ?? [])
        const unknown = unmountFlags.filter(flag => UMOUNT_OPTIONS[flag] === undefined)
        const notes = unknown.map(flag => `umount has no option for ${flag}, which is left out`)
        const done: string[] = []
        // What was mounted last may lie over what was before.
        for (const point of [...points].reverse()) {
          const { status, stderr } = await system.run('umount', [...flags, '--', point])
          if (status === 0) done.push(`${point} unmounted`)
          else notes.push(`${point} stays mounted: ${stderr.trim().slice(0, 200)}`)
        }
        return outcomeOf(done, notes)
      }),
  }
}

function removeSandboxes({ criSocket }: ResetRun): Action {
  return {
    kind: 'sandboxes',
    about: `remove the Pods that run on ${criSocket}`,
    apply: ({ host, signal }) =>
      unlessItFails(host.system, 'the Pods were not removed (crictl pods, crictl rmp -f ID)', async system => {
        const runtime = system.runtime(criSocket)
        try {
          const [done, notes]: [string[], string[]] = [[], []]
          for (const sandbox of await runtime.sandboxes()) {
            if (signal?.aborted) break
            const name = `Pod ${sandbox.namespace}/${sandbox.name}`
            const problem = await removeSandbox(sandbox, id => runtime.removeSandbox(id))
            if (problem === undefined) done.push(`${name} removed`)
            else notes.push(`${name} stays: ${problem}`)
          }
          return outcomeOf(done, notes)
        } finally {
          runtime.close()
        }
      }),
  }
}

async function removeSandbox({ id }: PodSandbox, remove: (id: string) => Promise<void>): Promise<string | undefined> {
  for (let attempt = 1; ; attempt++) {
    try {
      await remove(id)
      return undefined
    } catch (error) {
      if (attempt >= SANDBOX_ATTEMPTS) return messageOf(error)
    }
  }
}

function removeFiles({ remove, units }: ResetRun): Action {
  return {
    kind: 'remove',
    about: `remove ${remove.length} files and directories`,
    isAlone: true,
    async apply({ host, signal }: Hands) {
      const { removals, mounts, stays } = await safely(remove, host)
      const isRecord = ({ path }: Removal) => path === RECORD_PATH || path === RECORD_DIR
      const others = removals.filter(removal => !isRecord(removal))
      const { gone, left } = await removeThings(others, host, { mounts, signal })
      const problems = [...stays, ...left]
      // The record goes last, and only when nothing of what it names is left.
      const last =
        problems.length === 0 ? await removeThings(removals.filter(isRecord), host, { mounts, signal }) : undefined
      const all = [...gone, ...(last?.gone ?? [])].map(path => host.locate(path))
      problems.push(...(last?.left ?? []))
      const notes = units.length === 0 ? [] : await reloadUnits(host.system)
      if (problems.length === 0) return outcomeOf(all, notes)
      throw new StoreError(
        'KPKI_WRITE_FAILED',
        `${problems[0]}${problems.length > 1 ? ` (and ${problems.length - 1} more)` : ''}`,
        {
          details: { left: problems.slice(0, 100) },
          hint: 'what could be removed is; mend that (unmount it, stop who uses it)',
        },
      )
    },
  }
}

/** Where nobody can say what is mounted, the kubelet's volumes stay: they may be somebody's data. */
async function safely(remove: ResetRun['remove'], host: Hands['host']) {
  if (!host.system) return { removals: remove, mounts: [], stays: [] }
  try {
    return { removals: remove, mounts: await readMounts(host), stays: [] }
  } catch (error) {
    const removals = remove.filter(({ why }) => why !== 'kubelet')
    const stays = removals.length < remove.length ? [`${KUBELET_DIR} stays as it is: ${messageOf(error)}`] : []
    return { removals, mounts: [], stays }
  }
}

/** systemd knows units until it reads them again. */
async function reloadUnits(system: HostSystem | undefined): Promise<readonly string[]> {
  const { notes = [] } = await unlessItFails(system, 'systemd was not told that units are gone', async system => {
    if ((await system.services())?.name !== 'systemd') return outcomeOf([])
    const { status, stderr } = await system.run('systemctl', ['daemon-reload'])
    return outcomeOf([], status === 0 ? [] : [`systemctl daemon-reload: ${stderr.trim().slice(0, 200)}`])
  })
  return notes
}

/** What a reset cannot do without is only told of: the rest is to be cleaned up all the same. */
async function unlessItFails(
  system: HostSystem | undefined,
  consequence: string,
  work: (system: HostSystem) => Promise<Outcome>,
): Promise<Outcome> {
  if (!system) return outcomeOf([])
  try {
    return await work(system)
  } catch (error) {
    if (!(error instanceof KpkiError)) throw error
    return outcomeOf([], [`${consequence}: ${error.message}${error.hint === undefined ? '' : `; ${error.hint}`}`])
  }
}

function messageOf(error: unknown): string {
  if (!(error instanceof KpkiError)) throw error
  return error.message
}
