import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Pair,
  type ParsedNode,
  parseDocument,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml'
import { EncodingError } from './errors.js'
import { parseYaml, type YamlPath } from './yaml.js'
import { formatYaml, type YamlInput } from './yaml-format.js'
import { isYamlObject, type YamlObject, type YamlValue } from './yaml-scalars.js'

/** What is to be changed in a document whose root is a mapping. */
export interface YamlEdits {
  /** Items that are added to the end of lists of the root, by key; a list that is not there is made. */
  readonly append?: Readonly<Record<string, readonly YamlValue[]>>
  /** Items of such lists that are put in place of others. */
  readonly replace?: readonly { readonly key: string; readonly index: number; readonly item: YamlValue }[]
  /** Texts of the root, by key. */
  readonly set?: Readonly<Record<string, string>>
  /** Texts further inside, by the keys and indexes that lead there: mappings and lists on the way exist, the last key may not. */
  readonly setIn?: readonly { readonly path: YamlPath; readonly text: string }[]
}

/**
 * Changes a YAML or JSON document as text: every byte stays that need not change, comments, order, quotes and line ends with
 * it. JSON stays JSON. The new text is read again and compared with what was asked for, so that nothing can come out that
 * means anything else.
 *
 * @param text - one document, at most 1 MiB, or none
 * @param what - named in errors
 * @throws {@link EncodingError} as {@link parseYaml}, also for the new text; `KPKI_YAML_UNEDITABLE` where anchors, aliases or
 *   merge keys stand in the way
 */
export function editYaml(text: string, edits: YamlEdits, what: string): string {
  // A byte order mark stays where it is, and no offset counts it.
  if (text.startsWith('\ufeff')) return `\ufeff${editYaml(text.slice(1), edits, what)}`
  const before = parseYaml(text, what).value
  const expected = applyEdits(before, edits)
  if (!expected) throw uneditable(what, 'its root is no mapping')
  const whole = withLastLineEnd(text, before, what)
  const edited = before === null ? appendDocument(text, expected) : splice(whole, splicesFor(whole, edits, what))
  if (isSame(readAgain(edited, what), expected)) return edited
  throw uneditable(what, 'anchors, aliases or merge keys stand in the way')
}

/** Lines are added behind whole lines; a line end may belong to a value, and then none is added. */
function withLastLineEnd(text: string, before: YamlValue, what: string): string {
  const isJson = /^\s*[{[]/.test(text)
  if (isJson || text.endsWith('\n')) return text
  const whole = text + (text.includes('\r\n') ? '\r\n' : '\n')
  return isSame(readAgain(whole, what), before) ? whole : text
}

function readAgain(text: string, what: string): YamlValue | undefined {
  try {
    return parseYaml(text, what).value
  } catch (error) {
    if (error instanceof EncodingError && error.code === 'KPKI_INPUT_TOO_LARGE') throw error
    return undefined
  }
}

function uneditable(what: string, problem: string): EncodingError {
  return new EncodingError('KPKI_YAML_UNEDITABLE', `${what} cannot be changed in place: ${problem}`, {
    details: { what },
    hint: 'have it written plainly first: kubectl config view --raw; its comments get lost with that',
  })
}

/** What the document is to say afterwards. */
function applyEdits(
  before: YamlValue,
  { append = {}, replace = [], set = {}, setIn = [] }: YamlEdits,
): YamlObject | undefined {
  if (before !== null && !isYamlObject(before)) return undefined
  const lists = new Map<string, YamlValue[]>()
  const listOf = (key: string) => {
    const present = before !== null && Object.hasOwn(before, key) ? before[key] : undefined
    const list = lists.get(key) ?? (Array.isArray(present) ? [...(present as readonly YamlValue[])] : [])
    lists.set(key, list)
    return list
  }
  for (const { key, index, item } of replace) listOf(key)[index] = item
  for (const [key, items] of Object.entries(append)) if (items.length > 0) listOf(key).push(...items)
  const expected: YamlObject = { ...before, ...Object.fromEntries(lists), ...set }
  return setIn.reduce((value, { path, text }) => withText(value, path, text) as YamlObject, expected)
}

/** A value with a text put into it; what leads nowhere stays as it is, and is found out when the new text is read again. */
function withText(value: YamlValue | undefined, path: YamlPath, text: string): YamlValue {
  const [step, ...rest] = path
  if (step === undefined) return text
  if (Array.isArray(value)) {
    const list = value as readonly YamlValue[]
    return list.map((item, index) => (index === step ? withText(item, rest, text) : item))
  }
  if (!isYamlObject(value)) return value ?? null
  const inner = Object.hasOwn(value, step) ? value[step] : undefined
  return inner === undefined && rest.length > 0 ? value : { ...value, [step]: withText(inner, rest, text) }
}

/** Whether two values are the same; the order of keys does not count. */
function isSame(a: YamlValue | undefined, b: YamlValue | undefined): boolean {
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, index) => isSame(item, b[index]))
  if (!isYamlObject(a) || !isYamlObject(b)) return a === b
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every(key => Object.hasOwn(b, key) && isSame(a[key], b[key]))
}

/** Comments alone, or nothing: the document comes behind them. */
function appendDocument(text: string, value: YamlObject): string {
  const lines = formatYaml(value as YamlInput)
  return withLineEnds(text === '' || text.endsWith('\n') ? text + lines : `${text}\n${lines}`, text)
}

/** A piece of the text and what comes in its place. */
interface Splice {
  readonly start: number
  readonly end: number
  readonly text: string
}

function splice(text: string, splices: readonly Splice[]): string {
  let out = ''
  let at = 0
  // Those at one place stay in the order in which they were asked for.
  for (const { start, end, text: piece } of [...splices].sort((a, b) => a.start - b.start)) {
    out += text.slice(at, start) + withLineEnds(piece, text)
    at = end
  }
  return out + text.slice(at)
}

/** New lines end as those that are there. */
function withLineEnds(piece: string, text: string): string {
  return text.includes('\r\n') ? piece.replace(/\r?\n/g, '\r\n') : piece
}

type Root = YAMLMap.Parsed<ParsedNode, ParsedNode | null>

function splicesFor(
  text: string,
  { append = {}, replace = [], set = {}, setIn = [] }: YamlEdits,
  what: string,
): Splice[] {
  const document = parseDocument(text, {
    schema: 'failsafe',
    uniqueKeys: false,
    keepSourceTokens: true,
    prettyErrors: false,
    logLevel: 'silent',
  })
  const root = document.contents
  if (!isMap(root)) throw uneditable(what, 'its root is no mapping')
  const editor: Editor = { text, root: root as Root, what }
  const splices: Splice[] = replace.map(({ key, index, item }) => replaceItem(editor, key, index, item))
  const missing: [string, YamlValue][] = []
  for (const [key, items] of Object.entries(append)) {
    if (items.length === 0) continue
    const pair = pairOf(editor, key)
    if (pair) splices.push(...appendItems(editor, pair, items))
    else missing.push([key, items])
  }
  for (const [key, value] of Object.entries(set)) {
    const pair = pairOf(editor, key)
    if (pair) splices.push(setText(editor, pair, value))
    else missing.push([key, value])
  }
  if (missing.length > 0) splices.push(addKeys(editor, missing))
  for (const { path, text: content } of setIn) splices.push(setInside(editor, path, content))
  return splices
}

/** Sets a text at the end of a path, or adds its key to the mapping that it is to stand in. */
function setInside(editor: Editor, path: YamlPath, content: string): Splice {
  const key = path.at(-1)
  let node: ParsedNode | null | undefined = editor.root
  for (const step of path.slice(0, -1)) {
    if (isSeq(node)) node = typeof step === 'number' ? (node as YAMLSeq.Parsed).items[step] : undefined
    else if (isMap(node)) node = pairOf({ ...editor, root: node as Root }, String(step))?.value
    else node = undefined
  }
  if (!isMap(node) || typeof key !== 'string')
    throw uneditable(editor.what, 'something is an alias, or not where it should be')
  const inner = { ...editor, root: node as Root }
  const pair = pairOf(inner, key)
  return pair ? setText(inner, pair, content) : addKeys(inner, [[key, content]])
}

interface Editor {
  readonly text: string
  readonly root: Root
  readonly what: string
}

type RootPair = Pair<ParsedNode, ParsedNode | null>

function pairOf({ root }: Editor, key: string): RootPair | undefined {
  return root.items.find(pair => isScalar(pair.key) && pair.key.value === key)
}

function appendItems(editor: Editor, { key, value }: RootPair, items: readonly YamlValue[]): Splice[] {
  const { text, root } = editor
  const isEmpty = value === null || (isSeq(value) && value.items.length === 0) || isNull(value)
  if (isEmpty && root.flow) {
    const isAlone = lineStart(text, key.range[0]) !== lineStart(text, root.range[0])
    const span = spanOf(value, key)
    const space = /[\s:]/.test(text[span.start - 1] ?? '') ? '' : ' '
    return [{ ...span, text: space + json(items, isAlone ? columnOf(text, key.range[0]) : undefined) }]
  }
  if (isEmpty) {
    const { start, end } = spanOf(value, key)
    const before = text.slice(0, start).replace(/[ \t]+$/, '').length
    const at = lineEnd(text, end)
    const lines = block(items, columnOf(text, key.range[0]))
    return [
      ...(end > start ? [{ start: before, end, text: '' }] : []),
      { start: at, end: at, text: `\n${lines.replace(/\n$/, '')}` },
    ]
  }
  if (!isSeq(value)) throw uneditable(editor.what, 'one of its lists is an alias or no list')
  const last = value.items.at(-1)
  if (value.flow) {
    const end = last ? endOf(last) : value.range[0] + 1
    const first = value.items[0]
    const isAlone = first !== undefined && lineStart(text, first.range[0]) !== lineStart(text, value.range[0])
    const column = isAlone ? columnOf(text, first.range[0]) : undefined
    const separator = column === undefined ? ', ' : `,\n${' '.repeat(column)}`
    return [{ start: end, end, text: items.map(item => separator + json(item, column)).join('') }]
  }
  return [behindLine(text, endOf(value), block(items, dashColumn(editor, value, 0)))]
}

function replaceItem(editor: Editor, key: string, index: number, item: YamlValue): Splice {
  const { text } = editor
  const list = pairOf(editor, key)?.value
  const node = isSeq(list) ? (list as YAMLSeq.Parsed).items[index] : undefined
  if (!isSeq(list) || !node) throw uneditable(editor.what, 'one of its lists is an alias or no list')
  if (list.flow) {
    const isAlone = lineStart(text, node.range[0]) !== lineStart(text, list.range[0])
    const start = node.range[0]
    return { start, end: endOf(node), text: json(item, isAlone ? columnOf(text, start) : undefined) }
  }
  const dash = dashOf(list as YAMLSeq.Parsed, index)
  if (dash === undefined) throw uneditable(editor.what, 'one of its lists is written in an unusual way')
  const end = lineEnd(text, endOf(node))
  return { start: dash, end, text: block([item], columnOf(text, dash)).trimStart().replace(/\n$/, '') }
}

function setText({ text, root, what }: Editor, { key, value }: RootPair, content: string): Splice {
  if (value !== null && !isScalar(value)) throw uneditable(what, 'a text is an alias or no text')
  const { start, end } = spanOf(value, key)
  const plain = formatYaml(content).slice(0, -1)
  // A block scalar ends with the end of its last line.
  const lineEnd = isScalar(value) && value.type?.startsWith('BLOCK') && text[end - 1] === '\n' ? '\n' : ''
  const shown = (root.flow || plain.includes('\n') ? JSON.stringify(content) : plain) + lineEnd
  return { start, end, text: start === end && !/\s/.test(text[start - 1] ?? '') ? ` ${shown}` : shown }
}

function addKeys({ text, root }: Editor, entries: readonly (readonly [string, YamlValue])[]): Splice {
  const last = root.items.at(-1)
  if (root.flow) {
    const first = root.items[0]?.key
    const isAlone = first !== undefined && lineStart(text, first.range[0]) !== lineStart(text, root.range[0])
    const column = isAlone ? columnOf(text, first.range[0]) : undefined
    const at = last ? endOf(last.value ?? last.key) : root.range[0] + 1
    const separator = column === undefined ? ', ' : `,\n${' '.repeat(column)}`
    const written = entries.map(([key, value]) => `${JSON.stringify(key)}: ${json(value, column)}`)
    return { start: at, end: at, text: (last ? separator : '') + written.join(separator) }
  }
  const column = columnOf(text, root.range[0])
  const lines = formatYaml(Object.fromEntries(entries) as YamlInput)
  return behindLine(text, endOf(root), indent(lines, column))
}

/** Where a value stands; behind the colon of its key where there is none. */
function spanOf(value: ParsedNode | null, key: ParsedNode): { readonly start: number; readonly end: number } {
  return value === null ? { start: endOf(key), end: endOf(key) } : { start: value.range[0], end: value.range[1] }
}

function isNull(node: ParsedNode): boolean {
  return isScalar(node) && node.type === 'PLAIN' && ['', '~', 'null', 'Null', 'NULL'].includes(node.source ?? '')
}

/** The end of what is written of a node, without the comments and empty lines that come behind it. */
function endOf(node: ParsedNode): number {
  if (isMap(node) && !node.flow) {
    const last = node.items.at(-1) as RootPair | undefined
    // An empty value stands behind the colon already.
    if (last) return last.value === null ? endOf(last.key) : endOf(last.value)
  }
  if (isSeq(node) && !node.flow) {
    const last = node.items.at(-1) as ParsedNode | undefined
    if (last) return endOf(last)
  }
  return isAlias(node) || isScalar(node) || node.flow ? node.range[1] : node.range[0]
}

function dashOf(list: YAMLSeq.Parsed, index: number): number | undefined {
  const token = list.srcToken?.type === 'block-seq' ? list.srcToken.items[index] : undefined
  return token?.start.find(({ type }) => type === 'seq-item-ind')?.offset
}

function dashColumn({ text, what }: Editor, list: YAMLSeq.Parsed | YAMLSeq, index: number): number {
  const dash = dashOf(list as YAMLSeq.Parsed, index)
  if (dash === undefined) throw uneditable(what, 'one of its lists is written in an unusual way')
  return columnOf(text, dash)
}

function lineStart(text: string, offset: number): number {
  return text.lastIndexOf('\n', offset - 1) + 1
}

function columnOf(text: string, offset: number): number {
  return offset - lineStart(text, offset)
}

/** Where the line of an offset ends, before its line end; an offset that begins a line belongs to the one before. */
function lineEnd(text: string, offset: number): number {
  const from = offset > 0 && text[offset - 1] === '\n' ? offset - 1 : offset
  const newline = text.indexOf('\n', from)
  if (newline < 0) return text.length
  return text[newline - 1] === '\r' ? newline - 1 : newline
}

/** Whole lines behind the one in which an offset is. */
function behindLine(text: string, offset: number, lines: string): Splice {
  const at = lineEnd(text, offset)
  return { start: at, end: at, text: `\n${lines.replace(/\n$/, '')}${at === text.length ? '\n' : ''}` }
}

/** Items as lines of a list whose dashes stand in a column. */
function block(items: readonly YamlValue[], column: number): string {
  return indent(formatYaml(items as YamlInput), column)
}

function indent(lines: string, column: number): string {
  return column === 0 ? lines : lines.replace(/^(?=.)/gm, ' '.repeat(column))
}

/** JSON on one line, or over several whose first stands in a column. */
function json(value: YamlValue, column: number | undefined): string {
  return column === undefined
    ? JSON.stringify(value)
    : JSON.stringify(value, undefined, 2).replaceAll('\n', `\n${' '.repeat(column)}`)
}
