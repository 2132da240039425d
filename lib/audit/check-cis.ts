import { decodeUtf8, equalBytes } from '../crypto/bytes.js'
import { KpkiError } from '../errors.js'
import { ROW_IDS, type RowId } from '../kubernetes/rows.js'
import { filesOf, type TreePath } from '../tree/layout.js'
import type { Store } from '../tree/store.js'
import type { YamlValue } from '../yaml-scalars.js'
import { type CisEdition, type CisItem, cisItems } from './cis-items.js'
import { manifestPath } from './manifests.js'
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

/** A file as the benchmark looks at it. */
interface LookedFile {
  readonly path: TreePath
  readonly mode: number | undefined
  readonly uid: number | undefined
  readonly gid: number | undefined
}

/** What there is to look at. */
interface Seen {
  readonly tree: Pick<ActualTree, 'rows' | 'manifests'>
  readonly files: ReadonlyMap<TreePath, LookedFile>
  /** The kubelet's configuration, or why there is none. */
  readonly kubelet: { readonly value: YamlValue } | string
}

/** What an item's look gives: findings, or why there was nothing to look at. */
type Outcome = readonly Finding[] | string

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
  for (const component of ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'etcd'])
    paths.add(manifestPath(component))
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
    finding(rule, rowOf(path), path, message, { ...details, benchmark: { edition, item, title } })
  switch (look.kind) {
    case 'mode':
    case 'owner': {
      const files = look.files.flatMap(name => matching(name, seen.files))
      if (files.length === 0) return `${look.files.join(', ')}: no such file`
      return look.kind === 'mode' ? modeFindings(files, look.most, report) : ownerFindings(files, report)
    }
    case 'own-ca':
      return ownCaFindings(seen, report)
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

type Report = (path: TreePath, message: string, details: FindingDetails) => Finding
type FlagReport = (message: string, details: FindingDetails) => Finding

function matching(name: string, files: ReadonlyMap<TreePath, LookedFile>): readonly LookedFile[] {
  const file = files.get(name)
  if (name === 'pki') return [...files.values()].filter(({ path }) => path.startsWith('pki/'))
  if (name.startsWith('*'))
    return [...files.values()].filter(({ path }) => path.startsWith('pki/') && path.endsWith(name.slice(1)))
  return file ? [file] : []
}

function modeFindings(files: readonly LookedFile[], most: number, report: Report): Outcome {
  const known = files.filter(({ mode }) => mode !== undefined)
  if (known.length === 0) return 'modes are not known'
  return known.flatMap(({ path, mode = 0 }) =>
    (mode & ~most) === 0
      ? []
      : [
          report(path, `has mode ${octal(mode)}, ${octal(most)} or less is asked for`, {
            ...{ field: 'mode', expected: octal(most), actual: octal(mode) },
            hint: `chmod ${octal(mode & most).slice(1)} it`,
          }),
        ],
  )
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0')
}

function ownerFindings(files: readonly LookedFile[], report: Report): Outcome {
  const known = files.filter(({ uid, gid }) => uid !== undefined && gid !== undefined)
  if (known.length === 0) return 'owners are not known'
  return known.flatMap(({ path, uid, gid }) =>
    uid === 0 && gid === 0
      ? []
      : [
          report(path, `belongs to user ${uid} and group ${gid}`, {
            ...{ field: 'owner', expected: '0:0', actual: `${uid}:${gid}` },
          }),
        ],
  )
}

type FlagLook = Exclude<CisItem['look'], { kind: 'mode' | 'owner' | 'own-ca' | 'kubelet-set' | 'kubelet-not-false' }>

function flagFindings(look: FlagLook, flags: ReadonlyMap<string, string>, report: FlagReport): readonly Finding[] {
  if (look.kind === 'set')
    return look.flags
      .filter(flag => (flags.get(flag) ?? '') === '')
      .map(flag => report(`does not set --${flag}`, { field: `--${flag}` }))
  const field = `--${look.flag}`
  const value = flags.get(look.flag)
  switch (look.kind) {
    case 'value': {
      // spf13/pflag takes what Go's strconv.ParseBool takes.
      const isSame = value !== undefined && (BOOLEANS[value] ?? value) === look.value
      if (value === undefined ? look.orAbsent : isSame) return []
      const message = value === undefined ? `does not set ${field}` : `sets ${field} to ${value}`
      return [report(message, { field, expected: look.value, ...(value === undefined ? {} : { actual: value }) })]
    }
    case 'without':
      return (value ?? '').split(',').includes(look.value)
        ? [report(`sets ${field} to ${look.value}`, { field, actual: look.value })]
        : []
    case 'among': {
      if (value === undefined) return [report(`does not set ${field}`, { field })]
      const others = value.split(',').filter(each => !look.values.includes(each))
      return others.length === 0
        ? []
        : [report(`lists ${others.join(', ')} in ${field}`, { field, actual: others.join(',') })]
    }
  }
}

const BOOLEANS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(['1', 't', 'T', 'TRUE', 'True'].map(word => [word, 'true'])),
  ...Object.fromEntries(['0', 'f', 'F', 'FALSE', 'False'].map(word => [word, 'false'])),
}

/** etcd's CA by what its manifest names, and by the key that the CA really has. */
function ownCaFindings({ tree }: Seen, report: Report): Outcome {
  const flags = tree.manifests.flags.get('etcd')
  const [ca] = tree.rows.get('ca')?.certificates ?? []
  const [etcdCa] = tree.rows.get('etcd-ca')?.certificates ?? []
  if (!flags && !(ca && etcdCa)) return "neither etcd's manifest nor its CA is there"
  const field = '--trusted-ca-file'
  if (flags) {
    const own = flags.get('trusted-ca-file') ?? ''
    const clients = tree.manifests.flags.get('kube-apiserver')?.get('client-ca-file')
    if (own === '') return [report(manifestPath('etcd'), `does not set ${field}`, { field })]
    if (own === clients)
      return [report(manifestPath('etcd'), `names the CA of the cluster as its own: ${own}`, { field, actual: own })]
  }
  return ca && etcdCa && equalBytes(ca.spki, etcdCa.spki)
    ? [report('pki/etcd/ca.crt', 'has the key of pki/ca.crt', { field: 'subjectPublicKeyInfo' })]
    : []
}

function fieldOf(value: YamlValue, field: string): YamlValue | undefined {
  let at: YamlValue | undefined = value
  for (const name of field.split('.')) {
    if (typeof at !== 'object' || at === null || Array.isArray(at)) return undefined
    const object = at as { readonly [name: string]: YamlValue }
    at = Object.hasOwn(object, name) ? object[name] : undefined
  }
  return at === null || at === '' ? undefined : at
}

function rowOf(path: TreePath): RowId | undefined {
  return ROW_IDS.find(id => filesOf(id).some(file => file.path === path))
}
