import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { applyJsonPatch, parseJsonPatch } from '../../lib/render/json-patch.js'
import type { YamlValue } from '../../lib/yaml-scalars.js'

const patched = (object: YamlValue, patch: YamlValue): YamlValue => {
  const fail = (place: string, message: string) => new Error(`${place}: ${message}`)
  return applyJsonPatch(object, parseJsonPatch(patch, fail), fail)
}

// RFC 6902 appendix A, and github.com/json-patch/json-patch-tests (tests.json, spec_tests.json), typed in.
const APPLY: readonly (readonly [name: string, object: YamlValue, patch: YamlValue, expected: YamlValue])[] = [
  ['A.1 adding a member', { foo: 'bar' }, [{ op: 'add', path: '/baz', value: 'qux' }], { baz: 'qux', foo: 'bar' }],
  [
    'A.2 adding an item',
    { foo: ['bar', 'baz'] },
    [{ op: 'add', path: '/foo/1', value: 'qux' }],
    { foo: ['bar', 'qux', 'baz'] },
  ],
  ['A.3 removing a member', { baz: 'qux', foo: 'bar' }, [{ op: 'remove', path: '/baz' }], { foo: 'bar' }],
  ['A.4 removing an item', { foo: ['bar', 'qux', 'baz'] }, [{ op: 'remove', path: '/foo/1' }], { foo: ['bar', 'baz'] }],
  [
    'A.5 replacing',
    { baz: 'qux', foo: 'bar' },
    [{ op: 'replace', path: '/baz', value: 'boo' }],
    { baz: 'boo', foo: 'bar' },
  ],
  [
    'A.6 moving a value',
    { foo: { bar: 'baz', waldo: 'fred' }, qux: { corge: 'grault' } },
    [{ op: 'move', from: '/foo/waldo', path: '/qux/thud' }],
    { foo: { bar: 'baz' }, qux: { corge: 'grault', thud: 'fred' } },
  ],
  [
    'A.7 moving an item',
    { foo: ['all', 'grass', 'cows', 'eat'] },
    [{ op: 'move', from: '/foo/1', path: '/foo/3' }],
    { foo: ['all', 'cows', 'eat', 'grass'] },
  ],
  [
    'A.8 testing',
    { baz: 'qux', foo: ['a', 2, 'c'] },
    [
      { op: 'test', path: '/baz', value: 'qux' },
      { op: 'test', path: '/foo/1', value: 2 },
    ],
    { baz: 'qux', foo: ['a', 2, 'c'] },
  ],
  [
    'A.10 a nested member',
    { foo: 'bar' },
    [{ op: 'add', path: '/child', value: { grandchild: {} } }],
    { foo: 'bar', child: { grandchild: {} } },
  ],
  [
    'A.11 ignoring what is unknown',
    { foo: 'bar' },
    [{ op: 'add', path: '/baz', value: 'qux', xyz: 123 }],
    { foo: 'bar', baz: 'qux' },
  ],
  ['A.14 escapes', { '/': 9, '~1': 10 }, [{ op: 'test', path: '/~01', value: 10 }], { '/': 9, '~1': 10 }],
  [
    'A.16 adding a list',
    { foo: ['bar'] },
    [{ op: 'add', path: '/foo/-', value: ['abc', 'def'] }],
    { foo: ['bar', ['abc', 'def']] },
  ],
  ['the whole', { foo: 'bar' }, [{ op: 'replace', path: '', value: { baz: 'qux' } }], { baz: 'qux' }],
  ['an empty patch', { foo: 1 }, [], { foo: 1 }],
  ['a list as the whole', ['foo'], [{ op: 'add', path: '/0', value: 'bar' }], ['bar', 'foo']],
  ['at the end by number', ['foo'], [{ op: 'add', path: '/1', value: 'bar' }], ['foo', 'bar']],
  ['a name that is a number', { foo: 1 }, [{ op: 'add', path: '/0', value: 'bar' }], { foo: 1, '0': 'bar' }],
  ['an empty name', { foo: 1 }, [{ op: 'add', path: '/', value: 1 }], { foo: 1, '': 1 }],
  ['add takes the place of what is there', { foo: 1 }, [{ op: 'add', path: '/foo', value: null }], { foo: null }],
  ['null is a value', { foo: null }, [{ op: 'test', path: '/foo', value: null }], { foo: null }],
  ['null can be moved', { foo: null }, [{ op: 'move', from: '/foo', path: '/bar' }], { bar: null }],
  [
    'members in another order are the same',
    { foo: { a: 1, b: [2] } },
    [{ op: 'test', path: '/foo', value: { b: [2], a: 1 } }],
    { foo: { a: 1, b: [2] } },
  ],
  [
    'copying',
    { baz: [{ qux: 'hello' }], bar: 1 },
    [{ op: 'copy', from: '/baz/0', path: '/boo' }],
    { baz: [{ qux: 'hello' }], bar: 1, boo: { qux: 'hello' } },
  ],
  ['moving to where it is', { foo: 1 }, [{ op: 'move', from: '/foo', path: '/foo' }], { foo: 1 }],
  [
    '__proto__ is a name',
    { a: 1 },
    [{ op: 'add', path: '/__proto__', value: 'x' }],
    JSON.parse('{"a":1,"__proto__":"x"}'),
  ],
]
for (const [name, object, patch, expected] of APPLY)
  test(`applies: ${name}`, () => {
    const before = JSON.stringify(object)
    assert.equal(patched(object, patch), expected)
    assert.is(JSON.stringify(object), before, 'what was given is left as it is')
  })

const REFUSED: readonly (readonly [name: string, object: YamlValue, patch: YamlValue])[] = [
  ['A.9 a test that fails', { baz: 'qux' }, [{ op: 'test', path: '/baz', value: 'bar' }]],
  ['A.12 a target that is not there', { foo: 'bar' }, [{ op: 'add', path: '/baz/bat', value: 'qux' }]],
  ['A.15 text is no number', { '/': 9, '~1': 10 }, [{ op: 'test', path: '/~01', value: '10' }]],
  ['removing nothing', { foo: 1 }, [{ op: 'remove', path: '/bar' }]],
  ['replacing nothing', { foo: 1 }, [{ op: 'replace', path: '/bar', value: 1 }]],
  ['an index behind the end', { bar: [1, 2] }, [{ op: 'add', path: '/bar/8', value: '5' }]],
  ['an index of nothing', { bar: [1, 2] }, [{ op: 'replace', path: '/bar/2', value: '5' }]],
  ['a negative index', { bar: [1, 2] }, [{ op: 'add', path: '/bar/-1', value: '5' }]],
  ['an index with a leading zero', ['foo', 'bar'], [{ op: 'test', path: '/00', value: 'foo' }]],
  ['an index that is text', ['foo'], [{ op: 'add', path: '/bar', value: 42 }]],
  ['an index with an exponent', ['foo', 'bar'], [{ op: 'test', path: '/1e0', value: 'bar' }]],
  ['- is nothing that could be removed', ['foo'], [{ op: 'remove', path: '/-' }]],
  ['testing nothing', { foo: 1 }, [{ op: 'test', path: '/bar', value: null }]],
  ['moving from nowhere', { foo: 1 }, [{ op: 'move', from: '/bar', path: '/x' }]],
  ['copying from nowhere', { foo: 1 }, [{ op: 'copy', from: '/bar', path: '/x' }]],
  ['moving into itself', { foo: { bar: 1 } }, [{ op: 'move', from: '/foo', path: '/foo/baz' }]],
  ['an inherited member', {}, [{ op: 'test', path: '/constructor', value: 1 }]],
  ['no list', {}, { op: 'add', path: '/a', value: 1 }],
  ['no op', {}, [{ path: '/a', value: 1 }]],
  ['an unknown op', {}, [{ op: 'spam', path: '/a', value: 1 }]],
  ['an inherited op', {}, [{ op: 'toString', path: '/a' }]],
  ['no path', {}, [{ op: 'add', value: 1 }]],
  ['a path that is no text', {}, [{ op: 'add', path: null, value: 1 }]],
  ['a path without a slash', { foo: 1 }, [{ op: 'replace', path: 'foo', value: 2 }]],
  ['an unknown escape', { 'a~2': 1 }, [{ op: 'remove', path: '/a~2' }]],
  ['add without a value', {}, [{ op: 'add', path: '/a' }]],
  ['test without a value', [null], [{ op: 'test', path: '/0' }]],
  ['move without from', { foo: 1 }, [{ op: 'move', path: '/a' }]],
  [
    'copies of copies',
    { a: 'x'.repeat(1000) },
    Array.from({ length: 40 }, (_, i) => ({ op: 'copy', from: '', path: `/k${i}` })),
  ],
]
for (const [name, object, patch] of REFUSED)
  test(`refuses: ${name}`, () => {
    assert.throws(() => patched(object, patch))
  })

test('a value that is added is found where it was put', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.integer()), fc.string(), fc.integer(), (object, key, value) => {
      const path = `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`
      const out = patched(object, [
        { op: 'add', path, value },
        { op: 'test', path, value },
      ])
      assert.equal(out, Object.fromEntries([...Object.entries(object).filter(([name]) => name !== key), [key, value]]))
      return true
    }),
  )
})

test.run()
