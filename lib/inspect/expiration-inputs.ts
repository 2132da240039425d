import { ROW_IDS } from '../kubernetes/rows.js'
import { MAX_INPUT_BYTES } from '../limits.js'
import { filesOf, type TreePath } from '../tree/layout.js'
import type { ListedFile, Store } from '../tree/store.js'
import { isPutAside, KUBELET_FILES } from './expiration-files.js'
import { readInput } from './store-inputs.js'
import type { InspectInput } from './types.js'

/** What is looked at of one tree; a tree has a hundred files at most. */
const LIMITS = { files: 10_000, bytes: 64 * MAX_INPUT_BYTES } as const

/** The files of a tree. */
export interface ExpirationInputs {
  /** Those that may hold certificates, under their tree paths. */
  readonly inputs: readonly InspectInput[]
  /** Tree paths of all files. */
  readonly files: ReadonlySet<TreePath>
}

/** Paths of which it is known what they are; another name for one of these files is none of them. */
const KNOWN: ReadonlySet<TreePath> = new Set([
  ...ROW_IDS.flatMap(filesOf).map(({ path }) => path),
  ...KUBELET_FILES.map(([, path]) => path),
])

/**
 * Reads the files of a tree that may hold certificates; what cannot be read comes with its problem.
 *
 * @throws `StoreError` `KPKI_FILE_UNREADABLE`, `KPKI_FILE_NOT_REGULAR` when a directory of the tree cannot be listed
 */
export async function readExpirationInputs(store: Store): Promise<ExpirationInputs> {
  const inputs: InspectInput[] = []
  const files = new Set<TreePath>()
  let bytes = 0
  for await (const listed of store.list?.() ?? knownFiles(store)) {
    const { path } = listed
    if (listed.target !== undefined && !KNOWN.has(path)) continue
    files.add(path)
    if (isPutAside(path) || isOther(path)) continue
    const isFull = inputs.length >= LIMITS.files || bytes >= LIMITS.bytes
    const tooMany = { path, problem: 'is beyond what is looked at', problemKind: 'too-many' } as const
    const input = await readInput(isFull ? tooMany : listed, store)
    bytes += input?.bytes.length ?? 0
    if (input) inputs.push(input)
    if (isFull) break
  }
  // Of what stands in very many files only the first places are kept: those that have a name come first.
  const rank = ({ name }: InspectInput) => (KNOWN.has(name) ? 0 : 1)
  return { inputs: inputs.sort((a, b) => rank(a) - rank(b)), files }
}

/** For stores that do not list what they have. */
async function* knownFiles(store: Store): AsyncGenerator<ListedFile> {
  for (const path of KNOWN) {
    const isThere = await store.read(path).catch(() => true)
    if (isThere) yield { path }
  }
}

/** What says nothing about time, and need not be read: static Pods, the kubelet's configuration, the ledger. */
function isOther(path: TreePath): boolean {
  return path.startsWith('manifests/') || path === 'kubelet/config.yaml' || path.endsWith('.jsonl')
}
