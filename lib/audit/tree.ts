import type { Context } from '../context.js'
import { concatBytes, decodeUtf8, encodeUtf8 } from '../crypto/bytes.js'
import { sha256 } from '../crypto/digest.js'
import { parsePrivateKey } from '../crypto/key-files.js'
import type { PrivateKey } from '../crypto/keys.js'
import { EncodingError, KpkiError } from '../errors.js'
import { ROW_IDS, type RowId } from '../kubernetes/rows.js'
import type { FileKind, TreePath } from '../tree/layout.js'
import type { Store, StoredFile } from '../tree/store.js'
import { type Certificate, parseCertificates } from '../x509/certificate.js'
import { type ActualRow, accessFindings, readOrTell, readRow, textOf, unreadable } from './actual.js'
import { manifestFileFindings } from './manifest-files.js'
import { ManifestReader, manifestPath, STATIC_PODS } from './manifests.js'
import { withOwnContext } from './own-context.js'
import { type Finding, finding } from './rules.js'
import type { ActualKubeletPair, ActualTree } from './types.js'

/** The files of the pairs that the kubelet keeps for itself; the client's is one file with both. */
export const KUBELET_FILES = {
  'kubelet-client': [
    { path: 'kubelet/pki/kubelet-client-current.pem', kind: 'private-key', holds: ['certificate', 'key'] },
  ],
  'kubelet-server': [
    { path: 'kubelet/pki/kubelet.key', kind: 'private-key', holds: ['key'] },
    { path: 'kubelet/pki/kubelet.crt', kind: 'certificate', holds: ['certificate'] },
  ],
} as const satisfies Record<
  ActualKubeletPair['id'],
  readonly { readonly path: TreePath; readonly kind: FileKind; readonly holds: readonly ('certificate' | 'key')[] }[]
>

/**
 * Reads a whole tree: every row, what the kubelet keeps, the manifests of static Pods. Whatever cannot be read is a finding.
 *
 * @param store - of which only `read` and `locate` are used
 */
export async function readTree(store: Store, context: Context): Promise<ActualTree> {
  const seen = new Map<TreePath, StoredFile>()
  const read = async (path: TreePath) => {
    const file = await store.read(path)
    if (file) seen.set(path, file)
    return file
  }
  const source: Pick<Store, 'read' | 'locate'> = { read, locate: path => store.locate(path) }
  const rows = new Map<RowId, ActualRow>()
  for (const id of ROW_IDS) {
    const cas = rows.get('ca')?.certificates ?? []
    const row = await withOwnContext(await readRow(id, source, context, { isTolerant: true }), cas, source, context)
    if (row.files.size > 0 || row.findings.length > 0)
      rows.set(id, { ...row, findings: row.findings.filter(counts(row)) })
  }
  const kubelet = new Map<ActualKubeletPair['id'], ActualKubeletPair>()
  for (const id of Object.keys(KUBELET_FILES) as ActualKubeletPair['id'][]) {
    const pair = lostPair(await readKubeletPair(id, source, context), {
      named: rows.get('kubelet.conf')?.kubeconfig?.certificateFile,
      isKubeletHere: kubelet.size > 0 || (await hasKubelet(store)),
    })
    if (pair.files.size > 0 || pair.findings.length > 0)
      kubelet.set(id, { ...pair, findings: pair.findings.filter(counts(pair)) })
  }
  const findings: Finding[] = []
  const manifests = new ManifestReader()
  for (const component of STATIC_PODS) {
    const path = manifestPath(component)
    const file = await readOrTell(undefined, path, source, findings)
    if (!file) continue
    try {
      const what = store.locate(path)
      const text = decodeUtf8(file.bytes)
      if (text === undefined) throw new EncodingError('KPKI_YAML_INVALID', `${what} is not text`, { details: { what } })
      await manifests.read(component, text, what)
    } catch (error) {
      if (!(error instanceof KpkiError)) throw error
      findings.push(unreadable(undefined, path, source, error))
    }
  }
  findings.push(...(await manifestFileFindings(manifests.facts, source, context)))
  const fingerprint = await fingerprintOf(seen, context)
  return { rows, kubelet, manifests: manifests.facts, findings, fileCount: seen.size, fingerprint }
}

/**
 * `gen` makes keys that nobody but their owner reads, and wants them so. Of a tree that is there, a key that its group reads is
 * somebody's choice; one that everybody reads is none.
 */
function counts({ files }: Pick<ActualRow, 'files'>): (found: Finding) => boolean {
  return ({ code, path }) => code !== 'mode-open' || ((files.get(path)?.mode ?? 0o007) & 0o007) !== 0
}

async function readKubeletPair(
  id: ActualKubeletPair['id'],
  store: Pick<Store, 'read' | 'locate'>,
  context: Context,
): Promise<ActualKubeletPair> {
  const files = new Map<TreePath, StoredFile>()
  const findings: Finding[] = []
  let certificates: readonly Certificate[] = []
  let key: PrivateKey | undefined
  for (const { path, kind, holds } of KUBELET_FILES[id]) {
    const file = await readOrTell(id, path, store, findings)
    if (!file) continue
    files.set(path, file)
    findings.push(...accessFindings(id, path, kind, file))
    try {
      const what = store.locate(path)
      const text = textOf(file, what)
      const parts: readonly ('certificate' | 'key')[] = holds
      if (parts.includes('certificate')) certificates = parseCertificates(text, what)
      if (parts.includes('key')) key = await parsePrivateKey(text, context, what)
    } catch (error) {
      if (!(error instanceof KpkiError)) throw error
      findings.push(unreadable(id, path, store, error))
    }
  }
  return { id, files, certificates, key, findings }
}

/** Where kubelets have their client certificate, and where kubeadm's kubelet.conf names it. */
const CLIENT_FILE = '/pki/kubelet-client-current.pem'
const ANEW =
  'restore it from a backup, or move kubelet.conf away and have it made anew, with a certificate in it: kpki gen kubeconfig kubelet.conf'

/** Whether the kubelet's directory is at hand, whatever is in it. */
async function hasKubelet(store: Store): Promise<boolean> {
  try {
    return ((await store.names?.('kubelet')) ?? []).length > 0
  } catch (error) {
    if (!(error instanceof KpkiError)) throw error
    return false
  }
}

/** Says of the kubelet's client certificate that it is missing where kubelet.conf names it; nobody makes another one in its place. */
function lostPair(
  pair: ActualKubeletPair,
  { named, isKubeletHere }: { readonly named: string | undefined; readonly isKubeletHere: boolean },
): ActualKubeletPair {
  const { id, files } = pair
  if (id !== 'kubelet-client' || files.size > 0) return pair
  const findings = pair.findings.map(found =>
    found.hint?.endsWith('move it away to have it made anew') ? { ...found, hint: ANEW } : found,
  )
  if (findings.length === 0 && isKubeletHere && named?.endsWith(CLIENT_FILE)) {
    const message = 'is missing, and kubelet.conf names it'
    findings.push(finding('file-missing', id, `kubelet${CLIENT_FILE}`, message, ANEW))
  }
  return { ...pair, findings }
}

/** Paths and modes stand before what they are of, each part with its length, so that no two trees have the same bytes. */
function fingerprintOf(files: ReadonlyMap<TreePath, StoredFile>, context: Context): Promise<string> {
  const parts = [...files]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([path, { bytes, mode }]) => [encodeUtf8(JSON.stringify([path, mode ?? null, bytes.length])), bytes])
  return sha256(concatBytes(parts), context)
}
