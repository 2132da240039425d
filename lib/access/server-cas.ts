import { KpkiError, NetworkError } from '../errors.js'
import { formatHostPort } from '../kubernetes/net.js'
import { requireTime } from '../kubernetes/waiting.js'
import type { Certificate } from '../x509/certificate.js'
import { parseDiscoveredCluster } from './cluster-info.js'
import { readDiscoveryAnswer } from './discovery-answer.js'
import { readChain } from './discovery-tls.js'
import type { DiscoveryTransport } from './discovery-types.js'
import { parseServerEndpoint } from './server-endpoint.js'

/** What a server says its CAs are. It can say anything. */
export interface ServerCas {
  /** e.g. `10.0.0.10:6443` */
  readonly server: string
  /** Out of the ConfigMap `cluster-info`, or sent behind the server's own certificate. */
  readonly from: 'cluster-info' | 'tls'
  /** At least one. */
  readonly caCertificates: readonly Certificate[]
}

/**
 * Asks a server which CAs it is of: as `cluster-info` has them, and where it gives none, as its TLS chain has them. Nobody has
 * verified any of it.
 *
 * @throws as discovery does, when there are none in either place: why there are none in `cluster-info`; `UsageError`
 *   `KPKI_FIELD_VALUE` for a time that is none
 */
export async function readServerCas(
  transport: DiscoveryTransport,
  text: string,
  timeoutSeconds: number,
  signal?: AbortSignal,
): Promise<ServerCas> {
  const endpoint = parseServerEndpoint(text)
  requireTime(timeoutSeconds, 'timeoutSeconds', 1000)
  const server = formatHostPort(endpoint.host, endpoint.port)
  let chain: readonly Certificate[] = []
  try {
    const answer = await transport.ask({
      endpoint,
      roots: undefined,
      timeoutSeconds,
      signal,
      onConnect: () => {},
      onTrusted: () => {},
      onHandshake: handshake => {
        chain = readChain(handshake)
      },
    })
    const { caCertificates } = await parseDiscoveredCluster(readDiscoveryAnswer(answer, server).kubeconfig)
    return { server, from: 'cluster-info', caCertificates }
  } catch (error) {
    if (!(error instanceof KpkiError) || error.code === 'KPKI_INTERRUPTED') throw error
    const caCertificates = chain.filter(({ isCa }) => isCa)
    if (caCertificates.length > 0) return { server, from: 'tls', caCertificates }
    if (!(error instanceof NetworkError) || chain.length === 0) throw error
    throw new NetworkError(error.code, `${error.message}; and it sends no CA certificate with its own`, {
      details: error.details,
      cause: error,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    })
  }
}
