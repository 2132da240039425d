import type { ControlPlane } from '../config/control-plane.js'
import type { FieldProblem } from '../kubernetes/cluster-fields.js'
import type { HostTraits } from './host-file.js'
import { kubeProxyConfiguration } from './kube-proxy.js'
import { kubeletConfiguration } from './kubelet.js'

/**
 * What is doubtful in the configurations that a person wrote for the kubelet and kube-proxy, and in the kubelet's arguments:
 * warnings, since it is kept as it was written.
 */
export function componentProblems(controlPlane: ControlPlane, traits: HostTraits): readonly FieldProblem[] {
  return [
    ...kubeletConfiguration(controlPlane, traits).problems,
    ...(controlPlane.proxy.isDisabled ? [] : kubeProxyConfiguration(controlPlane).problems),
    ...controlPlane.node.kubeletExtraArgs
      .filter(({ value }) => /\s/.test(value))
      .map(({ name }): FieldProblem => {
        const message = `--${name}: the unit of kubeadm's package splits its value at spaces`
        return { severity: 'warning', code: 'KPKI_FIELD_VALUE', field: 'nodeRegistration.kubeletExtraArgs', message }
      }),
  ]
}
