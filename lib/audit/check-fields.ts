import type { Certificate, EncodedDate } from '../x509/certificate.js'
import { EXTENSIONS } from '../x509/extensions.js'
import { type Report, shown } from './about.js'
import type { Finding } from './rules.js'

/** What is wrong with the fields that every certificate has: version, serial number, dates, names. RFC 5280 section 4.1. */
export function checkFields(certificate: Certificate, report: Report): Finding[] {
  return [
    ...checkVersion(certificate, report),
    ...checkSerial(certificate.serialNumber, report),
    ...checkDates(certificate, report),
    ...checkNobody(certificate, report),
    ...checkSubject(certificate, report),
  ]
}

function checkVersion({ version, hasUniqueIdentifier }: Certificate, report: Report): Finding[] {
  return [
    ...(version < 3
      ? [report('version', `is of version ${version}`, { field: 'version', expected: '3', actual: `${version}` })]
      : []),
    ...(hasUniqueIdentifier
      ? [report('unique-identifier', 'has a unique identifier', { field: 'issuerUniqueID, subjectUniqueID' })]
      : []),
  ]
}

const FIRST_DIGITS = 16

/** RFC 5280 section 4.1.2.2; the CA/Browser Forum's 64 random bits stand for what is long enough. */
function checkSerial(hex: string, report: Report): Finding[] {
  const field = 'serialNumber'
  const actual = hex.length > 4 * FIRST_DIGITS ? `${hex.slice(0, FIRST_DIGITS)}…` : hex
  if (/^0*$/.test(hex))
    return [report('serial-zero', 'has the serial number 0', { field, expected: 'a positive number', actual: '0' })]
  if (/^[89a-f]/.test(hex))
    return [
      report('serial-negative', 'has a negative serial number, which Go refuses since 1.23', {
        field,
        expected: 'a positive number',
        actual,
      }),
    ]
  const octets = hex.length / 2
  if (octets > 20) {
    const details = { field, expected: 'at most 20 octets', actual: `${octets} octets` }
    return [report('serial-long', `has a serial number of ${octets} octets`, details)]
  }
  const bits = BigInt(`0x${hex}`).toString(2).length
  return bits < 64
    ? [
        report('serial-short', 'has a serial number of fewer than 64 bits', {
          field,
          expected: 'at least 64 bits',
          actual: `${bits} bits`,
        }),
      ]
    : []
}

const LONG = { UTCTime: /^\d{12}Z$/, GeneralizedTime: /^\d{14}Z$/ } as const

/** RFC 5280 section 4.1.2.5. What Go does not read at all never comes here. */
function checkDates({ dates, notBefore, notAfter }: Certificate, report: Report): Finding[] {
  const findings: Finding[] = []
  const check = (field: string, moment: Date, { type, text }: EncodedDate) => {
    if (!LONG[type].test(text))
      findings.push(
        report('time-format', `has a date that OpenSSL does not read: ${field} ${text}`, {
          field,
          expected: type === 'UTCTime' ? 'YYMMDDHHMMSSZ' : 'YYYYMMDDHHMMSSZ',
          actual: text,
        }),
      )
    const year = moment.getUTCFullYear()
    if (type === 'GeneralizedTime' && year >= 1950 && year < 2050)
      findings.push(
        report('time-type', `has a date of the year ${year} as GeneralizedTime: ${field}`, {
          field,
          expected: 'UTCTime',
          actual: type,
        }),
      )
  }
  check('notBefore', notBefore, dates[0])
  check('notAfter', notAfter, dates[1])
  if (notAfter < notBefore)
    findings.push(
      report('never-valid', 'ends before it begins', {
        field: 'notAfter',
        expected: `after ${notBefore.toISOString()}`,
        actual: notAfter.toISOString(),
      }),
    )
  return findings
}

/** An empty SEQUENCE. */
const isEmpty = (name: { readonly der: Uint8Array }) => name.der.length <= 2

/** Names that are not there, as OpenSSL 3.0 asks for them (x509_vfy.c, check_extensions). */
function checkNobody(certificate: Certificate, report: Report): Finding[] {
  const { subject, issuer, isCa, keyUsages, extensions, criticalExtensions } = certificate
  const findings: Finding[] = []
  if (isEmpty(issuer) && !isEmpty(subject))
    findings.push(report('issuer-empty', 'names no issuer', { field: 'issuer', actual: '' }))
  if (!isEmpty(subject)) return findings
  const hasNames = extensions.includes(EXTENSIONS.subjectAltName)
  if (isCa || !hasNames || keyUsages?.includes('cRLSign')) {
    const who = isCa ? 'is a CA without a name' : 'has neither a subject nor subject alternative names'
    findings.push(report('subject-empty', who, { field: 'subject', actual: '' }))
  } else if (!criticalExtensions.includes(EXTENSIONS.subjectAltName)) {
    findings.push(
      report('names-not-critical', 'has no subject, and subjectAltName is not critical', {
        field: 'subjectAltName',
        expected: 'critical',
        actual: 'not critical',
      }),
    )
  }
  return findings
}

/** RFC 5280 appendix A.1: ub-common-name, ub-organization-name. */
const MAX_NAME = 64

function checkSubject({ subject }: Certificate, report: Report): Finding[] {
  const findings: Finding[] = []
  for (const [field, value] of [
    ['commonName', subject.commonName],
    ...subject.organizations.map(name => ['organizationName', name] as const),
  ] as const) {
    // Characters, not UTF-16 units.
    const length = value.length > MAX_NAME ? [...value].length : value.length
    if (length > MAX_NAME)
      findings.push(
        report('subject-long', `has a ${field} of ${length} characters: ${shown(value)}`, {
          field,
          expected: `at most ${MAX_NAME} characters`,
          actual: `${length} characters`,
        }),
      )
  }
  if (subject.oldStrings.length > 0)
    findings.push(
      report('string-type', `writes its subject in an old string type: ${subject.oldStrings.slice(0, 3).join(', ')}`, {
        field: 'subject',
        expected: 'UTF8String or PrintableString',
        actual: subject.oldStrings.slice(0, 3).join(', '),
      }),
    )
  return findings
}
