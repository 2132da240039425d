import { type Cluster, type ClusterFacts, type Context, parseCluster, type Role, UsageError } from '../index.js'
import { detectDefaultAddress, detectHostName } from '../node.js'
import type { Invocation } from './commands.js'
import { DESCRIPTION_FLAGS, text } from './flags.js'
import type { Io } from './io.js'

/** The clock of a run: the system's, or the moment named with `--now`. */
export function parseClock(value: string | undefined): () => Date {
  const moment = new Date(value ?? Date.now())
  if (
    value !== undefined &&
    (!/^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/.test(value) ||
      Number.isNaN(moment.getTime()))
  ) {
    throw new UsageError('KPKI_USAGE', `--now: ${value} is not a time`, {
      hint: 'write it as RFC 3339, e.g. 2027-01-31T12:00:00Z',
    })
  }
  return () => moment
}

/** The cluster that the command line describes. */
export async function describeCluster(
  { flags }: Invocation,
  _io: Io,
  context: Context,
): Promise<{ cluster: Cluster; role: Role | undefined }> {
  const facts: Record<string, unknown> = {}
  for (const [name, { fact }] of Object.entries(DESCRIPTION_FLAGS))
    if (flags[name] !== undefined) facts[fact] = fact === 'bindPort' ? Number(text(flags, name)) : flags[name]
  facts['nodeName'] ??= detectHostName()
  facts['advertiseAddress'] ??= (await detectDefaultAddress())?.address
  return { cluster: parseCluster(facts as unknown as ClusterFacts, context), role: undefined }
}
