/**
 * What a patch is for, in kubeadm's words.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/util/patches/patches.go
 */
export const PATCH_TARGETS = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubeletconfiguration',
  'corednsdeployment',
  'kubeproxydaemonset',
] as const
/** What a patch is for, e.g. `etcd`. */
export type PatchTarget = (typeof PATCH_TARGETS)[number]

/** How a patch is to be read: Kubernetes' strategic merge, RFC 7386, RFC 6902. */
export type PatchType = 'strategic' | 'merge' | 'json'

/** One document of a patch file. */
export interface Patch {
  readonly target: PatchTarget
  readonly type: PatchType
  /** As JSON has it. */
  readonly content: unknown
  /** For messages, e.g. `patches/kube-apiserver0+merge.yaml`. */
  readonly file: string
}
