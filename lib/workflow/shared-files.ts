import { isCaKey, type SharedContents, type SharedFile } from '../access/kubeadm-certs.js'
import { type SharedFacts, verifySharedContents } from '../access/shared-contents.js'
import type { Context } from '../context.js'
import { type Bytes, decodeUtf8, encodeUtf8, equalBytes } from '../crypto/bytes.js'
import { formatPublicKey, parsePrivateKey } from '../crypto/key-files.js'
import { StoreError } from '../errors.js'
import { assertFinished } from '../tree/put-back.js'
import type { Store } from '../tree/store.js'
import { writeAll } from '../tree/write-all.js'

/** What {@link readSharedFiles} found. */
export interface SharedTree extends SharedFacts {
  /** Every file by its name in the Secret; empty: there is none. */
  readonly contents: SharedContents
}

/**
 * Reads the files that control planes share from the tree of one.
 *
 * A CA's key may be elsewhere: then its file is empty, which goes to the log as a warning. A `sa.pub` that is missing is derived
 * from `sa.key`. Everything else must be there: kubeadm uploads an empty value in its place, and the host that joins makes a CA
 * or key of its own, which nobody else trusts.
 *
 * @throws {@link StoreError} `KPKI_FILE_NOT_FOUND`, and what the store throws; as {@link verifySharedContents}
 */
export async function readSharedFiles(
  files: readonly SharedFile[],
  store: Store,
  context: Context,
): Promise<SharedTree> {
  const contents = new Map<string, Bytes>()
  for (const { name, path } of files) {
    const file = path === undefined ? undefined : await store.read(path)
    contents.set(name, file?.bytes ?? new Uint8Array())
  }
  const isMissing = ({ name, path }: SharedFile) => path !== undefined && contents.get(name)?.length === 0
  const missing = files.filter(isMissing)
  for (const { name, path = '' } of missing) {
    const place = store.locate(path)
    if (name === 'sa.pub' && contents.get('sa.key')?.length !== 0) {
      const pem = decodeUtf8(contents.get('sa.key') ?? new Uint8Array()) ?? ''
      const { spki } = await parsePrivateKey(pem, context, 'sa.key')
      contents.set(name, encodeUtf8(formatPublicKey(spki)))
    } else if (isCaKey(name)) {
      const message = `${place} does not exist: control planes that join need their certificates made elsewhere`
      context.log({ level: 'warning', message })
    } else throw notFound(name, place)
  }
  const nameOf = ({ path = '' }: SharedFile) => store.locate(path)
  const facts = await verifySharedContents(contents, files, context, { nameOf, allowOtherCaNames: true })
  for (const message of facts.remarks) context.log({ level: 'warning', message })
  return { contents, ...facts }
}

function notFound(name: string, place: string): StoreError {
  const hint = name.startsWith('etcd-')
    ? 'where etcd is external, name the configuration that says so: --config; else name the tree of a control plane: --dir'
    : 'name the tree of a control plane: --dir'
  return new StoreError('KPKI_FILE_NOT_FOUND', `${place} does not exist`, { details: { path: place }, hint })
}

/** Options of {@link writeSharedFiles}. */
export interface WriteSharedOptions {
  /** Look only. Default: false */
  readonly dryRun?: boolean
  /** Stops between two files; what was written is taken back. Default: none. */
  readonly signal?: AbortSignal
}

/** One file of a download. */
export interface SharedResult {
  readonly file: SharedFile
  /** `skip`: the Secret has none. */
  readonly action: 'create' | 'keep' | 'skip'
}

/** What a download did, or would do. */
export interface SharedFilesResult extends SharedFacts {
  readonly files: readonly SharedResult[]
}

/**
 * Puts the files that control planes share into a tree, all of them or none. Files that are there with the same content are
 * kept, nothing is overwritten (kubeadm overwrites).
 *
 * @throws {@link StoreError} `KPKI_FILE_EXISTS` when one is there with other content, and what the store throws; as
 *   {@link verifySharedContents}; {@link WorkflowError} `KPKI_INTERRUPTED`
 */
export async function writeSharedFiles(
  contents: SharedContents,
  files: readonly SharedFile[],
  store: Store,
  context: Context,
  options: WriteSharedOptions = {},
): Promise<SharedFilesResult> {
  const facts = await verifySharedContents(contents, files, context)
  const release = options.dryRun ? async () => {} : await store.lock()
  try {
    await assertFinished(store)
    const planned = await plan(contents, files, store)
    const created = planned.flatMap(({ file, action, bytes }) =>
      action === 'create' && file.path !== undefined ? [{ path: file.path, mode: file.mode, bytes }] : [],
    )
    await store.prepare(created.map(({ path }) => path))
    if (!options.dryRun) await writeAll(created, store, context, options.signal)
    return { ...facts, files: planned.map(({ file, action }) => ({ file, action })) }
  } finally {
    await release()
  }
}

async function plan(contents: SharedContents, files: readonly SharedFile[], store: Store) {
  const planned: (SharedResult & { readonly bytes: Uint8Array })[] = []
  const others: string[] = []
  for (const file of files) {
    const bytes = contents.get(file.name) ?? new Uint8Array()
    const isEmpty = bytes.length === 0 || file.path === undefined
    const existing = isEmpty ? undefined : await store.read(file.path ?? '')
    if (existing && !equalBytes(existing.bytes, bytes)) others.push(store.locate(file.path ?? ''))
    planned.push({ file, action: isEmpty ? 'skip' : existing ? 'keep' : 'create', bytes })
  }
  const [first] = others
  if (first === undefined) return planned
  const more = others.length > 1 ? ` (and ${others.length - 1} more)` : ''
  throw new StoreError('KPKI_FILE_EXISTS', `${first} exists with other content${more}; nothing was written`, {
    details: { path: first, findings: others.map(place => `${place} exists with other content`) },
    hint: 'move what is there away if it is not needed: nothing is overwritten',
  })
}
