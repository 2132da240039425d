// Discovery against servers that listen: what they can do to whoever joins, and what they learn from it.
import net, { type Socket } from 'node:net'
import tls from 'node:tls'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { DiscoveryStep } from '../../lib/access/discovery-steps.js'
import type { DiscoveryRequest } from '../../lib/access/discovery-types.js'
import { createContext } from '../../lib/context.js'
import type { KpkiError } from '../../lib/errors.js'
import { discoverCluster, fetchServerCas } from '../../lib/host/discovery.js'
import { configMap, kubeconfigOf, pinOf, signed, TOKEN } from '../support/cluster-info.js'
import { rejects, testContext } from '../support/context.js'
import { answerJson, FakeServer, type FakeServerOptions, LIES, TestCa } from '../support/lying-server.js'

const SERVER = 'https://10.0.0.10:6443'
const ca = await TestCa.create()
const stranger = await TestCa.create()
const good = await ca.issue()
const strange = await stranger.issue()
const pins = [pinOf(ca.pem)]
const INFO = configMap(signed(kubeconfigOf(ca.pem, SERVER)))
// OpenSSL looks at the system's clock.
const context = testContext({ clock: createContext().clock })

type Answer = NonNullable<FakeServerOptions['answer']>
const tell =
  (value: unknown): Answer =>
  (_request, response) =>
    answerJson(response, 200, value)
/** The first time so, from then on so. */
function first(once: Answer, then: Answer): Answer {
  let next = once
  return (request, response) => {
    const answer = next
    next = then
    answer(request, response)
  }
}

interface Outcome {
  readonly error: KpkiError | undefined
  readonly steps: readonly DiscoveryStep[]
  readonly seconds: number
  readonly server: FakeServer
}

async function discover(
  options: FakeServerOptions,
  request: Partial<DiscoveryRequest> = {},
  { timeoutSeconds = 5, env = {} }: { timeoutSeconds?: number; env?: Record<string, string> } = {},
): Promise<Outcome> {
  const server = await FakeServer.start(options)
  const steps: DiscoveryStep[] = []
  const before = performance.now()
  const work = discoverCluster({ server: server.url, token: TOKEN, pins, ...request }, context, {
    timeoutSeconds,
    env,
    onStep: step => steps.push(step),
  })
  try {
    const error = await work.then(
      () => undefined,
      () => rejects(work),
    )
    return { error, steps, seconds: (performance.now() - before) / 1000, server }
  } finally {
    await server.close()
  }
}

/** Nothing but a bare question for what everybody may read; of the token neither secret nor id. */
function assertNothingTold({ server, error, steps }: Outcome): void {
  for (const { method, url, headers, body } of server.requests) {
    assert.equal([method, url, body], ['GET', '/api/v1/namespaces/kube-public/configmaps/cluster-info', ''])
    assert.equal(Object.keys(headers).sort(), ['accept', 'connection', 'host'])
  }
  assert.not.match(server.received, TOKEN.secret)
  assert.not.match(server.received, TOKEN.id)
  assert.not.match(JSON.stringify([steps, error?.message, error?.hint, error?.details]), TOKEN.secret)
}

const failed = ({ steps }: Outcome) => steps.find(({ result }) => result === 'failed')?.name

test('a cluster is found, and the token stays here', async () => {
  const outcome = await discover({ pair: good, answer: tell(INFO) })
  assert.is(outcome.error, undefined, outcome.error?.message)
  assert.ok(outcome.steps.every(({ result }) => result === 'ok'))
  assert.is(outcome.server.requests.length, 2)
  const [connect, handshake] = outcome.steps
  assert.is(connect?.details['address'], `127.0.0.1:${outcome.server.port}`)
  assert.equal(
    [handshake?.details['subject'], handshake?.details['issuer'], handshake?.details['names']],
    ['CN=kube-apiserver', 'CN=kubernetes', ['localhost', '127.0.0.1', '::1']],
  )
  assertNothingTold(outcome)
})

test('by name, and of an intermediate CA that is the pinned one', async () => {
  const between = await TestCa.create('cluster', ca)
  const pair = await between.issue()
  const info = configMap(signed(kubeconfigOf(between.pem, SERVER)))
  const server = await FakeServer.start({ pair, answer: tell(info) })
  try {
    const request = { server: `LOCALHOST:${server.port}`, token: TOKEN, pins: [pinOf(between.pem)] }
    const { server: found } = await discoverCluster(request, context, { timeoutSeconds: 5, env: {} })
    assert.is(found, SERVER)
  } finally {
    await server.close()
  }
})

// Every way of answering that is none; at once, and only when it is asked the second time.
for (const [what, { code, answer }] of Object.entries(LIES)) {
  test(`a server that ${what}`, async () => {
    const outcome = await discover({ pair: good, answer }, {}, { timeoutSeconds: 0.4 })
    assert.equal([outcome.error?.code, failed(outcome)], [code, 'cluster-info'], outcome.error?.message)
    assert.ok(outcome.seconds < 1.5, String(outcome.seconds))
    assertNothingTold(outcome)
  })

  test(`a server that ${what}, the second time`, async () => {
    const outcome = await discover({ pair: good, answer: first(tell(INFO), answer) }, {}, { timeoutSeconds: 0.6 })
    assert.equal([outcome.error?.code, failed(outcome)], [code, 'unchanged'], outcome.error?.message)
    assert.ok(outcome.seconds < 1.7, String(outcome.seconds))
    assertNothingTold(outcome)
  })
}

const other = configMap(signed(`${kubeconfigOf(ca.pem, SERVER)}# another\n`))
const elsewhere: Answer = (_request, response) => {
  response.writeHead(302, { location: 'https://127.0.0.1:1/evil', 'content-length': 0 }).end()
}
const say =
  (status: number, reason: string): Answer =>
  (_request, response) =>
    answerJson(response, status, { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, code: status })

const EXPIRED = await ca.issue({ fromHours: -2, toHours: -1 })
const FUTURE = await ca.issue({ fromHours: 1, toHours: 2 })
const OTHER_NAMES = await ca.issue({ dnsNames: ['cp-1'], ipAddresses: ['10.0.0.1'] })
const CLIENT = await ca.issue({ use: 'clientAuth' })
type Case = readonly [what: string, step: string, code: string, options: FakeServerOptions]
const CASES: readonly Case[] = [
  ['another CA stands in between', 'verified-tls', 'KPKI_TLS_UNTRUSTED', { pair: strange, answer: tell(INFO) }],
  ['the certificate is for other names', 'verified-tls', 'KPKI_TLS_NAME', { pair: OTHER_NAMES, answer: tell(INFO) }],
  ['the certificate has expired', 'verified-tls', 'KPKI_TLS_EXPIRED', { pair: EXPIRED, answer: tell(INFO) }],
  ['the certificate is not valid yet', 'verified-tls', 'KPKI_TLS_EXPIRED', { pair: FUTURE, answer: tell(INFO) }],
  ['the certificate is for clients', 'verified-tls', 'KPKI_TLS_UNTRUSTED', { pair: CLIENT, answer: tell(INFO) }],
  [
    'cluster-info changes',
    'unchanged',
    'KPKI_CLUSTER_INFO_CHANGED',
    { pair: good, answer: first(tell(INFO), tell(other)) },
  ],
  ['it sends elsewhere', 'cluster-info', 'KPKI_NET_RESPONSE', { pair: good, answer: elsewhere }],
  [
    'it sends elsewhere, the second time',
    'unchanged',
    'KPKI_NET_RESPONSE',
    { pair: good, answer: first(tell(INFO), elsewhere) },
  ],
  ['nobody may read it', 'cluster-info', 'KPKI_API_FORBIDDEN', { pair: good, answer: say(403, 'Forbidden') }],
  ['nobody may ask', 'cluster-info', 'KPKI_API_UNAUTHORIZED', { pair: good, answer: say(401, 'Unauthorized') }],
  ['there is none', 'cluster-info', 'KPKI_CLUSTER_INFO_MISSING', { pair: good, answer: say(404, 'NotFound') }],
  ['it is broken', 'cluster-info', 'KPKI_NET_RESPONSE', { pair: good, answer: say(500, 'InternalError') }],
  [
    'it answers nonsense',
    'cluster-info',
    'KPKI_NET_RESPONSE',
    { pair: good, answer: (_, response) => response.end('{"kind":') },
  ],
  [
    'it is large',
    'cluster-info',
    'KPKI_NET_RESPONSE',
    { pair: good, answer: tell(configMap({ kubeconfig: 'x'.repeat(2 ** 21) })) },
  ],
  ['it speaks plain HTTP', 'tls', 'KPKI_TLS_FAILED', { answer: tell(INFO) }],
  ['it speaks old TLS', 'tls', 'KPKI_TLS_FAILED', { pair: good, answer: tell(INFO), maxVersion: 'TLSv1.1' }],
  ['it hangs in the handshake', 'tls', 'KPKI_NET_TIMEOUT', { onConnection: () => {} }],
  ['it hangs up', 'tls', 'KPKI_NET_UNREACHABLE', { onConnection: socket => socket.destroy() }],
  ['it drips its handshake', 'tls', 'KPKI_NET_TIMEOUT', { onConnection: drip }],
]
function drip(socket: Socket): void {
  // The beginning of a record of a handshake, which never comes to its end.
  socket.write(Buffer.from('1603031000', 'hex'))
  const timer = setInterval(() => socket.write('\0'), 20)
  socket.once('close', () => clearInterval(timer))
}
for (const [what, step, code, options] of CASES) {
  test(`${what}: ${step} fails with ${code}`, async () => {
    const outcome = await discover(options, {}, { timeoutSeconds: 0.8 })
    const { error, seconds } = outcome
    assert.equal([error?.code, failed(outcome)], [code, step], error?.message)
    assert.ok(error?.hint, 'what to do')
    assert.not.match(`${error?.message}${error?.hint}`, '\n')
    assert.ok(seconds < 2.5, String(seconds))
    assertNothingTold(outcome)
  })
}

test('of somebody in between it is said who issued his certificate', async () => {
  const named = await TestCa.create('Example Corp Inspection')
  const { error } = await discover({ pair: await named.issue(), answer: tell(INFO) })
  assert.match(error?.message ?? '', /issued by CN=Example Corp Inspection, and not by the pinned CN=kubernetes/)
  const namesake = await discover({ pair: strange, answer: tell(INFO) })
  assert.match(namesake.error?.message ?? '', /issued by CN=kubernetes, another CA of that name than the pinned one/)
  const client = await discover({ pair: CLIENT, answer: tell(INFO) })
  assert.not.match(client.error?.message ?? '', 'another CA')
})

test('who stands in between and adds his CA to the real one is not believed, though the pin matches', async () => {
  // The token is known to him: it is what pins are for.
  const info = configMap(signed(kubeconfigOf(ca.pem + stranger.pem, SERVER)))
  const outcome = await discover({ pair: strange, answer: tell(info) })
  assert.equal([outcome.error?.code, failed(outcome)], ['KPKI_TLS_UNTRUSTED', 'verified-tls'])
  assert.is(outcome.error?.details['pin'], pinOf(stranger.pem))
})

test('a server that comes up is waited for', async () => {
  const probe = await FakeServer.start({})
  const { port } = probe
  await probe.close()
  const log: string[] = []
  const work = discoverCluster(
    { server: `127.0.0.1:${port}`, token: TOKEN, pins },
    { ...context, log: ({ message }) => log.push(message) },
    { timeoutSeconds: 20, env: {} },
  )
  await new Promise(resolve => setTimeout(resolve, 300))
  const server = await FakeServer.start({ pair: good, answer: tell(INFO), port })
  try {
    assert.is((await work).server, SERVER)
    assert.match(log[0] ?? '', /^waiting: .*refuses connections/)
  } finally {
    await server.close()
  }
})

test('nobody listens: within the time, and once', async () => {
  const probe = await FakeServer.start({})
  await probe.close()
  const before = performance.now()
  const request = { server: probe.url, token: TOKEN, pins }
  const error = await rejects(discoverCluster(request, context, { timeoutSeconds: 0.5, env: {} }))
  assert.equal([error.code, error.details['errno']], ['KPKI_NET_UNREACHABLE', 'ECONNREFUSED'])
  assert.ok(performance.now() - before < 1500)
})

test('whoever asks may stop it, also between two tries', async () => {
  const stop = new AbortController()
  setTimeout(() => stop.abort(), 200)
  const server = await FakeServer.start({ pair: good, answer: say(503, 'x') })
  try {
    const before = performance.now()
    const request = { server: server.url, token: TOKEN, pins }
    const error = await rejects(discoverCluster(request, context, { signal: stop.signal, env: {} }))
    assert.is(error.code, 'KPKI_INTERRUPTED')
    assert.ok(performance.now() - before < 1500)
  } finally {
    await server.close()
  }
})

test('through a proxy, which sees a tunnel and no more', async () => {
  let seen = ''
  const proxy = net.createServer(socket => {
    socket.on('error', () => {})
    socket.once('data', chunk => {
      seen += chunk.toString('latin1')
      const [, host = '', port = ''] = /^CONNECT (\S+):(\d+) /.exec(chunk.toString()) ?? []
      const far = net.connect(Number(port), host === 'api.example.org' ? '127.0.0.1' : host, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        socket.on('data', data => {
          seen += data.toString('latin1')
        })
        socket.pipe(far).pipe(socket)
      })
      far.on('error', () => socket.destroy())
    })
  })
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve))
  const { port } = proxy.address() as net.AddressInfo
  const server = await FakeServer.start({ pair: await ca.issue({ dnsNames: ['api.example.org'] }), answer: tell(INFO) })
  try {
    // Loopback addresses never go through a proxy.
    const request = { server: `api.example.org:${server.port}`, token: TOKEN, pins }
    const env = { HTTPS_PROXY: `http://127.0.0.1:${port}` }
    assert.is((await discoverCluster(request, context, { timeoutSeconds: 5, env })).server, SERVER)
    assert.match(seen, `CONNECT api.example.org:${server.port}`)
    for (const secret of [TOKEN.secret, TOKEN.id, 'cluster-info']) assert.not.match(seen, secret)
  } finally {
    await server.close()
    proxy.close()
  }
})

test('CAs that a server says it has', async () => {
  const server = await FakeServer.start({ pair: strange, answer: tell(INFO) })
  const said = await fetchServerCas(server.url, { env: {} })
  assert.equal(
    [said.server, said.from, said.caCertificates.map(({ der }) => Buffer.from(der).toString('hex'))],
    [`127.0.0.1:${server.port}`, 'cluster-info', [Buffer.from(ca.issuer.certificate.der).toString('hex')]],
  )
  await server.close()
})

test('CAs that a server sends with its certificate, where cluster-info says nothing', async () => {
  const pair = { ...good, cert: good.cert + ca.pem }
  for (const answer of [say(403, 'Forbidden'), say(404, 'NotFound'), tell({ kind: 'ConfigMap', data: {} })]) {
    const server = await FakeServer.start({ pair, answer })
    const said = await fetchServerCas(server.url, { env: {}, timeoutSeconds: 5 })
    assert.equal(
      [said.from, said.caCertificates.map(({ der }) => Buffer.from(der).toString('hex'))],
      ['tls', [Buffer.from(ca.issuer.certificate.der).toString('hex')]],
    )
    await server.close()
  }
  const bare = await FakeServer.start({ pair: good, answer: say(403, 'Forbidden') })
  assert.is((await rejects(fetchServerCas(bare.url, { env: {} }))).code, 'KPKI_API_FORBIDDEN')
  await bare.close()
})

test('the certificates of these tests are what Node takes them for', async () => {
  const server = await FakeServer.start({ pair: good, answer: tell(INFO) })
  const socket = tls.connect({ port: server.port, host: '127.0.0.1', ca: ca.pem })
  await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
  assert.is(socket.authorized, true)
  socket.destroy()
  await server.close()
})

test.run()
