import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { EncodingError, UsageError } from '../../lib/errors.js'
import type { Patch } from '../../lib/render/patch.js'
import { applyPatches, parsePatchFile, patchObject } from '../../lib/render/patches.js'
import { POD } from './strategic-cases.js'

const refusal = (work: () => unknown): UsageError => {
  try {
    work()
  } catch (error) {
    if (error instanceof UsageError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

test('a name says target and type', () => {
  for (const [name, target, type] of [
    ['etcd.yaml', 'etcd', 'strategic'],
    ['dir/kube-apiserver0+merge.json', 'kube-apiserver', 'merge'],
    ['kube-controller-manager-a b+json.yaml', 'kube-controller-manager', 'json'],
    ['kube-scheduler_x+strategic.yaml', 'kube-scheduler', 'strategic'],
    ['kubeletconfiguration.yaml', 'kubeletconfiguration', 'strategic'],
    ['corednsdeployment1.yaml', 'corednsdeployment', 'strategic'],
    ['kubeproxydaemonset.yaml', 'kubeproxydaemonset', 'strategic'],
  ] as const) {
    const text = type === 'json' ? '[]' : '{}'
    assert.equal(parsePatchFile(name, text), {
      patches: [{ target, type, content: JSON.parse(text), file: name }],
      notes: [],
    })
  }
})

test('what is no patch is told, with the name that was meant', () => {
  for (const [name, meant] of [
    ['p/etcd.yml', 'etcd.yaml'],
    ['p/apiserver.yaml', 'kube-apiserver'],
    ['p/kube-api-server1.yaml', 'kube-apiserver'],
    ['p/KUBE-SCHEDULER+merge.yaml', 'kube-scheduler'],
    ['p/coredns.json', 'corednsdeployment'],
    ['p/kubelet.yaml', 'kubeletconfiguration'],
    ['p/README.md', '.yaml or .json'],
    ['p/zzzzzzzz.yaml', 'kube-controller-manager'],
  ] as const) {
    const { patches, notes } = parsePatchFile(name, '{}')
    assert.equal(patches, [], name)
    assert.is(notes.length, 1)
    assert.ok(notes[0]?.startsWith(`${name}: `) && notes[0].includes(meant), notes[0])
  }
  assert.match(parsePatchFile('etcd.merge.yaml', '{}').notes[0] ?? '', /etcd\+merge\.yaml/)
  assert.match(parsePatchFile('etcd.yaml', '# nothing\n---\n').notes[0] ?? '', /nothing in it/)
})

test('every document of a file is a patch', () => {
  const { patches } = parsePatchFile('etcd.yaml', 'spec: {a: 1}\n---\nspec: {b: 2}\n')
  assert.equal(
    patches.map(({ content }) => content),
    [{ spec: { a: 1 } }, { spec: { b: 2 } }],
  )
})

test('a file that is wrong is refused, with its place', () => {
  for (const [name, text, message] of [
    ['p/etcd+merg.yaml', '{}', /^p\/etcd\+merg\.yaml: /],
    ['etcd+.yaml', '{}', /^etcd\+\.yaml: /],
    ['etcd+mergeX.yaml', '{}', /^etcd\+mergeX\.yaml: /],
    ['etcd.yaml', '- op: add\n', /^etcd\.yaml:1: /],
    ['etcd.yaml', 'a: 1\n---\ntext\n', /^etcd\.yaml:3: /],
    ['etcd+merge.yaml', '[]', /^etcd\+merge\.yaml:1: /],
    ['etcd+json.yaml', '{}', /^etcd\+json\.yaml:1: /],
    ['etcd+json.yaml', '\n- {op: add, path: a, value: 1}\n', /^etcd\+json\.yaml:2: \[0\]\.path: /],
    ['etcd.yaml', 'spec: {}\nspec: {}\n', /^etcd\.yaml:2:1: /],
  ] as const) {
    const { code, message: said, details } = refusal(() => parsePatchFile(name, text))
    assert.is(code, 'KPKI_PATCH_INVALID')
    assert.is(details['file'], name)
    assert.match(said, message)
  }
  assert.throws(
    () => parsePatchFile('etcd.yaml', 'a: [\n'),
    (error: unknown) => error instanceof EncodingError,
  )
  assert.throws(
    () => parsePatchFile('etcd.yaml', `a: "${'x'.repeat(1024 * 1024)}"`),
    (error: unknown) => error instanceof EncodingError && error.code === 'KPKI_INPUT_TOO_LARGE',
  )
  assert.is(refusal(() => parsePatchFile('etcd+merg.yaml', '{}')).hint, 'did you mean etcd+merge.yaml?')
})

const patch = (name: string, text: string): readonly Patch[] => parsePatchFile(name, text).patches

test('patches apply one on the outcome of the other, and only to their target', () => {
  const patches = [
    ...patch('etcd.yaml', 'metadata: {annotations: {a: "9"}}'),
    ...patch('kube-scheduler.yaml', 'metadata: {annotations: {a: "0"}}'),
    ...patch(
      'etcd0+json.yaml',
      '- {op: test, path: /metadata/annotations/a, value: "9"}\n- {op: remove, path: /metadata/annotations/b}',
    ),
    ...patch('etcd1+merge.yaml', 'metadata: {annotations: {c: "3"}}'),
  ]
  assert.equal(applyPatches(POD, 'etcd', patches).metadata.annotations, { a: '9', c: '3' })
  assert.is(applyPatches(POD, 'kube-apiserver', patches), POD)
})

test('a patch that matches nothing or breaks the object is refused, with file and path', () => {
  const path = 'spec.containers'
  for (const [name, text, field] of [
    ['etcd.yaml', 'spec: {volumes: [{name: nope, $patch: delete}]}', 'spec.volumes[name=nope]'],
    ['etcd+json.yaml', '- {op: remove, path: /spec/nope}', '/spec/nope'],
    ['etcd+json.yaml', '- {op: test, path: /metadata/name, value: x}', '/metadata/name'],
    ['etcd+merge.yaml', 'metadata: {name: other}', 'metadata.name'],
    ['etcd+merge.yaml', 'metadata: {namespace: default}', 'metadata.namespace'],
    ['etcd.yaml', 'kind: Deployment', 'kind'],
    ['etcd.yaml', 'apiVersion: v2', 'apiVersion'],
    ['etcd.yaml', '$patch: delete', 'apiVersion'],
    ['etcd+merge.yaml', 'spec: {containers: []}', path],
    ['etcd+merge.yaml', 'spec: {containers: null}', path],
    ['etcd+merge.yaml', 'spec: null', path],
    ['etcd+merge.yaml', 'spec: {containers: [{name: other}]}', path],
    ['etcd+merge.yaml', 'spec: {containers: [{image: x}]}', path],
    ['etcd+merge.yaml', 'spec: {containers: [{name: etcd}, {name: etcd}]}', path],
    ['etcd+json.yaml', '- {op: replace, path: /spec/containers/0/name, value: x}', path],
    ['etcd+json.yaml', '- {op: replace, path: "", value: 5}', 'apiVersion'],
    ['etcd.yaml', 'spec: {containers: [{name: etcd, $patch: delete}]}', path],
  ] as const) {
    const error = refusal(() => applyPatches(POD, 'etcd', patch(name, text)))
    assert.is(error.code, 'KPKI_PATCH_INVALID')
    assert.equal(error.details, { file: name, path: field }, text)
    assert.ok(error.message.startsWith(`${name}: `), error.message)
  }
})

test('what is said about a patch is of bounded length, however long its paths are', () => {
  const long = 'x'.repeat(50_000)
  for (const [name, text] of [
    ['etcd+json.yaml', `[{op: remove, path: /spec/${long}}]`],
    ['etcd+strategic.yaml', `spec: {containers: [{name: ${long}, $patch: delete}]}`],
    ['etcd+merge.yaml', `{metadata: {name: ${long}}}`],
    ['etcd+merge.yaml', `{spec: {volumes: [{name: ${long}, hostPath: {path: 5}}]}}`],
  ] as const) {
    const { message, details } = refusal(() => applyPatches(POD, 'etcd', patch(name, text)))
    assert.ok(message.length < 1000, `${name}: ${message.length}`)
    assert.ok(String(details['path']).length < 1000, name)
  }
  const { notes } = patchObject(POD, 'etcd', patch('etcd+merge.yaml', `{spec: {${long}: 1}}`))
  assert.ok(notes.length > 0)
  for (const note of notes) assert.ok(note.length < 1000)
})

test('the containers of a Deployment are watched over, too', () => {
  const object = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'coredns' },
    spec: { template: { spec: { containers: [{ name: 'coredns' }] } } },
  }
  const patches = patch('corednsdeployment+merge.yaml', 'spec: {template: {spec: {containers: [{name: x}]}}}')
  assert.is(
    refusal(() => applyPatches(object, 'corednsdeployment', patches)).details['path'],
    'spec.template.spec.containers',
  )
  const grown = applyPatches(object, 'corednsdeployment', patch('corednsdeployment.yaml', 'spec: {replicas: 3}'))
  assert.equal(grown.spec, { ...object.spec, replicas: 3 })
})

test('what changes nothing, and what is new in a list, is told', () => {
  const { notes } = patchObject(POD, 'etcd', [
    ...patch('etcd.yaml', 'spec: {hostNetwork: true}'),
    ...patch('etcd1.yaml', 'spec: {containers: [{name: ectd, image: x}]}'),
  ])
  assert.is(notes.length, 2)
  assert.match(notes[0] ?? '', /^etcd\.yaml: changes nothing/)
  assert.match(notes[1] ?? '', /^etcd1\.yaml: spec\.containers\[name=ectd\]: /)
})

test('fields that are undefined are none', () => {
  const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'etcd' }, spec: undefined, status: {} }
  assert.equal(applyPatches(object, 'etcd', patch('etcd+json.yaml', '- {op: add, path: /spec, value: {a: 1}}')), {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'etcd' },
    spec: { a: 1 },
    status: {},
  } as never)
})

// kubeadm v1.20.2 refuses each of them: "failed to unmarshal patched manifest from YAML".
test('what nobody can decode is refused, with its path', () => {
  for (const [patch, path] of [
    ['spec: {hostNetwork: "yes please"}', 'spec.hostNetwork'],
    ['spec: {priority: "5"}', 'spec.priority'],
    ['spec: {priority: 3000000000}', 'spec.priority'],
    ['spec: {containers: [{name: etcd, image: [1, 2]}]}', 'spec.containers[0].image'],
    ['spec: {containers: [{name: etcd, command: x}]}', 'spec.containers[0].command'],
    ['spec: {containers: [{name: etcd, command: [1]}]}', 'spec.containers[0].command[0]'],
    [
      'spec: {containers: [{name: etcd, resources: {requests: {cpu: 500 m}}}]}',
      'spec.containers[0].resources.requests.cpu',
    ],
    ['metadata: {labels: 5}', 'metadata.labels'],
    ['metadata: {annotations: {a: 1}}', 'metadata.annotations.a'],
    ['spec: {volumes: [{name: x, hostPath: /x}]}', 'spec.volumes[0].hostPath'],
    ['spec: {tolerations: {operator: Exists}}', 'spec.tolerations'],
  ] as const) {
    const { patches } = parsePatchFile('etcd.yaml', patch)
    const { code, details } = refusal(() => applyPatches(POD, 'etcd', patches))
    assert.is(code, 'KPKI_PATCH_INVALID')
    assert.is(details['path'], path)
  }
  for (const patch of [
    'spec: {containers: [{name: etcd, resources: {requests: {cpu: 1.5, memory: 1e3, x: .5Gi}}}]}',
    'spec: {containers: [{name: etcd, livenessProbe: {httpGet: {port: probe}}, startupProbe: {httpGet: {port: 80}}}]}',
    'spec: {hostUsers: false}',
  ])
    assert.equal(patchObject(POD, 'etcd', parsePatchFile('etcd.yaml', patch).patches).notes, [], patch)
})

test('of a Deployment, the Pod in it', () => {
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'coredns' },
    spec: { template: { spec: { containers: [{ name: 'coredns' }] } } },
  }
  const { patches } = parsePatchFile('corednsdeployment.yaml', 'spec: {template: {spec: {hostPID: 1}}}')
  assert.is(
    refusal(() => applyPatches(deployment, 'corednsdeployment', patches)).details['path'],
    'spec.template.spec.hostPID',
  )
})

test('a name that no field has is told, with the nearest one', () => {
  const { patches } = parsePatchFile('etcd.yaml', 'spec: {contaners: [{name: x}]}\n---\nspec: {zzz: 1}\n')
  const { notes } = patchObject(POD, 'etcd', patches)
  assert.is(notes.length, 2)
  assert.match(notes[0] ?? '', /^etcd\.yaml: spec\.contaners .* did you mean containers\?$/)
  assert.match(notes[1] ?? '', /^etcd\.yaml: spec\.zzz /)
  assert.not.match(notes[1] ?? '', /did you mean/)
})

test.run()
