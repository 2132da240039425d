import type { ControlPlane } from '../config/control-plane.js'

/** Phases that make an addon, and what the description calls it. */
const ADDONS = { dns: 'addon/coredns', proxy: 'addon/kube-proxy' } as const

/**
 * A control plane whose addons are disabled where their phases are left out, so that what is uploaded says so and later upgrades do
 * not bring them.
 *
 * @param skip - names of phases, as they were given
 * @see kubernetes/kubernetes v1.31 and later, cmd/kubeadm/app/cmd/init.go: skipped addons are `dns.disabled`, `proxy.disabled`
 */
export function withoutSkippedAddons(controlPlane: ControlPlane, skip: readonly string[]): ControlPlane {
  const names = skip.map(name => name.trim().toLowerCase())
  const isLeftOut = (phase: string) => ['addon', 'addon/all', phase].some(name => names.includes(name))
  let result = controlPlane
  for (const field of ['dns', 'proxy'] as const) {
    if (!isLeftOut(ADDONS[field]) || result[field].isDisabled) continue
    const { ClusterConfiguration: whole = {} } = result.configuration
    result = {
      ...result,
      [field]: { ...result[field], isDisabled: true },
      configuration: {
        ...result.configuration,
        ClusterConfiguration: { ...whole, [field]: { ...whole[field], disabled: true } },
      },
    }
  }
  return result
}
