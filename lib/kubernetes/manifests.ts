import { EncodingError } from '../errors.js'
import { parseYamlStream } from '../yaml.js'
import { isYamlObject, type YamlValue } from '../yaml-scalars.js'
import type { KubernetesObject } from './objects.js'

// What kubectl prints is one list; lists of lists are what people make of that.
const MAX_LISTS = 4

/**
 * Reads objects as `kubectl get -o yaml|json` prints them and `kubectl apply -f` takes them: a stream of YAML documents, or
 * JSON, lists taken apart.
 *
 * @param text - at most 1 MiB
 * @param what - named in errors, e.g. a file name
 * @throws {@link EncodingError} `KPKI_MANIFEST_INVALID` for a document that is no object, or has a key twice; `KPKI_YAML_INVALID`,
 *   `KPKI_INPUT_TOO_LARGE`
 */
export function parseManifests(text: string, what: string): readonly KubernetesObject[] {
  return parseYamlStream(text, what).flatMap(({ value, start, duplicates }) => {
    const [twice] = duplicates
    if (twice) {
      const { line, column, path } = twice
      throw new EncodingError(
        'KPKI_MANIFEST_INVALID',
        `${what}:${line}:${column}: ${path.join('.')} stands there twice: kubectl takes the last one, other programs the first`,
        { details: { what, line, column }, hint: 'take one of them out' },
      )
    }
    const place = `${what}:${start.line}:${start.column}`
    return flatten(value, 0).map((item: unknown) => {
      if (isKubernetesObject(item)) return item
      throw new EncodingError(
        'KPKI_MANIFEST_INVALID',
        `${place}: this is no object with apiVersion, kind and metadata`,
        {
          details: { what, line: start.line, column: start.column },
          hint: 'take what kubectl get -o yaml prints',
        },
      )
    })
  })
}

function flatten(value: YamlValue, depth: number): readonly YamlValue[] {
  if (!isYamlObject(value)) return [value]
  const { kind, items } = value
  const isList = typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items)
  if (!isList || depth >= MAX_LISTS) return [value]
  return (items as readonly YamlValue[]).flatMap(item => flatten(item, depth + 1))
}

/** Of what a YAML reader can return. */
function isKubernetesObject(item: unknown): item is KubernetesObject {
  const value = item as YamlValue
  return (
    isYamlObject(value) &&
    typeof value['apiVersion'] === 'string' &&
    typeof value['kind'] === 'string' &&
    isYamlObject(value['metadata'])
  )
}
