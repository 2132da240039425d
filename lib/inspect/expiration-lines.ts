import type { RuleId } from '../audit/rules.js'
import { type CertificateId, isKubeconfigId, type KubeconfigId, type RowId } from '../kubernetes/rows.js'
import { keyPath, type TreePath } from '../tree/layout.js'
import {
  certificatesByFile,
  expectedRows,
  findNamed,
  isPutAside,
  kubeletFiles,
  namesCertificate,
  type PlacedCertificate,
  pathOf,
} from './expiration-files.js'
import type { InspectedKubeconfig, Inspection } from './types.js'
import { UniqueNames } from './unique-names.js'

/** What a line is about: a certificate of the inspection, or the reason why there is none. */
type Subject =
  | { readonly index: number; readonly part: string | undefined }
  | { readonly state: 'missing' | 'unreadable' | 'elsewhere'; readonly problem: string | undefined }

/** One line of a report, before it is known who signed it. */
export interface ExpirationLine {
  readonly name: string
  readonly path: TreePath
  readonly isCa: boolean
  /** kubeadm's row that it is. */
  readonly row: RowId | undefined
  readonly what: Subject
}

/**
 * The lines of a report in their order: kubeadm's rows, the kubelet's, further files by name, and at last whatever stands in
 * them beside what they are for.
 */
export function expirationLines(
  inspection: Inspection,
  files: ReadonlySet<TreePath>,
  locate: (path: TreePath) => string,
): readonly ExpirationLine[] {
  const lines = new Lines(inspection, files, locate)
  const { leaves, cas } = expectedRows(files, lines.groupsOf('admin.conf'))
  for (const id of cas) lines.addCertificate(id, true)
  for (const id of leaves) {
    if (isKubeconfigId(id)) lines.addKubeconfig(id)
    else if (id !== 'sa') lines.addCertificate(id, false)
  }
  if (files.has('kubelet.conf')) lines.addKubeconfig('kubelet.conf')
  const kubelet = kubeletFiles(files)
  for (const [name, path] of kubelet) lines.addFile(name, path)
  const known = new Set([...[...cas, ...leaves, 'kubelet.conf' as const].map(pathOf), ...kubelet.values()])
  for (const path of [...files].sort()) if (!known.has(path) && !isPutAside(path)) lines.addOther(path)
  lines.addRest()
  return lines.all
}

/** Why a file may give no certificate. */
const FAULTS: ReadonlySet<RuleId> = new Set(['unreadable', 'not-regular', 'link-outside', 'too-many'])

class Lines {
  readonly all: ExpirationLine[] = []
  readonly #inspection: Inspection
  readonly #files: ReadonlySet<TreePath>
  readonly #locate: (path: TreePath) => string
  #locatedPaths: ReadonlyMap<string, TreePath> | undefined
  readonly #byFile: ReadonlyMap<TreePath, readonly PlacedCertificate[]>
  readonly #kubeconfigs = new Map<TreePath, InspectedKubeconfig[]>()
  readonly #faults = new Map<TreePath, string>()
  /** Certificates that have a line. */
  readonly #told = new Set<number>()
  /** Each table has its own. */
  readonly #names = {
    authorities: new UniqueNames((name, number) => `${name}#${number}`),
    others: new UniqueNames((name, number) => `${name}#${number}`),
  }
  /** What the line of a file is called, for the others in it to be called after it. */
  readonly #nameOf = new Map<TreePath, string>()

  constructor(inspection: Inspection, files: ReadonlySet<TreePath>, locate: (path: TreePath) => string) {
    this.#inspection = inspection
    this.#files = files
    this.#locate = locate
    this.#byFile = certificatesByFile(inspection)
    for (const each of inspection.kubeconfigs) {
      const { file } = each.place
      this.#kubeconfigs.set(file, [...(this.#kubeconfigs.get(file) ?? []), each])
    }
    for (const { code, place, message } of inspection.remarks)
      if (FAULTS.has(code) && !this.#faults.has(place.file)) this.#faults.set(place.file, message)
  }

  /** Groups of the first user of a kubeconfig. */
  groupsOf(id: KubeconfigId): readonly string[] {
    const certificate = this.#kubeconfigs.get(id)?.[0]?.users[0]?.certificate
    return this.#inspection.certificates[certificate ?? -1]?.certificate.subject.organizations ?? []
  }

  /** kubeadm's row of a kubeconfig: the user of its current context; other users of it have lines of their own. */
  addKubeconfig(id: KubeconfigId): void {
    this.#nameOf.set(id, id)
    const [kubeconfig] = this.#kubeconfigs.get(id) ?? []
    const current = kubeconfig?.contexts.find(({ name }) => name === kubeconfig.currentContext)?.user
    const user = kubeconfig?.users.find(({ name }) => name === current)
    const what = kubeconfig && user ? this.#certificateOf(kubeconfig, user) : undefined
    this.#add(id, id, false, id, what ?? this.#none(id, 'holds no client certificate of its current context'))
    for (const other of kubeconfig?.users ?? []) {
      const further = kubeconfig && other !== user ? this.#certificateOf(kubeconfig, other) : undefined
      if (further) this.#add(`${id}[${other.name}]`, id, false, undefined, further)
    }
  }

  /** kubeadm's row of a certificate. */
  addCertificate(id: CertificateId, isCa: boolean): void {
    const path = pathOf(id)
    this.#nameOf.set(path, id)
    const found = this.#byFile.get(path) ?? []
    const isOwn = ({ found: { keyPlaces } }: PlacedCertificate) => keyPlaces.some(({ file }) => file === keyPath(id))
    // Of a bundle the first one that the key belongs to signs; kubeadm takes the first.
    const first = (isCa ? found.find(isOwn) : undefined) ?? found[0]
    const what = first ? { index: first.index, part: first.place.part } : this.#none(path, 'holds no certificate')
    this.#add(id, path, isCa, id, what)
  }

  /** The first certificate of a file that is no row. */
  addFile(name: string, path: TreePath): void {
    this.#nameOf.set(path, name)
    const [first] = this.#byFile.get(path) ?? []
    const what = first ? { index: first.index, part: first.place.part } : this.#none(path, 'holds no certificate')
    this.#add(name, path, first?.found.certificate.isCa === true, undefined, what)
  }

  /** A file of any name: all users of a kubeconfig that have a certificate, or its first certificate. */
  addOther(path: TreePath): void {
    const users = (this.#kubeconfigs.get(path) ?? []).flatMap(kubeconfig =>
      kubeconfig.users.map(user => ({ name: user.name, what: this.#certificateOf(kubeconfig, user) })),
    )
    for (const { name, what } of users)
      if (what) this.#add(users.length > 1 ? `${path}[${name}]` : path, path, false, undefined, what)
    if (users.length > 0) return
    const [first] = this.#byFile.get(path) ?? []
    // A copy of what has its line ends with it.
    if (first ? !this.#told.has(first.index) : this.#faults.has(path) && namesCertificate(path))
      this.addFile(path, path)
  }

  /** What has no line yet: the rest of bundles and chains, CAs inside of kubeconfigs. */
  addRest(): void {
    const numbers = new Map<string, number>()
    for (const [path, found] of this.#byFile)
      for (const { index, number } of found) numbers.set(`${index} ${path}`, number)
    const rest = [...this.#inspection.certificates.entries()].flatMap(
      ([
        index,
        {
          places,
          certificate: { isCa },
        },
      ]) => {
        const place = this.#told.has(index) ? undefined : places.find(({ file }) => !isPutAside(file))
        if (!place) return []
        const number = numbers.get(`${index} ${place.file}`)
        return [{ index, place, isCa, number, order: `${place.file} ${String(number ?? 0).padStart(8, '0')}` }]
      },
    )
    for (const { index, place, isCa, number } of rest.sort((a, b) => (a.order < b.order ? -1 : 1))) {
      const name = `${this.#nameOf.get(place.file) ?? place.file}[${number ?? shortPart(place.part)}]`
      this.#add(name, place.file, isCa, undefined, { index, part: place.part })
    }
  }

  #add(name: string, path: TreePath, isCa: boolean, row: RowId | undefined, what: Subject): void {
    const unique = this.#names[isCa ? 'authorities' : 'others'].take(name)
    if ('index' in what) this.#told.add(what.index)
    this.all.push({ name: unique, path, isCa, row, what })
  }

  #none(path: TreePath, problem: string): Subject {
    if (!this.#files.has(path)) return { state: 'missing', problem: undefined }
    return { state: 'unreadable', problem: this.#faults.get(path) ?? problem }
  }

  /** Tree paths by where they are, when they are asked for. */
  #located(): ReadonlyMap<string, TreePath> {
    this.#locatedPaths ??= new Map([...this.#files].map(path => [this.#locate(path), path]))
    return this.#locatedPaths
  }

  /** The certificate that a user of a kubeconfig has, inside of it or in the file that it names. */
  #certificateOf(kubeconfig: InspectedKubeconfig, user: InspectedKubeconfig['users'][number]): Subject | undefined {
    const { certificate, certificateFile, name } = user
    const { file } = kubeconfig.place
    if (certificate !== undefined) {
      const { places = [] } = this.#inspection.certificates[certificate] ?? {}
      const place = places.find(({ file: at, part }) => at === file && part?.includes(`users[${name}]`))
      return { index: certificate, part: place?.part }
    }
    if (certificateFile === undefined) return undefined
    const path = findNamed(certificateFile, kubeconfig, this.#files, () => this.#located())
    if (path === undefined) return { state: 'elsewhere', problem: `is in ${certificateFile}, which is not here` }
    const [first] = this.#byFile.get(path) ?? []
    return first ? { index: first.index, part: undefined } : this.#none(path, 'holds no certificate')
  }
}

/** The name in `clusters[prod].certificate-authority-data`, else all of it. */
function shortPart(part = ''): string {
  return /^\w+\[(.*)\]\.[\w-]+$/s.exec(part)?.[1] ?? part
}
