import type { ClusterApi } from '../access/api.js'
import { rbacObjects } from '../access/bootstrap-rbac.js'
import { formatBootstrapTokenSecret } from '../access/bootstrap-token-secret.js'
import { resolveBootstrapToken } from '../access/bootstrap-token-spec.js'
import type { CertificateKey } from '../access/certificate-key.js'
import { encryptKubeadmCerts, KUBEADM_CERTS, KUBEADM_CERTS_RBAC, type SharedContents } from '../access/kubeadm-certs.js'
import type { Context } from '../context.js'
import { ApiError, WorkflowError } from '../errors.js'
import type { KubernetesObject } from '../kubernetes/objects.js'

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

/**
 * Puts the files that control planes share into a cluster, encrypted, for two hours: the Secret belongs to that of a bootstrap
 * token without usages, which the cluster deletes when it has expired. What an earlier upload left is replaced whole. The role
 * that lets joining hosts read it is made, too.
 *
 * An error leaves no token behind.
 *
 * @throws {@link ApiError}, {@link NetworkError}
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/copycerts/copycerts.go (UploadCerts)
 */
export async function uploadKubeadmCerts(
  contents: SharedContents,
  key: CertificateKey,
  api: ClusterApi,
  context: Context,
): Promise<UploadResult> {
  for (const object of rbacObjects(KUBEADM_CERTS_RBAC)) await api.apply(object)
  const { tokenId, expires, name, uid } = await createToken(api, context)
  try {
    const secret = await encryptKubeadmCerts(contents, key, context, { owner: { name, uid } })
    return { action: await put(secret, api), tokenId, expires }
  } catch (error) {
    // It ends by itself; that it cannot be deleted now must not hide why it is to be.
    await api.delete({ kind: 'Secret', namespace: KUBEADM_CERTS.namespace, name }).catch(() => false)
    throw error
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
  const { name, uid } = (await api.create(formatBootstrapTokenSecret(spec))).metadata
  if (name === undefined || uid === undefined || !spec.expires)
    throw new WorkflowError('KPKI_INTERNAL', 'the API server gave a new Secret no uid')
  return { tokenId: spec.token.id, expires: spec.expires, name, uid }
}

/**
 * Server-side apply would keep what is not named: values of an earlier upload, and its owner beside ours, of which there can be
 * one only.
 */
async function put(secret: KubernetesObject, api: ClusterApi): Promise<UploadResult['action']> {
  const name = { kind: 'Secret', ...KUBEADM_CERTS } as const
  const existing = await api.get(name)
  if (!existing) {
    try {
      await api.create(secret)
      return 'created'
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'KPKI_API_EXISTS') throw error
      return put(secret, api)
    }
  }
  const { ownerReferences } = secret.metadata
  const gone = Object.fromEntries(Object.keys(existing['data'] ?? {}).map(entry => [entry, null]))
  await api.patch(name, {
    // Refused when somebody else uploads meanwhile: two uploads have two keys.
    metadata: { ownerReferences, resourceVersion: existing.metadata.resourceVersion },
    data: { ...gone, ...Object(secret['data']) },
  })
  return 'replaced'
}

/**
 * The Secret `kubeadm-certs` of a cluster.
 *
 * @throws {@link ApiError} `KPKI_API_NOT_FOUND` when there is none, or none any more; {@link NetworkError}
 */
export async function fetchKubeadmCerts(api: ClusterApi): Promise<KubernetesObject> {
  const secret = await api.get({ kind: 'Secret', ...KUBEADM_CERTS })
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
