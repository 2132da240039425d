// kpki hash with servers: verified step by step, or asked what they say of themselves.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { run } from '../support/cli.js'
import { configMap, kubeconfigOf, pinOf, signed, TOKEN } from '../support/cluster-info.js'
import { answerJson, FakeServer, type FakeServerOptions, TestCa } from '../support/lying-server.js'
import { inTempDir } from '../support/temp.js'

const ca = await TestCa.create()
const stranger = await TestCa.create()
const pair = await ca.issue()
const pin = pinOf(ca.pem)
const otherPin = pinOf(stranger.pem)
const secret = `${TOKEN.id}.${TOKEN.secret}`
const INFO = configMap(signed(kubeconfigOf(ca.pem, 'https://10.0.0.10:6443')))

async function withServer(
  work: (server: FakeServer, address: string) => Promise<void>,
  options: FakeServerOptions = { pair, answer: (_, response) => answerJson(response, 200, INFO) },
): Promise<void> {
  const server = await FakeServer.start(options)
  try {
    await work(server, `127.0.0.1:${server.port}`)
  } finally {
    await server.close()
  }
}
const UTF8 = { LANG: 'C.UTF-8' }

test('all is well: every step, whom a host goes on with, status 0', () =>
  withServer(async (server, address) => {
    const argv = ['hash', 'verify', otherPin, pin, '--server', address, '--token-file', '-']
    const { status, stdout, stderr } = await run(argv, { stdin: `${secret}\n`, env: UTF8 })
    assert.equal([status, stderr], [0, ''])
    assert.equal(
      stdout.split('\n').flatMap(line => /^(\S+) ([a-z-]+): /.exec(line)?.slice(1, 3).join(' ') ?? []),
      ['connect', 'tls', 'cluster-info', 'token', 'signature', 'kubeconfig', 'pin', 'verified-tls', 'unchanged'].map(
        name => `✓ ${name}`,
      ),
    )
    assert.match(stdout, /\nverified: https:\/\/10\.0\.0\.10:6443\n$/)
    assert.match(stdout, pin)
    for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line)
    assert.not.match(stdout, TOKEN.secret)
    assert.not.match(server.received, TOKEN.secret)
  }))

test('another CA: status 3, the pin that there is in one piece, what to do', () =>
  withServer(async (_server, address) => {
    const argv = ['hash', 'verify', otherPin, '--server', `https://${address}`]
    const { status, stdout, stderr } = await run(argv)
    assert.is(status, 3)
    // A locale of ASCII.
    assert.match(stdout, /^FAILED pin: /m)
    assert.match(stdout, pin)
    assert.match(stdout, /do not join/)
    assert.match(stdout, /^- token: .*\n {2}no token is given$/m)
    assert.match(stdout, /^- unchanged: .*\n {2}not come to$/m)
    assert.match(stderr, /^kpki: error: https:\/\/127\.0\.0\.1:\d+ is not verified \(KPKI_PIN_MISMATCH\)\n$/)
    assert.not.match(stdout, /[^\x20-\x7e\n]/)
    const quiet = await run([...argv, '--quiet'])
    assert.equal([quiet.status, quiet.stdout], [3, ''])
    assert.match(quiet.stderr, pin)
    const json = JSON.parse((await run([...argv, '-o', 'json'])).stdout)
    assert.equal(
      [json.kind, json.verified, json.matches, json.actual, json.code],
      ['ClusterVerification', false, false, [pin], 'KPKI_PIN_MISMATCH'],
    )
  }))

test('anything else that is wrong: status 1, and a pin that matches all the same is said to', () =>
  withServer(async (_server, address) => {
    const argv = ['hash', 'verify', pin, '--server', address, '--timeout', '500ms']
    const { status, stdout, stderr } = await run([...argv, '--token', 'zzzzzz.0123456789abcdef'], { env: UTF8 })
    assert.is(status, 1)
    assert.match(stdout, /^✗ token: /m)
    assert.match(stdout, /signed with abcdef/)
    assert.match(stdout, /^✓ pin: /m)
    assert.match(stderr, 'KPKI_TOKEN_UNKNOWN')
    const wrong = await run([...argv, '--token', 'abcdef.fedcba9876543210', '-o', 'json'])
    const json = JSON.parse(wrong.stdout)
    assert.equal([wrong.status, wrong.stderr, json.matches, json.code], [1, '', true, 'KPKI_JWS_MISMATCH'])
    assert.not.match(`${stdout}${stderr}${wrong.stdout}`, /0123456789abcdef|fedcba9876543210/)
  }))

test('a pin that does not match is status 3 whatever else is wrong', () =>
  withServer(async (_server, address) => {
    const argv = ['hash', 'verify', otherPin, '--server', address, '--token', 'abcdef.fedcba9876543210']
    assert.is((await run(argv)).status, 3)
  }))

test('what is waited for is said on standard error', () =>
  withServer(
    async (_server, address) => {
      const argv = ['hash', 'verify', pin, '--server', address, '--timeout', '1500ms']
      const { status, stderr } = await run(argv)
      assert.is(status, 1)
      assert.match(stderr, /^kpki: waiting: .*503.*\nkpki: error: /)
    },
    { pair, answer: (_, response) => answerJson(response, 503, {}) },
  ))

test('what a server sends is shown and not obeyed', async () => {
  const evil = await stranger.issue({ commonName: 'a\x1b[31m\u202eb' })
  const info = configMap({ ...signed(kubeconfigOf(ca.pem, 'https://10.0.0.10:6443/\x1b[2J')) })
  await withServer(
    async (_server, address) => {
      const { stdout, stderr } = await run(['hash', 'verify', pin, '--server', address], { env: UTF8 })
      for (const sign of ['\x1b', '\u202e']) assert.not.match(stdout + stderr, sign)
      assert.match(stdout, /\[U\+001B\]/)
    },
    { pair: evil, answer: (_, response) => answerJson(response, 200, info) },
  )
})

test('colour on a terminal, none with NO_COLOR', () =>
  withServer(async (_server, address) => {
    const argv = ['hash', 'verify', pin, '--server', address]
    assert.match((await run(argv, { terminal: true, env: { ...UTF8, TERM: 'xterm' } })).stdout, '\x1b[32m✓\x1b[0m')
    assert.not.match((await run(argv, { terminal: true, env: { ...UTF8, NO_COLOR: '1' } })).stdout, '\x1b')
  }))

for (const [what, argv, error] of [
  ['two things to check', ['--server', 'a:1', '--ca-cert', 'ca.crt'], 'name one thing to check'],
  ['nothing to check', [], 'name one thing to check'],
  ['a token for a file', ['--ca-cert', 'ca.crt', '--token', secret], '--token is for --server'],
  ['a time for a file', ['--kubeconfig', 'x', '--timeout', '1s'], '--timeout is for --server'],
  ['a token twice', ['--server', 'a:1', '--token', secret, '--token-file', 'x'], 'two ways to say one thing'],
  ['no time', ['--server', 'a:1', '--timeout', '0'], 'is no time to wait'],
  ['a time without a unit', ['--server', 'a:1', '--timeout', '10'], 'is no time to wait'],
  ['a long time', ['--server', 'a:1', '--timeout', '2h'], 'is no time to wait'],
  ['no port', ['--server', 'a:http'], 'is not a port'],
  ['a large port', ['--server', 'a:65536'], 'is not a port'],
  ['plain HTTP', ['--server', 'http://a:1'], 'is not an https URL'],
  ['a password', ['--server', 'https://u:hunter2@a:1'], 'a user name or password'],
  ['a password without a scheme', ['--server', 'u:hunter2@a:1'], 'a user name or password'],
  ['a path', ['--server', 'https://a:1/api'], 'has a path'],
  ['a query', ['--server', 'https://a:1?x=hunter2'], 'a query'],
] as const) {
  test(`${what}: status 2`, async () => {
    const { status, stdout, stderr } = await run(['hash', 'verify', pin, ...argv])
    assert.equal([status, stdout], [2, ''], stderr)
    assert.match(stderr, error)
    assert.not.match(stderr, /hunter2|0123456789abcdef/)
  })
}

test('a token that is none is refused before anybody is asked, and not shown', () =>
  withServer(async (server, address) => {
    const { status, stdout, stderr } = await run([
      'hash',
      'verify',
      pin,
      '--server',
      address,
      '--token',
      'ABCDEF.fedcba9876543210',
    ])
    assert.equal([status, stdout, server.connections], [1, '', 0])
    assert.not.match(stderr, 'fedcba')
  }))

test('a pin from a server, with a warning', () =>
  withServer(async (_server, address) => {
    for (const argument of [address, `https://${address}`, `https://${address}/`]) {
      const { status, stdout, stderr } = await run(['hash', argument])
      assert.equal([status, stdout], [0, `${pin}\n`])
      assert.match(stderr, /^kpki: warning: 127\.0\.0\.1:\d+ is not verified: .* publishes in cluster-info/)
    }
    const [item] = JSON.parse((await run(['hash', address, '-o', 'json'])).stdout).items
    assert.equal([item.pin, item.file, item.server, item.from], [pin, address, address, 'cluster-info'])
  }))

test('a pin out of the TLS chain', () =>
  withServer(
    async (_server, address) => {
      const { status, stdout, stderr } = await run(['hash', address])
      assert.equal([status, stdout], [0, `${pin}\n`])
      assert.match(stderr, 'sends with its certificate')
    },
    { pair: { ...pair, cert: pair.cert + ca.pem }, answer: (_, response) => answerJson(response, 403, {}) },
  ))

test('a pin of a server that names none', () =>
  withServer(
    async (_server, address) => {
      const { status, stdout, stderr } = await run(['hash', address])
      assert.equal([status, stdout], [1, ''])
      assert.match(stderr, /status 404.*and it sends no CA certificate with its own/)
    },
    { pair, answer: (_, response) => response.writeHead(404, { 'content-length': 0 }).end() },
  ))

const MANIFESTS = {
  'a Secret': { kind: 'Secret', data: { 'ca.crt': Buffer.from(ca.pem).toString('base64') } },
  'a Secret with a key beside it': {
    kind: 'Secret',
    type: 'kubernetes.io/tls',
    data: {
      'tls.crt': Buffer.from(ca.pem).toString('base64'),
      'ca.crt': Buffer.from(ca.pem).toString('base64'),
      'tls.key': Buffer.from(pair.key).toString('base64'),
    },
  },
  'a Secret of texts': { kind: 'Secret', stringData: { 'ca.crt': ca.pem } },
  'kube-root-ca.crt': { kind: 'ConfigMap', data: { 'ca.crt': ca.pem, 'notes.txt': 'clusters: [' } },
  'cluster-info': { kind: 'ConfigMap', data: { kubeconfig: kubeconfigOf(ca.pem, 'https://10.0.0.10:6443') } },
} as const
for (const [what, manifest] of Object.entries(MANIFESTS)) {
  test(`the pin in ${what}`, async () => {
    const object = { apiVersion: 'v1', metadata: { name: 'x', namespace: 'ns' }, ...manifest }
    const yaml = `apiVersion: v1\nkind: ${manifest.kind}\nmetadata: {name: x, namespace: ns}\n${Object.entries(manifest)
      .filter(([field]) => /data$/i.test(field))
      .map(([field, values]) => `${field}:\n${blocks(values as Record<string, string>)}`)
      .join('')}`
    const list = { apiVersion: 'v1', kind: 'List', items: [object] }
    for (const stdin of [JSON.stringify(object), JSON.stringify(object, undefined, 2), JSON.stringify(list), yaml]) {
      assert.equal(await run(['hash', '-'], { stdin }), { status: 0, stdout: `${pin}\n`, stderr: '' })
      assert.is((await run(['hash', 'verify', pin, '--ca-cert', '-'], { stdin })).status, 0)
    }
    const [item] = JSON.parse((await run(['hash', '-', '-o', 'json'], { stdin: yaml })).stdout).items
    assert.match(item.part, new RegExp(`^${manifest.kind} ns/x, `))
  })
}

function blocks(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([key, value]) => `  ${key}: |\n${value.replace(/^(?=.)/gm, '    ')}\n`)
    .join('')
}

test(
  'a kubeconfig for discovery, which has no context',
  inTempDir(async dir => {
    const file = join(dir, 'discovery.conf')
    writeFileSync(file, kubeconfigOf(ca.pem, 'https://10.0.0.10:6443'))
    assert.is((await run(['hash', file])).stdout, `${pin}\n`)
    writeFileSync(file, kubeconfigOf(ca.pem, 'https://10.0.0.10:6443', ['a', 'b']))
    const { status, stderr } = await run(['hash', file])
    assert.is(status, 1)
    assert.match(stderr, 'has no current-context, and several clusters')
  }),
)

for (const [what, stdin, error] of [
  ['a Secret without one', { kind: 'Secret', data: { password: 'aHVudGVyMg==' } }, 'holds no CA certificate'],
  [
    'a Secret of a server',
    { kind: 'Secret', data: { 'tls.crt': Buffer.from(pair.cert).toString('base64') } },
    'holds no CA',
  ],
  [
    'a Secret with half of one',
    { kind: 'Secret', stringData: { 'ca.crt': ca.pem.slice(0, 200) } },
    'Secret ns/x, ca.crt',
  ],
  ['another object', { kind: 'Pod' }, 'no certificate'],
] as const) {
  test(`no pin in ${what}`, async () => {
    const object = { apiVersion: 'v1', metadata: { name: 'x', namespace: 'ns' }, ...stdin }
    const { status, stdout, stderr } = await run(['hash', '-'], { stdin: JSON.stringify(object) })
    assert.equal([status, stdout], [1, ''])
    assert.match(stderr, error)
    assert.not.match(stderr, /hunter2|aHVud/)
  })
}

test(
  'a file whose name is that of a server',
  inTempDir(async dir => {
    mkdirSync(join(dir, 'sub'))
    const file = join(dir, 'sub', 'host:6443')
    writeFileSync(file, ca.pem)
    assert.is((await run(['hash', file])).stdout, `${pin}\n`)
    assert.ok(readFileSync(file).length > 0)
  }),
)

test.run()
