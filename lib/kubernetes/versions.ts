import { has } from './differences.js'
import { CLUSTER_ADMINS, MASTERS } from './groups.js'

/** A Kubernetes version. */
export interface KubernetesVersion {
  readonly major: 1
  readonly minor: number
  readonly patch: number
  /** With `v` and any suffix, e.g. `v1.36.4`. */
  readonly text: string
}

/** The oldest and the newest minor that kpki knows the rules of, and the one it takes when none is named. */
export const MINORS = { oldest: 20, newest: 37, default: 36 } as const

/**
 * The newest patch we know of each minor, for `stable-1.NN` without a network. Supported minors move on: a newer patch is
 * a matter of naming it.
 *
 * @see kubernetes/kubernetes CHANGELOG/CHANGELOG-1.NN.md
 */
const NEWEST_PATCH: Readonly<Record<number, number>> = {
  20: 15,
  21: 14,
  22: 17,
  23: 17,
  24: 17,
  25: 16,
  26: 15,
  27: 16,
  28: 15,
  29: 15,
  30: 14,
  31: 14,
  32: 13,
  33: 13,
  34: 10,
  35: 8,
  36: 4,
  37: 1,
}

function version(minor: number, patch: number, suffix = ''): KubernetesVersion {
  return { major: 1, minor, patch, text: `v1.${minor}.${patch}${suffix}` }
}

/** The version taken when none is named. */
export function defaultVersion(): KubernetesVersion {
  return version(MINORS.default, NEWEST_PATCH[MINORS.default] ?? 0)
}

const VERSION =
  /^(?:(?:stable|latest)-|v?)1\.(0|[1-9][0-9]{0,2})(?:\.(0|[1-9][0-9]{0,3})([-+][0-9A-Za-z.+-]{1,100})?)?$/

/** Whether a text names a version that is older than all that kpki knows. */
export function isTooOld(text: string): boolean {
  const minor = VERSION.exec(text)?.[1]
  return minor !== undefined && Number(minor) < MINORS.oldest
}

/**
 * Reads `v1.36.4`, `1.36.4`, `1.36`, `stable`, `stable-1`, `stable-1.36` (also `latest…`); a version without patch and a
 * label mean the newest patch we know, no network is asked.
 *
 * @returns `undefined` when the text is none of them, or names a minor below 1.20
 */
export function parseVersion(text: string): KubernetesVersion | undefined {
  if (/^(stable|latest)(-1)?$/.test(text)) return defaultVersion()
  const match = VERSION.exec(text)
  if (!match || (/^(stable|latest)/.test(text) && match[2] !== undefined)) return undefined
  const minor = Number(match[1])
  if (minor < MINORS.oldest) return undefined
  return version(minor, match[2] === undefined ? (NEWEST_PATCH[minor] ?? 0) : Number(match[2]), match[3])
}

/**
 * The group that administrators are in: a bound one since 1.29, before that the one which no authorizer can refuse.
 *
 * @see kubernetes/kubernetes PR 121305 (admin.conf, super-admin.conf), PR 121837 (apiserver-kubelet-client), both v1.29
 */
export function adminGroup({ minor }: KubernetesVersion): typeof CLUSTER_ADMINS | typeof MASTERS {
  return minor >= 29 ? CLUSTER_ADMINS : MASTERS
}

/** `super-admin.conf` exists (kubernetes/kubernetes PR 121305, v1.29). */
export function hasSuperAdmin({ minor }: KubernetesVersion): boolean {
  return minor >= 29
}

/**
 * Groups of the API server's and the health check's etcd client certificates; etcd never looked at them.
 *
 * @see kubernetes/kubernetes PR 119859 and PR 120521, both v1.29
 */
export function etcdClientGroups({ minor }: KubernetesVersion): readonly string[] {
  return minor >= 29 ? [] : [MASTERS]
}

/**
 * Whether a control plane's kubelet talks to its own API server rather than to the control-plane endpoint.
 *
 * @param gate - the feature gate `ControlPlaneKubeletLocalMode`, where the description sets it
 * @see kubernetes/kubernetes PR 125582 (gate, v1.31), PR 129956 (on by default, v1.33); gate removed in v1.36
 */
export function kubeletUsesLocalEndpoint({ minor }: KubernetesVersion, gate?: boolean): boolean {
  if (minor >= 36) return true
  return minor >= 31 && gate !== undefined ? gate : minor >= 33
}

/** Kubeconfigs carry `preferences: {}`: dropped in client-go v1.34 (clientcmd/api/v1 types.go, `omitzero`). */
export function writesPreferences({ minor }: KubernetesVersion): boolean {
  return minor < 34
}

/**
 * What that version's own kubeadm can make; anything else is only a warning here.
 *
 * @see kubernetes/kubernetes PR 123054 (encryptionAlgorithm, released with v1beta4 in v1.31), PR 131677 (P-384, v1.34)
 */
export function kubeadmAlgorithms({ minor }: KubernetesVersion): readonly string[] {
  if (minor < 31) return ['RSA-2048', 'ECDSA-P256']
  return ['RSA-2048', 'RSA-3072', 'RSA-4096', 'ECDSA-P256', ...(minor >= 34 ? ['ECDSA-P384'] : [])]
}

/**
 * Service-account tokens have a number of their own, `jti`.
 *
 * @see kubernetes/kubernetes pkg/features/kube_features.go (ServiceAccountTokenJTI: alpha in v1.29, on by default since v1.30)
 */
export function hasTokenIds({ minor }: KubernetesVersion): boolean {
  return minor >= 30
}

/**
 * Service-account tokens can end with a Node.
 *
 * @see kubernetes/kubernetes pkg/features/kube_features.go (ServiceAccountTokenNodeBindingValidation: alpha in v1.29, on by default
 *   since v1.30), pkg/serviceaccount/claims.go (Validate): before v1.29 `node` is not read, without the gate such a token is refused
 */
export function endsTokensWithNodes({ minor }: KubernetesVersion): boolean {
  return minor >= 30
}

/** The minor of the oldest kubelet that a control plane of this version takes, by kubeadm's reckoning. */
export function oldestKubelet(version: KubernetesVersion): number {
  return version.minor - (has(version, 'preflightKubeletThreeOlder') ? 3 : 1)
}
