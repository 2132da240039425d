import { formatKubeconfig } from '../access/kubeconfig.js'
import { showUrl } from '../access/server-url.js'
import { type PlanOptions, planTree, type RowPlan, type TreePlan } from '../audit/plan.js'
import type { Finding } from '../audit/rules.js'
import { signerOf } from '../audit/signer.js'
import type { Context } from '../context.js'
import { encodeUtf8 } from '../crypto/bytes.js'
import { formatPrivateKey, formatPublicKey } from '../crypto/key-files.js'
import type { PrivateKey } from '../crypto/keys.js'
import { StoreError, WorkflowError } from '../errors.js'
import { keyUsages, serverOf, type WantedCertificate, wantedCertificate } from '../kubernetes/catalogue.js'
import type { Cluster } from '../kubernetes/cluster.js'
import { isKubeconfigId, issuerOf, type RowId } from '../kubernetes/rows.js'
import { writesPreferences } from '../kubernetes/versions.js'
import type { FileSpec, TreePath } from '../tree/layout.js'
import { type IssuedCertificate, LEDGER_PATH } from '../tree/ledger.js'
import { assertFinished } from '../tree/put-back.js'
import type { Store } from '../tree/store.js'
import { type NewFile, writeAll } from '../tree/write-all.js'
import { type Certificate, formatCertificate } from '../x509/certificate.js'
import { issueCertificate } from '../x509/issue.js'
import { lifetimeOf } from './lifetime.js'
import { makeKeys, unlessAborted } from './make-keys.js'

/** Options of {@link generateTree}. */
export interface GenerateOptions extends PlanOptions {
  /** Plan only: nothing is made or written. Default: false. */
  readonly dryRun?: boolean
  /** Write down in `pki/issued.jsonl` what is signed. Default: true. */
  readonly ledger?: boolean
  /** Is told what is about to be written, before any of it is; what it throws ends the run. Default: nobody. */
  readonly beforeWriting?: (files: readonly NewFile[]) => Promise<void>
  /** Stops the run between two writes; what was written is taken back. Default: none. */
  readonly signal?: AbortSignal
}

/** One row of a finished run (or of a plan, when it was a dry one). */
export interface RowResult {
  readonly id: RowId
  readonly action: RowPlan['action']
  /** Tree paths that were written, or would be. */
  readonly written: readonly string[]
  /** The row's certificate; for a kubeconfig its client certificate. Absent for `sa` and in a dry run for what is not there yet. */
  readonly certificate: Certificate | undefined
  /** What the certificate is to say, also before it is made. Absent for `sa`. */
  readonly wanted: WantedCertificate | undefined
  /** Kubeconfigs: the API server named in the file. */
  readonly server: string | undefined
}

/** What a run did. */
export interface GenerateResult {
  readonly plan: TreePlan
  readonly rows: readonly RowResult[]
}

/**
 * Makes what is missing in a tree, and nothing else: plans, makes all keys at once, issues, writes. An error takes back what
 * was written; a killed run leaves only whole files, which the next run completes.
 *
 * @param wanted - rows to have, e.g. `rowsOf(cluster, 'init')`
 * @throws {@link StoreError} `KPKI_TREE_MISMATCH` when a file that exists does not fit (nothing is written), and what the
 *   store throws; {@link PolicyError}; {@link WorkflowError} `KPKI_INTERRUPTED`
 * @example const result = await generateTree(rowsOf(cluster, 'init'), cluster, new MemoryStore(), context)
 */
export async function generateTree(
  wanted: readonly RowId[],
  cluster: Cluster,
  store: Store,
  context: Context,
  options: GenerateOptions = {},
): Promise<GenerateResult> {
  if (options.dryRun) {
    const plan = await planTree(wanted, cluster, store, context, options)
    // What the real run would refuse, the dry one does.
    await store.prepare(pathsOf(plan, options))
    await assertFinished(store)
    return { plan, rows: plan.rows.map(row => toResult(row, undefined, cluster, context, options)) }
  }
  const release = await store.lock()
  try {
    await assertFinished(store)
    const plan = await planTree(wanted, cluster, store, context, options)
    assertFits(plan, store)
    await store.prepare(pathsOf(plan, options))
    const artefacts = await makeArtefacts(plan, cluster, context, options)
    const issued = options.ledger === false ? [] : artefacts.issued
    await options.beforeWriting?.(artefacts.files)
    await writeAll(artefacts.files, store, context, options.signal, issued)
    return {
      plan,
      rows: plan.rows.map(row => toResult(row, artefacts.certificates.get(row.id), cluster, context, options)),
    }
  } finally {
    await release()
  }
}

/** How people find the file that a finding is about. */
export function placeOf({ place, path }: Finding, store: Store): string {
  return place ?? store.locate(path)
}

/**
 * Refuses a plan with errors in it.
 *
 * @throws {@link StoreError} `KPKI_TREE_MISMATCH` with the text of each in `findings` and every code once in `codes`
 */
function assertFits({ findings }: TreePlan, store: Store): void {
  const errors = findings.filter(({ severity }) => severity === 'error')
  const [first] = errors
  if (!first) return
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : ''
  throw new StoreError('KPKI_TREE_MISMATCH', `${placeOf(first, store)} ${first.message}${more}; nothing was written`, {
    details: {
      findings: errors.map(found => `${placeOf(found, store)} ${found.message}`),
      codes: [...new Set(errors.map(({ code }) => code))],
    },
    hint: first.hint ?? 'describe the cluster as it is, or move the files that do not fit away to have them made anew',
  })
}

function pathsOf({ rows }: TreePlan, { ledger = true }: GenerateOptions): readonly TreePath[] {
  const writes = rows.flatMap(row => row.writes)
  const isSigning = writes.some(({ kind, copy }) => !copy && (kind === 'certificate' || kind === 'kubeconfig'))
  return [...writes.map(({ path }) => path), ...(ledger && isSigning ? [LEDGER_PATH] : [])]
}

async function makeArtefacts(plan: TreePlan, cluster: Cluster, context: Context, options: GenerateOptions) {
  const now = context.clock()
  const needing = plan.rows.filter(({ writes }) =>
    writes.some(({ kind, copy }) => !copy && (kind === 'private-key' || kind === 'kubeconfig')),
  )
  const keys = makeKeys(
    needing.map(({ id }) => ({ id, algorithm: cluster.encryptionAlgorithm })),
    context,
  )
  const certificates = new Map<RowId, Certificate>()
  const issued: IssuedCertificate[] = []
  const ready = new Map<RowId, PrivateKey>()
  const files: NewFile[] = []
  // Rows are issued in their order, each as soon as its key is there, while the other cores go on making keys.
  for (const row of plan.rows) {
    const add = (file: FileSpec, content: string | Uint8Array) =>
      void files.push({ ...file, bytes: typeof content === 'string' ? encodeUtf8(content) : content })
    const pending = keys.get(row.id)
    const key = pending ? await unlessAborted(pending, options.signal) : row.actual.key
    if (key) ready.set(row.id, key)
    for (const { copy, ...file } of row.writes) {
      if (copy) add(file, copy.bytes)
      else if (!key) throw new WorkflowError('KPKI_INTERNAL', `no key for ${row.id}`)
      else if (file.kind === 'private-key') add(file, formatPrivateKey(key))
      else if (file.kind === 'public-key') add(file, formatPublicKey(key.spki))
      else if (row.id !== 'sa') {
        const made = await issueRow(row.id, key, { plan, keys: ready, certificates, now }, cluster, context)
        const { certificate } = made
        issued.push(made)
        certificates.set(row.id, certificate)
        add(
          file,
          file.kind === 'certificate'
            ? formatCertificate(certificate)
            : kubeconfig(row.id, certificate, key, { plan, certificates }, cluster, context, options),
        )
      }
    }
  }
  return { files, certificates, issued }
}

interface Made {
  readonly plan: TreePlan
  readonly certificates: ReadonlyMap<RowId, Certificate>
}

async function issueRow(
  id: Exclude<RowId, 'sa'>,
  key: PrivateKey,
  { plan, keys, certificates, now }: Made & { readonly keys: ReadonlyMap<RowId, PrivateKey>; readonly now: Date },
  cluster: Cluster,
  context: Context,
): Promise<IssuedCertificate> {
  const wanted = wantedCertificate(id, cluster)
  const issuerId = issuerOf(id)
  const issuerRow = plan.rows.find(row => row.id === issuerId)
  const issuerCertificate =
    issuerId && (certificates.get(issuerId) ?? (issuerRow && signerOf(issuerRow.actual, context)))
  const issuerKey = issuerId && (keys.get(issuerId) ?? issuerRow?.actual.key)
  if (issuerId && !(issuerCertificate && issuerKey)) throw new WorkflowError('KPKI_INTERNAL', `no issuer for ${id}`)
  const { notBefore, notAfter, isClamped } = lifetimeOf(now, wanted.validitySeconds, issuerCertificate)
  if (isClamped) {
    context.log({
      level: 'warning',
      message: `${id} ends with its CA on ${notAfter.toISOString().slice(0, 10)}, before its validity period is over`,
    })
  }
  const certificate = await issueCertificate(
    {
      commonName: wanted.commonName,
      organizations: wanted.organizations,
      spki: key.spki,
      isCa: wanted.profile.isCa,
      keyUsages: keyUsages(wanted.profile, key.type),
      extKeyUsages: wanted.profile.extKeyUsages,
      dnsNames: wanted.dnsNames,
      ipAddresses: wanted.ipAddresses,
      notBefore,
      notAfter,
    },
    issuerCertificate && issuerKey ? { certificate: issuerCertificate, key: issuerKey } : { key },
    context,
  )
  return { purpose: id, certificate, issuer: issuerCertificate ?? certificate }
}

function kubeconfig(
  id: RowId,
  certificate: Certificate,
  key: PrivateKey,
  { plan, certificates }: Made,
  cluster: Cluster,
  context: Context,
  { role = 'init' }: GenerateOptions,
): string {
  if (!isKubeconfigId(id)) throw new WorkflowError('KPKI_INTERNAL', `${id} is no kubeconfig`)
  const made = certificates.get('ca')
  const bundle = plan.rows.find(row => row.id === 'ca')?.actual.certificates ?? []
  if (!made && bundle.length > 1) {
    const message = `${id} trusts all ${bundle.length} certificates of pki/ca.crt; kubeadm itself expects one there`
    context.log({ level: 'info', message })
  }
  return formatKubeconfig({
    clusterName: cluster.clusterName,
    userName: wantedCertificate(id, cluster).commonName,
    server: serverOf(id, cluster, role),
    caCertificates: made ? [made] : bundle,
    certificate,
    key,
    withPreferences: writesPreferences(cluster.kubernetesVersion),
  })
}

/** Results are printed; a server's URL may hold a password. */
function shownServer({ kubeconfig }: RowPlan['actual']): string | undefined {
  return kubeconfig && showUrl(kubeconfig.server).text
}

function toResult(
  { id, action, writes, actual }: RowPlan,
  made: Certificate | undefined,
  cluster: Cluster,
  context: Context,
  { role = 'init' }: GenerateOptions,
): RowResult {
  const present = isKubeconfigId(id)
    ? actual.kubeconfig?.certificates[0]
    : (signerOf(actual, context) ?? actual.certificates[0])
  const server = !isKubeconfigId(id) ? undefined : (shownServer(actual) ?? serverOf(id, cluster, role))
  const wanted = id === 'sa' ? undefined : wantedCertificate(id, cluster)
  return { id, action, written: writes.map(({ path }) => path), certificate: made ?? present, wanted, server }
}
