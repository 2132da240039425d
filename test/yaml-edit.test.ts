import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parse } from 'yaml'
import { editYaml, type YamlEdits } from '../lib/yaml-edit.js'
import { formatYaml } from '../lib/yaml-format.js'
import { rejects } from './support/context.js'

const edit = (text: string, edits: YamlEdits) => editYaml(text, edits, 'x.yaml')
const B: YamlEdits = { append: { list: [{ b: 1 }] } }

/** Text, edits, and what a person would have written. */
const CASES: readonly (readonly [what: string, before: string, edits: YamlEdits, after: string])[] = [
  ['nothing', '', B, 'list:\n- b: 1\n'],
  ['a comment without an end', '# a', B, '# a\nlist:\n- b: 1\n'],
  ['behind the last item and its comment', 'list:\n- a # 1\n# 2\n\nz: 1\n', B, 'list:\n- a # 1\n- b: 1\n# 2\n\nz: 1\n'],
  ['indented', 'list:\n    -   a: 1\n', B, 'list:\n    -   a: 1\n    - b: 1\n'],
  ['without a final line end', 'list:\n- a', B, 'list:\n- a\n- b: 1\n'],
  ['twice without a final line end', 'list:\n- a', { ...B, set: { k: 'v' } }, 'list:\n- a\n- b: 1\nk: v\n'],
  ['behind a text whose line end counts', 'list:\n- |+\n  a', { set: { k: 'v' } }, 'list:\n- |+\n  a\nk: v\n'],
  ['behind a byte order mark', '\ufefflist:\n- a\n', B, '\ufefflist:\n- a\n- b: 1\n'],
  ['with line ends of Windows', 'list:\r\n- a\r\n', B, 'list:\r\n- a\r\n- b: 1\r\n'],
  ['before the end of the document', 'list:\n- a\n...\n', B, 'list:\n- a\n- b: 1\n...\n'],
  ['behind a block of text', 'list:\n- |\n  a\n  b\nz: 1\n', B, 'list:\n- |\n  a\n  b\n- b: 1\nz: 1\n'],
  ['in place of nothing', 'list:   # none\nz: 1\n', B, 'list:   # none\n- b: 1\nz: 1\n'],
  ['in place of an empty list', 'list: [ ]\nz: 1\n', B, 'list:\n- b: 1\nz: 1\n'],
  ['in place of null', 'list: ~ # none\n', B, 'list: # none\n- b: 1\n'],
  ['a list that is not there', 'z: 1\n# end\n', B, 'z: 1\nlist:\n- b: 1\n# end\n'],
  ['to a list in brackets', 'list: [{a: 1}, ]\n', B, 'list: [{a: 1}, {"b":1}, ]\n'],
  ['to JSON in one line', '{"list":[{"a":1}],"z":1}', B, '{"list":[{"a":1}, {"b":1}],"z":1}'],
  ['to JSON', '{\n  "list": [\n    1\n  ]\n}\n', B, '{\n  "list": [\n    1,\n    {\n      "b": 1\n    }\n  ]\n}\n'],
  ['to JSON without it', '{\n  "z": 1\n}', { set: { k: 'v' } }, '{\n  "z": 1,\n  "k": "v"\n}'],
  ['to an empty object', '{}', { set: { k: 'v' } }, '{"k": "v"}'],
  ['a text', 'k: a # 1\n', { set: { k: 'b' } }, 'k: b # 1\n'],
  ['a text that was none', 'k:\nz: 1\n', { set: { k: 'yes' } }, 'k: "yes"\nz: 1\n'],
  [
    'an item',
    'list:\n- a: 1 # x\n  b: 2\n- c: 3 # y\n',
    { replace: [{ key: 'list', index: 0, item: { d: '4' } }] },
    'list:\n- d: "4"\n- c: 3 # y\n',
  ],
  [
    'a text inside, its neighbours and their comments stay',
    'list:\n- # one\n  a: x # 1\n  b: {c: y} # 2\n- a: z\n',
    {
      setIn: [
        { path: ['list', 0, 'a'], text: 'v' },
        { path: ['list', 0, 'b', 'c'], text: 'w' },
      ],
    },
    'list:\n- # one\n  a: v # 1\n  b: {c: "w"} # 2\n- a: z\n',
  ],
  [
    'a text inside that was not there',
    'list:\n- m:\n    a: x\n  n: y\n',
    { setIn: [{ path: ['list', 0, 'm', 'k'], text: 'v' }] },
    'list:\n- m:\n    a: x\n    k: v\n  n: y\n',
  ],
  [
    'a text inside over several lines',
    'list:\n- a: |\n    x\n    y\n  b: "z\n    z"\n',
    {
      setIn: [
        { path: ['list', 0, 'a'], text: 'v' },
        { path: ['list', 0, 'b'], text: 'w' },
      ],
    },
    'list:\n- a: v\n  b: w\n',
  ],
  [
    'a text inside of JSON',
    '{"a": [{"b": "c"}]}',
    { setIn: [{ path: ['a', 0, 'b'], text: 'd' }] },
    '{"a": [{"b": "d"}]}',
  ],
  ['an item in brackets', 'list: [a, b]\n', { replace: [{ key: 'list', index: 1, item: 'c' }] }, 'list: [a, "c"]\n'],
]
for (const [what, before, edits, after] of CASES) test(`edited: ${what}`, () => assert.is(edit(before, edits), after))

for (const [what, text, edits] of [
  ['an alias in place of the list', 'a: &a [1]\nlist: *a\n', B],
  ['an anchor that would go', 'list:\n- &a 1\n- *a\n', { replace: [{ key: 'list', index: 0, item: 2 }] }],
  ['a list that comes by a merge key', '<<: {list: [1]}\n', B],
  ['no mapping', '- 1\n', B],
  ['no list', 'list: {a: 1}\n', { replace: [{ key: 'list', index: 0, item: 2 }] }],
  ['a path that leads nowhere', 'a: {b: c}\n', { setIn: [{ path: ['a', 'x', 'b'], text: 'y' }] }],
  ['a path through an alias', 'a: &a {b: c}\nd: *a\n', { setIn: [{ path: ['d', 'b'], text: 'y' }] }],
  ['a text that others mean', 'a: {b: &t c}\nd: *t\n', { setIn: [{ path: ['a', 'b'], text: 'y' }] }],
  ['a text that is an alias', 'a: &a x\nk: *a\n', { set: { k: 'y' } }],
] as const)
  test(`not edited: ${what}`, async () =>
    assert.is((await rejects(() => edit(text, edits))).code, 'KPKI_YAML_UNEDITABLE'))

test('what is no YAML, or gets too large, is refused as that', async () => {
  assert.is((await rejects(() => edit('a: [', B))).code, 'KPKI_YAML_INVALID')
  const large = { append: { list: ['x'.repeat(2 ** 20)] } }
  assert.is((await rejects(() => edit('a: 1\n', large))).code, 'KPKI_INPUT_TOO_LARGE')
})

test('whatever is added is what another reader finds, behind what was there', () => {
  const value = fc.oneof(fc.stringMatching(/^[ -~\n]{0,20}$/), fc.integer({ min: -999, max: 999 }), fc.boolean())
  const item = fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), value, {
    maxKeys: 3,
    minKeys: 1,
    noNullPrototype: true,
  })
  const document = fc.record({ list: fc.array(item, { maxLength: 3 }), other: item })
  fc.assert(
    fc.property(
      document,
      fc.array(item, { maxLength: 3 }),
      fc.constantFrom('yaml', 'json', 'pretty', 'crlf'),
      (before, items, style) => {
        const json = JSON.stringify(before, undefined, style === 'pretty' ? 2 : 0)
        const yaml = formatYaml(before)
        const text = style === 'yaml' ? yaml : style === 'crlf' ? yaml.replaceAll('\n', '\r\n') : json
        const after = edit(text, { append: { list: items } })
        const read: unknown = style === 'json' || style === 'pretty' ? JSON.parse(after) : parse(after)
        assert.equal(read, { ...before, list: [...before.list, ...items] })
        if (items.length === 0) assert.is(after, text)
      },
    ),
  )
})

test('whatever text is set inside is what another reader finds, and all else is as it was', () => {
  const word = fc.stringMatching(/^[a-z]{1,5}$/)
  const line = fc.stringMatching(/^[ -~\n]{0,20}$/)
  const inner = fc.dictionary(word, line, { maxKeys: 3, minKeys: 1, noNullPrototype: true })
  fc.assert(
    fc.property(
      fc.array(inner, { minLength: 1, maxLength: 3 }),
      fc.nat(),
      word,
      line,
      fc.constantFrom('yaml', 'json', 'pretty', 'crlf'),
      (list, seed, key, value, style) => {
        const index = seed % list.length
        const before = { list: list.map(item => ({ item })), z: '1' }
        const json = JSON.stringify(before, undefined, style === 'pretty' ? 2 : 0)
        const yaml = formatYaml(before)
        const text = style === 'yaml' ? yaml : style === 'crlf' ? yaml.replaceAll('\n', '\r\n') : json
        const after = edit(text, { setIn: [{ path: ['list', index, 'item', key], text: value }] })
        const read: unknown = style === 'json' || style === 'pretty' ? JSON.parse(after) : parse(after)
        const expected = before.list.map(({ item }, at) => ({ item: at === index ? { ...item, [key]: value } : item }))
        assert.equal(read, { ...before, list: expected })
      },
    ),
  )
})

test.run()
