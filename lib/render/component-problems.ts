import type { ControlPlane } from '../config/control-plane.js'
import { UsageError } from '../errors.js'
import type { FieldProblem } from '../kubernetes/cluster-fields.js'
import { STATIC_POD_COMPONENTS } from './component-args.js'
import { volumeProblems } from './component-volumes.js'
import type { HostTraits } from './host-file.js'
import { kubeProxyConfiguration } from './kube-proxy.js'
import { kubeletConfiguration } from './kubelet.js'

/**
 * What is wrong with what the components are given: errors where it cannot be made, or no kubelet would run it; warnings about what
 * a person wrote for the kubelet and kube-proxy, and about the kubelet's arguments, since that is kept as it was written.
 */
export function componentProblems(controlPlane: ControlPlane, traits: HostTraits): readonly FieldProblem[] {
  return [
    ...problemsOf(() => kubeletConfiguration(controlPlane, traits).problems),
    ...(controlPlane.proxy.isDisabled ? [] : problemsOf(() => kubeProxyConfiguration(controlPlane).problems)),
    ...STATIC_POD_COMPONENTS.flatMap(component => volumeProblems(component, controlPlane, traits)),
    ...controlPlane.node.kubeletExtraArgs
      .filter(({ value }) => /\s/.test(value))
      .map(({ name }): FieldProblem => {
        const message = `--${name}: the unit of kubeadm's package splits its value at spaces`
        return { severity: 'warning', code: 'KPKI_FIELD_VALUE', field: 'nodeRegistration.kubeletExtraArgs', message }
      }),
  ]
}

/** What is said about a configuration, or why there is none. */
function problemsOf(make: () => readonly FieldProblem[]): readonly FieldProblem[] {
  try {
    return make()
  } catch (error) {
    if (!(error instanceof UsageError) || error.code !== 'KPKI_FIELD_VALUE') throw error
    const field = String(error.details['field'])
    const message = error.message.slice(`${field}: `.length)
    return [{ severity: 'error', code: error.code, field, message }]
  }
}
