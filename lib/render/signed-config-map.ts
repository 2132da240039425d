import type { KubernetesObject, ObjectMeta } from '../kubernetes/objects.js'
import type { YamlObject } from '../yaml-scalars.js'
import { COMPONENT_CONFIG_HASH, componentConfigHash } from './component-config.js'

/**
 * The ConfigMap of a component's configuration, signed as kubeadm's own: a later version may then write it anew. One that a person
 * has written parts of is left alone.
 *
 * @param own - the person's document; `undefined`: there is none
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/componentconfigs/checksums.go (SignConfigMap)
 */
export function signConfigMap<Data extends Readonly<Record<string, string>>>(
  configMap: KubernetesObject & { readonly metadata: ObjectMeta; readonly data: Data },
  own: YamlObject | undefined,
): KubernetesObject {
  if (own) return configMap
  const annotations = { [COMPONENT_CONFIG_HASH]: componentConfigHash(configMap.data) }
  return { ...configMap, metadata: { ...configMap.metadata, annotations } }
}
