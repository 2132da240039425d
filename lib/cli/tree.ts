import {
  type Asked,
  type ClusterFacts,
  type Context,
  EncodingError,
  FACT_FIELDS,
  type FlagFacts,
  type Role,
  readTreeArchive,
  resolveDescription,
  type Store,
  UsageError,
} from '../index.js'
import { DiskStore, fileNotFound, findTree, isRegularFile, readPieces } from '../node.js'
import type { Invocation } from './command.js'
import { factsOf, listeningContext, refuseProblems } from './description.js'
import { type FlagValues, text } from './flags.js'
import { readInput } from './input.js'
import type { Io } from './io.js'

const DEFAULT_DIR = '/etc/kubernetes'

/** An archive that comes by standard input is held in memory as a whole. */
const MAX_STDIN_BYTES = 64 * 1024 * 1024

/** A tree that a command line names, and what it asks of it. */
export interface OpenedTree<S extends Store = Store> {
  readonly store: S
  /** What people call it, e.g. `/etc/kubernetes`. */
  readonly name: string
  /** What flags and `--config` state; nothing else. */
  readonly asked: Asked
  readonly context: Context
  /** What the run has had to say so far, for structured output. */
  readonly warnings: readonly string[]
  readonly notes: readonly string[]
}

/**
 * Opens the tree of {@link WHOLE_TREE_FLAGS}, with what description flags and `--config` state about it: a directory, or an archive
 * of one, `-` for one that comes by standard input. For commands that write nothing.
 *
 * @throws {@link StoreError} `KPKI_FILE_NOT_FOUND` when there is no such directory; {@link EncodingError}
 *   `KPKI_ARCHIVE_INVALID`, `KPKI_NOTHING_FOUND`; {@link UsageError} with every error of the description when there are several
 */
export async function openTree(invocation: Invocation, io: Io): Promise<OpenedTree> {
  const { flags } = invocation
  const { context, warnings, notes } = listeningContext(invocation, io)
  const archive = await archiveOf(flags)
  const asked = await readAsked(invocation, io, context)
  if (archive === undefined) return { ...(await openStore(flags)), asked, context, warnings, notes }
  const store =
    archive === '-'
      ? await readTreeArchive(standardInput(io), 'standard input')
      : await readTreeArchive(readPieces(archive), archive)
  return { store, name: archive === '-' ? 'standard input' : archive, asked, context, warnings, notes }
}

/**
 * As {@link openTree}, for commands that write: the tree is a directory.
 *
 * @throws as {@link openTree}, and {@link UsageError} `KPKI_USAGE` for an archive
 */
export async function openWritableTree(invocation: Invocation, io: Io): Promise<OpenedTree<DiskStore>> {
  const { context, warnings, notes } = listeningContext(invocation, io)
  const archive = await archiveOf(invocation.flags)
  const asked = await readAsked(invocation, io, context)
  if (archive !== undefined)
    throw new UsageError('KPKI_USAGE', 'the tree is an archive, in which nothing can be changed', {
      hint: 'unpack it, and name the directory: tar -x -f FILE -C DIR',
    })
  return { ...(await openStore(invocation.flags)), asked, context, warnings, notes }
}

async function archiveOf(flags: FlagValues): Promise<string | undefined> {
  const dir = text(flags, 'dir')
  const isArchive = dir !== undefined && (dir === '-' || (await isRegularFile(dir)))
  const parts = ['cert-dir', 'kubeconfig-dir', 'kubelet-dir'].filter(name => flags[name] !== undefined)
  if (isArchive && parts.length > 0)
    throw new UsageError('KPKI_USAGE', `--${parts[0]} names a directory, and the tree is in an archive`, {
      hint: 'leave it out: the parts of a tree are found in the archive by their names',
    })
  if (dir === '-' && text(flags, 'config') === '-')
    throw new UsageError('KPKI_USAGE', '--dir and --config both name standard input, which can be read once', {
      hint: 'write one of them to a file',
    })
  return isArchive ? dir : undefined
}

async function* standardInput(io: Io): AsyncGenerator<Uint8Array> {
  const bytes = await io.readStdin(MAX_STDIN_BYTES)
  if (bytes.length > MAX_STDIN_BYTES)
    throw new EncodingError('KPKI_INPUT_TOO_LARGE', 'standard input is larger than 64 MiB', {
      hint: 'write the archive to a file, and name that: --dir host.tar',
    })
  yield bytes
}

/** kubeadm's name of the list that the flag adds to. */
const NAME_LIST = FACT_FIELDS.apiServerCertSans

/**
 * What is stated about a tree. Its node and address are not looked for on this host, which may be another one.
 *
 * @throws {@link UsageError} with every error when there are several
 */
async function readAsked({ flags }: Invocation, io: Io, context: Context): Promise<Asked> {
  const config = text(flags, 'config')
  const file = config === undefined ? undefined : await readInput(config, io, true)
  // Stand-ins that nothing can be said against (RFC 5737), so that everything that is stated is judged.
  const host = { hostname: 'node', defaultAddress: { address: '192.0.2.1', interface: '' } }
  const resolve = (given: FlagFacts) => resolveDescription({ ...(file ? { file } : {}), flags: given, host }, context)
  const whole = await resolve(factsOf(flags))
  // A file lists names; the flag adds some.
  const { apiServerCertSans: names, ...others } = factsOf(flags)
  const added = names === undefined ? [] : (whole.facts.apiServerCertSans ?? [])
  const description = added.length === 0 ? whole : await resolve(others)
  const { facts, origins, role: described } = description
  const isStated = ([name]: [string, unknown]) => {
    const { kind } = origins[name as keyof ClusterFacts]
    return kind !== 'detected' && !(name === 'apiServerCertSans' && kind === 'flag')
  }
  const stated: Partial<ClusterFacts> = Object.fromEntries(Object.entries(facts).filter(isStated))
  // What is doubtful only beside a default is not said: the tree may have another value.
  const ofList = added.length === 0 ? [] : description.problems.filter(({ field }) => field.startsWith(NAME_LIST))
  const problems = [...ofList, ...whole.problems].filter(
    ({ severity, field }) =>
      severity === 'error' ||
      ((field !== 'controlPlaneEndpoint' || stated.bindPort !== undefined) &&
        (field !== 'encryptionAlgorithm' || stated.kubernetesVersion !== undefined)),
  )
  refuseProblems({ ...description, problems }, context)
  const role = (text(flags, 'role') as Role | undefined) ?? described
  return {
    facts: stated,
    ...(added.length > 0 ? { adds: { apiServerCertSans: added } } : {}),
    ...(role === undefined ? {} : { role }),
    ...(file ? { from: file.name } : {}),
  }
}

/** @throws {@link StoreError} `KPKI_FILE_NOT_FOUND` when none of the tree's directories is there */
async function openStore(flags: FlagValues): Promise<{ readonly store: DiskStore; readonly name: string }> {
  const dir = text(flags, 'dir') ?? DEFAULT_DIR
  const named = {
    certDir: text(flags, 'cert-dir'),
    kubeconfigDir: text(flags, 'kubeconfig-dir'),
    kubeletDir: text(flags, 'kubelet-dir'),
  }
  const given = Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined))
  const found = await findTree(dir, given)
  if (!found) throw fileNotFound(dir, 'name the tree with --dir, or make one: kpki gen all --help')
  return {
    store: new DiskStore(found.dir, { ...found.options, links: 'inside' }),
    name: found.options.kubeconfigDir ?? found.dir,
  }
}
