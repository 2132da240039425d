import { X509Certificate } from 'node:crypto'
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { run } from '../support/cli.js'
import { inTempDir, snapshot } from '../support/temp.js'

const QUICK = [
  ...['--encryption-algorithm', 'ECDSA-P256', '--node-name', 'cp-1', '--apiserver-advertise-address', '10.0.0.10'],
  ...['--now', '2026-06-01T12:00:00Z'],
]
const LATER = ['--now', '2026-09-01T12:00:00Z']
async function tree(dir: string): Promise<string> {
  assert.is((await run(['gen', 'all', '--dir', dir, ...QUICK])).status, 0)
  return dir
}
const narrow = (text: string) => {
  for (const line of text.split('\n')) assert.ok(line.length <= 80, line)
}

test(
  'plan: nothing to do is status 0 and a line',
  inTempDir(async dir => {
    await tree(dir)
    const { status, stdout, stderr } = await run(['plan', '--dir', dir, ...LATER])
    assert.is(status, 0)
    assert.is(stderr, '')
    assert.match(stdout, /^Nothing to change in /)
    assert.is((await run(['plan', '--dir', dir, ...LATER, '-q'])).stdout, '')
  }),
)

test(
  'plan: what, why, who takes it up; status 3, nothing written, 80 columns',
  inTempDir(async dir => {
    await tree(dir)
    const before = snapshot(dir)
    const argv = ['plan', '--dir', dir, ...LATER, '--apiserver-cert-extra-sans', '10.0.0.20']
    const { status, stdout } = await run([...argv, '--control-plane-endpoint', 'lb.example.org'])
    assert.is(status, 3)
    narrow(stdout)
    assert.match(stdout, /^apiserver: reissue, keep key: lacks the names lb\.example\.org, 10\.0\.0\.20\n/)
    assert.match(
      stdout,
      'admin.conf: edit server: goes to https://10.0.0.10:6443 instead of\n  https://lb.example.org:6443',
    )
    assert.match(stdout, /Afterwards on cp-1:\n {2}1\. kube-apiserver: takes it up by itself \(apiserver\)/)
    assert.match(
      stdout,
      /1\s+to\s+reissue,\s+2\s+to\s+edit\s+in\s.*;\s+nothing\s+was\s+written\.\s+Do\s+it:\s+kpki\s+apply,\s+with\s+the\s+same\s+flags\n$/,
    )
    assert.equal(snapshot(dir), before)
    assert.is((await run([...argv, '-q'])).status, 3)
    assert.match((await run([...argv, '--new-keys'])).stdout, 'apiserver: reissue, new key')
    const both = await run([...argv, '--new-keys', '--keep-keys'])
    assert.is(both.status, 2)
    const coloured = await run(argv, { terminal: true })
    assert.match(coloured.stdout, '\x1b[32mapiserver\x1b[0m')
    assert.is((await run(argv, { terminal: true, env: { NO_COLOR: '1' } })).stdout.includes('\x1b'), false)
  }),
)

test(
  'plan: as a document, with what it was made from and no secret',
  inTempDir(async dir => {
    await tree(dir)
    const { status, stdout } = await run([
      'plan',
      '--dir',
      dir,
      ...LATER,
      '--apiserver-cert-extra-sans',
      '10.0.0.20',
      '-o',
      'json',
    ])
    assert.is(status, 3)
    const plan = JSON.parse(stdout) as Record<string, unknown>
    assert.equal([plan['apiVersion'], plan['kind'], plan['node']], ['kpki.dev/v1alpha1', 'Plan', 'cp-1'])
    assert.equal(plan['inputs'], { facts: {}, adds: { apiServerCertSans: ['10.0.0.20'] }, options: {} })
    assert.match(String(plan['fingerprint']), /^[0-9a-f]{64}$/)
    assert.equal(
      (plan['changes'] as readonly { name: string; action: string; key: string; files: string[] }[]).map(
        ({ name, action, key, files }) => [name, action, key, files],
      ),
      [['apiserver', 'reissue', 'keep', ['pki/apiserver.crt']]],
    )
    assert.not.match(stdout, /PRIVATE|LS0t/)
  }),
)

test(
  'plan and renew: what is no tree is said to be none',
  inTempDir(async dir => {
    for (const argv of [['plan'], ['renew', 'all']]) {
      const empty = await run([...argv, '--dir', dir])
      assert.is(empty.status, 1)
      assert.match(empty.stderr, /there is no tree|no such|does not exist/)
      const missing = await run([...argv, '--dir', join(dir, 'nowhere')])
      assert.is(missing.status, 1)
    }
  }),
)

test(
  'plan, apply, renew: a flag adds names; a file that lists them is the list, and what goes is said, and who is refused then',
  inTempDir(async dir => {
    const named = ['--apiserver-cert-extra-sans', 'lb.example.org,192.0.2.7']
    assert.is((await run(['gen', 'all', '--dir', dir, ...QUICK, ...named])).status, 0)
    const here = ['--dir', dir, ...LATER]
    const sansOf = () => new X509Certificate(readFileSync(join(dir, 'pki/apiserver.crt'))).subjectAltName ?? ''
    for (const [index, command] of [
      ['renew', 'apiserver'],
      ['apply', '--yes'],
    ].entries()) {
      const more = await run([...command, ...here, '--apiserver-cert-extra-sans', `10.0.0.2${index}`])
      assert.is(more.status, 0, more.stderr)
      assert.not.match(more.stdout, /drops|lb\.example\.org/)
      for (const name of ['DNS:lb.example.org', 'IP Address:192.0.2.7', `IP Address:10.0.0.2${index}`])
        assert.ok(sansOf().includes(name), `${command[0]} ${name}`)
    }
    const config = join(dir, 'kubeadm.yaml')
    writeFileSync(
      config,
      'apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\napiServer: {certSANs: [192.0.2.7, 10.0.0.20]}\n',
    )
    const drops =
      /drops\s+the\s+names\s+lb\.example\.org,\s+10\.0\.0\.21,\s+which\s+\S+kubeadm\.yaml\s+does\s+not\s+list/
    const refused =
      /Clients\s+that\s+dial\s+lb\.example\.org,\s+10\.0\.0\.21\s+refuse\s+kube-apiserver\s+from\s+then\s+on/
    for (const command of [
      ['plan'],
      ['apply', '--yes', '--dry-run'],
      ['renew', 'all', '--dry-run'],
      ['renew', 'apiserver'],
    ]) {
      const listed = await run([...command, ...here, '--config', config])
      assert.match(listed.stdout, drops, command[0])
      assert.match(listed.stdout, refused, command[0])
    }
    assert.not.match(sansOf(), /lb\.example\.org|10\.0\.0\.21/)
    const both = await run([
      'plan',
      ...here,
      '--config',
      config,
      '--apiserver-cert-extra-sans',
      'lb.example.org',
      '-o',
      'json',
    ])
    const { inputs, changes } = JSON.parse(both.stdout) as {
      inputs: Record<string, unknown>
      changes: readonly { reasons: readonly { message: string }[] }[]
    }
    assert.equal(inputs, {
      facts: { apiServerCertSans: ['192.0.2.7', '10.0.0.20'] },
      adds: { apiServerCertSans: ['lb.example.org'] },
      options: {},
    })
    assert.match(changes[0]?.reasons[0]?.message ?? '', /^lacks the name lb\.example\.org/)
    assert.is(changes[0]?.reasons.length, 1)
    const plan = join(dir, 'plan.json')
    writeFileSync(plan, both.stdout)
    assert.is((await run(['apply', '--yes', ...here, plan])).status, 0)
    for (const name of ['DNS:lb.example.org', 'IP Address:192.0.2.7', 'IP Address:10.0.0.20'])
      assert.ok(sansOf().includes(name), name)
    writeFileSync(config, readFileSync(config, 'utf8').replace('10.0.0.20', 'no name'))
    const wrong = await run(['plan', ...here, '--config', config, '--apiserver-cert-extra-sans', 'a,b c'])
    assert.is(wrong.status, 2)
    assert.match(wrong.stderr, /kubeadm\.yaml:3:\d+.*no name[\s\S]*--apiserver-cert-extra-sans.*b c/)
  }),
)

test(
  'renew: old and new ends, what to restart in which order, where the old files are; 80 columns',
  inTempDir(async dir => {
    await tree(dir)
    const dry = await run(['renew', 'all', '--dir', dir, ...LATER, '--dry-run'])
    assert.match(dry.stdout, /^renew apiserver +2027-06-01 -> 2027-09-01, new key\n/)
    assert.match(dry.stdout, /Dry run, nothing was written: 12 to reissue in /)
    const { status, stdout, stderr } = await run(['renew', 'all', '--dir', dir, ...LATER])
    assert.equal([status, stderr], [0, ''])
    narrow(stdout.replace(/^The old files.*\n/gm, ''))
    assert.match(stdout, /^renewed apiserver +2027-06-01 -> 2027-09-01, new key\n/)
    const components = [...stdout.matchAll(/^ {2}[0-9]\. ([a-z-]+): (.*?) \(/gm)].map(
      ([, name, how]) => `${name} ${how}`,
    )
    assert.equal(components, [
      'etcd takes it up by itself',
      'kube-apiserver takes it up by itself',
      'kube-controller-manager restart it',
      'kube-scheduler restart it',
      'kubelet restart it',
    ])
    assert.match(
      stdout,
      /Done: 12 changed in .*\n.*\.kpki\/backups\/2026-09-01T12-00-00Z\nTo put them back: kpki undo, with the same --dir\n$/,
    )
    assert.is(statSync(join(dir, 'pki/apiserver.key')).mode & 0o777, 0o600)
    assert.is((await run(['renew', 'all', '--dir', dir, ...LATER, '-q'])).stdout, '')
    const none = await run(['renew', 'all', '--dir', dir, ...LATER, '--if-within', '30d'])
    assert.match(none.stdout, /^Nothing to change in /)
  }),
)

test(
  'renew and apply: what has ended and cannot be made is a warning and status 1, however quiet',
  inTempDir(async dir => {
    await tree(dir)
    const late = ['--now', '2040-01-01', '--dir', dir, '-q']
    for (const command of [
      ['renew', 'all', '--if-within', '30d'],
      ['renew', 'all', '--dry-run'],
      ['apply', '--yes'],
    ]) {
      const ended = await run([...command, ...late])
      assert.equal([ended.status, ended.stdout], [1, ''], command.join(' '))
      assert.match(ended.stderr, /warning: .*left as it is: apiserver, .*: its CA ca expired/)
    }
    rmSync(join(dir, 'pki/ca.key'))
    const soon = ['renew', 'all', '--dir', dir, '--if-within', '30d']
    const ending = await run([...soon, '--now', '2027-05-20', '-o', 'json'])
    assert.is(ending.status, 1)
    const { items, warnings } = JSON.parse(ending.stdout) as { items: readonly unknown[]; warnings: readonly string[] }
    // Those of the CAs of etcd and of the front proxy.
    assert.is(items.length, 5)
    assert.match(
      warnings.join('\n'),
      /^ends by 2027-06-19T00:00:00\.000Z and is left as it is: apiserver, .*the CA key/,
    )
    const early = await run([...soon, '--now', '2026-09-01'])
    assert.equal([early.status, early.stderr], [0, ''])
    assert.is((await run(['renew', 'all', '--dir', dir, ...LATER, '-q'])).status, 0)
  }),
)

test(
  'renew: one row, with its wanted name or as found, keys kept; kubeadm spells it certs renew',
  inTempDir(async dir => {
    await tree(dir)
    const key = readFileSync(join(dir, 'pki/apiserver.key'), 'utf8')
    const name = ['--apiserver-cert-extra-sans', '10.0.0.20']
    const argv = ['--dir', dir, ...LATER, ...name, '--keep-keys']
    assert.match((await run(['certs', 'renew', 'apiserver', ...argv, '--as-found'])).stdout, 'same key')
    const sans = async () => (await run(['inspect', join(dir, 'pki/apiserver.crt')])).stdout
    assert.not.match(await sans(), '10.0.0.20')
    assert.is((await run(['certs', 'renew', 'apiserver', ...argv])).status, 0)
    assert.match(await sans(), '10.0.0.20')
    assert.is(readFileSync(join(dir, 'pki/apiserver.key'), 'utf8'), key)
  }),
)

test(
  'renew: refusals say why and what to do, by code, and write nothing',
  inTempDir(async dir => {
    await tree(dir)
    rmSync(join(dir, 'pki/etcd/ca.key'))
    rmSync(join(dir, 'scheduler.conf'))
    const before = snapshot(dir)
    for (const [argv, code] of [
      [['sa'], 'KPKI_PLAN_BLOCKED'],
      [['etcd-peer'], 'KPKI_ISSUER_MISSING'],
      [['etcd-ca'], 'KPKI_ISSUER_MISSING'],
      [['scheduler.conf'], 'KPKI_PLAN_BLOCKED'],
      [['apiserver', '--now', '2040-01-01'], 'KPKI_ISSUER_EXPIRED'],
      [['ca', '--ca-certificate-validity-period', '1h'], 'KPKI_PLAN_BLOCKED'],
    ] as const) {
      const { status, stderr } = await run([
        'renew',
        ...argv,
        '--dir',
        dir,
        '-o',
        'json',
        ...(argv.includes('--now' as never) ? [] : LATER),
      ])
      assert.is(status, 1)
      const { error } = JSON.parse(stderr) as { error: { code: string; hint: string } }
      assert.is(error.code, code, argv.join(' '))
      assert.ok(error.hint.length > 0)
    }
    assert.equal(snapshot(dir), before)
    for (const argv of [[], ['nothing'], ['all', '--if-within', 'soon']])
      assert.is((await run(['renew', ...argv, '--dir', dir])).status, 2)
    const { status, stdout } = await run(['renew', 'all', '--dir', dir, ...LATER])
    assert.is(status, 0)
    assert.match(
      stdout,
      /Not touched:\n {2}etcd-server cannot be made here: the CA key pki\/etcd\/ca\.key is not here\n/,
    )
    assert.not.match(stdout, /\n\n\n/)
  }),
)

test(
  'renew: everything ended a year ago, and with it the CAs, in one run',
  inTempDir(async dir => {
    await tree(dir)
    const now = ['--now', '2037-06-01T12:00:00Z']
    const alone = await run(['renew', 'all', '--dir', dir, ...now])
    assert.equal([alone.status, /^renewed/m.test(alone.stdout)], [1, false])
    assert.match(alone.stdout, /apiserver cannot be made: its CA ca expired on/)
    const { status, stdout } = await run(['renew', 'ca', 'front-proxy-ca', 'etcd-ca', 'all', '--dir', dir, ...now])
    assert.is(status, 0)
    assert.is([...stdout.matchAll(/^renewed/gm)].length, 15)
    assert.match(stdout.replace(/\s+/g, ' '), 'The API server refuses the kubelet: its node is NotReady.')
    assert.is((await run(['check', '--dir', dir, ...now, '--fail-on', 'error', '-q'])).status, 0)
    assert.is((await run(['plan', '--dir', dir, ...now])).status, 0)
  }),
)

test(
  'what a tree says is shown so that no terminal obeys it',
  inTempDir(async dir => {
    await tree(dir)
    const admin = readFileSync(join(dir, 'admin.conf'), 'utf8')
    writeFileSync(
      join(dir, 'admin.conf'),
      admin.replace(/server: .*/, 'server: "https://u:secret@10.0.0.9\\e[31m:6443"'),
    )
    const { stdout } = await run(['plan', '--dir', dir, ...LATER, '--control-plane-endpoint', 'lb.example.org'])
    assert.is(stdout.includes('\x1b'), false)
    assert.not.match(stdout, 'secret')
    const json = await run(['plan', '--dir', dir, ...LATER, '--control-plane-endpoint', 'lb.example.org', '-o', 'json'])
    assert.not.match(json.stdout, 'secret')
  }),
)

test.run()
