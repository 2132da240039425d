import type { BenchResult, LineResult, Machine } from './types.js'

/** A result for people: a block for each line. */
export function formatResult({ machine, lines }: BenchResult): string {
  return [...formatMachine(machine), '', ...lines.flatMap(line => [...formatLine(line), ''])].join('\n')
}

/** Where it was measured, in a few lines. */
export function formatMachine(machine: Machine): readonly string[] {
  const { cpu, cores, memoryBytes, kernel, node, kpki, date, loadAverage, tools } = machine
  const programs = Object.entries(tools).map(([name, version]) => `${name} ${version}`)
  return [
    `kpki ${kpki}, Node ${node}, ${date}`,
    `${cpu}, ${cores} cores, ${Math.round(memoryBytes / 2 ** 30)} GiB, ${kernel}; load average before: ${loadAverage}`,
    `compared with: ${programs.join(', ') || 'none of the other programs, which are not installed'}`,
  ]
}

/** One line of the bench. */
export function formatLine(line: LineResult): readonly string[] {
  const head = [line.name, `  ${line.a}`, `  against ${line.b}${line.note ? ` (${line.note})` : ''}`]
  if ('skipped' in line) return [...head, `  skipped: ${line.skipped}`]
  const { pairs } = line
  const times = `${formatAmounts(line)}, ${formatPairs(pairs)}`
  const limit = line.limit === undefined ? '' : `; limit ${line.limit}: ${line.ratio <= line.limit ? 'kept' : 'passed'}`
  const aim = line.aim === undefined ? '' : `; aim ${line.aim}: ${line.isReached ? 'reached' : 'not reached'}`
  return [...head, `  ${formatRatio(line)} (${times})${limit}${aim}`]
}

/** A ratio, and between what values half of the pairs lie, e.g. `1.21 × [1.10, 1.34]`. */
export function formatRatio(line: Extract<LineResult, { ratio: number }>): string {
  const { ratio, quartiles } = line
  return `${formatNumber(ratio)} × [${quartiles.map(formatNumber).join(', ')}]`
}

/** Both sides' medians; with the number of things by the second where a line has such, e.g. `2.00 ms / 4.00 ms, 500 / 250 per second`. */
export function formatAmounts({ medianA, medianB, unit, items }: Extract<LineResult, { ratio: number }>): string {
  const [a, b] = [medianA, medianB].map(value => `${formatNumber(value)} ${unit}`)
  const bySecond = (milliseconds: number) => Math.round(((items ?? 0) * 1000) / milliseconds)
  return `${a} / ${b}${items === undefined ? '' : `, ${bySecond(medianA)} / ${bySecond(medianB)} per second`}`
}

/** e.g. `medians of 21 pairs` */
export const formatPairs = (pairs: number): string => (pairs === 1 ? 'one pair' : `medians of ${pairs} pairs`)

const formatNumber = (value: number) => (value >= 100 ? value.toFixed(0) : value.toPrecision(3))
