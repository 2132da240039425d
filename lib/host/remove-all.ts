// The default export on purpose: tests put faults into single calls of it.
import fs from 'node:fs/promises'
import { KpkiError } from '../errors.js'
import type { RemoveAllOptions } from '../workflow/host.js'
import { type Failure, failureCode, toStoreError } from './disk-errors.js'
import { exists } from './files.js'

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK } = fs.constants
const OPEN_DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK
/** Directories that are open at once; what lies deeper is moved up before it is gone into. */
const MAX_OPEN = 64
/** Others may write where we remove: a directory that is not empty is emptied again so many times. */
const ATTEMPTS = 5
const NOT_EMPTY: readonly Failure[] = ['ENOTEMPTY', 'EEXIST']
/** Of a directory's flags together: it is a link, or no directory any more. */
const NO_DIRECTORY: readonly Failure[] = ['ENOTDIR', 'ELOOP']
const DESCRIPTORS = '/proc/self/fd'

/**
 * Removes what is at a path, of a directory everything that is in it. Every directory on the way is opened in the one above it, and
 * none that is a link: whoever may write in one of them leads the removal nowhere else, neither before it nor in the middle of it.
 * Names are bytes, so that it finds what is no UTF-8.
 *
 * @param root - opened as it is, links followed. Default: `/`
 * @returns what is left, and why; nothing of what was not there
 * @see openat(2); proc(5) on /proc/PID/fd and /proc/PID/fdinfo
 */
export async function removeAll(
  path: string,
  { type, mounts = [] }: RemoveAllOptions,
  root = '/',
): Promise<readonly string[]> {
  const names = path.slice(root === '/' ? 1 : root.length + 1).split('/')
  const last = names.pop()
  if (last === undefined || last === '') return [`${path} is no path below ${root}`]
  const opened: OpenDirectory[] = []
  const removal = new Removal(new Set(mounts))
  try {
    if (!(await exists(root))) return []
    let dir = await OpenDirectory.at(root)
    opened.push(dir)
    for (const name of names) {
      const next = await dir.open(Buffer.from(name))
      if (next === undefined) return []
      if (next === 'link') return [`${dir.placeOf(Buffer.from(name))} is a link, and nothing is removed through one`]
      opened.push(next)
      dir = next
    }
    if (type === 'tree') await removal.takeTree(dir, Buffer.from(last))
    else await removal.takeOne(dir, Buffer.from(last), type)
  } catch (error) {
    removal.problems.push(messageOf(error, path))
  } finally {
    for (const dir of opened.reverse()) await dir.close()
  }
  return removal.problems
}

/** An open directory: what is reached by it is in it, whatever others have put in its place. */
class OpenDirectory {
  readonly #handle: fs.FileHandle
  /** By its descriptor; by its name where the system has no names of descriptors. */
  readonly #base: Buffer
  /** For people. */
  readonly place: string

  constructor(handle: fs.FileHandle, base: Buffer, place: string) {
    this.#handle = handle
    this.#base = base
    this.place = place
  }

  static async at(path: string): Promise<OpenDirectory> {
    return OpenDirectory.#of(await fs.open(path, O_RDONLY | O_DIRECTORY), Buffer.from(path), path)
  }

  static async #of(handle: fs.FileHandle, path: Buffer, place: string): Promise<OpenDirectory> {
    const descriptor = `${DESCRIPTORS}/${handle.fd}`
    return new OpenDirectory(handle, (await exists(descriptor)) ? Buffer.from(descriptor) : path, place)
  }

  /** A directory in it; `undefined` where nothing is, or a file. */
  async open(name: Buffer): Promise<OpenDirectory | 'link' | undefined> {
    const path = this.pathOf(name)
    try {
      return await OpenDirectory.#of(await fs.open(path, OPEN_DIRECTORY), path, this.placeOf(name))
    } catch (error) {
      if (failureCode(error) === 'ENOENT') return undefined
      if (!NO_DIRECTORY.includes(failureCode(error))) throw toStoreError(error, this.placeOf(name), 'read')
      const stats = await fs.lstat(path).catch(() => undefined)
      return stats?.isSymbolicLink() ? 'link' : undefined
    }
  }

  /** How the system is told of something in it. */
  pathOf(name: Buffer): Buffer {
    return Buffer.concat([this.#base, Buffer.from('/'), name])
  }

  /** How people are. */
  placeOf(name: Buffer): string {
    return `${this.place === '/' ? '' : this.place}/${name.toString()}`
  }

  names(): Promise<readonly Buffer[]> {
    return fs.readdir(this.#base, { encoding: 'buffer' })
  }

  /** Which mount it is of, as far as the system says so: a directory that is mounted elsewhere has the same device. */
  async mount(): Promise<string | undefined> {
    const info = await fs.readFile(`/proc/self/fdinfo/${this.#handle.fd}`, 'latin1').catch(() => '')
    return /^mnt_id:\s*(\d+)/m.exec(info)?.[1]
  }

  close(): Promise<void> {
    return this.#handle.close()
  }
}

class Removal {
  readonly problems: string[] = []
  readonly #mounts: ReadonlySet<string>
  #moved = 0

  constructor(mounts: ReadonlySet<string>) {
    this.#mounts = mounts
  }

  /** A file or a link, or a directory that is empty: one that is to go when it is empty stays when it is not. */
  async takeOne(dir: OpenDirectory, name: Buffer, type: 'file' | 'directory'): Promise<void> {
    try {
      await takeOff(dir.pathOf(name))
    } catch (error) {
      const stays = type === 'directory' && NOT_EMPTY.includes(failureCode(error))
      if (!stays) this.problems.push(messageOf(error, dir.placeOf(name)))
    }
  }

  /** @param top - where directories are moved to that lie too deep. Default: none does */
  async takeTree(parent: OpenDirectory, name: Buffer, depth = 0, top?: OpenDirectory): Promise<void> {
    const place = parent.placeOf(name)
    const before = this.problems.length
    try {
      for (let attempt = 1; ; attempt++) {
        const error = await takeOff(parent.pathOf(name)).then(
          () => undefined,
          failure => failure,
        )
        if (error === undefined) return
        if (attempt > ATTEMPTS || !NOT_EMPTY.includes(failureCode(error))) throw error
        if (depth >= MAX_OPEN && top && (await this.#moveUp(parent.pathOf(name), top))) return
        await this.#empty(parent, name, depth, top)
        if (this.problems.length > before) return
      }
    } catch (error) {
      const isMount = this.#mounts.has(place) || failureCode(error) === 'EBUSY'
      this.problems.push(isMount ? `${place} is a mount point` : messageOf(error, place))
    }
  }

  async #empty(parent: OpenDirectory, name: Buffer, depth: number, top: OpenDirectory | undefined): Promise<void> {
    const dir = await parent.open(name)
    // Somebody has put something else there: the next attempt sees what.
    if (dir === undefined || dir === 'link') return
    try {
      if (this.#mounts.has(dir.place) || (await dir.mount()) !== (await parent.mount())) {
        this.problems.push(`${dir.place} is a mount point`)
        return
      }
      for (let moved = -1; moved !== this.#moved; ) {
        moved = this.#moved
        for (const each of await dir.names()) await this.takeTree(dir, each, depth + 1, top ?? dir)
      }
    } finally {
      await dir.close()
    }
  }

  /** Whoever lays out directories one in the other without an end would else have us open all of them. */
  async #moveUp(path: Buffer, top: OpenDirectory): Promise<boolean> {
    const name = Buffer.from(`.kpki-removed-${process.pid}-${this.#moved}`)
    const isMoved = await fs.rename(path, top.pathOf(name)).then(
      () => true,
      () => false,
    )
    this.#moved++
    return isMoved
  }
}

/** Removes a file, a link or an empty directory; nothing where nothing is. */
async function takeOff(path: Buffer): Promise<void> {
  try {
    const stats = await fs.lstat(path)
    if (stats.isDirectory()) await fs.rmdir(path)
    else await fs.unlink(path)
  } catch (error) {
    if (failureCode(error) !== 'ENOENT') throw error
  }
}

function messageOf(error: unknown, place: string): string {
  const known = toStoreError(error, place, 'write')
  if (!(known instanceof KpkiError)) throw known
  return known.message.includes(place) ? known.message : `${place}: ${known.message}`
}
