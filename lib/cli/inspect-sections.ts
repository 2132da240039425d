import { type InspectedKey, type Place, roleOf } from '../index.js'
import { type FileNames, mainPlace, withKey } from './inspect-files.js'
import { NO_ROW, type Row, type RowSource, some } from './inspect-rows.js'
import { cut } from './terminal.js'

/** Rows of certification requests: what was asked for, and which certificate has the same key. */
export function requestRows({ inspection, names, bundles, terminal }: RowSource): Row[] {
  const { show, columns } = terminal
  return inspection.requests.map(({ request, places, isSignatureValid, keyPlaces, certificates }): Row => {
    const { subject, dnsNames, ipAddresses, otherNames } = request
    const all = [...dnsNames, ...ipAddresses, ...otherNames]
    const [key] = keyPlaces
    const same = certificates.slice(0, MAX_SAME).flatMap(index => {
      const found = inspection.certificates[index]
      return found ? [names.at(mainPlace(found, bundles))] : []
    })
    return {
      ...NO_ROW,
      name: show(atFirst(places, names)),
      who: cut(show(subject.commonName || subject.text || 'nobody'), columns - 20, terminal.glyphs),
      groups: subject.organizations.length > 0 ? `in ${some(subject.organizations, terminal, 200)}` : '',
      role: roleOf(request),
      key: request.publicKey.name,
      details: [
        ...(all.length > 0 ? [`for ${some(all, terminal, 2 * (columns - 20))}`] : []),
        ...(isSignatureValid ? [] : ['not signed with its own key']),
        ...(same.length > 0 ? [`same key as ${some(same, terminal, columns)}`] : []),
        ...(key && same.length === 0 ? [`key in ${show(names.at(key))}`] : []),
      ],
    }
  })
}

// A renewed certificate has the key of the one before it.
const MAX_SAME = 10

/** Rows of keys that no certificate or request here has; the two halves of a pair are one. */
export function keyRows({ inspection, names, terminal }: RowSource): Row[] {
  const { keys, requests } = inspection
  const requested = new Set<string | undefined>(requests.map(({ publicKeyHash }) => publicKeyHash))
  const alone = keys.filter(key => key.certificates.length === 0 && !requested.has(key.publicKeyHash))
  const byHash = (kind: InspectedKey['kind']) =>
    new Map(alone.filter(key => key.kind === kind && key.publicKeyHash).map(key => [key.publicKeyHash, key]))
  const [privates, publics] = [byHash('private'), byHash('public')]
  return alone
    .filter(({ kind, publicKeyHash }) => kind === 'private' || !privates.has(publicKeyHash))
    .map(key => {
      const halves = key.kind === 'private' ? (publics.get(key.publicKeyHash)?.places ?? []) : []
      const pairs = key.places.flatMap(place =>
        halves.map(half => ({ place, half, name: pairName(place, half, names) })),
      )
      const pair = pairs.find(({ name }) => name !== undefined)
      const [first] = key.places
      const shown = pair ? [pair.place, pair.half] : [first]
      const more = [...key.places, ...halves].filter(place => !shown.includes(place)).map(names.at)
      return {
        ...NO_ROW,
        name: terminal.show(pair?.name ?? (first ? names.at(first) : '')),
        role: key.isEncrypted ? 'encrypted' : halves.length > 0 ? 'pair' : key.kind === 'public' ? 'public' : 'key',
        key: key.type?.name ?? '',
        details: more.length > 0 ? [`also in ${some(more, terminal, terminal.columns)}`] : [],
      }
    })
}

function pairName(key: Place, half: Place, names: FileNames): string | undefined {
  return key.part === undefined && half.part === undefined
    ? withKey(names.of(half.file), names.of(key.file))
    : undefined
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
    name: terminal.show(names.at(place)),
    who: terminal.show(label),
  }))
}

const MAX_BLOCKS = 50

function atFirst([place]: readonly Place[], names: FileNames): string {
  return place ? names.at(place) : ''
}
