import type { FactName } from '../config/facts.js'
import type { Cluster, ClusterFacts } from '../kubernetes/cluster.js'
import type { Role, RowId } from '../kubernetes/rows.js'
import type { TreePath } from '../tree/layout.js'
import type { Certificate } from '../x509/certificate.js'
import type { ActualRow } from './actual.js'
import type { Finding, TreeItemId } from './rules.js'

/**
 * What somebody asks of a tree. Facts that are absent are wanted as the tree has them: nothing is ever wanted from a default.
 */
export interface Asked {
  /**
   * Facts that a flag or a file states. A list of further names (`apiServerCertSans`, `etcdServerCertSans`, `etcdPeerCertSans`) is the
   * whole list: names that are not in it go. Default: none
   */
  readonly facts?: Partial<ClusterFacts>
  /** Further names that come to those that are there, or to the list in `facts`; none goes. Default: none */
  readonly adds?: NameAdds
  /** What people call that which states the facts, e.g. `kubeadm.yaml`. Default: the description */
  readonly from?: string
  /** Default: what the tree looks like */
  readonly role?: Role
}

/** Names that come to the lists of further names of certificates. */
export type NameAdds = Partial<Pick<ClusterFacts, 'apiServerCertSans' | 'etcdServerCertSans' | 'etcdPeerCertSans'>>

/** A certificate pair that the kubelet keeps for itself, `kubelet-client-current.pem` or `kubelet.crt` with `kubelet.key`. */
export interface ActualKubeletPair extends Pick<ActualRow, 'files' | 'certificates' | 'key' | 'findings'> {
  readonly id: 'kubelet-client' | 'kubelet-server'
}

/** What the static Pods' manifests of a tree say about it; flags by name without dashes, the last one of a name. */
export interface ManifestFacts {
  /** Which components there are, e.g. `kube-apiserver`, and their flags. */
  readonly flags: ReadonlyMap<string, ReadonlyMap<string, string>>
  /** Image tags, e.g. `v1.36.4`, by component. */
  readonly versions: ReadonlyMap<string, string>
  /** Directories and files of the host that a component is given, by component. */
  readonly hostPaths: ReadonlyMap<string, readonly string[]>
}

/** A tree as it is. Holds private keys. */
export interface ActualTree {
  /** Rows of which at least one file is there. */
  readonly rows: ReadonlyMap<RowId, ActualRow>
  readonly kubelet: ReadonlyMap<'kubelet-client' | 'kubelet-server', ActualKubeletPair>
  readonly manifests: ManifestFacts
  /** About files that are no item's, e.g. manifests that cannot be read. */
  readonly findings: readonly Finding[]
  /** How many files were read. */
  readonly fileCount: number
  /**
   * One SHA-256 over all files that were read, paths and modes included: 64 lower-case hex digits. One for all on purpose: one of a
   * file alone would let a short secret in it be guessed.
   */
  readonly fingerprint: string
}

/** What a tree says about its cluster and host. */
export interface Inference {
  /** Absent where the tree does not say. */
  readonly facts: Partial<ClusterFacts>
  /** The file that each fact was read in. */
  readonly from: Readonly<Partial<Record<FactName, TreePath>>>
  readonly role: Role | undefined
  /** The address that the API server has inside of the cluster, where the certificate alone says it: no subnet follows from it. */
  readonly serviceAddress: string | undefined
  /** The tree is of Kubernetes 1.29 or later, where administrators are in a bound group; `undefined` where it does not show. */
  readonly hasBoundAdmins: boolean | undefined
}

/** What the certificate of an item is to say. */
export interface WantedIdentity {
  readonly commonName: string
  readonly organizations: readonly string[]
  /** Sorted bytewise, each once. */
  readonly dnsNames: readonly string[]
  readonly ipAddresses: readonly string[]
  /** As {@link Certificate} has them. */
  readonly extKeyUsages: readonly string[] | undefined
  readonly isCa: boolean
  readonly validitySeconds: number
  /** One of `KEY_ALGORITHMS`; what a new key is to be. */
  readonly keyAlgorithm: string
}

/** One item of a tree beside what is wanted of it. */
export interface ComparedItem {
  readonly id: TreeItemId
  readonly actual: ActualRow | ActualKubeletPair | undefined
  /** The certificate that is judged: a leaf, the CA certificate that signs, a kubeconfig's client certificate. */
  readonly certificate: Certificate | undefined
  /** `undefined` for `sa`, for kubeconfigs without a client certificate of their own, and for what cannot be read. */
  readonly wanted: WantedIdentity | undefined
  /** Kubeconfigs: the server that it is to name. */
  readonly server: string | undefined
  readonly findings: readonly Finding[]
}

/** A tree beside what is wanted of it. */
export interface TreeComparison {
  readonly tree: ActualTree
  readonly inference: Inference
  /** What is asked for over what is inferred; `undefined` where that is not enough for a whole description. */
  readonly cluster: Cluster | undefined
  readonly role: Role | undefined
  /** In the order of the catalogue, the kubelet's own at the end; items that are neither there nor asked for are left out. */
  readonly items: readonly ComparedItem[]
  /** Of all items, and what is about several of them, in order. */
  readonly findings: readonly Finding[]
}

/** What is done to an item. */
export type ChangeAction =
  /** Nothing is there: key and certificate, or kubeconfig, are made. */
  | 'create'
  /** A new certificate. */
  | 'reissue'
  /** A CA's certificate with the same key and the same name. */
  | 'renew-ca'
  /** `sa.pub` out of `sa.key`. */
  | 'derive'
  /** A kubeconfig's server or CA data, everything else as it is. */
  | 'edit'

/** One step of a plan. */
export interface Change {
  readonly id: TreeItemId
  readonly action: ChangeAction
  /** `undefined` where no key is in it. */
  readonly key: 'keep' | 'new' | undefined
  /** Why: what was found, or `asked` for who has named the item. */
  readonly reasons: readonly { readonly code: Finding['code'] | 'asked'; readonly message: string }[]
  /** Files that are replaced or made, in the order in which they are written. */
  readonly paths: readonly TreePath[]
  /** What the certificate is to say; `undefined` where none is made. */
  readonly wanted: WantedIdentity | undefined
  /** Kubeconfigs: the server that it will name. */
  readonly server: string | undefined
  /** Kubeconfigs: what changes in its cluster entry, beside the certificate. */
  readonly edits: readonly ('certificate-authority-data' | 'server')[]
}

/** A component that must be restarted, or takes up the change by itself. */
export interface Restart {
  readonly component: 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler' | 'kubelet'
  /** Node to do it on; `undefined` where the tree does not say. */
  readonly node: string | undefined
  /** `restart`: it reads its files when it starts; `reloads`: it takes them up while it runs. */
  readonly how: 'restart' | 'reloads'
  /** Items that it reads. */
  readonly because: readonly TreeItemId[]
  /** What it refuses, or is refused, until then. Sentences. */
  readonly until: readonly string[]
}

/** The smallest list of changes that makes a tree what it should be. */
export interface ChangePlan {
  /** In the order in which they are applied: issuers before what they sign. */
  readonly changes: readonly Change[]
  /** What is wrong and is not touched, with the reason: CAs and the service-account key change only when they are named. */
  readonly untouched: readonly { readonly id: TreeItemId; readonly message: string; readonly hint?: string }[]
  /** In the order in which to do it. */
  readonly restarts: readonly Restart[]
  /** What else has to be done, on other hosts or in the cluster. Sentences. */
  readonly followUps: readonly string[]
  /** {@link ActualTree.fingerprint} of the tree that it was made for. */
  readonly fingerprint: string
  readonly node: string | undefined
}
