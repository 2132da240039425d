import {
  type ClusterApi,
  type ClusterConnection,
  type Context,
  caPin,
  decryptKubeadmCerts,
  fetchKubeadmCerts,
  hasExternalEtcd,
  type KubernetesObject,
  type SharedFile,
  type SharedFilesResult,
  type SharedResult,
  sharedFiles,
  UsageError,
  verifySharedContents,
  writeSharedFiles,
} from '../index.js'
import { createNodeContext, type DiskStore } from '../node.js'
import {
  DEFAULT_DIR,
  fetchSharedDescription,
  openTree,
  readCertificateKey,
  readSharedDescription,
  type SharedDescription,
  verifySameCluster,
} from './certs-shared.js'
import type { Invocation, Run } from './command.js'
import { type FlagValues, text } from './flags.js'
import { readInput, withHint } from './input.js'
import { EXIT, type Io, wantsColour } from './io.js'
import { createLog } from './main.js'
import { formatStructured, isStructured, OUTPUT_VERSION } from './structured.js'
import { painter } from './terminal.js'

/** `kpki certs download`: from a cluster or a manifest into a tree. */
export const runCertsDownload: Run = async (invocation, io) => {
  const { flags } = invocation
  const context = createNodeContext({ log: createLog(invocation, io) })
  if (text(flags, 'from') !== undefined && text(flags, 'kubeconfig') !== undefined) {
    throw new UsageError('KPKI_USAGE', '--from and --kubeconfig are two places for one Secret: name one of them')
  }
  const described = await readSharedDescription(invocation, io, context)
  const key = await readCertificateKey(invocation, io, described)
  if (!key) {
    throw new UsageError('KPKI_USAGE', 'the certificate key is needed: what is in the Secret is encrypted with it', {
      hint: '--certificate-key-file FILE with what kpki certs upload printed',
    })
  }
  const { secret, source, description, connection } = await fetchSecret(invocation, io, context, described)
  const files = sharedFiles(description)
  assertWithinReach(files, flags)
  const contents = await decryptKubeadmCerts(secret, files, key, context)
  if (connection) {
    const { caCertificates } = await verifySharedContents(contents, files, context)
    await verifySameCluster(caCertificates, connection, flags, context)
  }
  const store = openTree(flags)
  const isDryRun = flags['dry-run'] === true
  const result = await writeSharedFiles(contents, files, store, context, { dryRun: isDryRun, signal: io.signal })
  const warnings = warningsOf(result)
  for (const message of warnings) context.log({ level: 'warning', message })
  const [ca] = result.caCertificates
  const report = { result, store, source, isDryRun, pin: ca && (await caPin(ca, context)), warnings }
  const output = text(flags, 'output')
  if (isStructured(output)) io.stdout(formatStructured(toStructured(report), output))
  else if (flags['quiet'] !== true) io.stdout(formatDownload(report, wantsColour(io.stdoutIsTerminal, io)))
  return EXIT.done
}

interface Fetched {
  readonly secret: KubernetesObject
  /** Where it is from, for people. */
  readonly source: string
  readonly description: SharedDescription | undefined
  /** How the cluster is known, where it was asked. */
  readonly connection?: ClusterConnection
}

async function fetchSecret(
  invocation: Invocation,
  io: Io,
  context: Context,
  described: SharedDescription | undefined,
): Promise<Fetched> {
  const from = text(invocation.flags, 'from')
  const describe = async (secret: KubernetesObject, api?: ClusterApi) => {
    if (described || !hasExternalEtcd(secret)) return described
    const description = api && (await fetchSharedDescription(api, context))
    if (description?.externalEtcd) return description
    throw new UsageError('KPKI_USAGE', 'the Secret has files of an external etcd, and nothing says where they go', {
      hint: 'name the configuration whose etcd.external does: --config FILE',
    })
  }
  if (from !== undefined) {
    const { parseKubeadmCerts } = await import('./certs-manifest.js')
    const { secret, name } = await withHint('kubectl -n kube-system get secret kubeadm-certs -o yaml', async () => {
      const { text: manifest, name } = await readInput(from, io)
      return { secret: parseKubeadmCerts(manifest, name), name }
    })
    return { secret, source: name, description: await describe(secret) }
  }
  const { connectTo, readConnection } = await import('./connect.js')
  const connection = await readConnection(invocation, io)
  const api = connectTo(connection, io, context)
  try {
    const secret = await fetchKubeadmCerts(api)
    return { secret, source: api.server, description: await describe(secret, api), connection }
  } finally {
    api.close()
  }
}

/** Files of an external etcd may be anywhere on the host that is described, which another directory does not stand for. */
function assertWithinReach(files: readonly SharedFile[], flags: FlagValues): void {
  const outside = files.find(({ path }) => path?.startsWith('/'))
  const isElsewhere = (text(flags, 'dir') ?? DEFAULT_DIR) !== DEFAULT_DIR || text(flags, 'cert-dir') !== undefined
  if (!outside || !isElsewhere) return
  throw new UsageError(
    'KPKI_USAGE',
    `${outside.name} goes to ${outside.path}, outside of certificatesDir, and the tree is not that of this host`,
    { hint: 'run it on the host itself without --dir, or keep the files of etcd below certificatesDir' },
  )
}

function warningsOf({ files, remarks }: SharedFilesResult): readonly string[] {
  const missing = files.flatMap(({ file: { name, path }, action }) =>
    action === 'skip' && path !== undefined
      ? [`the Secret has no ${name}: certificates of this host have to be made elsewhere`]
      : [],
  )
  return [...missing, ...remarks]
}

interface DownloadReport {
  readonly result: SharedFilesResult
  readonly store: DiskStore
  readonly source: string
  readonly isDryRun: boolean
  readonly pin: string | undefined
  readonly warnings: readonly string[]
}

function toStructured({ result, store, source, isDryRun, pin, warnings }: DownloadReport) {
  return {
    apiVersion: OUTPUT_VERSION,
    kind: 'CertificatesDownload',
    dryRun: isDryRun,
    source,
    ...(pin === undefined ? {} : { caPin: pin }),
    items: result.files.map(({ file: { name, path }, action }) => ({
      name,
      action,
      ...(path === undefined ? {} : { path: store.locate(path) }),
    })),
    warnings,
  }
}

const VERBS: Readonly<Record<SharedResult['action'], readonly [done: string, planned: string]>> = {
  create: ['made', 'make'],
  keep: ['kept', 'keep'],
  skip: ['none', 'none'],
}

function formatDownload({ result, store, source, isDryRun, pin }: DownloadReport, colour: boolean): string {
  const paint = painter(colour)
  const lines = result.files.map(({ file: { name, path }, action }) => {
    const verb = paint(action === 'create' ? 'green' : 'dim', VERBS[action][isDryRun ? 1 : 0])
    return `${verb} ${path === undefined ? name : store.locate(path)}`
  })
  const count = (action: SharedResult['action']) => result.files.filter(file => file.action === action).length
  const counts = (['create', 'keep', 'skip'] as const)
    .filter(action => count(action) > 0)
    .map(action => `${count(action)} ${isDryRun && action !== 'skip' ? `to ${VERBS[action][1]}` : VERBS[action][0]}`)
  lines.push('', `${isDryRun ? 'Dry run, nothing was written' : 'Done'}: ${counts.join(', ')}, from ${source}`)
  if (pin !== undefined) lines.push(`CA pin: ${pin}`)
  return `${lines.join('\n')}\n`
}
