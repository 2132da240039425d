import type { ClusterApi } from '../access/api.js'
import { rbacObjects } from '../access/bootstrap-rbac.js'
import { resolveBootstrapToken } from '../access/bootstrap-token-spec.js'
import type { CertificateKey } from '../access/certificate-key.js'
import { encryptKubeadmCerts, KUBEADM_CERTS, KUBEADM_CERTS_RBAC, type SharedContents } from '../access/kubeadm-certs.js'
import type { Context } from '../context.js'
import { ApiError, NetworkError } from '../errors.js'
import type { KubernetesObject } from '../kubernetes/objects.js'
import { createTokenSecret, withdrawBootstrapTokens, withLeftTokens } from './create-tokens.js'
import { stopIfInterrupted } from './interruption.js'
import { findOwn, isUncertain, withRemains } from './uncertain.js'

/** kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/constants/constants.go (DefaultCertTokenDuration). */
const TTL_SECONDS = 2 * 60 * 60

/** What {@link uploadKubeadmCerts} did. */
export interface UploadResult {
  /** Whether there was a Secret before. */
  readonly action: 'created' | 'replaced'
  /** Id of the bootstrap token with which the Secret ends; it is good for nothing else. */
  readonly tokenId: string
  readonly expires: Date
}

/** Options of {@link uploadKubeadmCerts}. */
export interface UploadOptions {
  /**
   * Stops between two steps, until the Secret is about to be put: what was made is taken back, over the same connection; a Secret
   * that has been put stays. Default: none.
   */
  readonly signal?: AbortSignal
}

/**
 * Puts the files that control planes share into a cluster, encrypted, for two hours: the Secret belongs to that of a bootstrap
 * token without usages, which the cluster deletes when it has expired. What an earlier upload left is replaced whole. The role
 * that lets joining hosts read it is made, too.
 *
 * An error leaves no token behind, or names it; where the answer to the last question was lost, the cluster is asked what came of
 * it. `details.mayExist` has `kube-system/kubeadm-certs` when nobody knows whether it was put: then the key may be needed.
 *
 * @throws {@link ApiError}, {@link NetworkError}; {@link WorkflowError} `KPKI_INTERRUPTED`
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/copycerts/copycerts.go (UploadCerts)
 */
export async function uploadKubeadmCerts(
  contents: SharedContents,
  key: CertificateKey,
  api: ClusterApi,
  context: Context,
  { signal }: UploadOptions = {},
): Promise<UploadResult> {
  for (const object of rbacObjects(KUBEADM_CERTS_RBAC)) {
    stopIfInterrupted(signal, 'nothing was uploaded')
    await api.apply(object)
  }
  stopIfInterrupted(signal, 'nothing was uploaded')
  const { tokenId, expires, name, uid } = await createToken(api, context)
  try {
    const secret = await encryptKubeadmCerts(contents, key, context, { owner: { name, uid } })
    stopIfInterrupted(signal, 'nothing was uploaded')
    return { action: await put(secret, api), tokenId, expires }
  } catch (error) {
    throw withLeftTokens(error, await withdrawBootstrapTokens([tokenId], api))
  }
}

async function createToken(api: ClusterApi, context: Context) {
  const spec = resolveBootstrapToken(
    {
      description: `Proxy for managing TTL for the ${KUBEADM_CERTS.name} secret`,
      ttlSeconds: TTL_SECONDS,
      usages: [],
      groups: [],
    },
    context,
  )
  const { name, uid } = (await createTokenSecret(spec, api)).metadata
  if (name === undefined || uid === undefined || !spec.expires) {
    const error = new NetworkError('KPKI_NET_RESPONSE', `${api.server} gave a new Secret no uid`, {
      hint: 'check that it is an API server that answers there, and what stands between',
    })
    throw withLeftTokens(error, await withdrawBootstrapTokens([spec.token.id], api))
  }
  return { tokenId: spec.token.id, expires: spec.expires, name, uid }
}

const SECRET = { kind: 'Secret', ...KUBEADM_CERTS } as const
/** Somebody may make the Secret between two questions; who is told again and again that it is there and is not, is lied to. */
const MOST_RACES = 3

/**
 * Server-side apply would keep what is not named: values of an earlier upload, and its owner beside ours, of which there can be
 * one only.
 */
async function put(secret: KubernetesObject, api: ClusterApi): Promise<UploadResult['action']> {
  for (let races = 0; ; ) {
    const existing = await api.get(SECRET)
    try {
      await (existing ? api.patch(SECRET, replacement(secret, existing)) : api.create(secret))
    } catch (error) {
      const isKnown = error instanceof ApiError && ['KPKI_API_EXISTS', 'KPKI_API_CONFLICT'].includes(error.code)
      if (!isKnown && !isUncertain(error)) throw error
      // Every encryption is another one: what is the same to the byte is ours, whatever the answer was.
      const found = await findOwn(secret, SECRET, api)
      if (found === 'unknown') throw withLostAnswer(error)
      if (!found) {
        const isRaced = !existing && isKnown && error.code === 'KPKI_API_EXISTS'
        if (isRaced && ++races < MOST_RACES) continue
        throw error
      }
    }
    return existing ? 'replaced' : 'created'
  }
}

function replacement(
  secret: KubernetesObject,
  { data, metadata }: KubernetesObject,
): Readonly<Record<string, unknown>> {
  const gone = Object.fromEntries(Object.keys(Object(data)).map(entry => [entry, null]))
  return {
    // Refused when somebody else uploads meanwhile: two uploads have two keys.
    metadata: { ownerReferences: secret.metadata['ownerReferences'], resourceVersion: metadata.resourceVersion },
    data: { ...gone, ...Object(secret['data']) },
  }
}

function withLostAnswer(error: unknown): unknown {
  const name = `${KUBEADM_CERTS.namespace}/${KUBEADM_CERTS.name}`
  return withRemains(
    error,
    [name],
    `nobody knows whether Secret ${name} was put`,
    'upload again when the server answers: kpki certs upload',
  )
}

/**
 * The Secret `kubeadm-certs` of a cluster.
 *
 * @throws {@link ApiError} `KPKI_API_NOT_FOUND` when there is none, or none any more; {@link NetworkError}
 */
export async function fetchKubeadmCerts(api: ClusterApi): Promise<KubernetesObject> {
  const secret = await api.get(SECRET)
  if (secret) return secret
  const name = `${KUBEADM_CERTS.namespace}/${KUBEADM_CERTS.name}`
  throw new ApiError(
    'KPKI_API_NOT_FOUND',
    `there is no Secret ${name} in the cluster: it ends two hours after its upload`,
    {
      details: { status: 404, what: name },
      hint: 'upload the certificates again from a control plane: kpki certs upload',
    },
  )
}
