import { planTree, type RowPlan } from '../audit/plan.js'
import type { Finding } from '../audit/rules.js'
import type { Context } from '../context.js'
import { type Bytes, equalBytes } from '../crypto/bytes.js'
import { PolicyError } from '../errors.js'
import { serverOf, type WantedCertificate, wantedCertificate } from '../kubernetes/catalogue.js'
import type { Cluster } from '../kubernetes/cluster.js'
import type { KubernetesObject } from '../kubernetes/objects.js'
import { isKubeconfigId, type Role, type RowId } from '../kubernetes/rows.js'
import { filesOf } from '../tree/layout.js'
import type { Store } from '../tree/store.js'
import type { Host } from './host.js'
import type { Action } from './phases/phase.js'
import type { PlannedPhase } from './phases/runner.js'
import { hostPathOf } from './record.js'

/** A file that a run would write, beside what is there. */
export interface RehearsedFile {
  /** As the host has it. */
  readonly path: string
  /** Permission bits that it would have; of one that stays, those that it has. */
  readonly mode: number
  /** It holds a secret: nothing of it is to be shown. */
  readonly isSecret: boolean
  /** `differs`: what is there says something else, or lets more people at it. */
  readonly state: 'new' | 'unchanged' | 'differs'
  /** What it would say. `undefined`: that is not known before, as of a key or a certificate */
  readonly bytes: Bytes | undefined
  /** What is there and differs. */
  readonly before: Bytes | undefined
}

/** A row of the tree that a run would make. */
export interface RehearsedRow {
  readonly id: RowId
  readonly action: RowPlan['action']
  readonly files: readonly RehearsedFile[]
  /** What the certificate would say; of a kubeconfig its client certificate. `undefined` for `sa` */
  readonly wanted: WantedCertificate | undefined
  /** The API server that a kubeconfig would name. */
  readonly server: string | undefined
}

/** What one action would do. */
export interface RehearsedStep {
  readonly kind: string
  readonly about: string
  readonly files: readonly RehearsedFile[]
  readonly rows: readonly RehearsedRow[]
  readonly objects: readonly KubernetesObject[]
  /** What a person should know of it, e.g. of a patch that changes nothing. */
  readonly notes: readonly string[]
}

/** What one phase would do. */
export interface RehearsedPhase {
  readonly path: string
  readonly about: string
  /** Why it is left out. `undefined`: it is not */
  readonly skipped: string | undefined
  readonly steps: readonly RehearsedStep[]
}

/** What a run of phases would do to a host. */
export interface Rehearsal {
  readonly phases: readonly RehearsedPhase[]
  /** What is wrong with certificates and kubeconfigs that are there; an error stops the real run. */
  readonly findings: readonly Finding[]
  /** Files in whose place something else is; they stop the real run. */
  readonly conflicts: readonly string[]
}

/** What is looked at. */
export interface RehearseHands {
  readonly host: Host
  readonly store: Store
  readonly context: Context
}

/**
 * Says what planned phases would do to a host: every file beside what is there, every row of the tree, every object. Reads the host
 * and touches nothing; asks no cluster. Twice the same, as long as nobody changes anything: what is random is left open.
 *
 * @param cluster - whose certificates the rows are
 * @throws what `planTree`, `Host.read` and `Store.read` throw
 */
export async function rehearsePhases(
  planned: readonly PlannedPhase[],
  cluster: Cluster,
  { host, store, context }: RehearseHands,
  { role = 'init' }: { readonly role?: Role } = {},
): Promise<Rehearsal> {
  const actions = planned.flatMap(phase => phase.actions)
  const ids = [...new Set(actions.flatMap(({ rows = [] }) => rows))]
  // All at once: what is signed by a CA that would be made has its issuer then.
  const plan = ids.length > 0 ? await planTree(ids, cluster, store, context, { role }) : { rows: [], findings: [] }
  const rehearseRow = async (id: RowId): Promise<readonly RehearsedRow[]> => {
    const row = plan.rows.find(each => each.id === id)
    if (!row) return []
    return [
      {
        id,
        action: row.action,
        files: await rowFiles(row, host, store),
        wanted: id === 'sa' ? undefined : wantedCertificate(id, cluster),
        server: isKubeconfigId(id) ? serverOf(id, cluster, role) : undefined,
      },
    ]
  }
  const rehearseStep = async (action: Action): Promise<RehearsedStep> => {
    const { kind, directory, files = [], rows = [], objects = [], notes = [] } = action
    const isThere = directory !== undefined && (await host.look(directory))?.type === 'directory'
    return {
      kind,
      about: isThere ? `${directory} is there` : action.about,
      files: await inTurn(files, async file => [await compare(file, host)]),
      rows: await inTurn(rows, rehearseRow),
      objects: [...objects, ...(await readObjects(action, { store, context }))],
      notes,
    }
  }
  const phases = await inTurn(planned, async ({ path, about, skipped, actions: own }) => [
    { path, about, skipped, steps: await inTurn(own, async action => [await rehearseStep(action)]) },
  ])
  const files = phases.flatMap(({ steps }) => steps.flatMap(step => step.files))
  return {
    phases,
    findings: plan.findings,
    conflicts: files.filter(({ state }) => state === 'differs').map(({ path }) => path),
  }
}

/** Objects that hold what an earlier phase makes, e.g. the CA, are not known before it has. */
async function readObjects(
  action: Action,
  hands: Pick<RehearseHands, 'store' | 'context'>,
): Promise<readonly KubernetesObject[]> {
  try {
    return (await action.readObjects?.(hands)) ?? []
  } catch (error) {
    if (error instanceof PolicyError && error.code === 'KPKI_ISSUER_MISSING') return []
    throw error
  }
}

async function compare(
  { path, mode, bytes, isSecret = false }: NonNullable<Action['files']>[number],
  host: Host,
): Promise<RehearsedFile> {
  const before = await host.read(path)
  if (before === undefined) return { path, mode, isSecret, state: 'new', bytes, before }
  const actual = (await host.look(path))?.mode ?? mode
  const isSame = equalBytes(before, bytes) && (actual & ~mode) === 0
  return isSame
    ? { path, mode: actual, isSecret, state: 'unchanged', bytes, before: undefined }
    : { path, mode, isSecret, state: 'differs', bytes, before }
}

/** Of a row that is there, its files stay; of others, what would be written is new. */
async function rowFiles({ id, writes }: RowPlan, host: Host, store: Store): Promise<readonly RehearsedFile[]> {
  return inTurn(filesOf(id), async ({ path, mode, kind }): Promise<readonly RehearsedFile[]> => {
    const isSecret = kind === 'private-key' || kind === 'kubeconfig'
    const facts = { path: hostPathOf(store.locate(path), host), isSecret, bytes: undefined, before: undefined }
    if (writes.some(write => write.path === path)) return [{ ...facts, mode, state: 'new' }]
    const there = await store.read(path)
    return there ? [{ ...facts, mode: there.mode ?? mode, state: 'unchanged' }] : []
  })
}

async function inTurn<T, R>(items: readonly T[], work: (item: T) => Promise<readonly R[]>): Promise<readonly R[]> {
  const results: R[] = []
  for (const item of items) results.push(...(await work(item)))
  return results
}
