import type { Certificate } from '../x509/certificate.js'
import type { BootstrapToken } from './bootstrap-token.js'
import type { DiscoveredCluster } from './cluster-info.js'
import type { DiscoveryAnswer } from './discovery-answer.js'
import type { DiscoveryStep } from './discovery-steps.js'
import type { DiscoveryHandshake } from './discovery-tls.js'
import type { ServerEndpoint } from './server-endpoint.js'

/** What is known of a cluster before it is asked. */
export interface DiscoveryRequest {
  /** Where an API server is: `host`, `host:port`, `[fd00::1]:6443`, or the `https://` URL of one. */
  readonly server: string
  /** Checks who signed `cluster-info`. Its secret is not sent anywhere. Default: nobody checks; then pins are needed. */
  readonly token?: BootstrapToken | undefined
  /** Pins of CAs, any of which may match. Default: none. */
  readonly pins?: readonly string[]
  /** Go without pins: whoever knows the token can then pretend to be the cluster. Default: false. */
  readonly unsafeSkipCaVerification?: boolean
}

/** Options of discovery. */
export interface DiscoveryOptions {
  /** Bounds all of it. Default: 300, as kubeadm's `timeouts.discovery`. */
  readonly timeoutSeconds?: number
  /** Bounds one request. Default: 10. */
  readonly requestTimeoutSeconds?: number
  /** Told of every step when it has ended. Default: nobody. */
  readonly onStep?: (step: DiscoveryStep) => void
  /** Ends it from outside. Default: nothing does. */
  readonly signal?: AbortSignal
}

/** A cluster that may be trusted, as far as token and pins go. */
export interface Discovery extends DiscoveredCluster {
  /** The kubeconfig of `cluster-info`, to the byte: one cluster without a name, no user. */
  readonly kubeconfig: string
  /** All of them. */
  readonly steps: readonly DiscoveryStep[]
}

/** One request for `cluster-info`, without any credential. */
export interface ClusterInfoRequest {
  readonly endpoint: ServerEndpoint
  /** Whom to trust, and nobody else; `undefined`: whoever answers. */
  readonly roots: readonly Certificate[] | undefined
  readonly timeoutSeconds: number
  readonly signal: AbortSignal | undefined
  /** Somebody listens; what is known of him, e.g. `10.0.0.10:6443`. */
  readonly onConnect: (address: string) => void
  /** The server has shown its certificate, of which nothing has been made sure yet. */
  readonly onHandshake: (handshake: DiscoveryHandshake) => void
  /** The certificate is one that is trusted. */
  readonly onTrusted: () => void
}

/** How a server is asked; and the patience of whoever asks. */
export interface DiscoveryTransport {
  /** @throws `NetworkError` */
  readonly ask: (request: ClusterInfoRequest) => Promise<DiscoveryAnswer>
  /** Seconds since some moment, never going back. */
  readonly elapsedSeconds: () => number
  readonly sleep: (seconds: number, signal: AbortSignal | undefined) => Promise<void>
}
