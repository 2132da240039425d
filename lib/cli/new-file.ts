import { StoreError } from '../index.js'
import { createFile } from '../node.js'

/**
 * Makes a file that the command line names.
 *
 * @throws {@link StoreError} `KPKI_FILE_EXISTS`, and as {@link createFile}
 */
export async function createNewFile(path: string, content: string, mode: number): Promise<void> {
  try {
    await createFile(path, new TextEncoder().encode(content), mode)
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
