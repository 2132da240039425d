import { isDeepStrictEqual } from 'node:util'
import type { ClusterApi, ListOptions, ObjectName, WatchEvent } from '../../lib/access/api.js'
import { ApiError } from '../../lib/errors.js'
import { type KubernetesObject, type ObjectMeta, RESOURCES, type ResourceKind } from '../../lib/kubernetes/objects.js'

/** A cluster in memory, as far as objects go: what is created gets a uid and a resourceVersion. */
export class MemoryApi implements ClusterApi {
  readonly server = 'https://10.0.0.10:6443'
  readonly isVerified = true
  /** By `Kind namespace/name`, in order of creation. */
  readonly objects: Map<string, KubernetesObject> = new Map()
  /** Every call that changes something. */
  readonly calls: string[] = []
  #version = 0

  constructor(initial: readonly KubernetesObject[] = []) {
    for (const object of initial) this.objects.set(keyOf(nameOf(object)), this.#stamp(object))
  }

  async get(name: ObjectName): Promise<KubernetesObject | undefined> {
    return this.objects.get(keyOf(name))
  }

  async list(kind: ResourceKind, { namespace, fieldSelector }: ListOptions = {}): Promise<readonly KubernetesObject[]> {
    const [field = '', value = ''] = fieldSelector?.split('=') ?? []
    return [...this.objects.values()].filter(
      object =>
        object.kind === kind &&
        (namespace === undefined || object.metadata.namespace === namespace) &&
        (field === '' || object[field] === value),
    )
  }

  async create(object: KubernetesObject): Promise<KubernetesObject> {
    const name = nameOf(object)
    if (this.objects.has(keyOf(name))) {
      throw new ApiError(
        'KPKI_API_EXISTS',
        `${RESOURCES[name.kind].plural} ${JSON.stringify(name.name)} already exists`,
        {
          details: { status: 409, reason: 'AlreadyExists' },
        },
      )
    }
    this.calls.push(`create ${keyOf(name)}`)
    const stamped = this.#stamp(object)
    this.objects.set(keyOf(name), stamped)
    return stamped
  }

  async apply(object: KubernetesObject): Promise<KubernetesObject> {
    const key = keyOf(nameOf(object))
    this.calls.push(`apply ${key}`)
    return this.#put(key, merge(this.objects.get(key), object) as KubernetesObject)
  }

  async patch(name: ObjectName, patch: Readonly<Record<string, unknown>>): Promise<KubernetesObject> {
    const found = this.objects.get(keyOf(name))
    if (!found) throw new ApiError('KPKI_API_NOT_FOUND', `${name.name} not found`, { details: { status: 404 } })
    this.calls.push(`patch ${keyOf(name)}`)
    const { resourceVersion } = (patch['metadata'] ?? {}) as ObjectMeta
    if (resourceVersion !== undefined && resourceVersion !== found.metadata.resourceVersion)
      throw new ApiError('KPKI_API_CONFLICT', `${name.name} was changed meanwhile`, { details: { status: 409 } })
    return this.#put(keyOf(name), merge(found, patch) as KubernetesObject)
  }

  async delete(name: ObjectName): Promise<boolean> {
    this.calls.push(`delete ${keyOf(name)}`)
    return this.objects.delete(keyOf(name))
  }

  async *watch(kind: ResourceKind, options?: ListOptions): AsyncIterable<WatchEvent> {
    for (const object of await this.list(kind, options)) yield { type: 'ADDED', object }
  }

  async review(_path: string, object: KubernetesObject): Promise<KubernetesObject> {
    return object
  }

  close(): void {}

  /** What is the same as before keeps its resourceVersion, as an API server has it. */
  #put(key: string, object: KubernetesObject): KubernetesObject {
    const found = this.objects.get(key)
    if (found && isDeepStrictEqual(object, found)) return found
    const stamped = this.#stamp(object)
    this.objects.set(key, stamped)
    return stamped
  }

  #stamp(object: KubernetesObject): KubernetesObject {
    const version = ++this.#version
    const { uid = `00000000-0000-4000-8000-${String(version).padStart(12, '0')}` } = object.metadata
    return { ...object, metadata: { ...object.metadata, uid, resourceVersion: String(version) } }
  }
}

/** RFC 7396 section 2. */
function merge(target: unknown, patch: unknown): unknown {
  const isMapping = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
  if (!isMapping(patch)) return patch
  const result: Record<string, unknown> = isMapping(target) ? { ...target } : {}
  for (const [key, value] of Object.entries(patch)) {
    if (value === undefined) continue
    if (value === null) delete result[key]
    else result[key] = merge(result[key], value)
  }
  return result
}

function nameOf({ kind, metadata: { name = '', namespace } }: KubernetesObject): ObjectName {
  if (!Object.hasOwn(RESOURCES, kind)) throw new Error(`${kind} is no kind that is known here`)
  return { kind: kind as ResourceKind, name, ...(namespace === undefined ? {} : { namespace }) }
}

function keyOf({ kind, namespace = '', name }: ObjectName): string {
  return `${kind} ${namespace}/${name}`
}
