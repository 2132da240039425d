import type { ExpirationEntry, ExpirationReport } from '../index.js'

/** Version of kubeadm's kind, whose fields are all there under their names and come first. */
const API_VERSION = 'output.kubeadm.k8s.io/v1alpha3'

/**
 * kubeadm's `CertificateExpirationInfo`, with more fields behind kubeadm's.
 *
 * @param locate - where a tree path is
 * @see kubernetes/kubernetes, commit 008b3652959c, cmd/kubeadm/app/apis/output/v1alpha3/types.go
 */
export function describeExpiration(
  report: Pick<ExpirationReport, 'moment' | 'node' | 'certificates' | 'certificateAuthorities'>,
  locate: (path: string) => string,
) {
  const describe = (entry: ExpirationEntry) => describeEntry(entry, locate)
  return {
    apiVersion: API_VERSION,
    kind: 'CertificateExpirationInfo',
    certificates: report.certificates.map(describe),
    certificateAuthorities: report.certificateAuthorities.map(describe),
    measuredAt: timeText(report.moment),
    ...(report.node === undefined ? {} : { node: report.node }),
  }
}

function describeEntry(entry: ExpirationEntry, locate: (path: string) => string) {
  const { name, expirationDate, residualTime, externallyManaged, caName, missing, state, path, part, found } = entry
  return {
    name,
    // As Go writes the moment that is none.
    expirationDate: expirationDate === undefined ? null : timeText(expirationDate),
    residualTime,
    externallyManaged,
    ...(caName === undefined ? {} : { caName }),
    missing,
    state,
    path: locate(path),
    ...(part === undefined ? {} : { part }),
    ...(found === undefined
      ? {}
      : {
          notBefore: timeText(found.certificate.notBefore),
          subject: found.certificate.subject.text,
          issuer: found.certificate.issuer.text,
          serialNumber: found.certificate.serialNumber,
          fingerprint: found.fingerprint,
        }),
    ...(entry.problem === undefined ? {} : { problem: entry.problem }),
  }
}

/** RFC 3339 in whole seconds, as Kubernetes writes time. */
function timeText(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, 'Z')
}
