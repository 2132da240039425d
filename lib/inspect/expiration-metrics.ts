import type { ExpirationEntry, ExpirationReport } from './expiration.js'
import { printable } from './picture-text.js'
import { UniqueNames } from './unique-names.js'

/** Names of a metric's labels and their values. */
type Labels = Readonly<Record<string, string>>

/** One metric: a gauge with a sample for every entry that has a value. */
interface Metric {
  readonly name: string
  readonly help: string
  /** `undefined`: no sample. */
  readonly value: (entry: ExpirationEntry) => number | undefined
  /** Beside those that tell entries apart. */
  readonly labels?: (entry: ExpirationEntry) => Labels
}

const seconds = (date: Date | undefined) => (date === undefined ? undefined : Math.floor(+date / 1000))

/** What is measured of every entry. Names follow prometheus.io/docs/practices/naming: unit last, base units. */
const METRICS: readonly Metric[] = [
  {
    name: 'kpki_certificate_not_after_timestamp_seconds',
    help: 'When the certificate ends, in seconds since 1970.',
    value: ({ expirationDate }) => seconds(expirationDate),
  },
  {
    name: 'kpki_certificate_not_before_timestamp_seconds',
    help: 'When the certificate begins, in seconds since 1970.',
    value: ({ found }) => seconds(found?.certificate.notBefore),
  },
  {
    name: 'kpki_certificate_externally_managed',
    help: 'Whether the key that could renew it is kept elsewhere.',
    value: ({ found, externallyManaged }) => (found ? Number(externallyManaged) : undefined),
  },
  {
    name: 'kpki_certificate_missing',
    help: 'Whether a certificate that belongs to the tree is not there.',
    value: ({ missing }) => Number(missing),
  },
  {
    name: 'kpki_certificate_unreadable',
    help: 'Whether the certificate is there and cannot be read.',
    value: ({ state }) => Number(state === 'unreadable'),
  },
  {
    name: 'kpki_certificate_info',
    help: 'What the certificate says; always 1.',
    value: ({ found }) => (found ? 1 : undefined),
    labels: ({ found }) => ({
      subject: found?.certificate.subject.text ?? '',
      issuer: found?.certificate.issuer.text ?? '',
      serial: found?.certificate.serialNumber ?? '',
    }),
  },
]

/** Options of {@link formatExpirationMetrics}. */
export interface ExpirationMetricsOptions {
  /** Where a tree path is. Default: the path itself */
  readonly locate?: (path: string) => string
}

/**
 * Writes a report in Prometheus' text format, version 0.0.4, for node_exporter's textfile collector or anything else that reads
 * it. Text of others that cannot be seen is named, e.g. `[U+001B]`, and what is longer than 200 characters is cut.
 *
 * @returns lines that end with LF; `kpki_expiration_report_timestamp_seconds` says when it was made, for an alert on silence
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/ (text format)
 */
export function formatExpirationMetrics(report: ExpirationReport, options: ExpirationMetricsOptions = {}): string {
  const { locate = path => path } = options
  const entries = [
    ...named(report.certificates).map(each => ({ ...each, kind: 'certificate' })),
    ...named(report.certificateAuthorities).map(each => ({ ...each, kind: 'authority' })),
  ]
  const lines: string[] = []
  for (const { name, help, value, labels } of METRICS) {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} gauge`)
    for (const { entry, kind, name: entryName } of entries) {
      const sample = value(entry)
      if (sample === undefined) continue
      const own = { kind, name: entryName, path: locate(entry.path), ca: entry.caName ?? '' }
      lines.push(`${name}{${formatLabels({ ...own, ...labels?.(entry) })}} ${sample}`)
    }
  }
  const made = 'kpki_expiration_report_timestamp_seconds'
  lines.push(`# HELP ${made} When this was measured, in seconds since 1970.`, `# TYPE ${made} gauge`)
  lines.push(`${made} ${Math.floor(+report.moment / 1000)}`)
  return `${lines.join('\n')}\n`
}

/** Entries with names that are still different when they are printable: who reads two samples alike refuses the whole file. */
function named(entries: readonly ExpirationEntry[]): { readonly entry: ExpirationEntry; readonly name: string }[] {
  const names = new UniqueNames((name, number) => `${name} (${number})`)
  return entries.map(entry => ({ entry, name: names.take(printable(entry.name, MAX_NAME)) }))
}

/** Leaves room for a number. */
const MAX_NAME = 180

function formatLabels(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeLabel(printable(value))}"`)
    .join(',')
}

/** Escapes the value of a label: backslash, double quote and line feed. */
export function escapeLabel(value: string): string {
  return value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')
}
