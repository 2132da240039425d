import type { Context } from '../context.js'
import { equalBytes } from '../crypto/bytes.js'
import { PolicyError } from '../errors.js'
import type { Cluster } from '../kubernetes/cluster.js'
import {
  type CertificateId,
  isCertificateId,
  isKubeconfigId,
  issuerOf,
  ROW_IDS,
  type Role,
  type RowId,
} from '../kubernetes/rows.js'
import { baseName, type FileSpec, filesOf, keyPath, type TreePath } from '../tree/layout.js'
import type { Store, StoredFile } from '../tree/store.js'
import { type ActualRow, readRow } from './actual.js'
import { judgeCa, judgeKubeconfig, judgeLeaf, judgeLoneKey } from './judge.js'
import { type Finding, finding, type RuleId } from './rules.js'
import { signerOf } from './signer.js'

/** What is to be done about one row. */
export interface RowPlan {
  readonly id: RowId
  /**
   * `create`: nothing is there, all is made. `complete`: a part is there and the rest is made to fit it. `copy`: taken over
   * from another host's tree. `reuse`: all is there and fits. `external`: a CA whose key is elsewhere. `blocked`: see findings.
   */
  readonly action: 'create' | 'complete' | 'copy' | 'reuse' | 'external' | 'blocked'
  /** What will be written, in order; bytes only where they are copied. */
  readonly writes: readonly (FileSpec & { readonly copy?: StoredFile })[]
  readonly findings: readonly Finding[]
  readonly actual: ActualRow
}

/** What is to be done about a tree. */
export interface TreePlan {
  /** In the order in which they are made; issuers that are only read come first, without writes. */
  readonly rows: readonly RowPlan[]
  readonly findings: readonly Finding[]
}

/** Options of {@link planTree}. */
export interface PlanOptions {
  /** Default: `init`. */
  readonly role?: Role
  /** Another host's tree of the same cluster, whose CAs and service-account keys are taken over. Default: none. */
  readonly source?: Store
}

const COPY_HINT = "copy the first control plane's directory whole"
const SHARED: readonly RowId[] = ['ca', 'front-proxy-ca', 'etcd-ca', 'sa']

/**
 * Compares a tree with what is wanted and says what is missing and what does not fit. Writes nothing.
 *
 * @param wanted - rows to have; their issuers are read, too
 * @throws {@link PolicyError} `KPKI_ISSUER_MISSING` when a row needs a CA that is neither there nor wanted
 */
export async function planTree(
  wanted: readonly RowId[],
  cluster: Cluster,
  store: Store,
  context: Context,
  options: PlanOptions = {},
): Promise<TreePlan> {
  const role = options.role ?? 'init'
  const issuers = new Set(wanted.flatMap(id => issuerOf(id) ?? []))
  const rows = new Map<RowId, RowPlan>()
  for (const id of ROW_IDS) {
    if (!wanted.includes(id) && !issuers.has(id as CertificateId)) continue
    const actual = await readRow(id, store, context)
    const source = SHARED.includes(id) && options.source ? await readRow(id, options.source, context) : undefined
    const issuer = rows.get(issuerOf(id) ?? id)
    const plan = source
      ? planShared(id, actual, source, options.source ?? store, cluster, role, wanted.includes(id), context)
      : isKubeconfigId(id)
        ? await planKubeconfig(id, actual, issuer, cluster, role, context)
        : id === 'sa'
          ? planServiceAccount(actual, rows.get('ca'))
          : issuerOf(id)
            ? await planLeaf(id, actual, issuer, cluster, context)
            : planCa(id, actual, cluster, context)
    if (!wanted.includes(id) && plan.action === 'create') throw missingIssuer(id, wanted, store)
    if (!source && role !== 'init' && plan.action === 'create' && SHARED.includes(id))
      throw missingSource(id, role, store)
    rows.set(id, plan)
  }
  return { rows: [...rows.values()], findings: [...rows.values()].flatMap(({ findings }) => findings) }
}

/** The CA certificates that a row's plan will have: what is there; empty while the CA is still to be made. */
function caOf(plan: RowPlan | undefined): ActualRow['certificates'] {
  return plan?.actual.certificates ?? []
}

function missingIssuer(id: RowId, wanted: readonly RowId[], store: Store): PolicyError {
  const needing = wanted.filter(row => issuerOf(row) === id).join(', ')
  return new PolicyError(
    'KPKI_ISSUER_MISSING',
    `${needing} needs the CA ${id}, and ${store.locate(keyPath(id as CertificateId))} does not exist`,
    {
      details: { issuer: id },
      hint: `make it first: kpki gen ${id}`,
    },
  )
}

function missingSource(id: RowId, role: Role, store: Store): PolicyError {
  return new PolicyError(
    'KPKI_ISSUER_MISSING',
    `a ${role} takes over ${id} from the first control plane, and it is not in ${store.locate('pki')}`,
    {
      details: { issuer: id },
      hint: "name a copy of the first control plane's directory with --ca-from",
    },
  )
}

function toPlan(
  actual: ActualRow,
  findings: readonly Finding[],
  action: RowPlan['action'],
  writes: RowPlan['writes'],
): RowPlan {
  const all = [...actual.findings, ...findings]
  const isBlocked = all.some(({ severity }) => severity === 'error')
  return {
    id: actual.id,
    actual,
    findings: all,
    action: isBlocked ? 'blocked' : action,
    writes: isBlocked ? [] : writes,
  }
}

function planCa(id: CertificateId, actual: ActualRow, cluster: Cluster, context: Context): RowPlan {
  const [key, certificate] = filesOf(id)
  const has = (file: FileSpec | undefined) => file !== undefined && actual.files.has(file.path)
  if (!has(key) && !has(certificate)) return toPlan(actual, [], 'create', filesOf(id))
  if (!has(certificate))
    return toPlan(actual, judgeLoneKey(actual, cluster), 'complete', certificate ? [certificate] : [])
  return toPlan(actual, judgeCa(actual, cluster, context), has(key) ? 'reuse' : 'external', [])
}

async function planLeaf(
  id: CertificateId,
  actual: ActualRow,
  issuer: RowPlan | undefined,
  cluster: Cluster,
  context: Context,
): Promise<RowPlan> {
  const [key, certificate] = filesOf(id)
  if (!key || !certificate) return toPlan(actual, [], 'reuse', [])
  const [hasKey, hasCertificate] = [actual.files.has(key.path), actual.files.has(certificate.path)]
  if (!hasCertificate) {
    if (issuer && isExternal(issuer))
      return toPlan(
        actual,
        [external(id, issuer, certificate.path), ...(hasKey ? [] : [external(id, issuer, key.path)])],
        'blocked',
        [],
      )
    if (hasKey) return toPlan(actual, judgeLoneKey(actual, cluster), 'complete', [certificate])
    return toPlan(actual, [], 'create', [key, certificate])
  }
  const findings: Finding[] = []
  if (!hasKey)
    findings.push(
      finding(
        'key-missing',
        id,
        certificate.path,
        `is there without ${key.path}`,
        'restore the key, or move the certificate away to have both made anew',
      ),
    )
  const pair = { path: certificate.path, certificates: actual.certificates, key: actual.key }
  findings.push(...(await judgeAgainst(id, pair, issuer, cluster, context)))
  return toPlan(actual, findings, 'reuse', [])
}

async function planKubeconfig(
  id: RowId,
  actual: ActualRow,
  issuer: RowPlan | undefined,
  cluster: Cluster,
  role: Role,
  context: Context,
): Promise<RowPlan> {
  if (!isKubeconfigId(id)) return toPlan(actual, [], 'reuse', [])
  const { kubeconfig } = actual
  if (!actual.files.has(id)) {
    return issuer && isExternal(issuer)
      ? toPlan(actual, [external(id, issuer, id)], 'blocked', [])
      : toPlan(actual, [], 'create', filesOf(id))
  }
  if (!kubeconfig) return toPlan(actual, [], 'blocked', [])
  const findings = judgeKubeconfig(actual, caOf(issuer), issuer && signerOf(issuer.actual, context), cluster, role)
  if (kubeconfig.certificates.length > 0) {
    if (!kubeconfig.key && kubeconfig.keyFile === undefined)
      findings.push(finding('no-credentials', id, id, 'has a client certificate without its key'))
    findings.push(...(await judgeAgainst(id, { path: id, ...kubeconfig }, issuer, cluster, context)))
  } else if (kubeconfig.certificateFile === undefined) {
    findings.push(finding('no-credentials', id, id, 'has no client certificate'))
  }
  return toPlan(actual, findings, 'reuse', [])
}

/** A leaf whose CA is only now to be made cannot have been signed by it; one whose CA is unreadable is not judged twice. */
async function judgeAgainst(
  id: Exclude<RowId, 'sa'>,
  pair: Parameters<typeof judgeLeaf>[1],
  issuer: RowPlan | undefined,
  cluster: Cluster,
  context: Context,
): Promise<Finding[]> {
  const roots = issuer?.action === 'blocked' ? [] : caOf(issuer)
  const findings = await judgeLeaf(id, pair, roots, cluster, context)
  if (issuer?.action !== 'create' && issuer?.action !== 'complete') return findings
  const path = filesOf(issuer.id)[1]?.path ?? ''
  return [
    ...findings,
    finding(
      'chain',
      id,
      pair.path,
      `is there, but its CA ${path} is not`,
      'restore the CA, or move this file away to have it made anew',
    ),
  ]
}

function planServiceAccount(actual: ActualRow, ca: RowPlan | undefined): RowPlan {
  const [key, publicKey] = filesOf('sa')
  if (!key || !publicKey) return toPlan(actual, [], 'reuse', [])
  const [hasKey, hasPublicKey] = [actual.files.has(key.path), actual.files.has(publicKey.path)]
  if (!hasKey && !hasPublicKey) {
    // As kubeadm: whoever brings the CA brings the rest, and a second control plane with keys of its own would refuse
    // every token of the first one.
    if (ca && isExternal(ca)) {
      return toPlan(
        actual,
        [
          finding(
            'missing-external',
            'sa',
            key.path,
            'is missing; with an external CA it is not made along with the rest',
            'copy it from the first control plane, or make it there: kpki gen sa',
          ),
        ],
        'blocked',
        [],
      )
    }
    return toPlan(actual, [], 'create', [key, publicKey])
  }
  if (!hasKey)
    return toPlan(
      actual,
      [
        finding(
          'key-missing',
          'sa',
          publicKey.path,
          `is there without ${key.path}`,
          'restore the key, or move this file away to have both made anew',
        ),
      ],
      'blocked',
      [],
    )
  if (!hasPublicKey) return toPlan(actual, [], 'complete', [publicKey])
  return toPlan(actual, pairFindings(actual), 'reuse', [])
}

function pairFindings({ key, publicKey }: ActualRow): Finding[] {
  if (!key || !publicKey || key.isKeyOf(publicKey)) return []
  const [keyFile, publicFile] = filesOf('sa').map(({ path }) => path)
  const hint = `remove ${publicFile} to have it derived again`
  return [finding('public-key-mismatch', 'sa', publicFile ?? '', `is not the public half of ${keyFile}`, hint)]
}

/** Takes a shared row over from another host: what is there must be the same, what is missing is copied byte by byte. */
function planShared(
  id: RowId,
  actual: ActualRow,
  source: ActualRow,
  store: Store,
  cluster: Cluster,
  role: Role,
  isWanted: boolean,
  context: Context,
): RowPlan {
  const findings: Finding[] = []
  const writes: (FileSpec & { readonly copy?: StoredFile })[] = []
  for (const file of filesOf(id)) {
    const [here, there] = [actual.files.get(file.path), source.files.get(file.path)]
    const report = (code: RuleId, message: string) => findings.push(finding(code, id, file.path, message, COPY_HINT))
    if (here && there && !equalBytes(here.bytes, there.bytes)) {
      report('source-differs', 'is another one than in the directory named with --ca-from')
    }
    // A worker trusts the CA; it has no business with its key.
    const isWithheld = role === 'worker' && file.kind === 'private-key'
    if (!here && there && isWanted && !isWithheld) writes.push({ ...file, copy: there })
    if (here || there) continue
    // The public half can be derived, a CA key may be elsewhere; everything else has to come along.
    if (file.kind === 'public-key' && source.key) writes.push(file)
    else if (!(isCertificateId(id) && file.kind === 'private-key')) {
      report('missing-external', 'is not in the directory named with --ca-from')
    }
  }
  const inSource = [
    ...source.findings,
    ...(isCertificateId(id) ? judgeCa(source, cluster, context) : []),
    ...(id === 'sa' ? pairFindings(source) : []),
  ].map(found => ({ ...found, place: store.locate(found.path), hint: 'mend it there first' }))
  const merged: ActualRow = {
    ...source,
    key: source.key ?? actual.key,
    files: new Map([...actual.files, ...source.files]),
    findings: actual.findings,
  }
  const action = isCertificateId(id) && !merged.files.has(keyPath(id)) ? 'external' : 'reuse'
  return toPlan(merged, [...findings, ...inSource], writes.length > 0 ? 'copy' : action, writes)
}

/** A CA whose certificate is here and whose key is not. */
function isExternal({ id, action, actual }: RowPlan): boolean {
  return action !== 'create' && isCertificateId(id) && !actual.files.has(keyPath(id))
}

function external(id: RowId, issuer: RowPlan, path: TreePath): Finding {
  const key = `pki/${baseName(issuer.id as CertificateId)}.key`
  return finding(
    'missing-external',
    id,
    path,
    `is missing, and cannot be made: the CA key ${key} is not here`,
    'have it signed where the CA key is and put it here',
  )
}
