import type { ControlPlane } from '../config/control-plane.js'
import type { ConfigProblem } from '../config/problems.js'
import { parseIp } from '../crypto/ip.js'
import type { Host } from './host.js'

/**
 * What is doubtful about a control plane on the host that it is to stand on: an endpoint that resolves to nothing, names for a
 * certificate that is there already or that somebody else signs. All of it warnings; nothing is asked of a directory that
 * stands for a host but its files.
 */
export async function checkOnHost({ cluster }: ControlPlane, host: Host): Promise<readonly ConfigProblem[]> {
  const problems: ConfigProblem[] = []
  const warn = (field: string, message: string, hint: string) =>
    void problems.push({ severity: 'warning', code: 'KPKI_FIELD_VALUE', field, message, hint })
  const { controlPlaneEndpoint: endpoint, certificatesDir, apiServerCertSans } = cluster

  if (endpoint && !parseIp(endpoint.host) && host.system) {
    const addresses = await host.system.resolve(endpoint.host)
    if (addresses.length === 0)
      warn(
        'controlPlaneEndpoint',
        `${endpoint.host} resolves to nothing on ${host.name}`,
        `add it to the DNS or to /etc/hosts, e.g. ${cluster.advertiseAddress.text} ${endpoint.host}: other hosts and kubectl look for it`,
      )
  }

  if (apiServerCertSans.length > 0) {
    const isThere = async (name: string) => (await host.look(`${certificatesDir}/${name}`)) !== undefined
    if (await isThere('apiserver.crt'))
      warn(
        'apiServer.certSANs',
        `${host.locate(`${certificatesDir}/apiserver.crt`)} is there already: names that it does not have are refused, not added`,
        'kpki plan shows what would change, and kpki apply issues it anew',
      )
    else if ((await isThere('ca.crt')) && !(await isThere('ca.key')))
      warn(
        'apiServer.certSANs',
        `the CA's key is not in ${host.locate(certificatesDir)}: whoever signs puts the names into the certificate`,
        'ask for these names when it is signed',
      )
  }
  return problems
}
