import { ordinal } from '../access/kubeconfig-entries.js'
import { VerifyError } from '../errors.js'
import { parseDuration } from '../kubernetes/duration.js'
import { MASTERS } from '../kubernetes/groups.js'
import { isKubeconfigId, PROFILES, type Profile, profileOf } from '../kubernetes/rows.js'
import type { Certificate } from '../x509/certificate.js'
import { EXTENSIONS } from '../x509/extensions.js'
import { verifySignature } from '../x509/signature.js'
import { canSign, isWeaklySigned, verifyCertificate } from '../x509/verify.js'
import { type FindingPlace, listed, type Report, reportOn, shortList } from './about.js'
import type { ActualRow } from './actual.js'
import { checkCertificate } from './check-certificate.js'
import { checkIssued } from './check-issued.js'
import { groupSourceOf } from './group-source.js'
import { algorithmFindings, commonNameFindings, groupFindings, usageFindings, widthFindings } from './identity.js'
import { periodOf } from './infer-period.js'
import { certificatePathOf, isKubeletId, keyPathOf, pairOf } from './items.js'
import { lifeFindings } from './lifetimes.js'
import { type Finding, finding, type TreeItemId } from './rules.js'
import type { ActualKubeletPair, WantedIdentity } from './types.js'
import { missingNames, neededNames, statedNameList, wantedNames } from './wanted-names.js'
import type { Wanting } from './wanting.js'

/** A leaf of a tree, and what it is held against. */
export interface ComparedLeaf {
  readonly id: Exclude<TreeItemId, 'sa'>
  readonly actual: ActualRow | ActualKubeletPair
  /** The one that the key belongs to, else the first. */
  readonly certificate: Certificate
  readonly wanted: WantedIdentity | undefined
  /** Certificates of its CA's file; empty when they cannot be judged against. */
  readonly roots: readonly Certificate[]
  /** That of them that has signed it, by its name. */
  readonly issuer: Certificate | undefined
}

/** Says what is wrong with a leaf in its place. */
export async function leafFindings(leaf: ComparedLeaf, wanting: Wanting): Promise<Finding[]> {
  const { id, certificate, issuer } = leaf
  const about = placeOf(leaf)
  const report = reportOn(about)
  const chain = await chainFindings(leaf, report, wanting)
  const found = [
    ...pairFindings(leaf, report),
    ...checkCertificate(certificate, about),
    ...chain,
    // How it goes with a CA that has not signed it is of no interest.
    ...(issuer && chain.length === 0 && canSign(issuer) ? checkIssued(certificate, issuer, about) : []),
    ...lifeFindings(id, certificate, wanting.context.clock(), report, wanting.options),
  ]
  if (!leaf.wanted) return found
  const profile: Profile = PROFILES[isKubeletId(id) ? 'client' : profileOf(id)]
  return [
    ...found,
    ...nameFindings(leaf, leaf.wanted, wanting, report),
    ...membershipFindings(leaf, leaf.wanted, wanting, report),
    ...alternativeNameFindings(leaf, wanting, report),
    ...usageFindings(certificate, profile, report),
    ...widthFindings(certificate, profile, report),
    ...driftFindings(leaf, wanting, report),
  ]
}

function placeOf({ id, actual, certificate }: Pick<ComparedLeaf, 'id' | 'actual' | 'certificate'>): FindingPlace {
  const path = certificatePathOf(id)
  const { certificates } = pairOf(actual)
  const part = isKubeconfigId(id)
    ? 'client-certificate-data'
    : certificates.length > 1
      ? `${ordinal(certificates.indexOf(certificate))} certificate`
      : undefined
  return { row: id, path, part }
}

function pairFindings({ id, actual, certificate }: ComparedLeaf, report: Report): Finding[] {
  const { certificates, key } = pairOf(actual)
  const path = certificatePathOf(id)
  const keyPath = keyPathOf(id)
  if (!key) {
    const isThere =
      keyPath === path || actual.files.has(keyPath) || actual.findings.some(found => found.path === keyPath)
    // Of a kubeconfig without a key more is said with it.
    if (isThere) return []
    return [report('key-missing', `is there without ${keyPath}`, { expected: keyPath })]
  }
  if (!key.isKeyOf(certificate.spki)) {
    return [
      isKubeconfigId(id) || keyPath === path
        ? report('key-mismatch', 'has the key of another certificate')
        : finding('key-mismatch', id, keyPath, `is not the key of ${path}`),
    ]
  }
  if (certificates[0] === certificate) return []
  const message = `has the certificate of its key in the ${ordinal(certificates.indexOf(certificate))} place`
  return [
    report('chain-order', message, { expected: certificate.subject.text, actual: certificates[0]?.subject.text ?? '' }),
  ]
}

function isBeyondVerifying(certificate: Certificate): boolean {
  const known: readonly string[] = Object.values(EXTENSIONS)
  return isWeaklySigned(certificate) || certificate.criticalExtensions.some(oid => !known.includes(oid))
}

/** Whether its CA has signed it, at a moment at which both are valid: that they are not now is another matter. */
async function chainFindings(
  { id, actual, certificate, roots, issuer }: ComparedLeaf,
  report: Report,
  { context }: Wanting,
): Promise<Finding[]> {
  if (roots.length === 0) return []
  // That its CA is none is said of the CA.
  if (issuer && !canSign(issuer)) return []
  // A weak signature and an unknown extension are said with the certificate that has them.
  if ([certificate, ...(issuer ? [issuer] : [])].some(isBeyondVerifying)) return []
  const { certificates } = pairOf(actual)
  const now = context.clock()
  const anchor = issuer ?? roots[0]
  const from = Math.max(+certificate.notBefore, +(anchor?.notBefore ?? 0))
  const to = Math.min(+certificate.notAfter, +(anchor?.notAfter ?? 0))
  if (from > to) return []
  const moment = new Date(Math.min(Math.max(+now, from), to))
  try {
    const what = certificatePathOf(id)
    await verifyCertificate(
      certificate,
      { roots, intermediates: certificates.filter(other => other !== certificate), what },
      { ...context, clock: () => moment },
    )
    return []
  } catch (error) {
    if (!(error instanceof VerifyError)) throw error
    // Signed it has, under a name that is not its own.
    for (const root of issuer ? [] : roots)
      if (await verifySignature(certificate, root.spki, context))
        return checkIssued(certificate, root, placeOf({ id, actual, certificate }))
    return [
      report('chain', error.message.replace(`${certificatePathOf(id)} `, ''), {
        field: 'issuer',
        expected: [...new Set(roots.map(({ subject }) => subject.text))].join(' or '),
        actual: certificate.issuer.text,
      }),
    ]
  }
}

function nameFindings(
  { id, certificate }: ComparedLeaf,
  wanted: WantedIdentity,
  wanting: Wanting,
  report: Report,
): Finding[] {
  const found = commonNameFindings(certificate, wanted.commonName, report)
  if (id !== 'front-proxy-client' || found.length > 0) return found
  const { commonName } = certificate.subject
  const allowed =
    wanting.tree.manifests.flags.get('kube-apiserver')?.get('requestheader-allowed-names')?.split(',') ?? []
  // An empty list allows everybody (kubernetes/kubernetes v1.20.2, staging/src/k8s.io/apiserver/pkg/server/options/authentication.go).
  if (allowed.every(name => name === '') || allowed.includes(commonName)) return []
  const names = listed(allowed)
  return [
    report('common-name', `is for ${commonName || 'nobody'}, and --requestheader-allowed-names has ${names}`, {
      field: 'subject.commonName',
      expected: names,
      actual: commonName,
    }),
  ]
}

function membershipFindings(
  { id, certificate }: ComparedLeaf,
  wanted: WantedIdentity,
  wanting: Wanting,
  report: Report,
): Finding[] {
  const { organizations } = wanted
  if (!certificate.subject.organizations.includes(MASTERS) || id === 'super-admin.conf')
    return groupFindings(certificate, organizations, report)
  // Nothing is refused to a superuser, so that it lacks nothing.
  const findings = groupFindings(certificate, [...organizations, MASTERS], report).filter(
    ({ code }) => code !== 'groups-missing',
  )
  // What only etcd sees makes nobody a superuser of the cluster: etcd does not look at it.
  const source = groupSourceOf(id)
  const isWanted = organizations.includes(MASTERS)
  const isAsBefore = isWanted && (source === 'etcd-client' || wanting.inference.hasBoundAdmins !== true)
  findings.push(
    report(isAsBefore ? 'superuser-older' : 'superuser', `is in the group ${MASTERS}`, {
      field: 'subject.organizations',
      actual: certificate.subject.organizations.join(', '),
      ...(isWanted ? {} : { expected: organizations.join(', ') || 'none' }),
      // Rights of another group are what administrators need, and nobody else.
      ...(source === 'admin' ? {} : { hint: 'Have it made anew without the group: kpki apply.' }),
    }),
  )
  return findings
}

function alternativeNameFindings({ id, certificate }: ComparedLeaf, wanting: Wanting, report: Report): Finding[] {
  const { dnsNames, ipAddresses } = wantedNames(id, certificate, wanting)
  const has = [...certificate.dnsNames, ...certificate.ipAddresses]
  const wanted = [...dnsNames, ...ipAddresses]
  const list = statedNameList(id, wanting)
  const [lower, lowerWanted] = [has, wanted].map(names => new Set(names.map(name => name.toLowerCase())))
  const missing = list ? wanted.filter(name => !lower?.has(name.toLowerCase())) : missingNames(certificate, wanted)
  const extra = list ? has.filter(name => !lowerWanted?.has(name.toLowerCase())) : []
  const findings: Finding[] = []
  if (missing.length > 0) {
    const reasons = neededNames(id, wanting)
    const why = missing.length === 1 ? reasons.get(missing[0] ?? '') : undefined
    findings.push(
      report(
        'names-missing',
        `lacks the name${missing.length > 1 ? 's' : ''} ${missing.join(', ')}${why === undefined ? '' : `: ${why}`}`,
        {
          field: 'subjectAltName',
          expected: missing.join(', '),
          actual: shortList(has),
        },
      ),
    )
  }
  if (extra.length > 0)
    findings.push(
      report(
        'names-extra',
        `has the name${extra.length > 1 ? 's' : ''} ${shortList(extra)}, which ${wanting.from} does not list`,
        {
          field: 'subjectAltName',
          expected: shortList(wanted),
          actual: shortList(extra),
        },
      ),
    )
  return findings
}

function driftFindings({ id, certificate, issuer }: ComparedLeaf, wanting: Wanting, report: Report): Finding[] {
  const { stated, context } = wanting
  const findings: Finding[] = []
  const algorithm = stated.encryptionAlgorithm
  // The kubelet makes its keys itself.
  if (algorithm !== undefined && !isKubeletId(id))
    findings.push(...algorithmFindings(certificate.publicKey.name, algorithm, report))
  const period = parseDuration(stated.certificateValidityPeriod ?? '')
  if (period === undefined || isKubeletId(id)) return findings
  const own = periodOf(certificate, issuer)
  const isLonger = +certificate.notAfter > +context.clock() + period * 1000 + 1000
  if (own === undefined ? isLonger : Math.abs(own - period) > 1) {
    const actual = own === undefined ? `until ${certificate.notAfter.toISOString()}` : periodText(own)
    findings.push(
      report(
        'validity',
        `was made for ${own === undefined ? 'longer than ' : ''}${own === undefined ? periodText(period) : `${actual}, not for ${periodText(period)}`}`,
        {
          field: 'validity',
          expected: periodText(period),
          actual,
        },
      ),
    )
  }
  return findings
}

/** Seconds in the largest unit that fits. */
export function periodText(seconds: number): string {
  const [size, unit] = (
    [
      [86_400, 'day'],
      [3600, 'hour'],
      [60, 'minute'],
      [1, 'second'],
    ] as const
  ).find(([size]) => seconds % size === 0) ?? [1, 'second']
  const count = seconds / size
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}
