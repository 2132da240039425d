import type { ClusterConnection } from '../access/kubeconfig-connection.js'
import type { HttpsServer } from './https.js'
import { type Environment, findProxy, parseProxy } from './proxy.js'

/**
 * Where a kubeconfig leads to. Its proxy goes before that of the environment, and knows no `NO_PROXY`.
 *
 * @throws `NetworkError` `KPKI_NET_PROXY`
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/client-go/tools/clientcmd/client_config.go (ClientConfig)
 */
export function toHttpsServer(connection: ClusterConnection, env: Environment): HttpsServer {
  const { server, caPem, isInsecure, serverName, client, proxyUrl } = connection
  return {
    url: server,
    trust: isInsecure ? 'unverified' : caPem === undefined ? 'system' : { caPem },
    allowUnverifiedCredentials: isInsecure,
    serverName,
    client,
    proxy: proxyUrl === undefined ? findProxy(server, env) : parseProxy(proxyUrl, 'proxy-url of the kubeconfig'),
  }
}

/**
 * What every question says of who asks.
 *
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/client-go/transport/round_trippers.go (impersonatingRoundTripper)
 */
export function toHeaders(
  { authorization, impersonation }: ClusterConnection,
  userAgent: string,
): Readonly<Record<string, string | readonly string[]>> {
  const { user, groups = [], extra = {} } = impersonation ?? {}
  return {
    'user-agent': userAgent,
    ...(authorization === undefined ? {} : { authorization }),
    ...(user === undefined ? {} : { 'impersonate-user': headerValue(user) }),
    ...(groups.length === 0 ? {} : { 'impersonate-group': groups.map(headerValue) }),
    ...Object.fromEntries(
      Object.entries(extra).map(([key, values]) => [
        `impersonate-extra-${encodeURIComponent(key)}`,
        values.map(headerValue),
      ]),
    ),
  }
}

/** UTF-8, as Go sends it; Node writes each character of a header as one byte. */
function headerValue(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}
