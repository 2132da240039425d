import {
  type Context,
  type ControlPlane,
  clusterObjects,
  type Hands,
  HOST_PHASES,
  type HostTraits,
  INIT_PHASES,
  type InitRun,
  OPTIONAL_CA_DIRS,
  type Patch,
  type PhaseResult,
  planPhases,
  prepareRender,
  readPatches,
  rehearsePhases,
  renderHost,
  UsageError,
  WorkflowError,
  type WrittenManifests,
  writeManifests,
} from '../index.js'
import { directoryHost, directoryStore, nodeHost } from '../node.js'
import type { Invocation, Run } from './command.js'
import { describeControlPlane } from './control-plane.js'
import { listeningContext } from './description.js'
import { describeRehearsal, formatRehearsal } from './dry-run-text.js'
import { type FlagValues, list, text } from './flags.js'
import { formatPhase } from './init-text.js'
import { EXIT, type Io } from './io.js'
import { describePhases } from './phase-results.js'
import { formatStructured, isStructured, OUTPUT_VERSION } from './structured.js'
import { type Terminal, terminalOf, wrap } from './terminal.js'

/** `kpki render`: a host below a directory. */
export const runRender: Run = async (invocation, io) => {
  const { flags } = invocation
  const { context, warnings, notes } = listeningContext(invocation, io)
  const root = text(flags, 'root')
  if (root === undefined)
    throw new UsageError('KPKI_USAGE', "render needs --root DIR, the directory that stands for the host's /", {
      hint: 'see kpki render --help',
    })
  refuseWithout(flags)
  const controlPlane = await describeHost(invocation, io, context)
  const hands = await openRoot(root, controlPlane, context, io)
  const skip = controlPlane.skipPhases
  const run = await prepareRender(controlPlane, hands, {
    as: text(flags, 'as') === 'systemd' ? 'systemd' : 'static-pods',
    overwrite: flags['overwrite'] === true,
    skip,
    traits: traitsOf(flags),
    patches: await patchesOf(controlPlane, context, io),
  })
  if (flags['dry-run'] === true) return rehearse(run, { hands, skip, invocation, io, warnings, notes })
  const output = text(flags, 'output')
  const isText = !isStructured(output) && flags['quiet'] !== true
  const terminal = terminalOf(io)
  const results = await renderHost(run, hands, {
    skip,
    command: `kpki ${invocation.path}`,
    observe: event => {
      if (event.type === 'ended' && isText) io.stdout(formatPhase(event.result, terminal))
    },
  })
  const manifests = await manifestsOf(run, { hands, skip, flags })
  if (isStructured(output)) {
    io.stdout(formatStructured({ ...renderResult(root, run, results, manifests), warnings, notes }, output))
  } else if (isText)
    io.stdout(formatEnd(root, results, { manifests, withSecrets: flags['with-secrets'] === true }, terminal))
  return EXIT.done
}

/** Flags that would do nothing. @throws {@link UsageError} `KPKI_USAGE` */
function refuseWithout(flags: FlagValues): void {
  const manifests = text(flags, 'manifests')
  if (flags['with-secrets'] === true && manifests === undefined)
    throw new UsageError('KPKI_USAGE', '--with-secrets is about the objects that --manifests DIR writes', {
      hint: 'add --manifests DIR, or leave --with-secrets out',
    })
  if (flags['dry-run'] === true && manifests !== undefined)
    throw new UsageError('KPKI_USAGE', 'a dry run shows the host, and nothing of --manifests', {
      hint: 'leave one of them out; kpki init --dry-run shows the objects, too',
    })
  for (const dir of list(flags, 'ca-dirs')) {
    if (OPTIONAL_CA_DIRS.includes(dir.replace(/(?<=.)\/+$/, ''))) continue
    throw new UsageError('KPKI_USAGE', `--ca-dirs: ${dir} is none of the directories that kubeadm mounts`, {
      details: { value: dir },
      hint: `they are ${OPTIONAL_CA_DIRS.join(', ')}; others are extraVolumes of the description`,
    })
  }
}

/** @throws {@link UsageError} `KPKI_USAGE` for what would be found out about this machine */
async function describeHost(invocation: Invocation, io: Io, context: Context): Promise<ControlPlane> {
  const { description, controlPlane } = await describeControlPlane(invocation, io, context)
  const { nodeName, advertiseAddress } = description.origins
  const detected = [
    ...(nodeName.kind === 'detected' ? ['--node-name (nodeRegistration.name)'] : []),
    ...(advertiseAddress.kind === 'detected'
      ? ['--apiserver-advertise-address (localAPIEndpoint.advertiseAddress)']
      : []),
  ]
  if (detected.length === 0) return controlPlane
  throw new UsageError(
    'KPKI_USAGE',
    `render makes another host than this one, and was not told ${detected.join(' and ')}`,
    {
      details: { missing: detected },
      hint: 'say it with the flag or in --config; kpki init writes on this host',
    },
  )
}

async function openRoot(root: string, controlPlane: ControlPlane, context: Context, io: Io): Promise<Hands> {
  const { certificatesDir } = controlPlane.cluster
  return {
    host: directoryHost(root),
    store: await directoryStore(root, { certificatesDir }),
    context,
    signal: io.signal,
    connect: () => Promise.reject(new WorkflowError('KPKI_INTERNAL', 'what is rendered has no cluster')),
  }
}

function traitsOf(flags: FlagValues): HostTraits {
  const named = list(flags, 'ca-dirs').map(dir => dir.replace(/(?<=.)\/+$/, ''))
  // A host that has /etc/pki/tls/certs has /etc/pki, which is what older versions mount.
  const caDirs = OPTIONAL_CA_DIRS.filter(dir => named.some(each => each === dir || each.startsWith(`${dir}/`)))
  return {
    ...(caDirs.length > 0 ? { caDirs } : {}),
    ...(flags['systemd-resolved'] === true ? { usesSystemdResolved: true } : {}),
  }
}

/** Of this machine: the host has none yet. */
async function patchesOf({ patchesDir }: ControlPlane, context: Context, io: Io): Promise<readonly Patch[]> {
  if (patchesDir === undefined) return []
  const { patches, notes } = await readPatches(nodeHost({ env: io.env }), patchesDir)
  for (const message of notes) context.log({ level: 'warning', message })
  return patches
}

interface Rendering {
  readonly hands: Hands
  readonly skip: readonly string[]
}

async function rehearse(
  run: InitRun,
  {
    hands,
    skip,
    invocation,
    io,
    warnings,
    notes,
  }: Rendering & {
    readonly invocation: Invocation
    readonly io: Io
    readonly warnings: readonly string[]
    readonly notes: readonly string[]
  },
): Promise<number> {
  const { flags, path } = invocation
  const rehearsal = await rehearsePhases(
    planPhases(INIT_PHASES, run, { only: HOST_PHASES, skip }),
    run.controlPlane.cluster,
    hands,
  )
  const view = { store: hands.store, command: `kpki ${path}` }
  const output = text(flags, 'output')
  if (isStructured(output)) {
    const shape = { apiVersion: OUTPUT_VERSION, kind: 'InitRehearsal', ...describeRehearsal(rehearsal, view) }
    io.stdout(formatStructured({ ...shape, warnings, notes }, output))
  } else if (flags['quiet'] !== true) io.stdout(formatRehearsal(rehearsal, view, terminalOf(io)))
  const isRefused = rehearsal.conflicts.length > 0 || rehearsal.findings.some(({ severity }) => severity === 'error')
  return isRefused ? EXIT.failed : EXIT.done
}

async function manifestsOf(
  run: InitRun,
  { hands, skip, flags }: Rendering & { readonly flags: FlagValues },
): Promise<WrittenManifests | undefined> {
  const dir = text(flags, 'manifests')
  if (dir === undefined) return undefined
  const objects = await clusterObjects(run, hands, { skip })
  const { context } = hands
  return writeManifests(
    objects,
    run.controlPlane,
    { host: directoryHost(dir), context },
    {
      withSecrets: flags['with-secrets'] === true,
      overwrite: flags['overwrite'] === true,
    },
  )
}

function renderResult(
  root: string,
  run: InitRun,
  results: readonly PhaseResult[],
  manifests: WrittenManifests | undefined,
) {
  const { nodeName, kubernetesVersion } = run.controlPlane.cluster
  return {
    apiVersion: OUTPUT_VERSION,
    kind: 'RenderResult',
    root,
    nodeName,
    kubernetesVersion: kubernetesVersion.text,
    as: run.as,
    phases: describePhases(results),
    ...(manifests === undefined ? {} : { manifests: { written: manifests.written, unchanged: manifests.unchanged } }),
  }
}

function formatEnd(
  root: string,
  results: readonly PhaseResult[],
  { manifests, withSecrets }: { readonly manifests: WrittenManifests | undefined; readonly withSecrets: boolean },
  { columns, show }: Terminal,
): string {
  const made = results.flatMap(result => result.made).length
  // Where both were skipped, other runs may have made them, and this one does not know.
  const hasKeys = results.some(({ path, state }) => /^(?:certs|kubeconfig)\//.test(path) && state !== 'skipped')
  const secrecy = hasKeys ? ' Its keys are in there: it is as secret as a control plane.' : ''
  const host =
    made > 0
      ? `Done: the host is below ${show(root)}.${secrecy}`
      : `The host below ${show(root)} is as described; nothing was changed.`
  const leftOut = manifests?.leftOut ?? 0
  const secrets =
    leftOut > 0
      ? ` ${leftOut} ${leftOut === 1 ? 'Secret was' : 'Secrets were'} left out; --with-secrets writes them.`
      : ''
  const files = [...(manifests?.written ?? []), ...(manifests?.unchanged ?? [])]
  const none =
    withSecrets && !files.some(path => path.endsWith('/secrets.yaml'))
      ? ' No Secret is among them: the description names no bootstrap token.'
      : ''
  const objects =
    manifests === undefined
      ? ''
      : ` Objects of its cluster: ${manifests.written.length} files written, ${manifests.unchanged.length} unchanged.${secrets}${none}`
  return `\n${wrap(host + objects, columns).join('\n')}\n`
}
