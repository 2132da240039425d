import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parse } from 'yaml'
import { type MergeOptions, mergeKubeconfigs } from '../../lib/access/kubeconfig-merge.js'
import { formatYaml, type YamlInput } from '../../lib/yaml-format.js'
import { rejects } from '../support/context.js'

/** A kubeconfig of one context, as kubeadm makes them: all of the same names. */
const config = (server: string, token: string, names: { user?: string; cluster?: string; context?: string } = {}) => {
  const { user = 'admin', cluster = 'kubernetes' } = names
  const { context = `${user}@${cluster}` } = names
  return formatYaml({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': context,
    clusters: [{ name: cluster, cluster: { server, 'certificate-authority-data': 'QUJD' } }],
    users: [{ name: user, user: { token } }],
    contexts: [{ name: context, context: { cluster, user } }],
  })
}
const A = config('https://a:6443', 'secret-a')
const B = config('https://b:6443', 'secret-b')
const merge = (target: string, source: string, options?: MergeOptions) =>
  mergeKubeconfigs({ text: target, name: 'target' }, [{ text: source, name: 'source' }], options)

type Lists = Record<'clusters' | 'users' | 'contexts', { name: string }[]> & { 'current-context'?: string }
const namesOf = (text: string) => {
  const { clusters, users, contexts } = parse(text) as Lists
  return [clusters, users, contexts].map(list => list.map(({ name }) => name).join())
}

test('into nothing: what comes in, and the head of a kubeconfig', async () => {
  for (const empty of ['', '# mine\n']) {
    const { text, changes, currentContext, previousContext, isChanged } = await merge(empty, A)
    assert.equal(parse(text), parse(A))
    assert.ok(text.startsWith(empty))
    assert.equal(
      changes.map(({ action }) => action),
      ['add', 'add', 'add'],
    )
    assert.equal([currentContext, previousContext, isChanged], ['admin@kubernetes', undefined, true])
  }
})

test('what is there is not added again, and nothing is written', async () => {
  const spaced = A.replace('QUJD', '"QU JD"').replace('kind: Config', 'kind: Config\npreferences: {}')
  for (const target of [A, spaced, JSON.stringify(parse(A))]) {
    const { text, changes, isChanged } = await merge(target, A)
    assert.is(text, target)
    assert.is(isChanged, false)
    assert.equal(
      changes.map(({ action }) => action),
      ['same', 'same', 'same'],
    )
  }
})

test('conflicts are all named, without a secret, and refused', async () => {
  const error = await rejects(merge(A, B))
  assert.is(error.code, 'KPKI_MERGE_CONFLICT')
  assert.equal(error.details['findings'], [
    'target has a cluster "kubernetes" for https://a:6443, and not for https://b:6443 as in source',
    'target has a user "admin" that differs from the one in source',
  ])
  assert.not.match(JSON.stringify([error.message, error.details, error.hint]), 'secret-')
  const password = await rejects(merge(A, A.replace('https://a', 'https://joe:hidden@a')))
  assert.not.match(JSON.stringify([password.message, password.details]), 'hidden')
})

test('a name for the context is one for its cluster and user, where theirs are taken', async () => {
  const { text, currentContext } = await merge(A, B, { contextName: 'b' })
  assert.equal(namesOf(text), ['kubernetes,b', 'admin,b', 'admin@kubernetes,b'])
  assert.equal((parse(text) as { contexts: unknown[] }).contexts[1], {
    name: 'b',
    context: { cluster: 'b', user: 'b' },
  })
  assert.is(currentContext, 'admin@kubernetes')
  assert.is((await merge(text, B, { contextName: 'b' })).isChanged, false)
  const used = await merge(text, B, { contextName: 'b', useContext: true })
  assert.is((parse(used.text) as Lists)['current-context'], 'b')
  // Names that are free are kept.
  const free = config('https://b:6443', 'x', { user: 'joe', cluster: 'prod' })
  assert.equal(namesOf((await merge(A, free, { contextName: 'b' })).text), [
    'kubernetes,prod',
    'admin,joe',
    'admin@kubernetes,b',
  ])
  const taken = await rejects(merge(text, config('https://c:6443', 'y'), { contextName: 'b' }))
  assert.is(taken.code, 'KPKI_MERGE_CONFLICT')
  const two = formatYaml({
    ...(parse(A) as object),
    contexts: ['x', 'y'].map(name => ({ name, context: { cluster: 'kubernetes', user: 'admin' } })),
    'current-context': 'x',
  })
  assert.is((await rejects(merge('', two, { contextName: 'b' }))).code, 'KPKI_FIELD_VALUE')
})

test('what is renamed keeps its context together, and is found again', async () => {
  const first = await merge(A, B, { onConflict: 'rename' })
  assert.equal(namesOf(first.text), [
    'kubernetes,kubernetes-2',
    'admin,admin-2',
    'admin@kubernetes,admin-2@kubernetes-2',
  ])
  assert.is((await merge(first.text, B, { onConflict: 'rename' })).isChanged, false)
  const third = await merge(first.text, config('https://c:6443', 'c'), { onConflict: 'rename' })
  assert.equal(namesOf(third.text)[2], 'admin@kubernetes,admin-2@kubernetes-2,admin-3@kubernetes-3')
})

test('what is overwritten is told of to the contexts that used it', async () => {
  const more = A.replace(
    'contexts:\n',
    'contexts:\n- context: {cluster: kubernetes, user: admin}\n  name: other # mine\n',
  )
  const { text, changes, affectedContexts } = await merge(more, B, { onConflict: 'overwrite' })
  assert.equal(
    changes.map(({ action }) => action),
    ['overwrite', 'overwrite', 'same'],
  )
  assert.equal(affectedContexts, ['other'])
  assert.match(text, 'name: other # mine')
  assert.equal({ ...(parse(text) as Lists), contexts: [] }, { ...(parse(B) as Lists), contexts: [] })
})

/** What kubectl reads together: the first that has a name counts. */
const besides = (
  target: string,
  { before = [], after = [] }: { before?: string[]; after?: string[] },
  source: string,
  options?: MergeOptions,
) =>
  mergeKubeconfigs({ text: target, name: 'target' }, [{ text: source, name: 'source' }], {
    ...options,
    beside: {
      before: before.map((text, index) => ({ text, name: `before ${index}` })),
      after: after.map((text, index) => ({ text, name: `after ${index}` })),
    },
  })

test('names of files that are read together are taken, and their current context stays', async () => {
  for (const beside of [{ after: [A] }, { before: [A] }, { before: [''], after: ['clusters: []', A] }]) {
    const same = await besides('clusters: []\n', beside, A)
    assert.equal(
      [same.isChanged, same.currentContext, same.previousContext],
      [false, 'admin@kubernetes', 'admin@kubernetes'],
    )
    for (const onConflict of ['refuse', 'overwrite'] as const) {
      const error = await rejects(besides('clusters: []\n', beside, B, { onConflict }))
      assert.is(error.code, 'KPKI_MERGE_CONFLICT')
      assert.match(error.message, /^(before|after) . has a cluster "kubernetes" for https:\/\/a:6443/)
      assert.match(error.hint ?? '', /--into (before|after) ./)
    }
    const { text, currentContext } = await besides('clusters: []\n', beside, B, { onConflict: 'rename' })
    assert.equal(namesOf(text), ['kubernetes-2', 'admin-2', 'admin-2@kubernetes-2'])
    assert.is((parse(text) as Lists)['current-context'], undefined)
    assert.is(currentContext, 'admin@kubernetes')
  }
})

test('a current context is chosen where it counts', async () => {
  const renamed = { onConflict: 'rename', useContext: true } as const
  const behind = await besides('clusters: []\n', { after: [A] }, B, renamed)
  assert.is((parse(behind.text) as Lists)['current-context'], 'admin-2@kubernetes-2')
  assert.equal([behind.previousContext, behind.currentContext], ['admin@kubernetes', 'admin-2@kubernetes-2'])
  const hidden = await rejects(besides('clusters: []\n', { before: [A] }, B, renamed))
  assert.is(hidden.code, 'KPKI_MERGE_CONFLICT')
  assert.match(hidden.message, 'before 0, which goes before target')
})

test('of the target, what nothing goes before is overwritten, and contexts of other files that use it are told of', async () => {
  const other = 'contexts: [{name: theirs, context: {cluster: kubernetes, user: admin}}]\nkind: Config\n'
  const { affectedContexts, text } = await besides(A, { after: [other] }, B, { onConflict: 'overwrite' })
  assert.equal(affectedContexts, ['theirs'])
  assert.match(text, 'https://b:6443')
  const shadowed = await rejects(besides(A, { before: [A] }, B, { onConflict: 'overwrite' }))
  assert.match(shadowed.message, 'before 0 has a cluster')
})

test('two sources that contradict each other are refused whatever is asked for', async () => {
  const sources = [A, B].map((text, index) => ({ text, name: `source ${index}` }))
  for (const onConflict of ['refuse', 'overwrite'] as const) {
    const error = await rejects(mergeKubeconfigs({ text: '', name: 'target' }, sources, { onConflict }))
    assert.is(error.code, 'KPKI_MERGE_CONFLICT', onConflict)
  }
})

test('paths are made to lead from elsewhere; other fields come along as they are', async () => {
  const source = `kind: Config
clusters: [{name: c, cluster: {server: https://a, certificate-authority: ca.crt, extensions: [{name: x, extension: {a: [1, null]}}]}}]
users:
- name: e
  user:
    exec: {apiVersion: client.authentication.k8s.io/v1, command: ./login, args: [--a, "007"], env: [{name: A, value: ca.crt}], interactiveMode: Never}
- {name: p, user: {auth-provider: {name: oidc, config: {client-id: x, refresh-token: y1}}, unknown: {z: true}}}
- {name: f, user: {client-certificate: a.crt, client-key: /abs/a.key, tokenFile: t, exec: {command: bare, apiVersion: v1}}}
contexts: []
`
  const { text } = await mergeKubeconfigs({ text: '', name: 'target' }, [
    {
      text: source,
      name: 'source',
      rewritePath: path => (path.startsWith('/') ? path : `/src/${path.replace(/^\.\//, '')}`),
    },
  ])
  const expected = parse(
    source
      .replace('certificate-authority: ca.crt', 'certificate-authority: /src/ca.crt')
      .replace('./login', '/src/login')
      .replace('client-certificate: a.crt', 'client-certificate: /src/a.crt')
      .replace('tokenFile: t', 'tokenFile: /src/t'),
  ) as Lists
  const actual = parse(text) as Lists
  assert.equal([actual.clusters, actual.users], [expected.clusters, expected.users])
})

test('flattened, files stand in it; a token file stays a file, as with kubectl', async () => {
  const read: string[] = []
  const source = {
    name: 'source',
    text: 'kind: Config\nclusters: [{name: c, cluster: {server: https://a, certificate-authority: ca.crt}}]\nusers: [{name: u, user: {client-certificate: u.crt, client-key: u.key, client-key-data: S0VZ, tokenFile: t}}]\n',
    readFile: async (path: string) => {
      read.push(path)
      return new TextEncoder().encode(`<${path}>`)
    },
  }
  const { text } = await mergeKubeconfigs({ text: '', name: 'target' }, [source], { flatten: true })
  const { clusters, users } = parse(text) as Lists
  assert.equal(clusters, [
    { name: 'c', cluster: { server: 'https://a', 'certificate-authority-data': btoa('<ca.crt>') } },
  ])
  assert.equal(users, [
    { name: 'u', user: { 'client-certificate-data': btoa('<u.crt>'), 'client-key-data': 'S0VZ', tokenFile: 't' } },
  ])
  assert.equal(read, ['ca.crt', 'u.crt'])
})

const REFUSED: readonly (readonly [what: string, source: string, code: string])[] = [
  ['no kubeconfig', 'a: 1', 'KPKI_KUBECONFIG_INVALID'],
  ['nothing', '', 'KPKI_KUBECONFIG_INVALID'],
  ['not YAML', 'a: [', 'KPKI_YAML_INVALID'],
  [
    'a user twice',
    A.replace('users:\n', 'users:\n- name: admin\n  user: {token: secret-x}\n'),
    'KPKI_KUBECONFIG_INVALID',
  ],
  ['a field twice', `${A}kind: Config\n`, 'KPKI_KUBECONFIG_INVALID'],
  ['wrong base64', A.replace('QUJD', 'secret-!'), 'KPKI_KUBECONFIG_INVALID'],
  ['a dangling user', A.replace('user: admin', 'user: nobody'), 'KPKI_KUBECONFIG_INVALID'],
  ['a dangling cluster', A.replace('cluster: kubernetes', 'cluster: nowhere'), 'KPKI_KUBECONFIG_INVALID'],
  [
    'a dangling current-context',
    A.replace('current-context: admin', 'current-context: gone'),
    'KPKI_KUBECONFIG_INVALID',
  ],
  ['an entry without a name', A.replace('  name: kubernetes\n', ''), 'KPKI_KUBECONFIG_INVALID'],
  ['no list', 'kind: Config\nclusters: {a: 1}', 'KPKI_KUBECONFIG_INVALID'],
]
for (const [what, source, code] of REFUSED) {
  test(`refused: ${what}`, async () => {
    const error = await rejects(merge('', source))
    assert.is(error.code, code)
    assert.not.match(error.message, 'secret-')
  })
}

test('a target that others would not find their way in is refused', async () => {
  for (const target of [
    'users: [{name: a, user: {}}, {name: a, user: {token: x}}]\nkind: Config\n',
    'kind: Config\nusers: &u []\nclusters: *u\n',
    '- kind: Config\n',
    'a: b\n',
    'kind: Config\nkind: Config\n',
  ])
    assert.match((await rejects(merge(target, A))).code, /KPKI_KUBECONFIG_INVALID|KPKI_YAML_UNEDITABLE/, target)
})

test('what is of another kind or version is no kubeconfig, whatever else it says', async () => {
  for (const head of [
    'kind: Secret',
    'kind: List',
    'apiVersion: v2',
    'Kind: Secret',
    'kind: 1',
    'apiVersion: kpki.dev/v1',
  ])
    for (const [target, source] of [
      [`${head}\nclusters: []\n`, A],
      [A, `${head}\nclusters: []\n`],
    ] as const) {
      const error = await rejects(merge(target, source))
      assert.is(error.code, 'KPKI_KUBECONFIG_INVALID', head)
      assert.match(error.message, /its (kind|apiVersion) is .*that of a kubeconfig/, head)
    }
  for (const head of ['kind: ""', 'apiVersion: ""', 'kind:', 'apiVersion: v1'])
    await merge(`${head}\nclusters: []\n`, A)
})

test('a name that is no text is said to be one, and which', async () => {
  for (const name of ['123', 'yes', 'N', '[a]'])
    assert.match(
      (await rejects(merge(`clusters: [{name: a, cluster: {}}, {name: ${name}, cluster: {}}]\n`, A))).message,
      'clusters has an entry whose name is no text, the 2nd: put it in quotes',
    )
  assert.match(
    (await rejects(merge('users: [{user: {}}]\nkind: Config\n', A))).message,
    'users has an entry without a name, the 1st',
  )
})

test('a context that names nothing comes along, as with kubectl; one that names what is not there does not', async () => {
  const bare = A.replace('contexts:\n', 'contexts:\n- {name: bare, context: {namespace: x}}\n- {name: none}\n')
  const { text } = await merge('', bare)
  assert.equal(parse(text), {
    ...(parse(bare) as object),
    contexts: [
      { name: 'bare', context: { namespace: 'x' } },
      { name: 'none', context: {} },
      { name: 'admin@kubernetes', context: { cluster: 'kubernetes', user: 'admin' } },
    ],
  })
  const dangling = await rejects(merge('', A.replace('user: admin', 'user: gone')))
  assert.match(dangling.hint ?? '', 'kubectl config delete-context')
})

test('a program named by a path stays one: without a slash it would be another, found in PATH', async () => {
  const source =
    'kind: Config\nusers: [{name: u, user: {exec: {apiVersion: v1, command: ./auth}}}, {name: v, user: {exec: {apiVersion: v1, command: auth}}}]\n'
  const { text } = await mergeKubeconfigs({ text: '', name: 'target' }, [
    { text: source, name: 'source', rewritePath: path => path.replace(/^\.\//, '') },
  ])
  assert.equal(
    (parse(text) as { users: { user: { exec: { command: string } } }[] }).users.map(({ user }) => user.exec.command),
    ['./auth', 'auth'],
  )
})

test('no context to use is said', async () => {
  const none = 'kind: Config\nusers: [{name: u, user: {token: x}}]\n'
  assert.is((await rejects(merge('', none, { useContext: true }))).code, 'KPKI_FIELD_VALUE')
})

// The reader that this is compared with takes e0 for a number, which it is in no YAML.
const name = fc.stringMatching(/^[a-df-z][a-z0-9@:./-]{0,12}$/)
const text = fc.stringMatching(/^[ -~]{1,30}$/)
const entry = fc.record({
  cluster: name,
  user: name,
  context: name,
  server: text.map(path => `https://h/${path}`),
  token: text,
  extra: fc.oneof(text, fc.integer({ min: -1000, max: 1000 }), fc.boolean(), fc.array(text, { maxLength: 2 })),
})
const files = fc.uniqueArray(entry, { maxLength: 4, selector: ({ context }) => context }).map(list => {
  const unique = <T extends { name: string }>(items: T[]) => [...new Map(items.map(item => [item.name, item])).values()]
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: unique(list.map(({ cluster, server }) => ({ name: cluster, cluster: { server } }))),
    users: unique(list.map(({ user, token, extra }) => ({ name: user, user: { token, extra } }))),
    contexts: unique(list.map(({ cluster, user, context }) => ({ name: context, context: { cluster, user } }))),
  }
})

test('merged twice is merged once; everything that was there is there, byte for byte; everything that came in is, too', async () => {
  await fc.assert(
    fc.asyncProperty(files, files, fc.boolean(), async (target, source, isJson) => {
      const before = isJson
        ? JSON.stringify(target, undefined, 2)
        : `# head\n${formatYaml(target as YamlInput)}# tail\n`
      const incoming = formatYaml(source as YamlInput)
      const once = await merge(before, incoming, { onConflict: 'rename' })
      const twice = await merge(once.text, incoming, { onConflict: 'rename' })
      assert.is(twice.text, once.text)
      assert.is(twice.isChanged, false)
      const after = (isJson ? JSON.parse(once.text) : parse(once.text)) as Lists
      for (const list of ['clusters', 'users', 'contexts'] as const)
        assert.equal(after[list].slice(0, target[list].length), target[list])
      assert.is(once.changes.length, source.clusters.length + source.users.length + source.contexts.length)
      // What is left when the added lines are taken out is what was there.
      if (!isJson) {
        const lines = once.text.split('\n')
        const kept = before.split('\n').every(line => {
          const at = lines.indexOf(line)
          if (at >= 0) lines.splice(0, at + 1)
          return at >= 0 || /\[\]$/.test(line)
        })
        assert.ok(kept, once.text)
      }
    }),
    { numRuns: 60 },
  )
})

test.run()
