/** What kubectl would stumble over is found without a server; kubectl v1.20.2 and v1.32.4 refuse each of these errors. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { run } from '../support/cli.js'

const scratch = mkdtempSync(join(tmpdir(), 'kpki-verify-'))
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }))
const NOW = ['--now', '2026-06-01T12:00:00Z']
const MAKE = ['gen', 'all', '-q', '--encryption-algorithm', 'ECDSA-P256', '--node-name', 'cp-1']
await run([...MAKE, '--dir', join(scratch, 'tree'), '--apiserver-advertise-address', '10.0.0.10', ...NOW])
const pki = (name: string) => join(scratch, 'tree/pki', name)
const write = (name: string, text: string, mode = 0o600) => {
  writeFileSync(join(scratch, name), text)
  chmodSync(join(scratch, name), mode)
  return join(scratch, name)
}
const [garbage, empty] = [write('garbage', 'garbage\n'), write('empty', '')]
const PAIR = `client-certificate: ${pki('apiserver-kubelet-client.crt')}, client-key: ${pki('apiserver-kubelet-client.key')}`
const CLUSTER = `server: "https://127.0.0.1:1", certificate-authority: ${pki('ca.crt')}`

interface Found {
  code: string
  severity: string
  contexts: string[]
  message: string
  error?: string
}
const config = (user: string, cluster = CLUSTER, more = '') =>
  write(
    'config',
    `clusters: [{name: c, cluster: {${cluster}}}]\nusers: [{name: u, user: {${user}}}]\ncontexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n${more}`,
  )
const verify = async (path: string, ...argv: string[]) => {
  const env = { PATH: '/bin:/usr/bin' }
  const json = await run(['kubeconfig', 'verify', path, '-o', 'json', ...NOW, ...argv], { env })
  const { problems } = JSON.parse(json.stdout) as { problems: Found[] }
  const text = await run(['kubeconfig', 'verify', path, ...NOW, ...argv], { env })
  assert.is(text.status, json.status)
  return { status: json.status, problems, ok: text.stdout, text: text.stderr }
}

const EXEC = 'apiVersion: client.authentication.k8s.io/v1beta1'
/** `user` and `cluster` of a kubeconfig, and what is said about it; a warning alone is none. */
const CASES: readonly (readonly [what: string, user: string, cluster: string, message: RegExp, isWarning?: true])[] = [
  ...[garbage, empty, pki('sa.pub')].map(
    file =>
      [
        `${file} for a certificate`,
        `client-certificate: ${file}, client-key: ${pki('sa.key')}`,
        CLUSTER,
        /as client-certificate, which holds no certificate$/,
      ] as const,
  ),
  ...[garbage, empty].map(
    file =>
      [
        `${file} for a key`,
        `client-certificate: ${pki('apiserver-kubelet-client.crt')}, client-key: ${file}`,
        CLUSTER,
        /as client-key, which holds no private key$/,
      ] as const,
  ),
  [
    'a public key for a key',
    `client-certificate: ${pki('ca.crt')}, client-key: ${pki('sa.pub')}`,
    CLUSTER,
    /holds no private key, but a public one/,
  ],
  [
    'a pair that is swapped',
    `client-certificate: ${pki('sa.key')}, client-key: ${pki('ca.crt')}`,
    CLUSTER,
    /as client-certificate, which holds no certificate, but a private key/,
  ],
  [
    'its other half',
    `client-certificate: ${pki('sa.key')}, client-key: ${pki('ca.crt')}`,
    CLUSTER,
    /as client-key, which holds no private key, but a certificate/,
  ],
  ...[garbage, empty].map(
    file =>
      [
        `${file} for a CA`,
        PAIR,
        `server: "https://a", certificate-authority: ${file}`,
        /as certificate-authority, which holds no certificate$/,
      ] as const,
  ),
  [
    'a private key for a CA',
    PAIR,
    `server: "https://a", certificate-authority: ${pki('ca.key')}`,
    /which holds no certificate, but a private key/,
  ],
  [
    'a leaf for a CA',
    PAIR,
    `server: "https://a", certificate-authority: ${pki('apiserver.crt')}`,
    /trusts CN=kube-apiserver, which is no CA/,
    true,
  ],
  [
    'the certificate of a CA',
    `client-certificate: ${pki('ca.crt')}, client-key: ${pki('ca.key')}`,
    CLUSTER,
    /has the certificate of a CA for its own/,
    true,
  ],
  [
    'a token and a password',
    'token: a, username: u, password: p',
    CLUSTER,
    /has both a token and a user name or password/,
  ],
  [
    'a token file and a password',
    `tokenFile: ${garbage}, username: u, password: p`,
    CLUSTER,
    /has both a token and a user name or password/,
  ],
  ['a password alone', 'password: p', CLUSTER, /has a password without a user name/],
  ['a user name alone', 'username: u', CLUSTER, /has a user name without a password/, true],
  ['a token of two lines', 'token: "a\\nb"', CLUSTER, /has a token that has white space/],
  [
    'a token file of two lines',
    `tokenFile: ${write('lines', 'a\nb\n')}`,
    CLUSTER,
    /has a tokenFile that names a file which is empty, or has white space/,
  ],
  ['an empty token file', `tokenFile: ${empty}`, CLUSTER, /names a file which is empty/],
  ['no program', `exec: {${EXEC}, command: ""}`, CLUSTER, /has an exec without a command/],
  [
    'a program that is nowhere',
    `exec: {${EXEC}, command: no-such-program}`,
    CLUSTER,
    /logs in with the program no-such-program, which cannot be run here/,
  ],
  [
    'a program beside it that is none',
    `exec: {${EXEC}, command: ./garbage}`,
    CLUSTER,
    /logs in with the program .*\/garbage, which cannot be run here/,
  ],
  ['a program of no version', 'exec: {command: sh}', CLUSTER, /has an exec without apiVersion/],
  [
    'a program of an unknown version',
    'exec: {apiVersion: v1, command: sh}',
    CLUSTER,
    /of an apiVersion that no client knows/,
  ],
  [
    'a program of v1 without a mode',
    'exec: {apiVersion: client.authentication.k8s.io/v1, command: sh}',
    CLUSTER,
    /without interactiveMode/,
  ],
  [
    'a program of a version that is gone',
    'exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: sh}',
    CLUSTER,
    /has an exec of v1alpha1/,
    true,
  ],
  [
    'a program and a plugin',
    `exec: {${EXEC}, command: sh}, auth-provider: {name: oidc}`,
    CLUSTER,
    /has both exec and auth-provider/,
  ],
  [
    'a variable without a name',
    `exec: {${EXEC}, command: sh, env: [{value: a}]}`,
    CLUSTER,
    /an environment variable without a name/,
  ],
  ['a plugin without a name', 'auth-provider: {}', CLUSTER, /has an auth-provider without a name/],
  ['an unknown plugin', 'auth-provider: {name: foo}', CLUSTER, /has an auth-provider that no client knows/],
  [
    'a plugin that newer clients lack',
    'auth-provider: {name: gcp}',
    CLUSTER,
    /has the auth-provider gcp, which newer/,
    true,
  ],
  ['a misspelt field', 'token: a, tokn: b', CLUSTER, /has the field tokn, which no client knows/, true],
  [
    'a misspelt field of a cluster',
    'token: a',
    `${CLUSTER}, Server: x`,
    /has the field Server, which no client knows/,
    true,
  ],
  [
    'a proxy of no scheme',
    'token: a',
    `${CLUSTER}, proxy-url: foo`,
    /has a proxy-url of a scheme that no client speaks/,
  ],
  ['a proxy of another scheme', 'token: a', `${CLUSTER}, proxy-url: "socks5h://a:1"`, /has a proxy-url of a scheme/],
  [
    'a server without a scheme',
    'token: a',
    'server: "127.0.0.1:6443"',
    /names its server without https:\/\/: kubectl speaks to it without TLS/,
  ],
  ['a server that is no URL', 'token: a', 'server: "https://a b"', /names a server that is not a URL/],
  ['no server', 'token: a', '', /names no server/],
]
for (const [what, user, cluster, message, isWarning] of CASES) {
  test(`verify: ${what}`, async () => {
    const { status, problems, ok } = await verify(config(user, cluster))
    const found = problems.find(problem => message.test(problem.message))
    assert.ok(found, JSON.stringify(problems))
    assert.equal([found?.severity, found?.contexts], [isWarning ? 'warning' : 'error', ['x']])
    assert.equal([status, ok], isWarning ? [0, 'x: ok\n'] : [1, ''])
  })
}

for (const [what, user] of [
  ['certificate and key in files', PAIR],
  ['a token', 'token: a'],
  ['a program', `exec: {${EXEC}, command: sh}`],
  ['a program of v1', 'exec: {apiVersion: client.authentication.k8s.io/v1, command: sh, interactiveMode: Never}'],
  ['a plugin', 'auth-provider: {name: oidc}'],
  ['a token file', `tokenFile: ${garbage}`],
] as const)
  test(`verify: nothing is wrong with ${what}`, async () => {
    const { status, problems, ok } = await verify(config(user))
    assert.equal([status, problems, ok], [0, [], 'x: ok\n'])
  })

test('verify: a server, a token, a context that stands twice is an error of whoever uses it', async () => {
  const twice = (text: string) => text.replaceAll('; ', '\n')
  const path = write(
    'twice',
    twice(`clusters:; - name: s;   cluster:;     server: https://first;     server: https://last; - {name: t, cluster: {${CLUSTER}}}
users:; - name: s;   user: {token: a, token: b}; - {name: t, user: {token: a}}
contexts: [{name: s, context: {cluster: s, user: t}}, {name: us, context: {cluster: t, user: s}}, {name: t, context: {cluster: t, user: t}}]
current-context: t
`),
  )
  const all = await verify(path, '--all')
  assert.is(all.ok, 't: ok\n')
  assert.equal(
    all.problems.map(({ code, severity, contexts }) => [code, severity, contexts]),
    [
      ['field-twice', 'error', ['s']],
      ['field-twice', 'error', ['us']],
    ],
  )
  // Nobody is asked who is not known.
  const live = await verify(path, '--context', 's', '--live', '--timeout', '1s')
  assert.equal(
    live.problems.map(({ code }) => code),
    ['field-twice'],
  )
  assert.is((await verify(path)).status, 0)
  const shown = await run(['kubeconfig', 'show', path])
  assert.match(shown.stdout, 'has server twice')
  assert.match(shown.stdout, 'has token twice')
  const whole = await verify(config('token: a', CLUSTER, 'current-context: y\n'))
  assert.equal([whole.status, whole.ok, whole.problems.map(({ code }) => code)], [1, '', ['field-twice']])
})

test('verify: what clients refuse as a whole is an error of every context', async () => {
  const whole = await verify(config('token: a', CLUSTER, 'users: []\n'))
  assert.is(whole.status, 1)
  for (const other of [
    '{name: 5, user: {}}',
    '{name: v, user: {token: 5}}',
    '{name: v, user: x}',
    '{name: u, user: {}}',
  ]) {
    const path = write(
      'config',
      `clusters: [{name: c, cluster: {${CLUSTER}}}]\nusers: [{name: u, user: {token: a}}, ${other}]\ncontexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n`,
    )
    const { status, problems, ok } = await verify(path)
    assert.equal([status, ok, problems.map(({ code }) => code)], [1, '', ['unreadable']], other)
  }
  for (const head of ['kind: Secret\napiVersion: v1\n', 'apiVersion: v2\n', 'kind: List\n']) {
    const path = write('foreign', `${head}clusters: []\n`)
    for (const verb of ['show', 'verify']) {
      const { status, stderr } = await run(['kubeconfig', verb, path])
      assert.is(status, 1)
      assert.match(stderr, /its (kind|apiVersion) is "[^"]+", and that of a kubeconfig/)
    }
  }
})

test('verify: no context is called ok whose cluster or user is broken, whoever met it first', async () => {
  const path = write(
    'shared',
    `clusters: [{name: c, cluster: {server: "https://a", certificate-authority: nope}}, {name: d, cluster: {${CLUSTER}}}]
users: [{name: u, user: {token: a}}]
contexts: [{name: a, context: {cluster: c, user: u}}, {name: b, context: {cluster: c, user: u}}, {name: d, context: {cluster: d, user: u}}]
current-context: a
`,
  )
  const { status, problems, ok } = await verify(path, '--all')
  assert.equal([status, ok], [1, 'd: ok\n'])
  assert.equal(
    problems.map(({ contexts }) => contexts),
    [['a', 'b']],
  )
})

test('show and verify: what is there and empty is shown so', async () => {
  const path = write(
    'nulls',
    'clusters: [{name: x, cluster: null}]\nusers: [{name: u}]\ncontexts: [{name: a, context: null}, {name: b, context: {cluster: x, user: u}}]\n',
  )
  const shown = await run(['kubeconfig', 'show', path])
  assert.match(shown.stdout, / {2}a\n {4}cluster {6}none\n {4}user {9}none/)
  assert.match(shown.stdout, / {2}b\n {4}cluster {6}x, no server/)
  const { problems, ok } = await verify(path, '--all')
  assert.is(ok, '')
  assert.ok(problems.some(({ message }) => message === 'names no cluster and no user'))
})

test('verify: of many contexts five are named, and that there are more', async () => {
  const names = [...'abcdefghij'].map(name => `{name: ${name}, context: {cluster: c, user: u}}`)
  const { text } = await verify(write('many', `clusters: []\ncontexts: [${names.join(', ')}]\ncurrent-context: gone\n`))
  assert.match(text, 'there are: a, b, c, d, e and 5 more')
})

test('show: groups that are claimed are shown', async () => {
  const path = config('token: a, as: root, as-groups: ["system:masters", ops]')
  assert.match((await run(['kubeconfig', 'show', path])).stdout, 'speaks for   root in system:masters, ops')
  const { users } = JSON.parse((await run(['kubeconfig', 'show', path, '-o', 'json'])).stdout)
  assert.equal([users[0].impersonates, users[0].impersonatesGroups], ['root', ['system:masters', 'ops']])
})

test('verify: a namespace that cannot be one', async () => {
  const path = write(
    'ns',
    `clusters: [{name: c, cluster: {${CLUSTER}}}]\nusers: [{name: u, user: {token: a}}]\ncontexts: [{name: x, context: {cluster: c, user: u, namespace: A_b}}]\ncurrent-context: x\n`,
  )
  const { status, problems } = await verify(path)
  assert.equal([status, problems[0]?.message], [1, 'has a namespace that cannot be the name of one'])
})

test('several files are one, as for kubectl: a context finds what it names in any of them, the first first', async () => {
  const names = write('names', 'contexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n')
  const users = write('users', 'users: [{name: u, user: {token: a}}]\n')
  const first = write(
    'first',
    'clusters: [{name: c, cluster: {server: "https://127.0.0.1:1", insecure-skip-tls-verify: true}}]\n',
  )
  const second = write(
    'second',
    'clusters: [{name: c, cluster: {server: "https://127.0.0.1:2"}}]\ncurrent-context: z\n',
  )
  const all = (verb: string, files: string[], ...argv: string[]) =>
    run(['kubeconfig', verb, ...argv], { env: { KUBECONFIG: files.join(':') } })
  for (const files of [
    [names, users, first, second],
    [first, users, names, empty, second],
  ]) {
    const { stdout, stderr, status } = await all('verify', files)
    assert.equal([status, stdout], [0, 'x: ok\n'], stderr)
    const live = await all('verify', files, '--live', '--timeout', '2s')
    assert.is(live.status, 1)
    assert.match(live.stderr, '127.0.0.1:1')
    assert.not.match((await all('show', files)).stdout, 'not in it')
  }
  const { status, stderr } = await all('verify', [names, users])
  assert.is(status, 1)
  assert.match(stderr.replace(/\s+/g, ' '), 'contexts[x] names the cluster c, which is in none of the files')
})

test("verify: what is wrong with the server's certificate is said of it, and not of the CA", async () => {
  const path = config('token: a', `server: "https://10.0.0.10:6443", certificate-authority: ${pki('ca.crt')}`)
  const server = async (file: string, ...argv: string[]) =>
    (await verify(path, '--server-cert', pki(file), ...argv)).problems.map(({ code, severity }) =>
      [code, severity].join(),
    )
  assert.equal(await server('apiserver.crt'), [])
  assert.ok((await server('apiserver-kubelet-client.crt')).includes('usage-missing,error'))
  assert.ok(!(await server('apiserver-kubelet-client.crt')).includes('ca-data,error'))
  const codesAt = async (now: string) => {
    const { stdout } = await run([
      'kubeconfig',
      'verify',
      path,
      '--server-cert',
      pki('apiserver.crt'),
      '-o',
      'json',
      '--now',
      now,
    ])
    return (JSON.parse(stdout) as { problems: Found[] }).problems.map(
      ({ code, message }) => `${code} ${message.slice(0, 27)}`,
    )
  }
  assert.ok((await codesAt('2028-01-01T00:00:00Z')).includes('expired is shown a certificate that'))
  assert.ok((await codesAt('2020-01-01T00:00:00Z')).includes('not-yet-valid is shown a certificate that'))
})

test('show and verify: arguments that stand in the command are not printed', async () => {
  const path = config(`exec: {${EXEC}, command: /bin/sh hidden-argument}`)
  for (const line of [['show'], ['show', '-o', 'json'], ['verify'], ['verify', '-o', 'json']]) {
    const { stdout, stderr } = await run(['kubeconfig', ...line, path])
    assert.not.match(stdout + stderr, 'hidden-argument')
    if (line[0] === 'show') assert.match(stdout, '/bin/sh ***')
  }
  assert.equal(
    (await verify(path)).problems.map(({ message }) => message),
    ['has an exec whose command has a blank in it'],
  )
})

test('verify: a time that is none is refused, needed or not', async () => {
  assert.is((await run(['kubeconfig', 'verify', config('token: a'), '--timeout', 'foo'])).status, 2)
})

test.run()
