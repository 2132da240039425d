import {
  type ExpirationReport,
  type ExpirationRow,
  type ExpirationState,
  expirationTables,
  layOutRows,
} from '../index.js'
import { LIFE_COLOURS } from './inspect-life.js'
import { type Colour, pad, type Terminal, widthOf, wrap } from './terminal.js'

/**
 * kubeadm's two tables; where a terminal is narrower than they are, the same in fewer columns. A table of which nothing was asked
 * for is left out.
 *
 * @param isFitted - fit them to the terminal; what reads a pipe has kubeadm's own layout
 */
export function formatExpiration(report: ExpirationReport, terminal: Terminal, isFitted: boolean): string {
  const { certificates, certificateAuthorities } = expirationTables(report, terminal.show)
  const texts = [certificates, certificateAuthorities]
    .filter(rows => rows.length > 1)
    .map(rows => {
      const lines = layOutRows(rows, widthOf)
      const fits = !isFitted || lines.every(line => widthOf(line.trimEnd()) <= terminal.columns)
      return fits ? rows.map((row, index) => painted(lines[index] ?? '', row, terminal)) : narrow(rows, terminal)
    })
  return texts.length === 0 ? '' : `${texts.map(lines => lines.join('\n')).join('\n\n')}\n`
}

function painted(line: string, { entry }: ExpirationRow, { paint }: Terminal): string {
  const colour = entry ? colourOf(entry.state) : 'bold'
  return colour === undefined ? line : paint(colour, line)
}

/** Colour of a state; what is well needs none. */
export function colourOf(state: ExpirationState): Colour | undefined {
  if (state === 'missing') return 'yellow'
  if (state === 'unreadable') return 'red'
  if (state === 'valid') return undefined
  return state === 'elsewhere' ? 'dim' : LIFE_COLOURS[state]
}

/** Heads that take less room, by kubeadm's. */
const SHORT: Readonly<Record<string, string>> = {
  EXPIRES: 'EXPIRES (UTC)',
  'RESIDUAL TIME': 'RESIDUAL',
  'CERTIFICATE AUTHORITY': 'AUTHORITY',
  'EXTERNALLY MANAGED': 'EXTERNAL',
}
const GAP = 2

/** The same in less room: shorter heads and dates, as many columns as there is room for, long names on lines of their own. */
function narrow(rows: readonly ExpirationRow[], terminal: Terminal): string[] {
  const short = rows.map(({ cells: [name = '', , ...rest], entry }) =>
    entry
      ? [name, entry.expirationDate?.toISOString().slice(0, 16).replace('T', ' ') ?? '', ...rest]
      : [name, 'EXPIRES', ...rest].map((cell, column) => (column === 0 ? cell : (SHORT[cell] ?? cell))),
  )
  const widths: number[] = []
  for (const cells of short)
    for (const [column, cell] of cells.entries()) widths[column] = Math.max(widths[column] ?? 0, widthOf(cell))
  // The first three say what the command is asked for.
  let shown = widths.length
  const others = () => widths.slice(1, shown).reduce((sum, width) => sum + width + GAP, 0)
  const least = Math.min(widths[0] ?? 0, 26)
  while (shown > 3 && least + others() > terminal.columns) shown--
  const room = Math.max(10, terminal.columns - others())
  const nameWidth = Math.min(widths[0] ?? 0, room)
  return short.flatMap((cells, index) => {
    const row = rows[index] ?? { cells, entry: undefined }
    const [name = '', ...rest] = cells.slice(0, shown)
    const tail = rest.map((cell, column) => ' '.repeat(GAP) + pad(cell, widths[column + 1] ?? 0)).join('')
    const isLong = widthOf(name) > nameWidth
    const lines = isLong
      ? [...wrap(name, terminal.columns), ...(tail.trim() === '' ? [] : [' '.repeat(nameWidth) + tail])]
      : [pad(name, nameWidth) + tail]
    return lines.map(line => painted(line.trimEnd(), row, terminal))
  })
}
