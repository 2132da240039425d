import type { OfferedCommand, OfferedFlag, Operand } from './completion-model.js'

/**
 * Writes the completion script for fish 3.0 and newer. Commands that are completed alike share their conditions, which
 * fish asks once for each TAB.
 *
 * @see fish manual, complete and commandline
 */
export function formatFish(commands: readonly OfferedCommand[]): string {
  const flags = commands.flatMap(command => command.flags)
  const valued = flags.filter(({ operand }) => operand).flatMap(dashed)
  const shared = sharedFlags(commands)
  const sets = [...new Set(shared.map(([, paths]) => listOf(paths)))]
  return `# fish completion for kpki, made by: kpki completion fish

# The command before the cursor, then what follows it.
function __kpki_words
    set -l words (commandline -opc)
    set -e words[1]
    if test "$words[1]" = help
        echo help
        set -e words[1]
    end
    set -l path
    for word in $words
        set -l next (string join ' ' -- $path $word)
        contains -- $next ${commands.flatMap(({ path }) => (path ? [quote(path)] : [])).join(' ')}
        or break
        set path $next
        set -e words[1]
    end
    echo "$path"
    string join \\n -- $words
end

# Whether a flag may come next, or its value: one of the commands $argv[3..-1] has it. $argv[1] is its names with a space
# between; $argv[2] says whether it is a switch, has a value, or may be given often.
function __kpki_flag
    set -l words (__kpki_words)
    contains -- "$words[1]" $argv[3..-1]
    and not contains -- -- $words
    or return 1
    set -e words[1]
    test $argv[2] = often
    and return 0
    # A value is typed right after its flag.
    test $argv[2] = value
    and set -e words[-1]
    for word in $words
        contains -- (string split -m 1 = -- $word)[1] (string split ' ' -- $argv[1])
        and return 1
    end
    return 0
end

# Whether the name of a command below this one ($argv[1]) may come next.
function __kpki_below
    set -l words (__kpki_words)
    test "$words[1]" = help
    and set -e words[1]
    test "$words" = "$argv[1]"
end

# Whether an argument may come next that is no flag: the command $argv[2] takes $argv[1] of them at most.
function __kpki_argument
    set -l words (__kpki_words)
    test "$words[1]" = "$argv[2]"
    or return 1
    set -l count 0
    set -l is_value no
    set -l is_ended no
    for word in $words[2..-1]
        if test $is_value = yes
            set is_value no
        else if test $is_ended = yes
            set count (math $count + 1)
        else if test "$word" = --
            set is_ended yes
        else if contains -- "$word" ${[...new Set(valued)].map(quote).join(' ')}
            set is_value yes
        else if not string match -q -- '-?*' "$word"
            set count (math $count + 1)
        end
    end
    test $count -lt $argv[1]
end

# Directories; fish 3 takes the --flag= before one for a part of its name.
function __kpki_directories
    __fish_complete_directories (commandline -ct | string replace -r -- '^--[^=]*=' '')
end

# Commands that have a flag in common.
${sets.map((paths, index) => `set -g __kpki_set${index} ${paths}\n`).join('')}
complete -c kpki -e
complete -c kpki -f
${commands.map(formatChildren).join('')}${shared.map(row => formatFlag(row, sets)).join('')}${commands.map(formatArgs).join('')}`
}

const listOf = (paths: readonly string[]) => paths.map(quote).join(' ')

const dashed = ({ name, alias }: OfferedFlag) => [`--${name}`, ...(alias ? [`-${alias}`] : [])]

function formatChildren({ path, children }: OfferedCommand): string {
  const condition = quote(`__kpki_below ${quote(path)}`)
  return children
    .map(({ name, about }) => `complete -c kpki -n ${condition} -a ${quote(name)} -d ${quote(about)}\n`)
    .join('')
}

/** Flags with the commands that have them: each is asked about once for a TAB. */
function sharedFlags(commands: readonly OfferedCommand[]): readonly (readonly [OfferedFlag, readonly string[]])[] {
  const shared = new Map<string, [OfferedFlag, string[]]>()
  for (const { path, flags } of commands) {
    for (const flag of flags) {
      const key = JSON.stringify(flag)
      shared.set(key, [flag, [...(shared.get(key)?.[1] ?? []), path]])
    }
  }
  return [...shared.values()]
}

function formatFlag([flag, paths]: readonly [OfferedFlag, readonly string[]], sets: readonly string[]): string {
  const kind = flag.isRepeatable ? 'often' : flag.operand ? 'value' : 'switch'
  const condition = [
    '__kpki_flag',
    quote(dashed(flag).join(' ')),
    kind,
    `$__kpki_set${sets.indexOf(listOf(paths))}`,
  ].join(' ')
  const names = `-l ${flag.name}${flag.alias ? ` -s ${flag.alias}` : ''}`
  const value = flag.operand ? ` ${operandOptions(flag.operand)}` : ''
  return `complete -c kpki -n ${quote(condition)} ${names}${value} -d ${quote(flag.about)}\n`
}

function formatArgs({ path, args }: OfferedCommand): string {
  if (!args || (!args.disk && args.values.length === 0)) return ''
  const condition = quote(`__kpki_argument ${args.most} ${quote(path)}`)
  return `complete -c kpki -n ${condition} ${operandOptions(args).replace(/^-[rx] /, '')}\n`
}

function operandOptions({ values, disk }: Operand): string {
  if (disk === 'file') return '-r -F'
  if (disk === 'directory') return `-x -a '(__kpki_directories)'`
  return values.length > 0 ? `-x -k -a ${quote(values.map(quote).join(' '))}` : '-x'
}

/** A word in single quotes, in which fish knows `\\\\` and `\\'` only. */
function quote(text: string): string {
  return /^[\w.,@%+-]+$/.test(text) ? text : `'${text.replaceAll(/[\\']/g, '\\$&')}'`
}
