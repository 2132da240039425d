// The tables of the documentation are those that the code makes now.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { documentPaths, ROOT, readDocument, staleDocuments } from '../../tools/docs/documents.js'
import { fillMarks, marksOf } from '../../tools/docs/markdown.js'
import { DEPARTURES } from '../../tools/docs/stricter.js'
import { TABLES } from '../../tools/docs/tables.js'

test('every table is current', () => {
  const [stale] = staleDocuments()
  if (!stale) return
  const [path, expected] = stale
  assert.fixture(readDocument(path), expected, `${path} is not current: npm run docs:tables`)
})

test('every table stands in some document, and every mark is whole', () => {
  const texts = documentPaths().map(readDocument)
  const used = new Set(texts.flatMap(marksOf))
  assert.equal(
    Object.keys(TABLES).filter(name => !used.has(name)),
    [],
  )
  for (const text of texts) {
    const begun = text.match(/^<!-- generated:/gm)?.length ?? 0
    assert.is(marksOf(text).length, begun)
  }
})

test('a table that does not exist is refused', () => {
  const text = '<!-- generated: nothing -->\n<!-- end -->'
  assert.throws(() => fillMarks(text, TABLES), /there is no table nothing/)
})

test('what is not between marks stays', () => {
  const text = 'before\n\n<!-- generated: a -->\nold\n<!-- end -->\n\nafter <!-- end -->\n'
  const filled = fillMarks(text, { a: () => '| new |\n' })
  assert.is(filled, 'before\n\n<!-- generated: a -->\n\n| new |\n\n<!-- end -->\n\nafter <!-- end -->\n')
  assert.is(fillMarks(filled, { a: () => '| new |\n' }), filled)
})

for (const { point, test: file } of DEPARTURES)
  test(`stricter than kubeadm, ${point}: its test exists`, () => assert.ok(existsSync(join(ROOT, file)), file))

test.run()
