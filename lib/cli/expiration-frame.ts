import { type ExpirationEntry, type ExpirationReport, lifeStateOf } from '../index.js'
import { colourOf } from './expiration-text.js'
import { lifeOf, span } from './inspect-life.js'
import { cut, pad, type Terminal, widthOf } from './terminal.js'

/** What is shown of a report. */
export interface View {
  /** What people call the tree. */
  readonly name: string
  readonly now: Date
  /** How far the list is moved up. */
  readonly offset: number
  /** After how many seconds the files are read again. */
  readonly readSeconds: number
}

/** Everything that is on the screen, line by line, as many lines as it has at most; the offset as far as there is something to move. */
export function frameOf(
  report: ExpirationReport,
  { name, now, offset, readSeconds }: View,
  terminal: Terminal & { readonly rows: number },
): { readonly lines: readonly string[]; readonly offset: number } {
  const { columns, rows, paint, glyphs, show } = terminal
  const entries = [...report.certificates, ...report.certificateAuthorities].sort(byEnd)
  const moment = `${now.toISOString().slice(0, 19).replace('T', ' ')} UTC`
  const title = cut(show(name), columns - widthOf(moment) - 2, glyphs)
  const head = `${pad(title, columns - widthOf(moment))}${moment}`
  const table = tableOf(entries, now, terminal)
  const room = rows - 4
  const top = Math.max(0, Math.min(offset, entries.length - room))
  const hidden = entries.length - room
  const scroll =
    hidden > 0 ? `; ${top + 1} to ${Math.min(entries.length, top + room)} of ${entries.length}, arrows move` : ''
  const foot = cut(`q ends it; the files are read every ${readSeconds} seconds${scroll}`, columns, glyphs)
  return {
    offset: top,
    lines: [
      paint('bold', head.slice(0, columns)),
      '',
      paint('bold', table.head),
      ...table.rows.slice(top, top + room),
      paint('dim', foot),
    ],
  }
}

/** What ends first comes first; before it what nobody knows of, behind it what is not there. */
function byEnd(a: ExpirationEntry, b: ExpirationEntry): number {
  const rank = ({ state, expirationDate }: ExpirationEntry) =>
    state === 'unreadable' ? Number.NEGATIVE_INFINITY : expirationDate ? +expirationDate : Number.MAX_VALUE
  return rank(a) < rank(b) ? -1 : rank(a) > rank(b) ? 1 : 0
}

const WIDEST_BAR = 30
const NARROWEST_BAR = 8

function tableOf(entries: readonly ExpirationEntry[], now: Date, terminal: Terminal) {
  const { columns, paint, glyphs, show } = terminal
  const cells = entries.map(entry => ({ entry, name: show(entry.name), left: leftOf(entry, now) }))
  const longest = (texts: readonly string[]) => texts.reduce((width, text) => Math.max(width, widthOf(text)), 0)
  const leftWidth = longest(['REMAINING', ...cells.map(({ left }) => left)])
  const nameWidth = Math.max(
    10,
    Math.min(longest(['CERTIFICATE', ...cells.map(({ name }) => name)]), columns - leftWidth - 2),
  )
  const rest = columns - nameWidth - leftWidth - 4
  const barWidth = rest >= NARROWEST_BAR ? Math.min(WIDEST_BAR, rest) : 0
  const line = (name: string, left: string, bar: string) =>
    `${pad(cut(name, nameWidth, glyphs), nameWidth)}  ${left.padStart(leftWidth)}${bar === '' ? '' : `  ${bar}`}`
  return {
    head: line('CERTIFICATE', 'REMAINING', ''),
    rows: cells.map(({ entry, name, left }) => {
      const state = entry.found ? lifeStateOf(entry.found.certificate, now) : entry.state
      const text = line(name, left, barOf(entry, now, barWidth, terminal))
      const colour = colourOf(state)
      return colour === undefined ? text : paint(colour, text)
    }),
  }
}

function barOf({ found }: ExpirationEntry, now: Date, width: number, { glyphs }: Terminal): string {
  if (!found || width === 0) return ''
  const { share, state } = lifeOf(found.certificate, now)
  const filled = state === 'expired' ? 0 : Math.max(1, Math.min(width, Math.round(share * width)))
  return glyphs.full.repeat(filled) + glyphs.empty.repeat(width - filled)
}

/** What is left to the second, e.g. `364d 05:12:33`; how long it is over. */
function leftOf({ expirationDate, state }: ExpirationEntry, now: Date): string {
  if (!expirationDate) return state
  const milliseconds = +expirationDate - +now
  if (milliseconds < 0) return `ended ${span(-milliseconds)} ago`
  const seconds = Math.floor(milliseconds / 1000)
  const [hours, minutes, rest] = [Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60]
  const time = [hours, minutes, rest].map(part => String(part).padStart(2, '0')).join(':')
  return `${Math.floor(seconds / 86_400)}d ${time}`
}
