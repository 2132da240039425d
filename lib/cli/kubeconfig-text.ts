import type {
  InspectedCertificate,
  KubeconfigProblem,
  KubeconfigView,
  ViewedCluster,
  ViewedContext,
  ViewedCredential,
  ViewedUser,
} from '../index.js'
import { LIFE_COLOURS, lifeOf, span } from './inspect-life.js'
import { type Terminal, wrap } from './terminal.js'

/** Kubeconfigs for people: every context with its cluster, its user and what they are worth. */
export function formatView(view: KubeconfigView, wanted: string | undefined, terminal: Terminal): string {
  const { contexts, clusters, users, files } = view
  const shown = wanted === undefined ? contexts : contexts.filter(({ name }) => name === wanted)
  const lines = [files.map(terminal.show).join(', ')]
  for (const entry of shown) lines.push('', ...contextLines(entry, view, terminal))
  if (contexts.length === 0) lines.push('no context')
  if (wanted === undefined) {
    const idleClusters = clusters.filter(({ name }) => contexts.every(({ cluster }) => cluster !== name))
    const idleUsers = users.filter(({ name }) => contexts.every(({ user }) => user !== name))
    if (idleClusters.length + idleUsers.length > 0) lines.push('', 'without a context')
    for (const cluster of idleClusters) lines.push(...clusterLines(cluster, view, terminal))
    for (const user of idleUsers) lines.push(...userLines(user, undefined, view, terminal))
  }
  return `${lines.join('\n')}\n`
}

/** What is wrong, a line for each and what to do about it. */
export function formatProblems(
  problems: readonly KubeconfigProblem[],
  files: readonly string[],
  { columns, paint, show }: Terminal,
): string {
  const lines = problems.flatMap(({ severity, place, message, hint }) => {
    const isKnown = files.length === 1 && files[0] === place.file
    const where = [...(isKnown && place.part !== undefined ? [] : [place.file]), place.part ?? '']
      .filter(Boolean)
      .join(' ')
    const label = severity === 'error' ? paint('red', 'error:') : paint('yellow', 'warning:')
    const [first = '', ...rest] = wrap(show(`${where} ${message}`), columns - severity.length - 2)
    return [
      `${label} ${first}`,
      ...rest.map(line => `  ${line}`),
      ...(hint === undefined ? [] : wrap(show(hint), columns - 2).map(line => `  ${paint('dim', line)}`)),
    ]
  })
  return lines.map(line => `${line}\n`).join('')
}

const INDENT = '    '
const LABEL = 13

function row(label: string, text: string, { columns }: Terminal): string[] {
  return wrap(text, columns - INDENT.length - LABEL).map(
    (line, index) => INDENT + (index === 0 ? label : '').padEnd(LABEL) + line,
  )
}

function contextLines(entry: ViewedContext, view: KubeconfigView, terminal: Terminal): string[] {
  const { paint, show } = terminal
  const cluster = view.clusters.find(({ name }) => name === entry.cluster)
  const user = view.users.find(({ name }) => name === entry.user)
  const name = show(entry.name)
  const missing = (what: string, wanted: string) =>
    row(what, paint('red', wanted === '' ? 'none' : `${show(wanted)}, which is not in it`), terminal)
  return [
    `${entry.isCurrent ? '*' : ' '} ${paint('bold', name)}${entry.isCurrent ? ' (current)' : ''}`,
    ...(cluster ? clusterLines(cluster, view, terminal) : missing('cluster', entry.cluster)),
    ...(user ? userLines(user, cluster, view, terminal) : missing('user', entry.user)),
    ...(entry.namespace === undefined ? [] : row('namespace', show(entry.namespace), terminal)),
    ...(view.files.length > 1 ? row('file', show(entry.file), terminal) : []),
  ]
}

function clusterLines(cluster: ViewedCluster, { inspection }: KubeconfigView, terminal: Terminal): string[] {
  const { show } = terminal
  const { name, server, serverName, proxyUrl, isInsecure, caCertificates, references } = cluster
  const cas = caCertificates.flatMap(index => inspection.certificates[index] ?? [])
  const [reference] = references
  const from = reference
    ? ` (${show(reference.path)}${reference.problem === undefined ? '' : `, which ${reference.problem}`})`
    : ''
  const trust = isInsecure
    ? ['whatever the server shows: it is not verified']
    : cas.length > 0
      ? cas.map(ca => `${show(ca.certificate.subject.text)}, ${lifeText(ca, inspection.now, terminal)}${from}`)
      : [
          reference
            ? `the CA in ${show(reference.path)}${reference.problem === undefined ? '' : `, which ${reference.problem}`}`
            : "the system's CAs",
        ]
  return [
    ...row('cluster', `${show(name)}, ${show(server) || 'no server'}`, terminal),
    ...(serverName === undefined ? [] : row('', `whose certificate is for ${show(serverName)}`, terminal)),
    ...(proxyUrl === undefined ? [] : row('', `by the proxy ${show(proxyUrl)}`, terminal)),
    ...trust.flatMap((text, index) => row(index === 0 ? 'trusts' : '', text, terminal)),
  ]
}

function userLines(
  user: ViewedUser,
  cluster: ViewedCluster | undefined,
  view: KubeconfigView,
  terminal: Terminal,
): string[] {
  const { show } = terminal
  const { credentials, impersonates, impersonatesGroups } = user
  const groups = impersonatesGroups.length > 0 ? ` in ${impersonatesGroups.map(show).join(', ')}` : ''
  return [
    ...row('user', show(user.name), terminal),
    ...credentials.flatMap(credential => row(...credentialText(credential, user, cluster, view, terminal), terminal)),
    ...(credentials.length === 0 ? row('', 'shows nothing: anonymous', terminal) : []),
    ...(impersonates === undefined ? [] : row('speaks for', show(impersonates) + groups, terminal)),
    ...user.references
      .filter(({ field }) => field !== 'tokenFile')
      .flatMap(({ field, path, problem }) =>
        row('', `${field} in ${show(path)}${problem === undefined ? '' : `, which ${problem}`}`, terminal),
      ),
  ]
}

function credentialText(
  credential: ViewedCredential,
  { references }: ViewedUser,
  cluster: ViewedCluster | undefined,
  { inspection }: KubeconfigView,
  terminal: Terminal,
): [label: string, text: string] {
  const { show, paint } = terminal
  switch (credential.kind) {
    case 'certificate': {
      const found = inspection.certificates[credential.certificate ?? -1]
      const key = {
        matches: '',
        mismatch: paint('red', ', with the key of another certificate'),
        missing: paint('red', ', without a key'),
        unknown: ', with a key that was not compared',
      }[credential.key]
      if (!found) return ['by', `a certificate that cannot be read${key}`]
      const { commonName, organizations } = found.certificate.subject
      const groups = organizations.length > 0 ? ` in ${organizations.map(show).join(', ')}` : ''
      const isOfCluster = cluster?.caCertificates.some(index =>
        isAbove(index, credential.certificate, inspection.certificates),
      )
      const by = isOfCluster === true ? ', signed by the CA of this cluster' : ''
      return [
        'certificate',
        `${show(commonName) || 'nobody'}${groups}, ${lifeText(found, inspection.now, terminal)}${by}${key}`,
      ]
    }
    case 'token': {
      const { claims, file } = credential
      const problem = references.find(({ field }) => field === 'tokenFile')?.problem
      const where = file === undefined ? '' : `, in ${show(file)}${problem === undefined ? '' : `, which ${problem}`}`
      if (!claims) return ['token', `one that says nothing of itself${where}`]
      const { subject, expiresAt } = claims
      const left = expiresAt && +expiresAt - +inspection.now
      const end = left === undefined ? 'no end' : left > 0 ? span(left) : paint('red', `expired ${span(-left)} ago`)
      return ['token', `says that it is ${show(subject ?? 'nobody')}, ${end}${where}`]
    }
    case 'basic':
      return ['password', `of ${show(credential.username) || 'nobody'}`]
    case 'exec':
      return ['by program', show(credential.command) || 'none']
    case 'auth-provider':
      return ['by plugin', show(credential.name) || 'none']
  }
}

function isAbove(ca: number, leaf: number | undefined, certificates: readonly InspectedCertificate[]): boolean {
  const seen = new Set<number>()
  for (let index = leaf; index !== undefined && !seen.has(index); index = certificates[index]?.issuer) {
    if (index === ca) return true
    seen.add(index)
  }
  return false
}

function lifeText({ certificate }: InspectedCertificate, now: Date, { paint }: Terminal): string {
  const { state, words } = lifeOf(certificate, now)
  const end = certificate.notAfter.toISOString().slice(0, 16).replace('T', ' ')
  const text = state === 'valid' || state === 'soon' ? `until ${end} UTC (${words})` : words
  return state === 'valid' ? text : paint(LIFE_COLOURS[state], text)
}
