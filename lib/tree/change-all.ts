import type { Context } from '../context.js'
import { encodeUtf8, equalBytes } from '../crypto/bytes.js'
import { sha256 } from '../crypto/digest.js'
import { StoreError, WorkflowError } from '../errors.js'
import { accessOf, type Backup, backupName, backupPaths, formatManifest, isTreePath, listBackups } from './backup.js'
import type { TreePath } from './layout.js'
import type { IssuedCertificate } from './ledger.js'
import { fileChanged, type Store, type StoredFile, type WantedFile } from './store.js'
import { commitAll, type NewFile, type Step, stageAll, stageNew } from './write-all.js'

/** Of what says that something is, or was, at work. */
export const MARK_MODE = 0o600
const UNFINISHED = encodeUtf8('a change was begun here and has not ended; kpki undo takes it back\n')

/** What a change is, for people and for its backup. */
export interface ChangeRecord {
  /** e.g. `apply` */
  readonly command: string
  /** What is changed and why, a line each. */
  readonly changes: readonly string[]
}

/** How {@link changeAll} works. */
export interface ChangeAllOptions {
  /** Stops between two files; what was written is taken back. Default: nothing does */
  readonly signal?: AbortSignal | undefined
  /** Certificates in these files that were just signed; they go into the ledger. Default: none */
  readonly issued?: readonly IssuedCertificate[]
  /**
   * Comes when what is replaced has been read, and before anything is replaced: throws when the tree is not the one that was
   * planned for. Default: nothing does
   */
  readonly check?: () => Promise<void>
}

/** A file on its way into its place. */
export interface Replacement extends Step {
  /** What is there; `undefined`: nothing. */
  readonly old: StoredFile | undefined
  /** What is to be there; `undefined`: nothing. */
  readonly next: WantedFile | undefined
}

/**
 * Puts files in the place of others and makes new ones, all of them or none. What is replaced is in a backup before the first
 * one is; mode and owner stay, but a file that gets its first secret is closed. An error takes everything back. A killed run leaves a backup that is `unfinished`, by which
 * `finishInterrupted` makes the tree whole again. The caller holds the tree's lock, and has called that.
 *
 * @param files - an issuer before what it signed; the mode is that of files that are not there yet
 * @returns the backup; `undefined` when all files are what they are to be
 * @throws what the store throws; {@link StoreError} `KPKI_FILE_CHANGED`; {@link WorkflowError} `KPKI_INTERRUPTED`
 */
export async function changeAll(
  files: readonly NewFile[],
  record: ChangeRecord,
  store: Store,
  context: Context,
  { signal, issued = [], check }: ChangeAllOptions = {},
): Promise<Backup | undefined> {
  const odd = files.find(({ path }) => !isTreePath(path))
  if (odd) throw new WorkflowError('KPKI_INTERNAL', `${odd.path} is no file of a tree`)
  const read = await Promise.all(files.map(async file => ({ ...file, old: await store.read(file.path) })))
  const changed = read.filter(({ old, bytes }) => !old || !equalBytes(old.bytes, bytes))
  if (changed.length === 0) return undefined
  const { backups, broken } = await listBackups(store)
  const name = backupName(context.clock(), [...backups.map(known => known.name), ...broken])
  const { dir, manifest, unfinished } = backupPaths(name)
  await store.prepare([...changed.map(({ path }) => path), ...directoriesOf(`${dir}/x`)])
  const steps = await stageAll(changed.map(file => () => stageChange(file, store)))
  let isAllBack = true
  try {
    const backup: Backup = {
      name,
      sequence: Math.max(0, ...backups.map(({ sequence }) => sequence)) + 1,
      createdAt: context.clock(),
      ...record,
      files: await Promise.all(steps.map(step => describe(step, context))),
      state: 'done',
    }
    await writeBackup(backup, steps, store)
    await check?.()
    const seal = async () => {
      await assertInPlace(steps, store)
      await store.takeBack(unfinished)
    }
    const onLeft = (path: TreePath) => {
      isAllBack = false
      context.log({ level: 'warning', message: `${store.locate(path)} could not be put back: kpki undo does it` })
    }
    await commitAll(steps, store, context, { signal, issued, seal, onLeft })
    return backup
  } catch (error) {
    // The backup goes only where nobody can need it any more, and its manifest first: without it, it is none.
    if (isAllBack) {
      const forget = async () => {
        await store.settle?.(steps.map(({ path }) => path))
        await store.takeBack(manifest)
        await store.clear?.(dir)
      }
      await forget().catch(() => {})
    }
    throw error
  } finally {
    await Promise.all(steps.map(({ discard }) => discard()))
  }
}

async function stageChange(
  file: NewFile & { readonly old: StoredFile | undefined },
  store: Store,
): Promise<Replacement> {
  const { path, old, bytes, mode, bringsSecret = false } = file
  if (!old) return { ...(await stageNew(file, store)), old, next: { bytes, mode } }
  const access = accessOf(old)
  // A public file may be open to all; not with a key in it.
  const kept = bringsSecret ? { ...access, mode: access.mode & mode } : access
  return stageReplacement(path, old, { bytes, ...kept }, store)
}

/** A file that takes the place of another one, or goes. */
export async function stageReplacement(
  path: TreePath,
  old: StoredFile,
  next: WantedFile | undefined,
  store: Store,
): Promise<Replacement> {
  const staged = await store.stageReplacement?.(path, old, next)
  if (!staged) throw new StoreError('KPKI_WRITE_FAILED', `${store.locate(path)} is where nothing can be replaced`)
  return { path, old, next, ...staged }
}

async function describe({ path, old, next }: Replacement, context: Context): Promise<Backup['files'][number]> {
  if (!next) throw new WorkflowError('KPKI_INTERNAL', `${path} is not to go`)
  return {
    path,
    old: old && { sha256: await sha256(old.bytes, context), ...accessOf(old) },
    new: { sha256: await sha256(next.bytes, context), ...accessOf(next) },
  }
}

/** What says that a change is at work first, the manifest last: only with it the directory is a backup. */
async function writeBackup(backup: Backup, steps: readonly Replacement[], store: Store): Promise<void> {
  const { dir, manifest, unfinished, old } = backupPaths(backup.name)
  await store.create(unfinished, UNFINISHED, MARK_MODE)
  const copies = steps.flatMap(step => (step.old ? [{ path: old(step.path), ...step.old, ...accessOf(step.old) }] : []))
  await createAll(copies, store)
  await store.create(manifest, encodeUtf8(formatManifest(backup)), MARK_MODE)
  await store.settle?.(directoriesOf(`${dir}/x`))
}

/** Makes files that are part of a backup, and syncs every directory on the way to them. */
export async function createAll(files: readonly NewFile[], store: Store): Promise<void> {
  const steps = await stageAll(files.map(file => () => stageNew(file, store)))
  for (const { commit } of steps) await commit()
  await store.settle?.([...new Set(files.flatMap(({ path }) => directoriesOf(path)))])
}

/** A path and all the directories of ours on the way to it: to sync their parents. */
function directoriesOf(path: TreePath): readonly TreePath[] {
  const parts = path.split('/')
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'))
}

/** Another program may have written over a file since it was put in its place. */
export async function assertInPlace(steps: readonly Replacement[], store: Store): Promise<void> {
  for (const { path, next } of steps) {
    const now = await store.read(path)
    const isSame = now && next ? equalBytes(now.bytes, next.bytes) : now === next
    if (!isSame) throw fileChanged(store.locate(path))
  }
}
