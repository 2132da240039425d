import { showUrl } from '../access/server-url.js'
import type { Context } from '../context.js'
import type { PrivateKey } from '../crypto/keys.js'
import { VerifyError } from '../errors.js'
import { serverOf, wantedCertificate } from '../kubernetes/catalogue.js'
import type { Cluster } from '../kubernetes/cluster.js'
import { MASTERS } from '../kubernetes/groups.js'
import { isKubeconfigId, issuerOf, PROFILES, profileOf, ROW_IDS, type Role, type RowId } from '../kubernetes/rows.js'
import { filesOf, keyPath, type TreePath } from '../tree/layout.js'
import type { Certificate } from '../x509/certificate.js'
import { EXTENSIONS } from '../x509/extensions.js'
import { isForServer } from '../x509/server-names.js'
import { canSign, verifyCertificate } from '../x509/verify.js'
import { type FindingPlace, reportOn } from './about.js'
import type { ActualRow } from './actual.js'
import { caDataFindings } from './ca-data.js'
import { checkCertificate } from './check-certificate.js'
import { missingUsages } from './check-issued.js'
import { checkPeriod } from './check-period.js'
import { algorithmFindings, commonNameFindings, groupFindings, usageFindings, widthFindings } from './identity.js'
import { type Finding, finding, type RuleId } from './rules.js'
import { signerOf } from './signer.js'

/** Judges the certificates of a CA row. The subject is not looked at: people bring CAs of their own. */
export function judgeCa(row: ActualRow, cluster: Cluster, context: Context): Finding[] {
  const { id, certificates, key } = row
  const path = filesOf(id)[1]?.path ?? ''
  const report = reportOn({ row: id, path })
  const signer = signerOf(row, context)
  const [first] = certificates
  if (!first) return []
  if (key && !signer)
    return [
      finding('key-mismatch', id, filesOf(id)[0]?.path ?? path, `is the key of none of the certificates in ${path}`),
    ]
  const judged = signer ?? first
  const findings: Finding[] = []
  // More extensions are too much for a CA of ours than Go refuses.
  const lint = checkCertificate(judged, { row: id, path }).filter(({ code }) => code !== 'extension-unknown')
  if (!canSign(judged) && !lint.some(({ code }) => code === 'not-a-ca'))
    findings.push(report('not-a-ca', `${judged.subject.text} may not sign certificates`))
  findings.push(...caFindings(id, judged, report))
  findings.push(...periodFindings(judged, { row: id, path }, context))
  findings.push(...lint)
  // A root's own signature is not looked at by anybody; an intermediate's is.
  if (key)
    findings.push(
      ...algorithmFindings(
        key.type.name,
        cluster.encryptionAlgorithm,
        reportOn({ row: id, path: filesOf(id)[0]?.path ?? path }),
      ),
    )
  return findings
}

/** Whether what the CA is to sign would be believed: better said before it has signed than after. */
function caFindings(id: RowId, ca: Certificate, report: (code: RuleId, message: string) => Finding): Finding[] {
  const findings: Finding[] = []
  const unknown = ca.criticalExtensions.find(oid => !Object.values<string>(EXTENSIONS).includes(oid))
  if (unknown !== undefined) {
    findings.push(report('ca-restricted', `has the critical extension ${unknown}, which is not understood`))
  } else if (ca.extensions.includes(NAME_CONSTRAINTS)) {
    findings.push(report('ca-restricted', 'has name constraints, which are not understood'))
  }
  const usages = new Set(
    ROW_IDS.filter(row => issuerOf(row) === id).flatMap(row => PROFILES[profileOf(row)].extKeyUsages),
  )
  const missing = missingUsages([...usages], ca)
  if (missing.length > 0) findings.push(report('ca-restricted', `may not vouch for ${missing.join(', ')}`))
  if (ca.subject.der.length <= 2)
    findings.push(report('ca-restricted', 'has an empty subject (RFC 5280 section 4.1.2.6)'))
  return findings
}

/** RFC 5280 section 4.2.1.10. */
const NAME_CONSTRAINTS = '2.5.29.30'

/** Judges a key that stands alone, before a certificate is made for it. */
export function judgeLoneKey({ id, key }: ActualRow, cluster: Cluster): Finding[] {
  const path = filesOf(id)[0]?.path ?? ''
  if (!key) return []
  const { type } = key
  const isWeak = type.kind === 'RSA' && type.modulusBits < 2048
  return [
    ...(isWeak
      ? [finding('key-weak', id, path, `has ${type.modulusBits} bits`, 'move it away to have a new one made')]
      : []),
    ...algorithmFindings(key.type.name, cluster.encryptionAlgorithm, reportOn({ row: id, path })),
  ]
}

/** A leaf certificate and the key that came with it, from a file pair or out of a kubeconfig. */
export interface LeafPair {
  readonly path: TreePath
  /** The leaf first, intermediates behind it. */
  readonly certificates: readonly Certificate[]
  readonly key: PrivateKey | undefined
}

/**
 * Judges a leaf against what its row is to say.
 *
 * @param roots - certificates of its CA's file; empty when they cannot be judged against
 */
export async function judgeLeaf(
  id: Exclude<RowId, 'sa'>,
  { path, certificates, key }: LeafPair,
  roots: readonly Certificate[],
  cluster: Cluster,
  context: Context,
): Promise<Finding[]> {
  const [leaf, ...intermediates] = certificates
  if (!leaf) return []
  const report = reportOn({ row: id, path })
  const wanted = wantedCertificate(id, cluster)
  const findings: Finding[] = []
  if (key && !key.isKeyOf(leaf.spki)) {
    findings.push(
      isKubeconfigId(id)
        ? report('key-mismatch', 'has the key of another certificate')
        : finding('key-mismatch', id, keyPath(id), `is not the key of ${path}`),
    )
  }
  const usages = usageFindings(leaf, wanted.profile, report)
  const lint = checkCertificate(leaf, { row: id, path })
  const ownFaults = [
    ...periodFindings(leaf, { row: id, path }, context),
    ...usages.filter(({ field }) => field === 'extKeyUsage'),
    ...lint.filter(({ code }) => IN_CHAIN.includes(code)),
  ]
  findings.push(...ownFaults)
  // What is wrong with the leaf itself would only be said again as a chain that does not hold.
  if (ownFaults.length === 0 && roots.length > 0) {
    try {
      const [, issuer] = await verifyCertificate(
        leaf,
        { roots, intermediates, usages: wanted.profile.extKeyUsages, what: path },
        context,
      )
      if (issuer && leaf.notAfter > issuer.notAfter) {
        const [end, caEnd] = [leaf.notAfter.toISOString(), issuer.notAfter.toISOString()]
        findings.push(report('outlives-ca', `ends on ${end}, its CA on ${caEnd}`))
      }
    } catch (error) {
      if (!(error instanceof VerifyError)) throw error
      findings.push(report('chain', error.message.replace(`${path} `, '')))
    }
  }
  findings.push(...commonNameFindings(leaf, wanted.commonName, report))
  const groups = groupFindings(leaf, wanted.organizations, report)
  // Nothing is refused to a superuser, so that a certificate of the time before 1.29 still works.
  const isSuperuser = leaf.subject.organizations.includes(MASTERS)
  const lacks = groups.some(({ code }) => code === 'groups-missing')
  findings.push(...groups.filter(({ code }) => (code === 'groups-missing' ? !isSuperuser : !lacks || isSuperuser)))
  const missing = [
    ...wanted.dnsNames.filter(name => !isForServer({ dns: leaf.dnsNames, ips: [] }, name)),
    ...wanted.ipAddresses.filter(address => !leaf.ipAddresses.includes(address)),
  ]
  if (missing.length > 0) findings.push(report('names-missing', `lacks the names ${missing.join(', ')}`))
  const others = usages.filter(({ field }) => field !== 'extKeyUsage')
  if (others.length === usages.length) findings.push(...widthFindings(leaf, wanted.profile, report))
  findings.push(...others)
  findings.push(...lint.filter(({ code }) => !IN_CHAIN.includes(code)))
  if (key) findings.push(...algorithmFindings(key.type.name, cluster.encryptionAlgorithm, report))
  return findings
}

/** Judges what a kubeconfig says beside its client certificate. */
export function judgeKubeconfig(
  row: ActualRow,
  caCertificates: readonly Certificate[],
  signer: Certificate | undefined,
  cluster: Cluster,
  role: Role,
): Finding[] {
  const { id, kubeconfig } = row
  if (!kubeconfig || !isKubeconfigId(id)) return []
  const report = reportOn({ row: id, path: id })
  const findings = caDataFindings(kubeconfig, caCertificates, signer, report)
  if (kubeconfig.extras.length > 0)
    findings.push(report('kubeconfig-extra', `also has ${kubeconfig.extras.join(', ')}`))
  const server = serverOf(id, cluster, role)
  if (kubeconfig.server !== server)
    findings.push(report('server', `goes to ${showUrl(kubeconfig.server).text} instead of ${server}`))
  return findings
}

const CA_HINT = 'whatever it has signed ends with it: move the whole tree away to start anew'

/** Faults of a certificate for which no chain with it holds. */
const IN_CHAIN: readonly RuleId[] = ['signature-weak', 'extension-unknown']

function periodFindings(certificate: Certificate, about: FindingPlace, context: Context): Finding[] {
  return checkPeriod(certificate, context.clock(), reportOn(about), {
    notYet: 'look at the clock of this host',
    expired: certificate.isCa ? CA_HINT : 'move it away to have it made anew',
  })
}
