import { decodeUtf8, parseBase64 } from '../crypto/bytes.js'
import { hasControlCharacter } from '../kubernetes/cluster-fields.js'
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
  /** Fields that say as whom one connects beside certificate and key: names only. */
  readonly extras: readonly string[]
}

/** A named context: a user at a cluster. */
export interface ContextEntry {
  readonly name: string
  readonly cluster: string
  readonly user: string
  readonly namespace: string | undefined
}

/** What is wrong with one entry. */
export interface EntryFault {
  readonly list: 'clusters' | 'users' | 'contexts'
  /** Of the entry; `undefined` when it has none. */
  readonly name: string | undefined
  /** End of a sentence. */
  readonly problem: string
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

type Fields = Readonly<Record<string, unknown>>

/**
 * Reads all entries of a kubeconfig.
 *
 * @param root - a YAML document
 * @returns `undefined` when it is no kubeconfig
 */
export function readKubeconfigEntries(root: YamlValue): KubeconfigEntries | undefined {
  const fields = toFields(root)
  if (fields?.['kind'] !== 'Config' && !fields?.['clusters']) return undefined
  const faults: EntryFault[] = []
  const read = <T>(
    list: EntryFault['list'],
    entry: string,
    parse: (name: string, fields: Fields, report: Report) => T,
  ) => {
    const items = Array.isArray(fields[list]) ? (fields[list] as readonly unknown[]) : []
    if (fields[list] && !Array.isArray(fields[list])) faults.push({ list, name: undefined, problem: 'is not a list' })
    const seen = new Set<string>()
    return items.flatMap(item => {
      const name = toFields(item)?.['name']
      const value = toFields(toFields(item)?.[entry])
      const known = typeof name === 'string' ? name : undefined
      // kubernetes/kubernetes v1.20.2, client-go/tools/clientcmd/api/v1/conversion.go: "duplicate name in list"
      if (known !== undefined && seen.has(known)) {
        faults.push({ list, name: known, problem: 'stands in it twice, for which kubectl refuses all of it' })
        return []
      }
      if (known !== undefined) seen.add(known)
      if (known !== undefined && value) {
        return [parse(known, value, problem => faults.push({ list, name: known, problem }))]
      }
      faults.push({
        list,
        name: known,
        problem: known === undefined ? 'has an entry without a name' : `has no ${entry}`,
      })
      return []
    })
  }
  const currentContext = fields['current-context']
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

type Report = (problem: string) => void

function readCluster(name: string, cluster: Fields, report: Report): ClusterEntry {
  const caPem = pemOf(cluster, 'certificate-authority-data', report)
  const isInsecure = cluster['insecure-skip-tls-verify'] === true
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
    extras: EXTRAS.user.filter(field => user[field]),
  }
}

function readImpersonation(user: Fields, report: Report): Impersonation | undefined {
  const name = textOf(user, 'as', report)
  const groups = textsOf(user['as-groups'] ?? [])
  const extra = Object.entries(toFields(user['as-user-extra'] ?? {}) ?? { '': undefined }).map(
    ([key, values]) => [key, textsOf(values)] as const,
  )
  if (!groups) report('as-groups is not a list of texts')
  const known = extra.flatMap(([key, values]) => (values ? [[key, values] as const] : []))
  if (known.length < extra.length) report('as-user-extra is not a map of lists of texts')
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
  if (typeof value !== 'string') report(`${field} is not a text`)
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
  if (encoded !== undefined && pem === undefined) report(`${field} is not base64 of a PEM text`)
  return pem
}

function toFields(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined
}
