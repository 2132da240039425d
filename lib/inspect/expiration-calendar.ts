import type { Context } from '../context.js'
import { encodeUtf8 } from '../crypto/bytes.js'
import { sha256 } from '../crypto/digest.js'
import type { ExpirationEntry, ExpirationReport } from './expiration.js'
import { dayText, minuteText } from './life.js'
import { printable } from './picture-text.js'

const DAY = 86_400_000
/** When reminders come, in days before the end … */
const REMINDER_DAYS = [30, 7, 1] as const
/** … as far as that is in the last third of a life; of a short one, where its last third begins. */
const REMINDER_SHARE = 1 / 3

/** RFC 5545 section 3.1: octets of a line without its CRLF. */
const MAX_OCTETS = 75
/** RFC 5545 section 3.3.8. */
const MAX_INTEGER = 2 ** 31 - 1

/** Options of {@link formatExpirationCalendar}. */
export interface ExpirationCalendarOptions {
  /** What the calendar is called, e.g. the name of a cluster. Default: the node, or `Certificates` */
  readonly title?: string
  /** Where a tree path is. Default: the path itself */
  readonly locate?: (path: string) => string
}

/**
 * Writes a report as an iCalendar file: one event for the end of each certificate, with reminders. Of those that end on the
 * same day (UTC) only the first has reminders, which name the others: nobody is to be called twelve times.
 *
 * An event keeps its UID when the certificate is renewed, and has a larger SEQUENCE then, so that calendars move it instead of
 * keeping a second one. The same tree gives the same file at whatever moment.
 *
 * @returns lines of at most 75 octets that end with CRLF
 * @see RFC 5545 sections 3.1 (folding), 3.3.11 (escaping), 3.6.1 (VEVENT), 3.6.6 (VALARM); RFC 7986 section 5.1 (NAME)
 */
export async function formatExpirationCalendar(
  report: ExpirationReport,
  context: Context,
  options: ExpirationCalendarOptions = {},
): Promise<string> {
  const { node, certificates, certificateAuthorities } = report
  const title = printable(options.title ?? (node === undefined ? 'Certificates' : `Certificates of ${node}`))
  const entries = [...certificates, ...certificateAuthorities].filter(({ expirationDate }) => hasEnd(expirationDate))
  entries.sort((a, b) => +(a.expirationDate ?? 0) - +(b.expirationDate ?? 0))
  const days = new Map<string, ExpirationEntry[]>()
  for (const entry of entries) {
    const day = dayOf(entry.expirationDate)
    const sameDay = days.get(day)
    if (sameDay) sameDay.push(entry)
    else days.set(day, [entry])
  }
  const lines = ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//kpki//expiration//EN', 'CALSCALE:GREGORIAN']
  // NAME is RFC 7986's; X-WR-CALNAME is what the calendars of Apple, Google and Microsoft read.
  for (const name of ['NAME', 'X-WR-CALNAME']) lines.push(`${name}:${escapeText(title)}`)
  for (const entry of entries) {
    const sameDay = days.get(dayOf(entry.expirationDate)) ?? []
    const others = sameDay[0] === entry ? sameDay.slice(1) : undefined
    lines.push(...(await eventOf(entry, others, report, context, options)))
  }
  if (entries.length === 0) lines.push(...UTC)
  return [...lines, 'END:VCALENDAR'].map(line => `${foldLine(line)}\r\n`).join('')
}

/** A calendar must have a component (RFC 5545 section 3.6); where nothing ends this one says the least (section 3.6.5). */
const UTC = [
  'BEGIN:VTIMEZONE',
  'TZID:Etc/UTC',
  'BEGIN:STANDARD',
  'DTSTART:19700101T000000',
  'TZOFFSETFROM:+0000',
  'TZOFFSETTO:+0000',
  'END:STANDARD',
  'END:VTIMEZONE',
] as const

/** RFC 5280 section 4.1.2.5: the last second of the year 9999 stands for no end. */
function hasEnd(date: Date | undefined): boolean {
  return date !== undefined && date.getUTCFullYear() < 9999
}

function dayOf(date: Date | undefined): string {
  return date ? dayText(date) : ''
}

/** @param others - that end on the same day, where this is the first of them; the others have no reminders of their own */
async function eventOf(
  entry: ExpirationEntry,
  others: readonly ExpirationEntry[] | undefined,
  report: ExpirationReport,
  context: Context,
  { locate = path => path }: ExpirationCalendarOptions,
): Promise<string[]> {
  const { found, expirationDate: end, name, path, caName, externallyManaged } = entry
  if (!found || !end) return []
  const { certificate } = found
  const what = `${printable(name)}${report.node === undefined ? '' : ` of ${printable(report.node)}`}`
  const isCa = certificate.isCa ? 'CA ' : ''
  const facts = [
    `File: ${printable(locate(path))}`,
    `Subject: ${printable(certificate.subject.text)}`,
    `Signed by: ${printable(caName ?? certificate.issuer.text)}`,
    `Serial number: ${printable(certificate.serialNumber)}`,
    `Ends: ${minuteText(end)}`,
    ...(externallyManaged ? ['The key of its CA is not in the tree: it is renewed where that is.'] : []),
  ]
  const more =
    others && others.length > 0
      ? ` and ${others.length} more on the same day: ${others.map(other => printable(other.name)).join(', ')}`
      : ''
  return [
    'BEGIN:VEVENT',
    `UID:${await uidOf(entry, report, context)}`,
    // RFC 5545 section 3.8.7.2: without a METHOD, when the information was last revised.
    `DTSTAMP:${formatMoment(certificate.notBefore)}`,
    // Of the end: kubeadm before 1.31 gives every certificate the beginning of its CA.
    `SEQUENCE:${Math.min(MAX_INTEGER, Math.max(0, Math.floor(+end / 60_000)))}`,
    `DTSTART:${formatMoment(end)}`,
    `SUMMARY:${escapeText(`${isCa}certificate ${what} ends`)}`,
    `DESCRIPTION:${escapeText(facts.join('\n'))}`,
    'CATEGORIES:Certificates',
    'TRANSP:TRANSPARENT',
    ...(others ? remindersOf(certificate).flatMap(trigger => alarm(trigger, `certificate ${what} ends${more}`)) : []),
    'END:VEVENT',
  ]
}

/** Stable over renewals: of the cluster, the node and the name, and not of the certificate. */
async function uidOf({ name, found }: ExpirationEntry, report: ExpirationReport, context: Context): Promise<string> {
  const ca = report.certificateAuthorities.find(entry => entry.name === 'ca') ?? report.certificateAuthorities[0]
  const identity = JSON.stringify([
    ca?.found?.publicKeyHash ?? '',
    report.node ?? '',
    found?.certificate.isCa ?? false,
    name,
  ])
  return `${(await sha256(encodeUtf8(identity), context)).slice(0, 32)}@kpki`
}

/** Before the end, in seconds. */
function remindersOf({ notBefore, notAfter }: { readonly notBefore: Date; readonly notAfter: Date }): number[] {
  const last = ((+notAfter - +notBefore) * REMINDER_SHARE) / 1000
  const fitting = REMINDER_DAYS.map(days => (days * DAY) / 1000).filter(before => before <= last)
  return fitting.length > 0 ? fitting : [Math.max(60, Math.floor(last / 60) * 60)]
}

function alarm(secondsBefore: number, text: string): string[] {
  const days = secondsBefore % 86_400 === 0
  const trigger = days ? `-P${secondsBefore / 86_400}D` : `-PT${Math.floor(secondsBefore / 60)}M`
  return ['BEGIN:VALARM', 'ACTION:DISPLAY', `DESCRIPTION:${escapeText(text)}`, `TRIGGER:${trigger}`, 'END:VALARM']
}

/** RFC 5545 section 3.3.5, form 2: UTC. */
function formatMoment(date: Date): string {
  return date
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replace(/[-:]/g, '')
}

/** Escapes a value of type TEXT (RFC 5545 section 3.3.11). */
export function escapeText(text: string): string {
  return text.replace(/[\\;,]/g, '\\$&').replace(/\r\n|\n|\r/g, '\\n')
}

/** Folds a content line to 75 octets (RFC 5545 section 3.1); no character is torn apart. */
export function foldLine(line: string): string {
  const pieces: string[] = []
  let piece = ''
  let octets = 0
  for (const character of line) {
    const size = encodeUtf8(character).length
    // What goes on begins with a space, which counts.
    const most = pieces.length === 0 ? MAX_OCTETS : MAX_OCTETS - 1
    if (octets + size > most) {
      pieces.push(piece)
      piece = ''
      octets = 0
    }
    piece += character
    octets += size
  }
  return [...pieces, piece].join('\r\n ')
}
