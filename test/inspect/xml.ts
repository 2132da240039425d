/** An element as it was written. */
export interface XmlElement {
  readonly name: string
  readonly attributes: ReadonlyMap<string, string>
}

/** What a document says. */
export interface Xml {
  readonly elements: readonly XmlElement[]
  /** All character data, in order, without those of `style`. */
  readonly text: string
}

const ILLEGAL = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u
const TAG = /^<(\/?)([a-zA-Z][\w:-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/
const REFERENCE = /&(?:#(\d+)|#x([\da-fA-F]+)|(amp|lt|gt|quot|apos));/g
const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/**
 * Reads XML 1.0 without declarations of entities, comments, CDATA and processing instructions, which pictures do not have.
 * Throws where the text is not well-formed.
 */
export function parseXml(source: string): Xml {
  if (ILLEGAL.test(source)) throw new Error(`no character of XML at ${source.search(ILLEGAL)}`)
  const elements: XmlElement[] = []
  const open: string[] = []
  let text = ''
  let rest = source.replace(/^<!doctype html>\s*/, '')
  while (rest !== '') {
    const end = rest.indexOf('<')
    const data = end < 0 ? rest : rest.slice(0, end)
    const content = decode(data)
    if (open.length === 0 && content.trim() !== '') throw new Error(`text outside of the root: ${data.slice(0, 40)}`)
    if (open.at(-1) !== 'style') text += content
    if (end < 0) break
    rest = rest.slice(end)
    const [all, close, name = '', attributes = '', empty] = TAG.exec(rest) ?? []
    if (all === undefined) throw new Error(`no tag: ${rest.slice(0, 80)}`)
    if (close) {
      if (open.pop() !== name) throw new Error(`</${name}> closes nothing`)
    } else {
      if (open.length === 0 && elements.length > 0) throw new Error(`a second root: ${name}`)
      elements.push({ name, attributes: attributesOf(attributes) })
      if (!empty) open.push(name)
    }
    rest = rest.slice(all.length)
  }
  if (open.length > 0) throw new Error(`not closed: ${open.join(' ')}`)
  return { elements, text }
}

function attributesOf(source: string): Map<string, string> {
  const attributes = new Map<string, string>()
  for (const [, name = '', value = ''] of source.matchAll(/\s+([\w:-]+)="([^"]*)"/g)) {
    if (attributes.has(name)) throw new Error(`${name} is there twice`)
    attributes.set(name, decode(value))
  }
  return attributes
}

function decode(data: string): string {
  if (data.replace(REFERENCE, '').includes('&')) throw new Error(`& alone: ${data.slice(0, 80)}`)
  return data.replace(REFERENCE, (_, decimal?: string, hex?: string, name?: string) =>
    name === undefined
      ? String.fromCodePoint(decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal))
      : (NAMED[name] ?? ''),
  )
}
