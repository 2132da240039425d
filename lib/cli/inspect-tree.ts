import type { InspectedKubeconfig, Inspection } from '../index.js'

/** Access to a cluster: a context of a kubeconfig, or a cluster of it that no context names. */
export interface Access {
  readonly kubeconfig: InspectedKubeconfig
  /** Absent for a cluster without a context. */
  readonly context: InspectedKubeconfig['contexts'][number] | undefined
  readonly cluster: InspectedKubeconfig['clusters'][number] | undefined
  readonly user: InspectedKubeconfig['users'][number] | undefined
}

/** One line of the tree. */
export type TreeItem =
  | { readonly kind: 'certificate'; readonly index: number }
  | { readonly kind: 'access'; readonly access: Access }
  | { readonly kind: 'absent'; readonly issuer: string }

/** An item and where it stands. */
export interface TreeRow {
  readonly item: TreeItem
  /** For each level above the item: whether more follows there. Empty for a root. */
  readonly trunks: readonly boolean[]
  /** Something hangs below it. */
  readonly hasChildren: boolean
}

/** What is drawn as a tree, and the accesses that hang nowhere. */
export interface IssuerTree {
  readonly rows: readonly TreeRow[]
  /** By certificate: who uses it as a client. */
  readonly uses: ReadonlyMap<number, readonly Access[]>
  readonly loose: readonly Access[]
}

// Nobody follows more levels, and no line has room for them; what is deeper stands at the last one.
const MAX_LEVELS = 8

/** Orders certificates below their issuers, and accesses without certificates below the CAs that they trust. */
export function treeOf(inspection: Inspection): IssuerTree {
  const { certificates } = inspection
  const { uses, below, loose } = placeAccesses(inspection)
  const children = new Map<number, number[]>()
  const absent = new Map<string, number[]>()
  const roots: number[] = []
  for (const [index, { issuer, uncheckedIssuer, certificate }] of certificates.entries()) {
    const parent = issuer ?? uncheckedIssuer
    if (parent === index) roots.push(index)
    else if (parent !== undefined) append(children, parent, index)
    else append(absent, certificate.issuer.text, index)
  }
  const rows: TreeRow[] = []
  const seen = new Set<number>()
  // A list in place of recursion: a hostile chain is as deep as it is long.
  const draw = (start: TreeItem, under: readonly number[]) => {
    const pending: { item: TreeItem; trunks: readonly boolean[] }[] = [{ item: start, trunks: [] }]
    for (let next = pending.pop(); next; next = pending.pop()) {
      const { item, trunks } = next
      if (item.kind === 'certificate') {
        if (seen.has(item.index)) continue
        seen.add(item.index)
      }
      const indexes =
        item.kind === 'absent' ? under : item.kind === 'certificate' ? (children.get(item.index) ?? []) : []
      const items: TreeItem[] = [
        ...ordered(
          indexes.filter(index => !seen.has(index)),
          certificates,
        ).map(index => ({ kind: 'certificate', index }) as const),
        ...(item.kind === 'certificate' ? (below.get(item.index) ?? []) : []).map(
          access => ({ kind: 'access', access }) as const,
        ),
      ]
      rows.push({ item, trunks, hasChildren: items.length > 0 })
      for (const [position, child] of [...items.entries()].reverse())
        pending.push({ item: child, trunks: [...trunks, position < items.length - 1].slice(-MAX_LEVELS) })
    }
  }
  for (const index of roots) draw({ kind: 'certificate', index }, [])
  for (const [issuer, indexes] of absent) draw({ kind: 'absent', issuer }, indexes)
  // Certificates that sign each other in a circle have no beginning.
  for (const index of certificates.keys()) {
    if (!seen.has(index)) draw({ kind: 'certificate', index: circleAbove(index, certificates) }, [])
  }
  return { rows, uses, loose }
}

/** The first certificate on the way up that was passed before. */
function circleAbove(start: number, certificates: Inspection['certificates']): number {
  const passed = new Set<number>()
  let index = start
  while (!passed.has(index)) {
    passed.add(index)
    index = certificates[index]?.issuer ?? certificates[index]?.uncheckedIssuer ?? index
  }
  return index
}

/** Those in files before those in kubeconfigs, CAs first; else as they were found. */
function ordered(indexes: readonly number[], certificates: Inspection['certificates']): number[] {
  const rank = (index: number) => {
    const found = certificates[index]
    return (found?.certificate.isCa ? 0 : 2) + (found?.places.every(({ part }) => part?.includes('[')) ? 1 : 0)
  }
  return [...indexes].sort((a, b) => rank(a) - rank(b) || a - b)
}

function placeAccesses({ kubeconfigs }: Inspection) {
  const uses = new Map<number, Access[]>()
  const below = new Map<number, Access[]>()
  const loose: Access[] = []
  const place = (access: Access) => {
    const certificate = access.user?.certificate
    const [ca] = access.cluster?.caCertificates ?? []
    if (certificate !== undefined) append(uses, certificate, access)
    else if (ca !== undefined) append(below, ca, access)
    else loose.push(access)
  }
  for (const kubeconfig of kubeconfigs) {
    const { contexts, clusters, users } = kubeconfig
    for (const context of contexts) {
      const cluster = clusters.find(({ name }) => name === context.cluster)
      const user = users.find(({ name }) => name === context.user)
      place({ kubeconfig, context, cluster, user })
    }
    for (const cluster of clusters) {
      if (!contexts.some(context => context.cluster === cluster.name))
        place({ kubeconfig, context: undefined, cluster, user: undefined })
    }
    if (contexts.length === 0 && clusters.length === 0)
      loose.push({ kubeconfig, context: undefined, cluster: undefined, user: undefined })
  }
  return { uses, below, loose }
}

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key)
  if (list) list.push(value)
  else map.set(key, [value])
}
