import { decodeUtf8 } from '../crypto/bytes.js'
import { KpkiError } from '../errors.js'
import { ROW_IDS } from '../kubernetes/rows.js'
import { filesOf, type TreePath } from '../tree/layout.js'
import type { Store } from '../tree/store.js'
import type { YamlValue } from '../yaml-scalars.js'
import { type CisEdition, type CisItem, cisItems } from './cis-items.js'
import {
  fieldOf,
  flagFindings,
  type LookedFile,
  matching,
  modeFindings,
  type Outcome,
  ownCaFindings,
  ownerFindings,
} from './cis-looks.js'
import { itemIdOf } from './items.js'
import { manifestPath, STATIC_PODS } from './manifests.js'
import { type Finding, type FindingDetails, finding } from './rules.js'
import type { ActualTree } from './types.js'

/** How an item of the benchmark was looked at. */
export interface CisLooked {
  readonly item: string
  readonly title: string
  /** Rule that its findings have. */
  readonly rule: CisItem['rule']
  /** `clear`: nothing was found; `found`: there are findings; `skipped`: there was nothing to look at. */
  readonly state: 'clear' | 'found' | 'skipped'
  /** Why it was skipped. Default: it was not */
  readonly reason?: string
}

/** What one edition of the benchmark says of a tree. Items that are not named were not looked at: it is no verdict. */
export interface CisResult {
  readonly edition: CisEdition
  readonly findings: readonly Finding[]
  readonly items: readonly CisLooked[]
}

/** What there is to look at. */
interface Seen {
  readonly tree: Pick<ActualTree, 'rows' | 'manifests'>
  readonly files: ReadonlyMap<TreePath, LookedFile>
  /** The kubelet's configuration, or why there is none. */
  readonly kubelet: { readonly value: YamlValue } | string
}

const KUBELET_CONFIG = 'kubelet/config.yaml'

/**
 * Looks at those items of an edition that are about files that a tree holds: modes and owners, flags of static Pods, the kubelet's
 * configuration. Directories themselves are not looked at, nor are flags of what runs as a systemd unit.
 *
 * @param tree - as {@link readTree} has read it from this store
 */
export async function checkCis(
  edition: CisEdition,
  store: Store,
  tree: Pick<ActualTree, 'rows' | 'manifests'>,
): Promise<CisResult> {
  const seen: Seen = { tree, files: await filesIn(store), kubelet: await readKubelet(store) }
  const findings: Finding[] = []
  const items = cisItems(edition).map((each): CisLooked => {
    const { item, title, rule } = each
    const outcome = lookAt(edition, each, seen)
    if (typeof outcome === 'string') return { item, title, rule, state: 'skipped', reason: outcome }
    findings.push(...outcome)
    return { item, title, rule, state: outcome.length > 0 ? 'found' : 'clear' }
  })
  return { edition, findings, items }
}

/** Files of rows, kubeconfigs, manifests and the kubelet; all others, too, where the store can list them. */
async function filesIn(store: Store): Promise<ReadonlyMap<TreePath, LookedFile>> {
  const paths = new Set<TreePath>(ROW_IDS.flatMap(id => filesOf(id).map(({ path }) => path)))
  for (const component of STATIC_PODS) paths.add(manifestPath(component))
  paths.add(KUBELET_CONFIG)
  if (store.list)
    for await (const { path, problem } of store.list())
      if (problem === undefined && path.startsWith('pki/')) paths.add(path)
  const files = new Map<TreePath, LookedFile>()
  for (const path of paths) {
    try {
      const file = await store.read(path)
      if (file) files.set(path, { path, mode: file.mode, uid: file.uid, gid: file.gid })
    } catch (error) {
      // That it cannot be read is found by another rule.
      if (!(error instanceof KpkiError)) throw error
    }
  }
  return files
}

async function readKubelet(store: Store): Promise<Seen['kubelet']> {
  const none = `${KUBELET_CONFIG} is not there`
  try {
    const file = await store.read(KUBELET_CONFIG)
    const text = file && decodeUtf8(file.bytes)
    if (!file) return none
    const { parseYaml } = await import('../yaml.js')
    return text === undefined ? `${KUBELET_CONFIG} is not text` : { value: parseYaml(text, KUBELET_CONFIG).value }
  } catch (error) {
    if (!(error instanceof KpkiError)) throw error
    return `${KUBELET_CONFIG} cannot be read`
  }
}

function lookAt(edition: CisEdition, each: CisItem, seen: Seen): Outcome {
  const { look, item, title, rule } = each
  const report = (path: TreePath, message: string, details: FindingDetails) =>
    finding(rule, itemIdOf(path), path, message, { ...details, benchmark: { edition, item, title } })
  switch (look.kind) {
    case 'mode':
    case 'owner': {
      const files = look.files.flatMap(name => matching(name, seen.files))
      if (files.length === 0) return `${look.files.join(', ')}: no such file`
      return look.kind === 'mode' ? modeFindings(files, look.most, report) : ownerFindings(files, report)
    }
    case 'own-ca':
      return ownCaFindings(seen.tree, report)
    case 'kubelet-set':
    case 'kubelet-not-false': {
      if (typeof seen.kubelet === 'string') return seen.kubelet
      const { value } = seen.kubelet
      if (look.kind === 'kubelet-set') {
        const missing = look.fields.filter(field => fieldOf(value, field) === undefined)
        return missing.map(field => report(KUBELET_CONFIG, `does not set ${field}`, { field }))
      }
      const { field } = look
      return fieldOf(value, field) === false
        ? [report(KUBELET_CONFIG, `sets ${field} to false`, { field, actual: 'false' })]
        : []
    }
    default: {
      const { component } = look
      const flags = seen.tree.manifests.flags.get(component)
      if (!flags) return `${manifestPath(component)}: not there, or not read`
      return flagFindings(look, flags, (message, details) => report(manifestPath(component), message, details))
    }
  }
}
