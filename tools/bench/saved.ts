/** Results that are kept in docs/performance, and the tables that are made of them. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fillMarks } from '../docs/markdown.js'
import { formatAmounts, formatMachine, formatPairs, formatRatio } from './format.js'
import type { BenchResult, LineResult } from './types.js'

const FOLDER = fileURLToPath(new URL('../../docs/performance/', import.meta.url))

/** Keeps a result in place of the last one of the same major version of Node, and returns the path of the file. */
export function saveResult(result: BenchResult): string {
  const major = /^v(\d+)/.exec(result.machine.node)?.[1] ?? 'unknown'
  const file = join(FOLDER, `node-${major}.json`)
  mkdirSync(FOLDER, { recursive: true })
  writeFileSync(file, `${JSON.stringify(result, undefined, 2)}\n`)
  // In the form that the check of the repository wants.
  const biome = createRequire(import.meta.url).resolve('@biomejs/biome/bin/biome')
  spawnSync(process.execPath, [biome, 'format', '--write', file])
  return file
}

/** All that is kept, by version of Node. */
export function savedResults(): readonly BenchResult[] {
  return readdirSync(FOLDER)
    .filter(name => /^node-\d+\.json$/.test(name))
    .sort((a, b) => Number(/\d+/.exec(a)) - Number(/\d+/.exec(b)))
    .map(name => JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as BenchResult)
}

/** Makes the tables of docs/performance.md again. */
export function writeDocument(): void {
  const file = join(FOLDER, '../performance.md')
  const tables = { performance: () => formatResults(savedResults()) }
  writeFileSync(file, fillMarks(readFileSync(file, 'utf8'), tables))
}

/** The figures as Markdown: a section for each result. */
export function formatResults(results: readonly BenchResult[]): string {
  return results
    .map(({ machine, lines }) => {
      const major = machine.node.replace(/^v(\d+).*/, '$1')
      const rows = lines.map(line => `| ${cellsOf(line).join(' | ')} |`)
      const head = ['| what | against | limit | aim | ratio | times |', '| --- | --- | --- | --- | --- | --- |']
      return [`## Node ${major}`, '', formatMachine(machine).join('.\n'), '', ...head, ...rows, ''].join('\n')
    })
    .join('\n')
}

function cellsOf(line: LineResult): readonly string[] {
  const what = [line.a, `${line.b}${line.note ? ` (${line.note})` : ''}`].map(text => text.replaceAll('|', '\\|'))
  const bounds = [line.limit, line.aim].map(bound => (bound === undefined ? '' : `${bound} ×`))
  if ('skipped' in line) return [...what, ...bounds, 'not measured', line.skipped]
  const [limit = Number.POSITIVE_INFINITY, aim = Number.POSITIVE_INFINITY] = [line.limit, line.aim]
  const mark =
    line.ratio > limit ? ', over' : line.limit === undefined ? '' : line.ratio <= aim ? ', aim reached' : ', kept'
  const times = `${formatAmounts(line)}, ${formatPairs(line.pairs)}`
  return [...what, ...bounds, `${formatRatio(line)}${mark}`, times]
}
