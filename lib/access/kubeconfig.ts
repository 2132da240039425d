import type { Context } from '../context.js'
import { encodeUtf8, formatBase64 } from '../crypto/bytes.js'
import { formatPrivateKey, parsePrivateKey } from '../crypto/key-files.js'
import type { PrivateKey } from '../crypto/keys.js'
import { type Certificate, formatCertificate, parseCertificates } from '../x509/certificate.js'
import { formatYaml } from '../yaml-format.js'
import { readCurrentEntries } from './kubeconfig-current.js'

/** What one context of a kubeconfig says, mostly the current one, its certificates decoded. */
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
  /** `client-key`: a path on the host. */
  readonly keyFile: string | undefined
}

/** What a user shows to the API server: a client certificate with its key, or a bearer token. Both hold a secret. */
export type KubeconfigCredential =
  | { readonly certificate: Certificate; readonly key: PrivateKey }
  | { readonly token: string }

/** What goes into a new kubeconfig. */
export type KubeconfigSpec = KubeconfigCredential & {
  readonly clusterName: string
  readonly userName: string
  /** e.g. `https://10.0.0.10:6443` */
  readonly server: string
  /** The whole CA bundle. */
  readonly caCertificates: readonly Certificate[]
  /** Where commands look that name no namespace. Default: not said, and so `default`. */
  readonly namespace?: string
  /** Write `preferences: {}`, as client-go did before v1.34. Default: no. */
  readonly withPreferences?: boolean
}

/**
 * Writes a kubeconfig as kubeadm does: one cluster, one user, the context `user@cluster`, keys in alphabetical order.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/util/kubeconfig/kubeconfig.go (CreateWithCerts, CreateWithToken,
 *   CreateBasic)
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
    contexts: [
      {
        context: { cluster: spec.clusterName, namespace: spec.namespace, user: spec.userName },
        name: contextName,
      },
    ],
    'current-context': contextName,
    kind: 'Config',
    ...(spec.withPreferences ? { preferences: {} } : {}),
    users: [
      {
        name: spec.userName,
        user:
          'token' in spec
            ? { token: spec.token }
            : {
                'client-certificate-data': base64(formatCertificate(spec.certificate)),
                'client-key-data': base64(formatPrivateKey(spec.key)),
              },
      },
    ],
  })
}

/**
 * Reads the current context of a kubeconfig, or the one that is named.
 *
 * @param text - YAML or JSON, at most 1 MiB
 * @param what - named in errors, e.g. a file name
 * @param contextName - Default: `current-context`
 * @throws `EncodingError` `KPKI_KUBECONFIG_INVALID`, `KPKI_YAML_INVALID`, `KPKI_INPUT_TOO_LARGE`, and what its
 *   certificates and keys can be refused for; never with a secret in the message
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/client-go/tools/clientcmd/api/v1/types.go
 */
export async function parseKubeconfig(
  text: string,
  context: Context,
  what = 'the kubeconfig',
  contextName?: string,
): Promise<Kubeconfig> {
  const found = await readCurrentEntries([{ text, what }], contextName)
  const [current, cluster, user] = [found.context.entry, found.cluster.entry, found.user.entry]
  const { caPem } = cluster
  const { certificatePem, keyPem } = user
  return {
    clusterName: cluster.name,
    userName: user.name,
    contextName: current.name,
    server: cluster.server,
    caCertificates: caPem === undefined ? [] : parseCertificates(caPem, `certificate-authority-data of ${what}`),
    caFile: cluster.caFile,
    certificates:
      certificatePem === undefined ? [] : parseCertificates(certificatePem, `client-certificate-data of ${what}`),
    key: keyPem === undefined ? undefined : await parsePrivateKey(keyPem, context, `client-key-data of ${what}`),
    certificateFile: user.certificateFile,
    keyFile: user.keyFile,
    extras: [...cluster.extras, ...user.extras],
  }
}
