// The default export on purpose: tests put faults into single calls of it.
import fs from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { MAX_INPUT_BYTES } from '../crypto/pem.js'
import { EncodingError, StoreError } from '../errors.js'
import type { TreePath } from '../tree/layout.js'
import type { Store, StoredFile } from '../tree/store.js'
import { type Failure, failureCode, toStoreError } from './disk-errors.js'
import { takeLock } from './lock.js'

/** Where the two halves of a tree are. */
export interface DiskStoreOptions {
  /** Certificates and keys. Default: `pki` in the tree's directory. */
  readonly certDir?: string
  /** Kubeconfigs. Default: the tree's directory. */
  readonly kubeconfigDir?: string
}

const TEMPORARY = /^\..+\.kpki-tmp-[0-9]+-[0-9]+$/
const NEW_DIR_MODE = 0o755

/** A tree on disk in kubeadm's layout. */
export class DiskStore implements Store {
  readonly #certDir: string
  readonly #kubeconfigDir: string
  /** Directories that this store made, outer ones first. */
  readonly #madeDirs: string[] = []
  #temporaries = 0

  /** @param dir - the tree, e.g. `/etc/kubernetes` */
  constructor(dir: string, options: DiskStoreOptions = {}) {
    this.#certDir = resolve(options.certDir ?? join(dir, 'pki'))
    this.#kubeconfigDir = resolve(options.kubeconfigDir ?? dir)
  }

  locate(path: TreePath): string {
    if (path === 'pki') return this.#certDir
    return path.startsWith('pki/') ? join(this.#certDir, path.slice('pki/'.length)) : join(this.#kubeconfigDir, path)
  }

  async read(path: TreePath): Promise<StoredFile | undefined> {
    return readRegularFile(this.locate(path))
  }

  async prepare(paths: readonly TreePath[]): Promise<void> {
    for (const dir of new Set(paths.map(path => dirname(this.locate(path))))) await this.#checkDir(dir)
  }

  async create(path: TreePath, bytes: Uint8Array, mode: number): Promise<void> {
    const target = this.locate(path)
    const dir = dirname(target)
    const temporary = join(dir, `.${basename(target)}.kpki-tmp-${process.pid}-${this.#temporaries++}`)
    let isInPlace = false
    try {
      await this.#makeDir(dir)
      // Born 0600 whatever it becomes, and only if nothing is there: neither a file nor a link laid out for us.
      const handle = await fs.open(temporary, 'wx', 0o600)
      try {
        await handle.writeFile(bytes)
        await handle.chmod(mode)
        await handle.sync()
      } finally {
        await handle.close()
      }
      await takeName(temporary, target)
      isInPlace = true
      await fs.rm(temporary, { force: true })
      await syncDir(dir)
    } catch (error) {
      for (const file of isInPlace ? [temporary, target] : [temporary])
        await fs.rm(file, { force: true }).catch(() => {})
      throw toStoreError(error, target, 'write')
    }
  }

  async takeBack(path: TreePath): Promise<void> {
    await fs.rm(this.locate(path), { force: true })
  }

  async lock(): Promise<() => Promise<void>> {
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
      for (const dir of [...roots, join(this.#certDir, 'etcd')]) await sweep(dir)
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
    for (let current = dir; !(await exists(current)); current = dirname(current)) missing.unshift(current)
    for (const path of missing) {
      try {
        await fs.mkdir(path, { mode: NEW_DIR_MODE })
        this.#madeDirs.push(path)
      } catch (error) {
        if (failureCode(error) !== 'EEXIST') throw error
      }
    }
  }

  async #removeEmptyMadeDirs(): Promise<void> {
    for (const dir of this.#madeDirs.splice(0).reverse()) await fs.rmdir(dir).catch(() => {})
  }
}

/**
 * Reads a file that somebody named: a regular one (or a link to one) of at most 1 MiB. Never waits on a pipe.
 *
 * @returns `undefined` when there is none
 * @throws {@link StoreError} `KPKI_FILE_UNREADABLE`, `KPKI_FILE_NOT_REGULAR`; {@link EncodingError} `KPKI_INPUT_TOO_LARGE`
 */
export async function readRegularFile(path: string): Promise<StoredFile | undefined> {
  try {
    const handle = await fs.open(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
    try {
      const stats = await handle.stat()
      if (!stats.isFile()) {
        throw new StoreError(
          'KPKI_FILE_NOT_REGULAR',
          `${path} is ${stats.isDirectory() ? 'a directory' : 'not a regular file'}`,
          { details: { path } },
        )
      }
      if (stats.size > MAX_INPUT_BYTES) {
        throw new EncodingError('KPKI_INPUT_TOO_LARGE', `${path} is larger than 1 MiB`, { details: { path } })
      }
      const bytes = new Uint8Array(await handle.readFile())
      return { bytes, mode: stats.mode & 0o7777, owner: isOurs(stats.uid) ? 'trusted' : 'foreign' }
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (failureCode(error) !== 'ENOENT') throw toStoreError(error, path, 'read')
    if (await isLink(path))
      throw new StoreError('KPKI_FILE_NOT_REGULAR', `${path} is a link to nothing`, { details: { path } })
    return undefined
  }
}

/** Gives a file its name if that is free, which a rename would not ask; the temporary name may stay beside it. */
async function takeName(temporary: string, target: string): Promise<void> {
  try {
    await fs.link(temporary, target)
  } catch (error) {
    const unsupported: readonly Failure[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']
    if (!unsupported.includes(failureCode(error))) throw error
    // FAT and some network file systems have no hard links; the lock keeps other runs of ours away meanwhile.
    if ((await exists(target)) || (await isLink(target))) throw Object.assign(new Error('exists'), { code: 'EEXIST' })
    await fs.rename(temporary, target)
  }
}

/** Makes a directory's new entries outlive a crash; not every system lets directories be opened. */
async function syncDir(dir: string): Promise<void> {
  const handle = await fs.open(dir, 'r').catch(() => undefined)
  try {
    await handle?.sync()
  } catch (error) {
    const harmless: readonly Failure[] = ['EINVAL', 'EISDIR', 'EPERM']
    if (!harmless.includes(failureCode(error))) throw error
  } finally {
    await handle?.close()
  }
}

/** Removes what a killed run left half-written; called under the lock, so that nobody is still writing it. */
async function sweep(dir: string): Promise<void> {
  const names = await fs.readdir(dir).catch(() => [])
  for (const name of names) if (TEMPORARY.test(name)) await fs.rm(join(dir, name), { force: true })
}

function assertOurs(dir: string, { uid, mode }: { readonly uid: number; readonly mode: number }): void {
  const isSticky = (mode & 0o1000) !== 0
  const problem = !isOurs(uid)
    ? 'belongs to another user, who could replace what is written there'
    : (mode & 0o002) !== 0 && !isSticky
      ? 'can be written to by everybody'
      : undefined
  if (problem === undefined) return
  throw new StoreError('KPKI_DIR_FOREIGN', `${dir} ${problem}`, {
    details: { path: dir },
    hint: 'use a directory of your own (--dir), or chown and chmod this one',
  })
}

function isOurs(uid: number): boolean {
  return uid === 0 || process.geteuid === undefined || uid === process.geteuid()
}

async function exists(path: string): Promise<boolean> {
  return fs.stat(path).then(
    () => true,
    () => false,
  )
}

async function isLink(path: string): Promise<boolean> {
  return fs.lstat(path).then(
    stats => stats.isSymbolicLink(),
    () => false,
  )
}
