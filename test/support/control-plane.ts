import { type ControlPlane, parseControlPlane } from '../../lib/config/control-plane.js'
import { parseDescription } from '../../lib/config/resolve.js'
import type { ControlPlaneOptions } from '../../lib/config/resolve-configuration.js'
import { createContext } from '../../lib/context.js'

const HOST = 'localAPIEndpoint: {advertiseAddress: 10.77.1.10}\nnodeRegistration: {name: cp-1}'

/** What a control plane of the tests says beyond its version. */
export interface ControlPlaneText {
  /** Lines of the ClusterConfiguration. Default: none */
  readonly cluster?: string
  /** Lines of the InitConfiguration. Default: address 10.77.1.10, name cp-1 */
  readonly init?: string
  /** Further documents. Default: none */
  readonly more?: string
}

/** A control plane as somebody would describe it, e.g. `await controlPlane('v1.36.4', { cluster: 'clusterName: x' })`. */
export async function controlPlane(
  kubernetesVersion: string,
  { cluster = '', init = HOST, more = '' }: ControlPlaneText = {},
  options: ControlPlaneOptions = {},
): Promise<ControlPlane> {
  const head = (kind: string) => `apiVersion: kubeadm.k8s.io/v1beta4\nkind: ${kind}\n`
  const text = [
    `${head('InitConfiguration')}${init}`,
    `${head('ClusterConfiguration')}kubernetesVersion: ${kubernetesVersion}\n${cluster}`,
    ...(more === '' ? [] : [more]),
  ].join('\n---\n')
  const description = await parseDescription({ file: { text, name: 'kubeadm.yaml' } }, createContext())
  return parseControlPlane(description, options)
}
