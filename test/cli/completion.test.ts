import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Command } from '../../lib/cli/command.js'
import { COMMANDS } from '../../lib/cli/commands.js'
import { SHELLS } from '../../lib/cli/completion.js'
import { type OfferedCommand, offeredCommands } from '../../lib/cli/completion-model.js'
import { DISK_WORDS, type Flag } from '../../lib/cli/flags.js'
import { parseVersion } from '../../lib/kubernetes/versions.js'
import { run } from '../support/cli.js'
import { testWith } from '../support/skip.js'
import { inTempDir } from '../support/temp.js'

const flags = Object.values(COMMANDS).flatMap(({ flags: own = {} }) => Object.entries<Flag>(own))
const ODD = `it's [odd]: $HOME \`id\` "q" \\ $(touch pwned); (x) 100% #`

/** What the table could hold one day, in every place that is quoted. */
const HOSTILE: readonly OfferedCommand[] = [
  { path: '', children: [{ name: 'odd', about: ODD }], flags: [], args: undefined },
  {
    path: 'odd',
    children: [],
    flags: [
      {
        name: 'mood',
        alias: 'm',
        about: ODD,
        operand: { word: ODD, values: ["it's", '$HOME', '[x]', 'c:d', '$(touch pwned)'], disk: undefined },
        isRepeatable: false,
      },
    ],
    args: { word: ODD, values: ['`id`', 'b*', '~'], disk: undefined, most: 1 },
  },
]

for (const shell of Object.keys(SHELLS)) {
  test(`completion ${shell}: a script with every command, flag and value of the table`, async () => {
    const { status, stdout, stderr } = await run(['completion', shell])
    assert.equal([status, stderr], [0, ''])
    for (const path of Object.keys(COMMANDS)) assert.ok(stdout.includes(path), path)
    for (const [name, { choices = [] }] of flags) {
      assert.ok(new RegExp(`(--|-l )${name}\\b`).test(stdout), name)
      for (const choice of choices) assert.ok(stdout.includes(choice), `${name} ${choice}`)
    }
    for (const { args } of Object.values(COMMANDS))
      for (const choice of args?.choices ?? []) assert.ok(stdout.includes(choice), choice)
    for (const value of ['names-missing', 'RSA-2048', 'ECDSA-P384', '1.20', '1.37'])
      assert.ok(stdout.includes(value), value)
    // A rule may have the word in its name.
    assert.not.match(stdout, /(?<!-)undefined|\[object/)
  })

  test(`completion ${shell}: for programs`, async () => {
    const script = (await run(['completion', shell])).stdout
    const { stdout } = await run(['completion', shell, '-o', 'json'])
    assert.equal(JSON.parse(stdout), { apiVersion: 'kpki.dev/v1alpha1', kind: 'CompletionScript', shell, script })
  })

  testWith(
    shell,
    test,
    `completion ${shell}: the shell finds no fault in it, whatever stands in a description`,
    inTempDir(async dir => {
      for (const commands of [offeredCommands(COMMANDS), HOSTILE]) {
        writeFileSync(join(dir, 'script'), SHELLS[shell]?.(commands) ?? '')
        const { status, stderr } = spawnSync(shell, ['-n', join(dir, 'script')], { encoding: 'utf8' })
        assert.equal([status, stderr], [0, ''])
      }
    }),
  )
}

const MISTAKES: readonly (readonly [argv: readonly string[], error: RegExp])[] = [
  [[], /completion needs one of bash, zsh, fish/],
  [['powershell'], /it must be one of bash, zsh, fish/],
  [['bash', 'zsh'], /takes no further argument "zsh"/],
]
for (const [argv, error] of MISTAKES) {
  test(`completion ${argv.join(' ')} is refused`, async () => {
    const { status, stdout, stderr } = await run(['completion', ...argv])
    assert.equal([status, stdout], [2, ''])
    assert.match(stderr, error)
  })
}

test('the help says where each shell reads it', async () => {
  const { stdout } = await run(['completion', '--help'], { columns: 200 })
  for (const place of ['bash-completion/completions/kpki', '~/.bashrc', '~/.zfunc/_kpki', 'fish/completions/kpki.fish'])
    assert.ok(stdout.includes(place), place)
})

// Whoever adds a word for a value decides whether it is on the disk.
const NOT_ON_DISK = [
  'NAME',
  'IP',
  'PORT',
  'HOST[:PORT]',
  'NAMES',
  'CIDR[,CIDR]',
  'DOMAIN',
  'VERSION',
  'NAME=BOOL',
].concat([
  'ALGORITHM',
  'RULE',
  'RULES',
  'DURATION',
  'TIME',
  'USAGES',
  'GROUPS',
  'TEXT',
  'HEX',
  'HOST:PORT',
  'TOKEN',
  'UID',
  'REPOSITORY',
  'SOCKET',
  'PHASES',
  'DIRS',
  'CHECKS',
  'URL',
])
test('every word for a value is on the disk or not', () => {
  for (const [name, { type, value, choices }] of flags) {
    if (type === 'boolean' || choices) continue
    assert.ok(Object.hasOwn(DISK_WORDS, value ?? '') || NOT_ON_DISK.includes(value ?? ''), `--${name} ${value}`)
  }
})

test('a flag that has a value somewhere has one everywhere: the script for fish relies on it', () => {
  for (const [name, { type, alias }] of flags) {
    for (const [otherName, other] of flags) {
      const isSame = name === otherName || (alias !== undefined && alias === other.alias)
      if (isSame) assert.is(type === 'boolean', other.type === 'boolean', name)
    }
  }
})

test('what is offered is taken: plain words, versions that are known', () => {
  for (const { flags: offeredFlags, args } of offeredCommands(COMMANDS)) {
    for (const operand of [...offeredFlags.map(flag => flag.operand), args])
      for (const value of operand?.values ?? []) assert.match(value, /^[\w./-]+$/)
    const versions = offeredFlags.find(({ name }) => name === 'kubernetes-version')?.operand?.values ?? []
    for (const version of versions) assert.ok(parseVersion(version), version)
  }
})

test('a description is cut after its first clause, never inside of brackets', () => {
  const about = (text: string) => {
    const command: Command = { about: text }
    return offeredCommands({ one: command })[0]?.children[0]?.about
  }
  assert.is(about('make all; what fits is kept'), 'make all')
  assert.is(about('a role (default one; with another two); more'), 'a role (default one; with another two); more')
})

/** Words as bash takes a line apart, with COMP_WORDBREAKS as it is by default. */
function compWords(line: string): string[] {
  const words = line.match(/[=:]+|[^\s=:]+/g) ?? []
  return /\s$/.test(line) ? [...words, ''] : [...words]
}

const LINES: readonly (readonly [line: string, replies: readonly string[]])[] = [
  ['kpki h', ['hash']],
  ['kpki gen sa', ['sa']],
  ['kpki gen all --ro', ['--role']],
  ['kpki gen all --role ', ['init', 'control-plane', 'worker']],
  ['kpki gen all --role=w', ['worker']],
  ['kpki gen all --role=', ['init', 'control-plane', 'worker']],
  ['kpki gen all --dry-run=', ['true', 'false']],
  ['kpki gen all -o', ['-o']],
  ['kpki gen all -o y', ['yaml']],
  ['kpki gen all --role "c', ['"control-plane']],
  ['kpki gen all --control-plane-endpoint a:6443 --dr', ['--dry-run']],
  ['kpki gen all --control-plane-endpoint=a:6443 --dry-run --dr', []],
  ['kpki gen kubeconfig --dir --dry sch', ['scheduler.conf']],
  ['kpki config print join-defaults i', []],
  ['kpki help config v', ['validate']],
  ['kpki   gen   kubeconfig   -q   k', ['kubelet.conf']],
]

function replies(script: string, line: string): string[] {
  const words = compWords(line)
  const last = words.at(-1) ?? ''
  const driver = `
${script}
compopt() { :; }
COMP_LINE=$1 COMP_POINT=\${#1} COMP_CWORD=$(($# - 3))
replaced=$2; shift 2
COMP_WORDS=("$@")
_kpki kpki "$replaced" ''
((\${#COMPREPLY[@]})) && printf '%s\\n' "\${COMPREPLY[@]}"; :`
  const argv = ['--norc', '-c', driver, 'bash', line, /^[=:]/.test(last) ? '' : last, ...words]
  const { stdout, stderr } = spawnSync('bash', argv, { encoding: 'utf8', cwd: '/' })
  assert.is(stderr, '')
  return stdout.split('\n').filter(Boolean)
}
testWith('bash', test, 'bash offers what can come next', async () => {
  const script = (await run(['completion', 'bash'])).stdout
  for (const [line, expected] of LINES) assert.equal(replies(script, line).sort(), [...expected].sort(), line)
})
testWith('bash', test, 'bash expands nothing that it offers', () => {
  const script = SHELLS['bash']?.(HOSTILE) ?? ''
  assert.equal(replies(script, 'kpki odd --mood ').sort(), HOSTILE[1]?.flags[0]?.operand?.values.toSorted())
  assert.equal(replies(script, 'kpki odd ').sort(), HOSTILE[1]?.args?.values.toSorted())
})
testWith('fish', test, 'fish shows a description as it is, and expands nothing that it offers', () => {
  const ask = (line: string) => {
    const script = `${SHELLS['fish']?.(HOSTILE)}\ncomplete -C $argv[1]`
    const env = { ...process.env, XDG_CONFIG_HOME: '/nonexistent', XDG_DATA_HOME: '/nonexistent' }
    const { stdout } = spawnSync('fish', ['--no-config', '-c', script, line], { encoding: 'utf8', cwd: '/', env })
    return stdout.split('\n').filter(Boolean)
  }
  assert.equal(ask('kpki o'), [`odd\t${ODD}`])
  assert.equal(ask('kpki odd --'), [`--mood\t${ODD}`])
  assert.equal(
    ask('kpki odd --mood ')
      .map(line => line.split('\t')[0])
      .sort(),
    HOSTILE[1]?.flags[0]?.operand?.values.toSorted(),
  )
})

test.run()
