import type { ClusterApi, ObjectName } from '../access/api.js'
import { ApiError, KpkiError, NetworkError, StoreError, WorkflowError } from '../errors.js'
import type { KubernetesObject } from '../kubernetes/objects.js'

/**
 * Whether nobody knows if a change was made: the answer was lost, late or none of an API server, or an error of the server, which
 * may have come after the change.
 */
export function isUncertain(error: unknown): error is KpkiError {
  if (error instanceof ApiError) return Number(error.details['status']) >= 500
  if (error instanceof WorkflowError) return error.code === 'KPKI_INTERRUPTED'
  if (!(error instanceof NetworkError)) return false
  const { status, phase } = error.details
  const isRedirect = typeof status === 'number' && status >= 300 && status < 400
  return phase === 'head' || phase === 'body' || (error.code === 'KPKI_NET_RESPONSE' && !isRedirect)
}

/**
 * The Secret that was to be made, where the cluster has it: to the byte, so that nobody else can have made it.
 *
 * @returns `undefined` when it is not there, or is another one; `unknown` when the cluster cannot be asked
 */
export async function findOwn(
  { data }: KubernetesObject,
  name: ObjectName,
  api: ClusterApi,
): Promise<KubernetesObject | 'unknown' | undefined> {
  try {
    const found = await api.get(name)
    return found && isSame(found['data'], data) ? found : undefined
  } catch (error) {
    if (error instanceof KpkiError) return 'unknown'
    throw error
  }
}

function isSame(a: unknown, b: unknown): boolean {
  const [left, right] = [a, b].map(data =>
    JSON.stringify(Object.entries(Object(data)).sort(([x], [y]) => (x < y ? -1 : 1))),
  )
  return left === right
}

/**
 * An error that also says what it may have left behind; `details.mayExist` has it, as `namespace/name` of Secrets.
 *
 * @param remark - what may be there, the end of a sentence
 */
export function withRemains(error: unknown, names: readonly string[], remark: string, hint: string): unknown {
  if (!(error instanceof KpkiError) || names.length === 0) return error
  const { mayExist = [] } = error.details
  const all = [...(Array.isArray(mayExist) ? (mayExist as readonly string[]) : []), ...names]
  const message = `${error.message}; ${remark}`
  const options = { details: { ...error.details, mayExist: all }, hint, cause: error }
  if (error instanceof ApiError) return new ApiError(error.code, message, options)
  if (error instanceof NetworkError) return new NetworkError(error.code, message, options)
  if (error instanceof StoreError) return new StoreError(error.code, message, options)
  return error instanceof WorkflowError ? new WorkflowError(error.code, message, options) : error
}
