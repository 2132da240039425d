// The default export on purpose: tests put faults into single calls of it.
import fs from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { StoreError } from '../errors.js'
import { isPlainPath } from '../workflow/record.js'
import { failureCode, toStoreError } from './disk-errors.js'
import { isBelow } from './links.js'

// As many as Linux follows (path_resolution(7)).
const MAX_LINKS = 40

/** Where a path of a host is below the directory that stands for the host's `/`. @throws {@link StoreError} `KPKI_FILE_OUTSIDE` */
export function locateIn(dir: string, path: string): string {
  if (path === '/') return dir
  if (!isPlainPath(path))
    throw new StoreError('KPKI_FILE_OUTSIDE', `${path} is no path of a host`, {
      details: { path },
      hint: 'paths of a host begin with / and hold no . and ..',
    })
  return join(dir, path)
}

/**
 * What a path leads to, links followed as on the host: an absolute one begins at the directory.
 *
 * @returns `undefined` where nothing is, as behind a link to nothing
 * @throws {@link StoreError} `KPKI_FILE_OUTSIDE` for a link that leads out, `KPKI_FILE_NOT_REGULAR` for one that leads in a circle
 */
export async function foundIn(dir: string, path: string): Promise<string | undefined> {
  const { place, isThere } = await follow(dir, locateIn(dir, path))
  return isThere ? place : undefined
}

/**
 * Where something new goes, links above it followed as on the host; the last name is not.
 *
 * @throws {@link StoreError} `KPKI_FILE_OUTSIDE` where a link above leads out, or to nothing; as {@link foundIn}
 */
export async function placedIn(dir: string, path: string): Promise<string> {
  const name = locateIn(dir, path)
  const { place, lost } = await follow(dir, dirname(name))
  if (lost) throw lostLink(lost)
  return join(place, basename(name))
}

/**
 * Makes sure that a directory, or the one that will be above it, is where this machine finds it, too: that no link to elsewhere is on
 * its way, nor an absolute one, which is another thing here than on the host.
 *
 * @throws {@link StoreError} as {@link placedIn}
 */
export async function assertAtHome(dir: string, path: string): Promise<void> {
  const { lost, absolute } = await follow(dir, locateIn(dir, path))
  if (lost) throw lostLink(lost)
  if (absolute === undefined) return
  throw new StoreError('KPKI_FILE_OUTSIDE', `${absolute} is an absolute link: the tree is made through none`, {
    details: { path: absolute },
    hint: 'put a relative link or a directory in its place, or name where it leads to in certificatesDir',
  })
}

interface Followed {
  /** Without links, as far as anything is there. */
  readonly place: string
  readonly isThere: boolean
  /** The last link, where it leads to nothing. */
  readonly lost: { readonly link: string; readonly target: string } | undefined
  /** A link that means another thing on this machine. */
  readonly absolute: string | undefined
}

async function follow(dir: string, path: string): Promise<Followed> {
  const root = await fs.realpath(dir).catch(error => {
    if (failureCode(error) !== 'ENOENT') throw toStoreError(error, dir, 'read')
  })
  // Nothing is below a root that is not there, links neither.
  if (root === undefined) return { place: path, isThere: false, lost: undefined, absolute: undefined }
  let [place, names]: [string, string[]] = [root, namesOf(path.slice(dir.length))]
  const links: { readonly link: string; readonly target: string; readonly rest: number }[] = []
  let absolute: string | undefined
  for (let followed = 0; ; ) {
    const name = names.shift()
    if (name === undefined) return { place, isThere: true, lost: undefined, absolute }
    if (name === '..') {
      const { link = path, target = '..' } = links.at(-1) ?? {}
      if (place === root) throw outside(link, `is a link out of the directory that stands for the host, to ${target}`)
      place = dirname(place)
      continue
    }
    const next = join(place, name)
    const stats = await fs.lstat(next).catch(error => {
      if (!['ENOENT', 'ENOTDIR'].includes(failureCode(error) ?? '')) throw toStoreError(error, next, 'read')
    })
    if (!stats)
      return {
        place: join(next, ...names),
        isThere: false,
        lost: links.find(({ rest }) => names.length >= rest),
        absolute,
      }
    if (!stats.isSymbolicLink()) {
      place = next
      continue
    }
    if (++followed > MAX_LINKS)
      throw new StoreError('KPKI_FILE_NOT_REGULAR', `${path} is a link that leads in a circle`, { details: { path } })
    const target = await fs.readlink(next)
    // What is missing belongs to a link as long as more names are left than came after it.
    links.push({ link: next, target, rest: names.length })
    // A directory that is named by its own name is itself, too.
    const home = [root, dir].find(each => isBelow(target, each))
    if (target.startsWith('/')) {
      place = root
      if (home === undefined) absolute ??= next
    }
    names = [...namesOf(target.slice(home?.length ?? 0)), ...names]
  }
}

function namesOf(path: string): string[] {
  return path.split('/').filter(name => name !== '' && name !== '.')
}

function lostLink({ link, target }: NonNullable<Followed['lost']>): StoreError {
  return outside(link, `is a link to ${target}, which is not there in the directory that stands for the host`)
}

function outside(path: string, what: string): StoreError {
  return new StoreError('KPKI_FILE_OUTSIDE', `${path} ${what}`, {
    details: { path },
    hint: 'nothing is read or written outside of it: put a directory in its place, or make the one that it leads to',
  })
}
