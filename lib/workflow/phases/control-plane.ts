import { componentActions } from './components.js'
import type { InitRun } from './init-run.js'
import type { Phase } from './phase.js'

/**
 * The components of a control plane.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/cmd/phases/init/controlplane.go
 */
export const CONTROL_PLANE: Phase<InitRun> = {
  name: 'control-plane',
  about: 'put the components of the control plane on this host',
  phases: [
    {
      name: 'apiserver',
      about: 'the API server: its static Pod, or its unit',
      plan: run => componentActions('kube-apiserver', run),
    },
    {
      name: 'controller-manager',
      about: 'the controller manager: its static Pod, or its unit',
      plan: run => componentActions('kube-controller-manager', run),
    },
    {
      name: 'scheduler',
      about: 'the scheduler: its static Pod, or its unit',
      plan: run => componentActions('kube-scheduler', run),
    },
  ],
}
