import { UsageError } from '../errors.js'
import { quote } from '../kubernetes/cluster-fields.js'
import { parseYamlStream } from '../yaml.js'
import type { YamlInput } from '../yaml-format.js'
import { isYamlObject, type YamlObject, type YamlValue } from '../yaml-scalars.js'
import { checkShape } from './check-shape.js'
import { applyJsonPatch, isSame, own, type PatchFailure, parseJsonPatch } from './json-patch.js'
import { applyMergePatch } from './merge-patch.js'
import type { Patch, PatchTarget } from './patch.js'
import { parsePatchName } from './patch-names.js'
import { applyStrategicMerge } from './strategic-merge.js'

/** The patches of one file, and what a person should know about it. */
export interface ParsedPatchFile {
  /** In their order in the file; none for a file that is no patch. */
  readonly patches: readonly Patch[]
  readonly notes: readonly string[]
}

/**
 * Reads a patch file as kubeadm does: its name says what is patched and how, each of its documents is a patch.
 *
 * A file whose name is that of no patch, and one without documents, gives a note.
 *
 * @param name - with its directory, as messages are to name it
 * @param text - YAML or JSON, at most 1 MiB
 * @throws {@link UsageError} `KPKI_PATCH_INVALID`; `EncodingError` `KPKI_YAML_INVALID`, `KPKI_INPUT_TOO_LARGE`
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/util/patches/patches.go
 */
export function parsePatchFile(name: string, text: string): ParsedPatchFile {
  const { target, type, note } = parsePatchName(name.slice(name.lastIndexOf('/') + 1), name)
  const notes = note === undefined ? [] : [note]
  if (target === undefined) return { patches: [], notes }
  const documents = parseYamlStream(text, name).filter(({ value }) => value !== null)
  if (documents.length === 0) return { patches: [], notes: [...notes, `${name}: is not read: there is nothing in it`] }
  const patches = documents.map(({ value, start, duplicates }): Patch => {
    const [twice] = duplicates
    if (twice) throw failure(name, `${name}:${twice.line}:${twice.column}: the field is given twice`)
    const fail: PatchFailure = (place, message) =>
      failure(name, `${name}:${start.line}: ${place === '' ? '' : `${place}: `}${message}`)
    if (type === 'json') parseJsonPatch(value, fail)
    else if (!isYamlObject(value))
      throw fail(
        '',
        `a ${type} patch is a mapping; a list of steps is a JSON patch, in a file named ${target}+json.yaml`,
      )
    return { target, type, content: value, file: name }
  })
  return { patches, notes }
}

/** A patched object, and what may not be meant so. */
export interface PatchedObject<T> {
  readonly object: T
  readonly notes: readonly string[]
}

/**
 * Applies those of the patches that are for a target, one on the outcome of the other.
 *
 * @param object - a Pod, Deployment, DaemonSet or KubeletConfiguration
 * @throws {@link UsageError} `KPKI_PATCH_INVALID` when one of them does not apply, deletes what is not there, or makes another
 *   object of it: another apiVersion, kind or name, containers that do not have the names that they had, or a value of another
 *   type than its field has
 */
export function applyPatches<T extends { readonly [key: string]: YamlInput | undefined }>(
  object: T,
  target: PatchTarget,
  patches: readonly Patch[],
): T {
  return patchObject(object, target, patches).object
}

/** As {@link applyPatches}, with notes on patches that change nothing, on items that are new in a list, and on unknown fields. */
export function patchObject<T extends { readonly [key: string]: YamlInput | undefined }>(
  object: T,
  target: PatchTarget,
  patches: readonly Patch[],
): PatchedObject<T> {
  const mine = patches.filter(patch => patch.target === target)
  if (mine.length === 0) return { object, notes: [] }
  const notes: string[] = []
  const before = plain(object)
  const after = mine.reduce<YamlValue>((value, patch) => {
    const patched = applyPatch(value, patch, notes)
    assertIntact(before, patched, patch)
    notes.push(...assertReadable(value, patched, patch))
    if (isSame(patched, value)) notes.push(`${patch.file}: changes nothing in ${target}`)
    return patched
  }, before)
  // Whatever has the apiVersion, kind and name of T is looked at by nobody but whom the patch is for.
  return { object: after as T, notes: notes.map(bounded) }
}

function applyPatch(value: YamlValue, { type, content, file }: Patch, notes: string[]): YamlValue {
  const fail: PatchFailure = (place, message) =>
    failure(file, `${file}: ${place === '' ? '' : `${place}: `}${message}`, place)
  // As JSON has it, says the type: nothing else comes out of parsePatchFile.
  const patch = content as YamlValue
  if (type === 'json')
    return applyJsonPatch(value, parseJsonPatch(patch, fail), (place, message) =>
      failure(file, `${file}: ${message}`, place),
    )
  if (!isYamlObject(patch) || !isYamlObject(value)) throw fail('', `a ${type} patch is a mapping`)
  if (type === 'merge') return applyMergePatch(value, patch)
  const kind = own(value, 'kind')
  return applyStrategicMerge(value, patch, typeof kind === 'string' ? kind : '', fail, (place, message) => {
    notes.push(`${file}: ${place}: ${message}`)
  })
}

/** What a patch must leave as it is, by the paths that messages name. */
const IDENTITY = [['apiVersion'], ['kind'], ['metadata', 'name'], ['metadata', 'namespace']] as const

function assertIntact(before: YamlValue, after: YamlValue, { file }: Patch): void {
  for (const path of IDENTITY) {
    const [was, is] = [at(before, path), at(after, path)]
    if (JSON.stringify(was) !== JSON.stringify(is)) {
      const words = `${shown(was)} and not ${shown(is)}`
      throw failure(file, `${file}: ${path.join('.')} must stay ${words}`, path.join('.'))
    }
  }
  for (const path of [['spec'], ['spec', 'template', 'spec']] as const) {
    const containers = at(before, [...path, 'containers'])
    if (containers === undefined) continue
    const field = [...path, 'containers'].join('.')
    const names = namesOf(at(after, [...path, 'containers']))
    if (!names) throw failure(file, `${file}: ${field} must be a list of containers, each with a name`, field)
    const gone = namesOf(containers)?.find(name => !names.includes(name))
    if (gone !== undefined) throw failure(file, `${file}: ${field} must have the container ${gone}`, field)
    const twice = names.find((name, index) => names.indexOf(name) < index)
    if (twice !== undefined) throw failure(file, `${file}: ${field} has two containers ${quote(twice)}`, field)
  }
}

/** What is of a type that nobody can decode is refused; of names that no field has, the new ones are told. */
function assertReadable(before: YamlValue, after: YamlValue, { file }: Patch): readonly string[] {
  const kind = at(after, ['kind'])
  if (typeof kind !== 'string') return []
  const problems = checkShape(after, kind)
  if (problems.length === 0) return []
  const known = new Set(checkShape(before, kind).map(({ path }) => path))
  const fresh = problems.filter(({ path }) => !known.has(path))
  const wrong = fresh.find(problem => problem.kind === 'type')
  if (wrong) throw failure(file, `${file}: ${wrong.path} ${wrong.message}`, wrong.path)
  return fresh.map(({ path, message }) => `${file}: ${path} ${message}`)
}

function namesOf(containers: YamlValue | undefined): readonly string[] | undefined {
  if (!Array.isArray(containers)) return undefined
  const names = (containers as readonly YamlValue[]).map(each => at(each, ['name']))
  return names.every(name => typeof name === 'string' && name !== '') ? (names as readonly string[]) : undefined
}

function at(value: YamlValue | undefined, path: readonly string[]): YamlValue | undefined {
  return path.reduce<YamlValue | undefined>((each, key) => (isYamlObject(each) ? own(each, key) : undefined), value)
}

function shown(value: YamlValue | undefined): string {
  return value === undefined ? 'unset' : quote(typeof value === 'string' ? value : JSON.stringify(value))
}

function failure(file: string, message: string, path?: string): UsageError {
  const details = { file, ...(path === undefined ? {} : { path: bounded(path) }) }
  return new UsageError('KPKI_PATCH_INVALID', bounded(message), { details })
}

/** A path can be as long as a file: its ends, and all of what is said about it. */
function bounded(text: string): string {
  return text.length > 2 * MAX_END ? `${text.slice(0, MAX_END)}…${text.slice(-MAX_END)}` : text
}

const MAX_END = 400

/** Less fields that are `undefined`, which no patch may see. */
function plain(value: { readonly [key: string]: YamlInput | undefined }): YamlObject {
  return plainValue(value) as YamlObject
}

function plainValue(value: YamlInput): YamlValue {
  if (Array.isArray(value)) return (value as readonly YamlInput[]).map(plainValue)
  if (typeof value !== 'object' || value === null) return value as YamlValue
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, child]) => (child === undefined ? [] : [[key, plainValue(child)] as const])),
  )
}
