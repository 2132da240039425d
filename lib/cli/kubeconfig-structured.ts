import type {
  InspectedCertificate,
  Inspection,
  KubeconfigProblem,
  KubeconfigView,
  ViewedCredential,
  ViewedReference,
} from '../index.js'
import { OUTPUT_VERSION } from './structured.js'

/** Kubeconfigs as they are printed for programs; see docs/output.md. */
export function describeView(
  view: KubeconfigView,
  problems: readonly KubeconfigProblem[],
  context: string | undefined,
) {
  const { files, currentContext, contexts, clusters, users, inspection } = view
  const shown = contexts.filter(({ name }) => context === undefined || name === context)
  const isUsed = (list: 'cluster' | 'user', name: string) =>
    context === undefined || shown.some(entry => entry[list] === name)
  return {
    apiVersion: OUTPUT_VERSION,
    kind: 'KubeconfigView',
    files,
    currentContext,
    contexts: shown.map(({ isCurrent, ...entry }) => ({ ...entry, current: isCurrent })),
    clusters: clusters
      .filter(({ name }) => isUsed('cluster', name))
      .map(({ isInsecure, caCertificates, references, doubled: _, refusals: __, ...entry }) => ({
        ...entry,
        insecure: isInsecure,
        caCertificates: caCertificates.flatMap(index => certificateFacts(inspection.certificates[index])),
        references: references.map(referenceFacts),
      })),
    users: users
      .filter(({ name }) => isUsed('user', name))
      .map(({ credentials, references, doubled: _, refusals: __, ...entry }) => ({
        ...entry,
        credentials: credentials.map(credential => credentialFacts(credential, inspection)),
        references: references.map(referenceFacts),
      })),
    problems: problems.map(describeProblem),
  }
}

/** A problem as it is printed for programs. */
export function describeProblem({ place, ...facts }: KubeconfigProblem) {
  return { ...facts, file: place.file, part: place.part }
}

function referenceFacts({ field, path, problem }: ViewedReference) {
  return { field, path, problem }
}

function credentialFacts(credential: ViewedCredential, { certificates }: Inspection) {
  switch (credential.kind) {
    case 'certificate': {
      const [certificate] = certificateFacts(certificates[credential.certificate ?? -1])
      return { kind: credential.kind, certificate, key: credential.key }
    }
    case 'token': {
      const { claims, file } = credential
      return {
        kind: credential.kind,
        file,
        claims: claims && {
          subject: claims.subject,
          issuer: claims.issuer,
          audiences: claims.audiences,
          issuedAt: claims.issuedAt && formatTime(claims.issuedAt),
          expiresAt: claims.expiresAt && formatTime(claims.expiresAt),
        },
      }
    }
    default:
      return credential
  }
}

function certificateFacts(found: InspectedCertificate | undefined) {
  if (!found) return []
  const { certificate, fingerprint, publicKeyHash } = found
  const { subject, issuer, serialNumber, notBefore, notAfter, publicKey } = certificate
  return [
    {
      subject: { commonName: subject.commonName, organizations: subject.organizations, text: subject.text },
      issuer: issuer.text,
      serialNumber,
      notBefore: formatTime(notBefore),
      notAfter: formatTime(notAfter),
      keyAlgorithm: publicKey.name,
      fingerprint,
      publicKeyHash,
    },
  ]
}

/** RFC 3339 in whole seconds. */
function formatTime(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, 'Z')
}
