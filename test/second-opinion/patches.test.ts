/** kubectl and kubeadm make the same of a patch as we do. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { UsageError } from '../../lib/errors.js'
import { PATCH_TARGETS } from '../../lib/render/patch.js'
import { parsePatchName } from '../../lib/render/patch-names.js'
import { applyPatches, parsePatchFile } from '../../lib/render/patches.js'
import type { YamlObject, YamlValue } from '../../lib/yaml-scalars.js'
import { POD, STRATEGIC_CASES } from '../render/strategic-cases.js'
import { findKubeProgram, KUBEADM, runKubeadm, testBy } from '../support/kube-programs.js'
import { inTempDir } from '../support/temp.js'

const KUBECTL = findKubeProgram('kubectl')

/** What our side makes of something; `undefined` when it refuses it, and only then. */
function unlessRefused<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    if (error instanceof UsageError) return undefined
    throw error
  }
}

/** What kubectl makes of a patch; `undefined` when it refuses it. */
function byKubectl(type: 'strategic' | 'merge' | 'json', patch: YamlValue): YamlValue | undefined {
  const { status, stdout } = spawnSync(
    KUBECTL ?? '',
    ['patch', '--local', `--type=${type}`, '-f', '-', '-p', JSON.stringify(patch), '-o', 'json'],
    { input: JSON.stringify(POD), encoding: 'utf8' },
  )
  return status === 0 ? less(JSON.parse(stdout)) : undefined
}

/** Less what kubectl's types write without being asked. */
function less(object: {
  metadata: YamlObject
  spec: YamlObject & { containers: YamlObject[] }
  status?: YamlValue
}): YamlValue {
  const { status: _, metadata, spec, ...rest } = object
  const { creationTimestamp: __, ...named } = metadata
  const containers = spec.containers.map(({ resources, ...each }) =>
    JSON.stringify(resources ?? {}) === '{}' ? each : { ...each, ...(resources === undefined ? {} : { resources }) },
  )
  const init = spec['initContainers'] as YamlObject[] | undefined
  const initContainers = init?.map(({ resources: ___, ...each }) => each)
  return { ...rest, metadata: named, spec: { ...spec, containers, ...(initContainers ? { initContainers } : {}) } }
}

testBy(KUBECTL, test, 'strategic merge patches come to the same with kubectl', () => {
  for (const [name, patch, expected] of STRATEGIC_CASES) assert.equal(byKubectl('strategic', patch), expected, name)
})

testBy(KUBECTL, test, 'strategic merge patches that nobody thought of come to the same with kubectl', () => {
  const named = (names: readonly string[], rest: fc.Arbitrary<YamlObject>) =>
    fc.uniqueArray(
      fc.tuple(fc.constantFrom(...names), rest).map(([name, fields]) => ({ name, ...fields })),
      { selector: ({ name }) => name },
    )
  const value = fc.record({ value: fc.string({ minLength: 1, unit: 'grapheme-ascii' }) })
  const labels = fc.dictionary(fc.constantFrom('tier', 'x', 'y'), fc.option(fc.constantFrom('1', '2')))
  const volume = fc.constantFrom<YamlObject>({ emptyDir: {} }, { hostPath: { path: '/other' } })
  const arbitrary = fc.record(
    {
      metadata: fc.record({ labels }),
      spec: fc.record({
        containers: fc.tuple(
          fc.record(
            {
              name: fc.constant('etcd'),
              env: named(['A', 'B', 'C', 'D'], value),
              command: fc.array(fc.constantFrom('a', 'b')),
            },
            { requiredKeys: ['name'] },
          ),
        ),
        volumes: named(['data', 'certs', 'x', 'y'], volume),
      }),
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(arbitrary, patch => {
      const text = JSON.stringify(patch)
      const ours = applyPatches(POD, 'etcd', parsePatchFile('etcd.json', text).patches)
      assert.equal(
        withoutEmpty(less(ours as never)),
        withoutEmpty(byKubectl('strategic', patch as YamlValue) ?? null),
        text,
      )
    }),
    { numRuns: 25 },
  )
})

/** Types leave out what is empty, and we do not. */
function withoutEmpty(value: YamlValue): YamlValue {
  if (Array.isArray(value)) return (value as readonly YamlValue[]).map(withoutEmpty)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(
        ([key, child]) =>
          key === 'emptyDir' || child === null || typeof child !== 'object' || Object.keys(child).length > 0,
      )
      .map(([key, child]) => [key, withoutEmpty(child)]),
  )
}

const MERGES: readonly YamlObject[] = [
  { metadata: { labels: { x: 'y' }, annotations: { a: null } } },
  { spec: { containers: [{ name: 'etcd', image: 'other' }] } },
  { spec: { hostNetwork: null, priority: 5 } },
  { spec: { volumes: null } },
]
const JSONS: readonly (readonly YamlObject[])[] = [
  [{ op: 'add', path: '/spec/containers/0/command/-', value: '--x' }],
  [{ op: 'add', path: '/spec/containers/0/command/1', value: '--x' }],
  [{ op: 'replace', path: '/spec/containers/0/image', value: 'y' }],
  [{ op: 'remove', path: '/spec/volumes/0' }],
  [{ op: 'move', from: '/spec/volumes/0', path: '/spec/volumes/1' }],
  [{ op: 'copy', from: '/metadata/annotations/a', path: '/metadata/annotations/c' }],
  [{ op: 'test', path: '/metadata/name', value: 'etcd' }],
  [{ op: 'test', path: '/metadata/name', value: 'other' }],
  [{ op: 'remove', path: '/spec/nothing' }],
  [{ op: 'replace', path: '/spec/containers/1/image', value: 'y' }],
  [{ op: 'add', path: '/spec/nothing/x', value: 'y' }],
  [{ op: 'add', path: '/metadata/annotations/x~1y', value: 'z' }],
]
testBy(KUBECTL, test, 'merge patches and JSON patches come to the same with kubectl', () => {
  for (const [type, patches] of [
    ['merge', MERGES],
    ['json', JSONS],
  ] as const)
    for (const patch of patches) {
      const text = JSON.stringify(patch)
      const { patches: parsed } = unlessRefused(() => parsePatchFile(`etcd+${type}.json`, text)) ?? {}
      const made = parsed && unlessRefused(() => applyPatches(POD, 'etcd', parsed))
      const ours = made && less(made as never)
      assert.equal(ours, byKubectl(type, patch as YamlValue), text)
    }
})

// Names of files, and whether kubeadm v1.20.2 reads them, passes them over or refuses them.
const NAMES = [
  'etcd.yaml',
  'etcd0.yaml',
  'etcd-some_suffix.json',
  'kube-apiserver+merge.yaml',
  'kube-apiserver1+json.json',
  'kube-scheduler+strategic.yaml',
  'kube-scheduler.merge.yaml',
  'kube-controller-managerx+merge.json',
  'kube-proxy.yaml',
  'apiserver.yaml',
  'etcd.yml',
  'etcd.txt',
  'README',
  'etcd+foo.yaml',
  'etcd+.yaml',
  '.yaml',
]
testBy(
  KUBEADM,
  test,
  'names of patch files mean to kubeadm what they mean here',
  inTempDir(async dir => {
    const v1_20 = PATCH_TARGETS.slice(0, 4) as readonly string[]
    for (const [index, name] of NAMES.entries()) {
      const parsed = unlessRefused(() => parsePatchName(name, name))
      const isRead = parsed?.target !== undefined && v1_20.includes(parsed.target)
      const ours = parsed === undefined ? 'refused' : isRead ? 'read' : 'ignored'
      assert.is(ours, byKubeadm(join(dir, String(index)), name), name)
    }
  }),
)

// Of values that have another type than their field, and of some that have the type. kube-scheduler is its container.
const VALUES: readonly YamlObject[] = [
  { spec: { hostNetwork: 'yes' } },
  { spec: { priority: '5' } },
  { spec: { priority: 3_000_000_000 } },
  { metadata: { labels: 5 } },
  { metadata: { annotations: { a: 1 } } },
  { spec: { volumes: [{ name: 'x', hostPath: '/x' }] } },
  { spec: { tolerations: { operator: 'Exists' } } },
  ...(
    [
      { image: ['x'] },
      { command: 'x' },
      { command: [1] },
      { resources: { requests: { cpu: '500 m' } } },
      { resources: { requests: { cpu: true } } },
      { resources: { requests: { cpu: 1.5, memory: '1e3', x: '.5Gi' } } },
      { livenessProbe: { httpGet: { port: 1.5 } } },
      { livenessProbe: { httpGet: { port: 'x' } } },
      { tty: null, contaners: 5 },
    ] as const
  ).map(fields => ({ spec: { containers: [{ name: 'kube-scheduler', ...fields }] } })),
]
testBy(
  KUBEADM,
  test,
  'kubeadm can read what comes of a patch where we let it pass',
  inTempDir(async dir => {
    const pod = {
      ...POD,
      metadata: { ...POD.metadata, name: 'kube-scheduler' },
      spec: { ...POD.spec, containers: [{ ...POD.spec.containers[0], name: 'kube-scheduler' }] },
    }
    for (const [index, patch] of VALUES.entries()) {
      const text = JSON.stringify(patch)
      const { patches } = parsePatchFile('kube-scheduler.json', text)
      const ours = unlessRefused(() => applyPatches(pod, 'kube-scheduler', patches)) ? 'read' : 'unreadable'
      assert.is(ours, byKubeadm(join(dir, String(index)), 'kube-scheduler.json', text), text)
    }
  }),
)

function byKubeadm(dir: string, name: string, content = 'metadata: {}\n'): string {
  const patches = join(dir, 'patches')
  mkdirSync(patches, { recursive: true })
  writeFileSync(join(patches, name), content)
  const config = join(dir, 'k.yaml')
  writeFileSync(
    config,
    [
      'apiVersion: kubeadm.k8s.io/v1beta2\nkind: InitConfiguration\nlocalAPIEndpoint: {advertiseAddress: 10.0.0.1}\nnodeRegistration: {name: cp-1, criSocket: /run/x.sock}',
      '---\napiVersion: kubeadm.k8s.io/v1beta2\nkind: ClusterConfiguration\nkubernetesVersion: v1.20.2\n',
    ].join('\n'),
  )
  const args = ['init', 'phase', 'control-plane', 'scheduler', '--config', config, '--experimental-patches', patches]
  const { stdout, stderr } = runKubeadm(args)
  if (/failed to unmarshal patched manifest/.test(stderr)) return 'unreadable'
  if (stdout.includes('Found the following patch files')) return 'read'
  if (stdout.includes(`Ignoring file "${name}"`)) return 'ignored'
  if (/unknown or missing patch type/.test(stderr)) return 'refused'
  return `unclear: ${stderr.slice(0, 300)} ${stdout.slice(-300)}`
}

test.run()
