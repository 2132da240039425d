import { ADDON } from './addon.js'
import { BOOTSTRAP_TOKEN } from './bootstrap-token.js'
import { CERTS } from './certs.js'
import { CONTROL_PLANE } from './control-plane.js'
import { ETCD } from './etcd.js'
import type { InitRun } from './init-run.js'
import { KUBECONFIG } from './kubeconfig.js'
import { KUBELET_FINALIZE } from './kubelet-finalize.js'
import { KUBELET_START } from './kubelet-start.js'
import { MARK_CONTROL_PLANE } from './mark-control-plane.js'
import type { Phase } from './phase.js'
import { PREFLIGHT } from './preflight.js'
import { SHOW_JOIN_COMMAND } from './show-join-command.js'
import { UPLOAD_CERTS } from './upload-certs.js'
import { UPLOAD_CONFIG } from './upload-config.js'
import { WAIT_CONTROL_PLANE } from './wait-control-plane.js'

/**
 * Everything that makes a first control plane, in kubeadm's order. Orchestrators make tables of their own of it, with `insertPhase`,
 * `replacePhase` and `removePhase`.
 *
 * The order is that of kubeadm since 1.30, for all versions: before, it had `kubelet-start` directly behind `preflight`, or behind
 * `kubeconfig`, and `etcd` behind `control-plane`, which comes to the same host.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/cmd/init.go (NewCmdInit)
 */
export const INIT_PHASES: readonly Phase<InitRun>[] = [
  PREFLIGHT,
  CERTS,
  KUBECONFIG,
  ETCD,
  CONTROL_PLANE,
  KUBELET_START,
  WAIT_CONTROL_PLANE,
  UPLOAD_CONFIG,
  UPLOAD_CERTS,
  MARK_CONTROL_PLANE,
  BOOTSTRAP_TOKEN,
  KUBELET_FINALIZE,
  ADDON,
  SHOW_JOIN_COMMAND,
]
