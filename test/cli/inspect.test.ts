import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { printable, widthOf } from '../../lib/cli/terminal.js'
import { certificate, dnsNames, nameOf, pem } from '../inspect/der.js'
import { inspect } from '../inspect/support.js'
import { run, type Transcript } from '../support/cli.js'
import { inTempDir } from '../support/temp.js'
import { vector } from '../vectors/read.js'

const UTF8 = { LANG: 'C.UTF-8' }
const FLAGS = [
  '--node-name',
  'cp-1',
  '--apiserver-advertise-address',
  '10.0.0.10',
  '--encryption-algorithm',
  'ECDSA-P256',
]
const NOW = '2026-06-01T12:00:00Z'
const vectorPath = (path: string) => new URL(`../vectors/${path}`, import.meta.url).pathname
const spki = (await inspect({ a: vector('x509/root.crt') })).certificates[0]?.certificate.spki ?? new Uint8Array()

/** A tree of NOW, made once. */
const trees = new Map<string, string>()
async function treeIn(dir: string): Promise<string> {
  const tree = join(dir, 'demo')
  const kept = trees.get('demo')
  if (kept === undefined) {
    await run(['gen', 'all', '-q', '--dir', tree, ...FLAGS, '--now', NOW])
    trees.set(
      'demo',
      JSON.stringify(readdirSync(tree, { recursive: true }).flatMap(file => readKept(tree, String(file)))),
    )
  } else {
    for (const [file, content] of JSON.parse(kept) as [string, string][]) {
      mkdirSync(join(tree, file, '..'), { recursive: true })
      writeFileSync(join(tree, file), content, { mode: 0o600 })
    }
  }
  return tree
}
function readKept(tree: string, file: string): [string, string][] {
  try {
    return [[file, readFileSync(join(tree, file), 'utf8')]]
  } catch {
    return []
  }
}

const withTree = (work: (tree: string, dir: string) => Promise<void>) =>
  inTempDir(async dir => work(await treeIn(dir), dir))
const show = (argv: readonly string[], options: Parameters<typeof run>[1] = {}): Promise<Transcript> =>
  run(['inspect', ...argv, '--now', NOW], { env: UTF8, ...options })

test(
  'a tree: summary, issuers, keys that stand alone',
  withTree(async tree => {
    const { status, stdout, stderr } = await show([tree])
    assert.equal([status, stderr], [0, ''])
    const [first = '', second = ''] = stdout.split('\n')
    assert.match(`${first} ${second}`, `15 certificates, 16 private keys, 1 public key, 5 kubeconfigs in ${tree};`)
    assert.match(stdout, /first to end: .* in 365 d; nothing amiss/)
    assert.match(stdout, /^pki\/ca\.\{crt,key\} {2}kubernetes +CA +ECDSA-P256 {2}█+ 9\.9 y$/m)
    assert.match(
      stdout,
      /^├─ pki\/apiserver\.\{crt,key\} {2}kube-apiserver +server +ECDSA-P256 {2}█+ 365 d\n│ {5}for cp-1, kubernetes, /m,
    )
    assert.match(
      stdout,
      /^├─ admin\.conf {2}kubernetes-admin .*\n│ {5}in kubeadm:cluster-admins\n│ {5}to https:\/\/10\.0\.0\.10:6443 in context /m,
    )
    assert.match(stdout, /^└─ super-admin\.conf .*\n {6}in system:masters\n/m)
    assert.match(stdout, /^keys of no certificate that is here\npki\/sa\.\{pub,key\} +pair +ECDSA-P256$/m)
    assert.not.match(stdout, 'what does not fit')
  }),
)

for (const columns of [60, 80, 100, 140, 300]) {
  test(
    `no line is wider than a terminal of ${columns} columns`,
    withTree(async tree => {
      const options = { terminal: true, columns, env: { ...UTF8, NO_COLOR: '1' } }
      const roots = vectorPath('x509')
      for (const argv of [
        [tree],
        [roots],
        [join(tree, 'admin.conf')],
        [join(tree, 'pki/apiserver.crt')],
        [vectorPath('inspect')],
      ]) {
        const { stdout } = await show(argv, options)
        for (const line of stdout.split('\n'))
          assert.ok(widthOf(line) <= Math.min(140, columns) || / /.test(line.trim()) === false, line)
      }
    }),
  )
}

test(
  'a pipe has 80 columns and no colour, a terminal has colours, NO_COLOR and dumb ones none',
  withTree(async tree => {
    const escapes = async (options: Parameters<typeof run>[1]) => (await show([tree], options)).stdout.includes('\x1b[')
    assert.is(await escapes({ columns: 200 }), false)
    assert.is((await show([tree], { columns: 200 })).stdout, (await show([tree])).stdout)
    assert.is(await escapes({ terminal: true }), true)
    assert.is(await escapes({ terminal: true, env: { ...UTF8, NO_COLOR: '1' } }), false)
    assert.is(await escapes({ terminal: true, env: { ...UTF8, TERM: 'dumb' } }), false)
  }),
)

for (const [env, isUnicode] of [
  [{}, false],
  [{ LANG: 'C' }, false],
  [{ LANG: 'de_DE.UTF-8' }, true],
  [{ LANG: 'de_DE.UTF-8', LC_ALL: 'C' }, false],
  [{ LANG: 'C', LC_CTYPE: 'en_US.utf8' }, true],
  [{ LANG: 'en_US.UTF-8', TERM: 'dumb' }, false],
] as const) {
  test(
    `signs of the locale ${JSON.stringify(env)}`,
    withTree(async tree => {
      const { stdout } = await show([tree, vectorPath('x509/odd-groups.crt')], { env })
      assert.is(/[^\n\x20-\x7e]/.test(stdout), isUnicode)
      assert.match(stdout, isUnicode ? 'jürgen' : 'j[U+00FC]rgen')
      assert.is(stdout.includes('├─ '), isUnicode)
    }),
  )
}

test(
  'expired, early, about to end: in words, counted, and told once',
  withTree(async tree => {
    const at = (now: string) => run(['inspect', tree, '--now', now], { env: UTF8, terminal: true })
    const expired = (await at('2027-06-04T12:00:00Z')).stdout
    assert.match(expired, '12 expired')
    const coloured = (text: string) => text.replaceAll('\x1b', 'ESC')
    assert.match(coloured(expired), /ESC\[31mexpired 3 d ago *ESC\[0m/)
    assert.match(expired, /the certificate has expired \(12\): /)
    assert.match(coloured((await at('2027-05-20T12:00:00Z')).stdout), /ESC\[33m█░+ +12 dESC\[0m/)
    assert.match((await at('2026-05-31T12:00:00Z')).stdout, 'starts in 23 h')
    assert.match((await at('2037-01-01T00:00:00Z')).stdout, 'all expired')
  }),
)

test(
  'what does not fit, with the file and what to do; status 0 all the same',
  withTree(async tree => {
    cpSync(join(tree, 'pki/ca.key'), join(tree, 'pki/apiserver.key'))
    writeFileSync(join(tree, 'scheduler.conf'), readFileSync(join(tree, 'scheduler.conf'), 'utf8').slice(0, 700))
    chmodSync(join(tree, 'admin.conf'), 0o644)
    const { status, stdout, stderr } = await show([tree])
    assert.equal([status, stderr], [0, ''])
    const [, said = ''] = stdout.split('what does not fit\n')
    assert.match(said, 'x pki/apiserver.key is not the key of pki/apiserver.crt, but of pki/ca.crt\n    > put')
    assert.match(said, /^x scheduler\.conf: .*\n/m)
    assert.match(said, '! admin.conf has mode 0644: its private key is open to everybody\n    > chmod 600 it')
    assert.match(stdout, 'pki/apiserver.crt')
  }),
)

test(
  '-q prints what does not fit, and nothing when everything does',
  withTree(async tree => {
    assert.equal(await show(['-q', tree]), { status: 0, stdout: '', stderr: '' })
    chmodSync(join(tree, 'admin.conf'), 0o644)
    const { stdout } = await show(['-q', tree])
    assert.is(stdout, '! admin.conf has mode 0644: its private key is open to everybody\n    > chmod 600 it\n')
  }),
)

test('parts of one file are named without the file', async () => {
  const { stdout } = await show(['-'], { stdin: vector('x509/leaf.crt') + vector('x509/root.crt') })
  assert.match(stdout, /^2nd certificate {2}root +CA .*\n└─ 1st certificate {2}leaf +server /m)
})

for (const [about, path, facts] of [
  [
    'a certificate',
    'x509/leaf.crt',
    [
      /^subject +CN=leaf$/m,
      /^role +server$/m,
      /^addresses +10\.0\.0\.1, 2001:db8::1$/m,
      /^serial number [0-9a-f]{32}$/m,
      /^SHA-256 +[0-9a-f]{64}$/m,
      /^valid to +2036-01-01 00:00:00 UTC$/m,
    ],
  ],
  ['a CA', 'x509/inter.crt', [/^role +CA of at most 0 CAs below it$/m, /^CA pin\n {2}sha256:[0-9a-f]{64}$/m]],
  [
    'a request',
    'inspect/request.csr',
    [
      /^asks for +client$/m,
      /^groups +system:nodes$/m,
      /^signature +made with its own key$/m,
      /^other names +email:a@example\.org$/m,
    ],
  ],
  [
    'a key',
    'keys/rsa-2048.pkcs1.pem',
    [/^kind +private key$/m, /^type +RSA-2048$/m, /^public key\n {2}sha256:[0-9a-f]{64}$/m],
  ],
  ['an encrypted key', 'keys/encrypted.pkcs8.pem', [/encrypted: nothing is known of it/]],
] as const) {
  test(`alone, everything is said of ${about}`, async () => {
    const { status, stdout } = await show([vectorPath(path)])
    assert.is(status, 0)
    for (const fact of facts) assert.match(stdout, fact)
    const piped = await show(['-'], { stdin: vector(path) })
    for (const fact of facts) assert.match(piped.stdout, fact)
    assert.match(piped.stdout, 'in standard input')
  })
}

test(
  'a kubeconfig alone: where to, as whom, until when; never the key',
  withTree(async tree => {
    const { stdout } = await show([join(tree, 'admin.conf')])
    for (const fact of [
      /^server +https:\/\/10\.0\.0\.10:6443$/m,
      /^in groups +kubeadm:cluster-admins$/m,
      /^signed by +CN=kubernetes \(the CA that it trusts\)$/m,
      /^CA pin\n/m,
    ])
      assert.match(stdout, fact)
  }),
)

test('nothing in a name reaches the terminal', async () => {
  const evil = 'a\x1b[31m\x1b]0;x\x07\x9b2J\u202egnp\u2066\n\r\u0085\u2028\u200bb'
  const text = pem(
    certificate({ spki, subject: nameOf(evil), issuer: nameOf(`${evil}2`), extensions: [dnsNames(['x\x1b[2Jy'])] }),
  )
  // In escapes, or the YAML reader would refuse it at once.
  const stringify = (value: object) =>
    JSON.stringify(value).replace(/[^ -~]/g, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
  const config = stringify({
    kind: 'Config',
    'current-context': evil,
    clusters: [{ name: evil, cluster: { server: evil } }],
    users: [{ name: evil, user: {} }],
    contexts: [{ name: `${evil}c`, context: { cluster: evil, user: `${evil}u` } }],
  })
  const secret = stringify({
    kind: 'Secret',
    type: evil,
    metadata: { name: evil, namespace: evil },
    data: { [evil]: '!' },
  })
  for (const stdin of [text, `${text}${vector('x509/leaf.crt')}`, config, secret, `${config}\n---\n${secret}`]) {
    for (const format of ['text', 'json', 'yaml']) {
      const { stdout, stderr } = await show(['-', '-o', format], { stdin, terminal: false })
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
      assert.not.match(stdout + stderr, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028]/)
      if (format === 'text') assert.match(stdout, '[U+001B][31m')
    }
  }
  assert.equal(printable('a\ud800b\u{e0041}'), 'a[U+D800]b[U+E0041]')
})

test(
  'ten thousand names: a few and a number, all in JSON',
  inTempDir(async dir => {
    const names = Array.from({ length: 10_000 }, (_, number) => `h${number}.example.org`)
    const text = pem(certificate({ spki, extensions: [dnsNames(names)] }))
    writeFileSync(join(dir, 'a.crt'), text)
    writeFileSync(join(dir, 'b.crt'), vector('x509/root.crt'))
    for (const argv of [[join(dir, 'a.crt')], [dir]]) {
      const { stdout } = await show(argv)
      assert.match(stdout, /and\s+99\d\d\s+more/)
      assert.ok(stdout.split('\n').length < 50)
    }
    assert.equal(JSON.parse((await show([dir, '-o', 'json'])).stdout).certificates[0].dnsNames, names)
  }),
)

test(
  'JSON and YAML: the documented shape, times in RFC 3339, nothing secret',
  withTree(async tree => {
    const json = JSON.parse((await show([tree, '-o', 'json'])).stdout)
    assert.equal([json.apiVersion, json.kind, json.now], ['kpki.dev/v1alpha1', 'Inspection', NOW])
    const ca = json.certificates.find(({ places }: { places: { file: string }[] }) =>
      places.some(({ file }) => file.endsWith('pki/ca.crt')),
    )
    const server = json.certificates.find(
      ({ subject }: { subject: { commonName: string } }) => subject.commonName === 'kube-apiserver',
    )
    assert.equal([ca.signedBy, server.signedBy, server.role, server.isCA], [ca.index, ca.index, 'server', false])
    assert.equal([server.notBefore, server.notAfter], ['2026-06-01T11:55:00Z', '2027-06-01T12:00:00Z'])
    assert.match(server.fingerprint, /^[0-9a-f]{64}$/)
    assert.equal(server.ipAddresses, ['10.96.0.1', '10.0.0.10'])
    assert.equal(
      json.kubeconfigs[0].users[0].certificate,
      json.certificates.findIndex(
        ({ subject }: { subject: { commonName: string } }) => subject.commonName === 'kubernetes-admin',
      ),
    )
    assert.equal(json.remarks, [])
    for (const format of ['json', 'yaml', 'text', 'html', 'svg']) {
      const { status, stdout } = await show([tree, '-o', format])
      assert.is(status, 0)
      assert.not.match(stdout, 'PRIVATE KEY')
      const secret = readFileSync(join(tree, 'pki/ca.key'), 'utf8').split('\n')[1] ?? ''
      assert.not.ok(stdout.includes(secret.slice(4, 24)), format)
    }
    assert.match((await show([tree, '-o', 'yaml'])).stdout, /^kind: Inspection$/m)
    assert.match((await show([tree, '-o', 'svg'])).stdout, /^<svg /)
    assert.match((await show([tree, '-o', 'html'])).stdout, /^<!doctype html>/i)
  }),
)

test(
  'where it looks: the tree of --dir or of its halves, files, directories, standard input',
  withTree(async (tree, dir) => {
    const count = async (argv: readonly string[], stdin = '') =>
      JSON.parse((await show([...argv, '-o', 'json'], { stdin })).stdout).certificates.length
    assert.is(await count(['--dir', tree]), 15)
    const [pki, confs] = [join(dir, 'certs'), join(dir, 'confs')]
    cpSync(join(tree, 'pki'), pki, { recursive: true })
    cpSync(tree, confs, { recursive: true })
    rmSync(join(confs, 'pki'), { recursive: true })
    assert.is(await count(['--cert-dir', pki, '--kubeconfig-dir', confs]), 15)
    assert.is(await count([pki]), 10)
    assert.is(await count([pki, join(confs, 'admin.conf')]), 11)
    const twice = JSON.parse((await show([confs, confs, '-o', 'json'])).stdout)
    assert.is(twice.kubeconfigs.length, JSON.parse((await show([confs, '-o', 'json'])).stdout).kubeconfigs.length)
    assert.is(await count([join(pki, 'ca.crt'), '-'], vector('x509/root.crt')), 2)
  }),
)

test('all Secrets of a cluster come through standard input as JSON; of YAML that large the hint says so', async () => {
  const item = (number: number) => ({
    kind: 'Secret',
    metadata: { name: `s${number}` },
    annotations: 'x'.repeat(1000),
    data: { 'tls.crt': Buffer.from(vector('x509/root.crt')).toString('base64'), password: 'U0VDUkVU' },
  })
  const list = { kind: 'List', items: Array.from({ length: 900 }, (_, number) => item(number)) }
  const stdin = JSON.stringify(list)
  assert.ok(stdin.length > 1024 * 1024)
  const { status, stdout } = await show(['-'], { stdin })
  assert.is(status, 0)
  assert.match(stdout, /^1 certificate, 900 manifests in standard input;/)
  assert.match(stdout, 'and in 899 more places of this file')
  const yaml = await show(['-'], { stdin: `kind: List\n${'# x\n'.repeat(300_000)}` })
  assert.is(yaml.status, 1)
  assert.match(yaml.stderr, /YAML of more than 1 MiB\nkpki: hint: take JSON in its place \(kubectl get .* -o json\)/)
})

test(
  'requests keep their names beside a certificate of the same key; one blank line; each reason once',
  inTempDir(async dir => {
    writeFileSync(join(dir, 'a.csr'), vector('inspect/request.csr'))
    const alone = await show([dir])
    assert.not.match(alone.stdout, '\n\n\n')
    for (const number of [1, 2, 3, 4, 5]) {
      writeFileSync(join(dir, `cut${number}.crt`), vector('x509/leaf.crt').slice(0, 300))
      writeFileSync(join(dir, `empty${number}.crt`), '')
    }
    const { stdout } = await show([dir])
    assert.not.match(stdout, '\n\n\n')
    const flat = stdout.replace(/\n +/g, ' ')
    assert.match(flat, /is broken: .*cut off \(5\): cut1\.crt, .*cut5\.crt/)
    assert.match(flat, /holds neither a PEM block nor DER \(5\): empty1\.crt, .*empty5\.crt/)
  }),
)

test(
  'refused in one line with a code: nothing there, nothing in it, garbage',
  withTree(async (tree, dir) => {
    writeFileSync(join(dir, 'empty.txt'), '')
    writeFileSync(join(dir, 'garbage'), Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * 7919) % 251)))
    writeFileSync(join(dir, 'cut.crt'), vector('x509/leaf.crt').slice(0, 300))
    writeFileSync(join(dir, 'huge.crt'), '')
    truncateSync(join(dir, 'huge.crt'), 33 * 1024 * 1024)
    mkdirSync(join(dir, 'nothing'))
    mkdirSync(join(dir, 'notes'))
    writeFileSync(join(dir, 'notes/a.txt'), 'x')
    for (const [argv, code, status] of [
      [[join(dir, 'gone')], 'KPKI_FILE_NOT_FOUND', 1],
      [['--dir', join(dir, 'gone')], 'KPKI_FILE_NOT_FOUND', 1],
      [[join(dir, 'empty.txt')], 'KPKI_NOTHING_FOUND', 1],
      [[join(dir, 'garbage')], 'KPKI_NOTHING_FOUND', 1],
      [[join(dir, 'nothing')], 'KPKI_NOTHING_FOUND', 1],
      [[join(dir, 'notes')], 'KPKI_NOTHING_FOUND', 1],
      [[join(dir, 'cut.crt')], 'KPKI_PEM_INVALID', 1],
      [[join(dir, 'huge.crt')], 'KPKI_INPUT_TOO_LARGE', 1],
      [['/dev/zero'], 'KPKI_FILE_NOT_REGULAR', 1],
      [['-'], 'KPKI_NOTHING_FOUND', 1],
      [['-', '-'], 'KPKI_USAGE', 2],
      [[tree, '--dir', tree], 'KPKI_USAGE', 2],
    ] as const) {
      const text = await show(argv)
      assert.equal([text.status, text.stdout], [status, ''], argv.join(' '))
      assert.match(text.stderr, /^kpki: error: [^\n]+\n(kpki: hint: [^\n]+\n)?$/)
      const json = await show([...argv, '-o', 'json'])
      assert.is(JSON.parse(json.stderr).error.code, code, argv.join(' '))
    }
  }),
)

test(
  'a broken file among others is a remark',
  withTree(async (tree, dir) => {
    writeFileSync(join(dir, 'cut.crt'), vector('x509/leaf.crt').slice(0, 300))
    const { status, stdout } = await show([join(dir, 'cut.crt'), join(tree, 'pki/ca.crt')])
    assert.is(status, 0)
    assert.match(stdout, /x cut\.crt is broken: a PEM block is cut off\n/)
  }),
)

test.run()
