import type { PhaseResult } from '../index.js'
import type { JoinCommands } from './init-result.js'
import { type Terminal, wrap } from './terminal.js'

/** The width of the longest path of most runs, so that what was made stands below each other. */
const PATH_WIDTH = 26
const FIRST_WIDTH = 10

const STATES: Readonly<Record<PhaseResult['state'], string>> = {
  done: 'done',
  unchanged: 'unchanged',
  skipped: 'skipped',
}

/** What a phase came to, for people: its state and path, below it what was made. */
export function formatPhase({ path, state, reason, made, notes }: PhaseResult, terminal: Terminal): string {
  const { paint, show, columns } = terminal
  const colour = state === 'done' ? 'green' : 'dim'
  const head = `${paint(colour, STATES[state].padEnd(FIRST_WIDTH))} ${show(path)}`
  const why =
    reason === undefined ? '' : `${' '.repeat(Math.max(1, PATH_WIDTH - path.length))}${paint('dim', show(reason))}`
  const indent = ' '.repeat(FIRST_WIDTH + 3)
  const below = (text: string) => wrap(show(text), columns - indent.length).map(line => `${indent}${line}`)
  return [`${head}${why}`, ...made.flatMap(below), ...notes.flatMap(below)].map(line => `${line}\n`).join('')
}

/** What is said at the end of a whole run. */
export interface InitEnd {
  /** e.g. `https://10.0.0.10:6443` */
  readonly server: string
  /** Whether anything is other than before. */
  readonly isChanged: boolean
  readonly adminConf: string
  readonly commands: JoinCommands
  /** The shared files are in the cluster, for two hours. */
  readonly hasUploaded: boolean
}

/** The end of a whole run for people: how to use the cluster, how others join. */
export function formatEnd(
  { server, isChanged, adminConf, commands, hasUploaded }: InitEnd,
  { show, columns }: Terminal,
): string {
  const { worker, controlPlane } = commands
  const parts: readonly (readonly [about: string, lines: string])[] = [
    [
      isChanged
        ? `The control plane serves at ${show(server)}. To use it:`
        : `The control plane at ${show(server)} is as described; nothing was changed. To use it:`,
      `export KUBECONFIG=${show(adminConf)}\nkubectl get nodes`,
    ],
    ...(controlPlane === undefined ? [] : [[joinAbout(hasUploaded), controlPlane] as const]),
    ...(worker === undefined ? [] : [['Workers join with, as root:', worker] as const]),
  ]
  const indented = (lines: string) =>
    lines
      .split('\n')
      .map(line => `  ${line.trimEnd()}`)
      .join('\n')
  return parts.map(([about, lines]) => `\n${wrap(about, columns).join('\n')}\n\n${indented(lines)}\n`).join('')
}

function joinAbout(hasUploaded: boolean): string {
  return hasUploaded
    ? 'Further control planes join within two hours with, as root:'
    : 'Further control planes join, once the files that control planes share are there, with, as root:'
}
