import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { describeRehearsal, formatRehearsal, withheld } from '../../lib/cli/dry-run-text.js'
import { painter, type Terminal } from '../../lib/cli/terminal.js'
import { MemoryStore, type Rehearsal, type RehearsedFile } from '../../lib/index.js'

const terminal: Terminal = {
  columns: 80,
  paint: painter(false),
  glyphs: { branch: '', last: '', trunk: '', full: '', empty: '', ellipsis: '', ok: '', failed: '', skipped: '' },
  show: text => text.replaceAll('\u001b', '[U+001B]'),
}
const bytes = (text: string) => new TextEncoder().encode(text)
const FILE: RehearsedFile = {
  path: '/etc/kubernetes/manifests/etcd.yaml',
  mode: 0o600,
  isSecret: false,
  state: 'new',
  bytes: bytes('kind: Pod\nspec: {}\n'),
  before: undefined,
}
const view = { store: new MemoryStore(), command: 'kpki init' }
const SECRET = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'bootstrap-token-abcdef', namespace: 'kube-system' },
  data: { 'token-secret': 'aHVudGVyMg==' },
}

function rehearsal(
  files: readonly RehearsedFile[],
  objects: Rehearsal['phases'][number]['steps'][number]['objects'] = [],
  notes: readonly string[] = [],
): Rehearsal {
  const steps = [{ kind: 'write', about: 'write them', files, rows: [], objects, notes }]
  const phases = [
    { path: 'etcd/local', about: 'run etcd', skipped: undefined, steps },
    {
      path: 'wait',
      about: 'wait',
      skipped: undefined,
      steps: [{ kind: 'wait', about: 'wait for the kubelet', files: [], rows: [], objects: [], notes: [] }],
    },
    { path: 'upload-certs', about: 'upload', skipped: 'not asked for', steps: [] },
  ]
  return { phases, findings: [], conflicts: files.filter(({ state }) => state === 'differs').map(({ path }) => path) }
}

test('a new file is shown whole, under its phase', () => {
  assert.is(
    formatRehearsal(rehearsal([FILE]), view, terminal),
    [
      'etcd/local',
      '  new       0600 /etc/kubernetes/manifests/etcd.yaml',
      '    kind: Pod',
      '    spec: {}',
      '',
      'wait',
      '  wait for the kubelet',
      '',
      'upload-certs: skipped, not asked for',
      '',
      'Dry run of kpki init, nothing was touched: 1 file new, 0 unchanged, 0 different',
      '',
    ].join('\n'),
  )
})

test('a file that differs is shown as diff -u has it', () => {
  const file: RehearsedFile = { ...FILE, state: 'differs', before: bytes('kind: Pod\nspec: {x: 1}\n') }
  const lines = formatRehearsal(rehearsal([file]), view, terminal).split('\n')
  assert.equal(lines.slice(1, 8), [
    '  differs   0600 /etc/kubernetes/manifests/etcd.yaml',
    '    --- /etc/kubernetes/manifests/etcd.yaml (there)',
    '    +++ /etc/kubernetes/manifests/etcd.yaml (planned)',
    '    @@ -1,2 +1,2 @@',
    '     kind: Pod',
    '    -spec: {x: 1}',
    '    +spec: {}',
  ])
})

test('an unchanged file is a line, and one that only others may read says so', () => {
  const same = formatRehearsal(rehearsal([{ ...FILE, state: 'unchanged' }]), view, terminal)
  assert.ok(same.includes('unchanged 0600 /etc/kubernetes/manifests/etcd.yaml\n'))
  assert.not(same.includes('kind: Pod'))
  const open = formatRehearsal(rehearsal([{ ...FILE, state: 'differs', before: FILE.bytes }]), view, terminal)
  assert.ok(open.includes('the mode is to be 0600'))
})

test('secrets are not shown: neither in files, new or different, nor in objects, in no format', () => {
  const files: readonly RehearsedFile[] = [
    { ...FILE, isSecret: true, bytes: bytes('hunter2') },
    { ...FILE, isSecret: true, state: 'differs', bytes: bytes('hunter2'), before: bytes('hunter1') },
  ]
  const told = rehearsal(files, [SECRET])
  for (const text of [formatRehearsal(told, view, terminal), JSON.stringify(describeRehearsal(told, view))]) {
    assert.not.match(text, /hunter|aHVudGVyMg/)
    assert.match(text, /token-secret/)
    assert.match(text, /withheld/)
  }
})

test('other objects are as they are', () => {
  const map = { ...SECRET, kind: 'ConfigMap' }
  assert.equal(withheld(map), map)
})

test('passwords of proxies are not shown, however they are written', () => {
  const pod = (value: string) => bytes(`  - name: HTTPS_PROXY\n    value: ${value}\n`)
  for (const value of [
    'http://u:hunter2@p:3128',
    '"http://u:hunter2@p"',
    'u:hunter2@p:3128',
    'http://u:h@hunter2/x@p',
  ]) {
    const files = [
      { ...FILE, bytes: pod(value) },
      { ...FILE, state: 'differs' as const, bytes: pod(value), before: pod('http://v:hunter1@p') },
    ]
    const objects = [
      { ...SECRET, kind: 'ConfigMap', data: { x: `- name: http_proxy\n  value: ${value}\n` } },
      {
        apiVersion: 'apps/v1',
        kind: 'DaemonSet',
        metadata: { name: 'p' },
        spec: { env: [{ name: 'HTTPS_PROXY', value: value.replaceAll('"', '') }] },
      },
    ]
    const told = rehearsal(files, objects)
    for (const text of [formatRehearsal(told, view, terminal), JSON.stringify(describeRehearsal(told, view))]) {
      assert.not.match(text, /hunter/, value)
      assert.match(text, /\(withheld\)@p/)
    }
  }
  const url = { ...FILE, bytes: bytes('see https://kubernetes.io/docs/@x and a@b\n') }
  assert.match(formatRehearsal(rehearsal([url]), view, terminal), /https:\/\/kubernetes\.io\/docs\/@x and a@b/)
})

test('headers that a kubelet fetches Pods with are not shown, in a file, a difference or a ConfigMap', () => {
  const config = (header: string) => `a: 1\nstaticPodURLHeader:\n  Authorization:\n  - Bearer ${header}\nz: 1\n`
  const files = [
    { ...FILE, bytes: bytes(config('hunter2')) },
    { ...FILE, state: 'differs' as const, bytes: bytes(config('hunter2')), before: bytes(config('hunter1')) },
    { ...FILE, state: 'differs' as const, bytes: bytes(config('hunter2')), before: bytes('a: 1\nz: 1\n') },
  ]
  const told = rehearsal(files, [{ ...SECRET, kind: 'ConfigMap', data: { kubelet: config('hunter2') } }])
  for (const text of [formatRehearsal(told, view, terminal), JSON.stringify(describeRehearsal(told, view))]) {
    assert.not.match(text, /hunter|Bearer/)
    assert.match(text, /staticPodURLHeader: \(withheld\)/)
    assert.match(text, /z: 1/)
    assert.match(text, /what differs is withheld/)
  }
})

test('what is to be known of a step stands below it', () => {
  const told = rehearsal([FILE], [], ['p/etcd.yaml: changes nothing in etcd'])
  assert.match(formatRehearsal(told, view, terminal), /spec: \{\}\n {2}note: p\/etcd\.yaml: changes nothing in etcd\n/)
  assert.equal(describeRehearsal(told, view).phases[0]?.steps[0]?.notes, ['p/etcd.yaml: changes nothing in etcd'])
})

test('what others have written is not obeyed by a terminal', () => {
  const file: RehearsedFile = { ...FILE, state: 'differs', before: bytes('\u001b[2J\n') }
  assert.not(formatRehearsal(rehearsal([file]), view, terminal).includes('\u001b'))
})

test('for programs: path, mode, state, content and difference', () => {
  const file: RehearsedFile = { ...FILE, state: 'differs', before: bytes('kind: Pod\n') }
  const { phases, conflicts } = describeRehearsal(rehearsal([file]), view)
  assert.equal(conflicts, [FILE.path])
  const [first] = phases[0]?.steps[0]?.files ?? []
  assert.equal(first, {
    path: FILE.path,
    mode: '0600',
    state: 'differs',
    secret: false,
    content: 'kind: Pod\nspec: {}\n',
    diff: `--- ${FILE.path} (there)\n+++ ${FILE.path} (planned)\n@@ -1 +1,2 @@\n kind: Pod\n+spec: {}\n`,
  })
  assert.is(phases[2]?.skipped, 'not asked for')
})

test.run()
