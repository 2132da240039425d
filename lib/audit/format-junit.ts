import { adviceOf, isFailure, type Report, type ReportedFinding, sentenceOf } from './report.js'
import type { RuleGroup } from './rule.js'
import { RULES, type RuleId } from './rules.js'

/**
 * Writes a report as JUnit XML, which the test pages of pipelines show.
 *
 * One suite a group of rules; one case a rule that nothing was found for, and one a rule and file otherwise. A case fails when one
 * of its findings is a failure; is skipped when a baseline accepts all of them; what is lighter than a failure passes and stands in
 * its output.
 *
 * @returns XML with a final newline
 */
export function formatJunit(report: Report): string {
  const ids = [...new Set([...report.rules, ...report.findings.map(({ found }) => found.code)])]
  const groups = [...new Set(ids.map(id => RULES[id].group))]
  const suites = groups.map(group => suiteOf(group, ids, report))
  const total = (of: keyof Counts) => suites.reduce((sum, { counts }) => sum + counts[of], 0)
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="kpki check" tests="${total('tests')}" failures="${total('failures')}" errors="0">`,
    ...suites.flatMap(({ lines }) => lines),
    '</testsuites>',
    '',
  ].join('\n')
}

interface Counts {
  readonly tests: number
  readonly failures: number
  readonly skipped: number
}

function suiteOf(group: RuleGroup, ids: readonly RuleId[], report: Report) {
  const cases = ids
    .filter(id => RULES[id].group === group)
    .flatMap(id => {
      const findings = report.findings.filter(({ found }) => found.code === id)
      const files = [...new Set(findings.map(({ file }) => file))]
      if (files.length === 0) return [{ state: 'passed', lines: [`    <testcase ${names(group, id)}/>`] }]
      return files.map(file =>
        caseOf(
          id,
          file,
          findings.filter(each => each.file === file),
          report,
        ),
      )
    })
  const count = (state: string) => cases.filter(each => each.state === state).length
  const counts: Counts = { tests: cases.length, failures: count('failed'), skipped: count('skipped') }
  return {
    counts,
    lines: [
      `  <testsuite name="${group}" tests="${counts.tests}" failures="${counts.failures}" errors="0" skipped="${counts.skipped}">`,
      ...cases.flatMap(({ lines }) => lines),
      '  </testsuite>',
    ],
  }
}

function caseOf(id: RuleId, file: string, findings: readonly ReportedFinding[], { failOn }: Report) {
  const { group, why } = RULES[id]
  const failures = findings.filter(each => isFailure(each, failOn))
  const accepted = findings.filter(each => each.accepted)
  const said = (each: readonly ReportedFinding[]) => each.map(({ found }) => sentenceOf(found)).join('; ')
  const element = (inner: string) => [`    <testcase ${names(group, id, file)}>`, `      ${inner}`, '    </testcase>']
  if (failures.length > 0) {
    const hints = [...new Set(failures.map(({ found }) => adviceOf(found)))]
    const text = [...failures.map(({ found }) => `${file}: ${sentenceOf(found)}`), why, ...hints].join('\n')

    return {
      state: 'failed',
      lines: element(
        `<failure message="${escapeXml(said(failures))}" type="${RULES[id].severity}">${escapeXml(text)}</failure>`,
      ),
    }
  }
  if (accepted.length === findings.length) {
    const reasons = [...new Set(accepted.flatMap(each => each.accepted?.reason ?? []))]
    const message = `accepted: ${said(accepted)}${reasons.length > 0 ? ` (${reasons.join('; ')})` : ''}`
    return { state: 'skipped', lines: element(`<skipped message="${escapeXml(message)}"/>`) }
  }
  return {
    state: 'passed',
    lines: element(`<system-out>${escapeXml(findings.map(({ found }) => sentenceOf(found)).join('\n'))}</system-out>`),
  }
}

function names(group: RuleGroup, id: RuleId, file?: string): string {
  const name = file === undefined ? `${id}: ${RULES[id].about}` : `${id}: ${file}`
  return `classname="kpki.${group}" name="${escapeXml(name)}"${file === undefined ? '' : ` file="${escapeXml(file)}"`}`
}

/** What no XML document can have, not even escaped (XML 1.0 section 2.2), and other controls; the first three can be escaped. */
const IMPOSSIBLE = /(?![\t\n\r])[\p{Cc}\p{Cs}\ufffe\uffff]/gu

/** What XML can have, and a terminal that prints it would obey. */
const OBEYED = /[\t\n\r\p{Cf}\p{Zl}\p{Zp}]/gu

/** Text in an element or a quoted attribute; line breaks stay line breaks in attributes, too. */
function escapeXml(text: string): string {
  return text
    .replace(IMPOSSIBLE, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replace(OBEYED, character => `&#${character.codePointAt(0)};`)
}
