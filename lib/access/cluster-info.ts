import { EncodingError, KpkiError } from '../errors.js'
import { type Certificate, parseCertificates } from '../x509/certificate.js'
import { isBootstrapTokenId } from './bootstrap-token.js'
import { duplicateFields, twiceOf } from './kubeconfig-duplicates.js'
import { type ClusterEntry, readKubeconfigEntries } from './kubeconfig-entries.js'
import { showUrl } from './server-url.js'

/**
 * The ConfigMap that everybody may read, so that a host finds its cluster.
 *
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/cluster-bootstrap/token/api/types.go
 */
export const CLUSTER_INFO = { namespace: 'kube-public', name: 'cluster-info' } as const

const KUBECONFIG = 'kubeconfig'
const SIGNATURE = 'jws-kubeconfig-'

/** What `cluster-info` holds. */
export interface ClusterInfo {
  /** To the byte: it is what is signed. */
  readonly kubeconfig: string
  /** Detached JWS by the id of the bootstrap token that made it. */
  readonly signatures: ReadonlyMap<string, string>
}

/** The cluster that the kubeconfig of `cluster-info` describes. */
export interface DiscoveredCluster {
  /** e.g. `https://10.0.0.10:6443`; whom a joining host then talks to. */
  readonly server: string
  /** At least one. */
  readonly caCertificates: readonly Certificate[]
}

/**
 * Reads the ConfigMap `cluster-info`.
 *
 * @param object - as the API server sends it, or of a manifest
 * @returns `undefined` when nothing for hosts to find is in it: the cluster is not set up for bootstrap tokens
 * @throws {@link EncodingError} `KPKI_CLUSTER_INFO_INVALID`
 */
export function parseClusterInfo(object: unknown): ClusterInfo | undefined {
  const fields = fieldsOf(object)
  if (fields?.['kind'] !== 'ConfigMap') {
    throw invalid(
      `it is ${typeof fields?.['kind'] === 'string' ? 'an object of another kind' : 'no object of the API'}`,
    )
  }
  const data = fieldsOf(fields['data'] ?? {})
  const { [KUBECONFIG]: kubeconfig = '' } = data ?? {}
  if (!data || typeof kubeconfig !== 'string') throw invalid('its data is not a mapping of texts')
  // What is signed are bytes; half of a surrogate pair has none.
  if (/\p{Surrogate}/u.test(kubeconfig)) throw invalid('its kubeconfig is not Unicode')
  if (kubeconfig === '') return undefined
  const signatures = Object.entries(data).flatMap(([key, value]) => {
    const id = key.startsWith(SIGNATURE) ? key.slice(SIGNATURE.length) : ''
    return isBootstrapTokenId(id) && typeof value === 'string' && value !== '' ? [[id, value] as const] : []
  })
  return { kubeconfig, signatures: new Map(signatures) }
}

/**
 * Reads the kubeconfig of `cluster-info`: one cluster, with a server and a CA.
 *
 * Stricter than kubeadm of some versions, which takes any of several clusters.
 *
 * @throws {@link EncodingError} `KPKI_CLUSTER_INFO_INVALID`, what is wrong with it as its cause
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/discovery/token/token.go (retrieveValidatedConfigInfo, validateClusterCA)
 */
export async function parseDiscoveredCluster(kubeconfig: string): Promise<DiscoveredCluster> {
  // Loaded here, so that what only writes kubeconfigs loads no reader.
  const { parseYaml } = await import('../yaml.js')
  const what = 'the kubeconfig of cluster-info'
  const document = attempt(() => parseYaml(kubeconfig, what))
  const entries = readKubeconfigEntries(document.value)
  if (!entries) throw invalid('its kubeconfig is none')
  const [twice] = duplicateFields(document)
  if (twice) throw invalid(`in its kubeconfig ${twiceOf(twice)}`)
  const [fault] = entries.faults.filter(({ list }) => list === 'clusters')
  if (fault) throw invalid(`the cluster of its kubeconfig ${fault.problem}`)
  const { clusters } = entries
  const [cluster] = clusters
  if (!cluster || clusters.length > 1) {
    throw invalid(
      `its kubeconfig has ${clusters.length === 0 ? 'no cluster' : `${clusters.length} clusters`} instead of one`,
    )
  }
  return { server: serverOf(cluster), caCertificates: casOf(cluster) }
}

function serverOf({ server }: ClusterEntry): string {
  const { text, hidden } = showUrl(server)
  if (hidden === undefined && /^https:\/\/[^/\s]+(\/\S*)?$/.test(text)) return server
  throw invalid(
    server === '' ? 'its kubeconfig names no server' : `the server of its kubeconfig is no https URL: ${text}`,
  )
}

function casOf({ caPem }: ClusterEntry): readonly Certificate[] {
  if (caPem === undefined) throw invalid('its kubeconfig has no certificate-authority-data')
  const certificates = attempt(() => parseCertificates(caPem, 'the CA of its kubeconfig'))
  if (certificates.some(({ isCa }) => isCa)) return certificates
  throw invalid('no certificate in the certificate-authority-data of its kubeconfig is a CA')
}

function attempt<T>(read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (cause instanceof KpkiError) throw invalid(cause.message, cause)
    throw cause
  }
}

function invalid(problem: string, cause?: KpkiError): EncodingError {
  return new EncodingError('KPKI_CLUSTER_INFO_INVALID', `cluster-info is not what it should be: ${problem}`, {
    hint: `on a control plane, look at it: kubectl -n ${CLUSTER_INFO.namespace} get configmap ${CLUSTER_INFO.name} -o yaml`,
    ...(cause === undefined ? {} : { cause }),
  })
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined
}
