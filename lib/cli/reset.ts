import {
  type Configuration,
  findPhases,
  type HeldStore,
  holdStore,
  KpkiError,
  parseConfiguration,
  planPhases,
  RESET_PHASES,
  type ResetOptions,
  type ResetRun,
  runPhases,
  type Store,
  StoreError,
  surveyReset,
  UsageError,
  WorkflowError,
  withoutLock,
} from '../index.js'
import type { PlacedFile } from '../node.js'
import type { Invocation, Run } from './command.js'
import { listeningContext } from './description.js'
import { type FlagValues, list, text } from './flags.js'
import { formatPhase } from './init-text.js'
import { readInput } from './input.js'
import { EXIT, type Io, type OpenedHost } from './io.js'
import { packUp } from './reset-backup.js'
import { formatResetEnd, formatSurvey, type Listed, resetResult, withoutList } from './reset-text.js'
import { formatStructured, isStructured } from './structured.js'
import { terminalOf } from './terminal.js'

/** From / on, and no part of it empty, `.` or `..`. */
const PLAIN_PATH = /^(\/(?!\.{1,2}(\/|$))[^/\0]+)+$/

/** What is asked for, by flags and by `ResetConfiguration`. */
interface Order {
  readonly options: ResetOptions
  readonly only: readonly string[]
  readonly skip: readonly string[]
  readonly isAgreed: boolean
  readonly isDryRun: boolean
}

/** `kpki reset` and `kpki reset phase …`. */
export const runReset: Run = async (invocation, io) => {
  const { context, warnings, notes } = listeningContext(invocation, io)
  const order = await readOrder(invocation, io)
  const opened = await openHost(io)
  // Under the lock from the list on: what is listed and agreed to is what is there.
  const held = order.isDryRun ? undefined : await holdHost(opened.store)
  try {
    return await resetHost({ ...opened, ...held }, order, { invocation, io, context, warnings, notes })
  } finally {
    await held?.release()
  }
}

/** What a reset is told, and whom it tells. */
interface Setting extends Pick<ReturnType<typeof listeningContext>, 'context' | 'warnings' | 'notes'> {
  readonly invocation: Invocation
  readonly io: Io
}

async function resetHost(opened: OpenedHost, order: Order, setting: Setting): Promise<number> {
  const { io, context, warnings, notes } = setting
  const { flags } = setting.invocation
  const { host } = opened
  const run = await surveyReset(host, context, order.options)
  const listed = listOf(run, order)
  const terminal = terminalOf(io)
  const output = text(flags, 'output')
  const isText = !isStructured(output) && flags['quiet'] !== true
  if (order.isDryRun) {
    if (isStructured(output))
      io.stdout(formatStructured({ ...resetResult(listed, [], { host, isDryRun: true }), warnings, notes }, output))
    else if (isText) io.stdout(formatSurvey(listed, host, terminal, 'Dry run, nothing was touched'))
    return EXIT.done
  }
  const isNews = listed.remove.length > 0 || listed.does.length > 0
  if (isNews && isText) io.stderr(formatSurvey(listed, host, terminal))
  if (isNews && !order.isAgreed) await agree(listed, io)
  const file = text(flags, 'backup')
  const backup =
    file === undefined || listed.remove.length === 0
      ? undefined
      : await packUp(file, listed.remove, host, context.clock())
  const results = await runPhases(
    RESET_PHASES,
    run,
    { ...opened, context, signal: io.signal },
    {
      only: order.only,
      skip: order.skip,
      command: 'kpki reset',
      observe: event => {
        if (event.type === 'ended' && isText) io.stdout(formatPhase(withoutList(event.result, run, host), terminal))
      },
    },
  )
  if (backup) await assertThere(backup)
  if (isStructured(output)) {
    const facts = { host, isDryRun: false, ...(backup === undefined ? {} : { backup: backup.path }) }
    io.stdout(formatStructured({ ...resetResult(listed, results, facts), warnings, notes }, output))
  } else if (isText) io.stdout(formatResetEnd(listed, backup?.path, terminal))
  return EXIT.done
}

/** What the phases that run are going to do, and nothing else. */
function listOf(run: ResetRun, { only, skip }: Order): Listed {
  const planned = planPhases(RESET_PHASES, run, { only, skip })
  const actions = planned.flatMap(phase => phase.actions)
  const isCleaning = planned.some(({ path, skipped }) => path === 'cleanup-node' && skipped !== 'as asked')
  return {
    criSocket: run.criSocket,
    remove: isCleaning ? run.remove : [],
    keep: isCleaning ? run.keep : [],
    isCleaning,
    does: actions.filter(({ kind }) => kind !== 'check' && kind !== 'remove').map(({ about }) => about),
  }
}

/** A run that is at work there is waited for by nobody; where no run can take the lock, none is. */
async function holdHost(store: Store): Promise<HeldStore> {
  try {
    return await holdStore(store)
  } catch (error) {
    if (!(error instanceof KpkiError) || error.code === 'KPKI_LOCKED') throw error
    return { store: withoutLock(store), release: async () => {} }
  }
}

async function assertThere(backup: PlacedFile): Promise<void> {
  if (await backup.isThere()) return
  throw new StoreError(
    'KPKI_FILE_NOT_FOUND',
    `the backup ${backup.path} is not there any more, or not as it was written`,
    {
      details: { path: backup.path },
    },
  )
}

async function openHost(io: Io): Promise<OpenedHost> {
  if (io.host) return io.host
  const { DiskStore, nodeHost } = await import('../node.js')
  const connect = () => Promise.reject(new WorkflowError('KPKI_INTERNAL', 'a reset asks no cluster'))
  // Of the store only its lock is of use, and that not in the directory of the certificates, which goes.
  return {
    host: nodeHost({ env: io.env }),
    store: new DiskStore('/etc/kubernetes', { certDir: '/etc/kubernetes' }),
    connect,
  }
}

/** A flag over the file; names of checks from both, as kubeadm has it. */
async function readOrder(invocation: Invocation, io: Io): Promise<Order> {
  const { flags, args, path } = invocation
  const {
    ResetConfiguration: reset = {},
    ClusterConfiguration: cluster = {},
    ...rest
  } = await readConfiguration(flags, io)
  const phase = path === 'reset phase' ? args[0] : undefined
  const only = phase === undefined ? [] : findPhases(phase, RESET_PHASES)
  const skipped = flags['skip-phases'] === undefined ? (reset.skipPhases ?? []) : list(flags, 'skip-phases')
  const skip = phase === undefined ? skipped.flatMap(name => findPhases(name, RESET_PHASES)) : []
  const given = text(flags, 'cert-dir')
  const certificatesDir = (given ?? (reset.certificatesDir || cluster.certificatesDir || undefined))?.replace(
    /(?<=.)\/+$/,
    '',
  )
  if (certificatesDir !== undefined && !PLAIN_PATH.test(certificatesDir)) {
    const name = given === undefined ? 'certificatesDir' : '--cert-dir'
    throw new UsageError('KPKI_USAGE', `${name} ${certificatesDir} is not absolute, or does not say where it leads`, {
      hint: 'name it from / on, without . and ..: what is removed must not depend on where this is run',
    })
  }
  const criSocket =
    text(flags, 'cri-socket') ?? (reset.criSocket || rest.InitConfiguration?.nodeRegistration?.criSocket || undefined)
  return {
    options: {
      ...(certificatesDir === undefined ? {} : { certificatesDir }),
      ...(criSocket === undefined ? {} : { criSocket: criSocket.includes('://') ? criSocket : `unix://${criSocket}` }),
      cleanupTmpDir: flags['cleanup-tmp-dir'] === true || reset.cleanupTmpDir === true,
      keepPki: flags['keep-pki'] === true,
      // Without it the member stays in its cluster.
      keepEtcd: only.length > 0 ? !only.includes('remove-etcd-member') : skip.includes('remove-etcd-member'),
      all: flags['all'] === true,
      unmountFlags: reset.unmountFlags ?? [],
      ignorePreflightErrors: [...list(flags, 'ignore-preflight-errors'), ...(reset.ignorePreflightErrors ?? [])],
    },
    only,
    skip,
    isAgreed: flags['force'] === true || flags['yes'] === true || reset.force === true,
    isDryRun: flags['dry-run'] === true || reset.dryRun === true,
  }
}

async function readConfiguration(flags: FlagValues, io: Io): Promise<Configuration> {
  const file = text(flags, 'config')
  if (file === undefined) return { carried: [] }
  const { text: content, name } = await readInput(file, io, true)
  const { configuration, problems } = parseConfiguration(content, name)
  const [first] = problems.filter(({ severity }) => severity === 'error')
  if (!first) return configuration
  const { formatProblem } = await import('../index.js')
  throw new UsageError(first.code, formatProblem(first), first.hint === undefined ? {} : { hint: first.hint })
}

/** @throws {@link WorkflowError} `KPKI_NOT_CONFIRMED`, `KPKI_INTERRUPTED` */
async function agree({ remove, does }: Listed, io: Io): Promise<void> {
  const keys = remove.filter(({ isSigningKey }) => isSigningKey).length
  const warning = keys > 0 ? ', keys of CAs among them' : ''
  const question = remove.length > 0 ? `${remove.length} files and directories go${warning}` : does.join('; ')
  const answer = await io.ask?.(`${question}. Do it? [y/N] `)
  if (/^y(es)?$/i.test(answer ?? '')) return
  if (io.signal.aborted) throw new WorkflowError('KPKI_INTERRUPTED', 'interrupted; nothing was removed')
  const message = answer === undefined ? 'nobody is here to agree: there is no terminal' : 'nobody has agreed'
  throw new WorkflowError('KPKI_NOT_CONFIRMED', `${message}; nothing was removed`, {
    hint: 'with --force nobody is asked; --dry-run only looks',
  })
}
