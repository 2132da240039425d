/** The code blocks of documents, and what their info strings say of them. */

/**
 * A fenced block. The first word of its info string is the language, the others say how it is tested:
 *
 * - `sh`, `ts`: is run; `no-run`: is not; `needs=jq,openssl`: only where these programs are
 * - `json`, `yaml`: must parse
 * - `text output`: what the block before it prints; `…` stands for anything
 * - anything else, or nothing: is only looked at
 */
export interface Block {
  readonly language: string
  readonly marks: readonly string[]
  readonly code: string
  /** Line of the opening fence, from 1. */
  readonly line: number
}

/** Every block of a document, in order. */
export function blocksOf(markdown: string): readonly Block[] {
  const blocks: Block[] = []
  let open: { fence: string; indent: number; info: string; line: number; lines: string[] } | undefined
  for (const [index, line] of markdown.split('\n').entries()) {
    const [, space = '', fence = '', info = ''] = /^( *)(`{3,}|~{3,})(.*)$/.exec(line) ?? []
    if (open) {
      if (fence.startsWith(open.fence) && info.trim() === '') {
        const [language = '', ...marks] = open.info.split(/\s+/)
        blocks.push({ language, marks, code: `${open.lines.join('\n')}\n`, line: open.line })
        open = undefined
      } else open.lines.push(line.slice(Math.min(open.indent, line.length - line.trimStart().length)))
    } else if (fence !== '') open = { fence, indent: space.length, info: info.trim(), line: index + 1, lines: [] }
  }
  if (open) throw new Error(`the block in line ${open.line} is never closed`)
  return blocks
}

/** Marks that mean something, by language; another is a slip. */
export const MARKS: Readonly<Record<string, RegExp>> = {
  sh: /^(no-run|needs=[a-z0-9,-]+)$/,
  ts: /^no-run$/,
  text: /^output$/,
  html: /^no-run$/,
}

/**
 * Whether a shown output is what was printed: line by line, `…` for any text within a line, and alone on a line for any
 * number of lines. Times and pins differ from run to run.
 */
export function isShown(shown: string, printed: string): boolean {
  const plain = (text: string) =>
    text
      .replace(/\b\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d+)?Z)?/g, '<time>')
      .replace(/\bsha256:[0-9a-f]{64}\b/g, '<pin>')
      .trim()
  const pattern = plain(shown)
    .split('\n')
    .map(line =>
      line.trim() === '…' ? '(?:[^\\n]*\\n)*?[^\\n]*' : line.trimEnd().split('…').map(quoted).join('[^\\n]*'),
    )
    .join(' *\\n')
  return new RegExp(`^${pattern}$`).test(plain(printed))
}

const quoted = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
