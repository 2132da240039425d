import type { ClusterApi, ObjectName } from '../access/api.js'
import { formatBootstrapTokenSecret, secretNameOf, TOKEN_SECRETS } from '../access/bootstrap-token-secret.js'
import type { BootstrapTokenSpec } from '../access/bootstrap-token-spec.js'
import { ApiError, KpkiError } from '../errors.js'
import type { KubernetesObject } from '../kubernetes/objects.js'
import { stopIfInterrupted, unlessInterrupted } from './interruption.js'
import { findOwn, isUncertain, withRemains } from './uncertain.js'

/** Options of {@link createBootstrapTokens}. */
export interface CreateTokensOptions {
  /** Applied before the tokens are made. Default: none. */
  readonly objects?: readonly KubernetesObject[]
  /** Ask, but change nothing. Default: false. */
  readonly isDryRun?: boolean
  /** Stops between two steps; tokens that were made are taken back, over the same connection. Default: none. */
  readonly signal?: AbortSignal
}

/**
 * Makes tokens known to a cluster: all of them, or none. Where the answer to a question was lost, the cluster is asked what came
 * of it; a token that may be there and cannot be taken back is named in the error (its id, which is public) and in
 * `details.mayExist`.
 *
 * @throws {@link ApiError} `KPKI_API_EXISTS` when the cluster knows one of the ids already, found before anything is made; what
 *   the server refuses; {@link NetworkError}; {@link WorkflowError} `KPKI_INTERRUPTED`
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/bootstraptoken/node/token.go (CreateNewTokens)
 */
export async function createBootstrapTokens(
  tokens: readonly BootstrapTokenSpec[],
  api: ClusterApi,
  { objects = [], isDryRun = false, signal }: CreateTokensOptions = {},
): Promise<void> {
  for (const { token } of tokens)
    if (await unlessInterrupted(api.get(tokenObjectName(token.id)), signal)) throw exists(token.id, api)
  if (isDryRun) return
  const made: string[] = []
  const stop = () => stopIfInterrupted(signal, made.length === 0 ? 'no token was made' : TAKEN_BACK)
  try {
    for (const object of objects) {
      stop()
      await api.apply(object)
    }
    for (const spec of tokens) {
      stop()
      await createTokenSecret(spec, api)
      made.push(spec.token.id)
    }
    stop()
  } catch (error) {
    const left = await withdrawBootstrapTokens(made, api)
    const { id } = tokens[made.length]?.token ?? {}
    const isTaken = error instanceof KpkiError && error.code === 'KPKI_API_EXISTS' && id !== undefined
    throw withLeftTokens(isTaken ? exists(id, api, error) : error, left)
  }
}

const TAKEN_BACK = 'what was made is taken back'

/**
 * Makes the Secret of a token. A question whose answer was lost, or that the client had to ask twice, may have been answered:
 * then the Secret is there, and is ours to the byte; if it is not there, it is deleted, should it still come.
 *
 * @throws what the server refuses; when nobody knows what came of it, with `details.mayExist`
 */
export async function createTokenSecret(spec: BootstrapTokenSpec, api: ClusterApi): Promise<KubernetesObject> {
  const secret = formatBootstrapTokenSecret(spec)
  try {
    return await api.create(secret)
  } catch (error) {
    const isTaken = error instanceof ApiError && error.code === 'KPKI_API_EXISTS'
    if (!isTaken && !isUncertain(error)) throw error
    const found = await findOwn(secret, tokenObjectName(spec.token.id), api)
    if (found !== undefined && found !== 'unknown') return found
    if (isTaken) throw error
    throw withLeftTokens(error, await withdrawBootstrapTokens([spec.token.id], api))
  }
}

/**
 * Takes back tokens that nobody has been told of.
 *
 * @returns ids of those that may still be there, because the cluster did not say that they are gone
 */
export async function withdrawBootstrapTokens(ids: readonly string[], api: ClusterApi): Promise<readonly string[]> {
  const left: string[] = []
  for (const id of ids) {
    await api.delete(tokenObjectName(id)).catch(() => {
      left.push(id)
    })
  }
  return left
}

/** The error, and that tokens may be there of which nobody has been told. */
export function withLeftTokens(error: unknown, ids: readonly string[]): unknown {
  const names = ids.map(id => `${TOKEN_SECRETS.namespace}/${secretNameOf({ id })}`)
  const remark = `${ids.length === 1 ? 'token' : 'tokens'} ${ids.join(', ')} may be there, and could not be taken back`
  return withRemains(error, names, remark, `when the server answers again: kpki token delete ${ids.join(' ')}`)
}

/** Where a cluster keeps a token. */
export function tokenObjectName(id: string): ObjectName {
  return { kind: 'Secret', namespace: TOKEN_SECRETS.namespace, name: secretNameOf({ id }) }
}

function exists(id: string, { server }: ClusterApi, cause?: unknown): ApiError {
  return new ApiError('KPKI_API_EXISTS', `${server} has a token with id ${id} already`, {
    details: { status: 409, reason: 'AlreadyExists', id },
    hint: `delete it first (kpki token delete ${id}), or have a new one made`,
    ...(cause === undefined ? {} : { cause }),
  })
}
