import { type Finding, isAtLeast, type ReportedFinding, RULES, type RuleId, sentenceOf } from '../index.js'
import type { Checked } from './check-model.js'
import { countsOf } from './check-structured.js'
import { type Colour, type Terminal, wrap } from './terminal.js'

/** How findings are shown. */
export interface CheckTextOptions {
  /** Names of files without the directory that all of them are in. */
  readonly shorten: (file: string) => string
  /** Say why each matters. */
  readonly why: boolean
}

const COLOURS: Readonly<Record<Finding['severity'], Colour>> = { error: 'red', warning: 'yellow', info: 'dim' }
const LABEL = 'warning'.length + 4
// More of one kind in one file are counted: a bundle that has expired says so once.
const MAX_ALIKE = 3
const MAX_NAMES = 6

/** Prints findings as they come: those of one file together, what is only worth knowing at the end. */
export class CheckPrinter {
  readonly #print: (text: string) => void
  readonly #terminal: Terminal
  readonly #options: CheckTextOptions
  readonly #notes = new Map<RuleId, Map<string, ReportedFinding[]>>()
  #group: ReportedFinding[] = []

  constructor(print: (text: string) => void, terminal: Terminal, options: CheckTextOptions) {
    this.#print = print
    this.#terminal = terminal
    this.#options = options
  }

  /** Takes one finding; what a baseline accepts is not shown. */
  add(reported: ReportedFinding): void {
    const { found, file, accepted } = reported
    if (accepted) return
    if (!isAtLeast(found.severity, 'warning')) {
      const files = this.#notes.get(found.code) ?? new Map<string, ReportedFinding[]>()
      files.set(file, [...(files.get(file) ?? []), reported])
      this.#notes.set(found.code, files)
      return
    }
    if (this.#group[0] && this.#group[0].file !== file) this.#flush()
    this.#group.push(reported)
  }

  /** Prints what is left. */
  end(): void {
    this.#flush()
    if (this.#notes.size === 0) return
    const { paint, columns } = this.#terminal
    const lines = [paint('bold', 'worth knowing')]
    for (const [code, files] of this.#notes) {
      const number = [...files.values()].flat().length
      const names = [...files.keys()].map(file => this.#name(file))
      const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : ''
      const [only] = [...files.values()].flat()
      const text = number === 1 && only ? sentenceOf(only.found) : `${RULES[code].about} (${number})`
      const said = `${this.#terminal.show(text)}: ${names.slice(0, MAX_NAMES).join(', ')}${more}${markOf(code, only?.found)}`
      lines.push(...wrap(said, columns - 2).map((line, index) => `${index === 0 ? '  ' : '    '}${line}`))
      if (this.#options.why) lines.push(...this.#aside(RULES[code].why, 4))
    }
    this.#print(`${lines.join('\n')}\n\n`)
  }

  #name(file: string): string {
    return this.#terminal.show(this.#options.shorten(file))
  }

  #flush(): void {
    const group = this.#group
    this.#group = []
    const [first] = group
    if (!first) return
    const lines = [this.#terminal.paint('bold', this.#name(first.file))]
    const codes = [...new Set(group.map(({ found }) => found.code))]
    const ordered = codes.sort((a, b) => RULES[a].severity.localeCompare(RULES[b].severity))
    for (const code of ordered) lines.push(...this.#alike(group.filter(({ found }) => found.code === code)))
    this.#print(`${lines.join('\n')}\n\n`)
  }

  /** Findings of one rule in one file, and what to do. */
  #alike(group: readonly ReportedFinding[]): string[] {
    const { paint, columns, show } = this.#terminal
    const [first] = group
    if (!first) return []
    const { severity, code } = first.found
    const { why, fix } = RULES[code]
    const lines: string[] = []
    for (const [index, { found }] of group.slice(0, MAX_ALIKE).entries()) {
      const more = index === MAX_ALIKE - 1 && group.length > MAX_ALIKE ? ` (and ${group.length - MAX_ALIKE} more)` : ''
      const text = `${show(sentenceOf(found))}${more}${markOf(code, found)}`
      const label = index === 0 ? paint(COLOURS[severity], severity) + ' '.repeat(LABEL - 2 - severity.length) : ''
      for (const [row, line] of wrap(text, columns - LABEL).entries())
        lines.push(row === 0 && index === 0 ? `  ${label}${line}` : `${' '.repeat(LABEL)}${line}`)
    }
    if (this.#options.why) lines.push(...this.#aside(why, LABEL))
    const hints = [...new Set(group.map(({ found }) => found.hint ?? fix))].slice(0, MAX_ALIKE)
    for (const hint of hints) lines.push(...this.#aside(`> ${show(hint)}`, LABEL))
    return lines
  }

  #aside(text: string, indent: number): string[] {
    const { paint, columns } = this.#terminal
    return wrap(text, columns - indent - 2).map((line, index) =>
      paint('dim', `${' '.repeat(indent)}${index > 0 && text.startsWith('> ') ? '  ' : ''}${line}`),
    )
  }
}

/** The rule, and the item of a benchmark. */
function markOf(code: RuleId, found: Finding | undefined): string {
  const { benchmark } = found ?? {}
  return ` [${code}${benchmark ? `, CIS ${benchmark.edition} ${benchmark.item}` : ''}]`
}

/** Findings in the order in which they are shown: files with the heaviest first, else as they came. */
export function byWeight(findings: readonly ReportedFinding[]): readonly ReportedFinding[] {
  const files = new Map<string, ReportedFinding[]>()
  for (const each of findings) {
    const group = files.get(each.file)
    if (group) group.push(each)
    else files.set(each.file, [each])
  }
  const hasError = (group: readonly ReportedFinding[]) =>
    group.some(({ found, accepted }) => found.severity === 'error' && !accepted)
  const groups = [...files.values()]
  return [...groups.filter(hasError), ...groups.filter(group => !hasError(group))].flat()
}

/** What was looked at, and how much was found. */
export function formatSummary(checked: Checked, { paint, columns, show }: Terminal): string {
  const { findings, files, dir, inference, cis } = checked
  const { error, warning, info, accepted } = countsOf(findings)
  const parts = [count(error, 'error'), count(warning, 'warning'), info === 0 ? '' : `${info} worth knowing`]
  const found =
    error + warning + info === 0 ? 'nothing amiss' : parts.filter(part => !/^(0 .*)?$/.test(part)).join(', ')
  const { kubernetesVersion, nodeName, role } = inference ?? {}
  const host = [role?.replace('-', ' ').replace(/^init$/, 'control plane'), nodeName].filter(Boolean).join(' ')
  const who = [kubernetesVersion && `Kubernetes ${kubernetesVersion}`, host].filter(Boolean).join(', ')
  const where = `${count(files, 'file')}${dir === undefined ? '' : ` of ${show(dir)}`}${who === '' ? '' : ` (${show(who)})`}`
  const text = `${found} in ${where}${accepted > 0 ? `; ${accepted} accepted` : ''}`
  const colour = error > 0 ? 'red' : warning > 0 ? 'yellow' : 'green'
  const lines = wrap(text, columns).map(line => paint(colour, line))
  if (cis) {
    const clear = cis.items.filter(({ state }) => state === 'clear').length
    const skipped = cis.items.filter(({ state }) => state === 'skipped').map(({ item }) => item)
    const said =
      `CIS Kubernetes Benchmark ${cis.edition}: ${cis.items.length - skipped.length} items were looked at, ${clear} of them without ` +
      `findings${skipped.length > 0 ? `; there was nothing to look at for ${skipped.join(', ')}` : ''}; no other item was looked at`
    lines.push(...wrap(said, columns))
  }
  return `${lines.join('\n')}\n`
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
