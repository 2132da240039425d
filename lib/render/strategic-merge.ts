import { isYamlObject, type YamlObject, type YamlValue } from '../yaml-scalars.js'
import { isSame, own, type PatchFailure } from './json-patch.js'
import { MERGE_KEYS, type MergeRow } from './merge-keys.js'

const DIRECTIVE = '$patch'
const RETAIN = '$retainKeys'
const ORDER = '$setElementOrder/'
const DELETE_FROM = '$deleteFromPrimitiveList/'

/** What is told about a patch that applies and may still not be meant so. */
export type PatchRemark = (place: string, message: string) => void

/**
 * Applies a strategic merge patch: as a merge patch, but lists with a merge key are merged item by item, and directives in
 * the patch delete, replace and order.
 *
 * Stricter than Kubernetes: what a directive is to delete has to be there, a directive within a list that is replaced whole
 * is refused, and so is one that is misspelt. Null fields of what is new are left out, as since v1.26.
 *
 * @param kind - of the object, e.g. `Pod`
 * @throws what `fail` makes
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/apimachinery/pkg/util/strategicpatch/patch.go
 */
export function applyStrategicMerge(
  object: YamlObject,
  patch: YamlObject,
  kind: string,
  fail: PatchFailure,
  remark: PatchRemark = () => {},
): YamlObject {
  return new StrategicMerge(fail, remark).mergeStruct(object, patch, kind, '')
}

class StrategicMerge {
  readonly #fail: PatchFailure
  readonly #remark: PatchRemark

  constructor(fail: PatchFailure, remark: PatchRemark) {
    this.#fail = fail
    this.#remark = remark
  }

  mergeStruct(original: YamlObject, patch: YamlObject, struct: string | undefined, path: string): YamlObject {
    const directive = own(patch, DIRECTIVE)
    if (directive === 'delete') return {}
    if (directive === 'replace') return this.#plainObject(without(patch, DIRECTIVE), path)
    if (directive !== undefined) throw this.#fail(path, `${DIRECTIVE} of a mapping is delete or replace`)
    const rows = MERGE_KEYS[struct ?? ''] ?? {}
    const out = new Map(Object.entries(this.#retain(original, patch, path)))
    for (const [key, value] of Object.entries(patch)) {
      const at = path === '' ? key : `${path}.${key}`
      if (key === RETAIN) continue
      if (key.startsWith(ORDER)) this.#checkOrder(patch, key, rows, path)
      else if (key.startsWith(DELETE_FROM)) {
        const field = key.slice(DELETE_FROM.length)
        out.set(field, this.#deleteWords(out.get(field), value, rows[field], at))
      } else if (key.startsWith('$')) throw this.#fail(at, 'there is no such directive')
      else if (value === null) out.delete(key)
      else out.set(key, this.#mergeField(out.get(key), value, rowOf(rows, key), at, own(patch, `${ORDER}${key}`)))
    }
    this.#orderUntouched(out, patch, rows)
    return Object.fromEntries(out)
  }

  #mergeField(
    original: YamlValue | undefined,
    patch: YamlValue,
    row: MergeRow,
    path: string,
    order: YamlValue | undefined,
  ): YamlValue {
    if (Array.isArray(patch)) {
      const items = patch as readonly YamlValue[]
      const current = Array.isArray(original) ? (original as readonly YamlValue[]) : []
      if (row.isSet) return ordered([...new Set([...current, ...items])], asList(order) ?? items, current, word => word)
      if (row.key !== undefined) return this.#mergeItems(current, items, row.key, row.struct, path, asList(order))
      return items.map((item, index) => this.#plain(item, `${path}[${index}]`))
    }
    if (!isYamlObject(patch)) return patch
    // A field that is not there is merged into nothing, so that directives do what they say there, too.
    return isYamlObject(original)
      ? this.mergeStruct(original, patch, row.struct, path)
      : this.#added(patch, row.struct, path)
  }

  /** A mapping that the object did not have. */
  #added(patch: YamlObject, struct: string | undefined, path: string): YamlObject {
    if (own(patch, DIRECTIVE) === 'delete') throw this.#fail(path, 'there is nothing to delete')
    return this.mergeStruct({}, patch, struct, path)
  }

  #mergeItems(
    original: readonly YamlValue[],
    patch: readonly YamlValue[],
    key: string,
    struct: string | undefined,
    path: string,
    order: readonly YamlValue[] | undefined,
  ): YamlValue {
    const keyOf = (item: YamlValue) => (isYamlObject(item) ? own(item, key) : undefined)
    let current = [...original]
    const items: YamlObject[] = []
    let isReplaced = false
    for (const [index, item] of patch.entries()) {
      if (!isYamlObject(item)) throw this.#fail(`${path}[${index}]`, 'an item of this list is a mapping')
      const directive = own(item, DIRECTIVE)
      const value = keyOf(item)
      if (directive === 'replace') {
        // Kubernetes replaces the list, and drops what else is in the item.
        if (Object.keys(item).length > 1)
          throw this.#fail(
            `${path}[${index}]`,
            `${DIRECTIVE}: replace replaces the whole list, and stands in an item of its own`,
          )
        isReplaced = true
        continue
      }
      if (value === undefined)
        throw this.#fail(`${path}[${index}]`, `items of this list are told apart by ${key}: it is missing`)
      if (directive === undefined) items.push(item)
      else if (directive !== 'delete')
        throw this.#fail(`${path}[${index}]`, `${DIRECTIVE} of an item is delete or replace`)
      else {
        const left = current.filter(each => keyOf(each) !== value)
        if (left.length === current.length)
          throw this.#fail(`${path}[${key}=${String(value)}]`, 'there is no such item to delete')
        current = left
      }
    }
    if (isReplaced) current = []
    const serverOrder = current.map(keyOf)
    for (const item of items) {
      const value = keyOf(item)
      const at = `${path}[${key}=${String(value)}]`
      const index = current.findIndex(each => keyOf(each) === value)
      const found = current[index]
      if (isYamlObject(found)) {
        current[index] = this.mergeStruct(found, item, struct, at)
      } else {
        if (current.length > 0 && !isReplaced)
          this.#remark(at, `is new there; the list has ${current.map(each => String(keyOf(each))).join(', ')}`)
        current.push(this.mergeStruct({}, item, struct, at))
      }
    }
    const keys = order ? order.map(keyOf) : items.map(keyOf)
    return ordered(current, keys, serverOrder, keyOf)
  }

  /** `$retainKeys`: what is not named goes. */
  #retain(original: YamlObject, patch: YamlObject, path: string): YamlObject {
    const kept = own(patch, RETAIN)
    if (kept === undefined) return original
    const names = asList(kept)
    if (!names?.every(name => typeof name === 'string')) throw this.#fail(path, `${RETAIN} is a list of names`)
    const stray = Object.keys(patch).find(key => !key.startsWith('$') && patch[key] !== null && !names.includes(key))
    if (stray !== undefined) throw this.#fail(path, `${RETAIN} does not name ${stray}, which the patch sets`)
    return Object.fromEntries(Object.entries(original).filter(([key]) => names.includes(key)))
  }

  #checkOrder(patch: YamlObject, key: string, rows: Readonly<Record<string, MergeRow>>, path: string): void {
    const field = key.slice(ORDER.length)
    const at = path === '' ? key : `${path}.${key}`
    const row = rowOf(rows, field)
    const order = asList(patch[key])
    if (!order || (row.key === undefined && !row.isSet))
      throw this.#fail(at, row.key === undefined && !row.isSet ? 'this list is replaced whole' : 'is a list')
    const keyOf = (item: YamlValue) => (row.key === undefined || !isYamlObject(item) ? item : own(item, row.key))
    const items = (asList(own(patch, field)) ?? []).filter(
      item => !(isYamlObject(item) && own(item, DIRECTIVE) !== undefined),
    )
    let index = 0
    for (const each of order) if (items[index] !== undefined && keyOf(items[index] ?? null) === keyOf(each)) index++
    if (index < items.length) throw this.#fail(at, `does not have the items of ${field} in their order`)
  }

  /** `$setElementOrder` of lists that the patch says nothing else about. */
  #orderUntouched(out: Map<string, YamlValue>, patch: YamlObject, rows: Readonly<Record<string, MergeRow>>): void {
    for (const key of Object.keys(patch)) {
      const field = key.slice(ORDER.length)
      if (!key.startsWith(ORDER) || own(patch, field) !== undefined) continue
      const [list, order, { key: name }] = [asList(out.get(field)), asList(patch[key]), rowOf(rows, field)]
      if (!list || !order) continue
      const keyOf = (item: YamlValue) => (name === undefined || !isYamlObject(item) ? item : own(item, name))
      out.set(field, ordered(list, order.map(keyOf), list.map(keyOf), keyOf))
    }
  }

  #deleteWords(current: YamlValue | undefined, words: YamlValue, row: MergeRow | undefined, path: string): YamlValue {
    const [list, gone] = [asList(current), asList(words)]
    if (!row?.isSet) throw this.#fail(path, 'this list is replaced whole; give all of it')
    if (!gone) throw this.#fail(path, 'is a list')
    for (const word of gone)
      if (!list?.includes(word)) throw this.#fail(path, `there is no ${JSON.stringify(word)} to delete`)
    return list?.filter(word => !gone.includes(word)) ?? []
  }

  /** A value that is taken as it is: no directive may be left in it, and no null. */
  #plain(value: YamlValue, path: string): YamlValue {
    if (Array.isArray(value))
      return (value as readonly YamlValue[]).map((item, index) => this.#plain(item, `${path}[${index}]`))
    return isYamlObject(value) ? this.#plainObject(value, path) : value
  }

  #plainObject(value: YamlObject, path: string): YamlObject {
    const directive = Object.keys(value).find(
      key => key === DIRECTIVE || key === RETAIN || key.startsWith(ORDER) || key.startsWith(DELETE_FROM),
    )
    if (directive !== undefined) throw this.#fail(path, `this is taken as a whole: ${directive} means nothing in it`)
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, child]) => child !== null)
        .map(([key, child]) => [key, this.#plain(child, `${path}.${key}`)]),
    )
  }
}

/**
 * Puts a merged list in order: items of the patch as the patch has them, the others as they stood, and where both stood in
 * the list before, as they stood to each other there.
 *
 * @see kubernetes/kubernetes v1.20.2, .../strategicpatch/patch.go (mergeSortedSlice)
 */
function ordered(
  items: readonly YamlValue[],
  patchOrder: readonly (YamlValue | undefined)[],
  serverOrder: readonly (YamlValue | undefined)[],
  keyOf: (item: YamlValue) => YamlValue | undefined,
): YamlValue {
  const place = (order: readonly (YamlValue | undefined)[], item: YamlValue) =>
    order.findIndex(key => key !== undefined && isSame(key, keyOf(item) ?? null))
  const right = items
    .filter(item => place(patchOrder, item) >= 0)
    .sort((a, b) => place(patchOrder, a) - place(patchOrder, b))
  const left = items.filter(item => place(patchOrder, item) < 0)
  const out: YamlValue[] = []
  while (left.length > 0 || right.length > 0) {
    const [l, r] = [left[0], right[0]]
    const [li, ri] = [l === undefined ? -1 : place(serverOrder, l), r === undefined ? -1 : place(serverOrder, r)]
    const takesLeft = r === undefined || (l !== undefined && li >= 0 && ri >= 0 && li < ri)
    const next = takesLeft ? left.shift() : right.shift()
    if (next !== undefined) out.push(next)
  }
  return out
}

function rowOf(rows: Readonly<Record<string, MergeRow>>, key: string): MergeRow {
  return (Object.hasOwn(rows, key) ? rows[key] : undefined) ?? {}
}

function asList(value: YamlValue | undefined): readonly YamlValue[] | undefined {
  return Array.isArray(value) ? (value as readonly YamlValue[]) : undefined
}

function without(object: YamlObject, key: string): YamlObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== key))
}
