import type { Context } from '../context.js'
import type { PrivateKey } from '../crypto/keys.js'
import {
  type CertificateId,
  isCertificateId,
  isKubeconfigId,
  issuerOf,
  PROFILES,
  profileOf,
  ROW_IDS,
  type RowId,
} from '../kubernetes/rows.js'
import { certificatePath, filesOf, keyPath, type TreePath } from '../tree/layout.js'
import type { Certificate } from '../x509/certificate.js'
import type { ActualRow } from './actual.js'
import type { TreeItemId } from './rules.js'
import { signerOf } from './signer.js'
import { KUBELET_FILES } from './tree.js'
import type { ActualKubeletPair, ActualTree } from './types.js'

/** The pairs that the kubelet keeps for itself. */
export const KUBELET_IDS = Object.keys(KUBELET_FILES) as readonly ActualKubeletPair['id'][]

/** Whether an item is a pair that the kubelet keeps for itself. */
export function isKubeletId(id: TreeItemId): id is ActualKubeletPair['id'] {
  return Object.hasOwn(KUBELET_FILES, id)
}

/** Whether an item is a CA. */
export function isCaId(id: TreeItemId): id is CertificateId {
  return isCertificateId(id) && PROFILES[profileOf(id)].isCa
}

/** The CA that signs an item's certificate; `undefined` where there is none, or nobody knows: a kubelet may sign for itself. */
export function issuerIdOf(id: TreeItemId): RowId | undefined {
  if (isKubeletId(id)) return id === 'kubelet-client' ? 'ca' : undefined
  return issuerOf(id)
}

/** The file that an item's certificate stands in. */
export function certificatePathOf(id: Exclude<TreeItemId, 'sa'>): TreePath {
  if (isKubeletId(id))
    return KUBELET_FILES[id].find(({ holds }) => holds.some(part => part === 'certificate'))?.path ?? id
  return isKubeconfigId(id) ? id : certificatePath(id)
}

/** The file that an item's key stands in. */
export function keyPathOf(id: TreeItemId): TreePath {
  if (isKubeletId(id)) return KUBELET_FILES[id].find(({ holds }) => holds.some(part => part === 'key'))?.path ?? id
  return isKubeconfigId(id) ? id : keyPath(id)
}

/** The item that a file of a tree is a part of; `undefined` for manifests and other files. */
export function itemIdOf(path: TreePath): TreeItemId | undefined {
  const isOf = (files: readonly { readonly path: TreePath }[]) => files.some(file => file.path === path)
  return ROW_IDS.find(id => isOf(filesOf(id))) ?? KUBELET_IDS.find(id => isOf(KUBELET_FILES[id]))
}

/** The certificate that an item is judged by: the CA that signs; of a leaf the one that its key belongs to, else the first. */
export function certificateOf(
  actual: ActualRow | ActualKubeletPair | undefined,
  context: Context,
): Certificate | undefined {
  if (!actual) return undefined
  const { certificates, key } = pairOf(actual)
  if ('kubeconfig' in actual && isCaId(actual.id)) return signerOf(actual, context) ?? certificates[0]
  return certificates.find(({ spki }) => key?.isKeyOf(spki)) ?? certificates[0]
}

/** Certificates and key of an item; of a kubeconfig those of its user. */
export function pairOf(actual: ActualRow | ActualKubeletPair): Pick<ActualRow, 'certificates' | 'key'> {
  return 'kubeconfig' in actual && actual.kubeconfig ? actual.kubeconfig : actual
}

/** The private key of an item; of a kubeconfig the one of its client certificate. */
export function keyOf(actual: ActualRow | ActualKubeletPair | undefined): PrivateKey | undefined {
  return actual && pairOf(actual).key
}

/** The item of a tree, whatever it is. */
export function actualOf(tree: ActualTree, id: TreeItemId): ActualRow | ActualKubeletPair | undefined {
  return isKubeletId(id) ? tree.kubelet.get(id) : tree.rows.get(id)
}

/** Host and port of a kubeconfig's server; `undefined` for what is no https URL. */
export function splitServer(url: string): { readonly host: string; readonly port: number } | undefined {
  const [, bracketed, plain, port] =
    /^https:\/\/(?:\[([0-9A-Fa-f:.]+)\]|([^:/?#@[\]\s]+))(?::([0-9]{1,5}))?(?:[/?#]|$)/i.exec(url) ?? []
  const host = bracketed ?? plain
  return host === undefined ? undefined : { host: host.toLowerCase(), port: port === undefined ? 443 : Number(port) }
}
