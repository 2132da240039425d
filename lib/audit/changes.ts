import type { Context } from '../context.js'
import { KEY_ALGORITHMS } from '../crypto/algorithms.js'
import { equalBytes } from '../crypto/bytes.js'
import { PolicyError, WorkflowError } from '../errors.js'
import { type CertificateId, isCertificateId, isKubeconfigId } from '../kubernetes/rows.js'
import { certificatePath, filesOf, type TreePath } from '../tree/layout.js'
import type { Certificate } from '../x509/certificate.js'
import { namesIssuerSerial } from '../x509/raw-extensions.js'
import { canSign, outsideValidity } from '../x509/verify.js'
import type { ActualRow } from './actual.js'
import { followUpsOf } from './follow-ups.js'
import { certificatePathOf, isCaId, isKubeletId, issuerIdOf, keyOf, keyPathOf } from './items.js'
import { remedyOf } from './remedies.js'
import { restartsOf } from './restarts.js'
import type { Finding, TreeItemId } from './rules.js'
import { signerOf } from './signer.js'
import type { Change, ChangePlan, ComparedItem, TreeComparison, WantedIdentity } from './types.js'

/** Options of {@link planChanges}. */
export interface ChangeOptions {
  /**
   * What becomes of private keys: `keep` all that there are, or a `new` one with every certificate. Default: keep those that are
   * fine; `renew` makes new ones
   */
  readonly keys?: 'keep' | 'new'
  /**
   * Items that are reissued whether something is wrong with them or not, and no others; `all` for every leaf, kubeconfig and the
   * kubelet's client certificate, never a CA. Default: whatever the findings ask for
   */
  readonly only?: readonly (TreeItemId | 'all')[]
  /** Of those named in `only`, the ones that end within so many seconds. Default: all */
  readonly ifWithinSeconds?: number
  /** Say again what the certificates say, as kubeadm does; what is wanted beyond that is left alone. Default: false */
  readonly asFound?: boolean
}

type Reason = Change['reasons'][number]
type Untouched = ChangePlan['untouched'][number]

interface Planning {
  readonly comparison: TreeComparison
  readonly context: Context
  readonly options: ChangeOptions
  /** Items named one by one. */
  readonly named: ReadonlySet<TreeItemId>
  /** CAs that get a new certificate in this plan. */
  readonly renewedCas: Set<TreeItemId>
  readonly changes: Change[]
  readonly untouched: Untouched[]
}

/**
 * Says what is to be changed in a tree so that it becomes what is wanted: the smallest list. Pure: reads nothing, writes nothing.
 *
 * CA certificates are renewed only where they are named (same key, same name, later end), the service-account key never; what
 * would need that is told of in `untouched`, with the way out. So is what cannot be made here because a CA key is elsewhere: for
 * an item that is named in `only` that is an error.
 *
 * @param context - of which the clock is used
 * @throws {@link WorkflowError} `KPKI_PLAN_BLOCKED` for a named item that is not there, or cannot be renewed;
 *   {@link PolicyError} `KPKI_ISSUER_MISSING`, `KPKI_ISSUER_EXPIRED` for one whose CA cannot sign here
 */
export function planChanges(comparison: TreeComparison, context: Context, options: ChangeOptions = {}): ChangePlan {
  const named = new Set((options.only ?? []).filter((id): id is TreeItemId => id !== 'all'))
  // kubelet.conf may say no more than where the kubelet keeps its certificate.
  if (named.has('kubelet.conf') && comparison.items.some(({ id }) => id === 'kubelet-client'))
    named.add('kubelet-client')
  const planning: Planning = {
    comparison,
    context,
    options,
    named,
    renewedCas: new Set(),
    changes: [],
    untouched: [],
  }
  for (const id of named) {
    if (!comparison.items.some(item => item.id === id))
      throw blocked(id, 'is not in the tree', 'see what is: kpki inspect')
  }
  for (const item of comparison.items) planItem(item, planning)
  const { changes, untouched } = planning
  const node = comparison.cluster?.nodeName ?? comparison.inference.facts.nodeName
  const read = changes.map(change => readChange(change, comparison))
  return {
    changes,
    untouched,
    restarts: restartsOf(read, node, context.clock()),
    followUps: followUpsOf(changes, comparison, context),
    fingerprint: comparison.tree.fingerprint,
    node,
  }
}

function planItem(item: ComparedItem, planning: Planning): void {
  const { id } = item
  if (id === 'sa') planServiceAccount(item, planning)
  else if (isCertificateId(id) && isCaId(id)) planCa(item, id, planning)
  else if (id === 'kubelet-server') planServing(item, planning)
  else planLeaf(item, id, planning)
}

/** Whether an item is asked for: by its name, or as one of all. */
function isAsked({ id, certificate }: ComparedItem, { options, named, context }: Planning): boolean {
  const isMeant = named.has(id) || (options.only?.includes('all') === true && !isProtected(id))
  if (!isMeant || options.ifWithinSeconds === undefined || !certificate) return isMeant
  return certificate.notAfter.getTime() <= context.clock().getTime() + options.ifWithinSeconds * 1000
}

/** What nobody changes without naming it. */
function isProtected(id: TreeItemId): boolean {
  return id === 'sa' || id === 'kubelet-server' || isCaId(id)
}

function planCa(item: ComparedItem, id: CertificateId, planning: Planning): void {
  const { comparison, context, named, renewedCas, changes } = planning
  if (!named.has(id)) {
    leaveCa(item, id, planning)
    return
  }
  if (!isAsked(item, planning)) return
  const row = comparison.tree.rows.get(id)
  const signer = row && signerOf(row, context)
  if (!row || row.certificates.length === 0) throw blocked(id, 'is not in the tree', `make it: kpki gen ${id}`)
  if (!row.key || !signer?.spki || !row.key.isKeyOf(signer.spki)) throw keyElsewhere(id, id)
  const hint = 'have its issuer sign a new certificate for it, and put that into its place'
  if (!equalBytes(signer.subject.der, signer.issuer.der))
    throw blocked(id, `is signed by ${signer.issuer.text}, whose key is elsewhere`, hint)
  if (!canSign(signer)) throw blocked(id, 'is not a CA certificate', `move it away and make it anew: kpki gen ${id}`)
  renewedCas.add(id)
  changes.push({
    ...change(item, 'renew-ca', 'keep', [
      ...reasonsOf(item, ({ code }) => code === 'expired' || code === 'ends-soon'),
      ASKED,
    ]),
    paths: [certificatePath(id)],
    wanted: wantedOf(item, { ...planning, options: { ...planning.options, asFound: true } }),
  })
}

const ASKED: Reason = { code: 'asked', message: 'asked for' }

/** What is wrong with a CA and stays so, with the way out. */
function leaveCa({ id, actual, findings }: ComparedItem, ca: CertificateId, { untouched, options }: Planning): void {
  if (options.only) return
  if (!actual || actual.files.size === 0)
    return void untouched.push({ id, message: 'is missing', hint: `make a new one: kpki gen ${ca}` })
  for (const { code, severity, message, hint } of findings) {
    if (severity === 'info') continue
    const isMended = code === 'expired' || code === 'ends-soon' || code === 'ca-profile'
    const renew = `kpki renew ${ca} keeps its key and its name`
    if (isMended) untouched.push({ id, message, hint: renew })
    else if (code === 'file-missing') untouched.push({ id, message, hint: `make it: kpki gen ${ca}` })
    else if (remedyOf(code) !== 'none')
      untouched.push({ id, message, hint: hint ?? 'that takes a new CA, and everything that it has signed with it' })
  }
}

function planServiceAccount(item: ComparedItem, planning: Planning): void {
  const { id, findings } = item
  if (planning.named.has(id))
    throw blocked(
      id,
      'is not renewed: every token that it has signed would be refused at once, and the key does not end',
      'sa.pub alone is derived again by kpki apply',
    )
  if (planning.options.only) return
  const row = planning.comparison.tree.rows.get('sa')
  const cured = findings.filter(
    ({ code, path }) => remedyOf(code) === 'derive' || (code === 'file-missing' && path === SA_PUB),
  )
  const isUnderived = row?.key !== undefined && row.publicKey === undefined && !row.files.has(SA_PUB)
  if (!row?.key || (cured.length === 0 && !isUnderived)) {
    if (!row || row.files.size === 0)
      planning.untouched.push({ id, message: 'is missing', hint: 'make a new pair: kpki gen sa' })
    return
  }
  const missing: Reason[] = isUnderived && cured.length === 0 ? [{ code: 'asked', message: 'sa.pub is missing' }] : []
  planning.changes.push({
    ...change(item, 'derive', undefined, [...reasonsOf(item, found => cured.includes(found)), ...missing]),
    paths: [SA_PUB],
  })
}

const SA_PUB: TreePath = filesOf('sa')[1]?.path ?? ''

/** The kubelet signs its serving certificate itself, or the cluster does. */
function planServing({ id, certificate }: ComparedItem, { named, untouched, options, context }: Planning): void {
  const hint = 'remove kubelet.crt and kubelet.key and restart the kubelet: it makes new ones'
  if (named.has(id)) throw blocked(id, 'is made by the kubelet itself', hint)
  if (!options.only && certificate && certificate.notAfter < context.clock())
    untouched.push({ id, message: `expired on ${certificate.notAfter.toISOString()}`, hint })
}

function planLeaf(item: ComparedItem, id: Exclude<TreeItemId, 'sa'>, planning: Planning): void {
  const { comparison, options, untouched, changes } = planning
  const isMissing = !item.actual || item.actual.files.size === 0
  const asked = isAsked(item, planning)
  if (options.only && !asked) {
    planFollowing(item, planning)
    return
  }
  if (options.only && isMissing) {
    if (planning.named.has(id)) throw blocked(id, 'is not there', `make it: kpki gen ${genName(id)}`)
    return void untouched.push({ id, message: 'is missing', hint: `make it: kpki gen ${genName(id)}` })
  }
  const edits = editsOf(item, planning)
  const wanted = wantedOf(item, planning)
  const hasCredential = isMissing || !isKubeconfigId(id) || holdsCertificate(comparison.tree.rows.get(id))
  if (asked && !hasCredential) {
    if (edits.length > 0) changes.push({ ...change(item, 'edit', undefined, [ASKED]), ...editOf(item, edits) })
    else leaveCredential(item, planning)
    return
  }
  const cured = item.findings.filter(found => isCuredHere(found, item, planning))
  const weak = options.keys === 'keep' ? cured.filter(({ code }) => isOnlyTheKey(code)) : []
  for (const { message } of weak) untouched.push({ id, message, hint: 'a new key mends it: without --keep-keys' })
  const causes = cured.filter(found => !weak.includes(found))
  if (!asked && !isMissing && causes.length === 0) {
    if (edits.length > 0)
      changes.push({
        ...change(
          item,
          'edit',
          undefined,
          reasonsOf(item, found => isEdit(found), EDITED_CA(planning)),
        ),
        ...editOf(item, edits),
      })
    return
  }
  if (!hasCredential && !causes.some(({ code }) => code === 'no-credentials')) {
    leaveCredential(item, planning)
    return
  }
  const problem = issuerProblem(item, planning)
  if (problem) {
    if (planning.named.has(id)) throw problem.error
    return void untouched.push({ id, message: problem.message, hint: problem.hint })
  }
  if (isMissing && (!wanted || (isKubeconfigId(id) && !(comparison.cluster && item.server))))
    return void untouched.push({ id, message: 'is missing', hint: `make it: kpki gen ${genName(id)}` })
  if (!wanted) {
    const isWithout = id !== 'kubelet-client' && !isKubeconfigId(id) && !item.actual?.files.has(certificatePathOf(id))
    const message = isWithout
      ? 'has no certificate, and the tree does not say what it would be for'
      : 'cannot be read, so that it is not known what it is to say'
    const hint = isWithout
      ? `describe the cluster: kpki gen ${genName(id)}`
      : 'restore it from a backup, or move it away to have it made anew'
    if (planning.named.has(id)) throw blocked(id, message, hint)
    return void untouched.push({ id, message, hint })
  }
  const key = isMissing || needsKey(item, causes, planning) ? 'new' : 'keep'
  if (key === 'new' && !Object.hasOwn(KEY_ALGORITHMS, wanted.keyAlgorithm)) {
    const message = `has a key of type ${wanted.keyAlgorithm}, of which no new one is made`
    const hint = 'say which is wanted with --encryption-algorithm, or keep the key with --keep-keys'
    if (planning.named.has(id)) throw blocked(id, message, hint)
    return void untouched.push({ id, message, hint })
  }
  const missing: Reason[] = isMissing && causes.length === 0 ? [{ code: 'asked', message: 'is missing' }] : []
  const reasons = [
    ...reasonsOf(item, found => causes.includes(found) || isEdit(found)),
    ...missing,
    ...(asked ? [ASKED] : []),
  ]
  changes.push({
    ...change(item, isMissing || !(item.certificate || isKubeconfigId(id)) ? 'create' : 'reissue', key, reasons),
    ...editOf(item, edits),
    paths: pathsOf(id, key),
    wanted,
  })
}

/** What follows from a CA that is renewed: CA data in kubeconfigs, and leaves that name the old certificate by its serial number. */
function planFollowing(item: ComparedItem, planning: Planning): void {
  const { renewedCas, comparison, changes } = planning
  const { id, certificate } = item
  if (id === 'sa') return
  if (renewedCas.size === 0 || !item.actual) return
  const issuer = issuerIdOf(id)
  if (isKubeconfigId(id) && renewedCas.has('ca')) {
    const edits = editsOf(item, planning).filter(edit => edit !== 'server')
    if (edits.length > 0)
      changes.push({ ...change(item, 'edit', undefined, EDITED_CA(planning)), ...editOf(item, edits) })
  } else if (certificate && issuer && renewedCas.has(issuer) && namesIssuerSerial(certificate)) {
    const message = `names the old certificate of ${issuer} by its serial number`
    const wanted = wantedOf(item, { ...planning, options: { ...planning.options, asFound: true } })
    const key = comparison.tree.rows.get(issuer)?.key && keyOf(item.actual)?.isKeyOf(certificate.spki) ? 'keep' : 'new'
    if (wanted && !issuerProblem(item, planning))
      changes.push({
        ...change(item, 'reissue', key, [{ code: 'asked', message }]),
        paths: pathsOf(id, key),
        wanted,
      })
  }
}

const EDITED_CA = ({ renewedCas }: Planning): readonly Reason[] =>
  renewedCas.has('ca') ? [{ code: 'asked', message: 'trusts the CA certificate that is renewed' }] : []

function change(
  { id }: ComparedItem,
  action: Change['action'],
  key: Change['key'],
  reasons: readonly Reason[],
): Change {
  return { id, action, key, reasons, paths: [], wanted: undefined, server: undefined, edits: [] }
}

function reasonsOf(
  { findings }: ComparedItem,
  isCause: (found: Finding) => boolean,
  otherwise: readonly Reason[] = [],
): readonly Reason[] {
  const reasons = findings.filter(isCause).map(({ code, message }) => ({ code, message }))
  return reasons.length > 0 ? reasons : otherwise
}

function isEdit({ code }: Finding): boolean {
  const remedy = remedyOf(code)
  return remedy === 'ca-data' || remedy === 'server'
}

/** What changes in a kubeconfig's cluster entry. A CA that is named as a file is read from there. */
function editsOf({ id, findings }: ComparedItem, { comparison, renewedCas, options }: Planning): Change['edits'] {
  const kubeconfig = isKubeconfigId(id) ? comparison.tree.rows.get(id)?.kubeconfig : undefined
  const ca = comparison.tree.rows.get('ca')
  if (!kubeconfig || !ca) return []
  const has = (remedy: string) => findings.some(({ code }) => remedyOf(code) === remedy)
  const isEmbedded = kubeconfig.caCertificates.length > 0 || kubeconfig.caFile === undefined
  const isCaChanged = ca.certificates.length > 0 && (renewedCas.has('ca') || has('ca-data'))
  return [
    ...(isEmbedded && isCaChanged ? (['certificate-authority-data'] as const) : []),
    ...(has('server') && !options.asFound ? (['server'] as const) : []),
  ]
}

function editOf({ id, server }: ComparedItem, edits: Change['edits']): Pick<Change, 'paths' | 'server' | 'edits'> {
  return { paths: isKubeconfigId(id) ? [id] : [], server, edits }
}

/** Whether a kubeconfig has a client certificate in itself, or at least a place for one and nothing else. */
function holdsCertificate(row: ActualRow | undefined): boolean {
  const kubeconfig = row?.kubeconfig
  return kubeconfig !== undefined && (kubeconfig.certificates.length > 0 || kubeconfig.key !== undefined)
}

/** A kubeconfig whose user shows something else than a certificate in it. */
function leaveCredential({ id }: ComparedItem, { named, untouched, comparison }: Planning): void {
  const file = isKubeconfigId(id) ? comparison.tree.rows.get(id)?.kubeconfig?.certificateFile : undefined
  const isKubelets = id === 'kubelet.conf' && comparison.tree.kubelet.has('kubelet-client')
  if (isKubelets || (id === 'kubelet.conf' && named.has('kubelet-client'))) return
  const message = file === undefined ? 'has no client certificate' : `has its client certificate in ${file}`
  const hint =
    id === 'kubelet.conf' && file !== undefined
      ? "say where a copy of the kubelet's directory is: --kubelet-dir"
      : 'have that renewed where it comes from'
  if (named.has(id)) throw blocked(id, message, hint)
  untouched.push({ id, message, hint })
}

/** Rules that say nothing of the certificate, only of its key. */
function isOnlyTheKey(code: Finding['code']): boolean {
  return code === 'key-weak' || code === 'key-unusable' || code === 'key-algorithm' || code === 'secret-exposed'
}

function isCuredHere({ code }: Finding, item: ComparedItem, planning: Planning): boolean {
  const remedy = remedyOf(code)
  if (remedy === 'longer') {
    const { old, new: end } = endsOf(item, planning)
    return end > old && !isRotating(item, planning.context)
  }
  if (remedy === 'period') return !isHeldByCa(endsOf(item, planning))
  if (remedy === 'identity') return isOtherIdentity(item)
  return remedy === 'reissue' || remedy === 'new-key'
}

/**
 * Whether the kubelet may still renew its certificate itself, which it does when between 70 and 90 percent of its life are over.
 *
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/client-go/util/certificate/certificate_manager.go (jitteryDuration)
 */
function isRotating({ id, certificate }: ComparedItem, context: Context): boolean {
  if (id !== 'kubelet-client' || !certificate) return false
  const [begin, end] = [certificate.notBefore.getTime(), certificate.notAfter.getTime()]
  return context.clock().getTime() < begin + 0.9 * (end - begin)
}

interface Ends {
  /** Milliseconds, as all of them. */
  readonly old: number
  readonly new: number
  readonly ca: number
}

/** When an item ends, when a new one would, and when its CA does. */
function endsOf({ id, certificate, wanted }: ComparedItem, planning: Planning): Ends {
  const issuer = issuerIdOf(id)
  const isRenewed = issuer !== undefined && planning.renewedCas.has(issuer)
  const ca = isRenewed ? undefined : signerFor(id, planning)?.notAfter.getTime()
  const end = planning.context.clock().getTime() + (wanted?.validitySeconds ?? Number.POSITIVE_INFINITY) * 1000
  return {
    old: certificate?.notAfter.getTime() ?? 0,
    new: Math.min(ca ?? end, end),
    ca: ca ?? Number.POSITIVE_INFINITY,
  }
}

/** It ends with its CA already, and a new one would not live longer. */
function isHeldByCa({ old, new: end, ca }: Ends): boolean {
  return end === ca && old >= ca
}

function isOtherIdentity({ certificate, wanted }: ComparedItem): boolean {
  if (!certificate || !wanted) return true
  const isSame = (a: readonly string[], b: readonly string[]) =>
    a.every(item => b.includes(item)) && b.every(item => a.includes(item))
  return !(
    certificate.subject.commonName === wanted.commonName &&
    isSame(certificate.subject.organizations, wanted.organizations) &&
    isSame(certificate.dnsNames, wanted.dnsNames) &&
    isSame(certificate.ipAddresses, wanted.ipAddresses)
  )
}

function needsKey({ actual, certificate }: ComparedItem, causes: readonly Finding[], { options }: Planning): boolean {
  const key = keyOf(actual)
  if (!key || options.keys === 'new') return true
  if (options.keys === 'keep') return false
  if (certificate && !key.isKeyOf(certificate.spki)) return true
  return causes.some(({ code }) => remedyOf(code) === 'new-key')
}

/** What a certificate is to say: what is wanted, or what it says already. */
function wantedOf(
  { certificate, wanted }: ComparedItem,
  { options, comparison }: Planning,
): WantedIdentity | undefined {
  if (!certificate || (wanted && !options.asFound)) return wanted
  const { subject, dnsNames, ipAddresses, extKeyUsages, isCa, publicKey, notBefore, notAfter } = certificate
  const { cluster } = comparison
  return {
    commonName: subject.commonName,
    organizations: subject.organizations,
    dnsNames,
    ipAddresses,
    extKeyUsages,
    isCa,
    validitySeconds:
      wanted?.validitySeconds ??
      (isCa ? cluster?.caCertificateValiditySeconds : cluster?.certificateValiditySeconds) ??
      Math.round((notAfter.getTime() - notBefore.getTime()) / 1000),
    keyAlgorithm: wanted?.keyAlgorithm ?? publicKey.name,
  }
}

function signerFor(id: TreeItemId, { comparison, context }: Planning): Certificate | undefined {
  const row = comparison.tree.rows.get(issuerIdOf(id) ?? 'ca')
  return row && signerOf(row, context)
}

/** Why the CA of an item cannot sign here; `undefined` where it can. */
function issuerProblem(
  item: ComparedItem,
  planning: Planning,
): { readonly message: string; readonly hint: string; readonly error: Error } | undefined {
  const issuer = issuerIdOf(item.id) ?? 'ca'
  const row = planning.comparison.tree.rows.get(issuer)
  const signer = signerFor(item.id, planning)
  if (!row?.key || !signer?.spki || !row.key.isKeyOf(signer.spki)) {
    const error = keyElsewhere(item.id, issuer)
    return { message: `cannot be made here: ${KEY_ELSEWHERE(issuer)}`, hint: error.hint ?? '', error }
  }
  const period = planning.renewedCas.has(issuer) ? undefined : outsideValidity(signer, planning.context.clock())
  const problem = period ?? (canSign(signer) ? undefined : 'may not sign certificates')
  if (problem === undefined) return undefined
  const message = `cannot be made: its CA ${issuer} ${problem}`
  const hint = period === undefined ? 'restore the CA from a backup' : `renew it, too: kpki renew ${issuer} ${item.id}`
  const options = { details: { issuer }, hint }
  const code = period === undefined ? 'KPKI_ISSUER_NOT_CA' : 'KPKI_ISSUER_EXPIRED'
  return { message, hint, error: new PolicyError(code, `${item.id} ${message}`, options) }
}

const KEY_ELSEWHERE = (issuer: TreeItemId) => `the CA key ${keyPathOf(issuer)} is not here`

function keyElsewhere(id: TreeItemId, issuer: TreeItemId): PolicyError {
  return new PolicyError('KPKI_ISSUER_MISSING', `${id} cannot be renewed here: ${KEY_ELSEWHERE(issuer)}`, {
    details: { issuer },
    hint:
      id === 'kubelet.conf' || id === 'kubelet-client'
        ? 'make a kubelet.conf where the CA key is, and put it here: kpki gen kubeconfig kubelet.conf --role worker --ca-from DIR'
        : 'renew it where the CA key is, and put it here',
  })
}

function blocked(id: TreeItemId, problem: string, hint: string): WorkflowError {
  return new WorkflowError('KPKI_PLAN_BLOCKED', `${id} ${problem}`, { details: { item: id }, hint })
}

/** How `kpki gen` names it. */
function genName(id: TreeItemId): string {
  return isKubeconfigId(id) ? `kubeconfig ${id}` : id
}

function pathsOf(id: Exclude<TreeItemId, 'sa'>, key: 'keep' | 'new'): readonly TreePath[] {
  if (isKubeletId(id)) return [certificatePathOf(id)]
  return filesOf(id).flatMap(({ path, kind }) => (kind === 'private-key' && key === 'keep' ? [] : [path]))
}

function readChange({ id, wanted, action }: Change, { items }: TreeComparison) {
  const old = items.find(item => item.id === id)?.certificate
  const isServer = id === 'apiserver' || id === 'etcd-server' || id === 'etcd-peer'
  const names = wanted && isServer && old ? [...wanted.dnsNames, ...wanted.ipAddresses] : []
  const had = [...(old?.dnsNames ?? []), ...(old?.ipAddresses ?? [])]
  return {
    id,
    oldEnd: action === 'reissue' || action === 'renew-ca' ? old?.notAfter : undefined,
    newNames: names.filter(name => !had.includes(name)),
  }
}
