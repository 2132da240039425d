import type { ControlPlane } from '../config/control-plane.js'
import { REGISTRIES } from '../config/defaults.js'
import { has } from '../kubernetes/differences.js'
import { type KubernetesVersion, MINORS } from '../kubernetes/versions.js'

/** Tags of what a Kubernetes release does not build itself. */
export interface ImageTags {
  readonly etcd: string
  readonly coredns: string
  readonly pause: string
}

/**
 * What kubeadm takes beside its own images, per minor; where patches differ, what the newest one takes: this is what
 * `kubeadm config images list` prints in v1.20.2, v1.21.14, v1.22.17, v1.23.17, v1.24.17, v1.25.16, v1.26.15, v1.27.16, v1.28.15,
 * v1.29.15, v1.30.14, v1.31.14, v1.32.13, v1.36.4 and v1.37.1. etcd of 1.33 and 1.34 is that of kubeadm's table in late 2025,
 * 1.35 is v1.35.8's.
 *
 * @see kubernetes/kubernetes v1.20.2 and later, cmd/kubeadm/app/constants/constants.go (SupportedEtcdVersion, CoreDNSVersion, PauseVersion)
 */
export const IMAGE_TAGS: Readonly<Record<number, ImageTags>> = {
  20: { etcd: '3.4.13-0', coredns: '1.7.0', pause: '3.2' },
  21: { etcd: '3.4.13-0', coredns: 'v1.8.0', pause: '3.4.1' },
  22: { etcd: '3.5.6-0', coredns: 'v1.8.4', pause: '3.5' },
  23: { etcd: '3.5.6-0', coredns: 'v1.8.6', pause: '3.6' },
  24: { etcd: '3.5.6-0', coredns: 'v1.8.6', pause: '3.7' },
  25: { etcd: '3.5.9-0', coredns: 'v1.9.3', pause: '3.8' },
  26: { etcd: '3.5.10-0', coredns: 'v1.9.3', pause: '3.9' },
  27: { etcd: '3.5.12-0', coredns: 'v1.10.1', pause: '3.9' },
  28: { etcd: '3.5.15-0', coredns: 'v1.10.1', pause: '3.9' },
  29: { etcd: '3.5.16-0', coredns: 'v1.11.1', pause: '3.9' },
  30: { etcd: '3.5.15-0', coredns: 'v1.11.3', pause: '3.9' },
  31: { etcd: '3.5.24-0', coredns: 'v1.11.3', pause: '3.10' },
  32: { etcd: '3.5.24-0', coredns: 'v1.11.3', pause: '3.10' },
  33: { etcd: '3.5.24-0', coredns: 'v1.12.0', pause: '3.10' },
  34: { etcd: '3.6.5-0', coredns: 'v1.12.1', pause: '3.10.1' },
  35: { etcd: '3.6.6-0', coredns: 'v1.13.1', pause: '3.10.1' },
  36: { etcd: '3.6.8-0', coredns: 'v1.14.2', pause: '3.10.2' },
  37: { etcd: '3.7.0-0', coredns: 'v1.14.6', pause: '3.10.2' },
}

/** Tags for a version; one outside of the table gets those of the nearest minor. */
export function imageTags({ minor }: KubernetesVersion): ImageTags {
  const known = Math.min(Math.max(minor, MINORS.oldest), MINORS.newest)
  const tags = IMAGE_TAGS[known]
  if (!tags) throw new RangeError(`no image tags of 1.${known}`)
  return tags
}

/** What a control plane pulls. */
export const IMAGE_NAMES = [
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kube-proxy',
  'coredns',
  'pause',
  'etcd',
] as const
/** Name of an image that kubeadm knows, e.g. `kube-apiserver`. */
export type ImageName = (typeof IMAGE_NAMES)[number]

/**
 * Registries that have CoreDNS in a directory of its own. kubeadm looks there only in the one that is its own default, and finds
 * no image in the other.
 */
const NESTING: readonly string[] = Object.values(REGISTRIES)

/**
 * The image of a component, with its tag.
 *
 * @returns e.g. `registry.k8s.io/kube-apiserver:v1.36.4`
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/images/images.go, .../util/version.go (KubernetesVersionToImageTag)
 */
export function imageOf(name: ImageName, controlPlane: ControlPlane): string {
  const { imageRepository, dns, localEtcd, cluster } = controlPlane
  const version = cluster.kubernetesVersion
  const tags = imageTags(version)
  switch (name) {
    case 'coredns': {
      const repository = dns.imageRepository ?? imageRepository
      const isNested = NESTING.includes(repository) && has(version, 'corednsSubpath')
      return `${repository}/${isNested ? 'coredns/' : ''}coredns:${dns.imageTag ?? tags.coredns}`
    }
    case 'etcd':
      return `${localEtcd?.imageRepository ?? imageRepository}/etcd:${etcdTag(controlPlane)}`
    case 'pause':
      return `${imageRepository}/pause:${tags.pause}`
    default:
      // A tag has no `+`, which versions of builds between releases do have.
      return `${imageRepository}/${name}:${version.text.replace(/[^-a-zA-Z0-9_.]/g, '_')}`
  }
}

/** The tag of etcd's image, e.g. `3.6.8-0`. */
export function etcdTag({ localEtcd, cluster }: ControlPlane): string {
  return localEtcd?.imageTag ?? imageTags(cluster.kubernetesVersion).etcd
}

/** All images that the first host of a control plane pulls, in kubeadm's order. */
export function pullList(controlPlane: ControlPlane): readonly string[] {
  const { dns, proxy, localEtcd } = controlPlane
  const leftOut: readonly ImageName[] = [
    ...(proxy.isDisabled ? ['kube-proxy' as const] : []),
    ...(dns.isDisabled ? ['coredns' as const] : []),
    ...(localEtcd ? [] : ['etcd' as const]),
  ]
  return IMAGE_NAMES.filter(name => !leftOut.includes(name)).map(name => imageOf(name, controlPlane))
}
