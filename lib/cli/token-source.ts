import {
  type BootstrapToken,
  CLUSTER_INFO,
  type ClusterApi,
  type Context,
  EncodingError,
  isBootstrapTokenId,
  isBootstrapTokenSecret,
  type KubernetesObject,
  parseBootstrapToken,
  parseBootstrapTokenSecret,
  type StoredBootstrapToken,
  secretNameOf,
  TOKEN_SECRETS,
  tokenObjectName,
} from '../index.js'
import type { Invocation } from './command.js'
import { text } from './flags.js'
import type { Io } from './io.js'
import { printable } from './terminal.js'

/** Where tokens are looked for. */
export interface TokenSource {
  /** In words, e.g. `https://10.0.0.10:6443`. */
  readonly name: string
  readonly isCluster: boolean
  /** Every Secret that says that it is a token's. */
  readonly list: () => Promise<readonly KubernetesObject[]>
  /** The Secret of one token. */
  readonly get: (id: string) => Promise<KubernetesObject | undefined>
  /** The ConfigMap, where there is one. */
  readonly clusterInfo: () => Promise<KubernetesObject | undefined>
  readonly close: () => void
}

/** Manifests where `--from` names some, else the cluster. */
export async function openTokenSource(
  invocation: Invocation,
  io: Io,
  context: Context,
  from = text(invocation.flags, 'from'),
): Promise<TokenSource> {
  if (from !== undefined) {
    const { readManifestSource } = await import('./token-manifests.js')
    return readManifestSource(from, io)
  }
  const { connectCluster } = await import('./connect.js')
  return clusterSource(await connectCluster(invocation, io, context))
}

function clusterSource(api: ClusterApi): TokenSource {
  const { namespace, type } = TOKEN_SECRETS
  return {
    name: api.server,
    isCluster: true,
    list: () => api.list('Secret', { namespace, fieldSelector: `type=${type}` }),
    get: id => api.get(tokenObjectName(id)),
    clusterInfo: () => api.get({ kind: 'ConfigMap', ...CLUSTER_INFO }),
    close: () => api.close(),
  }
}

/** Manifests as a source, as the cluster would be one. */
export function manifestSource(name: string, objects: readonly KubernetesObject[]): TokenSource {
  return {
    name,
    isCluster: false,
    list: async () => objects.filter(isBootstrapTokenSecret),
    get: async id =>
      objects.find(object => isBootstrapTokenSecret(object) && object.metadata.name === secretNameOf({ id })),
    clusterInfo: async () =>
      objects.find(
        ({ kind, metadata }) =>
          kind === 'ConfigMap' && metadata.name === CLUSTER_INFO.name && metadata.namespace === CLUSTER_INFO.namespace,
      ),
    close: () => {},
  }
}

/** The tokens of a source; what is none goes to standard error. */
export async function listTokens(source: TokenSource, io: Io): Promise<readonly StoredBootstrapToken[]> {
  return (await source.list()).flatMap(object => {
    try {
      return [parseBootstrapTokenSecret(object)]
    } catch (error) {
      if (!(error instanceof EncodingError)) throw error
      io.stderr(`kpki: warning: ${printable(error.message)}\n`)
      return []
    }
  })
}

/** What a person names a token by: its id, or all of it. */
export interface NamedToken {
  readonly id: string
  /** Where all of it was given. */
  readonly token: BootstrapToken | undefined
}

/**
 * Reads an id or a token.
 *
 * @throws {@link EncodingError} `KPKI_TOKEN_INVALID`, which never quotes the text
 */
export function parseTokenName(word: string, what = 'the token'): NamedToken {
  if (isBootstrapTokenId(word)) return { id: word, token: undefined }
  if (!word.includes('.'))
    throw new EncodingError('KPKI_TOKEN_INVALID', `${what} is no id of a token, and no token either`, {
      details: { what },
      hint: 'an id is the part before the dot: six characters of a-z and 0-9, e.g. abcdef',
    })
  const token = parseBootstrapToken(word, what)
  return { id: token.id, token }
}
