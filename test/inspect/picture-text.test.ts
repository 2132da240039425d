import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { escapeMarkup, fitText, printable, textWidth, wrapFacts, wrapText } from '../../lib/inspect/picture-text.js'
import { parseXml } from './xml.js'

const PRINTABLE: readonly (readonly [text: string, shown: string])[] = [
  ['kube-apiserver', 'kube-apiserver'],
  ['Zürich 東京 Ω', 'Zürich 東京 Ω'],
  ['a\nb\tc\u0000', 'a[U+000A]b[U+0009]c[U+0000]'],
  ['\u202Etxt\u2066', '[U+202E]txt[U+2066]'],
  ['\uD83D', '[U+D83D]'],
  ['\u{1F469}', '\u{1F469}'],
  ['a\u0301\u0301\u0301\u0301\u0301\u0301', 'a\u0301\u0301\u0301\u0301'],
]
for (const [text, shown] of PRINTABLE) test(`shown: ${shown}`, () => assert.is(printable(text), shown))

test('what is too long ends with an ellipsis', () => {
  assert.is(printable('abcdef', 6), 'abcdef')
  assert.is(printable('abcdefg', 6), 'abcde…')
  assert.is([...printable('\u{1F469}'.repeat(300))].length, 200)
  assert.is([...printable('x'.repeat(10_000_000))].length, 200)
})

test('what is escaped is read as it was', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), text => {
      const safe = printable(text)
      const { text: content, elements } = parseXml(`<a b="${escapeMarkup(safe)}">${escapeMarkup(safe)}</a>`)
      assert.is(content, safe)
      assert.is(elements[0]?.attributes.get('b'), safe)
    }),
  )
})

test('fitted text fits, and says what it can', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', maxLength: 60 }),
      fc.integer({ min: 20, max: 400 }),
      fc.boolean(),
      (text, width, isBold) => {
        const lettering = { size: 13, isBold }
        for (const cut of ['end', 'middle'] as const) {
          const shown = fitText(text, width, lettering, cut)
          assert.ok(textWidth(shown, lettering) <= width + 1e-9)
          if (textWidth(text, lettering) <= width) assert.is(shown, text)
        }
        const lines = wrapText(text, width, lettering)
        assert.ok(lines.length <= 4)
        for (const line of lines) assert.ok(textWidth(line, lettering) <= width + 1e-9)
        for (const line of wrapFacts(text.split('a'), width, lettering))
          assert.ok(textWidth(line, lettering) <= width + 1e-9)
      },
    ),
  )
})

test('a path loses its middle, a name its end', () => {
  const shown = fitText('pki/a/very/long/path/to/a/file/apiserver.crt', 150, { size: 11 }, 'middle')
  assert.match(shown, /^pki\/.*….*apiserver\.crt$/)
  assert.match(fitText('kube-apiserver-kubelet-client', 100, { size: 13 }), /^kube-ap[a-z-]*…$/)
})

test.run()
