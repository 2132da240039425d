import type { ClusterEntry, EntryFault, EntryList, KubeconfigEntries, UserEntry } from '../access/kubeconfig-entries.js'
import { showUrl } from '../access/server-url.js'
import type { Context } from '../context.js'
import type { Contents, Draft } from './draft.js'
import { readPem } from './read-pem.js'
import type { InspectedKubeconfig, Place } from './types.js'

/** Takes a kubeconfig in: its certificates and keys, and what it says. */
export async function readKubeconfig(
  entries: KubeconfigEntries,
  place: Place,
  draft: Draft,
  context: Context,
): Promise<void> {
  const inside = (part: string): Place => ({
    file: place.file,
    part: place.part === undefined ? part : `${place.part}: ${part}`,
  })
  const pem = async (
    text: string | undefined,
    part: string,
    wanted: 'certificate' | 'private key',
  ): Promise<Contents | undefined> => {
    if (text === undefined) return undefined
    const before = draft.remarks.length
    const contents = await readPem(text, inside(part), draft, context)
    const isThere = (wanted === 'certificate' ? contents.certificates : contents.keys).length > 0
    if (isThere || draft.remarks.length > before) return contents
    const other = { certificate: contents.keys, 'private key': contents.certificates }[wanted].length > 0
    const problem = contents.isAny
      ? `holds no ${wanted}, but ${other ? (wanted === 'certificate' ? 'a key' : 'a certificate') : 'something else'}`
      : 'holds no PEM block'
    const hint = other ? 'exchange it for what belongs there: its two fields may be swapped' : undefined
    draft.remark('unreadable', inside(part), problem, { error: 'KPKI_PEM_LABEL', hint })
    return contents
  }
  const readCluster = async (entry: ClusterEntry) => {
    const part = `clusters[${entry.name}].certificate-authority-data`
    return {
      name: entry.name,
      server: showUrl(entry.server).text,
      caCertificates: (await pem(entry.caPem, part, 'certificate'))?.certificates ?? [],
      caFile: entry.caFile,
      isInsecure: entry.isInsecure,
    }
  }
  const readUser = async (entry: UserEntry) => {
    const keyPart = `users[${entry.name}].client-key-data`
    const chain = await pem(entry.certificatePem, `users[${entry.name}].client-certificate-data`, 'certificate')
    const key = await pem(entry.keyPem, keyPart, 'private key')
    const [certificate] = chain?.certificates ?? []
    if (certificate !== undefined && key && key.keys.length > 0) {
      const wanted = 'client-certificate-data'
      draft.pairs.push({ certificates: [certificate], keys: key.keys, place: inside(keyPart), wanted })
    }
    return {
      name: entry.name,
      certificate,
      certificateFile: entry.certificateFile,
      keyFile: entry.keyFile,
      methods: methodsOf(entry),
    }
  }
  const clusters: InspectedKubeconfig['clusters'][number][] = []
  for (const entry of entries.clusters) clusters.push(await readCluster(entry))
  const users: InspectedKubeconfig['users'][number][] = []
  for (const entry of entries.users) users.push(await readUser(entry))
  draft.kubeconfigs.push({
    place,
    currentContext: entries.currentContext,
    contexts: entries.contexts,
    clusters,
    users,
  })
  for (const fault of entries.faults)
    draft.remark('unreadable', fault.list === undefined ? place : inside(faultPart(fault) ?? ''), fault.problem, {
      ...UNREADABLE,
      hint: 'mend it by hand, or make it anew',
    })
  remarkOnEntries(entries, inside, draft)
}

const UNREADABLE = { error: 'KPKI_KUBECONFIG_INVALID' } as const

/** Where a fault is said to be; `undefined`: it is about the whole file. */
export function faultPart({ list, name }: EntryFault): string | undefined {
  return list === undefined || name === undefined ? list : `${list}[${name}]`
}

/** How a user authenticates, names only. */
function methodsOf({ certificatePem, certificateFile, extras }: UserEntry): string[] {
  const has = (...fields: readonly string[]) => fields.some(field => extras.includes(field))
  return [
    ...(certificatePem !== undefined || certificateFile !== undefined ? ['certificate'] : []),
    ...(has('token', 'tokenFile') ? ['token'] : []),
    ...(has('username', 'password') ? ['basic'] : []),
    ...(has('exec') ? ['exec'] : []),
    ...(has('auth-provider') ? ['auth-provider'] : []),
    ...(has('as', 'as-groups', 'as-user-extra') ? ['impersonation'] : []),
  ]
}

/** Whether a name may stand in a command that people copy. */
export function isPlain(name: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_.@:/-]{0,99}$/.test(name)
}

/** What a kubeconfig says of itself that does not hold, and what makes it weak. */
function remarkOnEntries(
  { currentContext, contexts, clusters, users, faults }: KubeconfigEntries,
  inside: (part: string) => Place,
  draft: Draft,
): void {
  // What is there but broken has been told of already.
  const isThere = (list: EntryList, all: readonly { readonly name: string }[], name: string) =>
    all.some(entry => entry.name === name) || faults.some(fault => fault.list === list && fault.name === name)
  if (currentContext !== undefined && !isThere('contexts', contexts, currentContext)) {
    const other = contexts.find(({ name }) => isPlain(name))?.name
    draft.remark(
      'entry-missing',
      inside('current-context'),
      `names the context ${currentContext}, which is not in it`,
      {
        hint: `choose one that is${other === undefined ? '' : `, e.g. kubectl config use-context ${other}`}`,
      },
    )
  }
  for (const { name, cluster, user } of contexts) {
    const missing = [
      ...(cluster === '' || isThere('clusters', clusters, cluster) ? [] : [`the cluster ${cluster}`]),
      ...(user === '' || isThere('users', users, user) ? [] : [`the user ${user}`]),
    ]
    const unnamed = [...(cluster === '' ? ['cluster'] : []), ...(user === '' ? ['user'] : [])]
    if (unnamed.length > 0)
      draft.remark('entry-missing', inside(`contexts[${name}]`), `names no ${unnamed.join(' and no ')}`, {
        hint: 'give it one, or take the context out',
      })
    if (missing.length > 0)
      draft.remark(
        'entry-missing',
        inside(`contexts[${name}]`),
        `names ${missing.join(' and ')}, which ${missing.length > 1 ? 'are' : 'is'} not in it`,
        {
          hint: `take the context out${isPlain(name) ? `: kubectl config delete-context ${name}` : ''}`,
        },
      )
  }
  for (const { name, isInsecure, urlSecrets } of clusters) {
    for (const { field, what } of urlSecrets)
      draft.remark('kubeconfig-extra', inside(`clusters[${name}].${field}`), `has ${what} in its URL, not shown here`, {
        hint: 'credentials of a URL end up in logs: take them out if they are some',
      })
    if (isInsecure)
      draft.remark('kubeconfig-extra', inside(`clusters[${name}]`), 'does not verify its server', {
        hint: 'put the CA in place of insecure-skip-tls-verify: anybody in between can read the credentials',
      })
  }
  for (const user of users) {
    const hasCertificate = user.certificatePem !== undefined || user.certificateFile !== undefined
    const hasKey = user.keyPem !== undefined || user.keyFile !== undefined
    if (hasCertificate === hasKey || faults.some(({ list, name }) => list === 'users' && name === user.name)) continue
    draft.remark(
      'no-credentials',
      inside(`users[${user.name}]`),
      hasKey ? 'has a key without its certificate' : 'has a certificate without its key',
    )
  }
}
