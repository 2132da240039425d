import { type Finding, finding } from '../audit/rules.js'
import { equalBytes } from '../crypto/bytes.js'
import type { DraftCertificate } from './draft.js'
import type { InspectedKubeconfig } from './types.js'

/**
 * Contexts of a kubeconfig whose cluster is trusted by a CA that has the name of the one that signed the client certificate, and
 * is another one: what is left behind where a CA was made anew and one half of the file was changed. Clusters whose clients have
 * a CA of another name are nobody's mistake.
 */
export function checkTrust(
  { place, contexts, clusters, users }: InspectedKubeconfig,
  certificates: readonly DraftCertificate[],
): Finding[] {
  const findings: Finding[] = []
  for (const { cluster: clusterName, user: userName } of contexts) {
    const cluster = clusters.find(({ name }) => name === clusterName)
    const user = users.find(({ name }) => name === userName)
    const client = certificates[user?.certificate ?? -1]?.certificate
    const identifier = client?.authorityKeyIdentifier
    if (!cluster || !client || identifier === undefined) continue
    const namesakes = cluster.caCertificates
      .flatMap(index => certificates[index]?.certificate ?? [])
      .filter(({ subject }) => equalBytes(subject.der, client.issuer.der))
    const [first] = namesakes
    const isOther = namesakes.every(({ subjectKeyIdentifier: own }) => own !== undefined && own !== identifier)
    if (!first || !isOther) continue
    const inner = `clusters[${clusterName}].certificate-authority-data`
    findings.push(
      finding(
        'ca-data',
        undefined,
        place.file,
        `trusts another ${first.subject.text} than the one that signed its client certificate`,
        {
          part: place.part === undefined ? inner : `${place.part}: ${inner}`,
          field: 'subjectKeyIdentifier',
          expected: identifier,
          actual: first.subjectKeyIdentifier ?? '',
          hint: 'put the CA of its API server into it, or have its client certificate made anew by that CA',
        },
      ),
    )
  }
  return findings
}
