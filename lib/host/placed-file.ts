import fs from 'node:fs/promises'
import { equalBytes } from '../crypto/bytes.js'
import { createFile, readRegularFile } from './files.js'

/** A new file that something else will make worth keeping, or not. */
export interface PlacedFile {
  readonly path: string
  /** Where it is, links followed. */
  readonly realPath: string
  /** Whether it is still what it was. */
  readonly isThere: () => Promise<boolean>
  /** Removes it, unless somebody has put something else in its place. */
  readonly takeBack: () => Promise<void>
}

/**
 * Writes a new file as {@link createFile} does, for what must be kept before something that cannot be undone, and may have to be
 * thrown away after all.
 *
 * @throws as {@link createFile}
 */
export async function placeFile(path: string, bytes: Uint8Array, mode: number): Promise<PlacedFile> {
  await createFile(path, bytes, mode)
  const isThere = async () => {
    const found = await readRegularFile(path, bytes.length).catch(() => undefined)
    return found !== undefined && equalBytes(found.bytes, bytes)
  }
  return {
    path,
    realPath: await fs.realpath(path),
    isThere,
    takeBack: async () => {
      if (await isThere()) await fs.rm(path, { force: true }).catch(() => {})
    },
  }
}
