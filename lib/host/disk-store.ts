// The default export on purpose: tests put faults into single calls of it.
import fs from 'node:fs/promises'
import { dirname, isAbsolute, join, relative, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { StoreError, UsageError, WorkflowError } from '../errors.js'
import type { TreePath } from '../tree/layout.js'
import {
  type AppendedFile,
  fileChanged,
  type ListedFile,
  type StagedFile,
  type StagedReplacement,
  type Store,
  type StoredFile,
  type WantedFile,
} from '../tree/store.js'
import { appendToFile } from './append.js'
import { failureCode, toStoreError } from './disk-errors.js'
import { createFile, exists, isLink, isOurs, readRegularFile, stageFile, syncDir, TEMPORARY } from './files.js'
import { fileInside, type TreePart } from './links.js'
import { takeLock } from './lock.js'
import { stageReplacement } from './replace-file.js'
import { walkNames } from './walk.js'

/** Where the parts of a tree are. */
export interface DiskStoreOptions {
  /** Certificates and keys. Default: `pki` in the tree's directory. */
  readonly certDir?: string
  /** Kubeconfigs and static Pods' manifests. Default: the tree's directory. */
  readonly kubeconfigDir?: string
  /**
   * The kubelet's own directory. Default: `/var/lib/kubelet` for the tree `/etc/kubernetes`, what is beside it in the same way
   * for any other `…/etc/kubernetes`, else `kubelet` in the tree's directory.
   */
  readonly kubeletDir?: string
  /**
   * Which links to files are read: all of them, or those that lead to a file of the tree; the kubelet's are always of the tree.
   * Default: `any`
   */
  readonly links?: 'any' | 'inside'
}

/** Where kubeadm and the kubelet keep their files. */
const [HOME, KUBELET_HOME] = ['/etc/kubernetes', '/var/lib/kubelet']
const KUBELET_CONFIG: TreePath = 'kubelet/config.yaml'
const NEW_DIR_MODE = 0o755
/** What is replaced lies there: nobody else's business. */
const [OWN_DIR, OWN_DIR_MODE] = ['.kpki', 0o700]
const LOCK_POLL_MS = 50

/** A tree on disk in kubeadm's layout. */
export class DiskStore implements Store {
  readonly #certDir: string
  readonly #kubeconfigDir: string
  readonly #kubeletDir: string
  readonly #links: 'any' | 'inside'
  /** Directories that this store made. */
  readonly #madeDirs: string[] = []

  /**
   * @param dir - the tree, e.g. `/etc/kubernetes`
   * @throws {@link UsageError} `KPKI_USAGE` for an empty name
   */
  constructor(dir: string, options: DiskStoreOptions = {}) {
    // Resolved, it would be the current directory, which nobody has asked for.
    if ([dir, options.certDir, options.kubeconfigDir, options.kubeletDir].includes(''))
      throw new UsageError('KPKI_USAGE', 'a directory is named by an empty text', { hint: 'for this one write .' })
    this.#certDir = resolve(options.certDir ?? join(dir, 'pki'))
    this.#kubeconfigDir = resolve(options.kubeconfigDir ?? dir)
    this.#kubeletDir = resolve(options.kubeletDir ?? defaultKubeletDir(resolve(dir)))
    this.#links = options.links ?? 'any'
  }

  locate(path: TreePath): string {
    if (path === 'pki') return this.#certDir
    if (isAbsolute(path)) return path
    if (path.startsWith('pki/')) return join(this.#certDir, path.slice('pki/'.length))
    if (path === 'kubelet') return this.#kubeletDir
    if (path.startsWith('kubelet/')) return join(this.#kubeletDir, path.slice('kubelet/'.length))
    return join(this.#kubeconfigDir, path)
  }

  async read(path: TreePath): Promise<StoredFile | undefined> {
    const name = this.locate(path)
    const isBound = this.#links === 'inside' || path.startsWith('kubelet/')
    const file = isBound ? await fileInside(name, this.#parts()) : name
    return file === undefined ? undefined : readRegularFile(file)
  }

  async *list(): AsyncGenerator<ListedFile> {
    const own = [this.#certDir, this.#kubeletDir]
    // Of the kubelet's directory only what is its own: below it are the volumes of all Pods.
    const parts = [
      { dir: this.#kubeconfigDir, prefix: '', without: own },
      { dir: this.#certDir, prefix: 'pki/', without: [] },
      { dir: join(this.#kubeletDir, 'pki'), prefix: 'kubelet/pki/', without: [] },
    ]
    for (const { dir, prefix, without } of parts) {
      if (!(await exists(dir)) || (prefix === '' && dir === this.#certDir)) continue
      for await (const { path, target, ...problem } of walkNames(dir, { without })) {
        const listed = { path: `${prefix}${relative(dir, path)}`, ...problem }
        // A link may lead to another directory of the tree, or to its own on the host that it was copied from.
        const file = problem.problem === undefined ? undefined : await this.#linkedFile(path)
        if (file !== undefined) yield { path: listed.path, target: await this.#treePathOf(file) }
        else if (target === undefined || problem.problem !== undefined) yield listed
        else yield { ...listed, target: `${prefix}${target}` }
      }
    }
    if (await exists(this.locate(KUBELET_CONFIG))) yield { path: KUBELET_CONFIG }
  }

  /** The file of the tree that a link leads to. */
  async #linkedFile(link: string): Promise<string | undefined> {
    if (!(await isLink(link))) return undefined
    return fileInside(link, this.#parts()).catch(() => undefined)
  }

  async #treePathOf(file: string): Promise<TreePath> {
    const prefixes = ['pki/', '', 'kubelet/']
    for (const [index, { dir }] of this.#parts().entries()) {
      const root = await fs.realpath(dir).catch(() => dir)
      if (file.startsWith(`${root}/`)) return `${prefixes[index] ?? ''}${file.slice(root.length + 1)}`
    }
    return file
  }

  /** The directories of the tree, with the names that they have on the host that they belong to. */
  #parts(): readonly TreePart[] {
    return [
      { dir: this.#certDir, home: join(HOME, 'pki') },
      { dir: this.#kubeconfigDir, home: HOME },
      { dir: this.#kubeletDir, home: KUBELET_HOME },
    ]
  }

  async prepare(paths: readonly TreePath[]): Promise<void> {
    for (const dir of new Set(paths.map(path => dirname(this.locate(path))))) await this.#checkDir(dir)
  }

  async create(path: TreePath, bytes: Uint8Array, mode: number): Promise<void> {
    await createFile(await this.#targetOf(path), bytes, mode)
  }

  async stage(path: TreePath, bytes: Uint8Array, mode: number): Promise<StagedFile> {
    return stageFile(await this.#targetOf(path), bytes, mode)
  }

  /** Where a new file is to be, in a directory that is there then. */
  async #targetOf(path: TreePath): Promise<string> {
    const target = this.locate(path)
    try {
      await this.#makeDir(dirname(target))
    } catch (error) {
      throw toStoreError(error, target, 'write')
    }
    return target
  }

  async stageReplacement(
    path: TreePath,
    expected: StoredFile,
    next: WantedFile | undefined,
  ): Promise<StagedReplacement> {
    const named = this.locate(path)
    const real = await fileInside(named, this.#parts())
    if (real === undefined) throw fileChanged(named)
    return stageReplacement(named, real, expected, next)
  }

  async names(dir: TreePath): Promise<readonly string[]> {
    const path = this.locate(dir)
    try {
      return (await fs.readdir(path)).sort()
    } catch (error) {
      if (failureCode(error) === 'ENOENT') return []
      throw toStoreError(error, path, 'read')
    }
  }

  async clear(dir: TreePath): Promise<void> {
    const own = join(this.#kubeconfigDir, OWN_DIR)
    const path = this.locate(dir)
    if (!path.startsWith(`${own}/`)) throw new WorkflowError('KPKI_INTERNAL', `${path} is not ours to remove`)
    try {
      await fs.rm(path, { recursive: true, force: true })
    } catch (error) {
      throw toStoreError(error, path, 'write')
    }
  }

  async append(path: TreePath, bytes: Uint8Array, mode: number): Promise<AppendedFile> {
    const target = this.locate(path)
    const old = await appendToFile(target, bytes)
    if (old !== undefined) return { isNew: false, mode: old }
    try {
      await this.create(path, bytes, mode)
      return { isNew: true, mode }
    } catch (error) {
      // Another process made it meanwhile.
      const isThere = error instanceof StoreError && error.code === 'KPKI_FILE_EXISTS'
      const theirs = isThere ? await appendToFile(target, bytes) : undefined
      if (theirs !== undefined) return { isNew: false, mode: theirs }
      throw error
    }
  }

  async settle(paths: readonly TreePath[]): Promise<void> {
    const dirs = [...new Set(paths.map(path => dirname(this.locate(path))))]
    await Promise.all(dirs.map(dir => syncDir(dir).catch(error => Promise.reject(toStoreError(error, dir, 'write')))))
  }

  async takeBack(path: TreePath): Promise<void> {
    await fs.rm(this.locate(path), { force: true })
  }

  async lock(waitSeconds = 0): Promise<() => Promise<void>> {
    for (let pollsLeft = Math.ceil((waitSeconds * 1000) / LOCK_POLL_MS); ; pollsLeft--) {
      try {
        return await this.#lockNow()
      } catch (error) {
        const isTaken = error instanceof StoreError && error.code === 'KPKI_LOCKED'
        if (!isTaken || pollsLeft <= 0) throw error
        await sleep(LOCK_POLL_MS)
      }
    }
  }

  async #lockNow(): Promise<() => Promise<void>> {
    const roots = [...new Set([this.#kubeconfigDir, this.#certDir])].sort()
    const releases: (() => Promise<void>)[] = []
    const release = async () => {
      for (const releaseOne of releases.reverse()) await releaseOne()
      await this.#removeEmptyMadeDirs()
    }
    try {
      for (const root of roots) {
        await this.#checkDir(root)
        await this.#makeDir(root)
        releases.push(await takeLock(root))
      }
      for (const dir of [...roots, join(this.#certDir, 'etcd'), join(this.#kubeletDir, 'pki')]) await sweep(dir)
    } catch (error) {
      await release()
      throw toStoreError(error, roots[0] ?? '', 'write')
    }
    return release
  }

  /** A directory that exists must be ours; one that does not must be creatable. */
  async #checkDir(dir: string): Promise<void> {
    let existing = dir
    for (;;) {
      try {
        const stats = await fs.stat(existing)
        if (!stats.isDirectory()) {
          throw new StoreError('KPKI_FILE_NOT_REGULAR', `${existing} is not a directory`, {
            details: { path: existing },
          })
        }
        if (existing === dir) assertOurs(dir, stats)
        await fs.access(existing, fs.constants.W_OK | fs.constants.X_OK)
        return
      } catch (error) {
        if (failureCode(error) !== 'ENOENT' || dirname(existing) === existing)
          throw toStoreError(error, existing, 'write')
        // A link to nothing is "not there" to stat, and in the way of mkdir.
        if (await isLink(existing))
          throw new StoreError('KPKI_FILE_NOT_REGULAR', `${existing} is a link to nothing`, {
            details: { path: existing },
          })
        existing = dirname(existing)
      }
    }
  }

  async #makeDir(dir: string): Promise<void> {
    const missing: string[] = []
    const own = join(this.#kubeconfigDir, OWN_DIR)
    for (let current = dir; !(await exists(current)); current = dirname(current)) missing.unshift(current)
    for (const path of missing) {
      try {
        await fs.mkdir(path, { mode: `${path}/`.startsWith(`${own}/`) ? OWN_DIR_MODE : NEW_DIR_MODE })
        this.#madeDirs.push(path)
      } catch (error) {
        if (failureCode(error) !== 'EEXIST') throw error
      }
    }
  }

  async #removeEmptyMadeDirs(): Promise<void> {
    // Inner ones first; several files at once may have noted them in another order.
    const dirs = this.#madeDirs.splice(0).sort((a, b) => b.length - a.length)
    for (const dir of dirs) await fs.rmdir(dir).catch(() => {})
  }
}

function defaultKubeletDir(dir: string): string {
  return dir.endsWith(HOME) ? join(dir.slice(0, -HOME.length), KUBELET_HOME) : join(dir, 'kubelet')
}

/** Removes what a killed run left half-written; called under the lock, so that nobody is still writing it. */
async function sweep(dir: string): Promise<void> {
  const names = await fs.readdir(dir).catch(() => [])
  for (const name of names) if (TEMPORARY.test(name)) await fs.rm(join(dir, name), { force: true })
}

/** @throws {@link StoreError} `KPKI_DIR_FOREIGN` when others could replace what is written to a directory */
export function assertOurs(
  dir: string,
  { uid, mode }: { readonly uid: number; readonly mode: number },
  hint = 'chown and chmod it so that nobody else writes there, or use a directory of your own',
): void {
  const isSticky = (mode & 0o1000) !== 0
  const problem = !isOurs(uid)
    ? 'belongs to another user, who could replace what is written there'
    : (mode & 0o002) !== 0 && !isSticky
      ? 'can be written to by everybody'
      : undefined
  if (problem === undefined) return
  throw new StoreError('KPKI_DIR_FOREIGN', `${dir} ${problem}`, {
    details: { path: dir },
    hint,
  })
}
