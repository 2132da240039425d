import { equalBytes } from '../crypto/bytes.js'
import { PolicyError } from '../errors.js'
import type { Certificate } from '../x509/certificate.js'
import { canSign, outsideValidity } from '../x509/verify.js'
import type { ActualRow } from './actual.js'
import { issuerIdOf, keyPathOf } from './items.js'
import type { Planning } from './planning.js'
import type { TreeItemId } from './rules.js'
import { signerOf } from './signer.js'
import type { ComparedItem } from './types.js'

/** What becomes of a CA that another one has signed, whose key is elsewhere. */
export const BY_ISSUER = 'have its issuer sign a new certificate for it, and put that into its place'

/** Whether a CA is its own issuer, by its name. */
export function isSelfIssued({ subject, issuer }: Certificate): boolean {
  return equalBytes(subject.der, issuer.der)
}

/** The certificate of the CA that signs an item; `undefined` where there is none. */
export function signerFor(id: TreeItemId, { comparison, context }: Planning): Certificate | undefined {
  const row = comparison.tree.rows.get(issuerIdOf(id) ?? 'ca')
  return row && signerOf(row, context)
}

/** Why the CA of an item cannot sign here; `undefined` where it can. */
export function issuerProblem(
  item: ComparedItem,
  planning: Planning,
): { readonly message: string; readonly hint: string; readonly error: Error } | undefined {
  const issuer = issuerIdOf(item.id) ?? 'ca'
  const row = planning.comparison.tree.rows.get(issuer)
  const signer = signerFor(item.id, planning)
  if (!row?.key || !signer?.spki || !row.key.isKeyOf(signer.spki)) {
    const error = keyElsewhere(item.id, issuer, row)
    return { message: `cannot be made here: ${keyProblem(issuer, row)}`, hint: error.hint ?? '', error }
  }
  const period = planning.renewedCas.has(issuer) ? undefined : outsideValidity(signer, planning.context.clock())
  const problem = period ?? (canSign(signer) ? undefined : 'may not sign certificates')
  if (problem === undefined) return undefined
  const message = `cannot be made: its CA ${issuer} ${problem}`
  const renew = isSelfIssued(signer) ? `renew it, too: kpki renew ${issuer} ${item.id}` : BY_ISSUER
  const hint = period === undefined ? 'restore the CA from a backup' : renew
  const options = { details: { issuer }, hint }
  const code = period === undefined ? 'KPKI_ISSUER_NOT_CA' : 'KPKI_ISSUER_EXPIRED'
  return { message, hint, error: new PolicyError(code, `${item.id} ${message}`, options) }
}

function keyProblem(issuer: TreeItemId, row: ActualRow | undefined): string {
  const path = keyPathOf(issuer)
  if (row?.key && row.certificates.length > 0) return `the CA key ${path} is the key of another CA`
  return row?.files.has(path) && !row.key ? `the CA key ${path} cannot be read` : `the CA key ${path} is not here`
}

/** Why nothing is signed here. */
export function keyElsewhere(id: TreeItemId, issuer: TreeItemId, row: ActualRow | undefined): PolicyError {
  return new PolicyError('KPKI_ISSUER_MISSING', `${id} cannot be renewed here: ${keyProblem(issuer, row)}`, {
    details: { issuer },
    hint:
      id === 'kubelet.conf' || id === 'kubelet-client'
        ? 'make a kubelet.conf where the CA key is, and put it here: kpki gen kubeconfig kubelet.conf --role worker ' +
          '--ca-from DIR --node-name NAME --control-plane-endpoint HOST[:PORT]'
        : 'renew it where the CA key is, and put it here',
  })
}
