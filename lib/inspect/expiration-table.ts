import { humanDuration } from '../kubernetes/duration.js'
import type { ExpirationEntry, ExpirationReport } from './expiration.js'

/** A line of a table: its cells, and the entry that it is about. */
export interface ExpirationRow {
  readonly cells: readonly string[]
  /** `undefined` for the heads. */
  readonly entry: ExpirationEntry | undefined
}

/** The two tables of a report, heads first. */
export interface ExpirationTables {
  readonly certificates: readonly ExpirationRow[]
  readonly certificateAuthorities: readonly ExpirationRow[]
}

const HEADS = {
  certificates: ['CERTIFICATE', 'EXPIRES', 'RESIDUAL TIME', 'CERTIFICATE AUTHORITY', 'EXTERNALLY MANAGED'],
  certificateAuthorities: ['CERTIFICATE AUTHORITY', 'EXPIRES', 'RESIDUAL TIME', 'EXTERNALLY MANAGED'],
} as const

/**
 * The two tables that `kubeadm certs check-expiration` prints, with our lines behind kubeadm's; residual times in the words of
 * kubeadm 1.31 and later. What cannot be read is marked like what is missing, and what is elsewhere has empty cells.
 *
 * @param show - makes names and paths of others printable. Default: as they are
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/cmd/alpha/certs.go (newCmdCertsExpiration)
 */
export function expirationTables(report: ExpirationReport, show = (text: string) => text): ExpirationTables {
  const { certificates, certificateAuthorities } = report
  const rowOf = (entry: ExpirationEntry, isCa: boolean): ExpirationRow => {
    const { name, expirationDate, residualTime, caName, externallyManaged } = entry
    const ca = isCa ? [] : [show(caName ?? '')]
    if (!expirationDate)
      return { cells: [`${MARKS[entry.state] ?? ''}${show(name)}`, '', '', ...ca.map(() => ''), ''], entry }
    const external = externallyManaged ? 'yes' : 'no'
    return { cells: [show(name), formatDate(expirationDate), humanDuration(residualTime), ...ca, external], entry }
  }
  return {
    certificates: [{ cells: HEADS.certificates, entry: undefined }, ...certificates.map(entry => rowOf(entry, false))],
    certificateAuthorities: [
      { cells: HEADS.certificateAuthorities, entry: undefined },
      ...certificateAuthorities.map(entry => rowOf(entry, true)),
    ],
  }
}

const MARKS: Partial<Record<ExpirationEntry['state'], string>> = {
  missing: '!MISSING! ',
  unreadable: '!UNREADABLE! ',
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const

/** Go's layout `Jan 02, 2006 15:04 MST`. */
function formatDate(date: Date): string {
  const [day, hours, minutes] = [date.getUTCDate(), date.getUTCHours(), date.getUTCMinutes()].map(twoDigits)
  const year = String(date.getUTCFullYear()).padStart(4, '0')
  return `${MONTHS[date.getUTCMonth()] ?? ''} ${day}, ${year} ${hours}:${minutes} UTC`
}

function twoDigits(number: number): string {
  return String(number).padStart(2, '0')
}

// Go's text/tabwriter as kubeadm calls it: cells at least 10 wide, 3 spaces between them.
const [MIN_WIDTH, PADDING] = [10, 3]
/** kubeadm's format for the last cell is `%-8v`. */
const LAST_WIDTH = 8

/**
 * Lays a table out as kubeadm does, whatever the width of the terminal.
 *
 * @param widthOf - columns that a text takes. Default: its length
 */
export function layOutRows(rows: readonly ExpirationRow[], widthOf = (text: string) => [...text].length): string[] {
  const widths: number[] = []
  for (const { cells } of rows)
    for (const [column, cell] of cells.slice(0, -1).entries())
      widths[column] = Math.max(widths[column] ?? MIN_WIDTH, widthOf(cell) + PADDING)
  return rows.map(({ cells, entry }) =>
    cells
      .map((cell, column) => {
        const isLast = column === cells.length - 1
        const width = isLast ? (entry && cell !== '' ? LAST_WIDTH : 0) : (widths[column] ?? 0)
        return cell + ' '.repeat(Math.max(0, width - widthOf(cell)))
      })
      .join(''),
  )
}

/**
 * Writes a report as `kubeadm certs check-expiration` does: two tables with a blank line between them.
 *
 * @param show - as of {@link expirationTables}
 */
export function formatExpirationTable(report: ExpirationReport, show?: (text: string) => string): string {
  const { certificates, certificateAuthorities } = expirationTables(report, show)
  return `${[...layOutRows(certificates), '', ...layOutRows(certificateAuthorities)].join('\n')}\n`
}
