import type { PreflightReport, PreflightResult, PreflightState, PreflightSubject } from '../index.js'
import { OUTPUT_VERSION } from './structured.js'
import { type Colour, pad, type Terminal, wrap } from './terminal.js'

/** What is worth reading first stands first. */
const STATES = ['error', 'ignored', 'warning', 'skipped', 'passed'] as const satisfies readonly PreflightState[]
const COLOURS: Readonly<Record<PreflightState, Colour>> = {
  error: 'red',
  ignored: 'yellow',
  warning: 'yellow',
  skipped: 'dim',
  passed: 'green',
}
const LABEL_WIDTH = 9

/**
 * A preflight's report for people: errors with how to mend them, warnings, what was skipped and passed, and how many of each.
 *
 * @param isQuiet - errors only
 */
export function formatPreflight({ results, unknown }: PreflightReport, terminal: Terminal, isQuiet = false): string {
  const { show, paint } = terminal
  const lines: string[] = []
  const label = (state: PreflightState) => paint(COLOURS[state], pad(state, LABEL_WIDTH))
  const indented = (text: string) =>
    wrap(text, terminal.columns - LABEL_WIDTH).map(line => `${' '.repeat(LABEL_WIDTH)}${line}`)
  for (const state of STATES) {
    if (isQuiet && state !== 'error') continue
    const those = results.filter(result => result.state === state)
    const plain = those.filter(({ findings, note }) => findings.length === 0 && note === undefined)
    for (const { name, findings, note } of those.filter(result => !plain.includes(result))) {
      lines.push(`${label(state)}${show(name)}`)
      for (const { message, hint } of findings) {
        lines.push(...indented(show(message)))
        lines.push(...indented(`hint: ${show(hint)}`))
      }
      if (note !== undefined) lines.push(...indented(show(note)))
    }
    if (plain.length > 0) {
      const [first = '', ...rest] = indented(names(plain).map(show).join(', '))
      lines.push(`${label(state)}${first.trimStart()}`, ...rest)
    }
  }
  for (const { name, nearest } of isQuiet ? [] : unknown) {
    const meant = nearest === undefined ? '' : `; did you mean ${nearest}?`
    lines.push(
      ...wrap(`--ignore-preflight-errors: there is no check ${JSON.stringify(show(name))}${meant}`, terminal.columns),
    )
  }
  if (!isQuiet) lines.push('', countLine(results))
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`
}

function names(results: readonly PreflightResult[]): string[] {
  return [...new Set(results.map(({ name }) => name))]
}

function countLine(results: readonly PreflightResult[]): string {
  const count = (state: PreflightState) => results.filter(result => result.state === state).length
  const some = STATES.map(state => [state, count(state)] as const).filter(([, number]) => number > 0)
  const words: Readonly<Record<PreflightState, readonly [one: string, more: string]>> = {
    error: ['error', 'errors'],
    ignored: ['ignored', 'ignored'],
    warning: ['warning', 'warnings'],
    skipped: ['skipped', 'skipped'],
    passed: ['passed', 'passed'],
  }
  return some.map(([state, number]) => `${number} ${words[state][number === 1 ? 0 : 1]}`).join(', ')
}

/** A preflight's report for programs. */
export function describePreflight(
  { results, unknown }: PreflightReport,
  { role, nodeName, version }: PreflightSubject,
  warnings: readonly string[],
): unknown {
  return {
    apiVersion: OUTPUT_VERSION,
    kind: 'PreflightReport',
    role,
    nodeName,
    kubernetesVersion: version.text,
    passed: !results.some(({ state }) => state === 'error'),
    counts: Object.fromEntries(STATES.map(state => [state, results.filter(result => result.state === state).length])),
    checks: results.map(({ name, state, about, origin, findings, note }) => ({
      name,
      state,
      about,
      origin,
      findings,
      note,
    })),
    unknownNames: unknown.map(({ name, nearest }) => ({ name, nearest })),
    warnings,
  }
}
