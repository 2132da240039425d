import { spawnSync } from 'node:child_process'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAllDocuments } from 'yaml'
import { formatTokenTable, shortDuration } from '../../lib/cli/token-table.js'
import { run } from '../support/cli.js'
import { inTempDir } from '../support/temp.js'

const PATTERN = /^[a-z0-9]{6}\.[a-z0-9]{16}\n$/
const TOKEN = 'abcdef.k3v9w2x7y1z5q8rt'
const SECRET = TOKEN.slice(7)
const NOW = ['--now', '2026-06-01T12:00:00Z']
const GROUP = 'system:bootstrappers:kubeadm:default-node-token'
const decode = (text: string) => Buffer.from(text, 'base64').toString()
const base64 = (text: string) => Buffer.from(text).toString('base64')
/** What comes out of YAML or JSON is looked at field by field. */
// biome-ignore lint/suspicious/noExplicitAny: see above
const documents = (text: string): any[] => parseAllDocuments(text).map(document => document.toJS())
const dataOf = (object: { data: Record<string, string> }) =>
  Object.fromEntries(Object.entries(object.data).map(([key, value]) => [key, decode(value)]))

test('token generate prints a token, another one each time', async () => {
  const [one, two] = [await run(['token', 'generate']), await run(['token', 'generate'])]
  assert.match(one.stdout, PATTERN)
  assert.not.equal(one.stdout, two.stdout)
  assert.equal([one.status, one.stderr], [0, ''])
  const json = JSON.parse((await run(['token', 'generate', '-o', 'json'])).stdout)
  assert.is(json.kind, 'GeneratedToken')
  assert.match(`${json.token}\n`, PATTERN)
})

test(
  'token generate --out makes a file that nobody else reads, and no second one',
  inTempDir(async dir => {
    const file = join(dir, 'token')
    const first = await run(['token', 'generate', '--out', file])
    assert.equal([first.status, first.stdout], [0, ''])
    assert.match(readFileSync(file, 'utf8'), PATTERN)
    assert.is(statSync(file).mode & 0o777, 0o600)
    const second = await run(['token', 'generate', '--out', file])
    assert.is(second.status, 1)
    assert.match(second.stderr, /exists/)
  }),
)

test('who sends tokens to a file that others read is warned', async () => {
  const { stdout, stderr } = await run(['token', 'generate'], { exposed: true })
  assert.match(stdout, PATTERN)
  assert.match(stderr, /warning: this is a secret.*--out FILE/)
})

test('token create -o yaml prints the Secret that kubeadm would make, and asks no cluster', async () => {
  const { stdout, status } = await run(['token', 'create', '--token-file', '-', '-o', 'yaml', ...NOW], {
    stdin: `${TOKEN}\n`,
  })
  assert.is(status, 0)
  const [secret, more] = documents(stdout)
  assert.is(more, undefined)
  assert.equal([secret.apiVersion, secret.kind, secret.type], ['v1', 'Secret', 'bootstrap.kubernetes.io/token'])
  assert.equal(secret.metadata, { name: 'bootstrap-token-abcdef', namespace: 'kube-system' })
  assert.equal(dataOf(secret), {
    'token-id': 'abcdef',
    'token-secret': SECRET,
    expiration: '2026-06-02T12:00:00Z',
    'usage-bootstrap-signing': 'true',
    'usage-bootstrap-authentication': 'true',
    'auth-extra-groups': GROUP,
  })
  const json = await run(['token', 'create', '-', '-ojson', ...NOW], { stdin: TOKEN })
  assert.equal(JSON.parse(json.stdout), secret)
})

test('kubeadm’s flags', async () => {
  const flags = ['--ttl', '0', '--usages=signing', '--usages', 'authentication', '--description', 'for w-7']
  const groups = ['--groups', 'system:bootstrappers:a,system:bootstrappers:b']
  const { stdout } = await run(['token', 'create', '-o', 'yaml', ...flags, ...groups, ...NOW])
  const { 'token-id': id, 'token-secret': secret, ...rest } = dataOf(documents(stdout)[0])
  assert.match(`${id}.${secret}\n`, PATTERN)
  assert.equal(rest, {
    description: 'for w-7',
    'usage-bootstrap-signing': 'true',
    'usage-bootstrap-authentication': 'true',
    'auth-extra-groups': 'system:bootstrappers:a,system:bootstrappers:b',
  })
})

test('the tokens of a configuration, and a flag over them', async () => {
  const config = `apiVersion: kubeadm.k8s.io/v1beta3
kind: InitConfiguration
bootstrapTokens:
- {token: ${TOKEN}, ttl: 1h, description: first}
- {token: fedcba.k3v9w2x7y1z5q8rt, usages: [signing]}
`
  const create = (...flags: string[]) =>
    run(['token', 'create', '--config', '-', '-o', 'yaml', ...NOW, ...flags], { stdin: config })
  const [first, second] = documents((await create()).stdout).map(dataOf)
  assert.equal([first?.['expiration'], first?.['description']], ['2026-06-01T13:00:00Z', 'first'])
  assert.equal([second?.['token-id'], second?.['auth-extra-groups']], ['fedcba', undefined])
  const [third, fourth] = documents((await create('--ttl', '2h')).stdout).map(dataOf)
  assert.equal([third?.['expiration'], fourth?.['expiration']], ['2026-06-01T14:00:00Z', '2026-06-01T14:00:00Z'])
  const list = JSON.parse((await run(['token', 'create', '--config', '-', '-o', 'json'], { stdin: config })).stdout)
  assert.equal([list.kind, list.items.length], ['List', 2])
})

for (const [name, argv, stdin, problem] of [
  ['upper case', ['-'], 'ABCDEF.k3v9w2x7y1z5q8rt', /upper-case/],
  ['a stray newline', ['-'], `${TOKEN}\n\n`, /white space/],
  ['a short secret', ['-'], TOKEN.slice(0, -1), /15 characters instead of 16/],
  ['two dots', ['--token-file', '-'], `${TOKEN}.x`, /more than one dot/],
  ['an empty file', ['--token-file', '-'], '', /is empty/],
] as const) {
  test(`a token with ${name} is refused in one line, without the token`, async () => {
    const { status, stdout, stderr } = await run(['token', 'create', '-o', 'yaml', ...argv], { stdin })
    assert.equal([status, stdout], [1, ''])
    assert.match(stderr, problem)
    assert.not.match(stderr, SECRET.slice(0, -1))
  })
}

for (const [name, argv, problem] of [
  ['a ttl that is none', ['--ttl', 'tomorrow'], /--ttl tomorrow is no duration/],
  ['a negative ttl', ['--ttl=-1h'], /--ttl: -1h0m0s is no time to live/],
  ['a ttl beyond what RFC 3339 can write', ['--now', '9999-12-31T12:00:00Z'], /--ttl: 24h0m0s is no time to live/],
  ['an unknown usage', ['--usages', 'dancing'], /--usages: "dancing" is no usage/],
  ['a group of another kind', ['--groups', 'system:masters'], /--groups: "system:masters" is no group/],
  ['groups without authentication', ['--usages', 'signing', '--groups', GROUP], /--groups: .*nobody can authenticate/],
  ['two tokens', ['--token-file', 'x', TOKEN], /given twice/],
  ['a key without a command for it', ['--certificate-key-file', '-'], /--print-join-command/],
  ['a role without a command for it', ['--control-plane'], /--print-join-command/],
  ['a command without a cluster', ['--print-join-command'], /manifests are printed, and no command/],
  ['an old version', ['--kubernetes-version', '1.19'], /--kubernetes-version: "1\.19"/],
] as const) {
  test(`${name}: exit status 2 and what to do`, async () => {
    const { status, stdout, stderr } = await run(['token', 'create', '-o', 'yaml', ...argv], { stdin: 'a'.repeat(64) })
    assert.equal([status, stdout], [2, ''])
    assert.match(stderr, /"error"|error:/)
    assert.match(stderr, problem)
    assert.not.match(stderr, SECRET)
  })
}

test('who names a token as an argument is told who sees it', async () => {
  const { stderr, stdout } = await run(['token', 'create', TOKEN, '-o', 'yaml'])
  assert.match(stderr, /warning: others on this host can see the token in the list of processes; --token-file/)
  assert.not.match(stderr, SECRET)
  assert.match(stdout, base64(SECRET))
  assert.is((await run(['token', 'create', TOKEN, '-o', 'yaml', '--quiet'])).stderr, '')
})

/** Secrets as `kubectl get secret -o yaml` prints them: good ones, and what is none. */
const SECRETS = JSON.stringify({
  apiVersion: 'v1',
  kind: 'List',
  items: [
    [
      'bootstrap-token-abcdef',
      {
        'token-id': 'abcdef',
        'token-secret': SECRET,
        description: 'joins',
        expiration: '2026-06-01T13:00:00Z',
        'usage-bootstrap-signing': 'true',
        'usage-bootstrap-authentication': 'true',
        'auth-extra-groups': GROUP,
      },
    ],
    ['bootstrap-token-misnam', { 'token-id': 'fedcba', 'token-secret': SECRET }],
    ['bootstrap-token-nnnnnn', { 'token-id': 'nnnnnn', 'token-secret': SECRET }],
    [
      'bootstrap-token-oooooo',
      {
        'token-id': 'oooooo',
        'token-secret': SECRET,
        expiration: '2026-05-31T12:00:00Z',
        'usage-bootstrap-signing': 'true',
      },
    ],
  ].map(([name, data]) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: 'kube-system' },
    type: 'bootstrap.kubernetes.io/token',
    data: Object.fromEntries(Object.entries(data ?? {}).map(([key, value]) => [key, base64(value)])),
  })),
})

test('token list prints kubeadm’s table of what a file holds, and what is wrong with the rest', async () => {
  const { status, stdout, stderr } = await run(['token', 'list', '--from', '-', ...NOW], { stdin: SECRETS })
  assert.is(status, 0)
  // As kubeadm v1.20.2 prints the same Secrets; test/e2e compares the two.
  const line = (cells: readonly string[], widths: readonly number[]) =>
    `${cells.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join('')}\n`
  const widths = [26, 12, 23, 25, 59]
  assert.is(
    stdout,
    line(['TOKEN', 'TTL', 'EXPIRES', 'USAGES', 'DESCRIPTION', 'EXTRA GROUPS'], widths) +
      line([TOKEN, '1h', '2026-06-01T13:00:00Z', 'authentication,signing', 'joins', GROUP], widths) +
      line([`nnnnnn.${SECRET}`, '<forever>', '<never>', '<none>', '<none>', '<none>'], [26, 12, 10, 25, 59]) +
      line([`oooooo.${SECRET}`, '<invalid>', '2026-05-31T12:00:00Z', 'signing', '<none>', '<none>'], widths),
  )
  assert.is(
    stderr,
    'kpki: warning: Secret "bootstrap-token-misnam" is misnamed: by its token-id it is bootstrap-token-fedcba\n',
  )
})

test('token list without tokens prints nothing, not even a header', async () => {
  const { status, stdout } = await run(['token', 'list', '--from', '-'], {
    stdin: '{"apiVersion":"v1","kind":"List","metadata":{},"items":[]}',
  })
  assert.equal([status, stdout], [0, ''])
})

test('token list --hide-secrets', async () => {
  const hidden = await run(['token', 'list', '--hide-secrets', '--from', '-', ...NOW], { stdin: SECRETS })
  assert.not.match(hidden.stdout, SECRET)
  assert.match(hidden.stdout, /^abcdef\.<hidden> /m)
  const json = await run(['token', 'list', '--hide-secrets', '--from', '-', '-o', 'json', ...NOW], { stdin: SECRETS })
  assert.not.match(json.stdout, SECRET)
})

test('token list -o json has all of kubeadm’s fields, and what comes of them', async () => {
  const { stdout } = await run(['token', 'list', '--from', '-', '-o', 'json', ...NOW], { stdin: SECRETS })
  const { apiVersion, kind, items } = JSON.parse(stdout)
  assert.equal([apiVersion, kind, items.length], ['kpki.dev/v1alpha1', 'BootstrapTokenList', 3])
  assert.equal(items[0], {
    id: 'abcdef',
    token: TOKEN,
    description: 'joins',
    expires: '2026-06-01T13:00:00Z',
    usages: ['authentication', 'signing'],
    groups: [GROUP],
    expired: false,
    signing: 'yes',
    authentication: 'yes',
    user: { name: 'system:bootstrap:abcdef', groups: ['system:bootstrappers', GROUP] },
  })
  assert.equal([items[2].expired, items[2].signing], [true, 'expired'])
})

for (const [milliseconds, text] of [
  // kubernetes v1.20.2, staging/src/k8s.io/apimachinery/pkg/util/duration/duration.go
  [-2_000, '<invalid>'],
  [-1_999, '0s'],
  [0, '0s'],
  [59_999, '59s'],
  [60_000, '1m'],
  [3_599_999, '59m'],
  [3_600_000, '1h'],
  [86_399_999, '23h'],
  [86_400_000, '1d'],
  [365 * 86_400_000 - 1, '364d'],
  [365 * 86_400_000, '1y'],
] as const) {
  test(`${milliseconds} ms are ${text}`, () => assert.is(shortDuration(milliseconds), text))
}

test('a description cannot paint on the terminal or forge lines', () => {
  const token = {
    token: { id: 'abcdef', secret: SECRET },
    description: 'a\x1b[2J\nb\tc',
    expires: undefined,
    usages: [],
    groups: ['\x07'],
  }
  const table = formatTokenTable([token], new Date(), () => TOKEN)
  assert.is(table.split('\n').length, 3)
  assert.not.match(table, /[^\x20-\x7e\n]/)
})

test('token inspect says what a token is good for, and prints no secret', async () => {
  const { status, stdout } = await run(['token', 'inspect', 'abcdef', 'oooooo', '--from', '-', ...NOW], {
    stdin: SECRETS,
  })
  assert.is(status, 0)
  assert.not.match(stdout, SECRET)
  assert.match(stdout, /^ends +2026-06-01T13:00:00Z, in 1h$/m)
  assert.match(stdout, /^ends +2026-05-31T12:00:00Z, 1d ago$/m)
  assert.match(stdout, /^signs +no: it has expired/m)
  assert.match(stdout, /^as +system:bootstrap:abcdef in system:bootstrappers,/m)
  for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line)
})

test('token inspect knows a whole token, and says whether it is that one', async () => {
  const inspect = (word: string) =>
    run(['token', 'inspect', word, '--from', '-', '-o', 'json', ...NOW], { stdin: SECRETS })
  assert.is(JSON.parse((await inspect(TOKEN)).stdout).items[0].secretMatches, true)
  const wrong = await inspect('abcdef.aaaaaaaaaaaaaaaa')
  assert.is(JSON.parse(wrong.stdout).items[0].secretMatches, false)
  assert.not.match(wrong.stdout + wrong.stderr, new RegExp(`${SECRET}|aaaaaaaa`))
})

test(
  'token inspect of a manifest with cluster-info checks its signature',
  inTempDir(async dir => {
    const make = [
      'gen',
      'all',
      '--dir',
      dir,
      '--encryption-algorithm',
      'ECDSA-P256',
      '--node-name',
      'cp-1',
      '--apiserver-advertise-address',
      '10.0.0.10',
      '--quiet',
    ]
    assert.is((await run(make)).status, 0)
    const create = ['token', 'create', '-', '-o', 'yaml', '--discovery-objects', ...NOW]
    const made = await run(create, { stdin: TOKEN, env: { KUBECONFIG: join(dir, 'admin.conf') } })
    assert.equal([made.status, made.stderr], [0, ''])
    const file = join(dir, 'all.yaml')
    const inspect = async (content: string) => {
      writeFileSync(file, content)
      return JSON.parse((await run(['token', 'inspect', file, '-o', 'json', ...NOW])).stdout).items[0].clusterInfo
    }
    assert.is(await inspect(made.stdout), 'right')
    assert.is(await inspect(made.stdout.replace('https://10.0.0.10:6443', 'https://10.0.0.66:6443')), 'wrong')
    assert.is(await inspect(made.stdout.replace('jws-kubeconfig-abcdef', 'jws-kubeconfig-abcdeg')), 'missing')
    assert.is(await inspect(made.stdout.slice(0, made.stdout.indexOf('---'))), undefined)
    const names = documents(made.stdout).map(({ kind, metadata: { name } }) => `${kind} ${name}`)
    assert.equal(names, [
      'Secret bootstrap-token-abcdef',
      'ClusterRole kubeadm:get-nodes',
      'ClusterRoleBinding kubeadm:get-nodes',
      'ClusterRoleBinding kubeadm:kubelet-bootstrap',
      'ClusterRoleBinding kubeadm:node-autoapprove-bootstrap',
      'ClusterRoleBinding kubeadm:node-autoapprove-certificate-rotation',
      'ConfigMap cluster-info',
      'Role kubeadm:bootstrap-signer-clusterinfo',
      'RoleBinding kubeadm:bootstrap-signer-clusterinfo',
    ])
  }),
)

for (const [name, argv, status, problem] of [
  ['a token that is not there', ['zzzzzz', '--from', '-'], 1, /standard input has no bootstrap token zzzzzz/],
  ['a misnamed Secret', ['misnam', '--from', '-'], 1, /misnamed/],
  ['a mistyped id', ['ABCDEF', '--from', '-'], 1, /the token is no id of a token, and no token either/],
  ['a mistyped token', ['abcdef.k3v9w2x7y1z5q8r', '--from', '-'], 1, /15 characters instead of 16/],
  ['two files', ['./a.yaml', './b.yaml'], 2, /2 files are named/],
] as const) {
  test(`token inspect: ${name}`, async () => {
    const said = await run(['token', 'inspect', ...argv], { stdin: SECRETS })
    assert.is(said.status, status)
    assert.match(said.stderr, problem)
    assert.not.match(said.stderr, SECRET.slice(0, 15))
  })
}

for (const [name, stdin, code] of [
  ['no manifests', 'a: b\n', 'KPKI_MANIFEST_INVALID'],
  ['no YAML', 'a: [', 'KPKI_YAML_INVALID'],
  ['a text', 'abcdef.k3v9w2x7y1z5q8rt', 'KPKI_MANIFEST_INVALID'],
] as const) {
  test(`a file with ${name} is refused, and not quoted`, async () => {
    const { status, stderr } = await run(['token', 'list', '--from', '-', '-o', 'json'], { stdin })
    assert.is(status, 1)
    assert.is(JSON.parse(stderr).error.code, code)
    assert.not.match(stderr, SECRET)
  })
}

test('token delete understands all of what is named before it asks a cluster', async () => {
  const { status, stderr } = await run([
    'token',
    'delete',
    'abcdef',
    TOKEN.slice(0, -1),
    '--kubeconfig',
    '/nonexistent',
  ])
  assert.is(status, 1)
  assert.match(stderr, /token 2 of 2 has 15 characters/)
  assert.not.match(stderr, SECRET.slice(0, -1))
})

test('of manifests that are too large it is said how to get smaller ones', async () => {
  const stdin = `# ${'x'.repeat(1_100_000)}\n`
  for (const [argv, command] of [
    [['token', 'list', '--from', '-'], 'get secret --field-selector type=bootstrap.kubernetes.io/token -o yaml'],
    [['certs', 'download', '--from', '-', '--certificate-key', '0'.repeat(64)], 'get secret kubeadm-certs -o yaml'],
  ] as const) {
    const said = await run([...argv, '-o', 'json'], { stdin })
    const { code, hint } = JSON.parse(said.stderr).error
    assert.is(code, 'KPKI_INPUT_TOO_LARGE')
    assert.match(hint, command)
  }
})

test('who made a secret that nobody reads is told; whoever has read enough of anything else may go', () => {
  const kpki = fileURLToPath(new URL('../../dist/bin/kpki.js', import.meta.url))
  const intoNothing = (...args: readonly string[]) =>
    spawnSync('sh', ['-c', '{ "$@"; echo "status $?" >&2; } | true', 'sh', process.execPath, kpki, ...args], {
      encoding: 'utf8',
    }).stderr
  assert.match(intoNothing('token', 'generate'), /^kpki: error: the output cannot be written \(EPIPE\)\n.*status 1\n$/s)
  assert.is(intoNothing('--help'), 'status 0\n')
})

test.run()
