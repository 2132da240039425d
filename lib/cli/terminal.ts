import { type Io, wantsColour } from './io.js'

/** Colours that mean something. */
export type Colour = 'red' | 'green' | 'yellow' | 'dim' | 'bold'

/** Puts a colour around a text, or not. */
export type Painter = (colour: Colour, text: string) => string

const CODES: Readonly<Record<Colour, number>> = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 }

/** A painter that paints only where colours are wanted. */
export function painter(isOn: boolean): Painter {
  return (colour, text) => (isOn && text !== '' ? `\x1b[${CODES[colour]}m${text}\x1b[0m` : text)
}

/** Signs that trees and bars are drawn with. */
export interface Glyphs {
  readonly branch: string
  readonly last: string
  readonly trunk: string
  readonly full: string
  readonly empty: string
  readonly ellipsis: string
  /** How something ended. */
  readonly ok: string
  readonly failed: string
  readonly skipped: string
}

const UNICODE: Glyphs = {
  ...{ branch: '├─ ', last: '└─ ', trunk: '│  ', full: '█', empty: '░', ellipsis: '…' },
  ...{ ok: '✓', failed: '✗', skipped: '-' },
}
const ASCII: Glyphs = {
  ...{ branch: '|- ', last: '`- ', trunk: '|  ', full: '#', empty: '.', ellipsis: '...' },
  ...{ ok: 'ok', failed: 'FAILED', skipped: '-' },
}

/** What a text is laid out for. */
export interface Terminal {
  /** Characters in a line. */
  readonly columns: number
  readonly paint: Painter
  readonly glyphs: Glyphs
  /** Text of others as it may be shown: one line, and nothing in it that a terminal would obey. */
  readonly show: (text: string) => string
}

const NARROWEST = 60
const WIDEST = 140
// What a pipe or file gets, whatever the terminal beside it.
const PIPE = 80

/** The terminal that stdout is; a pipe is one of 80 columns without colour. */
export function terminalOf(io: Io): Terminal {
  const isUnicode = speaksUnicode(io)
  return {
    columns: io.stdoutIsTerminal ? Math.max(NARROWEST, Math.min(WIDEST, io.columns)) : PIPE,
    paint: painter(wantsColour(io.stdoutIsTerminal, io)),
    glyphs: isUnicode ? UNICODE : ASCII,
    show: text => printable(text, isUnicode),
  }
}

/** Whether the locale is one of UTF-8 (POSIX.1-2017 section 8.2: LC_ALL over LC_CTYPE over LANG); the Linux console has the signs, too. */
function speaksUnicode({ env }: Io): boolean {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || ''
  return /utf-?8/i.test(locale) && env['TERM'] !== 'dumb'
}

/** Controls, bidirectional marks, what is invisible, lone surrogates, private use, line and paragraph separators. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu
// No writing system stacks more marks on one letter; text that does grows over the lines above and below.
const STACKED = /(\p{M}{4})\p{M}+/gu

/**
 * Text of others with everything named that a terminal would obey or nobody could see, e.g. `[U+001B]`.
 *
 * @param isUnicode - letters beyond ASCII may stand; some of their bytes are controls where UTF-8 is not understood
 */
export function printable(text: string, isUnicode = true): string {
  const visible = text.replace(STACKED, '$1').replace(HIDDEN, named)
  return isUnicode ? visible : visible.replace(/[^\x20-\x7e]/gu, named)
}

function named(character: string): string {
  return `[U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}]`
}

// East Asian scripts and emoji take two columns (Unicode Standard Annex 11, W and F).
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u

/** Columns that a printable text takes. */
export function widthOf(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length
  let width = 0
  for (const character of text) width += /\p{M}/u.test(character) ? 0 : WIDE.test(character) ? 2 : 1
  return width
}

/** A text filled up with spaces. */
export function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)))
}

/** A text cut to a width, with an ellipsis where something is missing. */
export function cut(text: string, width: number, { ellipsis }: Glyphs): string {
  if (widthOf(text) <= width) return text
  let out = ''
  for (const character of text) {
    if (widthOf(out + character) > width - widthOf(ellipsis)) break
    out += character
  }
  return out.trimEnd() + ellipsis
}

/** Words in lines of a width; a word that is longer than a line is broken. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  let used = 0
  for (const word of text.split(' ').flatMap(word => pieces(word, width))) {
    const size = widthOf(word)
    if (line !== '' && used + 1 + size > width) {
      lines.push(line)
      line = word
      used = size
    } else {
      used += size + (line === '' ? 0 : 1)
      line = line === '' ? word : `${line} ${word}`
    }
  }
  return line === '' ? lines : [...lines, line]
}

function pieces(word: string, width: number): string[] {
  if (widthOf(word) <= width) return [word]
  const out: string[] = []
  let piece = ''
  let used = 0
  for (const character of word) {
    const size = widthOf(character)
    if (used + size > width) {
      out.push(piece)
      piece = ''
      used = 0
    }
    piece += character
    used += size
  }
  return [...out, piece]
}
