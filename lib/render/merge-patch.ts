import { isYamlObject, type YamlObject, type YamlValue } from '../yaml-scalars.js'
import { own } from './json-patch.js'

/** Applies a merge patch: mappings are merged, `null` takes a member away, everything else takes the place of what was. @see RFC 7386 */
export function applyMergePatch(target: YamlValue, patch: YamlValue): YamlValue {
  if (!isYamlObject(patch)) return patch
  const object: YamlObject = isYamlObject(target) ? target : {}
  const kept = Object.entries(object).filter(([key]) => own(patch, key) === undefined)
  const changed = Object.entries(patch)
    .filter(([, value]) => value !== null)
    .map(([key, value]) => [key, applyMergePatch(own(object, key) ?? null, value)] as const)
  // fromEntries defines properties, so that `__proto__` stays a name.
  return Object.fromEntries([...kept, ...changed])
}
