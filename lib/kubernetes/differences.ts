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
    source: 'kubernetes/kubernetes PR 132776 (v1.34), cmd/kubeadm/app/util/staticpod/utils.go',
  },
  argumentsKeepOrder: {
    since: 32,
    about: 'extraArgs stand behind the defaults in the order given, instead of sorted with them',
    source:
      'kubernetes/kubernetes PR 135400 (v1.36, cmd/kubeadm/app/util/arguments.go), picked by PR 135850 to 135853 for patches of v1.32 to v1.35 since January 2026',
  },
  insecurePortFlag: {
    until: 21,
    about: 'the API server is told --insecure-port=0',
    source: 'kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/controlplane/manifests.go; PR 102121 (v1.22)',
  },
  insecurePortFlags: {
    until: 22,
    about: 'the controller manager and the scheduler are told --port=0',
    source:
      'kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/controlplane/manifests.go; PR 104157 and PR 105034 (v1.23)',
  },
  dualStackGateFlag: {
    until: 22,
    about: "kubeadm's feature gate IPv6DualStack becomes --feature-gates of the three components",
    source:
      'kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/controlplane/manifests.go; PR 104770 (v1.23, where the gate is locked)',
  },
  seccompProfile: {
    since: 22,
    about: 'static Pods have the seccomp profile RuntimeDefault',
    source: 'kubernetes/kubernetes PR 100234 (v1.22), cmd/kubeadm/app/util/staticpod/utils.go',
  },
  podPriority: {
    since: 25,
    about: 'static Pods say the number of their priority class, 2000001000',
    source: 'kubernetes/kubernetes PR 114338 (v1.27), picked by PR 119118 and PR 119117 for patches of v1.25 and v1.26',
  },
  nullCreationTimestamp: {
    until: 33,
    about: 'objects in files say `creationTimestamp: null`',
    source: 'kubernetes/kubernetes PR 130989 (CHANGELOG-1.34.md)',
  },
  wholePkiDir: {
    until: 30,
    about: '/etc/pki is mounted whole, where it is there, instead of its two directories of trusted roots',
    source: 'kubernetes/kubernetes PR 124361 (v1.31), cmd/kubeadm/app/phases/controlplane/volumes.go',
  },
  etcdStorageRequest: {
    until: 20,
    about: 'etcd requests 100Mi of ephemeral storage',
    source:
      'kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/etcd/local.go; PR 102673 (v1.22 and patches of v1.21 and v1.20: v1.20.2 still has it)',
  },
  etcdPlainHealthProbe: {
    until: 24,
    about: 'etcd is probed at /health for everything',
    source: 'kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/etcd/local.go; PR 110072 and PR 110744 (v1.25)',
  },
  etcdHealthProbes: {
    since: 31,
    about: 'etcd is probed at /livez and /readyz, and for readiness too',
    source: 'kubernetes/kubernetes PR 124465 (v1.31), cmd/kubeadm/app/phases/etcd/local.go',
  },
  etcdCorruptCheck: {
    since: 22,
    about: 'etcd compares its data with the other members before it serves',
    source: 'kubernetes/kubernetes PR 109074 (v1.24), picked by PR 109075 and PR 109076 for patches of v1.23 and v1.22',
  },
  etcdProgressNotify: {
    since: 25,
    about: 'etcd sends the progress of watches every 5 seconds',
    source: 'kubernetes/kubernetes PR 111383 (CHANGELOG-1.25.md)',
  },
  etcdGraduatedFlags: {
    since: 34,
    about: 'both of these are asked for without --experimental, where etcd is 3.6 or newer',
    source: 'kubernetes/kubernetes PR 132838 (v1.34), cmd/kubeadm/app/phases/etcd/local.go',
  },
  etcdOnlyGraduatedFlags: {
    since: 36,
    about: 'and whatever version of etcd is named',
    source: 'kubernetes/kubernetes PR 135701 (v1.36), cmd/kubeadm/app/phases/etcd/local.go',
  },
  schedulerHealthProbes: {
    since: 32,
    about: 'the scheduler is probed at /livez and /readyz instead of /healthz, and for readiness too',
    source: 'kubernetes/kubernetes PR 126945 (CHANGELOG-1.32.md); a scheduler of kubeadm v1.33.0 is seen to have them',
  },
  corednsSubpath: {
    since: 21,
    about: 'in the default registry, CoreDNS is coredns/coredns with a tag that starts with v',
    source: 'kubernetes/kubernetes PR 102502 (v1.21.2), cmd/kubeadm/app/images/images.go',
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
