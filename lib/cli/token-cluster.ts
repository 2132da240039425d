import {
  ApiError,
  type Certificate,
  CLUSTER_INFO,
  type ClusterApi,
  type ClusterConnection,
  type Context,
  EncodingError,
  type KubernetesObject,
  PolicyError,
  parseCertificates,
  parseClusterInfo,
  parseDiscoveredCluster,
  verifyClusterCa,
} from '../index.js'

/** What a host has to know of the cluster of the kubeconfig. */
export interface JoinedCluster {
  readonly server: string
  readonly caPem: string
  readonly caCertificates: readonly Certificate[]
}

/**
 * Server and CA of the cluster that the command line names; the cluster itself is not asked.
 *
 * @throws {@link PolicyError} `KPKI_ISSUER_NOT_CA` when the kubeconfig names no CA that hosts could trust
 */
export function joinedCluster({ server, caPem }: ClusterConnection): JoinedCluster {
  if (caPem !== undefined)
    return { server, caPem, caCertificates: parseCertificates(caPem, 'certificate-authority of the kubeconfig') }
  throw new PolicyError('KPKI_ISSUER_NOT_CA', 'the kubeconfig names no CA, by which hosts would know the cluster', {
    hint: 'take one with certificate-authority-data, e.g. /etc/kubernetes/admin.conf',
  })
}

/** Whether an address leads whoever connects to it to himself. */
export function isLoopback(server: string): boolean {
  const host = new URL(server).hostname
  return host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || /^127\./.test(host)
}

/** Whether two URLs are of one server. */
function isSameServer(a: string, b: string): boolean {
  return a === b || (URL.canParse(a) && URL.canParse(b) && new URL(a).href === new URL(b).href)
}

/**
 * Hosts find the cluster by `cluster-info`: the one that is there names the address that was chosen for them, and not the way that
 * somebody took.
 *
 * @throws {@link ApiError} `KPKI_API_EXISTS` when there is one of another server or CA
 */
export async function refuseOtherClusterInfo(
  { server, caCertificates }: JoinedCluster,
  api: ClusterApi,
  context: Context,
): Promise<void> {
  const published = await readPublished(await api.get({ kind: 'ConfigMap', ...CLUSTER_INFO }))
  if (!published) return
  const isServer = isSameServer(published.server, server)
  const isCa = await verifyClusterCa(published.caCertificates, caCertificates, context).then(
    () => true,
    () => false,
  )
  if (isServer && isCa) return
  const name = `${CLUSTER_INFO.namespace}/${CLUSTER_INFO.name}`
  throw new ApiError(
    'KPKI_API_EXISTS',
    isServer
      ? `${name} is there already, with another CA than the kubeconfig's`
      : `${name} is there already and names ${published.server}; the kubeconfig names ${server}`,
    {
      details: { status: 409, reason: 'AlreadyExists', published: published.server, server },
      hint: `hosts find the cluster by what is there: leave --discovery-objects out; to replace it, delete it first: kubectl -n ${CLUSTER_INFO.namespace} delete configmap ${CLUSTER_INFO.name}`,
    },
  )
}

/** What hosts are told now; `undefined` when that is nothing they could use. */
async function readPublished(object: KubernetesObject | undefined) {
  try {
    const info = object && parseClusterInfo(object)
    return info && (await parseDiscoveredCluster(info.kubeconfig))
  } catch (error) {
    if (error instanceof EncodingError) return undefined
    throw error
  }
}
