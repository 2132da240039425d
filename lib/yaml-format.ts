import { looksTyped } from './yaml-scalars.js'

// go-yaml v2 folds lines at spaces behind this column, and sigs.k8s.io/yaml leaves it at that.
const WIDTH = 80
// A longer key is written as `? key`; libyaml counts bytes.
const LONGEST_KEY = 128

/** A value to write: properties that are `undefined` are left out. */
export type YamlInput =
  | null
  | boolean
  | number
  | string
  | readonly YamlInput[]
  | { readonly [key: string]: YamlInput | undefined }

/**
 * Writes a value as kubeadm and kubectl write it (sigs.k8s.io/yaml over go-yaml v2): keys in go-yaml's natural order, two
 * spaces, lists not indented under their key, quotes only where go-yaml puts them, long text folded behind column 80.
 *
 * Departures, because a reader of YAML 1.2 would not get the same text back: U+2028, U+2029 and text of line breaks alone
 * are escaped, a key `<<` is quoted, whole numbers beyond 2^53 are written with an exponent. Bidirectional controls are
 * escaped, because a person who looks at them would not read what is there.
 *
 * @returns text with a final newline
 * @see kubernetes/kubernetes v1.20.2, vendor/gopkg.in/yaml.v2/{encode,emitterc,sorter}.go
 */
export function formatYaml(value: YamlInput): string {
  return `${formatNode(value, -2, 0, false)}\n`
}

/**
 * A node as it follows its indicator (`key:`, `-`, `?`, or nothing for the root), without the newline behind it.
 *
 * @param holder - column of the collection that holds the node; -2 for the root
 * @param column - where the indicator ended
 * @param isCompact - a collection starts on the line of its indicator
 */
function formatNode(value: YamlInput, holder: number, column: number, isCompact: boolean): string {
  const space = column > 0 ? ' ' : ''
  const isList = Array.isArray(value)
  if (!isList && (typeof value !== 'object' || value === null))
    return space + formatScalar(value, Math.max(holder, 0) + 2, column + space.length)
  const items = isList ? listItems(value, holder + 2) : mappingItems(value as Mapping, holder + 2)
  if (items.length === 0) return space + (isList ? '[]' : '{}')
  const newline = `\n${' '.repeat(holder + 2)}`
  const before = isCompact ? ' ' : column > 0 ? newline : ''
  return before + items.join(newline)
}

type Mapping = { readonly [key: string]: YamlInput | undefined }

function listItems(list: readonly YamlInput[], indent: number): string[] {
  return list.map(item => `-${formatNode(item, indent, indent + 1, true)}`)
}

function mappingItems(mapping: Mapping, indent: number): string[] {
  const entries = Object.entries(mapping).sort(([a], [b]) => compareKeys(a, b))
  return entries.flatMap(([key, value]) => {
    if (value === undefined) return []
    if (key.includes('\n') || new TextEncoder().encode(key).length > LONGEST_KEY) {
      const question = `? ${formatScalar(key, indent + 2, indent + 2)}`
      return [`${question}\n${' '.repeat(indent)}:${formatNode(value, indent, indent + 1, true)}`]
    }
    const text = key === '<<' ? '"<<"' : formatScalar(key, indent + 2, Number.NEGATIVE_INFINITY)
    // A list under a key stands at the key's own column.
    const holder = Array.isArray(value) ? indent - 2 : indent
    return [`${text}:${formatNode(value, holder, indent + [...text].length + 1, false)}`]
  })
}

/** go-yaml's order of keys: letters behind everything else, runs of digits by their number. */
function compareKeys(a: string, b: string): number {
  const [left, right] = [[...a], [...b]]
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    const [l = '', r = ''] = [left[index], right[index]]
    if (l === r) continue
    const [isLetterL, isLetterR] = [/\p{L}/u.test(l), /\p{L}/u.test(r)]
    if (isLetterL !== isLetterR) return isLetterL ? 1 : -1
    if (!isLetterL) {
      const [runL, runR] = [digits(left, index), digits(right, index)]
      if (runL.number !== runR.number) return runL.number - runR.number
      if (runL.length !== runR.length) return runL.length - runR.length
    }
    return (l.codePointAt(0) ?? 0) - (r.codePointAt(0) ?? 0)
  }
  return left.length - right.length
}

/** The number that starts at an index; zeros inside a number that began before it count as a digit before them. */
function digits(text: readonly string[], index: number): { readonly number: number; readonly length: number } {
  let end = index
  while (/^\p{Nd}$/u.test(text[end] ?? '')) end++
  const run = text.slice(index, end).join('')
  let isWithinNumber = false
  for (let at = index - 1; at >= 0 && /^[0-9]$/.test(text[at] ?? ''); at--) isWithinNumber ||= text[at] !== '0'
  return { number: Number(`${isWithinNumber ? '1' : ''}${run}`), length: end - index }
}

function formatScalar(value: null | boolean | number | string, indent: number, column: number): string {
  if (typeof value === 'number') return formatNumber(value)
  return typeof value === 'string' ? formatString(value, indent, column) : String(value)
}

/** As Go's `strconv.FormatFloat(value, 'g', -1, 64)` and `FormatInt`. */
function formatNumber(value: number): string {
  if (Number.isSafeInteger(value)) return String(value === 0 ? 0 : value)
  const [mantissa = '', exponent = ''] = value.toExponential().split('e')
  const power = Number(exponent)
  if (power >= -4 && power < 6 && !Number.isInteger(value)) return String(value)
  return `${mantissa}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
}

// What the emitter calls printable, and so may stand unescaped: tabs and everything beyond the basic plane may not.
const PRINTABLE = /^[\n\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]*$/
const LEADING_INDICATOR = /^(?:[#,[\]{}&*!|>'"%@`]|[-?:](?:[ \n]|$)|---|\.\.\.)/

// Marks that turn the order of what follows them around on a screen, so that a text reads as another one (CVE-2021-42574).
const TURNING = /\p{Bidi_Control}/u

function formatString(text: string, indent: number, column: number): string {
  const isKey = column === Number.NEGATIVE_INFINITY
  if (!PRINTABLE.test(text) || TURNING.test(text) || /[\u2028\u2029]/.test(text) || / \n/.test(text))
    return double(text, indent, column)
  if (text.includes('\n')) {
    return isKey || text.endsWith(' ') || /^\n+$/.test(text) ? double(text, indent, column) : literal(text, indent)
  }
  if (looksTyped(text)) return double(text, indent, column)
  const isPlain = !LEADING_INDICATOR.test(text) && !/: |:$| #|^ | $/.test(text)
  if (isPlain) return fold(text, indent, column, 0)
  return `'${fold(text.replaceAll("'", "''"), indent, column + 1, 1)}'`
}

/** Breaks a text at single spaces that stand behind {@link WIDTH}; `margin` characters at either end stay together. */
function fold(text: string, indent: number, start: number, margin: number): string {
  let column = start
  let out = ''
  const characters = [...text]
  for (const [index, character] of characters.entries()) {
    const isSingle = character === ' ' && characters[index - 1] !== ' ' && characters[index + 1] !== ' '
    if (isSingle && column > WIDTH && index >= margin && index < characters.length - margin) {
      out += `\n${' '.repeat(indent)}`
      column = indent
    } else {
      out += character
      column++
    }
  }
  return out
}

function literal(text: string, indent: number): string {
  const hint = /^[ \n]/.test(text) ? '2' : ''
  const chomp = !text.endsWith('\n') ? '-' : text.endsWith('\n\n') ? '+' : ''
  const lines = (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n')
  return `|${hint}${chomp}\n${lines.map(line => (line === '' ? '' : ' '.repeat(indent) + line)).join('\n')}`
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\0': '\\0',
  '\x07': '\\a',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\v': '\\v',
  '\f': '\\f',
  '\r': '\\r',
  '\x1b': '\\e',
  '"': '\\"',
  '\\': '\\\\',
  '\x85': '\\N',
  '\u2028': '\\L',
  '\u2029': '\\P',
}

function double(text: string, indent: number, start: number): string {
  const characters = [...text]
  // go-yaml looks for a byte order mark at the start of the text rather than at each character, and escapes them all.
  const escapesAll = text.startsWith('\ufeff')
  let column = start + 1
  let out = ''
  let wasSpace = false
  for (const [index, character] of characters.entries()) {
    const isFolding = character === ' ' && !escapesAll && !wasSpace && column > WIDTH && index > 0
    if (isFolding && index < characters.length - 1) {
      out += `\n${' '.repeat(indent)}${characters[index + 1] === ' ' ? '\\' : ''}`
      column = indent
      wasSpace = true
      continue
    }
    const written =
      escapesAll || !PRINTABLE.test(character) || TURNING.test(character)
        ? escapeCharacter(character)
        : (ESCAPES[character] ?? character)
    out += written
    column += written.length
    wasSpace = character === ' ' && !escapesAll
  }
  return `"${out}"`
}

function escapeCharacter(character: string): string {
  const known = ESCAPES[character]
  if (known) return known
  const hex = (character.codePointAt(0) ?? 0).toString(16).toUpperCase()
  if (hex.length <= 2) return `\\x${hex.padStart(2, '0')}`
  return hex.length <= 4 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`
}
