import { nearestName } from '../../config/problems.js'
import type { Context } from '../../context.js'
import { KpkiError, UsageError, WorkflowError } from '../../errors.js'
import { has } from '../../kubernetes/differences.js'
import type { Host } from '../host.js'
import { stopIfInterrupted, unlessInterrupted } from '../interruption.js'
import { type HostRecord, readRecord } from '../record.js'
import type { PreflightCheck, PreflightFiles, PreflightFinding, PreflightVerdict } from './check.js'
import type { PreflightSubject } from './subject.js'

/** What a check came to: `ignored` has errors that somebody wants to live with. */
export type PreflightState = 'passed' | 'warning' | 'error' | 'ignored' | 'skipped'

/** One check, and what it came to. */
export interface PreflightResult {
  /** e.g. `Port-6443` */
  readonly name: string
  readonly state: PreflightState
  readonly about: string
  readonly origin: PreflightCheck['origin']
  /** Empty unless it is a warning, an error or ignored. */
  readonly findings: readonly PreflightFinding[]
  /** Why it was skipped, or passed although it does not look so. Default: nothing is to be said */
  readonly note?: string
}

/** What all checks came to. */
export interface PreflightReport {
  /** In the order in which they were made. */
  readonly results: readonly PreflightResult[]
  /** Names of errors to ignore that no check has. */
  readonly unknown: readonly { readonly name: string; readonly nearest: string | undefined }[]
}

/** Options of {@link runPreflight}. */
export interface PreflightOptions {
  /** Names of checks whose errors are not to count, in any case, or `all`. Default: none */
  readonly ignore?: readonly string[]
  /** Names of checks to make, in any case; all of a row by the row's name. Default: all */
  readonly only?: readonly string[]
  /** Ends it. Default: nothing does */
  readonly signal?: AbortSignal
}

/**
 * Looks at a host with preflight checks, all of them; nothing is changed. Where the user is not root, nothing else is looked at.
 *
 * @param host - one without a system (a directory that stands for it) is looked at for what is of files alone
 * @throws {@link UsageError} `KPKI_USAGE` for a name in `only` that no check has; never for what is found. `WorkflowError` `KPKI_INTERRUPTED`
 */
export async function runPreflight(
  checks: readonly PreflightCheck[],
  host: Host,
  subject: PreflightSubject,
  context: Context,
  options: PreflightOptions = {},
): Promise<PreflightReport> {
  const { ignore = [], signal } = options
  const asked = checks.filter(({ roles }) => roles.includes(subject.role)).flatMap(check => expand(check, subject))
  const chosen = choose(asked, checks, options.only)
  const ignored = new Set(ignore.map(name => name.toLowerCase()))
  const around = { host, system: host.system, subject, context, made: await readMade(host) }
  const results: PreflightResult[] = []
  let isStopped = false
  for (const probing of chosen) {
    stopIfInterrupted(signal, 'nothing was changed')
    const verdict = isStopped ? 'the user is not root' : await unlessInterrupted(look(probing, around), signal)
    const result = judge(probing, verdict, ignored)
    results.push(result)
    if (probing.name === 'IsPrivilegedUser' && result.state === 'error') isStopped = true
  }
  const known = new Set([...asked.map(({ name }) => name), ...checks.map(({ name }) => name), ...OTHER_NAMES])
  const lower = new Set([...known].map(name => name.toLowerCase()))
  const unknown = ignore
    .filter(name => !lower.has(name.toLowerCase()) && !FAMILIES.test(name))
    .map(name => ({ name, nearest: nearestName(name, known) }))
  return { results, unknown }
}

/** What `--ignore-preflight-errors` takes beside the checks that are made for this subject. */
const OTHER_NAMES: readonly string[] = ['all', 'ImagePull', 'KubernetesVersion']
/** Of another port, path or program, or of other versions: harmless, and common in scripts. */
const FAMILIES =
  /^(port-[0-9]+|(file(available|content|existing)|diravailable|service|permissions)-.+|isdockersystemdcheck)$/i

interface Probing {
  readonly check: PreflightCheck
  readonly name: string
  /** What was found, or why nothing was looked at. */
  readonly look: (around: PreflightFiles) => Promise<PreflightVerdict> | PreflightVerdict | string
}

function expand(check: PreflightCheck, subject: PreflightSubject): readonly Probing[] {
  if (check.versions !== undefined && !has(subject.version, check.versions)) return []
  if (check.isOfFiles) return check.probes(subject).map(probe => ({ check, ...probe }))
  return check.probes(subject).map(({ name, look }) => ({
    check,
    name,
    look: around => {
      const { host, system } = around
      return system ? look({ ...around, system }) : `${host.name} stands for a host, and cannot be asked`
    },
  }))
}

function choose(
  asked: readonly Probing[],
  checks: readonly PreflightCheck[],
  only: readonly string[] | undefined,
): readonly Probing[] {
  if (only === undefined) return asked
  const names = [...new Set([...asked.map(({ name }) => name), ...checks.map(({ name }) => name)])]
  for (const name of only) {
    if (names.some(known => known.toLowerCase() === name.toLowerCase())) continue
    const nearest = nearestName(name, names)
    throw new UsageError('KPKI_USAGE', `there is no preflight check ${JSON.stringify(name)} for this host`, {
      details: { flag: 'only' },
      hint: nearest === undefined ? 'kpki preflight lists them all' : `did you mean ${nearest}?`,
    })
  }
  const wanted = new Set(only.map(name => name.toLowerCase()))
  return asked.filter(({ check, name }) => [check.name, name].some(each => wanted.has(each.toLowerCase())))
}

/** A record that cannot be read is none: what it would have said of is somebody else's, then. */
async function readMade(host: Host): Promise<HostRecord> {
  try {
    return await readRecord(host)
  } catch (failure) {
    if (!(failure instanceof KpkiError)) throw failure
    return { entries: [], unreadLines: 0 }
  }
}

async function look({ check, look }: Probing, around: PreflightFiles): Promise<PreflightVerdict | string> {
  try {
    return await look(around)
  } catch (failure) {
    if (!(failure instanceof KpkiError)) throw failure
    return {
      findings: [{ severity: check.severity, message: failure.message, hint: failure.hint ?? check.mend }],
    }
  }
}

function judge(
  { check: { about, origin }, name }: Probing,
  verdict: PreflightVerdict | string,
  ignored: ReadonlySet<string>,
): PreflightResult {
  if (typeof verdict === 'string') return { name, state: 'skipped', about, origin, findings: [], note: verdict }
  const { findings, note } = verdict
  const hasError = findings.some(({ severity }) => severity === 'error')
  const isIgnored = ignored.has('all') || ignored.has(name.toLowerCase())
  const state = findings.length === 0 ? 'passed' : !hasError ? 'warning' : isIgnored ? 'ignored' : 'error'
  return { name, state, about, origin, findings, ...(note === undefined ? {} : { note }) }
}

/** Lines of what keeps a host from being set up, one a finding. */
function preflightErrors({ results }: PreflightReport): readonly (PreflightFinding & { readonly name: string })[] {
  return results
    .filter(({ state }) => state === 'error')
    .flatMap(({ name, findings }) =>
      findings.filter(({ severity }) => severity === 'error').map(finding => ({ name, ...finding })),
    )
}

/** @throws {@link WorkflowError} `KPKI_PREFLIGHT_FAILED` with every error, unless there is none */
export function assertPreflight(report: PreflightReport): void {
  const errors = preflightErrors(report)
  if (errors.length === 0) return
  const names = [...new Set(errors.map(({ name }) => name))]
  const findings = errors.map(({ name, message, hint }) => `${name}: ${message} (${hint})`)
  const count = names.length === 1 ? '1 preflight check' : `${names.length} preflight checks`
  throw new WorkflowError('KPKI_PREFLIGHT_FAILED', `${count} failed: ${findings.join('; ')}`, {
    details: { checks: names, findings },
    hint: `mend them, or go on in spite of them with --ignore-preflight-errors=${names.join(',')}`,
  })
}
