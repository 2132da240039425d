import { ordinal } from '../access/kubeconfig-entries.js'
import type { Context } from '../context.js'
import { equalBytes } from '../crypto/bytes.js'
import { rowsOf } from '../kubernetes/catalogue.js'
import { DEFAULT_VALIDITY_SECONDS } from '../kubernetes/cluster.js'
import { parseDuration } from '../kubernetes/duration.js'
import { NODE_USER_PREFIX } from '../kubernetes/groups.js'
import {
  type CertificateId,
  isCertificateId,
  isKubeconfigId,
  issuerOf,
  ROW_IDS,
  type RowId,
} from '../kubernetes/rows.js'
import { filesOf, keyPath, type TreePath } from '../tree/layout.js'
import type { Certificate } from '../x509/certificate.js'
import { canSign } from '../x509/verify.js'
import { reportOn } from './about.js'
import type { ActualRow } from './actual.js'
import { assertAsked } from './asked.js'
import { checkCertificate } from './check-certificate.js'
import { kubeconfigFindings, lacksCredentials } from './compare-kubeconfig.js'
import { leafFindings, periodText } from './compare-leaf.js'
import { inferDescription } from './infer.js'
import { periodOf } from './infer-period.js'
import {
  actualOf,
  certificateOf,
  certificatePathOf,
  isCaId,
  isKubeletId,
  issuerIdOf,
  KUBELET_IDS,
  keyPathOf,
} from './items.js'
import { type LifeOptions, lifeFindings } from './lifetimes.js'
import { type Finding, finding, type TreeItemId } from './rules.js'
import type { ActualTree, Asked, ComparedItem, TreeComparison } from './types.js'
import { wantedIdentity } from './wanted.js'
import { wantedServer } from './wanted-server.js'
import { type Wanting, wantingOf } from './wanting.js'

/**
 * Holds a tree against what is asked of it. What nobody asks for is wanted as the tree has it; what Kubernetes itself demands is
 * always wanted. Reads and writes nothing.
 *
 * @throws `UsageError` `KPKI_FIELD_VALUE` when a fact or a name that is asked for is none
 */
export async function compareTree(
  tree: ActualTree,
  asked: Asked,
  context: Context,
  options: LifeOptions = {},
): Promise<TreeComparison> {
  assertAsked(asked, context)
  const inference = inferDescription(tree, context)
  const wanting = wantingOf(tree, asked, inference, context, options)
  const called = calledFor(wanting)
  const shared = sharedFindings(wanting)
  const items: ComparedItem[] = []
  for (const id of [...ROW_IDS, ...KUBELET_IDS]) {
    const actual = actualOf(tree, id)
    if (!actual && !called.has(id)) continue
    const item = await compareItem(id, called.get(id), wanting)
    items.push({ ...item, findings: [...item.findings, ...shared.filter(({ row }) => row === id)] })
  }
  return {
    tree,
    inference,
    cluster: wanting.cluster,
    role: wanting.role,
    items,
    findings: [...items.flatMap(({ findings }) => findings), ...tree.findings],
  }
}

async function compareItem(id: TreeItemId, called: readonly Missing[] = [], wanting: Wanting): Promise<ComparedItem> {
  const { tree, context } = wanting
  const actual = actualOf(tree, id)
  const certificate = id === 'sa' ? undefined : certificateOf(actual, context)
  const issuer = issuerFor(id, certificate, wanting)
  const server = isKubeconfigId(id) ? wantedServer(id, wanting) : undefined
  const missing = missingFindings(id, called, wanting)
  if (id === 'sa') {
    const findings = [...(actual?.findings ?? []), ...missing, ...serviceAccountFindings(actual, missing)]
    return { id, actual, certificate, wanted: undefined, server, findings }
  }
  const wanted = isUntold(id, actual, certificate) ? undefined : wantedIdentity(id, certificate, issuer, wanting)
  const findings = [...(actual?.findings ?? []), ...missing]
  if (actual && 'kubeconfig' in actual && isKubeconfigId(id))
    findings.push(...kubeconfigFindings(actual, server, wanting))
  if (actual && certificate && 'kubeconfig' in actual && isCaId(id))
    findings.push(...caFindings(id, actual, certificate, wanting))
  else if (actual && certificate)
    findings.push(
      ...(await leafFindings({ id, actual, certificate, wanted, roots: rootsFor(id, wanting), issuer }, wanting)),
    )
  return { id, actual, certificate, wanted, server, findings }
}

/** Whether nobody can tell what the certificate is to say: its file is there, and what is in it cannot be read, or is no certificate. */
function isUntold(id: Exclude<TreeItemId, 'sa'>, actual: ComparedItem['actual'], certificate?: Certificate): boolean {
  if (certificate || !actual?.files.has(certificatePathOf(id))) return false
  const kubeconfig = 'kubeconfig' in actual ? actual.kubeconfig : undefined
  return !kubeconfig || !lacksCredentials(kubeconfig)
}

/** Certificates of an item's CA; none where there are none that could be judged by. */
function rootsFor(id: TreeItemId, { tree }: Wanting): readonly Certificate[] {
  const issuer = issuerIdOf(id)
  return issuer === undefined ? [] : (tree.rows.get(issuer)?.certificates ?? [])
}

/** The certificate of the CA that has signed another one, by its name. */
function issuerFor(id: TreeItemId, certificate: Certificate | undefined, wanting: Wanting): Certificate | undefined {
  const issuer = issuerIdOf(id)
  const signer = issuer === undefined ? undefined : certificateOf(wanting.tree.rows.get(issuer), wanting.context)
  if (!certificate) return signer
  const named = rootsFor(id, wanting).filter(root => equalBytes(root.subject.der, certificate.issuer.der))
  return named.find(root => root === signer) ?? named[0]
}

function caFindings(id: CertificateId, actual: ActualRow, certificate: Certificate, wanting: Wanting): Finding[] {
  const path = certificatePathOf(id)
  const { context, stated, tree } = wanting
  const now = context.clock()
  const { certificates, key } = actual
  if (key && !certificates.some(({ spki }) => key.isKeyOf(spki)))
    return [finding('key-mismatch', id, keyPathOf(id), `is the key of none of the certificates in ${path}`)]
  const isBundle = certificates.length > 1
  const part = isBundle ? `${ordinal(certificates.indexOf(certificate))} certificate` : undefined
  const about = { row: id, path, part }
  const report = reportOn(about)
  const findings = checkCertificate(certificate, about)
  if (!canSign(certificate) && !findings.some(({ code }) => code === 'not-a-ca'))
    findings.push(
      report('not-a-ca', `${certificate.subject.text} may not sign certificates`, {
        field: certificate.isCa ? 'keyUsage' : 'basicConstraints',
        expected: certificate.isCa ? 'keyCertSign' : 'CA:TRUE',
        actual: certificate.isCa ? (certificate.keyUsages ?? []).join(', ') || 'none' : 'CA:FALSE',
      }),
    )
  const life = lifeFindings(id, certificate, now, report, wanting.options)
  findings.push(...life)
  const leaf = parseDuration(wanting.facts.certificateValidityPeriod ?? '') ?? DEFAULT_VALIDITY_SECONDS.leaf
  const left = (+certificate.notAfter - +now) / 1000
  const isShort = left < leaf && left < (+certificate.notAfter - +certificate.notBefore) / 3000
  if (life.length === 0 && isShort && ROW_IDS.some(row => issuerOf(row) === id && tree.rows.has(row)))
    findings.push(
      report(
        'ca-ends-early',
        `ends on ${certificate.notAfter.toISOString()}, before a certificate for ${periodText(leaf)} would`,
        {
          field: 'notAfter',
          actual: certificate.notAfter.toISOString(),
        },
      ),
    )
  const algorithm = stated.encryptionAlgorithm
  if (algorithm !== undefined && certificate.publicKey.name !== algorithm)
    findings.push(
      report('ca-drift', `has a key of type ${certificate.publicKey.name}, not ${algorithm}`, {
        field: 'subjectPublicKeyInfo',
        expected: algorithm,
        actual: certificate.publicKey.name,
      }),
    )
  const period = parseDuration(stated.caCertificateValidityPeriod ?? '')
  const own = periodOf(certificate)
  if (period !== undefined && own !== undefined && Math.abs(own - period) > 1)
    findings.push(
      report('ca-drift', `was made for ${periodText(own)}, not for ${periodText(period)}`, {
        field: 'validity',
        expected: periodText(period),
        actual: periodText(own),
      }),
    )
  return findings
}

function serviceAccountFindings(actual: ComparedItem['actual'], missing: readonly Finding[]): Finding[] {
  if (!actual || !('publicKey' in actual)) return []
  const [keyFile, publicFile] = filesOf('sa').map(({ path }) => path)
  const { key, publicKey, files } = actual
  if (keyFile === undefined || publicFile === undefined) return []
  const isUnreadable = (path: TreePath) => actual.findings.some(found => found.path === path)
  if (!files.has(keyFile) && !isUnreadable(keyFile) && missing.length === 0)
    return [
      finding('key-missing', 'sa', publicFile, `is there without ${keyFile}`, {
        hint: 'copy it from another control plane: with a new one every token that was given out is refused',
      }),
    ]
  if (!files.has(publicFile) && !isUnreadable(publicFile) && missing.length === 0)
    return [finding('file-missing', 'sa', publicFile, 'is missing', { hint: `kpki apply derives it from ${keyFile}` })]
  if (!key || !publicKey || key.isKeyOf(publicKey)) return []
  return [finding('public-key-mismatch', 'sa', publicFile, `is not the public half of ${keyFile}`)]
}

/** A file that should be there. */
interface Missing {
  readonly path: TreePath
  /** Who calls for it, the end of a sentence. */
  readonly by: string
}

/** Files that manifests or the description call for, by item; whether they are there or not. */
function calledFor(wanting: Wanting): ReadonlyMap<TreeItemId, readonly Missing[]> {
  const { tree, stated, adds, role, statedRole, cluster, draft, inference } = wanting
  const called = new Map<TreeItemId, Missing[]>()
  const add = (id: TreeItemId, path: TreePath, by: string) => {
    const list = called.get(id) ?? []
    if (!list.some(missing => missing.path === path)) called.set(id, [...list, { path, by }])
  }
  const certDir = inference.facts.certificatesDir ?? '/etc/kubernetes/pki'
  const owners = new Map(ROW_IDS.flatMap(id => filesOf(id).map(({ path }) => [path, id] as const)))
  for (const [component, flags] of tree.manifests.flags)
    for (const [flag, value] of flags) {
      const path = value.startsWith(`${certDir}/`)
        ? `pki/${value.slice(certDir.length + 1)}`
        : value.replace(/^\/etc\/kubernetes\//, '')
      const owner = owners.get(path)
      // What is mounted from elsewhere is another file of that name.
      const isOfHost = tree.manifests.hostPaths
        .get(component)
        ?.some(dir => value === dir || value.startsWith(`${dir}/`))
      if (owner !== undefined && isOfHost) add(owner, path, `${component} is told to use it with --${flag}`)
    }
  const isDescribed = Object.keys(stated).length + Object.keys(adds).length > 0
  if (!isDescribed || !draft || !(cluster || role === 'worker')) return called
  const hasRow = (test: (id: RowId) => boolean) => [...tree.rows.keys()].some(test)
  const has = {
    kubeconfigs: hasRow(isKubeconfigId),
    etcd: hasRow(id => id === 'etcd-ca' || issuerOf(id) === 'etcd-ca') && !stated.externalEtcd,
    pki: hasRow(id => isCertificateId(id) || id === 'sa'),
  }
  for (const id of rowsOf(draft, role ?? 'control-plane')) {
    const isOfEtcd = id === 'etcd-ca' || issuerOf(id) === 'etcd-ca'
    const isWanted = isKubeconfigId(id) ? has.kubeconfigs : isOfEtcd ? has.etcd : has.pki
    // Who does not say that this is the first host may have taken super-admin.conf away on purpose.
    if (!isWanted || (id === 'super-admin.conf' && statedRole !== 'init')) continue
    for (const { path, kind } of filesOf(id))
      if (!(isCaId(id) && kind === 'private-key')) add(id, path, 'the description calls for it')
  }
  return called
}

function missingFindings(id: TreeItemId, called: readonly Missing[], { tree }: Wanting): Finding[] {
  const actual = actualOf(tree, id)
  const isThere = (path: TreePath) => actual?.files.has(path) || actual?.findings.some(found => found.path === path)
  // A certificate or key that stands alone calls for the other half; a CA whose key is elsewhere is none of those.
  const other: readonly Missing[] =
    actual && id !== 'sa' && !isKubeletId(id) && isCertificateId(id) && actual.files.has(keyPath(id))
      ? [{ path: certificatePathOf(id), by: `its key ${keyPath(id)} is there` }]
      : []
  const missing = [...called, ...other.filter(({ path }) => !called.some(entry => entry.path === path))].filter(
    ({ path }) => !isThere(path),
  )
  const issuer = issuerIdOf(id)
  const ca = issuer === undefined ? undefined : tree.rows.get(issuer)
  const isExternal = ca !== undefined && isCertificateId(ca.id) && !ca.files.has(keyPath(ca.id))
  return missing.flatMap(({ path, by }) => {
    // Of a certificate without its key that is said, with both their names.
    const isKeyOfLeaf = path === keyPathOf(id) && id !== 'sa' && actual?.files.has(certificatePathOf(id))
    if (isKeyOfLeaf && !isCaId(id)) return []
    if (isExternal && ca)
      return [
        finding(
          'missing-external',
          id,
          path,
          `is missing, and cannot be made: the CA key ${keyPathOf(ca.id)} is not here`,
          {
            expected: by,
            hint: 'have it signed where the CA key is and put it here',
          },
        ),
      ]
    const hint = restorationOf(id, path, actual)
    return [finding('file-missing', id, path, `is missing: ${by}`, hint === undefined ? {} : { hint })]
  })
}

/** How files come back that are not made anew unasked; `undefined` for others. */
function restorationOf(id: TreeItemId, path: TreePath, actual: ComparedItem['actual']): string | undefined {
  if (id === 'sa') {
    const [keyFile = '', publicFile] = filesOf('sa').map(file => file.path)
    if (path === publicFile && actual?.files.has(keyFile)) return `kpki apply derives it from ${keyFile}`
    return 'copy sa.key and sa.pub from another control plane, or restore them: with a new pair (kpki gen sa) every token that was given out is refused'
  }
  if (!isCaId(id)) return undefined
  if (path === keyPathOf(id))
    return 'copy it from another control plane, or restore it; where it is kept elsewhere on purpose, leave --cluster-signing-key-file and --cluster-signing-cert-file empty in the manifest, as kubeadm does'
  return `copy it from another control plane, or restore it: with a new CA (kpki gen ${id}) all that it has signed is refused`
}

/** What is about several items. */
function sharedFindings({ tree }: Wanting): Finding[] {
  const findings: Finding[] = []
  const cas = (['ca', 'front-proxy-ca', 'etcd-ca'] as const).flatMap(id =>
    (tree.rows.get(id)?.certificates ?? []).map(certificate => ({ id, certificate })),
  )
  const said = new Set<string>()
  for (const [index, one] of cas.entries())
    for (const other of cas.slice(0, index)) {
      if (one.id === other.id || !equalBytes(one.certificate.spki, other.certificate.spki)) continue
      if (said.has(`${one.id} ${other.id}`)) continue
      said.add(`${one.id} ${other.id}`)
      findings.push(
        finding('ca-shared', one.id, certificatePathOf(one.id), `has the key of ${certificatePathOf(other.id)}`, {
          field: 'subjectPublicKeyInfo',
          expected: 'a key of its own',
          actual: `that of ${certificatePathOf(other.id)}`,
        }),
      )
    }
  const client = tree.kubelet.get('kubelet-client')?.certificates[0]
  const own = tree.rows.get('kubelet.conf')?.kubeconfig?.certificates[0]
  if (client && own && client.subject.commonName !== own.subject.commonName)
    findings.push(
      finding(
        'common-name',
        'kubelet-client',
        certificatePathOf('kubelet-client'),
        `is for ${client.subject.commonName || 'nobody'}, and kubelet.conf for ${own.subject.commonName || 'nobody'}`,
        { field: 'subject.commonName', expected: own.subject.commonName, actual: client.subject.commonName },
      ),
    )
  else findings.push(...nodeFindings(tree))
  return findings
}

/**
 * Whether the kubelet is of the node that the servers of this host are for: who copies a host's files takes the kubelet's along.
 * kubeadm has the node's name in the certificates of the API server and of etcd (v1.20.2, cmd/kubeadm/app/util/pkiutil).
 */
function nodeFindings({ rows, kubelet }: Wanting['tree']): Finding[] {
  const [id, certificate] =
    [
      ['kubelet-client', kubelet.get('kubelet-client')?.certificates[0]] as const,
      ['kubelet.conf', rows.get('kubelet.conf')?.kubeconfig?.certificates[0]] as const,
    ].find(([, found]) => found !== undefined) ?? []
  const user = certificate?.subject.commonName ?? ''
  if (id === undefined || !user.startsWith(NODE_USER_PREFIX)) return []
  const node = user.slice(NODE_USER_PREFIX.length)
  const [apiserver, etcd] = (['apiserver', 'etcd-server'] as const).map(row => rows.get(row)?.certificates[0])
  const other = etcd?.subject.commonName ?? ''
  const isOther = apiserver?.dnsNames.includes(other) === true && etcd?.dnsNames.includes(other) === true
  if (!isOther || [apiserver, etcd].some(found => found?.dnsNames.includes(node))) return []
  return [
    finding(
      'node-differs',
      id,
      certificatePathOf(id),
      `is for the node ${node || 'without a name'}, and the certificates of the API server and of etcd are for ${other}`,
      { field: 'subject.commonName', expected: `${NODE_USER_PREFIX}${other}`, actual: user },
    ),
  ]
}
