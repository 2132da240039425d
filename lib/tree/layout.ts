import { type CertificateId, isKubeconfigId, type RowId } from '../kubernetes/rows.js'

/** What a file of a tree is, which decides its mode. */
export type FileKind = 'certificate' | 'private-key' | 'public-key' | 'kubeconfig'

/**
 * Modes of new files. As kubeadm's, except that `sa.pub` is public (kubeadm's init writes it with its key writer, 0600).
 *
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/client-go/util/cert/io.go, util/keyutil/key.go
 */
export const FILE_MODES: Readonly<Record<FileKind, number>> = {
  certificate: 0o644,
  'private-key': 0o600,
  'public-key': 0o644,
  kubeconfig: 0o600,
}

/** Permission bits as people write them, e.g. `0600`. */
export function formatMode(mode: number): string {
  return mode.toString(8).padStart(4, '0')
}

/**
 * Path of a file inside a tree: `pki/…` below the certificates directory, `*.conf` below the kubeconfig directory. An absolute
 * one is outside of it: a file of an external etcd.
 */
export type TreePath = string

const ETCD_BASES: Partial<Record<CertificateId, string>> = {
  'etcd-ca': 'etcd/ca',
  'etcd-server': 'etcd/server',
  'etcd-peer': 'etcd/peer',
  'etcd-healthcheck-client': 'etcd/healthcheck-client',
}

/** Base name of a row's files below the certificates directory, as kubeadm names them, e.g. `etcd/server`. */
export function baseName(id: CertificateId | 'sa'): string {
  return id === 'sa' ? 'sa' : (ETCD_BASES[id] ?? id)
}

/** One file of a row. */
export interface FileSpec {
  readonly path: TreePath
  readonly kind: FileKind
  readonly mode: number
}

/** The files of a row, in the order in which they are written: keys before what is made with them. */
export function filesOf(id: RowId): readonly FileSpec[] {
  const file = (path: TreePath, kind: FileKind): FileSpec => ({ path, kind, mode: FILE_MODES[kind] })
  if (isKubeconfigId(id)) return [file(id, 'kubeconfig')]
  const base = `pki/${baseName(id)}`
  const other = id === 'sa' ? file(`${base}.pub`, 'public-key') : file(`${base}.crt`, 'certificate')
  return [file(`${base}.key`, 'private-key'), other]
}

/** Path of a certificate row's certificate. */
export function certificatePath(id: CertificateId): TreePath {
  return `pki/${baseName(id)}.crt`
}

/** Path of the private key of a certificate row or of the service accounts. */
export function keyPath(id: CertificateId | 'sa'): TreePath {
  return `pki/${baseName(id)}.key`
}
