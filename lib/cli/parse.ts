import { Parser } from 'yargs/helpers'
import { looksSecret, nearestName, UsageError } from '../index.js'
import type { Command, Invocation } from './command.js'
import { COMMANDS } from './commands.js'
import type { Flag } from './flags.js'
import { childrenOf, findCommand } from './help.js'

const PARSER = {
  'camel-case-expansion': false,
  'dot-notation': false,
  'boolean-negation': false,
  'parse-numbers': false,
  'parse-positional-numbers': false,
  'greedy-arrays': false,
  'strip-aliased': true,
  'unknown-options-as-args': true,
} as const

/**
 * Parses a command line. yargs takes it apart; what the parts may be is decided here, so that every refusal says what to do.
 *
 * @throws {@link UsageError} `KPKI_USAGE`
 */
export function parseArguments(argv: readonly string[]): Invocation {
  const { path, rest } = findCommand(argv)
  const command = COMMANDS[path]
  const [word = ''] = rest
  if (!command?.load && !word.startsWith('-')) throw unknownCommand(path, word)
  if (!command?.load) throw refuse(path, path === '' ? 'which command?' : `${path}: which one?`)
  const flags = command.flags ?? {}
  // Its parser alone: the help and the messages are ours, and what yargs loads for its own would take longer than the parsing.
  const { argv: parsed, error } = Parser.detailed(settleBooleans(path, flags, rest), optionsOf(flags))
  if (error) throw refuse(path, error.message)
  const values: Readonly<Record<string, unknown>> & { readonly _: readonly (string | number)[] } = parsed
  const words = values._.map(String)
  const literal = rest.includes('--') ? rest.slice(rest.indexOf('--') + 1).length : 0
  const unknown = words.slice(0, words.length - literal).find(item => /^-./.test(item))
  if (unknown !== undefined) throw unknownFlag(path, unknown, flags)
  return { path, flags: flagsOf(path, flags, values), args: argumentsOf(path, command, words) }
}

/** What Go's strconv.ParseBool, and so every flag of kubeadm and kubectl, understands. */
const BOOLEANS: Readonly<Record<string, boolean>> = {
  ...Object.fromEntries(['1', 't', 'T', 'true', 'TRUE', 'True'].map(word => [word, true])),
  ...Object.fromEntries(['0', 'f', 'F', 'false', 'FALSE', 'False'].map(word => [word, false])),
}

/** Takes `--flag=value` of boolean flags apart: yargs would take every word but `true` for false, silently. */
function settleBooleans(path: string, flags: Readonly<Record<string, Flag>>, words: readonly string[]): string[] {
  const end = words.indexOf('--')
  return words.flatMap((word, index) => {
    const [, dashes, name = '', value = ''] = (end < 0 || index < end ? /^(--?)([^=]+)=(.*)$/s.exec(word) : null) ?? []
    // Short flags may have their value attached, as everywhere in this field: -ojson.
    const attached = end < 0 || index < end ? /^-([a-z])([^=].*)$/.exec(word) : null
    if (attached && Object.values(flags).some(({ alias, type }) => alias === attached[1] && type !== 'boolean')) {
      return [`-${attached[1]}`, attached[2] ?? '']
    }
    const flag = Object.entries(flags).find(([long, { alias }]) => (dashes === '--' ? long === name : alias === name))
    if (flag?.[1].type !== 'boolean') return [word]
    if (!Object.hasOwn(BOOLEANS, value)) throw refuse(path, `--${flag[0]}=${shown(value)}: it must be true or false`)
    return BOOLEANS[value] ? [`--${flag[0]}`] : []
  })
}

function optionsOf(flags: Readonly<Record<string, Flag>>) {
  const names = Object.keys(flags)
  const boolean = names.filter(name => flags[name]?.type === 'boolean')
  // Arrays, so that a flag that is given twice shows.
  const string = names.filter(name => !boolean.includes(name))
  const alias = Object.fromEntries(names.flatMap(name => (flags[name]?.alias ? [[name, [flags[name].alias]]] : [])))
  return { configuration: PARSER, boolean, string, array: string, alias }
}

function flagsOf(
  path: string,
  flags: Readonly<Record<string, Flag>>,
  values: Readonly<Record<string, unknown>>,
): Invocation['flags'] {
  const given: Record<string, string | boolean | readonly string[]> = {}
  for (const [name, { type, choices }] of Object.entries(flags)) {
    const value = values[name]
    if (value === undefined) continue
    if (type === 'boolean') {
      given[name] = Array.isArray(value) ? value.at(-1) === true : value === true
      continue
    }
    const list = (Array.isArray(value) ? value : [value]).map(String)
    const [first = ''] = list
    if (list.length === 0 || first === '') throw refuse(path, `--${name} needs a value`)
    if (type === 'list') {
      const items = list.flatMap(item => item.split(',')).map(item => item.trim())
      // As of a variable that is not set: something was meant to be there.
      if (items.includes('')) throw refuse(path, `--${name} ${shown(list.join(','))}: an item of it is empty`)
      given[name] = items
      continue
    }
    if (list.length > 1) throw refuse(path, `--${name} is given twice`)
    if (choices && !choices.includes(first))
      throw refuse(path, `--${name} ${shown(first)}: it must be one of ${choices.join(', ')}`)
    given[name] = first
  }
  return given
}

function argumentsOf(path: string, { args }: Command, words: readonly string[]): readonly string[] {
  const { least, most, name, choices } = args ?? { least: 0, most: 0, name: 'argument', choices: undefined }
  if (words.length > most) {
    const [child] = childrenOf(path)
    throw refuse(
      path,
      `${path} takes no ${most === 0 ? '' : 'further '}argument ${shown(words[most] ?? '', JSON.stringify)}`,
      looksSecret(words[most] ?? '') ? BY_FILE : child && `did you mean kpki ${child[0]}?`,
    )
  }
  if (words.length < least)
    throw refuse(path, `${path} needs ${choices ? `one of ${choices.join(', ')}` : `<${name}>`}`)
  const wrong = words.find(word => choices && !choices.includes(word))
  if (wrong !== undefined) {
    const nearest = nearestName(wrong, choices ?? [])
    throw refuse(
      path,
      `${path} ${shown(wrong)}: it must be one of ${choices?.join(', ')}`,
      nearest && `did you mean ${nearest}?`,
    )
  }
  return words
}

function unknownCommand(path: string, word: string): UsageError {
  const names = childrenOf(path).map(([name]) => name.slice(path === '' ? 0 : path.length + 1))
  if (word === '') return refuse(path, path === '' ? 'which command?' : `${path}: which one? ${names.join(', ')}`)
  const nearest = nearestName(word, names)
  return refuse(
    path,
    `there is no command ${[path, shown(word)].filter(Boolean).join(' ')}`,
    nearest && `did you mean kpki ${[path, nearest].filter(Boolean).join(' ')}?`,
  )
}

function unknownFlag(path: string, word: string, flags: Readonly<Record<string, Flag>>): UsageError {
  const [name = ''] = word.replace(/^-+/, '').split('=')
  const nearest = nearestName(name, Object.keys(flags))
  return refuse(
    path,
    `${path} has no flag ${shown(word.split('=')[0] ?? '')}`,
    looksSecret(word) ? BY_FILE : nearest && `did you mean --${nearest}?`,
  )
}

// Other users of the host see the arguments of a process, and shells keep them.
const BY_FILE = 'secrets are passed in a file, or by standard input, whose name is -'

/** A word of the command line in a message; what may be a secret is not shown. */
function shown(word: string, quote: (text: string) => string = String): string {
  return looksSecret(word) ? '***' : quote(word)
}

function refuse(path: string, message: string, hint?: string): UsageError {
  return new UsageError('KPKI_USAGE', message, { hint: hint ?? `see kpki ${path === '' ? '' : `${path} `}--help` })
}
