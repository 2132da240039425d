import type { Draft } from './draft.js'
import { directoryOf } from './links.js'
import type { InspectedCertificate, InspectedKubeconfig, Inspection } from './types.js'

type Facts = Pick<Inspection, 'certificates' | 'kubeconfigs'>

/**
 * Remarks on kubeconfigs that trust another CA than they should: the one of the tree that they stand in, else the one that has
 * signed their own client certificate, where that is here.
 */
export function remarkOnKubeconfigs({ certificates, kubeconfigs }: Facts, draft: Draft): void {
  const cas = new Map<string, Set<string>>()
  for (const { places, publicKeyHash } of certificates) {
    for (const { file } of places)
      if (file === 'pki/ca.crt' || file.endsWith('/pki/ca.crt'))
        cas.set(file, new Set([...(cas.get(file) ?? []), publicKeyHash]))
  }
  for (const kubeconfig of kubeconfigs) {
    const treeCa = `${directoryOf(kubeconfig.place.file)}pki/ca.crt`
    for (const cluster of kubeconfig.clusters) {
      const trusted = cluster.caCertificates.flatMap(index => certificates[index] ?? [])
      if (trusted.length === 0) continue
      const place = {
        file: kubeconfig.place.file,
        part: [kubeconfig.place.part, `clusters[${cluster.name}]`].filter(Boolean).join(': '),
      }
      const ofTree = cas.get(treeCa)
      const expected = ofTree ?? signersOf(cluster.name, kubeconfig, certificates)
      if (!expected || trusted.some(({ publicKeyHash }) => expected.has(publicKeyHash))) continue
      draft.remark(
        'ca-data',
        place,
        ofTree
          ? `trusts another CA than ${treeCa}`
          : 'trusts another CA than the one that signed its client certificate',
        { hint: 'put the CA of its API server into it, or make it anew' },
      )
    }
  }
}

/** Public keys of all that stand above the client certificates for a cluster; `undefined` when one of them is not known. */
function signersOf(
  cluster: string,
  { contexts, users }: InspectedKubeconfig,
  certificates: readonly InspectedCertificate[],
): ReadonlySet<string> | undefined {
  const hashes = new Set<string>()
  for (const context of contexts) {
    if (context.cluster !== cluster) continue
    const user = users.find(({ name }) => name === context.user)
    if (user?.certificate === undefined) return undefined
    let index: number | undefined = certificates[user.certificate]?.issuer
    if (index === undefined) return undefined
    for (const seen = new Set<number>(); index !== undefined && !seen.has(index); index = certificates[index]?.issuer) {
      seen.add(index)
      hashes.add(certificates[index]?.publicKeyHash ?? '')
    }
  }
  return hashes.size > 0 ? hashes : undefined
}
