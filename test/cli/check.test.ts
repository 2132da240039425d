import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { gzipSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { widthOf } from '../../lib/cli/terminal.js'
import { RULES } from '../../lib/index.js'
import { run } from '../support/cli.js'
import { inTempDir } from '../support/temp.js'

const NOW = '2026-06-01T12:00:00Z'
const LATE = '2028-06-01T12:00:00Z'
const UTF8 = { LANG: 'C.UTF-8' }
const vector = (path: string) => new URL(`../vectors/${path}`, import.meta.url).pathname

const base = mkdtempSync(join(tmpdir(), 'kpki-check-'))
test.after(() => rmSync(base, { recursive: true, force: true }))
const made = join(base, 'demo')
const FLAGS = [
  '--node-name',
  'cp-1',
  '--apiserver-advertise-address',
  '10.0.0.10',
  '--encryption-algorithm',
  'ECDSA-P256',
]
await run(['gen', 'all', '-q', '--dir', made, ...FLAGS, '--now', NOW])

/** A test with a tree of its own, made at NOW. */
const withTree = (work: (tree: string, dir: string) => Promise<void>) =>
  inTempDir(async dir => {
    const tree = join(dir, 'demo')
    cpSync(made, tree, { recursive: true })
    await work(tree, dir)
  })
const check = (argv: readonly string[], options: Parameters<typeof run>[1] = {}) =>
  run(['check', ...(argv.includes('--now') ? [] : ['--now', NOW]), ...argv], { env: UTF8, ...options })
const put = (tree: string, path: string, content: string, mode = 0o600) => {
  writeFileSync(join(tree, path), content)
  chmodSync(join(tree, path), mode)
}
interface Report {
  readonly failed: boolean
  readonly summary: Readonly<Record<string, number>>
  readonly findings: readonly Readonly<Record<string, unknown>>[]
  readonly baseline?: { readonly unmatched: readonly unknown[]; readonly ended: readonly unknown[] }
  readonly cis?: { readonly items: readonly { readonly item: string; readonly state: string }[] }
}
const report = async (argv: readonly string[]): Promise<Report & { readonly status: number }> => {
  const { stdout, stderr, status } = await check([...argv, '-o', 'json'])
  assert.is(stderr, '')
  return { ...(JSON.parse(stdout) as Report), status }
}
const codes = ({ findings }: Report) => findings.map(({ code, path }) => `${code} ${path}`)

test(
  'a clean tree is one line, which says what was looked at',
  withTree(async tree => {
    const { status, stdout, stderr } = await check(['--dir', tree])
    assert.equal([status, stderr], [0, ''])
    assert.is(stdout.replace(/\n(?=.)/g, ' '), `nothing amiss in 28 files of ${tree} (control plane cp-1)\n`)
    assert.is((await check(['--dir', tree, '-q'])).stdout, '')
  }),
)

test(
  'what is found has file, severity, rule and what to do; status 3',
  withTree(async tree => {
    chmodSync(join(tree, 'pki/sa.key'), 0o644)
    const { status, stdout } = await check(['--dir', tree])
    assert.is(status, 3)
    assert.match(stdout, 'pki/sa.key\n  warning  has mode 0644 [mode-open]\n           > chmod 600 it\n')
    assert.match(stdout, /^1 warning in 28 files /m)
    assert.not.match(stdout, RULES['mode-open'].why.slice(0, 30))
    assert.match((await check(['--dir', tree, '--why'])).stdout, RULES['mode-open'].why.slice(0, 30))
  }),
)

for (const [failOn, status] of [
  ['error', 0],
  ['warning', 3],
  ['info', 3],
] as const) {
  test(
    `a warning with --fail-on ${failOn}: status ${status}`,
    withTree(async tree => {
      chmodSync(join(tree, 'pki/sa.key'), 0o644)
      assert.is((await check(['--dir', tree, '--fail-on', failOn])).status, status)
      assert.is((await report(['--dir', tree, '--fail-on', failOn])).failed, status === 3)
    }),
  )
}

test(
  'rules are chosen, and left out',
  withTree(async tree => {
    chmodSync(join(tree, 'pki/sa.key'), 0o646)
    assert.equal(codes(await report(['--dir', tree])), ['mode-open pki/sa.key', 'mode-writable pki/sa.key'])
    assert.equal(codes(await report(['--dir', tree, '--rule', 'mode-writable'])), ['mode-writable pki/sa.key'])
    assert.equal(codes(await report(['--dir', tree, '--skip-rule', 'mode-writable'])), ['mode-open pki/sa.key'])
    const both = await report(['--dir', tree, '--rule', 'mode-open,mode-writable', '--skip-rule', 'mode-open'])
    assert.equal(codes(both), ['mode-writable pki/sa.key'])
  }),
)

for (const [argv, message, hint] of [
  [['--rule', 'mode-opn'], '--rule mode-opn: there is no such rule', 'did you mean mode-open?'],
  [['--skip-rule', 'mode-open,x'], '--skip-rule x: there is no such rule', '--explain all'],
  [['--rule', 'live-failed'], 'there is no such rule', ''],
  [['--rule', 'constructor'], 'there is no such rule', ''],
  [['--rule', '1.1.21'], '--rule cis-key-mode needs --cis', '1.12, 1.24'],
  [['--rule', '1.1.99', '--cis', '1.12'], '--rule 1.1.99: there is no such rule', ''],
  [['--cis', '1.99'], '--cis 1.99: it must be one of 1.12, 1.24', ''],
  [['--explain', 'names'], '--explain names: there is no such rule', ''],
  [['--explain', 'expired', '-o', 'sarif'], '--explain prints text, json or yaml, not sarif', ''],
  [['--ends-within', 'soon'], '--ends-within soon', '30d'],
  [['--fail-on', 'never'], '--fail-on never: it must be one of error, warning, info', ''],
  [['a.crt', '--dir', 'b'], 'check takes files and directories, or a tree with --dir, not both', ''],
  [['a.crt', '--service-cidr', '10.0.0.0/8'], 'not both', ''],
  [['a.crt', '--cis', '1.12'], 'not both', ''],
] as const) {
  test(`${argv.join(' ')}: a usage error`, async () => {
    const { status, stdout, stderr } = await check(argv)
    assert.equal([status, stdout], [2, ''])
    assert.match(stderr, message)
    assert.match(stderr, hint)
  })
}

test(
  'what was not looked at is not well: nothing, an archive, the files beside one that cannot be read',
  inTempDir(async dir => {
    const [empty, packed, pipe, old] = ['empty', 'host.tgz', 'huge.pem', 'old.crt'].map(name => join(dir, name))
    if (!empty || !packed || !pipe || !old) throw new Error('no names')
    mkdirSync(empty)
    writeFileSync(packed, gzipSync('hello'))
    writeFileSync(pipe, '')
    truncateSync(pipe, 20 * 2 ** 30)
    cpSync(vector('x509/root-expired.crt'), old)
    for (const argv of [
      ['--dir', empty],
      [empty],
      [packed],
      ['--dir', empty, '--rule', 'expired'],
      [packed, '--rule', 'expired'],
    ]) {
      const found = await report(argv)
      assert.equal([found.status, found.findings.map(({ code }) => code)], [3, ['nothing-found']], argv.join(' '))
    }
    assert.match((await check([packed])).stdout, /> .*kpki check --dir/)
    assert.match((await check(['-'], { stdin: '' })).stdout, /^standard input\n {2}error {4}is empty \[nothing-found\]/)
    const { stdout, status } = await check([pipe, old, '--now', '2037-01-01'])
    assert.is(status, 3)
    assert.match(stdout, /huge\.pem\n {2}error {4}is larger than 32 MiB \[unreadable\]\n {11}> split it/)
    assert.match(stdout, '[expired]')
    const missing = await check([join(dir, 'nowhere.crt'), old, '--now', '2037-01-01'])
    assert.equal([missing.status, /nowhere\.crt does not exist/.test(missing.stderr)], [1, true])
    assert.match(missing.stdout, '[expired]')
    const unasked = await check([pipe, old, '--rule', 'mode-open'])
    assert.equal([unasked.status, /larger than 32 MiB/.test(unasked.stderr)], [1, true])
  }),
)

test('a tree that is not there, and files that are not', async () => {
  assert.is((await check(['--dir', join(base, 'nowhere')])).status, 1)
  const { status, stderr } = await check([join(base, 'nowhere.crt')])
  assert.is(status, 1)
  assert.match(stderr, 'nowhere.crt does not exist')
})

test(
  'only what is stated is held against a tree',
  withTree(async tree => {
    const found = await report(['--dir', tree, '--apiserver-cert-extra-sans', 'api.example.org'])
    assert.equal(codes(found), ['names-missing pki/apiserver.crt'])
    assert.is(found.findings[0]?.['expected'], 'api.example.org')
    assert.is((await report(['--dir', tree, '--node-name', 'cp-1'])).status, 0)
  }),
)

test(
  'what many files have is told together, and the heaviest first',
  withTree(async tree => {
    chmodSync(join(tree, 'pki/sa.key'), 0o644)
    const { stdout, status } = await check(['--dir', tree, '--now', LATE])
    assert.is(status, 3)
    assert.match(stdout, /^12 times: the certificate has expired \[expired\]\n {2}error {4}pki\/apiserver\.crt, /)
    assert.ok(stdout.indexOf('expired') < stdout.indexOf('mode-open'))
    assert.match(stdout, /^12 errors, 1 warning in 28 files/m)
  }),
)

test(
  'files of any layout are told as they come, and what there is more of at the end',
  inTempDir(async dir => {
    mkdirSync(join(dir, 'certs'))
    // Copies of one certificate are one; these differ.
    const all = [
      'inter-one',
      'inter-sha1',
      'leaf-any',
      'leaf-bare',
      'leaf-client',
      'leaf-code',
      'leaf',
      'inter-names',
      'root-expired',
    ]
    for (const name of all) cpSync(vector(`x509/${name}.crt`), join(dir, 'certs', `${name}.crt`))
    const { stdout, status } = await check([
      join(dir, 'certs'),
      '--rule',
      'expired,signature-weak',
      '--now',
      '2037-01-01',
    ])
    assert.is(status, 3)
    assert.match(stdout, /inter-sha1\.crt\n {2}error .*signed with SHA-1.*\n {11}> .*\n {2}error .*\[expired\]\n/)
    assert.match(stdout, /^\d more: the certificate has expired \[expired\]\n/m)
    assert.match(stdout, /^\d+ errors in 9 files$/m)
  }),
)

test('standard input is looked at', async () => {
  const { stdout, status } = await check(['-'], { stdin: readFileSync(vector('x509/leaf-sha1.crt'), 'utf8') })
  assert.is(status, 3)
  assert.match(stdout, /^standard input\n {2}error .*SHA-1/)
})

test(
  'what is accepted is not a failure until it changes, or its day is over',
  withTree(async (tree, dir) => {
    const file = join(dir, 'baseline.json')
    chmodSync(join(tree, 'pki/sa.key'), 0o644)
    const written = await check(['--dir', tree, '--write-baseline', file])
    assert.is(written.status, 0)
    assert.match(written.stderr, `${file} accepts 1 finding\n`)
    const again = await check(['--dir', tree, '--baseline', file])
    assert.equal([again.status, again.stderr], [0, ''])
    assert.match(again.stdout.replaceAll('\n', ' '), /nothing amiss in .*; 1 accepted/)
    chmodSync(join(tree, 'pki/sa.key'), 0o664)
    assert.is((await check(['--dir', tree, '--baseline', file])).status, 3)
    chmodSync(join(tree, 'pki/sa.key'), 0o600)
    const gone = await check(['--dir', tree, '--baseline', file])
    assert.is(gone.status, 0)
    assert.match(gone.stderr, 'the baseline accepts what is no longer found: mode-open pki/sa.key')
    chmodSync(join(tree, 'pki/sa.key'), 0o644)
    const entry = JSON.parse(readFileSync(file, 'utf8')) as { findings: object[] }
    put(dir, 'ended.json', JSON.stringify({ ...entry, findings: [{ ...entry.findings[0], until: '2026-05-31' }] }))
    const ended = await check(['--dir', tree, '--baseline', join(dir, 'ended.json')])
    assert.is(ended.status, 3)
    assert.match(ended.stderr, 'its day is over: mode-open pki/sa.key')
  }),
)

test(
  'who accepts that certificates end is not asked again, until they are renewed and end again',
  withTree(async (tree, dir) => {
    const file = join(dir, 'baseline.json')
    await check(['--dir', tree, '--now', '2027-05-20', '--write-baseline', file])
    for (const [now, status] of [
      ['2027-05-21', 0],
      // To have ended is another finding.
      ['2027-06-20', 3],
    ] as const)
      assert.is((await check(['--dir', tree, '--now', now, '--baseline', file])).status, status, now)
    await run(['renew', 'all', '-q', '--dir', tree, '--now', '2027-05-22', '--no-ledger'])
    assert.is((await check(['--dir', tree, '--now', '2027-05-23', '--baseline', file])).status, 0)
    assert.is((await check(['--dir', tree, '--now', '2028-05-20', '--baseline', file])).status, 3)
  }),
)

test(
  'a baseline is not written over another one, and one that is none is refused',
  withTree(async (tree, dir) => {
    put(dir, 'b.json', '{}')
    const over = await check(['--dir', tree, '--write-baseline', join(dir, 'b.json')])
    assert.is(over.status, 1)
    assert.match(over.stderr, 'exists already')
    assert.is(readFileSync(join(dir, 'b.json'), 'utf8'), '{}')
    const none = await run(['check', '--dir', tree, '--baseline', join(dir, 'b.json'), '-o', 'json'])
    assert.equal([none.status, none.stdout], [1, ''])
    assert.match(none.stderr, 'KPKI_BASELINE_INVALID')
  }),
)

test(
  'an edition of the benchmark names its items, and what it did not look at',
  withTree(async tree => {
    chmodSync(join(tree, 'admin.conf'), 0o640)
    const { stdout, status } = await check(['--dir', tree, '--cis', '1.12', '--rule', '1.1.13'])
    assert.is(status, 3)
    assert.match(stdout.replace(/\n +/g, ' '), '[cis-admin-conf-mode, CIS 1.12 1.1.13]')
    assert.match(stdout.replaceAll('\n', ' '), /no other item was looked at/)
    assert.not.match(stdout, /complian/i)
    const { cis } = await report(['--dir', tree, '--cis', '1.12'])
    assert.is(cis?.items.find(({ item }) => item === '1.1.13')?.state, 'found')
    assert.is((await check(['--dir', tree])).status, 0)
  }),
)

test('rules are explained, one or all', async () => {
  const { stdout, status } = await check(['--explain', 'names-missing'])
  assert.is(status, 0)
  assert.match(stdout, /^names-missing {2}error\n.*\nwhy {5}/)
  assert.match((await check(['--explain', '1.2.23', '--cis', '1.24'])).stdout, /^cis-token-lookup /)
  assert.match((await check(['--explain', '1.2.23', '--cis', '1.12'])).stdout, /^cis-etcd-client /)
  const all = JSON.parse((await check(['--explain', 'all', '-o', 'json'])).stdout) as { rules: { id: string }[] }
  const ids = Object.entries(RULES).filter(([, { group }]) => group !== 'live')
  assert.equal(
    all.rules.map(({ id }) => id),
    ids.map(([id]) => id),
  )
})

test(
  'SARIF names files of a relative tree by relative URIs',
  withTree(async tree => {
    chmodSync(join(tree, 'pki/sa.key'), 0o644)
    const { stdout, status } = await check(['--dir', relative(process.cwd(), tree), '-o', 'sarif'])
    assert.is(status, 3)
    assert.match(stdout, `"uri": "${relative(process.cwd(), tree)}/pki/sa.key"`)
    const junit = await check(['--dir', tree, '-o', 'junit'])
    assert.equal([junit.status, junit.stdout.match(/<failure /g)?.length], [3, 1])
  }),
)

for (const columns of [60, 80, 100, 140]) {
  test(
    `no line is wider than a terminal of ${columns} columns`,
    withTree(async tree => {
      const options = { terminal: true, columns, env: { ...UTF8, NO_COLOR: '1' } }
      for (const argv of [
        ['--dir', tree, '--now', LATE, '--why'],
        ['--dir', tree, '--cis', '1.24'],
        // A file's name is not broken, and how long it is depends on where this checkout is.
        [relative(process.cwd(), vector('x509')), '--why'],
        ['--explain', 'all'],
      ]) {
        const { stdout } = await check(argv, options)
        for (const line of stdout.split('\n')) assert.ok(widthOf(line) <= columns, line)
      }
    }),
  )
}

test(
  'a pipe has no colour, a terminal has, NO_COLOR none',
  withTree(async tree => {
    const escapes = async (options: Parameters<typeof run>[1]) =>
      (await check(['--dir', tree, '--now', LATE], options)).stdout.includes('\x1b[')
    assert.is(await escapes({}), false)
    assert.is(await escapes({ terminal: true }), true)
    assert.is(await escapes({ terminal: true, env: { ...UTF8, NO_COLOR: '1' } }), false)
  }),
)

test(
  'names of files say nothing to a terminal, and no key is printed',
  withTree(async tree => {
    put(tree, 'evil\x1b[31m\u202e.crt', readFileSync(join(tree, 'pki/sa.key'), 'utf8'))
    put(
      tree,
      'pki/ca.crt',
      readFileSync(join(tree, 'pki/ca.crt'), 'utf8') + readFileSync(join(tree, 'pki/ca.key'), 'utf8'),
    )
    put(tree, 'pki/apiserver.key', 'not a key')
    const secrets = ['pki/sa.key', 'pki/ca.key'].map(
      path => readFileSync(join(tree, path), 'utf8').split('\n')[1] ?? '-',
    )
    for (const output of ['text', 'json', 'yaml', 'sarif', 'junit']) {
      const { stdout, stderr, status } = await check(['--dir', tree, '-o', output, '--why'])
      assert.is(status, 3)
      for (const secret of secrets) assert.not.ok(`${stdout}${stderr}`.includes(secret), output)
      assert.not.ok(stdout.includes('\x1b') || stdout.includes('\u202e'), output)
    }
  }),
)

test(
  'what cannot be read is found, and the rest is looked at',
  withTree(async tree => {
    put(tree, 'pki/apiserver.crt', 'garbage')
    rmSync(join(tree, 'pki/etcd/peer.crt'))
    symlinkSync('peer.crt', join(tree, 'pki/etcd/peer.crt'))
    chmodSync(join(tree, 'pki/sa.key'), 0o644)
    const found = await report(['--dir', tree])
    const places = found.findings.map(({ path }) => path)
    for (const path of ['pki/apiserver.crt', 'pki/etcd/peer.crt', 'pki/sa.key']) assert.ok(places.includes(path), path)
  }),
)

test.run()
