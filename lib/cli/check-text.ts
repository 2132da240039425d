import { adviceOf, type Finding, type ReportedFinding, RULES, type RuleId, sentenceOf } from '../index.js'
import type { Checked } from './check-model.js'
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
// More of one kind are told together: a bundle, or a tree, that has expired says so once.
const MAX_ALIKE = 3
const MAX_NAMES = 12

/** Findings of one rule that are told together. */
interface Held {
  readonly first: ReportedFinding
  number: number
  /** Names that are not kept. */
  files: number
  readonly names: Set<string>
  readonly hints: Set<string>
}

/** Prints findings as they come: those of one file together, what many files have and what is only worth knowing at the end. */
export class CheckPrinter {
  readonly #print: (text: string) => void
  readonly #terminal: Terminal
  readonly #options: CheckTextOptions
  /** How many findings of a rule were shown where they are. */
  readonly #shown = new Map<RuleId, number>()
  /** Findings that are told together, with the files that have them. */
  readonly #held = new Map<RuleId, Held>()
  #group: ReportedFinding[] = []

  constructor(print: (text: string) => void, terminal: Terminal, options: CheckTextOptions) {
    this.#print = print
    this.#terminal = terminal
    this.#options = options
  }

  /** Takes one finding; what a baseline accepts is not shown. */
  add(reported: ReportedFinding): void {
    const { found, file, accepted } = reported
    const { code } = found
    if (accepted) return
    if (this.#group[0] && this.#group[0].file !== file) this.#flush()
    const isOfGroup = this.#group.some(other => other.found.code === code)
    const shown = this.#shown.get(code) ?? 0
    if (found.severity === 'info' || (!isOfGroup && (this.#held.has(code) || shown >= MAX_ALIKE))) this.#hold(reported)
    else {
      if (!isOfGroup) this.#shown.set(code, shown + 1)
      this.#group.push(reported)
    }
  }

  /** Takes all findings at once: what many files have is told together, the heaviest first. */
  addAll(findings: readonly ReportedFinding[]): void {
    const open = findings.filter(({ accepted }) => !accepted)
    const files = new Map<RuleId, Set<string>>()
    for (const { found, file } of open) files.set(found.code, (files.get(found.code) ?? new Set()).add(file))
    const isAlone = ({ found }: ReportedFinding) => (files.get(found.code)?.size ?? 0) <= MAX_ALIKE
    for (const reported of open) if (!isAlone(reported)) this.#hold(reported)
    this.#tell('error')
    for (const reported of byWeight(open.filter(isAlone))) this.add(reported)
    this.end()
  }

  /** Prints what is left. */
  end(): void {
    this.#flush()
    this.#tell('error')
    this.#tell('warning')
    this.#tellNotes()
  }

  #hold(reported: ReportedFinding): void {
    const { found, file } = reported
    const held = this.#held.get(found.code) ?? {
      first: reported,
      number: 0,
      files: 0,
      names: new Set(),
      hints: new Set(),
    }
    // Of what no end is known, only so much is kept.
    if (held.names.size < MAX_NAMES || held.names.has(file)) held.names.add(file)
    else held.files++
    if (held.hints.size < MAX_ALIKE) held.hints.add(adviceOf(found))
    held.number++
    this.#held.set(found.code, held)
  }

  /** Findings of a severity that many files have. */
  #tell(severity: Finding['severity']): void {
    const { paint, columns } = this.#terminal
    for (const [code, held] of this.#held) {
      if (RULES[code].severity !== severity) continue
      this.#held.delete(code)
      const { about, why } = RULES[code]
      const title = `${held.number} ${this.#shown.has(code) ? 'more' : 'times'}: ${about}${markOf(code, held.first.found)}`
      const lines = wrap(title, columns).map(line => paint('bold', line))
      for (const [row, line] of wrap(this.#namesOf(held), columns - LABEL).entries())
        lines.push(`${row === 0 ? this.#label(severity) : ' '.repeat(LABEL)}${line}`)
      if (this.#options.why) lines.push(...this.#aside(why, LABEL))
      for (const hint of held.hints) lines.push(...this.#aside(`> ${this.#terminal.show(hint)}`, LABEL))
      this.#print(`${lines.join('\n')}\n\n`)
    }
  }

  #tellNotes(): void {
    if (this.#held.size === 0) return
    const { paint, columns, show } = this.#terminal
    const lines = [paint('bold', 'worth knowing')]
    for (const [code, held] of this.#held) {
      const { found } = held.first
      const text = held.number === 1 ? sentenceOf(found) : `${RULES[code].about} (${held.number})`
      const said = `${show(text)}: ${this.#namesOf(held)}${markOf(code, found)}`
      lines.push(...wrap(said, columns - 4).map((line, index) => `${index === 0 ? '  ' : '    '}${line}`))
      if (this.#options.why) lines.push(...this.#aside(RULES[code].why, 4))
    }
    this.#held.clear()
    this.#print(`${lines.join('\n')}\n\n`)
  }

  #namesOf({ names, files }: Held): string {
    const more = files > 0 ? ` and ${files} more` : ''
    return `${[...names].map(file => this.#name(file)).join(', ')}${more}`
  }

  #label(severity: Finding['severity']): string {
    return `  ${this.#terminal.paint(COLOURS[severity], severity)}${' '.repeat(LABEL - 2 - severity.length)}`
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
    const { columns, show } = this.#terminal
    const [first] = group
    if (!first) return []
    const { severity, code } = first.found
    const { why } = RULES[code]
    const lines: string[] = []
    for (const [index, { found }] of group.slice(0, MAX_ALIKE).entries()) {
      const more = index === MAX_ALIKE - 1 && group.length > MAX_ALIKE ? ` (and ${group.length - MAX_ALIKE} more)` : ''
      const text = `${show(sentenceOf(found))}${more}${markOf(code, found)}`
      for (const [row, line] of wrap(text, columns - LABEL).entries())
        lines.push(`${row === 0 && index === 0 ? this.#label(severity) : ' '.repeat(LABEL)}${line}`)
    }
    if (this.#options.why) lines.push(...this.#aside(why, LABEL))
    const hints = [...new Set(group.map(({ found }) => adviceOf(found)))].slice(0, MAX_ALIKE)
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
function byWeight(findings: readonly ReportedFinding[]): readonly ReportedFinding[] {
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
  const { counts, files, dir, inference, cis } = checked
  const { error, warning, info, accepted } = counts
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
    const nothing = skipped.length > 0 ? `; there was nothing to look at for ${skipped.join(', ')}` : ''
    const looked = `${count(cis.items.length - skipped.length, 'item')} looked at, ${clear} without findings${nothing}`
    const said = `CIS Kubernetes Benchmark ${cis.edition}: ${looked}; no other item was looked at`
    lines.push(...wrap(said, columns))
  }
  return `${lines.join('\n')}\n`
}

/** A number of things. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
