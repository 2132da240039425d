import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { run } from '../support/cli.js'
import { inTempDir, snapshot } from '../support/temp.js'

const NOW = ['--now', '2026-06-01T12:00:00Z']
const HOST = ['--node-name', 'cp-1', '--apiserver-advertise-address', '10.0.0.10']
const QUICK = ['--encryption-algorithm', 'ECDSA-P256', ...HOST, ...NOW]

test(
  'says what was made, where, for which names, until when; fits 80 columns; stderr is silent',
  inTempDir(async dir => {
    const tree = join(dir, 'demo')
    const { status, stdout, stderr } = await run(['gen', 'all', '--dir', tree, ...QUICK])
    assert.equal([status, stderr], [0, ''])
    const lines = stdout.split('\n')
    assert.is(lines[0], 'made pki/ca.crt                        2036-05-29 kubernetes')
    assert.is(lines[1], 'made pki/apiserver.crt                 2027-06-01 kube-apiserver')
    assert.is(lines[2], '       for cp-1, kubernetes, kubernetes.default, kubernetes.default.svc,')
    assert.is(lines[3], '           kubernetes.default.svc.cluster.local, 10.96.0.1, 10.0.0.10')
    assert.match(stdout, '       in system:nodes, to https://10.0.0.10:6443\n')
    assert.match(stdout, `\nDone: 16 made in ${tree}\nCA pin: sha256:`)
    for (const line of lines) assert.ok(line.length <= 80 || line.startsWith('CA pin') || line.startsWith('Done'), line)
    assert.is(stdout.includes('\x1b'), false)
  }),
)

test(
  'colour on a terminal, and never with NO_COLOR; the progress line is wiped',
  inTempDir(async dir => {
    const first = await run(['gen', 'all', '--dir', join(dir, 'a'), ...QUICK], { terminal: true })
    assert.match(first.stdout, '\x1b[32mmade\x1b[0m')
    assert.match(first.stderr, 'making ECDSA-P256 keys 0/16')
    assert.ok(first.stderr.endsWith('\r\x1b[K'))
    const second = await run(['gen', 'all', '--dir', join(dir, 'b'), ...QUICK], {
      terminal: true,
      env: { NO_COLOR: '1' },
    })
    assert.is(second.stdout.includes('\x1b'), false)
  }),
)

test(
  'the second run keeps all and changes nothing',
  inTempDir(async dir => {
    await run(['gen', 'all', '--dir', dir, ...QUICK])
    const before = [...snapshot(dir)]
    const { status, stdout } = await run(['gen', 'all', '--dir', dir, ...QUICK])
    assert.is(status, 0)
    assert.match(stdout, 'Done: 16 kept in')
    assert.equal([...snapshot(dir)], before)
  }),
)

test(
  'a dry run prints the plan and writes nothing, not even a directory',
  inTempDir(async dir => {
    const tree = join(dir, 'tree')
    const { status, stdout } = await run(['gen', 'all', '--dir', tree, '--dry-run', ...QUICK])
    assert.is(status, 0)
    assert.match(stdout, /^make {2}pki\/ca\.crt|^make pki\/ca\.crt/m)
    assert.match(stdout, 'Dry run, nothing was written: 16 to make in')
    assert.not.ok(existsSync(tree))
  }),
)

for (const word of ['1', 't', 'T', 'true', 'TRUE', 'True']) {
  test(
    `--dry-run=${word} is a dry run, as with every flag of kubeadm`,
    inTempDir(async dir => {
      const tree = join(dir, 'tree')
      const { stdout } = await run(['gen', 'all', '--dir', tree, `--dry-run=${word}`, ...QUICK])
      assert.match(stdout, 'Dry run')
      assert.not.ok(existsSync(tree))
    }),
  )
}

test(
  'for programs: one JSON document with every certificate; the same as YAML',
  inTempDir(async dir => {
    const { status, stdout, stderr } = await run(['gen', 'all', '--dir', dir, '-o', 'json', ...QUICK])
    assert.equal([status, stderr], [0, ''])
    const result = JSON.parse(stdout)
    assert.equal([result.apiVersion, result.kind, result.dryRun], ['kpki.dev/v1alpha1', 'GenerateResult', false])
    const apiserver = result.items.find((item: { name: string }) => item.name === 'apiserver')
    assert.equal(apiserver.written, [join(dir, 'pki/apiserver.key'), join(dir, 'pki/apiserver.crt')])
    assert.equal(apiserver.certificate.ipAddresses, ['10.96.0.1', '10.0.0.10'])
    assert.is(apiserver.certificate.notAfter, '2027-06-01T12:00:00.000Z')
    assert.is(stdout.includes('PRIVATE'), false)
    const yaml = await run(['gen', 'all', '--dir', dir, '-o', 'yaml', ...QUICK])
    assert.match(yaml.stdout, /^apiVersion: kpki\.dev\/v1alpha1\n/)
  }),
)

test(
  'what does not fit: every mismatch on a line, status 1, nothing written, nothing on stdout',
  inTempDir(async dir => {
    await run(['gen', 'all', '--dir', dir, ...QUICK])
    rmSync(join(dir, 'scheduler.conf'))
    const before = [...snapshot(dir)]
    const argv = ['gen', 'all', '--dir', dir, ...QUICK, '--apiserver-cert-extra-sans', 'api.example.org,10.9.9.9']
    const { status, stdout, stderr } = await run(argv)
    assert.equal([status, stdout], [1, ''])
    assert.match(stderr, `kpki: error: ${join(dir, 'pki/apiserver.crt')} lacks the names api.example.org, 10.9.9.9`)
    assert.match(stderr, 'kpki: hint: ')
    assert.equal([...snapshot(dir)], before)
    const dry = await run([...argv, '--dry-run'])
    assert.is(dry.status, 1)
    assert.match(dry.stdout, 'does not fit: ')
    const json = await run([...argv, '-o', 'json'])
    assert.is(JSON.parse(json.stderr).error.code, 'KPKI_TREE_MISMATCH')
  }),
)

test(
  'one row at a time, issuers first',
  inTempDir(async dir => {
    const early = await run(['gen', 'apiserver', '--dir', dir, ...QUICK])
    assert.is(early.status, 1)
    assert.match(early.stderr, /apiserver needs the CA ca/)
    assert.match(early.stderr, /kpki gen ca/)
    for (const row of ['ca', 'apiserver', 'sa', 'kubeconfig']) {
      assert.is((await run(['gen', row, '--dir', dir, ...QUICK])).status, 0, row)
    }
    assert.equal(
      [...snapshot(dir).keys()],
      [
        'admin.conf',
        'controller-manager.conf',
        'kubelet.conf',
        'pki',
        'pki/apiserver.crt',
        'pki/apiserver.key',
        'pki/ca.crt',
        'pki/ca.key',
        'pki/issued.jsonl',
        'pki/sa.key',
        'pki/sa.pub',
        'scheduler.conf',
        'super-admin.conf',
      ],
    )
    rmSync(join(dir, 'pki/sa.pub'))
    const { stdout } = await run(['gen', 'sa', '--dir', dir, ...QUICK])
    assert.match(stdout, /^completed pki\/sa\.pub/)
  }),
)

test(
  'one kubeconfig by its name',
  inTempDir(async dir => {
    await run(['gen', 'ca', '--dir', dir, ...QUICK])
    assert.is((await run(['gen', 'kubeconfig', 'admin.conf', '--dir', dir, ...QUICK])).status, 0)
    assert.equal(
      [...snapshot(dir).keys()].filter(path => path.endsWith('.conf')),
      ['admin.conf'],
    )
  }),
)

test(
  'further hosts: CAs and service-account keys byte by byte, no super-admin.conf; a worker has its kubelet only',
  inTempDir(async dir => {
    const first = join(dir, 'cp-1')
    await run(['gen', 'all', '--dir', first, ...QUICK, '--control-plane-endpoint', 'api.example.org'])
    const shared = [
      'ca.crt',
      'ca.key',
      'front-proxy-ca.crt',
      'front-proxy-ca.key',
      'etcd/ca.crt',
      'etcd/ca.key',
      'sa.key',
      'sa.pub',
    ]
    const host = ['--encryption-algorithm', 'ECDSA-P256', ...NOW, '--control-plane-endpoint', 'api.example.org']
    for (const source of [first, join(first, 'pki')]) {
      const second = join(dir, `cp-2 from ${source.slice(-3)}`.replace('/', '-'))
      const argv = [
        'gen',
        'all',
        '--dir',
        second,
        '--ca-from',
        source,
        '--node-name',
        'cp-2',
        '--apiserver-advertise-address',
        '10.0.0.11',
        ...host,
      ]
      const { status, stdout, stderr } = await run(argv)
      assert.equal([status, stderr], [0, ''], stdout)
      for (const file of shared)
        assert.equal(readFileSync(join(second, 'pki', file)), readFileSync(join(first, 'pki', file)), file)
      assert.not.ok(existsSync(join(second, 'super-admin.conf')))
      assert.match(stdout, '4 copied')
      assert.match((await run(argv)).stdout, 'Done: 15 kept')
    }
    const worker = join(dir, 'w-1')
    const argv = [
      'gen',
      'all',
      '--dir',
      worker,
      '--ca-from',
      first,
      '--role',
      'worker',
      '--node-name',
      'w-1',
      ...NOW,
      '--encryption-algorithm',
      'ECDSA-P256',
    ]
    const refused = await run(argv)
    assert.is(refused.status, 2)
    assert.match(refused.stderr, '--control-plane-endpoint')
    assert.is((await run([...argv, '--control-plane-endpoint', 'api.example.org'])).status, 0)
    assert.equal([...snapshot(worker).keys()], ['kubelet.conf', 'pki', 'pki/ca.crt', 'pki/issued.jsonl'])
    assert.match(readFileSync(join(worker, 'kubelet.conf'), 'utf8'), 'server: https://api.example.org:6443\n')
  }),
)

test(
  '--ca-from something that is no tree',
  inTempDir(async dir => {
    const { status, stderr } = await run(['gen', 'all', '--dir', join(dir, 'x'), '--ca-from', dir, ...QUICK])
    assert.is(status, 2)
    assert.match(stderr, 'neither pki/ca.crt nor ca.crt is in it')
  }),
)

test(
  'a role without CAs to take over',
  inTempDir(async dir => {
    const { status, stderr } = await run(['gen', 'all', '--dir', dir, '--role', 'control-plane', ...QUICK])
    assert.is(status, 1)
    assert.match(stderr, '--ca-from')
    assert.equal([...snapshot(dir)], [])
  }),
)

test(
  'the configuration from a file or standard input, flags over it, and where the address came from',
  inTempDir(async dir => {
    const config =
      'apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nencryptionAlgorithm: ECDSA-P256\nclusterName: prod\n'
    const file = join(dir, 'kubeadm.yaml')
    writeFileSync(file, config)
    await run(['gen', 'all', '--dir', join(dir, 'a'), '--config', file, ...HOST, ...NOW])
    assert.match(readFileSync(join(dir, 'a/admin.conf'), 'utf8'), 'kubernetes-admin@prod')
    await run(['gen', 'all', '--dir', join(dir, 'b'), '--config', '-', '--cluster-name', 'test', ...HOST, ...NOW], {
      stdin: config,
    })
    assert.match(readFileSync(join(dir, 'b/admin.conf'), 'utf8'), 'kubernetes-admin@test')
    const missing = await run(['gen', 'all', '--dir', dir, '--config', join(dir, 'absent.yaml')])
    assert.is(missing.status, 1)
    assert.match(missing.stderr, /absent\.yaml does not exist/)
  }),
)

test(
  "a configuration in which there is nothing is somebody else's file",
  inTempDir(async dir => {
    for (const stdin of ['', '# nothing\n', '---\n']) {
      const { status, stderr } = await run(['gen', 'all', '--dir', dir, '--config', '-', ...HOST], { stdin })
      assert.is(status, 2)
      assert.match(stderr, 'there is no document in it')
    }
  }),
)

test(
  'a dry run says what will be made, and refuses what the real run would',
  inTempDir(async dir => {
    const argv = ['gen', 'all', '--dir', join(dir, 'tree'), ...QUICK]
    const dry = (await run([...argv, '--dry-run'])).stdout
    const real = (await run(argv)).stdout
    const names = (text: string) => text.split('\n').filter(line => line.startsWith('  '))
    assert.equal(names(dry), names(real))
    const planned = JSON.parse(
      (await run([...argv.slice(0, 3), join(dir, 'x'), ...QUICK, '--dry-run', '-ojson'])).stdout,
    )
    assert.equal(planned.items[1].wanted.ipAddresses, ['10.96.0.1', '10.0.0.10'])
    chmodSync(dir, 0o777)
    mkdirSync(join(dir, 'open'))
    chmodSync(join(dir, 'open'), 0o777)
    const refused = await run(['gen', 'all', '--dir', join(dir, 'open'), '--dry-run', ...QUICK])
    assert.is(refused.status, 1)
    assert.match(refused.stderr, 'can be written to by everybody')
  }),
)

test(
  'a row that the description does not have',
  inTempDir(async dir => {
    const stdin =
      'apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\netcd:\n  external:\n    endpoints: [http://10.0.0.9:2379]\n'
    const etcd = await run(['gen', 'etcd-server', '--dir', dir, '--config', '-', ...HOST], { stdin })
    assert.is(etcd.status, 2)
    assert.match(etcd.stderr, 'etcd is external')
    const old = await run([
      'gen',
      'kubeconfig',
      'super-admin.conf',
      '--kubernetes-version',
      '1.28',
      '--dir',
      dir,
      ...HOST,
    ])
    assert.is(old.status, 2)
    assert.match(old.stderr, 'v1.28.15')
  }),
)

test(
  'every mistake in a configuration, with its place',
  inTempDir(async dir => {
    const stdin =
      'apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\ncluserName: x\nnetworking:\n  serviceSubnet: 10.0.0.0\n'
    const { status, stdout, stderr } = await run(['gen', 'all', '--dir', dir, '--config', '-', ...HOST], { stdin })
    assert.equal([status, stdout], [2, ''])
    assert.match(stderr, 'kpki: error: standard input:3:1: cluserName: there is no such field\n')
    assert.match(stderr, 'kpki: error: standard input:5:18: networking.serviceSubnet: "10.0.0.0" is not a subnet\n')
  }),
)

test(
  'interrupted before the first write: taken back, said so',
  inTempDir(async dir => {
    const { status, stderr } = await run(['gen', 'all', '--dir', join(dir, 'tree'), ...QUICK], {
      signal: AbortSignal.abort(),
    })
    assert.is(status, 130)
    assert.match(stderr, 'interrupted')
    assert.equal([...snapshot(dir)], [])
  }),
)

test(
  'quiet: nothing at all when well, errors when not',
  inTempDir(async dir => {
    assert.equal(await run(['gen', 'all', '--dir', dir, '-q', ...QUICK]), { status: 0, stdout: '', stderr: '' })
    const { stderr } = await run(['gen', 'all', '--dir', dir, '-q', ...QUICK, '--node-name', 'x', '--cluster-name', ''])
    assert.match(stderr, 'kpki: error: ')
  }),
)

test.run()
