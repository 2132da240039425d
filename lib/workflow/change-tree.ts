import { planChanges } from '../audit/changes.js'
import { compareTree } from '../audit/compare.js'
import { issuerIdOf } from '../audit/items.js'
import type { ChangeOptions } from '../audit/planning.js'
import type { TreeItemId } from '../audit/rules.js'
import { signerOf } from '../audit/signer.js'
import { readTree } from '../audit/tree.js'
import type { Asked, Change, ChangePlan, TreeComparison } from '../audit/types.js'
import type { Context } from '../context.js'
import { EncodingError, WorkflowError } from '../errors.js'
import type { Backup } from '../tree/backup.js'
import { changeAll } from '../tree/change-all.js'
import { assertFinished, type FinishedChange, finishInterrupted } from '../tree/put-back.js'
import type { Store } from '../tree/store.js'
import type { Certificate } from '../x509/certificate.js'
import { lifetimeOf } from './lifetime.js'
import { type MadeChanges, makeChanges } from './make-changes.js'

/** A plan, and what it was made of. */
export interface PlannedChanges {
  readonly plan: ChangePlan
  /** Holds private keys. */
  readonly comparison: TreeComparison
}

/**
 * Reads a tree, compares it with what is asked of it and plans what is to be changed. Writes nothing.
 *
 * @throws as {@link planChanges}; {@link EncodingError} `KPKI_NOTHING_FOUND` for a tree with nothing in it; {@link WorkflowError}
 *   `KPKI_CHANGE_UNFINISHED`
 */
export async function planStore(
  store: Store,
  asked: Asked,
  context: Context,
  options: ChangeOptions = {},
): Promise<PlannedChanges> {
  await assertFinished(store)
  const tree = await readTree(store, context)
  if (tree.rows.size === 0 && tree.kubelet.size === 0) throw emptyTree(store)
  const comparison = await compareTree(tree, asked, context)
  return { plan: planChanges(comparison, context, options), comparison }
}

function emptyTree(store: Store): EncodingError {
  const what = store.locate('pki')
  return new EncodingError(
    'KPKI_NOTHING_FOUND',
    `there is no tree: nothing is in ${what}, and there is no kubeconfig`,
    {
      details: { what, files: 0 },
      hint: 'name the tree with --dir, or make one: kpki gen all',
    },
  )
}

/** When the new certificate of a change will end, if it is made now; `undefined` where none is made. */
export function expectedEnd(
  { id, wanted }: Change,
  { plan, comparison }: PlannedChanges,
  context: Context,
): Date | undefined {
  const issuerId = issuerIdOf(id)
  const isRenewed = plan.changes.some(change => change.id === issuerId && change.action === 'renew-ca')
  const row = issuerId && !isRenewed ? comparison.tree.rows.get(issuerId) : undefined
  return wanted && lifetimeOf(context.clock(), wanted.validitySeconds, row && signerOf(row, context)).notAfter
}

/** Options of {@link changeTree}. */
export interface ChangeTreeOptions extends ChangeOptions {
  /** Plan only: nothing is made or written. Default: false */
  readonly dryRun?: boolean
  /** Write down in `pki/issued.jsonl` what is signed. Default: true */
  readonly ledger?: boolean
  /** Stops the run between two files; what was written is taken back. Default: none */
  readonly signal?: AbortSignal
  /** Throws when the plan is not the one that was agreed to; comes under the lock, before anything is made. Default: any is */
  readonly agree?: (planned: PlannedChanges) => void | Promise<void>
}

/** What was changed in a tree. */
export interface ChangedTree {
  readonly plan: ChangePlan
  /** The tree before. Holds private keys. */
  readonly comparison: TreeComparison
  /** New certificates by item; none in a dry run. */
  readonly certificates: ReadonlyMap<TreeItemId, Certificate>
  /** Where the replaced files are; `undefined` when none was. */
  readonly backup: Backup | undefined
  /** What runs before this one had left half-done, and what has become of it. */
  readonly finished: readonly FinishedChange[]
}

/**
 * Plans and makes the changes of a tree under its lock: all or nothing, what is replaced is kept in a backup.
 *
 * @param command - named in the backup, e.g. `apply`
 * @throws as {@link planStore}, `makeChanges` and `changeAll`; {@link WorkflowError} `KPKI_PLAN_STALE` when somebody else changes
 *   the tree meanwhile
 */
export async function changeTree(
  command: string,
  store: Store,
  asked: Asked,
  context: Context,
  options: ChangeTreeOptions = {},
): Promise<ChangedTree> {
  if (options.dryRun) {
    const planned = await planStore(store, asked, context, options)
    await options.agree?.(planned)
    return { ...planned, certificates: new Map(), backup: undefined, finished: [] }
  }
  const release = await store.lock()
  try {
    const finished = await finishInterrupted(store, context)
    const planned = await planStore(store, asked, context, options)
    const { plan, comparison } = planned
    await options.agree?.(planned)
    const made = await makeChanges(plan, comparison, context, options)
    warnOfOpen(made, comparison, store, context)
    const record = { command, changes: plan.changes.map(describeChange) }
    const backup = await changeAll(made.files, record, store, context, {
      signal: options.signal,
      issued: options.ledger === false ? [] : made.issued,
      check: async () => {
        const { fingerprint } = await readTree(store, context)
        if (fingerprint !== plan.fingerprint)
          throw new WorkflowError(
            'KPKI_PLAN_STALE',
            'the tree was changed by somebody else meanwhile; nothing was written',
            {
              hint: 'look at it again: kpki plan',
            },
          )
      },
    })
    return { plan, comparison, certificates: made.certificates, backup, finished }
  } finally {
    await release()
  }
}

/** A mode is somebody's choice and stays, but not in silence where everybody can read the key that comes now. */
function warnOfOpen({ files }: MadeChanges, { findings }: TreeComparison, store: Store, context: Context): void {
  for (const { path, bringsSecret = false } of files) {
    if (bringsSecret || !findings.some(found => found.code === 'mode-open' && found.path === path)) continue
    const message = `${store.locate(path)} can be read by everybody, and stays so with what it holds now: chmod 600 it`
    context.log({ level: 'warning', message })
  }
}

const ACTIONS: Readonly<Record<Change['action'], string>> = {
  create: 'make',
  reissue: 'reissue',
  'renew-ca': 'renew, same key and name',
  derive: 'derive sa.pub from sa.key',
  edit: 'edit',
}

/** A change and its reasons as one line, e.g. `apiserver: reissue, keep key: lacks the names 10.0.0.20`. */
export function describeChange({ id, action, key, reasons, edits }: Change): string {
  const what = [
    ACTIONS[action],
    ...(action === 'reissue' && key ? [key === 'keep' ? 'keep key' : 'new key'] : []),
    ...(action === 'edit' ? [edits.map(edit => (edit === 'server' ? 'server' : 'CA data')).join(' and ')] : []),
  ].join(', ')
  const why = [...new Set(reasons.map(({ message }) => message))].join('; ')
  return `${id}: ${what.replace('edit, ', 'edit ')}${why === '' ? '' : `: ${why}`}`
}
