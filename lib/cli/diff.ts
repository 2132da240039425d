/** Lines around a change, as diff -u has them. */
const CONTEXT = 3
/** Above this many pairs of lines, what lies between the common beginning and end is one change. */
const MAX_PAIRS = 4_000_000

type Edit = readonly [sign: ' ' | '-' | '+', line: string]

/** What the files are called. */
export interface DiffNames {
  readonly from: string
  readonly to: string
}

/**
 * Compares two texts line by line, as `diff -u` prints it (POSIX.1-2017, diff, unified format), and `patch` takes it.
 *
 * @returns no lines when they are the same
 */
export function unifiedDiff(before: string, after: string, { from, to }: DiffNames): readonly string[] {
  if (before === after) return []
  const edits = editsOf(linesOf(before), linesOf(after))
  return [`--- ${from}`, `+++ ${to}`, ...hunksOf(edits)]
}

/** With their line ends; the last one may have none. */
function linesOf(text: string): readonly string[] {
  return text.split(/(?<=\n)/).filter(line => line !== '')
}

function editsOf(a: readonly string[], b: readonly string[]): readonly Edit[] {
  let start = 0
  while (start < a.length && start < b.length && a[start] === b[start]) start++
  let end = 0
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++
  const [inA, inB] = [a.slice(start, a.length - end), b.slice(start, b.length - end)]
  const same = (lines: readonly string[]): readonly Edit[] => lines.map(line => [' ', line])
  return [...same(a.slice(0, start)), ...middle(inA, inB), ...same(a.slice(a.length - end))]
}

/** By the longest common subsequence; what goes stands before what comes. */
function middle(a: readonly string[], b: readonly string[]): readonly Edit[] {
  if (a.length * b.length > MAX_PAIRS)
    return [...a.map((line): Edit => ['-', line]), ...b.map((line): Edit => ['+', line])]
  const width = b.length + 1
  const common = new Uint32Array((a.length + 1) * width)
  const at = (i: number, j: number) => common[i * width + j] ?? 0
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      common[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
  const edits: Edit[] = []
  let [i, j] = [0, 0]
  while (i < a.length || j < b.length) {
    const [left, right] = [a[i], b[j]]
    if (left !== undefined && left === right) {
      edits.push([' ', left])
      i++
      j++
    } else if (left !== undefined && (right === undefined || at(i + 1, j) >= at(i, j + 1))) {
      edits.push(['-', left])
      i++
    } else if (right !== undefined) {
      edits.push(['+', right])
      j++
    }
  }
  return edits
}

function hunksOf(edits: readonly Edit[]): readonly string[] {
  const changed = edits.flatMap(([sign], index) => (sign === ' ' ? [] : [index]))
  const ranges: { start: number; end: number }[] = []
  for (const index of changed) {
    const [start, end] = [Math.max(0, index - CONTEXT), Math.min(edits.length, index + CONTEXT + 1)]
    const last = ranges.at(-1)
    if (last && start <= last.end) last.end = end
    else ranges.push({ start, end })
  }
  return ranges.flatMap(({ start, end }) => {
    const hunk = edits.slice(start, end)
    const count = (without: '-' | '+', list: readonly Edit[]) => list.filter(([sign]) => sign !== without).length
    const range = (without: '-' | '+') => {
      const [skipped, length] = [count(without, edits.slice(0, start)), count(without, hunk)]
      return `${length === 0 ? skipped : skipped + 1}${length === 1 ? '' : `,${length}`}`
    }
    const head = `@@ -${range('+')} +${range('-')} @@`
    return [head, ...hunk.flatMap(([sign, line]) => shown(sign + line))]
  })
}

function shown(line: string): readonly string[] {
  return line.endsWith('\n') ? [line.slice(0, -1)] : [line, '\\ No newline at end of file']
}
