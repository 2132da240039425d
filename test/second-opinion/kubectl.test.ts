/** kubectl reads what we merge and issue as we mean it, and merges as we do. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { run } from '../support/cli.js'
import { hasTool, skipped } from '../support/skip.js'
import { inTempDir } from '../support/temp.js'

const folder = process.env['KUBE_BINARIES']
const own = folder === undefined ? '' : join(folder, 'kubectl')
const KUBECTL = existsSync(own) ? own : hasTool('kubectl') ? 'kubectl' : undefined

function testWithKubectl(name: string, handler: () => Promise<void>): void {
  if (KUBECTL !== undefined) return void test(name, handler)
  skipped.push(`${name} (needs kubectl, on PATH or in KUBE_BINARIES)`)
  test.skip(name)
}

interface Config {
  readonly 'current-context': string
  readonly clusters: readonly { readonly name: string; readonly cluster: object }[] | null
  readonly users: readonly { readonly name: string; readonly user: object }[] | null
  readonly contexts: readonly { readonly name: string; readonly context: object }[] | null
}

/** What kubectl makes of kubeconfigs, their entries sorted by name. */
function view(files: readonly string[], ...args: readonly string[]): Config {
  const env = { KUBECONFIG: files.join(':'), PATH: process.env['PATH'] ?? '', HOME: '/nowhere' }
  const out = execFileSync(KUBECTL ?? '', ['config', 'view', '--raw', '-o', 'json', ...args], { env, encoding: 'utf8' })
  const config = JSON.parse(out) as Config
  const sorted = <T extends { readonly name: string }>(list: readonly T[] | null) =>
    [...(list ?? [])].sort((a, b) => (a.name < b.name ? -1 : 1))
  return {
    ...config,
    clusters: sorted(config.clusters),
    users: sorted(config.users),
    contexts: sorted(config.contexts),
  }
}

/** The same with paths that start at a folder made absolute: kubectl prints them as they stand there. */
function from(config: Config, folder: string): Config {
  const text = JSON.stringify(config).replace(
    /"(certificate-authority|tokenFile|command)":"([^"]+)"/g,
    (_, field: string, path: string) => `"${field}":"${resolve(folder, path)}"`,
  )
  return JSON.parse(text) as Config
}

const MAKE = ['gen', 'all', '-q', '--encryption-algorithm', 'ECDSA-P256', '--node-name', 'cp-1']

testWithKubectl(
  'merged by us, and by kubectl, kubeconfigs say the same',
  inTempDir(async dir => {
    const at = (...path: string[]) => join(dir, ...path)
    await run([...MAKE, '--dir', at('tree'), '--apiserver-advertise-address', '10.0.0.10'])
    mkdirSync(at('below'))
    writeFileSync(at('below/ca.crt'), readFileSync(at('tree/pki/ca.crt')))
    writeFileSync(at('below/t'), 'token')
    writeFileSync(
      at('below/wild.yaml'),
      `# comment\r
apiVersion: v1\r
kind: Config\r
clusters: # none of them is real\r
  - name: wild\r
    cluster: {server: "https://wild:6443", certificate-authority: ca.crt, tls-server-name: x, proxy-url: "http://p:1"}\r
users:\r
  - name: exec\r
    user:\r
      exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: ./login, args: ["007", "yes"], env: [{name: A, value: "1"}]}\r
  - {name: file, user: {tokenFile: t}}\r
  - {name: old, user: {auth-provider: {name: oidc, config: {client-id: "1"}}}}\r
  - {name: as, user: {username: a, password: b, as: c, as-groups: [d]}}\r
contexts:\r
  - {name: wild, context: {cluster: wild, user: exec, namespace: "1"}}\r
current-context: wild\r
`,
    )
    const sources = [at('tree/admin.conf'), at('below/wild.yaml')]
    for (const [target, extra] of [
      ['new.conf', []],
      ['below/new.conf', []],
      ['flat.conf', ['--flatten']],
    ] as const) {
      const merged = await run(['kubeconfig', 'merge', ...sources, '--into', at(target), ...extra])
      assert.is(merged.status, 0, merged.stderr)
      const [ours, theirs] = [view([at(target)], ...extra), view(sources, ...extra)]
      assert.equal(from(ours, dirname(at(target))), from(theirs, at('below')), target)
    }
    // Into one that is there, in its own style.
    for (const name of ['wild.yaml', 'wild.json']) {
      const target = at('below', `target-${name}`)
      const text = readFileSync(at('below/wild.yaml'), 'utf8')
      writeFileSync(target, name === 'wild.yaml' ? text : JSON.stringify(view([at('below/wild.yaml')])))
      const expected = view([target, at('tree/admin.conf')])
      const merged = await run(['kubeconfig', 'merge', at('tree/admin.conf'), '--into', target])
      assert.is(merged.status, 0, merged.stderr)
      assert.equal(view([target]), expected, name)
      const after = readFileSync(target, 'utf8')
      if (name === 'wild.json') JSON.parse(after)
      else for (const line of text.split('\r\n')) assert.ok(after.includes(`${line}\r\n`) || line === '', line)
    }
  }),
)

testWithKubectl(
  'merged into one of several files, all that kubectl saw is what it was, and what came in is seen',
  inTempDir(async dir => {
    const at = (...path: string[]) => join(dir, ...path)
    const one = (name: string, token: string, current = '') =>
      `clusters: [{name: ${name}, cluster: {server: "https://${token}", certificate-authority: ${token}.crt}}]
users: [{name: ${name}, user: {token: ${token}}}]
contexts: [{name: ${name}, context: {cluster: ${name}, user: ${name}}}]
${current === '' ? '' : `current-context: ${current}`}
`
    mkdirSync(at('below'))
    for (const [place, content] of [
      ['a', 'clusters: []\n'],
      ['below/b', one('x', 'b', 'x')],
      ['c', `\ufeff${one('w', 'c', 'w')}`],
    ] as const)
      writeFileSync(at(place), content)
    const files = ['nowhere', 'a', 'below/b', 'c'].map(place => at(place))
    const before = view(files)
    for (const [source, ...argv] of [
      [one('x', 'b').replace('b.crt', 'below/b.crt')],
      [one('x', 'in', 'x'), '--on-conflict', 'rename'],
      [one('z', 'in', 'z')],
      [one('w', 'in2', 'w'), '--context-name', 'named', '--use-context'],
    ] as const) {
      writeFileSync(at('in'), source)
      const merged = await run(['kubeconfig', 'merge', at('in'), ...argv], { env: { KUBECONFIG: files.join(':') } })
      assert.is(merged.status, 0, merged.stderr)
    }
    const after = view(files)
    for (const list of ['clusters', 'users', 'contexts'] as const)
      for (const entry of before[list] ?? [])
        assert.equal(
          (after[list] ?? []).find(({ name }) => name === entry.name),
          entry,
        )
    assert.equal(after.contexts?.map(({ name }) => name).sort(), ['named', 'w', 'x', 'x-2', 'z'])
    assert.is(after['current-context'], 'named')
    assert.is(view(files.slice(2))['current-context'], 'x')
  }),
)

testWithKubectl(
  "users' kubeconfigs are what kubectl would have made of their parts",
  inTempDir(async dir => {
    const at = (...path: string[]) => join(dir, ...path)
    await run([...MAKE, '--dir', at('tree'), '--apiserver-advertise-address', '10.0.0.10'])
    const names = ['plain', "it's: #1", '- x', '{a}', 'yes', '007', 'žofie', 'a@b/c']
    for (const [index, name] of names.entries()) {
      const file = at(`${index}.conf`)
      const made = await run([
        'kubeconfig',
        'user',
        '--dir',
        at('tree'),
        '--client-name',
        name,
        '--namespace',
        'shop',
        '--out',
        file,
      ])
      assert.is(made.status, 0, made.stderr)
      const { users, contexts, 'current-context': current } = view([file])
      assert.equal([users?.[0]?.name, current], [name, `${name}@kubernetes`])
      assert.equal(contexts?.[0]?.context, { cluster: 'kubernetes', user: name, namespace: 'shop' })
    }
    const binding = await run([
      ...['kubeconfig', 'user', '--dir', at('tree'), '--client-name', 'yes', '--cluster-role', 'view', '--dry-run'],
      ...['-o', 'json'],
    ])
    const [ours] = (JSON.parse(binding.stdout) as { rbac: Record<string, unknown>[] }).rbac
    const args = ['create', 'clusterrolebinding', 'x', '--clusterrole', 'view', '--user', 'yes']
    const theirs = execFileSync(KUBECTL ?? '', [...args, '--dry-run=client', '-o', 'json'], { encoding: 'utf8' })
    const { metadata: _, ...expected } = JSON.parse(theirs) as Record<string, unknown>
    assert.equal({ ...ours, metadata: undefined }, { ...expected, metadata: undefined })
  }),
)

test.run()
