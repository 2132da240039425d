import { type BootstrapTokenSpec, formatTime } from '../index.js'
import { printable } from './terminal.js'

const HEADER = ['TOKEN', 'TTL', 'EXPIRES', 'USAGES', 'DESCRIPTION', 'EXTRA GROUPS']

/**
 * The table of `kubeadm token list`, to the byte where nothing is in it that a terminal would obey. Every token but the first is
 * a table of its own there, aligned by the widths that its cells are filled up to.
 *
 * @param show - how to write the token itself
 * @returns lines; none when there is no token
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/cmd/token.go (formatBootstrapToken, tokenTextPrinter)
 */
export function formatTokenTable(
  tokens: readonly BootstrapTokenSpec[],
  now: Date,
  show: (token: BootstrapTokenSpec) => string,
): string {
  return tokens
    .map(token => cellsOf(token, now, show))
    .map((cells, index) => align(index === 0 ? [HEADER, cells] : [cells]))
    .join('')
}

function cellsOf(token: BootstrapTokenSpec, now: Date, show: (token: BootstrapTokenSpec) => string): readonly string[] {
  const { expires, usages, description, groups } = token
  const or = (value: string, absent: string) => (value === '' ? absent : printable(value))
  return [
    show(token),
    (expires ? shortDuration(expires.getTime() - now.getTime()) : '<forever>').padEnd(9),
    expires ? formatTime(expires) : '<never>',
    padRunes(or(usages.join(','), '<none>'), 22),
    padRunes(or(description, '<none>'), 56),
    or(groups.join(','), '<none>'),
  ]
}

/**
 * How long something is, in one unit.
 *
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/apimachinery/pkg/util/duration/duration.go (ShortHumanDuration)
 */
export function shortDuration(milliseconds: number): string {
  const seconds = Math.trunc(milliseconds / 1000)
  if (seconds < -1) return '<invalid>'
  if (seconds < 60) return `${Math.max(0, seconds)}s`
  const [minutes, hours] = [Math.trunc(seconds / 60), Math.trunc(seconds / 3600)]
  if (minutes < 60) return `${minutes}m`
  if (hours < 24) return `${hours}h`
  return hours < 24 * 365 ? `${Math.trunc(hours / 24)}d` : `${Math.trunc(hours / 24 / 365)}y`
}

/** Go's text/tabwriter with cells of at least ten characters and three spaces between them. */
function align(rows: readonly (readonly string[])[]): string {
  const widths = HEADER.map((_, column) => Math.max(10, ...rows.map(cells => runes(cells[column] ?? '') + 3)))
  const line = (cells: readonly string[]) =>
    cells.map((cell, column) => (column < cells.length - 1 ? padRunes(cell, widths[column] ?? 0) : cell)).join('')
  return rows.map(cells => `${line(cells)}\n`).join('')
}

function runes(text: string): number {
  return [...text].length
}

function padRunes(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - runes(text)))
}
