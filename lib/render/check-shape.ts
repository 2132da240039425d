import { nearestName } from '../config/problems.js'
import { isYamlObject, type YamlValue } from '../yaml-scalars.js'
import { fieldsOf } from './pod-fields.js'

/** Something in an object that Kubernetes does not read. */
export interface ShapeProblem {
  /** e.g. `spec.containers[0].image` */
  readonly path: string
  /** Goes after the path. */
  readonly message: string
  /** `unknown`: Kubernetes passes it over, unless it is newer than the table. `type`: nobody can read the object */
  readonly kind: 'type' | 'unknown'
}

/**
 * Says what in an object has a type that Kubernetes cannot decode, and which names it has no field for. `null` is everywhere: it
 * means that a field is not set.
 *
 * @param kind - `Pod`, `Deployment` or `DaemonSet`; of others nothing is known
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/util/staticpod/utils.go (PatchStaticPod decodes what came out)
 */
export function checkShape(object: YamlValue, kind: string): readonly ShapeProblem[] {
  return fieldsOf(kind) ? problemsOf(object, kind, '') : []
}

/** What a type is called, and whether a value is of it. */
const SCALARS: Readonly<Record<string, { readonly about: string; readonly test: (value: YamlValue) => boolean }>> = {
  any: { about: 'anything', test: () => true },
  object: { about: 'a mapping', test: isYamlObject },
  string: { about: 'a string', test: value => typeof value === 'string' },
  bool: { about: 'true or false', test: value => typeof value === 'boolean' },
  int32: { about: 'a whole number', test: isInt32 },
  int64: { about: 'a whole number', test: value => typeof value === 'number' && Number.isInteger(value) },
  intOrString: { about: 'a whole number or a string', test: value => typeof value === 'string' || isInt32(value) },
  quantity: { about: 'a quantity, as 500m or 1Gi', test: isQuantity },
}

function isInt32(value: YamlValue): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= -(2 ** 31) && value < 2 ** 31
}

/** @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/apimachinery/pkg/api/resource/quantity.go (the grammar) */
function isQuantity(value: YamlValue): boolean {
  if (typeof value === 'number') return true
  if (typeof value !== 'string') return false
  return /^[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[KMGTPE]i|[numkMGTPE]|[eE][-+]?[0-9]+)?$/.test(value)
}

function problemsOf(value: YamlValue, type: string, path: string): readonly ShapeProblem[] {
  if (value === null) return []
  const wrong = (about: string): readonly ShapeProblem[] => [{ path, message: `must be ${about}`, kind: 'type' }]
  if (type.endsWith('[]')) {
    if (!Array.isArray(value)) return wrong('a list')
    const items = value as readonly YamlValue[]
    return items.flatMap((item, index) => problemsOf(item, type.slice(0, -2), `${path}[${index}]`))
  }
  if (type.endsWith('{}')) {
    if (!isYamlObject(value)) return wrong('a mapping')
    return Object.entries(value).flatMap(([name, item]) => problemsOf(item, type.slice(0, -2), join(path, name)))
  }
  const scalar = SCALARS[type]
  if (scalar) return scalar.test(value) ? [] : wrong(scalar.about)
  if (!isYamlObject(value)) return wrong('a mapping')
  const fields = fieldsOf(type) ?? new Map<string, string>()
  return Object.entries(value).flatMap(([name, item]) => {
    const field = fields.get(name)
    if (field !== undefined) return problemsOf(item, field, join(path, name))
    const nearest = nearestName(name, fields.keys())
    const meant = nearest === undefined ? '' : `; did you mean ${nearest}?`
    const message = `is no field that kpki knows, and Kubernetes passes over what it does not know${meant}`
    return [{ path: join(path, name), message, kind: 'unknown' }]
  })
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}
