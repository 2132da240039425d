import {
  type ConfigProblem,
  checkDescription,
  describeControlPlane,
  formatOrigin,
  formatProblem,
  initDefaults,
  joinDefaults,
  migrateConfiguration,
  parseYamlStream,
  UsageError,
} from '../index.js'
import { createFile, createNodeContext } from '../node.js'
import type { Run } from './command.js'
import { readHostFlags } from './control-plane.js'
import { describeCluster, readDescription, refuseProblems } from './description.js'
import { text } from './flags.js'
import { readInput } from './input.js'
import { EXIT, type Io } from './io.js'
import { createLog } from './main.js'
import { formatStructured, isStructured, OUTPUT_VERSION } from './structured.js'
import { printable, wrap } from './terminal.js'

/** `kpki config print`: kubeadm's defaults. */
export const runPrint: Run = async ({ args, flags }, io) => {
  const document = args[0] === 'join-defaults' ? joinDefaults() : initDefaults()
  printConfiguration(document, text(flags, 'output'), io)
  return EXIT.done
}

/** `kpki config show`: every value in effect, with its origin. */
export const runShow: Run = async (invocation, io) => {
  if (text(invocation.flags, 'from') !== undefined)
    return (await import('./config-from.js')).runShowFrom(invocation, io)
  const context = createNodeContext({ log: createLog(invocation, io) })
  const description = await describeCluster(invocation, io, context)
  const hostFlags = await readHostFlags(invocation, io)
  const problems = checkDescription(description, { flags: hostFlags })
  // Certificates are made for versions that kpki does not know, too.
  refuseProblems(
    { ...description, problems: problems.filter(({ code }) => code !== 'KPKI_VERSION_UNSUPPORTED') },
    context,
  )
  const values = describeControlPlane(description, { flags: hostFlags })
  const output = text(invocation.flags, 'output')
  if (isStructured(output)) {
    const items = values.map(({ field, value, origin }) => ({
      field,
      value,
      origin: { ...origin, text: formatOrigin(origin) },
    }))
    io.stdout(formatStructured({ apiVersion: OUTPUT_VERSION, kind: 'EffectiveConfiguration', items }, output))
    return EXIT.done
  }
  printValues(
    values.map(({ field, value, origin }) => [printable(field), printable(shown(value)), formatOrigin(origin)]),
    io,
  )
  return EXIT.done
}

/** Prints fields, their values and where those come from. */
export function printValues(rows: readonly (readonly [field: string, value: string, origin: string])[], io: Io): void {
  const width = (column: 0 | 1 | 2) => Math.max(...rows.map(cells => cells[column].length))
  const indent = width(0) + 2
  if (!io.stdoutIsTerminal || indent + width(1) + 2 + width(2) <= io.columns) {
    // Programs want a line for each field, however long; one long value does not push all origins away.
    const room = io.stdoutIsTerminal ? width(1) : Math.min(width(1), MAX_VALUE)
    for (const [field, value, origin] of rows) io.stdout(`${field.padEnd(indent)}${value.padEnd(room)}  ${origin}\n`)
    return
  }
  // What does not fit beside each other stands below each other.
  const room = Math.min(width(1), Math.max(1, Math.floor((io.columns - indent - 2) / 2)))
  for (const [field, value, origin] of rows) {
    const isBeside = value.length <= room && indent + room + 2 + origin.length <= io.columns
    const below = (text: string, more: number) =>
      wrap(text, Math.max(1, io.columns - indent - more)).map(line => `${' '.repeat(indent + more)}${line}`)
    const lines = isBeside
      ? [`${' '.repeat(indent)}${value.padEnd(room)}  ${origin}`]
      : [...below(value, 0), ...below(origin, 2)]
    io.stdout(`${[field + (lines[0] ?? '').slice(field.length), ...lines.slice(1)].join('\n')}\n`)
  }
}

const MAX_VALUE = 40

/** `kpki config validate`: all mistakes; status 1 when there is one. */
export const runValidate: Run = async (invocation, io) => {
  const { flags } = invocation
  const config = text(flags, 'config')
  if (config === undefined) {
    throw new UsageError('KPKI_USAGE', 'config validate needs --config FILE', {
      hint: 'see kpki config validate --help',
    })
  }
  const description = await readDescription(invocation, io, createNodeContext())
  const { cluster } = description
  const problems = [...description.problems, ...(cluster ? checkDescription({ ...description, cluster }) : [])]
  const errors = problems.filter(({ severity }) => severity === 'error')
  const output = text(flags, 'output')
  if (isStructured(output)) {
    io.stdout(
      formatStructured(
        { apiVersion: OUTPUT_VERSION, kind: 'ConfigurationValidation', valid: errors.length === 0, problems },
        output,
      ),
    )
  } else {
    for (const problem of problems) printProblem(problem, io.stderr)
    if (errors.length === 0 && flags['quiet'] !== true) io.stdout('ok\n')
  }
  return errors.length === 0 ? EXIT.done : EXIT.failed
}

/** `kpki config migrate`: to v1beta4, on stdout or into a new file. */
export const runMigrate: Run = async (invocation, io) => {
  const { flags } = invocation
  const old = text(flags, 'old-config')
  const file = text(flags, 'new-config')
  if (old === undefined) {
    throw new UsageError('KPKI_USAGE', 'config migrate needs --old-config FILE', {
      hint: 'see kpki config migrate --help',
    })
  }
  const { text: source, name } = await readInput(old, io, true)
  const { text: migrated, warnings } = migrateConfiguration(source, name)
  if (flags['quiet'] !== true) for (const warning of warnings) printProblem(warning, io.stderr)
  if (file === undefined) printConfiguration(migrated, text(flags, 'output'), io)
  // It may hold tokens and a certificate key: 0600, and never over a file that is there.
  else await createFile(file, new TextEncoder().encode(migrated), 0o600)
  return EXIT.done
}

/** A configuration is a stream of YAML documents already; JSON has no such thing, and gets a list. */
export function printConfiguration(yaml: string, output: string | undefined, io: Io): void {
  const documents = () => parseYamlStream(yaml, 'the configuration').map(({ value }) => value)
  io.stdout(
    output === 'json'
      ? formatStructured({ apiVersion: OUTPUT_VERSION, kind: 'ConfigurationList', documents: documents() }, output)
      : yaml,
  )
}

function printProblem(problem: ConfigProblem, print: (text: string) => void): void {
  print(`kpki: ${problem.severity}: ${formatProblem(problem)}\n`)
  if (problem.severity === 'error' && problem.hint !== undefined) print(`kpki: hint: ${problem.hint}\n`)
}

/** A value on one line. */
export function shown(value: unknown): string {
  if (value === null || value === undefined) return '-'
  if (Array.isArray(value))
    return value.map(item => (typeof item === 'object' ? shownItem(item) : String(item))).join(',') || '-'
  return typeof value === 'object' ? JSON.stringify(value).replace(/^\{\}$/, '-') : String(value)
}

/** An argument or a taint as a command line has it; anything else as JSON. */
function shownItem(item: unknown): string {
  const { name, key, value, effect, ...rest } = item as Readonly<Record<string, unknown>>
  const isPlain = Object.keys(rest).length === 0
  if (isPlain && name !== undefined && value !== undefined) return `${String(name)}=${String(value)}`
  if (isPlain && key !== undefined) return `${String(key)}${value ? `=${String(value)}` : ''}:${String(effect)}`
  return JSON.stringify(item)
}
