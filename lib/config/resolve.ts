import type { Context } from '../context.js'
import { type Cluster, type ClusterFacts, checkCluster, FACT_FIELDS } from '../kubernetes/cluster.js'
import type { FieldProblem } from '../kubernetes/cluster-fields.js'
import type { YamlPath, YamlPosition } from '../yaml.js'
import {
  FACT_FLAGS,
  FACT_SOURCES,
  type FactName,
  type FlagFacts,
  type FlagName,
  factsOf,
  hostDocument,
  isUnspecified,
} from './facts.js'
import type { ParsedConfiguration } from './parse.js'
import { type ConfigProblem, formatPath, formatProblem, throwFirst } from './problems.js'
import type { CarriedKind, KubeadmKind } from './schema.js'
import type { Configuration } from './types.js'

const NOTHING: ParsedConfiguration = {
  configuration: { carried: [] },
  problems: [],
  versions: {},
  locate: () => undefined,
}

/** Where a value came from. */
export type Origin =
  | { readonly kind: 'flag'; readonly flag: string }
  | { readonly kind: 'file'; readonly file: string; readonly line: number; readonly column: number }
  | { readonly kind: 'detected'; readonly from: string }
  | { readonly kind: 'default' }

/** A value, or how to get it: asked only when nobody has said it. */
export type Lazy<T> = T | (() => T | undefined | Promise<T | undefined>)

/** What can be seen from the host itself. */
export interface HostFacts {
  /** Default: unknown. */
  readonly hostname?: Lazy<string>
  /** The address on the interface of the default route. Default: unknown. */
  readonly defaultAddress?: Lazy<{ readonly address: string; readonly interface: string }>
}

/** Everything that describes a cluster and this host of it. */
export interface DescriptionSources {
  /** The kubeadm configuration. Default: none. */
  readonly file?: { readonly text: string; readonly name: string }
  /** Default: none. */
  readonly flags?: FlagFacts
  /** Default: nothing is known about it. */
  readonly host?: HostFacts
}

/** A place in a file. */
export interface FilePlace extends YamlPosition {
  readonly file: string
}

/** A described cluster: what it is, what was said, by whom, and what is wrong with it. */
export interface Description {
  /** `undefined` when a problem is an error. */
  readonly cluster: Cluster | undefined
  /** The facts as they were said; absent ones have their defaults. */
  readonly facts: Partial<ClusterFacts>
  readonly origins: Readonly<Record<FactName, Origin>>
  /**
   * What a JoinConfiguration makes of this host; `undefined` when there is none, or an InitConfiguration beside it.
   */
  readonly role: 'control-plane' | 'worker' | undefined
  /** The file as v1beta4, defaults not filled in. */
  readonly configuration: Configuration
  /** Where the file has the value (or else what it would stand in) at a path of a document. */
  readonly locate: (kind: KubeadmKind | CarriedKind, path: YamlPath) => FilePlace | undefined
  readonly problems: readonly ConfigProblem[]
}

/**
 * Finds out what a host and its cluster are to be: flag over file over default; what is left of node name and address is
 * looked for on the host. Never throws for what was said: everything wrong is in `problems`.
 *
 * @throws {@link EncodingError} `KPKI_INPUT_TOO_LARGE`
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/util/config/initconfiguration.go
 */
export async function resolveDescription(sources: DescriptionSources, context: Context): Promise<Description> {
  const { file, flags = {}, host = {} } = sources
  // Loaded where there is a file: most of what it takes to describe a cluster by flags is the reader that would not be used.
  const parsed = file ? (await import('./parse.js')).parseConfiguration(file.text, file.name) : NOTHING
  const problems: ConfigProblem[] = [...parsed.problems]
  // A file that says nothing is a file that somebody took for another one; kubeadm refuses it, too.
  if (
    file &&
    problems.length === 0 &&
    Object.keys(parsed.versions).length + parsed.configuration.carried.length === 0
  ) {
    const hint = 'print one to begin with: kpki config print init-defaults'
    problems.push({
      severity: 'error',
      code: 'KPKI_CONFIG_KIND',
      field: '',
      message: 'there is no document in it',
      file: file.name,
      hint,
    })
  }
  const origins = Object.fromEntries(Object.keys(FACT_FIELDS).map(name => [name, { kind: 'default' }])) as Record<
    FactName,
    Origin
  >

  let facts = factsOf(parsed.configuration)
  for (const name of Object.keys(facts) as FactName[]) {
    const position = locateFact(parsed, name)
    if (file && position) origins[name] = { kind: 'file', file: file.name, ...position }
  }
  for (const [name, given] of Object.entries(flags) as [FlagName, string | readonly string[] | undefined][]) {
    if (given === undefined) continue
    const text = typeof given === 'string' ? given : given.join(',')
    // As kubeadm: no address and "any" address both mean that one is looked for.
    if (name === 'advertiseAddress' && (text === '' || isUnspecified(text))) continue
    const { value, problem } = readFlag(name, text)
    origins[name] = { kind: 'flag', flag: FACT_FLAGS[name] }
    if (problem !== undefined) {
      const field = FACT_FIELDS[name]
      problems.push({ severity: 'error', code: 'KPKI_FIELD_VALUE', field, message: problem, flag: FACT_FLAGS[name] })
    }
    const { [name]: _, ...others } = facts
    facts = value === undefined ? others : { ...others, [name]: value }
  }

  if (facts.nodeName === undefined) {
    const nodeName = await ask(host.hostname)
    if (nodeName !== undefined) facts = { ...facts, nodeName }
    if (nodeName !== undefined) origins.nodeName = { kind: 'detected', from: 'hostname' }
  }
  if (facts.advertiseAddress === undefined) {
    const found = await ask(host.defaultAddress)
    if (found) facts = { ...facts, advertiseAddress: found.address }
    if (found) origins.advertiseAddress = { kind: 'detected', from: `interface ${found.interface}` }
  }

  const { cluster, problems: found } = judge(facts, context)
  for (const problem of found.map(each => placed(each, parsed, file?.name, origins))) {
    // What is wrong already when it is read is not judged a second time.
    const isKnown = parsed.problems.some(({ severity, field }) => severity === 'error' && field === problem.field)
    if (!isKnown || problem.flag !== undefined) problems.push(problem)
  }
  const isBroken = problems.some(({ severity }) => severity === 'error')
  return {
    cluster: isBroken ? undefined : cluster,
    facts,
    origins,
    role: roleOf(parsed.configuration),
    configuration: parsed.configuration,
    locate: (kind, path) => {
      const position = parsed.locate(kind, path)
      return file && position && { file: file.name, ...position }
    },
    problems,
  }
}

/**
 * As {@link resolveDescription}, for those who need a cluster or nothing; warnings go to the context's log.
 *
 * @throws {@link UsageError} the first error, with its place in the message and in `details`, and in `details.problems` how
 *   many there are
 * @throws {@link EncodingError} `KPKI_INPUT_TOO_LARGE`
 */
export async function parseDescription(
  sources: DescriptionSources,
  context: Context,
): Promise<Description & { readonly cluster: Cluster }> {
  const description = await resolveDescription(sources, context)
  for (const problem of description.problems) {
    if (problem.severity === 'warning') context.log({ level: 'warning', message: formatProblem(problem) })
  }
  throwFirst(description.problems)
  const { cluster } = description
  if (!cluster) throw new TypeError('a description without errors has a cluster')
  return { ...description, cluster }
}

function roleOf(configuration: Configuration): Description['role'] {
  if (hostDocument(configuration) !== 'JoinConfiguration') return undefined
  return configuration.JoinConfiguration?.controlPlane ? 'control-plane' : 'worker'
}

async function ask<T>(lazy: Lazy<T> | undefined): Promise<T | undefined> {
  return typeof lazy === 'function' ? (lazy as () => T | undefined | Promise<T | undefined>)() : lazy
}

/** The value that a flag's text stands for. */
function readFlag(name: FlagName, text: string): { readonly value: unknown; readonly problem?: string } {
  const parts = text.split(',').map(part => part.trim())
  if (name === 'apiServerCertSans') return { value: parts.filter(part => part !== '') }
  if (name === 'bindPort') {
    return /^[0-9]{1,9}$/.test(text)
      ? { value: Number(text) }
      : { value: undefined, problem: `${JSON.stringify(text)} is not a port: 1 to 65535` }
  }
  if (name === 'featureGates') {
    const gates = parts.filter(part => part !== '').map(part => /^([^=]+)=(true|false)$/i.exec(part))
    return gates.every(gate => gate !== null)
      ? { value: Object.fromEntries(gates.map(gate => [gate[1], gate[2]?.toLowerCase() === 'true'])) }
      : { value: undefined, problem: `${JSON.stringify(text)} is not a list of Name=true and Name=false` }
  }
  return { value: text === '' && name !== 'nodeName' && name !== 'clusterName' ? undefined : text }
}

/** checkCluster, less what it would say about a name and an address that nobody knows. */
function judge(
  facts: Partial<ClusterFacts>,
  context: Context,
): { readonly cluster: Cluster | undefined; readonly problems: readonly (FieldProblem | ConfigProblem)[] } {
  const unknown: ConfigProblem[] = []
  if (facts.nodeName === undefined) {
    unknown.push({
      severity: 'error',
      code: 'KPKI_FIELD_VALUE',
      field: FACT_FIELDS.nodeName,
      message: 'no node name is given, and the host has none',
      hint: 'name the node with --node-name',
    })
  }
  if (facts.advertiseAddress === undefined) {
    unknown.push({
      severity: 'error',
      code: 'KPKI_ADDRESS_UNKNOWN',
      field: FACT_FIELDS.advertiseAddress,
      message: 'no address to advertise is given, and the host has no default route to take one from',
      hint: 'give the address that other hosts reach this one at with --apiserver-advertise-address',
    })
  }
  // Stand-ins that nothing can be said against (RFC 5737), so that everything else is judged as well.
  const { cluster, problems } = checkCluster({ nodeName: 'node', advertiseAddress: '192.0.2.1', ...facts }, context)
  return { cluster: unknown.length === 0 ? cluster : undefined, problems: [...unknown, ...problems] }
}

/** Adds to a problem with a fact where the fact came from. */
function placed(
  problem: FieldProblem | ConfigProblem,
  parsed: ParsedConfiguration,
  file: string | undefined,
  origins: Readonly<Record<FactName, Origin>>,
): ConfigProblem {
  const [name] = (Object.entries(FACT_FIELDS) as [FactName, string][])
    .filter(([, field]) => problem.field === field || /^[.[]/.test(problem.field.slice(field.length)))
    .filter(([, field]) => problem.field.startsWith(field))
    .sort(([, a], [, b]) => b.length - a.length)[0] ?? [undefined]
  if (name === undefined) return problem
  const origin = origins[name]
  if (origin.kind === 'flag') return { ...problem, flag: origin.flag }
  if (origin.kind !== 'file' || file === undefined) return problem
  const position = locateFact(parsed, name, parsePath(problem.field.slice(FACT_FIELDS[name].length)))
  return { ...problem, file, ...(position ?? { line: origin.line, column: origin.column }) }
}

function locateFact(parsed: ParsedConfiguration, name: FactName, rest: YamlPath = []): YamlPosition | undefined {
  const { kind, path, joinPath } = FACT_SOURCES[name]
  const isJoin = joinPath !== undefined && hostDocument(parsed.configuration) === 'JoinConfiguration'
  // v1beta2 and v1beta3 say ECDSA with a feature gate.
  const gate = ['featureGates', 'PublicKeysECDSA']
  const isGate = name === 'encryptionAlgorithm' && parsed.versions[kind] !== 'v1beta4'
  return isJoin
    ? parsed.locate('JoinConfiguration', [...joinPath, ...rest])
    : parsed.locate(kind, isGate ? gate : [...path, ...rest])
}

/** Reads what {@link formatPath} wrote. */
function parsePath(text: string): YamlPath {
  return [...text.matchAll(/\[([0-9]+)\]|([^.[\]]+)/g)].map(([, index, key]) =>
    index === undefined ? (key ?? '') : Number(index),
  )
}
