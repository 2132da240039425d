import {
  type Cluster,
  type Context,
  type ControlPlane,
  checkComponents,
  type Description,
  HOST_FLAG_ROWS,
  type HostFlagName,
  type HostFlagRow,
  type HostFlags,
  MINORS,
  parseVersion,
  resolveControlPlane,
} from '../index.js'
import type { Invocation } from './command.js'
import { describeCluster, refuseProblems } from './description.js'
import { type FlagValues, HOST_FLAGS, text } from './flags.js'
import { readSecret } from './input.js'
import type { Io } from './io.js'
import { warnOfProcesses } from './secrets.js'

/** A control plane as the command line describes it. */
export interface DescribedControlPlane {
  readonly description: Description & { readonly cluster: Cluster }
  readonly controlPlane: ControlPlane
  readonly flags: HostFlags
}

/**
 * The control plane that the command line and its `--config` describe; what was detected and what is doubtful goes to the log.
 *
 * @param options - `criSocket` as it was found on the host
 * @throws {@link UsageError} with every error when there are several
 */
export async function describeControlPlane(
  invocation: Invocation,
  io: Io,
  context: Context,
  options: { readonly criSocket?: string } = {},
): Promise<DescribedControlPlane> {
  const description = await describeCluster(invocation, io, context, asControlPlane)
  const flags = await readHostFlags(invocation, io)
  const { controlPlane, problems } = resolveControlPlane(description, { ...options, flags })
  // What is doubtful about its components is said once it is known what host it is for.
  const broken = (controlPlane ? checkComponents(description, controlPlane) : []).filter(
    ({ severity }) => severity === 'error',
  )
  refuseProblems({ ...description, problems: [...problems, ...broken] }, context)
  if (!controlPlane) throw new TypeError('a description without errors has a control plane')
  return { description, controlPlane, flags }
}

/** A description that is to be a control plane: the first host of its cluster, of a version that is known. */
function asControlPlane(description: Description): Description {
  const { problems, role, facts, locate } = description
  const version = facts.kubernetesVersion ?? ''
  // That a version which is refused would be taken for another one is not so.
  const isNewer = (parseVersion(version)?.minor ?? 0) > MINORS.newest
  const isTold = ({ severity, field }: (typeof problems)[number]) =>
    !isNewer || severity !== 'warning' || field !== 'kubernetesVersion'
  const told = problems.filter(isTold)
  if (role === undefined) return { ...description, problems: told }
  const problem = {
    severity: 'error',
    code: 'KPKI_CONFIG_KIND',
    field: '',
    message: 'a JoinConfiguration describes a host that joins a cluster, not the first one of it',
    hint: 'add an InitConfiguration',
    ...locate('JoinConfiguration', []),
  } as const
  return { ...description, problems: [...told, problem] }
}

/**
 * What flags of {@link HOST_FLAGS} say; secrets also come from files.
 *
 * @throws {@link UsageError} when a secret is given twice
 */
export async function readHostFlags(invocation: Invocation, io: Io): Promise<HostFlags> {
  const { flags } = invocation
  const secrets: Partial<Record<HostFlagName, string>> = {}
  for (const [host, row] of Object.entries(HOST_FLAG_ROWS) as [HostFlagName, HostFlagRow][]) {
    if (!row.isSecret) continue
    const name = row.flag.slice('--'.length)
    if (text(flags, name) !== undefined) warnOfProcesses(name.replace('-', ' '), `${row.flag}-file`, invocation, io)
    const secret = await readSecret(invocation, name, io)
    if (secret !== undefined) secrets[host] = secret
  }
  return { ...hostFlagsOf(flags), ...secrets }
}

function hostFlagsOf(flags: FlagValues): HostFlags {
  return Object.fromEntries(
    Object.entries(HOST_FLAGS).flatMap(([name, row]) => {
      const value = flags[name]
      return !('host' in row) || value === undefined || typeof value === 'boolean' ? [] : [[row.host, value]]
    }),
  )
}
