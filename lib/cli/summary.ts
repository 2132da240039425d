import { type Finding, filesOf, type GenerateResult, placeOf, type RowResult, type Store } from '../index.js'
import { type Painter, painter } from './terminal.js'

/** What the summary needs beside the result. */
export interface SummaryOptions {
  readonly store: Store
  /** The tree as the command line names it, when it names nothing else. */
  readonly dir: string | undefined
  readonly isDryRun: boolean
  readonly pin: string | undefined
  readonly columns: number
  readonly colour: boolean
}

const VERBS: Readonly<Record<RowResult['action'], readonly [done: string, planned: string]>> = {
  create: ['made', 'make'],
  complete: ['completed', 'complete'],
  copy: ['copied', 'copy'],
  reuse: ['kept', 'keep'],
  external: ['external', 'external'],
  blocked: ['misfit', 'misfit'],
}

/** The summary of a `gen` run for people: what, where, for which names, until when. */
export function formatGenerated({ rows, plan }: GenerateResult, options: SummaryOptions): string {
  const { isDryRun, store, pin } = options
  const paint = painter(options.colour)
  const verbOf = ({ action }: RowResult) => VERBS[action][isDryRun ? 1 : 0]
  const verbWidth = Math.max(...rows.map(row => verbOf(row).length))
  const fileWidth = Math.max(...rows.map(row => fileOf(row).length))
  const lines: string[] = []
  for (const row of rows) {
    const { certificate, wanted, action } = row
    const isQuiet = action === 'reuse' || action === 'external'
    const colour = action === 'blocked' ? 'red' : isQuiet ? 'dim' : 'green'
    const verb = paint(colour, verbOf(row).padEnd(verbWidth))
    const end = certificate?.notAfter.toISOString().slice(0, 10) ?? ''
    const identity = certificate?.subject.commonName ?? wanted?.commonName ?? 'service-account key pair'
    const facts = action === 'blocked' && !certificate ? '' : `${end.padEnd(10)} ${identity}`
    lines.push(`${verb} ${fileOf(row).padEnd(fileWidth)}  ${facts}`.trimEnd())
    for (const line of detailsOf(row, options.columns)) lines.push(paint('dim', line))
  }
  lines.push('', ...findingLines(plan.findings, store, paint))
  const count = (action: RowResult['action']) => rows.filter(row => row.action === action).length
  const counts = (['create', 'complete', 'copy', 'reuse', 'external', 'blocked'] as const)
    .filter(action => count(action) > 0)
    .map(action =>
      `${count(action)} ${isDryRun ? `to ${VERBS[action][1]}` : VERBS[action][0]}`
        .replace('to external', 'external')
        .replace('to misfit', 'that do not fit'),
    )
  const [kubeconfigs, certificates] = [store.locate('x').slice(0, -'/x'.length), store.locate('pki')]
  // As it was typed where it is one tree, else both halves as they are.
  const where =
    certificates === `${kubeconfigs}/pki` ? (options.dir ?? kubeconfigs) : `${certificates} and ${kubeconfigs}`
  lines.push(`${isDryRun ? 'Dry run, nothing was written' : 'Done'}: ${counts.join(', ')} in ${where}`)
  if (pin !== undefined) lines.push(`CA pin: ${pin}`)
  return `${lines.join('\n')}\n`
}

function fileOf({ id, written }: RowResult): string {
  return (id === 'sa' ? written[0] : written.at(-1)) ?? filesOf(id).at(-1)?.path ?? id
}

/** Groups, the server of a kubeconfig and the names of a server certificate, indented and wrapped. */
function detailsOf({ certificate, wanted, server, id, action }: RowResult, columns: number): string[] {
  if (action === 'blocked') return []
  const groups = certificate?.subject.organizations ?? wanted?.organizations ?? []
  const facts = [
    ...(groups.length > 0 ? [`in ${groups.join(', ')}`] : []),
    ...(server === undefined ? [] : [`to ${server}`]),
  ]
  if (facts.length > 0) return wrapList(facts, columns)
  if (wanted?.profile.isCa || id.endsWith('.conf')) return []
  const { dnsNames, ipAddresses } = certificate ?? wanted ?? { dnsNames: [], ipAddresses: [] }
  const [first, ...rest] = [...dnsNames, ...ipAddresses]
  return first === undefined ? [] : wrapList([`for ${first}`, ...rest], columns)
}

function wrapList(items: readonly string[], columns: number): string[] {
  const lines: string[] = []
  for (const [index, item] of items.entries()) {
    const text = index < items.length - 1 ? `${item},` : item
    const last = lines.at(-1)
    if (last !== undefined && `${last} ${text}`.length <= Math.max(40, columns))
      lines[lines.length - 1] = `${last} ${text}`
    else lines.push(`${lines.length === 0 ? '       ' : '           '}${text}`)
  }
  return lines
}

/** Not weaker, only not as described. */
const OTHERWISE: readonly string[] = ['server', 'key-algorithm', 'ca-data-partial', 'kubeconfig-extra']

/** Errors one by one; warnings of one kind together, since a tree of another maker has the same one in every file. */
function findingLines(findings: readonly Finding[], store: Store, paint: Painter): string[] {
  const lines: string[] = []
  for (const found of findings) {
    if (found.severity === 'error')
      lines.push(`${paint('red', 'does not fit:')} ${placeOf(found, store)} ${found.message}`)
  }
  const warnings = findings.filter(({ severity }) => severity === 'warning')
  for (const code of new Set(warnings.map(finding => finding.code))) {
    const [first, ...rest] = warnings.filter(finding => finding.code === code)
    if (!first) continue
    const others = rest.length > 0 ? ` (and ${rest.length} more like it)` : ''
    const label = OTHERWISE.includes(code) ? 'differs:' : 'weaker:'
    lines.push(`${paint('yellow', label)} ${placeOf(first, store)} ${first.message}${others}`)
  }
  return lines.length > 0 ? [...lines, ''] : []
}
