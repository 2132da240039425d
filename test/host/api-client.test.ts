/** The API client against a server in this process that answers what an API server may answer, and what none should. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { inspect } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ClusterApi, ObjectName, WatchEvent } from '../../lib/access/api.js'
import type { ClusterConnection } from '../../lib/access/kubeconfig-connection.js'
import type { LogEvent } from '../../lib/context.js'
import { ApiError, type ErrorCode, NetworkError } from '../../lib/errors.js'
import { type ConnectOptions, connectCluster } from '../../lib/host/api-client.js'
import { rejects, testContext } from '../support/context.js'
import { answerJson, FakeServer, LIES, type Pair, TestCa } from '../support/lying-server.js'

const ca = await TestCa.create()
const good = await ca.issue()
const stranger = await (await TestCa.create()).issue()
const TOKEN = 'abcdef.0123456789abcdef'

const CONFIG_MAP = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'a', namespace: 'default' },
  data: { key: 'value' },
} as const
const SECRET = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 's', namespace: 'kube-system' },
  stringData: { 'token-secret': 'hunter2-hunter2' },
} as const
const NAME: ObjectName = { kind: 'ConfigMap', name: 'a', namespace: 'default' }

type Answer = (request: IncomingMessage, response: ServerResponse, count: number) => void

interface Scene {
  readonly answer: Answer
  readonly pair?: Pair
  readonly connection?: Partial<ClusterConnection>
  readonly options?: ConnectOptions
}

async function withApi(
  { answer, pair = good, connection = {}, options = {} }: Scene,
  work: (api: ClusterApi, server: FakeServer, logged: readonly LogEvent[]) => Promise<void>,
): Promise<void> {
  let count = 0
  const server = await FakeServer.start({ pair, answer: (request, response) => answer(request, response, ++count) })
  const logged: LogEvent[] = []
  let api: ClusterApi | undefined
  try {
    api = connectCluster(
      {
        server: server.url,
        caPem: ca.pem,
        isInsecure: false,
        serverName: undefined,
        proxyUrl: undefined,
        client: undefined,
        authorization: `Bearer ${TOKEN}`,
        impersonation: undefined,
        namespace: undefined,
        contextName: 'x',
        clusterName: 'c',
        userName: 'u',
        ...connection,
        ...(connection.server === undefined ? {} : { server: `${server.url}${connection.server}` }),
      },
      testContext({ log: event => logged.push(event) }),
      options,
    )
    await work(api, server, logged)
  } finally {
    api?.close()
    await server.close()
  }
}

function status(code: number, reason: string, message: string, details: object = {}): object {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, details, code }
}

const notFound = status(404, 'NotFound', 'configmaps "a" not found', { name: 'a', kind: 'configmaps' })

// Paths, methods and content types: Kubernetes API concepts, and kubectl -v 8 of v1.20.2.
const REQUESTS: readonly (readonly [
  what: string,
  ask: (api: ClusterApi) => Promise<unknown>,
  method: string,
  url: string,
  type: string | undefined,
  body: unknown,
])[] = [
  ['get', api => api.get(NAME), 'GET', '/api/v1/namespaces/default/configmaps/a', undefined, undefined],
  [
    'get of a kind without namespaces',
    api => api.get({ kind: 'ClusterRole', name: 'system:node' }),
    'GET',
    '/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode',
    undefined,
    undefined,
  ],
  [
    'create',
    api => api.create(CONFIG_MAP),
    'POST',
    '/api/v1/namespaces/default/configmaps?fieldManager=kpki',
    'application/json',
    CONFIG_MAP,
  ],
  [
    'apply',
    api => api.apply({ ...CONFIG_MAP, metadata: { ...CONFIG_MAP.metadata, managedFields: [] } }),
    'PATCH',
    '/api/v1/namespaces/default/configmaps/a?fieldManager=kpki&force=true',
    'application/apply-patch+yaml',
    CONFIG_MAP,
  ],
  [
    'apply without force',
    api => api.apply(CONFIG_MAP, { force: false }),
    'PATCH',
    '/api/v1/namespaces/default/configmaps/a?fieldManager=kpki&force=false',
    'application/apply-patch+yaml',
    CONFIG_MAP,
  ],
  [
    'patch',
    api => api.patch(NAME, { data: { key: null } }),
    'PATCH',
    '/api/v1/namespaces/default/configmaps/a?fieldManager=kpki',
    'application/merge-patch+json',
    { data: { key: null } },
  ],
  ['delete', api => api.delete(NAME), 'DELETE', '/api/v1/namespaces/default/configmaps/a', undefined, undefined],
  [
    'review',
    api => api.review('/apis/authentication.k8s.io/v1/tokenreviews', { ...CONFIG_MAP, kind: 'TokenReview' }),
    'POST',
    '/apis/authentication.k8s.io/v1/tokenreviews',
    'application/json',
    { ...CONFIG_MAP, kind: 'TokenReview' },
  ],
]
for (const [what, ask, method, url, type, body] of REQUESTS) {
  test(`${what}: the request`, () =>
    withApi(
      {
        answer: (request, response) => {
          const [kind, name] = request.url?.includes('clusterroles')
            ? ['ClusterRole', 'system:node']
            : [request.url?.includes('tokenreviews') ? 'TokenReview' : 'ConfigMap', 'a']
          answerJson(response, 200, { ...CONFIG_MAP, kind, metadata: { ...CONFIG_MAP.metadata, name } })
        },
        options: { userAgent: 'kpki/test' },
      },
      async (api, server) => {
        await ask(api)
        const [seen] = server.requests
        assert.is(server.requests.length, 1)
        assert.is(seen?.method, method)
        assert.is(seen?.url, url)
        assert.is(seen?.headers['content-type'], type)
        assert.is(seen?.headers.accept, 'application/json')
        assert.is(seen?.headers.authorization, `Bearer ${TOKEN}`)
        assert.is(seen?.headers['user-agent'], 'kpki/test')
        assert.equal(seen?.body === '' ? undefined : JSON.parse(seen?.body ?? ''), body)
      },
    ))
}

test('a path in front of the API, and somebody else to speak for', () =>
  withApi(
    {
      answer: (_request, response) => answerJson(response, 200, CONFIG_MAP),
      connection: {
        server: '/k8s/clusters/c-1',
        impersonation: { user: 'jané', groups: ['a', 'b'], extra: { 'acme.org/reason': ['x'] } },
      },
    },
    async (api, server) => {
      await api.get(NAME)
      const [seen] = server.requests
      assert.is(seen?.url, '/k8s/clusters/c-1/api/v1/namespaces/default/configmaps/a')
      assert.is(Buffer.from(String(seen?.headers['impersonate-user']), 'latin1').toString(), 'jané')
      assert.is(seen?.headers['impersonate-group'], 'a, b')
      assert.is(seen?.headers['impersonate-extra-acme.org%2freason'], 'x')
    },
  ))

for (const name of ['', '.', '..', 'a/b', 'a%2fb']) {
  test(`no object can be called ${JSON.stringify(name)}`, () =>
    withApi({ answer: (_request, response) => answerJson(response, 200, CONFIG_MAP) }, async (api, server) => {
      for (const ask of [() => api.get({ ...NAME, name }), () => api.delete({ ...NAME, namespace: name })])
        assert.is((await rejects(ask)).code, 'KPKI_FIELD_VALUE')
      assert.is(server.requests.length, 0)
    }))
}

test('what is not there: undefined and false, and an error for a kind that is not there', () =>
  withApi({ answer: (_request, response) => answerJson(response, 404, notFound) }, async api => {
    assert.is(await api.get(NAME), undefined)
    assert.is(await api.delete(NAME), false)
    assert.is((await rejects(api.patch(NAME, {}))).code, 'KPKI_API_NOT_FOUND')
    // The answer is about another object: somebody in between answers for everything.
    assert.is((await rejects(api.get({ ...NAME, name: 'b' }))).code, 'KPKI_API_NOT_FOUND')
  }))

// Reasons: kubernetes/kubernetes v1.20.2, staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/types.go (StatusReason).
const ERRORS: readonly (readonly [code: number, reason: string, ErrorCode])[] = [
  [401, 'Unauthorized', 'KPKI_API_UNAUTHORIZED'],
  [403, 'Forbidden', 'KPKI_API_FORBIDDEN'],
  [404, 'NotFound', 'KPKI_API_NOT_FOUND'],
  [409, 'AlreadyExists', 'KPKI_API_EXISTS'],
  [409, 'Conflict', 'KPKI_API_CONFLICT'],
  [410, 'Expired', 'KPKI_API_REFUSED'],
  [413, 'RequestEntityTooLarge', 'KPKI_API_REFUSED'],
  [415, 'UnsupportedMediaType', 'KPKI_API_REFUSED'],
  [422, 'Invalid', 'KPKI_API_REFUSED'],
  [500, 'InternalError', 'KPKI_API_REFUSED'],
]
for (const [code, reason, expected] of ERRORS) {
  test(`${code} ${reason} is ${expected}`, () => {
    const causes = [{ field: 'metadata.name', message: 'Invalid value' }]
    const answer: Answer = (_request, response) =>
      answerJson(response, code, status(code, reason, 'no\x1b[2J', { causes }))
    return withApi({ answer }, async api => {
      const error = await rejects(api.create(CONFIG_MAP))
      assert.ok(error instanceof ApiError)
      assert.is(error.code, expected)
      assert.is(error.details['status'], code)
      assert.is(error.details['reason'], reason)
      assert.equal(error.details['causes'], ['metadata.name: Invalid value'])
      assert.is(error.message, 'create configmaps "a": no[U+001B][2J')
    })
  })
}

test('errors that are no Status, and answers that are no objects', () =>
  withApi(
    { answer: (request, response) => answerJson(response, Number(request.url?.split('/').at(-1)), ['hello']) },
    async api => {
      for (const [code, expected] of [
        [401, 'KPKI_API_UNAUTHORIZED'],
        [403, 'KPKI_API_FORBIDDEN'],
        [404, 'KPKI_API_NOT_FOUND'],
        [418, 'KPKI_API_REFUSED'],
        [501, 'KPKI_NET_RESPONSE'],
        [200, 'KPKI_NET_RESPONSE'],
        [302, 'KPKI_NET_RESPONSE'],
      ] as const)
        assert.is((await rejects(api.get({ ...NAME, name: String(code) }))).code, expected, String(code))
    },
  ))

test('a redirect is told and not followed', () => {
  const location = 'https://evil.example.org/api?token=hunter2'
  const answer: Answer = (_request, response) => answerJson(response, 307, {}, { location })
  return withApi({ answer }, async (api, server) => {
    const error = await rejects(api.get(NAME))
    assert.is(error.code, 'KPKI_NET_RESPONSE')
    assert.match(error.message, 'https://evil.example.org')
    assert.not.match(error.message, /hunter2/)
    assert.is(server.requests.length, 1)
  })
})

// What a decoder and a validation of v1.20.2 say.
for (const message of [
  'Secret in version "v1" cannot be handled as a Secret: v1.Secret.Data: decode base64: illegal base64 data at input byte 0, error found in #10 byte of ...|t":"hunter2-hunter2"}|..., bigger context ...|{"data":{"a":"hunter2-hunter2"}}|...',
  'Secret "s" is invalid: data[a]: Invalid value: "hunter2-hunter2": no',
]) {
  test(`a server that repeats a secret: ${message.slice(0, 30)}`, () => {
    const details = { causes: [{ field: 'data', message: 'Invalid value: "hunter2-hunter2"' }] }
    const answer: Answer = (_request, response) => answerJson(response, 422, status(422, 'Invalid', message, details))
    return withApi({ answer }, async api => {
      for (const ask of [() => api.create(SECRET), () => api.apply(SECRET)]) {
        const error = await rejects(ask)
        assert.not.match(inspect(error, { depth: 10 }), /hunter2/)
        assert.match(error.message, /^(create|apply) secrets "s": Secret /)
      }
    })
  })
}

// Policies of a cluster see what is decoded, proxies see headers, and each writes it as it likes.
const QUOTES: Readonly<Record<string, (text: string) => string>> = {
  'as it is': text => text,
  'in JSON': text => JSON.stringify({ text }),
  'in a URL': encodeURIComponent,
  'in Base64': text => Buffer.from(text).toString('base64'),
  'in Base64 for URLs': text => Buffer.from(text).toString('base64url'),
}
const PASSWORDS = ['k3v9w2x7y1z5q8rt', 'a "quoted"\\ päss/wörd+?', 'pa$s']
for (const [how, quote] of Object.entries(QUOTES)) {
  test(`a server that repeats what it was sent, ${how}`, async () => {
    for (const password of PASSWORDS) {
      const basic = Buffer.from(`admin:${password}`).toString('base64')
      const secrets = [password, basic]
      const answer: Answer = (_request, response) => {
        const said = `denied: <${[...secrets, 'true', 'abcdef'].map(quote).join('> <')}>`
        answerJson(response, 422, status(422, 'Invalid', said, { causes: [{ field: said, message: said }] }), {
          warning: `299 - ${JSON.stringify(said)}`,
        })
      }
      const encode = (text: string) => Buffer.from(text).toString('base64')
      const data = {
        'token-secret': encode(password),
        'token-id': encode('abcdef'),
        'usage-bootstrap-signing': encode('true'),
      }
      const sent = { ...SECRET, stringData: undefined, data }
      const name: ObjectName = { kind: 'Secret', ...SECRET.metadata }
      for (const ask of [
        (api: ClusterApi) => api.create(sent),
        (api: ClusterApi) => api.apply({ ...SECRET, stringData: { password } }),
        (api: ClusterApi) => api.patch(name, { data }),
        (api: ClusterApi) => api.get(name),
        (api: ClusterApi) => api.delete(name),
        (api: ClusterApi) => api.list('Secret'),
        (api: ClusterApi) => api.review('/apis/a/v1/b', CONFIG_MAP),
      ]) {
        // The credential is in every question, the object in three of them.
        const authorization = String(ask).match(/create|apply|patch/) ? `Bearer ${TOKEN}` : `Basic ${basic}`
        await withApi({ answer, connection: { authorization } }, async (api, _server, logged) => {
          const error = await rejects(ask(api))
          const shown = [error.message, ...((error.details['causes'] as string[]) ?? [])]
          if (authorization.startsWith('Basic')) shown.push(...logged.map(({ message }) => message))
          const hidden = authorization.startsWith('Basic') ? secrets : secrets.slice(0, -1)
          for (const text of shown)
            for (const secret of hidden) {
              assert.not.ok(text.includes(`<${quote(secret)}>`), `${text}\n${secret}`)
              assert.not.ok(secret.length > 6 && text.includes(secret), `${text}\n${secret}`)
            }
          assert.match(shown[0] ?? '', /denied: <.*\*\*\*/s)
          assert.ok(shown[0]?.includes(quote('true')) && shown[0].includes(quote('abcdef')), shown[0])
        })
      }
    }
  })
}

test('one line of a secret of several, e.g. of a private key', () => {
  const key = '-----BEGIN X-----\nAAAAC3NzaC1lZDI1NTE5\nbG9uZyBsb25nIHNlY3JldA\n-----END X-----\n'
  const answer: Answer = (_request, response) =>
    answerJson(response, 422, status(422, 'Invalid', `line 3: bG9uZyBsb25nIHNlY3JldA`))
  return withApi({ answer }, async api => {
    const error = await rejects(api.create({ ...SECRET, stringData: { key } }))
    assert.is(error.message, 'create secrets "s": line 3: ***')
  })
})

test('a bearer token that the server repeats', () =>
  withApi(
    {
      answer: (request, response) =>
        answerJson(response, 403, status(403, 'Forbidden', `you sent ${JSON.stringify(request.headers)}`)),
    },
    async api => {
      const error = await rejects(api.get(NAME))
      assert.match(error.message, '"authorization":"Bearer ***"')
      assert.not.ok(inspect(error, { depth: 10 }).includes(TOKEN))
    },
  ))

test('deleted is only what the server says it has deleted', async () => {
  const success = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' }
  for (const [answered, isGone] of [
    [success, true],
    [{ ...success, details: { name: 'a', kind: 'configmaps' } }, true],
    // An object with finalizers goes later, and comes as it is.
    [CONFIG_MAP, true],
    [{ ...success, details: { name: 'b', kind: 'configmaps' } }, false],
    [{ ...CONFIG_MAP, metadata: { name: 'b' } }, false],
    [{ ...CONFIG_MAP, kind: 'Pod' }, false],
    [{ kind: 'Status', apiVersion: 'v1', metadata: {} }, false],
    [null, false],
    ['<html>', false],
    [{}, false],
  ] as const)
    for (const code of [200, 201, 202])
      await withApi({ answer: (_request, response) => answerJson(response, code, answered) }, async api => {
        if (isGone) assert.is(await api.delete(NAME), true)
        else assert.is((await rejects(api.delete(NAME))).code, 'KPKI_NET_RESPONSE', JSON.stringify(answered))
      })
})

test('an object of another name is none that was asked for', () =>
  withApi({ answer: (_request, response) => answerJson(response, 200, CONFIG_MAP) }, async api => {
    const other = { ...CONFIG_MAP, metadata: { ...CONFIG_MAP.metadata, name: 'b' } }
    for (const ask of [
      () => api.get({ ...NAME, name: 'b' }),
      () => api.create(other),
      () => api.apply(other),
      () => api.patch({ ...NAME, name: 'b' }, {}),
      () => api.review('/apis/authentication.k8s.io/v1/tokenreviews', { ...CONFIG_MAP, kind: 'TokenReview' }),
    ])
      assert.is((await rejects(ask)).code, 'KPKI_NET_RESPONSE')
  }))

// Timers of Node count to 2^31 - 1 milliseconds, and take longer times for one: nodejs.org/api/timers.html.
for (const value of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31]) {
  test(`${value} is no time to wait`, async () => {
    for (const options of [{ timeoutMs: value }, { totalMs: value }])
      assert.is((await rejects(withApi({ answer: () => {}, options }, async () => {}))).code, 'KPKI_FIELD_VALUE')
  })
}

for (const maxRetries of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
  test(`nothing is repeated ${maxRetries} times`, async () => {
    const error = await rejects(withApi({ answer: () => {}, options: { maxRetries } }, async () => {}))
    assert.is(error.code, 'KPKI_FIELD_VALUE')
  })
}

test('a list comes in pages, and its items say what they are', () => {
  const answer: Answer = (request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'https://x')
    const page = Number(searchParams.get('continue') ?? 0)
    const metadata = { resourceVersion: '7', ...(page < 2 ? { continue: String(page + 1) } : {}) }
    answerJson(response, 200, {
      kind: 'SecretList',
      apiVersion: 'v1',
      metadata,
      items: [{ metadata: { name: `s${page}` } }],
    })
  }
  return withApi({ answer }, async (api, server) => {
    const found = await api.list('Secret', { namespace: 'kube-system', fieldSelector: 'type=a/b', labelSelector: 'x' })
    assert.equal(
      found,
      ['s0', 's1', 's2'].map(name => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name } })),
    )
    const query = 'fieldSelector=type%3Da%2Fb&labelSelector=x&limit=500'
    assert.equal(
      server.requests.map(({ url }) => url),
      ['', '&continue=1', '&continue=2'].map(rest => `/api/v1/namespaces/kube-system/secrets?${query}${rest}`),
    )
  })
})

test('a list whose second page is gone begins anew; one that never ends is ended', async () => {
  await withApi(
    {
      answer: (_request, response, count) => {
        if (count === 2) return answerJson(response, 410, status(410, 'Expired', 'too old'))
        const metadata = count < 4 ? { continue: 'x' } : {}
        answerJson(response, 200, { kind: 'SecretList', metadata, items: [{ metadata: { name: String(count) } }] })
      },
    },
    async api =>
      assert.equal(
        (await api.list('Secret')).map(({ metadata }) => metadata.name),
        ['3', '4'],
      ),
  )
  const items = [{ metadata: { name: 'x'.repeat(6_000_000) } }]
  const endless =
    (next: (count: number) => string, some: readonly object[]): Answer =>
    (_request, response, count) =>
      answerJson(response, 200, { kind: 'SecretList', metadata: { continue: next(count) }, items: some })
  for (const [name, answer, requests] of [
    ['too large', endless(String, items), 6],
    ['the same page again', endless(() => 'x', []), 2],
    ['two pages that lead to each other', endless(count => String(count % 2), []), 3],
    ['ever new pages', endless(String, []), 1000],
  ] as const) {
    await withApi({ answer }, async (api, server) => {
      const error = await rejects(api.list('Secret'))
      assert.equal([error.code, server.requests.length], ['KPKI_NET_RESPONSE', requests], name)
    })
  }
})

test('a list that is slow for ever is given up', () => {
  const answer: Answer = (_request, response, count) =>
    void setTimeout(
      () => answerJson(response, 200, { kind: 'SecretList', metadata: { continue: String(count) }, items: [] }),
      100,
    )
  return withApi({ answer, options: { totalMs: 200 } }, async (api, server) => {
    assert.is((await rejects(api.list('Secret'))).code, 'KPKI_NET_TIMEOUT')
    // A busy machine may get few answers, none can get more.
    assert.ok(server.requests.length <= 11, String(server.requests.length))
  })
})

test('lists that are none', () =>
  withApi(
    {
      answer: (_request, response, count) =>
        answerJson(
          response,
          200,
          [
            CONFIG_MAP,
            { kind: 'PodList', metadata: {}, items: [] },
            { kind: 'SecretList' },
            { kind: 'SecretList', metadata: {}, items: {} },
            { kind: 'SecretList', metadata: {}, items: [null] },
          ][count - 1],
        ),
    },
    async api => {
      for (let count = 0; count < 5; count++) assert.is((await rejects(api.list('Secret'))).code, 'KPKI_NET_RESPONSE')
    },
  ))

// Asking again.
const busy = (response: ServerResponse, code = 429, after = '0') =>
  answerJson(response, code, status(code, 'TooManyRequests', 'busy'), { 'retry-after': after })

for (const code of [429, 503]) {
  test(`${code} with Retry-After: anything is asked again`, () =>
    withApi(
      {
        answer: (_request, response, count) =>
          count < 4 ? busy(response, code) : answerJson(response, 201, CONFIG_MAP),
      },
      async (api, server) => {
        assert.is((await api.create(CONFIG_MAP)).metadata.name, 'a')
        assert.is(server.requests.length, 4)
      },
    ))
}

test('Retry-After is waited for, and not longer than there is time', async () => {
  const answer: Answer = (_request, response, count) =>
    count === 1 ? busy(response, 429, '1') : answerJson(response, 200, CONFIG_MAP)
  await withApi({ answer }, async api => {
    const before = performance.now()
    await api.get(NAME)
    assert.ok(performance.now() - before > 950)
  })
  await withApi({ answer: (_request, response) => busy(response, 429, '3600') }, async (api, server) => {
    const error = await rejects(api.get(NAME))
    assert.is(error.code, 'KPKI_API_REFUSED')
    assert.is(error.details['status'], 429)
    assert.is(server.requests.length, 1)
  })
})

test('a server that is always busy is asked eleven times, and that is said once', () =>
  withApi({ answer: (_request, response) => busy(response) }, async (api, server, logged) => {
    assert.is((await rejects(api.get(NAME))).details['status'], 429)
    assert.is(server.requests.length, 11)
    assert.equal(logged, [{ level: 'info', message: 'the API server answers 429: asking again for up to 60 s' }])
  }))

test('the time for a question with all its repetitions', () =>
  withApi({ answer: () => {}, options: { totalMs: 300 } }, async api => {
    const before = performance.now()
    assert.is((await rejects(api.get(NAME))).code, 'KPKI_NET_TIMEOUT')
    assert.ok(performance.now() - before < 1500)
  }))

test('5xx: what is repeatable is asked again, what is not is not', () =>
  withApi(
    {
      answer: (request, response, count) =>
        count === 1 || request.method === 'POST'
          ? answerJson(response, 503, status(503, 'ServiceUnavailable', 'starting'))
          : answerJson(response, 200, CONFIG_MAP),
    },
    async (api, server) => {
      assert.is((await api.get(NAME))?.metadata.name, 'a')
      assert.is(server.requests.length, 2)
      assert.is((await rejects(api.create(CONFIG_MAP))).details['status'], 503)
      assert.is(server.requests.length, 3)
    },
  ))

test('a cut connection: get and apply are asked again, create and patch are not', () => {
  const answer: Answer = (request, response, count) =>
    count % 2 === 0 ? request.socket.destroy() : answerJson(response, 200, CONFIG_MAP)
  return withApi({ answer }, async (api, server) => {
    await api.get(NAME)
    await api.get(NAME)
    assert.is(server.requests.length, 3)
    await api.apply(CONFIG_MAP)
    assert.is(server.requests.length, 5)
    assert.is((await rejects(api.create(CONFIG_MAP))).code, 'KPKI_NET_UNREACHABLE')
    assert.is(server.requests.length, 6)
    await api.get(NAME)
    assert.is((await rejects(api.patch(NAME, {}))).code, 'KPKI_NET_UNREACHABLE')
    assert.is(server.requests.length, 8)
  })
})

test('a server that goes and comes back: nothing had been sent, so that even create is asked again', async () => {
  const answer: Answer = (_request, response) => answerJson(response, 200, CONFIG_MAP, { connection: 'close' })
  await withApi({ answer }, async (api, server) => {
    await api.get(NAME)
    await server.close()
    const later = api.create(CONFIG_MAP)
    await new Promise(resolve => setTimeout(resolve, 400))
    const again = await FakeServer.start({
      pair: good,
      port: server.port,
      answer: (_request, response) => answerJson(response, 201, CONFIG_MAP),
    })
    assert.is((await later).metadata.name, 'a')
    await again.close()
  })
})

test('a server that has never answered is given up at once', async () => {
  await withApi({ answer: () => {} }, async (api, server) => {
    await server.close()
    const before = performance.now()
    assert.is((await rejects(api.get(NAME))).code, 'KPKI_NET_UNREACHABLE')
    assert.ok(performance.now() - before < 1000)
  })
})

for (const [what, { code, answer }] of Object.entries(LIES)) {
  test(`a server that ${what}`, () => {
    const options = { timeoutMs: 300, totalMs: 900, maxRetries: 2 }
    return withApi({ answer, options }, async api => {
      const before = performance.now()
      const expected =
        what === 'sends without end' || what === 'says that much comes' ? ['KPKI_NET_TIMEOUT', code] : [code]
      const error = await rejects(api.get(NAME))
      assert.ok(expected.includes(error.code), error.message)
      assert.ok(error instanceof NetworkError)
      assert.ok(performance.now() - before < 2500)
      assert.not.ok(inspect(error, { depth: 10 }).includes(TOKEN))
    })
  })
}

test('who is not verified gets neither token nor Secret', async () => {
  const answer: Answer = (_request, response) => answerJson(response, 200, CONFIG_MAP)
  await withApi({ answer, pair: stranger }, async (api, server) => {
    assert.is((await rejects(api.get(NAME))).code, 'KPKI_TLS_UNTRUSTED')
    assert.is(server.received, '')
  })
  const connection = { isInsecure: true, caPem: undefined }
  await withApi({ answer, pair: stranger, connection }, async (api, server, logged) => {
    assert.is(api.isVerified, false)
    assert.is(logged.length, 1)
    assert.match(logged[0]?.message ?? '', /not verified/)
    for (const ask of [
      () => api.create(SECRET),
      () => api.apply(SECRET),
      () => api.patch({ kind: 'Secret', name: 's', namespace: 'x' }, {}),
    ])
      assert.is((await rejects(ask)).code, 'KPKI_TLS_UNTRUSTED')
    assert.is(server.received, '')
    await api.get(NAME)
    assert.is(server.requests[0]?.headers.authorization, `Bearer ${TOKEN}`)
  })
})

test('warnings of the server are passed on, once', () => {
  const warning = '299 - "rbac v1beta1 is deprecated\\u001b", 299 - "and \\"more\\""'
  const answer: Answer = (_request, response) => answerJson(response, 200, CONFIG_MAP, { warning })
  return withApi({ answer }, async (api, _server, logged) => {
    await api.get(NAME)
    await api.get(NAME)
    assert.equal(
      logged.map(({ level, message }) => [level, message]),
      [
        ['warning', 'the API server says: rbac v1beta1 is deprecatedu001b'],
        ['warning', 'the API server says: and "more"'],
      ],
    )
  })
})

// Watching.
const object = (name: string, version: number, uid = name) => ({
  ...CONFIG_MAP,
  metadata: { name, namespace: 'default', uid, resourceVersion: String(version) },
})
const listOf = (version: number, ...items: readonly object[]) => ({
  kind: 'ConfigMapList',
  apiVersion: 'v1',
  metadata: { resourceVersion: String(version) },
  items,
})
const line = (type: string, value: object) => `${JSON.stringify({ type, object: value })}\n`

async function take(events: AsyncIterable<WatchEvent>, count: number): Promise<string[]> {
  const seen: string[] = []
  for await (const { type, object } of events) {
    seen.push(`${type} ${object.metadata.name} ${object.metadata.resourceVersion}`)
    if (seen.length === count) break
  }
  return seen
}

test('a watch: from now on, over the end of connections, from where it was', () => {
  const answer: Answer = (request, response) => {
    const query = new URL(request.url ?? '', 'https://x').searchParams
    if (!query.has('watch')) return answerJson(response, 200, listOf(5, object('a', 3)))
    const version = query.get('resourceVersion')
    response.writeHead(200)
    if (version === '5') {
      const text = line('ADDED', object('b', 6)) + line('BOOKMARK', object('', 8))
      response.write(text.slice(0, 50))
      setTimeout(() => response.end(text.slice(50)), 20)
    } else if (version === '8') {
      response.write(line('MODIFIED', object('a', 9)) + line('DELETED', object('b', 10)))
    }
  }
  return withApi({ answer }, async (api, server) => {
    assert.equal(await take(api.watch('ConfigMap', { namespace: 'default' }), 3), [
      'ADDED b 6',
      'MODIFIED a 9',
      'DELETED b 10',
    ])
    const query = 'watch=1&allowWatchBookmarks=true&resourceVersion=8&timeoutSeconds=300'
    assert.is(server.requests.at(-1)?.url, `/api/v1/namespaces/default/configmaps?${query}`)
  })
})

for (const how of ['event', 'status'] as const) {
  test(`a watch whose place is gone (${how}) tells the difference`, () => {
    let lists = 0
    const gone = status(410, 'Expired', 'too old resource version')
    const answer: Answer = (request, response) => {
      const query = new URL(request.url ?? '', 'https://x').searchParams
      if (!query.has('watch')) {
        const items = [
          [object('a', 1), object('b', 2), object('c', 3)],
          [object('b', 2), object('c', 7, 'another c'), object('d', 8)],
        ]
        return answerJson(response, 200, listOf(++lists * 10, ...(items[lists - 1] ?? [])))
      }
      if (query.get('resourceVersion') !== '10') return response.writeHead(200).write(line('MODIFIED', object('b', 21)))
      if (how === 'status') return answerJson(response, 410, gone)
      response.writeHead(200).end(line('ERROR', gone))
    }
    return withApi({ answer }, async api => {
      assert.equal(await take(api.watch('ConfigMap'), 5), [
        'DELETED a 1',
        'DELETED c 3',
        'ADDED c 7',
        'ADDED d 8',
        'MODIFIED b 21',
      ])
    })
  })
}

test('a watch ends by its signal, without an error; and with one when it is forbidden, or answered with nonsense', async () => {
  const open: Answer = (request, response) => {
    if (!request.url?.includes('watch')) return answerJson(response, 200, listOf(1))
    response.writeHead(200).write(line('ADDED', object('a', 2)))
  }
  await withApi({ answer: open }, async api => {
    const stop = new AbortController()
    setTimeout(() => stop.abort(), 200)
    assert.equal(await take(api.watch('ConfigMap', { signal: stop.signal }), 9), ['ADDED a 2'])
    assert.equal(await take(api.watch('ConfigMap', { signal: AbortSignal.abort() }), 9), [])
    setTimeout(() => api.close(), 200)
    assert.is((await rejects(take(api.watch('ConfigMap'), 9))).code, 'KPKI_INTERRUPTED')
  })
  const forbidden: Answer = (request, response) =>
    request.url?.includes('watch')
      ? answerJson(response, 403, status(403, 'Forbidden', 'cannot watch'))
      : answerJson(response, 200, listOf(1))
  await withApi({ answer: forbidden }, async api =>
    assert.is((await rejects(take(api.watch('ConfigMap'), 1))).code, 'KPKI_API_FORBIDDEN'),
  )
})

test('a signal for all of it', () => {
  const stop = new AbortController()
  return withApi({ answer: () => stop.abort(), options: { signal: stop.signal } }, async api => {
    assert.is((await rejects(api.get(NAME))).code, 'KPKI_INTERRUPTED')
    assert.is((await rejects(api.list('Secret'))).code, 'KPKI_INTERRUPTED')
  })
})

test('proxies: that of the kubeconfig before that of the environment', async () => {
  const options = { env: { HTTPS_PROXY: 'http://10.0.0.9:1', NO_PROXY: '127.0.0.1' } }
  const answer: Answer = (_request, response) => answerJson(response, 200, CONFIG_MAP)
  // Loopback addresses are never asked for through the proxy of the environment.
  await withApi({ answer, options }, async api => assert.is((await api.get(NAME))?.metadata.name, 'a'))
  const gone = await FakeServer.start({})
  await gone.close()
  await withApi({ answer, options, connection: { proxyUrl: `http://127.0.0.1:${gone.port}` } }, async api =>
    assert.is((await rejects(api.get(NAME))).code, 'KPKI_NET_PROXY'),
  )
  const socks = await rejects(withApi({ answer, connection: { proxyUrl: 'socks5://p' } }, async () => {}))
  assert.is(socks.code, 'KPKI_NET_PROXY')
})

test.run()
