import { type Context, type ExpirationReport, endingWithin, readExpiration, type Store } from '../index.js'
import type { Invocation } from './command.js'
import { frameOf } from './expiration-frame.js'
import { EXIT, type Io, type Screen } from './io.js'
import { type Terminal, terminalOf } from './terminal.js'

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
      const frame = frameOf(
        report,
        { name: watched.name, now, offset, readSeconds: READ_SECONDS },
        { ...world.terminal, ...sizeOf(screen) },
      )
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
