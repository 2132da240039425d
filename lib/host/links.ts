import fs from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { StoreError } from '../errors.js'
import { failureCode, toStoreError } from './disk-errors.js'

/** A directory of a tree. */
export interface TreePart {
  readonly dir: string
  /** Its name on the host that it belongs to: links that were copied from there begin with it. */
  readonly home: string
}

// As many as Linux follows (path_resolution(7)).
const MAX_LINKS = 40

/**
 * The file that a name leads to through links, as long as they lead to files of these directories. One that leads to the same
 * place on the host that the tree was copied from, as `kubelet-client-current.pem` does, means the copy.
 *
 * @returns its real path; `undefined` when there is none
 * @throws {@link StoreError} `KPKI_FILE_OUTSIDE`, `KPKI_FILE_NOT_REGULAR`, `KPKI_FILE_UNREADABLE`
 */
export async function fileInside(path: string, parts: readonly TreePart[]): Promise<string | undefined> {
  const roots = await Promise.all(parts.map(({ dir }) => fs.realpath(dir).catch(() => dir)))
  const notRegular = (what: string) =>
    new StoreError('KPKI_FILE_NOT_REGULAR', `${path} is a link ${what}`, { details: { path } })
  try {
    for (let current = atHome(path, parts), followed = 0; followed <= MAX_LINKS; followed++) {
      const dir = await fs.realpath(dirname(current)).catch(error => unlessMissing(error))
      if (dir === undefined && followed > 0) throw notRegular('to nothing')
      if (dir === undefined) return undefined
      const real = join(dir, basename(current))
      if (!roots.some(root => isBelow(real, root))) {
        const what = followed > 0 ? `is a link out of the tree, to ${real}` : 'lies outside of the tree'
        throw new StoreError('KPKI_FILE_OUTSIDE', `${path} ${what}`, {
          details: { path, target: real },
          hint: 'what is outside is not looked at: put the file itself there, or name the directory that it is in',
        })
      }
      const stats = await fs.lstat(real).catch(error => unlessMissing(error))
      if (!stats && followed > 0) throw notRegular('to nothing')
      if (!stats) return undefined
      if (!stats.isSymbolicLink()) return real
      current = atHome(resolve(dir, await fs.readlink(real)), parts)
    }
  } catch (error) {
    throw toStoreError(error, path, 'read')
  }
  throw notRegular('that leads in a circle')
}

/** Where a link of a copied tree leads in the copy. */
function atHome(target: string, parts: readonly TreePart[]): string {
  const part = parts.find(({ dir, home }) => isBelow(target, home) && dir !== home)
  // A tree that is copied to the inside of another one's directory is still itself.
  if (!part || parts.some(({ dir }) => isBelow(target, dir))) return target
  return join(part.dir, relative(part.home, target))
}

/** Whether a path, as it really is, lies below a directory. */
export function isBelow(path: string, dir: string): boolean {
  return path.startsWith(dir.endsWith('/') ? dir : `${dir}/`)
}

function unlessMissing(error: unknown): undefined {
  if (failureCode(error) !== 'ENOENT') throw error
}
