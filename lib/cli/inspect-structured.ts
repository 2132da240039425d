import {
  type InspectedCertificate,
  type InspectedKey,
  type InspectedRequest,
  type Inspection,
  type Place,
  roleOf,
} from '../index.js'
import { OUTPUT_VERSION } from './structured.js'

/** An inspection as it is printed for programs; see docs/output.md. */
export function describeInspection(inspection: Inspection) {
  const { now, certificates, keys, requests, kubeconfigs, manifests, blocks, remarks, others } = inspection
  return {
    apiVersion: OUTPUT_VERSION,
    kind: 'Inspection',
    now: formatTime(now),
    certificates: certificates.map(certificateFacts),
    keys: keys.map(keyFacts),
    requests: requests.map(requestFacts),
    kubeconfigs: kubeconfigs.map(({ place, clusters, ...facts }) => ({
      ...flat(place),
      ...facts,
      clusters: clusters.map(({ isInsecure, ...cluster }) => ({ ...cluster, insecure: isInsecure })),
    })),
    manifests: manifests.map(({ place, kind, ...facts }) => ({ ...flat(place), manifestKind: kind, ...facts })),
    blocks: blocks.map(({ label, place }) => ({ ...flat(place), label })),
    remarks: remarks.map(({ place, ...facts }) => ({ ...flat(place), ...facts })),
    others,
  }
}

/** RFC 3339 in whole seconds, which is what certificates have. */
function formatTime(date: Date): string {
  return date.toISOString().replace('.000Z', 'Z')
}

function flat({ file, part }: Place) {
  return { file, part }
}

function certificateFacts(found: InspectedCertificate, index: number) {
  const { certificate, issuer, uncheckedIssuer, places, keyPlaces, fingerprint, publicKeyHash } = found
  return {
    index,
    role: roleOf(certificate),
    subject: nameFacts(certificate.subject),
    issuer: nameFacts(certificate.issuer),
    signedBy: issuer,
    uncheckedSignedBy: uncheckedIssuer,
    serialNumber: certificate.serialNumber,
    notBefore: formatTime(certificate.notBefore),
    notAfter: formatTime(certificate.notAfter),
    ...requestedFacts(certificate),
    criticalExtensions: certificate.criticalExtensions,
    subjectKeyIdentifier: certificate.subjectKeyIdentifier,
    authorityKeyIdentifier: certificate.authorityKeyIdentifier,
    signatureHash: certificate.signatureHash || undefined,
    fingerprint,
    publicKeyHash,
    places: places.map(flat),
    keyPlaces: keyPlaces.map(flat),
  }
}

function nameFacts({ commonName, organizations, text }: InspectedCertificate['certificate']['subject']) {
  return { commonName, organizations, text }
}

/** What certificates and requests have in common. */
function requestedFacts(facts: InspectedCertificate['certificate'] | InspectedRequest['request']) {
  const { isCa, pathLength, publicKey, dnsNames, ipAddresses, otherNames, keyUsages, extKeyUsages } = facts
  return {
    isCA: isCa,
    pathLength,
    keyAlgorithm: publicKey.name,
    dnsNames,
    ipAddresses,
    otherNames,
    keyUsages,
    extKeyUsages,
  }
}

function keyFacts({ kind, type, isEncrypted, publicKeyHash, certificates, places }: InspectedKey, index: number) {
  return {
    index,
    kind,
    keyAlgorithm: type?.name,
    encrypted: isEncrypted,
    publicKeyHash,
    certificates,
    places: places.map(flat),
  }
}

function requestFacts(found: InspectedRequest, index: number) {
  const { request, places, isSignatureValid, keyPlaces, certificates, publicKeyHash } = found
  return {
    index,
    role: roleOf(request),
    subject: nameFacts(request.subject),
    ...requestedFacts(request),
    signatureValid: isSignatureValid,
    publicKeyHash,
    certificates,
    places: places.map(flat),
    keyPlaces: keyPlaces.map(flat),
  }
}
