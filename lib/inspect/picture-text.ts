/** No name is read beyond this: a picture is to be looked at, and what is hostile is longer than any screen. */
const MAX_READ = 4096

/** What has no shape of its own or changes that of others: controls, bidi and format characters, lone surrogates, separators. */
const HIDDEN = /[\p{C}\p{Zl}\p{Zp}]/gu
/** No writing system stacks more marks on one letter; text that does grows over its neighbours. */
const STACKED = /(\p{M}{4})\p{M}+/gu

/** Widths of ASCII in hundredths of an em in DejaVu Sans 2.37, the widest of the usual system fonts, from U+0020 on. */
const ASCII_WIDTHS =
  '32 41 46 84 64 96 78 28 40 40 50 84 32 37 32 34 64 64 64 64 64 64 64 64 64 64 34 34 84 84 84 54 ' +
  '100 69 69 70 77 64 58 78 76 30 30 66 56 87 75 79 61 79 70 64 62 74 69 99 69 62 69 40 34 40 84 50 ' +
  '50 62 64 55 64 62 36 64 64 28 28 58 28 98 64 62 64 64 42 53 40 64 60 82 60 60 53 64 34 64 84'
const WIDTH_OF = new Map(
  ASCII_WIDTHS.split(' ').map((width, index) => [String.fromCharCode(0x20 + index), Number(width) / 100]),
)

/** How much wider a bold letter is, in em. */
const BOLD_EXTRA = 0.11

/** Ranges of code points and the width in em of the widest glyph in them. */
const WIDTHS: readonly (readonly [last: number, width: number])[] = [
  [0xb7, 0.5],
  [0x17f, 0.85],
  [0x52f, 1.25],
  [0x2e39, 1.2],
  [0x2e3b, 3],
  [0xa9ff, 1.1],
  [0xfdf1, 1.2],
  [0xfdff, 8],
  [0x11fff, 1.2],
  [0x1254f, 4],
  [0x10ffff, 1.4],
]

/**
 * A text of others as it may stand in a picture: what cannot be seen is named, e.g. `[U+202E]`, and what is too long ends
 * with an ellipsis. Not yet escaped.
 *
 * @param maxLength - in code points. Default: 200
 */
export function printable(text: string, maxLength = 200): string {
  const seen = text.slice(0, MAX_READ).replace(STACKED, '$1').replace(HIDDEN, named)
  const characters = [...seen]
  if (characters.length <= maxLength && text.length <= MAX_READ) return seen
  return `${characters.slice(0, maxLength - 1).join('')}…`
}

function named(character: string): string {
  return `[U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}]`
}

/**
 * Escapes text for the content and the quoted attributes of HTML and XML. What has not been through {@link printable} becomes
 * so here, because neither knows a way to write U+0000; only line feeds stay, for tooltips.
 */
export function escapeMarkup(text: string): string {
  return text.replace(/[^\P{C}\n]/gu, named).replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
}

/** What a text is set in. */
export interface Lettering {
  /** In pixels. */
  readonly size: number
  readonly isBold?: boolean
}

/** How wide a text is, about and rather more, in pixels; there is nothing to measure it with where no browser is. */
export function textWidth(text: string, lettering: Lettering): number {
  let width = 0
  for (const character of text) width += characterWidth(character, lettering)
  return width
}

function characterWidth(character: string, { size, isBold = false }: Lettering): number {
  return (regularWidth(character) + (isBold ? BOLD_EXTRA : 0)) * size
}

function regularWidth(character: string): number {
  const known = WIDTH_OF.get(character)
  if (known !== undefined) return known
  const code = character.codePointAt(0) ?? 0
  return WIDTHS.find(([last]) => code <= last)?.[1] ?? 1
}

/** Cuts a text to a width; paths lose their middle, because both their ends say something. */
export function fitText(text: string, width: number, lettering: Lettering, cut: 'end' | 'middle' = 'end'): string {
  if (textWidth(text, lettering) <= width) return text
  const characters = [...text]
  const [head, tail] = cut === 'end' ? [1, 0] : [0.4, 0.6]
  const space = Math.max(0, width - textWidth('…', lettering))
  const start = take(characters, space * head, lettering)
  const end = tail === 0 ? [] : take(characters.slice(start.length).reverse(), space * tail, lettering).reverse()
  return `${start.join('').trimEnd()}…${end.join('').trimStart()}`
}

function take(characters: readonly string[], width: number, lettering: Lettering): string[] {
  let used = 0
  const end = characters.findIndex(character => {
    used += characterWidth(character, lettering)
    return used > width
  })
  return characters.slice(0, end < 0 ? characters.length : end)
}

/** Breaks a text into lines of a width, at spaces where there are some; at most `maxLines`, the last one cut. */
export function wrapText(text: string, width: number, lettering: Lettering, maxLines = 4): string[] {
  const lines: string[] = []
  let line = ''
  const words = text.split(' ')
  for (const [index, word] of words.entries()) {
    const longer = line === '' ? word : `${line} ${word}`
    if (textWidth(longer, lettering) <= width) {
      line = longer
      continue
    }
    if (lines.length === maxLines - 1 || textWidth(word, lettering) > width) {
      lines.push(fitText([line, ...words.slice(index)].filter(Boolean).join(' '), width, lettering))
      return lines
    }
    lines.push(line)
    line = word
  }
  return [...lines, line]
}

/** Puts facts onto lines of a width, as many on one as fit, and breaks only those that are longer than a line. */
export function wrapFacts(facts: readonly string[], width: number, lettering: Lettering): string[] {
  const lines: string[] = []
  for (const fact of facts) {
    const longer = `${lines.at(-1) ?? ''} · ${fact}`
    if (lines.length > 0 && textWidth(longer, lettering) <= width) lines[lines.length - 1] = longer
    else lines.push(...wrapText(fact, width, lettering))
  }
  return lines
}

/** A number with its noun, e.g. `1 day`, `12 days`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}

/** The first of many, and how many more there are. */
export function firstOf(items: readonly string[], shown: number): string {
  const more = items.length - shown
  return `${items.slice(0, shown).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}
