import { type FurtherExtension, type Inspection, type InspectRemark, type Place, RULES, type RuleId } from '../index.js'
import { formatDetail } from './inspect-detail.js'
import { bundlesOf, type FileNames, mainPlace } from './inspect-files.js'
import { LIFE_COLOURS, lifeOf, NO_END } from './inspect-life.js'
import { accessRow, columnsFor, formatRow, NO_ROW, type Row, type RowSource, treeRow } from './inspect-rows.js'
import { blockRows, keyRows, manifestRows, requestRows } from './inspect-sections.js'
import { treeOf } from './inspect-tree.js'
import { type Colour, type Terminal, widthOf, wrap } from './terminal.js'

/**
 * An inspection for people: a summary, issuers as a tree, then what stands alone, then what does not fit. One thing alone is
 * shown with everything that it says.
 */
export function formatInspection(
  inspection: Inspection,
  names: FileNames,
  terminal: Terminal,
  further: readonly FurtherExtension[] = [],
): string {
  const lines = [...summary(inspection, names, terminal), '']
  const detail = formatDetail(inspection, names, terminal, further)
  lines.push(...(detail ?? overview(inspection, names, terminal)), ...remarkLines(inspection.remarks, names, terminal))
  return `${lines.join('\n').trimEnd()}\n`
}

interface Part {
  readonly text: string
  readonly colour?: Colour
}

/** What does not fit, alone; empty when everything does. */
export function formatRemarks({ remarks }: Inspection, names: FileNames, terminal: Terminal): string {
  return remarkLines(remarks, names, terminal)
    .slice(1)
    .map(line => `${line}\n`)
    .join('')
}

/** What is here, what ends first, what is wrong: one line where there is room, else one part a line. */
function summary(inspection: Inspection, names: FileNames, terminal: Terminal): string[] {
  const { paint, columns } = terminal
  const parts = [
    contentPart(inspection, names, terminal),
    ...endParts(inspection, names, terminal),
    faultPart(inspection),
  ]
  const lines: { plain: string; painted: string }[] = []
  for (const [index, { text, colour }] of parts.entries()) {
    for (const plain of wrap(text + (index < parts.length - 1 ? ';' : ''), columns)) {
      const painted = colour === undefined ? plain : paint(colour, plain)
      const last = lines.at(-1)
      if (last && widthOf(last.plain) + widthOf(plain) < columns) {
        last.plain += ` ${plain}`
        last.painted += ` ${painted}`
      } else lines.push({ plain, painted })
    }
  }
  return lines.map(({ painted }) => painted)
}

function contentPart(
  { certificates, keys, requests, kubeconfigs, manifests }: Inspection,
  { base }: FileNames,
  { show }: Terminal,
): Part {
  const privateKeys = keys.filter(({ kind }) => kind === 'private').length
  const counts = [
    count(certificates.length, 'certificate'),
    count(privateKeys, 'private key'),
    count(keys.length - privateKeys, 'public key'),
    count(requests.length, 'request'),
    count(kubeconfigs.length, 'kubeconfig'),
    count(manifests.length, 'manifest'),
  ].filter(text => !text.startsWith('0 '))
  return {
    colour: 'bold',
    text: `${counts.join(', ') || 'nothing that is read'}${base === '' ? '' : ` in ${show(base)}`}`,
  }
}

function endParts(inspection: Inspection, names: FileNames, { show }: Terminal): Part[] {
  const { certificates, now } = inspection
  const bundles = bundlesOf(inspection)
  const lives = certificates.map(found => ({ ...lifeOf(found.certificate, now), found }))
  const ahead = lives.filter(({ state }) => state !== 'expired')
  const [first] = ahead.sort((a, b) => +a.found.certificate.notAfter - +b.found.certificate.notAfter)
  const expired = lives.length - ahead.length
  const parts: Part[] = []
  if (certificates.length === 1) {
    const [life] = lives
    if (!life) return []
    const isAhead = life.state === 'valid' || life.state === 'soon'
    return [
      {
        text: isAhead && life.words !== NO_END ? `ends in ${life.words}` : life.words,
        colour: LIFE_COLOURS[life.state],
      },
    ]
  }
  if (expired > 0) parts.push({ text: `${expired === lives.length ? 'all' : expired} expired`, colour: 'red' })
  if (!first) return parts
  const when =
    first.state === 'future' ? `(${first.words})` : first.words === NO_END ? '(it has none)' : `in ${first.words}`
  const file = show(firstPlace(mainPlace(first.found, bundles), names))
  const colour = first.state === 'valid' ? {} : { colour: 'yellow' as const }
  return [...parts, { text: `${expired > 0 ? 'next' : 'first'} to end: ${file} ${when}`, ...colour }]
}

/** A file is enough where there are several. */
function firstPlace(place: Place, names: FileNames): string {
  return place.file === names.base ? names.at(place) : names.of(place.file)
}

function faultPart({ remarks }: Inspection): Part {
  const errors = remarks.filter(({ severity }) => severity === 'error').length
  const texts = [count(errors, 'error'), count(remarks.length - errors, 'warning')].filter(
    text => !text.startsWith('0 '),
  )
  if (remarks.length === 0) return { text: 'nothing amiss', colour: 'green' }
  return { text: texts.join(', '), colour: errors > 0 ? 'red' : 'yellow' }
}

/** A number and what it counts. */
function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}

function overview(inspection: Inspection, names: FileNames, terminal: Terminal): string[] {
  const { rows, uses, loose } = treeOf(inspection)
  const bundles = bundlesOf(inspection)
  const source: RowSource = { inspection, uses, bundles, names, terminal }
  const tree = rows.map(row => treeRow(row, source))
  const sections: (readonly [title: string, rows: readonly Row[]])[] = [
    ['requests', requestRows(source)],
    ['keys of no certificate that is here', keyRows(source)],
    ['kubeconfigs of no CA that is here', loose.map(access => accessRow(access, source))],
    ['manifests', manifestRows(source)],
    ['bundles', [...bundles].flatMap(([file, number]) => bundleRow(file, number, source))],
    ['not read', blockRows(source)],
  ]
  const widths = columnsFor([...tree, ...sections.flatMap(([, rows]) => rows)], terminal)
  const lines: string[] = []
  for (const [index, row] of tree.entries()) {
    // Room between trees, none between roots that stand alone.
    const isTree = row.hasChildren || (tree[index - 1]?.trunks.length ?? 0) > 0
    if (row.trunks.length === 0 && index > 0 && isTree) lines.push('')
    lines.push(...formatRow(row, widths, terminal))
  }
  for (const [title, rows] of sections) {
    if (rows.length > 0)
      lines.push(
        ...(lines.length > 0 ? [''] : []),
        terminal.paint('bold', title),
        ...rows.flatMap(row => formatRow(row, widths, terminal)),
      )
  }
  return [...lines, '']
}

/** A file with many certificates that other files have, too; one that has them alone is named with each of them. */
function bundleRow(file: string, number: number, { names, terminal, inspection }: RowSource): Row[] {
  const others = inspection.certificates.filter(
    ({ places }) => places.some(place => place.file === file) && places.some(place => place.file !== file),
  ).length
  if (others === 0) return []
  const elsewhere = others === number ? 'all of them in other files, too' : `${others} of them in other files, too`
  return [{ ...NO_ROW, name: terminal.show(names.of(file)), who: `${number} certificates, ${elsewhere}` }]
}

// More of one kind are told together: a tree that has expired says so once.
const MAX_ALIKE = 3

/** What does not fit, and what to do. */
function remarkLines(remarks: readonly InspectRemark[], names: FileNames, terminal: Terminal): string[] {
  const { paint, columns } = terminal
  if (remarks.length === 0) return []
  const lines = [paint('bold', 'what does not fit')]
  const codes = [...new Set(remarks.map(({ code }) => code))]
  const severity = (code: RuleId) => RULES[code].severity
  for (const code of codes.sort((a, b) => severity(a).localeCompare(severity(b)))) {
    const alike = remarks.filter(remark => remark.code === code)
    const colour = severity(code) === 'error' ? 'red' : 'yellow'
    const texts =
      alike.length > MAX_ALIKE
        ? byReason(code, alike).map(([reason, group]) => together(reason, group, names, terminal))
        : alike.map(remark => alone(remark, names, terminal))
    for (const text of texts) {
      for (const [index, line] of wrap(text, columns - 4).entries())
        lines.push(index === 0 ? `${paint(colour, severity(code) === 'error' ? 'x' : '!')} ${line}` : `    ${line}`)
    }
    for (const hint of new Set(alike.flatMap(remark => remark.hint ?? []).slice(0, MAX_ALIKE)))
      for (const [index, line] of wrap(hint, columns - 6).entries())
        lines.push(paint('dim', `    ${index === 0 ? '> ' : '  '}${terminal.show(line)}`))
  }
  return lines
}

function alone({ place, message }: InspectRemark, names: FileNames, { show }: Terminal): string {
  return `${show(names.at(place))} ${show(shorten(message, names))}`
}

// Lists that are longer are read in JSON.
const MAX_REASONS = 12

/** Files that cannot be read differ in why: each reason is told once, wherever in a text it is. */
function byReason(code: RuleId, remarks: readonly InspectRemark[]): [reason: string, InspectRemark[]][] {
  const { about } = RULES[code]
  if (code !== 'unreadable') return [[about, [...remarks]]]
  const groups = new Map<string, InspectRemark[]>()
  for (const remark of remarks) {
    const reason = remark.message.replace(/^(cannot be read as YAML: )\d+:\d+: /, '$1')
    const key = groups.has(reason) || groups.size < MAX_REASONS ? reason : about
    const group = groups.get(key)
    if (group) group.push(remark)
    else groups.set(key, [remark])
  }
  return [...groups]
}

function together(reason: string, remarks: readonly InspectRemark[], names: FileNames, { show }: Terminal): string {
  const places = [...new Set(remarks.map(({ place }) => names.at(place)))]
  const shown = places.slice(0, 12).map(show).join(', ')
  const more = places.length > 12 ? ` and ${places.length - 12} more` : ''
  return `${show(reason)} (${remarks.length}): ${shown}${more}`
}

/** Messages name other files in full; here all of them stand in one directory. */
function shorten(message: string, names: FileNames): string {
  return message
    .split(' ')
    .map(word => names.of(word))
    .join(' ')
}
