import type { Context } from '../context.js'
import { parseIp } from '../crypto/ip.js'
import { KpkiError } from '../errors.js'
import type { Certificate } from '../x509/certificate.js'
import { isForServer, type ServerNames } from '../x509/server-names.js'
import { verifyCertificate } from '../x509/verify.js'
import { type KubeconfigProblem, problem } from './kubeconfig-problem.js'
import type { KubeconfigView, ViewedCluster, ViewedContext, ViewedUser } from './kubeconfig-view.js'
import { isPlain } from './read-kubeconfig.js'
import type { InspectRemark, Place } from './types.js'

/** Options of {@link checkKubeconfig}. */
export interface CheckKubeconfigOptions {
  /** Which contexts; `'all'` for all of them. Default: the current one. */
  readonly contexts?: readonly string[] | 'all'
  /** CAs that sign client certificates. Default: the cluster's own, which it is in most clusters. */
  readonly clientCas?: readonly Certificate[]
  /** The server's certificate, intermediates behind it. Default: it is not looked at. */
  readonly serverCertificates?: readonly Certificate[]
  /** Whether a program of an `exec` user can be run here. Default: nobody looks. */
  readonly hasProgram?: (command: string) => Promise<boolean>
}

/** What was found. */
export interface KubeconfigCheck {
  /** Names of the contexts that were checked. */
  readonly contexts: readonly string[]
  /** In the order of the contexts, errors and warnings as they were found. */
  readonly problems: readonly KubeconfigProblem[]
}

/**
 * Checks that contexts of kubeconfigs can work: that what they name is there and readable, certificate and key are a pair,
 * the chain leads to the CA, nothing has ended, and the server's certificate is for its name.
 *
 * @param view - with the files that they name read
 */
export async function checkKubeconfig(
  view: KubeconfigView,
  context: Context,
  options: CheckKubeconfigOptions = {},
): Promise<KubeconfigCheck> {
  const names = wantedContexts(view, options.contexts)
  const [file = ''] = view.files
  const whole = { file, part: undefined }
  if (names.length === 0) {
    const message = options.contexts === 'all' ? 'has no context' : 'has no current-context'
    const hint =
      view.contexts.length > 0
        ? 'name one with --context NAME, or check all with --all'
        : 'make one: kpki kubeconfig user'
    return {
      contexts: [],
      problems: [problem('entry-missing', undefined, whole, message, { hint, severity: 'error' })],
    }
  }
  const problems = new Map<string, KubeconfigProblem>()
  for (const name of names) {
    for (const found of await checkContext(name, view, context, options)) {
      // What is wrong with a file is said once, and of all contexts that use it.
      const key = JSON.stringify([found.code, found.severity, found.place, found.message])
      const contexts = [...new Set([...(problems.get(key)?.contexts ?? []), ...found.contexts])]
      problems.set(key, { ...found, contexts })
    }
  }
  return { contexts: names, problems: [...problems.values()] }
}

function wantedContexts(view: KubeconfigView, wanted: CheckKubeconfigOptions['contexts']): readonly string[] {
  if (wanted === 'all') return view.contexts.map(({ name }) => name)
  return wanted ?? (view.currentContext === undefined ? [] : [view.currentContext])
}

/** So many contexts are named where one is missing. */
const NAMED = 5

/** Everything that one context uses. */
interface Used {
  readonly entry: ViewedContext
  readonly cluster: ViewedCluster | undefined
  readonly user: ViewedUser | undefined
}

async function checkContext(
  name: string,
  view: KubeconfigView,
  context: Context,
  options: CheckKubeconfigOptions,
): Promise<KubeconfigProblem[]> {
  const [file = ''] = view.files
  const entry = view.contexts.find(each => each.name === name)
  if (!entry) {
    const part = name === view.currentContext ? 'current-context' : undefined
    const names = view.contexts.map(each => each.name)
    const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : ''
    const others = `${names.slice(0, NAMED).join(', ')}${more}`
    return [
      problem('entry-missing', name, { file, part }, `names the context ${name}, which is not in it`, {
        severity: 'error',
        ...(others === '' ? {} : { hint: `there are: ${others}` }),
      }),
    ]
  }
  const cluster = view.clusters.find(each => each.name === entry.cluster)
  const user = view.users.find(each => each.name === entry.user)
  const used: Used = { entry, cluster, user }
  const here: Place = { file: entry.file, part: `contexts[${name}]` }
  const problems = remarksOn(used, view).map(remark => ofRemark(remark, name, used, view))
  // One file of several may name what stands in another; which one has it is known here only.
  const unnamed = (['cluster', 'user'] as const).filter(what => entry[what] === '')
  if (unnamed.length > 0)
    problems.push(
      problem('entry-missing', name, here, `names no ${unnamed.join(' and no ')}`, {
        severity: 'error',
        hint: 'give it one, or take the context out',
      }),
    )
  const isBroken = (list: string, entryName: string) =>
    view.inspection.remarks.some(({ place }) => place.part?.startsWith(`${list}[${entryName}]`))
  if (entry.namespace !== undefined && !/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(entry.namespace))
    problems.push(
      problem('kubeconfig-extra', name, here, 'has a namespace that cannot be the name of one', {
        severity: 'error',
        hint: 'lower-case letters, digits and hyphens, at most 63',
      }),
    )
  const missing = (
    [
      ['cluster', 'clusters', entry.cluster, cluster],
      ['user', 'users', entry.user, user],
    ] as const
  ).filter(([, list, wanted, found]) => wanted !== '' && !found && !isBroken(list, wanted))
  if (missing.length > 0) {
    const verb = missing.length > 1 ? 'are' : 'is'
    const where = view.files.length > 1 ? 'in none of the files' : 'not in it'
    const things = missing.map(([what, , wanted]) => `the ${what} ${wanted}`).join(' and ')
    problems.push(
      problem('entry-missing', name, here, `names ${things}, which ${verb} ${where}`, {
        severity: 'error',
        hint: `take the context out${isPlain(name) ? `: kubectl config delete-context ${name}` : ''}`,
      }),
    )
  }
  if (cluster) problems.push(...checkCluster(cluster, name, view))
  if (user) problems.push(...(await checkUser(user, name, context, options)))
  problems.push(
    ...(await checkChain(used, view, context, options)),
    ...(await checkServer(used, view, context, options)),
  )
  return problems
}

/** What inspection has found out about what the context uses. */
function remarksOn({ entry, cluster, user }: Used, view: KubeconfigView): readonly InspectRemark[] {
  const { inspection, files, general, duplicates } = view
  const prefixes: readonly (readonly [file: string, prefix: string])[] = [
    [entry.file, `contexts[${entry.name}]`],
    ...(entry.isCurrent ? [[entry.file, 'current-context'] as const] : []),
    [cluster?.file ?? entry.file, `clusters[${entry.cluster}]`],
    [user?.file ?? entry.file, `users[${entry.user}]`],
  ]
  const references = [...(cluster?.references ?? []), ...(user?.references ?? [])].map(({ path }) => path)
  const certificate = certificateOf(user)
  // One certificate may stand in several places, and is remarked on at the first of them.
  const places = [...(cluster?.caCertificates ?? []), ...(certificate === undefined ? [] : [certificate])].flatMap(
    index => inspection.certificates[index]?.places ?? [],
  )
  const isSame = (a: Place, b: Place) => a.file === b.file && a.part === b.part
  const uses = ({ file, entry: twice }: KubeconfigView['duplicates'][number]) =>
    twice === undefined ||
    [
      ['contexts', entry],
      ['clusters', cluster],
      ['users', user],
    ].some(
      ([list, own]) => list === twice.list && typeof own === 'object' && own.name === twice.name && own.file === file,
    )
  return inspection.remarks.filter(({ code, place }) => {
    // Inspection knows each file alone, and what it names may stand in another.
    if (code === 'entry-missing') return false
    if (code === 'field-twice')
      return duplicates.some(each => each.file === place.file && `line ${each.line}` === place.part && uses(each))
    if (code === 'unreadable' && general.some(each => isSame(each, place))) return true
    if (place.part === undefined && files.includes(place.file)) return true
    if (references.includes(place.file)) return true
    return (
      prefixes.some(([file, prefix]) => place.file === file && place.part?.startsWith(prefix)) ||
      places.some(each => isSame(each, place))
    )
  })
}

function ofRemark(
  remark: InspectRemark,
  name: string,
  { cluster }: Used,
  { inspection }: KubeconfigView,
): KubeconfigProblem {
  const { code, place, message, hint, error } = remark
  const isEnded = code === 'expired' || code === 'not-yet-valid'
  const cas = (cluster?.caCertificates ?? []).flatMap(index => inspection.certificates[index] ?? [])
  const ofCa = cas.some(({ places }) => places.some(each => each.file === place.file && each.part === place.part))
  // Of a bundle one is enough.
  const isSpare =
    isEnded &&
    ofCa &&
    cas.some(({ certificate: { notBefore, notAfter } }) => inspection.now >= notBefore && inspection.now <= notAfter)
  // Two programs would go to two servers, or as two users.
  const severity = code === 'field-twice' ? 'error' : isSpare ? 'warning' : remark.severity
  return problem(code, name, place, message, {
    severity,
    ...(hint === undefined ? {} : { hint }),
    ...(error === undefined ? {} : { error }),
  })
}

function certificateOf(user: ViewedUser | undefined): number | undefined {
  return user?.credentials.flatMap(each => (each.kind === 'certificate' ? (each.certificate ?? []) : []))[0]
}

function checkCluster(cluster: ViewedCluster, name: string, { inspection }: KubeconfigView): KubeconfigProblem[] {
  const { server, isInsecure, references, file } = cluster
  const here: Place = { file, part: `clusters[${cluster.name}]` }
  const problems = checkEntry(cluster, here, name)
  if (server === '')
    problems.push(
      problem('server', name, here, 'names no server', {
        severity: 'error',
        hint: 'write https://HOST:PORT into its field server',
      }),
    )
  else if (!/^https:/i.test(server) && /^[a-z][a-z0-9+.-]*:\/\//i.test(server))
    problems.push(
      problem('kubeconfig-extra', name, here, 'is reached without TLS', {
        hint: 'anybody in between can read the credentials: use https',
      }),
    )
  const trusted = cluster.caCertificates.flatMap(index => inspection.certificates[index]?.certificate ?? [])
  if (trusted.length > 0 && !trusted.some(({ isCa }) => isCa))
    problems.push(
      problem('not-a-ca', name, here, `trusts ${trusted[0]?.subject.text}, which is no CA`, {
        severity: 'warning',
        hint: 'that works only with a server that shows this very certificate: put the CA into it',
      }),
    )
  if (isInsecure && references.length > 0)
    problems.push(
      problem('kubeconfig-extra', name, here, 'has both a CA and insecure-skip-tls-verify, which no client takes', {
        severity: 'error',
      }),
    )
  return problems
}

/** What can be wrong with clusters and users alike. */
function checkEntry(
  { references, doubled, refusals }: ViewedCluster | ViewedUser,
  here: Place,
  name: string,
): KubeconfigProblem[] {
  return [
    ...refusals.map(({ severity, about, problem: message, hint }) =>
      problem(about === 'credentials' ? 'no-credentials' : 'kubeconfig-extra', name, here, message, { severity, hint }),
    ),
    ...doubled.map(field =>
      problem('kubeconfig-extra', name, here, `has both ${field} and ${field}-data`, {
        severity: 'error',
        hint: 'kubectl refuses to choose: take one of them out',
      }),
    ),
    ...references.flatMap(({ field, path, problem: why }) =>
      why === undefined
        ? []
        : [
            problem('unreadable', name, here, `names ${path} as ${field}, which ${why}`, {
              ...(why.startsWith('holds')
                ? { error: 'KPKI_PEM_LABEL', hint: why.includes(', but') ? SWAPPED : 'have it made anew' }
                : { error: why === 'does not exist' ? 'KPKI_FILE_NOT_FOUND' : 'KPKI_FILE_UNREADABLE', hint: RELATIVE }),
            }),
          ],
    ),
  ]
}

const SWAPPED = 'exchange it for what belongs there: the two fields may be swapped'
const RELATIVE =
  'relative paths start at the folder of the kubeconfig; kpki kubeconfig merge --flatten takes the contents in'

async function checkUser(
  user: ViewedUser,
  name: string,
  context: Context,
  { hasProgram }: CheckKubeconfigOptions,
): Promise<KubeconfigProblem[]> {
  const here: Place = { file: user.file, part: `users[${user.name}]` }
  const problems = checkEntry(user, here, name)
  if (user.credentials.length === 0)
    problems.push(
      problem('no-credentials', name, here, 'has neither a certificate nor a token nor anything else to show', {
        hint: 'the server takes it for anonymous, if it takes it at all',
      }),
    )
  for (const credential of user.credentials) {
    // Within the kubeconfig itself inspection has told already.
    const isTold = user.references.every(({ field }) => field !== 'client-key' && field !== 'client-certificate')
    if (credential.kind === 'certificate' && credential.key === 'mismatch' && !isTold)
      problems.push(
        problem('key-mismatch', name, here, 'has a key that is not that of its certificate', {
          hint: 'put the right key beside it, or have both made anew',
        }),
      )
    const end = credential.kind === 'token' ? credential.claims?.expiresAt : undefined
    if (end && end <= context.clock())
      problems.push(
        problem('expired', name, here, `has a token that expired on ${end.toISOString()}`, { hint: 'get a new one' }),
      )
    if (
      credential.kind === 'exec' &&
      !/^$|\*\*\*/.test(credential.command) &&
      (await hasProgram?.(credential.command)) === false
    )
      problems.push(
        problem(
          'no-credentials',
          name,
          here,
          `logs in with the program ${credential.command}, which cannot be run here`,
          {
            hint: 'install it; without a slash it is looked for in PATH, with one from the folder of the kubeconfig',
          },
        ),
      )
  }
  return problems
}

/** Whether the client certificate is one of the CA's, and made for clients. */
async function checkChain(
  { entry, cluster, user }: Used,
  { inspection }: KubeconfigView,
  context: Context,
  { clientCas }: CheckKubeconfigOptions,
): Promise<KubeconfigProblem[]> {
  const found = inspection.certificates[certificateOf(user) ?? -1]
  const own = (cluster?.caCertificates ?? []).flatMap(index => inspection.certificates[index]?.certificate ?? [])
  const roots = clientCas ?? own
  if (!found || !user || roots.length === 0) return []
  const place: Place = { file: user.file, part: `users[${user.name}]` }
  const { certificate } = found
  const { extKeyUsages } = certificate
  if (certificate.isCa)
    return [
      problem('wider', entry.name, place, 'has the certificate of a CA for its own', {
        hint: 'who gets hold of its key can make certificates for everybody: kpki kubeconfig user makes one for clients',
      }),
    ]
  if (extKeyUsages && !extKeyUsages.includes('clientAuth') && !extKeyUsages.includes('anyExtendedKeyUsage'))
    return [
      problem('usage-missing', entry.name, place, 'has a certificate that is not made for clients (clientAuth)', {
        hint: 'have one made that is: kpki kubeconfig user',
      }),
    ]
  // That it has ended, or not begun, is told of already, and hides here what else may be wrong.
  const moment = new Date(Math.min(Math.max(+context.clock(), +certificate.notBefore), +certificate.notAfter))
  try {
    const intermediates = inspection.certificates.map(each => each.certificate).filter(({ isCa }) => isCa)
    await verifyCertificate(
      certificate,
      { roots, intermediates, what: 'its certificate' },
      { ...context, clock: () => moment },
    )
    return []
  } catch (error) {
    if (!(error instanceof KpkiError)) throw error
    return [
      problem('chain', entry.name, place, error.message, {
        severity: clientCas ? 'error' : 'warning',
        hint: clientCas
          ? 'the server of this CA does not know who it is: have it made anew by this one'
          : 'that is the CA of the server; where clients have another one, name it with --ca-cert',
      }),
    ]
  }
}

/** Whether a server that shows this certificate would be believed. */
async function checkServer(
  { entry, cluster }: Used,
  { inspection }: KubeconfigView,
  context: Context,
  { serverCertificates }: CheckKubeconfigOptions,
): Promise<KubeconfigProblem[]> {
  const [leaf, ...intermediates] = serverCertificates ?? []
  if (!leaf || !cluster) return []
  const place: Place = { file: cluster.file, part: `clusters[${cluster.name}]` }
  const problems: KubeconfigProblem[] = []
  const host = cluster.serverName ?? hostOf(cluster.server)
  if (host !== undefined && !isForServer(namesOf(leaf), host)) {
    const names = [...leaf.dnsNames, ...leaf.ipAddresses].slice(0, 10).join(', ')
    problems.push(
      problem(
        'names-missing',
        entry.name,
        place,
        `is asked for as ${host}, and its certificate is for ${names || 'nobody'}`,
        {
          severity: cluster.isInsecure ? 'warning' : 'error',
          hint: 'use one of these names, or add this one: --apiserver-cert-extra-sans',
        },
      ),
    )
  }
  const now = context.clock()
  const renew = 'have it made anew: kpki gen apiserver'
  if (now < leaf.notBefore || now > leaf.notAfter) {
    const [code, verb, end] =
      now > leaf.notAfter
        ? (['expired', 'expired on', leaf.notAfter] as const)
        : (['not-yet-valid', 'is not valid before', leaf.notBefore] as const)
    problems.push(
      problem(code, entry.name, place, `is shown a certificate that ${verb} ${end.toISOString()}`, {
        hint: code === 'expired' ? renew : 'check the clock',
      }),
    )
  }
  const { extKeyUsages } = leaf
  if (extKeyUsages && !extKeyUsages.includes('serverAuth') && !extKeyUsages.includes('anyExtendedKeyUsage'))
    problems.push(
      problem('usage-missing', entry.name, place, 'is shown a certificate that is not made for servers (serverAuth)', {
        hint: renew,
      }),
    )
  const roots = cluster.caCertificates.flatMap(index => inspection.certificates[index]?.certificate ?? [])
  if (roots.length === 0) return problems
  // What has been told of already hides nothing else.
  const moment = new Date(Math.min(Math.max(+now, +leaf.notBefore), +leaf.notAfter))
  try {
    await verifyCertificate(
      leaf,
      { roots, intermediates, what: "the server's certificate" },
      { ...context, clock: () => moment },
    )
  } catch (error) {
    if (!(error instanceof KpkiError)) throw error
    problems.push(
      problem('ca-data', entry.name, place, `does not trust its server: ${error.message}`, {
        hint: 'put the CA of the server into it',
      }),
    )
  }
  return problems
}

function hostOf(server: string): string | undefined {
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(server) ? server : `https://${server}`
  return URL.canParse(text) ? new URL(text).hostname.replace(/^\[|\]$/g, '') : undefined
}

function namesOf({ dnsNames, ipAddresses }: Certificate): ServerNames {
  return { dns: dnsNames, ips: ipAddresses.flatMap(text => parseIp(text) ?? []) }
}
