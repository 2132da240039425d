import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatDuration, humanDuration, parseDuration, parsePeriod } from '../../lib/kubernetes/duration.js'

// Go 1.19, time/time_test.go (parseDurationTests), in seconds.
for (const [text, seconds] of [
  ['0', 0],
  ['5s', 5],
  ['30s', 30],
  ['1478s', 1478],
  ['-5s', -5],
  ['+5s', 5],
  ['-0', -0],
  ['+0', 0],
  ['5.0s', 5],
  ['5.6s', 5.6],
  ['5.s', 5],
  ['.5s', 0.5],
  ['1.00s', 1],
  ['1.004s', 1.004],
  ['100.00100s', 100.001],
  ['10ns', 1e-8],
  ['11us', 11e-6],
  ['12µs', 12e-6], // U+00B5
  ['12μs', 12e-6], // U+03BC
  ['13ms', 0.013],
  ['14s', 14],
  ['15m', 900],
  ['16h', 57_600],
  ['3h30m', 12_600],
  ['10.5s4m', 250.5],
  ['-2m3.4s', -123.4],
  ['1h2m3s4ms5us6ns', 3723.004005006],
  ['39h9m14.425s', 140_954.425],
  ['52763797000ns', 52.763797],
  ['0.3333333333333333333h', 1200],
  ['0.100000000000000000000h', 360],
  ['0.830103483285477580700h', 2988.372539827],
  ['8760h0m0s', 31_536_000],
  ['87600h', 315_360_000],
] as const) {
  test(`duration ${text}`, () => {
    const actual = parseDuration(text)
    assert.ok(
      actual !== undefined && Math.abs(actual - seconds) < 1e-9 * Math.max(1, Math.abs(seconds)),
      String(actual),
    )
  })
}

// The same file, parseDurationErrorTests; the rest is what people write instead.
for (const text of [
  '',
  '3',
  '-',
  's',
  '.',
  '-.',
  '.s',
  '+.s',
  '1d',
  '\ufffd',
  '\ufffd hello \ufffd world',
  '1 h',
  ' 1h',
  '1h ',
  '1h\n',
  '1h 30m',
  '365d',
  '1y',
  '1H',
  '1e3s',
  '1_000s',
  '--1s',
  '1h-30m',
  '1..5s',
  '1,5h',
  'P1Y',
  '0x10s',
  '00',
  'Infinity',
  'NaNs',
  '١s',
])
  test(`no duration: ${JSON.stringify(text)}`, () => assert.is(parseDuration(text), undefined))

// The same file: more than an int64 of nanoseconds (292 years) is an error, so kubeadm would refuse to read it.
for (const text of ['9223372036854775810ns', '3000000h', '9223372036854776us', '9223372036854ms775us808ns'])
  test(`no duration, since Go's overflows: ${text}`, () => assert.is(parseDuration(text), undefined))
test("Go's longest duration", () => assert.ok(parseDuration('2562047h47m16s') === 9_223_372_036))

// time.Duration.String, for whole seconds.
for (const [seconds, text] of [
  [0, '0s'],
  [1, '1s'],
  [59, '59s'],
  [60, '1m0s'],
  [245, '4m5s'],
  [3600, '1h0m0s'],
  [18_367, '5h6m7s'],
  [31_536_000, '8760h0m0s'],
  [315_360_000, '87600h0m0s'],
  [-90, '-1m30s'],
] as const)
  test(`${seconds} seconds are ${text}`, () => assert.is(formatDuration(seconds), text))

test('whole seconds are written and read back', () =>
  fc.assert(
    fc.property(fc.integer({ min: -9_000_000_000, max: 9_000_000_000 }), seconds => {
      assert.is(parseDuration(formatDuration(seconds)), seconds)
      assert.match(formatDuration(seconds), /^-?(?:\d+h[0-5]?\dm[0-5]?\ds|[1-5]?\dm[0-5]?\ds|[1-5]?\ds)$/)
    }),
    { numRuns: 500 },
  ))

test('any text is read or refused at once', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'0123456789.hms-+nuµ') }), text => {
      const seconds = parseDuration(text)
      assert.ok(seconds === undefined || Number.isFinite(seconds))
    }),
  )
  const start = performance.now()
  for (const unit of ['1', '1.', '.1', '1h', '-', 'h', '11.1s']) {
    parseDuration(unit.repeat(30_000))
    parseDuration(`${unit.repeat(30_000)}!`)
  }
  assert.ok(performance.now() - start < 1000, `${Math.round(performance.now() - start)} ms`)
})

const [MINUTE, HOUR, DAY] = [60, 3600, 86_400]
const YEAR = 365 * DAY
// kubernetes/kubernetes v1.20.2, staging/src/k8s.io/apimachinery/pkg/util/duration/duration_test.go; seconds.
for (const [seconds, text] of [
  [1, '1s'],
  [70, '70s'],
  [190, '3m10s'],
  [70 * MINUTE, '70m'],
  [47 * HOUR, '47h'],
  [49 * HOUR, '2d1h'],
  [8 * DAY + 2 * HOUR, '8d'],
  [367 * DAY, '367d'],
  [2 * YEAR + 25 * HOUR, '2y1d'],
  [8 * YEAR + 2 * HOUR, '8y'],
  [-2, '<invalid>'],
  [-1.999999999, '0s'],
  [0, '0s'],
  [0.999, '0s'],
  [2 * MINUTE - 0.001, '119s'],
  [2 * MINUTE, '2m'],
  [2 * MINUTE + 1, '2m1s'],
  [10 * MINUTE - 0.001, '9m59s'],
  [10 * MINUTE, '10m'],
  [10 * MINUTE + 1, '10m'],
  [3 * HOUR - 0.001, '179m'],
  [3 * HOUR, '3h'],
  [3 * HOUR + MINUTE, '3h1m'],
  [8 * HOUR - 0.001, '7h59m'],
  [8 * HOUR, '8h'],
  [8 * HOUR + 59 * MINUTE, '8h'],
  [2 * DAY - 0.001, '47h'],
  [2 * DAY, '2d'],
  [2 * DAY + HOUR, '2d1h'],
  [8 * DAY - 0.001, '7d23h'],
  [8 * DAY, '8d'],
  [8 * DAY + 23 * HOUR, '8d'],
  [2 * YEAR - 0.001, '729d'],
  [2 * YEAR, '2y'],
  [2 * YEAR + 23 * HOUR, '2y'],
  [2 * YEAR + 23 * HOUR + 59 * MINUTE, '2y'],
  [2 * YEAR + DAY - 0.001, '2y'],
  [2 * YEAR + DAY, '2y1d'],
  [3 * YEAR, '3y'],
  [7 * YEAR, '7y'],
  [8 * YEAR - 0.001, '7y364d'],
  [8 * YEAR, '8y'],
  [8 * YEAR + 364 * DAY, '8y'],
  [9 * YEAR, '9y'],
] as const)
  test(`${seconds} seconds are ${text}, as kubectl says it`, () => assert.is(humanDuration(seconds), text))

for (const [text, seconds] of [
  ['30d', 30 * DAY],
  ['2w', 14 * DAY],
  ['1w1d1h', 8 * DAY + HOUR],
  ['1d12h', 36 * HOUR],
  ['720h', 720 * HOUR],
  ['1.5h', 5400],
  ['0', 0],
  ['0d', 0],
  ['100000d', 100_000 * DAY],
  ['106751d', 106_751 * DAY],
] as const)
  test(`a period of ${text}`, () => assert.is(parsePeriod(text), seconds > 9_223_372_036 ? undefined : seconds))
for (const text of [
  '',
  'd',
  '30',
  '30D',
  '-1d',
  '1d-1h',
  '1h1d',
  '1.5d',
  '1d 2h',
  'soon',
  '1000000d',
  '999999w',
  '30d5',
])
  test(`no period: ${JSON.stringify(text)}`, () => assert.is(parsePeriod(text), undefined))
test('what is a duration is a period, too, unless it is negative', () =>
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 9_000_000_000 }), seconds =>
      assert.is(parsePeriod(formatDuration(seconds)), seconds),
    ),
  ))

test.run()
