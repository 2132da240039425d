import { type Asked, type ClusterFacts, type Context, type Role, resolveDescription } from '../index.js'
import { DiskStore, fileNotFound, findTree } from '../node.js'
import type { Invocation } from './command.js'
import { factsOf, listeningContext, refuseProblems } from './description.js'
import { type FlagValues, text } from './flags.js'
import { readInput } from './input.js'
import type { Io } from './io.js'

const DEFAULT_DIR = '/etc/kubernetes'

/** A tree that a command line names, and what it asks of it. */
export interface OpenedTree {
  readonly store: DiskStore
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
 * Opens the tree of {@link WHOLE_TREE_FLAGS}, with what description flags and `--config` state about it.
 *
 * @throws {@link StoreError} `KPKI_FILE_NOT_FOUND` when there is no such directory; {@link UsageError} with every error of the
 *   description when there are several
 */
export async function openTree(invocation: Invocation, io: Io): Promise<OpenedTree> {
  const { context, warnings, notes } = listeningContext(invocation, io)
  const asked = await readAsked(invocation, io, context)
  const { store, name } = await openStore(invocation.flags)
  return { store, name, asked, context, warnings, notes }
}

/**
 * What is stated about a tree. Its node and address are not looked for on this host, which may be another one.
 *
 * @throws {@link UsageError} with every error when there are several
 */
export async function readAsked({ flags }: Invocation, io: Io, context: Context): Promise<Asked> {
  const config = text(flags, 'config')
  const file = config === undefined ? undefined : await readInput(config, io, true)
  // Stand-ins that nothing can be said against (RFC 5737), so that everything that is stated is judged.
  const host = { hostname: 'node', defaultAddress: { address: '192.0.2.1', interface: '' } }
  const description = await resolveDescription({ ...(file ? { file } : {}), flags: factsOf(flags), host }, context)
  const { facts, origins, role: described } = description
  const isStated = ([name]: [string, unknown]) => origins[name as keyof ClusterFacts].kind !== 'detected'
  const stated: Partial<ClusterFacts> = Object.fromEntries(Object.entries(facts).filter(isStated))
  // What is doubtful only beside a default is not said: the tree may have another value.
  const problems = description.problems.filter(
    ({ severity, field }) =>
      severity === 'error' ||
      ((field !== 'controlPlaneEndpoint' || stated.bindPort !== undefined) &&
        (field !== 'encryptionAlgorithm' || stated.kubernetesVersion !== undefined)),
  )
  refuseProblems({ ...description, problems }, context)
  const role = (text(flags, 'role') as Role | undefined) ?? described
  return { facts: stated, ...(role === undefined ? {} : { role }) }
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
  return { store: new DiskStore(found.dir, { ...found.options, links: 'inside' }), name: found.dir }
}
