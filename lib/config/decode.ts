import { parseDuration } from '../kubernetes/duration.js'
import type { YamlPath } from '../yaml.js'
import { isYamlObject, type YamlObject, type YamlValue } from '../yaml-scalars.js'
import { CHECKS, STRUCT_CHECKS } from './checks.js'
import { nearestName, type Report } from './problems.js'
import { type ApiVersion, type FieldRow, STRUCTS, type StructName, structFields } from './schema.js'

/** One `--flag=value` of a component. */
export interface Arg {
  readonly name: string
  readonly value: string
}

/**
 * Checks a document (or part of one) against its struct, reporting everything that is wrong.
 *
 * Types are as strict as kubeadm's: `123` is no string and `"6443"` no number; `null` means unset. Arguments come out as
 * lists whatever the version, sorted by name where they were a mapping.
 *
 * @returns what was right: unknown, misplaced and unset fields are left out
 */
export function decodeStruct(
  value: YamlObject,
  name: StructName,
  version: ApiVersion,
  path: YamlPath,
  report: Report,
): YamlObject {
  const fields = structFields(name, version)
  const out: Record<string, YamlValue> = {}
  for (const [key, given] of Object.entries(value)) {
    if (path.length === 0 && (key === 'apiVersion' || key === 'kind')) continue
    const row = Object.hasOwn(fields, key) ? fields[key] : undefined
    if (!row) {
      reportUnknown([...path, key], key, name, fields, report)
      continue
    }
    const decoded = given === null ? undefined : decodeValue(given, row, version, [...path, key], report)
    if (decoded !== undefined) out[key] = decoded
  }
  STRUCT_CHECKS[name]?.(out, path, report)
  return out
}

function reportUnknown(
  path: YamlPath,
  key: string,
  struct: StructName,
  fields: Readonly<Record<string, FieldRow>>,
  report: Report,
): void {
  const row = Object.entries<FieldRow>(STRUCTS[struct]).find(([name]) => name === key)?.[1]
  const nearest = nearestName(key, Object.keys(fields))
  const message = row
    ? row.since === undefined
      ? `the field went with ${row.until}`
      : `the field came with ${row.since}`
    : 'there is no such field'
  const hint = row
    ? key === 'timeoutForControlPlane'
      ? 'write timeouts.controlPlaneComponentHealthCheck in InitConfiguration'
      : `write apiVersion: kubeadm.k8s.io/${row.since ?? row.until}`
    : nearest && `did you mean ${nearest}?`
  report(path, 'KPKI_FIELD_UNKNOWN', message, { isKey: true, ...(hint === undefined ? {} : { hint }) })
}

/** What a type is called, and whether a value is of it. */
const SCALARS: Readonly<Record<string, { readonly about: string; readonly test: (value: YamlValue) => boolean }>> = {
  string: { about: 'a string', test: value => typeof value === 'string' },
  bool: { about: 'true or false', test: value => typeof value === 'boolean' },
  int32: {
    about: 'a whole number',
    test: value => typeof value === 'number' && Number.isInteger(value) && Math.abs(value) < 2 ** 31,
  },
  duration: { about: 'a duration', test: value => typeof value === 'string' },
  time: { about: 'a time', test: value => typeof value === 'string' },
  object: { about: 'a mapping', test: isYamlObject },
}

function decodeValue(
  value: YamlValue,
  row: FieldRow,
  version: ApiVersion,
  path: YamlPath,
  report: Report,
): YamlValue | undefined {
  const each = (list: YamlValue, type: string): YamlValue | undefined => {
    if (!Array.isArray(list)) return wrongType(list, 'a list', row, path, report)
    return (list as readonly YamlValue[]).flatMap((item, index) => {
      const decoded = decodeValue(item, { ...row, type }, version, [...path, index], report)
      // A stand-in, so that what follows keeps its index: nothing more is said about a field that is wrong already.
      return decoded ?? (type === 'string' ? [''] : [])
    })
  }
  const byName = (mapping: YamlValue, type: string): YamlValue | undefined => {
    if (!isYamlObject(mapping)) return wrongType(mapping, 'a mapping', row, path, report)
    const entries = Object.entries(mapping).flatMap(([key, item]) => {
      const decoded = decodeValue(item, { ...row, type }, version, [...path, key], report)
      return decoded === undefined ? [] : [[key, decoded] as const]
    })
    // fromEntries defines properties, so that `__proto__` stays a name.
    return Object.fromEntries(entries)
  }

  if (row.type === 'strings') return each(value, 'string')
  if (row.type === 'bools') return byName(value, 'bool')
  if (row.type === 'args') return decodeArgs(value, version, path, byName, report)
  if (row.type.endsWith('[]')) return each(value, row.type.slice(0, -2))
  const scalar = SCALARS[row.type]
  if (!scalar) {
    if (!isYamlObject(value)) return wrongType(value, 'a mapping', row, path, report)
    return decodeStruct(value, row.type as StructName, version, path, report)
  }
  if (!scalar.test(value)) return wrongType(value, scalar.about, row, path, report)
  const problem = typeof value === 'string' && value !== '' ? checkText(value, row) : undefined
  if (problem !== undefined) {
    report(path, 'KPKI_FIELD_VALUE', row.isSecret ? problem : `${quote(value)} ${problem}`)
  }
  return value
}

/** A value in a message: in quotes, one line, not longer than a line. */
function quote(value: YamlValue): string {
  const text = JSON.stringify(value)
  return text.length > 80 ? `${text.slice(0, 76)}…"` : text
}

function checkText(text: string, { type, check }: FieldRow): string | undefined {
  if (type === 'duration' && parseDuration(text) === undefined) return 'is not a duration, e.g. 5m0s or 8760h'
  // RFC 3339, as Go's time.RFC3339 has it.
  if (type === 'time' && !/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[-+]\d{2}:\d{2})$/.test(text))
    return 'is not a time, e.g. 2030-01-01T00:00:00Z'
  if (type === 'time' && Number.isNaN(Date.parse(text))) return 'is not a time, e.g. 2030-01-01T00:00:00Z'
  return check === undefined ? undefined : CHECKS[check]?.(text)
}

/** `{flag: value}` up to v1beta3, a list of `{name, value}` since; always the latter in the answer. */
function decodeArgs(
  value: YamlValue,
  version: ApiVersion,
  path: YamlPath,
  byName: (mapping: YamlValue, type: string) => YamlValue | undefined,
  report: Report,
): YamlValue | undefined {
  if (version !== 'v1beta4') {
    if (Array.isArray(value)) {
      report(path, 'KPKI_FIELD_TYPE', `must be a mapping of names to values in ${version}, not a list`, {
        hint: 'lists of name and value came with kubeadm.k8s.io/v1beta4',
      })
      return undefined
    }
    const mapping = byName(value, 'string')
    // Go sorts by bytes.
    return isYamlObject(mapping)
      ? Object.entries(mapping)
          .map(([name, text]) => ({ name, value: text }))
          .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
      : undefined
  }
  if (!Array.isArray(value)) {
    report(path, 'KPKI_FIELD_TYPE', 'must be a list of name and value', {
      hint: 'write - name: v, value: "4"; mappings of names to values were kubeadm.k8s.io/v1beta3',
    })
    return undefined
  }
  return (value as readonly YamlValue[]).flatMap((item, index): YamlObject[] => {
    const at = [...path, index]
    if (!isYamlObject(item)) {
      wrongType(item, 'a mapping of name and value', { type: 'args' }, at, report)
      return []
    }
    for (const key of Object.keys(item)) {
      if (key !== 'name' && key !== 'value')
        report([...at, key], 'KPKI_FIELD_UNKNOWN', 'there is no such field', {
          isKey: true,
          hint: 'an argument has name and value',
        })
    }
    const { name, value: text = '' } = item
    if (typeof name !== 'string' || name === '')
      report([...at, ...(name === undefined ? [] : ['name'])], 'KPKI_FIELD_VALUE', 'an argument needs a name')
    if (typeof text !== 'string' && text !== null)
      wrongType(text, 'a string', { type: 'string' }, [...at, 'value'], report)
    return typeof name === 'string' && typeof text === 'string' ? [{ name, value: text }] : []
  })
}

function wrongType(value: YamlValue, wanted: string, row: FieldRow, path: YamlPath, report: Report): undefined {
  const is =
    value === null
      ? 'null'
      : Array.isArray(value)
        ? 'a list'
        : isYamlObject(value)
          ? 'a mapping'
          : typeof value === 'string'
            ? 'text'
            : typeof value === 'boolean'
              ? 'true or false (as yes, no, on and off are)'
              : 'a number'
  const isScalar = typeof value === 'number' || typeof value === 'boolean'
  const hint =
    isScalar && row.type !== 'int32' && row.type !== 'bool'
      ? 'put it in quotes'
      : typeof value === 'string' && (row.type === 'int32' || row.type === 'bool')
        ? 'write it without quotes'
        : undefined
  const range = row.type === 'int32' && typeof value === 'number' ? ' of 32 bits' : ''
  report(path, 'KPKI_FIELD_TYPE', `must be ${wanted}${range}, not ${is}`, hint === undefined ? {} : { hint })
  return undefined
}
