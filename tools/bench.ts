/**
 * Measures the built kpki against what its users would have instead, in ratios: both sides run by turns (A, B, A, B, …),
 * after one run of each that is not counted, on the Node that runs this file. Programs that are not installed are skipped.
 *
 * npm run bench -- [--only PART] [--pairs N] [--count N] [--json] [--save] [--docs] [--no-build]
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { CHECK_LINES } from './bench/check.js'
import { formatLine, formatMachine } from './bench/format.js'
import { LIBRARY_LINES } from './bench/library.js'
import { describeMachine } from './bench/machine.js'
import { measure } from './bench/run.js'
import { saveResult, writeDocument } from './bench/saved.js'
import { START_LINES } from './bench/start.js'
import { summarize } from './bench/statistics.js'
import { TREE_LINES } from './bench/trees.js'
import { type BenchResult, type Line, type LineResult, PARTS, type Place } from './bench/types.js'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const LINES: readonly Line[] = [...TREE_LINES, ...START_LINES, ...LIBRARY_LINES, ...CHECK_LINES]
const HELP = `Usage: npm run bench -- [flags]

  --only PART   these lines only, may be given twice: a part (${Object.keys(PARTS).join(', ')}) or the beginning of a name
  --pairs N     pairs of runs for each line (default 21, 9 where hardly anything scatters)
  --count N     certificates for the lines of the library (default 2000)
  --json        print the result as JSON on stdout
  --save        keep the result as docs/performance/node-MAJOR.json and make docs/performance.md again
  --docs        only make docs/performance.md again
  --no-build    measure dist/ as it is

kubeadm is looked for in the folder KUBE_BINARIES and on PATH, openssl and cfssl on PATH, go there and where it is installed.
`

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    pairs: { type: 'string' },
    count: { type: 'string', default: '2000' },
    json: { type: 'boolean' },
    save: { type: 'boolean' },
    docs: { type: 'boolean' },
    'no-build': { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  },
})

try {
  if (flags.help) process.stdout.write(HELP)
  else if (flags.docs) writeDocument()
  else await bench()
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

async function bench(): Promise<void> {
  const only = flags.only ?? ['']
  const lines = LINES.filter(({ name, part }) => only.some(wish => part === wish || name.startsWith(wish)))
  const pairs = flags.pairs === undefined ? undefined : wholeNumber('--pairs', flags.pairs)
  const count = wholeNumber('--count', flags.count)
  if (flags.save && lines.length < LINES.length)
    throw new Error('--save keeps all lines of one run, so not with --only')
  if (lines.length === 0)
    throw new Error(
      `--only ${only.join(' ')}: there are ${Object.keys(PARTS).join(', ')}, and ${LINES.map(({ name }) => name).join(', ')}`,
    )
  if (!flags['no-build']) {
    const { status } = spawnSync('npm', ['run', '--silent', 'build'], { cwd: ROOT, stdio: ['ignore', 2, 2] })
    if (status !== 0) throw new Error('npm run build failed')
  }
  const dir = mkdtempSync(join(tmpdir(), 'kpki-bench-'))
  const remove = () => rmSync(dir, { recursive: true, force: true })
  process.once('exit', remove)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

  const machine = describeMachine(dir)
  const say = (text: readonly string[]) =>
    (flags.json ? process.stderr : process.stdout).write(`${text.join('\n')}\n\n`)
  say(formatMachine(machine))
  const results: LineResult[] = []
  for (const line of lines) {
    const result = await measureLine(line, { dir, kpki: join(ROOT, 'dist/bin/kpki.js'), count }, pairs ?? line.pairs)
    results.push(result)
    say(formatLine(result))
  }
  const result: BenchResult = { apiVersion: 'kpki.dev/v1alpha1', kind: 'BenchResult', machine, lines: results }
  if (flags.json) process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`)
  if (flags.save) {
    process.stderr.write(`${saveResult(result)}\n`)
    writeDocument()
  }
}

async function measureLine(line: Line, place: Place, pairs: number): Promise<LineResult> {
  const { name, part, a, b, note, limit, aim, items, unit = 'ms', prepare } = line
  const bounds = { ...(limit === undefined ? {} : { limit }), ...(aim === undefined ? {} : { aim }) }
  const known = { ...(note === undefined ? {} : { note }), ...(items === undefined ? {} : { items }) }
  const what = { name, part, a, b, ...known, ...bounds }
  const sides = await prepare(place)
  if (typeof sides === 'string') return { ...what, skipped: sides }
  const samples = measure(sides.a, sides.b, pairs)
  const summary = summarize(samples)
  const reached = aim === undefined ? {} : { isReached: summary.ratio <= aim }
  return { ...what, unit, ...summary, ...reached, samples }
}

function wholeNumber(flag: string, value: string): number {
  if (!/^[1-9][0-9]{0,5}$/.test(value)) throw new Error(`${flag} ${value}: it must be a whole number from 1 on`)
  return Number(value)
}
