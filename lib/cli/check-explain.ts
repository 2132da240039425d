import {
  CIS_EDITIONS,
  type CisEdition,
  cisItems,
  nearestName,
  RULES,
  type Rule,
  type RuleId,
  UsageError,
} from '../index.js'
import { type FlagValues, text } from './flags.js'
import { OUTPUT_VERSION } from './structured.js'
import { type Terminal, wrap } from './terminal.js'

/** A rule as it is printed for programs; see docs/output.md. */
function describeRule(id: RuleId) {
  const { severity, group, about, why, fix, source }: Rule = RULES[id]
  const items = cisItemsOf(id)
  return { id, severity, group, about, why, fix, source, ...(items.length > 0 ? { benchmark: items } : {}) }
}

/** Rules as `-o json` has them. */
export function describeRules(ids: readonly RuleId[]) {
  return { apiVersion: OUTPUT_VERSION, kind: 'RuleList', rules: ids.map(describeRule) }
}

function cisItemsOf(id: RuleId) {
  return CIS_EDITIONS.flatMap(edition =>
    cisItems(edition).flatMap(({ rule, item, title }) => (rule === id ? [{ edition, item, title }] : [])),
  )
}

const COLOURS = { error: 'red', warning: 'yellow', info: 'dim' } as const

/** Rules for people: one in full, several as paragraphs. */
export function formatRules(ids: readonly RuleId[], terminal: Terminal): string {
  return ids.map(id => formatRule(id, terminal)).join('\n')
}

function formatRule(id: RuleId, { paint, columns }: Terminal): string {
  const { severity, about, why, fix, source, benchmark = [] } = describeRule(id)
  const label = 'source'.length + 2
  const field = (name: string, text: string) =>
    wrap(text, columns - label).map((line, index) => `${(index === 0 ? name : '').padEnd(label)}${line}`)
  return [
    `${paint('bold', id)}  ${paint(COLOURS[severity], severity)}`,
    ...wrap(about, columns),
    ...field('why', why),
    ...field('fix', fix),
    ...(source === undefined ? [] : field('source', source)),
    ...benchmark.flatMap(({ edition, item, title }) => field('CIS', `${edition}, ${item}: ${title}`)),
    '',
  ].join('\n')
}

/** Rules that `check` looks at; others are found by other commands. */
export const CHECK_RULES: readonly RuleId[] = (Object.keys(RULES) as RuleId[]).filter(id => RULES[id].group !== 'live')

/**
 * Rules by the words of a flag: their ids, or numbers of the benchmark's items.
 *
 * @param edition - of the benchmark. Default: the newest one
 * @throws {@link UsageError} `KPKI_USAGE`
 */
export function rulesNamed(words: readonly string[], flag: string, edition = CIS_EDITIONS[0]): readonly RuleId[] {
  return words.flatMap(word => {
    const number = /^(?:cis-)?(\d+(?:\.\d+)+)$/.exec(word)?.[1]
    const rules = number && edition ? cisItems(edition).filter(({ item }) => item === number) : []
    if (rules.length > 0) return rules.map(({ rule }) => rule)
    const known = CHECK_RULES.find(id => id === word)
    if (known) return [known]
    const nearest = nearestName(word, CHECK_RULES)
    throw new UsageError('KPKI_USAGE', `--${flag} ${word}: there is no such rule`, {
      details: { field: flag },
      hint: nearest ? `did you mean ${nearest}?` : 'kpki check --explain all lists all rules',
    })
  })
}

/** The edition that `--cis` names. */
export function editionOf(flags: FlagValues): CisEdition | undefined {
  return CIS_EDITIONS.find(edition => edition === text(flags, 'cis'))
}
