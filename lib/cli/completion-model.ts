import { KEY_ALGORITHMS, MINORS } from '../index.js'
import { CHECK_RULES } from './check-explain.js'
import type { Command } from './command.js'
import { DISK_WORDS, type Flag } from './flags.js'

/** A word, and what it is in one line. */
export interface Offer {
  readonly name: string
  readonly about: string
}

/** What stands for a value on the command line. */
export interface Operand {
  /** Word for it, e.g. `DIR`. */
  readonly word: string
  /** Values to offer; empty: none are known. */
  readonly values: readonly string[]
  /** What is looked for on the disk. */
  readonly disk: 'file' | 'directory' | undefined
}

/** A flag as shells see it. */
export interface OfferedFlag {
  /** Long name without dashes. */
  readonly name: string
  /** Short name without dash. */
  readonly alias: string | undefined
  readonly about: string
  /** `undefined`: a switch, which may be given as `--flag=true|false`, too. */
  readonly operand: Operand | undefined
  readonly isRepeatable: boolean
}

/** A command as shells see it. */
export interface OfferedCommand {
  /** e.g. `gen all`; empty for kpki itself. */
  readonly path: string
  readonly children: readonly Offer[]
  readonly flags: readonly OfferedFlag[]
  /** Positional arguments: what they are, how many. */
  readonly args: (Operand & { readonly most: number }) | undefined
}

const SUGGESTIONS: Readonly<Record<NonNullable<Flag['suggests']>, readonly string[]>> = {
  'key-algorithms': Object.keys(KEY_ALGORITHMS),
  'kubernetes-versions': Array.from({ length: MINORS.newest - MINORS.oldest + 1 }, (_, i) => `1.${MINORS.newest - i}`),
  rules: CHECK_RULES,
}

/** What `main` answers before it looks into the table. */
const ROOT_FLAGS = { version: { type: 'boolean', about: 'print the version' } } as const satisfies Record<string, Flag>
const HELP_FLAG = { help: { type: 'boolean', alias: 'h', about: 'explain the command' } } as const satisfies Record<
  string,
  Flag
>

/** A command table as shells see it; kpki itself comes first. */
export function offeredCommands(commands: Readonly<Record<string, Command>>): readonly OfferedCommand[] {
  const root: [string, Command] = ['', { about: '', flags: ROOT_FLAGS }]
  return [root, ...Object.entries(commands)].map(([path, { flags = {}, args }]) => ({
    path,
    children: Object.entries(commands).flatMap(([name, { about }]) => {
      const words = name.split(' ')
      return words.slice(0, -1).join(' ') === path ? [{ name: words.at(-1) ?? '', about: brief(about) }] : []
    }),
    flags: Object.entries<Flag>({ ...flags, ...HELP_FLAG }).map(([name, flag]) => ({
      name,
      alias: flag.alias,
      about: brief(flag.about),
      operand: flag.type === 'boolean' ? undefined : operandOf(flag),
      isRepeatable: flag.type === 'list',
    })),
    args: args && { ...argumentOf(args), most: args.most },
  }))
}

function argumentOf({ choices, suggests, value, name }: NonNullable<Command['args']>): Operand {
  const operand = operandOf({ ...(choices ? { choices } : {}), value: value ?? name })
  return suggests ? { ...operand, values: suggests } : operand
}

function operandOf({
  choices,
  suggests,
  value = 'VALUE',
}: Partial<Pick<Flag, 'choices' | 'suggests' | 'value'>>): Operand {
  return { word: value, values: choices ?? (suggests ? SUGGESTIONS[suggests] : []), disk: DISK_WORDS[value] }
}

/** Lists of shells have one line for a description: its first clause, where no bracket is torn apart. */
function brief(about: string): string {
  const [clause = ''] = about.split('; ')
  return /\([^)]*$/.test(clause) ? about : clause
}

/** Commands that are completed alike, together, in table order: most of them make rows, with the same flags. */
export function groupAlike(commands: readonly OfferedCommand[]): readonly (readonly OfferedCommand[])[] {
  const groups = new Map<string, OfferedCommand[]>()
  for (const command of commands) {
    const key = JSON.stringify({ ...command, path: '' })
    groups.set(key, [...(groups.get(key) ?? []), command])
  }
  return [...groups.values()]
}
