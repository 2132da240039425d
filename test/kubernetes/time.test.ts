import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatTime, parseTime } from '../../lib/kubernetes/time.js'

for (const [text, seconds] of [
  // RFC 3339 section 5.8, in seconds as `date -u -d … +%s` has them; leap seconds are not for Go.
  ['1985-04-12T23:20:50.52Z', 482196050],
  ['1996-12-19T16:39:57-08:00', 851042397],
  ['1937-01-01T12:00:27.87+00:20', -1041337173],
  ['2024-02-29T00:00:00Z', 1709164800],
  ['2026-01-01T00:00:00-00:00', 1767225600],
] as const) {
  test(`${text} is read`, () => assert.is(Math.floor((parseTime(text)?.getTime() ?? 0) / 1000), seconds))
}

for (const text of [
  '',
  '2026',
  '2026-01-01',
  '2026-01-01 00:00:00Z',
  '2026-01-01T00:00:00',
  '2026-01-01T00:00Z',
  '2026-02-29T00:00:00Z',
  '2026-04-31T00:00:00Z',
  '2026-00-01T00:00:00Z',
  '2026-13-01T00:00:00Z',
  '2026-01-00T00:00:00Z',
  '2026-01-01T24:00:00Z',
  '2026-01-01T00:60:00Z',
  '1990-12-31T23:59:60Z',
  '2026-01-01T00:00:00+24:00',
  '2026-01-01T00:00:00Z ',
  '2026-01-01T00:00:00.Z',
  '٢026-01-01T00:00:00Z',
  `2026-01-01T00:00:00.${'0'.repeat(200)}Z`,
]) {
  test(`${JSON.stringify(text).slice(0, 40)} is no time`, () => assert.is(parseTime(text), undefined))
}

test('what is written is read again, in whole seconds', () =>
  fc.assert(
    fc.property(fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true }), time => {
      const text = formatTime(time)
      assert.match(text, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
      assert.is(parseTime(text)?.getTime(), Math.floor(time.getTime() / 1000) * 1000)
    }),
  ))

test.run()
