import { formatJson } from '../json.js'
import { adviceOf, type Report, type ReportedFinding, sentenceOf } from './report.js'
import type { Severity } from './rule.js'
import { RULES, type RuleId } from './rules.js'

/** Severities by their names in SARIF. */
const LEVELS: Readonly<Record<Severity, 'error' | 'warning' | 'note'>> = {
  error: 'error',
  warning: 'warning',
  info: 'note',
}

const SCHEMA = 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json'

/**
 * Writes a report as SARIF, which code-scanning pages of forges show: one run, rules with their reasons, one result a finding.
 *
 * Locations are URIs relative to the working directory for relative files, `file:` for absolute ones. What a baseline accepts is
 * `unchanged` and suppressed, with its reason.
 *
 * @returns JSON with a final newline
 * @see SARIF 2.1.0, OASIS Standard with errata 01
 */
export function formatSarif(report: Report): string {
  const ids = [...report.rules]
  for (const { found } of report.findings) if (!ids.includes(found.code)) ids.push(found.code)
  const log = {
    $schema: SCHEMA,
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: { name: 'kpki', version: report.version, rules: ids.map(ruleObject) },
        },
        columnKind: 'utf16CodeUnits',
        results: report.findings.map(each => resultObject(each, ids, report.hasBaseline)),
      },
    ],
  }
  return formatJson(log)
}

function ruleObject(id: RuleId) {
  const { about, why, fix, severity, group, ...rest } = RULES[id]
  const source = 'source' in rest ? rest.source : undefined
  return {
    id,
    // Viewers show it where an id is too short to read: NamesMissing.
    name: id.replace(/(?:^|-)([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()),
    shortDescription: { text: sentence(about) },
    fullDescription: { text: sentence(why) },
    help: { text: [why, fix, ...(source === undefined ? [] : [source])].map(sentence).join(' ') },
    defaultConfiguration: { level: LEVELS[severity] },
    properties: { tags: ['security', group] },
  }
}

/** Viewers show these texts as sentences of their own. */
function sentence(text: string): string {
  return text.endsWith('.') ? text : `${text}.`
}

function resultObject({ found, file, fingerprint, accepted }: ReportedFinding, ids: RuleId[], hasBaseline: boolean) {
  const { code, part, field, expected, actual } = found
  return {
    ruleId: code,
    ruleIndex: ids.indexOf(code),
    level: LEVELS[found.severity],
    message: { text: `${sentence(`${file}: ${sentenceOf(found)}`)} ${sentence(adviceOf(found))}` },
    locations: [
      {
        // Forges show nothing without a line.
        physicalLocation: { artifactLocation: { uri: uriOf(file) }, region: { startLine: 1 } },
        ...(part === undefined ? {} : { logicalLocations: [{ fullyQualifiedName: part }] }),
      },
    ],
    partialFingerprints: { 'kpkiFinding/v1': fingerprint },
    ...(hasBaseline ? { baselineState: accepted ? 'unchanged' : 'new' } : {}),
    ...(accepted
      ? {
          suppressions: [
            {
              kind: 'external',
              status: 'accepted',
              ...(accepted.reason === undefined ? {} : { justification: accepted.reason }),
            },
          ],
        }
      : {}),
    properties: {
      ...(field === undefined ? {} : { field }),
      ...(expected === undefined ? {} : { expected }),
      ...(actual === undefined ? {} : { actual }),
    },
  }
}

/** A path as a URI (RFC 3986 section 3.3, RFC 8089); what is no character at all is replaced. */
function uriOf(file: string): string {
  const segments = file
    .replace(/^(?:\.\/+)+/, '')
    .split('/')
    .map(segment => encodeURIComponent(segment.replace(/\p{Cs}/gu, '\ufffd')))
  const path = segments.join('/')
  return path.startsWith('/') ? `file://${path}` : path
}
