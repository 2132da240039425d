import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { COMMANDS } from '../../lib/cli/commands.js'
import { DESCRIPTION_FLAGS } from '../../lib/cli/flags.js'
import type { Io } from '../../lib/cli/io.js'
import { main } from '../../lib/cli/main.js'
import { FACT_FLAGS } from '../../lib/config/facts.js'
import { run } from '../support/cli.js'

/** Whatever is printed for people fits the terminal, unless one word alone does not. */
function assertFits(text: string, columns: number): void {
  for (const line of text.split('\n')) {
    assert.ok(line.length <= columns || !line.trim().includes(' '), `${line.length} columns: ${line}`)
  }
}

for (const path of ['', ...Object.keys(COMMANDS)]) {
  const words = path.split(' ').filter(Boolean)
  for (const columns of [80, 60, 200]) {
    test(`help of kpki ${path} fits ${columns} columns and goes to stdout`, async () => {
      const { status, stdout, stderr } = await run([...words, '--help'], { columns })
      assert.is(status, 0)
      assert.is(stderr, '')
      assert.match(stdout, `Usage: kpki${path && ` ${path}`}`)
      assertFits(stdout, columns)
      const { about = '', flags = {}, args } = COMMANDS[path] ?? {}
      if (about) assert.match(stdout.replace(/\s+/g, ' ').toLowerCase(), about.replace(/\s+/g, ' ').toLowerCase())
      for (const flag of Object.keys(flags)) assert.match(stdout, `--${flag}`)
      if (args) assert.match(stdout, args.name)
    })
  }
  test(`help of kpki ${path} by every way in`, async () => {
    const { stdout } = await run([...words, '--help'])
    for (const argv of [['help', ...words], [...words, '-h'], ['-h', ...words].slice(path === '' ? 0 : 99)]) {
      if (argv.length > 0) assert.is((await run(argv)).stdout, stdout)
    }
  })
}

test('examples in the help are commands that exist, with flags that exist', async () => {
  for (const [path, { examples = [] }] of Object.entries(COMMANDS)) {
    for (const [line] of examples) {
      // What another program prints may come in by a pipe; some files are root's.
      const own = line.replace(/^(?:.* \| |sudo )(?=kpki )/, '').replace(/ [|>].*/, '')
      const [program, ...words] = own.split(' ')
      assert.is(program, 'kpki')
      const command = [words.slice(0, 2).join(' '), words[0] ?? ''].find(name => COMMANDS[name]?.load)
      assert.ok(command, `${path}: ${line}`)
      for (const word of words) {
        if (word.startsWith('--'))
          assert.ok(word.slice(2) in (COMMANDS[command ?? '']?.flags ?? {}), `${line}: ${word}`)
      }
    }
  }
})

test('the version, alone on stdout', async () => {
  for (const argv of [['--version'], ['version']]) {
    const { status, stdout, stderr } = await run(argv)
    assert.equal([status, stderr], [0, ''])
    assert.match(stdout, /^kpki \d+\.\d+\.\d+\n$/)
  }
})

const MISTAKES: readonly (readonly [argv: string, error: RegExp, hint: RegExp])[] = [
  ['gne all', /there is no command gne/, /did you mean kpki gen\?/],
  ['gen al', /there is no command gen al/, /did you mean kpki gen all\?/],
  ['gen', /gen: which one\? all, ca, apiserver/, /see kpki gen --help/],
  ['config', /config: which one\? print, show, validate, migrate/, /see kpki config --help/],
  ['config print', /needs one of init-defaults, join-defaults/, /see kpki config print --help/],
  ['config print init-default', /must be one of init-defaults, join-defaults/, /did you mean init-defaults\?/],
  ['gen all extra', /takes no argument "extra"/, /--help/],
  ['gen all --dri x', /has no flag --dri/, /did you mean --dir\?/],
  ['gen all --node-nam=x', /has no flag --node-nam$/m, /did you mean --node-name\?/],
  ['gen all -x', /has no flag -x/, /--help/],
  ['gen all --dir', /--dir needs a value/, /--help/],
  ['gen all --dry-run=yes', /--dry-run=yes: it must be true or false/, /--help/],
  ['gen all --dry-run=client', /--dry-run=client: it must be true or false/, /--help/],
  ['gen all --dry-run=', /--dry-run=: it must be true or false/, /--help/],
  ['gen all --dry-run -q=no', /--quiet=no: it must be true or false/, /--help/],
  ['gen all --dir a --dir b', /--dir is given twice/, /--help/],
  ['gen all --apiserver-cert-extra-sans a,,b', /--apiserver-cert-extra-sans a,,b: an item of it is empty/, /--help/],
  ['kubeconfig user --client-name a --validity-period 30d', /--validity-period 30d is no duration/, /write 720h/],
  ['token create --ttl 2w', /--ttl 2w is no duration/, /write 336h/],
  ['gen all -o xml', /--output xml: it must be one of text, json, yaml/, /--help/],
  ['gen all --role boss', /--role boss: it must be one of init, control-plane, worker/, /--help/],
  ['gen all --dry-run --now yesterday', /--now: yesterday is not a time/, /RFC 3339/],
  ['gen all --dry-run --now 2026-02-30T00:00:00Z', /is not a time/, /RFC 3339/],
  ['hash verify', /hash verify needs <pins>/, /--help/],
  ['config validate', /needs --config FILE/, /--help/],
  ['config migrate', /needs --old-config FILE/, /--help/],
  ['--frobnicate', /which command\?/, /kpki --help/],
]
for (const [argv, error, hint] of MISTAKES) {
  test(`kpki ${argv}: one line, and what to do`, async () => {
    const { status, stdout, stderr } = await run(argv.split(' '))
    assert.is(status, 2)
    assert.is(stdout, '')
    const lines = stderr.split('\n')
    assert.is(lines.length, 3, stderr)
    assert.match(lines[0] ?? '', /^kpki: error: /)
    assert.match(lines[0] ?? '', error)
    assert.match(lines[1] ?? '', /^kpki: hint: /)
    assert.match(lines[1] ?? '', hint)
  })
}

test('a mistake in the shape that was asked for', async () => {
  const { status, stderr } = await run(['gen', 'all', '-o', 'json', '--dri', 'x'])
  assert.is(status, 2)
  assert.equal(JSON.parse(stderr), {
    error: { code: 'KPKI_USAGE', message: 'gen all has no flag --dri', details: {}, hint: 'did you mean --dir?' },
  })
})

test('values that look like numbers stay as they are written', async () => {
  const { stderr } = await run(['gen', 'all', '--dir', '/nonexistent/x', '--node-name', '007', '--service-cidr', '1e3'])
  assert.match(stderr, /"1e3" is not a subnet/)
})

test('every flag of the description is the one that the library names in its problems', () => {
  const flags = Object.entries(DESCRIPTION_FLAGS).map(([name, { fact }]) => [fact, `--${name}`])
  assert.equal(Object.fromEntries(flags), FACT_FLAGS)
})

test('an interrupt ends what waits for its input, with the status that shells give', async () => {
  const interrupt = new AbortController()
  const said: string[] = []
  const io: Io = {
    stdout: text => said.push(text),
    stderr: text => said.push(text),
    stdoutIsTerminal: false,
    stderrIsTerminal: false,
    stdoutIsExposed: false,
    columns: 80,
    env: {},
    readStdin: () => new Promise(() => {}),
    signal: interrupt.signal,
  }
  const status = main(['hash', '-'], io)
  setTimeout(() => interrupt.abort(), 50)
  assert.is(await status, 130)
  assert.equal(said, [])
})

test.run()
