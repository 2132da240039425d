import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { breaksOf, placeOn, planAxis, type Span, ticksOf } from '../../lib/inspect/picture-axis.js'

const DAY = 86_400_000
const YEAR = 365 * DAY
const NOW = Date.UTC(2026, 5, 1, 12)
const span = (start: number, end: number, isCa = false): Span => ({ start: NOW + start, end: NOW + end, isCa })
const many = (number: number, one: Span) => Array.from({ length: number }, () => one)

const CASES: readonly (readonly [name: string, spans: readonly Span[], pieces: number, leafShare: number])[] = [
  ['leaves alone', many(3, span(0, YEAR)), 1, 0.8],
  ['CAs alone', [span(-10 * YEAR, 10 * YEAR, true), span(0, 30 * YEAR, true)], 1, 0],
  ['leaves of a year below CAs of two', [span(0, 2 * YEAR, true), ...many(3, span(0, YEAR))], 1, 0.4],
  ['leaves of a year below a new CA of ten', [span(0, 10 * YEAR, true), ...many(3, span(0, YEAR))], 2, 0.6],
  [
    'leaves of a year below an old CA of thirty',
    [span(-15 * YEAR, 15 * YEAR, true), ...many(3, span(-YEAR / 2, YEAR / 2))],
    3,
    0.5,
  ],
  [
    'leaves of a day below a CA of ten years',
    [span(-YEAR, 9 * YEAR, true), ...many(3, span(-DAY / 2, DAY / 2))],
    3,
    0.45,
  ],
  ['an odd leaf of a century', [span(0, 10 * YEAR, true), ...many(9, span(0, YEAR)), span(0, 100 * YEAR)], 2, 0.6],
  ['a CA without end', [span(0, 7973 * YEAR, true), ...many(3, span(0, YEAR))], 2, 0.6],
]
for (const [name, spans, pieces, leafShare] of CASES) {
  test(name, () => {
    const axis = planAxis(spans, NOW)
    assert.is(axis.stretches.length, pieces)
    assert.is(breaksOf(axis).length, pieces - 1)
    assert.is(axis.pace > 1, pieces > 1)
    const [leaf] = spans.filter(({ isCa }) => !isCa)
    if (leaf) assert.ok(placeOn(axis, leaf.end) - placeOn(axis, leaf.start) >= leafShare)
    const now = placeOn(axis, NOW)
    assert.ok(now > 0 && now < 1)
    for (const width of [250, 440])
      for (const { left, right } of axis.stretches)
        assert.ok(
          ticksOf(axis, width, 40).some(({ at }) => at >= left && at <= right),
          `no label at ${width}`,
        )
  })
}

test('one odd root in a hundred does not stretch the axis', () => {
  const roots = many(100, span(-20 * YEAR, 10 * YEAR, true))
  const axis = planAxis([...roots, span(-56 * YEAR, 10 * YEAR, true)], NOW)
  assert.ok(placeOn(axis, NOW - 20 * YEAR) < 0.15)
  assert.is(placeOn(axis, NOW - 56 * YEAR), 0)
})

test('labels of months stand at the first of one, with the year where it changes', () => {
  const axis = planAxis(many(2, span(0, YEAR)), NOW)
  assert.equal(
    ticksOf(axis, 440, 40).map(({ upper, lower }) => `${upper} ${lower}`.trim()),
    ['Jul 2026', 'Sep', 'Nov', 'Jan 2027', 'Mar', 'May'],
  )
})

test('labels of hours, days and years', () => {
  const labels = (length: number) =>
    ticksOf(planAxis([span(0, length)], NOW), 300, 40).map(({ upper, lower }) => `${upper} ${lower}`.trim())
  assert.equal(labels(DAY), ['18:00 1 Jun', '00:00 2 Jun', '06:00'])
  assert.match(labels(20 * DAY).join(' '), /^\d+ Jun 2026/)
  assert.match(labels(40 * YEAR).join(' '), /^2030 2040 2050/)
})

const moment = fc.integer({ min: -2e14, max: 2.6e14 })
test('time never runs backwards, bars stay on the axis, labels keep their distance', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ start: moment, end: moment, isCa: fc.boolean() }), { maxLength: 30 }),
      moment,
      fc.array(moment, { maxLength: 20 }),
      (spans, now, moments) => {
        const axis = planAxis(spans, now)
        let last = 0
        for (const { left, right, from, to } of axis.stretches) {
          assert.is(left, last)
          assert.ok(right > left && to > from)
          last = right
        }
        assert.is(last, 1)
        const places = moments.toSorted((a, b) => a - b).map(moment => placeOn(axis, moment))
        for (const [index, place] of places.entries()) {
          assert.ok(place >= 0 && place <= 1)
          assert.ok(place >= (places[index - 1] ?? 0) - 1e-9)
        }
        assert.ok(placeOn(axis, now) > 0 && placeOn(axis, now) < 1)
        const ticks = ticksOf(axis, 440, 40)
        for (const [index, { at }] of ticks.entries()) assert.ok((at - (ticks[index - 1]?.at ?? -1)) * 440 >= 35)
      },
    ),
  )
})

test.run()
