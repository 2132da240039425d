import {
  type Finding,
  formatYaml,
  type KubernetesObject,
  placeOf,
  type Rehearsal,
  type RehearsedFile,
  type RehearsedRow,
  type RehearsedStep,
  type Store,
} from '../index.js'
import { withoutCredentials, withoutHeaders } from './credentials.js'
import { unifiedDiff } from './diff.js'
import { type Terminal, wrap } from './terminal.js'

/** What stands in place of a secret, or of what is only known once it is made. */
const WITHHELD = '(withheld)'

/** How a rehearsal is shown. */
export interface RehearsalView {
  /** Names the places of findings. */
  readonly store: Store
  /** e.g. `kpki init` */
  readonly command: string
}

/**
 * What a run would do, for people and for `diff`: phases in their order, every file with its mode, state and content, every object
 * as YAML. Two runs on the same host print the same.
 */
export function formatRehearsal({ phases, findings }: Rehearsal, view: RehearsalView, terminal: Terminal): string {
  const { paint, show, columns } = terminal
  const lines = phases.flatMap(({ path, skipped, steps }) => {
    if (skipped !== undefined) return ['', `${paint('bold', show(path))}: skipped, ${show(skipped)}`]
    return steps.length === 0
      ? []
      : ['', paint('bold', show(path)), ...steps.flatMap(step => stepLines(step, terminal))]
  })
  const all = phases.flatMap(({ steps }) => steps)
  const files = all.flatMap(step => [...step.files, ...step.rows.flatMap(row => row.files)])
  const count = (state: RehearsedFile['state']) => files.filter(file => file.state === state).length
  const objects = all.flatMap(step => step.objects).length
  const counts = [
    `${count('new')} ${count('new') === 1 ? 'file' : 'files'} new`,
    `${count('unchanged')} unchanged`,
    `${count('differs')} different`,
    ...(objects > 0 ? [`${objects} ${objects === 1 ? 'object' : 'objects'} to apply`] : []),
  ]
  const problems = findings.flatMap(found => wrap(findingText(found, view.store, terminal), columns))
  const end = `Dry run of ${view.command}, nothing was touched: ${counts.join(', ')}`
  return `${[...lines.slice(1), '', ...problems, ...wrap(end, columns)].join('\n')}\n`
}

function findingText(found: Finding, store: Store, { show }: Terminal): string {
  return `${found.severity}: ${show(placeOf(found, store))} ${show(found.message)}`
}

function stepLines({ about, files, rows, objects, notes }: RehearsedStep, terminal: Terminal): readonly string[] {
  const { show, columns } = terminal
  const told = notes.flatMap(note => wrap(`note: ${show(note)}`, columns - 2)).map(line => `  ${line}`)
  if (files.length + rows.length + objects.length === 0) return [`  ${show(about)}`, ...told]
  return [
    ...rows.flatMap(row => rowLines(row, terminal)),
    ...files.flatMap(file => fileLines(file, terminal)),
    ...objects.flatMap(object => objectLines(object, terminal)),
    ...told,
  ]
}

function fileLine({ state, mode, path }: RehearsedFile, { paint, show }: Terminal): string {
  const colour = state === 'new' ? 'green' : state === 'differs' ? 'red' : 'dim'
  return `  ${paint(colour, state.padEnd('unchanged'.length))} ${formatMode(mode)} ${show(path)}`
}

function rowLines({ files, wanted, server, action }: RehearsedRow, terminal: Terminal): readonly string[] {
  const lines = files.map(file => fileLine(file, terminal))
  if (!files.some(({ state }) => state === 'new') || !wanted || action === 'blocked') return lines
  const groups = wanted.organizations.length > 0 ? [`in ${wanted.organizations.join(', ')}`] : []
  const names = [...wanted.dnsNames, ...wanted.ipAddresses]
  const facts = [
    wanted.commonName,
    ...groups,
    ...(server === undefined ? [] : [`to ${server}`]),
    ...(names.length === 0 ? [] : [`for ${names.join(', ')}`]),
  ]
  const text = wrap(terminal.show(facts.join(', ')), terminal.columns - 4)
  return [...lines, ...text.map(line => `    ${terminal.paint('dim', line)}`)]
}

function fileLines(file: RehearsedFile, terminal: Terminal): readonly string[] {
  const { paint, show } = terminal
  const head = fileLine(file, terminal)
  if (file.state === 'unchanged') return [head]
  if (file.isSecret || file.bytes === undefined) return [`${head} ${WITHHELD}`]
  const lines = file.state === 'new' ? contentLines(textOf(file.bytes)) : diffOf(file)
  return [
    head,
    ...lines.map(line => {
      const colour =
        file.state === 'new' ? undefined : line.startsWith('+') ? 'green' : line.startsWith('-') ? 'red' : 'dim'
      const text = `    ${show(line)}`
      return colour === undefined ? text : paint(colour, text)
    }),
  ]
}

function contentLines(content: string): readonly string[] {
  return withoutCredentials(content).replace(/\n$/, '').split('\n')
}

function diffOf({ path, before, bytes, mode }: RehearsedFile): readonly string[] {
  if (before === undefined || bytes === undefined) return []
  const lines = unifiedDiff(withoutHeaders(textOf(before)), withoutHeaders(textOf(bytes)), {
    from: `${path} (there)`,
    to: `${path} (planned)`,
  })
  if (lines.length > 0) return withoutCredentials(lines.join('\n')).split('\n')
  if (textOf(before) !== textOf(bytes)) return ['(what differs is withheld)']
  return [`the mode is to be ${formatMode(mode)}`]
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return `(${bytes.length} bytes that are no text)\n`
  }
}

function formatMode(mode: number): string {
  return mode.toString(8).padStart(4, '0')
}

function objectLines(object: KubernetesObject, { paint, show }: Terminal): readonly string[] {
  const { name = '', namespace } = object.metadata
  const head = `  ${paint('green', 'apply')} ${show(`${object.kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`)}`
  return [head, ...contentLines(formatYaml(withheld(object))).map(line => `    ${show(line)}`)]
}

/** An object without the values of a Secret, and without passwords of proxies. */
export function withheld(object: KubernetesObject): KubernetesObject {
  if (object.kind !== 'Secret') return mapTexts(object)
  const hide = (field: string) => {
    const value = object[field]
    if (typeof value !== 'object' || value === null) return {}
    return { [field]: Object.fromEntries(Object.keys(value).map(key => [key, WITHHELD])) }
  }
  return { ...object, ...hide('data'), ...hide('stringData') }
}

/** A copy whose texts are without credentials; the value of a variable is looked at with its name. */
function mapTexts<T>(value: T, name?: unknown): T
function mapTexts(value: unknown, name?: unknown): unknown {
  if (typeof value === 'string') {
    if (typeof name !== 'string') return withoutCredentials(value)
    const whole = withoutCredentials(`name: ${name}\nvalue: ${value}`)
    return whole.slice(whole.indexOf('\nvalue: ') + '\nvalue: '.length)
  }
  if (Array.isArray(value)) return value.map(item => mapTexts(item))
  if (typeof value !== 'object' || value === null) return value
  const own = 'name' in value ? value.name : undefined
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => [key, mapTexts(child, key === 'value' ? own : undefined)]),
  )
}

/** What a run would do, for programs: the fields of a dry run in docs/output.md. */
export function describeRehearsal({ phases, findings, conflicts }: Rehearsal, { store }: RehearsalView) {
  return {
    phases: phases.map(({ path, about, skipped, steps }) => ({
      name: path,
      about,
      ...(skipped === undefined ? {} : { skipped }),
      steps: steps.map(step => ({
        kind: step.kind,
        about: step.about,
        files: [...step.rows.flatMap(row => row.files), ...step.files].map(describeFile),
        objects: step.objects.map(withheld),
        ...(step.notes.length === 0 ? {} : { notes: step.notes }),
      })),
    })),
    conflicts,
    findings: findings.map(found => {
      const { place: _, ...rest } = found
      return { ...rest, path: placeOf(found, store) }
    }),
  }
}

function describeFile(file: RehearsedFile) {
  const { path, mode, state, isSecret, bytes } = file
  const isShown = !isSecret && bytes !== undefined
  return {
    ...{ path, mode: formatMode(mode), state, secret: isSecret },
    ...(isShown && state !== 'unchanged' ? { content: withoutCredentials(textOf(bytes)) } : {}),
    ...(isShown && state === 'differs' ? { diff: `${diffOf(file).join('\n')}\n` } : {}),
  }
}
