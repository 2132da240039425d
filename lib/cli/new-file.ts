import { StoreError } from '../index.js'
import { createFile, type PlacedFile, placeFile } from '../node.js'

/**
 * Makes a file that the command line names.
 *
 * @throws {@link StoreError} `KPKI_FILE_EXISTS`, and as {@link createFile}
 */
export async function createNewFile(path: string, content: string, mode: number): Promise<void> {
  await told(path, () => createFile(path, new TextEncoder().encode(content), mode))
}

/** A file that is to be made. */
export interface NewFile {
  readonly path: string
  readonly content: string
  readonly mode: number
}

/**
 * Makes files that the command line names, all or none.
 *
 * @throws as {@link createNewFile}
 */
export async function createNewFiles(files: readonly NewFile[]): Promise<void> {
  const placed: PlacedFile[] = []
  try {
    for (const { path, content, mode } of files)
      placed.push(await told(path, () => placeFile(path, new TextEncoder().encode(content), mode)))
  } catch (error) {
    for (const file of placed) await file.takeBack()
    throw error
  }
}

/** Says what is to be done where a file is there already. */
export async function told<T>(path: string, make: () => Promise<T>): Promise<T> {
  try {
    return await make()
  } catch (error) {
    // It was there before: to run again, as in a tree that two runs write to, would not help.
    throw error instanceof StoreError && error.code === 'KPKI_FILE_EXISTS' ? fileExistsAlready(path) : error
  }
}

/** @param more - what else could be done */
export function fileExistsAlready(path: string, more = ''): StoreError {
  return new StoreError('KPKI_FILE_EXISTS', `${path} exists already`, {
    details: { path },
    hint: `name another file, or move it away${more}`,
  })
}
