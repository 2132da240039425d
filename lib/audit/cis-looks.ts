import { equalBytes } from '../crypto/bytes.js'
import { formatMode, type TreePath } from '../tree/layout.js'
import { isYamlObject, type YamlValue } from '../yaml-scalars.js'
import type { CisItem } from './cis-items.js'
import { manifestPath } from './manifests.js'
import type { Finding, FindingDetails } from './rules.js'
import type { ActualTree } from './types.js'

/** A file as the benchmark looks at it. */
export interface LookedFile {
  readonly path: TreePath
  readonly mode: number | undefined
  readonly uid: number | undefined
  readonly gid: number | undefined
}

/** What an item's look gives: findings, or why there was nothing to look at. */
export type Outcome = readonly Finding[] | string

/** Makes a finding of the item that is looked at. */
export type CisReport = (path: TreePath, message: string, details: FindingDetails) => Finding
type FlagReport = (message: string, details: FindingDetails) => Finding

/** Files that a name of an item stands for. */
export function matching(name: string, files: ReadonlyMap<TreePath, LookedFile>): readonly LookedFile[] {
  const file = files.get(name)
  if (name === 'pki') return [...files.values()].filter(({ path }) => path.startsWith('pki/'))
  if (name.startsWith('*'))
    return [...files.values()].filter(({ path }) => path.startsWith('pki/') && path.endsWith(name.slice(1)))
  return file ? [file] : []
}

/** Files that are open wider than an item allows. */
export function modeFindings(files: readonly LookedFile[], most: number, report: CisReport): Outcome {
  const known = files.filter(({ mode }) => mode !== undefined)
  if (known.length === 0) return 'modes are not known'
  return known.flatMap(({ path, mode = 0 }) =>
    (mode & ~most) === 0
      ? []
      : [
          report(path, `has mode ${formatMode(mode)}, ${formatMode(most)} or less is asked for`, {
            ...{ field: 'mode', expected: formatMode(most), actual: formatMode(mode) },
            hint: `chmod ${formatMode(mode & most).slice(1)} it`,
          }),
        ],
  )
}

/** Files that are not root's. */
export function ownerFindings(files: readonly LookedFile[], report: CisReport): Outcome {
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

/** A look at the flags of a static Pod. */
export type FlagLook = Exclude<
  CisItem['look'],
  { kind: 'mode' | 'owner' | 'own-ca' | 'kubelet-set' | 'kubelet-not-false' }
>

/** Flags that are not as an item wants them. */
export function flagFindings(
  look: FlagLook,
  flags: ReadonlyMap<string, string>,
  report: FlagReport,
): readonly Finding[] {
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
export function ownCaFindings(tree: Pick<ActualTree, 'rows' | 'manifests'>, report: CisReport): Outcome {
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

/** A field of a YAML document by its path; `undefined` when it is empty, too. */
export function fieldOf(value: YamlValue, field: string): YamlValue | undefined {
  let at: YamlValue | undefined = value
  for (const name of field.split('.')) {
    if (!isYamlObject(at)) return undefined
    at = Object.hasOwn(at, name) ? at[name] : undefined
  }
  return at === null || at === '' ? undefined : at
}
