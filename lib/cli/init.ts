import {
  type ControlPlane,
  findPhases,
  formatCertificateKey,
  INIT_PHASES,
  type InitRun,
  type PhaseResult,
  type PlannedPhase,
  planPhases,
  prepareInit,
  rehearsePhases,
  runPhases,
  serverOf,
} from '../index.js'
import type { Invocation, Run } from './command.js'
import { listeningContext } from './description.js'
import { describeRehearsal, formatRehearsal } from './dry-run-text.js'
import { type FlagValues, list, text } from './flags.js'
import { describeForHost, handsOf, hostInWork } from './init-host.js'
import { formatObjects, initResult, joinCommands, objectsOf } from './init-result.js'
import { formatEnd, formatKey, formatPhase, type InitEnd } from './init-text.js'
import { EXIT, type Io } from './io.js'
import { formatStructured, isStructured, OUTPUT_VERSION } from './structured.js'
import { terminalOf } from './terminal.js'

/** `kpki init` and `kpki init phase …`. */
export const runInit: Run = async (invocation, io) => {
  const { flags, args, path } = invocation
  const isPhase = path === 'init phase'
  // A name that is none is said before anything is looked at.
  const only = (isPhase ? [args.join('/')] : list(flags, 'only')).flatMap(name => findPhases(name, INIT_PHASES))
  const { context, warnings, notes } = listeningContext(invocation, io)
  const inWork = await hostInWork(io, context)
  const controlPlane = await describeForHost(invocation, io, context, inWork.host)
  // Who names a phase means it, whatever the description leaves out; the flag counts always.
  const skip = isPhase && flags['skip-phases'] === undefined ? [] : controlPlane.skipPhases
  for (const name of skip) findPhases(name, INIT_PHASES)
  const hands = handsOf(await inWork.open(controlPlane), invocation, io, context)
  try {
    const run = await prepareInit(controlPlane, hands, {
      skip,
      as: text(flags, 'as') === 'systemd' ? 'systemd' : 'static-pods',
      overwrite: flags['overwrite'] === true,
      uploadCerts: flags['upload-certs'] === true || (isPhase && only.includes('upload-certs')),
    })
    const planned = planPhases(INIT_PHASES, run, { only, skip })
    const output = text(flags, 'output')
    const isDryRun = flags['dry-run'] ?? controlPlane.configuration.InitConfiguration?.dryRun
    if (isDryRun === true) return await rehearse(planned)
    const isOffline = isPhase && text(flags, 'kubeconfig') === undefined
    if (isOffline && isStructured(output) && planned.some(({ isInCluster }) => isInCluster)) {
      const { objects, notes: missing } = await objectsOf(planned, hands)
      // There is no place for them among objects.
      if (flags['quiet'] !== true) for (const note of missing) io.stderr(`kpki: ${terminalOf(io).show(note)}\n`)
      if (objects.some(({ kind }) => kind === 'Secret')) warnOfReaders(SECRET_OBJECTS, invocation, io)
      io.stdout(formatObjects(objects, output), true)
      return EXIT.done
    }
    const results = await runPhases(INIT_PHASES, run, hands, {
      only,
      skip,
      command: 'kpki init',
      observe: event => {
        if (event.type === 'ended' && isTold(invocation)) io.stdout(formatPhase(event.result, terminalOf(io)))
      },
    })
    const commands = joinCommands(results, flags)
    const key = newKeyOf(results, run, controlPlane, flags)
    const server = serverOf('admin.conf', run.controlPlane.cluster, 'init')
    if (key !== undefined || Object.values(commands).some(holdsSecret)) warnOfReaders(SECRET_COMMANDS, invocation, io)
    if (isStructured(output)) {
      io.stdout(
        formatStructured({ ...initResult(results, { commands, key }, run, server), warnings, notes }, output),
        true,
      )
    } else if (isTold(invocation)) {
      const adminConf = hands.store.locate('admin.conf')
      io.stdout(
        endOf(results, { commands, key, server, adminConf, hasUploaded: run.uploadCerts !== undefined }, io),
        true,
      )
    }
    return EXIT.done

    async function rehearse(phases: readonly PlannedPhase[]): Promise<number> {
      const rehearsal = await rehearsePhases(phases, run.controlPlane.cluster, hands)
      const view = { store: hands.store, command: `kpki ${[path, ...args].join(' ')}` }
      if (isStructured(output)) {
        const shape = { apiVersion: OUTPUT_VERSION, kind: 'InitRehearsal', ...describeRehearsal(rehearsal, view) }
        io.stdout(formatStructured({ ...shape, warnings, notes }, output))
      } else if (isTold(invocation)) io.stdout(formatRehearsal(rehearsal, view, terminalOf(io)))
      const isRefused =
        rehearsal.conflicts.length > 0 || rehearsal.findings.some(({ severity }) => severity === 'error')
      return isRefused ? EXIT.failed : EXIT.done
    }
  } finally {
    hands.close()
  }
}

function isTold({ flags }: Invocation): boolean {
  return !isStructured(text(flags, 'output')) && flags['quiet'] !== true
}

const SECRET_COMMANDS =
  'the commands that join hosts hold secrets, and others can read the file that they go to; --skip-token-print and --skip-certificate-key-print leave them out'
const SECRET_OBJECTS = 'the objects hold a bootstrap token, and others can read the file that they go to'

/** One that is withheld begins with a bracket. */
function holdsSecret(command: string | undefined): boolean {
  return /--(?:token|certificate-key) [a-z0-9]/.test(command ?? '')
}

function warnOfReaders(what: string, { flags }: Invocation, io: Io): void {
  if (io.stdoutIsExposed && flags['quiet'] !== true) io.stderr(`kpki: warning: ${what}\n`)
}

/** A key that nobody knows yet, because nobody gave it. */
function newKeyOf(
  results: readonly PhaseResult[],
  { uploadCerts }: InitRun,
  { certificateKey }: ControlPlane,
  flags: FlagValues,
): string | undefined {
  const isUploaded = results.some(({ path, state }) => path === 'upload-certs' && state === 'done')
  const isNew = isUploaded && certificateKey === undefined && flags['skip-certificate-key-print'] !== true
  return isNew && uploadCerts ? formatCertificateKey(uploadCerts) : undefined
}

function endOf(results: readonly PhaseResult[], end: Omit<InitEnd, 'isChanged'>, io: Io): string {
  const terminal = terminalOf(io)
  // A part of a run ends when it ends.
  if (end.commands.worker === undefined) return end.key === undefined ? '' : formatKey(end.key, terminal)
  return formatEnd({ ...end, isChanged: results.some(({ state }) => state === 'done') }, terminal)
}
