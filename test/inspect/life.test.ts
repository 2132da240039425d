import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { dayText, lifeWords, minuteText, spanWords } from '../../lib/inspect/life.js'
import { type LifeState, lifeStateOf } from '../../lib/x509/life.js'

const date = (text: string) => new Date(text)

// Counted on a calendar.
const SPANS: readonly (readonly [from: string, to: string, words: string])[] = [
  ['2026-06-01T12:00:00Z', '2026-06-01T12:00:00.999Z', 'less than a second'],
  ['2026-06-01T12:00:00Z', '2026-06-01T12:00:01Z', '1 second'],
  ['2026-06-01T12:00:00Z', '2026-06-01T12:01:59Z', '119 seconds'],
  ['2026-06-01T12:00:00Z', '2026-06-01T13:59:59Z', '119 minutes'],
  ['2026-06-01T12:00:00Z', '2026-06-03T11:59:59Z', '47 hours'],
  ['2026-06-01T12:00:00Z', '2026-06-03T12:00:00Z', '2 days'],
  ['2026-06-01T12:00:00Z', '2027-06-01T11:59:59Z', '364 days'],
  ['2026-06-01T12:00:00Z', '2028-06-01T11:59:59Z', '730 days'],
  ['2026-06-01T12:00:00Z', '2028-06-01T12:00:00Z', '2 years'],
  ['2026-06-01T12:00:00Z', '2028-07-01T12:00:00Z', '2 years 1 month'],
  ['2026-06-01T12:00:00Z', '2036-05-29T12:00:00Z', '9 years 11 months'],
  ['2026-01-31T00:00:00Z', '2028-02-29T00:00:00Z', '2 years'],
  ['2026-01-31T00:00:00Z', '2028-03-01T00:00:00Z', '2 years 1 month'],
  ['2026-06-01T12:00:00Z', '2046-09-01T12:00:00Z', '20 years'],
  ['2026-06-02T12:00:00Z', '2026-06-01T12:00:00Z', 'less than a second'],
]
for (const [from, to, words] of SPANS)
  test(`${from} to ${to}: ${words}`, () => assert.is(spanWords(date(from), date(to)), words))

const YEAR = { notBefore: date('2026-06-01T12:00:00Z'), notAfter: date('2027-06-01T12:00:00Z') }
const HOURS = { notBefore: date('2026-06-01T00:00:00Z'), notAfter: date('2026-06-01T12:00:00Z') }
const STATES: readonly (readonly [life: typeof YEAR, now: string, state: LifeState, words: string])[] = [
  [YEAR, '2026-06-01T11:59:59Z', 'future', 'starts in 1 second'],
  // RFC 5280 section 4.1.2.5: "the period of time from notBefore through notAfter, inclusive".
  [YEAR, '2026-06-01T12:00:00Z', 'valid', '365 days'],
  [YEAR, '2027-05-02T12:00:00Z', 'valid', '30 days'],
  [YEAR, '2027-05-02T12:00:01Z', 'soon', '29 days'],
  [YEAR, '2027-06-01T12:00:00Z', 'soon', 'less than a second'],
  [YEAR, '2027-06-01T12:00:01Z', 'expired', 'expired 1 second ago'],
  [HOURS, '2026-06-01T07:59:59Z', 'valid', '4 hours'],
  [HOURS, '2026-06-01T08:00:01Z', 'soon', '3 hours'],
  [{ ...YEAR, notAfter: date('9999-12-31T23:59:59Z') }, '2026-07-01T00:00:00Z', 'valid', 'no end'],
  [{ ...YEAR, notAfter: new Date(Number.NaN) }, '2026-07-01T00:00:00Z', 'unknown', 'no readable dates'],
]
for (const [life, now, state, words] of STATES)
  test(`at ${now}: ${state}, ${words}`, () => {
    assert.is(lifeStateOf(life, date(now)), state)
    assert.is(lifeWords(life, date(now)), words)
  })

test('days and minutes', () => {
  assert.is(dayText(date('2027-06-01T23:59:59Z')), '2027-06-01')
  assert.is(minuteText(date('2027-06-01T23:59:59.999Z')), '2027-06-01 23:59 UTC')
  assert.is(dayText(new Date(Number.NaN)), '?')
  assert.is(minuteText(new Date(Number.NaN)), '?')
})

test.run()
