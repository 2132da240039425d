import { findKubeadmCerts, type KubernetesObject, parseManifests } from '../index.js'

/** The Secret in a manifest; by itself, because only manifests need the YAML reader. */
export function parseKubeadmCerts(text: string, what: string): KubernetesObject {
  return findKubeadmCerts(parseManifests(text, what), what)
}
