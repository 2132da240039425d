import { EncodingError } from '../errors.js'
import type { TreePath } from '../tree/layout.js'
import { isYamlObject, type YamlObject, type YamlValue } from '../yaml-scalars.js'
import type { ManifestFacts } from './types.js'

/** The components that kubeadm runs as static Pods, and so the manifests that are read. */
export const STATIC_PODS = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const

/** Where the manifest of a component is. */
export function manifestPath(component: string): TreePath {
  return `manifests/${component}.yaml`
}

/** A text is a command line; nobody's has more. */
const MAX_WORDS = 1000

/** Collects what manifests say, one after the other. */
export class ManifestReader {
  readonly #flags = new Map<string, ReadonlyMap<string, string>>()
  readonly #versions = new Map<string, string>()
  readonly #hostPaths = new Map<string, readonly string[]>()

  /**
   * Takes in one manifest.
   *
   * @throws {@link EncodingError} `KPKI_YAML_INVALID`, `KPKI_INPUT_TOO_LARGE`; `KPKI_MANIFEST_INVALID` when it is no Pod
   */
  async read(component: string, text: string, what: string): Promise<void> {
    const { parseYaml } = await import('../yaml.js')
    const pod = fieldsOf(parseYaml(text, what).value)
    const spec = fieldsOf(pod['spec'])
    const containers = listOf(spec['containers']).map(fieldsOf)
    const container = containers.find(({ name }) => name === component) ?? containers[0]
    if (pod['kind'] !== 'Pod' || !container)
      throw new EncodingError('KPKI_MANIFEST_INVALID', `${what} is no Pod`, { details: { what } })
    const words = [...listOf(container['command']), ...listOf(container['args'])].filter(isText).slice(0, MAX_WORDS)
    const flags = new Map(parseFlags(words))
    const annotations = fieldsOf(fieldsOf(pod['metadata'])['annotations'])
    // kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/constants/constants.go (KubeAPIServerAdvertiseAddressEndpointAnnotationKey)
    const advertised = annotations['kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint']
    if (isText(advertised) && component === 'kube-apiserver' && !flags.has('advertise-address'))
      flags.set('advertise-address', advertised.replace(/:[0-9]+$/, '').replace(/^\[(.*)\]$/, '$1'))
    this.#flags.set(component, flags)
    const tag = isText(container['image']) ? /:([^:/@]+)(?:@[^@]*)?$/.exec(container['image'])?.[1] : undefined
    if (tag !== undefined) this.#versions.set(component, tag)
    const volumes = listOf(spec['volumes']).map(volume => fieldsOf(fieldsOf(volume)['hostPath'])['path'])
    this.#hostPaths.set(component, volumes.filter(isText))
  }

  /** What was read so far. */
  get facts(): ManifestFacts {
    return { flags: this.#flags, versions: this.#versions, hostPaths: this.#hostPaths }
  }
}

/** `--name=value`, `--name value`, `--name`; as components read them (spf13/pflag), the last one of a name counts. */
function parseFlags(words: readonly string[]): [string, string][] {
  return words.flatMap((word, index): [string, string][] => {
    const [, name, value] = /^--?([A-Za-z][A-Za-z0-9-]*)(?:=(.*))?$/s.exec(word) ?? []
    if (name === undefined) return []
    const next = words[index + 1]
    return [[name, value ?? (next === undefined || next.startsWith('-') ? 'true' : next)]]
  })
}

function fieldsOf(value: YamlValue | undefined): YamlObject {
  return isYamlObject(value) ? value : {}
}

function listOf(value: YamlValue | undefined): readonly YamlValue[] {
  return Array.isArray(value) ? value : []
}

function isText(value: YamlValue | undefined): value is string {
  return typeof value === 'string'
}
