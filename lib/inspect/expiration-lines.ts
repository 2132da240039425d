import type { RuleId } from '../audit/rules.js'
import type { CertificateId, KubeconfigId, RowId } from '../kubernetes/rows.js'
import { isKubeconfigId } from '../kubernetes/rows.js'
import { keyPath } from '../tree/layout.js'
import {
  certificatesByFile,
  expectedRows,
  findNamed,
  isPutAside,
  kubeletFiles,
  namesCertificate,
  pathOf,
} from './expiration-files.js'
import type { InspectedKubeconfig, Inspection, Place } from './types.js'

/** One line of a report, before it is known who signed it. */
export interface ExpirationLine {
  readonly name: string
  readonly path: string
  readonly isCa: boolean
  /** kubeadm's row that it is. */
  readonly row: RowId | undefined
  /** The certificate and where it stands, or why there is none. */
  readonly what:
    | { readonly index: number; readonly part: string | undefined }
    | { readonly state: 'missing' | 'unreadable' | 'elsewhere'; readonly problem: string | undefined }
}

/** Why a file may give no certificate. */
const FAULTS: ReadonlySet<RuleId> = new Set(['unreadable', 'not-regular', 'link-outside', 'too-many'])
const MISSING = { state: 'missing', problem: undefined } as const

/**
 * The lines of a report in their order: kubeadm's rows, the kubelet's, further files by name, and at last whatever stands in
 * them beside what they are for.
 */
export function expirationLines(
  inspection: Inspection,
  files: ReadonlySet<string>,
  locate: (path: string) => string,
): readonly ExpirationLine[] {
  const { certificates } = inspection
  const byFile = certificatesByFile(inspection)
  const kubeconfigs = new Map<string, InspectedKubeconfig[]>()
  for (const each of inspection.kubeconfigs) push(kubeconfigs, each.place.file, each)
  const faults = new Map<string, string>()
  for (const { code, place, message } of inspection.remarks)
    if (FAULTS.has(code) && !faults.has(place.file)) faults.set(place.file, message)

  const lines: ExpirationLine[] = []
  const told = new Set<number>()
  const names = new Set<string>()
  /** What the certificate of a file is called, for the others in it to be called after it. */
  const nameOf = new Map<string, string>()
  const add = (name: string, path: string, isCa: boolean, row: RowId | undefined, what: ExpirationLine['what']) => {
    let unique = name
    for (let number = 2; names.has(`${isCa} ${unique}`); number++) unique = `${name}#${number}`
    names.add(`${isCa} ${unique}`)
    if ('index' in what) told.add(what.index)
    lines.push({ name: unique, path, isCa, row, what })
  }
  const unreadable = (path: string, problem: string) =>
    files.has(path) ? ({ state: 'unreadable', problem: faults.get(path) ?? problem } as const) : MISSING

  /** The certificate that a user of a kubeconfig has, inside of it or in the file that it names. */
  const certificateOf = (kubeconfig: InspectedKubeconfig, user: InspectedKubeconfig['users'][number]) => {
    const { certificate, certificateFile } = user
    const { file } = kubeconfig.place
    if (certificate !== undefined) {
      const place = certificates[certificate]?.places.find(
        ({ file: at, part }) => at === file && part?.includes(`users[${user.name}]`),
      )
      return { index: certificate, part: place?.part }
    }
    if (certificateFile === undefined) return undefined
    const named = findNamed(certificateFile, kubeconfig, files, locate)
    const [first] = named === undefined ? [] : (byFile.get(named) ?? [])
    if (first) return { index: first.index, part: undefined }
    return named === undefined
      ? ({ state: 'elsewhere', problem: `is in ${certificateFile}, which is not here` } as const)
      : unreadable(named, 'holds no certificate')
  }

  const addKubeconfig = (id: KubeconfigId) => {
    nameOf.set(id, id)
    const [kubeconfig] = kubeconfigs.get(id) ?? []
    const { user: current } = kubeconfig?.contexts.find(({ name }) => name === kubeconfig.currentContext) ?? {}
    const user = kubeconfig?.users.find(({ name }) => name === current)
    const what = kubeconfig && user ? certificateOf(kubeconfig, user) : undefined
    add(id, id, false, id, what ?? unreadable(id, 'holds no client certificate of its current context'))
    for (const other of kubeconfig?.users ?? []) {
      const further = kubeconfig && other !== user ? certificateOf(kubeconfig, other) : undefined
      if (further) add(`${id}[${other.name}]`, id, false, undefined, further)
    }
  }
  const addCertificate = (id: CertificateId, isCa: boolean) => {
    const path = pathOf(id)
    nameOf.set(path, id)
    const found = byFile.get(path) ?? []
    // The first one that the key belongs to signs; kubeadm takes the first.
    const own = found.find(({ index }) => certificates[index]?.keyPlaces.some(({ file }) => file === keyPath(id)))
    const first = (isCa ? own : undefined) ?? found[0]
    add(
      id,
      path,
      isCa,
      id,
      first ? { index: first.index, part: first.place.part } : unreadable(path, 'holds no certificate'),
    )
  }
  const addFile = (name: string, path: string) => {
    nameOf.set(path, name)
    const [first] = byFile.get(path) ?? []
    if (!first) return add(name, path, false, undefined, unreadable(path, 'holds no certificate'))
    const isCa = certificates[first.index]?.certificate.isCa === true
    add(name, path, isCa, undefined, { index: first.index, part: first.place.part })
  }
  const addOther = (path: string) => {
    const users = (kubeconfigs.get(path) ?? []).flatMap(kubeconfig =>
      kubeconfig.users.map(user => ({ name: user.name, what: certificateOf(kubeconfig, user) })),
    )
    for (const { name, what } of users)
      if (what) add(users.length > 1 ? `${path}[${name}]` : path, path, false, undefined, what)
    if (users.length > 0) return
    const [first] = byFile.get(path) ?? []
    // A copy of what has its line ends with it.
    if (first ? !told.has(first.index) : faults.has(path) && namesCertificate(path)) addFile(path, path)
  }

  const admin = kubeconfigs.get('admin.conf')?.[0]?.users[0]?.certificate
  const groups = certificates[admin ?? -1]?.certificate.subject.organizations ?? []
  const { leaves, cas } = expectedRows(files, groups)
  for (const id of cas) addCertificate(id, true)
  for (const id of leaves) isKubeconfigId(id) ? addKubeconfig(id) : id !== 'sa' && addCertificate(id, false)
  if (files.has('kubelet.conf')) addKubeconfig('kubelet.conf')
  const kubelet = kubeletFiles(files)
  for (const [name, path] of kubelet) addFile(name, path)
  const known = new Set([...[...cas, ...leaves, 'kubelet.conf' as const].map(pathOf), ...kubelet.values()])
  for (const path of [...files].sort()) if (!known.has(path) && !isPutAside(path)) addOther(path)

  // The rest of bundles and chains, CAs inside of kubeconfigs.
  const numbers = new Map<string, number>()
  for (const [path, found] of byFile) for (const { index, number } of found) numbers.set(`${index} ${path}`, number)
  const rest = [...certificates.entries()].flatMap(([index, { places, certificate }]) => {
    const place = told.has(index) ? undefined : places.find(({ file }) => files.has(file) && !isPutAside(file))
    return place ? [{ index, place, isCa: certificate.isCa, number: numbers.get(`${index} ${place.file}`) }] : []
  })
  const order = ({ place, number = 0 }: { readonly place: Place; readonly number: number | undefined }) =>
    `${place.file} ${String(number).padStart(8, '0')}`
  for (const { index, place, isCa, number } of rest.sort((a, b) => (order(a) < order(b) ? -1 : 1))) {
    const name = `${nameOf.get(place.file) ?? place.file}[${number ?? shortPart(place.part)}]`
    add(name, place.file, isCa, undefined, { index, part: place.part })
  }
  return lines
}

function push<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key)
  if (list) list.push(value)
  else lists.set(key, [value])
}

/** The name in `clusters[prod].certificate-authority-data`, else all of it. */
function shortPart(part = ''): string {
  return /^\w+\[(.*)\]\.[\w-]+$/s.exec(part)?.[1] ?? part
}
