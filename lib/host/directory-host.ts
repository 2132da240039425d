import { resolve } from 'node:path'
import { StoreError, UsageError } from '../errors.js'
import type { Host } from '../workflow/host.js'
import { DiskStore } from './disk-store.js'
import { NODE_FILES } from './node-files.js'
import { removeAll } from './remove-all.js'
import { assertAtHome, foundIn, locateIn, placedIn } from './root-paths.js'

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
      return NODE_FILES.makeDirectory((await found(path)) ?? (await placed(path)), mode)
    },
    create: async file => NODE_FILES.create({ ...file, path: await placed(file.path) }),
    // What a link leads to is replaced, as it was read.
    replace: async (file, expected) =>
      NODE_FILES.replace({ ...file, path: (await found(file.path)) ?? (await placed(file.path)) }, expected),
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
 * @throws {@link StoreError} `KPKI_FILE_OUTSIDE` when one of them is not itself below the directory, but a link to elsewhere or an
 *   absolute one: the tree's files are to be where the host looks for them
 */
export async function directoryStore(root: string, options: DirectoryStoreOptions = {}): Promise<DiskStore> {
  const dir = resolve(root)
  const { certificatesDir = '/etc/kubernetes/pki' } = options
  const parts = ['/etc/kubernetes', certificatesDir, '/var/lib/kubelet']
  // The store makes its directories itself, and looks at no link above them.
  for (const part of [...parts, `${certificatesDir}/etcd`, '/etc/kubernetes/.kpki', '/var/lib/kubelet/pki'])
    await assertAtHome(dir, part)
  const [tree = '', certDir = '', kubeletDir = ''] = parts.map(part => locateIn(dir, part))
  return new DiskStore(tree, { certDir, kubeletDir, links: 'inside' })
}

async function ifThere<T>(
  path: string | undefined,
  look: (path: string) => Promise<T | undefined>,
): Promise<T | undefined> {
  return path === undefined ? undefined : look(path)
}
