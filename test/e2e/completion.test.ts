/** The completion scripts in real shells, on real terminals: what is typed, and what is offered then. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { COMMANDS } from '../../lib/cli/commands.js'
import { SHELLS } from '../../lib/cli/completion.js'
import type { OfferedCommand } from '../../lib/cli/completion-model.js'
import { hasTool, skipped, testWith } from '../support/skip.js'
import { KPKI, must, run, scratch } from './host.js'
import { Terminal } from './terminal.js'

const test = suite('completion')

/** What a shell offers for a typed line: candidates as a person means them, unquoted. */
interface Shell {
  offers(typed: string): Promise<readonly string[]>
  close(): void
}

interface Row {
  readonly typed: string
  /** All that is offered, in any order. */
  readonly exactly?: readonly string[]
  /** Part of what is offered. */
  readonly among?: readonly string[]
  readonly never?: readonly string[]
}

const children = (path: string) =>
  Object.keys(COMMANDS)
    .filter(name => name.split(' ').slice(0, -1).join(' ') === path)
    .map(name => name.split(' ').at(-1) ?? '')
const flagsOf = (path: string) => [...Object.keys(COMMANDS[path]?.flags ?? {}), 'help'].map(name => `--${name}`)
const KUBECONFIGS = ['admin.conf', 'super-admin.conf', 'kubelet.conf', 'controller-manager.conf', 'scheduler.conf']
const FILES = ['ca.crt', 'ca.key', 'my file.yaml', 'vault.crt', "it's.yaml", '$HOME.yaml']
const DIRECTORIES = ['demo', 'two words']

const ROWS: readonly Row[] = [
  { typed: 'kpki ', exactly: children('') },
  { typed: 'kpki ge', exactly: ['gen'] },
  { typed: 'kpki --v', exactly: ['--version'] },
  { typed: 'kpki gen ', exactly: children('gen') },
  { typed: 'kpki gen etcd-', exactly: ['etcd-ca', 'etcd-server', 'etcd-peer', 'etcd-healthcheck-client'] },
  { typed: 'kpki gen nothing', exactly: [] },
  { typed: 'kpki nonsense ', exactly: [] },
  { typed: 'kpki help ', exactly: children('') },
  { typed: 'kpki help gen s', exactly: ['sa'] },
  { typed: 'kpki config ', exactly: children('config') },
  { typed: 'kpki completion ', exactly: ['bash', 'zsh', 'fish'] },
  { typed: 'kpki config print ', exactly: ['init-defaults', 'join-defaults'] },
  { typed: 'kpki gen kubeconfig ', exactly: KUBECONFIGS },
  { typed: 'kpki gen kubeconfig -o json --dir demo s', exactly: ['super-admin.conf', 'scheduler.conf'] },
  { typed: 'kpki gen kubeconfig admin.conf s', exactly: [] },
  { typed: 'kpki gen all --', exactly: flagsOf('gen all') },
  { typed: 'kpki gen sa --', exactly: flagsOf('gen sa') },
  { typed: 'kpki config migrate --', exactly: flagsOf('config migrate') },
  { typed: 'kpki gen all --ca', exactly: ['--ca-from', '--ca-certificate-validity-period'] },
  { typed: 'kpki gen all --dir demo --role=init -q --', never: ['--dir', '--role', '--quiet'], among: ['--dry-run'] },
  { typed: 'kpki gen all -o json --ou', exactly: [] },
  { typed: 'kpki gen all --dir demo --d', exactly: ['--dry-run'] },
  { typed: 'kpki gen all --apiserver-cert-extra-sans a --apiserver-c', exactly: ['--apiserver-cert-extra-sans'] },
  { typed: 'kpki gen all --dry-run --ro', exactly: ['--role'] },
  { typed: 'kpki gen all --role ', exactly: ['init', 'control-plane', 'worker'] },
  { typed: 'kpki gen all --role=', exactly: ['init', 'control-plane', 'worker'] },
  { typed: 'kpki gen all --role=c', exactly: ['control-plane'] },
  { typed: 'kpki gen all -o ', exactly: ['text', 'json', 'yaml'] },
  { typed: 'kpki gen all --output=', exactly: ['text', 'json', 'yaml'] },
  { typed: 'kpki hash --output y', exactly: ['yaml'] },
  {
    typed: 'kpki gen all --encryption-algorithm ',
    exactly: ['RSA-2048', 'RSA-3072', 'RSA-4096', 'ECDSA-P256', 'ECDSA-P384'],
  },
  { typed: 'kpki gen all --encryption-algorithm=E', exactly: ['ECDSA-P256', 'ECDSA-P384'] },
  {
    typed: 'kpki gen all --kubernetes-version 1.3',
    exactly: ['1.30', '1.31', '1.32', '1.33', '1.34', '1.35', '1.36', '1.37'],
  },
  { typed: 'kpki gen all --node-name ', exactly: [] },
  { typed: 'kpki gen all --node-name=', exactly: [] },
  { typed: 'kpki gen all --dir ', exactly: DIRECTORIES },
  { typed: 'kpki gen all --dir=', exactly: DIRECTORIES },
  { typed: 'kpki gen all --dir=demo/', exactly: ['demo/pki'] },
  { typed: 'kpki gen all --ca-from tw', exactly: ['two words'] },
  { typed: 'kpki gen all --config ', exactly: [...FILES, ...DIRECTORIES] },
  { typed: 'kpki gen all --config=my', exactly: ['my file.yaml'] },
  { typed: 'kpki gen all --config it', exactly: ["it's.yaml"] },
  { typed: 'kpki gen all --config \\$', exactly: ['$HOME.yaml'] },
  { typed: 'kpki gen all ca', exactly: [] },
  { typed: 'kpki hash ', exactly: ['verify', ...FILES, ...DIRECTORIES] },
  { typed: 'kpki hash v', exactly: ['verify', 'vault.crt'] },
  { typed: 'kpki hash ca.', exactly: ['ca.crt', 'ca.key'] },
  { typed: 'kpki hash ca.crt my', exactly: ['my file.yaml'] },
  { typed: 'kpki hash ca.crt demo/', exactly: ['demo/pki', 'demo/admin.conf'] },
  { typed: 'kpki inspect ', exactly: [...FILES, ...DIRECTORIES] },
  { typed: 'kpki inspect --output s', exactly: ['svg'] },
  { typed: 'kpki hash -- --', exactly: [] },
  { typed: 'kpki hash -- ca.c', exactly: ['ca.crt'] },
  { typed: 'kpki hash verify c', exactly: [] },
  { typed: 'kpki hash verify sha256:00 --ca-cert c', exactly: ['ca.crt', 'ca.key'] },
  { typed: 'kpki hash verify sha256:00 --', exactly: flagsOf('hash verify') },
]

/** A place with files, where the scripts are, too. */
function prepare(commands?: readonly OfferedCommand[]): Promise<{ readonly dir: string; readonly scripts: string }> {
  const scripts = scratch('completion')
  const dir = join(scripts, 'here')
  for (const name of DIRECTORIES) mkdirSync(join(dir, name), { recursive: true })
  mkdirSync(join(dir, 'demo/pki'))
  writeFileSync(join(dir, 'demo/admin.conf'), '')
  for (const name of FILES) writeFileSync(join(dir, name), '')
  return Promise.all(
    Object.entries(SHELLS).map(async ([shell, format]) =>
      writeFileSync(
        join(scripts, `kpki.${shell}`),
        commands ? format(commands) : await must(run(process.execPath, [KPKI, 'completion', shell])),
      ),
    ),
  ).then(() => ({ dir, scripts }))
}

/** Words of a line as shells read them: split at blanks, unquoted. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/(?:\\.|'[^']*'|[^\s\\'])+/gs)].map(([word]) =>
    word.replaceAll(/\\(.)|'([^']*)'/gs, (_, escaped: string | undefined, quoted: string) => escaped ?? quoted),
  )
}

/** What was put in place of the last typed word; `--flag=` before a value is no part of it, short flags neither. */
function offered(typed: string, line: string): readonly string[] {
  const before = typed.slice(0, typed.lastIndexOf(' ') + 1)
  assert.ok(line.startsWith(before), `${typed}: ${line}`)
  const last = typed.slice(before.length)
  // What is put in ends in a blank at least.
  if (line === typed) return []
  const flag = /^--[\w-]+=/.exec(last)?.[0] ?? ''
  const words = wordsOf(line.slice(before.length)).map(word => (word.startsWith(flag) ? word.slice(flag.length) : word))
  // zsh ends a flag that wants a value in an equals sign that goes away when a blank is typed.
  return words.filter(word => word !== '' && !/^-[a-z]$/.test(word)).map(word => word.replace(/^(--[\w-]+)=$/, '$1'))
}

/** bash with a key that puts in all that is offered, and one that prints the line. */
async function bash(place: Awaited<ReturnType<typeof prepare>>, before: string): Promise<Shell> {
  const terminal = new Terminal('bash --norc --noprofile -i', { env: { TERM: 'xterm', INPUTRC: '/dev/null' } })
  const setup = [
    `cd '${place.dir}'`,
    before,
    `source '${place.scripts}/kpki.bash'`,
    'PS1=',
    `bind 'set enable-bracketed-paste off'`,
    `bind '"\\C-t": insert-completions'`,
    `bind -x '"\\C-g": printf "<<%s>>\\n" "$READLINE_LINE"; READLINE_LINE='`,
    'stty cols 2000',
    'echo rea""dy',
  ]
  await terminal.type(`${setup.filter(Boolean).join('\n')}\n`, /^ready\r?$/m)
  return {
    offers: async typed => {
      const { match } = await terminal.type(`${typed}\x14\x07`, /<<(.*?)>>\r?\n/s)
      return offered(typed, match[1] ?? '')
    },
    close: () => terminal.close(),
  }
}

/** zsh, in the same way. */
async function zsh(
  place: Awaited<ReturnType<typeof prepare>>,
  load: string,
): Promise<Shell & { readonly terminal: Terminal }> {
  const terminal = new Terminal('zsh -f -i', { env: { TERM: 'xterm' } })
  const setup = [
    `cd '${place.dir}'`,
    'PS1= zle_highlight=(none)',
    'setopt no_beep',
    `autoload -Uz compinit`,
    load.includes('fpath') ? `${load}; compinit -u -D` : `compinit -u -D; ${load}`,
    'insert-all() { _main_complete; compstate[insert]=all compstate[list]= }',
    'zle -C insert-all complete-word insert-all',
    'show() { print -r -- "<<$BUFFER>>"; BUFFER= }',
    'zle -N show',
    `bindkey '^T' insert-all; bindkey '^G' show; unset zle_bracketed_paste`,
    'stty cols 2000',
    'echo rea""dy',
  ]
  await terminal.type(`${setup.join('\n')}\n`, /^ready\r?$/m)
  return {
    terminal,
    offers: async typed => {
      const { match } = await terminal.type(`${typed}\x14\x07`, /<<(.*?)>>\r?\n/s)
      return offered(typed, match[1] ?? '')
    },
    close: () => terminal.close(),
  }
}

/** fish can be asked without a terminal. */
async function fish({
  dir,
  scripts,
}: Awaited<ReturnType<typeof prepare>>): Promise<Shell & { ask(typed: string): Promise<string> }> {
  const ask = (typed: string) =>
    must(
      run(
        'fish',
        [
          '--no-config',
          '-c',
          'cd $argv[1]; source $argv[2]; complete -C $argv[3]',
          dir,
          join(scripts, 'kpki.fish'),
          typed,
        ],
        {
          env: { XDG_CONFIG_HOME: scripts, XDG_DATA_HOME: scripts },
        },
      ),
    )
  return {
    ask,
    offers: async typed => {
      const flag = /(?:^| )(--[\w-]+=)\S*$/.exec(typed)?.[1] ?? ''
      const words = (await ask(typed)).split('\n').map(line => line.split('\t')[0] ?? '')
      return words
        .filter(word => word !== '' && !/^-[a-z]$/.test(word))
        .map(word => (word.startsWith(flag) ? word.slice(flag.length) : word))
    },
    close: () => {},
  }
}

const BASH_COMPLETION = '/usr/share/bash-completion/bash_completion'

/** The shells, each as its users have it. */
const KINDS: readonly (readonly [
  name: string,
  tool: string,
  open: (place: Awaited<ReturnType<typeof prepare>>) => Promise<Shell>,
])[] = [
  ['bash alone', 'bash', place => bash(place, '')],
  ['bash with bash-completion', 'bash', place => bash(place, `source ${BASH_COMPLETION}`)],
  ['zsh, script sourced', 'zsh', place => zsh(place, `source '${place.scripts}/kpki.zsh'`)],
  [
    'zsh, script in fpath',
    'zsh',
    place => {
      mkdirSync(join(place.scripts, 'fpath'))
      writeFileSync(join(place.scripts, 'fpath/_kpki'), readFileSync(join(place.scripts, 'kpki.zsh')))
      return zsh(place, `fpath=('${place.scripts}/fpath' $fpath)`)
    },
  ],
  ['fish', 'fish', fish],
]

for (const [name, tool, open] of KINDS) {
  const tools = tool === 'fish' ? [tool] : [tool, 'script']
  const lacking =
    tools.find(program => !hasTool(program)) ??
    (name.includes('bash-completion') && !hasTool(`test -r ${BASH_COMPLETION} && echo`) ? 'bash-completion' : undefined)
  if (lacking) {
    skipped.push(`completion in ${name} (needs ${lacking})`)
    test.skip()
    continue
  }
  test(name, async () => {
    const shell = await open(await prepare())
    const wrong: string[] = []
    for (const { typed, exactly, among = [], never = [] } of ROWS) {
      const found = (await shell.offers(typed)).map(word => word.replace(/\/$/, '')).sort()
      const isRight = exactly ? JSON.stringify(found) === JSON.stringify([...exactly].sort()) : found.length > 0
      if (!isRight || !among.every(word => found.includes(word)) || never.some(word => found.includes(word)))
        wrong.push(`${typed}| offers ${found.join(' | ') || 'nothing'}`)
    }
    shell.close()
    assert.is(wrong.join('\n'), '')
  })
}

const ODD = `it's [odd]: $HOME \`id\` "q" \\ $(touch pwned); (x) 100% #`
const HOSTILE: readonly OfferedCommand[] = [
  { path: '', children: [{ name: 'odd', about: ODD }], flags: [], args: undefined },
  {
    path: 'odd',
    children: [],
    flags: [
      {
        name: 'mood',
        alias: undefined,
        about: ODD,
        operand: { word: ODD, values: ["it's", '$HOME', '[x]', 'c:d', '$(touch pwned)'], disk: undefined },
        isRepeatable: false,
      },
      {
        name: 'free',
        alias: 'f',
        about: 'no values',
        operand: { word: ODD, values: [], disk: undefined },
        isRepeatable: false,
      },
    ],
    args: undefined,
  },
]
testWith('zsh', test, 'zsh shows descriptions as they are, and expands nothing that it offers', async () => {
  const place = await prepare(HOSTILE)
  const shell = await zsh(place, `source '${place.scripts}/kpki.zsh'`)
  assert.equal([...(await shell.offers('kpki odd --mood '))].sort(), HOSTILE[1]?.flags[0]?.operand?.values.toSorted())
  // The list as a user sees it, also of what is only explained.
  await shell.terminal.type(`bindkey '^L' list-choices; zstyle ':completion:*' format '%d'\n`, /list-choices/)
  for (const line of ['kpki o', 'kpki odd --m', 'kpki odd --free ']) {
    const { shown } = await shell.terminal.type(`${line}\x0c\x07`, /<<(.*?)>>/s)
    assert.ok(shown.includes(ODD), `${line}: ${JSON.stringify(shown)}`)
  }
  shell.close()
  assert.not.ok(readdirSync(place.dir).includes('pwned'))
})

test.run()
