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

test.run()
