import type { Context } from '../context.js'
import { verifyRequestSignature } from '../x509/request.js'
import { Draft } from './draft.js'
import { findIssuers } from './issuers.js'
import { type FileContents, linkFiles } from './links.js'
import { readFile } from './read-file.js'
import { remarkOnCertificates, remarkOnRequests } from './remarks-certificates.js'
import { remarkOnFiles } from './remarks-files.js'
import { remarkOnKubeconfigs } from './remarks-kubeconfigs.js'
import type { InspectInput, Inspection, Place } from './types.js'

/**
 * Reads files of any mix and says what they hold and how it hangs together: PEM bundles, DER certificates and requests, keys
 * (public facts only), kubeconfigs with all their entries, Secret and ConfigMap manifests, CertificateSigningRequests.
 *
 * Nothing is trusted and nothing fails: what is broken becomes a remark, what is of no interest is named in `others`. Bounded:
 * inputs over 1 MiB are not read (PEM and JSON: over 32 MiB), nor more than 20,000 certificates and 2,000 private keys.
 *
 * @param inputs - files with the names under which people know them; paths relate files to each other (`x.crt` and `x.key`,
 *   `admin.conf` and `pki/ca.crt`)
 * @example const { certificates, remarks } = await inspectFiles([{ name: 'ca.crt', bytes }], createContext())
 */
export async function inspectFiles(inputs: readonly InspectInput[], context: Context): Promise<Inspection> {
  const now = context.clock()
  const draft = new Draft(context)
  const files: FileContents[] = []
  for (const input of inputs) files.push({ input, contents: await readFile(input, draft, context) })
  const kubeconfigs = linkFiles(draft.kubeconfigs, files)
  const issuers = await findIssuers(
    draft.certificates.map(({ certificate }) => certificate),
    { ...context, clock: () => now },
  )
  const keyPlaces = new Map<string, Place[]>()
  const owners = new Map<string, number[]>()
  for (const [index, { publicKeyHash }] of draft.certificates.entries()) {
    const indexes = owners.get(publicKeyHash) ?? []
    owners.set(publicKeyHash, indexes)
    indexes.push(index)
  }
  for (const { kind, publicKeyHash, places } of draft.keys)
    if (kind === 'private' && publicKeyHash !== undefined) keyPlaces.set(publicKeyHash, places)
  const certificates = draft.certificates.map((found, index) => ({
    ...found,
    issuer: issuers.verified[index],
    uncheckedIssuer: issuers.unchecked[index],
    keyPlaces: keyPlaces.get(found.publicKeyHash) ?? [],
  }))
  const requests = []
  for (const found of draft.requests) {
    requests.push({
      ...found,
      isSignatureValid: await verifyRequestSignature(found.request, context),
      keyPlaces: keyPlaces.get(found.publicKeyHash) ?? [],
      certificates: owners.get(found.publicKeyHash) ?? [],
    })
  }
  const keys = draft.keys.map(key => ({ ...key, certificates: owners.get(key.publicKeyHash ?? '') ?? [] }))
  const inspection = {
    now,
    certificates,
    keys,
    requests,
    kubeconfigs,
    manifests: draft.manifests,
    blocks: draft.blocks,
  }
  remarkOnCertificates(inspection, issuers, draft)
  remarkOnRequests(inspection, draft)
  remarkOnFiles(inspection, files, draft)
  remarkOnKubeconfigs(inspection, draft)
  const { remarks, others } = draft
  return { ...inspection, remarks, others }
}
