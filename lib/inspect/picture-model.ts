import { type LifeState, lifeStateOf } from '../x509/life.js'
import { dayText, lifeWords, minuteText } from './life.js'
import { type Axis, placeOn, planAxis, type Span } from './picture-axis.js'
import { count, firstOf, printable } from './picture-text.js'
import { type Branch, growTree } from './picture-tree.js'
import type { InspectedCertificate, Inspection, Place } from './types.js'

/** A bar on the axis, in shares of its width. */
export interface Bar {
  readonly start: number
  readonly end: number
  /** Where now divides it into what is over and what is left. */
  readonly now: number
  /** The life goes on beyond the axis. */
  readonly isCutLeft: boolean
  readonly isCutRight: boolean
}

/** One certificate, or an issuer that is not there, ready to be drawn; texts are printable and not yet escaped. */
export interface PictureRow {
  readonly branch: Branch
  readonly kind: 'ca' | 'leaf' | 'absent'
  readonly state: LifeState
  readonly name: string
  /** What it is for: groups, names. */
  readonly purpose: string
  /** What kind of key it has, and where it and its key are. */
  readonly files: string
  /** Who signed it, for those who do not see the lines. */
  readonly signer: string
  readonly from: string
  readonly until: string
  readonly left: string
  readonly bar: Bar | undefined
  /** All of it in one text. */
  readonly tip: string
}

/** Everything that is drawn, before it has a form. */
export interface Picture {
  readonly title: string
  readonly moment: Date
  readonly momentText: string
  /** Counts, e.g. `10 certificates, 3 of them CAs`. */
  readonly summary: string
  /** What ends next, and what does not fit. */
  readonly headline: string
  readonly counts: Readonly<Record<LifeState, number>>
  /** `undefined` where there is no certificate. */
  readonly axis: Axis | undefined
  /** Where now is on the axis. */
  readonly now: number
  readonly rows: readonly PictureRow[]
}

/** A bar of no width is no bar. */
const MIN_BAR = 0.004

/** Works out what the picture of an inspection shows. */
export function describePicture(inspection: Inspection, title: string): Picture {
  const { certificates, now } = inspection
  const axis = certificates.some(hasDates) ? planAxis(certificates.filter(hasDates).map(spanOf), +now) : undefined
  const counts = { valid: 0, soon: 0, expired: 0, future: 0, unknown: 0 }
  for (const { certificate } of certificates) counts[lifeStateOf(certificate, now)]++
  const rows = growTree(certificates).map(branch =>
    branch.index === undefined ? absentRow(branch) : certificateRow(inspection, branch, branch.index, axis),
  )
  return {
    title: printable(title, 120),
    moment: now,
    momentText: minuteText(now),
    summary: summaryOf(inspection),
    headline: headlineOf(inspection),
    counts,
    axis,
    now: axis ? placeOn(axis, +now) : 0,
    rows,
  }
}

/** Names that nobody sees; the last two are letters by Unicode, and blank all the same. */
const BLANK = /^[\p{Z}\s\u3164\u2800]*$/u

/** What people call a certificate. */
export function nameOf({ certificate }: InspectedCertificate): string {
  const { subject, dnsNames, ipAddresses } = certificate
  const names = [subject.commonName, subject.text, dnsNames[0], ipAddresses[0]]
  return printable(names.find(name => name !== undefined && !BLANK.test(name)) ?? '(no name)')
}

function hasDates({ certificate }: InspectedCertificate): boolean {
  return !Number.isNaN(+certificate.notBefore) && !Number.isNaN(+certificate.notAfter)
}

function spanOf({ certificate: { notBefore, notAfter, isCa } }: InspectedCertificate): Span {
  return { start: +notBefore, end: +notAfter, isCa }
}

function absentRow(branch: Branch): PictureRow {
  const name = printable(branch.issuerName ?? '') || '(no name)'
  const about = 'issuer, not among these files'
  return {
    branch,
    kind: 'absent',
    state: 'unknown',
    name,
    purpose: '',
    files: about,
    signer: '',
    from: '',
    until: '',
    left: '',
    bar: undefined,
    tip: `${name}: ${about}`,
  }
}

function certificateRow(inspection: Inspection, branch: Branch, index: number, axis: Axis | undefined): PictureRow {
  const { certificates, now } = inspection
  const inspected = certificates[index]
  if (inspected === undefined) return absentRow(branch)
  const { certificate, places, keyPlaces, issuer, uncheckedIssuer } = inspected
  const name = nameOf(inspected)
  const signing = certificates[issuer ?? uncheckedIssuer ?? -1]
  const by = signing ? nameOf(signing) : printable(certificate.issuer.commonName || certificate.issuer.text)
  const isOwn = (issuer ?? uncheckedIssuer) === index
  const unchecked = issuer === undefined && signing ? ', which could not be checked' : ''
  const signer = `${isOwn ? 'self-signed' : `signed by ${by}`}${unchecked}`
  const row = {
    branch,
    kind: certificate.isCa ? ('ca' as const) : ('leaf' as const),
    state: lifeStateOf(certificate, now),
    name,
    purpose: purposeOf(inspected),
    files: `${keyName(inspected)} · ${filesOf(places, keyPlaces)}`,
    signer,
    from: dayText(certificate.notBefore),
    until: dayText(certificate.notAfter),
    left: lifeWords(certificate, now),
    bar: axis && hasDates(inspected) ? barOf(axis, spanOf(inspected), +now) : undefined,
  }
  return { ...row, tip: tipOf(row, inspected) }
}

function barOf(axis: Axis, { start, end }: Span, now: number): Bar {
  const [first, last] = [axis.stretches[0]?.from ?? 0, axis.stretches.at(-1)?.to ?? 0]
  const left = Math.min(placeOn(axis, start), 1 - MIN_BAR)
  const right = Math.max(placeOn(axis, end), left + MIN_BAR)
  return {
    start: left,
    end: right,
    now: Math.min(right, Math.max(left, placeOn(axis, now))),
    isCutLeft: start < first,
    isCutRight: end > last,
  }
}

function purposeOf({ certificate }: InspectedCertificate): string {
  const { subject, dnsNames, ipAddresses, isCa } = certificate
  const names = [...dnsNames, ...ipAddresses]
  const groups = subject.organizations.map(group => `O=${printable(group, 60)}`)
  const others = isCa ? [] : names.filter(name => name !== subject.commonName)
  const shown = others.slice(0, 3).map(name => printable(name, 60))
  const more = others.length > shown.length ? ` and ${count(others.length - shown.length, 'more name')}` : ''
  const forNames = shown.length > 0 ? `for ${shown.join(', ')}${more}` : ''
  return [firstOf(groups, 2), forNames].filter(Boolean).join(' · ')
}

function filesOf(places: readonly Place[], keyPlaces: readonly Place[]): string {
  // A file that is the certificate says more than one that has it inside of something.
  const byPart = [...places].sort((a, b) => Number(a.part !== undefined) - Number(b.part !== undefined))
  const [first = '', ...others] = new Set(byPart.map(({ file }) => file))
  const keyFile = keyPlaces[0]?.file
  // `pki/ca.crt, .key`: the same name is not said twice.
  const base = first.replace(/\.[^./]*$/, '')
  const ownKey = keyFile === undefined || keyFile === first ? undefined : keyFile
  const shortKey = ownKey?.startsWith(`${base}.`) ? ownKey.slice(base.length) : ownKey
  const shown = [first, ...(shortKey === undefined ? [] : [shortKey])].map(file => printable(file, 120)).join(', ')
  const more = others.filter(file => file !== ownKey).length
  return more > 0 ? `${shown} and ${count(more, 'more file')}` : shown
}

function keyName({ certificate }: InspectedCertificate): string {
  return printable(certificate.publicKey.name, 40)
}

/** A place in a file, e.g. `prod.conf, users[admin]`. */
export function placeText({ file, part }: Place): string {
  return part === undefined ? printable(file, 120) : `${printable(file, 120)}, ${printable(part, 120)}`
}

function tipOf(row: Omit<PictureRow, 'tip'>, inspected: InspectedCertificate): string {
  const { certificate, keyPlaces, fingerprint } = inspected
  const { dnsNames, ipAddresses, serialNumber } = certificate
  const names = [...dnsNames, ...ipAddresses]
  const shown = names.slice(0, 12).map(name => printable(name, 60))
  const more = names.length > shown.length ? ` and ${names.length - shown.length} more` : ''
  return [
    `${row.name}${row.kind === 'ca' ? ', a CA' : ''}, ${row.signer}`,
    `${minuteText(certificate.notBefore)} to ${minuteText(certificate.notAfter)}`,
    `${row.left}${row.state === 'valid' || row.state === 'soon' ? ' left' : ''}`,
    `${keyName(inspected)}, ${keyPlaces.length > 0 ? 'key is here' : 'no key here'}`,
    `serial ${printable(serialNumber, 42)}`,
    `SHA-256 ${printable(fingerprint, 64)}`,
    ...(row.purpose.startsWith('O=') ? [row.purpose.split(' · ')[0] ?? ''] : []),
    ...(shown.length > 0 ? [`for ${shown.join(', ')}${more}`] : []),
  ].join('\n')
}

function summaryOf({ certificates, keys, requests, kubeconfigs, manifests }: Inspection): string {
  const cas = certificates.filter(({ certificate }) => certificate.isCa).length
  const parts = [
    `${count(certificates.length, 'certificate')}${cas > 0 ? `, ${cas} of them ${cas === 1 ? 'a CA' : 'CAs'}` : ''}`,
    kubeconfigs.length > 0 ? count(kubeconfigs.length, 'kubeconfig') : '',
    keys.length > 0 ? count(keys.length, 'key') : '',
    requests.length > 0 ? count(requests.length, 'request') : '',
    manifests.length > 0 ? count(manifests.length, 'manifest') : '',
  ]
  return parts.filter(Boolean).join(' · ')
}

function headlineOf({ certificates, now, remarks }: Inspection): string {
  const expired = certificates.filter(({ certificate }) => lifeStateOf(certificate, now) === 'expired').length
  const living = certificates.filter(({ certificate }) => ['valid', 'soon'].includes(lifeStateOf(certificate, now)))
  const next = living.reduce<InspectedCertificate | undefined>(
    (first, other) => (first && first.certificate.notAfter <= other.certificate.notAfter ? first : other),
    undefined,
  )
  const day = next && dayText(next.certificate.notAfter)
  const others = living.filter(({ certificate }) => dayText(certificate.notAfter) === day).length - 1
  const ending =
    next === undefined
      ? certificates.length > 0
        ? 'No certificate is valid now.'
        : 'There is no certificate.'
      : `${expired > 0 ? `${expired} of ${certificates.length} ${expired === 1 ? 'has' : 'have'} expired. ` : ''}Next to end: ${printable(nameOf(next), 60)}${others > 0 ? ` and ${count(others, 'other')}` : ''} in ${lifeWords(next.certificate, now)}, on ${day}.`
  const errors = remarks.filter(({ severity }) => severity === 'error').length
  const warnings = remarks.length - errors
  if (remarks.length === 0) return ending
  const found = [errors > 0 ? count(errors, 'error') : '', warnings > 0 ? count(warnings, 'warning') : '']
  return `${ending} What does not fit: ${found.filter(Boolean).join(', ')}.`
}
