import type { Context } from '../context.js'
import { decodeUtf8 } from '../crypto/bytes.js'
import { parsePrivateKey } from '../crypto/key-files.js'
import type { PrivateKey } from '../crypto/keys.js'
import { KpkiError } from '../errors.js'
import { issuerOf, ROW_IDS, type RowId } from '../kubernetes/rows.js'
import { type FileKind, filesOf, type TreePath } from '../tree/layout.js'
import type { Store } from '../tree/store.js'
import { type Certificate, parseCertificates } from '../x509/certificate.js'
import { verifySignature } from '../x509/signature.js'
import { readOrTell } from './actual.js'
import { manifestPath } from './manifests.js'
import { type Finding, finding } from './rules.js'
import type { ManifestFacts } from './types.js'

/** Flags that name a certificate and its key, by component. */
const PAIRS: readonly (readonly [component: string, certificate: string, key: string])[] = [
  ['etcd', 'cert-file', 'key-file'],
  ['etcd', 'peer-cert-file', 'peer-key-file'],
  ['kube-apiserver', 'tls-cert-file', 'tls-private-key-file'],
  ['kube-apiserver', 'etcd-certfile', 'etcd-keyfile'],
  ['kube-apiserver', 'kubelet-client-certificate', 'kubelet-client-key'],
  ['kube-apiserver', 'proxy-client-cert-file', 'proxy-client-key-file'],
  ['kube-controller-manager', 'cluster-signing-cert-file', 'cluster-signing-key-file'],
  ['kube-controller-manager', 'tls-cert-file', 'tls-private-key-file'],
  ['kube-scheduler', 'tls-cert-file', 'tls-private-key-file'],
]

type FlagPlace = readonly [component: string, flag: string]

/** Flags that name a certificate, and those that say by which CA it is judged. */
const TRUSTS: readonly (readonly [certificate: FlagPlace, ca: FlagPlace])[] = [
  [
    ['kube-apiserver', 'etcd-certfile'],
    ['etcd', 'trusted-ca-file'],
  ],
  [
    ['etcd', 'cert-file'],
    ['kube-apiserver', 'etcd-cafile'],
  ],
  [
    ['etcd', 'peer-cert-file'],
    ['etcd', 'peer-trusted-ca-file'],
  ],
  [
    ['kube-apiserver', 'proxy-client-cert-file'],
    ['kube-apiserver', 'requestheader-client-ca-file'],
  ],
]

/** Flags that name a file that is read. Logs are written. */
const READ_FLAG = /(-file|-cafile|-certfile|-keyfile|kubeconfig|-certificate|-certificate-authority|-key)$/
const WRITTEN_FLAG = /^log-/

/** A file that a manifest names. */
interface NamedFile {
  readonly component: string
  readonly flag: string
  readonly path: TreePath
  /** As the manifest has it. */
  readonly value: string
}

/** The item that a file of a tree is of, and what it is. */
const OWNERS: ReadonlyMap<TreePath, { readonly id: RowId; readonly kind: FileKind }> = new Map(
  ROW_IDS.flatMap(id => filesOf(id).map(({ path, kind }) => [path, { id, kind }] as const)),
)

/**
 * Says which files that static Pods are told to use are not there, or are others than they can use: of the paths of kubeadm the items
 * say that themselves, of all others nobody does.
 *
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/apiserver/pkg/server/options/serving.go, .../etcd.go: what a flag names is
 *   read at the start, and what cannot be read ends the process
 */
export async function manifestFileFindings(
  manifests: ManifestFacts,
  store: Pick<Store, 'read' | 'locate'>,
  context: Context,
): Promise<readonly Finding[]> {
  const named = namedFiles(manifests)
  const files = new NamedFiles(named, store, context)
  const findings: Finding[] = []
  const said = new Set<TreePath>()
  for (const { component, flag, path } of named) {
    if (OWNERS.has(path) || said.has(path)) continue
    said.add(path)
    if (!(await files.isThere(path, findings)))
      findings.push(
        finding('file-missing', undefined, path, `is missing: ${component} is told to use it with --${flag}`, {
          hint: `restore it, or name the right file in ${manifestPath(component)}`,
        }),
      )
  }
  for (const [component, certificateFlag, keyFlag] of PAIRS)
    findings.push(...(await pairFindings(files, component, certificateFlag, keyFlag)))
  for (const [certificate, ca] of TRUSTS) findings.push(...(await trustFindings(files, certificate, ca)))
  return findings
}

/** Files of the tree that manifests name and the components are given. */
function namedFiles(manifests: ManifestFacts): readonly NamedFile[] {
  const { flags, hostPaths } = manifests
  const directory = certificatesDirectory(manifests)
  return [...flags].flatMap(([component, values]) =>
    [...values].flatMap(([flag, value]): NamedFile[] => {
      const isRead = READ_FLAG.test(flag) && !WRITTEN_FLAG.test(flag)
      // What is mounted from elsewhere is another file of that name.
      const isOfHost = hostPaths.get(component)?.some(dir => value === dir || value.startsWith(`${dir}/`))
      const path = value.startsWith(`${directory}/`)
        ? `pki/${value.slice(directory.length + 1)}`
        : value.replace(/^\/etc\/kubernetes\//, '')
      const isOfTree = /^pki\/./.test(path) || /^[^/]+\.conf$/.test(path)
      const isPlain = path.split('/').every(part => part !== '' && part !== '.' && part !== '..')
      return isRead && isOfHost && isOfTree && isPlain ? [{ component, flag, path, value }] : []
    }),
  )
}

/** The directory that most flags of certificates name: that of kubeadm, unless the API server's own pair is elsewhere. */
function certificatesDirectory({ flags }: ManifestFacts): string {
  const apiserver = flags.get('kube-apiserver')
  const directoryOf = (flag: string, name: string) => {
    const value = apiserver?.get(flag) ?? ''
    return value.endsWith(`/${name}`) ? value.slice(0, -name.length - 1) : undefined
  }
  const [ca, own] = [directoryOf('client-ca-file', 'ca.crt'), directoryOf('tls-cert-file', 'apiserver.crt')]
  return (ca === own ? ca : undefined) || '/etc/kubernetes/pki'
}

/** A certificate beside the key of another one. Where both are of one item, that is said of the item. */
async function pairFindings(
  files: NamedFiles,
  component: string,
  certificateFlag: string,
  keyFlag: string,
): Promise<Finding[]> {
  const [one, other] = [files.named(component, certificateFlag), files.named(component, keyFlag)]
  const id = one && OWNERS.get(one.path)?.id
  if (!one || !other || (id !== undefined && id === OWNERS.get(other.path)?.id)) return []
  const found: Finding[] = []
  const certificates = await files.certificates(one, found)
  const key = await files.key(other, found)
  const [certificate] = certificates
  // Of a CA's file any certificate may be the one.
  if (!certificate || !key || certificates.some(({ spki }) => key.isKeyOf(spki))) return found
  return [
    finding(
      'key-mismatch',
      undefined,
      manifestPath(component),
      `tells ${component} to use ${one.path} with ${other.path}, which is not its key`,
      { field: `--${keyFlag}`, actual: other.value, hint: 'name the two files that belong together' },
    ),
  ]
}

/** A certificate that whoever is shown it does not believe. Where it is the usual one with its usual CA, that is said of the item. */
async function trustFindings(files: NamedFiles, certificate: FlagPlace, ca: FlagPlace): Promise<Finding[]> {
  const [one, other] = [files.named(...certificate), files.named(...ca)]
  const id = one && OWNERS.get(one.path)?.id
  if (!one || !other || (id !== undefined && issuerOf(id) === OWNERS.get(other.path)?.id)) return []
  const found: Finding[] = []
  const [leaf] = await files.certificates(one, [])
  const roots = await files.certificates(other, found)
  if (!leaf || roots.length === 0) return found
  for (const root of roots) if (await verifySignature(leaf, root.spki, files.context)) return found
  return [
    finding(
      'chain',
      undefined,
      manifestPath(one.component),
      `tells ${one.component} to use ${one.path}, which no CA in ${other.path} has signed`,
      {
        field: `--${one.flag}`,
        expected: [...new Set(roots.map(({ subject }) => subject.text))].join(' or '),
        actual: leaf.issuer.text,
        hint: `name the right file in ${manifestPath(one.component)}: ${other.component} trusts those of ${other.path}`,
      },
    ),
  ]
}

/** What is in the files that manifests name. */
class NamedFiles {
  readonly context: Context
  readonly #named: readonly NamedFile[]
  readonly #store: Pick<Store, 'read' | 'locate'>

  constructor(named: readonly NamedFile[], store: Pick<Store, 'read' | 'locate'>, context: Context) {
    this.#named = named
    this.#store = store
    this.context = context
  }

  named(component: string, flag: string): NamedFile | undefined {
    return this.#named.find(file => file.component === component && file.flag === flag)
  }

  async isThere(path: TreePath, findings: Finding[]): Promise<boolean> {
    const before = findings.length
    return (await readOrTell(undefined, path, this.#store, findings)) !== undefined || findings.length > before
  }

  /** None where there are none: then the file is missing, which is said of it, or a finding says it. */
  async certificates(file: NamedFile, findings: Finding[]): Promise<readonly Certificate[]> {
    const read = async (text: string) => parseCertificates(text, this.#store.locate(file.path))
    return (await this.#parse(file, 'certificate', read, findings)) ?? []
  }

  /** As {@link certificates}. */
  key(file: NamedFile, findings: Finding[]): Promise<PrivateKey | undefined> {
    const read = (text: string) => parsePrivateKey(text, this.context, this.#store.locate(file.path))
    return this.#parse(file, 'private-key', read, findings)
  }

  async #parse<T>(
    { component, flag, path, value }: NamedFile,
    kind: 'certificate' | 'private-key',
    read: (text: string) => Promise<T>,
    findings: Finding[],
  ): Promise<T | undefined> {
    const file = await readOrTell(undefined, path, this.#store, [])
    if (!file) return undefined
    try {
      return await read(decodeUtf8(file.bytes) ?? '')
    } catch (error) {
      if (!(error instanceof KpkiError)) throw error
      const what = kind === 'certificate' ? 'certificate' : 'private key'
      // Of a file that should hold one the item says why it cannot be read.
      if (OWNERS.get(path)?.kind !== kind)
        findings.push(
          finding('unreadable', undefined, manifestPath(component), `names ${path}, which holds no ${what}`, {
            field: `--${flag}`,
            actual: value,
            hint: `name a file with a ${what} there`,
          }),
        )
      return undefined
    }
  }
}
