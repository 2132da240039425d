import { showUrl } from '../access/server-url.js'
import { KEY_ALGORITHMS } from '../crypto/algorithms.js'
import { isKubeconfigId } from '../kubernetes/rows.js'
import { filesOf, type TreePath } from '../tree/layout.js'
import type { ActualRow } from './actual.js'
import { hasUnreadableKey, isCuredHere, isOnlyTheKey, isUnreadableKeyOf, needsKey } from './change-causes.js'
import { issuerProblem } from './change-issuers.js'
import { certificatePathOf, isKubeletId, issuerIdOf, keyOf } from './items.js'
import { isOfOtherCluster } from './other-cluster.js'
import {
  ASKED,
  blocked,
  change,
  genName,
  isAsked,
  makeHint,
  type Planning,
  type Reason,
  reasonsOf,
  wantedOf,
} from './planning.js'
import { remedyOf } from './remedies.js'
import type { Finding, TreeItemId } from './rules.js'
import type { Change, ComparedItem } from './types.js'

/** Plans what becomes of a leaf, a kubeconfig, or the client certificate that the kubelet keeps. */
export function planLeaf(item: ComparedItem, id: Exclude<TreeItemId, 'sa'>, planning: Planning): void {
  const { comparison, options, untouched, changes } = planning
  const isMissing = !item.actual || item.actual.files.size === 0
  const asked = isAsked(item, planning)
  if (options.only && !asked) {
    planFollowing(item, planning)
    return
  }
  // The kubelet rotates a link with a file behind it, and refuses to where a mere file is in its place.
  const problem = isMissing && (options.only || id === 'kubelet-client') ? absenceOf(item) : whatIsThere(item)
  if (problem) {
    if (planning.named.has(id)) throw blocked(id, problem.message, problem.hint)
    return void untouched.push({ id, ...problem })
  }
  const kubeconfig = isKubeconfigId(id) ? comparison.tree.rows.get(id)?.kubeconfig : undefined
  if (kubeconfig && isOfOtherCluster(kubeconfig, comparison.tree)) {
    const message = `has a current context of another cluster, ${showUrl(kubeconfig.server).text}, and is left as it is`
    const hint = `choose this cluster's in it: kubectl config use-context NAME --kubeconfig ${id}`
    if (planning.named.has(id)) throw blocked(id, message, hint)
    return void untouched.push({ id, message, hint })
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
  const weak =
    options.keys === 'keep' ? cured.filter(found => isOnlyTheKey(found.code) || isUnreadableKeyOf(item)(found)) : []
  for (const { message } of weak) untouched.push({ id, message, hint: 'a new key mends it: without --keep-keys' })
  const causes = cured.filter(found => !weak.includes(found))
  if (!asked && !isMissing && causes.length === 0) {
    if (edits.length > 0)
      changes.push({
        ...change(item, 'edit', undefined, reasonsOf(item, isEdit, EDITED_CA(planning))),
        ...editOf(item, edits),
      })
    return
  }
  const isBeside = isKubeconfigId(id) && namesFiles(comparison.tree.rows.get(id))
  if (!hasCredential && (isBeside || !causes.some(({ code }) => code === 'no-credentials'))) {
    leaveCredential(item, planning)
    return
  }
  const unsigned = issuerProblem(item, planning)
  if (unsigned) {
    if (planning.named.has(id)) throw unsigned.error
    return void untouched.push({ id, message: unsigned.message, hint: unsigned.hint })
  }
  if (isMissing && (!wanted || (isKubeconfigId(id) && !(comparison.cluster && item.server))))
    return void untouched.push({ id, message: 'is missing', hint: makeHint(id) })
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
  if (options.keys === 'keep' && hasUnreadableKey(item)) {
    const message = 'has a key that cannot be read, and so cannot be kept'
    const hint = 'a new key mends it: without --keep-keys'
    if (planning.named.has(id)) throw blocked(id, message, hint)
    if (!weak.some(isUnreadableKeyOf(item))) untouched.push({ id, message, hint })
    return
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

/** Why nothing is at hand of an item that none of its files could be read of. */
function absenceOf(item: ComparedItem): Problem {
  return whatIsThere(item) ?? { message: 'is missing', hint: makeHint(item.id) }
}

/** What is in the place of an item's files, where it is none that can be read: a link that leads nowhere, a directory. */
function whatIsThere({ id, actual }: ComparedItem): Problem | undefined {
  if (!actual || actual.files.size > 0) return undefined
  const told = actual.findings.find(({ code }) => code !== 'file-missing')
  return told && { message: told.message, hint: told.hint ?? makeHint(id) }
}

interface Problem {
  readonly message: string
  readonly hint: string
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
  } else if (certificate?.authoritySerialNumber !== undefined && issuer && renewedCas.has(issuer)) {
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

function isEdit({ code }: Finding): boolean {
  const remedy = remedyOf(code)
  return remedy === 'ca-data' || remedy === 'server'
}

/** What changes in a kubeconfig's cluster entry. A CA that is named as a file is read from there. */
function editsOf({ id, findings }: ComparedItem, { comparison, renewedCas, options }: Planning): Change['edits'] {
  const kubeconfig = isKubeconfigId(id) ? comparison.tree.rows.get(id)?.kubeconfig : undefined
  const ca = comparison.tree.rows.get('ca')
  if (!kubeconfig || !ca || isOfOtherCluster(kubeconfig, comparison.tree)) return []
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
  if (!kubeconfig || namesFiles(row)) return false
  return kubeconfig.certificates.length > 0 || kubeconfig.key !== undefined
}

/**
 * Whether the certificate of a kubeconfig, or its key, is in a file beside it: kubectl refuses one that names such a file and has
 * the field with the data, too.
 *
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/client-go/tools/clientcmd/validation.go (validateAuthInfo)
 */
function namesFiles(row: ActualRow | undefined): boolean {
  return row?.kubeconfig?.certificateFile !== undefined || row?.kubeconfig?.keyFile !== undefined
}

/** A kubeconfig whose user shows something else than a certificate in it. */
function leaveCredential({ id }: ComparedItem, { named, untouched, comparison }: Planning): void {
  const kubeconfig = isKubeconfigId(id) ? comparison.tree.rows.get(id)?.kubeconfig : undefined
  const file = kubeconfig?.certificateFile
  const isKubelets = id === 'kubelet.conf' && comparison.tree.kubelet.has('kubelet-client')
  if (isKubelets || (id === 'kubelet.conf' && named.has('kubelet-client'))) return
  const message =
    file !== undefined
      ? `has its client certificate in ${file}`
      : kubeconfig?.keyFile !== undefined
        ? `has the key of its client certificate in ${kubeconfig.keyFile}`
        : 'has no client certificate'
  const hint =
    id === 'kubelet.conf' && file !== undefined
      ? "say where a copy of the kubelet's directory is: --kubelet-dir"
      : 'have that renewed where it comes from'
  if (named.has(id)) throw blocked(id, message, hint)
  untouched.push({ id, message, hint })
}

function pathsOf(id: Exclude<TreeItemId, 'sa'>, key: 'keep' | 'new'): readonly TreePath[] {
  if (isKubeletId(id)) return [certificatePathOf(id)]
  return filesOf(id).flatMap(({ path, kind }) => (kind === 'private-key' && key === 'keep' ? [] : [path]))
}
