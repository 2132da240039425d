import { decodeUtf8, encodeUtf8, formatBase64 } from '../crypto/bytes.js'
import { formatPem, type PemBlock, parsePem } from '../crypto/pem.js'
import { EncodingError, PolicyError, StoreError } from '../errors.js'
import { readCurrentEntries } from './kubeconfig-current.js'
import type { ClusterEntry, Impersonation, UserEntry } from './kubeconfig-entries.js'
import { showUrl } from './server-url.js'

/** How to connect to a cluster, and as whom. Holds secrets: `client`, `authorization`, `proxyUrl`. */
export interface ClusterConnection {
  /** `https://HOST[:PORT][/PREFIX]`, without user name or password. */
  readonly server: string
  /** CERTIFICATE blocks; `undefined`: whatever the host trusts. */
  readonly caPem: string | undefined
  /** `insecure-skip-tls-verify`: the server is taken for what it says. */
  readonly isInsecure: boolean
  /** The name that the server's certificate must have. `undefined`: the server's host. */
  readonly serverName: string | undefined
  /** As the kubeconfig has it; the environment is for who connects. */
  readonly proxyUrl: string | undefined
  readonly client: { readonly certificatePem: string; readonly keyPem: string } | undefined
  /** Value of the header: a bearer token, or user name and password. */
  readonly authorization: string | undefined
  readonly impersonation: Impersonation | undefined
  /** What the context puts things into that name no namespace. */
  readonly namespace: string | undefined
  /** What it is called there: for people. */
  readonly contextName: string
  readonly clusterName: string
  readonly userName: string
}

/** Where a kubeconfig stands, and how to read what it names. */
export interface KubeconfigSource {
  /** Named in errors, e.g. the file's path. Default: `the kubeconfig` */
  readonly what?: string
  /** Folder of the file: other files in it are named from there. `undefined`: from where the program was started. */
  readonly folder?: string | undefined
  /** Reads a file; `undefined` when there is none. Default: files that are named are refused. */
  readonly readFile?: ((path: string) => Promise<Uint8Array | undefined>) | undefined
  /** Default: `current-context` */
  readonly contextName?: string | undefined
  /** Further kubeconfigs, which count less: of each name the first entry is taken, as kubectl does it. Default: none. */
  readonly beside?: readonly (Pick<KubeconfigSource, 'what' | 'folder'> & { readonly text: string })[]
}

/**
 * Path of a file that a kubeconfig names: relative ones are relative to the kubeconfig's folder.
 *
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/client-go/tools/clientcmd/loader.go (ResolveLocalPaths)
 */
export function resolveReference(path: string, folder: string | undefined): string {
  const isAbsolute = path.startsWith('/') || /^[A-Za-z]:[\\/]/.test(path)
  return isAbsolute || folder === undefined || folder === ''
    ? path
    : `${folder.replace(/\/+$/, '')}/${path.replace(/^(\.\/+)+/, '')}`
}

/**
 * Reads of a kubeconfig how to connect, as client-go understands it, with the contents of the files that it names.
 *
 * Stricter: talks to no server without TLS, and runs no programs (`exec`, `auth-provider`).
 *
 * @param text - YAML or JSON, at most 1 MiB
 * @throws {@link EncodingError} `KPKI_KUBECONFIG_INVALID`, `KPKI_YAML_INVALID`, `KPKI_INPUT_TOO_LARGE`, `KPKI_PEM_INVALID`,
 *   `KPKI_PEM_LABEL`, `KPKI_KEY_ENCRYPTED`; {@link PolicyError} `KPKI_KUBECONFIG_PLUGIN`; {@link StoreError} for the files;
 *   never with a secret in the message
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/client-go/tools/clientcmd/client_config.go (ClientConfig) and
 *   validation.go
 */
export async function readClusterConnection(text: string, source: KubeconfigSource = {}): Promise<ClusterConnection> {
  const place = (content: string, { what = 'the kubeconfig', folder }: Pick<KubeconfigSource, 'what' | 'folder'>) => ({
    text: content,
    what,
    folder,
    readFile: source.readFile,
  })
  const beside = (source.beside ?? []).map(file => place(file.text, file))
  const found = await readCurrentEntries([place(text, source), ...beside], source.contextName)
  const [context, cluster, user] = [found.context.entry, found.cluster.entry, found.user.entry]
  const [clusterFile, userFile] = [found.cluster.file, found.user.file]
  refusePlugins(user, userFile.what)
  checkCluster(cluster, refusal(clusterFile.what))
  checkUser(user, refusal(userFile.what))
  const { server, authorization: urlAuthorization } = readServer(cluster, refusal(clusterFile.what))
  const read = (field: string, path: string) => readReferenced(field, path, userFile)
  const contents = async (field: string, data: string | undefined, path: string | undefined) =>
    data ?? (path === undefined ? undefined : await read(field, path))
  const ca =
    cluster.caPem ??
    (cluster.caFile === undefined
      ? undefined
      : await readReferenced('certificate-authority', cluster.caFile, clusterFile))
  const certificate = await contents('client-certificate', user.certificatePem, user.certificateFile)
  const key = certificate === undefined ? undefined : await contents('client-key', user.keyPem, user.keyFile)
  return {
    server,
    caPem: ca === undefined ? undefined : certificatesOf(ca, `certificate-authority of ${clusterFile.what}`),
    isInsecure: cluster.isInsecure,
    serverName: cluster.serverName,
    proxyUrl: cluster.proxyUrl,
    client:
      certificate === undefined || key === undefined
        ? undefined
        : {
            certificatePem: certificatesOf(certificate, `client-certificate of ${userFile.what}`),
            keyPem: keyOf(key, `client-key of ${userFile.what}`),
          },
    authorization: (await authorizationOf(user, read, refusal(userFile.what))) ?? urlAuthorization,
    impersonation: user.impersonation,
    namespace: context.namespace,
    contextName: context.name,
    clusterName: cluster.name,
    userName: user.name,
  }
}

type Invalid = (problem: string, hint?: string) => EncodingError

function refusal(what: string): Invalid {
  return (problem, hint) =>
    new EncodingError('KPKI_KUBECONFIG_INVALID', `${what}: ${problem}`, {
      details: { what },
      ...(hint ? { hint } : {}),
    })
}

function refusePlugins({ name, extras }: UserEntry, what: string): void {
  const plugin = extras.find(field => field === 'exec' || field === 'auth-provider')
  if (plugin === undefined) return
  throw new PolicyError(
    'KPKI_KUBECONFIG_PLUGIN',
    `${what}: the user ${JSON.stringify(name)} logs in with another program (${plugin}), and kpki runs none`,
    {
      details: { what, user: name, field: plugin },
      hint: 'use a kubeconfig with a client certificate or a token, e.g. admin.conf or one that kpki kubeconfig user makes',
    },
  )
}

function refuseBoth(entry: string, field: string, data: unknown, path: unknown, invalid: Invalid): void {
  if (data !== undefined && path !== undefined)
    throw invalid(`${entry} has both ${field} and ${field}-data, which no client takes`, 'leave one of them out')
}

/** What client-go refuses to choose between. */
function checkCluster({ name, caPem, caFile, isInsecure }: ClusterEntry, invalid: Invalid): void {
  const entry = `the cluster ${JSON.stringify(name)}`
  refuseBoth(entry, 'certificate-authority', caPem, caFile, invalid)
  if (isInsecure && caFile !== undefined)
    throw invalid(`${entry} has both a CA and insecure-skip-tls-verify, which no client takes`)
}

/** As {@link checkCluster}. */
function checkUser(user: UserEntry, invalid: Invalid): void {
  const userEntry = `the user ${JSON.stringify(user.name)}`
  refuseBoth(userEntry, 'client-certificate', user.certificatePem, user.certificateFile, invalid)
  const hasCertificate = user.certificatePem !== undefined || user.certificateFile !== undefined
  if (hasCertificate) refuseBoth(userEntry, 'client-key', user.keyPem, user.keyFile, invalid)
  if (hasCertificate && user.keyPem === undefined && user.keyFile === undefined)
    throw invalid(`${userEntry} has a client certificate without its key`)
  const hasPassword = user.username !== undefined || user.password !== undefined
  if (hasPassword && (user.token !== undefined || user.tokenFile !== undefined))
    throw invalid(`${userEntry} has both a token and a user name or password, which no client takes`)
}

/** The server's URL as client-go completes it, and what its user name and password are worth. */
function readServer({ name, server }: ClusterEntry, invalid: Invalid): { server: string; authorization?: string } {
  const entry = `the cluster ${JSON.stringify(name)}`
  if (server === '') throw invalid(`${entry} has no server`)
  const shown = JSON.stringify(showUrl(server).text)
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(server) ? server : `https://${server}`
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || url.hostname === '')
    throw invalid(`${entry} has the server ${shown}, which is not a URL`, 'write it as https://HOST:PORT')
  if (url.protocol !== 'https:') {
    throw invalid(
      `${entry} has the server ${shown}, and kpki talks to no API server without TLS`,
      'write it as https://HOST:PORT',
    )
  }
  const prefix = url.pathname.replace(/\/+$/, '')
  const hasUser = url.username !== '' || url.password !== ''
  return {
    server: `https://${url.host}${prefix}`,
    ...(hasUser ? { authorization: basic(decodePart(url.username), decodePart(url.password)) } : {}),
  }
}

async function authorizationOf(
  { name, token, tokenFile, username, password }: UserEntry,
  read: (field: string, path: string) => Promise<string>,
  invalid: Invalid,
): Promise<string | undefined> {
  if (username !== undefined || password !== undefined) return basic(username ?? '', password ?? '')
  // What is in the file is newer, where there is one. client-go/transport/round_trippers.go (bearerAuthRoundTripper)
  const fromFile = tokenFile === undefined ? undefined : readToken(tokenFile, read, token !== undefined)
  const bearer = ((await fromFile) ?? token)?.trim()
  if (bearer === undefined) return undefined
  if (!/^[\x21-\x7e]+$/.test(bearer))
    throw invalid(`the token of the user ${JSON.stringify(name)} is empty, or has blanks or other characters in it`)
  return `Bearer ${bearer}`
}

async function readToken(
  path: string,
  read: (field: string, path: string) => Promise<string>,
  hasOther: boolean,
): Promise<string | undefined> {
  try {
    return await read('tokenFile', path)
  } catch (error) {
    if (hasOther && error instanceof StoreError) return undefined
    throw error
  }
}

async function readReferenced(field: string, path: string, source: KubeconfigSource): Promise<string> {
  const what = source.what ?? 'the kubeconfig'
  const { readFile, folder } = source
  const target = resolveReference(path, folder)
  if (!readFile) {
    throw new EncodingError(
      'KPKI_KUBECONFIG_INVALID',
      `${what}: names a file (${field}), and there is nobody to read it`,
      {
        details: { what, field },
        hint: `put its contents into ${field}-data`,
      },
    )
  }
  const bytes = await readFile(target)
  if (!bytes) {
    throw new StoreError('KPKI_FILE_NOT_FOUND', `${target}, the ${field} of ${what}, does not exist`, {
      details: { path: target, what, field },
    })
  }
  const text = decodeUtf8(bytes)
  if (text !== undefined) return text
  throw new EncodingError('KPKI_PEM_INVALID', `${target}, the ${field} of ${what}, is not UTF-8 text`, {
    details: { what: target },
  })
}

function certificatesOf(pem: string, what: string): string {
  const blocks = parsePem(pem, what).filter(({ label }) => label === 'CERTIFICATE')
  if (blocks.length === 0)
    throw new EncodingError('KPKI_PEM_LABEL', `${what}: holds no certificate`, { details: { what } })
  return blocks.map(format).join('')
}

function keyOf(pem: string, what: string): string {
  const block = parsePem(pem, what).find(({ label }) => label.endsWith('PRIVATE KEY'))
  if (!block) throw new EncodingError('KPKI_PEM_LABEL', `${what}: holds no private key`, { details: { what } })
  if (block.hasHeaders || block.label.startsWith('ENCRYPTED')) {
    throw new EncodingError('KPKI_KEY_ENCRYPTED', `${what}: is encrypted`, {
      details: { what },
      hint: 'decrypt it with openssl pkey; kubectl cannot read it either',
    })
  }
  return format(block)
}

function format({ label, bytes }: PemBlock): string {
  return formatPem(label, bytes)
}

function basic(username: string, password: string): string {
  return `Basic ${formatBase64(encodeUtf8(`${username}:${password}`))}`
}

function decodePart(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
