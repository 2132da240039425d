import { type Kubeconfig, parseKubeconfig } from '../access/kubeconfig.js'
import { type KubeconfigEntries, readKubeconfigEntries } from '../access/kubeconfig-entries.js'
import { showUrl } from '../access/server-url.js'
import type { Context } from '../context.js'
import { decodeUtf8, equalBytes } from '../crypto/bytes.js'
import { KpkiError } from '../errors.js'
import { isKubeconfigId, KUBECONFIGS } from '../kubernetes/rows.js'
import type { Store } from '../tree/store.js'
import { type Certificate, parseCertificates } from '../x509/certificate.js'
import { verifySignature } from '../x509/signature.js'
import type { ActualRow } from './actual.js'
import { finding } from './rules.js'

/** So many contexts are looked at: each costs a signature. */
const MAX_CONTEXTS = 100

/** Kubeconfigs that people take into their hands, and choose contexts in. Components take the current one, whatever it is. */
const OF_PEOPLE: readonly string[] = ['admin.conf', 'super-admin.conf']

/**
 * A kubeconfig of a tree with the context that is its own: the one whose user has a certificate of the tree's CA, by the name that
 * the file is for where there are several. Somebody may have merged another cluster into the file and chosen that; what belongs
 * to it is none of ours to judge or to change. Where no context is its own it is the current one.
 */
export async function withOwnContext(
  row: ActualRow,
  cas: readonly Certificate[],
  store: Pick<Store, 'locate'>,
  context: Context,
): Promise<ActualRow> {
  const { id, kubeconfig, files } = row
  if (!isKubeconfigId(id) || !kubeconfig) return row
  const { commonName } = KUBECONFIGS[id]
  const isNamed = (certificate: Certificate | undefined) => certificate?.subject.commonName === commonName
  const [chosen] = kubeconfig.certificates
  const isOurs = await isOfCa(chosen, cas, context)
  // A component's user may be a token or a file; its current context is the one that counts in any case.
  if (isOurs && (isNamed(chosen) || !OF_PEOPLE.includes(id))) return row
  const text = decodeUtf8(files.get(id)?.bytes ?? new Uint8Array()) ?? ''
  const { parseYaml } = await import('../yaml.js')
  const entries = readKubeconfigEntries(parseYaml(text, id).value)
  const own = entries && (await ownContext(entries, cas, isNamed, isOurs, context))
  if (own === undefined || own === kubeconfig.contextName) return row
  const found = await readContext(text, store.locate(id), own, context)
  if (!found) return row
  const names = { own: JSON.stringify(own), current: JSON.stringify(kubeconfig.contextName) }
  const said = finding(
    'current-context',
    id,
    id,
    `uses the context ${names.current} (${showUrl(kubeconfig.server).text}), and its own is ${names.own}`,
    { part: 'current-context', field: 'current-context', expected: own, actual: kubeconfig.contextName },
  )
  return { ...row, kubeconfig: OF_PEOPLE.includes(id) ? found : kubeconfig, findings: [...row.findings, said] }
}

/** The name of the context that is the file's own. */
async function ownContext(
  { contexts, users }: KubeconfigEntries,
  cas: readonly Certificate[],
  isNamed: (certificate: Certificate | undefined) => boolean,
  isCurrentOurs: boolean,
  context: Context,
): Promise<string | undefined> {
  let first: string | undefined
  for (const { name, user } of contexts.slice(0, MAX_CONTEXTS)) {
    const pem = users.find(entry => entry.name === user)?.certificatePem
    const certificate = pem === undefined ? undefined : firstOf(pem)
    if (!(await isOfCa(certificate, cas, context))) continue
    if (isNamed(certificate)) return name
    first ??= name
  }
  return isCurrentOurs ? undefined : first
}

function firstOf(pem: string): Certificate | undefined {
  try {
    return parseCertificates(pem, 'client-certificate-data')[0]
  } catch (error) {
    if (!(error instanceof KpkiError)) throw error
    return undefined
  }
}

async function isOfCa(
  certificate: Certificate | undefined,
  cas: readonly Certificate[],
  context: Context,
): Promise<boolean> {
  if (!certificate) return false
  for (const { subject, spki } of cas)
    if (equalBytes(subject.der, certificate.issuer.der) && (await verifySignature(certificate, spki, context)))
      return true
  return false
}

/** What cannot be read is nobody's own. */
async function readContext(
  text: string,
  what: string,
  name: string,
  context: Context,
): Promise<Kubeconfig | undefined> {
  try {
    return await parseKubeconfig(text, context, what, name)
  } catch (error) {
    if (!(error instanceof KpkiError)) throw error
    return undefined
  }
}
