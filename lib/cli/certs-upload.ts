import {
  type CertificateKey,
  type Context,
  encryptKubeadmCerts,
  fetchKubeadmCerts,
  formatCertificateKey,
  formatManifests,
  generateCertificateKey,
  KpkiError,
  KUBEADM_CERTS,
  KUBEADM_CERTS_RBAC,
  rbacObjects,
  readSharedFiles,
  type SharedFile,
  type SharedFilesOptions,
  type SharedTree,
  StoreError,
  sharedFiles,
  type UploadResult,
  UsageError,
  uploadKubeadmCerts,
  WorkflowError,
} from '../index.js'
import { type DiskStore, type PlacedFile, placeFile, readRegularFile } from '../node.js'
import {
  fetchSharedDescription,
  openTree,
  readCertificateKey,
  readSharedDescription,
  verifySameCluster,
} from './certs-shared.js'
import type { Invocation, Run } from './command.js'
import { listeningContext } from './description.js'
import { type FlagValues, text } from './flags.js'
import { unlessInterrupted } from './interruption.js'
import { EXIT, type Io } from './io.js'
import { outFile } from './secrets.js'
import { formatStructured, isStructured, OUTPUT_VERSION } from './structured.js'

const SECRET = `${KUBEADM_CERTS.namespace}/${KUBEADM_CERTS.name}`

/** `kpki certs upload`: into a cluster, or as manifests. */
export const runCertsUpload: Run = async (invocation, io) => {
  const { flags } = invocation
  const { context, warnings } = listeningContext(invocation, io)
  const description = await readSharedDescription(invocation, io, context)
  const given = await readCertificateKey(invocation, io, description)
  if (given && outFile(flags, 'certificate-key-out') !== undefined) {
    throw new UsageError('KPKI_USAGE', '--certificate-key-out is for a new key, and one is given')
  }
  const isOffline = isStructured(text(flags, 'output')) && text(flags, 'kubeconfig') === undefined
  const run = { invocation, io, context, given, warnings }
  return isOffline ? printManifests(run, description) : upload(run, description)
}

interface UploadRun {
  readonly invocation: Invocation
  readonly io: Io
  readonly context: Context
  readonly given: CertificateKey | undefined
  readonly warnings: readonly string[]
}

interface Source extends SharedTree {
  readonly files: readonly SharedFile[]
}

async function readSource(
  options: SharedFilesOptions | undefined,
  store: DiskStore,
  context: Context,
): Promise<Source> {
  const files = sharedFiles(options)
  return { files, ...(await readSharedFiles(files, store, context)) }
}

async function printManifests(
  { invocation: { flags }, io, context, given }: UploadRun,
  options: SharedFilesOptions | undefined,
): Promise<number> {
  if (!given && outFile(flags, 'certificate-key-out') === undefined) {
    throw new UsageError(
      'KPKI_USAGE',
      'standard output is for the manifests: name a file for the new key, or give one',
      {
        hint: '--certificate-key-out FILE, or --certificate-key-file FILE with what kpki certs key made',
      },
    )
  }
  const { contents } = await readSource(options, openTree(flags), context)
  const key = given ?? generateCertificateKey(context)
  const keyFile = given ? undefined : await placeKey(key, flags)
  try {
    const items = [...rbacObjects(KUBEADM_CERTS_RBAC), await encryptKubeadmCerts(contents, key, context)]
    if (io.signal.aborted) throw new WorkflowError('KPKI_INTERRUPTED', 'interrupted; nothing was printed')
    const isJson = text(flags, 'output') === 'json'
    io.stdout(isJson ? formatStructured({ apiVersion: 'v1', kind: 'List', items }, 'json') : formatManifests(items))
  } catch (error) {
    await keyFile?.takeBack()
    throw error
  }
  io.stderr(
    `kpki: applied by hand, Secret ${SECRET} does not end by itself; when the others have joined: ` +
      `kubectl -n ${KUBEADM_CERTS.namespace} delete secret ${KUBEADM_CERTS.name}\n`,
  )
  return EXIT.done
}

async function upload(
  { invocation, io, context, given, warnings }: UploadRun,
  described: SharedFilesOptions | undefined,
): Promise<number> {
  const { flags } = invocation
  const isDryRun = flags['dry-run'] === true
  const [{ readConnection }, { connectToTakeBack }] = await Promise.all([
    import('./connect.js'),
    import('./connect-to-take-back.js'),
  ])
  const connection = await readConnection(invocation, io)
  const api = connectToTakeBack(connection, io, context)
  try {
    const store = openTree(flags)
    const options = described ?? (await unlessInterrupted(fetchSharedDescription(api, context), io.signal))
    const { files, contents, caCertificates } = await readSource(options, store, context)
    await verifySameCluster(caCertificates, connection, flags, context)
    const key = given ?? generateCertificateKey(context)
    const keyFile = given ? undefined : await placeKey(key, flags)
    const outcome = isDryRun
      ? { action: (await unlessInterrupted(isThere(api), io.signal)) ? 'replaced' : 'created' }
      : await uploadWith(keyFile, () => uploadKubeadmCerts(contents, key, api, context, { signal: io.signal }))
    const result: Report = {
      ...outcome,
      server: api.server,
      isDryRun,
      newKey: given || keyFile || isDryRun ? undefined : formatCertificateKey(key),
      items: files.map(({ name, path }) => ({
        name,
        action: contents.get(name)?.length === 0 ? 'empty' : 'store',
        ...(path === undefined ? {} : { path: store.locate(path) }),
      })),
    }
    try {
      report(result, warnings, invocation, io)
    } catch (error) {
      throw result.newKey === undefined ? error : withLostKey(error, result.action)
    }
    return EXIT.done
  } finally {
    api.close()
  }
}

async function isThere(api: Parameters<typeof fetchKubeadmCerts>[0]): Promise<boolean> {
  try {
    return (await fetchKubeadmCerts(api)) !== undefined
  } catch (error) {
    if (error instanceof KpkiError && error.code === 'KPKI_API_NOT_FOUND') return false
    throw error
  }
}

/**
 * A new key has its place before anything is uploaded with it: what cannot be decrypted would be of no use, and would have taken
 * the place of what can.
 *
 * @returns `undefined` where it has none but standard output, and in a dry run
 */
async function placeKey(key: CertificateKey, flags: FlagValues): Promise<PlacedFile | undefined> {
  const file = text(flags, 'certificate-key-out')
  if (file === undefined) return undefined
  if (await readRegularFile(file)) {
    throw new StoreError('KPKI_FILE_EXISTS', `${file} exists already`, {
      details: { path: file },
      hint: 'name a new file for the key, or give the key in it: --certificate-key-file',
    })
  }
  if (flags['dry-run'] === true) return undefined
  return placeFile(file, new TextEncoder().encode(`${formatCertificateKey(key)}\n`), 0o600)
}

/** Uploads; the file of the key goes when the Secret was not put, and must still be there when it was. */
async function uploadWith(keyFile: PlacedFile | undefined, work: () => Promise<UploadResult>): Promise<UploadResult> {
  let result: UploadResult
  try {
    result = await work()
  } catch (error) {
    const mayExist = error instanceof KpkiError ? (error.details['mayExist'] ?? []) : []
    const isPut = Array.isArray(mayExist) && mayExist.includes(SECRET)
    if (!isPut) await keyFile?.takeBack()
    throw error
  }
  if (keyFile && !(await keyFile.isThere())) {
    const { path } = keyFile
    const gone = new StoreError('KPKI_FILE_CHANGED', `${path} is not there any more`, { details: { path } })
    throw withLostKey(gone, result.action)
  }
  return result
}

/** The key is in no other place than the one that failed. */
function withLostKey(error: unknown, action: string): unknown {
  if (!(error instanceof StoreError)) return error
  return new StoreError(error.code, `${error.message}; Secret ${SECRET} was ${action}, and its key is lost`, {
    details: { ...error.details, secret: SECRET, action },
    hint: 'upload again, with a place for the key: kpki certs upload --certificate-key-out FILE',
    cause: error,
  })
}

interface Report {
  readonly server: string
  readonly action: string
  readonly tokenId?: string
  readonly expires?: Date
  readonly isDryRun: boolean
  readonly newKey: string | undefined
  readonly items: readonly { readonly name: string; readonly action: string; readonly path?: string }[]
}

function report(result: Report, warnings: readonly string[], { flags }: Invocation, io: Io): void {
  const { server, action, tokenId, expires, isDryRun, newKey, items } = result
  const output = text(flags, 'output')
  if (newKey !== undefined && io.stdoutIsExposed)
    io.stderr(
      'kpki: warning: the key is a secret, and others can read the file that it goes to; --certificate-key-out FILE makes one of mode 0600\n',
    )
  if (isStructured(output)) {
    io.stdout(
      formatStructured(
        {
          apiVersion: OUTPUT_VERSION,
          kind: 'CertificatesUpload',
          dryRun: isDryRun,
          server,
          secret: SECRET,
          action,
          ...(tokenId === undefined ? {} : { tokenId }),
          ...(expires === undefined ? {} : { expires: expires.toISOString() }),
          ...(newKey === undefined ? {} : { certificateKey: newKey }),
          items,
          warnings,
        },
        output,
      ),
      newKey !== undefined,
    )
    return
  }
  if (flags['quiet'] !== true) {
    const stored = items.filter(item => item.action === 'store').length
    io.stderr(
      isDryRun
        ? `kpki: dry run: ${stored} files would go into Secret ${SECRET} of ${server}, which would be ${action}\n`
        : `kpki: ${stored} files are in Secret ${SECRET} of ${server}, until ${expires?.toISOString().replace(/\.\d+Z$/, 'Z')}\n`,
    )
    const file = outFile(flags, 'certificate-key-out')
    if (newKey !== undefined) io.stderr('kpki: using certificate key:\n')
    else if (file !== undefined && !isDryRun) io.stderr(`kpki: the certificate key is in ${file}\n`)
  }
  if (newKey !== undefined) io.stdout(`${newKey}\n`, true)
}
