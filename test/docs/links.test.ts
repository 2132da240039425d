// Links between documents lead somewhere: files exist, headings exist; addresses elsewhere are well-formed.
import { existsSync, statSync } from 'node:fs'
import { posix } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { documentPaths, ROOT, readDocument } from '../../tools/docs/documents.js'

/** A document without its code blocks and code spans, where nothing is a link. */
const proseOf = (text: string) =>
  text
    .replace(/^( *)(`{3,}|~{3,})[^\n]*\n[\s\S]*?^ *\2 *$/gm, '')
    .replace(/`[^`\n]*`/g, match => 'x'.repeat(match.length))

/** Anchors of headings as GitHub makes them: lower case, punctuation gone, spaces to dashes, numbered when repeated. */
function anchorsOf(text: string): ReadonlySet<string> {
  const seen = new Map<string, number>()
  const anchors = new Set<string>()
  const plain = text.replace(/^( *)(`{3,}|~{3,})[^\n]*\n[\s\S]*?^ *\2 *$/gm, '')
  for (const [, heading = ''] of plain.matchAll(/^#{1,6} +(.+?) *#*$/gm)) {
    const slug = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
      .replaceAll(' ', '-')
    const count = seen.get(slug) ?? 0
    seen.set(slug, count + 1)
    anchors.add(count === 0 ? slug : `${slug}-${count}`)
  }
  return anchors
}

for (const path of documentPaths()) {
  const links = [...proseOf(readDocument(path)).matchAll(/\]\(([^()\s]+)(?: "[^"]*")?\)|^\[[^\]]+\]: +(\S+)/gm)].map(
    ([, inline, reference]) => inline ?? reference ?? '',
  )
  if (links.length === 0) continue
  test(`${path}: ${links.length} links`, () => {
    for (const link of links) {
      if (/^[a-z]+:/i.test(link)) {
        assert.is(new URL(link).protocol, 'https:', link)
        continue
      }
      const [file = '', anchor] = link.split('#')
      const target = file === '' ? path : posix.join(posix.dirname(path), file)
      assert.not.ok(target.startsWith('..') || file.startsWith('/'), `${link} leads out of the repository`)
      assert.ok(existsSync(`${ROOT}${target}`), `${link}: there is no ${target}`)
      if (anchor === undefined) continue
      assert.ok(statSync(`${ROOT}${target}`).isFile() && target.endsWith('.md'), `${link} has no headings`)
      assert.ok(anchorsOf(readDocument(target)).has(anchor), `${link}: there is no such heading in ${target}`)
    }
  })
}

test('every document below docs is a page of the site', () => {
  const { projectDocuments } = JSON.parse(readDocument('typedoc.json')) as { projectDocuments: readonly string[] }
  const below = documentPaths().filter(path => path.startsWith('docs/'))
  assert.equal(
    below.filter(path => !projectDocuments.includes(path)),
    [],
  )
})

test('anchors are those of GitHub', () =>
  assert.equal(
    [...anchorsOf("# A `b`'s *c*\n## Same\n## Same\n```\n# no heading\n```\n### x.y, z & w_1\n")],
    ['a-bs-c', 'same', 'same-1', 'xy-z--w_1'],
  ))

test.run()
