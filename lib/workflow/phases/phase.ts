import type { ClusterApi } from '../../access/api.js'
import type { Context } from '../../context.js'
import type { KubernetesObject } from '../../kubernetes/objects.js'
import type { RowId } from '../../kubernetes/rows.js'
import type { HostFile } from '../../render/host-file.js'
import type { Store } from '../../tree/store.js'
import type { Host } from '../host.js'

/** What a run of phases works with. */
export interface Hands {
  readonly host: Host
  /** The host's tree: certificates and kubeconfigs. */
  readonly store: Store
  readonly context: Context
  /** Connects as the administrator. A run calls it once, when it is needed, and leaves the connection open. */
  readonly connect: () => Promise<ClusterApi>
  /** Stops between two actions. Default: nothing does */
  readonly signal?: AbortSignal
}

/** What an action came to. */
export interface Outcome {
  /** `unchanged`: everything was so before. */
  readonly state: 'done' | 'unchanged'
  /** What was made, one thing a line, e.g. `/etc/kubernetes/manifests/etcd.yaml`. */
  readonly made: readonly string[]
  /** What a person should know. Default: nothing */
  readonly notes?: readonly string[]
  /** What the run is to hand over, e.g. commands that join hosts; may hold secrets. Default: nothing */
  readonly handed?: readonly Handed[]
}

/** A text that a run hands over to whoever started it. */
export interface Handed {
  /** For programs, e.g. `join-worker`. */
  readonly name: string
  /** May hold secrets: it goes to nobody's log. */
  readonly text: string
}

/** What a phase wants done: data to look at, and the way to do it. */
export interface Action {
  /** e.g. `write`, `objects`, `wait`; for programs. */
  readonly kind: string
  /** e.g. `write /etc/kubernetes/manifests/etcd.yaml` */
  readonly about: string
  /** Files that it writes, as far as they are known before. Default: none */
  readonly files?: readonly HostFile[]
  /** Objects that it applies. Default: none */
  readonly objects?: readonly KubernetesObject[]
  /**
   * Objects that it applies and that hold what the tree says, e.g. its CA; throws where that is not there. Default: none beside
   * `objects`
   */
  readonly readObjects?: (hands: Pick<Hands, 'store' | 'context'>) => Promise<readonly KubernetesObject[]>
  /** A directory that it makes where none is. Default: none */
  readonly directory?: string
  /** Rows of the tree that it makes. Default: none */
  readonly rows?: readonly RowId[]
  /** What a person should know of it, as far as that is known before; its outcome says it again. Default: nothing */
  readonly notes?: readonly string[]
  /**
   * It changes the host: the lock of its tree is taken before, and held to the end of the run, so that no other run is at work
   * there. Default: false
   */
  readonly isAlone?: boolean
  /** Does it. Doing it again changes nothing. */
  readonly apply: (hands: Hands) => Promise<Outcome>
}

/**
 * One step of `init`, `join` or `reset`.
 *
 * @typeParam Run - the facts that plans are made of, the same for all phases of a run
 */
export interface Phase<Run> {
  /** Of its own, e.g. `apiserver`; its path is `certs/apiserver`. */
  readonly name: string
  /** One line, for help and docs. */
  readonly about: string
  /** Other names that kubeadm has for it. Default: none */
  readonly aliases?: readonly string[]
  /** Why it is not for this run; `undefined` when it is. Default: it always is */
  readonly skip?: (run: Run) => string | undefined
  /**
   * What it does, with all that is below it, is done in the cluster: where objects are asked for, it is never done, but printed.
   * Default: false
   */
  readonly isInCluster?: boolean
  /** What is to be done before the phases below it; looks at nothing but the run. Default: nothing */
  readonly plan?: (run: Run) => readonly Action[]
  /** Phases below it, in order. Default: none */
  readonly phases?: readonly Phase<Run>[]
}
