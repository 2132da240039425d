import { setTimeout as delay } from 'node:timers/promises'
import { CLUSTER_INFO } from '../access/cluster-info.js'
import { discoverWith } from '../access/discovery.js'
import type {
  ClusterInfoRequest,
  Discovery,
  DiscoveryOptions,
  DiscoveryRequest,
  DiscoveryTransport,
} from '../access/discovery-types.js'
import { readServerCas, type ServerCas } from '../access/server-cas.js'
import type { Context } from '../context.js'
import { formatHostPort } from '../kubernetes/net.js'
import { formatCertificate } from '../x509/certificate.js'
import { exchangeHttps } from './https.js'
import { findProxy } from './proxy.js'

/** Options of {@link discoverCluster}. */
export interface DiscoverClusterOptions extends DiscoveryOptions {
  /** Where `HTTPS_PROXY` and `NO_PROXY` are looked for. Default: `process.env` */
  readonly env?: Readonly<Record<string, string | undefined>>
}

/**
 * Finds a cluster as `kubeadm join` does with a token, see `DISCOVERY_STEPS` for what is made sure of. Nothing of the
 * token is sent: its secret only checks a signature. What may still come up is asked for again every second.
 *
 * Stricter than kubeadm: the verified connection trusts the CAs that a pin is of, and none that stands beside them in
 * `cluster-info`.
 *
 * @returns server and CAs of the cluster, from `cluster-info`; what a kubelet's first kubeconfig is made of
 * @throws the error of the first step that failed: {@link UsageError} `KPKI_FIELD_VALUE`; {@link EncodingError}
 *   `KPKI_PIN_INVALID`, `KPKI_CLUSTER_INFO_INVALID`; {@link ApiError} `KPKI_API_UNAUTHORIZED`, `KPKI_API_FORBIDDEN`,
 *   `KPKI_CLUSTER_INFO_MISSING`; {@link VerifyError} `KPKI_TOKEN_UNKNOWN`, `KPKI_JWS_MISMATCH`, `KPKI_PIN_MISMATCH`,
 *   `KPKI_CLUSTER_INFO_CHANGED`; {@link NetworkError} `KPKI_NET_*`, `KPKI_TLS_*`
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/discovery/token/token.go (retrieveValidatedConfigInfo)
 * @example
 * const { server, caCertificates } = await discoverCluster(
 *   { server: 'api.example.org:6443', token: parseBootstrapToken(text), pins: ['sha256:…'] },
 *   createNodeContext(),
 *   { timeoutSeconds: 30 },
 * )
 */
export function discoverCluster(
  request: DiscoveryRequest,
  context: Context,
  options: DiscoverClusterOptions = {},
): Promise<Discovery> {
  return discoverWith(createDiscoveryTransport(options.env), request, context, options)
}

/** Options of {@link fetchServerCas}. */
export interface FetchServerCasOptions extends Pick<DiscoverClusterOptions, 'env' | 'signal'> {
  /** Default: 10 */
  readonly timeoutSeconds?: number
}

/**
 * Asks a server which CAs it is of: those in `cluster-info`, and where it gives none, those in its TLS chain. Nothing of it is
 * verified, and a pin of them proves nothing until it is compared with one that came another way.
 *
 * @param server - as in {@link DiscoveryRequest}
 * @throws {@link NetworkError}, {@link ApiError}, {@link EncodingError} as {@link discoverCluster}, when there are none
 */
export function fetchServerCas(server: string, options: FetchServerCasOptions = {}): Promise<ServerCas> {
  return readServerCas(createDiscoveryTransport(options.env), server, options.timeoutSeconds ?? 10, options.signal)
}

const PATH = `/api/v1/namespaces/${CLUSTER_INFO.namespace}/configmaps/${CLUSTER_INFO.name}`

/** Asks servers over HTTPS, through a proxy where the environment says so; a connection of its own for each request. */
function createDiscoveryTransport(env: Readonly<Record<string, string | undefined>> = process.env): DiscoveryTransport {
  const ask = async (request: ClusterInfoRequest) => {
    const { endpoint, roots, timeoutSeconds, signal, onConnect, onHandshake, onTrusted } = request
    const { status, body, headers } = await exchangeHttps({
      url: endpoint.url,
      path: PATH,
      headers: { accept: 'application/json' },
      trust: roots === undefined ? 'unverified' : { caPem: roots.map(formatCertificate).join('') },
      proxy: findProxy(endpoint.url, env),
      timeoutMs: Math.ceil(timeoutSeconds * 1000),
      signal,
      watcher: {
        onConnect: ({ host, port }) => onConnect(formatHostPort(host, port)),
        onShown: onHandshake,
        onVerified: onTrusted,
      },
    })
    return { status, body, date: headers['date'], location: headers['location'] }
  }
  return {
    ask,
    elapsedSeconds: () => Number(process.hrtime.bigint() / 1_000_000n) / 1000,
    sleep: async (seconds, signal) => {
      // Who stops it is told by the next request.
      await delay(seconds * 1000, undefined, signal ? { signal } : {}).catch(() => {})
    },
  }
}
