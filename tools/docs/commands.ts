/** The command line, from the rows that parse it. */
import type { Command } from '../../lib/cli/command.js'
import { COMMANDS } from '../../lib/cli/commands.js'
import type { Flag } from '../../lib/cli/flags.js'
import { code, table } from './markdown.js'

/** Every command in one table, then the flags of those that have the same ones, and examples. */
export function commands(): string {
  const entries = Object.entries(COMMANDS).filter(([, { load }]) => load)
  const overview = table(
    ['command', 'does'],
    entries.map(([path, command]) => [code(`kpki ${path}${argumentOf(command)}`), command.about]),
  )
  const byFlags = new Map<string, (readonly [string, Command])[]>()
  for (const entry of entries) {
    const key = JSON.stringify([entry[1].flags, entry[1].args])
    byFlags.set(key, [...(byFlags.get(key) ?? []), entry])
  }
  return [overview, ...[...byFlags.values()].map(section)].join('\n')
}

function section(entries: readonly (readonly [string, Command])[]): string {
  const [first] = entries
  if (!first) return ''
  const [, { args, flags = {}, list, notes = [] }] = first
  const names = entries.map(([path]) => `kpki ${path}`)
  const examples = entries.flatMap(([, command]) => command.examples ?? [])
  const parts = [
    `## ${names.length === 1 ? names[0] : `${names[0]}, ${names[1]} and so on`}\n`,
    ...(names.length > 2 ? [`The same for ${names.slice(2).map(code).join(', ')}.\n`] : []),
    ...(args
      ? [`\`${args.name}\`: ${args.about}${args.choices ? ` (${args.choices.map(code).join(', ')})` : ''}.\n`]
      : []),
    table(
      ['flag', 'meaning'],
      Object.entries<Flag>(flags).map(([name, flag]) => [flagText(name, flag), flag.about]),
    ),
    ...(examples.length > 0
      ? [`Examples:\n`, examples.map(([line, about]) => `- ${code(line)}${about ? `: ${about}` : ''}\n`).join('')]
      : []),
    ...(list
      ? [
          table(
            [list.title, 'what it does'],
            list.rows.map(([name, about]) => [code(name), about]),
          ),
        ]
      : []),
    ...notes.map(note => `${note}\n`),
  ]
  return parts.join('\n')
}

function argumentOf({ args }: Command): string {
  if (!args) return ''
  return ` ${args.least > 0 ? `<${args.name}>` : `[${args.name}]`}${args.most > 1 ? '...' : ''}`
}

function flagText(name: string, { type, value, alias, choices }: Flag): string {
  const argument = type === 'boolean' ? '' : ` ${value ?? (choices ? choices.join(' | ') : 'VALUE')}`
  return `${alias ? `\`-${alias}\`, ` : ''}${code(`--${name}${argument}`)}`
}
