import { EncodingError, StoreError } from '../errors.js'
import { MAX_INPUT_BYTES } from '../limits.js'
import { inflate } from './inflate.js'
import type { TreePath } from './layout.js'
import { type FileProblem, type ListedFile, MemoryStore, type StoredFile } from './store.js'
import { parseTar, type TarEntry } from './tar-read.js'

/** What is kept in memory of an archive, at most. */
const MAX_KEPT_BYTES = 64 * MAX_INPUT_BYTES
const MAX_KEPT = 20_000
const MAX_LINKS = 40
const HOME = 'etc/kubernetes'
const KUBELET_HOME = 'var/lib/kubelet'

/** Options of {@link readTreeArchive}. */
export interface ArchiveOptions {
  /** How large the archive may be, inflated. Default: 1 GiB */
  readonly maxBytes?: number
}

/** A tree out of an archive: it can be read, and what is written to it is written to memory only. */
export class ArchiveStore extends MemoryStore {
  /** Names behind which no file is that could be read. */
  readonly problems: Map<TreePath, { readonly problem: string; readonly problemKind: FileProblem }> = new Map()
  /** Links to files of the tree. */
  readonly links: Map<TreePath, TreePath> = new Map()
  /** Directories of the archive, by what tree paths begin with. */
  readonly #places: readonly (readonly [prefix: string, directory: string])[]

  /** @param places - where in the archive tree paths are, by their beginning; the first one that fits counts */
  constructor(places: readonly (readonly [prefix: string, directory: string])[]) {
    super()
    this.#places = places
  }

  override locate(path: TreePath): string {
    if (path === 'pki') return this.locate('pki/').replace(/\/$/, '')
    const [prefix, directory] = this.#places.find(([begin]) => path.startsWith(begin)) ?? ['', '']
    return directory === '' ? path.slice(prefix.length) : `${directory}/${path.slice(prefix.length)}`
  }

  override async read(path: TreePath): Promise<StoredFile | undefined> {
    const problem = this.problems.get(path)
    if (problem?.problemKind === 'too-large')
      throw new EncodingError('KPKI_INPUT_TOO_LARGE', `${this.locate(path)} ${problem.problem}`, { details: { path } })
    if (problem)
      throw new StoreError(
        problem.problemKind === 'outside' ? 'KPKI_FILE_OUTSIDE' : 'KPKI_FILE_NOT_REGULAR',
        `${this.locate(path)} ${problem.problem}`,
        { details: { path } },
      )
    const file = await super.read(this.links.get(path) ?? path)
    const isForeign = file?.uid !== undefined && file.uid !== 0 && this.#hasRoot()
    return file && { ...file, owner: isForeign ? 'foreign' : 'trusted' }
  }

  override async *list(): AsyncGenerator<ListedFile> {
    for await (const { path } of super.list()) yield { path }
    for (const [path, target] of [...this.links].sort(byPath)) yield { path, target }
    for (const [path, problem] of [...this.problems].sort(byPath)) yield { path, ...problem }
  }

  /** Whether root has files in it; of an archive that somebody else has made, nothing is said about owners. */
  #hasRoot(): boolean {
    for (const { uid } of this.files.values()) if (uid === 0) return true
    return false
  }
}

/**
 * Reads the tree in an archive of a host: what `tar -c /etc/kubernetes /var/lib/kubelet/pki` gives, whole or of one directory,
 * gzipped or not; a whole host, too, of which only these directories are kept.
 *
 * Nothing is unpacked. Links are followed to other files of the archive. Bounded: 1 GiB inflated, 64 MiB of files that are kept.
 *
 * @param source - the archive in pieces of any size
 * @param name - named in errors, e.g. `host.tar`
 * @throws {@link EncodingError} `KPKI_ARCHIVE_INVALID`; `KPKI_NOTHING_FOUND` when no tree is in it
 * @example const store = await readTreeArchive(chunks, 'host.tar.gz')
 */
export async function readTreeArchive(
  source: AsyncIterable<Uint8Array>,
  name: string,
  options: ArchiveOptions = {},
): Promise<ArchiveStore> {
  const kept = new Map<string, TarEntry>()
  let bytes = 0
  let hasHome = false
  try {
    for await (const entry of parseTar(inflate(source), wants, options.maxBytes)) {
      if (!hasHome && isInHome(entry.path)) {
        hasHome = true
        for (const [path, other] of kept) {
          if (isInHome(path)) continue
          kept.delete(path)
          bytes -= other.bytes?.length ?? 0
        }
      }
      if (entry.kind === 'directory' || !(hasHome ? isInHome(entry.path) : isOfTree(entry.path))) continue
      // The last one of a name counts, as it does where an archive is unpacked.
      bytes += (entry.bytes?.length ?? 0) - (kept.get(entry.path)?.bytes?.length ?? 0)
      kept.set(entry.path, entry)
      if (bytes > MAX_KEPT_BYTES || kept.size > MAX_KEPT)
        throw new EncodingError('KPKI_ARCHIVE_INVALID', 'the archive holds more files than a tree has', {
          hint: 'put into it only what is to be looked at: tar -c -f host.tar /etc/kubernetes /var/lib/kubelet/pki',
        })
    }
  } catch (error) {
    if (!(error instanceof EncodingError) || error.code !== 'KPKI_ARCHIVE_INVALID') throw error
    const { code, message, hint } = error
    throw new EncodingError(code, message.replace('the archive', name), {
      details: { what: name },
      cause: error,
      ...(hint === undefined ? {} : { hint }),
    })
  }
  const places = findPlaces([...kept.keys()])
  if (!places)
    throw new EncodingError('KPKI_NOTHING_FOUND', `${name} holds no tree: neither etc/kubernetes nor a copy of it`, {
      details: { what: name },
      hint: 'make it with: tar -c -f host.tar /etc/kubernetes /var/lib/kubelet/pki',
    })
  return fillStore(new ArchiveStore(places), kept, places)
}

const OURS = /\.(crt|cer|pem|der|key|pub|csr|conf|ya?ml|jsonl?)$|kubeconfig/i

function wants(path: string, size: number): boolean {
  return size <= MAX_INPUT_BYTES && isOfTree(path)
}

function isInHome(path: string): boolean {
  return /(^|\/)etc\/kubernetes\//.test(path) || /(^|\/)var\/lib\/kubelet\/(pki\/|config\.yaml$)/.test(path)
}

/** Names that files of a tree have, wherever it is; the kubelet keeps the volumes of all Pods beside its own. */
function isOfTree(path: string): boolean {
  if (/(^|\/)var\/lib\/kubelet\//.test(path)) return isInHome(path)
  return isInHome(path) || OURS.test(path) || /(^|\/)\.kpki\//.test(path)
}

/** What only a tree has directly in its directory. */
const OF_TREE =
  /(^|\/)(pki\/(ca|apiserver|etcd\/ca)\.(crt|key)|(admin|kubelet|scheduler|controller-manager)\.conf|manifests\/kube-[a-z-]+\.yaml)$/

/** Where the parts of a tree are in an archive; `undefined` when there is none. */
function findPlaces(paths: readonly string[]): readonly (readonly [string, string])[] | undefined {
  const depth = (path: string) => path.split('/').length
  const byDepth = [...paths].sort((a, b) => depth(a) - depth(b) || (a < b ? -1 : 1))
  const home = byDepth.map(path => /^(?:(.*)\/)?etc\/kubernetes\//.exec(path)).find(match => match !== null)
  const kubelet = byDepth.map(path => /^(?:(.*)\/)?var\/lib\/kubelet\//.exec(path)).find(match => match !== null)
  const root = (home ?? kubelet)?.[1]
  if (home || kubelet) {
    const at = (path: string) => (root === undefined ? path : `${root}/${path}`)
    return [
      ['pki/', at(`${HOME}/pki`)],
      ['kubelet/', at(KUBELET_HOME)],
      ['', at(HOME)],
    ]
  }
  const tree = byDepth.find(path => OF_TREE.test(path))
  if (tree !== undefined) {
    const dir = tree.replace(OF_TREE, '')
    return [
      ['pki/', dir === '' ? 'pki' : `${dir}/pki`],
      ['kubelet/', dir === '' ? 'kubelet' : `${dir}/kubelet`],
      ['', dir],
    ]
  }
  const pki = byDepth.find(path => /(^|\/)(ca|apiserver)\.crt$/.test(path))
  // Nothing of a tree but its certificates: what else it has is nowhere.
  return pki === undefined ? undefined : [['pki/', pki.slice(0, Math.max(0, pki.lastIndexOf('/')))]]
}

function fillStore(
  store: ArchiveStore,
  kept: ReadonlyMap<string, TarEntry>,
  places: readonly (readonly [string, string])[],
): ArchiveStore {
  const treePath = (path: string): TreePath | undefined => {
    const [prefix, directory] =
      places.find(([, dir]) => dir === '' || path.startsWith(`${dir}/`)) ?? ([undefined, ''] as const)
    return prefix === undefined ? undefined : `${prefix}${directory === '' ? path : path.slice(directory.length + 1)}`
  }
  for (const entry of kept.values()) {
    const path = treePath(entry.path)
    if (path === undefined) continue
    const found = follow(entry, kept, places)
    if (typeof found === 'string') {
      const isOut = found.startsWith('is a link out')
      store.problems.set(path, { problem: found, problemKind: isOut ? 'outside' : 'not-regular' })
      continue
    }
    const { bytes, mode, uid, gid } = found
    if (!bytes && !OURS.test(path)) continue
    if (!bytes) store.problems.set(path, { problem: 'is larger than 1 MiB', problemKind: 'too-large' })
    else if (entry.kind === 'link') store.links.set(path, treePath(found.path) ?? found.path)
    else store.files.set(path, { bytes, mode, uid, gid })
  }
  return store
}

/** The file that a member is, or leads to; what is wrong with it otherwise, as the end of a sentence. */
function follow(
  entry: TarEntry,
  kept: ReadonlyMap<string, TarEntry>,
  places: readonly (readonly [string, string])[],
): TarEntry | string {
  let current = entry
  for (let followed = 0; followed <= MAX_LINKS; followed++) {
    if (current.kind === 'file') return current
    if (current.kind === 'other') return 'is a device or a pipe, not a regular file'
    const isAbsolute = current.target.startsWith('/')
    const from =
      current.kind === 'hard-link' || isAbsolute ? '' : current.path.slice(0, current.path.lastIndexOf('/') + 1)
    const target = resolve(
      current.kind === 'link' && isAbsolute ? inArchive(current.target, places) : `${from}${current.target}`,
    )
    const next = target === undefined ? undefined : kept.get(target)
    const isInside = target !== undefined && places.some(([, dir]) => dir === '' || target.startsWith(`${dir}/`))
    if (!isInside) return `is a link out of the tree, to ${current.target}`
    if (!next) return 'is a link to nothing'
    current = next
  }
  return 'is a link that leads in a circle'
}

/** Where an absolute link leads: below what stands for the host's root directory. */
function inArchive(target: string, places: readonly (readonly [string, string])[]): string {
  const [, home = ''] = places.at(-1) ?? []
  return home.endsWith(HOME) ? `${home.slice(0, -HOME.length)}${target.slice(1)}` : target.slice(1)
}

function resolve(path: string): string | undefined {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..' && parts.pop() === undefined) return undefined
    if (part !== '..' && part !== '.' && part !== '') parts.push(part)
  }
  return parts.join('/')
}

function byPath([a]: readonly [TreePath, unknown], [b]: readonly [TreePath, unknown]): number {
  return a < b ? -1 : 1
}
