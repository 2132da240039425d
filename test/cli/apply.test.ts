import { createHash, X509Certificate } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { run } from '../support/cli.js'
import { inTempDir, snapshot } from '../support/temp.js'

const NOW = ['--now', '2026-06-01T12:00:00Z']
const LATER = ['--now', '2026-06-03T12:00:00Z']
const FACTS = [
  ...['--node-name', 'cp-1', '--apiserver-advertise-address', '10.0.0.10'],
  ...['--encryption-algorithm', 'ECDSA-P256', '--kubernetes-version', 'v1.36.4'],
]
const SAN = ['--apiserver-cert-extra-sans', 'lb.example.org,10.0.0.20']

/** A test with a tree that `kpki gen all` has made. */
function withTree(work: (tree: string, dir: string) => Promise<void>): () => Promise<void> {
  return inTempDir(async dir => {
    const tree = join(dir, 'tree')
    assert.is((await run(['gen', 'all', '--dir', tree, ...FACTS, ...NOW])).status, 0)
    await work(tree, dir)
  })
}

/** Everything in a tree other than backups and the ledger. */
const files = (tree: string) => [...snapshot(tree)].filter(([path]) => !/^\.kpki|issued\.jsonl/.test(path))
const namesOf = (tree: string) =>
  new X509Certificate(readFileSync(join(tree, 'pki/apiserver.crt'))).subjectAltName?.split(', ') ?? []
const backups = (tree: string) => {
  const dir = join(tree, '.kpki/backups')
  return existsSync(dir) ? readdirSync(dir) : []
}

test(
  'apply shows, asks, changes exactly that, and has nothing to do the second time; undo puts it back',
  withTree(async tree => {
    const before = files(tree)
    const questions: string[] = []
    const answer = (question: string) => {
      questions.push(question)
      return 'y'
    }
    const applied = await run(['apply', '--dir', tree, ...SAN, ...LATER], { answer })
    assert.is(applied.status, 0, applied.stderr)
    assert.equal(questions, [`1 to reissue in ${tree}. Do it? [y/N] `])
    assert.match(applied.stderr, /^apiserver: reissue, keep key: lacks the names? /)
    assert.match(applied.stdout, /^renewed apiserver .* same key\n/)
    assert.match(applied.stdout, 'kube-apiserver')
    assert.match(applied.stdout, /To put (it|them) back: kpki undo/)
    assert.ok(['DNS:lb.example.org', 'IP Address:10.0.0.20'].every(name => namesOf(tree).includes(name)))
    const changed = files(tree).filter(
      ([path, file], index) => JSON.stringify([path, file]) !== JSON.stringify(before[index]),
    )
    assert.equal(
      changed.map(([path]) => path),
      ['pki/apiserver.crt'],
    )
    assert.equal(backups(tree), ['2026-06-03T12-00-00Z'])
    const again = await run(['apply', '--dir', tree, ...SAN, ...LATER], { answer: 'never asked' })
    assert.is(again.status, 0)
    assert.is(again.stdout, `Nothing to change in ${tree}\n`)
    assert.equal(backups(tree).length, 1)
    const undone = await run(['undo', '--yes', '--dir', tree, ...SAN])
    assert.is(undone.status, 0, undone.stderr)
    assert.match(undone.stdout, /^restored pki\/apiserver\.crt\n\nAfterwards on cp-1:\n/)
    assert.equal(files(tree), before)
  }),
)

test(
  'nobody agrees: nothing is written, on a terminal and without one',
  withTree(async tree => {
    const before = [...snapshot(tree)]
    for (const answer of ['n', '', 'no', undefined]) {
      const said = await run(['apply', '--dir', tree, ...SAN, '-o', 'json'], answer === undefined ? {} : { answer })
      assert.is(said.status, 1)
      assert.is(said.stdout, '')
      assert.match(said.stderr, 'KPKI_NOT_CONFIRMED')
      assert.match(said.stderr, '--yes')
      assert.equal([...snapshot(tree)], before)
    }
    const interrupt = new AbortController()
    const answer = () => {
      interrupt.abort()
      return undefined
    }
    const said = await run(['apply', '--dir', tree, ...SAN], { answer, signal: interrupt.signal })
    assert.is(said.status, 130)
    assert.equal([...snapshot(tree)], before)
  }),
)

test(
  'dry runs write nothing',
  withTree(async tree => {
    const before = [...snapshot(tree)]
    const said = await run(['apply', '--dir', tree, ...SAN, '--dry-run', ...LATER])
    assert.is(said.status, 0)
    assert.match(said.stdout, 'Dry run, nothing was written: 1 to reissue')
    assert.equal([...snapshot(tree)], before)
    await run(['apply', '--yes', '--dir', tree, ...SAN, ...LATER])
    const after = [...snapshot(tree)]
    const undo = await run(['undo', '--dir', tree, '--dry-run'])
    assert.match(undo.stdout, /^restore pki\/apiserver\.crt\n/)
    assert.match(undo.stdout, 'would be')
    assert.equal([...snapshot(tree)], after)
  }),
)

for (const format of ['json', 'yaml']) {
  test(
    `a saved plan (${format}) is applied as it is, once, and by what was asked then`,
    withTree(async (tree, dir) => {
      const file = join(dir, `plan.${format}`)
      const planned = await run(['plan', '--dir', tree, ...SAN, ...NOW, '-o', format])
      assert.is(planned.status, 3)
      writeFileSync(file, planned.stdout)
      const stdin = planned.stdout
      const dry = await run(['apply', '-', '--dir', tree, '--dry-run', ...LATER, '-o', 'json'], { stdin })
      assert.equal(
        JSON.parse(dry.stdout).items.map((item: { name: string }) => item.name),
        ['apiserver'],
      )
      const done = await run(['apply', file, '--yes', '--dir', tree, ...LATER, '-o', 'json'])
      assert.is(done.status, 0, done.stderr)
      assert.ok(namesOf(tree).includes('DNS:lb.example.org'))
      const again = await run(['apply', file, '--yes', '--dir', tree, ...LATER])
      assert.is(again.status, 1)
      assert.match(again.stderr, 'plan again: kpki plan')
      const more = await run(['apply', file, '--yes', '--dir', tree, '--node-name', 'cp-2'])
      assert.is(more.status, 2)
    }),
  )
}

test(
  'a plan that has gone stale is refused: another tree, another moment at which something else is to be done',
  withTree(async (tree, dir) => {
    const file = join(dir, 'plan.json')
    const plan = async () =>
      writeFileSync(file, (await run(['plan', '--dir', tree, ...SAN, ...NOW, '-o', 'json'])).stdout)
    const refused = async (now: readonly string[] = NOW) => {
      const before = files(tree)
      const said = await run(['apply', file, '--yes', '--dir', tree, ...now, '-o', 'json'])
      assert.is(said.status, 1)
      assert.is(JSON.parse(said.stderr).error.code, 'KPKI_PLAN_STALE')
      assert.equal(files(tree), before)
    }
    await plan()
    chmodSync(join(tree, 'pki/ca.crt'), 0o600)
    await refused()
    await plan()
    // A day before their end all leaves are to be renewed.
    await refused(['--now', '2027-05-31T12:00:00Z'])
    await plan()
    const tampered = readFileSync(file, 'utf8').replaceAll('pki/apiserver.crt', 'pki/ca.crt')
    writeFileSync(file, tampered)
    await refused()
    writeFileSync(file, tampered.replace(/"changes": \[[\s\S]*?\n {2}\],/, '"changes": [],'))
    await refused()
    assert.equal(backups(tree), [])
  }),
)

const PLAN = {
  apiVersion: 'kpki.dev/v1alpha1',
  kind: 'Plan',
  inputs: { facts: {}, options: {} },
  fingerprint: '0'.repeat(64),
  changes: [],
}
const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)])
const NO_PLANS: readonly (readonly [name: string, content: unknown])[] = [
  ['not a document', 'hello'],
  ['nothing', ''],
  ['broken JSON', '{"kind": "Plan"'],
  ['a list', []],
  ['another kind', { ...PLAN, kind: 'Backup' }],
  ['another version', { ...PLAN, apiVersion: 'kpki.dev/v2' }],
  ['no inputs', { ...PLAN, inputs: undefined }],
  ['a fingerprint that is none', { ...PLAN, fingerprint: 'abc' }],
  ['changes that are no list', { ...PLAN, changes: {} }],
  ['changes deeper than any', { ...PLAN, changes: [deep(50)] }],
  ['brackets without end', `{"changes":${'['.repeat(500_000)}`],
  ['an unknown input', { ...PLAN, inputs: { ...PLAN.inputs, dir: '/' } }],
  ['an unknown fact', { ...PLAN, inputs: { ...PLAN.inputs, facts: { shell: 'sh' } } }],
  ['a prototype', JSON.stringify(PLAN).replace('"facts":{}', '"facts":{"__proto__":{"nodeName":"x"}}')],
  ['a fact of another type', { ...PLAN, inputs: { ...PLAN.inputs, facts: { apiServerCertSans: 'x' } } }],
  ['a fact that is none', { ...PLAN, inputs: { ...PLAN.inputs, facts: { nodeName: '../../etc' } } }],
  ['an endpoint that is none', { ...PLAN, inputs: { ...PLAN.inputs, facts: { controlPlaneEndpoint: 'a b' } } }],
  ['another role', { ...PLAN, inputs: { ...PLAN.inputs, role: 'root' } }],
  ['options that are none', { ...PLAN, inputs: { ...PLAN.inputs, options: { keys: 'steal' } } }],
  ['an item that is none', { ...PLAN, inputs: { ...PLAN.inputs, options: { only: ['../passwd'] } } }],
  ['a period that is none', { ...PLAN, inputs: { ...PLAN.inputs, options: { ifWithinSeconds: -1 } } }],
  ['an alias bomb', `a: &a [1,1]\nb: &b [*a,*a]\nc: &c [*b,*b]\nkind: Plan\napiVersion: kpki.dev/v1alpha1`],
]
test(
  'what is no plan is refused, whatever it is',
  withTree(async (tree, dir) => {
    const before = [...snapshot(tree)]
    const file = join(dir, 'plan.json')
    for (const [name, content] of NO_PLANS) {
      writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
      const said = await run(['apply', file, '--yes', '--dir', tree, '-o', 'json'])
      assert.is(said.status, 1, name)
      assert.is(JSON.parse(said.stderr).error.code, 'KPKI_PLAN_INVALID', name)
    }
    writeFileSync(file, `${' '.repeat(1024 * 1024)}{}`)
    assert.match((await run(['apply', file, '--yes', '--dir', tree])).stderr, 'larger than 1 MiB')
    assert.equal([...snapshot(tree)], before)
  }),
)

test(
  'a change that was killed: plan, gen and check say so; apply asks and takes it back first; undo does',
  withTree(async tree => {
    const before = files(tree)
    await run(['apply', '--yes', '--dir', tree, ...SAN, ...NOW])
    const mark = join(tree, '.kpki/backups/2026-06-01T12-00-00Z/unfinished')
    const kill = () => {
      writeFileSync(mark, '')
      // Of two files one was put in its place.
      const manifest = join(mark, '../manifest.json')
      const backup = JSON.parse(readFileSync(manifest, 'utf8'))
      const [file] = backup.files
      const other = { ...file, path: 'pki/ca.crt', new: { ...file.new, sha256: '0'.repeat(64) } }
      const sha256 = caHash(tree)
      if (backup.files.length === 1) backup.files.push({ ...other, old: { ...file.old, sha256 } })
      writeFileSync(manifest, JSON.stringify(backup))
    }
    kill()
    for (const argv of [['plan'], ['gen', 'all', ...FACTS]]) {
      const said = await run([...argv, '--dir', tree, '-o', 'json', ...NOW])
      assert.is(said.status, 1)
      assert.is(JSON.parse(said.stderr).error.code, 'KPKI_CHANGE_UNFINISHED')
    }
    assert.match((await run(['check', '--dir', tree, ...NOW])).stdout, 'change-unfinished')
    assert.is((await run(['apply', '--dir', tree, ...NOW])).status, 1)
    const questions: string[] = []
    const answer = (question: string) => {
      questions.push(question)
      return 'yes'
    }
    const said = await run(['apply', '--dir', tree, ...SAN, ...NOW, '-o', 'json'], { answer })
    assert.is(said.status, 0, said.stderr)
    assert.match(questions[0] ?? '', 'Take it back first?')
    assert.equal(JSON.parse(said.stdout).finished, [{ backup: '2026-06-01T12-00-00Z', outcome: 'taken-back' }])
    assert.ok(namesOf(tree).includes('DNS:lb.example.org'))
    await run(['undo', '--dir', tree])
    assert.equal(files(tree), before)
    assert.match((await run(['undo', '--dir', tree])).stderr, 'every change has been taken back')
  }),
)

test(
  'what a killed run has left is told of once',
  withTree(async tree => {
    await run(['apply', '--yes', '--dir', tree, ...SAN, ...NOW])
    writeFileSync(join(tree, '.kpki/backups/2026-06-01T12-00-00Z/unfinished'), '')
    const said = JSON.parse((await run(['apply', '--yes', '--dir', tree, ...NOW, '-o', 'json'])).stdout)
    assert.equal(said.finished, [{ backup: '2026-06-01T12-00-00Z', outcome: 'completed' }])
    assert.is(said.warnings.filter((text: string) => text.includes('2026-06-01T12-00-00Z')).length, 1)
  }),
)

function caHash(tree: string): string {
  return createHash('sha256')
    .update(readFileSync(join(tree, 'pki/ca.crt')))
    .digest('hex')
}

test(
  'undo names what was changed since, and leaves it on demand',
  withTree(async tree => {
    await run(['renew', 'apiserver', 'admin.conf', '--dir', tree, ...LATER])
    writeFileSync(join(tree, 'admin.conf'), 'theirs')
    const before = [...snapshot(tree)]
    const said = await run(['undo', '--dir', tree, '-o', 'json'])
    assert.is(said.status, 1)
    const { error } = JSON.parse(said.stderr)
    assert.is(error.code, 'KPKI_UNDO_CONFLICT')
    assert.match(error.message, `${tree}/admin.conf was changed`)
    assert.equal([...snapshot(tree)], before)
    const kept = await run(['undo', '--keep-changed', '--dir', tree, '-o', 'json'])
    assert.equal(
      JSON.parse(kept.stdout)
        .files.map((file: { action: string }) => file.action)
        .sort(),
      ['kept', 'restored', 'restored'],
    )
    assert.is(readFileSync(join(tree, 'admin.conf'), 'utf8'), 'theirs')
  }),
)

test(
  'undo --list: the newest first, with what was changed and why; no hash and no content',
  withTree(async tree => {
    assert.match((await run(['undo', '--list', '--dir', tree])).stdout, 'kpki has changed nothing in')
    await run(['apply', '--yes', '--dir', tree, ...SAN, ...NOW])
    await run(['renew', 'apiserver', '--dir', tree, ...LATER])
    await run(['undo', '--dir', tree])
    const text = await run(['undo', '--list', '--dir', tree])
    assert.match(
      text.stdout,
      /^2026-06-03T12-00-00Z {2}renew, 2 files, undone\n {4}apiserver: [\s\S]*\n2026-06-01T12-00-00Z {2}apply, 1 file, done\n {4}apiserver: reissue/,
    )
    const { kind, items } = JSON.parse((await run(['undo', '--list', '--dir', tree, '-o', 'json'])).stdout)
    assert.is(kind, 'BackupList')
    assert.equal(
      items.map(({ command, state }: Record<string, string>) => [command, state]),
      [
        ['apply', 'done'],
        ['renew', 'undone'],
      ],
    )
    assert.not.match(JSON.stringify(items), /[0-9a-f]{64}|PRIVATE/)
    mkdirSync(join(tree, '.kpki/backups/2026-06-09T12-00-00Z'))
    writeFileSync(join(tree, '.kpki/backups/2026-06-09T12-00-00Z/manifest.json'), '{}')
    assert.match((await run(['undo', '--list', '--dir', tree])).stderr, 'cannot be read as a backup')
    assert.match((await run(['undo', '--dir', tree])).stderr, 'put back by hand what you need of it')
  }),
)

test(
  'without a ledger nothing is written down; with one the line is there before the certificate',
  withTree(async tree => {
    const ledger = join(tree, 'pki/issued.jsonl')
    const lines = () => readFileSync(ledger, 'utf8').split('\n').length
    const before = lines()
    await run(['apply', '--yes', '--no-ledger', '--dir', tree, ...SAN])
    assert.is(lines(), before)
    await run(['undo', '--dir', tree])
    assert.is(lines(), before)
    await run(['apply', '--yes', '--dir', tree, ...SAN])
    assert.is(lines(), before + 1)
    await run(['undo', '--dir', tree])
    // It was signed, whatever became of it.
    assert.is(lines(), before + 1)
    assert.is(statSync(join(tree, '.kpki')).mode & 0o777, 0o700)
  }),
)

test(
  'quiet is quiet',
  withTree(async tree => {
    const said = await run(['apply', '--yes', '-q', '--dir', tree, ...SAN])
    assert.equal([said.status, said.stdout, said.stderr], [0, '', ''])
    const undone = await run(['undo', '-q', '--dir', tree])
    assert.equal([undone.status, undone.stdout, undone.stderr], [0, '', ''])
    rmSync(join(tree, '.kpki'), { recursive: true })
  }),
)

test.run()
