import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MINORS } from '../../lib/kubernetes/versions.js'
import { checkShape } from '../../lib/render/check-shape.js'
import { corednsAddon } from '../../lib/render/coredns.js'
import { kubeProxyAddon } from '../../lib/render/kube-proxy-addon.js'
import { fieldsOf } from '../../lib/render/pod-fields.js'
import { STATIC_POD_COMPONENTS, staticPod } from '../../lib/render/static-pods.js'
import type { YamlValue } from '../../lib/yaml-scalars.js'
import { controlPlane } from '../support/control-plane.js'

test('what kpki writes has the types that Kubernetes reads, in every version', async () => {
  for (let minor: number = MINORS.oldest; minor <= MINORS.newest; minor++) {
    const plane = await controlPlane(`v1.${minor}.1`)
    const objects = [
      ...STATIC_POD_COMPONENTS.map(component => staticPod(component, plane, { proxyEnv: { HTTP_PROXY: 'http://p' } })),
      ...corednsAddon(plane).objects,
      ...kubeProxyAddon(plane).objects,
    ]
    for (const object of objects)
      assert.equal(checkShape(JSON.parse(JSON.stringify(object)), object.kind), [], `1.${minor} ${object.kind}`)
  }
})

test('every type that a field has is known', () => {
  const seen = new Set<string>()
  const look = (struct: string) => {
    if (seen.has(struct)) return
    seen.add(struct)
    for (const type of fieldsOf(struct)?.values() ?? []) {
      const base = type.replace(/(?:\[\]|\{\})+$/, '')
      if (/^[A-Z]/.test(base)) assert.ok(fieldsOf(base), `${struct}: ${type}`)
      else assert.match(base, /^(?:any|object|string|bool|int32|int64|intOrString|quantity)$/)
      look(base)
    }
  }
  for (const kind of ['Pod', 'Deployment', 'DaemonSet']) look(kind)
  assert.ok(seen.has('EphemeralContainer') && seen.has('SeccompProfile'))
})

test('a value that is none of an object, and one of a kind that is not known', () => {
  assert.equal(checkShape('x', 'Pod'), [{ path: '', message: 'must be a mapping', kind: 'type' }])
  const deep: YamlValue = { spec: { ephemeralContainers: [{ targetContainerName: 1, tty: 'x' }] } }
  assert.equal(
    checkShape(deep, 'Pod').map(({ path }) => path),
    ['spec.ephemeralContainers[0].targetContainerName', 'spec.ephemeralContainers[0].tty'],
  )
  assert.equal(checkShape({ spec: 5 }, 'KubeletConfiguration'), [])
  assert.equal(checkShape(JSON.parse('{"__proto__": 1, "constructor": 2}'), 'Pod').length, 2)
})

test.run()
