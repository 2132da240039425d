import { inferDescription } from '../audit/infer.js'
import { itemIdOf } from '../audit/items.js'
import { restartsOf } from '../audit/restarts.js'
import { readTree } from '../audit/tree.js'
import type { Restart } from '../audit/types.js'
import type { Context } from '../context.js'
import { EncodingError, StoreError, WorkflowError } from '../errors.js'
import { type Backup, backupInvalid, listBackups } from '../tree/backup.js'
import type { TreePath } from '../tree/layout.js'
import {
  type FinishedChange,
  finishInterrupted,
  isUnfinished,
  type JudgedFile,
  putBack,
  type UndoOptions,
} from '../tree/put-back.js'
import type { Store } from '../tree/store.js'

/** What became of one file. */
export interface UndoneFile {
  readonly path: TreePath
  /**
   * `restored`: what the change had replaced is there again; `removed`: the change had made it; `unchanged`: it was as before the
   * change already; `kept`: it was changed since, and left alone.
   */
  readonly action: 'restored' | 'removed' | 'unchanged' | 'kept'
}

/** What was taken back, or would be. */
export interface UndoResult {
  readonly backup: Backup
  /** In the order in which they were written. */
  readonly files: readonly UndoneFile[]
  /** The node's name, where the tree says it. */
  readonly node: string | undefined
  /** In the order in which to do it. */
  readonly restarts: readonly Restart[]
}

/**
 * Takes back the last change of a tree that is still in effect: puts back what it has replaced, byte for byte, with modes and
 * owners, and removes what it has made; all or nothing. What is taken back is kept in the backup. A change or an undo that was
 * killed in the middle comes first: that is then all that is done.
 *
 * @param store - one that keeps backups
 * @throws {@link WorkflowError} `KPKI_NOTHING_TO_UNDO`, `KPKI_UNDO_CONFLICT`, `KPKI_INTERRUPTED`; {@link EncodingError}
 *   `KPKI_BACKUP_INVALID`; {@link StoreError}
 */
export async function undoLast(store: Store, context: Context, options: UndoOptions = {}): Promise<UndoResult> {
  const release = options.dryRun ? async () => {} : await store.lock()
  try {
    const { backups, broken } = await listBackups(store)
    const [unreadable] = broken
    // Nobody knows whether it is the last one.
    if (unreadable !== undefined) throw backupInvalid(unreadable, store)
    const backup = backups.findLast(isUnfinished) ?? backups.findLast(({ state }) => state === 'done')
    if (!backup) {
      const message = backups.length > 0 ? 'every change has been taken back' : 'kpki has changed nothing here'
      throw new WorkflowError('KPKI_NOTHING_TO_UNDO', `${message}: there is nothing to undo`, {
        hint: 'name the tree with --dir, as it was named for the change',
      })
    }
    const tree = await readTree(store, context)
    const { nodeName } = inferDescription(tree, context).facts
    const judged = await putBack(backup, store, context, options)
    const items = new Set(judged.filter(({ is }) => is === 'new').flatMap(({ path }) => itemIdOf(path) ?? []))
    const changes = [...items].map(id => ({ id, oldEnd: undefined, newNames: [] }))
    return {
      backup,
      files: judged.map(toUndone),
      node: nodeName,
      restarts: restartsOf(changes, nodeName, context.clock(), tree),
    }
  } finally {
    await release()
  }
}

/**
 * Makes a tree whole that a killed run has left half-changed; without such a run nothing is done.
 *
 * @returns what has become of the changes of such runs
 * @throws as {@link undoLast}, other than `KPKI_NOTHING_TO_UNDO`
 */
export async function finishChanges(store: Store, context: Context): Promise<readonly FinishedChange[]> {
  const release = await store.lock()
  try {
    return await finishInterrupted(store, context)
  } finally {
    await release()
  }
}

function toUndone({ path, is, old }: JudgedFile): UndoneFile {
  const action = is === 'old' ? 'unchanged' : is === 'changed' ? 'kept' : old ? 'restored' : 'removed'
  return { path, action }
}
