import fc from 'fast-check'
import type { Report, ReportedFinding } from '../../lib/audit/report.js'
import { finding, RULES, type RuleId } from '../../lib/audit/rules.js'

const FINGERPRINT = 'f'.repeat(32)

/** A report with one of everything: each severity, a part, an accepted one, a rule that nothing was found for. */
export const REPORT: Report = {
  rules: ['names-missing', 'expired', 'serial-short', 'mode-open', 'key-weak'],
  hasBaseline: true,
  failOn: 'warning',
  version: '1.2.3',
  findings: [
    {
      found: finding('names-missing', 'apiserver', 'pki/apiserver.crt', 'lacks the names api.example.org', {
        field: 'subjectAltName',
        expected: 'api.example.org',
      }),
      file: 'demo/pki/apiserver.crt',
      fingerprint: FINGERPRINT,
    },
    {
      found: finding('expired', undefined, 'ca bundle.pem', 'expired on 2026-01-01T00:00:00Z', {
        part: '2nd certificate',
      }),
      file: '/srv/ca bundle.pem',
      fingerprint: FINGERPRINT,
    },
    {
      found: finding('serial-short', 'ca', 'pki/ca.crt', 'has a serial number of 8 bits'),
      file: 'demo/pki/ca.crt',
      fingerprint: FINGERPRINT,
    },
    {
      found: finding('mode-open', 'ca', 'pki/ca.key', 'has mode 0644', { actual: '0644' }),
      file: 'demo/pki/ca.key',
      fingerprint: FINGERPRINT,
      accepted: {
        ...{ rule: 'mode-open', path: 'pki/ca.key', fingerprint: FINGERPRINT },
        reason: 'a <test> & nothing else',
      },
    },
  ],
}

/** Texts with everything in them that breaks formats. */
const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.constantFrom(
    '<&>"\'',
    ']]>',
    '-->',
    '\u0000\u0001\u001b[31m',
    '\ud800',
    '\udc00a',
    '\ufffe\uffff',
    '\r\n\t',
    '../../%2e',
  ),
)

/** Any report. */
export const reports: fc.Arbitrary<Report> = fc.record({
  rules: fc.subarray(Object.keys(RULES) as RuleId[]),
  hasBaseline: fc.boolean(),
  failOn: fc.constantFrom('error', 'warning', 'info'),
  version: fc.constant('1.2.3'),
  findings: fc.array(
    fc
      .tuple(fc.constantFrom(...(Object.keys(RULES) as RuleId[])), hostile, hostile, fc.option(hostile), fc.boolean())
      .map(
        ([code, file, message, part, isAccepted]): ReportedFinding => ({
          found: finding(code, undefined, file, message, part === null ? {} : { part, actual: part, hint: part }),
          file,
          fingerprint: FINGERPRINT,
          ...(isAccepted ? { accepted: { rule: code, path: file, fingerprint: FINGERPRINT, reason: message } } : {}),
        }),
      ),
    { maxLength: 8 },
  ),
})
