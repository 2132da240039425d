import type { KubernetesObject, ResourceKind } from '../kubernetes/objects.js'

/** Which objects of a kind. */
export interface ListOptions {
  /** Default: all of them (or none, for kinds that are in no namespace). */
  readonly namespace?: string
  /** e.g. `type=bootstrap.kubernetes.io/token`. Default: any. */
  readonly fieldSelector?: string
  /** e.g. `app=etcd`. Default: any. */
  readonly labelSelector?: string
}

/** One object. */
export interface ObjectName {
  readonly kind: ResourceKind
  readonly name: string
  /** For kinds that are in namespaces. */
  readonly namespace?: string
}

/** Options of {@link ClusterApi.apply}. */
export interface ApplyOptions {
  /** Take over fields that another manager set. Default: true, as kubeadm's "create or update" has it. */
  readonly force?: boolean
}

/** Which objects to watch, and until when. */
export interface WatchOptions extends ListOptions {
  /** Ends the watch; what waits for the next event is told that there is none. Default: only the caller ends it */
  readonly signal?: AbortSignal
}

/** One change that a watch saw. */
export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly object: KubernetesObject
}

/**
 * The API of a running cluster, as far as kpki uses it. `kpki/node` connects to one; tests bring one of their own.
 *
 * Every method throws `ApiError` for what the server refuses and `NetworkError` for what keeps it from being asked.
 */
export interface ClusterApi {
  /** e.g. `https://10.0.0.10:6443` */
  readonly server: string
  /** Whether the server is known to be the one that is meant; Secrets are not written to one that is not. */
  readonly isVerified: boolean
  /** The object, or `undefined` when there is none. */
  get(name: ObjectName): Promise<KubernetesObject | undefined>
  /** All objects that match, over as many pages as there are. */
  list(kind: ResourceKind, options?: ListOptions): Promise<readonly KubernetesObject[]>
  /**
   * Makes a new object.
   *
   * @throws `ApiError` `KPKI_API_EXISTS` when there is one
   */
  create(object: KubernetesObject): Promise<KubernetesObject>
  /** Server-side apply with the field manager `kpki`: makes the object, or sets the fields that are named and no others. */
  apply(object: KubernetesObject, options?: ApplyOptions): Promise<KubernetesObject>
  /** JSON merge patch (RFC 7396). */
  patch(name: ObjectName, patch: Readonly<Record<string, unknown>>): Promise<KubernetesObject>
  /** Whether there was one to delete. */
  delete(name: ObjectName): Promise<boolean>
  /**
   * What happens to the objects that match, from now on: what is there already is not told. Goes on over lost connections
   * and, where the server no longer knows what happened meanwhile, tells the difference between then and now.
   */
  watch(kind: ResourceKind, options?: WatchOptions): AsyncIterable<WatchEvent>
  /**
   * Posts an object that is an answer rather than a thing, e.g. a TokenReview.
   *
   * @param path - e.g. `/apis/authentication.k8s.io/v1/tokenreviews`
   */
  review(path: string, object: KubernetesObject): Promise<KubernetesObject>
  /** Gives connections free. */
  close(): void
}
