import type { WatchEvent, WatchOptions } from '../access/api.js'
import { NetworkError } from '../errors.js'
import { type KubernetesObject, RESOURCES, type ResourceKind } from '../kubernetes/objects.js'
import { isKubernetesObject, parseObject, readStatus, statusError, toApiError } from './api-errors.js'
import { collectionPath, selectors } from './api-paths.js'
import type { ApiTransport } from './api-transport.js'

/** All objects of a kind at one moment, and which moment. */
export interface Listed {
  readonly items: readonly KubernetesObject[]
  readonly resourceVersion: string
}

// The server ends a watch after this time, and sends a bookmark about every minute.
const WATCH_SECONDS = 300
const IDLE_MS = 180_000
// etcd takes no object over 1.5 MiB; an event has one of them.
const LONGEST_LINE = 8 * 1024 * 1024
const MOST_FAILURES = 10
const GONE = 410

/** One watch: where it has come to, and what it knows. */
export class Watch {
  readonly #transport: ApiTransport
  readonly #list: () => Promise<Listed>
  readonly #kind: ResourceKind
  readonly #options: WatchOptions
  readonly #server: string
  readonly #prefix: string
  /** By namespace and name, to find out what happened while nobody was looking. */
  #known = new Map<string, KubernetesObject>()
  #version = ''

  constructor(
    transport: ApiTransport,
    list: () => Promise<Listed>,
    kind: ResourceKind,
    options: WatchOptions,
    server: string,
    prefix: string,
  ) {
    this.#transport = transport
    this.#list = list
    this.#kind = kind
    this.#options = options
    this.#server = server
    this.#prefix = prefix
  }

  async *events(): AsyncGenerator<WatchEvent> {
    const { signal } = this.#options
    try {
      this.#remember(await this.#list())
      for (let failures = 0; signal?.aborted !== true; ) {
        try {
          for await (const event of this.#follow()) {
            failures = 0
            if (event === 'gone') yield* this.#catchUp()
            else yield event
          }
          // A server that ends each watch at once is not asked without a pause.
          await this.#transport.pause(this.#transport.pauseAfter(1))
        } catch (error) {
          const isPassing =
            error instanceof NetworkError &&
            ['KPKI_NET_UNREACHABLE', 'KPKI_NET_TIMEOUT', 'KPKI_NET_RESPONSE'].includes(error.code)
          if (signal?.aborted || this.#transport.signal.aborted || !isPassing || ++failures > MOST_FAILURES) throw error
          await this.#transport.pause(this.#transport.pauseAfter(failures))
        }
      }
    } catch (error) {
      // Who ends a watch by its signal wants no more events, and no error either.
      if (signal?.aborted !== true) throw error
    }
  }

  /** What one connection tells. */
  async *#follow(): AsyncGenerator<WatchEvent | 'gone'> {
    const { namespace, signal } = this.#options
    const query = {
      ...selectors(this.#options),
      watch: 1,
      allowWatchBookmarks: 'true',
      resourceVersion: this.#version,
      timeoutSeconds: WATCH_SECONDS,
    }
    const path = `${this.#prefix}${collectionPath(this.#kind, namespace, query)}`
    const { status, headers, chunks, cancel } = await this.#transport.stream(
      { path, ...(signal ? { signal } : {}) },
      IDLE_MS,
    )
    if (status === GONE) {
      cancel()
      yield 'gone'
      return
    }
    const what = `watch ${RESOURCES[this.#kind].plural}`
    for await (const line of linesOf(chunks, this.#server)) {
      if (status !== 200) throw toApiError({ status, headers, body: line }, what, this.#server, this.#transport.hide)
      const event = parseObject(line)
      const object = event?.['object']
      const type = event?.['type']
      if (type === 'ERROR') {
        const told = readStatus(object as Readonly<Record<string, unknown>> | undefined, 500)
        if (told?.code !== GONE) throw statusError(told ?? UNKNOWN, what, this.#server, this.#transport.hide)
        yield 'gone'
        return
      }
      if (!isKubernetesObject(object)) throw malformed(this.#server)
      this.#version = object.metadata.resourceVersion ?? this.#version
      if (type === 'BOOKMARK') continue
      if (type !== 'ADDED' && type !== 'MODIFIED' && type !== 'DELETED') throw malformed(this.#server)
      if (type === 'DELETED') this.#known.delete(keyOf(object))
      else this.#known.set(keyOf(object), object)
      yield { type, object }
    }
    if (status !== 200) throw toApiError({ status, headers, body: NOTHING }, what, this.#server, this.#transport.hide)
  }

  /** The server has forgotten what happened since: what is there now is compared with what was there then. */
  async *#catchUp(): AsyncGenerator<WatchEvent> {
    const before = this.#known
    this.#remember(await this.#list())
    for (const [key, object] of before)
      if (this.#known.get(key)?.metadata.uid !== object.metadata.uid) yield { type: 'DELETED', object }
    for (const [key, object] of this.#known) {
      const known = before.get(key)
      if (known?.metadata.uid !== object.metadata.uid) yield { type: 'ADDED', object }
      else if (known?.metadata.resourceVersion !== object.metadata.resourceVersion) yield { type: 'MODIFIED', object }
    }
  }

  #remember({ items, resourceVersion }: Listed): void {
    this.#known = new Map(items.map(item => [keyOf(item), item]))
    this.#version = resourceVersion
  }
}

const UNKNOWN = { code: 500, reason: '', message: '', name: undefined, causes: [] }
const NOTHING = new Uint8Array(0)

function keyOf({ metadata: { namespace = '', name = '' } }: KubernetesObject): string {
  return `${namespace}/${name}`
}

function malformed(server: string): NetworkError {
  return new NetworkError('KPKI_NET_RESPONSE', `${server} does not send events as an API server does`, {
    hint: 'check what stands between',
  })
}

async function* linesOf(chunks: AsyncIterable<Uint8Array>, server: string): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = []
  let length = 0
  for await (const chunk of chunks) {
    let start = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      yield Buffer.concat([...parts, chunk.subarray(start, end)])
      parts = []
      length = 0
      start = end + 1
    }
    const rest = chunk.subarray(start)
    length += rest.length
    if (length > LONGEST_LINE) throw malformed(server)
    if (rest.length > 0) parts.push(rest)
  }
  if (length > 0) yield Buffer.concat(parts)
}
