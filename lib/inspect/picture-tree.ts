import type { InspectedCertificate } from './types.js'

/** Further down nobody counts, and a line has to have room for its name. */
export const MAX_LEVEL = 5
/** Pixels from one level of the tree to the next. */
export const INDENT = 16

/** A line of the tree. */
export interface Branch {
  /** Index of the certificate; `undefined` for an issuer that is not there. */
  readonly index: number | undefined
  /** The name of an issuer that is not there. */
  readonly issuerName: string | undefined
  /** How far it is indented: 0 to {@link MAX_LEVEL}. */
  readonly level: number
  /** By level, from 1 on: whether a line goes on downwards beside this one. */
  readonly goesOn: readonly boolean[]
  readonly hasChildren: boolean
}

interface Line {
  readonly index: number | undefined
  readonly issuerName: string | undefined
  readonly level: number
}

/**
 * Puts certificates into the order of a tree: issuers before what they signed, else the order they came in. Those of one
 * issuer that is not there stand below its name. Circles of cross-signed CAs begin with their first one.
 */
export function growTree(certificates: readonly InspectedCertificate[]): Branch[] {
  const children = new Map<number, number[]>()
  const roots: number[] = []
  const orphans = new Map<string, number[]>()
  for (const [index, { certificate, issuer: verified, uncheckedIssuer }] of certificates.entries()) {
    const issuer = verified ?? uncheckedIssuer
    if (issuer !== undefined && issuer !== index && certificates[issuer]) push(children, issuer, index)
    else if (issuer === undefined && certificate.issuer.text !== certificate.subject.text)
      push(orphans, certificate.issuer.text, index)
    else roots.push(index)
  }
  const lines: Line[] = []
  const seen = new Set<number>()
  const walk = (start: number, level: number): void => {
    const open: (readonly [number, number])[] = [[start, level]]
    for (let next = open.pop(); next; next = open.pop()) {
      const [index, depth] = next
      if (seen.has(index)) continue
      seen.add(index)
      lines.push({ index, issuerName: undefined, level: Math.min(depth, MAX_LEVEL) })
      for (const child of (children.get(index) ?? []).toReversed()) open.push([child, depth + 1])
    }
  }
  for (const root of roots) walk(root, 0)
  for (const indexes of orphans.values()) {
    const { commonName = '', text = '' } = certificates[indexes[0] ?? 0]?.certificate.issuer ?? {}
    lines.push({ index: undefined, issuerName: commonName || text, level: 0 })
    for (const index of indexes) walk(index, 1)
  }
  for (const index of certificates.keys()) walk(index, 0)
  return withGuides(lines)
}

function push<K>(lists: Map<K, number[]>, key: K, value: number): void {
  const list = lists.get(key)
  if (list) list.push(value)
  else lists.set(key, [value])
}

function withGuides(lines: readonly Line[]): Branch[] {
  const open: boolean[] = []
  const branches: Branch[] = []
  for (const [index, line] of [...lines.entries()].reverse()) {
    const goesOn = Array.from({ length: line.level }, (_, level) => open[level + 1] ?? false)
    branches.push({ ...line, goesOn, hasChildren: (lines[index + 1]?.level ?? 0) > line.level })
    open.length = line.level
    open[line.level] = true
  }
  return branches.reverse()
}
