import type { Context } from '../context.js'
import { encodeUtf8 } from '../crypto/bytes.js'
import { sha256 } from '../crypto/digest.js'
import { WorkflowError } from '../errors.js'
import { accessOf, type BackedUpFile, type Backup, backupInvalid, backupPaths, listBackups } from './backup.js'
import { assertInPlace, createAll, MARK_MODE, type Replacement, stageReplacement } from './change-all.js'
import type { TreePath } from './layout.js'
import { fileChanged, type Store, type StoredFile, type WantedFile } from './store.js'
import { commitAll, stageAll } from './write-all.js'

const UNFINISHED = encodeUtf8('this change is being taken back, which has not ended; kpki undo goes on with it\n')
const UNDONE = encodeUtf8('this change was taken back; new/ holds what was in the place of its files until then\n')

/** Options of `undoLast`. */
export interface UndoOptions {
  /** Stops between two files; what was put back is as it was before. Default: nothing does */
  readonly signal?: AbortSignal | undefined
  /** Leave files as they are that were changed since, and put back the others. Default: false, nothing is put back then */
  readonly keepChanged?: boolean
  /** Look only, and refuse what the real run would. Default: false */
  readonly dryRun?: boolean
}

/** A file of a backup beside what is there now. */
export interface JudgedFile extends BackedUpFile {
  /** What is there: what the change has put there, what was there before it, or something else. */
  readonly is: 'new' | 'old' | 'changed'
  readonly now: StoredFile | undefined
}

/** Looks at what has become of the files of a change. */
async function judgeBackup({ files }: Backup, store: Store, context: Context): Promise<readonly JudgedFile[]> {
  const judged: JudgedFile[] = []
  for (const file of files) {
    const now = await store.read(file.path)
    const digest = now && (await sha256(now.bytes, context))
    const is = digest === file.new.sha256 ? 'new' : digest === file.old?.sha256 ? 'old' : 'changed'
    judged.push({ ...file, is, now })
  }
  return judged
}

/**
 * Puts back what a change has replaced, byte for byte, with modes and owners, and removes what it has made; all or nothing. What
 * was in their place until now is kept in the backup. The caller holds the tree's lock.
 *
 * @returns what has become of each file: `new` ones were put back
 * @throws {@link WorkflowError} `KPKI_UNDO_CONFLICT`, `KPKI_INTERRUPTED`; {@link EncodingError} `KPKI_BACKUP_INVALID`; what the store
 *   throws
 */
export async function putBack(
  backup: Backup,
  store: Store,
  context: Context,
  { signal, keepChanged = false, dryRun = false }: UndoOptions = {},
): Promise<readonly JudgedFile[]> {
  const { dir, unfinished, undone } = backupPaths(backup.name)
  const judged = await judgeBackup(backup, store, context)
  assertUnchanged(judged, keepChanged, backup, store)
  // The last first: what is signed before what signs.
  const rest = judged.filter(({ is }) => is === 'new').reverse()
  await store.prepare([...rest.map(({ path }) => path), `${dir}/x`])
  const wanted = await Promise.all(
    rest.map(async file => ({ ...file, next: await readOld(file, backup, store, context) })),
  )
  if (dryRun) return judged
  const steps = await stageAll(
    wanted.map(({ path, now, next }) => () => {
      if (!now) throw fileChanged(store.locate(path))
      return stageReplacement(path, now, next, store)
    }),
  )
  const wasDone = backup.state === 'done'
  let isAllBack = true
  try {
    await keepNew(steps, backup, store)
    if (wasDone) await store.create(unfinished, UNFINISHED, MARK_MODE)
    if (backup.state !== 'unfinished-undo') await store.create(undone, UNDONE, MARK_MODE)
    await store.settle?.([undone])
    const seal = async () => {
      await assertInPlace(steps, store)
      await store.takeBack(unfinished)
    }
    const onLeft = (path: TreePath) => {
      isAllBack = false
      context.log({ level: 'warning', message: `${store.locate(path)} is half taken back: run kpki undo again` })
    }
    await commitAll(steps, store, context, { signal, seal, onLeft })
    return judged
  } catch (error) {
    if (isAllBack && wasDone) {
      // In this order: without the second mark alone, it would pass for one that was taken back.
      const unmark = async () => {
        await store.takeBack(undone)
        await store.takeBack(unfinished)
      }
      await unmark().catch(() => {})
    }
    throw error
  } finally {
    await Promise.all(steps.map(({ discard }) => discard()))
  }
}

function assertUnchanged(judged: readonly JudgedFile[], keepChanged: boolean, { name }: Backup, store: Store): void {
  const changed = judged
    .filter(({ is }) => is === 'changed')
    .map(({ path, now }) => ({ place: store.locate(path), now }))
  const [first] = changed
  if (!first || keepChanged) return
  const more = changed.length > 1 ? ` (and ${changed.length - 1} more)` : ''
  const what = first.now ? 'was changed' : 'was removed'
  throw new WorkflowError(
    'KPKI_UNDO_CONFLICT',
    `${first.place}${more} ${what} since the change of ${name}; nothing was put back`,
    {
      details: {
        backup: name,
        findings: changed.map(
          ({ place, now }) => `${place} was ${now ? 'changed' : 'removed'} since the change of ${name}`,
        ),
      },
      hint: 'kpki undo --keep-changed leaves such files as they are and puts back the others',
    },
  )
}

/** What was there before the change; `undefined` where nothing was. */
async function readOld(
  { path, old }: BackedUpFile,
  backup: Backup,
  store: Store,
  context: Context,
): Promise<WantedFile | undefined> {
  if (!old) return undefined
  const { sha256: digest, ...access } = old
  const copy = await store.read(backupPaths(backup.name).old(path))
  if (!copy) throw backupInvalid(backup.name, store, `lacks ${path}`)
  if ((await sha256(copy.bytes, context)) !== digest)
    throw backupInvalid(backup.name, store, `has another ${path} than it had`)
  return { bytes: copy.bytes, ...access }
}

/** Nothing is lost: what was made by the change is kept, too. */
async function keepNew(steps: readonly Replacement[], { name }: Backup, store: Store): Promise<void> {
  const copies = steps.flatMap(({ path, old }) =>
    old ? [{ path: backupPaths(name).new(path), ...old, ...accessOf(old) }] : [],
  )
  const isThere = await Promise.all(copies.map(({ path }) => store.read(path)))
  await createAll(
    copies.filter((_, index) => !isThere[index]),
    store,
  )
}

/** What became of a change that a killed run has left. */
export interface FinishedChange {
  readonly backup: Backup
  /** `completed`: all of its files were in place; `taken-back`: all of them are as they were. */
  readonly outcome: 'completed' | 'taken-back'
}

/**
 * Makes a tree whole that a killed run has left half-changed, and clears away what others have left that had changed nothing
 * yet. The caller holds the tree's lock.
 *
 * @throws as {@link putBack}: files that were changed since keep it from being whole
 */
export async function finishInterrupted(store: Store, context: Context): Promise<readonly FinishedChange[]> {
  const { backups, broken, abandoned } = await listBackups(store)
  for (const name of abandoned) await store.clear?.(backupPaths(name).dir)
  for (const name of broken) if (await store.read(backupPaths(name).unfinished)) throw backupInvalid(name, store)
  const finished: FinishedChange[] = []
  for (const backup of backups.filter(isUnfinished).reverse()) {
    const judged = backup.state === 'unfinished' ? await judgeBackup(backup, store, context) : []
    if (judged.length > 0 && judged.every(({ is }) => is === 'new')) {
      await store.settle?.(judged.map(({ path }) => path))
      await store.takeBack(backupPaths(backup.name).unfinished)
      finished.push({ backup, outcome: 'completed' })
      const message = `the change of ${backup.name} was killed at its end: all of its files are in place`
      context.log({ level: 'warning', message })
    } else {
      await putBack(backup, store, context)
      finished.push({ backup, outcome: 'taken-back' })
      const message = `the change of ${backup.name} was killed in the middle: it has been taken back first`
      context.log({ level: 'warning', message })
    }
  }
  return finished
}

/** Whether a run was killed in the middle of a change, or is at work on it. */
export function isUnfinished({ state }: Backup): boolean {
  return state === 'unfinished' || state === 'unfinished-undo'
}

/**
 * Refuses to go on with a tree that a killed run has left half-changed.
 *
 * @throws {@link WorkflowError} `KPKI_CHANGE_UNFINISHED`
 */
export async function assertFinished(store: Store): Promise<void> {
  const { backups, broken } = await listBackups(store)
  for (const name of broken) if (await store.read(backupPaths(name).unfinished)) throw backupInvalid(name, store)
  const unfinished = backups.find(isUnfinished)
  if (!unfinished) return
  throw new WorkflowError(
    'KPKI_CHANGE_UNFINISHED',
    `the change of ${unfinished.name} has not ended: a run was killed in the middle of it, or is at work`,
    {
      details: { backup: unfinished.name, path: store.locate(backupPaths(unfinished.name).dir) },
      hint: 'kpki undo takes it back; kpki apply and kpki renew do that first',
    },
  )
}
