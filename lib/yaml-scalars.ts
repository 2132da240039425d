/** A mapping: own keys only, `__proto__` is a key like any other. */
export interface YamlObject {
  readonly [key: string]: YamlValue
}
/** What a YAML document of Kubernetes can hold: exactly what JSON can. */
export type YamlValue = null | boolean | number | string | readonly YamlValue[] | YamlObject

/** Whether a value is a mapping. */
export function isYamlObject(value: YamlValue | undefined): value is YamlObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What a plain value can be: the YAML tag's last word. */
export type PlainType = 'str' | 'int' | 'float' | 'bool' | 'null'

const WORDS: ReadonlyMap<string, { readonly type: PlainType; readonly value: null | boolean }> = new Map<
  string,
  { readonly type: PlainType; readonly value: null | boolean }
>([
  ...['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON'].map(
    word => [word, { type: 'bool', value: true }] as const,
  ),
  ...['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF'].map(
    word => [word, { type: 'bool', value: false }] as const,
  ),
  ...['', '~', 'null', 'Null', 'NULL'].map(word => [word, { type: 'null', value: null }] as const),
])

// JSON, and so Kubernetes, has no such numbers: they stay text.
const NOT_FINITE = /^(?:\.(?:nan|NaN|NAN)|[-+]?\.(?:inf|Inf|INF))$/
const RADIX = [
  [/^[-+]?0[xX][0-9a-fA-F]+$/, 16, 2],
  [/^[-+]?0[bB][01]+$/, 2, 2],
  [/^[-+]?0[oO][0-7]+$/, 8, 2],
  [/^[-+]?0[0-7]+$/, 8, 1],
  [/^[-+]?(?:0|[1-9][0-9]*)$/, 10, 0],
] as const
const FLOAT = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/
const TIMESTAMP =
  /^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt][0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:\.[0-9]+)?(?:Z|[-+][0-9]{2}:[0-9]{2})| [0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:\.[0-9]+)?)?$/

/**
 * What a plain (unquoted) text means to go-yaml v2.
 *
 * @see kubernetes/kubernetes v1.20.2, vendor/gopkg.in/yaml.v2/resolve.go
 */
export function resolvePlain(text: string): {
  readonly type: PlainType
  readonly value: null | boolean | number | string
} {
  const string = { type: 'str', value: text } as const
  const word = WORDS.get(text)
  if (word) return word
  if (!/^[-+.0-9]/.test(text) || NOT_FINITE.test(text) || TIMESTAMP.test(text)) return string
  const digits = text.startsWith('.') ? text : text.replaceAll('_', '')
  for (const [pattern, radix, prefix] of RADIX) {
    if (!pattern.test(digits)) continue
    const isNegative = digits.startsWith('-')
    const magnitude = Number.parseInt(digits.replace(/^[-+]/, '').slice(prefix), radix)
    return { type: 'int', value: isNegative && magnitude !== 0 ? -magnitude : magnitude }
  }
  const value = FLOAT.test(digits) ? Number(digits) : Number.NaN
  return Number.isFinite(value) ? { type: 'float', value } : string
}

// YAML 1.1 base 60: go-yaml reads it as a string, and quotes it for parsers that do not.
const BASE_60 = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/

/** Whether a string has to be quoted so that it stays a string. */
export function looksTyped(text: string): boolean {
  return resolvePlain(text).type !== 'str' || NOT_FINITE.test(text) || TIMESTAMP.test(text) || BASE_60.test(text)
}
