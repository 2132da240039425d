// docs/output.md names every field that commands print, and no other.
import { sign } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { COMMANDS } from '../../lib/cli/commands.js'
import type { OpenedHost } from '../../lib/cli/io.js'
import { parseYamlStream } from '../../lib/yaml.js'
import { readDocument } from '../../tools/docs/documents.js'
import { run } from '../support/cli.js'
import { configMap, kubeconfigOf, pinOf, signed } from '../support/cluster-info.js'
import { initHost } from '../support/init.js'
import { answerJson, FakeServer, TestCa } from '../support/lying-server.js'
import { startMemoryServer } from '../support/memory-server.js'

interface Field {
  readonly path: string
  readonly type: string
  readonly isAlwaysThere: boolean
}

/** The tables of the document, by the heading above them. */
const TABLES = new Map(
  readDocument('docs/output.md')
    .split(/^## /m)
    .slice(1)
    .map(section => {
      const rows = section.matchAll(/^\| `([^`]+)` \| ([^|]+) \| ([^|]+) \|/gm)
      const fields = [...rows].map(([, path = '', type = '', there = '']) => ({
        path,
        type: type.trim(),
        isAlwaysThere: there.trim() === 'always',
      }))
      return [section.split('\n')[0] ?? '', fields as readonly Field[]] as const
    }),
)

/** One value of a document that was printed, with the path that the tables know it by. */
interface Leaf {
  readonly path: string
  readonly type: string
}

/** What a table calls a value; lists of texts are values, lists of anything else are gone into. */
function leavesOf(value: unknown, path: string, opaque: ReadonlySet<string>): Leaf[] {
  if (opaque.has(path)) return [{ path, type: 'opaque' }]
  if (Array.isArray(value)) {
    if (value.length === 0) return [{ path, type: 'empty' }]
    if (value.every(item => typeof item === 'string')) return [{ path, type: 'string[]' }]
    return value.flatMap(item => leavesOf(item, `${path}[]`, opaque))
  }
  if (typeof value === 'object' && value !== null)
    return Object.entries(value).flatMap(([key, item]) => leavesOf(item, path === '' ? key : `${path}.${key}`, opaque))
  return [{ path, type: value === null ? 'null' : typeof value }]
}

/** Every place in a document that a path like `items[].origin` leads to. */
function placesOf(value: unknown, path: string): unknown[] {
  let found = [value]
  for (const step of path.split('.').filter(Boolean)) {
    const name = step.replace(/\[\]$/, '')
    found = found
      .map(item => (item as Readonly<Record<string, unknown>>)[name])
      .filter(item => item !== undefined)
      .flatMap(item => (step.endsWith('[]') ? (item as readonly unknown[]) : [item]))
  }
  return found
}

const FACTS = [
  '--node-name',
  'cp-1',
  '--apiserver-advertise-address',
  '10.0.0.10',
  '--encryption-algorithm',
  'ECDSA-P256',
]
const CONFIG = 'apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n'
const dir = mkdtempSync(join(tmpdir(), 'kpki-output-'))
const at = (...path: string[]) => join(dir, ...path)
writeFileSync(at('good.yaml'), `${CONFIG}clusterName: a\n`)
writeFileSync(at('bad.yaml'), `${CONFIG}clusterNam: a\nnetworking: {serviceSubnet: 10.96.0.1/12}\n`)

const vector = (name: string) => fileURLToPath(new URL(`../vectors/${name}`, import.meta.url))
// What is hung together loosely: files instead of data, kubeconfigs and certificates inside of manifests.
const kubeconfig = {
  apiVersion: 'v1',
  kind: 'Config',
  'current-context': 'a',
  contexts: [{ name: 'a', context: { cluster: 'c', user: 'u', namespace: 'n' } }],
  clusters: [{ name: 'c', cluster: { server: 'https://10.0.0.10:6443', 'certificate-authority': '/ca.crt' } }],
  users: [{ name: 'u', user: { 'client-certificate': '/u.crt', 'client-key': '/u.key' } }],
}
const base64 = (text: string) => Buffer.from(text).toString('base64')
const manifests = {
  apiVersion: 'v1',
  kind: 'List',
  items: [
    {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'Opaque',
      metadata: { name: 's', namespace: 'n' },
      data: {
        'admin.conf': base64(JSON.stringify(kubeconfig, undefined, 2)),
        'odd.pem': base64(readFileSync(vector('output/parameters.pem'), 'utf8')),
        'broken.pem': base64('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'),
      },
    },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' }, data: { 'ca.crt': '' } },
  ],
}
writeFileSync(at('manifests.json'), JSON.stringify(manifests))
writeFileSync(at('notes.txt'), 'nothing of the kind\n')

// For what is printed of a cluster.
const server = await startMemoryServer(dir)
const LIVE = ['--kubeconfig', server.kubeconfig]
// For what a server says of itself to whoever asks.
const ca = await TestCa.create()
const info = configMap(signed(kubeconfigOf(ca.pem, 'https://10.0.0.10:6443')))
const published = await FakeServer.start({
  pair: await ca.issue(),
  answer: (_request, response) => answerJson(response, 200, info, { date: new Date(0).toUTCString() }),
})
writeFileSync(at('info.json'), JSON.stringify(info))

/** Command lines in an order in which each finds what it needs; together they print every field that there is. */
const INIT = [
  ...['init', '--node-name', 'cp-1', '--apiserver-advertise-address', '10.77.1.10'],
  ...['--encryption-algorithm', 'ECDSA-P256', '--control-plane-endpoint', 'api.example.org'],
]
const ETCD = ['/etc/kubernetes/manifests/etcd.yaml', 'mine'] as const
const initHosts = [await initHost()]
async function newInitHost(): Promise<void> {
  // Units are run where somebody runs them: nobody does here, which is told of.
  const wellEver = {
    fetch: () => ({ status: 200, body: 'ok' }),
    host: { system: { serviceManager: 'openrc' } },
  } as const
  initHosts[0] = await initHost(wellEver)
}

/** The host of a command that works on one. */
function hostOf([command]: readonly string[]): { host?: OpenedHost } {
  const [made] = initHosts
  return (command === 'init' || command === 'reset') && made
    ? { host: { host: made.host, store: made.host.store, connect: async () => made.api } }
    : {}
}

const CASES: readonly (readonly [kind: string, argv: readonly string[], prepare?: () => void | Promise<void>])[] = [
  ['GenerateResult', ['gen', 'all', '--dir', at('a'), ...FACTS, '--dry-run']],
  ['GenerateResult', ['gen', 'all', '--dir', at('a'), ...FACTS]],
  ['GenerateResult', ['gen', 'sa', '--dir', at('a'), ...FACTS]],
  ['GenerateResult', ['gen', 'kubeconfig', '--dir', at('a'), ...FACTS, '--kubernetes-version', '1.38']],
  [
    'GenerateResult',
    [
      'gen',
      'all',
      '--dir',
      at('b'),
      ...FACTS,
      '--ca-from',
      at('a'),
      '--role',
      'worker',
      '--control-plane-endpoint',
      'a.b',
    ],
  ],
  // Its CA's key is missing: findings, with what to do about them.
  [
    'GenerateResult',
    ['gen', 'apiserver', '--dir', at('c'), ...FACTS, '--dry-run'],
    () => {
      mkdirSync(at('c', 'pki'), { recursive: true })
      copyFileSync(at('a', 'pki/ca.crt'), at('c', 'pki/ca.crt'))
    },
  ],
  [
    'Inspection',
    [
      ...['inspect', at('a'), at('manifests.json'), at('notes.txt')],
      ...['output/wide.pem', 'output/parameters.pem', 'keys/encrypted.pkcs8.pem', 'x509/inter-one.crt'].map(vector),
    ],
  ],
  ['RuleList', ['check', '--explain', 'all']],
  ['CheckReport', ['check', '--dir', at('a'), '--kubernetes-version', '1.36']],
  [
    'Plan',
    [
      ...['plan', '--dir', at('planned'), '--role', 'init', '--control-plane-endpoint', 'lb.example.org', '--new-keys'],
      ...['--apiserver-cert-extra-sans', '10.0.0.20'],
    ],
    () => {
      cpSync(at('a'), at('planned'), { recursive: true })
      for (const name of ['ca', 'peer']) rmSync(at(`planned/pki/etcd/${name}.key`))
    },
  ],
  ['RenewResult', ['renew', 'all', 'ca', '--dir', at('planned'), '--now', '2099-01-01', '--dry-run']],
  [
    'RenewResult',
    ['certs', 'renew', 'all', '--dir', at('planned'), '--control-plane-endpoint', 'lb.example.org'],
    async () => {
      await run(['renew', 'apiserver', '--dir', at('planned'), '-q'])
      // As a run that was killed at its very end leaves it.
      const [name = ''] = readdirSync(at('planned/.kpki/backups'))
      writeFileSync(at('planned/.kpki/backups', name, 'unfinished'), '', { mode: 0o600 })
    },
  ],
  [
    'ApplyResult',
    [
      'apply',
      '--yes',
      '--dir',
      at('planned'),
      '--role',
      'init',
      '--control-plane-endpoint',
      'lb2.example.org',
      '--new-keys',
    ],
    () => {
      for (const name of readdirSync(at('planned/.kpki/backups')).slice(-1))
        writeFileSync(at('planned/.kpki/backups', name, 'unfinished'), '', { mode: 0o600 })
    },
  ],
  [
    'ApplyResult',
    ['apply', '--dry-run', '--dir', at('planned'), '--role', 'init', '--control-plane-endpoint', 'lb3.example.org'],
  ],
  ['BackupList', ['undo', '--list', '--dir', at('planned')]],
  ['UndoResult', ['undo', '--dir', at('planned')]],
  [
    'CheckReport',
    ['check', '--dir', at('checked'), '--baseline', at('baseline.json'), '--cis', '1.24'],
    async () => {
      cpSync(at('a'), at('checked'), { recursive: true })
      const bundle =
        readFileSync(at('a', 'pki/ca.crt'), 'utf8') + readFileSync(vector('x509/odd-zero-serial.crt'), 'utf8')
      writeFileSync(at('checked/pki/ca.crt'), bundle)
      chmodSync(at('checked/pki/ca.key'), 0o644)
      chmodSync(at('checked/admin.conf'), 0o644)
      await run(['check', '--dir', at('checked'), '-q', '--write-baseline', at('made.json')])
      const made = JSON.parse(readFileSync(at('made.json'), 'utf8')) as { findings: Record<string, string>[] }
      for (const entry of made.findings) {
        if (entry['path'] === 'pki/ca.key') Object.assign(entry, { until: '2020-01-01' })
        if (entry['path'] === 'admin.conf') Object.assign(entry, { reason: 'r', until: '9999-01-01' })
      }
      const gone = { ...made.findings[0], path: 'gone', part: 'p', reason: 'r', until: '9999-01-01' }
      writeFileSync(at('baseline.json'), JSON.stringify({ ...made, findings: [...made.findings, gone] }))
    },
  ],
  ['CAPinList', ['hash', at('a', 'pki/ca.crt')]],
  ['CAPinList', ['hash', at('info.json'), published.url]],
  ['ClusterVerification', ['hash', 'verify', `sha256:${'0'.repeat(64)}`, '--server', published.url]],
  ['ClusterVerification', ['hash', 'verify', pinOf(ca.pem), '--server', published.url]],
  ['CAPinVerification', ['hash', 'verify', `sha256:${'0'.repeat(64)}`, '--ca-cert', at('a', 'pki/ca.crt')]],
  ['CertificateKey', ['certs', 'key']],
  ['CertificateKey', ['certs', 'certificate-key']],
  ['CertificatesUpload', ['certs', 'upload', '--dir', at('a'), ...LIVE, '--allow-other-ca']],
  ['CertificatesUpload', ['certs', 'upload', '--dir', at('a'), ...LIVE, '--allow-other-ca', '--dry-run']],
  [
    'CertificatesUpload',
    ['certs', 'upload', '--dir', at('a'), ...LIVE, '--allow-other-ca', '--certificate-key', '00'.repeat(32)],
  ],
  [
    'CertificatesDownload',
    ['certs', 'download', '--dir', at('d'), ...LIVE, '--allow-other-ca', '--certificate-key', '00'.repeat(32)],
  ],
  ['IssuedCertificateList', ['issued', '--dir', at('a'), '--all']],
  [
    'IssuedCertificateList',
    ['issued', at('ledger'), '--dir', at('a')],
    () => writeFileSync(at('ledger'), `x\n${readFileSync(at('a', 'pki/issued.jsonl'), 'utf8')}`),
  ],
  ['CertificateExpirationInfo', ['expiration', '--dir', at('a')]],
  // What is missing, unreadable and elsewhere, and a bundle with a CA that was signed by another one.
  [
    'CertificateExpirationInfo',
    ['certs', 'check-expiration', '--dir', at('ends')],
    () => {
      cpSync(at('a'), at('ends'), { recursive: true })
      const read = (name: string) => readFileSync(vector(name), 'utf8')
      writeFileSync(at('ends/pki/ca.crt'), readFileSync(at('a/pki/ca.crt'), 'utf8') + read('x509/inter-one.crt'))
      writeFileSync(at('ends/pki/root.crt'), read('x509/root.crt'))
      writeFileSync(at('ends/pki/etcd/ca.crt'), 'garbage')
      writeFileSync(at('ends/scheduler.conf'), 'garbage')
      writeFileSync(at('ends/kubelet.conf'), JSON.stringify(kubeconfig))
      rmSync(at('ends/pki/apiserver.crt'))
    },
  ],
  ['ServiceAccountToken', ['sa', 'token', 'a', '--uid', 'u', '--dir', at('a')]],
  [
    'ServiceAccountTokenVerification',
    ['sa', 'verify', at('sa-token'), '--dir', at('a')],
    async () => {
      const bound = ['--bound-object-kind', 'Pod', '--bound-object-name', 'p', '--bound-object-uid', 'u']
      writeFileSync(at('sa-token'), (await run(['sa', 'token', 'a', '--uid', 'u', '--dir', at('a'), ...bound])).stdout)
    },
  ],
  [
    'ServiceAccountTokenVerification',
    ['sa', 'verify', at('sa-token-renamed'), '--dir', at('a')],
    async () => {
      const [, claims] = readFileSync(at('sa-token'), 'utf8').split('.')
      const input = `${Buffer.from('{"alg":"ES256","kid":"other"}').toString('base64url')}.${claims}`
      const key = { key: readFileSync(at('a/pki/sa.key'), 'utf8'), dsaEncoding: 'ieee-p1363' as const }
      const signature = sign('sha256', Buffer.from(input), key).toString('base64url')
      writeFileSync(at('sa-token-renamed'), `${input}.${signature}`)
    },
  ],
  ['JSONWebKeySet', ['sa', 'jwks', '--dir', at('a')]],
  ['JSONWebKeySet', ['sa', 'jwks', vector('kubeadm/v1.20.2/pki/sa.pub')]],
  ['OpenIDConfiguration', ['sa', 'openid-configuration', '--dir', at('a')]],
  // Everything that a value can come from: flag, file, default, and the host itself.
  ['EffectiveConfiguration', ['config', 'show', '--config', at('good.yaml'), ...FACTS.slice(2)]],
  [
    'ConfigurationValidation',
    ['config', 'validate', '--config', at('bad.yaml'), ...FACTS, '--service-cidr', '10.0.0.0/99'],
  ],
  ['ConfigurationValidation', ['config', 'validate', '--config', at('bad.yaml'), ...FACTS]],
  ['ConfigurationList', ['config', 'print', 'init-defaults']],
  ['ConfigurationList', ['config', 'migrate', '--old-config', at('good.yaml')]],
  [
    'PreflightReport',
    [
      ...['preflight', ...FACTS, '--only', 'CRI,PatchesDir', '--patches', at('no-patches')],
      ...['--cri-socket', 'unix:///var/run/dockershim.sock', '--ignore-preflight-errors', 'Swpa,nothing-like-it'],
    ],
  ],
  ['InitRehearsal', [...INIT, '--dry-run', '--skip-phases', 'addon'], () => initHosts[0]?.host.put(...ETCD)],
  [
    'InitRehearsal',
    [...INIT, '--dry-run'],
    () => {
      initHosts[0]?.host.put('/etc/kubernetes/pki/ca.crt', 'none')
      initHosts[0]?.host.put('/etc/kubernetes/pki/front-proxy-client.crt', 'none')
    },
  ],
  [
    'InitRehearsal',
    ['render', ...INIT.slice(1), '--root', at('host'), '--dry-run', '--patches', at('patches')],
    () => {
      mkdirSync(at('patches'))
      writeFileSync(at('patches/etcd.yaml'), '{}')
    },
  ],
  ['InitResult', [...INIT, '--as', 'systemd', '--upload-certs', '--skip-phases', 'preflight,addon'], newInitHost],
  ['InitResult', ['init', 'phase', 'certs', 'ca', ...INIT.slice(1)], newInitHost],
  [
    'RenderResult',
    [
      ...['render', ...INIT.slice(1), '--root', at('host'), '--manifests', at('manifests'), '--as', 'systemd'],
      ...['--skip-phases', 'certs/sa'],
    ],
  ],
  [
    'RenderResult',
    ['render', ...INIT.slice(1), '--root', at('host'), '--manifests', at('manifests'), '--as', 'systemd'],
  ],
  ['ResetResult', ['reset', '--dry-run']],
  ['ResetResult', ['reset', '--force', '--backup', at('backup.tar')]],
  ['ResetResult', ['reset', 'phase', 'cleanup-node', '--force']],
  ['CompletionScript', ['completion', 'bash']],
  ['GeneratedToken', ['token', 'generate']],
  [
    'BootstrapTokenCreation',
    [
      ...['token', 'create', ...LIVE, '--token-file', at('bootstrap'), '--description', 'a'],
      ...['--print-join-command', '--discovery-objects'],
    ],
    () => writeFileSync(at('bootstrap'), 'abcdef.0123456789abcdef'),
  ],
  ['BootstrapTokenList', ['token', 'list', ...LIVE]],
  ['BootstrapTokenInspection', ['token', 'inspect', ...LIVE, '--token-file', at('bootstrap')]],
  ['BootstrapTokenDeletion', ['token', 'delete', 'abcdef', ...LIVE]],
  [
    'UserKubeconfig',
    [
      ...['kubeconfig', 'user', '--client-name', 'u', '--group', 'g', '--dir', at('a'), '--out', at('u.conf')],
      ...['--cluster-role', 'view', '--namespace', 'n', '--rbac-out', at('u.yaml'), '--validity-period', '9000h'],
    ],
  ],
  ['UserKubeconfig', ['kubeconfig', 'user', '--client-name', 'u', '--token', 't', '--dir', at('a'), '--dry-run']],
  ['KubeconfigMerge', ['kubeconfig', 'merge', at('a', 'admin.conf'), '--into', at('merged')]],
  [
    'KubeconfigMerge',
    ['kubeconfig', 'merge', at('merged.json'), '--into', at('merged'), '--on-conflict', 'overwrite', '--use-context'],
    () => {
      // Another user of a name that two contexts use, and a file that others can read.
      const admin = readFileSync(at('merged'), 'utf8')
      const context = '- {name: more, context: {cluster: kubernetes, user: kubernetes-admin}}'
      writeFileSync(at('merged'), admin.replace('contexts:\n', `contexts:\n${context}\n`), { mode: 0o644 })
      chmodSync(at('merged'), 0o644)
      const other = { name: 'x', context: { cluster: 'c', user: 'kubernetes-admin' } }
      const users = [{ name: 'kubernetes-admin', user: { token: 't' } }]
      const clusters = [{ name: 'c', cluster: { server: 'https://a' } }]
      const root = { kind: 'Config', 'current-context': 'x', users, clusters, contexts: [other] }
      writeFileSync(at('merged.json'), JSON.stringify(root))
    },
  ],
  [
    'KubeconfigView',
    ['kubeconfig', 'show', at('view.json'), at('a', 'admin.conf')],
    () => {
      const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
      const claims = { sub: 's', iss: 'i', aud: ['a'], iat: 1, exp: 2 }
      const users = {
        jwt: { token: `${part({ alg: 'RS256' })}.${part(claims)}.AA`, as: 'boss' },
        file: { tokenFile: 'nowhere' },
        password: { username: 'joe', password: 'x' },
        exec: { exec: { command: 'login', apiVersion: 'v1' } },
        plugin: { 'auth-provider': { name: 'oidc' } },
      }
      const cluster = {
        server: 'https://a',
        'tls-server-name': 'b',
        'proxy-url': 'http://p',
        'certificate-authority': 'c',
      }
      const root = {
        ...kubeconfig,
        clusters: [{ name: 'c', cluster }],
        users: Object.entries(users).map(([name, user]) => ({ name, user })),
        contexts: Object.keys(users).map(user => ({ name: user, context: { cluster: 'c', user, namespace: 'n' } })),
        'current-context': 'jwt',
      }
      writeFileSync(at('view.json'), JSON.stringify(root), { mode: 0o600 })
    },
  ],
  ['KubeconfigVerification', ['kubeconfig', 'verify', ...LIVE, '--live']],
  ['KubeconfigVerification', ['kubeconfig', 'verify', at('view.json'), '--all', '--live', '--timeout', '2s']],
  ['Errors', ['gen', 'all', '--dir', at('a'), ...FACTS, '--apiserver-cert-extra-sans', 'other.example.org']],
  ['Errors', ['hash', at('missing')]],
  ['Errors', ['config', 'print', 'nothing']],
]

const seen = new Map<string, Set<string>>()

for (const [index, [kind, argv, prepare]] of CASES.entries()) {
  test(`${index + 1}. ${argv.slice(0, 2).join(' ').replace(dir, '')}: ${kind}`, async () => {
    await prepare?.()
    const fields = TABLES.get(kind) ?? []
    const opaque = new Set(fields.filter(({ type }) => type === 'any' || type === 'object').map(({ path }) => path))
    const { stdout, stderr } = await run([...argv, '-o', 'json'], hostOf(argv))
    const document = JSON.parse(kind === 'Errors' ? stderr : stdout) as Readonly<Record<string, unknown>>
    const { apiVersion, kind: printed, ...rest } = document
    const version = kind === 'CertificateExpirationInfo' ? 'output.kubeadm.k8s.io/v1alpha3' : 'kpki.dev/v1alpha1'
    if (kind !== 'Errors') assert.equal([apiVersion, printed, stderr], [version, kind, ''])
    else assert.is(stdout, '')
    const leaves = leavesOf(kind === 'Errors' ? document : rest, '', opaque)
    for (const { path, type } of leaves) {
      // A list of texts is written as a list, or as its items.
      const isList = type === 'string[]' || type === 'empty'
      const field = fields.find(item => item.path === path || (isList && item.path === `${path}[]`))
      // Nothing is known of the items of an empty list.
      if (!field && type === 'empty' && fields.some(item => item.path.startsWith(`${path}[]`))) continue
      assert.ok(field, `${path} (${type}) is not in the table ${kind}`)
      const wanted = field?.path.endsWith('[]') && !path.endsWith('[]') ? `${field.type}[]` : field?.type
      if (type !== 'opaque' && type !== 'empty') assert.ok(wanted?.split(' or ').includes(type), `${path} is ${type}`)
      if (field) seen.set(kind, (seen.get(kind) ?? new Set()).add(field.path))
    }
    for (const { path } of fields.filter(({ isAlwaysThere }) => isAlwaysThere)) {
      const parent = path.split('.').slice(0, -1).join('.')
      const name = path.split('.').at(-1)?.replace(/\[\]$/, '') ?? ''
      for (const place of placesOf(document, parent))
        assert.ok(typeof place === 'object' && place !== null && name in place, `${path} is not always there`)
    }
  })
}

test('every field in a table was printed', () => {
  for (const [kind, fields] of TABLES)
    assert.equal(
      fields.map(({ path }) => path).filter(path => !seen.get(kind)?.has(path)),
      [],
      kind,
    )
})

test('every command that prints structured output was asked for it', () => {
  const asked = CASES.map(([, argv]) => argv)
  // Rows share their code with each other.
  const commands = Object.entries(COMMANDS).filter(
    ([path, { load }]) => load && !/^gen (?!all|sa|kubeconfig)/.test(path),
  )
  const missing = commands
    .filter(([, { flags }]) => flags && 'output' in flags)
    .map(([path]) => path.split(' '))
    .filter(path => !asked.some(argv => path.every((word, index) => argv[index] === word)))
  assert.equal(missing, [])
})

test('YAML is the same', async () => {
  const argv = ['hash', at('a', 'pki/ca.crt')]
  const [json, yaml] = await Promise.all(['json', 'yaml'].map(format => run([...argv, '-o', format])))
  assert.equal(parseYamlStream(yaml?.stdout ?? '', 'output')[0]?.value, JSON.parse(json?.stdout ?? ''))
})

test.after(async () => {
  await server.close()
  await published.close()
  rmSync(dir, { recursive: true, force: true })
})
test.run()
