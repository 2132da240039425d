import { isYamlObject, type YamlObject, type YamlValue } from '../yaml-scalars.js'

/** One step of an RFC 6902 patch, as it was read. */
export interface JsonPatchStep {
  readonly op: 'add' | 'remove' | 'replace' | 'move' | 'copy' | 'test'
  readonly path: string
  /** Of `move` and `copy`. */
  readonly from?: string
  /** Of `add`, `replace` and `test`. */
  readonly value?: YamlValue
}

/** Makes the error of a patch that cannot be read or applied; `place` is a path within the patch or the object. */
export type PatchFailure = (place: string, message: string) => Error

const OPS: Readonly<Record<JsonPatchStep['op'], 'value' | 'from' | undefined>> = {
  add: 'value',
  remove: undefined,
  replace: 'value',
  move: 'from',
  copy: 'from',
  test: 'value',
}
// Copies of copies double what they copy each time.
const MAX_COPIED = 1024 * 1024

/** Reads the steps of a patch. @throws what `fail` makes */
export function parseJsonPatch(content: YamlValue, fail: PatchFailure): readonly JsonPatchStep[] {
  if (!Array.isArray(content)) throw fail('', 'a JSON patch is a list of steps, each with op and path')
  return (content as readonly YamlValue[]).map((step, index) => {
    const at = `[${index}]`
    const op = isYamlObject(step) ? own(step, 'op') : undefined
    if (!isYamlObject(step) || typeof op !== 'string' || !Object.hasOwn(OPS, op))
      throw fail(at, `a step needs an op: one of ${Object.keys(OPS).join(', ')}`)
    const name = op as JsonPatchStep['op']
    const pointer = (field: 'path' | 'from') => {
      const text = own(step, field)
      if (typeof text !== 'string' || !/^(?:\/(?:[^~]|~[01])*)?$/su.test(text))
        throw fail(`${at}.${field}`, `${op} needs a ${field}: / before each name, ~0 for ~ and ~1 for /`)
      return text
    }
    const path = pointer('path')
    const value = own(step, 'value')
    if (OPS[name] === 'value' && value === undefined) throw fail(at, `${op} needs a value`)
    return {
      op: name,
      path,
      ...(OPS[name] === 'from' ? { from: pointer('from') } : {}),
      ...(OPS[name] === 'value' && value !== undefined ? { value } : {}),
    }
  })
}

/**
 * Applies the steps of a patch, one on the outcome of the other. Indices are those of RFC 6901: none is negative.
 *
 * @throws what `fail` makes, for a path that leads nowhere, a test that fails, and copies of over 1 MiB
 * @see RFC 6902, RFC 6901
 */
export function applyJsonPatch(object: YamlValue, steps: readonly JsonPatchStep[], fail: PatchFailure): YamlValue {
  let copied = 0
  return steps.reduce<YamlValue>((value, step) => {
    const { op, path, from = '' } = step
    const failAt = (message: string, where = path) =>
      fail(where, `${op} ${where === '' ? 'the whole' : where}: ${message}`)
    const keys = keysOf(path)
    if (op === 'test') {
      if (!isSame(get(value, keys, failAt), step.value ?? null)) throw failAt('the value is another one')
      return value
    }
    if (op === 'remove') return edit(value, keys, 'remove', null, failAt)
    if (op === 'add' || op === 'replace') return edit(value, keys, op, step.value ?? null, failAt)
    const source = keysOf(from)
    const moved = get(value, source, message => failAt(message, from))
    if (op === 'move') {
      if (path === from) return value
      if (path.startsWith(`${from}/`)) throw failAt(`nothing can be moved into itself, from ${from}`)
      return edit(edit(value, source, 'remove', null, failAt), keys, 'add', moved, failAt)
    }
    copied += JSON.stringify(moved).length
    if (copied > MAX_COPIED) throw failAt('the patch copies more than 1 MiB')
    return edit(value, keys, 'add', moved, failAt)
  }, object)
}

function keysOf(pointer: string): readonly string[] {
  return pointer
    .split('/')
    .slice(1)
    .map(key => key.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function get(value: YamlValue, keys: readonly string[], failAt: (message: string) => Error): YamlValue {
  return keys.reduce<YamlValue>((holder, key) => {
    const child = Array.isArray(holder)
      ? (holder as readonly YamlValue[])[indexOf(key, holder.length - 1) ?? -1]
      : isYamlObject(holder)
        ? own(holder, key)
        : undefined
    if (child === undefined) throw failAt('there is nothing at that path')
    return child
  }, value)
}

/** A copy of a value with one place changed. */
function edit(
  holder: YamlValue,
  [key, ...rest]: readonly string[],
  op: 'add' | 'remove' | 'replace',
  value: YamlValue,
  failAt: (message: string) => Error,
): YamlValue {
  if (key === undefined) {
    if (op === 'remove') throw failAt('the whole cannot be removed')
    return value
  }
  const isLast = rest.length === 0
  if (Array.isArray(holder)) {
    const list = holder as readonly YamlValue[]
    const isInsert = isLast && op === 'add'
    const index = isInsert && key === '-' ? list.length : indexOf(key, list.length - (isInsert ? 0 : 1))
    if (index === undefined) throw failAt(`the list has no place ${JSON.stringify(key)}: it has ${list.length} items`)
    if (isInsert) return list.toSpliced(index, 0, value)
    if (isLast && op === 'remove') return list.toSpliced(index, 1)
    return list.with(index, edit(list[index] ?? null, rest, op, value, failAt))
  }
  if (!isYamlObject(holder)) throw failAt('there is nothing at that path')
  const child = own(holder, key)
  if (child === undefined && !(isLast && op === 'add')) throw failAt('there is nothing at that path')
  if (isLast && op === 'remove') return Object.fromEntries(Object.entries(holder).filter(([name]) => name !== key))
  return { ...holder, [key]: isLast ? value : edit(child ?? null, rest, op, value, failAt) }
}

/** RFC 6901 section 4: digits without leading zeros. */
function indexOf(key: string, most: number): number | undefined {
  return /^(?:0|[1-9][0-9]{0,8})$/.test(key) && Number(key) <= most ? Number(key) : undefined
}

/** A member of an object, and nothing that it only inherits. */
export function own(object: YamlObject, key: string): YamlValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined
}

/** RFC 6902 section 4.6: the same value, whatever the order of members. */
export function isSame(a: YamlValue, b: YamlValue): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    const [left, right] = [a as readonly YamlValue[], b as readonly YamlValue[]]
    return left.length === right.length && left.every((item, index) => isSame(item, right[index] ?? null))
  }
  if (isYamlObject(a) && isYamlObject(b)) {
    const keys = Object.keys(a)
    return (
      keys.length === Object.keys(b).length &&
      keys.every(key => Object.hasOwn(b, key) && isSame(a[key] ?? null, b[key] ?? null))
    )
  }
  return a === b
}
