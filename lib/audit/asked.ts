import type { Context } from '../context.js'
import { UsageError } from '../errors.js'
import { isJsonObject, type JsonObject } from '../json.js'
import { type ClusterFacts, checkCluster, FACT_FIELDS } from '../kubernetes/cluster.js'
import type { Role } from '../kubernetes/rows.js'
import type { Asked, NameAdds } from './types.js'

/** What checks every fact that is given, whatever is not. */
const STAND_INS = { nodeName: 'node', advertiseAddress: '192.0.2.1' }

/** What a host can be. */
export const ROLES: readonly string[] = ['init', 'control-plane', 'worker'] satisfies readonly Role[]

type Guard = (value: unknown) => boolean

const isText: Guard = value => typeof value === 'string'
const isTexts: Guard = value => Array.isArray(value) && value.every(isText)

const FACT_TYPES: Readonly<Record<keyof ClusterFacts, Guard>> = {
  nodeName: isText,
  advertiseAddress: isText,
  bindPort: value => typeof value === 'number',
  controlPlaneEndpoint: isText,
  kubernetesVersion: isText,
  clusterName: isText,
  serviceSubnet: isText,
  podSubnet: isText,
  dnsDomain: isText,
  apiServerCertSans: isTexts,
  etcdServerCertSans: isTexts,
  etcdPeerCertSans: isTexts,
  externalEtcd: value =>
    isJsonObject(value) &&
    isTexts(value['endpoints']) &&
    Object.entries(value).every(
      ([name, file]) => name === 'endpoints' || (['caFile', 'certFile', 'keyFile'].includes(name) && isText(file)),
    ),
  certificatesDir: isText,
  encryptionAlgorithm: isText,
  certificateValidityPeriod: isText,
  caCertificateValidityPeriod: isText,
  featureGates: value => isJsonObject(value) && Object.values(value).every(gate => typeof gate === 'boolean'),
}

const NAME_LISTS: readonly (keyof NameAdds)[] = ['apiServerCertSans', 'etcdServerCertSans', 'etcdPeerCertSans']

/** Facts about which nothing is wrong, or what is. */
export type CheckedFacts =
  | { readonly facts: Partial<ClusterFacts>; readonly problem?: undefined }
  | { readonly problem: string; readonly field: string; readonly hint?: string | undefined }

/**
 * Judges facts that somebody states, of which only some are there.
 *
 * @param kind - `adds`: lists of names, and nothing else
 */
export function checkFacts(facts: JsonObject, kind: 'facts' | 'adds', context: Context): CheckedFacts {
  const given = Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined))
  const known: readonly string[] = kind === 'adds' ? NAME_LISTS : Object.keys(FACT_FIELDS)
  for (const [name, value] of Object.entries(given)) {
    const field = name.slice(0, 60)
    if (!known.includes(name))
      return { field, problem: `has a field in ${kind} that is not known: ${JSON.stringify(field)}` }
    if (!FACT_TYPES[name as keyof ClusterFacts](value))
      return { field, problem: `${kind}.${name} is of the wrong type` }
  }
  const typed = given as Partial<ClusterFacts>
  const wrong = checkCluster({ ...STAND_INS, ...typed }, context).problems.find(({ severity }) => severity === 'error')
  return wrong
    ? { field: wrong.field, problem: `${wrong.field}: ${wrong.message}`, hint: wrong.hint }
    : { facts: typed }
}

/**
 * Refuses what cannot be asked of any tree: a name that is none would only be missing from what it is asked for.
 *
 * @throws {@link UsageError} `KPKI_FIELD_VALUE`
 */
export function assertAsked({ facts = {}, adds = {}, role }: Asked, context: Context): void {
  const refuse = (field: string, problem: string, hint?: string) =>
    new UsageError('KPKI_FIELD_VALUE', `what is asked of the tree: ${problem}`, {
      details: { field },
      ...(hint === undefined ? {} : { hint }),
    })
  const assert = (checked: CheckedFacts) => {
    if (checked.problem !== undefined) throw refuse(checked.field, checked.problem, checked.hint)
  }
  for (const [field, value] of Object.entries({ facts, adds }))
    if (!isJsonObject(value)) throw refuse(field, `${field} is no object`)
  if (role !== undefined && !ROLES.includes(role)) throw refuse('role', `role is none of ${ROLES.join(', ')}`)
  assert(checkFacts(facts, 'facts', context))
  assert(checkFacts(adds, 'adds', context))
  // Each may be short enough, and both together too long.
  assert(checkFacts(withNames(facts, adds), 'facts', context))
}

/** Facts with names added to their lists, each once. */
export function withNames(facts: Partial<ClusterFacts>, adds: NameAdds): Partial<ClusterFacts> {
  const lists = (Object.keys(adds) as (keyof NameAdds)[]).map(list => [
    list,
    [...new Set([...(facts[list] ?? []), ...(adds[list] ?? [])])],
  ])
  return { ...facts, ...Object.fromEntries(lists) }
}
