// The default export on purpose: tests put faults into single calls of it.
import fs from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { StoreError, UsageError } from '../errors.js'
import type { Host } from '../workflow/host.js'
import { isPlainPath } from '../workflow/record.js'
import { failureCode, toStoreError } from './disk-errors.js'
import { DiskStore } from './disk-store.js'
import { fileInside, isBelow } from './links.js'
import { NODE_FILES } from './node-files.js'
import { removeAll } from './remove-all.js'

/**
 * A directory that stands for a host's `/`, as one that is packed up and unpacked elsewhere. Nothing is read or written outside of
 * it: a link in it that is absolute means the directory's own, and one that leads out of it is an error. What is made belongs to
 * whoever runs this.
 *
 * @param root - need not be there yet
 * @throws {@link UsageError} `KPKI_USAGE` for an empty name; every method {@link StoreError} `KPKI_FILE_OUTSIDE`
 */
export function directoryHost(root: string): Host {
  if (root === '')
    throw new UsageError('KPKI_USAGE', 'a directory is named by an empty text', { hint: 'for this one write .' })
  const dir = resolve(root)
  const found = (path: string) => foundIn(dir, path)
  const placed = (path: string) => placedIn(dir, path)
  return {
    name: dir,
    system: undefined,
    locate: path => locateIn(dir, path),
    look: async path => ifThere(await found(path), NODE_FILES.look),
    read: async (path, maxBytes) => ifThere(await found(path), file => NODE_FILES.read(file, maxBytes)),
    names: async path => ifThere(await found(path), NODE_FILES.names),
    makeDirectory: async (path, mode) => {
      await NODE_FILES.makeDirectory(dir, 0o755)
      return NODE_FILES.makeDirectory(await placed(path), mode)
    },
    create: async file => NODE_FILES.create({ ...file, path: await placed(file.path) }),
    replace: async (file, expected) => NODE_FILES.replace({ ...file, path: await placed(file.path) }, expected),
    remove: async path => NODE_FILES.remove(await placed(path)),
    linkTarget: async path => (path === '/' ? undefined : NODE_FILES.linkTarget(await placed(path))),
    removeAll: (path, options) => removeAll(locateIn(dir, path), options, dir),
  }
}

/** Where the parts of a tree are on the host that a directory stands for. */
export interface DirectoryStoreOptions {
  /** As the host has it. Default: `/etc/kubernetes/pki` */
  readonly certificatesDir?: string
}

/**
 * The tree of the host that a directory stands for: its `/etc/kubernetes`, certificates directory and `/var/lib/kubelet`.
 *
 * @throws {@link StoreError} `KPKI_FILE_OUTSIDE` when one of them is a link out of the directory
 */
export async function directoryStore(root: string, options: DirectoryStoreOptions = {}): Promise<DiskStore> {
  const dir = resolve(root)
  const { certificatesDir = '/etc/kubernetes/pki' } = options
  const parts = ['/etc/kubernetes', certificatesDir, '/var/lib/kubelet']
  // The store makes its directories itself, and looks at no link above them.
  for (const part of [...parts, `${certificatesDir}/etcd`, '/etc/kubernetes/.kpki', '/var/lib/kubelet/pki'])
    await placedIn(dir, `${part}/x`)
  const [tree = '', certDir = '', kubeletDir = ''] = parts.map(part => locateIn(dir, part))
  return new DiskStore(tree, { certDir, kubeletDir, links: 'inside' })
}

function locateIn(dir: string, path: string): string {
  if (path === '/') return dir
  if (!isPlainPath(path))
    throw new StoreError('KPKI_FILE_OUTSIDE', `${path} is no path of a host`, {
      details: { path },
      hint: 'paths of a host begin with / and hold no . and ..',
    })
  return join(dir, path)
}

/** What a path leads to, links followed; `undefined` where nothing is. */
async function foundIn(dir: string, path: string): Promise<string | undefined> {
  if (path === '/') return dir
  const place = locateIn(dir, path)
  try {
    return await fileInside(place, [{ dir, home: '/' }])
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    // As on a host: what lies below a file is not there, and neither is what a link to nothing leads to.
    const isNothing = error.code === 'KPKI_FILE_NOT_REGULAR' && !(await leadsInCircle(place))
    if (isNothing) return undefined
    throw error
  }
}

async function leadsInCircle(place: string): Promise<boolean> {
  return fs.stat(place).then(
    () => false,
    error => failureCode(error) === 'ELOOP',
  )
}

/** Where something new goes: below directories that are really in the root. The last name is not followed. */
async function placedIn(dir: string, path: string): Promise<string> {
  const place = locateIn(dir, path)
  const missing: string[] = [basename(place)]
  for (let above = dirname(place); ; above = dirname(above)) {
    const real = await fs.realpath(above).catch(error => {
      if (failureCode(error) !== 'ENOENT') throw toStoreError(error, above, 'write')
    })
    if (real !== undefined) {
      // Nothing is below a root that is not there, links neither.
      if (above !== dir && !isBelow(above, dir)) return place
      const root = await fs.realpath(dir)
      if (real !== root && !isBelow(real, root)) throw outside(above, real)
      return join(real, ...missing)
    }
    const link = await fs.readlink(above).catch(() => undefined)
    if (link !== undefined) throw outside(above, link)
    missing.unshift(basename(above))
  }
}

function outside(path: string, target: string): StoreError {
  return new StoreError(
    'KPKI_FILE_OUTSIDE',
    `${path} is a link out of the directory that stands for the host, to ${target}`,
    {
      details: { path, target },
      hint: 'nothing is read or written there: put a directory in its place',
    },
  )
}

async function ifThere<T>(
  path: string | undefined,
  look: (path: string) => Promise<T | undefined>,
): Promise<T | undefined> {
  return path === undefined ? undefined : look(path)
}
