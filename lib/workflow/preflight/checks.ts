import type { PreflightCheck } from './check.js'
import { EXTERNAL_ETCD_FILES, EXTERNAL_ETCD_VERSION } from './etcd-checks.js'
import { HOST_CHECKS, NETWORK_CHECKS, NODE_CHECKS, PRIVILEGED } from './host-checks.js'
import { CONTROL_PLANE_PLACES, ETCD_PLACES, KUBELET_FILES, KUBELET_PLACES, OTHER_FILES } from './place-checks.js'
import { OWNER_CHECKS } from './place-owners.js'
import { IN_PATH, KUBELET_CHECKS } from './program-checks.js'
import { RUNTIME_CHECKS } from './runtime-checks.js'
import { SYSTEM } from './system-checks.js'
import { TREE_CHECKS } from './tree-checks.js'

/**
 * All preflight checks, in the order in which they are made and shown: kubeadm's as it has them, then kpki's own. Others may be
 * put beside them: a list of rows is all that `runPreflight` wants.
 *
 * Not among them: `KubernetesVersion`, which compares with kubeadm's own version (kpki refuses what it does not know); the
 * checks of Docker (`IsDockerSystemdCheck`, `Service-Docker`), which v1.20 to v1.23 have.
 *
 * @see kubernetes/kubernetes v1.20.2 and later, cmd/kubeadm/app/preflight/checks.go (RunInitNodeChecks, RunJoinNodeChecks)
 */
export const PREFLIGHT_CHECKS: readonly PreflightCheck[] = [
  PRIVILEGED,
  ...HOST_CHECKS,
  ...CONTROL_PLANE_PLACES,
  KUBELET_FILES,
  ...NETWORK_CHECKS,
  ...RUNTIME_CHECKS,
  ...NODE_CHECKS,
  IN_PATH,
  SYSTEM,
  ...KUBELET_CHECKS,
  ...KUBELET_PLACES,
  EXTERNAL_ETCD_VERSION,
  ...ETCD_PLACES,
  EXTERNAL_ETCD_FILES,
  OTHER_FILES,
  ...OWNER_CHECKS,
  ...TREE_CHECKS,
]
