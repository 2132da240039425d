import type { ClusterApi } from '../../access/api.js'
import { parseBootstrapTokenSecret } from '../../access/bootstrap-token-secret.js'
import type { CertificateKey } from '../../access/certificate-key.js'
import {
  decryptKubeadmCerts,
  KUBEADM_CERTS,
  type SharedContents,
  type SharedFile,
  sharedFiles,
} from '../../access/kubeadm-certs.js'
import type { ControlPlane } from '../../config/control-plane.js'
import type { Context } from '../../context.js'
import { equalBytes } from '../../crypto/bytes.js'
import { KpkiError } from '../../errors.js'
import type { KubernetesObject } from '../../kubernetes/objects.js'
import { formatTime } from '../../kubernetes/time.js'
import { mappingOf } from '../patch-node.js'
import { readSharedFiles } from '../shared-files.js'
import { uploadKubeadmCerts } from '../upload-certs.js'
import { outcomeOf } from './actions.js'
import type { InitRun } from './init-run.js'
import type { Action, Phase } from './phase.js'

/**
 * Puts the files that control planes share into the cluster, encrypted, for two hours.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/cmd/phases/init/uploadcerts.go
 */
export const UPLOAD_CERTS: Phase<InitRun> = {
  name: 'upload-certs',
  about: 'put the files that control planes share into the cluster, encrypted, for two hours',
  isInCluster: true,
  skip: ({ uploadCerts }) => (uploadCerts === undefined ? 'nobody asked for it: --upload-certs' : undefined),
  plan: ({ controlPlane, uploadCerts }) => (uploadCerts ? [uploadCertificates(controlPlane, uploadCerts)] : []),
}

/**
 * Uploads them, unless the cluster has the very same, encrypted with this key: kubeadm uploads anew each time, with another two
 * hours.
 */
function uploadCertificates({ cluster }: ControlPlane, key: CertificateKey): Action {
  const name = `${KUBEADM_CERTS.namespace}/${KUBEADM_CERTS.name}`
  const { externalEtcd, certificatesDir } = cluster
  const files = sharedFiles({ certificatesDir, ...(externalEtcd ? { externalEtcd } : {}) })
  return {
    kind: 'upload-certs',
    about: `upload ${files.map(file => file.name).join(', ')}, encrypted, as Secret ${name}`,
    async apply({ connect, store, context, signal }) {
      const { contents } = await readSharedFiles(files, store, context)
      const api = await connect()
      const secret = await api.get({ kind: 'Secret', ...KUBEADM_CERTS })
      if (secret && (await isSame(secret, contents, files, key, context))) {
        const end = await endOf(secret, api, context)
        if (end !== 'ended')
          return outcomeOf([], end ? [`Secret ${name} has them already, and ends at ${formatTime(end)}`] : [])
      }
      await uploadKubeadmCerts(contents, key, api, context, signal === undefined ? {} : { signal })
      return outcomeOf([`Secret ${name}`])
    },
  }
}

async function isSame(
  secret: KubernetesObject,
  contents: SharedContents,
  files: readonly SharedFile[],
  key: CertificateKey,
  context: Context,
): Promise<boolean> {
  try {
    const uploaded = await decryptKubeadmCerts(secret, files, key, context)
    return files.every(({ name }) => {
      const own = contents.get(name)
      const theirs = uploaded.get(name)
      return own !== undefined && theirs !== undefined && equalBytes(own, theirs)
    })
  } catch (error) {
    // Of another upload, with another key: this one takes its place.
    if (error instanceof KpkiError) return false
    throw error
  }
}

/** When the Secret goes with the token that it belongs to; `undefined`: it stays until somebody deletes it. */
async function endOf(
  { metadata }: KubernetesObject,
  api: ClusterApi,
  { clock }: Context,
): Promise<Date | 'ended' | undefined> {
  if (typeof metadata.deletionTimestamp === 'string') return 'ended'
  const { ownerReferences } = metadata
  const [owner] = Array.isArray(ownerReferences) ? (ownerReferences as readonly unknown[]).map(mappingOf) : []
  if (typeof owner?.['name'] !== 'string') return undefined
  const token = await api.get({ kind: 'Secret', namespace: KUBEADM_CERTS.namespace, name: owner['name'] })
  if (!token) return 'ended'
  try {
    const { expires } = parseBootstrapTokenSecret(token)
    return expires && expires.getTime() <= clock().getTime() ? 'ended' : expires
  } catch (error) {
    if (error instanceof KpkiError) return 'ended'
    throw error
  }
}
