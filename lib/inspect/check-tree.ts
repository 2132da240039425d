import { ordinal } from '../access/kubeconfig-entries.js'
import { reportOn } from '../audit/about.js'
import { checkCertificate } from '../audit/check-certificate.js'
import { type CisResult, checkCis } from '../audit/check-cis.js'
import type { CisEdition } from '../audit/cis-items.js'
import { compareTree } from '../audit/compare.js'
import { certificatePathOf, KUBELET_IDS, keyPathOf } from '../audit/items.js'
import { type LifeOptions, lifeFindings } from '../audit/lifetimes.js'
import { manifestPath, STATIC_PODS } from '../audit/manifests.js'
import { type Finding, finding, type RuleId } from '../audit/rules.js'
import { readTree } from '../audit/tree.js'
import type { Asked, TreeComparison } from '../audit/types.js'
import { unfinishedFindings } from '../audit/unfinished.js'
import type { Context } from '../context.js'
import { formatBase64 } from '../crypto/bytes.js'
import { isKubeconfigId, ROW_IDS } from '../kubernetes/rows.js'
import { filesOf, type TreePath } from '../tree/layout.js'
import type { Store } from '../tree/store.js'
import type { Certificate } from '../x509/certificate.js'
import { type CheckedFiles, checkFiles } from './check-files.js'
import { storeInputs } from './store-inputs.js'

/** Options of {@link checkTree}. */
export interface CheckOptions extends LifeOptions {
  /** Rules that are looked at. Default: all */
  readonly rules?: readonly RuleId[]
  /** Rules that are not looked at. Default: none */
  readonly skipRules?: readonly RuleId[]
  /** Look at the items of this edition of the CIS Kubernetes Benchmark, too. Default: no */
  readonly cis?: CisEdition
}

/** What was found in a tree. */
export interface CheckResult {
  /** In the order of the catalogue, the kubelet's own next, other files behind them. */
  readonly findings: readonly Finding[]
  /** The tree beside what is wanted of it. */
  readonly comparison: TreeComparison
  /** How much was looked at. */
  readonly counts: CheckedFiles
  /** Default: no edition was asked for */
  readonly cis?: CisResult
}

/**
 * Checks a whole tree: every item beside what is wanted of it, every certificate for itself, all other files that the store lists.
 * Reads only. Nothing that is wrong with a file is an error.
 *
 * @param asked - what is wanted; `{}` for what the tree itself says
 * @throws {@link StoreError} when a directory of the tree cannot be listed
 * @example const { findings } = await checkTree(new MemoryStore(files), {}, createContext())
 */
export async function checkTree(
  store: Store,
  asked: Asked,
  context: Context,
  options: CheckOptions = {},
): Promise<CheckResult> {
  const now = context.clock()
  const frozen: Context = { ...context, clock: () => now }
  const tree = await readTree(store, frozen)
  const comparison = await compareTree(tree, asked, frozen, options)
  const findings = comparison.items.flatMap(item => [
    ...item.findings,
    ...furtherFindings(item, comparison, now, options),
  ])
  findings.push(...tree.findings, ...(await unfinishedFindings(store)))
  const cis = options.cis === undefined ? undefined : await checkCis(options.cis, store, tree)
  const known = certificatesOf(comparison)
  // Of the tree's kubeconfigs a component uses one context; people use the others.
  const again = new Set<TreePath>()
  const isKnown = (path: TreePath) => {
    if (isKubeconfigId(path)) again.add(path)
    return READ.has(path) && !isKubeconfigId(path)
  }
  const others = checkFiles(storeInputs(store, isKnown), frozen, { ...options, known })
  let counts: CheckedFiles | undefined
  for (;;) {
    const next = await others.next()
    if (next.done) {
      counts = next.value
      break
    }
    const { path, row } = next.value
    if (!isSaid(next.value, findings)) findings.push({ ...next.value, row: isKubeconfigId(path) ? path : row })
  }
  const isEmpty = tree.fileCount + counts.certificates + counts.keys + counts.kubeconfigs === 0
  if (isEmpty && findings.every(({ severity }) => severity === 'info'))
    findings.push(
      finding('nothing-found', undefined, 'pki', 'there is no certificate, key or kubeconfig in the whole tree'),
    )
  findings.push(...(cis?.findings ?? []))
  const isAsked = ({ code }: Finding) =>
    (options.rules?.includes(code) ?? true) && !(options.skipRules?.includes(code) ?? false)
  const items = [...tree.rows.values(), ...tree.kubelet.values()].filter(({ id }) => !again.has(id))
  const kubeconfigs = items.flatMap(item => ('kubeconfig' in item && item.kubeconfig ? [item.kubeconfig] : []))
  return {
    findings: distinct(findings).filter(isAsked),
    comparison,
    counts: {
      ...counts,
      files: counts.files + tree.fileCount - again.size,
      certificates: counts.certificates + known.length,
      keys: counts.keys + [...items, ...kubeconfigs].filter(({ key }) => key).length,
      kubeconfigs: counts.kubeconfigs + kubeconfigs.length,
    },
    ...(cis ? { cis } : {}),
  }
}

/** Whether the more precise rule has said it already of a kubeconfig that is looked at twice. */
function isSaid({ code, path }: Finding, findings: readonly Finding[]): boolean {
  if (!isKubeconfigId(path)) return false
  const said = findings.filter(found => found.path === path).map(found => found.code)
  return (
    said.includes(code) || said.includes('unreadable') || (code === 'kubeconfig-extra' && said.includes('insecure'))
  )
}

/** What is read as a part of the tree. */
const READ: ReadonlySet<TreePath> = new Set([
  ...ROW_IDS.flatMap(id => filesOf(id).map(({ path }) => path)),
  ...KUBELET_IDS.flatMap(id => [certificatePathOf(id), keyPathOf(id)]),
  ...STATIC_PODS.map(manifestPath),
])

/** Every certificate of the tree's items, with the file that it was found in first. */
function certificatesOf({
  tree,
}: TreeComparison): readonly { readonly certificate: Certificate; readonly path: TreePath }[] {
  const found = new Map<string, { readonly certificate: Certificate; readonly path: TreePath }>()
  for (const item of [...tree.rows.values(), ...tree.kubelet.values()]) {
    const kubeconfig = 'kubeconfig' in item ? item.kubeconfig : undefined
    const path = item.id === 'sa' ? '' : certificatePathOf(item.id)
    for (const certificate of [
      ...item.certificates,
      ...(kubeconfig?.certificates ?? []),
      ...(kubeconfig?.caCertificates ?? []),
    ]) {
      const key = formatBase64(certificate.der)
      if (!found.has(key)) found.set(key, { certificate, path })
    }
  }
  return [...found.values()]
}

/** What is wrong with the certificates beside the one that an item is judged by: the rest of a bundle or chain, other CAs. */
function furtherFindings(
  { id, actual, certificate: judged }: TreeComparison['items'][number],
  { tree }: TreeComparison,
  now: Date,
  options: CheckOptions,
): Finding[] {
  if (!actual || id === 'sa') return []
  const kubeconfig = 'kubeconfig' in actual ? actual.kubeconfig : undefined
  const own = kubeconfig ? kubeconfig.certificates : actual.certificates
  const ca = new Set(tree.rows.get('ca')?.certificates.map(({ der }) => formatBase64(der)))
  const field = isKubeconfigId(id) ? 'client-certificate-data: ' : ''
  const others = [
    ...own.map((certificate, index) => ({ certificate, part: `${field}${ordinal(index)} certificate` })),
    ...(kubeconfig?.caCertificates ?? [])
      .filter(({ der }) => !ca.has(formatBase64(der)))
      .map((certificate, index) => ({
        certificate,
        part: `certificate-authority-data: ${ordinal(index)} certificate`,
      })),
  ]
  return others.flatMap(({ certificate, part }) => {
    if (certificate === judged) return []
    const about = { row: id, path: certificatePathOf(id), part }
    // An old CA stays in a bundle until everything that it has signed is gone, and that is no reason to hurry.
    const isOver = now > certificate.notAfter && kubeconfig === undefined && own.length > 1
    return [
      ...checkCertificate(certificate, about),
      ...(isOver ? [] : lifeFindings(id, certificate, now, reportOn(about), options)),
    ]
  })
}

/** Each thing once: two ways of looking at a file may find the same. */
function distinct(findings: readonly Finding[]): readonly Finding[] {
  const seen = new Set<string>()
  return findings.filter(({ code, path, part = '', field = '', message }) => {
    const key = JSON.stringify([code, path, part, field, message])
    return !seen.has(key) && seen.add(key)
  })
}
