/** What a server may do to us: each ends in its time, with a code of its own, and nothing said that should not be. */
import { X509Certificate } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { exchangeHttps } from '../../lib/host/https.js'
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

test('names of the certificate are said', () =>
  withServer({ pair: SERVERS[1]?.[1] }, async server => {
    const error = await rejects(exchangeHttps({ url: server.url, trust: { caPem: ca.pem } }))
    assert.equal(error.details['names'], ['cp-1', '10.0.0.1'])
  }))

test.run()
