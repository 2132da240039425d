import { appendFileSync, copyFileSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { run } from '../support/cli.js'
import { inTempDir, snapshot } from '../support/temp.js'

const QUICK = [
  ...['--encryption-algorithm', 'ECDSA-P256', '--node-name', 'cp-1', '--apiserver-advertise-address', '10.0.0.10'],
  ...['--now', '2026-06-01T12:00:00Z'],
]
const NOW = ['--now', '2026-06-01T12:00:00Z']
const LEDGER = 'pki/issued.jsonl'
interface Item {
  readonly purpose: string
  readonly user: string
  readonly opens: readonly string[]
  readonly canGetIn: boolean
}
interface List {
  readonly items: readonly Item[]
  readonly others: Readonly<Record<string, number>>
  readonly unreadLines: number
  readonly problems: readonly { file: string; line?: number; kind: string }[]
}
const list = (...argv: readonly string[]) => listWith(0, ...argv)
async function listWith(expected: number, ...argv: readonly string[]): Promise<List> {
  const { status, stdout, stderr } = await run(['issued', ...argv, '-o', 'json'])
  assert.is(status, expected, stderr)
  return JSON.parse(stdout) as List
}
const purposes = ({ items }: List) => items.map(({ purpose }) => purpose)
/** A tree with everything in it. */
async function tree(dir: string): Promise<string> {
  assert.is((await run(['gen', 'all', '--dir', dir, ...QUICK])).status, 0)
  return dir
}

test(
  'who can get in, for people: 80 columns, by what they open, and what the ledger does not know',
  inTempDir(async dir => {
    await tree(dir)
    const { status, stdout, stderr } = await run(['issued', '--dir', dir, ...NOW])
    assert.is(status, 0)
    for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line)
    assert.match(
      stdout,
      /^To the API server and the kubelets\n {2}kube-apiserver-kubelet-client +apiserver-kubelet-client/,
    )
    assert.match(
      stdout,
      /kubernetes-super-admin +super-admin.conf +2027-06-01, 365 d\n +in system:masters: no rule stops it/,
    )
    assert.match(stdout, /To etcd.*\n {2}cp-1 +etcd-server \(peer\)/)
    assert.not.match(stdout, /kube-apiserver +apiserver /)
    assert.match(stdout, '11 of 15 certificates let somebody in on 2026-06-01 12:00 UTC')
    assert.match(stderr, /not what the controller manager signs/)
    assert.is((await run(['issued', '--dir', dir, ...NOW, '--quiet'])).stderr, '')
    const all = await run(['issued', '--dir', dir, '--all', ...NOW])
    assert.match(all.stdout, /CAs and servers\n {2}kubernetes/)
    const narrow = await run(['issued', '--dir', dir, '--all', ...NOW], {
      terminal: true,
      columns: 60,
      env: { NO_COLOR: '1' },
    })
    for (const line of narrow.stdout.split('\n')) assert.ok(line.length <= 60, line)
  }),
)

test(
  'by group, by user, at another moment',
  inTempDir(async dir => {
    await tree(dir)
    const args = ['--dir', dir, ...NOW]
    assert.equal(purposes(await list(...args, '--group', 'system:masters')), ['super-admin.conf'])
    // Comma-separated like every list of groups: any of them.
    assert.equal(purposes(await list(...args, '--group', 'system:masters,kubeadm:cluster-admins')), [
      'apiserver-kubelet-client',
      'admin.conf',
      'super-admin.conf',
    ])
    assert.equal(purposes(await list(...args, '--user', 'cp-1')), ['etcd-server', 'etcd-peer'])
    const none = await run(['issued', ...args, '--group', 'system:master'])
    assert.equal([none.status, none.stdout], [0, 'None of 15 certificates is of whom was asked for\n'])
    assert.equal(purposes(await list(...args, '--user', 'nobody')), [])
    assert.is((await list(...args)).items.length, 11)
    const later = await list(...args, '--valid-at', '2027-06-01T12:00:01Z')
    assert.equal([later.items.length, later.others], [0, { replaced: 0, ended: 12, notYet: 0, noClient: 3 }])
    assert.is((await list(...args, '--valid-at', '2027-06-01T12:00:00Z')).items.length, 11)
    assert.is((await list(...args, '--valid-at', '2026-06-01T11:54:59Z')).others['notYet'], 15)
    const wrong = await run(['issued', ...args, '--valid-at', 'tomorrow'])
    assert.is(wrong.status, 2)
    assert.match(wrong.stderr, '--valid-at: tomorrow is not a time')
  }),
)

test(
  'what a replaced CA signed lets nobody in; without the CAs nothing is known about that',
  inTempDir(async dir => {
    await tree(dir)
    for (const file of ['pki/ca.crt', 'pki/ca.key', 'pki/apiserver.crt', 'pki/apiserver-kubelet-client.crt'])
      rmSync(join(dir, file))
    for (const file of ['admin', 'super-admin', 'kubelet', 'controller-manager', 'scheduler'])
      rmSync(join(dir, `${file}.conf`))
    const unknown = await run(['issued', '--dir', dir, ...NOW])
    assert.match(unknown.stderr, /ca.crt does not exist: whether what it signed is still trusted is not known/)
    await tree(dir)
    const after = await list('--dir', dir, ...NOW)
    assert.is(after.items.length, 11)
    assert.is(after.others['replaced'], 8)
    const all = await run(['issued', '--dir', dir, '--all', ...NOW])
    assert.match(all.stdout, 'Of CAs that are not in this tree any more')
  }),
)

test(
  'the second run adds no line and touches nothing; a renewed leaf adds one',
  inTempDir(async dir => {
    await tree(dir)
    const { mtimeMs } = statSync(join(dir, LEDGER))
    const before = readFileSync(join(dir, LEDGER), 'utf8')
    await tree(dir)
    assert.is(statSync(join(dir, LEDGER)).mtimeMs, mtimeMs)
    rmSync(join(dir, 'pki/apiserver.crt'))
    await tree(dir)
    const after = readFileSync(join(dir, LEDGER), 'utf8')
    assert.ok(after.startsWith(before))
    assert.is(after.split('\n').length, before.split('\n').length + 1)
  }),
)

test(
  '--no-ledger and --dry-run write none, and who then asks is told that nothing is known',
  inTempDir(async dir => {
    await run(['gen', 'all', '--dir', dir, ...QUICK, '--dry-run'])
    assert.equal([...snapshot(dir).keys()], [])
    assert.is((await run(['gen', 'all', '--dir', dir, ...QUICK, '--no-ledger'])).status, 0)
    assert.not.ok(snapshot(dir).has(LEDGER))
    const { status, stdout, stderr } = await run(['issued', '--dir', dir])
    assert.equal([status, stdout], [1, ''])
    assert.match(stderr, /issued.jsonl does not exist\n.*who can get in is not known/)
  }),
)

test(
  'several ledgers are one answer; damaged lines are named, and obeyed by no terminal',
  inTempDir(async dir => {
    await tree(dir)
    const copy = join(dir, 'copy.jsonl')
    copyFileSync(join(dir, LEDGER), copy)
    const [line = ''] = readFileSync(copy, 'utf8')
      .split('\n')
      .filter(text => text.includes('admin.conf'))
    const hostile = { ...JSON.parse(line), user: '\u001b[2Jx\nkpki: fine', fingerprint: 'f'.repeat(64) }
    appendFileSync(copy, `${JSON.stringify(hostile)}\n{"v":1,"torn`)
    const args = [copy, join(dir, LEDGER), '--dir', dir, ...NOW]
    const found = await listWith(1, ...args)
    assert.is(found.items.length, 12)
    assert.equal(
      found.problems.map(({ line: at, kind }) => `${at} ${kind}`),
      ['17 torn'],
    )
    const { stdout, stderr } = await run(['issued', ...args])
    assert.not.match(stdout + stderr, '\u001b')
    assert.match(stdout, 'U+001B')
    assert.match(stderr, `kpki: warning: ${copy}, line 17 breaks off`)
    const ledger = readFileSync(copy, 'utf8')
    assert.is(
      JSON.parse((await run(['issued', '-', '--dir', dir, ...NOW, '-o', 'json'], { stdin: ledger })).stdout).items
        .length,
      12,
    )
    assert.match(stdout, 'At least 12 of 16 certificates let somebody in')
    assert.match(stdout, '\n1 line cannot be read: who else can get in is not known\n')
    const quiet = await run(['issued', ...args, '--quiet'])
    assert.equal([quiet.status, quiet.stdout, quiet.stderr], [1, stdout, 'kpki: error: 1 line cannot be read\n'])
  }),
)

test(
  'what is no ledger, or has lost what was in it, is an error, and its answer never "nobody"',
  inTempDir(async dir => {
    await tree(dir)
    const file = join(dir, 'other')
    const args = ['issued', file, '--dir', dir, ...NOW]
    writeFileSync(file, 'x\n'.repeat(100))
    const many = await run(args)
    assert.is(many.status, 1)
    assert.is(
      many.stdout,
      'No certificate was read (100 lines cannot be read, 1 file without an entry): who\ncan get in is not known\n',
    )
    assert.match(many.stderr, '95 lines more cannot be read')
    assert.match(many.stderr, `kpki: error: ${file} has no entry`)
    for (const content of ['', '\n\n', readFileSync(join(dir, 'pki/ca.crt'), 'utf8')]) {
      writeFileSync(file, content)
      const quiet = await run([...args, '--quiet'])
      assert.is(quiet.status, 1)
      assert.match(quiet.stdout, /^No certificate was read .*who\s+can get in is not known\n$/s)
      assert.not.match(quiet.stdout, '0 of')
      const { problems } = await listWith(1, ...args.slice(1))
      assert.equal([problems.at(-1)?.kind, problems.at(-1)?.line, problems.at(-1)?.file], ['empty', undefined, file])
    }
    // One empty file among several: what the others say stands, and what is not known is said.
    writeFileSync(file, '')
    const both = await run([...args, join(dir, LEDGER)])
    assert.is(both.status, 1)
    assert.match(both.stdout, 'At least 11 of 15 certificates let somebody in')
    assert.match(both.stdout, '\n1 file without an entry: who else can get in is not known\n')
    assert.match((await run(['issued', '-', '--dir', dir, ...NOW])).stderr, 'standard input has no entry')
  }),
)

test(
  'a file of many lines that are none is an answer, no defect',
  inTempDir(async dir => {
    await tree(dir)
    const file = join(dir, 'many')
    writeFileSync(file, '{}\n'.repeat(200_000))
    const said = await run(['issued', file, '--dir', dir, ...NOW])
    assert.is(said.status, 1)
    assert.match(said.stdout.replace(/\s+/g, ' '), 'No certificate was read (200000 lines cannot be read,')
    const { problems, unreadLines } = await listWith(1, file, '--dir', dir, ...NOW)
    assert.equal([problems.length, unreadLines], [1001, 200_000])
  }),
)

test(
  'a line that says something else of a certificate hides nobody, and is told',
  inTempDir(async dir => {
    await tree(dir)
    const [line = ''] = readFileSync(join(dir, LEDGER), 'utf8')
      .split('\n')
      .filter(text => text.includes('kubernetes-super-admin'))
    const fake = join(dir, 'fake')
    const change = { user: 'innocent', groups: [], notAfter: '2026-06-01T12:00:00.000Z' }
    writeFileSync(fake, `${JSON.stringify({ ...JSON.parse(line), ...change })}\n`)
    for (const files of [
      [fake, join(dir, LEDGER)],
      [join(dir, LEDGER), fake],
    ]) {
      const found = await listWith(1, ...files, '--dir', dir, ...NOW, '--user', 'kubernetes-super-admin')
      assert.equal(purposes(found), ['super-admin.conf'])
      assert.equal([found.problems[0]?.kind, found.problems[0]?.file], ['contradiction', files.join(', ')])
      const { stdout, stderr } = await run(['issued', ...files, '--dir', dir, ...NOW, '-q'])
      assert.match(stdout, 'At least 12 of 16 certificates')
      assert.match(stdout, '1 certificate told in two ways: who else can get in is not known')
      assert.match(stderr, /says different things of the certificate [0-9a-f]{16}…/)
    }
  }),
)

test(
  'a worker has the CA of the cluster alone: who is let in by the others is not said to be kept out',
  inTempDir(async dir => {
    await tree(dir)
    for (const file of ['pki/front-proxy-ca.crt', 'pki/etcd/ca.crt']) rmSync(join(dir, file))
    const { stdout, stderr } = await run(['issued', '--dir', dir, ...NOW])
    assert.match(stdout, '11 of 15 certificates let somebody in')
    assert.match(stdout, /Somewhere: the CA is not in this tree\n {2}front-proxy-client/)
    for (const file of ['front-proxy-ca.crt', 'etcd/ca.crt'])
      assert.match(stderr, `${file} does not exist: whether what it signed is still trusted is not known`)
    for (const line of stderr.split('\n').filter(text => !text.includes('warning'))) assert.ok(line.length <= 80, line)
  }),
)

test(
  'one CA for the cluster and the front proxy: what it signed opens both doors',
  inTempDir(async dir => {
    await tree(dir)
    for (const part of ['crt', 'key'])
      copyFileSync(join(dir, `pki/ca.${part}`), join(dir, `pki/front-proxy-ca.${part}`))
    const [admin] = (await list('--dir', dir, ...NOW, '--user', 'kubernetes-admin')).items
    assert.equal(admin?.opens, ['api-server', 'front-proxy'])
    const { stdout } = await run(['issued', '--dir', dir, ...NOW, '--user', 'kubernetes-admin'])
    assert.match(stdout, '    also to the API server as any user, where --requestheader-allowed-names lets\n    it:')
    for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line)
  }),
)

test(
  'a ledger that cannot be written fails the run before anything is',
  inTempDir(async dir => {
    await tree(dir)
    rmSync(join(dir, 'admin.conf'))
    rmSync(join(dir, LEDGER))
    symlinkSync('/nonexistent', join(dir, LEDGER))
    const { status, stderr } = await run(['gen', 'all', '--dir', dir, ...QUICK])
    assert.is(status, 1)
    assert.match(stderr, `${join(dir, LEDGER)} is a link`)
    rmSync(join(dir, LEDGER))
    assert.not.ok(snapshot(dir).has('admin.conf'))
  }),
)

test.run()
