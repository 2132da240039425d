import type { ControlPlane } from '../config/control-plane.js'
import type { ConfigProblem } from '../config/problems.js'
import { parseIp } from '../crypto/ip.js'
import { EncodingError } from '../errors.js'
import { parseCertificates } from '../x509/certificate.js'
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

  const names = apiServerCertSans.map(name => (name.type === 'ip' ? name.address.text : name.name))
  if (names.length > 0) {
    const path = `${certificatesDir}/apiserver.crt`
    const held = await namesIn(host, path)
    const absent = names.filter(name => !held?.includes(name))
    const isThere = async (name: string) => (await host.look(`${certificatesDir}/${name}`)) !== undefined
    if (held && absent.length > 0)
      warn(
        'apiServer.certSANs',
        `${host.locate(path)} is there already, without ${absent.join(', ')}`,
        'kpki plan shows what would change, and kpki apply issues it anew',
      )
    else if (!held && (await isThere('ca.crt')) && !(await isThere('ca.key')))
      warn(
        'apiServer.certSANs',
        `the CA's key is not in ${host.locate(certificatesDir)}: whoever signs puts ${names.join(', ')} into the certificate, or does not`,
        'ask for these names when it is signed',
      )
  }
  return problems
}

/** The names of a certificate; none of one that cannot be read. `undefined`: there is no file. */
async function namesIn(host: Host, path: string): Promise<readonly string[] | undefined> {
  const bytes = await host.read(path)
  if (!bytes) return undefined
  try {
    const [{ dnsNames, ipAddresses }] = parseCertificates(new TextDecoder().decode(bytes), path)
    return [...dnsNames, ...ipAddresses]
  } catch (error) {
    // What is wrong with it is said where it is used.
    if (error instanceof EncodingError) return []
    throw error
  }
}
