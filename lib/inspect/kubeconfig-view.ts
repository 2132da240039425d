import { type JwtClaims, readJwtClaims } from '../access/jwt-claims.js'
import { resolveReference } from '../access/kubeconfig-connection.js'
import { type DuplicateField, duplicateFields } from '../access/kubeconfig-duplicates.js'
import {
  type ClusterEntry,
  foreignKind,
  type KubeconfigEntries,
  readKubeconfigEntries,
  type UserEntry,
} from '../access/kubeconfig-entries.js'
import { showUrl } from '../access/server-url.js'
import type { Context } from '../context.js'
import { decodeUtf8 } from '../crypto/bytes.js'
import { EncodingError } from '../errors.js'
import { looksSecret } from '../kubernetes/secret-shapes.js'
import { parseYaml } from '../yaml.js'
import { inspectFiles } from './inspect.js'
import { clusterRefusals, type KubeconfigRefusal, userRefusals } from './kubeconfig-refusals.js'
import { directoryOf } from './links.js'
import { faultPart } from './read-kubeconfig.js'
import type { InspectedKubeconfig, InspectInput, Inspection, Place } from './types.js'

/** A file that a kubeconfig names. */
export interface ViewedReference {
  /** e.g. `client-certificate` */
  readonly field: string
  /** As it is found from here. */
  readonly path: string
  /** Why it could not be read, or is not what it should be, as the end of a sentence. */
  readonly problem: string | undefined
}

/** How a user shows who they are; no secret. */
export type ViewedCredential =
  | {
      readonly kind: 'certificate'
      /** Index among the inspection's certificates. */
      readonly certificate: number | undefined
      /** Whether there is a private key, and it is the certificate's. `unknown`: one of the two could not be read. */
      readonly key: 'matches' | 'mismatch' | 'missing' | 'unknown'
    }
  | {
      readonly kind: 'token'
      /** `undefined` when it is no JWT, or could not be read. */
      readonly claims: JwtClaims | undefined
      /** The file that it is read from each time. */
      readonly file: string | undefined
    }
  | { readonly kind: 'basic'; readonly username: string }
  /** `command`: as it is found from here, without a slash it is looked for in PATH; `***` in place of what follows a blank. */
  | { readonly kind: 'exec'; readonly command: string }
  | { readonly kind: 'auth-provider'; readonly name: string }

/** A named cluster. */
export interface ViewedCluster {
  readonly file: string
  readonly name: string
  /** Without user name, password, query and fragment. */
  readonly server: string
  /** The name that the server's certificate must have instead of the server's own. */
  readonly serverName: string | undefined
  /** As `server`. */
  readonly proxyUrl: string | undefined
  readonly isInsecure: boolean
  /** Indexes among the inspection's certificates; empty where the system's are trusted. */
  readonly caCertificates: readonly number[]
  readonly references: readonly ViewedReference[]
  /** Fields that are there as data and as a path. */
  readonly doubled: readonly string[]
  /** What clients have against it before they connect. */
  readonly refusals: readonly KubeconfigRefusal[]
}

/** A named user. */
export interface ViewedUser {
  readonly file: string
  readonly name: string
  /** Several, where they stand there; empty where there is none. */
  readonly credentials: readonly ViewedCredential[]
  /** Whom they speak for: `as`. */
  readonly impersonates: string | undefined
  /** `as-groups` */
  readonly impersonatesGroups: readonly string[]
  readonly references: readonly ViewedReference[]
  /** Fields that are there as data and as a path. */
  readonly doubled: readonly string[]
  /** What clients have against it before they connect. */
  readonly refusals: readonly KubeconfigRefusal[]
}

/** A named context. */
export interface ViewedContext {
  readonly file: string
  readonly name: string
  readonly cluster: string
  readonly user: string
  readonly namespace: string | undefined
  readonly isCurrent: boolean
}

/** Kubeconfigs as kubectl merges them. */
export interface KubeconfigView {
  readonly files: readonly string[]
  readonly currentContext: string | undefined
  readonly contexts: readonly ViewedContext[]
  readonly clusters: readonly ViewedCluster[]
  readonly users: readonly ViewedUser[]
  /** All certificates of them and of the files that they name, and what does not fit. */
  readonly inspection: Inspection
  /** Fields that stand twice, in whose files they do. */
  readonly duplicates: readonly (DuplicateField & { readonly file: string })[]
  /** Where remarks stand for which clients read nothing of all these files. */
  readonly general: readonly Place[]
}

/** Options of {@link viewKubeconfigs}. */
export interface ViewOptions {
  /** Reads a file that one of them names; `undefined` when there is none. Default: none is read. */
  readonly readFile?: (path: string) => Promise<Omit<InspectInput, 'name'> | undefined>
  /** Other files to look at, e.g. a CA. Default: none. */
  readonly others?: readonly InspectInput[]
}

/**
 * Reads kubeconfigs and the files that they name, and merges them as kubectl does: of each name the first entry counts, and the
 * first current context. No secret is in the result.
 *
 * @throws {@link EncodingError} `KPKI_KUBECONFIG_INVALID`, `KPKI_YAML_INVALID`, `KPKI_INPUT_TOO_LARGE`: one of them is none; what
 *   is wrong inside of it is in the inspection's remarks
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/client-go/tools/clientcmd/loader.go (ClientConfigLoadingRules.Load)
 */
export async function viewKubeconfigs(
  files: readonly InspectInput[],
  context: Context,
  options: ViewOptions = {},
): Promise<KubeconfigView> {
  const read = files.map(readEntries)
  const reader = new References(options)
  for (const { name, entries } of read) {
    for (const cluster of entries.clusters) await reader.read(name, clusterPaths(cluster))
    for (const user of entries.users) await reader.read(name, userPaths(user))
  }
  const inspection = await inspectFiles([...files, ...reader.inputs(), ...(options.others ?? [])], context)
  const clusters = new Map<string, ViewedCluster>()
  const users = new Map<string, ViewedUser>()
  const contexts = new Map<string, Omit<ViewedContext, 'isCurrent'>>()
  const currentContext = read.find(({ entries }) => entries.currentContext !== undefined)?.entries.currentContext
  for (const { name: file, entries } of read) {
    const found = inspection.kubeconfigs.find(({ place }) => place.file === file && place.part === undefined)
    const add = <T extends { readonly name: string }>(to: Map<string, T>, entry: T) => {
      if (!to.has(entry.name)) to.set(entry.name, entry)
    }
    for (const entry of entries.clusters) add(clusters, viewCluster(entry, file, { found, inspection, reader }))
    for (const entry of entries.users) add(users, viewUser(entry, file, { found, inspection, reader }))
    for (const entry of entries.contexts) add(contexts, { file, ...entry })
  }
  return {
    files: files.map(({ name }) => name),
    currentContext,
    contexts: [...contexts.values()].map(entry => ({ ...entry, isCurrent: entry.name === currentContext })),
    clusters: [...clusters.values()],
    users: [...users.values()],
    inspection,
    duplicates: read.flatMap(({ name, duplicates }) => duplicates.map(duplicate => ({ file: name, ...duplicate }))),
    general: read.flatMap(({ name, entries }) =>
      entries.faults.filter(({ isOfAll }) => isOfAll).map(fault => ({ file: name, part: faultPart(fault) })),
    ),
  }
}

const NOTHING: KubeconfigEntries = { currentContext: undefined, clusters: [], users: [], contexts: [], faults: [] }

function readEntries({ name, bytes }: InspectInput) {
  const text = decodeUtf8(bytes)
  const document = text === undefined ? undefined : parseYaml(text, name)
  // kubectl creates an empty file, and takes it for a kubeconfig of nothing.
  const entries = document?.value === null ? NOTHING : document && readKubeconfigEntries(document.value)
  if (document && entries) return { name, entries, duplicates: duplicateFields(document) }
  const problem = (document && foreignKind(document.value)) ?? 'it is not a kubeconfig'
  throw new EncodingError('KPKI_KUBECONFIG_INVALID', `${name}: ${problem}`, { details: { what: name } })
}

type Paths = readonly (readonly [field: string, path: string | undefined])[]

function clusterPaths({ caFile }: ClusterEntry): Paths {
  return [['certificate-authority', caFile]]
}

function userPaths({ certificateFile, keyFile, tokenFile }: UserEntry): Paths {
  return [
    ['client-certificate', certificateFile],
    ['client-key', keyFile],
    ['tokenFile', tokenFile],
  ]
}

/** What files name, each read once. */
class References {
  readonly #options: ViewOptions
  readonly #read = new Map<
    string,
    { readonly input?: InspectInput; readonly problem?: string; readonly token?: string }
  >()

  constructor(options: ViewOptions) {
    this.#options = options
  }

  async read(file: string, paths: Paths): Promise<void> {
    const { readFile } = this.#options
    for (const [field, path] of paths) {
      if (path === undefined || !readFile) continue
      const target = resolveReference(path, directoryOf(file))
      if (this.#read.has(target)) continue
      const found = await readFile(target)
      const input = found && { ...found, name: target }
      const problem = found ? found.problem : 'does not exist'
      const token = field === 'tokenFile' && found ? decodeUtf8(found.bytes) : undefined
      this.#read.set(target, {
        ...(problem === undefined ? {} : { problem }),
        // A token is no certificate, and a path that leads to something broken is told of by who names it.
        ...(input && token === undefined && problem === undefined ? { input } : {}),
        ...(token === undefined ? {} : { token: token.trim() }),
      })
    }
  }

  of(file: string, paths: Paths, inspection: Inspection): readonly ViewedReference[] {
    return paths.flatMap(([field, name]) => {
      if (name === undefined) return []
      const path = resolveReference(name, directoryOf(file))
      const read = this.#read.get(path)
      return [{ field, path, problem: read?.problem ?? (read?.input && contentProblem(field, path, inspection)) }]
    })
  }

  tokenOf(path: string): string | undefined {
    return this.#read.get(path)?.token
  }

  inputs(): InspectInput[] {
    return [...this.#read.values()].flatMap(({ input }) => input ?? [])
  }
}

/** Why a file that was read is not what the field asks for, as the end of a sentence. */
function contentProblem(field: string, path: string, { certificates, keys }: Inspection): string | undefined {
  const isHere = ({ places }: { readonly places: readonly Place[] }) => places.some(({ file }) => file === path)
  const [hasCertificate, own] = [certificates.some(isHere), keys.filter(isHere)]
  const privateKeys = own.filter(({ kind }) => kind === 'private')
  if (field === 'client-key') {
    if (privateKeys.some(({ isEncrypted }) => !isEncrypted)) return undefined
    if (privateKeys.length > 0) return 'holds an encrypted key, which no client reads'
    return `holds no private key${hasCertificate ? ', but a certificate' : own.length > 0 ? ', but a public one' : ''}`
  }
  return hasCertificate ? undefined : `holds no certificate${privateKeys.length > 0 ? ', but a private key' : ''}`
}

interface Facts {
  readonly found: InspectedKubeconfig | undefined
  readonly inspection: Inspection
  readonly reader: References
}

function viewCluster(entry: ClusterEntry, file: string, { found, inspection, reader }: Facts): ViewedCluster {
  const { name, server, serverName, proxyUrl, isInsecure, caPem, caFile } = entry
  return {
    file,
    name,
    server: showUrl(server).text,
    serverName,
    proxyUrl: proxyUrl === undefined ? undefined : showUrl(proxyUrl).text,
    isInsecure,
    caCertificates: found?.clusters.find(cluster => cluster.name === name)?.caCertificates ?? [],
    references: reader.of(file, clusterPaths(entry), inspection),
    doubled: caPem !== undefined && caFile !== undefined ? ['certificate-authority'] : [],
    refusals: clusterRefusals(entry),
  }
}

function viewUser(entry: UserEntry, file: string, { found, inspection, reader }: Facts): ViewedUser {
  const { name, certificatePem, certificateFile, keyPem, keyFile, token, tokenFile, username, password } = entry
  const { exec, authProvider, impersonation } = entry
  const references = reader.of(file, userPaths(entry), inspection)
  const pathOf = (field: string) => references.find(reference => reference.field === field)?.path
  const credentials: ViewedCredential[] = []
  if (certificatePem !== undefined || certificateFile !== undefined || keyPem !== undefined || keyFile !== undefined) {
    const certificate = found?.users.find(user => user.name === name)?.certificate
    const key = keyState(entry, file, certificate, pathOf('client-key'), inspection)
    credentials.push({ kind: 'certificate', certificate, key })
  }
  const path = pathOf('tokenFile')
  const fileToken = path === undefined ? undefined : reader.tokenOf(path)
  if (token !== undefined || tokenFile !== undefined) {
    const content = fileToken ?? token
    credentials.push({ kind: 'token', claims: content === undefined ? undefined : readJwtClaims(content), file: path })
  }
  if (username !== undefined || password !== undefined) credentials.push({ kind: 'basic', username: username ?? '' })
  if (exec) {
    // Arguments have a field of their own, and may be secrets where they stand here.
    const program = looksSecret(exec.command) ? '***' : exec.command.replace(/\s.*/s, ' ***')
    const isPath = program.includes('/')
    const command = isPath ? resolveReference(program, directoryOf(file)) : program
    credentials.push({ kind: 'exec', command: isPath && !command.includes('/') ? `./${command}` : command })
  }
  if (authProvider !== undefined) credentials.push({ kind: 'auth-provider', name: authProvider })
  const doubled = [
    ...(certificatePem !== undefined && certificateFile !== undefined ? ['client-certificate'] : []),
    ...(keyPem !== undefined && keyFile !== undefined ? ['client-key'] : []),
  ]
  return {
    file,
    name,
    credentials,
    impersonates: impersonation?.user,
    impersonatesGroups: impersonation?.groups ?? [],
    references,
    doubled,
    refusals: userRefusals(entry, fileToken),
  }
}

function keyState(
  { name, keyPem }: UserEntry,
  file: string,
  certificate: number | undefined,
  keyPath: string | undefined,
  { certificates, keys }: Inspection,
): 'matches' | 'mismatch' | 'missing' | 'unknown' {
  if (keyPem === undefined && keyPath === undefined) return 'missing'
  const isHere = (place: { readonly file: string; readonly part: string | undefined }) =>
    keyPem === undefined
      ? place.file === keyPath
      : place.file === file && place.part === `users[${name}].client-key-data`
  const found = keys.find(({ kind, isEncrypted, places }) => kind === 'private' && !isEncrypted && places.some(isHere))
  if (!found || certificate === undefined) return 'unknown'
  return certificates[certificate]?.publicKeyHash === found.publicKeyHash ? 'matches' : 'mismatch'
}
