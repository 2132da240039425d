import { inspect } from 'node:util'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseManifests } from '../../lib/kubernetes/manifests.js'
import { formatManifests, type KubernetesObject } from '../../lib/kubernetes/objects.js'
import { rejects } from '../support/context.js'

const object = (name: string): KubernetesObject => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } })
const list = (...items: unknown[]) => ({ apiVersion: 'v1', kind: 'List', metadata: { resourceVersion: '' }, items })
const namesOf = (text: string) => parseManifests(text, 'm.yaml').map(({ metadata: { name } }) => name)

test('what is written is read again, as a stream and as a list', () =>
  fc.assert(
    fc.property(fc.array(fc.dictionary(fc.string({ minLength: 1 }), fc.string(), { noNullPrototype: true })), all => {
      const objects = all.map((data, index) => ({ ...object(`n${index}`), data }))
      assert.equal(parseManifests(formatManifests(objects), 'm.yaml'), objects)
      assert.equal(parseManifests(JSON.stringify(list(...objects)), 'm.yaml'), objects)
    }),
  ))

test('lists are taken apart, by whatever kind, also within each other', () => {
  assert.equal(
    namesOf(JSON.stringify(list(object('a'), list(object('b')), { ...list(object('c')), kind: 'SecretList' }))),
    ['a', 'b', 'c'],
  )
  assert.equal(namesOf(`${JSON.stringify(object('a'))}\n---\n# nothing\n---\n${JSON.stringify(list(object('b')))}\n`), [
    'a',
    'b',
  ])
  assert.equal(namesOf(''), [])
})

for (const [name, text] of [
  ['a text', 'abc'],
  ['a mapping of something else', 'a: b\n'],
  ['no metadata', 'apiVersion: v1\nkind: Secret\n'],
  ['metadata that is a text', 'apiVersion: v1\nkind: Secret\nmetadata: a\n'],
  ['a kind that is a number', 'apiVersion: v1\nkind: 1\nmetadata: {}\n'],
  ['a list of texts', JSON.stringify(list('a'))],
  ['a bare list', JSON.stringify([object('a')])],
  [
    'lists without end',
    JSON.stringify(list(list(list(list(list(list(object('a')))))))).replaceAll(
      '"metadata":{"resourceVersion":""},',
      '',
    ),
  ],
] as const) {
  test(`${name} is refused with its place`, async () => {
    const error = await rejects(() => parseManifests(`---\n${text}`, 'm.yaml'))
    assert.is(error.code, 'KPKI_MANIFEST_INVALID')
    assert.match(error.message, /^m\.yaml:2:1: /)
  })
}

// kubectl 1.20.2 create --dry-run=client takes the last of both, in YAML and in JSON.
test('a key that stands there twice is refused, with its place; its values are not quoted', async () => {
  const yaml = `apiVersion: v1
kind: Secret
metadata: {name: a}
stringData:
  token-secret: 0123456789abcdef
  token-secret: fedcba9876543210
`
  const json = '{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "data": {"k": "MDEy", "k": "MzQ1"}}'
  for (const [text, message] of [
    [yaml, 'x.yaml:6:3: stringData.token-secret stands there twice'],
    [json, 'x.yaml:1:89: data.k stands there twice'],
    [`${json.replace(', "k": "MzQ1"', '')}\n---\n${yaml}`, 'x.yaml:8:3: stringData.token-secret stands there twice'],
  ] as const) {
    const error = await rejects(() => parseManifests(text, 'x.yaml'))
    assert.is(error.code, 'KPKI_MANIFEST_INVALID')
    assert.ok(error.message.startsWith(message), error.message)
    assert.not.match(inspect(error, { depth: 10 }), /0123456789|fedcba|MDEy|MzQ1/)
  }
})

test.run()
