import type { Command } from './command.js'
import { COMMANDS } from './commands.js'
import type { Flag } from './flags.js'

const INDENT = 2

/** The command that words on a command line lead to: the longest path, and whether all words were used. */
export function findCommand(words: readonly string[]): { readonly path: string; readonly rest: readonly string[] } {
  for (let length = Math.min(2, words.length); length > 0; length--) {
    const path = words.slice(0, length).join(' ')
    if (Object.hasOwn(COMMANDS, path)) return { path, rest: words.slice(length) }
  }
  return { path: '', rest: words }
}

/** Help of one command, or of kpki (`path` empty), wrapped to a width. */
export function formatHelp(path: string, columns: number): string {
  const width = Math.max(60, Math.min(100, columns))
  const command: Command = COMMANDS[path] ?? {
    about: 'the PKI of Kubernetes clusters: made, checked and explained, without a cluster',
    flags: { version: { type: 'boolean', about: 'print the version' } },
    examples: [['kpki gen all --dir ./demo', 'everything for a first control plane, below ./demo']],
  }
  const children = childrenOf(path)
  const sections = [
    `Usage: ${usageOf(path, command, children.length > 0)}`,
    wrap(`${command.about[0]?.toUpperCase()}${command.about.slice(1)}.`, width, 0),
  ]
  if (children.length > 0)
    sections.push(
      section(
        'Commands',
        children.map(([name, { about }]) => [name.slice(path === '' ? 0 : path.length + 1), about]),
        width,
      ),
    )
  if (command.args) sections.push(section('Arguments', [[command.args.name, argumentAbout(command.args)]], width))
  if (command.flags)
    sections.push(
      section(
        'Flags',
        Object.entries<Flag>(command.flags).map(([name, flag]) => [flagText(name, flag), flag.about]),
        width,
      ),
    )
  if (command.list) sections.push(section(command.list.title, command.list.rows, width))
  for (const note of command.notes ?? []) sections.push(wrap(note, width, 0))
  if (command.examples) {
    sections.push(
      [
        'Examples:',
        ...command.examples.flatMap(([line, about]) => [...(about ? [`  # ${about}`] : []), ...continued(line, width)]),
      ].join('\n'),
    )
  }
  sections.push(`Every command has help of its own: kpki <command> --help`)
  return `${sections.join('\n\n')}\n`
}

/** Commands directly below a path; `hash` runs itself and has a command below it, too. */
export function childrenOf(path: string): [string, Command][] {
  const depth = path === '' ? 1 : path.split(' ').length + 1
  return Object.entries(COMMANDS).filter(
    ([name]) => name.split(' ').length === depth && (path === '' || name.startsWith(`${path} `)),
  )
}

function usageOf(path: string, { args, flags, load }: Command, hasChildren: boolean): string {
  const argument = args ? (args.least > 0 ? `<${args.name}>` : `[${args.name}]`) + (args.most > 1 ? '...' : '') : ''
  return ['kpki', path, hasChildren ? (load ? '[command]' : '<command>') : '', argument, flags ? '[flags]' : '']
    .filter(Boolean)
    .join(' ')
}

function argumentAbout({ about, choices }: NonNullable<Command['args']>): string {
  return choices ? `${about}: ${choices.join(', ')}` : about
}

function flagText(name: string, { type, value, alias, choices }: Flag): string {
  const argument = type === 'boolean' ? '' : ` ${value ?? (choices ?? ['VALUE']).join('|')}`
  return `${alias ? `-${alias}, ` : ''}--${name}${argument}`
}

/** Two columns; a left cell that is too long stands on a line of its own. */
function section(title: string, rows: readonly (readonly [string, string])[], width: number): string {
  const left = Math.min(30, Math.max(...rows.map(([cell]) => cell.length))) + INDENT + 2
  const lines = rows.map(([cell, about]) => {
    const indented = `${' '.repeat(INDENT)}${cell}`
    const text = wrap(about, width, left)
    return indented.length + 2 > left ? `${indented}\n${' '.repeat(left)}${text}` : `${indented.padEnd(left)}${text}`
  })
  return [`${title}:`, ...lines].join('\n')
}

function wrap(text: string, width: number, indent: number): string {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + word.length + 1 <= width - indent)
      lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines.join(`\n${' '.repeat(indent)}`)
}

/** An example that can be pasted whatever its length: broken lines end in a backslash. */
function continued(line: string, width: number): string[] {
  return wrap(line, width - 4, INDENT + 2)
    .split('\n')
    .map((part, index, all) => `${index === 0 ? '  ' : ''}${part}${index < all.length - 1 ? ' \\' : ''}`)
}
