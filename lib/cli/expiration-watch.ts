import {
  type Context,
  type ExpirationEntry,
  type ExpirationReport,
  endingWithin,
  lifeStateOf,
  readExpiration,
  type Store,
} from '../index.js'
import type { Invocation } from './command.js'
import { colourOf } from './expiration-text.js'
import { lifeOf, span } from './inspect-life.js'
import { EXIT, type Io, type Screen } from './io.js'
import { cut, pad, type Terminal, terminalOf, widthOf } from './terminal.js'

/** What is watched. */
export interface Watched {
  readonly store: Store
  /** What people call the tree. */
  readonly name: string
  readonly context: Context
  /** Seconds; only what ends within them is shown. */
  readonly within: number | undefined
}

/** What a watch needs of the world; tests bring their own. */
export interface WatchWorld {
  readonly screen: Screen
  readonly draw: (text: string) => void
  readonly terminal: Terminal
  /** The moment, now. */
  readonly clock: () => Date
  /** Ends after some milliseconds, or when the signal is aborted. */
  readonly wait: (milliseconds: number, signal: AbortSignal) => Promise<void>
  /** Aborted when the person interrupts. */
  readonly signal: AbortSignal
}

/** The tree is read again after so many seconds: what is renewed meanwhile shows. */
const READ_SECONDS = 10

// Its own page of the terminal without a cursor, and back (xterm control sequences, DECSET 1049 and 25).
const ENTER = '\x1b[?1049h\x1b[?25l'
const LEAVE = '\x1b[?25h\x1b[?1049l'
const [HOME, CLEAR_LINE, CLEAR_BELOW] = ['\x1b[H', '\x1b[K', '\x1b[J']

/** Counts down on the terminal until somebody ends it. */
export async function runWatch(watched: Watched, { flags }: Invocation, io: Io): Promise<number> {
  const screen = io.openScreen?.()
  if (!screen) return EXIT.failed
  const start = watched.context.clock()
  const began = performance.now()
  // A rehearsal goes on from its moment; else the clock counts, also after the machine has slept.
  const clock =
    flags['now'] === undefined ? () => new Date() : () => new Date(+start + Math.floor(performance.now() - began))
  const wait = (milliseconds: number, signal: AbortSignal) =>
    new Promise<void>(resolve => {
      const done = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, milliseconds)
      signal.addEventListener('abort', done)
      if (signal.aborted) done()
    })
  return watchExpiration(watched, {
    screen,
    draw: io.stdout,
    terminal: terminalOf(io),
    clock,
    wait,
    signal: io.signal,
  })
}

/** @returns exit status: 0 for who types `q`, 130 for who interrupts */
export async function watchExpiration(watched: Watched, world: WatchWorld): Promise<number> {
  const { screen, draw, clock, signal } = world
  let status: number | undefined
  let offset = 0
  let wake = new AbortController()
  const end = (value: number) => {
    status ??= value
    wake.abort()
  }
  const interrupt = () => end(EXIT.interrupted)
  screen.onKey(keys => {
    for (const key of keysOf(keys)) {
      if (key === 'q' || key === 'Q' || key === '\x1b') end(EXIT.done)
      // Without line editing the terminal sends what it else makes a signal of.
      if (key === '\x03') interrupt()
      offset += STEPS[key] ?? 0
    }
    wake.abort()
  })
  screen.onResize(() => wake.abort())
  signal.addEventListener('abort', interrupt)
  if (signal.aborted) interrupt()
  try {
    draw(ENTER)
    let report = await read(watched, clock())
    let readAt = +clock()
    while (status === undefined) {
      const now = clock()
      // A clock that is set back is no reason not to read for a year.
      if (Math.abs(+now - readAt) >= READ_SECONDS * 1000) {
        report = await read(watched, now)
        readAt = +now
      }
      const frame = frameOf(report, { now, offset, name: watched.name }, { ...world.terminal, ...sizeOf(screen) })
      offset = frame.offset
      // A line is cleared before it is written: in the last column that would take its last character.
      draw(HOME + frame.lines.map(line => `${CLEAR_LINE}${line}`).join('\r\n') + CLEAR_BELOW)
      wake = new AbortController()
      if (status === undefined) await world.wait(1000 - (+clock() % 1000), wake.signal)
    }
  } finally {
    signal.removeEventListener('abort', interrupt)
    draw(LEAVE)
    screen.close()
  }
  return status
}

/** Lines that a key moves the list by. */
const STEPS: Readonly<Record<string, number>> = {
  ...{ '\x1b[A': -1, k: -1, '\x1b[B': 1, j: 1 },
  ...{ '\x1b[5~': -10, '\x1b[6~': 10, ' ': 10, '\x1b[H': -100_000, '\x1b[F': 100_000 },
}

/** Takes apart what was typed at once: an escape sequence is one key. */
function keysOf(text: string): readonly string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is how keys are sent
  return text.match(/\x1b[[O][0-9;]*[A-Za-z~]|[\s\S]/gu) ?? []
}

function sizeOf(screen: Screen): { columns: number; rows: number } {
  const { columns, rows } = screen.size()
  return { columns: Math.max(20, columns), rows: Math.max(5, rows) }
}

async function read({ store, context, within }: Watched, now: Date): Promise<ExpirationReport> {
  const report = await readExpiration(store, { ...context, clock: () => now })
  return within === undefined ? report : endingWithin(report, within)
}

interface View {
  readonly now: Date
  /** How far the list is moved up. */
  readonly offset: number
  readonly name: string
}

/** Everything that is on the screen, line by line, as many lines as it has at most. */
function frameOf(
  report: ExpirationReport,
  { now, offset, name }: View,
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
  const foot = cut(`q ends it; the files are read every ${READ_SECONDS} seconds${scroll}`, columns, glyphs)
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
