import { type Kubeconfig, parseKubeconfig } from '../access/kubeconfig.js'
import type { Context } from '../context.js'
import { type Bytes, decodeUtf8 } from '../crypto/bytes.js'
import { parsePrivateKey } from '../crypto/key-files.js'
import type { PrivateKey } from '../crypto/keys.js'
import { parsePem } from '../crypto/pem.js'
import { EncodingError, KpkiError } from '../errors.js'
import type { RowId } from '../kubernetes/rows.js'
import { type FileKind, filesOf, formatMode, type TreePath } from '../tree/layout.js'
import type { Store, StoredFile } from '../tree/store.js'
import { type Certificate, parseCertificates } from '../x509/certificate.js'
import { refusalOf } from './refusal.js'
import { type Finding, finding, type TreeItemId } from './rules.js'

/** The files of one row as they are, parsed as far as they can be. */
export interface ActualRow {
  readonly id: RowId
  /** Paths that exist, with their bytes. */
  readonly files: ReadonlyMap<TreePath, StoredFile>
  /** Certificates of the `.crt` file, in order. */
  readonly certificates: readonly Certificate[]
  readonly key: PrivateKey | undefined
  /** SubjectPublicKeyInfo of `sa.pub`. */
  readonly publicKey: Bytes | undefined
  readonly kubeconfig: Kubeconfig | undefined
  /** What could not be read, and who else could read it. */
  readonly findings: readonly Finding[]
}

/** Options of {@link readRow}. */
export interface ReadOptions {
  /** Of which kinds; others are as if they were not there. Default: all */
  readonly kinds?: readonly FileKind[]
  /** A file that the store cannot hand out is a finding. Default: it is an error. */
  readonly isTolerant?: boolean
}

/**
 * Reads the files of a row.
 *
 * @throws {@link KpkiError} when a file exists but the store cannot hand it out
 */
export async function readRow(
  id: RowId,
  store: Pick<Store, 'read' | 'locate'>,
  context: Context,
  { kinds, isTolerant = false }: ReadOptions = {},
): Promise<ActualRow> {
  const files = new Map<TreePath, StoredFile>()
  const findings: Finding[] = []
  let certificates: readonly Certificate[] = []
  let key: PrivateKey | undefined
  let publicKey: Bytes | undefined
  let kubeconfig: Kubeconfig | undefined
  for (const { path, kind } of filesOf(id)) {
    if (kinds && !kinds.includes(kind)) continue
    const file = isTolerant ? await readOrTell(id, path, store, findings) : await store.read(path)
    if (!file) continue
    files.set(path, file)
    findings.push(...accessFindings(id, path, kind, file))
    try {
      const what = store.locate(path)
      const text = textOf(file, what)
      if (kind === 'certificate' || kind === 'public-key') findings.push(...exposedSecrets(id, path, text, what))
      if (kind === 'certificate') certificates = parseCertificates(text, what)
      else if (kind === 'private-key') key = await parsePrivateKey(text, context, what)
      else if (kind === 'public-key') publicKey = parsePublicKey(text, what)
      else kubeconfig = await parseKubeconfig(text, context, what)
    } catch (error) {
      if (!(error instanceof KpkiError)) throw error
      findings.push(unreadable(id, path, store, error))
    }
  }
  return { id, files, certificates, key, publicKey, kubeconfig, findings }
}

/** @throws {@link EncodingError} `KPKI_PEM_INVALID` for what is not UTF-8 */
export function textOf({ bytes }: StoredFile, what: string): string {
  const text = decodeUtf8(bytes)
  if (text === undefined) throw new EncodingError('KPKI_PEM_INVALID', `${what} is not text`, { details: { what } })
  return text
}

/** Reads a file of a tree; one that the store cannot hand out becomes a finding. */
export async function readOrTell(
  row: TreeItemId | undefined,
  path: TreePath,
  store: Pick<Store, 'read' | 'locate'>,
  findings: Finding[],
): Promise<StoredFile | undefined> {
  try {
    return await store.read(path)
  } catch (error) {
    if (!(error instanceof KpkiError)) throw error
    findings.push(unreadable(row, path, store, error))
    return undefined
  }
}

/** What is said of a file that cannot be read as what it should be. */
export function unreadable(
  row: TreeItemId | undefined,
  path: TreePath,
  store: Pick<Store, 'locate'>,
  error: KpkiError,
): Finding {
  const refusal = refusalOf(error)
  const hint = error.hint ?? 'restore it from a backup, or move it away to have it made anew'
  const code =
    error.code === 'KPKI_FILE_OUTSIDE'
      ? 'link-outside'
      : error.code === 'KPKI_FILE_NOT_REGULAR'
        ? 'not-regular'
        : refusal.code
  return finding(code, row, path, withoutPlace(error.message, store.locate(path)), { hint, ...refusal.details })
}

function withoutPlace(message: string, place: string): string {
  return message.startsWith(place) ? message.slice(place.length).replace(/^[:\s]+/, '') : message
}

/** Who else can read or change a file. */
export function accessFindings(
  id: TreeItemId | undefined,
  path: TreePath,
  kind: FileKind,
  { mode, owner }: StoredFile,
): Finding[] {
  const isSecret = kind === 'private-key' || kind === 'kubeconfig'
  const findings: Finding[] = []
  if (isSecret && mode !== undefined && (mode & 0o077) !== 0) {
    findings.push(finding('mode-open', id, path, `has mode ${formatMode(mode)}`, 'chmod 600 it'))
  }
  if (mode !== undefined && (mode & 0o022) !== 0) {
    findings.push(
      finding('mode-writable', id, path, `can be written to by others (mode ${formatMode(mode)})`, 'chmod go-w it'),
    )
  }
  if (owner === 'foreign')
    findings.push(finding('owner-foreign', id, path, 'belongs neither to root nor to this user', 'chown it'))
  return findings
}

/** A key that was put into a file beside its certificate is as public as the certificate. */
function exposedSecrets(id: RowId, path: TreePath, text: string, what: string): Finding[] {
  return parsePem(text, what).some(({ label }) => label.endsWith('PRIVATE KEY'))
    ? [
        finding(
          'secret-exposed',
          id,
          path,
          'holds a private key, and is a public file',
          'take the key out of it, and consider it known',
        ),
      ]
    : []
}

function parsePublicKey(text: string, what: string): Bytes {
  const block = parsePem(text, what).find(({ label }) => label === 'PUBLIC KEY')
  if (block) return block.bytes
  throw new EncodingError('KPKI_PEM_LABEL', `${what} holds no public key`, { details: { what } })
}
