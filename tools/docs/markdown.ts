/** A Markdown table; cells are Markdown on one line, pipes in them are escaped. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return `${[line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')}\n`
}

/** A text as code; nothing for no text. */
export const code = (text: string): string => (text === '' ? '' : `\`${text}\``)

/** Texts as code, separated by commas; a dash for none. */
export const codes = (texts: readonly string[]): string => texts.map(code).join(', ') || '-'

/** `<!-- generated: NAME -->` up to `<!-- end -->`: the name, and what stands between them. */
const MARKED = /^<!-- generated: ([a-z-]+) -->\n([\s\S]*?)^<!-- end -->$/gm

/** Names of the marked sections of a document, in their order. */
export function marksOf(text: string): readonly string[] {
  return [...text.matchAll(MARKED)].map(([, name = '']) => name)
}

/**
 * The document with every marked section made anew.
 *
 * @param tables - by name
 * @throws Error when a section has a name that no table has
 */
export function fillMarks(text: string, tables: Readonly<Record<string, () => string>>): string {
  return text.replace(MARKED, (_, name: string) => {
    const make = tables[name]
    if (!make) throw new Error(`there is no table ${name}; there are ${Object.keys(tables).join(', ')}`)
    return `<!-- generated: ${name} -->\n\n${make()}\n<!-- end -->`
  })
}
