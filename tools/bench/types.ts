import type { Pair, Summary } from './statistics.js'

/** Groups of lines that `--only` names. */
export const PARTS = {
  rsa: 'whole trees with RSA-2048 keys',
  ecdsa: 'whole trees with ECDSA-P256 keys',
  start: 'commands that are over at once',
  library: 'the library within one process',
  check: 'checking a directory of very many files',
} as const
/** A part's name. */
export type Part = keyof typeof PARTS

/** One side of a line: does its work once and says how long it took, in milliseconds, or what else its line measures. */
export type Side = () => number

/** What is measured. */
export type Unit = 'ms' | 'MiB'

/** What is compared. */
export interface Line {
  /** Never changes: figures of different days are found by it. */
  readonly name: string
  readonly part: Part
  /** What kpki does. */
  readonly a: string
  /** What it is held against. */
  readonly b: string
  /** What is not equal on both sides, where something is not. */
  readonly note?: string
  /** The ratio that must not be passed, on Node 24. Default: none. */
  readonly limit?: number
  /** The ratio that is aimed at, at most. Default: none, the figure is there to be known. */
  readonly aim?: number
  /** Things that one run deals with, for figures by the second. Default: none */
  readonly items?: number
  /** What the sides say. Default: `ms` */
  readonly unit?: Unit
  /** Pairs where nothing else is asked for; key generation scatters, so that it gets more. */
  readonly pairs: number
  /** Makes both sides ready; a text is the reason why it cannot be measured here. */
  readonly prepare: (place: Place) => Promise<{ readonly a: Side; readonly b: Side } | string>
}

/** Where a bench works. */
export interface Place {
  /** An empty folder of its own, gone afterwards. */
  readonly dir: string
  /** The built command line. */
  readonly kpki: string
  /** Number of certificates for the library's lines. */
  readonly count: number
}

/** What was measured, or why it was not. */
export type LineResult = Pick<Line, 'name' | 'part' | 'a' | 'b' | 'note' | 'limit' | 'aim' | 'items'> &
  (
    | (Summary & {
        readonly unit: Unit
        /** `ratio` is at most `aim`; absent without one. */
        readonly isReached?: boolean
        readonly samples: readonly Pair[]
      })
    | { readonly skipped: string }
  )

/** Where it was measured. */
export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryBytes: number
  readonly kernel: string
  /** e.g. `v24.21.0` */
  readonly node: string
  readonly kpki: string
  /** RFC 3339. */
  readonly date: string
  /** What else the machine did when the bench began: processes that wanted to run, mean of one minute. */
  readonly loadAverage: number
  /** Versions of the programs that were compared with. */
  readonly tools: Readonly<Record<string, string>>
}

/** What `bench --json` prints. */
export interface BenchResult {
  readonly apiVersion: 'kpki.dev/v1alpha1'
  readonly kind: 'BenchResult'
  readonly machine: Machine
  readonly lines: readonly LineResult[]
}
