import fs from 'node:fs/promises'
import { join } from 'node:path'
import type { DiskStoreOptions } from './disk-store.js'
import { exists } from './files.js'

/** Where a host has its tree. */
const HOME = 'etc/kubernetes'

/** Where a tree is, as {@link DiskStore} takes it. */
export interface FoundTree {
  readonly dir: string
  readonly options: DiskStoreOptions
}

/**
 * Finds the tree in a directory that somebody named: it is the tree itself, or the copy of a host's root directory, with
 * `etc/kubernetes` in it, or a copy of its `pki` directory alone.
 *
 * @param named - parts that are named themselves
 * @returns `undefined` when there is nothing of that name, and no part is named
 */
export async function findTree(dir: string, named: DiskStoreOptions = {}): Promise<FoundTree | undefined> {
  const names = await fs.readdir(dir).catch(() => undefined)
  if (!names) {
    const { certDir, kubeconfigDir, kubeletDir } = named
    const parts = [certDir, kubeconfigDir, kubeletDir].filter(part => part !== undefined)
    const isThere = (await exists(dir)) || (await Promise.all(parts.map(exists))).includes(true)
    return isThere ? { dir, options: named } : undefined
  }
  const root = join(dir, HOME)
  if (await exists(root)) return { dir: root, options: named }
  const isTree = names.some(name => name === 'pki' || name === 'manifests' || name.endsWith('.conf'))
  const isPki = !isTree && (names.includes('ca.crt') || names.includes('apiserver.crt'))
  return { dir, options: isPki ? { certDir: dir, ...named } : named }
}
