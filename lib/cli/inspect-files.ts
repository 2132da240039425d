import type { InspectedCertificate, Inspection, Place } from '../index.js'

/** Names as they are shown: without the directory that all of them are in. */
export interface FileNames {
  /** The directory, or the one file, that everything stands in; empty when it is several without anything in common. */
  readonly base: string
  readonly of: (file: string) => string
  /** A place with its part; the part alone where there is but one file. */
  readonly at: (place: Place) => string
}

/** Shortens names by the directory that they have in common. */
export function namesWithin(files: readonly string[], dir?: string): FileNames {
  const base = dir === undefined ? commonDirectory(files) : dir.replace(/\/+$/, '') || '/'
  // Names come without what says nothing in a path: ./demo has demo/admin.conf.
  const plain = base.replace(/\/{2,}/g, '/').replace(/^(\.\/)+/, '')
  const prefix = plain === '' || plain === '.' ? '' : plain.endsWith('/') ? plain : `${plain}/`
  const of = (file: string) =>
    file.startsWith(prefix) && file.length > prefix.length ? file.slice(prefix.length) : file
  const isOne = files.length === 1 && dir === undefined
  return {
    base: isOne ? (files[0] ?? '') : base,
    of,
    at: ({ file, part }) =>
      part === undefined ? of(file) : isOne ? shortPart(part) : `${of(file)}: ${shortPart(part)}`,
  }
}

function commonDirectory(files: readonly string[]): string {
  const [first = '', ...rest] = files
  let parts = first.split('/').slice(0, -1)
  for (const file of rest) {
    const other = file.split('/')
    const end = parts.findIndex((part, index) => part !== other[index])
    parts = parts.slice(0, end < 0 ? Math.min(parts.length, other.length - 1) : end)
  }
  return parts.join('/')
}

// A file with more certificates than a chain has is a bundle: of interest is the file, not that it holds each of them.
const BUNDLE = 8

/** How many certificates each bundle holds. */
export function bundlesOf({ certificates }: Inspection): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const { places } of certificates)
    for (const file of new Set(places.map(({ file }) => file))) counts.set(file, (counts.get(file) ?? 0) + 1)
  return new Map([...counts].filter(([, count]) => count > BUNDLE))
}

/** The place that a certificate is best known by: a file of its own before a kubeconfig, a kubeconfig before a bundle. */
export function mainPlace({ places }: InspectedCertificate, bundles: ReadonlyMap<string, number>): Place {
  const rank = ({ file, part }: Place) =>
    (bundles.has(file) ? 4 : 0) + (part === undefined ? 0 : part.includes('[') ? 2 : 1)
  const [first = { file: '', part: undefined }, ...rest] = places
  return rest.reduce((best, place) => (rank(place) < rank(best) ? place : best), first)
}

/** A file and its key in the form that a shell understands: `pki/ca.{crt,key}`, as cfssl names them `ca{,-key}.pem`. */
export function withKey(file: string, key: string | undefined): string | undefined {
  const [, stem = '', ending = ''] = /^(.+)\.([^./]+)$/.exec(file) ?? []
  if (stem === '' || key === undefined) return undefined
  if (key === `${stem}.key`) return `${stem}.{${ending},key}`
  return key === `${stem}-key.${ending}` ? `${stem}{,-key}.${ending}` : undefined
}

/** A part as people read it: what follows from the rest is left out. */
function shortPart(part: string): string {
  return part
    .replace(/\.(certificate-authority|client-certificate|client-key)-data/, '')
    .replace(
      /(^|: )(clusters|users|contexts)\[(.*)\]$/s,
      (_, before, list, name) => `${before}${String(list).slice(0, -1)} ${name}`,
    )
}
