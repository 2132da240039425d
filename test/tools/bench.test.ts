import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CHECK_LINES } from '../../tools/bench/check.js'
import { formatLine, formatRatio } from '../../tools/bench/format.js'
import { LIBRARY_LINES } from '../../tools/bench/library.js'
import { measure } from '../../tools/bench/run.js'
import { formatResults, savedResults } from '../../tools/bench/saved.js'
import { START_LINES } from '../../tools/bench/start.js'
import { median, quantile, summarize } from '../../tools/bench/statistics.js'
import { TREE_LINES } from '../../tools/bench/trees.js'
import { type BenchResult, type LineResult, PARTS } from '../../tools/bench/types.js'
import { provider } from '../support/context.js'
import { inTempDir } from '../support/temp.js'

const LINES = [...TREE_LINES, ...START_LINES, ...LIBRARY_LINES, ...CHECK_LINES]

// numpy 1.26: np.quantile(values, share), which is R's quantile(values, share, type = 7), too.
const QUANTILES: readonly (readonly [values: readonly number[], share: number, expected: number])[] = [
  [[7], 0.5, 7],
  [[3, 1, 2], 0.5, 2],
  [[4, 1, 3, 2], 0.5, 2.5],
  [[1, 2, 3, 4], 0.25, 1.75],
  [[1, 2, 3, 4], 0.75, 3.25],
  [[15, 20, 35, 40, 50], 0.4, 29],
  [[10, 100, 1000], 0, 10],
  [[10, 100, 1000], 1, 1000],
]
test('quantiles are those of numpy and R', () => {
  for (const [values, share, expected] of QUANTILES)
    assert.ok(Math.abs(quantile(values, share) - expected) < 1e-9, `${values} ${share}`)
  assert.throws(() => median([]), /no values/)
})

test('a quantile leaves what it is asked about as it was', () => {
  const values = [3, 1, 2]
  quantile(values, 0.5)
  assert.equal(values, [3, 1, 2])
})

test('a summary has the medians of times, and median and quartiles of the ratios in each pair', () => {
  const summary = summarize([
    [10, 10],
    [30, 10],
    [20, 40],
  ])
  assert.equal(summary, {
    pairs: 3,
    medianA: 20,
    medianB: 10,
    // Of 1, 3 and 0.5.
    ratio: 1,
    quartiles: [0.75, 2],
  })
})

test('both sides run by turns, and once before it counts', () => {
  const order: string[] = []
  let time = 0
  const side = (name: string) => () => {
    order.push(name)
    time += 1
    return time
  }
  assert.equal(measure(side('a'), side('b'), 2), [
    [3, 4],
    [5, 6],
  ])
  assert.is(order.join(''), 'ababab')
})

test('every line has a name of its own, a part, and at least nine pairs', () => {
  assert.is(new Set(LINES.map(({ name }) => name)).size, LINES.length)
  for (const { name, part, pairs, a, b } of LINES) {
    assert.ok(Object.hasOwn(PARTS, part), name)
    assert.ok(pairs >= 9, name)
    assert.ok(a !== '' && b !== '', name)
  }
})

const MEASURED = {
  ...{ name: 'x', part: 'start', a: 'one', b: 'two', unit: 'ms', aim: 1.6, isReached: false },
  ...{ samples: [[200, 100]], ...summarize([[200, 100]]) },
} as const satisfies LineResult
test('a line in words', () => {
  assert.is(formatRatio(MEASURED), '2.00 × [2.00, 2.00]')
  assert.match(formatLine(MEASURED).join('\n'), '2.00 × [2.00, 2.00] (200 ms / 100 ms, one pair); aim 1.6: not reached')
  const skipped: LineResult = { name: 'x', part: 'start', a: 'one', b: 'two', skipped: 'no such tool' }
  assert.match(formatLine(skipped).join('\n'), 'skipped: no such tool')
})

test('what is kept can be made again from its samples, and is in the tables', () => {
  const tables = formatResults(savedResults())
  for (const { machine, lines } of savedResults()) {
    assert.match(tables, machine.date)
    for (const line of lines) {
      if ('skipped' in line) continue
      const { pairs, medianA, medianB, ratio, quartiles, samples, aim, isReached } = line
      assert.equal({ pairs, medianA, medianB, ratio, quartiles }, summarize(samples), line.name)
      assert.is(isReached, aim === undefined ? undefined : ratio <= aim, line.name)
    }
  }
})

// It measures dist/, whichever provider the tests run with.
if (provider === 'platform') {
  test(
    'a whole run, small: every line is measured or says why not, and nothing is left behind',
    inTempDir(async dir => {
      const root = fileURLToPath(new URL('../..', import.meta.url))
      assert.ok(existsSync(`${root}dist/bin/kpki.js`), 'npm run build comes first')
      const wanted = ['start-version', 'start-hash', 'start-inspect', 'ecdsa', 'issue-openssl', 'issue-cfssl', 'parse']
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        [
          ...['--import', import.meta.resolve('tsx'), `${root}tools/bench.ts`, '--json', '--no-build'],
          ...['--pairs', '1', '--count', '2', ...wanted.flatMap(name => ['--only', name])],
        ],
        // No tools on PATH: they are passed over everywhere alike.
        { encoding: 'utf8', env: { PATH: dir, TMPDIR: dir }, cwd: dir },
      )
      assert.is(status, 0, stderr)
      const { kind, machine, lines } = JSON.parse(stdout) as BenchResult
      assert.is(kind, 'BenchResult')
      assert.is(machine.node, process.version)
      assert.equal(Object.keys(machine), [
        ...['cpu', 'cores', 'memoryBytes', 'kernel', 'node', 'kpki', 'date', 'loadAverage', 'tools'],
      ])
      const expected = LINES.filter(({ name, part }) => wanted.some(wish => part === wish || name.startsWith(wish)))
      assert.equal(
        lines.map(({ name }) => name),
        expected.map(({ name }) => name),
      )
      for (const line of lines) {
        if ('skipped' in line) {
          assert.match(line.skipped, /kubeadm|openssl|cfssl/, line.name)
          continue
        }
        assert.is(line.pairs, 1)
        assert.ok(line.medianA > 0 && line.medianB > 0, line.name)
        assert.is(line.ratio, line.medianA / line.medianB)
        assert.is(line.isReached, line.aim === undefined ? undefined : line.ratio <= line.aim)
        assert.ok(stderr.includes(line.name))
      }
      assert.equal(
        readdirSync(dir).filter(name => name.startsWith('kpki-bench-')),
        [],
      )
    }),
  )
}

const MISTAKES: readonly (readonly [argv: readonly string[], error: RegExp])[] = [
  [['--pairs', '0'], /--pairs 0: it must be a whole number from 1 on/],
  [['--only', 'nothing'], /--only nothing: there are rsa, ecdsa, start, library/],
  [['--save', '--only', 'start'], /not with --only/],
]
test('mistakes are said in one line', () => {
  for (const [argv, error] of MISTAKES) {
    const { status, stderr } = spawnSync(
      process.execPath,
      ['--import', 'tsx', 'tools/bench.ts', '--no-build', ...argv],
      { encoding: 'utf8', cwd: fileURLToPath(new URL('../..', import.meta.url)) },
    )
    assert.is(status, 1)
    assert.match(stderr, error)
    assert.is(stderr.trim().split('\n').length, 1, stderr)
  }
})

test.run()
