import { createDecipheriv } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import fs from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parse, parseAllDocuments } from 'yaml'
import { run } from '../support/cli.js'
import { inTempDir, snapshot } from '../support/temp.js'

const KEY = 'c0ffee'.repeat(11).slice(0, 64)
const MAKE = [
  '--encryption-algorithm',
  'ECDSA-P256',
  '--node-name',
  'cp-1',
  '--apiserver-advertise-address',
  '10.0.0.10',
]
const SHARED = ['ca', 'front-proxy-ca', 'etcd/ca']
  .flatMap(base => [`${base}.key`, `${base}.crt`])
  .concat('sa.key', 'sa.pub')

/** A tree, and its shared files as a manifest in `certs.yaml`. */
async function uploaded(dir: string, ...more: readonly string[]): Promise<string> {
  const made = await run(['gen', 'all', ...MAKE, '--dir', join(dir, 'one')])
  assert.is(made.status, 0, made.stderr)
  const said = await run([
    'certs',
    'upload',
    '--dir',
    join(dir, 'one'),
    '--certificate-key',
    KEY,
    '-o',
    'yaml',
    ...more,
  ])
  assert.is(said.status, 0, said.stderr)
  const manifest = join(dir, 'certs.yaml')
  writeFileSync(manifest, said.stdout)
  return manifest
}
const download = (manifest: string, dir: string, ...more: readonly string[]) =>
  run(['certs', 'download', '--from', manifest, '--certificate-key', KEY, '--dir', dir, ...more])

test('certs key prints 64 digits and nothing else; certificate-key is the same', async () => {
  for (const word of ['key', 'certificate-key']) {
    const { status, stdout, stderr } = await run(['certs', word])
    assert.equal([status, stderr], [0, ''])
    assert.match(stdout, /^[0-9a-f]{64}\n$/)
  }
  const { stdout } = await run(['certs', 'key', '-o', 'json'])
  const { certificateKey, ...rest } = JSON.parse(stdout)
  assert.equal(rest, { apiVersion: 'kpki.dev/v1alpha1', kind: 'CertificateKey' })
  assert.match(certificateKey, /^[0-9a-f]{64}$/)
})

test(
  'certs key goes into a file of mode 0600, and warns where others can read it',
  inTempDir(async dir => {
    const file = join(dir, 'key')
    const said = await run(['certs', 'key', '--out', file])
    assert.equal([said.status, said.stdout], [0, ''])
    assert.match(readFileSync(file, 'utf8'), /^[0-9a-f]{64}\n$/)
    assert.is(statSync(file).mode & 0o7777, 0o600)
    assert.is((await run(['certs', 'key', '--out', file])).status, 1)
    assert.match((await run(['certs', 'key'], { exposed: true })).stderr, /warning: this is a secret/)
  }),
)

test(
  'a manifest of what control planes share, with the role that lets them read it, and no owner',
  inTempDir(async dir => {
    const manifest = await uploaded(dir)
    const objects = parseAllDocuments(readFileSync(manifest, 'utf8')).map(document => document.toJS())
    assert.equal(
      objects.map(({ kind, metadata }) => [kind, metadata]),
      [
        ['Role', { name: 'kubeadm:kubeadm-certs', namespace: 'kube-system' }],
        ['RoleBinding', { name: 'kubeadm:kubeadm-certs', namespace: 'kube-system' }],
        ['Secret', { name: 'kubeadm-certs', namespace: 'kube-system' }],
      ],
    )
    const { data } = objects[2]
    assert.is(Object.keys(data).length, 8)
    for (const path of SHARED) {
      const bytes = Buffer.from(data[path.replace('/', '-')], 'base64')
      const decipher = createDecipheriv('aes-256-gcm', Buffer.from(KEY, 'hex'), bytes.subarray(0, 12))
      decipher.setAuthTag(bytes.subarray(-16))
      const text = Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString()
      assert.is(text, readFileSync(join(dir, 'one/pki', path), 'utf8'), path)
    }
    const json = await run(['certs', 'upload', '--dir', join(dir, 'one'), '--certificate-key', KEY, '-o', 'json'])
    const { apiVersion, kind, items } = JSON.parse(json.stdout)
    assert.equal([apiVersion, kind, items.length], ['v1', 'List', 3])
    assert.match(json.stderr, /does not end by itself.*kubectl -n kube-system delete secret kubeadm-certs/s)
    assert.not.ok(json.stderr.includes(KEY.slice(0, 12)))
  }),
)

test(
  'a new key goes into its file, and nowhere else; without a place for it nothing is printed',
  inTempDir(async dir => {
    await uploaded(dir)
    const [tree, file] = [join(dir, 'one'), join(dir, 'cert.key')]
    const refused = await run(['certs', 'upload', '--dir', tree, '-o', 'yaml'])
    assert.equal([refused.status, refused.stdout], [2, ''])
    assert.match(refused.stderr, '--certificate-key-out FILE')
    const said = await run(['certs', 'upload', '--dir', tree, '-o', 'yaml', '--certificate-key-out', file])
    assert.is(said.status, 0, said.stderr)
    const key = readFileSync(file, 'utf8')
    assert.match(key, /^[0-9a-f]{64}\n$/)
    assert.is(statSync(file).mode & 0o7777, 0o600)
    assert.not.ok((said.stdout + said.stderr).includes(key.trim()))
    writeFileSync(join(dir, 'new.yaml'), said.stdout)
    const args = ['--from', join(dir, 'new.yaml'), '--dir', join(dir, 'two')]
    assert.is((await run(['certs', 'download', ...args, '--certificate-key-file', file])).status, 0)
    // What is there already stays, and then there is no upload with a key that nobody has.
    const again = await run(['certs', 'upload', '--dir', tree, '-o', 'yaml', '--certificate-key-out', file])
    assert.equal([again.status, again.stdout, readFileSync(file, 'utf8')], [1, '', key])
    const both = ['--certificate-key', KEY, '--certificate-key-out', join(dir, 'other')]
    assert.is((await run(['certs', 'upload', '--dir', tree, '-o', 'yaml', ...both])).status, 2)
  }),
)

test(
  'from one tree into another, to the byte, with modes; a second time nothing is done',
  inTempDir(async dir => {
    const manifest = await uploaded(dir)
    const [one, two] = [join(dir, 'one'), join(dir, 'two')]
    const { status, stdout, stderr } = await download(manifest, two)
    assert.equal([status, stderr], [0, ''])
    assert.match(stdout, `made ${two}/pki/ca.key\nmade ${two}/pki/ca.crt\n`)
    assert.match(stdout, `\n\nDone: 8 made, from ${manifest}\nCA pin: sha256:`)
    assert.ok(stdout.includes((await run(['hash', '--dir', one])).stdout.trim()))
    const [before, after] = [snapshot(one), snapshot(two)]
    assert.equal(
      [...after].filter(([, { content }]) => content !== undefined),
      [...before].filter(([path]) => SHARED.includes(path.replace(/^pki\//, ''))),
    )
    const again = await download(manifest, two)
    assert.match(again.stdout, `Done: 8 kept, from`)
    assert.equal(snapshot(two), after)
    const more = await run([
      'gen',
      'all',
      ...MAKE.map(word => word.replace('cp-1', 'cp-2')),
      '--role',
      'control-plane',
      '--dir',
      two,
    ])
    assert.is(more.status, 0, more.stderr)
  }),
)

test(
  'what programs get of a download, and of a dry run',
  inTempDir(async dir => {
    const manifest = await uploaded(dir)
    const two = join(dir, 'two')
    const dry = await download(manifest, two, '--dry-run', '-o', 'json')
    assert.not.ok(existsSync(two))
    const { items, caPin, ...rest } = JSON.parse(dry.stdout)
    assert.equal(rest, {
      apiVersion: 'kpki.dev/v1alpha1',
      kind: 'CertificatesDownload',
      dryRun: true,
      source: manifest,
      warnings: [],
    })
    assert.match(caPin, /^sha256:[0-9a-f]{64}$/)
    assert.equal(items[0], { name: 'ca.key', action: 'create', path: join(two, 'pki/ca.key') })
    assert.match((await download(manifest, two, '--dry-run')).stdout, 'Dry run, nothing was written: 8 to make, from')
    assert.equal(await download(manifest, two, '-q'), { status: 0, stdout: '', stderr: '' })
    assert.is(JSON.parse((await download(manifest, two, '-o', 'json')).stdout).items[7].action, 'keep')
  }),
)

test(
  'what is in the way is named and left alone',
  inTempDir(async dir => {
    const manifest = await uploaded(dir)
    const two = join(dir, 'two')
    mkdirSync(join(two, 'pki'), { recursive: true })
    writeFileSync(join(two, 'pki/ca.crt'), 'mine')
    writeFileSync(join(two, 'pki/sa.key'), 'mine')
    const before = snapshot(two)
    const { status, stdout, stderr } = await download(manifest, two)
    assert.equal([status, stdout], [1, ''])
    assert.match(stderr, `kpki: error: ${two}/pki/ca.crt exists with other content\n`)
    assert.match(stderr, `kpki: error: ${two}/pki/sa.key exists with other content\n`)
    assert.equal(snapshot(two), before)
  }),
)

test(
  'keys from a file, standard input or a configuration; upper case is fine',
  inTempDir(async dir => {
    const manifest = await uploaded(dir)
    const args = ['certs', 'download', '--from', manifest, '--dir']
    writeFileSync(join(dir, 'key'), `${KEY.toUpperCase()}\n`)
    assert.is((await run([...args, join(dir, 'a'), '--certificate-key-file', join(dir, 'key')])).status, 0)
    assert.is((await run([...args, join(dir, 'b'), '--certificate-key-file', '-'], { stdin: `${KEY}\r\n` })).status, 0)
    const join_ = (key: string) => `apiVersion: kubeadm.k8s.io/v1beta3
kind: JoinConfiguration
discovery: {bootstrapToken: {token: abcdef.0123456789abcdef, apiServerEndpoint: 10.0.0.10:6443, unsafeSkipCAVerification: true}}
controlPlane: {certificateKey: ${key}}
`
    writeFileSync(join(dir, 'join.yaml'), join_(KEY))
    const configured = await run([...args, join(dir, 'c'), '--config', join(dir, 'join.yaml')])
    assert.is(configured.status, 0, configured.stderr)
  }),
)

const BAD_KEYS = [
  ['63 digits', KEY.slice(1), 'has 63 hex digits'],
  ['65 digits', `${KEY}0`, 'has 65 hex digits'],
  ['no hex', `x${KEY.slice(1)}`, 'has characters that are no hex digits'],
  ['a blank', `${KEY.slice(0, 63)} `, 'has white space'],
] as const
for (const [name, key, problem] of BAD_KEYS) {
  test(`a key that is none, and is not quoted: ${name}`, async () => {
    for (const command of ['upload', 'download']) {
      const said = await run(['certs', command, '--dir', '/nonexistent', '--certificate-key', key, '-o', 'json'])
      assert.equal([said.status, said.stdout], [1, ''])
      const { code, message } = JSON.parse(said.stderr).error
      assert.is(code, 'KPKI_CERTIFICATE_KEY_INVALID')
      assert.ok(message.startsWith(`--certificate-key ${problem}`), message)
      assert.not.ok(said.stderr.includes(key.slice(3, 20)))
    }
  })
}

test(
  'a wrong key, a changed value, a missing one: told apart as far as that is possible, and nothing is written',
  inTempDir(async dir => {
    const manifest = await uploaded(dir)
    const text = readFileSync(manifest, 'utf8')
    const objects = parseAllDocuments(text).map(document => document.toJS())
    const value: string = objects[2].data['sa.key']
    const changed = `${value.slice(0, 40)}${value[40] === 'A' ? 'B' : 'A'}${value.slice(41)}`
    const secret = (changes: Readonly<Record<string, unknown>>) =>
      JSON.stringify({ ...objects[2], data: { ...objects[2].data, ...changes } })
    const cases: readonly (readonly [string, string, string, readonly string[]])[] = [
      ['wrong key', text, 'KPKI_DECRYPT_FAILED', ['--certificate-key', KEY.replace('c', 'd')]],
      ['changed', secret({ 'sa.key': changed }), 'KPKI_DECRYPT_FAILED', []],
      ['missing', secret({ 'sa.key': undefined }), 'KPKI_CERTS_INVALID', []],
      ['short', secret({ 'sa.key': 'AAAA' }), 'KPKI_CERTS_INVALID', []],
      ['swapped', secret({ 'sa.key': objects[2].data['ca.key'] }), 'KPKI_CERTS_MISMATCH', []],
      ['empty', secret({ 'sa.key': '' }), 'KPKI_CERTS_INVALID', []],
      [
        'pairs swapped',
        secret(
          Object.fromEntries(
            ['crt', 'key'].flatMap(end => [
              [`ca.${end}`, objects[2].data[`etcd-ca.${end}`]],
              [`etcd-ca.${end}`, objects[2].data[`ca.${end}`]],
            ]),
          ),
        ),
        'KPKI_CERTS_MISMATCH',
        [],
      ],
      ['no Secret', JSON.stringify(objects[0]), 'KPKI_CERTS_INVALID', []],
      ['two', `${text}---\n${text}`, 'KPKI_CERTS_INVALID', []],
      ['no object', 'hello: world\n', 'KPKI_MANIFEST_INVALID', []],
      ['no YAML', 'a: [', 'KPKI_YAML_INVALID', []],
    ]
    const two = join(dir, 'two')
    for (const [name, stdin, code, more] of cases) {
      const key = more.length > 0 ? more : ['--certificate-key', KEY]
      const said = await run(['certs', 'download', '--from', '-', '--dir', two, '-o', 'json', ...key], { stdin })
      assert.equal([said.status, said.stdout], [1, ''], name)
      assert.is(JSON.parse(said.stderr).error.code, code, name)
      assert.not.ok(said.stderr.includes(KEY.slice(1, 20)) || said.stderr.includes(value.slice(0, 30)), name)
      assert.not.ok(existsSync(two), name)
    }
    const wrong = await run([
      'certs',
      'download',
      '--from',
      manifest,
      '--dir',
      two,
      '--certificate-key',
      KEY.replace('c', 'd'),
    ])
    assert.match(wrong.stderr, /the certificate key is not the one it was encrypted with, or the value was changed/)
  }),
)

test('what does not go together is said at once', async () => {
  const cases = [
    [['certs', 'download', '--from', '-', '--kubeconfig', 'x', '--certificate-key', KEY], 'two places for one Secret'],
    [['certs', 'download', '--from', '-', '--certificate-key-file', '-'], 'standard input can be one thing only'],
    [['certs', 'download', '--from', 'x'], 'the certificate key is needed'],
    [['certs', 'upload', '--certificate-key', KEY, '--certificate-key-file', 'x'], 'two ways to say one thing'],
  ] as const
  for (const [argv, message] of cases) {
    const said = await run(argv)
    assert.equal([said.status, said.stdout], [2, ''], message)
    assert.match(said.stderr, message)
  }
})

test(
  'an external CA: a warning at both ends, and an empty value',
  inTempDir(async dir => {
    await uploaded(dir)
    rmSync(join(dir, 'one/pki/ca.key'))
    const said = await run(['certs', 'upload', '--dir', join(dir, 'one'), '--certificate-key', KEY, '-o', 'yaml'])
    assert.is(said.status, 0, said.stderr)
    assert.is(parseAllDocuments(said.stdout)[2]?.toJS().data['ca.key'], '')
    writeFileSync(join(dir, 'certs.yaml'), said.stdout)
    const { status, stdout, stderr } = await download(join(dir, 'certs.yaml'), join(dir, 'two'))
    assert.is(status, 0, stderr)
    assert.match(stdout, 'none ')
    assert.match(stderr, 'kpki: warning: the Secret has no ca.key: certificates of this host have to be made elsewhere')
    assert.not.ok(existsSync(join(dir, 'two/pki/ca.key')))
  }),
)

for (const path of ['ca.crt', 'sa.key', 'etcd/ca.crt']) {
  test(
    `without ${path} there is no upload`,
    inTempDir(async dir => {
      await uploaded(dir)
      rmSync(join(dir, 'one/pki', path))
      const file = join(dir, 'cert.key')
      const said = await run([
        'certs',
        'upload',
        '--dir',
        join(dir, 'one'),
        '-o',
        'yaml',
        '--certificate-key-out',
        file,
      ])
      assert.equal([said.status, said.stdout, existsSync(file)], [1, '', false])
      assert.match(said.stderr, `${join(dir, 'one/pki', path)} does not exist`)
    }),
  )
}

test(
  'external etcd: its files by the configuration of any version, below the certificates directory or elsewhere',
  inTempDir(async dir => {
    const etcd = (base: string) => `{external: {endpoints: ['https://10.0.0.20:2379'], caFile: ${base}/etcd-ca.crt,
  certFile: ${base}/apiserver-etcd-client.crt, keyFile: ${base}/apiserver-etcd-client.key}}`
    await uploaded(dir)
    writeFileSync(join(dir, 'one/pki/etcd-ca.crt'), readFileSync(join(dir, 'one/pki/etcd/ca.crt')))
    for (const version of ['v1beta2', 'v1beta3', 'v1beta4']) {
      const config = join(dir, `${version}.yaml`)
      const head = `apiVersion: kubeadm.k8s.io/${version}\nkind: ClusterConfiguration\n`
      writeFileSync(config, `${head}etcd: ${etcd('/etc/kubernetes/pki')}\n`)
      const manifest = await uploaded(dir, '--config', config)
      const two = join(dir, version)
      const none = await download(manifest, two)
      assert.equal([none.status, none.stderr.includes('nothing says where they go')], [2, true])
      const said = await download(manifest, two, '--config', config)
      assert.is(said.status, 0, said.stderr)
      assert.equal(readdirSync(join(two, 'pki')).sort(), [
        'apiserver-etcd-client.crt',
        'apiserver-etcd-client.key',
        'ca.crt',
        'ca.key',
        'etcd-ca.crt',
        'front-proxy-ca.crt',
        'front-proxy-ca.key',
        'sa.key',
        'sa.pub',
      ])
      // Elsewhere on the host: read from there, but not written there in the name of another directory.
      writeFileSync(config, `${head}etcd: ${etcd(join(dir, 'one/pki'))}\n`)
      const outside = await uploaded(dir, '--config', config)
      const refused = await download(outside, join(dir, 'three'), '--config', config)
      assert.equal([refused.status, refused.stderr.includes('outside of certificatesDir')], [2, true], refused.stderr)
    }
    const wrong = join(dir, 'wrong.yaml')
    writeFileSync(wrong, 'apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\netcd: {externl: {}}\n')
    const said = await run(['certs', 'upload', '--dir', join(dir, 'one'), '--config', wrong, '--certificate-key', KEY])
    assert.equal([said.status, said.stdout], [2, ''])
    assert.match(said.stderr, 'externl')
  }),
)

test(
  'a disk that is full at any file leaves nothing behind',
  inTempDir(async dir => {
    const manifest = await uploaded(dir)
    const two = join(dir, 'two')
    const { link } = fs
    for (let failing = 0; failing < 9; failing++) {
      let count = 0
      fs.link = async (from, to) => {
        if (!String(to).endsWith('.lock') && count++ === failing)
          throw Object.assign(new Error('no space'), { code: 'ENOSPC' })
        return link(from, to)
      }
      try {
        const { status, stdout, stderr } = await download(manifest, two)
        if (failing < 8) {
          assert.equal([status, stdout], [1, ''])
          assert.match(stderr, 'no space is left')
          assert.not.ok(existsSync(two))
        } else assert.is(status, 0)
      } finally {
        fs.link = link
      }
    }
    assert.equal(readdirSync(two), ['pki'])
  }),
)

test(
  'another run at work is not disturbed; an interrupt takes everything back',
  inTempDir(async dir => {
    const manifest = await uploaded(dir)
    const two = join(dir, 'two')
    const said = await run(['certs', 'download', '--from', manifest, '--certificate-key', KEY, '--dir', two], {
      signal: AbortSignal.abort(),
    })
    assert.is(said.status, 130)
    assert.not.ok(existsSync(two))
    mkdirSync(join(two, 'pki'), { recursive: true })
    writeFileSync(join(two, 'pki/.kpki.lock'), JSON.stringify({ pid: process.pid, started: 'x', world: 'elsewhere' }))
    assert.match((await download(manifest, two)).stderr, 'another run')
    assert.equal(readdirSync(join(two, 'pki')), ['.kpki.lock'])
    chmodSync(two, 0o755)
  }),
)

test(
  'what kubectl prints is read: lists, and more metadata than we write',
  inTempDir(async dir => {
    const manifest = await uploaded(dir)
    const secret = parseAllDocuments(readFileSync(manifest, 'utf8'))[2]?.toJS()
    const metadata = {
      ...secret.metadata,
      uid: 'x',
      creationTimestamp: '2026-01-01T00:00:00Z',
      managedFields: [{ manager: 'kubeadm' }],
    }
    const list = { apiVersion: 'v1', kind: 'List', metadata: { resourceVersion: '' }, items: [{ ...secret, metadata }] }
    writeFileSync(join(dir, 'list.json'), JSON.stringify(list))
    assert.is((await download(join(dir, 'list.json'), join(dir, 'two'))).status, 0)
    assert.equal(parse(readFileSync(manifest, 'utf8').split('---\n')[2] ?? '').kind, 'Secret')
  }),
)

test.run()
