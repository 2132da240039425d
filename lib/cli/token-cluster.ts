import { type Certificate, PolicyError, parseCertificates } from '../index.js'
import type { Invocation } from './command.js'
import { readConnection } from './connect.js'
import type { Io } from './io.js'

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
export async function readJoinedCluster(invocation: Invocation, io: Io): Promise<JoinedCluster> {
  const { server, caPem } = await readConnection(invocation, io)
  if (caPem !== undefined)
    return { server, caPem, caCertificates: parseCertificates(caPem, 'certificate-authority of the kubeconfig') }
  throw new PolicyError('KPKI_ISSUER_NOT_CA', 'the kubeconfig names no CA, by which hosts would know the cluster', {
    hint: 'take one with certificate-authority-data, e.g. /etc/kubernetes/admin.conf',
  })
}
