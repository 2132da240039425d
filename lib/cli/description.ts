import {
  type Cluster,
  type Context,
  type Description,
  type FlagFacts,
  formatProblem,
  resolveDescription,
  UsageError,
} from '../index.js'
import { createNodeContext, detectDefaultAddress, detectHostName } from '../node.js'
import type { Invocation } from './command.js'
import { DESCRIPTION_FLAGS, type FlagValues, text } from './flags.js'
import { readInput } from './input.js'
import type { Io } from './io.js'
import { createLog } from './main.js'

/**
 * The clock of a run, read once: the system's, or the moment named with `--now`.
 *
 * @param flag - named in errors. Default: `now`
 * @throws {@link UsageError} `KPKI_USAGE`
 */
export function parseClock(value: string | undefined, flag = 'now'): () => Date {
  const moment = value === undefined ? new Date() : new Date(value)
  const match = /^(\d{4})-(\d{2})-(\d{2})(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/.exec(value ?? '')
  // Date turns the 30th of February into the 2nd of March.
  const lastDay = match ? new Date(Date.UTC(Number(match[1]), Number(match[2]), 0)).getUTCDate() : 0
  if (Number.isNaN(moment.getTime()) || (value !== undefined && !(Number(match?.[3]) <= lastDay))) {
    throw new UsageError('KPKI_USAGE', `--${flag}: ${value} is not a time`, {
      hint: 'write it as RFC 3339, e.g. 2027-01-31T12:00:00Z',
    })
  }
  return () => moment
}

/** The context of a command with `--now`, and what its run has to say, for structured output. */
export function listeningContext(
  invocation: Invocation,
  io: Io,
): { readonly context: Context; readonly warnings: readonly string[]; readonly notes: readonly string[] } {
  const log = createLog(invocation, io)
  const warnings: string[] = []
  const notes: string[] = []
  const context = createNodeContext({
    clock: parseClock(text(invocation.flags, 'now')),
    log: event => {
      if (event.level === 'warning') warnings.push(event.message)
      if (event.level === 'info') notes.push(event.message)
      log(event)
    },
  })
  return { context, warnings, notes }
}

/** Everything that the command line and its `--config` say about a cluster, with all problems. */
export async function readDescription({ flags }: Invocation, io: Io, context: Context): Promise<Description> {
  const config = text(flags, 'config')
  const file = config === undefined ? undefined : await readInput(config, io, true)
  return resolveDescription(
    {
      ...(file ? { file } : {}),
      flags: factsOf(flags),
      host: { hostname: detectHostName, defaultAddress: detectDefaultAddress },
    },
    context,
  )
}

/**
 * The cluster that the command line describes; what was detected and what is doubtful goes to the log.
 *
 * @param judged - has a say about what is wrong with it. Default: it stays as it is
 * @throws {@link UsageError} with every error when there are several
 */
export async function describeCluster(
  invocation: Invocation,
  io: Io,
  context: Context,
  judged: (description: Description) => Description = description => description,
): Promise<Description & { readonly cluster: Cluster }> {
  const description = refuseProblems(judged(await readDescription(invocation, io, context)), context)
  const { cluster, origins } = description
  const { advertiseAddress } = origins
  if (advertiseAddress.kind === 'detected') {
    context.log({
      level: 'info',
      message: `advertise address ${cluster.advertiseAddress.text}, of ${advertiseAddress.from}`,
    })
  }
  return description
}

/**
 * A description that is usable; what is doubtful about it goes to the log.
 *
 * @throws {@link UsageError} with every error when there are several
 */
export function refuseProblems(
  description: Description,
  context: Context,
): Description & { readonly cluster: Cluster } {
  const { cluster, problems } = description
  for (const problem of problems) {
    if (problem.severity === 'warning') context.log({ level: 'warning', message: formatProblem(problem) })
  }
  const errors = problems.filter(({ severity }) => severity === 'error')
  const [first] = errors
  if (first || !cluster) {
    const { code, hint } = first ?? { code: 'KPKI_FIELD_VALUE' }
    throw new UsageError(code, first ? formatProblem(first) : 'the description is not usable', {
      details: { findings: errors.map(formatProblem), ...(first ? { field: first.field } : {}) },
      ...(hint === undefined ? {} : { hint }),
    })
  }
  return { ...description, cluster }
}

/** The facts that flags of the description give. */
export function factsOf(flags: FlagValues): FlagFacts {
  return Object.fromEntries(
    Object.entries(DESCRIPTION_FLAGS).flatMap(([name, { fact }]) => {
      const value = flags[name]
      return value === undefined || typeof value === 'boolean' ? [] : [[fact, value]]
    }),
  )
}
