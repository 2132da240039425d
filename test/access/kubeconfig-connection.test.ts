import { inspect } from 'node:util'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { stringify } from 'yaml'
import { readCaCertificates } from '../../lib/access/ca-documents.js'
import { parseKubeconfig } from '../../lib/access/kubeconfig.js'
import {
  type ClusterConnection,
  type KubeconfigSource,
  readClusterConnection,
  resolveReference,
} from '../../lib/access/kubeconfig-connection.js'
import { rejects, testContext } from '../support/context.js'
import { vector } from '../vectors/read.js'

const CA = vector('kubeadm/v1.20.2/pki/ca.crt')
const CERT = vector('kubeadm/v1.20.2/pki/apiserver-kubelet-client.crt')
const KEY = vector('kubeadm/v1.20.2/pki/apiserver-kubelet-client.key')
const base64 = (text: string) => Buffer.from(text).toString('base64')
const SERVER = 'https://10.0.0.10:6443'

type Fields = Readonly<Record<string, unknown>>

function kubeconfig(cluster: Fields, user: Fields, rest: Fields = {}): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server: SERVER, ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
    ...rest,
  })
}

const FILES: Readonly<Record<string, string>> = {
  '/home/jane/pki/ca.crt': `a comment\n${CA}`,
  '/home/jane/jane.crt': CERT,
  '/keys/jane.key': KEY,
  '/home/jane/token': 'from-a-file\n',
  '/home/jane/empty': '\n',
  '/home/jane/binary': '\xff\xfe',
}
const source: KubeconfigSource = {
  what: '/home/jane/config',
  folder: '/home/jane',
  readFile: async path => (FILES[path] === undefined ? undefined : Buffer.from(FILES[path], 'latin1')),
}
const read = (cluster: Fields, user: Fields, rest?: Fields): Promise<ClusterConnection> =>
  readClusterConnection(kubeconfig(cluster, user, rest), source)

const NOTHING: ClusterConnection = {
  server: SERVER,
  caPem: undefined,
  isInsecure: false,
  serverName: undefined,
  proxyUrl: undefined,
  client: undefined,
  authorization: undefined,
  impersonation: undefined,
  namespace: undefined,
  contextName: 'x',
  clusterName: 'c',
  userName: 'u',
}
const client = { certificatePem: CERT, keyPem: KEY }
const basic = (text: string) => `Basic ${base64(text)}`

const READ: readonly (readonly [what: string, cluster: Fields, user: Fields, expected: Partial<ClusterConnection>])[] =
  [
    ['next to nothing', {}, {}, {}],
    ['a CA within', { 'certificate-authority-data': base64(CA) }, {}, { caPem: CA }],
    ['a CA beside', { 'certificate-authority': 'pki/ca.crt' }, {}, { caPem: CA }],
    ['a CA elsewhere', { 'certificate-authority': '/home/jane/pki/ca.crt' }, {}, { caPem: CA }],
    ['a pair within', {}, { 'client-certificate-data': base64(CERT), 'client-key-data': base64(KEY) }, { client }],
    ['a pair beside', {}, { 'client-certificate': 'jane.crt', 'client-key': '/keys/jane.key' }, { client }],
    ['half a pair beside', {}, { 'client-certificate': './jane.crt', 'client-key-data': base64(KEY) }, { client }],
    ['a key alone', {}, { 'client-key': '/not/there' }, {}],
    ['a token', {}, { token: 'within' }, { authorization: 'Bearer within' }],
    ['a token file', {}, { tokenFile: 'token' }, { authorization: 'Bearer from-a-file' }],
    ['a token file and a token', {}, { token: 'old', tokenFile: 'token' }, { authorization: 'Bearer from-a-file' }],
    ['a token and no token file', {}, { token: 'old', tokenFile: 'gone' }, { authorization: 'Bearer old' }],
    ['a password', {}, { username: 'jane', password: 'hunter2:ä' }, { authorization: basic('jane:hunter2:ä') }],
    [
      'a password in the URL',
      { server: 'https://jane:hunter%402@h/' },
      {},
      { server: 'https://h', authorization: basic('jane:hunter@2') },
    ],
    [
      'a token before the URL',
      { server: 'https://jane:hunter2@h/' },
      { token: 't' },
      { server: 'https://h', authorization: 'Bearer t' },
    ],
    ['insecure', { 'insecure-skip-tls-verify': true }, {}, { isInsecure: true }],
    ['a server name', { 'tls-server-name': 'kubernetes' }, {}, { serverName: 'kubernetes' }],
    ['a proxy', { 'proxy-url': 'http://jane:hunter2@p:3128' }, {}, { proxyUrl: 'http://jane:hunter2@p:3128' }],
    ['somebody else', {}, { as: 'joe' }, { impersonation: { user: 'joe', groups: [], extra: {} } }],
    [
      'somebody else altogether',
      {},
      { as: 'joe', 'as-groups': ['a', 'b'], 'as-user-extra': { reason: ['one', 'two'] } },
      { impersonation: { user: 'joe', groups: ['a', 'b'], extra: { reason: ['one', 'two'] } } },
    ],
    ['a server without scheme', { server: '10.0.0.10:6443' }, {}, {}],
    [
      'a server with a path',
      { server: 'https://rancher/k8s/clusters/c-1/?a=b#c' },
      {},
      { server: 'https://rancher/k8s/clusters/c-1' },
    ],
    ['an IPv6 server', { server: 'https://[fd00::1]:6443' }, {}, { server: 'https://[fd00::1]:6443' }],
  ]
for (const [what, cluster, user, expected] of READ)
  test(`read: ${what}`, async () => assert.equal(await read(cluster, user), { ...NOTHING, ...expected }))

test('another context than the current one, and its namespace', async () => {
  const contexts = [
    { name: 'x', context: { cluster: 'gone', user: 'gone' } },
    { name: 'other', context: { cluster: 'c', user: 'u', namespace: 'web' } },
  ]
  const found = await readClusterConnection(kubeconfig({}, {}, { contexts }), { ...source, contextName: 'other' })
  assert.equal(found, { ...NOTHING, contextName: 'other', namespace: 'web' })
})

const certificateData = { 'client-certificate-data': base64(CERT) }
const pair = { ...certificateData, 'client-key-data': base64(KEY) }
const REFUSED: readonly (readonly [what: string, code: string, cluster: Fields, user: Fields, rest?: Fields])[] = [
  ['exec', 'KPKI_KUBECONFIG_PLUGIN', {}, { exec: { command: 'aws-hunter2' } }],
  [
    'auth-provider',
    'KPKI_KUBECONFIG_PLUGIN',
    {},
    { 'auth-provider': { name: 'oidc', config: { 'id-token': 'hunter2' } } },
  ],
  ['no server', 'KPKI_KUBECONFIG_INVALID', { server: '' }, {}],
  ['http', 'KPKI_KUBECONFIG_INVALID', { server: 'http://jane:hunter2@10.0.0.10:8080' }, {}],
  ['no URL', 'KPKI_KUBECONFIG_INVALID', { server: 'https://jane:hunter2@[' }, {}],
  [
    'two CAs',
    'KPKI_KUBECONFIG_INVALID',
    { 'certificate-authority-data': base64(CA), 'certificate-authority': 'pki/ca.crt' },
    {},
  ],
  [
    'a CA and none',
    'KPKI_KUBECONFIG_INVALID',
    { 'certificate-authority': 'pki/ca.crt', 'insecure-skip-tls-verify': true },
    {},
  ],
  [
    'a CA within and none',
    'KPKI_KUBECONFIG_INVALID',
    { 'certificate-authority-data': base64(CA), 'insecure-skip-tls-verify': true },
    {},
  ],
  ['two certificates', 'KPKI_KUBECONFIG_INVALID', {}, { ...pair, 'client-certificate': 'jane.crt' }],
  ['two keys', 'KPKI_KUBECONFIG_INVALID', {}, { ...pair, 'client-key': '/keys/jane.key' }],
  ['no key', 'KPKI_KUBECONFIG_INVALID', {}, certificateData],
  ['a token and a password', 'KPKI_KUBECONFIG_INVALID', {}, { token: 'hunter2', username: 'jane' }],
  ['a token of two lines', 'KPKI_KUBECONFIG_INVALID', {}, { token: 'hunter2\nX-Evil: 1' }],
  ['a token of other letters', 'KPKI_KUBECONFIG_INVALID', {}, { token: 'hünter2' }],
  ['a number as token', 'KPKI_KUBECONFIG_INVALID', {}, { token: 12345 }],
  ['an empty token file', 'KPKI_KUBECONFIG_INVALID', {}, { tokenFile: 'empty' }],
  ['groups of nobody', 'KPKI_KUBECONFIG_INVALID', {}, { 'as-groups': ['system:masters'] }],
  ['a name of two lines', 'KPKI_KUBECONFIG_INVALID', {}, { as: 'joe\r\nX-Evil: 1' }],
  ['groups that are no list', 'KPKI_KUBECONFIG_INVALID', {}, { as: 'joe', 'as-groups': 'a' }],
  ['no CA file', 'KPKI_FILE_NOT_FOUND', { 'certificate-authority': 'gone.crt' }, {}],
  ['no token file', 'KPKI_FILE_NOT_FOUND', {}, { tokenFile: 'gone' }],
  ['no key file', 'KPKI_FILE_NOT_FOUND', {}, { ...certificateData, 'client-key': 'gone' }],
  ['a binary CA', 'KPKI_PEM_INVALID', { 'certificate-authority': 'binary' }, {}],
  ['no certificate as CA', 'KPKI_PEM_LABEL', { 'certificate-authority-data': base64(KEY) }, {}],
  ['nothing as CA', 'KPKI_PEM_LABEL', { 'certificate-authority-data': base64('hunter2') }, {}],
  ['a certificate as key', 'KPKI_PEM_LABEL', {}, { ...certificateData, 'client-key-data': base64(CERT) }],
  [
    'an encrypted key',
    'KPKI_KEY_ENCRYPTED',
    {},
    { ...certificateData, 'client-key-data': base64(KEY.replace(/RSA PRIVATE/g, 'ENCRYPTED PRIVATE')) },
  ],
  ['no current context', 'KPKI_KUBECONFIG_INVALID', {}, {}, { 'current-context': '' }],
  ['a context of nobody', 'KPKI_KUBECONFIG_INVALID', {}, {}, { users: [] }],
]
for (const [what, code, cluster, user, rest] of REFUSED) {
  test(`refused: ${what}`, async () => {
    const error = await rejects(read(cluster, user, rest))
    assert.is(error.code, code, error.message)
    const shown = inspect(error, { depth: 10 })
    assert.not.match(shown, /hunter2|hünter2|PRIVATE KEY-|X-Evil|12345/)
    assert.match(error.message, /config/)
  })
}

test('files are read by nobody unless somebody is given', async () => {
  const error = await rejects(readClusterConnection(kubeconfig({ 'certificate-authority': 'ca.crt' }, {})))
  assert.is(error.code, 'KPKI_KUBECONFIG_INVALID')
})

test('where files are', () => {
  for (const [path, folder, expected] of [
    ['ca.crt', '/etc/kubernetes', '/etc/kubernetes/ca.crt'],
    ['../ca.crt', '/etc/kubernetes/', '/etc/kubernetes/../ca.crt'],
    ['/ca.crt', '/etc/kubernetes', '/ca.crt'],
    ['ca.crt', '/', '/ca.crt'],
    ['./ca.crt', '/a', '/a/ca.crt'],
    ['ca.crt', 'rel', 'rel/ca.crt'],
    ['ca.crt', undefined, 'ca.crt'],
  ] as const)
    assert.is(resolveReference(path, folder), expected)
})

test('every text is a connection or a refusal', async () => {
  const field = fc.constantFrom(
    'server',
    'token',
    'tokenFile',
    'as',
    'as-groups',
    'as-user-extra',
    'username',
    'proxy-url',
    'exec',
  )
  const value = fc.oneof(
    fc.string(),
    fc.constant(null),
    fc.integer(),
    fc.array(fc.string()),
    fc.dictionary(fc.string(), fc.string()),
  )
  const fields = fc.dictionary(field, value)
  await fc.assert(
    fc.asyncProperty(fields, fields, async (cluster, user) => {
      const outcome = await read(cluster, user).catch(error => rejects(Promise.reject(error)))
      if ('code' in outcome) return
      assert.match(outcome.server, /^https:\/\/[^@?#]+$/)
      assert.match(outcome.authorization ?? 'Basic eA==', /^(Bearer [\x21-\x7e]+|Basic [A-Za-z0-9+/]+=*)$/)
    }),
  )
})

/** Of a field that stands twice, kubectl takes the last one and this reader the first: neither is taken. */
const TWICE: readonly (readonly [what: string, line: string, twice: string])[] = [
  ['the server', `      server: ${SERVER}\n`, '      server: https://other\n'],
  ['the token', '      token: one\n', '      token: two\n'],
  ['the user', '      user: u\n', '      user: other\n'],
  ['the name', '  - name: c\n', '    name: other\n'],
  ['the current context', 'current-context: x\n', 'current-context: other\n'],
  ['the clusters', 'current-context: x\n', 'clusters: []\n'],
]
for (const [what, line, twice] of TWICE) {
  test(`refused: ${what} twice`, async () => {
    const text = kubeconfig({}, { token: 'one' })
    assert.ok(text.includes(line), text)
    const doubled = text.replace(line, line + twice)
    // Asked one by one: what fails before somebody waits for it ends the process.
    for (const read of [
      () => readClusterConnection(doubled, source),
      () => parseKubeconfig(doubled, testContext(), '/home/jane/config'),
      ...(/server|name|clusters/.test(what) ? [() => readCaCertificates(doubled, '/home/jane/config')] : []),
    ]) {
      const error = await rejects(read)
      assert.is(error.code, 'KPKI_KUBECONFIG_INVALID')
      assert.match(error.message, /^\/home\/jane\/config: line [0-9]+ has a field that stands there twice/)
    }
  })
}

test('what stands twice in an entry that is not used, or where nothing is read, does no harm', async () => {
  const text = `${kubeconfig(
    {},
    { token: 'one' },
    {
      users: [
        { name: 'other', user: { token: 'x' } },
        { name: 'u', user: { token: 'one' } },
      ],
    },
  )}extensions:\n- a: 1\n  a: 2\n`
  const doubled = text.replace('token: x\n', 'token: x\n      token: y\n')
  assert.is((await readClusterConnection(doubled, source)).authorization, 'Bearer one')
})

// What kubectl v1.20.2 and v1.32 refuse as a whole, whatever entry it stands in.
const WHOLE: readonly (readonly [what: string, rest: Fields, message: RegExp])[] = [
  ['another kind', { kind: 'Secret' }, /its kind is "Secret"/],
  ['another version', { apiVersion: 'v2' }, /its apiVersion is "v2"/],
  [
    'a number for a name',
    {
      extra: 1,
      users: [
        { name: 'u', user: {} },
        { name: 5, user: {} },
      ],
    },
    /users has an entry whose name is no text, the 2nd/,
  ],
  [
    'a number for a token',
    {
      users: [
        { name: 'u', user: {} },
        { name: 'v', user: { token: 5 } },
      ],
    },
    /the user "v" token is not a text/,
  ],
  [
    'a text for a user',
    {
      users: [
        { name: 'u', user: {} },
        { name: 'v', user: 'x' },
      ],
    },
    /the user "v" has a user that is no mapping/,
  ],
  ['a number for the current context', { 'current-context': 5 }, /current-context that is no text/],
  [
    'wrong base64',
    {
      users: [
        { name: 'u', user: {} },
        { name: 'v', user: { 'client-key-data': '!' } },
      ],
    },
    /client-key-data is not base64/,
  ],
]
for (const [what, rest, message] of WHOLE)
  test(`refused as a whole: ${what}`, async () => {
    const error = await rejects(read({}, {}, rest))
    assert.is(error.code, 'KPKI_KUBECONFIG_INVALID')
    assert.match(error.message, message)
  })

test('of several files the first that has a name counts, and its folder', async () => {
  const file = (name: string, fields: Fields) => ({
    text: stringify(fields),
    what: `/${name}/config`,
    folder: `/${name}`,
  })
  const cluster = (server: string) => ({
    clusters: [{ name: 'c', cluster: { server, 'certificate-authority': 'ca.crt' } }],
  })
  const user = (field: string) => ({ users: [{ name: 'u', user: { tokenFile: field } }] })
  const context = { contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }], 'current-context': 'x' }
  const read = (...files: ReturnType<typeof file>[]) => {
    const [first, ...beside] = files
    return readClusterConnection(first?.text ?? '', {
      ...first,
      beside,
      readFile: async path => Buffer.from({ '/b/ca.crt': CA, '/c/t': 'from c' }[path] ?? `no ${path}`),
    })
  }
  const parts = [
    file('a', context),
    file('b', cluster('https://b')),
    file('c', user('t')),
    file('d', { ...cluster('https://d'), ...user('/d/t'), ...context, 'current-context': 'z' }),
  ]
  const found = await read(...parts).catch(error => error)
  // The token has a blank in it.
  assert.match(found.message, /^\/c\/config: the token of the user "u"/)
  const { server, caPem } = await read(
    ...parts.slice(0, 2),
    file('c', { users: [{ name: 'u', user: {} }] }),
    ...parts.slice(3),
  )
  assert.equal([server, caPem], ['https://b', CA])
  assert.match((await rejects(read(...parts.slice(0, 2)))).message, '/a/config: names the user "u", which is not in it')
  const broken = file('e', { kind: 'Secret', clusters: [] })
  assert.match((await rejects(read(...parts, broken))).message, '/e/config: its kind is "Secret"')
  assert.is((await rejects(read(broken, ...parts))).code, 'KPKI_KUBECONFIG_INVALID')
})

test.run()
