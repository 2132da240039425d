import type { ClusterApi, ObjectName } from '../access/api.js'
import { formatBootstrapTokenSecret, secretNameOf, TOKEN_SECRETS } from '../access/bootstrap-token-secret.js'
import type { BootstrapTokenSpec } from '../access/bootstrap-token-spec.js'
import { ApiError, KpkiError } from '../errors.js'
import type { KubernetesObject } from '../kubernetes/objects.js'

/** Options of {@link createBootstrapTokens}. */
export interface CreateTokensOptions {
  /** Applied before the tokens are made. Default: none. */
  readonly objects?: readonly KubernetesObject[]
  /** Ask, but change nothing. Default: false. */
  readonly isDryRun?: boolean
}

/**
 * Makes tokens known to a cluster: all of them, or none.
 *
 * @throws {@link ApiError} `KPKI_API_EXISTS` when the cluster knows one of the ids already, found before anything is made; what
 *   the server refuses; {@link NetworkError}
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/bootstraptoken/node/token.go (CreateNewTokens)
 */
export async function createBootstrapTokens(
  tokens: readonly BootstrapTokenSpec[],
  api: ClusterApi,
  { objects = [], isDryRun = false }: CreateTokensOptions = {},
): Promise<void> {
  for (const { token } of tokens) if (await api.get(tokenObjectName(token.id))) throw exists(token.id, api)
  if (isDryRun) return
  const made: string[] = []
  try {
    for (const object of objects) await api.apply(object)
    for (const spec of tokens) {
      await api.create(formatBootstrapTokenSecret(spec))
      made.push(spec.token.id)
    }
  } catch (error) {
    await withdrawBootstrapTokens(made, api)
    const { id } = tokens[made.length]?.token ?? {}
    if (error instanceof KpkiError && error.code === 'KPKI_API_EXISTS' && id !== undefined) throw exists(id, api, error)
    throw error
  }
}

/** Takes back tokens that nobody has been told of. They end by themselves, so that one which cannot be deleted is no error. */
export async function withdrawBootstrapTokens(ids: readonly string[], api: ClusterApi): Promise<void> {
  for (const id of ids) await api.delete(tokenObjectName(id)).catch(() => false)
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
