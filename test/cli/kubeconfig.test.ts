import { X509Certificate } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parse, parseAllDocuments } from 'yaml'
import { run } from '../support/cli.js'
import { inTempDir } from '../support/temp.js'

const scratch = mkdtempSync(join(tmpdir(), 'kpki-kubeconfig-'))
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }))
const [tree, other] = [join(scratch, 'tree'), join(scratch, 'other')]
const NOW = '2026-06-01T12:00:00Z'
const LATER = ['--now', NOW]
const MAKE = [
  'gen',
  'all',
  '-q',
  '--encryption-algorithm',
  'ECDSA-P256',
  '--node-name',
  'cp-1',
  '--control-plane-endpoint',
  'api.example.org:6443',
  '--cluster-name',
  'prod',
]
for (const [dir, address] of [
  [tree, '10.0.0.10'],
  [other, '10.0.0.20'],
] as const)
  await run([...MAKE, '--dir', dir, '--apiserver-advertise-address', address, '--now', '2026-05-01T12:00:00Z'])

interface Config {
  clusters: { name: string; cluster: Record<string, string> }[]
  users: { name: string; user: Record<string, string | undefined> & { exec?: { command: string } } }[]
  contexts: { name: string; context: Record<string, string> }[]
}
const user = (...argv: string[]) => run(['kubeconfig', 'user', '--dir', tree, ...LATER, ...argv])
const certificateOf = (text: string) =>
  new X509Certificate(Buffer.from((parse(text) as Config).users[0]?.user['client-certificate-data'] ?? '', 'base64'))
const ca = new X509Certificate(readFileSync(join(tree, 'pki/ca.crt')))
const code = (stderr: string) => (JSON.parse(stderr) as { error: { code: string } }).error.code

test('user: a certificate of the CA for twelve hours, everything else as the tree has it', async () => {
  const { status, stdout, stderr } = await user(
    '--client-name',
    'jane',
    '--group',
    'dev,ops',
    '--org',
    'dev',
    '--org',
    'qa',
  )
  assert.is(status, 0, stderr)
  const certificate = certificateOf(stdout)
  // X.690 section 11.6: a set is sorted by its encodings, the shorter ones first.
  assert.is(certificate.subject.replaceAll(' + ', '+'), 'O=qa+O=dev+O=ops\nCN=jane')
  assert.is(certificate.validFrom, 'Jun  1 11:55:00 2026 GMT')
  assert.is(certificate.validTo, 'Jun  2 00:00:00 2026 GMT')
  assert.ok(certificate.checkIssued(ca) && certificate.verify(ca.publicKey))
  assert.equal(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2'])
  assert.is(certificate.subjectAltName, undefined)
  assert.is(certificate.publicKey.asymmetricKeyType, 'ec')
  const { clusters, contexts, users, ...rest } = parse(stdout) as Config & Record<string, unknown>
  assert.equal(rest, { apiVersion: 'v1', kind: 'Config', 'current-context': 'jane@prod' })
  assert.is(clusters[0]?.cluster['server'], 'https://api.example.org:6443')
  assert.is(
    clusters[0]?.cluster['certificate-authority-data'],
    readFileSync(join(tree, 'pki/ca.crt')).toString('base64'),
  )
  assert.equal(contexts, [{ name: 'jane@prod', context: { cluster: 'prod', user: 'jane' } }])
  assert.is(users[0]?.name, 'jane')
  assert.match(stderr, 'jane in dev, ops, qa at https://api.example.org:6443, until 2026-06-02T00:00:00Z (12 h)')
  const line = readFileSync(join(tree, 'pki/issued.jsonl'), 'utf8').trim().split('\n').at(-1) ?? ''
  assert.is((JSON.parse(line) as { user: string; purpose: string }).purpose, 'user')
  await user('--client-name', 'ghost', '--no-ledger')
  assert.not.match(readFileSync(join(tree, 'pki/issued.jsonl'), 'utf8'), 'ghost')
})

test('user: flags and a configuration go before the tree', async () => {
  const server = async (...argv: string[]) =>
    (parse((await user('--client-name', 'a', '--no-ledger', ...argv)).stdout) as Config).clusters[0]
  assert.is((await server('--server', 'https://10.1.1.1:1'))?.cluster['server'], 'https://10.1.1.1:1')
  assert.is((await server('--control-plane-endpoint', 'lb:7000'))?.cluster['server'], 'https://lb:7000')
  assert.is((await server('--apiserver-advertise-address', '10.2.2.2'))?.cluster['server'], 'https://10.2.2.2:6443')
  assert.is((await server('--cluster-name', 'other'))?.name, 'other')
  const config = join(scratch, 'kubeadm.yaml')
  writeFileSync(
    config,
    'apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\ncontrolPlaneEndpoint: "cp.example.org:6443"\n',
  )
  const described = await server('--config', config)
  assert.is(described?.cluster['server'], 'https://cp.example.org:6443')
  // Not said there, and so nobody wants it changed.
  assert.is(described?.name, 'prod')
  const rsa = await user('--client-name', 'a', '--no-ledger', '--encryption-algorithm', 'RSA-2048')
  assert.is(certificateOf(rsa.stdout).publicKey.asymmetricKeyType, 'rsa')
})

test('user: lives that are long, clamped or none', async () => {
  const until = async (...argv: string[]) => {
    const said = await user(
      '--client-name',
      'a',
      '--no-ledger',
      '--out',
      join(scratch, `life-${Math.random()}`),
      ...argv,
    )
    return said.status === 0
      ? `${/until (\S+)/.exec(said.stderr)?.[1]} ${[...said.stderr.matchAll(/warning: (.*)/g)].length}`
      : code((await user('--client-name', 'a', '-o', 'json', '--dry-run', ...argv)).stderr)
  }
  assert.is(await until('--validity-period', '8760h0m0s'), '2027-06-01T12:00:00Z 0')
  assert.is(await until('--validity-period', '8761h'), '2027-06-01T13:00:00Z 1')
  assert.is(await until('--validity-period', '200000h'), '2036-04-28T12:00:00Z 2')
  assert.is(await until('--validity-period', '-1h'), 'KPKI_FIELD_VALUE')
  assert.is(await until('--validity-period', '0'), 'KPKI_FIELD_VALUE')
  assert.is(await until('--validity-period', 'long'), 'KPKI_FIELD_VALUE')
})

test('user: all power is warned of', async () => {
  const { stderr } = await user('--client-name', 'a', '--group', 'system:masters', '--dry-run')
  assert.match(stderr, 'nobody can take that back before the certificate ends')
})

test(
  'user: the manifest goes where the kubeconfig does not',
  inTempDir(async dir => {
    const at = (name: string) => join(dir, name)
    const role = ['--client-name', 'jane', '--cluster-role', 'edit', '--role', 'mine', '--namespace', 'shop']
    const both = await user(...role)
    assert.is(both.status, 2)
    assert.match(both.stderr, '--out FILE for the kubeconfig, or --rbac-out FILE')
    const first = await user(...role, '--out', at('a.conf'))
    assert.is(first.status, 0)
    assert.is(statSync(at('a.conf')).mode & 0o777, 0o600)
    assert.equal(
      parseAllDocuments(first.stdout).map(
        document => (document.toJS() as { kind: string; roleRef: { name: string } }).roleRef.name,
      ),
      ['mine', 'edit'],
    )
    assert.is((parse(readFileSync(at('a.conf'), 'utf8')) as Config).contexts[0]?.context['namespace'], 'shop')
    const second = await user(...role, '--rbac-out', at('b.yaml'), '-q')
    assert.is(second.stderr, '')
    assert.is(readFileSync(at('b.yaml'), 'utf8'), first.stdout)
    assert.ok(certificateOf(second.stdout).checkIssued(ca))
    const taken = await user(...role, '--out', at('a.conf'))
    assert.is(taken.status, 1)
    assert.match(taken.stderr, 'exists already')
    const json = JSON.parse((await user(...role, '--out', at('c.conf'), '-o', 'json')).stdout)
    assert.equal([json.rbac.length, json.file, json.credential], [2, at('c.conf'), 'certificate'])
    assert.not.match(JSON.stringify(json), 'client-key')
    const dry = await user(...role, '--dry-run')
    assert.is(dry.stdout.replace(/^#.*\n/gm, ''), first.stdout)
    assert.match(
      (await user('--client-name', 'x', '--no-ledger', '--cluster-role', 'view', '--out', at('d'))).stdout,
      'kind: ClusterRoleBinding',
    )
  }),
)

test('user: a token needs no CA key, and is not shown', async () => {
  const dir = join(scratch, 'external')
  mkdirSync(join(dir, 'pki'), { recursive: true })
  for (const file of ['pki/ca.crt', 'admin.conf']) copyFileSync(join(tree, file), join(dir, file))
  const at = (...argv: string[]) => run(['kubeconfig', 'user', '--dir', dir, ...LATER, ...argv])
  const { stdout, stderr } = await at('--client-name', 'ci', '--token-file', '-')
  assert.is(stdout, '')
  assert.match(stderr, 'the token is empty')
  const file = join(scratch, 'token')
  writeFileSync(file, 'hidden-token\n')
  const good = await at('--client-name', 'ci', '--token-file', file)
  assert.equal((parse(good.stdout) as Config).users, [{ name: 'ci', user: { token: 'hidden-token' } }])
  assert.not.match(good.stderr, 'hidden')
  const exposed = await run(['kubeconfig', 'user', '--dir', dir, '--client-name', 'ci', '--token-file', file], {
    exposed: true,
  })
  assert.match(exposed.stderr, 'others can read the file')
  writeFileSync(file, 'hidden token\n')
  const bad = await at('--client-name', 'ci', '--token-file', file)
  assert.is(bad.status, 2)
  assert.not.match(bad.stderr, 'hidden')
  const external = await at('--client-name', 'jane', '-o', 'json', '--dry-run')
  assert.is(code(external.stderr), 'KPKI_ISSUER_MISSING')
  assert.match(external.stderr, 'ca.key does not exist')
})

/** A JWT that nobody has signed. */
const TOKEN_OF = (sub: string) =>
  `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify({ sub })).toString('base64url')}.aGlkZGVu`

test('user: a service account is bound where it is asked for by its name', async () => {
  const name = 'system:serviceaccount:shop:ci.v2'
  const { stdout, stderr } = await user(
    '--client-name',
    name,
    '--token',
    TOKEN_OF(name),
    '--cluster-role',
    'edit',
    '--dry-run',
  )
  assert.not.match(stderr, 'warning')
  const [binding] = parseAllDocuments(stdout).map(document => document.toJS() as { subjects: object[] })
  assert.equal(binding?.subjects, [{ kind: 'ServiceAccount', name: 'ci.v2', namespace: 'shop' }])
  const refused = await user('--client-name', 'ci', '--token', TOKEN_OF(name), '--cluster-role', 'edit', '--dry-run')
  assert.match(refused.stderr, `--client-name ${name}`)
  // Without a binding the name is one in the file.
  assert.is((await user('--client-name', 'ci', '--token', TOKEN_OF(name), '--dry-run')).status, 0)
})

test(
  'user: nothing is signed where it cannot be written, and both files are made or none',
  inTempDir(async dir => {
    const ledger = () => readFileSync(join(tree, 'pki/issued.jsonl'), 'utf8')
    const before = ledger()
    const at = (name: string) => join(dir, name)
    const role = ['--client-name', 'h', '--cluster-role', 'edit']
    for (const [argv, status] of [
      [[...role, '--out', at('o'), '--rbac-out', at('no/r')], 1],
      [[...role, '--out', at('no/o'), '--rbac-out', at('r')], 1],
      [['--client-name', 'h', '--out', at('no/o')], 1],
      [[...role, '--out', at('q'), '--rbac-out', at('./x/../q')], 2],
    ] as const) {
      const said = await user(...argv)
      assert.is(said.status, status, said.stderr)
      assert.equal(readdirSync(dir), [])
      assert.is(ledger(), before)
    }
  }),
)

test('user: what is left of a life is said in words', async () => {
  const life = async (period: string) =>
    /\((.*)\)/.exec((await user('--client-name', 'a', '--dry-run', '--validity-period', period)).stdout)?.[1]
  assert.equal(
    [await life('1s'), await life('90m'), await life('12h'), await life('87600h')],
    ['1 s', '90 min', '12 h', '9.9 y'],
  )
})

const REFUSED: readonly (readonly [what: string, argv: readonly string[], expected: string])[] = [
  ['no name', [], 'KPKI_USAGE'],
  ['an empty group', ['--client-name', 'a', '--group', 'a\u200b'], 'KPKI_FIELD_VALUE'],
  ['a Role in no namespace', ['--client-name', 'a', '--role', 'x'], 'KPKI_USAGE'],
  ['a namespace that is none', ['--client-name', 'a', '--role', 'x', '--namespace', 'A_b'], 'KPKI_FIELD_VALUE'],
  ['a namespace that is none, without a role', ['--client-name', 'a', '--namespace', 'A_b'], 'KPKI_FIELD_VALUE'],
  ['a period of a token', ['--client-name', 'a', '--token', 'x', '--validity-period', '5h'], 'KPKI_FIELD_VALUE'],
  [
    'a kind of key of a token',
    ['--client-name', 'a', '--token', 'x', '--encryption-algorithm', 'RSA-2048'],
    'KPKI_USAGE',
  ],
  [
    'a binding for whom an unverified token names',
    ['--client-name', 'ci', '--token', TOKEN_OF('system:serviceaccount:kube-system:x'), '--cluster-role', 'edit'],
    'KPKI_USAGE',
  ],
  [
    'a binding for a service account that cannot be one',
    [
      ...['--client-name', 'system:serviceaccount:a:b/c', '--cluster-role', 'edit'],
      ...['--token', TOKEN_OF('system:serviceaccount:a:b/c')],
    ],
    'KPKI_USAGE',
  ],
  ['a role that is none', ['--client-name', 'a', '--cluster-role', 'a/b'], 'KPKI_USAGE'],
  ['groups of a token', ['--client-name', 'a', '--token', 'x', '--group', 'b'], 'KPKI_FIELD_VALUE'],
  ['two tokens', ['--client-name', 'a', '--token', 'x', '--token-file', 'y'], 'KPKI_USAGE'],
  ['no https', ['--client-name', 'a', '--server', 'http://a'], 'KPKI_FIELD_VALUE'],
  ['a password', ['--client-name', 'a', '--server', 'https://u:p@a'], 'KPKI_FIELD_VALUE'],
  ['no tree', ['--client-name', 'a', '--dir', join(scratch, 'nowhere')], 'KPKI_ISSUER_MISSING'],
  ['an unknown algorithm', ['--client-name', 'a', '--encryption-algorithm', 'DSA'], 'KPKI_FIELD_VALUE'],
]
for (const [what, argv, expected] of REFUSED) {
  test(`user refuses ${what}`, async () => {
    const dir = argv.includes('--dir') ? [] : ['--dir', tree]
    const { status, stdout, stderr } = await run([
      'kubeconfig',
      'user',
      ...dir,
      ...argv,
      '-o',
      'json',
      '--dry-run',
      ...LATER,
    ])
    assert.is(code(stderr), expected)
    assert.is(status, expected.startsWith('KPKI_ISSUER') ? 1 : 2)
    assert.is(stdout, '')
  })
}

test(
  'merge: into what kubectl uses, once, whole, with its comments',
  inTempDir(async dir => {
    const env = { HOME: dir }
    const path = join(dir, '.kube/config')
    const merge = (...argv: string[]) => run(['kubeconfig', 'merge', ...argv], { env })
    assert.is((await merge(join(tree, 'admin.conf'))).status, 0)
    assert.is(statSync(path).mode & 0o777, 0o600)
    writeFileSync(path, `# mine\n${readFileSync(path, 'utf8')}`)
    const before = readFileSync(path, 'utf8')
    const again = await merge(join(tree, 'admin.conf'))
    assert.match(again.stdout, 'Nothing to do: 3 kept')
    const conflict = await merge(join(other, 'admin.conf'))
    assert.is(conflict.status, 1)
    assert.match(conflict.stderr, 'has a user "kubernetes-admin" that differs')
    const dry = await merge(join(other, 'admin.conf'), '--context-name', 'two', '--dry-run')
    assert.match(dry.stdout, /add {9}cluster {2}two {2}\(.*admin\.conf, there prod\)/)
    assert.is(readFileSync(path, 'utf8'), before)
    await merge(join(other, 'admin.conf'), '--context-name', 'two', '--use-context')
    const after = readFileSync(path, 'utf8')
    assert.ok(after.startsWith('# mine\n'))
    assert.is((parse(after) as { 'current-context': string })['current-context'], 'two')
    chmodSync(path, 0o644)
    const open = await merge(join(other, 'admin.conf'), '--context-name', 'three')
    assert.match(open.stderr, 'can be read by others')
    assert.is(existsSync(`${path}.lock`), false)
    // KUBECONFIG lists several: the first that is there.
    const listed = join(dir, 'second')
    writeFileSync(listed, '')
    await run(['kubeconfig', 'merge', join(tree, 'admin.conf')], {
      env: { KUBECONFIG: `${dir}/none:${listed}`, HOME: dir },
    })
    assert.match(readFileSync(listed, 'utf8'), 'kubernetes-admin')
    assert.is((await run(['kubeconfig', 'merge', join(tree, 'admin.conf')])).status, 2)
  }),
)

test(
  'merge: paths lead to the same files as before; flattened, they are gone; through a link they start at the link',
  inTempDir(async dir => {
    mkdirSync(join(dir, 'a/below'), { recursive: true })
    mkdirSync(join(dir, 'b'))
    writeFileSync(join(dir, 'a/ca.crt'), readFileSync(join(tree, 'pki/ca.crt')))
    writeFileSync(
      join(dir, 'a/below/u.conf'),
      'kind: Config\nclusters: [{name: c, cluster: {server: "https://a", certificate-authority: ../ca.crt}}]\nusers: [{name: u, user: {tokenFile: t, exec: {command: ./x, apiVersion: v1}}}]\ncontexts: []\n',
    )
    const merged = async (into: string, ...argv: string[]) => {
      const said = await run(['kubeconfig', 'merge', join(dir, 'a/below/u.conf'), '--into', join(dir, into), ...argv])
      assert.is(said.status, 0, said.stderr)
      const { clusters, users } = parse(readFileSync(join(dir, into), 'utf8')) as Config
      return [clusters[0]?.cluster['certificate-authority'], users[0]?.user['tokenFile'], users[0]?.user.exec?.command]
    }
    assert.equal(await merged('a/all.conf'), ['ca.crt', 'below/t', 'below/x'])
    assert.equal(await merged('b/all.conf'), [join(dir, 'a/ca.crt'), join(dir, 'a/below/t'), join(dir, 'a/below/x')])
    symlinkSync('../b/linked.conf', join(dir, 'a/linked.conf'))
    writeFileSync(join(dir, 'b/linked.conf'), '')
    assert.equal(await merged('a/linked.conf'), ['ca.crt', 'below/t', 'below/x'])
    const flat = await run([
      'kubeconfig',
      'merge',
      join(dir, 'a/below/u.conf'),
      '--into',
      join(dir, 'flat'),
      '--flatten',
    ])
    assert.is(flat.status, 0, flat.stderr)
    const { clusters } = parse(readFileSync(join(dir, 'flat'), 'utf8')) as Config
    assert.equal(clusters[0]?.cluster, {
      server: 'https://a',
      'certificate-authority-data': readFileSync(join(tree, 'pki/ca.crt')).toString('base64'),
    })
    rmSync(join(dir, 'a/ca.crt'))
    const gone = await run([
      'kubeconfig',
      'merge',
      join(dir, 'a/below/u.conf'),
      '--into',
      join(dir, 'x'),
      '--flatten',
      '-o',
      'json',
    ])
    assert.is(code(gone.stderr), 'KPKI_FILE_NOT_FOUND')
    assert.is(existsSync(join(dir, 'x')), false)
  }),
)

const b64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const JWT = `${b64({ alg: 'RS256' })}.${b64({ sub: 'system:serviceaccount:ops:ci', exp: 1_600_000_000 })}.aGlkZGVu`
const WILD = `kind: Config
current-context: files
clusters:
- {name: c, cluster: {server: "https://joe:hidden@api.example.org:6443", certificate-authority: pki/ca.crt}}
- {name: open, cluster: {server: "http://b", insecure-skip-tls-verify: true}}
contexts:
- {name: files, context: {cluster: c, user: files}}
- {name: other-key, context: {cluster: c, user: other-key}}
- {name: server, context: {cluster: c, user: server}}
- {name: token, context: {cluster: open, user: token}}
- {name: dangling, context: {cluster: nowhere, user: exec}}
- {name: nobody, context: {cluster: c, user: nobody}}
- {name: missing, context: {cluster: c, user: missing}}
users:
- {name: files, user: {client-certificate: pki/apiserver-kubelet-client.crt, client-key: pki/apiserver-kubelet-client.key}}
- {name: other-key, user: {client-certificate: pki/apiserver-kubelet-client.crt, client-key: pki/apiserver.key}}
- {name: server, user: {client-certificate: pki/apiserver.crt, client-key: pki/apiserver.key}}
- {name: token, user: {token: ${JWT}}}
- {name: exec, user: {exec: {command: login, apiVersion: v1, args: [hidden], env: [{name: A, value: hidden}]}}}
- {name: plugin, user: {auth-provider: {name: oidc, config: {refresh-token: hidden}}}}
- {name: password, user: {username: joe, password: hidden}}
- {name: nobody, user: {}}
- {name: missing, user: {tokenFile: nowhere, as: boss}}
`
writeFileSync(join(tree, 'wild.conf'), WILD, { mode: 0o600 })
const wild = join(tree, 'wild.conf')

test('show: everything decoded, nothing secret', async () => {
  const { status, stdout } = await run(['kubeconfig', 'show', wild, ...LATER])
  assert.is(status, 0)
  for (const text of [
    '* files (current)',
    'c, https://***@api.example.org:6443',
    'CN=kubernetes, until 2036-04-28',
    'kube-apiserver-kubelet-client in kubeadm:cluster-admins',
    'signed by the',
    'system:serviceaccount:ops:ci, expired 5.7 y ago',
    'by program   login',
    'by plugin    oidc',
    'password     of joe',
    'nowhere, which is not in it',
    'shows nothing: anonymous',
    'speaks for   boss',
  ])
    assert.match(stdout, text)
  const json = await run(['kubeconfig', 'show', wild, '-o', 'json', ...LATER])
  for (const said of [stdout, json.stdout]) {
    assert.not.match(said, 'hidden')
    assert.not.match(said, 'aGlkZGVu')
    assert.not.match(said, JWT.slice(0, 20))
  }
  const one = JSON.parse((await run(['kubeconfig', 'show', wild, '--context', 'token', '-o', 'json', ...LATER])).stdout)
  assert.equal(
    [one.contexts.length, one.clusters[0].name, one.users[0].credentials[0].claims.expiresAt],
    [1, 'open', '2020-09-13T12:26:40Z'],
  )
  assert.is((await run(['kubeconfig', 'show', wild, '--context', 'gone'])).status, 2)
})

test('show: several files are merged as kubectl merges them', async () => {
  const env = { KUBECONFIG: `${join(tree, 'admin.conf')}:/nowhere:${wild}` }
  const { contexts, currentContext, files } = JSON.parse(
    (await run(['kubeconfig', 'show', '-o', 'json'], { env })).stdout,
  )
  assert.equal(files, [join(tree, 'admin.conf'), wild])
  assert.is(currentContext, 'kubernetes-admin@prod')
  assert.is(contexts.length, 8)
  const none = await run(['kubeconfig', 'show', '-o', 'json'], { env: { HOME: '/nowhere' } })
  assert.is(code(none.stderr), 'KPKI_FILE_NOT_FOUND')
})

/** What verify finds wrong, and what it only warns of. */
async function findings(...argv: string[]): Promise<[status: number, ...codes: string[]]> {
  const { status, stdout } = await run([
    'kubeconfig',
    'verify',
    ...argv,
    '-o',
    'json',
    ...(argv.includes('--now') ? [] : LATER),
  ])
  const { problems } = JSON.parse(stdout) as { problems: { code: string; severity: string }[] }
  return [status, ...problems.map(({ code, severity }) => (severity === 'error' ? code : `(${code})`))]
}

const VERIFIED: readonly (readonly [
  what: string,
  argv: readonly string[],
  expected: readonly [number, ...string[]],
])[] = [
  [
    "the tree's own",
    [join(tree, 'admin.conf'), '--ca-cert', join(tree, 'pki/ca.crt'), '--server-cert', join(tree, 'pki/apiserver.crt')],
    [0],
  ],
  ['files', [wild], [0, '(kubeconfig-extra)']],
  ['the key of another certificate', [wild, '--context', 'other-key'], [1, '(kubeconfig-extra)', 'key-mismatch']],
  ["a server's certificate", [wild, '--context', 'server'], [1, '(kubeconfig-extra)', 'usage-missing']],
  ['a token that is over', [wild, '--context', 'token'], [1, '(kubeconfig-extra)', '(kubeconfig-extra)', 'expired']],
  ['a dangling reference', [wild, '--context', 'dangling'], [1, 'entry-missing', 'no-credentials', 'no-credentials']],
  ['no credentials', [wild, '--context', 'nobody'], [1, '(kubeconfig-extra)', 'no-credentials']],
  ['a file that is not there', [wild, '--context', 'missing'], [1, '(kubeconfig-extra)', 'unreadable']],
  ['a context that is not there', [wild, '--context', 'gone'], [1, 'entry-missing']],
  ['a year later', [join(tree, 'admin.conf'), '--now', '2028-01-01T00:00:00Z'], [1, 'expired']],
  ['too early', [join(tree, 'admin.conf'), '--now', '2020-01-01T00:00:00Z'], [1, 'not-yet-valid', 'not-yet-valid']],
  ['another CA of clients', [join(tree, 'admin.conf'), '--ca-cert', join(other, 'pki/ca.crt')], [1, 'chain']],
  [
    "another server's certificate",
    [join(tree, 'admin.conf'), '--server-cert', join(other, 'pki/apiserver.crt')],
    [1, 'ca-data'],
  ],
  [
    'a certificate for other names',
    [join(tree, 'controller-manager.conf'), '--server-cert', join(tree, 'pki/apiserver-etcd-client.crt')],
    [1, 'names-missing', 'usage-missing', 'ca-data'],
  ],
]
for (const [what, argv, expected] of VERIFIED)
  test(`verify: ${what}`, async () => assert.equal(await findings(...argv), [...expected]))

test(
  'verify: what is broken in one line each, and no secret',
  inTempDir(async dir => {
    const text = readFileSync(join(tree, 'admin.conf'), 'utf8')
    const field = (name: string, from = text) => new RegExp(`${name}: (.*)`).exec(from)?.[1] ?? ''
    const theirs = readFileSync(join(tree, 'scheduler.conf'), 'utf8')
    const cases: readonly (readonly [string, string, readonly string[]])[] = [
      ['no current-context', text.replace(/current-context: .*\n/, ''), ['entry-missing']],
      ['wrong base64', text.replace(field('client-key-data'), 'aGlkZGVu!'), ['unreadable']],
      ['no key in it', text.replace(field('client-key-data'), 'aGlkZGVu'), ['unreadable']],
      ["another one's key", text.replace(field('client-key-data'), field('client-key-data', theirs)), ['key-mismatch']],
      ['no key', text.replace(/ *client-key-data: .*\n/, ''), ['no-credentials']],
      [
        'two users of one name',
        text.replace('users:\n', 'users:\n- {name: kubernetes-admin, user: {token: aGlkZGVu}}\n'),
        ['unreadable'],
      ],
      ['readable by all', text, ['(mode-open)']],
      ['with line ends of Windows', text.replaceAll('\n', '\r\n'), []],
      ['as JSON', JSON.stringify(parse(text)), []],
    ]
    for (const [what, content, expected] of cases) {
      const path = join(dir, `${what.replaceAll(' ', '-')}.conf`)
      writeFileSync(path, content, { mode: what === 'readable by all' ? 0o644 : 0o600 })
      const [, ...codes] = await findings(path)
      assert.equal(codes, expected, what)
      const said = await run(['kubeconfig', 'verify', path, ...LATER])
      assert.not.match(said.stdout + said.stderr, 'aGlkZGVu')
      assert.not.match(said.stdout + said.stderr, 'hidden')
    }
    for (const [content, expected] of [
      ['a: 1', 'KPKI_KUBECONFIG_INVALID'],
      ['a: [', 'KPKI_YAML_INVALID'],
    ] as const) {
      writeFileSync(join(dir, 'x'), content)
      assert.is(code((await run(['kubeconfig', 'verify', join(dir, 'x'), '-o', 'json'])).stderr), expected)
    }
  }),
)

test('verify: people see what is well', async () => {
  const { status, stdout, stderr } = await run(['kubeconfig', 'verify', join(tree, 'admin.conf'), ...LATER])
  assert.equal([status, stdout, stderr], [0, 'kubernetes-admin@prod: ok\n', ''])
  assert.is((await run(['kubeconfig', 'verify', wild, '--all', '--context', 'a'])).status, 2)
})

test('verify --live: a server that is not there ends in time, with its own code', async () => {
  const path = join(scratch, 'gone.conf')
  writeFileSync(path, (await user('--client-name', 'a', '--no-ledger', '--server', 'https://127.0.0.1:1')).stdout, {
    mode: 0o600,
  })
  const said = await run(['kubeconfig', 'verify', path, '--live', '--timeout', '3s', '-o', 'json', ...LATER])
  const { problems } = JSON.parse(said.stdout)
  assert.is(said.status, 1)
  assert.equal(
    problems.map((found: { code: string; error: string }) => [found.code, found.error]),
    [['live-failed', 'KPKI_NET_UNREACHABLE']],
  )
})

test.run()
