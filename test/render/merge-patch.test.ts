import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { applyMergePatch } from '../../lib/render/merge-patch.js'
import type { YamlValue } from '../../lib/yaml-scalars.js'

// RFC 7386 appendix A, all of it.
const CASES: readonly (readonly [original: YamlValue, patch: YamlValue, result: YamlValue])[] = [
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [
    ['a', 'b'],
    ['c', 'd'],
    ['c', 'd'],
  ],
  [{ a: 'b' }, ['c'], ['c']],
  [{ a: 'foo' }, null, null],
  [{ a: 'foo' }, 'bar', 'bar'],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: 'b', c: null }, { a: 'b' }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
]
for (const [index, [original, patch, result]] of CASES.entries())
  test(`RFC 7386 appendix A, line ${index + 1}`, () => assert.equal(applyMergePatch(original, patch), result))

test('__proto__ is a name like any other', () => {
  const out = applyMergePatch(JSON.parse('{"__proto__":{"a":1}}'), JSON.parse('{"__proto__":{"b":2}}'))
  assert.is(JSON.stringify(out), '{"__proto__":{"a":1,"b":2}}')
  assert.is(({} as Record<string, unknown>)['b'], undefined)
})

test('a patch applied twice is a patch applied once', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (object, patch) => {
      const once = applyMergePatch(object as YamlValue, patch as YamlValue)
      assert.equal(applyMergePatch(once, patch as YamlValue), once)
    }),
  )
})

test.run()
