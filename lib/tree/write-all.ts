import type { Context } from '../context.js'
import { WorkflowError } from '../errors.js'
import type { TreePath } from './layout.js'
import { appendUnderLock, type IssuedCertificate, LEDGER_PATH } from './ledger.js'
import type { StagedFile, Store } from './store.js'

/** A file that is to be. */
export interface NewFile {
  readonly path: TreePath
  readonly mode: number
  readonly bytes: Uint8Array
}

/** Why a run stopped that was told to. */
export function interrupted(): WorkflowError {
  return new WorkflowError('KPKI_INTERRUPTED', 'interrupted; what was written has been taken back')
}

/**
 * Writes new files into a tree, all of them or none: an error takes back what was written. A killed run leaves whole files, the
 * first of them in this order. The caller holds the tree's lock.
 *
 * What goes into the ledger is there before the first file has its name: no certificate is without its line. Lines are not taken
 * back, since they stay true, unless the ledger is as new as the files.
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
  const written: string[] = []
  const staged = await stageAll(files, store)
  let isLedgerNew = false
  try {
    if (signal?.aborted) throw interrupted()
    isLedgerNew = await appendUnderLock(issued, store, context)
    for (const { path, commit } of staged) {
      if (signal?.aborted) throw interrupted()
      await commit()
      written.push(path)
    }
    await store.settle?.(written)
  } catch (error) {
    await Promise.all(staged.slice(written.length).map(({ discard }) => discard()))
    let isAllGone = true
    const takeBack = async (path: TreePath) => {
      // What cannot be taken back must not keep the rest, nor hide why it is to be.
      await store.takeBack(path).catch(() => {
        isAllGone = false
        context.log({ level: 'warning', message: `${store.locate(path)} could not be taken back: remove it by hand` })
      })
    }
    for (const path of written.reverse()) await takeBack(path)
    if (isLedgerNew && isAllGone) await takeBack(LEDGER_PATH)
    throw error
  }
}

/** Writes all files aside at once: most of the time goes into waiting for the disk, once for each of them. */
async function stageAll(
  files: readonly NewFile[],
  store: Store,
): Promise<readonly (StagedFile & { readonly path: TreePath })[]> {
  const outcomes = await Promise.allSettled(
    files.map(async ({ path, bytes, mode }) => ({
      path,
      ...((await store.stage?.(path, bytes, mode)) ?? {
        commit: () => store.create(path, bytes, mode),
        discard: async () => {},
      }),
    })),
  )
  const staged = outcomes.flatMap(outcome => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  const failure = outcomes.find(outcome => outcome.status === 'rejected')
  if (!failure) return staged
  await Promise.all(staged.map(({ discard }) => discard()))
  throw failure.reason
}
