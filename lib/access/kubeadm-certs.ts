import type { Context } from '../context.js'
import { type Bytes, formatBase64, parseBase64 } from '../crypto/bytes.js'
import { EncodingError } from '../errors.js'
import type { ExternalEtcd } from '../kubernetes/cluster-fields.js'
import type { KubernetesObject } from '../kubernetes/objects.js'
import { FILE_MODES, type FileKind, filesOf, type TreePath } from '../tree/layout.js'
import { NODE_TOKEN_GROUP, type RbacRow } from './bootstrap-rbac.js'
import { type CertificateKey, decryptValue, encryptValue } from './certificate-key.js'

/** A file that all control planes have in common, as the Secret `kubeadm-certs` has it. */
export interface SharedFile {
  /** Key in the Secret, e.g. `etcd-ca.crt`. */
  readonly name: string
  readonly kind: FileKind
  readonly mode: number
  /**
   * Where it is: `pki/…` in the tree, an absolute path outside of it; `undefined` for a client certificate that an external
   * etcd does not ask for.
   */
  readonly path: TreePath | undefined
}

/** What decides which files control planes share, and where. */
export interface SharedFilesOptions {
  /** Default: etcd runs beside the API servers, and its CA is shared. */
  readonly externalEtcd?: ExternalEtcd | undefined
  /** Paths of `externalEtcd` below it are paths of the tree. Default: `/etc/kubernetes/pki` */
  readonly certificatesDir?: string | undefined
}

/** Contents of shared files by their name in the Secret; empty: the host had none. */
export type SharedContents = ReadonlyMap<string, Uint8Array>

/** Namespace and name of the Secret. */
export const KUBEADM_CERTS = { namespace: 'kube-system', name: 'kubeadm-certs' } as const

const EXTERNAL_ETCD = [
  ['external-etcd-ca.crt', 'certificate', 'caFile'],
  ['external-etcd.key', 'private-key', 'keyFile'],
  ['external-etcd.crt', 'certificate', 'certFile'],
] as const

/**
 * The files that control planes of a cluster have in common, an issuer before what it signed, a key before its certificate.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/copycerts/copycerts.go (certsToTransfer)
 */
export function sharedFiles(options: SharedFilesOptions = {}): readonly SharedFile[] {
  const { externalEtcd, certificatesDir = '/etc/kubernetes/pki' } = options
  const rows = externalEtcd
    ? (['ca', 'front-proxy-ca', 'sa'] as const)
    : (['ca', 'front-proxy-ca', 'sa', 'etcd-ca'] as const)
  const own = rows.flatMap(id =>
    filesOf(id).map(file => ({ ...file, name: file.path.slice('pki/'.length).replaceAll('/', '-') })),
  )
  if (!externalEtcd) return own
  const base = `${certificatesDir.replace(/\/+$/, '')}/`
  return [
    ...own,
    ...EXTERNAL_ETCD.map(([name, kind, field]) => {
      const file = externalEtcd[field] ?? ''
      const path = file.startsWith(base) && !file.includes('/../') ? `pki/${file.slice(base.length)}` : file
      return { name, kind, mode: FILE_MODES[kind], path: path === '' ? undefined : path }
    }),
  ]
}

/** Whether a Secret has the files of an external etcd in place of an etcd CA. */
export function hasExternalEtcd(secret: KubernetesObject): boolean {
  const data = dataOf(secret)
  return EXTERNAL_ETCD.some(([name]) => Object.hasOwn(data, name))
}

/**
 * The Secret `kubeadm-certs` among objects of a manifest; one without a namespace is taken for it, too.
 *
 * @param what - named in errors, e.g. a file name
 * @throws {@link EncodingError} `KPKI_CERTS_INVALID` when there is none, or more than one
 */
export function findKubeadmCerts(objects: readonly KubernetesObject[], what: string): KubernetesObject {
  const found = objects.filter(
    ({ kind, metadata: { namespace = KUBEADM_CERTS.namespace, name } }) =>
      kind === 'Secret' && name === KUBEADM_CERTS.name && namespace === KUBEADM_CERTS.namespace,
  )
  const [secret] = found
  if (secret && found.length === 1) return secret
  const secretName = `${KUBEADM_CERTS.namespace}/${KUBEADM_CERTS.name}`
  throw new EncodingError(
    'KPKI_CERTS_INVALID',
    `${what} holds ${found.length === 0 ? 'no' : `${found.length} times the`} Secret ${secretName}`,
    {
      details: { what },
      hint: `take what kubectl -n ${KUBEADM_CERTS.namespace} get secret ${KUBEADM_CERTS.name} -o yaml prints`,
    },
  )
}

/** Options of {@link encryptKubeadmCerts}. */
export interface EncryptOptions {
  /**
   * Secret of the bootstrap token with which this one is to end: the token cleaner deletes that one when it has expired, and
   * the garbage collector this one after it. Default: none, and the Secret stays until somebody deletes it.
   */
  readonly owner?: { readonly name: string; readonly uid: string }
}

/**
 * The Secret `kubeadm-certs` of shared files, each encrypted with a nonce of its own; what is empty stays empty.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/copycerts/copycerts.go (UploadCerts, getSecretOwnerRef)
 */
export async function encryptKubeadmCerts(
  contents: SharedContents,
  key: CertificateKey,
  context: Context,
  { owner }: EncryptOptions = {},
): Promise<KubernetesObject> {
  const data: Record<string, string> = {}
  for (const [name, content] of [...contents].sort(([a], [b]) => (a < b ? -1 : 1))) {
    data[name] = content.length === 0 ? '' : formatBase64(await encryptValue(content, key, context))
  }
  const reference = { apiVersion: 'v1', kind: 'Secret', controller: true, blockOwnerDeletion: true }
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { ...KUBEADM_CERTS, ...(owner ? { ownerReferences: [{ ...reference, ...owner }] } : {}) },
    type: 'Opaque',
    data,
  }
}

/**
 * Decrypts everything in a Secret `kubeadm-certs`, or nothing.
 *
 * @param files - what must be in it; what else is there is decrypted, too, and left out
 * @throws {@link EncodingError} `KPKI_CERTS_INVALID` for an entry that is missing, empty (but keys of CAs may be), no base64 or
 *   cut off; {@link VerifyError} `KPKI_DECRYPT_FAILED`
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/copycerts/copycerts.go (getDataFromSecret, DownloadCerts)
 */
export async function decryptKubeadmCerts(
  secret: KubernetesObject,
  files: readonly SharedFile[],
  key: CertificateKey,
  context: Context,
): Promise<ReadonlyMap<string, Bytes>> {
  const entries = Object.entries(dataOf(secret)).map(([name, value]) => {
    const bytes = typeof value === 'string' ? parseBase64(value) : value === null ? new Uint8Array() : undefined
    if (!bytes) throw invalid(`${name} in Secret ${nameOf(secret)} is not base64`)
    return [name, bytes] as const
  })
  const names = new Set(entries.map(([name]) => name))
  const missing = files.filter(({ name }) => !names.has(name)).map(({ name }) => name)
  if (missing.length > 0) throw invalid(`Secret ${nameOf(secret)} has no ${missing.join(', ')}`)
  const contents = new Map<string, Bytes>()
  for (const [name, bytes] of entries) {
    const what = `${name} in Secret ${nameOf(secret)}`
    const content = bytes.length === 0 ? bytes : await decryptValue(bytes, key, context, what)
    if (files.some(file => file.name === name)) contents.set(name, content)
  }
  for (const { name, path } of files) {
    if (path !== undefined || contents.get(name)?.length === 0) continue
    throw invalid(`Secret ${nameOf(secret)} has ${name}, and etcd.external of the configuration names no file for it`)
  }
  // Uploads of kubeadm have an empty value for every file that was missing; of those that are here, a host makes its own.
  const empty = files.filter(
    ({ name, path }) => path !== undefined && contents.get(name)?.length === 0 && !isCaKey(name),
  )
  if (empty.length > 0) {
    const names = empty.map(({ name }) => name).join(', ')
    throw invalid(`Secret ${nameOf(secret)} has an empty ${names}: the host that it comes from had none`)
  }
  return contents
}

/** The key of a CA may be elsewhere; no other file may. */
export function isCaKey(name: string): boolean {
  return name.endsWith('ca.key')
}

/** Who may read the Secret: hosts that join with a token of kubeadm's group. Made beside it, as kubeadm does. */
export const KUBEADM_CERTS_RBAC = [
  {
    name: `kubeadm:${KUBEADM_CERTS.name}`,
    namespace: KUBEADM_CERTS.namespace,
    rule: { verbs: ['get'], apiGroups: [''], resources: ['secrets'], resourceNames: [KUBEADM_CERTS.name] },
    subjects: [{ kind: 'Group', name: NODE_TOKEN_GROUP }],
    about: 'a joining control plane may read the encrypted certificates',
  },
] as const satisfies readonly RbacRow[]

function dataOf(secret: KubernetesObject): Readonly<Record<string, unknown>> {
  const { data = null } = secret
  if (data === null) return {}
  if (typeof data === 'object' && !Array.isArray(data)) return { ...data }
  throw invalid(`data of Secret ${nameOf(secret)} is not a mapping`)
}

function nameOf({ metadata: { namespace = KUBEADM_CERTS.namespace, name } }: KubernetesObject): string {
  return `${namespace}/${name}`
}

function invalid(message: string): EncodingError {
  return new EncodingError('KPKI_CERTS_INVALID', message, {
    details: { what: `${KUBEADM_CERTS.namespace}/${KUBEADM_CERTS.name}` },
    hint: 'upload the certificates again from a control plane: kpki certs upload',
  })
}
