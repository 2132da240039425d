import type { PhaseResult } from '../index.js'
import type { JoinCommands } from './init-result.js'
import { cut, type Glyphs, pad, type Terminal, widthOf, wrap } from './terminal.js'

/** The longest paths of most runs fit, so that what was made stands below each other. */
const PATH_WIDTH = 30
const STATE_WIDTH = 10

/** What a phase came to, for people: a line with its state, its path and what was made, and below it what is to be known. */
export function formatPhase({ path, state, reason, made, notes }: PhaseResult, terminal: Terminal): string {
  const { paint, show, columns, glyphs } = terminal
  const head = `${state.padEnd(STATE_WIDTH)} ${pad(show(path), PATH_WIDTH)}`
  const left = columns - widthOf(head) - 1
  const what = reason === undefined ? summaryOf(made.map(show), left, glyphs) : cut(show(reason), left, glyphs)
  const line = `${paint(state === 'done' ? 'green' : 'dim', head)} ${what}`.trimEnd()
  const indent = ' '.repeat(STATE_WIDTH + 1)
  // Lines of their own stay so: a command is to be copied.
  const lines = notes.flatMap(note => note.split('\n'))
  const below = lines.flatMap(text => wrap(show(text), columns - indent.length)).map(text => indent + text)
  return [line, ...below].map(text => `${text}\n`).join('')
}

/** What was made, in a line: all of it, things by their names alone, or as much as has its place. */
function summaryOf(made: readonly string[], width: number, glyphs: Glyphs): string {
  const names = made.map(thing => thing.replace(/\S*\//, ''))
  const most = (things: readonly string[], count: number) =>
    count === things.length
      ? things.join(', ')
      : `${things.slice(0, count).join(', ')}, and ${things.length - count} more`
  const texts = [most(made, made.length), ...made.map((_, index) => most(names, made.length - index))]
  const [shortest = ''] = texts.slice(-1)
  return texts.find(text => widthOf(text) <= width) ?? cut(shortest, width, glyphs)
}

/** What is said at the end of a whole run. */
export interface InitEnd {
  /** e.g. `https://10.0.0.10:6443` */
  readonly server: string
  /** Whether anything is other than before. */
  readonly isChanged: boolean
  readonly adminConf: string
  readonly commands: JoinCommands
  /** A certificate key that this run has made up. */
  readonly key: string | undefined
  /** The shared files are in the cluster, for two hours. */
  readonly hasUploaded: boolean
}

/** The end of a whole run for people: how to use the cluster, how others join. */
export function formatEnd(
  { server, isChanged, adminConf, commands, key, hasUploaded }: InitEnd,
  terminal: Terminal,
): string {
  const { show, columns } = terminal
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
  const ownPart = key === undefined || controlPlane !== undefined ? '' : formatKey(key, terminal)
  return parts.map(([about, lines]) => part(about, lines, columns)).join('') + ownPart
}

/** A certificate key for people; where a command has it, that is enough. */
export function formatKey(key: string, { columns }: Terminal): string {
  return part('The key of the uploaded certificates, for two hours:', key, columns)
}

function part(about: string, lines: string, columns: number): string {
  const indented = lines.split('\n').map(line => `  ${line.trimEnd()}`)
  return `\n${wrap(about, columns).join('\n')}\n\n${indented.join('\n')}\n`
}

function joinAbout(hasUploaded: boolean): string {
  return hasUploaded
    ? 'Further control planes join within two hours with, as root:'
    : 'Further control planes join, once the files that control planes share are there, with, as root:'
}
