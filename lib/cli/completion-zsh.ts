import { groupAlike, type OfferedCommand, type OfferedFlag, type Operand } from './completion-model.js'

/**
 * Writes the completion script for zsh: an autoloaded `_kpki` in a folder of `fpath`, or sourced after `compinit`.
 *
 * @see zsh manual, zshcompsys(1): _arguments, _describe, _alternative
 */
export function formatZsh(commands: readonly OfferedCommand[]): string {
  return `#compdef kpki
# zsh completion for kpki, made by: kpki completion zsh

_kpki() {
  local -a known offers
  local command= next is_help=
  known=(
${commands.flatMap(({ path }) => (path === '' ? [] : [`    ${quote(path)}\n`])).join('')}  )
  if (( CURRENT > 2 )) && [[ $words[2] == help ]]; then
    is_help=yes
    words[2]=()
    (( CURRENT-- ))
  fi
  while (( CURRENT > 2 )); do
    next="\${command:+$command }$words[2]"
    (( $known[(Ie)$next] )) || break
    command=$next
    words[2]=()
    (( CURRENT-- ))
  done
  case $command in
${commands.map(formatOffers).join('')}  esac
  if [[ $is_help == yes ]]; then
    (( CURRENT == 2 )) && _describe -t commands command offers
    return
  fi
  case $command in
${groupAlike(commands).map(formatGroup).join('')}  esac
}

if [[ $funcstack[1] == _kpki ]]; then
  _kpki "$@"
elif (( $+functions[compdef] )); then
  compdef _kpki kpki
else
  print -u2 'kpki: call compinit before this script: autoload -Uz compinit && compinit'
fi
`
}

/** The commands below one, for `_describe`. */
function formatOffers({ path, children }: OfferedCommand): string {
  if (children.length === 0) return ''
  const offers = children.map(
    ({ name, about }) => `        ${quote(`${backslash(name, /[\\:]/g)}:${backslash(about, /\\/g)}`)}\n`,
  )
  return `    ${quote(path)})\n      offers=(\n${offers.join('')}      )\n      ;;\n`
}

function formatGroup(group: readonly OfferedCommand[]): string {
  const [{ children, flags, args } = { children: [], flags: [], args: undefined }] = group
  const specs = [...flags.flatMap(flagSpecs), ...argumentSpecs(children.length > 0, args)]
  return [
    `    ${group.map(({ path }) => quote(path)).join('|')})`,
    '      _arguments -s -S : \\',
    ...specs.map((spec, index) => `        ${spec}${index < specs.length - 1 ? ' \\' : ''}`),
    '      ;;',
  ]
    .map(line => `${line}\n`)
    .join('')
}

/** Words for `_arguments`; a short and a long name exclude each other. */
function flagSpecs({ name, alias, about, operand, isRepeatable }: OfferedFlag): readonly string[] {
  const action = operand ? actionOf(operand) : ''
  const explained = `[${backslash(about, /[\\\]]/g)}]`
  if (name === 'help')
    return [quote(`(- *)--${name}${explained}`), ...(alias ? [quote(`(- *)-${alias}${explained}`)] : [])]
  const names = alias ? `(-${alias} --${name})` : ''
  const star = isRepeatable ? '*' : ''
  return [
    quote(`${star}${names}--${name}${operand ? '=' : ''}${explained}${action}`),
    ...(alias ? [quote(`${star}${names}-${alias}${operand ? '+' : ''}${explained}${action}`)] : []),
  ]
}

function argumentSpecs(hasChildren: boolean, args: OfferedCommand['args']): readonly string[] {
  const commandsOnly = `_describe -t commands command offers`
  // What comes after a word that is no command is nobody's.
  if (!args) return hasChildren ? [quote(`1: :{ ${commandsOnly} }`), quote('*: : ')] : []
  const first = `{ ${commandsOnly}; ${args.disk ? filesOf(args.disk) : ':'} }`
  const rest = Array.from({ length: Math.min(args.most, 1) }, () => quote(`1${actionOf(args)}`))
  return [...(hasChildren ? [quote(`1: :${first}`)] : rest), ...(args.most > 1 ? [quote(`*${actionOf(args)}`)] : [])]
}

/** Message and action of a value. */
function actionOf({ word, values, disk }: Operand): string {
  // Messages are prompts, in which a percent sign begins an escape.
  const message = backslash(word, /:/g).replaceAll('%', '%%')
  if (disk) return `:${message}:${filesOf(disk)}`
  if (values.length === 0) return `:${message}: `
  return `:${message}:(${values.map(value => backslash(value, /[^\w.@%+-]/g)).join(' ')})`
}

const filesOf = (disk: 'file' | 'directory') => (disk === 'file' ? '_files' : '_files -/')

const backslash = (text: string, characters: RegExp) => text.replaceAll(characters, '\\$&')

/** A word in single quotes, in which zsh expands nothing. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
