import type { ApplyOptions, ClusterApi, ListOptions, ObjectName, WatchEvent, WatchOptions } from '../access/api.js'
import type { ClusterConnection } from '../access/kubeconfig-connection.js'
import type { Context } from '../context.js'
import { encodeUtf8 } from '../crypto/bytes.js'
import { type ApiError, NetworkError } from '../errors.js'
import { type KubernetesObject, RESOURCES, type ResourceKind } from '../kubernetes/objects.js'
import { LONGEST_MS } from '../kubernetes/waiting.js'
import { isKubernetesObject, parseObject, readStatus, toApiError, toFields } from './api-errors.js'
import { collectionPath, nameOf, objectPath, selectors } from './api-paths.js'
import { SecretMask } from './api-secrets.js'
import { toHeaders, toHttpsServer } from './api-server.js'
import { type ApiRequest, ApiTransport, type RetryOptions } from './api-transport.js'
import { type Listed, Watch } from './api-watch.js'
import type { HttpsAnswer } from './https.js'
import type { Environment } from './proxy.js'

/** Options of {@link connectCluster}. */
export interface ConnectOptions extends RetryOptions {
  /** Where proxies are named: `HTTPS_PROXY`, `NO_PROXY`. Default: nowhere */
  readonly env?: Environment
  /** Ends everything that is under way. Default: nothing does */
  readonly signal?: AbortSignal
  /** What the server's audit log calls the client. Default: `kpki` */
  readonly userAgent?: string
}

/** kubeadm's objects and ours are small; etcd takes none over 1.5 MiB. */
const MAX_OBJECT_BYTES = 8 * 1024 * 1024
/** Of all pages of a list. */
const MAX_LIST_BYTES = 32 * 1024 * 1024
const PAGE = 500
const MOST_PAGES = 1000
/** As many times as long as one question, a whole list may take. */
const LIST_FACTOR = 5
const FIELD_MANAGER = 'kpki'
const GONE = 410

/**
 * The API of a cluster; nothing is asked before the first call.
 *
 * Credentials go only to a server whose certificate is verified, unless the kubeconfig itself says `insecure-skip-tls-verify`:
 * then that is warned of, and no Secret is written.
 *
 * @param connection - as `readClusterConnection` reads it of a kubeconfig
 * @throws {@link NetworkError} `KPKI_NET_PROXY` for a proxy that is none; {@link UsageError} `KPKI_FIELD_VALUE` for times and
 *   numbers that are none
 */
export function connectCluster(
  connection: ClusterConnection,
  context: Context,
  options: ConnectOptions = {},
): ClusterApi {
  return new HttpsClusterApi(connection, context, options)
}

class HttpsClusterApi implements ClusterApi {
  readonly server: string
  readonly isVerified: boolean
  readonly #prefix: string
  readonly #transport: ApiTransport
  readonly #mask: SecretMask

  constructor(connection: ClusterConnection, context: Context, options: ConnectOptions) {
    this.server = connection.server
    this.isVerified = !connection.isInsecure
    this.#prefix = new URL(connection.server).pathname.replace(/\/$/, '')
    this.#transport = new ApiTransport(
      toHttpsServer(connection, options.env ?? {}),
      toHeaders(connection, options.userAgent ?? 'kpki'),
      context,
      options,
      text => this.#mask.hide(text),
    )
    this.#mask = SecretMask.ofCredentials(connection.authorization)
    if (connection.isInsecure) {
      context.log({
        level: 'warning',
        message: `${this.server} is not verified (insecure-skip-tls-verify): whoever answers there gets the credentials of ${JSON.stringify(connection.userName)}`,
      })
    }
  }

  async get(name: ObjectName): Promise<KubernetesObject | undefined> {
    const answer = await this.#ask({ path: objectPath(name) })
    return isMissing(answer, name) ? undefined : this.#object(answer, 'get', name)
  }

  async list(kind: ResourceKind, options: ListOptions = {}): Promise<readonly KubernetesObject[]> {
    return (await this.#list(kind, options)).items
  }

  async create(object: KubernetesObject): Promise<KubernetesObject> {
    const name = nameOf(object)
    this.#guard(name.kind)
    objectPath(name)
    const path = collectionPath(name.kind, name.namespace, { fieldManager: FIELD_MANAGER })
    const answer = await this.#ask(withBody({ method: 'POST', path }, object, 'application/json'))
    return this.#object(answer, 'create', name, object)
  }

  async apply(object: KubernetesObject, { force = true }: ApplyOptions = {}): Promise<KubernetesObject> {
    const name = nameOf(object)
    this.#guard(name.kind)
    const path = objectPath(name, { fieldManager: FIELD_MANAGER, force: String(force) })
    // What the server keeps of its own may not be applied.
    const { managedFields: _, ...metadata } = object.metadata
    const body = { ...object, metadata }
    // JSON is YAML; applying twice is applying once.
    const request = withBody({ method: 'PATCH', path, isRepeatable: true }, body, 'application/apply-patch+yaml')
    return this.#object(await this.#ask(request), 'apply', name, object)
  }

  async patch(name: ObjectName, patch: Readonly<Record<string, unknown>>): Promise<KubernetesObject> {
    this.#guard(name.kind)
    const path = objectPath(name, { fieldManager: FIELD_MANAGER })
    const answer = await this.#ask(withBody({ method: 'PATCH', path }, patch, 'application/merge-patch+json'))
    return this.#object(answer, 'patch', name, { ...patch, kind: name.kind })
  }

  async delete(name: ObjectName): Promise<boolean> {
    const answer = await this.#ask({ method: 'DELETE', path: objectPath(name) })
    if (isMissing(answer, name)) return false
    // Somebody relies on its being gone: whatever stands between may say 200 to everything.
    if (answer.status < 300 && isDeletion(parseObject(answer.body), name)) return true
    throw this.#error(answer, 'delete', name)
  }

  watch(kind: ResourceKind, options: WatchOptions = {}): AsyncIterable<WatchEvent> {
    return new Watch(
      this.#transport,
      () => this.#list(kind, options, options.signal),
      kind,
      options,
      this.server,
      this.#prefix,
    ).events()
  }

  async review(path: string, object: KubernetesObject): Promise<KubernetesObject> {
    const answer = await this.#ask(withBody({ method: 'POST', path }, object, 'application/json'))
    const answered = answer.status < 300 ? parseObject(answer.body) : undefined
    if (isKubernetesObject(answered) && answered.kind === object.kind) return answered
    throw toApiError(answer, `create ${object.kind}`, this.server, this.#hide(object))
  }

  close(): void {
    this.#transport.close()
  }

  #ask(request: ApiRequest): Promise<HttpsAnswer> {
    return this.#transport.ask({ maxBytes: MAX_OBJECT_BYTES, ...request, path: `${this.#prefix}${request.path}` })
  }

  /** In pages; from the beginning when the server has forgotten a page's place. */
  async #list(kind: ResourceKind, options: ListOptions, signal?: AbortSignal): Promise<Listed> {
    const { plural, apiVersion } = RESOURCES[kind]
    const what = `list ${plural}`
    const over = AbortSignal.timeout(Math.min(this.#transport.totalMs * LIST_FACTOR, LONGEST_MS))
    const until = signal ? AbortSignal.any([over, signal]) : over
    for (let restarts = 0; ; restarts++) {
      const items: KubernetesObject[] = []
      const pages = new Set<string>()
      let leftBytes = MAX_LIST_BYTES
      for (let token: string | undefined; ; ) {
        const path = collectionPath(kind, options.namespace, { ...selectors(options), limit: PAGE, continue: token })
        const answer = await this.#ask({ path, maxBytes: leftBytes, signal: until })
        if (answer.status === GONE && token !== undefined && restarts < 3) break
        const page = answer.status === 200 ? readPage(answer.body, kind) : undefined
        if (!page) throw toApiError(answer, what, this.server, this.#hide())
        // Items of a list do not say what they are.
        items.push(...page.items.map(item => ({ ...item, kind, apiVersion }) as KubernetesObject))
        leftBytes -= answer.body.length
        token = page.next
        if (token === undefined) return { items, resourceVersion: page.resourceVersion }
        if (pages.has(token) || pages.size === MOST_PAGES - 1) throw endlessList(this.server, plural)
        pages.add(token)
      }
    }
  }

  #guard(kind: ResourceKind): void {
    if (this.isVerified || kind !== 'Secret') return
    throw new NetworkError('KPKI_TLS_UNTRUSTED', `${this.server} is not verified, and gets no Secrets`, {
      details: { server: this.server },
      hint: "put the cluster's CA into the kubeconfig (certificate-authority-data) instead of insecure-skip-tls-verify",
    })
  }

  #object(answer: HttpsAnswer, verb: string, name: ObjectName, sent?: unknown): KubernetesObject {
    const object = answer.status < 300 ? parseObject(answer.body) : undefined
    if (isKubernetesObject(object) && isOf(object, name)) return object
    throw this.#error(answer, verb, name, sent)
  }

  #error(answer: HttpsAnswer, verb: string, { kind, name }: ObjectName, sent?: unknown): ApiError | NetworkError {
    return toApiError(
      answer,
      `${verb} ${RESOURCES[kind].plural} ${JSON.stringify(name)}`,
      this.server,
      this.#hide(sent),
    )
  }

  /** What was sent is not repeated when the server does. */
  #hide(sent?: unknown): (text: string) => string {
    const mask = this.#mask.with(sent)
    return text => mask.hide(text)
  }
}

/** There is no such object; but there is such a kind, and it is an API server that says so. */
function isMissing({ status, body }: HttpsAnswer, { name }: ObjectName): boolean {
  if (status !== 404) return false
  const told = readStatus(parseObject(body), status)
  return told?.reason === 'NotFound' && told.name === name
}

/** Of the right kind and name: `generateName` is not used here. */
function isOf({ kind, metadata }: KubernetesObject, name: ObjectName): boolean {
  return kind === name.kind && metadata?.name === name.name
}

/** API servers answer with a Status, or with the object itself when something else has to be done before it goes. */
function isDeletion(answered: Readonly<Record<string, unknown>> | undefined, name: ObjectName): boolean {
  if (answered?.['kind'] !== 'Status') return isKubernetesObject(answered) && isOf(answered, name)
  const about = toFields(answered['details'])?.['name']
  return answered['status'] === 'Success' && (about === undefined || about === name.name)
}

function endlessList(server: string, plural: string): NetworkError {
  return new NetworkError('KPKI_NET_RESPONSE', `${server} gives a list of ${plural} that does not end`, {
    hint: 'check that it is an API server that answers there, and what stands between',
  })
}

interface Page {
  readonly items: readonly Readonly<Record<string, unknown>>[]
  readonly next: string | undefined
  readonly resourceVersion: string
}

function readPage(body: Uint8Array, kind: ResourceKind): Page | undefined {
  const list = parseObject(body)
  const metadata = toFields(list?.['metadata'])
  const items = list?.['items'] ?? []
  if (!metadata || list?.['kind'] !== `${kind}List` || !Array.isArray(items)) return undefined
  const known = (items as readonly unknown[]).flatMap(item => (toFields(toFields(item)?.['metadata']) ? [item] : []))
  if (known.length < items.length) return undefined
  const { continue: next, resourceVersion } = metadata
  return {
    items: known as readonly Readonly<Record<string, unknown>>[],
    next: typeof next === 'string' && next !== '' ? next : undefined,
    resourceVersion: typeof resourceVersion === 'string' ? resourceVersion : '',
  }
}

function withBody(request: ApiRequest, value: unknown, contentType: string): ApiRequest {
  return {
    ...request,
    body: encodeUtf8(JSON.stringify(value)),
    headers: { 'content-type': contentType },
  }
}
