/** What can be found wrong, by rule. */
import { CIS_EDITIONS, cisItems, RULES, type Rule, type RuleGroup } from '../../lib/index.js'
import { code, table } from './markdown.js'

const rulesOf = (group: RuleGroup) => Object.entries<Rule>(RULES).filter(([, rule]) => rule.group === group)

/** Rules of a group, with reason, advice and source. */
export function rules(group: RuleGroup): string {
  return table(
    ['rule', 'severity', 'what is found', 'why it matters', 'what to do', 'source'],
    rulesOf(group).map(([id, { severity, about, why, fix, source = '' }]) => [
      ...[code(id), severity, about, why, fix, source],
    ]),
  )
}

/** Rules of the CIS Kubernetes Benchmark, with their numbers. */
export function benchmark(): string {
  const numberOf = (edition: (typeof CIS_EDITIONS)[number], id: string) =>
    cisItems(edition).find(({ rule }) => rule === id)?.item ?? '-'
  return table(
    ['rule', 'severity', 'what is found', ...CIS_EDITIONS.map(edition => `in ${edition}`), 'why it matters'],
    rulesOf('cis').map(([id, { severity, about, why }]) => [
      ...[code(id), severity, about],
      ...CIS_EDITIONS.map(edition => numberOf(edition, id)),
      why,
    ]),
  )
}
