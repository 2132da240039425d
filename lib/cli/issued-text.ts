import type { Door, JudgedEntry } from '../index.js'
import { LIFE_COLOURS, lifeOf } from './inspect-life.js'
import { pad, type Terminal, widthOf, wrap } from './terminal.js'

/** What is to be shown of ledgers. */
export interface IssuedList {
  readonly moment: Date
  /** Of the judged, what was asked for. */
  readonly shown: readonly JudgedEntry[]
  /** All that are of the user and the groups that were asked for. */
  readonly judged: readonly JudgedEntry[]
  /** How many certificates the ledgers have, whoever's. */
  readonly total: number
  /** Lines that cannot be read, and so may be of certificates that let somebody in. */
  readonly unreadLines: number
  /** Ledgers that have no entry at all. */
  readonly emptyFiles: number
  /** Certificates of which lines say different things. */
  readonly contradictions: number
}

/** How many of the judged let nobody in, by the first reason that holds. */
export function countAside({ judged }: IssuedList) {
  const counts = { replaced: 0, ended: 0, notYet: 0, noClient: 0 }
  for (const { canGetIn, isTrusted, state } of judged) {
    if (canGetIn) continue
    if (isTrusted === false) counts.replaced++
    else if (state === 'expired') counts.ended++
    else if (state === 'future') counts.notYet++
    else counts.noClient++
  }
  return counts
}

type Part = Door | 'unknown' | 'noClient' | 'ended' | 'replaced'

const PARTS: Readonly<Record<Part, string>> = {
  'api-server': 'To the API server and the kubelets',
  'front-proxy': 'To the API server as whatever user it names (front proxy)',
  etcd: 'To etcd, which asks nobody further',
  unknown: 'Somewhere: the CA is not in this tree',
  noClient: 'CAs and servers',
  ended: 'Ended, or not begun',
  replaced: 'Of CAs that are not in this tree any more: not where only these are trusted',
}

/** What else a CA opens that is that of several, by its second door. */
const ALSO: Readonly<Record<Door, string>> = {
  'api-server': 'to the API server',
  'front-proxy': 'to the API server as any user, where --requestheader-allowed-names lets it',
  etcd: 'to etcd',
}

function partOf({ canGetIn, isTrusted, state, doors }: JudgedEntry): Part {
  if (canGetIn) return doors[0] ?? 'unknown'
  if (isTrusted === false) return 'replaced'
  return state === 'expired' || state === 'future' ? 'ended' : 'noClient'
}

/** Group whose members no authorizer stops (kubernetes/kubernetes v1.20.2, pkg/apis/rbac: SystemPrivilegedGroup). */
const MASTERS = 'system:masters'

/** A table for people: who, for what, until when, and below each its groups and its numbers. */
export function formatIssued(list: IssuedList, terminal: Terminal): string {
  const { columns, paint } = terminal
  const rows = list.shown.map(judged => ({ part: partOf(judged), ...rowOf(judged, list.moment, terminal) }))
  // No spreading: a ledger may have more lines than a call can have arguments.
  const widthFor = (cells: readonly string[], most: number) =>
    cells.reduce((width, cell) => Math.min(most, Math.max(width, widthOf(cell))), 0)
  const who = widthFor(
    rows.map(row => row.who),
    Math.floor(columns * 0.45),
  )
  const what = widthFor(
    rows.map(row => row.what),
    Math.floor(columns * 0.3),
  )
  const lines: string[] = []
  for (const [part, title] of Object.entries(PARTS)) {
    const members = rows.filter(row => row.part === part)
    if (members.length === 0) continue
    lines.push(paint('bold', title))
    for (const row of members) {
      const first = `  ${pad(row.who, who)}  ${pad(row.what, what)}  `
      // Names are not cut: two that begin alike would look the same.
      if (widthOf(first) + widthOf(row.until) <= columns) lines.push(`${first}${paint(row.colour, row.until)}`)
      else {
        for (const line of wrap(row.who, columns - 2)) lines.push(`  ${line}`)
        for (const line of wrap(`${row.what}  ${row.until}`, columns - 4)) lines.push(`    ${paint(row.colour, line)}`)
      }
      if (row.groups !== '')
        for (const line of wrap(row.groups, columns - 4))
          lines.push(`    ${paint(row.isMaster ? 'yellow' : 'dim', line)}`)
      if (row.also !== '') for (const line of wrap(row.also, columns - 4)) lines.push(`    ${paint('yellow', line)}`)
      for (const line of wrap(row.numbers, columns - 4)) lines.push(`    ${paint('dim', line)}`)
    }
    lines.push('')
  }
  return `${[...lines, ...summaryOf(list).flatMap(line => wrap(line, columns))].join('\n')}\n`
}

function rowOf({ entry, role, doors: [, ...further], canGetIn }: JudgedEntry, moment: Date, { show }: Terminal) {
  const life = lifeOf(entry, moment)
  const { user, groups, purpose, serialNumber, notAfter, issuer, isCa } = entry
  const isMaster = groups.includes(MASTERS) && !isCa
  return {
    who: show(user) || '(no name)',
    what: role === 'client' ? show(purpose) : `${show(purpose)} (${role})`,
    until: `${notAfter
      .toISOString()
      .slice(0, / [dy]$/.test(life.words) ? 10 : 16)
      .replace('T', ' ')}, ${life.words}`,
    colour: LIFE_COLOURS[life.state],
    isMaster,
    groups: `${groups.length === 0 ? '' : `in ${groups.map(show).join(', ')}`}${isMaster ? ': no rule stops it' : ''}`,
    also: canGetIn && further.length > 0 ? `also ${further.map(door => ALSO[door]).join('; ')}: one CA for both` : '',
    numbers: `serial ${show(serialNumber)}, by ${show(issuer.subject)} ${issuer.publicKeyHash.slice(0, 12)}`,
  }
}

function summaryOf(list: IssuedList): readonly string[] {
  const { replaced, ended, notYet, noClient } = countAside(list)
  const inside = list.judged.filter(({ canGetIn }) => canGetIn).length
  const aside = [
    [noClient, 'of CAs and servers'],
    [ended, 'ended'],
    [notYet, 'not begun'],
    [replaced, 'signed by CAs that are not in this tree any more'],
  ] as const
  const rest = aside.filter(([number]) => number > 0).map(([number, what]) => `${number} ${what}`)
  const isHiding = list.shown.length < list.judged.length
  const moment = `${list.moment.toISOString().slice(0, 16).replace('T', ' ')} UTC`
  // Somebody is looking for those who get in: what is not known is no "nobody".
  const unknown = [
    ...(list.unreadLines > 0 ? [`${countOf(list.unreadLines, 'line')} cannot be read`] : []),
    ...(list.emptyFiles > 0 ? [`${countOf(list.emptyFiles, 'file')} without an entry`] : []),
    ...(list.contradictions > 0 ? [`${countOf(list.contradictions, 'certificate')} told in two ways`] : []),
  ].join(', ')
  if (list.total === 0) return [`No certificate was read (${unknown}): who can get in is not known`]
  const counted =
    list.judged.length === 0
      ? `None of ${list.total} certificates is of whom was asked for`
      : `${unknown === '' ? '' : 'At least '}${inside} of ${list.judged.length} certificates let somebody in on ${moment}`
  return [
    counted,
    ...(rest.length > 0 ? [`The others: ${rest.join(', ')}${isHiding ? ' (--all shows them)' : ''}`] : []),
    ...(unknown === '' ? [] : [`${unknown}: who else can get in is not known`]),
  ]
}

/** e.g. `1 line`, `12 lines`. */
export function countOf(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
