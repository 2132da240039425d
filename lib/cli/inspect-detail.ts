import {
  type FurtherExtension,
  type InspectedCertificate,
  type InspectedKubeconfig,
  type InspectedRequest,
  type Inspection,
  roleOf,
} from '../index.js'
import type { FileNames } from './inspect-files.js'
import { LIFE_COLOURS, lifeCell, lifeOf } from './inspect-life.js'
import { some } from './inspect-rows.js'
import { type Terminal, wrap } from './terminal.js'

type Fact = readonly [label: string, value: string | undefined]

const LABEL = 14

/**
 * Everything that one certificate, request, key or kubeconfig says; `undefined` when there is more than one thing, or none.
 */
export function formatDetail(
  inspection: Inspection,
  names: FileNames,
  terminal: Terminal,
  further: readonly FurtherExtension[],
): string[] | undefined {
  const { certificates, requests, keys, kubeconfigs, manifests } = inspection
  const [certificate] = certificates
  const [request] = requests
  const [kubeconfig] = kubeconfigs
  const [key] = keys
  if (manifests.length > 0) return undefined
  if (kubeconfig) {
    const files = new Set([...certificates, ...keys].flatMap(({ places }) => places.map(({ file }) => file)))
    files.add(kubeconfig.place.file)
    if (kubeconfigs.length > 1 || requests.length > 0 || files.size > 1 || kubeconfig.contexts.length !== 1)
      return undefined
    return kubeconfigDetail(kubeconfig, inspection, terminal)
  }
  const isOwnKey = keys.every(({ certificates: owners }) => owners.length > 0)
  if (certificate && certificates.length === 1 && requests.length === 0 && isOwnKey)
    return facts(
      [...certificateFacts(certificate, inspection, names, terminal), ...furtherFacts(further, terminal)],
      terminal,
    )
  if (
    request &&
    requests.length === 1 &&
    certificates.length === 0 &&
    keys.length === (request.keyPlaces.length > 0 ? 1 : 0)
  )
    return facts(requestFacts(request, names, terminal), terminal)
  if (key && keys.length === 1 && certificates.length + requests.length === 0) {
    const { type, isEncrypted, kind, publicKeyHash } = key
    return facts(
      [
        ['kind', `${kind} key${isEncrypted ? ', encrypted: nothing is known of it' : ''}`],
        ['type', type?.name],
        ['public key', publicKeyHash],
      ],
      terminal,
    )
  }
  return undefined
}

function facts(list: readonly Fact[], { paint, columns }: Terminal): string[] {
  const lines = list.flatMap(([label, value]) => {
    if (value === undefined || value === '') return []
    // Hashes are copied, and so stay whole: below their label where there is no room beside it.
    const isLong = !value.includes('\x1b') && /^[^ ]+$/.test(value) && value.length > columns - LABEL
    if (isLong && value.length <= columns - 2) return [paint('dim', label), `  ${value}`]
    return (value.includes('\x1b') ? [value] : wrap(value, columns - LABEL)).map(
      (line, index) => `${index === 0 ? paint('dim', label.padEnd(LABEL)) : ' '.repeat(LABEL)}${line}`,
    )
  })
  return [...lines, '']
}

/** Validity as facts: both ends, and the bar of what is left. */
function validity(found: InspectedCertificate, inspection: Inspection, { paint, glyphs }: Terminal): Fact[] {
  const { notBefore, notAfter } = found.certificate
  const life = lifeOf(found.certificate, inspection.now)
  const cell = lifeCell(life, Math.max(LIFE_BAR + 1 + life.words.length, life.words.length), LIFE_BAR, glyphs).trimEnd()
  return [
    ['valid from', momentText(notBefore)],
    ['valid to', momentText(notAfter)],
    ['left', paint(LIFE_COLOURS[life.state], cell)],
  ]
}

const LIFE_BAR = 20

function momentText(date: Date): string {
  return `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

function certificateFacts(
  found: InspectedCertificate,
  inspection: Inspection,
  names: FileNames,
  terminal: Terminal,
): Fact[] {
  const { certificate, issuer, uncheckedIssuer, keyPlaces, fingerprint, publicKeyHash } = found
  const { show } = terminal
  const isSelfSigned = issuer !== undefined && inspection.certificates[issuer] === found
  const isOwnName = certificate.issuer.text === certificate.subject.text
  const absent = isOwnName ? ' (its own name, but not its key)' : ' (not here)'
  const signed = isSelfSigned ? ' (itself)' : uncheckedIssuer === undefined ? absent : ' (its signature is not checked)'
  return [
    ['subject', show(certificate.subject.text) || 'empty'],
    ['issuer', `${show(certificate.issuer.text) || 'empty'}${signed}`],
    ['role', roleText(certificate)],
    ...nameFacts(certificate, terminal),
    ...validity(found, inspection, terminal),
    [
      'key',
      `${certificate.publicKey.name}${keyPlaces.length > 0 ? `, private key in ${placesText(keyPlaces, names, terminal)}` : ''}`,
    ],
    ['signed with', certificate.signatureHash || 'an algorithm with a digest of its own, or an unknown one'],
    ...usageFacts(certificate),
    ['serial number', certificate.serialNumber],
    ['subject key', certificate.subjectKeyIdentifier],
    ['authority key', certificate.authorityKeyIdentifier],
    ['SHA-256', fingerprint],
    [certificate.isCa ? 'CA pin' : 'public key', publicKeyHash],
  ]
}

function requestFacts(found: InspectedRequest, names: FileNames, terminal: Terminal): Fact[] {
  const { request, isSignatureValid, keyPlaces, publicKeyHash } = found
  return [
    ['subject', terminal.show(request.subject.text) || 'empty'],
    ['asks for', roleText(request)],
    ...nameFacts(request, terminal),
    [
      'key',
      `${request.publicKey.name}${keyPlaces.length > 0 ? `, private key in ${placesText(keyPlaces, names, terminal)}` : ''}`,
    ],
    ['signature', isSignatureValid ? 'made with its own key' : 'not made with its own key'],
    ...usageFacts(request),
    ['public key', publicKeyHash],
  ]
}

type Described = InspectedCertificate['certificate'] | InspectedRequest['request']

function roleText(described: Described): string {
  const role = roleOf(described)
  if (role === 'CA')
    return described.pathLength === undefined ? 'CA' : `CA of at most ${described.pathLength} CAs below it`
  return {
    server: 'server',
    client: 'client',
    peer: 'server and client',
    any: 'anything: it names no usage',
    other: 'neither server nor client',
  }[role]
}

// A screen holds this many; -o json has all.
const MAX_NAMES = 20

function nameFacts({ subject, dnsNames, ipAddresses, otherNames }: Described, terminal: Terminal): Fact[] {
  const list = (names: readonly string[]) =>
    names.length === 0
      ? undefined
      : [
          ...names.slice(0, MAX_NAMES).map(name => terminal.show(name.slice(0, 300))),
          ...(names.length > MAX_NAMES ? [`and ${names.length - MAX_NAMES} more`] : []),
        ].join(', ')
  return [
    ['groups', subject.organizations.length > 0 ? some(subject.organizations, terminal, 400) : undefined],
    ['DNS names', list(dnsNames)],
    ['addresses', list(ipAddresses)],
    ['other names', list(otherNames)],
  ]
}

function usageFacts({ keyUsages, extKeyUsages }: Described): Fact[] {
  const usages = [...(keyUsages ?? []), ...(extKeyUsages ?? [])].slice(0, MAX_NAMES)
  return [['usages', usages.length > 0 ? usages.join(', ') : undefined]]
}

/** Extensions that Kubernetes does not look at, one each; a critical one is one that it stumbles over. */
function furtherFacts(further: readonly FurtherExtension[], { show }: Terminal): Fact[] {
  const facts = further.slice(0, MAX_NAMES).map(({ name, isCritical, text }, index): Fact => {
    const cut = text.length > 300 ? `${text.slice(0, 300)}…` : text
    return [index === 0 ? 'further' : '', show(`${name}${isCritical ? ' (critical)' : ''}: ${cut}`)]
  })
  return further.length > MAX_NAMES ? [...facts, ['', `and ${further.length - MAX_NAMES} more`]] : facts
}

function placesText(places: InspectedCertificate['places'], names: FileNames, { show }: Terminal): string {
  const texts = places.slice(0, 3).map(({ file, part }) => show(part === undefined ? names.of(file) : 'the same file'))
  return [...new Set(texts)].join(', ')
}

/** A kubeconfig of one context. */
function kubeconfigDetail(
  kubeconfig: InspectedKubeconfig,
  inspection: Inspection,
  terminal: Terminal,
): string[] | undefined {
  const { show } = terminal
  const [context] = kubeconfig.contexts
  const cluster = kubeconfig.clusters.find(({ name }) => name === context?.cluster)
  const user = kubeconfig.users.find(({ name }) => name === context?.user)
  if (!context || kubeconfig.clusters.length > 1 || kubeconfig.users.length > 1) return undefined
  const client = inspection.certificates[user?.certificate ?? -1]
  const cas = (cluster?.caCertificates ?? []).flatMap(index => inspection.certificates[index] ?? [])
  const isTrusted = client?.issuer !== undefined && cluster?.caCertificates.includes(client.issuer)
  return facts(
    [
      [
        'context',
        `${show(context.name)}${kubeconfig.currentContext === context.name ? '' : ' (not the current context)'}`,
      ],
      ['namespace', context.namespace === undefined ? undefined : show(context.namespace)],
      ['server', `${show(cluster?.server || 'none')}${cluster?.isInsecure ? ', not verified' : ''}`],
      ['cluster', show(context.cluster)],
      ...cas.flatMap((ca): Fact[] => [
        [
          'trusts',
          `${show(ca.certificate.subject.text)}, ${ca.certificate.publicKey.name}, until ${momentText(ca.certificate.notAfter)}`,
        ],
        ['CA pin', ca.publicKeyHash],
      ]),
      ['trusts', cas.length > 0 || cluster?.caFile === undefined ? undefined : `what is in ${show(cluster.caFile)}`],
      ['user', `${show(context.user)} with ${user?.methods.join(', ') || 'no credentials'}`],
      ['certificate', client ? undefined : user?.certificateFile && show(user.certificateFile)],
      ['key', user?.keyFile && show(user.keyFile)],
      ...(client
        ? ([
            ['is', show(client.certificate.subject.commonName || client.certificate.subject.text)],
            [
              'in groups',
              client.certificate.subject.organizations.length > 0
                ? some(client.certificate.subject.organizations, terminal, 400)
                : undefined,
            ],
            [
              'signed by',
              `${show(client.certificate.issuer.text)} (${isTrusted ? 'the CA that it trusts' : client.issuer === undefined ? 'not here' : 'another CA than it trusts'})`,
            ],
            ...validity(client, inspection, terminal),
            ['key', client.certificate.publicKey.name],
            ['serial number', client.certificate.serialNumber],
            ['SHA-256', client.fingerprint],
          ] as const)
        : []),
    ],
    terminal,
  )
}
