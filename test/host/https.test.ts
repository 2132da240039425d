/** What a server may do to us: each ends in its time, with a code of its own, and nothing said that should not be. */
import { X509Certificate } from 'node:crypto'
import { connect } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type ErrorCode, KpkiError } from '../../lib/errors.js'
import { exchangeHttps, HttpsClient } from '../../lib/host/https.js'
import { parseProxy } from '../../lib/host/proxy.js'
import { rejects } from '../support/context.js'
import { answerJson, FakeServer, type FakeServerOptions, LIES, type Pair, TestCa } from '../support/lying-server.js'

const SECRET = 'abcdef.0123456789abcdef'
const headers = { authorization: `Bearer ${SECRET}` }
const ca = await TestCa.create()
const good = await ca.issue()

async function withServer(options: FakeServerOptions, work: (server: FakeServer) => Promise<void>): Promise<void> {
  const server = await FakeServer.start(options)
  try {
    await work(server)
  } finally {
    await server.close()
  }
}

test('an exchange', () =>
  withServer(
    {
      pair: good,
      answer: (_request, response) => answerJson(response, 201, { kind: 'Status' }, { 'x-a': ['1', '2'] }),
    },
    async server => {
      const answer = await exchangeHttps({
        url: `${server.url}/api?x=1`,
        method: 'POST',
        headers: { ...headers, 'impersonate-group': ['a', 'b'] },
        body: new TextEncoder().encode('{"a":"ä"}'),
        trust: { caPem: ca.pem },
      })
      assert.is(answer.status, 201)
      assert.is(new TextDecoder().decode(answer.body), '{"kind":"Status"}')
      assert.is(answer.headers['x-a'], '1, 2')
      const [request] = server.requests
      assert.ok(server.received.includes(SECRET))
      assert.equal(server.serverNames, [false])
      assert.is(request?.body, '{"a":"ä"}')
      assert.is(request?.url, '/api?x=1')
      assert.is(request?.headers.authorization, headers.authorization)
      assert.is(request?.headers.host, `127.0.0.1:${server.port}`)
      assert.is(request?.headers['impersonate-group'], 'a, b')
      assert.equal(
        answer.chain.map(der => new X509Certificate(der).fingerprint256),
        [new X509Certificate(good.cert).fingerprint256],
      )
    },
  ))

for (const [what, { code, answer }] of Object.entries(LIES)) {
  test(`a server that ${what}`, () =>
    withServer({ pair: good, answer }, async server => {
      const before = performance.now()
      const error = await rejects(exchangeHttps({ url: server.url, trust: { caPem: ca.pem }, headers, timeoutMs: 400 }))
      assert.is(error.code, code, error.message)
      assert.ok(performance.now() - before < 1500)
      assert.not.ok(`${error.message}${error.hint}${JSON.stringify(error.details)}`.includes(SECRET))
    }))
}

test('redirects and errors are answers, and are not followed', async () => {
  for (const status of [301, 302, 307, 500, 503]) {
    const answer = (_request: unknown, response: Parameters<typeof answerJson>[0]) =>
      answerJson(response, status, {}, { location: 'https://127.0.0.1:1/' })
    await withServer({ pair: good, answer }, async server => {
      const said = await exchangeHttps({ url: server.url, trust: { caPem: ca.pem }, headers })
      assert.is(said.status, status)
      assert.is(server.requests.length, 1)
    })
  }
})

const stranger = await (await TestCa.create()).issue()
const SERVERS: readonly (readonly [what: string, pair: Pair, code: string])[] = [
  ['of another CA', stranger, 'KPKI_TLS_UNTRUSTED'],
  ['for other names', await ca.issue({ dnsNames: ['cp-1'], ipAddresses: ['10.0.0.1'] }), 'KPKI_TLS_NAME'],
  ['for no name', await ca.issue({ dnsNames: [], ipAddresses: [], commonName: '127.0.0.1' }), 'KPKI_TLS_NAME'],
  ['with the address as a name', await ca.issue({ dnsNames: ['127.0.0.1'], ipAddresses: [] }), 'KPKI_TLS_NAME'],
  ['that has expired', await ca.issue({ fromHours: -2, toHours: -1 }), 'KPKI_TLS_EXPIRED'],
  ['that is not valid yet', await ca.issue({ fromHours: 1, toHours: 2 }), 'KPKI_TLS_EXPIRED'],
  ['for clients', await ca.issue({ use: 'clientAuth' }), 'KPKI_TLS_UNTRUSTED'],
]
for (const [what, pair, code] of SERVERS) {
  test(`a certificate ${what}: nothing is sent`, () =>
    withServer({ pair, answer: (_request, response) => answerJson(response, 200, {}) }, async server => {
      const error = await rejects(exchangeHttps({ url: server.url, trust: { caPem: ca.pem }, headers }))
      assert.is(error.code, code, error.message)
      assert.is(error.details['host'], '127.0.0.1')
      assert.is(server.received, '')
      assert.ok(error.hint)
    }))
}

test('of a certificate that is none for servers it is not said that its CA is another one', () =>
  withServer({ pair: SERVERS.at(-1)?.[1] }, async server => {
    const error = await rejects(exchangeHttps({ url: server.url, trust: { caPem: ca.pem } }))
    assert.match(error.message, 'is not for servers')
    assert.match(error.hint ?? '', 'serverAuth')
  }))

test('names of the certificate are said', () =>
  withServer({ pair: SERVERS[1]?.[1] }, async server => {
    const error = await rejects(exchangeHttps({ url: server.url, trust: { caPem: ca.pem } }))
    assert.equal(error.details['names'], ['cp-1', '10.0.0.1'])
  }))

const hang = () => {}
const RAW: readonly (readonly [what: string, options: FakeServerOptions, code: ErrorCode])[] = [
  ['that takes connections and says nothing', { onConnection: hang }, 'KPKI_NET_TIMEOUT'],
  ['that hangs up at once', { onConnection: socket => socket.destroy() }, 'KPKI_NET_UNREACHABLE'],
  ['that speaks plain HTTP', { answer: (_request, response) => answerJson(response, 200, {}) }, 'KPKI_TLS_FAILED'],
  ['that speaks SMTP', { onConnection: socket => socket.write('220 mail ESMTP\r\n') }, 'KPKI_TLS_FAILED'],
  ['that speaks TLS 1.1 at best', { pair: good, maxVersion: 'TLSv1.1' }, 'KPKI_TLS_FAILED'],
  [
    'that drips its handshake',
    {
      onConnection: socket => {
        // The beginning of a record of 16 KiB.
        socket.write(Buffer.from('16030340000200', 'hex'))
        const timer = setInterval(() => socket.write('\0'), 20)
        socket.once('close', () => clearInterval(timer))
      },
    },
    'KPKI_NET_TIMEOUT',
  ],
]
for (const [what, options, code] of RAW) {
  test(`a server ${what}`, () =>
    withServer(options, async server => {
      const before = performance.now()
      const error = await rejects(exchangeHttps({ url: server.url, trust: { caPem: ca.pem }, headers, timeoutMs: 400 }))
      assert.is(error.code, code, error.message)
      assert.is(error.details['phase'], 'tls')
      assert.ok(performance.now() - before < 1500)
      assert.not.ok(server.received.includes(SECRET))
    }))
}

test('nobody is there, or the name is unknown', async () => {
  const server = await FakeServer.start({})
  await server.close()
  const refused = await rejects(exchangeHttps({ url: server.url, trust: 'system' }))
  assert.is(refused.code, 'KPKI_NET_UNREACHABLE')
  assert.is(refused.details['errno'], 'ECONNREFUSED')
  // RFC 6761 section 6.4: no such name will ever be.
  const unknown = await rejects(exchangeHttps({ url: 'https://kpki.invalid:6443', trust: 'system', timeoutMs: 8000 }))
  assert.ok(['KPKI_NET_UNREACHABLE', 'KPKI_NET_TIMEOUT'].includes(unknown.code))
})

test('a host that does not answer at all', async () => {
  // RFC 5737: an address that nobody has. Some networks say so.
  const error = await rejects(exchangeHttps({ url: 'https://192.0.2.1:6443', trust: 'system', timeoutMs: 300 }))
  assert.ok(['KPKI_NET_TIMEOUT', 'KPKI_NET_UNREACHABLE'].includes(error.code))
  assert.is(error.details['phase'], 'connect')
})

test('who is anything but https:// is not asked', async () => {
  for (const [url, code] of [
    ['http://127.0.0.1:1/', 'KPKI_TLS_FAILED'],
    ['ftp://127.0.0.1/', 'KPKI_TLS_FAILED'],
    ['127.0.0.1', 'KPKI_NET_UNREACHABLE'],
    ['https://user:hunter2@[::1', 'KPKI_NET_UNREACHABLE'],
  ] as const) {
    const error = await rejects(exchangeHttps({ url, trust: 'unverified' }))
    assert.is(error.code, code)
    assert.not.match(error.message, /hunter2/)
  }
})

test('who is not verified gets no credentials', () =>
  withServer({ pair: stranger, answer: (_request, response) => answerJson(response, 200, {}) }, async server => {
    const client = { certificatePem: good.cert, keyPem: good.key }
    for (const credentials of [{ headers }, { client }]) {
      const error = await rejects(exchangeHttps({ url: server.url, trust: 'unverified', ...credentials }))
      assert.is(error.code, 'KPKI_TLS_UNTRUSTED')
    }
    assert.is(server.connections, 0)
    const anonymous = await exchangeHttps({ url: server.url, trust: 'unverified' })
    assert.is(anonymous.status, 200)
    assert.is(anonymous.chain.length, 1)
    const insecure = { url: server.url, trust: 'unverified', headers, allowUnverifiedCredentials: true } as const
    assert.is((await exchangeHttps(insecure)).status, 200)
  }))

test('the name that is asked for is verified in place of the host', async () => {
  const pair = await ca.issue({ dnsNames: ['kubernetes.default', '*.example.org'], ipAddresses: [] })
  await withServer({ pair, answer: (_request, response) => answerJson(response, 200, {}) }, async server => {
    const ask = (serverName: string) => exchangeHttps({ url: server.url, serverName, trust: { caPem: ca.pem } })
    for (const name of ['kubernetes.default', 'Kubernetes.Default', 'api.example.org'])
      assert.is((await ask(name)).status, 200)
    for (const name of ['kubernetes', 'example.org', 'a.api.example.org', '127.0.0.1'])
      assert.is((await rejects(ask(name))).code, 'KPKI_TLS_NAME', name)
    assert.equal(server.serverNames.slice(0, 3), ['kubernetes.default', 'Kubernetes.Default', 'api.example.org'])
  })
})

test('what the server shows beyond its own certificate; any certificate of the bundle is an anchor', async () => {
  const middle = await TestCa.create('middle', ca)
  const leaf = await middle.issue()
  const pair = { cert: leaf.cert + middle.pem, key: leaf.key }
  await withServer({ pair, answer: (_request, response) => answerJson(response, 200, {}) }, async server => {
    for (const caPem of [ca.pem, middle.pem, leaf.cert, (await TestCa.create('other')).pem + ca.pem]) {
      const { chain, protocol } = await exchangeHttps({ url: server.url, trust: { caPem } })
      assert.equal(
        chain.slice(0, 2).map(der => new X509Certificate(der).subject),
        ['CN=kube-apiserver', 'CN=middle'],
      )
      assert.is(protocol, 'TLSv1.3')
    }
    const system = await rejects(exchangeHttps({ url: server.url, trust: 'system' }))
    assert.is(system.code, 'KPKI_TLS_UNTRUSTED')
  })
})

test('client certificates', async () => {
  const pair = await ca.issue({ commonName: 'jane', use: 'clientAuth' })
  const client = { certificatePem: pair.cert, keyPem: pair.key }
  const answer: FakeServerOptions['answer'] = (_request, response) => answerJson(response, 200, {})
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    await withServer({ pair: good, clientCa: ca.pem, answer, maxVersion }, async server => {
      const target = { url: server.url, trust: { caPem: ca.pem } }
      assert.is((await exchangeHttps({ ...target, client })).status, 200)
      const none = await rejects(exchangeHttps(target))
      assert.ok(['KPKI_TLS_FAILED', 'KPKI_NET_UNREACHABLE'].includes(none.code), none.message)
      assert.is(server.requests.length, 1)
    })
  }
})

test('a key of another certificate', () =>
  withServer({ pair: good }, async server => {
    const client = { certificatePem: good.cert, keyPem: stranger.key }
    const error = await rejects(exchangeHttps({ url: server.url, trust: { caPem: ca.pem }, client }))
    assert.is(error.code, 'KPKI_TLS_FAILED')
    assert.match(error.message, /the key is not that of the certificate/)
  }))

test('a signal ends it', () =>
  withServer({ pair: good, answer: hang }, async server => {
    const stop = new AbortController()
    setTimeout(() => stop.abort(), 100)
    const request = { url: server.url, trust: { caPem: ca.pem } }
    assert.is((await rejects(exchangeHttps({ ...request, signal: stop.signal }))).code, 'KPKI_INTERRUPTED')
    assert.is((await rejects(exchangeHttps({ ...request, signal: AbortSignal.abort() }))).code, 'KPKI_INTERRUPTED')
    const timeout = await rejects(exchangeHttps({ ...request, signal: AbortSignal.timeout(100) }))
    assert.is(timeout.code, 'KPKI_NET_TIMEOUT')
    const own = new KpkiError('KPKI_USAGE', 'enough')
    assert.is(await rejects(exchangeHttps({ ...request, signal: AbortSignal.abort(own) })), own)
  }))

test('one connection for several questions, verified once', () =>
  withServer({ pair: good, answer: (_request, response) => answerJson(response, 200, {}) }, async server => {
    const client = new HttpsClient({ url: server.url, trust: { caPem: ca.pem } })
    for (const path of ['/1', '/2', '/3']) assert.is((await client.exchange({ path })).chain.length, 1)
    assert.is(server.connections, 1)
    client.close()
  }))

test('an answer that goes on', () =>
  withServer(
    {
      pair: good,
      answer: (_request, response) => {
        response.writeHead(200)
        response.write('a')
        const timer = setInterval(() => response.write('b'), 50)
        response.once('close', () => clearInterval(timer))
      },
    },
    async server => {
      const client = new HttpsClient({ url: server.url, trust: { caPem: ca.pem } })
      const stream = await client.stream({ path: '/', timeoutMs: 300, idleMs: 200 })
      let text = ''
      for await (const chunk of stream.chunks) {
        text += new TextDecoder().decode(chunk)
        if (text.length === 10) break
      }
      assert.is(text, 'abbbbbbbbb')
      client.close()
    },
  ))

test('an answer that stops going on', () =>
  withServer({ pair: good, answer: (_request, response) => response.writeHead(200).write('a') }, async server => {
    const client = new HttpsClient({ url: server.url, trust: { caPem: ca.pem } })
    const { chunks } = await client.stream({ path: '/', timeoutMs: 5000, idleMs: 200 })
    const error = await rejects(async () => {
      for await (const _chunk of chunks);
    })
    assert.is(error.code, 'KPKI_NET_TIMEOUT')
    client.close()
  }))

/** A proxy that lets everything through, or answers what it is told to. */
function proxyServer(options: FakeServerOptions, reply?: string): Promise<FakeServer> {
  return FakeServer.start({
    ...options,
    onConnect: (request, socket) => {
      if (reply !== undefined) {
        socket.end(reply)
        return
      }
      const there = connect(Number(request.url?.split(':').at(-1)), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
        there.pipe(socket).pipe(there)
      })
      there.on('error', () => socket.destroy())
      socket.on('error', () => there.destroy())
    },
  })
}

test('through a proxy, in plain HTTP and over TLS, with a password', () =>
  withServer({ pair: good, answer: (_request, response) => answerJson(response, 200, {}) }, async server => {
    for (const scheme of ['http', 'https'] as const) {
      const proxy = await proxyServer(scheme === 'https' ? { pair: await ca.issue() } : {})
      const url = `${scheme}://jane:hunter%402@127.0.0.1:${proxy.port}`
      const answer = await exchangeHttps({
        url: server.url,
        trust: { caPem: ca.pem },
        headers,
        proxy: parseProxy(url, 'HTTPS_PROXY'),
      })
      assert.is(answer.status, 200)
      const [tunnel] = proxy.requests
      assert.is(tunnel?.method, 'CONNECT')
      assert.is(tunnel?.url, `127.0.0.1:${server.port}`)
      assert.is(tunnel?.headers['proxy-authorization'], `Basic ${Buffer.from('jane:hunter@2').toString('base64')}`)
      assert.is(tunnel?.headers.authorization, undefined)
      assert.not.ok(proxy.received.includes(SECRET))
      await proxy.close()
    }
  }))

const PROXIES: readonly (readonly [
  what: string,
  options: FakeServerOptions,
  reply: string | undefined,
  code: ErrorCode,
])[] = [
  ['that wants a password', {}, 'HTTP/1.1 407 Proxy Authentication Required\r\n\r\n', 'KPKI_NET_PROXY'],
  ['that forbids it', {}, 'HTTP/1.1 403 Forbidden\r\ncontent-length: 5\r\n\r\nno no', 'KPKI_NET_PROXY'],
  ['that reaches nobody', {}, 'HTTP/1.1 502 Bad Gateway\r\n\r\n', 'KPKI_NET_PROXY'],
  ['that is none', {}, 'SSH-2.0-OpenSSH_9.2\r\n', 'KPKI_NET_PROXY'],
  ['that talks out of turn', {}, 'HTTP/1.1 200 OK\r\n\r\nhello', 'KPKI_NET_PROXY'],
  ['that hangs up', { onConnection: socket => socket.destroy() }, undefined, 'KPKI_NET_PROXY'],
  ['that hangs', { onConnection: hang }, undefined, 'KPKI_NET_TIMEOUT'],
  ['of another CA', { pair: stranger }, undefined, 'KPKI_NET_PROXY'],
  ['for other names', { pair: SERVERS[1]?.[1] }, undefined, 'KPKI_NET_PROXY'],
]
for (const [what, options, reply, code] of PROXIES) {
  test(`a proxy ${what}`, async () => {
    const proxy = await proxyServer(options, reply)
    const url = `${options.pair ? 'https' : 'http'}://jane:hunter2@127.0.0.1:${proxy.port}`
    const request = { url: 'https://127.0.0.1:1/', trust: { caPem: ca.pem }, proxy: parseProxy(url, 'x'), headers }
    const error = await rejects(exchangeHttps({ ...request, timeoutMs: 400 }))
    assert.is(error.code, code, error.message)
    assert.is(error.details['phase'], 'proxy')
    assert.not.match(`${error.message}${error.hint}${JSON.stringify(error.details)}`, /hunter2/)
    if (options.pair) assert.is(proxy.received, '')
    await proxy.close()
  })
}

test('a proxy where nobody is, and one in the middle that shows its own certificate', async () => {
  const gone = await FakeServer.start({})
  await gone.close()
  const request = { url: 'https://127.0.0.1:1/', trust: { caPem: ca.pem }, headers }
  const proxy = parseProxy(`http://127.0.0.1:${gone.port}`, 'x')
  assert.is((await rejects(exchangeHttps({ ...request, proxy }))).code, 'KPKI_NET_PROXY')
  await withServer({ pair: stranger }, async middle => {
    const cheat = await FakeServer.start({
      onConnect: (_request, socket) => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        const there = connect(middle.port, '127.0.0.1')
        there.pipe(socket).pipe(there)
        there.on('error', () => socket.destroy())
      },
    })
    const error = await rejects(exchangeHttps({ ...request, proxy: parseProxy(`http://127.0.0.1:${cheat.port}`, 'x') }))
    assert.is(error.code, 'KPKI_TLS_UNTRUSTED')
    assert.not.ok(middle.received.includes(SECRET))
    await cheat.close()
  })
})

test.run()
