import type { Context } from '../context.js'
import { type CertificateId, isCertificateId } from '../kubernetes/rows.js'
import { certificatePath, filesOf, type TreePath } from '../tree/layout.js'
import { canSign } from '../x509/verify.js'
import { BY_ISSUER, isSelfIssued, keyElsewhere } from './change-issuers.js'
import { planLeaf } from './change-leaf.js'
import { followUpsOf } from './follow-ups.js'
import { isCaId } from './items.js'
import {
  ASKED,
  blocked,
  type ChangeOptions,
  change,
  isAsked,
  type Planning,
  type Reason,
  reasonsOf,
  wantedOf,
} from './planning.js'
import { isRefusal } from './refusal.js'
import { remedyOf } from './remedies.js'
import { restartsOf } from './restarts.js'
import type { Finding, TreeItemId } from './rules.js'
import { signerOf } from './signer.js'
import type { Change, ChangePlan, ComparedItem, TreeComparison } from './types.js'

/**
 * Says what is to be changed in a tree so that it becomes what is wanted: the smallest list. Pure: reads nothing, writes nothing.
 *
 * CA certificates are renewed only where they are named (same key, same name, later end), the service-account key never; what
 * would need that is told of in `untouched`, with the way out. So is what cannot be made here because a CA key is elsewhere: for
 * an item that is named in `only` that is an error.
 *
 * @param context - of which the clock is used
 * @throws `WorkflowError` `KPKI_PLAN_BLOCKED` for a named item that is not there, or cannot be renewed;
 *   `PolicyError` `KPKI_ISSUER_MISSING`, `KPKI_ISSUER_EXPIRED` for one whose CA cannot sign here
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
    restarts: restartsOf(read, node, context.clock(), comparison.tree),
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
  if (!row.key || !signer?.spki || !row.key.isKeyOf(signer.spki)) throw keyElsewhere(id, id, row)
  if (!isSelfIssued(signer)) throw blocked(id, `is signed by ${signer.issuer.text}, whose key is elsewhere`, BY_ISSUER)
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

/** What is wrong with a CA and stays so, with the way out. */
function leaveCa(
  { id, actual, certificate, findings }: ComparedItem,
  ca: CertificateId,
  { untouched, options }: Planning,
): void {
  if (options.only) return
  if (!actual || actual.files.size === 0)
    return void untouched.push({ id, message: 'is missing', hint: `make a new one: kpki gen ${ca}` })
  for (const { code, severity, message, hint } of findings) {
    if (severity === 'info') continue
    const isMended = code === 'expired' || code === 'ends-soon' || code === 'ca-profile'
    const renew = certificate && !isSelfIssued(certificate) ? BY_ISSUER : `kpki renew ${ca} keeps its key and its name`
    if (isMended) untouched.push({ id, message, hint: renew })
    else if (code === 'file-missing') untouched.push({ id, message, hint: hint ?? `make it: kpki gen ${ca}` })
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
  // What the store does not hand out may be right.
  const isUnreadable = (code: Finding['code']) => isRefusal({ code }) && row?.files.has(SA_PUB) === true
  const cured = findings.filter(
    ({ code, path }) =>
      remedyOf(code) === 'derive' || (path === SA_PUB && (code === 'file-missing' || isUnreadable(code))),
  )
  const isUnderived = row?.key !== undefined && row.publicKey === undefined && !row.files.has(SA_PUB)
  if (!row?.key || (cured.length === 0 && !isUnderived)) {
    const lost = findings.find(
      ({ code, path }) => code === 'key-missing' || (code === 'file-missing' && path === SA_KEY),
    )
    if (!row || row.files.size === 0)
      planning.untouched.push({ id, message: 'is missing', hint: 'make a new pair: kpki gen sa' })
    else if (lost)
      planning.untouched.push({
        id,
        message: `${SA_KEY} is missing`,
        ...(lost.hint === undefined ? {} : { hint: lost.hint }),
      })
    return
  }
  const missing: Reason[] = isUnderived && cured.length === 0 ? [{ code: 'asked', message: 'sa.pub is missing' }] : []
  planning.changes.push({
    ...change(item, 'derive', undefined, [...reasonsOf(item, found => cured.includes(found)), ...missing]),
    paths: [SA_PUB],
  })
}

const [SA_KEY = '', SA_PUB = ''] = filesOf('sa').map(({ path }): TreePath => path)

/** The kubelet signs its serving certificate itself, or the cluster does. */
function planServing({ id, certificate }: ComparedItem, { named, untouched, options, context }: Planning): void {
  const hint = 'remove kubelet.crt and kubelet.key and restart the kubelet: it makes new ones'
  if (named.has(id)) throw blocked(id, 'is made by the kubelet itself', hint)
  if (!options.only && certificate && certificate.notAfter < context.clock())
    untouched.push({ id, message: `expired on ${certificate.notAfter.toISOString()}`, hint })
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
