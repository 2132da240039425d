import type { Context } from '../context.js'
import { decodeUtf8, encodeUtf8, formatBase64, parseBase64 } from '../crypto/bytes.js'
import { parsePrivateKey } from '../crypto/key-files.js'
import { formatPrivateKey, type PrivateKey } from '../crypto/keys.js'
import { EncodingError } from '../errors.js'
import { type Certificate, formatCertificate, parseCertificates } from '../x509/certificate.js'
import { formatYaml, parseYaml } from '../yaml.js'

/** What the current context of a kubeconfig says, its certificates decoded. */
export interface Kubeconfig {
  readonly clusterName: string
  readonly userName: string
  readonly contextName: string
  readonly server: string
  /** From `certificate-authority-data`; empty when there is none. */
  readonly caCertificates: readonly Certificate[]
  /** `certificate-authority`: a path on the host. */
  readonly caFile: string | undefined
  /** From `client-certificate-data`, leaf first; empty when there is none. */
  readonly certificates: readonly Certificate[]
  /** From `client-key-data`. */
  readonly key: PrivateKey | undefined
  /** Fields that change how or as whom one connects, beside the ones above: names only, e.g. `token`, `proxy-url`. */
  readonly extras: readonly string[]
  /** `client-certificate`: a path on the host, as a kubelet writes it after its first rotation. */
  readonly certificateFile: string | undefined
}

/** What goes into a new kubeconfig. */
export interface KubeconfigSpec {
  readonly clusterName: string
  readonly userName: string
  /** e.g. `https://10.0.0.10:6443` */
  readonly server: string
  /** The whole CA bundle. */
  readonly caCertificates: readonly Certificate[]
  readonly certificate: Certificate
  readonly key: PrivateKey
  /** Write `preferences: {}`, as client-go did before v1.34. Default: no. */
  readonly withPreferences?: boolean
}

/**
 * Writes a kubeconfig as kubeadm does: one cluster, one user, the context `user@cluster`, keys in alphabetical order.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/util/kubeconfig/kubeconfig.go (CreateWithCerts, CreateBasic)
 */
export function formatKubeconfig(spec: KubeconfigSpec): string {
  const base64 = (pem: string) => formatBase64(encodeUtf8(pem))
  const contextName = `${spec.userName}@${spec.clusterName}`
  return formatYaml({
    apiVersion: 'v1',
    clusters: [
      {
        cluster: {
          'certificate-authority-data': base64(spec.caCertificates.map(formatCertificate).join('')),
          server: spec.server,
        },
        name: spec.clusterName,
      },
    ],
    contexts: [{ context: { cluster: spec.clusterName, user: spec.userName }, name: contextName }],
    'current-context': contextName,
    kind: 'Config',
    ...(spec.withPreferences ? { preferences: {} } : {}),
    users: [
      {
        name: spec.userName,
        user: {
          'client-certificate-data': base64(formatCertificate(spec.certificate)),
          'client-key-data': base64(formatPrivateKey(spec.key)),
        },
      },
    ],
  })
}

/** @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/client-go/tools/clientcmd/api/v1/types.go (Cluster, AuthInfo) */
const EXTRAS = {
  cluster: ['tls-server-name', 'proxy-url', 'insecure-skip-tls-verify'],
  user: ['token', 'tokenFile', 'username', 'password', 'as', 'as-groups', 'as-user-extra', 'auth-provider', 'exec'],
} as const

/**
 * Reads the current context of a kubeconfig.
 *
 * @param text - YAML or JSON, at most 1 MiB
 * @param what - named in errors, e.g. a file name
 * @throws {@link EncodingError} `KPKI_KUBECONFIG_INVALID`, `KPKI_YAML_INVALID`, `KPKI_INPUT_TOO_LARGE`, and what its
 *   certificates and keys can be refused for; never with a secret in the message
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/client-go/tools/clientcmd/api/v1/types.go
 */
export async function parseKubeconfig(text: string, context: Context, what = 'the kubeconfig'): Promise<Kubeconfig> {
  const invalid = (problem: string) =>
    new EncodingError('KPKI_KUBECONFIG_INVALID', `${what}: ${problem}`, { details: { what } })
  const root = toRecord(parseYaml(text, what).value)
  if (root?.['kind'] !== 'Config' && !root?.['clusters']) throw invalid('is not a kubeconfig')
  const contextName = root['current-context']
  if (typeof contextName !== 'string' || contextName === '') throw invalid('has no current-context')
  const named = (list: string, name: unknown, entry: string): Record<string, unknown> => {
    const items = Array.isArray(root[list]) ? (root[list] as readonly unknown[]) : []
    const found = items.map(toRecord).find(item => item?.['name'] === name)
    const value = toRecord(found?.[entry])
    if (!value) throw invalid(`names the ${entry} ${JSON.stringify(name)}, which is not in it`)
    return value
  }
  const current = named('contexts', contextName, 'context')
  const cluster = named('clusters', current['cluster'], 'cluster')
  const user = named('users', current['user'], 'user')
  const string = (record: Record<string, unknown>, field: string): string | undefined => {
    const value = record[field] ?? ''
    if (typeof value !== 'string') throw invalid(`${field} is not a text`)
    return value === '' ? undefined : value
  }
  const data = (record: Record<string, unknown>, field: string): string | undefined => {
    const encoded = string(record, field)
    if (encoded === undefined) return undefined
    const bytes = parseBase64(encoded)
    const pem = bytes && decodeUtf8(bytes)
    if (pem === undefined) throw invalid(`${field} is not base64 of a PEM text`)
    return pem
  }
  if (cluster['insecure-skip-tls-verify'] === true && cluster['certificate-authority-data']) {
    throw invalid('has both a CA and insecure-skip-tls-verify, which no client takes')
  }
  const caPem = data(cluster, 'certificate-authority-data')
  const certificatePem = data(user, 'client-certificate-data')
  const keyPem = data(user, 'client-key-data')
  return {
    clusterName: String(current['cluster']),
    userName: String(current['user']),
    contextName,
    server: string(cluster, 'server') ?? '',
    caCertificates: caPem === undefined ? [] : parseCertificates(caPem, `certificate-authority-data of ${what}`),
    caFile: string(cluster, 'certificate-authority'),
    certificates:
      certificatePem === undefined ? [] : parseCertificates(certificatePem, `client-certificate-data of ${what}`),
    key: keyPem === undefined ? undefined : await parsePrivateKey(keyPem, context, `client-key-data of ${what}`),
    certificateFile: string(user, 'client-certificate'),
    extras: [...EXTRAS.cluster.filter(field => cluster[field]), ...EXTRAS.user.filter(field => user[field])],
  }
}

function toRecord(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined
}
