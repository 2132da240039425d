import { formatKubeconfig } from '../access/kubeconfig.js'
import { actualOf, isCaId, isKubeletId, issuerIdOf, keyOf, pairOf } from '../audit/items.js'
import type { TreeItemId } from '../audit/rules.js'
import { signerOf } from '../audit/signer.js'
import type { Change, ChangePlan, ComparedItem, TreeComparison } from '../audit/types.js'
import type { Context } from '../context.js'
import type { KeyAlgorithm } from '../crypto/algorithms.js'
import { decodeUtf8, encodeUtf8, equalBytes, parseHex } from '../crypto/bytes.js'
import { formatPrivateKey, formatPublicKey } from '../crypto/key-files.js'
import type { PrivateKey } from '../crypto/keys.js'
import { KpkiError, WorkflowError } from '../errors.js'
import { keyUsages } from '../kubernetes/catalogue.js'
import { isKubeconfigId, PROFILES, profileOf } from '../kubernetes/rows.js'
import { writesPreferences } from '../kubernetes/versions.js'
import { FILE_MODES, type TreePath } from '../tree/layout.js'
import type { IssuedCertificate } from '../tree/ledger.js'
import type { NewFile } from '../tree/write-all.js'
import { type Certificate, formatCertificate } from '../x509/certificate.js'
import { type CertificateSpec, type Issuer, issueCertificate } from '../x509/issue.js'
import { inherit, keyIdentifierOf } from '../x509/reissue.js'
import { lifetimeOf } from './lifetime.js'
import { makeKeys, unlessAborted } from './make-keys.js'

/** Options of {@link makeChanges}. */
export interface MakeChangesOptions {
  /** Stops between two certificates. Default: none */
  readonly signal?: AbortSignal
}

/** What a plan comes to. Holds private keys. */
export interface MadeChanges {
  /** New contents, in the order in which they are to be written; modes are those of new files. */
  readonly files: readonly NewFile[]
  /** For the ledger. */
  readonly issued: readonly IssuedCertificate[]
  /** New certificates by item. */
  readonly certificates: ReadonlyMap<TreeItemId, Certificate>
}

/**
 * Makes the new contents of the files that a plan changes: keys, certificates, edited kubeconfigs. Writes nothing.
 *
 * A certificate takes over from the one that it replaces what is not wanted otherwise: subject, alternative names of every kind in their
 * order, usages, further extensions, and of the certificates behind it those that still lead on from it.
 *
 * @param plan - of `planChanges`, for this very comparison
 * @throws {@link WorkflowError} `KPKI_PLAN_BLOCKED` when something cannot be made as planned, `KPKI_INTERRUPTED`;
 *   `EncodingError` `KPKI_YAML_UNEDITABLE` for a kubeconfig that cannot be changed in place; what signing throws
 */
export async function makeChanges(
  plan: ChangePlan,
  comparison: TreeComparison,
  context: Context,
  options: MakeChangesOptions = {},
): Promise<MadeChanges> {
  const making: Making = {
    comparison,
    context,
    now: context.clock(),
    files: [],
    issued: [],
    certificates: new Map(),
  }
  const orders = plan.changes.flatMap(({ id, key, wanted }) =>
    key === 'new' && wanted ? [{ id, algorithm: wanted.keyAlgorithm as KeyAlgorithm }] : [],
  )
  const keys = makeKeys(orders, context)
  for (const change of plan.changes) {
    const pending = keys.get(change.id)
    const key = pending ? await unlessAborted(pending, options.signal) : keyOf(actualOf(comparison.tree, change.id))
    await makeChange(change, key, making)
  }
  return making
}

interface Making {
  readonly comparison: TreeComparison
  readonly context: Context
  readonly now: Date
  readonly files: NewFile[]
  readonly issued: IssuedCertificate[]
  readonly certificates: Map<TreeItemId, Certificate>
}

async function makeChange(change: Change, key: PrivateKey | undefined, making: Making): Promise<void> {
  const { id, action } = change
  const { comparison, files } = making
  const item = comparison.items.find(({ id: known }) => known === id)
  const add = (path: TreePath, kind: keyof typeof FILE_MODES, text: string) => {
    const isSecret = kind === 'private-key' || (kind === 'kubeconfig' && action !== 'edit')
    const bringsSecret = isSecret && !keyOf(item?.actual)
    files.push({ path, mode: FILE_MODES[kind], bytes: encodeUtf8(text), ...(bringsSecret ? { bringsSecret } : {}) })
  }
  if (!item) throw defect(id)
  if (action === 'edit') return add(id, 'kubeconfig', await editedKubeconfig(change, undefined, making))
  if (!key) throw defect(id)
  if (action === 'derive') return add(change.paths[0] ?? '', 'public-key', formatPublicKey(key.spki))
  if (action === 'renew-ca') return add(change.paths[0] ?? '', 'certificate', await renewCa(change, item, key, making))
  const certificate = await issueLeaf(change, item, key, making)
  const chain = [certificate, ...following(certificate, item, making)].map(formatCertificate).join('')
  if (isKubeconfigId(id)) {
    const client = { certificatePem: chain, keyPem: formatPrivateKey(key) }
    const text =
      action === 'create'
        ? newKubeconfig(change, certificate, key, making)
        : await editedKubeconfig(change, client, making)
    return add(id, 'kubeconfig', text)
  }
  if (id === 'kubelet-client') return add(change.paths[0] ?? '', 'private-key', chain + formatPrivateKey(key))
  for (const path of change.paths) {
    if (path.endsWith('.key')) add(path, 'private-key', formatPrivateKey(key))
    else add(path, 'certificate', chain)
  }
}

/** The CA of an item: as it is, or as this run has renewed it. */
function issuerFor(id: TreeItemId, { comparison, certificates, context }: Making): Issuer {
  const issuerId = issuerIdOf(id)
  const row = issuerId && comparison.tree.rows.get(issuerId)
  const certificate = (issuerId && certificates.get(issuerId)) ?? (row && signerOf(row, context))
  if (!row?.key || !certificate) throw defect(id)
  return { certificate, key: row.key }
}

async function issueLeaf(change: Change, { certificate: old }: ComparedItem, key: PrivateKey, making: Making) {
  const { id, wanted } = change
  const { context, now } = making
  const issuer = issuerFor(id, making)
  const profile = PROFILES[isKubeletId(id) ? 'client' : profileOf(id)]
  if (!wanted) throw defect(id)
  const { notBefore, notAfter, isClamped } = lifetimeOf(now, wanted.validitySeconds, issuer.certificate)
  if (isClamped) {
    const end = notAfter.toISOString().slice(0, 10)
    const message = `${id} ends with its CA on ${end}, before its validity period is over`
    context.log({ level: 'warning', message })
  }
  const usages = keyUsages(profile, key.type)
  const spec: CertificateSpec = {
    commonName: wanted.commonName,
    organizations: wanted.organizations,
    dnsNames: wanted.dnsNames,
    ipAddresses: wanted.ipAddresses,
    extKeyUsages: wanted.extKeyUsages ?? profile.extKeyUsages,
    keyUsages: usages,
    isCa: false,
    spki: key.spki,
    notBefore,
    notAfter,
    ...(old ? inherit(old, wanted, usages, key.type) : {}),
  }
  return sign(id, spec, issuer, making)
}

async function sign(
  id: TreeItemId,
  spec: CertificateSpec,
  issuer: Issuer | { readonly certificate?: undefined; readonly key: PrivateKey },
  { context, issued, certificates }: Making,
): Promise<Certificate> {
  try {
    const certificate = await issueCertificate(spec, issuer, context)
    issued.push({ purpose: id, certificate, issuer: issuer.certificate ?? certificate })
    certificates.set(id, certificate)
    return certificate
  } catch (error) {
    if (!(error instanceof KpkiError) || (error.code !== 'KPKI_CERT_SPEC' && error.code !== 'KPKI_CERT_INVALID'))
      throw error
    throw new WorkflowError('KPKI_PLAN_BLOCKED', `${id} cannot be issued again as it is: ${error.message}`, {
      details: { item: id },
      hint: 'move it away and have it made anew: kpki gen',
      cause: error,
    })
  }
}

/**
 * The certificates that stood behind the old one and still lead on from the new one.
 *
 * @see RFC 8446 section 4.4.2: each certifies the one before it
 */
function following(leaf: Certificate, { id, actual }: ComparedItem, making: Making): readonly Certificate[] {
  if (!actual) return []
  const old = pairOf(actual).certificates
  const issuer = issuerFor(id, making).certificate
  const chain: Certificate[] = []
  let candidates = old.slice(1)
  for (let current = leaf; ; ) {
    const next = candidates.find(
      ({ subject, spki }) =>
        equalBytes(subject.der, current.issuer.der) && (chain.length > 0 || equalBytes(spki, issuer.spki)),
    )
    if (!next) return chain
    candidates = candidates.filter(candidate => candidate !== next)
    current = chain.length === 0 ? issuer : next
    chain.push(current)
  }
}

/** Same key, same name, same identifiers: what it has signed stays signed by it. */
async function renewCa(change: Change, { id, certificate: found }: ComparedItem, key: PrivateKey, making: Making) {
  const { comparison, context, now } = making
  const { wanted } = change
  const row = isCaId(id) ? comparison.tree.rows.get(id) : undefined
  const old = row && signerOf(row, context)
  if (!row || !old || !wanted || !found) throw defect(id)
  const { notBefore, notAfter } = lifetimeOf(now, wanted.validitySeconds, undefined)
  if (notAfter <= old.notAfter) {
    const ends = `would end on ${notAfter.toISOString()}, and ends on ${old.notAfter.toISOString()} as it is`
    throw new WorkflowError('KPKI_PLAN_BLOCKED', `${id} ${ends}`, {
      details: { item: id },
      hint: 'say how long it is to live: --ca-certificate-validity-period 87600h',
    })
  }
  const usages = keyUsages(PROFILES.ca, key.type)
  const identifier = keyIdentifierOf(old) ?? identifierOfLeaves(id, comparison)
  const renewed = await sign(
    id,
    {
      commonName: old.subject.commonName,
      spki: old.spki,
      isCa: true,
      ...(old.extKeyUsages ? { extKeyUsages: old.extKeyUsages } : {}),
      ...(old.pathLength === undefined ? {} : { pathLength: old.pathLength }),
      ...(identifier ? { subjectKeyIdentifier: identifier } : {}),
      notBefore,
      notAfter,
      ...inherit(old, wanted, usages, key.type),
      subjectDer: old.subject.der,
    },
    { key },
    making,
  )
  return row.certificates.map(certificate => formatCertificate(certificate === old ? renewed : certificate)).join('')
}

/** A CA without an identifier may have signed with one: OpenSSL refuses a leaf whose two identifiers differ. */
function identifierOfLeaves(id: TreeItemId, { items }: TreeComparison) {
  const leaf = items.find(item => item.certificate?.authorityKeyIdentifier && issuerIdOf(item.id) === id)
  const identifier = leaf?.certificate?.authorityKeyIdentifier
  return identifier === undefined ? undefined : parseHex(identifier)
}

/** All certificates of `ca.crt`, as this run leaves it. */
function caBundle({ comparison, certificates, context }: Making): readonly Certificate[] {
  const row = comparison.tree.rows.get('ca')
  const renewed = certificates.get('ca')
  const signer = row && signerOf(row, context)
  return row?.certificates.map(certificate => (renewed && certificate === signer ? renewed : certificate)) ?? []
}

async function editedKubeconfig(
  { id, edits, server }: Change,
  client: { readonly certificatePem: string; readonly keyPem: string } | undefined,
  making: Making,
): Promise<string> {
  const row = isKubeconfigId(id) ? making.comparison.tree.rows.get(id) : undefined
  const text = decodeUtf8(row?.files.get(id)?.bytes ?? new Uint8Array())
  const { editKubeconfig } = await import('../access/kubeconfig-edit.js')
  const isCaEdited = edits.includes('certificate-authority-data')
  return editKubeconfig(
    text ?? '',
    {
      ...(isCaEdited ? { caPem: caBundle(making).map(formatCertificate).join('') } : {}),
      ...(edits.includes('server') && server !== undefined ? { server } : {}),
      ...(client ? { client } : {}),
      ...(row?.kubeconfig ? { contextName: row.kubeconfig.contextName } : {}),
    },
    id,
  )
}

function newKubeconfig({ id, server }: Change, certificate: Certificate, key: PrivateKey, making: Making): string {
  const { cluster } = making.comparison
  if (!cluster || server === undefined) throw defect(id)
  return formatKubeconfig({
    clusterName: cluster.clusterName,
    userName: certificate.subject.commonName,
    server,
    caCertificates: caBundle(making),
    certificate,
    key,
    withPreferences: writesPreferences(cluster.kubernetesVersion),
  })
}

function defect(id: TreeItemId): WorkflowError {
  return new WorkflowError('KPKI_INTERNAL', `the plan for ${id} does not fit the tree`)
}
