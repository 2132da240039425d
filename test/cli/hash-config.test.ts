import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { run } from '../support/cli.js'
import { testWith } from '../support/skip.js'
import { inTempDir } from '../support/temp.js'

const MAKE = [
  'gen',
  'all',
  '--encryption-algorithm',
  'ECDSA-P256',
  '--node-name',
  'cp-1',
  '--apiserver-advertise-address',
  '10.0.0.10',
]

testWith(
  'openssl',
  test,
  'pins of certificate, bundle, kubeconfig and standard input are what openssl computes',
  inTempDir(async dir => {
    const [one, two] = [join(dir, 'one'), join(dir, 'two')]
    await run([...MAKE, '--dir', one])
    await run([...MAKE, '--dir', two])
    const openssl = (file: string) =>
      `sha256:${execFileSync('sh', ['-c', `openssl x509 -in "${file}" -noout -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256 -r`], { encoding: 'utf8' }).slice(0, 64)}\n`
    const [first, second] = [join(one, 'pki/ca.crt'), join(two, 'pki/ca.crt')]
    const bundle = readFileSync(first, 'utf8') + readFileSync(second, 'utf8')
    writeFileSync(join(dir, 'bundle.crt'), bundle)
    assert.is((await run(['hash', first])).stdout, openssl(first))
    assert.is((await run(['hash', '--dir', one])).stdout, openssl(first))
    assert.is((await run(['hash', join(one, 'admin.conf')])).stdout, openssl(first))
    assert.is((await run(['hash', join(dir, 'bundle.crt')])).stdout, openssl(first) + openssl(second))
    assert.is((await run(['hash', '-'], { stdin: bundle })).stdout, openssl(first) + openssl(second))
    assert.is((await run(['hash', first, second])).stdout, openssl(first) + openssl(second))
    const json = JSON.parse((await run(['hash', first, '-o', 'json'])).stdout)
    assert.is(json.items[0].pin, openssl(first).trim())
    const pin = openssl(second).trim()
    const verify = (...argv: string[]) => run(['hash', 'verify', ...argv])
    assert.is((await verify(pin, '--ca-cert', second)).status, 0)
    assert.is((await verify(pin.toUpperCase(), '--kubeconfig', join(two, 'admin.conf'))).status, 0)
    assert.is((await verify(openssl(first).trim(), pin, '--ca-cert', second)).status, 0)
    assert.is((await verify(pin, '--ca-cert', join(dir, 'bundle.crt'))).status, 0)
    const wrong = await verify(pin, '--ca-cert', first)
    assert.is(wrong.status, 3)
    assert.is(wrong.stdout, '')
    assert.match(wrong.stderr, openssl(first).trim())
    const structured = await verify(pin, '--ca-cert', first, '-o', 'json')
    assert.equal([structured.status, JSON.parse(structured.stdout).matches], [3, false])
  }),
)

const BAD_PINS = [
  '',
  'sha256',
  'md5:00',
  'sha256:00',
  `sha256:${'g'.repeat(64)}`,
  `sha256:${'0'.repeat(64)}:x`,
  `sha512:${'0'.repeat(128)}`,
]
for (const pin of BAD_PINS) {
  test(`not a pin: ${JSON.stringify(pin.slice(0, 20))}`, async () => {
    const { status, stdout, stderr } = await run(['hash', 'verify', pin, '--ca-cert', '/dev/null'])
    assert.equal([status, stdout], [1, ''])
    assert.match(stderr, /^kpki: error: not a CA pin: /)
  })
}

test(
  'refuses what is no CA, and what is not there',
  inTempDir(async dir => {
    await run([...MAKE, '--dir', dir])
    for (const [file, error] of [
      [join(dir, 'pki/apiserver.crt'), /holds no CA certificate, but one of CN=kube-apiserver/],
      [join(dir, 'pki/ca.key'), /holds no certificate, but EC PRIVATE KEY/],
      [join(dir, 'absent'), /absent does not exist/],
      [dir, /is a directory/],
      ['/dev/zero', /is not a regular file/],
    ] as const) {
      const { status, stdout, stderr } = await run(['hash', file])
      assert.equal([status, stdout], [1, ''], file)
      assert.match(stderr, error)
    }
  }),
)

test('prints defaults that it reads again without a word', async () => {
  for (const what of ['init-defaults', 'join-defaults']) {
    const { status, stdout } = await run(['config', 'print', what])
    assert.is(status, 0)
    const { status: valid, stderr } = await run(
      ['config', 'validate', '--config', '-', '--node-name', 'n', '--apiserver-advertise-address', '10.0.0.1'],
      { stdin: stdout },
    )
    assert.equal([valid, stderr], [0, ''], what)
  }
})

test('shows every value with its origin', async () => {
  const stdin = 'apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nclusterName: prod\n'
  const argv = ['config', 'show', '--config', '-', '--node-name', 'CP-1', '--apiserver-advertise-address', '10.0.0.1']
  const { status, stdout, stderr } = await run(argv, { stdin })
  assert.equal([status, stderr], [0, ''])
  assert.match(stdout, /^nodeRegistration\.name +cp-1 +--node-name$/m)
  assert.match(stdout, /^clusterName +prod +standard input:3:14$/m)
  assert.match(stdout, /^networking\.serviceSubnet +10\.96\.0\.0\/12 +default$/m)
  // A pipe gets a line for each, however long; a terminal what fits.
  const shown = await run(argv, { stdin, terminal: true })
  for (const line of shown.stdout.split('\n')) assert.ok(line.length <= 80, line)
  const json = JSON.parse((await run([...argv, '-o', 'json'], { stdin })).stdout)
  assert.is(json.items.find((item: { field: string }) => item.field === 'clusterName').origin.line, 3)
})

test('validate: ok, or every problem and status 1', async () => {
  const host = ['--node-name', 'n', '--apiserver-advertise-address', '10.0.0.1']
  const good = await run(['config', 'validate', '--config', '-', ...host], {
    stdin: 'apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n',
  })
  assert.equal(good, { status: 0, stdout: 'ok\n', stderr: '' })
  const stdin =
    'apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nclusterName: 1\nclusterName: 2\nfoo: 3\n'
  const bad = await run(['config', 'validate', '--config', '-', ...host], { stdin })
  assert.equal([bad.status, bad.stdout], [1, ''])
  assert.ok(
    bad.stderr.split('\n').filter(line => line.startsWith('kpki: error: standard input:')).length >= 3,
    bad.stderr,
  )
  const json = JSON.parse((await run(['config', 'validate', '--config', '-', '-o', 'json', ...host], { stdin })).stdout)
  assert.is(json.valid, false)
})

test(
  'migrates to standard output, or into a new file that only we can read',
  inTempDir(async dir => {
    const old = 'apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\napiServer:\n  extraArgs:\n    v: "2"\n'
    const { status, stdout } = await run(['config', 'migrate', '--old-config', '-'], { stdin: old })
    assert.is(status, 0)
    assert.match(stdout, 'apiVersion: kubeadm.k8s.io/v1beta4')
    assert.match(stdout, '  extraArgs:\n  - name: v\n    value: "2"\n')
    const file = join(dir, 'new.yaml')
    assert.is((await run(['config', 'migrate', '--old-config', '-', '--new-config', file], { stdin: old })).status, 0)
    assert.is(readFileSync(file, 'utf8'), stdout)
    assert.is(statSync(file).mode & 0o777, 0o600)
    const again = await run(['config', 'migrate', '--old-config', '-', '--new-config', file], { stdin: old })
    assert.is(again.status, 1)
    assert.match(again.stderr, 'exists already')
    assert.ok(existsSync(file))
  }),
)

test.run()
