import type { Kubeconfig } from '../access/kubeconfig.js'
import { equalBytes } from '../crypto/bytes.js'
import { splitServer } from './items.js'
import type { ActualTree } from './types.js'
import { missingNames } from './wanted-names.js'

/**
 * Whether the current context of a kubeconfig is of another cluster, as somebody has left it who merged one into it: it trusts no key
 * of this tree's CA, and goes to a server that the API server's certificate does not name. What stands in it is nobody's here.
 */
export function isOfOtherCluster({ server, caCertificates }: Kubeconfig, { rows }: Pick<ActualTree, 'rows'>): boolean {
  const own = rows.get('ca')?.certificates ?? []
  const [serving] = rows.get('apiserver')?.certificates ?? []
  const host = splitServer(server)?.host
  if (!serving || host === undefined || own.length === 0 || caCertificates.length === 0) return false
  const isOurs = caCertificates.some(({ spki }) => own.some(ca => equalBytes(ca.spki, spki)))
  return !isOurs && missingNames(serving, [host]).length > 0
}
