import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatDuration, parseDuration } from '../../lib/kubernetes/duration.js'

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

test.run()
