import { type Bytes, equalBytes } from '../crypto/bytes.js'
import { StoreError } from '../errors.js'
import type { TreePath } from './layout.js'

/** A file as it is. */
export interface StoredFile {
  readonly bytes: Bytes
  /** Permission bits; `undefined` where the store has none. */
  readonly mode: number | undefined
  /** Whose file it is: ours or root's, or somebody else's. */
  readonly owner: 'trusted' | 'foreign'
  /** Number of the user it belongs to. Default: the store knows none */
  readonly uid?: number
  /** Number of its group. Default: the store knows none */
  readonly gid?: number
}

/**
 * Why a name leads to nothing that can be looked at: beyond a bound of one file, of a directory, of levels; not for this user;
 * no regular file, or a link to nothing; a link out of the directory that was named; anything else.
 */
export type FileProblem = 'too-large' | 'too-many' | 'too-deep' | 'forbidden' | 'not-regular' | 'outside' | 'other'

/** A name that a store holds. */
export interface ListedFile {
  readonly path: TreePath
  /** It is a link to this other file of the store. Default: it is the file itself */
  readonly target?: TreePath
  /** Why it cannot be looked at, as the end of a sentence. Default: it can */
  readonly problem?: string
  readonly problemKind?: FileProblem
}

/** A file that is written and has no name yet. */
export interface StagedFile {
  /** Gives it its name, if nothing has it. */
  readonly commit: () => Promise<void>
  /** Removes it. */
  readonly discard: () => Promise<void>
}

/** What a file is to be. */
export interface WantedFile {
  readonly bytes: Uint8Array
  /** Permission bits. */
  readonly mode: number
  /** Default: whoever runs this */
  readonly uid?: number
  /** Default: the group of whoever runs this */
  readonly gid?: number
}

/** A file that is to take the place of another one, or to go, and has not yet. */
export interface StagedReplacement extends StagedFile {
  /** Does it, unless what is there is not what was expected. */
  readonly commit: () => Promise<void>
  /** After `commit`: puts back what was there, itself; what somebody else has put there since stays. */
  readonly revert: () => Promise<void>
  /** Removes what lies aside: the new file before `commit`, the old one after it. */
  readonly discard: () => Promise<void>
}

/** A file that lines were added to. */
export interface AppendedFile {
  /** There was none before. */
  readonly isNew: boolean
  /** Permission bits that it has; `undefined` where the store has none. */
  readonly mode: number | undefined
}

/**
 * Where a tree is kept. Paths are tree paths (`pki/…`, `*.conf`); a file is whole or it is not there, at every moment.
 */
export interface Store {
  /** How people find a path, e.g. `/etc/kubernetes/pki/ca.crt`. */
  locate(path: TreePath): string
  /**
   * The file, or `undefined` when there is none.
   *
   * @throws {@link StoreError} `KPKI_FILE_UNREADABLE`, `KPKI_FILE_NOT_REGULAR`; `KPKI_INPUT_TOO_LARGE` over 1 MiB
   */
  read(path: TreePath): Promise<StoredFile | undefined>
  /**
   * Names of all files, in an order that stays: what is no file but has the name of one is among them with its problem, what
   * begins with a dot is left out. Bounded; directories behind links are not entered. Default: only files whose names are known
   * can be read.
   *
   * @throws {@link StoreError} `KPKI_FILE_UNREADABLE`, `KPKI_FILE_NOT_REGULAR` when a directory of the tree cannot be listed
   */
  list?(): AsyncIterable<ListedFile>
  /**
   * Writes a new file with its mode, whole or not at all.
   *
   * @throws {@link StoreError} `KPKI_FILE_EXISTS`, `KPKI_DIR_NOT_WRITABLE`, `KPKI_DIR_FOREIGN`, `KPKI_DISK_FULL`, `KPKI_WRITE_FAILED`
   */
  create(path: TreePath, bytes: Uint8Array, mode: number): Promise<void>
  /**
   * Writes a new file aside, whole and with its mode, so that several can be written at once; `commit` gives it its name, in
   * whatever order is wanted. Default: a store without it has each file created in turn.
   *
   * @throws as `create`, and so does `commit`; either leaves nothing behind
   */
  stage?(path: TreePath, bytes: Uint8Array, mode: number): Promise<StagedFile>
  /**
   * Writes aside what is to take the place of a file, whole, closed from its first moment on, with mode and owner; it is put in
   * place in one step. A link to a file of the same directory stays, and the file behind it is replaced. Default: nothing in
   * the store can be replaced.
   *
   * @param expected - what is there now, as `read` gave it
   * @param next - `undefined`: the file is to go
   * @throws {@link StoreError} `KPKI_FILE_NOT_REGULAR` for a link that leads elsewhere, `KPKI_FILE_FOREIGN` for a file of
   *   another user (but root may replace everybody's), and as `create`; `commit` throws `KPKI_FILE_CHANGED` and `KPKI_LOCKED`,
   *   for a kubeconfig that another program is changing; nothing is left behind
   */
  stageReplacement?(path: TreePath, expected: StoredFile, next: WantedFile | undefined): Promise<StagedReplacement>
  /**
   * Names of what is directly in a directory of the tree, sorted bytewise; none when there is no such directory. Default: the
   * store has no directories of ours.
   *
   * @throws {@link StoreError} `KPKI_FILE_UNREADABLE`, `KPKI_FILE_NOT_REGULAR`
   */
  names?(dir: TreePath): Promise<readonly string[]>
  /** Removes a directory below `.kpki` with all that is in it. Default: there are none. */
  clear?(dir: TreePath): Promise<void>
  /**
   * Adds lines to the end of a file, in one piece, so that they outlive a crash when this is done; makes the file with its mode
   * where there is none. Lines begin on a line of their own also where a crash has torn the last one. Default: a store without
   * it keeps no ledger.
   *
   * @param bytes - whole lines
   * @throws {@link StoreError} `KPKI_FILE_NOT_REGULAR` for a link, `KPKI_FILE_FOREIGN`, and as `create`; the file is then as
   *   it was
   */
  append?(path: TreePath, bytes: Uint8Array, mode: number): Promise<AppendedFile>
  /** Makes what was committed outlive a crash of the machine. Default: there is nothing to do. */
  settle?(paths: readonly TreePath[]): Promise<void>
  /** Takes back a file that this run created, and the directories it created for it. */
  takeBack(path: TreePath): Promise<void>
  /**
   * Makes sure that these files can be created, before anything is: directories exist or can be made, belong to us, are writable.
   *
   * @throws as `create`
   */
  prepare(paths: readonly TreePath[]): Promise<void>
  /**
   * Keeps other runs out.
   *
   * @param waitSeconds - how long to wait for another run, at most. Default: 0
   * @returns gives the tree free again
   * @throws {@link StoreError} `KPKI_LOCKED`
   */
  lock(waitSeconds?: number): Promise<() => Promise<void>>
}

/** What is said when a file is no longer what it was when it was read. */
export function fileChanged(place: string): StoreError {
  return new StoreError('KPKI_FILE_CHANGED', `${place} was changed by somebody else meanwhile`, {
    details: { path: place },
    hint: 'run again',
  })
}

const NEWLINE = 0x0a

/** A file in memory. */
export interface MemoryFile {
  readonly bytes: Bytes
  readonly mode: number
  readonly uid?: number
  readonly gid?: number
}

/** A store in memory: for tests, browsers and rehearsals. */
export class MemoryStore implements Store {
  /** Contents by tree path. */
  readonly files: Map<TreePath, MemoryFile> = new Map()
  #locked = false

  /** @param initial - contents to begin with, by tree path */
  constructor(initial: Readonly<Record<TreePath, Uint8Array | string>> = {}) {
    for (const [path, content] of Object.entries(initial)) {
      const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : new Uint8Array(content)
      this.files.set(path, { bytes, mode: 0o600 })
    }
  }

  locate(path: TreePath): string {
    return path
  }

  async read(path: TreePath): Promise<StoredFile | undefined> {
    const file = this.files.get(path)
    return file && { ...file, bytes: new Uint8Array(file.bytes), owner: 'trusted' }
  }

  async *list(): AsyncGenerator<ListedFile> {
    const isHidden = (path: TreePath) => path.split('/').some(part => part.startsWith('.'))
    for (const path of [...this.files.keys()].sort()) if (!isHidden(path)) yield { path }
  }

  async create(path: TreePath, bytes: Uint8Array, mode: number): Promise<void> {
    if (this.files.has(path)) throw new StoreError('KPKI_FILE_EXISTS', `${path} exists already`, { details: { path } })
    this.files.set(path, { bytes: new Uint8Array(bytes), mode })
  }

  async stageReplacement(
    path: TreePath,
    expected: StoredFile,
    next: WantedFile | undefined,
  ): Promise<StagedReplacement> {
    const before = this.files.get(path)
    const after = next && { ...next, bytes: new Uint8Array(next.bytes) }
    const put = (file: MemoryFile | undefined) => void (file ? this.files.set(path, file) : this.files.delete(path))
    const isStill = (is: MemoryFile | undefined, file: WantedFile | StoredFile | undefined) =>
      is === undefined || file === undefined ? is === file : equalBytes(is.bytes, file.bytes) && is.mode === file.mode
    return {
      commit: async () => {
        if (!isStill(this.files.get(path), expected)) throw fileChanged(path)
        put(after)
      },
      revert: async () => {
        if (!isStill(this.files.get(path), after)) throw fileChanged(path)
        put(before)
      },
      discard: async () => {},
    }
  }

  async names(dir: TreePath): Promise<readonly string[]> {
    const inside = [...this.files.keys()].filter(path => path.startsWith(`${dir}/`))
    return [...new Set(inside.map(path => path.slice(dir.length + 1).split('/')[0] ?? ''))].sort()
  }

  async clear(dir: TreePath): Promise<void> {
    for (const path of [...this.files.keys()]) if (path.startsWith(`${dir}/`)) this.files.delete(path)
  }

  async append(path: TreePath, bytes: Uint8Array, mode: number): Promise<AppendedFile> {
    const before = this.files.get(path)
    const old = before?.bytes ?? new Uint8Array()
    const isTorn = old.length > 0 && old.at(-1) !== NEWLINE
    const file = {
      bytes: new Uint8Array([...old, ...(isTorn ? [NEWLINE] : []), ...bytes]),
      mode: before?.mode ?? mode,
    }
    this.files.set(path, file)
    return { isNew: before === undefined, mode: file.mode }
  }

  async takeBack(path: TreePath): Promise<void> {
    this.files.delete(path)
  }

  async prepare(): Promise<void> {}

  async lock(): Promise<() => Promise<void>> {
    if (this.#locked) throw new StoreError('KPKI_LOCKED', 'another run is at work on this store')
    this.#locked = true
    return async () => {
      this.#locked = false
    }
  }
}
