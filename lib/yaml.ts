import {
  Composer,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type ParsedNode,
  Parser,
  type Scalar,
} from 'yaml'
import { EncodingError } from './errors.js'
import { MAX_INPUT_BYTES } from './limits.js'
import { isYamlObject, resolvePlain, type YamlValue } from './yaml-scalars.js'

/** A place in a text, both counted from 1. */
export interface YamlPosition {
  readonly line: number
  readonly column: number
}

/** Keys and indices from the root of a document to a value, e.g. `['apiServer', 'certSANs', 0]`. */
export type YamlPath = readonly (string | number)[]

/** A key that a mapping has twice; the first one's value counts. */
export interface DuplicateKey extends YamlPosition {
  readonly path: YamlPath
}

/** One document of a YAML stream. */
export interface YamlDocument {
  readonly value: YamlValue
  /** Where the document's content starts. */
  readonly start: YamlPosition
  readonly duplicates: readonly DuplicateKey[]
  /** Where the key (or list item) at a path stands; `undefined` when there is none. */
  readonly keyPosition: (path: YamlPath) => YamlPosition | undefined
  /** Where the value at a path stands; `undefined` when there is none. */
  readonly valuePosition: (path: YamlPath) => YamlPosition | undefined
}

// What no configuration or kubeconfig comes near. The package `yaml` recurses per level, and V8 ends the whole process when
// that overflows within a regular expression, so depth is counted before anything is composed.
const MAX_DEPTH = 64
const MAX_DOCUMENTS = 1000
// A kubeconfig of thousands of entries has 300,000 words and signs; the parser takes a second for them.
const MAX_TOKENS = 300_000
const MAX_DIRECTIVES = 16
const MAX_ALIASES = 1000
// Nodes and characters that aliases may add to a document.
const MAX_EXPANDED = { nodes: 20_000, characters: 4 * MAX_INPUT_BYTES } as const

/** What the package's error codes mean, in our words: its own messages quote the text, which may hold secrets. */
const SYNTAX: Readonly<Record<string, string>> = {
  ALIAS_PROPS: 'an alias has an anchor or a tag of its own',
  BAD_ALIAS: 'an alias or anchor has no valid name, or names nothing before it',
  BAD_COLLECTION_TYPE: 'a tag does not fit its value',
  BAD_DIRECTIVE: 'a %directive is malformed',
  BAD_DQ_ESCAPE: 'a double-quoted string has an unknown \\ escape',
  BAD_INDENT: 'the indentation does not fit',
  BAD_SCALAR_START: "a plain value starts with a reserved character: put it in '…'",
  BLOCK_AS_IMPLICIT_KEY: 'two mappings on one line, or a value with ": " in it: put the value in \'…\'',
  MISSING_CHAR: 'a character is missing: a colon, comma, space or closing quote or bracket',
  MULTILINE_IMPLICIT_KEY: 'a key goes over several lines: a colon is missing',
  TAB_AS_INDENT: 'tabs cannot indent: use spaces',
}

/**
 * Reads a YAML (or JSON) text of exactly one document, as {@link parseYamlStream} does; no document at all is `null`.
 *
 * @throws {@link EncodingError} `KPKI_INPUT_TOO_LARGE`, `KPKI_YAML_INVALID`, also for a second document
 */
export function parseYaml(text: string, what: string): YamlDocument {
  const [first, second] = parseYamlStream(text, what)
  if (second) throw invalid(what, second.start, 'there is more than one document')
  return (
    first ?? {
      value: null,
      start: { line: 1, column: 1 },
      duplicates: [],
      keyPosition: () => undefined,
      valuePosition: () => undefined,
    }
  )
}

/**
 * Reads a stream of YAML documents between `---` lines; documents of comments alone are passed over.
 *
 * Plain values mean what they mean to kubeadm and kubectl (sigs.k8s.io/yaml, i.e. go-yaml v2): `yes`, `no`, `on`, `off`,
 * `y`, `n` are booleans, `0777` and `0o777` octal, `1_000` a number; `12:30`, dates and `1e999` are strings. Keys become
 * strings. Merge keys (`<<`) are followed; a key that stands beside one wins, wherever it stands (YAML 1.1 merge type).
 * Stricter than Go: an integer beyond 2^53 is refused rather than rounded, and so are tags other than `!!str`, `!!int`,
 * `!!float`, `!!bool`, `!!null`, `!!map`, `!!seq`.
 *
 * @param text - at most 1 MiB
 * @param what - named in errors, e.g. a file name
 * @throws {@link EncodingError} `KPKI_INPUT_TOO_LARGE`; `KPKI_YAML_INVALID` with `details.line` and `details.column`: not
 *   YAML, nested over 64 levels, or aliases that blow up
 * @see kubernetes/kubernetes v1.20.2, vendor/gopkg.in/yaml.v2/resolve.go
 */
export function parseYamlStream(text: string, what: string): YamlDocument[] {
  // One UTF-16 unit is at least one byte, and at most three.
  if (text.length > MAX_INPUT_BYTES || (text.length * 3 > MAX_INPUT_BYTES && byteLength(text) > MAX_INPUT_BYTES)) {
    throw new EncodingError('KPKI_INPUT_TOO_LARGE', `${what} is larger than 1 MiB`, { details: { what } })
  }
  const lines = new LineCounter()
  const fail: Fail = (offset, problem) => {
    const { line, col } = lines.linePos(offset)
    return invalid(what, { line, column: Math.max(1, col) }, problem)
  }
  checkText(text, lines, fail)

  const documents: YamlDocument[] = []
  const take = (document: Document.Parsed) => {
    const [error] = document.errors
    if (error) throw fail(error.pos[0], SYNTAX[error.code] ?? 'this is not YAML')
    // A document of comments alone: nothing stands between its start and its end.
    if (isScalar(document.contents) && document.contents.source === '' && document.contents.type === 'PLAIN') return
    if (document.contents) documents.push(readDocument(document, lines, fail))
    if (documents.length > MAX_DOCUMENTS) throw fail(0, `more than ${MAX_DOCUMENTS} documents`)
  }
  const composer = new Composer({ schema: 'failsafe', uniqueKeys: false, prettyErrors: false, logLevel: 'silent' })
  let directives = 0
  let starts = 0
  for (const token of new Parser().parse(text)) {
    if (token.type === 'error') throw fail(token.offset, 'this is not YAML')
    if (token.type === 'directive' && ++directives > MAX_DIRECTIVES) throw fail(token.offset, 'too many %directives')
    if (token.type === 'document' && ++starts > MAX_DOCUMENTS)
      throw fail(token.offset, `more than ${MAX_DOCUMENTS} documents`)
    for (const document of composer.next(token)) take(document)
  }
  for (const document of composer.end()) take(document)
  return documents
}

type Fail = (offset: number, problem: string) => EncodingError

function invalid(what: string, { line, column }: YamlPosition, problem: string): EncodingError {
  return new EncodingError('KPKI_YAML_INVALID', `${what}:${line}:${column}: ${problem}`, {
    details: { what, line, column },
  })
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length
}

// YAML 1.2.2 section 5.1: what may stand in a text; go-yaml refuses the same.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const NOT_TEXT = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ufffe\uffff]/

/** Notes where lines start; refuses control characters and deep nesting before the recursive part of the parser runs. */
function checkText(text: string, lines: LineCounter, fail: Fail): void {
  lines.addNewLine(0)
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', end + 1)) lines.addNewLine(end + 1)
  const control = NOT_TEXT.exec(text)
  if (control) throw fail(control.index, 'a control character: this is not a text file')

  let offset = 0
  let column = 0
  let flow = 0
  // Columns at which collections that are still open started.
  const open: number[] = []
  let startsNode = true
  let isContent = false
  let tokens = 0
  for (const token of new Lexer().lex(text)) {
    if (++tokens > MAX_TOKENS) throw fail(offset, 'more values than any Kubernetes file has')
    // Marks of the lexer itself: document start, end of an unclosed flow collection, "a scalar follows".
    if (token === '\x02' || token === '\x18' || token === '\x1f') {
      isContent = token === '\x1f'
      continue
    }
    const isSpace = !isContent && /^[ \t]/.test(token)
    const isBreak = !isContent && /^\r?\n/.test(token)
    if (!isSpace && !isBreak && !token.startsWith('#') && startsNode && flow === 0) {
      while ((open.at(-1) ?? -1) > column) open.pop()
      if ((open.at(-1) ?? -1) < column) open.push(column)
    }
    if (!isContent && (token === '[' || token === '{')) flow++
    if (!isContent && (token === ']' || token === '}')) flow = Math.max(0, flow - 1)
    if (open.length + flow > MAX_DEPTH) throw fail(offset, `nested over ${MAX_DEPTH} levels`)
    if (isBreak) startsNode = true
    else if (!isSpace) startsNode = !isContent && (token === '-' || token === '?' || token === ':')
    const newline = token.lastIndexOf('\n')
    column = newline < 0 ? column + token.length : token.length - newline - 1
    if (newline >= 0) startsNode = true
    offset += token.length
    isContent = false
  }
}

type Places = Map<string | number, { readonly key: number; readonly value: number }>

/** Turns a composed document into plain values, noting where each of them stood. */
function readDocument(document: Document.Parsed, lines: LineCounter, fail: Fail): YamlDocument {
  const places = new WeakMap<object, Places>()
  const duplicates: DuplicateKey[] = []
  const position = (offset: number): YamlPosition => {
    const { line, col } = lines.linePos(offset)
    return { line, column: col }
  }
  const anchors = new Map<string, ParsedNode>()
  const expanding = new Set<ParsedNode>()
  let aliases = 0
  let nodes = 0
  let characters = 0

  const resolveAlias = (node: ParsedNode): ParsedNode => {
    if (!isAlias(node)) return node
    const target = anchors.get(node.source)
    if (!target) throw fail(node.range[0], 'an alias names an anchor that does not stand before it')
    if (expanding.has(target)) throw fail(node.range[0], 'an alias contains itself')
    if (++aliases > MAX_ALIASES) throw fail(node.range[0], `more than ${MAX_ALIASES} aliases`)
    return target
  }

  const read = (source: ParsedNode | null, path: YamlPath, isExpansion: boolean): YamlValue => {
    if (source === null) return null
    const node = resolveAlias(source)
    const expands = isExpansion || node !== source
    if (expands && ++nodes > MAX_EXPANDED.nodes) throw fail(source.range[0], 'aliases that make the text explode')
    if (!isAlias(node) && node.anchor !== undefined && node === source) anchors.set(node.anchor, node)
    checkTag(node, fail)
    if (isScalar(node)) {
      const value = readScalar(node, fail)
      if (expands && typeof value === 'string') characters += value.length
      if (characters > MAX_EXPANDED.characters) throw fail(source.range[0], 'aliases that make the text explode')
      return value
    }
    expanding.add(node)
    const out = isSeq(node) ? readList(node.items, path, expands) : readMapping(node, path, expands)
    expanding.delete(node)
    return out
  }

  const readList = (items: readonly ParsedNode[], path: YamlPath, expands: boolean): YamlValue => {
    const here: Places = new Map()
    const list = items.map((item, index) => {
      here.set(index, { key: item.range[0], value: item.range[0] })
      return read(item, [...path, index], expands)
    })
    places.set(list, here)
    return list
  }

  const readMapping = (node: ParsedNode, path: YamlPath, expands: boolean): YamlValue => {
    const object: Record<string, YamlValue> = {}
    const here: Places = new Map()
    places.set(object, here)
    const merges: ParsedNode[] = []
    if (!isMap(node)) throw fail(node.range[0], 'this is neither a mapping nor a list nor a value')
    for (const pair of node.items as readonly { readonly key: ParsedNode; readonly value: ParsedNode | null }[]) {
      if (isScalar(pair.key) && pair.key.type === 'PLAIN' && pair.key.source === '<<' && !pair.key.tag) {
        if (pair.value) merges.push(pair.value)
        continue
      }
      const key = readKey(resolveAlias(pair.key), fail)
      const start = pair.key.range[0]
      if (here.has(key)) {
        duplicates.push({ path: [...path, key], ...position(start) })
        continue
      }
      here.set(key, { key: start, value: pair.value?.range[0] ?? pair.key.range[1] })
      define(object, key, read(pair.value, [...path, key], expands))
    }
    for (const merge of merges) {
      const target = resolveAlias(merge)
      for (const source of isSeq(target) ? (target.items as readonly ParsedNode[]) : [merge]) {
        const merged = read(source, path, expands)
        if (!isYamlObject(merged)) throw fail(merge.range[0], '<< merges something that is no mapping')
        for (const [key, value] of Object.entries(merged)) {
          if (here.has(key)) continue
          here.set(key, places.get(merged)?.get(key) ?? { key: merge.range[0], value: merge.range[0] })
          define(object, key, value)
        }
      }
    }
    return object
  }

  const value = read(document.contents, [], false)
  const place = (path: YamlPath): { readonly key: number; readonly value: number } | undefined => {
    let parent: YamlValue = value
    for (const step of path.slice(0, -1)) {
      const next: YamlValue | undefined = child(parent, step)
      if (next === undefined) return undefined
      parent = next
    }
    const last = path.at(-1)
    if (last === undefined) return { key: document.contents?.range[0] ?? 0, value: document.contents?.range[0] ?? 0 }
    return typeof parent === 'object' && parent !== null ? places.get(parent)?.get(last) : undefined
  }
  const at = (offset: number | undefined) => (offset === undefined ? undefined : position(offset))
  return {
    value,
    start: position(document.contents?.range[0] ?? 0),
    duplicates,
    keyPosition: path => at(place(path)?.key),
    valuePosition: path => at(place(path)?.value),
  }
}

function child(parent: YamlValue, step: string | number): YamlValue | undefined {
  if (Array.isArray(parent)) return typeof step === 'number' ? (parent as readonly YamlValue[])[step] : undefined
  return isYamlObject(parent) && Object.hasOwn(parent, step) ? parent[step] : undefined
}

// Assigning would call the setter of `__proto__`.
function define(object: Record<string, YamlValue>, key: string, value: YamlValue): void {
  Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true })
}

const TAGS = ['str', 'int', 'float', 'bool', 'null', 'map', 'seq'].map(name => `tag:yaml.org,2002:${name}`)

function checkTag(node: ParsedNode, fail: Fail): void {
  if (isAlias(node) || node.tag === undefined || node.tag === '!' || TAGS.includes(node.tag)) return
  throw fail(node.range[0], 'a tag that Kubernetes does not know')
}

function readScalar(node: Scalar.Parsed, fail: Fail): YamlValue {
  const text = String(node.value ?? '')
  const tag = node.tag?.replace('tag:yaml.org,2002:', '')
  if (tag === 'str' || tag === '!' || (tag === undefined && node.type !== 'PLAIN')) return text
  const { type, value } = resolvePlain(text)
  if (tag !== undefined && tag !== type && !(tag === 'float' && type === 'int'))
    throw fail(node.range[0], `the value is not of its tag !!${tag}`)
  if (type === 'int' && !Number.isSafeInteger(value))
    throw fail(node.range[0], 'an integer beyond 2^53: put it in "…" if it is meant as text')
  return value
}

function readKey(node: ParsedNode, fail: Fail): string {
  if (!isScalar(node)) throw fail(node.range[0], 'a key that is a mapping or a list')
  checkTag(node, fail)
  const value = readScalar(node, fail)
  if (value === null) throw fail(node.range[0], 'a key that is empty or null')
  return typeof value === 'string' ? value : String(value)
}
