import type { ClusterApi, ClusterConnection, Context } from '../index.js'
import { connectTo } from './connect.js'
import type { Io } from './io.js'

/** How long an interrupt waits for the answer to a change that is under way; and then for what takes back what was made. */
const GRACE_MS = 5_000

/**
 * A connection over which something can be taken back after an interrupt: what is under way may end for some seconds; then it is
 * cut, and there is as much time for further questions.
 */
export function connectToTakeBack(
  connection: ClusterConnection,
  io: Io,
  context: Context,
  graceMs = GRACE_MS,
): ClusterApi {
  const over = afterGrace(io.signal, graceMs)
  const first = connectTo(connection, io, context, over)
  let second: ClusterApi | undefined
  const current = () => {
    if (!over.aborted) return first
    // Of what the connection lacks, the first one has told.
    second ??= connectTo(connection, io, { ...context, log: () => {} }, AbortSignal.timeout(graceMs))
    return second
  }
  return {
    server: first.server,
    isVerified: first.isVerified,
    get: name => current().get(name),
    list: (kind, options) => current().list(kind, options),
    create: object => current().create(object),
    apply: (object, options) => current().apply(object, options),
    patch: (name, patch) => current().patch(name, patch),
    delete: name => current().delete(name),
    watch: (kind, options) => current().watch(kind, options),
    review: (path, object) => current().review(path, object),
    close: () => {
      first.close()
      second?.close()
    },
  }
}

/** A signal that comes some time after another one. */
function afterGrace(signal: AbortSignal, graceMs: number): AbortSignal {
  const late = new AbortController()
  const begin = () => AbortSignal.timeout(graceMs).addEventListener('abort', () => late.abort(), { once: true })
  if (signal.aborted) begin()
  else signal.addEventListener('abort', begin, { once: true })
  return late.signal
}
