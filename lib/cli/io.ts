import type { ClusterApi, Host, Store } from '../index.js'

/** A host that commands work on. */
export interface OpenedHost {
  readonly host: Host
  /** Its tree. */
  readonly store: Store
  /** Its cluster, as the administrator. */
  readonly connect: () => Promise<ClusterApi>
}

/** The world as a command sees it; tests and other programs bring their own. */
export interface Io {
  /** Data; `mustArrive`: an error when nobody reads any more, who else just has read enough. */
  readonly stdout: (text: string, mustArrive?: boolean) => void
  /** For people. */
  readonly stderr: (text: string) => void
  readonly stdoutIsTerminal: boolean
  readonly stderrIsTerminal: boolean
  /** Standard output is a file that others than its owner can read. */
  readonly stdoutIsExposed: boolean
  /** Width of the terminal in characters. */
  readonly columns: number
  readonly env: Readonly<Record<string, string | undefined>>
  /** Standard input, whole; of what is larger than `maxBytes` (default: 1 MiB), only a little more than that. */
  readonly readStdin: (maxBytes?: number) => Promise<Uint8Array>
  /**
   * Asks the person at the terminal, on standard error, for a line; `undefined` where standard input and error are no terminal,
   * and when the person interrupts. Default: nobody is there
   */
  readonly ask?: (question: string) => Promise<string | undefined>
  /** Aborted when the person interrupts. */
  readonly signal: AbortSignal
  /** The host that `init` and its kin work on. Default: the one that this runs on */
  readonly host?: OpenedHost
  /** Takes the terminal for a program that draws on all of it, key by key. Default: there is none that could */
  readonly openScreen?: () => Screen
}

/** A terminal that is drawn on as a whole. */
export interface Screen {
  /** Characters in a line and lines, at this moment. */
  readonly size: () => { readonly columns: number; readonly rows: number }
  /** Called with what is typed, as the terminal sends it: `q`, `\x03`, `\x1b[A`. */
  readonly onKey: (listener: (key: string) => void) => void
  readonly onResize: (listener: () => void) => void
  /** Lets the terminal read lines again. */
  readonly close: () => void
}

/** Exit statuses; 130 is what shells give a program that an interrupt ended. */
export const EXIT = { done: 0, failed: 1, usage: 2, findings: 3, interrupted: 130 } as const

/** Whether to colour a stream: on a terminal, and never with NO_COLOR (no-color.org). */
export function wantsColour(isTerminal: boolean, { env }: Io): boolean {
  return isTerminal && !env['NO_COLOR'] && env['TERM'] !== 'dumb'
}
