import { KpkiError } from '../../errors.js'
import type { ExternalEtcd } from '../../kubernetes/cluster-fields.js'
import { type DifferenceName, has } from '../../kubernetes/differences.js'
import {
  CONTROL_PLANE_ROLES,
  error,
  type PreflightCheck,
  type PreflightSurroundings,
  type PreflightVerdict,
  together,
  well,
} from './check.js'

/** The oldest etcd that is taken, by what a version knows of; the first row that it has counts. */
const OLDEST_ETCD: readonly (readonly [known: DifferenceName, version: string])[] = [
  ['preflightEtcd3524', '3.5.24'],
  ['preflightEtcd3511', '3.5.11'],
]
/** @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/constants/constants.go (MinExternalEtcdVersion) */
const OLDEST_EVER = '3.2.18'
const TIMEOUT_MS = 10_000

/** Whether the files are there that an external etcd is asked with. */
export const EXTERNAL_ETCD_FILES: PreflightCheck = {
  name: 'ExternalEtcdClientCertificates',
  about: 'the files for connections to an external etcd are there',
  severity: 'error',
  origin: 'kubeadm',
  mend: 'copy the CA of etcd, and a client certificate with its key, to where the configuration says',
  roles: CONTROL_PLANE_ROLES,
  isOfFiles: true,
  probes: ({ externalEtcd }) =>
    etcdFiles(externalEtcd).map(path => ({
      name: 'ExternalEtcdClientCertificates',
      look: async ({ host }) =>
        (await host.look(path)) === undefined
          ? error(`${host.locate(path)} doesn't exist`, 'copy it to this host from where etcd and its CA are')
          : well(),
    })),
}

function etcdFiles(etcd: ExternalEtcd | undefined): readonly string[] {
  return [etcd?.caFile, etcd?.certFile, etcd?.keyFile].flatMap(path => (path ? [path] : []))
}

/** Whether an external etcd is new enough. */
export const EXTERNAL_ETCD_VERSION: PreflightCheck = {
  name: 'ExternalEtcdVersion',
  about: 'every endpoint of an external etcd answers, and is new enough',
  severity: 'error',
  origin: 'kubeadm',
  mend: 'check the endpoints, their CA and the client certificate; update etcd',
  roles: ['init'],
  probes: ({ externalEtcd, version }) => {
    if (!externalEtcd) return []
    const oldest = OLDEST_ETCD.find(([known]) => has(version, known))?.[1] ?? OLDEST_EVER
    return [
      {
        name: 'ExternalEtcdVersion',
        look: async around => {
          const options = await connectionOptions(externalEtcd, around)
          return together(
            await Promise.all(externalEtcd.endpoints.map(endpoint => askVersion(endpoint, oldest, options, around))),
          )
        },
      },
    ]
  },
}

interface Connection {
  readonly ca?: string
  readonly certPem?: string
  readonly keyPem?: string
}

/** What is not there is what another check says. */
async function connectionOptions(etcd: ExternalEtcd, { host }: PreflightSurroundings): Promise<Connection> {
  const read = async (path: string | undefined) => {
    const bytes = path ? await host.read(path) : undefined
    return bytes && new TextDecoder().decode(bytes)
  }
  const [ca, certPem, keyPem] = [await read(etcd.caFile), await read(etcd.certFile), await read(etcd.keyFile)]
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(ca === undefined || certPem === undefined || keyPem === undefined ? {} : { certPem, keyPem }),
  }
}

async function askVersion(
  endpoint: string,
  oldest: string,
  connection: Connection,
  { system }: PreflightSurroundings,
): Promise<PreflightVerdict> {
  const url = `${endpoint.replace(/\/+$/, '')}/version`
  const hint = 'check the endpoint (etcd.external.endpoints), its CA (caFile) and the client certificate'
  try {
    const { status, body } = await system.fetch(url, { ...connection, timeoutMs: TIMEOUT_MS })
    const version = status === 200 ? /"etcdserver"\s*:\s*"([0-9]+\.[0-9]+\.[0-9]+)/.exec(body)?.[1] : undefined
    if (version === undefined) return error(`${url} does not say the version of an etcd (status ${status})`, hint)
    if (!isOlder(version, oldest)) return well(`etcd ${version} at ${endpoint}`)
    return error(`etcd at ${endpoint} is ${version}, and older than ${oldest}`, 'update etcd')
  } catch (failure) {
    if (!(failure instanceof KpkiError)) throw failure
    return error(failure.message, failure.hint ?? hint)
  }
}

function isOlder(version: string, than: string): boolean {
  const [parts, others] = [version, than].map(text => text.split('.').map(Number))
  const index = (parts ?? []).findIndex((part, at) => part !== others?.[at])
  return index >= 0 && (parts?.[index] ?? 0) < (others?.[index] ?? 0)
}
