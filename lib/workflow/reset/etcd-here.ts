import { ManifestReader, manifestPath } from '../../audit/manifests.js'
import { decodeUtf8 } from '../../crypto/bytes.js'
import { KpkiError, WorkflowError } from '../../errors.js'
import { isJsonObject, type JsonObject } from '../../json.js'
import { isYamlObject, type YamlValue } from '../../yaml-scalars.js'
import type { Host, HostSystem, WebAnswer } from '../host.js'

/** etcd's member on this host, as its manifest or unit has it. */
export interface EtcdHere {
  /** The file that says so. */
  readonly source: string
  /** On the host. */
  readonly dataDir: string
  /** Where it is asked, e.g. `https://127.0.0.1:2379`. */
  readonly clientUrl: string
  /** As the other members know it, e.g. `https://10.0.0.10:2380`. */
  readonly peerUrl: string | undefined
  /** Where its CA and a client's certificate are. */
  readonly pki: string
}

const ETCD_MANIFEST = `/etc/kubernetes/${manifestPath('etcd')}`
const ETCD_UNIT = '/etc/systemd/system/etcd.service'

/**
 * @param pki - the certificates directory
 * @returns `undefined` where neither a manifest nor a unit is, or none that can be read: etcd is elsewhere then
 */
export async function findEtcd(host: Host, pki: string): Promise<EtcdHere | undefined> {
  for (const [source, read] of [
    [ETCD_MANIFEST, readManifest],
    [ETCD_UNIT, readUnit],
  ] as const) {
    const bytes = await host.read(source).catch(() => undefined)
    const text = bytes && decodeUtf8(bytes)
    const said = text === undefined ? undefined : await read(text)
    const dataDir = said?.volume ?? said?.flags.get('data-dir')
    if (said === undefined || dataDir === undefined) continue
    const urls = said.flags.get('listen-client-urls')?.split(',') ?? []
    const clientUrl = urls.find(url => /^https:\/\/(127\.|\[::1\])/.test(url)) ?? 'https://127.0.0.1:2379'
    const peerUrl = said.flags.get('initial-advertise-peer-urls')?.split(',')[0]
    return { source, dataDir, clientUrl, peerUrl, pki: `${pki}/etcd` }
  }
  return undefined
}

interface Said {
  readonly flags: ReadonlyMap<string, string>
  /** The directory of the host that a Pod has its data in. */
  readonly volume?: string | undefined
}

async function readManifest(text: string): Promise<Said | undefined> {
  try {
    const { parseYaml } = await import('../../yaml.js')
    const reader = new ManifestReader()
    await reader.read('etcd', text, ETCD_MANIFEST)
    const volume = volumeOf(parseYaml(text, ETCD_MANIFEST).value, 'etcd-data')
    return { flags: reader.facts.flags.get('etcd') ?? new Map(), volume }
  } catch (error) {
    if (error instanceof KpkiError) return undefined
    throw error
  }
}

/** The flags of a unit as `systemdFiles` writes them: one word each, in quotes where need be. */
async function readUnit(text: string): Promise<Said> {
  const words = text.matchAll(/"(--(?:[^"\\]|\\.)*)"|(?<=\s)(--[^\s"\\]+)/g)
  const flags = [...words].map(([, quoted, bare = '']) => {
    const word = quoted === undefined ? bare : quoted.replace(/\\(.)/g, '$1')
    const [name = '', ...value] = word.slice('--'.length).replaceAll('%%', '%').replaceAll('$$', '$').split('=')
    return [name, value.join('=')] as const
  })
  return { flags: new Map(flags) }
}

/** The directory of the host behind a volume of a Pod. */
function volumeOf(pod: YamlValue, name: string): string | undefined {
  const spec = isYamlObject(pod) ? pod['spec'] : undefined
  const volumes = isYamlObject(spec) ? spec['volumes'] : undefined
  const volume = Array.isArray(volumes) ? volumes.find(each => isYamlObject(each) && each['name'] === name) : undefined
  const hostPath = isYamlObject(volume) ? volume['hostPath'] : undefined
  const path = isYamlObject(hostPath) ? hostPath['path'] : undefined
  return typeof path === 'string' ? path : undefined
}

/** A member of etcd's cluster. */
interface Member {
  /** 64 bits, decimal. */
  readonly id: string
  readonly peerUrls: readonly string[]
  readonly clientUrls: readonly string[]
}

/**
 * Takes this host's member out of etcd's cluster, by etcd's JSON gateway and with the certificate that health checks use. The last
 * member stays: with it the cluster ends.
 *
 * @returns what came of it
 * @throws `WorkflowError` `KPKI_SERVICE_FAILED` for what etcd refuses; `NetworkError`
 * @see https://etcd.io/docs/v3.6/dev-guide/api_grpc_gateway/
 */
export async function removeEtcdMember(
  { clientUrl, peerUrl, pki }: EtcdHere,
  host: Host,
  system: HostSystem,
): Promise<{ readonly isRemoved: boolean; readonly text: string }> {
  const file = async (name: string) => decodeUtf8((await host.read(`${pki}/${name}`)) ?? new Uint8Array()) ?? ''
  const [ca, certPem, keyPem] = [
    await file('ca.crt'),
    await file('healthcheck-client.crt'),
    await file('healthcheck-client.key'),
  ]
  if (ca === '' || certPem === '' || keyPem === '')
    throw failure(`ca.crt and healthcheck-client.crt with its key are not in ${host.locate(pki)}`)
  const ask = async (url: string, path: string, json: JsonObject): Promise<JsonObject> => {
    const answer = await system.fetch(`${url}/v3/cluster/${path}`, { ca, certPem, keyPem, json })
    return parseAnswer(answer, path)
  }
  const members = membersOf(await ask(clientUrl, 'member/list', {}))
  const own = members.find(({ peerUrls }) => peerUrl !== undefined && peerUrls.includes(peerUrl))
  if (!own) return { isRemoved: false, text: "this host is no member of etcd's cluster any more" }
  if (members.length === 1)
    return { isRemoved: false, text: "this host holds the last member of etcd's cluster, which ends with it" }
  // One that stays is asked first: the member that goes may be gone before it has answered.
  const others = members.filter(member => member !== own).flatMap(({ clientUrls }) => clientUrls.slice(0, 1))
  let problem: unknown
  for (const url of [...others, clientUrl]) {
    try {
      await ask(url, 'member/remove', { ID: own.id })
      return { isRemoved: true, text: `etcd member ${own.id} was removed; ${members.length - 1} are left` }
    } catch (error) {
      problem ??= error
    }
  }
  throw problem
}

function parseAnswer({ status, body }: WebAnswer, path: string): JsonObject {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch {
    value = undefined
  }
  if (!isJsonObject(value)) throw failure(`etcd answers ${path} with status ${status} and no JSON`)
  if (status === 200) return value
  const message = typeof value['message'] === 'string' ? `: ${value['message'].slice(0, 200)}` : ''
  throw failure(`etcd answers ${path} with status ${status}${message}`)
}

function membersOf(answer: JsonObject): readonly Member[] {
  const members = answer['members']
  if (!Array.isArray(members)) return []
  const texts = (value: unknown) => (Array.isArray(value) ? value.filter(item => typeof item === 'string') : [])
  return members.filter(isJsonObject).flatMap(member => {
    const id = member['ID']
    if (typeof id !== 'string') return []
    return [{ id, peerUrls: texts(member['peerURLs']), clientUrls: texts(member['clientURLs']) }]
  })
}

function failure(message: string): WorkflowError {
  return new WorkflowError('KPKI_SERVICE_FAILED', message, {
    hint: 'remove the member by hand, on a host that stays: etcdctl member list, etcdctl member remove ID',
  })
}
