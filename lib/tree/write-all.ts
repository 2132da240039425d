import type { Context } from '../context.js'
import { WorkflowError } from '../errors.js'
import type { TreePath } from './layout.js'
import { appendUnderLock, type IssuedCertificate, LEDGER_PATH } from './ledger.js'
import type { StagedFile, StagedReplacement, Store } from './store.js'

/** A file that is to be. */
export interface NewFile {
  readonly path: TreePath
  readonly mode: number
  readonly bytes: Uint8Array
  /** What is there holds no secret, and this does: it is not opened further than `mode`. Default: the mode of what is there stays */
  readonly bringsSecret?: boolean
}

/** A file that is written aside, and how it takes its place. */
export interface Step extends StagedFile {
  readonly path: TreePath
  /** After `commit`: as it was before. */
  readonly revert: () => Promise<void>
}

/** How {@link commitAll} goes on. */
export interface CommitOptions {
  /** Stops between two files. Default: nothing does */
  readonly signal?: AbortSignal | undefined
  /** Certificates in these files that were just signed; they go into the ledger. Default: none */
  readonly issued?: readonly IssuedCertificate[] | undefined
  /** Comes after the last file; an error takes everything back, as any other. Default: nothing does */
  readonly seal?: () => Promise<void>
  /** Hears of each file that could not be taken back. */
  readonly onLeft: (path: TreePath) => void
}

/** Why a run stopped that was told to. */
export function interrupted(): WorkflowError {
  return new WorkflowError('KPKI_INTERRUPTED', 'interrupted; what was written has been taken back')
}

/**
 * Writes new files into a tree, all of them or none: an error takes back what was written. A killed run leaves whole files, the
 * first of them in this order. The caller holds the tree's lock.
 *
 * @param files - an issuer before what it signed, a key before its certificate
 * @param signal - stops between two files
 * @param issued - certificates in these files that were just signed; they go into the ledger. Default: none
 * @throws what the store throws; {@link WorkflowError} `KPKI_INTERRUPTED`
 */
export async function writeAll(
  files: readonly NewFile[],
  store: Store,
  context: Context,
  signal: AbortSignal | undefined,
  issued: readonly IssuedCertificate[] = [],
): Promise<void> {
  const steps = await stageAll(files.map(file => () => stageNew(file, store)))
  const onLeft = (path: TreePath) =>
    context.log({ level: 'warning', message: `${store.locate(path)} could not be taken back: remove it by hand` })
  await commitAll(steps, store, context, { signal, issued, onLeft })
}

/** A new file, aside. */
export async function stageNew({ path, bytes, mode }: NewFile, store: Store): Promise<Step> {
  const staged = (await store.stage?.(path, bytes, mode)) ?? {
    commit: () => store.create(path, bytes, mode),
    discard: async () => {},
  }
  return { path, ...staged, revert: () => store.takeBack(path) }
}

/** Writes all files aside at once: most of the time goes into waiting for the disk, once for each of them. */
export async function stageAll<T extends StagedFile | StagedReplacement>(
  stages: readonly (() => Promise<T>)[],
): Promise<readonly T[]> {
  const outcomes = await Promise.allSettled(stages.map(stage => stage()))
  const staged = outcomes.flatMap(outcome => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  const failure = outcomes.find(outcome => outcome.status === 'rejected')
  if (!failure) return staged
  await Promise.all(staged.map(({ discard }) => discard()))
  throw failure.reason
}

/**
 * Puts files in their places, all of them or none: an error takes back those that are.
 *
 * What goes into the ledger is there before the first file has its name: no certificate is without its line. Lines are not taken
 * back, since they stay true, unless the ledger is as new as the files.
 *
 * @throws what the store and `seal` throw; {@link WorkflowError} `KPKI_INTERRUPTED`
 */
export async function commitAll(
  steps: readonly Step[],
  store: Store,
  context: Context,
  { signal, issued = [], seal, onLeft }: CommitOptions,
): Promise<void> {
  const committed: Step[] = []
  let isLedgerNew = false
  try {
    if (signal?.aborted) throw interrupted()
    isLedgerNew = await appendUnderLock(issued, store, context)
    for (const step of steps) {
      if (signal?.aborted) throw interrupted()
      await step.commit()
      committed.push(step)
    }
    await store.settle?.(committed.map(({ path }) => path))
    await seal?.()
  } catch (error) {
    await Promise.all(steps.slice(committed.length).map(({ discard }) => discard()))
    let isAllBack = true
    const takeBack = async (path: TreePath, work: () => Promise<void>) => {
      // What cannot be taken back must not keep the rest, nor hide why it is to be.
      await work().catch(() => {
        isAllBack = false
        onLeft(path)
      })
    }
    for (const { path, revert } of committed.reverse()) await takeBack(path, revert)
    if (isLedgerNew && isAllBack) await takeBack(LEDGER_PATH, () => store.takeBack(LEDGER_PATH))
    throw error
  }
}
