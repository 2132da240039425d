// Discovery step by step, over a server that is a function; test/host/discovery.test.ts has real ones.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { discoverWith } from '../../lib/access/discovery.js'
import { DISCOVERY_STEPS, type DiscoveryStep, type DiscoveryStepName } from '../../lib/access/discovery-steps.js'
import type { ClusterInfoRequest, DiscoveryRequest, DiscoveryTransport } from '../../lib/access/discovery-types.js'
import { readServerCas } from '../../lib/access/server-cas.js'
import type { KpkiError } from '../../lib/errors.js'
import { ApiError, EncodingError, NetworkError, UsageError, VerifyError } from '../../lib/errors.js'
import { parseCertificates } from '../../lib/x509/certificate.js'
import { configMap, kubeconfigOf, pinOf, sign, signed, TOKEN } from '../support/cluster-info.js'
import { NOW, rejects, testContext } from '../support/context.js'
import { vector } from '../vectors/read.js'

const SERVER = 'https://10.0.0.10:6443'
const ROOT = vector('x509/root.crt')
const OTHER = vector('x509/root-other.crt')
const PIN = pinOf(ROOT)
const kubeconfigFor = (caPem: string, server = SERVER, names?: readonly string[]) => kubeconfigOf(caPem, server, names)
const GOOD = signed(kubeconfigFor(ROOT))

/** One answer, or what keeps it from coming and how far it gets before. */
interface Reply {
  readonly status?: number
  readonly body?: unknown
  readonly date?: string
  readonly location?: string
  readonly failure?: KpkiError
  readonly reaches?: 'nothing' | 'connect' | 'tls' | 'trusted'
  readonly chain?: readonly string[]
  readonly takesSeconds?: number
}

/** A server that gives one reply after the other, the last one for ever. */
class Script implements DiscoveryTransport {
  readonly asked: ClusterInfoRequest[] = []
  seconds = 1000
  readonly #replies: readonly Reply[]

  constructor(...replies: readonly Reply[]) {
    this.#replies = replies
  }

  elapsedSeconds = () => this.seconds
  sleep = async (seconds: number) => {
    this.seconds += seconds
  }

  ask = async (request: ClusterInfoRequest) => {
    const {
      reaches = 'trusted',
      takesSeconds = 0.01,
      ...reply
    } = this.#replies[Math.min(this.asked.length, this.#replies.length - 1)] ?? {}
    this.asked.push(request)
    this.seconds += Math.min(takesSeconds, request.timeoutSeconds)
    if (reaches !== 'nothing') request.onConnect('10.0.0.10:6443')
    if (reaches === 'tls' || reaches === 'trusted') {
      const chain = (reply.chain ?? [vector('x509/leaf.crt')]).map(pem => parseCertificates(pem)[0].der)
      request.onHandshake({ protocol: 'TLSv1.3', chain })
    }
    if (reaches === 'trusted') request.onTrusted()
    if (reply.failure) throw reply.failure
    const { status = 200, body = configMap(GOOD), date, location } = reply
    const bytes =
      body instanceof Uint8Array ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
    return { status, body: bytes, date, location }
  }
}

interface Outcome {
  readonly error: KpkiError | undefined
  readonly steps: readonly DiscoveryStep[]
  readonly log: readonly string[]
}

async function run(script: Script, request: Partial<DiscoveryRequest> = {}, timeoutSeconds = 10): Promise<Outcome> {
  const steps: DiscoveryStep[] = []
  const log: string[] = []
  const context = testContext({ log: ({ message }) => log.push(message) })
  const work = discoverWith(script, { server: '10.0.0.10', token: TOKEN, pins: [PIN], ...request }, context, {
    timeoutSeconds,
    onStep: step => steps.push(step),
  })
  try {
    const discovery = await work
    assert.equal(discovery.steps, steps)
    return { error: undefined, steps, log }
  } catch {
    return { error: await rejects(work), steps, log }
  }
}

const summary = (steps: readonly DiscoveryStep[]) => steps.map(({ name, result }) => `${name}: ${result}`)
const failed = (steps: readonly DiscoveryStep[]) =>
  steps.flatMap(({ name, result }) => (result === 'failed' ? [name] : []))

test('a cluster is found: what is asked, and what comes of it', async () => {
  const script = new Script({ date: 'Mon, 01 Jun 2026 12:00:30 GMT' })
  const steps: DiscoveryStep[] = []
  const found = await discoverWith(
    script,
    { server: 'https://10.0.0.10:6443/', token: TOKEN, pins: [PIN.toUpperCase()] },
    testContext(),
    { onStep: step => steps.push(step) },
  )
  assert.is(found.server, SERVER)
  assert.is(found.kubeconfig, kubeconfigFor(ROOT))
  assert.equal(
    found.caCertificates.map(({ der }) => Buffer.from(der).toString('hex')),
    [Buffer.from(parseCertificates(ROOT)[0].der).toString('hex')],
  )
  assert.equal(found.steps, steps)
  assert.equal(
    summary(steps),
    Object.keys(DISCOVERY_STEPS).map(name => `${name}: ok`),
  )
  assert.equal(
    script.asked.map(({ endpoint, roots }) => [endpoint.url, roots?.map(({ subject }) => subject.text)]),
    [
      [SERVER, undefined],
      [SERVER, ['CN=root']],
    ],
  )
  // Nothing that is handed on knows the secret.
  assert.not.match(JSON.stringify([script.asked, steps, found]), TOKEN.secret)
})

// Timers of Node count to 2^31 - 1 milliseconds, and take longer times for one: nodejs.org/api/timers.html.
for (const seconds of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 3e6]) {
  test(`${seconds} is no time to wait: nobody is asked`, async () => {
    const script = new Script({})
    const request = { server: '10.0.0.10', token: TOKEN, pins: [PIN] }
    for (const options of [{ timeoutSeconds: seconds }, { requestTimeoutSeconds: seconds }])
      assert.is((await rejects(discoverWith(script, request, testContext(), options))).code, 'KPKI_FIELD_VALUE')
    assert.is((await rejects(readServerCas(script, '10.0.0.10', seconds))).code, 'KPKI_FIELD_VALUE')
    assert.is(script.asked.length, 0)
  })
}

test('without a token its steps are skipped, without pins theirs are', async () => {
  const bare = await run(new Script({ body: configMap({ kubeconfig: kubeconfigFor(ROOT) }) }), { token: undefined })
  assert.is(bare.error, undefined)
  assert.equal(
    bare.steps.filter(({ result }) => result === 'skipped').map(({ name }) => name),
    ['token', 'signature'],
  )
  const script = new Script({})
  const unpinned = await run(script, { pins: [], unsafeSkipCaVerification: true })
  assert.is(unpinned.error, undefined)
  assert.equal(
    unpinned.steps.filter(({ result }) => result === 'skipped').map(({ name }) => name),
    ['pin', 'verified-tls', 'unchanged'],
  )
  assert.is(script.asked.length, 1)
})

for (const [what, request] of [
  ['nothing to know the cluster by', { token: undefined, pins: [] }],
  ['a token alone', { pins: [] }],
  ['nothing, and that on purpose', { token: undefined, pins: [], unsafeSkipCaVerification: true }],
] as const) {
  test(`nobody is asked with ${what}`, async () => {
    const script = new Script({})
    const { error } = await run(script, request)
    assert.instance(error, UsageError)
    assert.is(error?.code, 'KPKI_FIELD_VALUE')
    assert.is(script.asked.length, 0)
  })
}

const refused = new NetworkError('KPKI_NET_UNREACHABLE', 'refuses connections', { details: { errno: 'ECONNREFUSED' } })
const unknownName = new NetworkError('KPKI_NET_UNREACHABLE', 'no such name', { details: { errno: 'ENOTFOUND' } })
const timeout = new NetworkError('KPKI_NET_TIMEOUT', 'time was up')
const status = (code: number, reason: string) => ({
  status: code,
  body: { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, code },
})
const withData = (data: unknown): Reply => ({ body: configMap(data) })
const b64 = (text: string) => Buffer.from(text).toString('base64')
const kubeconfig = kubeconfigFor(ROOT)
const signedText = (text: string) => withData(signed(text))

type Case = readonly [
  what: string,
  step: DiscoveryStepName,
  code: string,
  type: unknown,
  replies: readonly Reply[],
  waits: boolean,
]
const CASES: readonly Case[] = [
  ['nobody listens', 'connect', 'KPKI_NET_UNREACHABLE', NetworkError, [{ reaches: 'nothing', failure: refused }], true],
  [
    'the name does not exist',
    'connect',
    'KPKI_NET_UNREACHABLE',
    NetworkError,
    [{ reaches: 'nothing', failure: unknownName }],
    false,
  ],
  [
    'no handshake',
    'tls',
    'KPKI_TLS_FAILED',
    NetworkError,
    [{ reaches: 'connect', failure: new NetworkError('KPKI_TLS_FAILED', 'x') }],
    false,
  ],
  ['no answer', 'cluster-info', 'KPKI_NET_TIMEOUT', NetworkError, [{ failure: timeout, takesSeconds: 99 }], true],
  [
    'redirected',
    'cluster-info',
    'KPKI_NET_RESPONSE',
    NetworkError,
    [{ status: 302, location: 'https://evil.example', body: '' }],
    false,
  ],
  ['401', 'cluster-info', 'KPKI_API_UNAUTHORIZED', ApiError, [status(401, 'Unauthorized')], false],
  ['403', 'cluster-info', 'KPKI_API_FORBIDDEN', ApiError, [status(403, 'Forbidden')], true],
  ['404', 'cluster-info', 'KPKI_CLUSTER_INFO_MISSING', ApiError, [status(404, 'NotFound')], true],
  ['404 of a web server', 'cluster-info', 'KPKI_NET_RESPONSE', NetworkError, [{ status: 404, body: '<html>' }], false],
  ['400', 'cluster-info', 'KPKI_NET_RESPONSE', NetworkError, [status(400, 'BadRequest')], false],
  ['429', 'cluster-info', 'KPKI_NET_RESPONSE', NetworkError, [status(429, 'TooManyRequests')], true],
  ['500', 'cluster-info', 'KPKI_NET_RESPONSE', NetworkError, [status(500, 'InternalError')], true],
  ['503 of a load balancer', 'cluster-info', 'KPKI_NET_RESPONSE', NetworkError, [{ status: 503, body: '' }], true],
  ['204', 'cluster-info', 'KPKI_NET_RESPONSE', NetworkError, [{ status: 204, body: '' }], false],
  ['no JSON', 'cluster-info', 'KPKI_NET_RESPONSE', NetworkError, [{ body: '<html>' }], false],
  [
    'half of it',
    'cluster-info',
    'KPKI_NET_RESPONSE',
    NetworkError,
    [{ body: JSON.stringify(configMap(GOOD)).slice(0, 200) }],
    false,
  ],
  [
    'no UTF-8',
    'cluster-info',
    'KPKI_NET_RESPONSE',
    NetworkError,
    [{ body: new Uint8Array([0x22, 0xff, 0x22]) }],
    false,
  ],
  ['a list', 'cluster-info', 'KPKI_NET_RESPONSE', NetworkError, [{ body: [configMap(GOOD)] }], false],
  ['null', 'cluster-info', 'KPKI_NET_RESPONSE', NetworkError, [{ body: null }], false],
  [
    'another kind',
    'cluster-info',
    'KPKI_CLUSTER_INFO_INVALID',
    EncodingError,
    [{ body: { ...configMap(GOOD), kind: 'Secret' } }],
    false,
  ],
  ['no kind', 'cluster-info', 'KPKI_CLUSTER_INFO_INVALID', EncodingError, [{ body: { data: GOOD } }], false],
  ['no data', 'cluster-info', 'KPKI_CLUSTER_INFO_MISSING', ApiError, [{ body: configMap(undefined) }], true],
  ['no kubeconfig', 'cluster-info', 'KPKI_CLUSTER_INFO_MISSING', ApiError, [withData({ other: 'x' })], true],
  ['an empty kubeconfig', 'cluster-info', 'KPKI_CLUSTER_INFO_MISSING', ApiError, [withData({ kubeconfig: '' })], true],
  ['data that is none', 'cluster-info', 'KPKI_CLUSTER_INFO_INVALID', EncodingError, [{ body: configMap('x') }], false],
  [
    'a kubeconfig that is no text',
    'cluster-info',
    'KPKI_CLUSTER_INFO_INVALID',
    EncodingError,
    [withData({ kubeconfig: {} })],
    false,
  ],
  [
    'half a surrogate pair',
    'cluster-info',
    'KPKI_CLUSTER_INFO_INVALID',
    EncodingError,
    [{ body: '{"kind":"ConfigMap","data":{"kubeconfig":"\\ud800"}}' }],
    false,
  ],
  ['no signature', 'token', 'KPKI_TOKEN_UNKNOWN', VerifyError, [withData({ kubeconfig })], true],
  [
    'a signature of another token',
    'token',
    'KPKI_TOKEN_UNKNOWN',
    VerifyError,
    [withData(signed(kubeconfig, [{ ...TOKEN, id: 'zzzzzz' }]))],
    true,
  ],
  [
    'an empty signature',
    'token',
    'KPKI_TOKEN_UNKNOWN',
    VerifyError,
    [withData({ kubeconfig, 'jws-kubeconfig-abcdef': '' })],
    true,
  ],
  [
    'a signature that is no text',
    'token',
    'KPKI_TOKEN_UNKNOWN',
    VerifyError,
    [withData({ kubeconfig, 'jws-kubeconfig-abcdef': 1 })],
    true,
  ],
  [
    'another secret',
    'signature',
    'KPKI_JWS_MISMATCH',
    VerifyError,
    [withData(signed(kubeconfig, [{ ...TOKEN, secret: 'fedcba9876543210' }]))],
    false,
  ],
  [
    'the signature of something else',
    'signature',
    'KPKI_JWS_MISMATCH',
    VerifyError,
    [withData({ kubeconfig, 'jws-kubeconfig-abcdef': sign(`${kubeconfig} `) })],
    false,
  ],
  [
    'an unsigned JWS',
    'signature',
    'KPKI_JWS_MISMATCH',
    VerifyError,
    [withData({ kubeconfig, 'jws-kubeconfig-abcdef': `${Buffer.from('{"alg":"none"}').toString('base64url')}..` })],
    false,
  ],
  ['a kubeconfig that is no YAML', 'kubeconfig', 'KPKI_CLUSTER_INFO_INVALID', EncodingError, [signedText('{')], false],
  [
    'a kubeconfig that is a text',
    'kubeconfig',
    'KPKI_CLUSTER_INFO_INVALID',
    EncodingError,
    [signedText('hello')],
    false,
  ],
  [
    'two clusters',
    'kubeconfig',
    'KPKI_CLUSTER_INFO_INVALID',
    EncodingError,
    [signedText(kubeconfigFor(ROOT, SERVER, ['', 'b']))],
    false,
  ],
  [
    'no cluster',
    'kubeconfig',
    'KPKI_CLUSTER_INFO_INVALID',
    EncodingError,
    [signedText(kubeconfigFor(ROOT, SERVER, []))],
    false,
  ],
  [
    'no server',
    'kubeconfig',
    'KPKI_CLUSTER_INFO_INVALID',
    EncodingError,
    [signedText(kubeconfigFor(ROOT, '""'))],
    false,
  ],
  [
    'a server without TLS',
    'kubeconfig',
    'KPKI_CLUSTER_INFO_INVALID',
    EncodingError,
    [signedText(kubeconfigFor(ROOT, 'http://10.0.0.10'))],
    false,
  ],
  [
    'a server with a password',
    'kubeconfig',
    'KPKI_CLUSTER_INFO_INVALID',
    EncodingError,
    [signedText(kubeconfigFor(ROOT, 'https://a:hunter2@10.0.0.10'))],
    false,
  ],
  [
    'a CA that is no base64',
    'kubeconfig',
    'KPKI_CLUSTER_INFO_INVALID',
    EncodingError,
    [signedText(kubeconfig.replace(b64(ROOT), '###'))],
    false,
  ],
  [
    'a CA that is no PEM',
    'kubeconfig',
    'KPKI_CLUSTER_INFO_INVALID',
    EncodingError,
    [signedText(kubeconfigFor('no PEM'))],
    false,
  ],
  [
    'a CA that is cut off',
    'kubeconfig',
    'KPKI_CLUSTER_INFO_INVALID',
    EncodingError,
    [signedText(kubeconfigFor(ROOT.slice(0, 300)))],
    false,
  ],
  ['no CA', 'kubeconfig', 'KPKI_CLUSTER_INFO_INVALID', EncodingError, [signedText(kubeconfigFor(''))], false],
  [
    'a CA that is none',
    'kubeconfig',
    'KPKI_CLUSTER_INFO_INVALID',
    EncodingError,
    [signedText(kubeconfigFor(vector('x509/leaf.crt')))],
    false,
  ],
  ['another CA', 'pin', 'KPKI_PIN_MISMATCH', VerifyError, [signedText(kubeconfigFor(OTHER))], false],
  [
    'another cluster-info the second time',
    'unchanged',
    'KPKI_CLUSTER_INFO_CHANGED',
    VerifyError,
    [{}, signedText(`${kubeconfig}#\n`)],
    false,
  ],
  ['none the second time', 'unchanged', 'KPKI_CLUSTER_INFO_MISSING', ApiError, [{}, status(404, 'NotFound')], true],
  [
    'no answer the second time',
    'unchanged',
    'KPKI_NET_TIMEOUT',
    NetworkError,
    [{}, { failure: timeout, takesSeconds: 99 }],
    true,
  ],
  [
    'no handshake the second time',
    'verified-tls',
    'KPKI_TLS_UNTRUSTED',
    NetworkError,
    [{}, { reaches: 'tls', failure: new NetworkError('KPKI_TLS_UNTRUSTED', 'x') }],
    false,
  ],
  [
    'nobody the second time',
    'verified-tls',
    'KPKI_NET_UNREACHABLE',
    NetworkError,
    [{}, { reaches: 'nothing', failure: refused }],
    true,
  ],
]
for (const [what, step, code, type, replies, waits] of CASES) {
  test(`${what}: ${step} fails with ${code}`, async () => {
    const script = new Script(...replies)
    const { error, steps, log } = await run(script)
    assert.instance(error, type as new () => unknown)
    assert.equal([error?.code, failed(steps)], [code, [step]], error?.message)
    assert.equal(steps.map(({ name }) => name).sort(), Object.keys(DISCOVERY_STEPS).sort(), 'every step has one result')
    const told = steps.find(({ name }) => name === step)
    assert.equal([told?.code, told?.message, told?.hint], [code, error?.message, error?.hint])
    // Bounded: ten seconds, and about one request in each.
    assert.ok(script.seconds - 1000 <= 10.5, String(script.seconds))
    assert.ok(script.asked.length <= 11)
    const rounds = replies.length
    if (waits) assert.ok(script.asked.length > rounds || (replies.at(-1)?.takesSeconds ?? 0) > 10, 'asked again')
    else assert.is(script.asked.length, rounds, 'a lie ends it at once')
    assert.is(log.length, waits && script.asked.length > rounds ? 1 : 0, log.join())
    const text = `${error?.message} ${error?.hint}`
    assert.not.match(text, /\n|hunter2|0123456789abcdef/)
    assert.ok(text.length < 700)
    if (code.startsWith('KPKI_CLUSTER') || code.startsWith('KPKI_API')) assert.ok(error?.hint)
  })
}

test('of who sends elsewhere it is said whereto', async () => {
  const { error } = await run(new Script({ status: 308, location: 'https://evil.example/\n', body: '' }))
  assert.match(error?.message ?? '', /sends elsewhere to "https:\/\/evil\.example\/\\n"/)
})

test('what comes up is waited for: a server, its etcd, the rule, cluster-info, the signature', async () => {
  const script = new Script(
    { reaches: 'nothing', failure: refused },
    { status: 503, body: '' },
    status(403, 'Forbidden'),
    status(404, 'NotFound'),
    withData({ kubeconfig }),
    {},
  )
  const { error, steps, log } = await run(script)
  assert.is(error, undefined)
  assert.ok(steps.every(({ result }) => result === 'ok'))
  assert.is(log.length, 5)
  assert.is(script.asked.length, 7)
})

test('the last request is not blamed for having no time left', async () => {
  const slow = { reaches: 'connect', failure: timeout, takesSeconds: 99 } as const
  const { error } = await run(new Script(status(403, 'Forbidden'), slow), {}, 4)
  assert.is(error?.code, 'KPKI_API_FORBIDDEN')
})

test('a wrong token does not keep the pin from being compared, and nobody is asked again for that', async () => {
  const script = new Script(signedText(kubeconfigFor(OTHER)))
  const { error, steps } = await run(script, { token: { id: 'zzzzzz', secret: TOKEN.secret } }, 0.5)
  assert.is(error?.code, 'KPKI_TOKEN_UNKNOWN')
  assert.equal(error?.details['signedWith'], ['abcdef'])
  assert.equal(failed(steps), ['token', 'pin'])
  assert.is(script.asked.length, 1)
  const right = await run(new Script({}), { token: { ...TOKEN, secret: 'fedcba9876543210' } })
  assert.equal(failed(right.steps), ['signature'])
  assert.is(right.steps.find(({ name }) => name === 'pin')?.result, 'ok')
  assert.equal(
    right.steps.filter(({ result }) => result === 'skipped').map(({ name }) => name),
    ['verified-tls', 'unchanged'],
  )
})

test('another CA: the pins that there are', async () => {
  const { error } = await run(new Script(signedText(kubeconfigFor(OTHER + vector('x509/p384-ca.crt')))))
  assert.equal(error?.details['actual'], [pinOf(OTHER), pinOf(vector('x509/p384-ca.crt'))])
})

test('of a bundle, the second connection trusts the pinned CA alone', async () => {
  const bundle = signedText(kubeconfigFor(OTHER + ROOT))
  const script = new Script(bundle)
  assert.is((await run(script)).error, undefined)
  assert.equal(
    script.asked[1]?.roots?.map(root => Buffer.from(root.der).equals(parseCertificates(ROOT)[0].der)),
    [true],
  )
  const both = new Script(bundle)
  assert.is((await run(both, { pins: [PIN, pinOf(OTHER)] })).error, undefined)
  assert.is(both.asked[1]?.roots?.length, 2)
})

test('a certificate of a CA that was published beside the pinned one: its pin, and no advice to just take it', async () => {
  const untrusted = new NetworkError('KPKI_TLS_UNTRUSTED', 'x')
  const bundle = signedText(kubeconfigFor(OTHER + ROOT))
  const script = new Script(bundle, { ...bundle, reaches: 'tls', failure: untrusted })
  const { error } = await run(script, { pins: [pinOf(OTHER)] })
  assert.is(error?.code, 'KPKI_TLS_UNTRUSTED')
  assert.is(error?.details['pin'], PIN)
  assert.match(error?.hint ?? '', 'control plane')
  assert.is(error?.cause, untrusted)
})

test('a certificate for other names: which', async () => {
  const failure = new NetworkError('KPKI_TLS_NAME', 'x', { details: { host: 'h' } })
  const { error } = await run(new Script({}, { reaches: 'tls', failure }))
  const { dnsNames, ipAddresses } = parseCertificates(vector('x509/leaf.crt'))[0]
  assert.equal([error?.code, error?.details['names']], ['KPKI_TLS_NAME', [...dnsNames, ...ipAddresses]])
  for (const name of [...dnsNames, ...ipAddresses, '10.0.0.10']) assert.match(error?.message ?? '', name)
})

test('a certificate that is not valid now: both clocks', async () => {
  const failure = new NetworkError('KPKI_TLS_EXPIRED', 'x')
  const expired = { reaches: 'tls', failure, chain: [vector('x509/leaf-expired.crt')] } as const
  const { notBefore, notAfter } = parseCertificates(vector('x509/leaf-expired.crt'))[0]
  const inside = new Date((+notBefore + +notAfter) / 2).toUTCString()
  const skewed = await run(new Script({ date: inside }, expired))
  assert.is(skewed.error?.code, 'KPKI_TLS_EXPIRED')
  assert.match(
    skewed.error?.message ?? '',
    `this machine's clock says ${NOW.toISOString().slice(0, 19)}Z, the server's`,
  )
  assert.match(skewed.error?.hint ?? '', /^set the clock/)
  const skew = skewed.steps.find(({ name }) => name === 'cluster-info')
  assert.is(skew?.details['clockSkewSeconds'], Math.round((Date.parse(inside) - +NOW) / 1000))
  assert.match(skew?.message ?? '', "the server's clock says")
  const agreed = await run(new Script({ date: NOW.toUTCString() }, expired))
  assert.match(agreed.error?.hint ?? '', /^renew/)
  const future = { reaches: 'tls', failure, chain: [vector('x509/leaf-future.crt')] } as const
  assert.match(
    (await run(new Script({}, future))).error?.message ?? '',
    /is not valid before .*; this machine's clock says/,
  )
})

test('a certificate that cannot be read, and a Date that is none, are no reason to stop', async () => {
  const script = new Script({ date: 'tomorrow' })
  const ask = script.ask
  script.ask = request =>
    ask({
      ...request,
      onHandshake: () => request.onHandshake({ protocol: 'TLSv1.2', chain: [new Uint8Array([1, 2])] }),
    })
  const { error, steps } = await run(script)
  assert.is(error, undefined)
  assert.match(steps[1]?.message ?? '', 'cannot be read')
})

test('many signatures are told of in a line', async () => {
  const ids = Array.from({ length: 500 }, (_, index) => `t${String(index).padStart(5, '0')}`)
  const data = { kubeconfig, ...Object.fromEntries(ids.map(id => [`jws-kubeconfig-${id}`, 'x'])) }
  const { error } = await run(new Script(withData(data)), {}, 0.5)
  assert.ok((error?.message.length ?? 0) < 400)
  assert.is(Object.values(error?.details['signedWith'] ?? []).length, 20)
})

test.run()
