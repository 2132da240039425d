import type { ListOptions, ObjectName } from '../access/api.js'
import { UsageError } from '../errors.js'
import { type KubernetesObject, RESOURCES, type ResourceKind, type ResourceRow } from '../kubernetes/objects.js'

type Query = Readonly<Record<string, string | number | undefined>>

/** URL path of all objects of a kind, in one namespace or in all. */
export function collectionPath(kind: ResourceKind, namespace: string | undefined, query: Query = {}): string {
  const { apiVersion, plural, isNamespaced }: ResourceRow = RESOURCES[kind]
  const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  const place = isNamespaced && namespace !== undefined ? `/namespaces/${segment(namespace, 'namespace')}` : ''
  return `${group}${place}/${plural}${formatQuery(query)}`
}

/** URL path of one object. */
export function objectPath({ kind, name, namespace }: ObjectName, query: Query = {}): string {
  if (RESOURCES[kind].isNamespaced && namespace === undefined)
    throw new UsageError('KPKI_FIELD_VALUE', `${kind} ${JSON.stringify(name)}: which namespace?`)
  return `${collectionPath(kind, namespace)}/${segment(name, 'name')}${formatQuery(query)}`
}

/** Selectors as the API server takes them. */
export function selectors({ fieldSelector, labelSelector }: ListOptions): Query {
  return { fieldSelector, labelSelector }
}

/**
 * What an object is called.
 *
 * @throws {@link UsageError} `KPKI_FIELD_VALUE` for an object that has no name, or of a kind that is not known
 */
export function nameOf({ kind, apiVersion, metadata }: KubernetesObject): ObjectName {
  const { name, namespace } = metadata
  if (!isKnown(kind) || RESOURCES[kind].apiVersion !== apiVersion)
    throw new UsageError('KPKI_FIELD_VALUE', `${kind} of ${apiVersion} is no kind that kpki writes into a cluster`)
  if (name === undefined) throw new UsageError('KPKI_FIELD_VALUE', `a ${kind} without a name`)
  return { kind, name, ...(namespace === undefined ? {} : { namespace }) }
}

function isKnown(kind: string): kind is ResourceKind {
  return Object.hasOwn(RESOURCES, kind)
}

/**
 * A name as one part of a path. An empty one would ask for the whole collection, `..` for something else.
 *
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/apimachinery/pkg/api/validation/path/name.go
 */
function segment(name: string, what: string): string {
  if (name === '' || name === '.' || name === '..' || /[/%]/.test(name))
    throw new UsageError('KPKI_FIELD_VALUE', `${JSON.stringify(name)} cannot be the ${what} of an object`)
  return encodeURIComponent(name)
}

function formatQuery(query: Query): string {
  const pairs = Object.entries(query).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, String(value)] as [string, string]],
  )
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs)}`
}
