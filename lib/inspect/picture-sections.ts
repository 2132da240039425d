import { nameOf, placeText } from './picture-model.js'
import { count, firstOf, printable } from './picture-text.js'
import type { InspectedKubeconfig, Inspection } from './types.js'

/** Facts that are no certificates, in lines. */
export interface PictureSection {
  readonly id: string
  readonly title: string
  readonly lines: readonly PictureLine[]
  /** How many lines were left out. */
  readonly more: number
}

/** One line: what it is about, and facts; texts are printable and not yet escaped. */
export interface PictureLine {
  readonly mark: 'error' | 'warning' | undefined
  readonly subject: string
  readonly facts: readonly string[]
}

/** Beyond this nobody reads a list, and there are lists with ten thousand lines. */
const MAX_LINES = 200

const SECTIONS: readonly {
  readonly id: string
  readonly title: string
  readonly lines: (inspection: Inspection) => PictureLine[]
}[] = [
  { id: 'remarks', title: 'What does not fit', lines: remarkLines },
  {
    id: 'kubeconfigs',
    title: 'Kubeconfigs',
    lines: inspection => inspection.kubeconfigs.flatMap(kubeconfigLines(inspection)),
  },
  { id: 'keys', title: 'Keys without a certificate', lines: keyLines },
  { id: 'requests', title: 'Requests to be signed', lines: requestLines },
  { id: 'manifests', title: 'Manifests', lines: manifestLines },
  { id: 'blocks', title: 'PEM blocks of other kinds', lines: blockLines },
  { id: 'others', title: 'Nothing of the kind', lines: otherLines },
]

/** Everything of an inspection that is no bar, in sections; empty ones are left out. */
export function describeSections(inspection: Inspection): PictureSection[] {
  return SECTIONS.map(({ id, title, lines }) => {
    const all = lines(inspection)
    return { id, title, lines: all.slice(0, MAX_LINES), more: Math.max(0, all.length - MAX_LINES) }
  }).filter(({ lines }) => lines.length > 0)
}

function line(subject: string, facts: readonly (string | undefined)[], mark?: PictureLine['mark']): PictureLine {
  return { mark, subject, facts: facts.filter(fact => fact !== undefined && fact !== '') as string[] }
}

function remarkLines({ remarks }: Inspection): PictureLine[] {
  return [...remarks]
    .sort((a, b) => Number(a.severity === 'warning') - Number(b.severity === 'warning'))
    .map(({ place, message, hint, severity }) =>
      line(
        placeText(place),
        [printable(message, 400), hint === undefined ? undefined : printable(hint, 400)],
        severity === 'info' ? undefined : severity,
      ),
    )
}

function kubeconfigLines({ certificates }: Inspection): (kubeconfig: InspectedKubeconfig) => PictureLine[] {
  const nameAt = (index: number | undefined) => {
    const found = index === undefined ? undefined : certificates[index]
    return found ? nameOf(found) : undefined
  }
  const clusterFacts = (cluster: InspectedKubeconfig['clusters'][number] | undefined) => {
    if (!cluster) return ['a cluster that is not there']
    const trusted = cluster.caCertificates.map(nameAt).filter(name => name !== undefined)
    const trust = cluster.isInsecure
      ? 'server not verified'
      : trusted.length > 0
        ? `trusts ${firstOf(trusted, 2)}`
        : cluster.caFile === undefined
          ? 'trusts the system’s roots'
          : `trusts ${printable(cluster.caFile, 120)}`
    return [printable(cluster.server, 120) || 'no server', trust]
  }
  const userFacts = (user: InspectedKubeconfig['users'][number] | undefined) => {
    if (!user) return ['a user that is not there']
    const certificate = nameAt(user.certificate)
    const others = user.methods.filter(method => method !== 'certificate' || certificate === undefined)
    return [
      certificate === undefined ? undefined : `as ${certificate}`,
      user.certificateFile === undefined ? undefined : `certificate in ${printable(user.certificateFile, 120)}`,
      others.length > 0 ? `by ${others.map(method => printable(method, 40)).join(', ')}` : undefined,
      certificate === undefined && user.certificateFile === undefined && others.length === 0
        ? 'no credentials'
        : undefined,
    ]
  }
  return ({ place, currentContext, contexts, clusters, users }) => {
    const subject = placeText(place)
    const used = contexts.map(({ name, cluster, user }) =>
      line(subject, [
        `${printable(name, 80)}${name === currentContext ? ' (current)' : ''}`,
        ...clusterFacts(clusters.find(candidate => candidate.name === cluster)),
        ...userFacts(users.find(candidate => candidate.name === user)),
      ]),
    )
    const free = [
      ...clusters
        .filter(({ name }) => !contexts.some(({ cluster }) => cluster === name))
        .map(cluster =>
          line(subject, [`cluster ${printable(cluster.name, 80)}, in no context`, ...clusterFacts(cluster)]),
        ),
      ...users
        .filter(({ name }) => !contexts.some(({ user }) => user === name))
        .map(user => line(subject, [`user ${printable(user.name, 80)}, in no context`, ...userFacts(user)])),
    ]
    return used.length + free.length > 0 ? [...used, ...free] : [line(subject, ['empty'])]
  }
}

function keyLines({ keys }: Inspection): PictureLine[] {
  return keys
    .filter(({ certificates }) => certificates.length === 0)
    .map(({ kind, type, isEncrypted, places }) =>
      line(firstOf(places.slice(0, 100).map(placeText), 2), [
        `${kind} key`,
        type ? printable(type.name, 40) : undefined,
        isEncrypted ? 'encrypted' : undefined,
      ]),
    )
}

function requestLines({ requests }: Inspection): PictureLine[] {
  return requests.map(({ request, places, isSignatureValid, keyPlaces }) => {
    const names = [...request.dnsNames, ...request.ipAddresses]
    return line(firstOf(places.slice(0, 100).map(placeText), 2), [
      printable(request.subject.commonName || request.subject.text || '(no name)'),
      printable(request.publicKey.name, 40),
      names.length > 0
        ? `for ${firstOf(
            names.slice(0, 3).map(name => printable(name, 60)),
            3,
          )}`
        : undefined,
      names.length > 3 ? `and ${count(names.length - 3, 'more name')}` : undefined,
      keyPlaces[0] ? `key in ${placeText(keyPlaces[0])}` : 'no key here',
      isSignatureValid ? undefined : 'signature does not verify',
    ])
  })
}

function manifestLines({ manifests }: Inspection): PictureLine[] {
  return manifests.map(({ kind, place, namespace, name, type, entries }) =>
    line(placeText(place), [
      `${kind} ${namespace === undefined ? '' : `${printable(namespace, 80)}/`}${printable(name, 120)}`,
      type === undefined ? undefined : printable(type, 80),
      entries.length > 0
        ? `entries ${entries
            .slice(0, 6)
            .map(entry => printable(entry, 60))
            .join(', ')}`
        : 'no entries',
      entries.length > 6 ? `and ${entries.length - 6} more` : undefined,
    ]),
  )
}

function blockLines({ blocks }: Inspection): PictureLine[] {
  return blocks.map(({ label, place }) => line(placeText(place), [printable(label, 80)]))
}

function otherLines({ others }: Inspection): PictureLine[] {
  return others.map(name => line(printable(name, 120), []))
}
