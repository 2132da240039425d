import { decodeUtf8, parseBase64 } from '../crypto/bytes.js'
import { hasControlCharacter, quote } from '../kubernetes/cluster-fields.js'
import { looksSecret } from '../kubernetes/secret-shapes.js'
import type { YamlValue } from '../yaml-scalars.js'
import { showUrl } from './server-url.js'

/** A named cluster, its certificates still PEM text. */
export interface ClusterEntry {
  readonly name: string
  /** As it stands there, and so perhaps with a password in it. */
  readonly server: string
  /** `certificate-authority-data`, decoded. */
  readonly caPem: string | undefined
  /** `certificate-authority`: a path. */
  readonly caFile: string | undefined
  readonly isInsecure: boolean
  /** `tls-server-name` */
  readonly serverName: string | undefined
  /** `proxy-url`, as it stands there, and so perhaps with a password in it. */
  readonly proxyUrl: string | undefined
  /** Fields whose URL holds what may be a credential, and what that is. */
  readonly urlSecrets: readonly { readonly field: 'server' | 'proxy-url'; readonly what: string }[]
  /** Fields that change how one connects: names only. */
  readonly extras: readonly string[]
  /** Fields that no client knows. */
  readonly unknown: readonly string[]
}

/** `exec`: a program that gets credentials. */
export interface ExecEntry {
  readonly command: string
  readonly apiVersion: string
  readonly interactiveMode: string
  /** One of its environment variables has no name. */
  readonly hasUnnamedVariable: boolean
}

/** `as`, `as-groups`, `as-user-extra`: whom the user speaks for. */
export interface Impersonation {
  readonly user: string
  readonly groups: readonly string[]
  readonly extra: Readonly<Record<string, readonly string[]>>
}

/** A named user. Holds secrets: `keyPem`, `token`, `password`. */
export interface UserEntry {
  readonly name: string
  /** `client-certificate-data`, decoded. */
  readonly certificatePem: string | undefined
  readonly certificateFile: string | undefined
  /** `client-key-data`, decoded. */
  readonly keyPem: string | undefined
  readonly keyFile: string | undefined
  readonly token: string | undefined
  /** A path. */
  readonly tokenFile: string | undefined
  readonly username: string | undefined
  readonly password: string | undefined
  readonly impersonation: Impersonation | undefined
  readonly exec: ExecEntry | undefined
  /** `auth-provider`: its name. */
  readonly authProvider: string | undefined
  /** Fields that say as whom one connects beside certificate and key: names only. */
  readonly extras: readonly string[]
  /** Fields that no client knows. */
  readonly unknown: readonly string[]
}

/** A named context: a user at a cluster. */
export interface ContextEntry {
  readonly name: string
  /** Empty where it names none. */
  readonly cluster: string
  /** Empty where it names none. */
  readonly user: string
  readonly namespace: string | undefined
}

/** A fault as a sentence about its file. */
export function sentenceOf({ list, name, problem }: EntryFault): string {
  if (name !== undefined) return `the ${list?.slice(0, -1)} ${JSON.stringify(name)} ${problem}`
  return list === undefined ? problem : `${list} ${problem}`
}

/** The lists of a kubeconfig. */
export type EntryList = 'clusters' | 'users' | 'contexts'

/** What is wrong with one entry, or with what stands around them. */
export interface EntryFault {
  /** `undefined`: it is not about an entry. */
  readonly list: EntryList | undefined
  /** Of the entry; `undefined` when it has none. */
  readonly name: string | undefined
  /** End of a sentence. */
  readonly problem: string
  /** client-go reads nothing of the file, and of those that it is merged with, because of it. */
  readonly isOfAll: boolean
}

/** Everything that a kubeconfig says; what is broken is left out and told of. */
export interface KubeconfigEntries {
  readonly currentContext: string | undefined
  readonly clusters: readonly ClusterEntry[]
  readonly users: readonly UserEntry[]
  readonly contexts: readonly ContextEntry[]
  readonly faults: readonly EntryFault[]
}

/** @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/client-go/tools/clientcmd/api/v1/types.go (Cluster, AuthInfo) */
const EXTRAS = {
  cluster: ['tls-server-name', 'proxy-url', 'insecure-skip-tls-verify'],
  user: ['token', 'tokenFile', 'username', 'password', 'as', 'as-groups', 'as-user-extra', 'auth-provider', 'exec'],
} as const

/** Fields that clients know beside those; `disable-compression` and `as-uid` are of newer ones. */
const KNOWN = {
  cluster: [
    ...EXTRAS.cluster,
    ...['server', 'certificate-authority', 'certificate-authority-data', 'disable-compression', 'extensions'],
  ],
  user: [
    ...EXTRAS.user,
    ...['client-certificate', 'client-certificate-data', 'client-key', 'client-key-data', 'as-uid', 'extensions'],
  ],
} as const

type Fields = Readonly<Record<string, unknown>>

/**
 * Why client-go does not take a document for a kubeconfig whatever else stands in it: it is of another kind or version. Those may
 * be left out.
 *
 * @returns end of a sentence
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/client-go/tools/clientcmd/loader.go (Load)
 */
export function foreignKind(root: YamlValue): string | undefined {
  for (const [field, wanted] of [
    ['kind', 'Config'],
    ['apiVersion', 'v1'],
  ] as const) {
    // encoding/json does not mind the case of what it looks for.
    const values = Object.entries(toFields(root) ?? {}).filter(([key]) => key.toLowerCase() === field.toLowerCase())
    const other = values.map(([, value]) => value).find(value => value !== null && value !== '' && value !== wanted)
    if (other !== undefined)
      return `its ${field} is ${typeof other === 'string' && !looksSecret(other) ? quote(other) : 'another one'}, and that of a kubeconfig ${wanted}`
  }
  return undefined
}

/**
 * Reads all entries of a kubeconfig.
 *
 * @param root - a YAML document
 * @returns `undefined` when it is no kubeconfig
 */
export function readKubeconfigEntries(root: YamlValue): KubeconfigEntries | undefined {
  const fields = toFields(root)
  if (!fields || foreignKind(root) !== undefined) return undefined
  // Of several files one may have the users alone; kubectl minds neither that nor a missing kind.
  const isOne =
    fields['kind'] === 'Config' ||
    fields['clusters'] ||
    fields['current-context'] !== undefined ||
    [fields['users'], fields['contexts']].some(Array.isArray)
  if (!isOne) return undefined
  const faults: EntryFault[] = []
  const read = <T>(list: EntryList, entry: string, parse: (name: string, fields: Fields, report: Report) => T) => {
    const items = Array.isArray(fields[list]) ? (fields[list] as readonly unknown[]) : []
    const fault = (name: string | undefined, problem: string, isOfAll = true) =>
      faults.push({ list, name, problem, isOfAll })
    if (fields[list] && !Array.isArray(fields[list])) fault(undefined, 'is not a list')
    const seen = new Set<string>()
    return items.flatMap((item, index) => {
      const name = toFields(item)?.['name'] ?? undefined
      // client-go takes what is not there for empty.
      const value = toFields(toFields(item)?.[entry] ?? {})
      const known = typeof name === 'string' ? name : undefined
      // kubernetes/kubernetes v1.20.2, client-go/tools/clientcmd/api/v1/conversion.go: "duplicate name in list"
      if (known !== undefined && seen.has(known)) {
        fault(known, 'stands in it twice, for which kubectl refuses all of it')
        return []
      }
      if (known !== undefined) seen.add(known)
      if (known !== undefined && value) {
        return [parse(known, value, (problem, isOfAll = false) => fault(known, problem, isOfAll))]
      }
      if (known !== undefined) fault(known, `has a ${entry} that is no mapping`)
      else if (name === undefined) fault(undefined, `has an entry without a name, the ${ordinal(index)}`, false)
      else fault(undefined, `has an entry whose name is no text, the ${ordinal(index)}: put it in quotes`)
      return []
    })
  }
  const currentContext = fields['current-context'] ?? ''
  if (typeof currentContext !== 'string')
    faults.push({
      list: undefined,
      name: undefined,
      problem: 'has a current-context that is no text: put it in quotes',
      isOfAll: true,
    })
  return {
    currentContext: typeof currentContext === 'string' && currentContext !== '' ? currentContext : undefined,
    clusters: read('clusters', 'cluster', readCluster),
    users: read('users', 'user', readUser),
    contexts: read('contexts', 'context', (name, context, report) => ({
      name,
      cluster: textOf(context, 'cluster', report) ?? '',
      user: textOf(context, 'user', report) ?? '',
      namespace: textOf(context, 'namespace', report),
    })),
    faults,
  }
}

/** `isOfAll`: see {@link EntryFault}; by default not. */
type Report = (problem: string, isOfAll?: boolean) => void

/** Place of an item in words. */
export function ordinal(index: number): string {
  const number = index + 1
  const ending = { 1: 'st', 2: 'nd', 3: 'rd' }[number % 100 > 10 && number % 100 < 14 ? 0 : number % 10] ?? 'th'
  return `${number}${ending}`
}

function readCluster(name: string, cluster: Fields, report: Report): ClusterEntry {
  const caPem = pemOf(cluster, 'certificate-authority-data', report)
  const insecure = cluster['insecure-skip-tls-verify'] ?? false
  const isInsecure = insecure === true
  if (typeof insecure !== 'boolean') report('insecure-skip-tls-verify is neither true nor false', true)
  if (isInsecure && cluster['certificate-authority-data'])
    report('has both a CA and insecure-skip-tls-verify, which no client takes')
  return {
    name,
    server: textOf(cluster, 'server', report) ?? '',
    caPem,
    caFile: pathOf(cluster, 'certificate-authority', report),
    isInsecure,
    serverName: textOf(cluster, 'tls-server-name', report),
    proxyUrl: textOf(cluster, 'proxy-url', report),
    urlSecrets: (['server', 'proxy-url'] as const).flatMap(field => {
      const url = cluster[field]
      const what = typeof url === 'string' ? showUrl(url).hidden : undefined
      return what === undefined ? [] : [{ field, what }]
    }),
    extras: EXTRAS.cluster.filter(field => cluster[field]),
    unknown: unknownOf(cluster, KNOWN.cluster),
  }
}

function readUser(name: string, user: Fields, report: Report): UserEntry {
  return {
    name,
    certificatePem: pemOf(user, 'client-certificate-data', report),
    certificateFile: pathOf(user, 'client-certificate', report),
    keyPem: pemOf(user, 'client-key-data', report),
    keyFile: pathOf(user, 'client-key', report),
    token: textOf(user, 'token', report),
    tokenFile: pathOf(user, 'tokenFile', report),
    username: textOf(user, 'username', report),
    password: textOf(user, 'password', report),
    impersonation: readImpersonation(user, report),
    exec: readExec(user, report),
    authProvider: readPlugin(user, 'auth-provider', report, plugin => textOf(plugin, 'name', report) ?? ''),
    extras: EXTRAS.user.filter(field => user[field]),
    unknown: unknownOf(user, KNOWN.user),
  }
}

function readPlugin<T>(user: Fields, field: string, report: Report, read: (plugin: Fields) => T): T | undefined {
  const value = user[field] ?? undefined
  const plugin = toFields(value)
  if (value !== undefined && !plugin) report(`${field} is no mapping`, true)
  return plugin && read(plugin)
}

function readExec(user: Fields, report: Report): ExecEntry | undefined {
  return readPlugin(user, 'exec', report, exec => {
    const variables = exec['env'] ?? []
    if (!Array.isArray(variables)) report('env of exec is not a list', true)
    return {
      command: textOf(exec, 'command', report) ?? '',
      apiVersion: textOf(exec, 'apiVersion', report) ?? '',
      interactiveMode: textOf(exec, 'interactiveMode', report) ?? '',
      hasUnnamedVariable: Array.isArray(variables) && variables.some(variable => !toFields(variable)?.['name']),
    }
  })
}

/** Names of fields are people's own where no client knows them: only what looks like one is shown. */
function unknownOf(fields: Fields, known: readonly string[]): readonly string[] {
  return Object.keys(fields)
    .filter(field => !known.includes(field))
    .map(field => (/^[A-Za-z0-9_.-]{1,40}$/.test(field) && !looksSecret(field) ? field : '***'))
}

function readImpersonation(user: Fields, report: Report): Impersonation | undefined {
  const name = textOf(user, 'as', report)
  const groups = textsOf(user['as-groups'] ?? [])
  const extra = Object.entries(toFields(user['as-user-extra'] ?? {}) ?? { '': undefined }).map(
    ([key, values]) => [key, textsOf(values)] as const,
  )
  if (!groups) report('as-groups is not a list of texts', true)
  const known = extra.flatMap(([key, values]) => (values ? [[key, values] as const] : []))
  if (known.length < extra.length) report('as-user-extra is not a map of lists of texts', true)
  // kubernetes/kubernetes v1.20.2, client-go/tools/clientcmd/validation.go (validateAuthInfo)
  if (name === undefined && (groups?.length || known.length)) report('has as-groups or as-user-extra, but no as')
  if ([name ?? '', ...(groups ?? []), ...known.flat(2)].some(hasControlCharacter))
    report('has a control character in as, as-groups or as-user-extra')
  return name === undefined ? undefined : { user: name, groups: groups ?? [], extra: Object.fromEntries(known) }
}

function textsOf(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) && value.every(item => typeof item === 'string') ? value : undefined
}

function textOf(fields: Fields, field: string, report: Report): string | undefined {
  const value = fields[field] ?? ''
  if (typeof value !== 'string') report(`${field} is not a text`, true)
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** A path; people put there what belongs into the field of the same name with `-data`, and that may be a key. */
function pathOf(fields: Fields, field: string, report: Report): string | undefined {
  const path = textOf(fields, field, report)
  // PATH_MAX and NAME_MAX of Linux; LS0tLS1C is -----B in base64.
  const isPath =
    path === undefined ||
    (path.length < 4096 && !/\n|-----BEGIN|LS0tLS1C/.test(path) && path.split('/').every(part => part.length < 256))
  if (isPath) return path
  report(`${field} is no path; contents belong into ${field}-data`)
  return undefined
}

function pemOf(fields: Fields, field: string, report: Report): string | undefined {
  const encoded = textOf(fields, field, report)
  const bytes = encoded === undefined ? undefined : parseBase64(encoded)
  const pem = bytes && decodeUtf8(bytes)
  if (encoded !== undefined && pem === undefined) report(`${field} is not base64 of a PEM text`, !bytes)
  return pem
}

function toFields(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined
}
