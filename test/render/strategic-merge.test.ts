import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { applyStrategicMerge } from '../../lib/render/strategic-merge.js'
import type { YamlObject } from '../../lib/yaml-scalars.js'
import { POD, STRATEGIC_CASES } from './strategic-cases.js'

const fail = (place: string, message: string) => new Error(`${place}: ${message}`)

for (const [name, patch, expected] of STRATEGIC_CASES)
  test(`merges: ${name}`, () => {
    const before = JSON.stringify(POD)
    assert.equal(applyStrategicMerge(POD, patch, 'Pod', fail), expected)
    assert.is(JSON.stringify(POD), before)
  })

test('in Deployments and DaemonSets the same lists are merged, a level deeper', () => {
  for (const kind of ['Deployment', 'DaemonSet']) {
    const object = { kind, spec: { replicas: 2, template: { metadata: POD.metadata, spec: POD.spec } } }
    for (const [name, patch, expected] of STRATEGIC_CASES) {
      const merged = applyStrategicMerge(object, { spec: { template: patch } }, kind, fail)
      const { metadata, spec } = expected
      assert.equal(merged['spec'], { replicas: 2, template: { metadata, spec } }, name)
    }
  }
})

test('a KubeletConfiguration has no lists that are merged', () => {
  const merged = applyStrategicMerge(
    { kind: 'KubeletConfiguration', clusterDNS: ['10.96.0.10'], authentication: { anonymous: { enabled: true } } },
    { clusterDNS: ['10.96.0.11'], authentication: { anonymous: { enabled: false } }, maxPods: 50 },
    'KubeletConfiguration',
    fail,
  )
  assert.equal(merged, {
    kind: 'KubeletConfiguration',
    clusterDNS: ['10.96.0.11'],
    authentication: { anonymous: { enabled: false } },
    maxPods: 50,
  })
})

const container = (fields: YamlObject) => ({ spec: { containers: [{ name: 'etcd', ...fields }] } })
const REFUSED: readonly (readonly [name: string, patch: YamlObject, place: RegExp])[] = [
  [
    'nothing to delete in a list',
    { spec: { volumes: [{ name: 'nope', $patch: 'delete' }] } },
    /^spec\.volumes\[name=nope\]: /,
  ],
  ['nothing to delete', { spec: { affinity: { $patch: 'delete' } } }, /^spec\.affinity: /],
  ['an item without its key', container({ env: [{ value: 'x' }] }), /^spec\.containers\[name=etcd\]\.env\[0\]: .*name/],
  ['a deletion without a key', { spec: { volumes: [{ $patch: 'delete' }] } }, /^spec\.volumes\[0\]: /],
  ['an unknown directive', { spec: { $patch: 'merge' } }, /^spec: /],
  [
    'an unknown directive of an item',
    { spec: { volumes: [{ name: 'data', $patch: 'merge' }] } },
    /^spec\.volumes\[0\]: /,
  ],
  ['a misspelt directive', { spec: { $path: 'replace' } }, /^spec\.\$path: /],
  [
    'replace beside a name',
    { spec: { volumes: [{ name: 'data', $patch: 'replace', emptyDir: {} }] } },
    /^spec\.volumes\[0\]: /,
  ],
  ['an item that is no mapping', container({ env: ['A=1'] }), /env\[0\]: /],
  [
    'a directive in a list that is replaced',
    { spec: { tolerations: [{ $patch: 'replace' }] } },
    /^spec\.tolerations\[0\]: /,
  ],
  ['words of a list that is replaced', container({ '$deleteFromPrimitiveList/command': ['--a=1'] }), /command: /],
  ['a word that is not there', { metadata: { '$deleteFromPrimitiveList/finalizers': ['q'] } }, /finalizers: /],
  [
    'keys that are not retained',
    { spec: { volumes: [{ name: 'data', $retainKeys: ['name'], emptyDir: {} }] } },
    /data\]: .*emptyDir/,
  ],
  ['retained keys that are no names', { spec: { $retainKeys: 'a' } }, /^spec: /],
  ['an order of a list that is replaced', { spec: { '$setElementOrder/tolerations': [] } }, /tolerations: /],
  [
    'an order that lacks an item',
    { spec: { '$setElementOrder/volumes': [{ name: 'data' }], volumes: [{ name: 'x', emptyDir: {} }] } },
    /volumes: /,
  ],
]
for (const [name, patch, place] of REFUSED)
  test(`refuses: ${name}`, () => {
    try {
      applyStrategicMerge(POD, patch, 'Pod', fail)
    } catch (error) {
      assert.match(String((error as Error).message), place)
      return
    }
    assert.unreachable()
  })

test('an item that is new in a list is remarked on', () => {
  const remarks: string[] = []
  const patch = { spec: { containers: [{ name: 'ectd', image: 'x' }] } }
  applyStrategicMerge(POD, patch, 'Pod', fail, place => void remarks.push(place))
  assert.equal(remarks, ['spec.containers[name=ectd]'])
})

test('a patch without directives, applied twice, is a patch applied once', () => {
  const item = fc.record({ name: fc.constantFrom('A', 'B', 'C'), value: fc.string() })
  const env = fc.uniqueArray(item, { selector: ({ name }) => name })
  fc.assert(
    fc.property(env, env, (had, wanted) => {
      const object = { kind: 'Pod', spec: { containers: [{ name: 'c', env: had }] } }
      const patch = { spec: { containers: [{ name: 'c', env: wanted }] } }
      const once = applyStrategicMerge(object, patch, 'Pod', fail)
      assert.equal(applyStrategicMerge(once, patch, 'Pod', fail), once)
    }),
  )
})

test.run()
