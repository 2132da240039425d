import { nearestName } from '../config/problems.js'
import type { Context } from '../context.js'
import { EncodingError } from '../errors.js'
import { formatJson, isJsonObject, type JsonObject } from '../json.js'
import { fingerprintOf } from './fingerprint.js'
import { type Finding, RULES, type RuleId } from './rules.js'

/** A finding that somebody knows and accepts. */
export interface BaselineEntry {
  readonly rule: RuleId
  /** As the finding has it. */
  readonly path: string
  /** As the finding has it. Default: it is about the whole file. */
  readonly part?: string
  /** Of {@link fingerprintOf}: 32 lower-case hex digits. */
  readonly fingerprint: string
  /** The finding's sentence when it was accepted, for who reads the file; nothing is compared with it. Default: none. */
  readonly message?: string
  /** Why it is accepted. Default: nobody has said. */
  readonly reason?: string
  /** Last day, UTC, on which it is accepted, e.g. `2027-01-31`. Default: for good. */
  readonly until?: string
}

/** Findings that are known and accepted. */
export interface Baseline {
  readonly entries: readonly BaselineEntry[]
}

const API_VERSION = 'kpki.dev/v1alpha1'
const KIND = 'Baseline'

/** Writes a baseline: JSON, one field a line, so that reviews show what is accepted; with a final newline. */
export function formatBaseline({ entries }: Baseline): string {
  const findings = entries.map(({ rule, path, part, fingerprint, message, reason, until }) => ({
    ...{ rule, path, part, fingerprint, message, reason, until },
  }))
  return formatJson({ apiVersion: API_VERSION, kind: KIND, findings })
}

/**
 * Reads a baseline.
 *
 * @param what - how messages call the file
 * @throws {@link EncodingError} `KPKI_BASELINE_INVALID`
 */
export function parseBaseline(text: string, what: string): Baseline {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw refuse(what, 'is not JSON', cause)
  }
  if (!isJsonObject(value) || value['apiVersion'] !== API_VERSION || value['kind'] !== KIND)
    throw refuse(what, `is no baseline: apiVersion ${API_VERSION} and kind ${KIND} are not there`)
  assertFields(value, ['apiVersion', 'kind', 'findings'], what, 'the file')
  const { findings } = value
  if (!Array.isArray(findings)) throw refuse(what, 'has no list findings')
  return { entries: findings.map((item: unknown, index) => parseEntry(item, what, `findings[${index}]`)) }
}

const FIELDS = ['rule', 'path', 'part', 'fingerprint', 'message', 'reason', 'until'] as const

function parseEntry(item: unknown, what: string, where: string): BaselineEntry {
  if (!isJsonObject(item)) throw refuse(what, `${where} is no object`)
  assertFields(item, FIELDS, what, where)
  const text = (field: (typeof FIELDS)[number]): string | undefined => {
    const value = item[field]
    if (value === undefined || typeof value === 'string') return value
    throw refuse(what, `${where}.${field} is no text`)
  }
  const [rule, path, fingerprint, until] = [text('rule'), text('path'), text('fingerprint'), text('until')]
  if (rule === undefined || !isRule(rule)) {
    const nearest = rule === undefined ? undefined : nearestName(rule, Object.keys(RULES))
    throw refuse(
      what,
      `${where}.rule ${rule === undefined ? 'is missing' : `${JSON.stringify(rule.slice(0, 60))} is no rule`}`,
      undefined,
      nearest && `did you mean ${nearest}?`,
    )
  }
  if (path === undefined) throw refuse(what, `${where}.path is missing`)
  if (!/^[0-9a-f]{32}$/.test(fingerprint ?? '')) throw refuse(what, `${where}.fingerprint is not 32 hex digits`)
  if (until !== undefined && endOf(until) === undefined)
    throw refuse(what, `${where}.until is no day`, undefined, 'write it as 2027-01-31')
  const [part, message, reason] = [text('part'), text('message'), text('reason')]
  return {
    ...{ rule, path, fingerprint: fingerprint ?? '' },
    ...(part === undefined ? {} : { part }),
    ...(message === undefined ? {} : { message }),
    ...(reason === undefined ? {} : { reason }),
    ...(until === undefined ? {} : { until }),
  }
}

function isRule(rule: string): rule is RuleId {
  return Object.hasOwn(RULES, rule)
}

/** A misspelt field would be ignored silently, and with it an end or a reason. */
function assertFields(value: JsonObject, known: readonly string[], what: string, where: string) {
  const unknown = Object.keys(value).find(field => !known.includes(field))
  if (unknown === undefined) return
  const nearest = nearestName(unknown, known)
  throw refuse(
    what,
    `${where} has an unknown field ${JSON.stringify(unknown.slice(0, 60))}`,
    undefined,
    nearest && `did you mean ${nearest}?`,
  )
}

/** The first moment after a day. */
function endOf(day: string): Date | undefined {
  const match = /^\d{4}-\d{2}-\d{2}$/.test(day) ? new Date(`${day}T00:00:00Z`) : undefined
  // Date turns the 30th of February into the 2nd of March.
  if (!match || Number.isNaN(match.getTime()) || match.toISOString().slice(0, 10) !== day) return undefined
  return new Date(match.getTime() + 86_400_000)
}

function refuse(what: string, message: string, cause?: unknown, hint?: string): EncodingError {
  return new EncodingError('KPKI_BASELINE_INVALID', `${what} ${message}`, {
    details: { what },
    hint: hint ?? 'kpki check --write-baseline FILE writes one',
    ...(cause === undefined ? {} : { cause }),
  })
}

/** A baseline at work: it is asked finding by finding, as they come. */
export interface OpenBaseline {
  /** The entry that accepts a finding; `undefined` when none does. */
  readonly accepts: (found: Finding) => Promise<BaselineEntry | undefined>
  /** Entries that have matched no finding that was asked about: what they accept is no longer there. */
  readonly unmatched: () => readonly BaselineEntry[]
  /** Entries that would have accepted a finding, and whose last day is over. */
  readonly ended: () => readonly BaselineEntry[]
}

/** Makes a baseline ready to be asked; the context's moment, read once, decides which entries still count. */
export function openBaseline({ entries }: Baseline, context: Context): OpenBaseline {
  const now = context.clock()
  const byKey = new Map<string, BaselineEntry[]>()
  for (const entry of entries) {
    const key = keyOf(entry.rule, entry)
    const others = byKey.get(key)
    if (others) others.push(entry)
    else byKey.set(key, [entry])
  }
  const matched = new Set<BaselineEntry>()
  const ended = new Set<BaselineEntry>()
  return {
    accepts: async found => {
      const candidates = byKey.get(keyOf(found.code, found))
      if (!candidates) return undefined
      const fingerprint = await fingerprintOf(found, context)
      let accepting: BaselineEntry | undefined
      for (const entry of candidates.filter(entry => entry.fingerprint === fingerprint)) {
        matched.add(entry)
        const end = entry.until === undefined ? undefined : endOf(entry.until)
        if (end !== undefined && now >= end) ended.add(entry)
        else accepting ??= entry
      }
      return accepting
    },
    unmatched: () => entries.filter(entry => !matched.has(entry)),
    ended: () => entries.filter(entry => ended.has(entry)),
  }
}

function keyOf(rule: RuleId, { path, part = '' }: { readonly path: string; readonly part?: string }): string {
  return JSON.stringify([rule, path, part])
}

/**
 * Accepts findings: what a new baseline holds.
 *
 * @param old - entries that still match are taken over, with their reasons and ends. Default: none
 */
export async function baselineOf(findings: readonly Finding[], context: Context, old?: Baseline): Promise<Baseline> {
  const kept = new Map((old?.entries ?? []).map(entry => [`${keyOf(entry.rule, entry)}${entry.fingerprint}`, entry]))
  const now = context.clock()
  const entries = new Map<string, BaselineEntry>()
  for (const found of findings) {
    const { code: rule, path, part, message } = found
    const fingerprint = await fingerprintOf(found, context)
    const key = `${keyOf(rule, found)}${fingerprint}`
    if (entries.has(key)) continue
    const { reason, until: day } = kept.get(key) ?? {}
    // Who writes the baseline anew accepts what is there now: an end that is over would take that back at once.
    const until = day !== undefined && (endOf(day) ?? now) > now ? day : undefined
    entries.set(key, {
      ...{ rule, path },
      ...(part === undefined ? {} : { part }),
      ...{ fingerprint, message },
      ...(reason === undefined ? {} : { reason }),
      ...(until === undefined ? {} : { until }),
    })
  }
  return { entries: [...entries.values()] }
}
