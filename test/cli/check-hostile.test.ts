/** Trees and directories that nobody means well with: `check` reports and goes on, and looks at nothing outside of them. */
import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { run } from '../support/cli.js'
import { hasTool, testWith } from '../support/skip.js'
import { inTempDir } from '../support/temp.js'

const well = join(mkdtempSync(join(tmpdir(), 'kpki-well-')), 'etc/kubernetes')
const flags = [
  '--node-name',
  'cp-1',
  '--apiserver-advertise-address',
  '10.0.0.10',
  '--encryption-algorithm',
  'ECDSA-P256',
]
assert.is((await run(['gen', 'all', '--dir', well, ...flags])).status, 0)

interface Reported {
  readonly code: string
  readonly path: string
  readonly message: string
}

/** Findings that somebody should act on, and what the whole took. */
async function check(args: readonly string[], stdin?: string) {
  const begun = performance.now()
  const { status, stdout, stderr } = await run(['check', '-o', 'json', ...args], stdin === undefined ? {} : { stdin })
  assert.ok(performance.now() - begun < 60_000, 'in time')
  assert.ok(status === 0 || status === 3, `${status}: ${stderr}`)
  const { findings } = JSON.parse(stdout) as {
    readonly findings: readonly (Reported & { readonly severity: string })[]
  }
  return { status, stdout, findings: findings.filter(({ severity }) => severity !== 'info') }
}

const said = (findings: readonly Reported[], dir: string) =>
  findings.map(({ code, path }) => `${code} ${path.replace(`${dir}/`, '')}`).sort()

/** A tree of one's own to spoil. */
const onTree = (work: (tree: string) => Promise<void>) =>
  inTempDir(async dir => {
    const tree = join(dir, 'etc/kubernetes')
    cpSync(well, tree, { recursive: true })
    await work(tree)
  })

test(
  'a well tree, and what is no matter in it: nothing is said',
  onTree(async tree => {
    mkdirSync(join(tree, 'manifests'))
    mkdirSync(join(tree, 'tmp/.hidden'), { recursive: true })
    writeFileSync(join(tree, 'tmp/.hidden/ca.crt'), 'broken')
    writeFileSync(join(tree, 'README'), 'hello')
    execFileSync('mkfifo', [join(tree, 'tmp/pipe')])
    symlinkSync('.', join(tree, 'tmp/loop'))
    symlinkSync('../pki/ca.crt', join(tree, 'tmp/ca.crt'))
    assert.equal((await check(['--dir', tree])).findings, [])
  }),
)

test(
  'pipes, devices, sockets, links and noise in the place of files of a tree',
  onTree(async tree => {
    const at = (name: string) => join(tree, name)
    for (const name of [
      'pki/apiserver.key',
      'pki/front-proxy-client.crt',
      'pki/etcd/peer.key',
      'pki/etcd/server.crt',
      'scheduler.conf',
      'controller-manager.conf',
    ])
      rmSync(at(name))
    execFileSync('mkfifo', [at('pki/apiserver.key')])
    symlinkSync('/dev/zero', at('pki/front-proxy-client.crt'))
    symlinkSync('peer.key', at('pki/etcd/peer.key'))
    symlinkSync('/etc/passwd', at('pki/etcd/server.crt'))
    writeFileSync(at('scheduler.conf'), Buffer.alloc(2000, 0xfe))
    execFileSync('truncate', ['-s', '10G', at('controller-manager.conf')])
    const { findings, stdout } = await check(['--dir', tree])
    const rules = new Map(findings.map(({ code, path }) => [path.replace(`${tree}/`, ''), code]))
    const expected = {
      'pki/apiserver.key': 'not-regular',
      'pki/front-proxy-client.crt': 'link-outside',
      'pki/etcd/peer.key': 'not-regular',
      'pki/etcd/server.crt': 'link-outside',
      'scheduler.conf': 'unreadable',
      'controller-manager.conf': 'unreadable',
    }
    for (const [path, rule] of Object.entries(expected)) assert.is(rules.get(path), rule, path)
    assert.not.match(stdout, 'root:')
  }),
)

test(
  'the same in a directory of anything',
  inTempDir(async dir => {
    const at = (name: string) => join(dir, name)
    const server = createServer().listen(at('socket.pem'))
    await new Promise(resolve => server.once('listening', resolve))
    try {
      mkdirSync(at('deep'))
      cpSync(join(well, 'pki/ca.crt'), at('ca.crt'))
      execFileSync('mkfifo', [at('pipe.crt')])
      execFileSync('mkfifo', [at('pipe')])
      for (const [link, target] of [
        ['zero.crt', '/dev/zero'],
        ['self.crt', 'self.crt'],
        ['gone.crt', 'nowhere'],
        ['up', '..'],
        ['here', '.'],
        ['etc', '/etc'],
        ['deep/circle', '../deep'],
        ['copy.crt', 'ca.crt'],
      ] as const)
        symlinkSync(target, at(link))
      execFileSync('truncate', ['-s', '10G', at('huge.crt')])
      execFileSync('truncate', ['-s', '10G', at('image')])
      writeFileSync(at('store.jks'), Buffer.from('feedfeed00000002000000010000000200', 'hex'))
      writeFileSync(at('empty.crt'), '')
      const { findings } = await check([dir])
      assert.equal(said(findings, dir), [
        'link-outside etc',
        'link-outside up',
        'link-outside zero.crt',
        'not-regular gone.crt',
        'not-regular pipe.crt',
        'not-regular self.crt',
        'not-regular socket.pem',
        'unreadable empty.crt',
        'unreadable huge.crt',
      ])
    } finally {
      server.close()
    }
  }),
)

test(
  'directories in directories: a bound is told of',
  inTempDir(async dir => {
    mkdirSync(join(dir, 'a/'.repeat(60)), { recursive: true })
    writeFileSync(join(dir, 'a/'.repeat(60), 'ca.crt'), 'broken')
    const { findings } = await check([dir])
    assert.equal(
      findings.map(({ code }) => code),
      ['too-many'],
    )
  }),
)

test(
  'a name that is no text',
  inTempDir(async dir => {
    writeFileSync(Buffer.concat([Buffer.from(`${dir}/a`), Buffer.from([0xff]), Buffer.from('.crt')]), 'broken')
    writeFileSync(join(dir, '\u001b[31mred.crt'), 'broken')
    const { findings } = await check([dir])
    assert.equal(
      findings.map(({ code }) => code),
      ['unreadable', 'unreadable'],
    )
    const text = await run(['check', dir])
    assert.not.match(text.stdout, '\u001b')
  }),
)

test(
  'files that are not for this user are told of, the others are judged',
  onTree(async tree => {
    const key = join(tree, 'pki/front-proxy-client.key')
    const secret = join(tree, 'tmp')
    mkdirSync(secret)
    for (const path of [tree, join(tree, 'pki'), join(tree, 'pki/etcd'), join(tree, '..'), join(tree, '../..')])
      chmodSync(path, 0o755)
    execFileSync('sh', ['-c', `find '${tree}' -type f -exec chmod 644 {} +`])
    chmodSync(key, 0)
    chmodSync(secret, 0)
    const isRoot = process.geteuid?.() === 0
    try {
      if (isRoot) process.seteuid?.(65_534)
      const { findings } = await check(['--dir', tree])
      const unreadable = findings.filter(({ code }) => code === 'unreadable')
      assert.equal(said(unreadable, tree), ['unreadable pki/front-proxy-client.key', 'unreadable tmp'])
      const whole = await check([tree])
      const again = whole.findings.filter(({ code }) => code === 'unreadable')
      assert.equal(said(again, tree), ['unreadable pki/front-proxy-client.key', 'unreadable tmp'])
    } finally {
      if (isRoot) process.seteuid?.(0)
      chmodSync(secret, 0o755)
    }
  }),
)

test(
  "a kubelet's client certificate behind its link, in a copy of a host, and old ones beside it",
  onTree(async tree => {
    const pki = join(tree, '../../var/lib/kubelet/pki')
    mkdirSync(pki, { recursive: true })
    writeFileSync(join(pki, 'kubelet-client-2020-01-01-00-00-00.pem'), 'old and broken')
    writeFileSync(join(pki, 'kubelet-client-2026-01-01-00-00-00.pem'), 'new and broken')
    symlinkSync('/var/lib/kubelet/pki/kubelet-client-2026-01-01-00-00-00.pem', join(pki, 'kubelet-client-current.pem'))
    const dir = join(tree, '../..')
    for (const named of [
      ['--dir', tree],
      ['--dir', dir],
      ['--dir', tree, '--kubelet-dir', join(pki, '..')],
    ]) {
      const { findings } = await check(named)
      const paths = findings.map(({ path }) => path.replace(/.*kubelet\//, ''))
      assert.equal([...new Set(paths)], ['pki/kubelet-client-current.pem'])
    }
  }),
)

test(
  "a kubelet's client certificate that is gone, with its directory there, in a copy of a host",
  onTree(async tree => {
    const path = join(tree, 'kubelet.conf')
    const file = '/var/lib/kubelet/pki/kubelet-client-current.pem'
    const text = readFileSync(path, 'utf8')
    const beside = text
      .replace(/client-certificate-data: .*/, `client-certificate: ${file}`)
      .replace(/client-key-data: .*/, `client-key: ${file}`)
    writeFileSync(path, beside)
    const lost = async () =>
      (await check(['--dir', tree])).findings.filter(({ path: at }) => at.endsWith('kubelet-client-current.pem'))
    assert.equal(await lost(), [])
    mkdirSync(join(tree, '../../var/lib/kubelet/pki'), { recursive: true })
    assert.equal(
      (await lost()).map(({ code }) => code),
      ['file-missing'],
    )
  }),
)

testWith('tar', test, 'an archive of a host: from a file, gzipped, and from standard input', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'kpki-tar-'))
  try {
    const tar = join(dir, 'host.tar')
    execFileSync('tar', ['-C', join(well, '../..'), '-cf', tar, 'etc'])
    execFileSync('gzip', ['-k', tar])
    for (const named of [tar, `${tar}.gz`]) assert.equal((await check(['--dir', named])).findings, [])
    const broken = join(dir, 'broken.tar')
    writeFileSync(broken, 'hello')
    const { status, stderr } = await run(['check', '--dir', broken])
    assert.is(status, 1)
    assert.match(stderr, 'broken.tar is cut off')
    const conflict = await run(['check', '--dir', tar, '--cert-dir', dir])
    assert.is(conflict.status, 2)
  } finally {
    rmSync(dir, { recursive: true })
  }
})

const FOREIGN: readonly (readonly [name: string, content: string, rules: readonly string[]])[] = [
  ['byte-order-mark.conf', '\ufeffapiVersion: v1\nkind: Config\n', []],
  ['windows.conf', 'apiVersion: v1\r\nkind: Config\r\nclusters: []\r\n', []],
  [
    'json.conf',
    '{"apiVersion":"v1","kind":"Config","clusters":[{"name":"a","cluster":{"server":"https://a:6443"}}]}',
    [],
  ],
  ['twice.conf', 'apiVersion: v1\nkind: Config\nkind: Config\n', ['field-twice']],
  ['no-context.conf', 'apiVersion: v1\nkind: Config\ncurrent-context: x\n', ['entry-missing']],
  [
    'anchors.conf',
    'apiVersion: v1\nkind: Config\nclusters:\n- name: a\n  cluster: &a {server: https://a:6443}\n- name: b\n  cluster: *a\n',
    [],
  ],
  [
    'exec.conf',
    'apiVersion: v1\nkind: Config\nusers:\n- name: a\n  user:\n    exec: {apiVersion: client.authentication.k8s.io/v1, command: aws, interactiveMode: Never}\n',
    [],
  ],
  ['token.conf', 'apiVersion: v1\nkind: Config\nusers:\n- name: a\n  user: {token: "0123456789"}\n', []],
  ['cut.conf', 'apiVersion: v1\nkind: Config\nclusters: [', ['unreadable']],
  [
    'not-base64.conf',
    'apiVersion: v1\nkind: Config\nclusters:\n- name: a\n  cluster: {server: https://a, certificate-authority-data: "%%%"}\n',
    ['unreadable'],
  ],
  [
    'laughs.yaml',
    `kind: Config\na: &a [x,x]\n${'bcdefghijklmnop'
      .split('')
      .map((name, index) => `${name}: &${name} [*${'abcdefghijklmno'[index]},*${'abcdefghijklmno'[index]}]\n`)
      .join('')}`,
    ['unreadable'],
  ],
]

test(
  'kubeconfigs of the wild',
  inTempDir(async dir => {
    for (const [name, content] of FOREIGN) writeFileSync(join(dir, name), content, { mode: 0o600 })
    const { findings, stdout } = await check([dir])
    for (const [name, , rules] of FOREIGN) {
      const own = findings.filter(({ path }) => path.endsWith(`/${name}`)).map(({ code }) => code)
      assert.equal([...new Set(own)], rules, name)
    }
    assert.not.match(stdout, '0123456789')
  }),
)

const OPENSSL: readonly (readonly [about: string, name: string, commands: string, rules: readonly string[]])[] = [
  ['PKCS#12', 'a.p12', 'openssl pkcs12 -export -in ca.crt -inkey ca.key -out a.p12 -passout pass:secret', []],
  ['DER', 'a.der', 'openssl x509 -in ca.crt -outform DER -out a.der', []],
  [
    'DER with noise behind it',
    'b.der',
    'openssl x509 -in ca.crt -outform DER -out b.der; printf x >>b.der',
    ['unreadable'],
  ],
  [
    'a key with a password',
    'c.key',
    'openssl pkcs8 -topk8 -in ca.key -out c.key -passout pass:secret; chmod 644 c.key',
    [],
  ],
  [
    'an Ed25519 certificate',
    'e.crt',
    'openssl req -x509 -newkey ed25519 -nodes -keyout e.key -out e.crt -subj /CN=e -days 90',
    ['ca-profile'],
  ],
]

if (hasTool('openssl'))
  test(
    'what openssl makes',
    inTempDir(async dir => {
      for (const name of ['ca.crt', 'ca.key']) cpSync(join(well, 'pki', name), join(dir, name))
      for (const [, , commands] of OPENSSL) execFileSync('sh', ['-c', commands], { cwd: dir, stdio: 'ignore' })
      const { findings } = await check([dir])
      for (const [about, name, , rules] of OPENSSL) {
        const own = findings.filter(({ path }) => path.endsWith(`/${name}`)).map(({ code }) => code)
        assert.equal(own, rules, about)
      }
    }),
  )

test.after(() => rmSync(join(well, '../..'), { recursive: true, force: true }))
test.run()
