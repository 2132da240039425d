import { groupAlike, type OfferedCommand, type OfferedFlag, type Operand } from './completion-model.js'

/**
 * Writes the completion script for bash. It uses nothing of the package bash-completion and nothing newer than bash 3.2,
 * which macOS has; there, without `compopt`, files are offered where nothing is meant, too.
 *
 * @see bash manual, sections Programmable Completion and Bash Variables (COMP_WORDS, COMP_WORDBREAKS)
 */
export function formatBash(commands: readonly OfferedCommand[]): string {
  const paths = commands.map(({ path }) => path).filter(Boolean)
  return `# bash completion for kpki, made by: kpki completion bash
${ENGINE_HEAD}
_kpki_is_command() {
  case $1 in
    ${paths.map(quote).join(' | ')}) return 0 ;;
  esac
  return 1
}

# Tells of a command ($1) and of one of its flags ($2): commands below it, its flags, what its arguments are (kind, values,
# most); with a flag: its long name and what its value is (kind, values). Kinds: switch, word, file, directory; none.
_kpki_row() {
  commands=() flags=() values=() kind=none most=0 name= repeatable=
  case $1 in
${groupAlike(commands).map(formatGroup).join('')}  esac
}
${ENGINE_TAIL}`
}

function formatGroup(group: readonly OfferedCommand[]): string {
  const [{ children, flags, args } = { children: [], flags: [], args: undefined }] = group
  const lines = [
    `    ${group.map(({ path }) => quote(path)).join(' | ')})`,
    ...(children.length > 0 ? [`      commands=(${list(children.map(({ name }) => name))})`] : []),
    `      flags=(${list(flags.map(({ name }) => `--${name}`))})`,
    '      case $2 in',
    ...(args ? [`        '') most=${args.most} ${assignments(args)} ;;`] : []),
    ...flags.map(formatFlag),
    '      esac',
    '      ;;',
  ]
  return lines.map(line => `${line}\n`).join('')
}

function formatFlag({ name, alias, operand, isRepeatable }: OfferedFlag): string {
  const patterns = [`--${name}`, ...(alias ? [`-${alias}`] : [])].map(quote).join(' | ')
  const repeatable = isRepeatable ? ' repeatable=yes' : ''
  return `        ${patterns}) name=${quote(`--${name}`)}${repeatable} ${operand ? assignments(operand) : 'kind=switch'} ;;`
}

function assignments({ values, disk }: Operand): string {
  return `kind=${disk ?? 'word'}${values.length > 0 ? ` values=(${list(values)})` : ''}`
}

const list = (words: readonly string[]) => words.map(quote).join(' ')

/** A word in single quotes, in which bash expands nothing, where it needs them. */
function quote(text: string): string {
  return /^[\w.,:@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}

const ENGINE_HEAD = `
# Sets words and cur: the command line up to the cursor, put together again where bash took it apart at = and :
_kpki_split() {
  local line=\${COMP_LINE:0:COMP_POINT} trimmed word index
  words=()
  for ((index = 0; index <= COMP_CWORD; index++)); do
    trimmed=\${line#"\${line%%[![:space:]]*}"}
    word=\${COMP_WORDS[index]}
    if ((index == COMP_CWORD)); then word=$trimmed; fi
    if ((index == 0)) || [[ $trimmed != "$line" ]]; then
      words[\${#words[@]}]=$word
    else
      words[\${#words[@]} - 1]+=$word
    fi
    line=\${trimmed#"$word"}
  done
  cur=\${words[\${#words[@]} - 1]}
}
`

const ENGINE_TAIL = `
# Adds those of $3... that begin with what is typed. $1 stands before it in the word; $2 is what readline replaces.
_kpki_offer() {
  local head=$1 replaced=$2 typed candidate
  shift 2
  case \${cur#"$head"} in
    [\\"\\']*) head+=\${cur:\${#head}:1} ;;
  esac
  typed=\${cur#"$head"}
  for candidate in "$@"; do
    if [[ $candidate == "$typed"* ]]; then
      candidate=$head$candidate
      COMPREPLY[\${#COMPREPLY[@]}]=\${candidate#"\${cur%"$replaced"}"}
    fi
  done
}

# Adds files or directories ($1); readline knows best how they are quoted, so it does the work where nothing else is offered.
_kpki_disk() {
  local file
  case $1 in
    file | directory) ;;
    *) return ;;
  esac
  if ((\${#COMPREPLY[@]} == 0)); then
    case $1 in
      file) compopt -o default 2>/dev/null ;;
      directory) compopt -o filenames -o dirnames 2>/dev/null ;;
    esac
  else
    compopt -o filenames 2>/dev/null
    while IFS= read -r file; do COMPREPLY[\${#COMPREPLY[@]}]=$file; done < <(compgen -A "$1" -- "$2")
  fi
}

_kpki() {
  local cur words commands flags values kind most name repeatable
  local path= flag= head= ended= given=' ' index=1 begin count=0 last candidate
  COMPREPLY=()
  _kpki_split
  last=$((\${#words[@]} - 1))
  if ((last > 1)) && [[ \${words[1]} == help ]]; then index=2 ended=help; fi
  while ((index < last)) && _kpki_is_command "\${path:+$path }\${words[index]}"; do
    path=\${path:+$path }\${words[index]}
    index=$((index + 1))
  done
  begin=$index
  for (( ; index < last; index++)); do
    case $ended\${words[index]} in
      --) ended=yes ;;
      -?*)
        _kpki_row "$path" "\${words[index]%%=*}"
        given+="$name "
        case $kind-\${words[index]} in
          none-* | switch-* | *=*) ;;
          *)
            index=$((index + 1))
            if ((index == last)); then flag=\${words[index - 1]}; fi
            ;;
        esac
        ;;
      *) count=$((count + 1)) ;;
    esac
  done
  case $ended$cur in
    -*=*) if [[ ! $flag ]]; then flag=\${cur%%=*} head=$flag=; fi ;;
  esac

  if [[ $flag ]]; then
    _kpki_row "$path" "$flag"
    if [[ $kind == switch ]]; then values=(true false); fi
    _kpki_offer "$head" "$2" "\${values[@]}"
    _kpki_disk "$kind" "$2"
    return
  fi
  _kpki_row "$path" ''
  if [[ $ended == help ]]; then most=0; fi
  if [[ $ended ]] || [[ $cur != -* ]]; then
    if ((begin == last)); then _kpki_offer '' "$2" "\${commands[@]}"; fi
    if ((count < most)); then
      _kpki_offer '' "$2" "\${values[@]}"
      _kpki_disk "$kind" "$2"
      return
    fi
    if [[ $ended || $cur ]] || ((count > most)) || ((\${#COMPREPLY[@]} > 0)); then return; fi
  fi
  if [[ $cur == -[!-] ]]; then
    _kpki_row "$path" "$cur"
    if [[ $name ]]; then COMPREPLY=("$cur"); fi
    return
  fi
  # Flags that were not given yet, also where nothing else is possible.
  for candidate in "\${flags[@]}"; do
    _kpki_row "$path" "$candidate"
    if [[ $repeatable || $given != *" $candidate "* ]]; then _kpki_offer '' "$2" "$candidate"; fi
  done
}

if [[ $(type -t compopt) == builtin ]]; then
  complete -F _kpki kpki
else
  complete -o default -F _kpki kpki
fi
`
