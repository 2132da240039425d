import type { Flag, FlagValues } from './flags.js'
import type { Io } from './io.js'

/** What a command is called with. */
export interface Invocation {
  /** e.g. `gen all` */
  readonly path: string
  readonly flags: FlagValues
  readonly args: readonly string[]
}

/** Does a command's work and returns the exit status. */
export type Run = (invocation: Invocation, io: Io) => Promise<number>

/** One command. Groups have no `load`. */
export interface Command {
  readonly about: string
  readonly flags?: Readonly<Record<string, Flag>>
  /** Positional arguments: name for help, how many. Default: none. */
  readonly args?: {
    readonly name: string
    readonly least: number
    readonly most: number
    readonly about: string
    readonly choices?: readonly string[]
    /** Word for one of them as in {@link Flag}: `FILE` and `DIR` are completed from the disk. Default: they are not. */
    readonly value?: string
    /** Worth offering where shells complete, others are allowed. Default: none */
    readonly suggests?: readonly string[]
  }
  /** What the arguments may be, with what each is, for the help text. Default: no list */
  readonly list?: { readonly title: string; readonly rows: readonly (readonly [name: string, about: string])[] }
  /** Paragraphs of the help text after the flags. */
  readonly notes?: readonly string[]
  readonly examples?: readonly (readonly [command: string, about: string])[]
  /** It takes back or completes what it writes when it is interrupted; others are just ended. Default: false */
  readonly endsItself?: boolean
  /** Loads what the command needs, and only that. */
  readonly load?: () => Promise<Run>
}
