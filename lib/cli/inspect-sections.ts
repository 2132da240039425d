import { type InspectedKey, roleOf } from '../index.js'
import { shortPart, withKey } from './inspect-files.js'
import { NO_ROW, type Row, type RowSource, some } from './inspect-rows.js'
import { cut } from './terminal.js'

/** Rows of certification requests; those that were made into certificates are told together. */
export function requestRows({ inspection, names, terminal }: RowSource): Row[] {
  const { show, columns } = terminal
  const [open, done] = [0, 1].map(made =>
    inspection.requests.filter(({ certificates }) => Number(certificates.length > 0) === made),
  )
  const rows = (open ?? []).map(({ request, places, isSignatureValid, keyPlaces }): Row => {
    const { subject, dnsNames, ipAddresses, otherNames } = request
    const all = [...dnsNames, ...ipAddresses, ...otherNames]
    const [key] = keyPlaces
    return {
      ...NO_ROW,
      name: show(placeName(places[0], names.of)),
      who: cut(show(subject.commonName || subject.text || 'nobody'), columns - 20, terminal.glyphs),
      groups: subject.organizations.length > 0 ? `in ${some(subject.organizations, terminal, 200)}` : '',
      role: roleOf(request),
      key: request.publicKey.name,
      details: [
        ...(all.length > 0 ? [`for ${some(all, terminal, 2 * (columns - 20))}`] : []),
        ...(isSignatureValid ? [] : ['not signed with its own key']),
        ...(key ? [`key in ${show(placeName(key, names.of))}`] : []),
      ],
    }
  })
  if (!done || done.length === 0) return rows
  const files = done.map(({ places }) => placeName(places[0], names.of))
  return [
    ...rows,
    { ...NO_ROW, name: 'made into certificates that are here:', details: [some(files, terminal, 4 * columns)] },
  ]
}

/** Rows of keys that no certificate or request here has; the two halves of a pair are one. */
export function keyRows({ inspection, names, terminal }: RowSource): Row[] {
  const { keys, requests } = inspection
  const isRequested = (key: InspectedKey) => requests.some(({ publicKeyHash }) => publicKeyHash === key.publicKeyHash)
  const alone = keys.filter(key => key.certificates.length === 0 && !isRequested(key))
  const publics = new Map(alone.filter(({ kind }) => kind === 'public').map(key => [key.publicKeyHash, key]))
  return alone.flatMap(key => {
    const other = key.kind === 'private' ? publics.get(key.publicKeyHash) : undefined
    const hasPrivate = alone.some(
      ({ kind, publicKeyHash }) => kind === 'private' && publicKeyHash === key.publicKeyHash,
    )
    if (key.kind === 'public' && hasPrivate) return []
    const [place] = key.places
    const file = names.of(place?.file ?? '')
    const beside =
      other?.places[0]?.part === undefined && place?.part === undefined ? other?.places[0]?.file : undefined
    const both = beside === undefined ? undefined : withKey(names.of(beside), file)
    const more = [
      ...key.places.slice(1),
      ...(both === undefined ? (other?.places ?? []) : (other?.places.slice(1) ?? [])),
    ]
    return [
      {
        ...NO_ROW,
        name: terminal.show(both ?? placeName(place, names.of)),
        role: key.isEncrypted ? 'encrypted' : other ? 'pair' : key.kind === 'public' ? 'public' : 'key',
        key: key.type?.name ?? '',
        details:
          more.length > 0
            ? [
                `also in ${some(
                  more.map(at => placeName(at, names.of)),
                  terminal,
                  terminal.columns,
                )}`,
              ]
            : [],
      },
    ]
  })
}

/** Rows of Secrets and ConfigMaps: names only. */
export function manifestRows({ inspection, names, terminal }: RowSource): Row[] {
  return inspection.manifests.map(({ kind, place, namespace, name, type, entries }) => ({
    ...NO_ROW,
    name: terminal.show(names.of(place.file)),
    who: cut(
      terminal.show(
        `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}${type === undefined ? '' : ` of type ${type}`}`,
      ),
      terminal.columns - 20,
      terminal.glyphs,
    ),
    details: entries.length > 0 ? [`with ${some(entries, terminal, 2 * terminal.columns)}`] : ['without entries'],
  }))
}

/** Rows of PEM blocks that are not read. */
export function blockRows({ inspection, names, terminal }: RowSource): Row[] {
  return inspection.blocks.slice(0, MAX_BLOCKS).map(({ label, place }) => ({
    ...NO_ROW,
    name: terminal.show(placeName(place, names.of)),
    who: terminal.show(label),
  }))
}

const MAX_BLOCKS = 50

function placeName(
  place: { readonly file: string; readonly part: string | undefined } | undefined,
  of: (file: string) => string,
) {
  if (!place) return ''
  return place.part === undefined ? of(place.file) : `${of(place.file)}: ${shortPart(place.part)}`
}
