import type { Context } from '../context.js'
import { NODE_USER_PREFIX } from '../kubernetes/groups.js'
import { isCertificateId, issuerOf } from '../kubernetes/rows.js'
import { keyPath } from '../tree/layout.js'
import type { Store } from '../tree/store.js'
import { type LifeState, lifeStateOf } from '../x509/life.js'
import { readExpirationInputs } from './expiration-inputs.js'
import { type ExpirationLine, expirationLines } from './expiration-lines.js'
import { inspectFiles } from './inspect.js'
import type { InspectedCertificate, Inspection } from './types.js'

/**
 * How something with an end stands: `missing` is not there, `unreadable` is there and cannot be read, `elsewhere` is in a file
 * that a kubeconfig names and that is not at hand.
 */
export type ExpirationState = LifeState | 'missing' | 'unreadable' | 'elsewhere'

/** One line of a report: a certificate in a file, or a kubeconfig's client certificate. */
export interface ExpirationEntry {
  /**
   * kubeadm's name where it has one (`apiserver`, `admin.conf`, `ca`), `kubelet.conf`, `kubelet-client`, `kubelet-server`; else
   * the path. What a file has beside its first certificate has `[…]` behind the name. Unique within its table.
   */
  readonly name: string
  /** Tree path, e.g. `pki/apiserver.crt`. */
  readonly path: string
  /** The place in the file, e.g. `2nd certificate`; `undefined` where it is the whole of it. */
  readonly part: string | undefined
  /** `undefined` where nothing is known. */
  readonly expirationDate: Date | undefined
  /** Whole seconds until then, rounded towards 0; negative when it is over, 0 where nothing is known. */
  readonly residualTime: number
  /** The key of the CA that signed it is not in the tree, so that it cannot be renewed here; of a CA: its own key. */
  readonly externallyManaged: boolean
  /** Name of the CA that signed it; `undefined` for a root, and where it is not known. */
  readonly caName: string | undefined
  readonly missing: boolean
  readonly state: ExpirationState
  /** Everything about the certificate; `undefined` where there is none. */
  readonly found: InspectedCertificate | undefined
  /** Why nothing is known, as the end of a sentence. */
  readonly problem: string | undefined
}

/** When everything in a tree ends. */
export interface ExpirationReport {
  /** The moment that it is made for. */
  readonly moment: Date
  /** Node that the tree is of; `undefined` where it does not say. */
  readonly node: string | undefined
  /** kubeadm's rows in kubeadm's order, the kubelet's, then all others by name. */
  readonly certificates: readonly ExpirationEntry[]
  /** `ca`, `etcd-ca`, `front-proxy-ca`, then all others by name. */
  readonly certificateAuthorities: readonly ExpirationEntry[]
  /** What it was made of; it can be drawn. */
  readonly inspection: Inspection
}

/**
 * Says when everything in a tree ends: the rows that `kubeadm certs check-expiration` knows, and what it does not: kubelets'
 * certificates, further kubeconfigs and certificates, every certificate of a bundle. What cannot be read has a line, too; no
 * file makes it fail.
 *
 * What is out of use has none: certificates that a kubelet has replaced, what kubeadm has put aside in `tmp` and `pki/expired`.
 *
 * @throws `StoreError` `KPKI_FILE_UNREADABLE`, `KPKI_FILE_NOT_REGULAR` when a directory of the tree cannot be listed
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/cmd/alpha/certs.go (newCmdCertsExpiration)
 * @example const { certificates } = await readExpiration(new DiskStore('/etc/kubernetes'), createContext())
 */
export async function readExpiration(store: Store, context: Context): Promise<ExpirationReport> {
  const { inputs, files } = await readExpirationInputs(store)
  const inspection = await inspectFiles(inputs, context)
  const lines = expirationLines(inspection, files, path => store.locate(path))
  const caNames = new Map<number, string>()
  for (const { isCa, what, name } of lines) if (isCa && 'index' in what) caNames.set(what.index, name)
  const entryOf = (line: ExpirationLine) => toEntry(line, inspection, files, caNames)
  return {
    moment: inspection.now,
    node: nodeOf(lines, inspection),
    certificates: lines.filter(({ isCa }) => !isCa).map(entryOf),
    certificateAuthorities: lines.filter(({ isCa }) => isCa).map(entryOf),
    inspection,
  }
}

/**
 * The part of a report that ends within a time or has ended, and what cannot be read: nobody knows of that.
 *
 * @param within - seconds from the report's moment on
 */
export function endingWithin(report: ExpirationReport, within: number): ExpirationReport {
  const isNear = ({ expirationDate, residualTime, state }: ExpirationEntry) =>
    state === 'unreadable' || (expirationDate !== undefined && residualTime <= within)
  const { certificates, certificateAuthorities } = report
  return {
    ...report,
    certificates: certificates.filter(isNear),
    certificateAuthorities: certificateAuthorities.filter(isNear),
  }
}

function toEntry(
  { name, path, isCa, row, what }: ExpirationLine,
  { certificates, now }: Inspection,
  files: ReadonlySet<string>,
  caNames: ReadonlyMap<number, string>,
): ExpirationEntry {
  if (!('index' in what)) {
    const { state, problem } = what
    const caName = row === undefined || state === 'missing' ? undefined : issuerOf(row)
    const none = { part: undefined, expirationDate: undefined, residualTime: 0, found: undefined }
    return { name, path, ...none, externallyManaged: false, caName, missing: state === 'missing', state, problem }
  }
  const { index, part } = what
  const found = certificates[index]
  const signer = found?.issuer ?? found?.uncheckedIssuer
  const isRoot = signer === index
  const issuer = row === undefined ? undefined : issuerOf(row)
  const caName = isRoot ? undefined : ((signer === undefined ? undefined : caNames.get(signer)) ?? issuer)
  const notAfter = found?.certificate.notAfter
  return {
    name,
    path,
    part,
    expirationDate: notAfter,
    // Without the sign that a rounded -0.5 would keep.
    residualTime: notAfter ? Math.trunc((+notAfter - +now) / 1000) + 0 : 0,
    externallyManaged: isExternal(isCa ? index : signer, isCa ? name : caName, certificates, files),
    caName,
    missing: false,
    state: found ? lifeStateOf(found.certificate, now) : 'unreadable',
    found,
    problem: undefined,
  }
}

/** Whether a CA's key is kept elsewhere. Of kubeadm's CAs the file counts, even one that cannot be read. */
function isExternal(
  ca: number | undefined,
  name: string | undefined,
  certificates: readonly InspectedCertificate[],
  files: ReadonlySet<string>,
): boolean {
  if (name !== undefined && isCertificateId(name)) return !files.has(keyPath(name))
  return ca === undefined || (certificates[ca]?.keyPlaces.length ?? 0) === 0
}

/** The node, by its kubelet's user or by what etcd's member is called. */
function nodeOf(lines: readonly ExpirationLine[], { certificates }: Inspection): string | undefined {
  const nameIn = (wanted: string) => {
    const what = lines.find(({ name }) => name === wanted)?.what
    return what && 'index' in what ? certificates[what.index]?.certificate.subject.commonName : undefined
  }
  const users = [nameIn('kubelet.conf'), nameIn('kubelet-client')].filter(user => user?.startsWith(NODE_USER_PREFIX))
  return users[0]?.slice(NODE_USER_PREFIX.length) || nameIn('etcd-server') || undefined
}
