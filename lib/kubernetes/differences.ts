import type { KubernetesVersion } from './versions.js'

/** One thing that is not the same in every Kubernetes version. */
export interface Difference {
  /** First minor that has it. Default: since ever */
  readonly since?: number
  /** Last minor that has it. Default: it is there still */
  readonly until?: number
  readonly about: string
  /** Where that can be read: path and version, changelog, pull request. */
  readonly source: string
}

/**
 * What kubeadm writes differently from one Kubernetes minor to the next, for everything but certificates (see `versions.ts`).
 * Code asks {@link has}; no minor is compared anywhere else in what is rendered.
 */
export const DIFFERENCES = {
  namedProbePorts: {
    since: 34,
    about: 'static Pods name their port `probe-port`, and probes name that',
    source: 'kubernetes/kubernetes v1.34, cmd/kubeadm/app/util/staticpod/utils.go',
  },
  argumentsKeepOrder: {
    since: 36,
    about: 'extraArgs stand behind the defaults in the order given, instead of sorted with them',
    source: 'kubernetes/kubernetes CHANGELOG-1.36.md; cmd/kubeadm/app/util/arguments.go',
  },
  oldImageRegistry: {
    until: 24,
    about: 'images come from k8s.gcr.io instead of registry.k8s.io, where nothing else is said',
    source:
      'kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/apis/kubeadm/v1beta2/defaults.go; CHANGELOG-1.25.md (later patches of 1.22 to 1.24 have the new one, too)',
  },
  masterTaint: {
    until: 24,
    about: 'control planes are tainted node-role.kubernetes.io/master',
    source: 'kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/util/config/initconfiguration.go; CHANGELOG-1.25.md',
  },
  controlPlaneTaint: {
    since: 24,
    about: 'control planes are tainted node-role.kubernetes.io/control-plane',
    source: 'kubernetes/kubernetes CHANGELOG-1.24.md (both taints in 1.24), CHANGELOG-1.25.md',
  },
} as const satisfies Readonly<Record<string, Difference>>

/** Name of something that is not the same in every version. */
export type DifferenceName = keyof typeof DIFFERENCES

/** Whether a version has it. */
export function has({ minor }: KubernetesVersion, name: DifferenceName): boolean {
  const { since = 0, until = Number.POSITIVE_INFINITY }: Difference = DIFFERENCES[name]
  return since <= minor && minor <= until
}
