import type { Context } from '../context.js'
import { EncodingError } from '../errors.js'
import { isJsonObject, type JsonObject } from '../json.js'
import type { ClusterFacts } from '../kubernetes/cluster.js'
import { ROW_IDS, type Role } from '../kubernetes/rows.js'
import { MAX_INPUT_BYTES } from '../limits.js'
import { checkFacts, ROLES } from './asked.js'
import { KUBELET_IDS } from './items.js'
import type { ChangeOptions } from './planning.js'
import type { TreeItemId } from './rules.js'
import type { PlanInputs, SavedPlan } from './saved-plan.js'

/** Of a saved plan what it is applied by: the rest of it is for people. */
export interface ParsedPlan {
  readonly inputs: PlanInputs
  readonly fingerprint: SavedPlan['fingerprint']
  /** As they stand in the file: they are only ever compared with those of the plan that is made anew. */
  readonly changes: readonly unknown[]
}

const API_VERSION = 'kpki.dev/v1alpha1'
const ITEMS: readonly string[] = [...ROW_IDS, ...KUBELET_IDS]

/**
 * Reads a plan that `kpki plan -o json` or `-o yaml` has printed. Its inputs are checked as those of a command line are; nothing
 * else in it decides what is written.
 *
 * @param what - how messages call the file
 * @throws {@link EncodingError} `KPKI_PLAN_INVALID`, `KPKI_INPUT_TOO_LARGE`
 */
export async function parsePlan(text: string, what: string, context: Context): Promise<ParsedPlan> {
  if (text.length > MAX_INPUT_BYTES)
    throw new EncodingError('KPKI_INPUT_TOO_LARGE', `${what} is larger than 1 MiB`, { details: { what } })
  const value = await parseDocument(text, what)
  if (!isJsonObject(value) || value['apiVersion'] !== API_VERSION || value['kind'] !== 'Plan')
    throw refuse(what, `is no plan: apiVersion ${API_VERSION} and kind Plan are not there`)
  const { inputs, fingerprint, changes } = value
  if (!isJsonObject(inputs)) throw refuse(what, 'has no inputs')
  if (typeof fingerprint !== 'string' || !/^[0-9a-f]{64}$/.test(fingerprint))
    throw refuse(what, 'has no fingerprint of 64 hex digits')
  if (!Array.isArray(changes) || !changes.every(change => isShallow(change))) throw refuse(what, 'has no list changes')
  return { inputs: parseInputs(inputs, what, context), fingerprint, changes }
}

async function parseDocument(text: string, what: string): Promise<unknown> {
  try {
    if (/^\s*\{/.test(text)) return JSON.parse(text)
    const { parseYaml } = await import('../yaml.js')
    return parseYaml(text, what).value
  } catch (cause) {
    throw refuse(what, 'is neither JSON nor YAML', cause)
  }
}

function parseInputs(inputs: JsonObject, what: string, context: Context): PlanInputs {
  assertKnown(inputs, ['facts', 'adds', 'role', 'options'], 'inputs', what)
  const { facts = {}, adds = {}, role, options = {} } = inputs
  if (!isJsonObject(facts)) throw refuse(what, 'inputs.facts is no object')
  if (!isJsonObject(adds)) throw refuse(what, 'inputs.adds is no object')
  if (!isJsonObject(options)) throw refuse(what, 'inputs.options is no object')
  if (role !== undefined && !(typeof role === 'string' && ROLES.includes(role)))
    throw refuse(what, `inputs.role is none of ${ROLES.join(', ')}`)
  return {
    facts: parseFacts(facts, 'facts', what, context),
    ...(Object.keys(adds).length > 0 ? { adds: parseFacts(adds, 'adds', what, context) } : {}),
    ...(role === undefined ? {} : { role: role as Role }),
    options: parseOptions(options, what),
  }
}

function parseFacts(facts: JsonObject, kind: 'facts' | 'adds', what: string, context: Context): Partial<ClusterFacts> {
  const checked = checkFacts(facts, kind, context)
  if (checked.problem !== undefined) throw refuse(what, `inputs: ${checked.problem}`)
  return checked.facts
}

function parseOptions(options: JsonObject, what: string): ChangeOptions {
  assertKnown(options, ['keys', 'only', 'ifWithinSeconds', 'asFound'], 'inputs.options', what)
  const { keys, only, ifWithinSeconds, asFound } = options
  const wrong = (name: string) => refuse(what, `inputs.options.${name} is not what kpki plan writes`)
  if (keys !== undefined && keys !== 'keep' && keys !== 'new') throw wrong('keys')
  if (only !== undefined && !isItems(only)) throw wrong('only')
  if (ifWithinSeconds !== undefined && !(typeof ifWithinSeconds === 'number' && ifWithinSeconds >= 0))
    throw wrong('ifWithinSeconds')
  if (asFound !== undefined && typeof asFound !== 'boolean') throw wrong('asFound')
  return {
    ...(keys === undefined ? {} : { keys }),
    ...(only === undefined ? {} : { only }),
    ...(ifWithinSeconds === undefined ? {} : { ifWithinSeconds }),
    ...(asFound === undefined ? {} : { asFound }),
  }
}

function isItems(value: unknown): value is readonly (TreeItemId | 'all')[] {
  return Array.isArray(value) && value.every(item => item === 'all' || ITEMS.includes(item))
}

/** A field that is not known may say what is not understood here: it would be passed over silently. */
function assertKnown(value: JsonObject, known: readonly string[], where: string, what: string): void {
  const unknown = Object.keys(value).find(name => !known.includes(name))
  if (unknown !== undefined)
    throw refuse(what, `has a field in ${where} that is not known: ${JSON.stringify(unknown.slice(0, 60))}`)
}

/** Nothing that kpki writes about a change is deeper. */
function isShallow(value: unknown, levels = 4): boolean {
  if (typeof value !== 'object' || value === null) return true
  return levels > 0 && Object.values(value).every(item => isShallow(item, levels - 1))
}

function refuse(what: string, message: string, cause?: unknown): EncodingError {
  return new EncodingError('KPKI_PLAN_INVALID', `${what} ${message}`, {
    details: { what },
    hint: 'kpki plan -o json writes one',
    ...(cause === undefined ? {} : { cause }),
  })
}
