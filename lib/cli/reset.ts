import {
  type Configuration,
  findPhases,
  formatTar,
  type Host,
  MAX_INPUT_BYTES,
  parseConfiguration,
  RESET_PHASES,
  type ResetOptions,
  type ResetRun,
  runPhases,
  surveyReset,
  UsageError,
  WorkflowError,
} from '../index.js'
import { createFile } from '../node.js'
import type { Invocation, Run } from './command.js'
import { listeningContext } from './description.js'
import { type FlagValues, list, text } from './flags.js'
import { formatPhase } from './init-text.js'
import { readInput } from './input.js'
import { EXIT, type Io, type OpenedHost } from './io.js'
import { fileExistsAlready } from './new-file.js'
import { formatResetEnd, formatSurvey, resetResult, withoutList } from './reset-text.js'
import { formatStructured, isStructured } from './structured.js'
import { terminalOf } from './terminal.js'

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
  const { flags } = invocation
  const { context, warnings, notes } = listeningContext(invocation, io)
  const order = await readOrder(invocation, io)
  const opened = await openHost(io)
  const { host } = opened
  const run = await surveyReset(host, context, order.options)
  const terminal = terminalOf(io)
  const output = text(flags, 'output')
  const isText = !isStructured(output) && flags['quiet'] !== true
  const selection = { only: order.only, skip: order.skip }
  if (order.isDryRun) {
    if (isStructured(output))
      io.stdout(formatStructured({ ...resetResult(run, [], { host, isDryRun: true }), warnings, notes }, output))
    else if (isText) io.stdout(formatSurvey(run, host, terminal, 'Dry run, nothing was touched'))
    return EXIT.done
  }
  if (run.remove.length > 0 && isText) io.stderr(formatSurvey(run, host, terminal))
  if (run.remove.length > 0 && !order.isAgreed) await agree(run, io)
  const backup = text(flags, 'backup')
  if (backup !== undefined) await packUp(backup, run, host, context.clock())
  const hands = { ...opened, context, signal: io.signal }
  const results = await runPhases(RESET_PHASES, run, hands, {
    ...selection,
    command: 'kpki reset',
    observe: event => {
      if (event.type === 'ended' && isText) io.stdout(formatPhase(withoutList(event.result, run, host), terminal))
    },
  })
  const isCleaned = results.some(({ path, state }) => path === 'cleanup-node' && state !== 'skipped')
  if (isStructured(output)) {
    const facts = { host, isDryRun: false, ...(backup === undefined ? {} : { backup }) }
    io.stdout(formatStructured({ ...resetResult(run, results, facts), warnings, notes }, output))
  } else if (isText) io.stdout(formatResetEnd(run, { isCleaned, backup }, terminal))
  return EXIT.done
}

async function openHost(io: Io): Promise<OpenedHost> {
  if (io.host) return io.host
  const { DiskStore, nodeHost } = await import('../node.js')
  const connect = () => Promise.reject(new WorkflowError('KPKI_INTERNAL', 'a reset asks no cluster'))
  return { host: nodeHost({ env: io.env }), store: new DiskStore('/etc/kubernetes'), connect }
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
  const certificatesDir = text(flags, 'cert-dir') ?? (reset.certificatesDir || cluster.certificatesDir || undefined)
  if (certificatesDir !== undefined && !certificatesDir.startsWith('/'))
    throw new UsageError('KPKI_USAGE', `--cert-dir ${certificatesDir} is not absolute`, {
      hint: 'name it from / on: what is removed must not depend on where this is run',
    })
  const criSocket =
    text(flags, 'cri-socket') ?? (reset.criSocket || rest.InitConfiguration?.nodeRegistration?.criSocket || undefined)
  return {
    options: {
      ...(certificatesDir === undefined ? {} : { certificatesDir: certificatesDir.replace(/(?<=.)\/+$/, '') }),
      ...(criSocket === undefined ? {} : { criSocket: criSocket.includes('://') ? criSocket : `unix://${criSocket}` }),
      cleanupTmpDir: flags['cleanup-tmp-dir'] === true || reset.cleanupTmpDir === true,
      keepPki: flags['keep-pki'] === true,
      keepEtcd: skip.includes('remove-etcd-member'),
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
async function agree({ remove }: ResetRun, io: Io): Promise<void> {
  const keys = remove.filter(({ isSigningKey }) => isSigningKey).length
  const warning = keys > 0 ? ', keys of CAs among them' : ''
  const answer = await io.ask?.(`${remove.length} files and directories go${warning}. Do it? [y/N] `)
  if (/^y(es)?$/i.test(answer ?? '')) return
  if (io.signal.aborted) throw new WorkflowError('KPKI_INTERRUPTED', 'interrupted; nothing was removed')
  const message = answer === undefined ? 'nobody is here to agree: there is no terminal' : 'nobody has agreed'
  throw new WorkflowError('KPKI_NOT_CONFIRMED', `${message}; nothing was removed`, {
    hint: 'with --force nobody is asked; --dry-run only looks',
  })
}

/** What makes up the host: certificates, kubeconfigs, manifests, configurations; not what runs on it. */
async function packUp(path: string, { remove }: ResetRun, host: Host, now: Date): Promise<void> {
  const files = new Map<string, { readonly bytes: Uint8Array; readonly mode: number }>()
  for (const { path: place, type } of remove) {
    const entry = type === 'file' ? await host.look(place) : undefined
    if (entry?.type !== 'file' || entry.size > MAX_INPUT_BYTES) continue
    const bytes = await host.read(place)
    if (bytes) files.set(place.slice(1), { bytes, mode: entry.mode & 0o777 })
  }
  try {
    await createFile(path, formatTar(files, now), 0o600)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'KPKI_FILE_EXISTS') throw fileExistsAlready(path)
    throw error
  }
}
