import { checkCertificate } from '../audit/check-certificate.js'
import { checkIssued } from '../audit/check-issued.js'
import type { Finding, RuleId } from '../audit/rules.js'
import { lifeStateOf } from '../x509/life.js'
import { canSign, isWeaklySigned } from '../x509/verify.js'
import type { Draft } from './draft.js'
import { type Issuers, isBeyondUs } from './issuers.js'
import { directoryOf } from './links.js'
import { roleOf } from './role.js'
import type { InspectedCertificate, Inspection, Place } from './types.js'

type Certificates = Pick<Inspection, 'certificates' | 'now'>

/** Remarks on each certificate for itself and on how it goes with its issuer: only what breaks something, or is about to. */
export function remarkOnCertificates({ certificates, now }: Certificates, issuers: Issuers, draft: Draft): void {
  for (const [index, found] of certificates.entries()) {
    const [place] = found.places
    if (!place) continue
    const issuer = certificates[found.issuer ?? found.uncheckedIssuer ?? -1]
    remarkOnOne(found, place, now, draft)
    if (issuer && issuer !== found) remarkOnIssued(found, issuer, place, draft)
    if (issuer !== found && isWeaklySigned(found.certificate)) {
      draft.remark('signature-weak', place, `is signed with ${found.certificate.signatureHash}, which Go refuses`)
    }
    remarkOnNamesakes(index, place, certificates, issuers, draft)
  }
  const exhausted = certificates[issuers.exhaustedAt ?? -1]?.places[0]
  if (exhausted)
    draft.remark(
      'too-many',
      exhausted,
      'has so many possible issuers that not all were tried: some may stand without theirs',
    )
}

/** Remarks on requests whose sender has not shown to have their key. */
export function remarkOnRequests({ requests }: Pick<Inspection, 'requests'>, draft: Draft): void {
  for (const { request, isSignatureValid, places } of requests) {
    const [place] = places
    if (isSignatureValid || !place || isBeyondUs(request.signatureHash, request.publicKey)) continue
    draft.remark('request-unproven', place, 'is not signed with the key that it is for', {
      hint: 'sign nothing for it: whoever sent it may not have the key, or it was changed',
    })
  }
}

/** What is remarked on of all that a lint finds: what breaks something. */
function isGrave({ code, severity }: Finding): boolean {
  return severity === 'error' || code === 'key-weak' || code === 'outlives-ca'
}

function remarkOnOne({ certificate }: InspectedCertificate, place: Place, now: Date, draft: Draft): void {
  if (certificate.notAfter < certificate.notBefore) {
    draft.remark('expired', place, 'ends before it begins: it is never valid', { hint: 'have it made anew' })
  } else if (now < certificate.notBefore) {
    draft.remark('not-yet-valid', place, `is not valid before ${momentText(certificate.notBefore)}`, {
      hint: 'look at the clock of this host',
    })
  } else if (now > certificate.notAfter) {
    const hint = certificate.isCa ? 'whatever it has signed ended with it' : 'have it made anew'
    draft.remark('expired', place, `expired on ${momentText(certificate.notAfter)}`, { hint })
  } else if (lifeStateOf(certificate, now) === 'soon') {
    draft.remark('ends-soon', place, `ends on ${momentText(certificate.notAfter)}`, {
      hint: certificate.isCa
        ? 'whatever it has signed ends with it: renew the CA first'
        : 'have it made anew before that',
    })
  }
  // How it stands with the clock is said above, and who has signed it is told with its issuer.
  for (const found of checkCertificate(certificate, { path: place.file }).filter(isGrave))
    if (found.code !== 'never-valid' && found.code !== 'signature-weak')
      draft.remark(found.code, place, found.message, { hint: found.hint ?? HINTS[found.code] })
  const names = certificate.dnsNames.length + certificate.ipAddresses.length + certificate.otherNames.length
  if (roleOf(certificate) === 'server' && names === 0) {
    draft.remark('names-missing', place, 'has no names: clients look at subjectAltName only, not at the common name', {
      hint: 'have it made anew with the names under which it is asked for',
    })
  }
}

function remarkOnIssued(
  { certificate }: InspectedCertificate,
  { certificate: issuer }: InspectedCertificate,
  place: Place,
  draft: Draft,
): void {
  for (const { code, message } of checkIssued(certificate, issuer, { path: place.file }).filter(isGrave)) {
    const [end, last] = [certificate.notAfter, issuer.notAfter].map(momentText)
    const text = code === 'outlives-ca' ? `ends on ${end}, its CA on ${last}` : message
    draft.remark(code, place, text, { hint: HINTS[code] })
  }
}

/** What to do where the general advice of a remark is another one. */
const HINTS: Partial<Record<RuleId, string>> = {
  'address-mapped': 'have it made anew with the address as an IPv4 address',
  'ca-restricted': 'have the CA made anew without the restriction',
  'extension-critical': 'have it made anew with that extension not critical',
  'key-long': 'have it made anew with RSA-2048 or more, or with ECDSA',
  'outlives-ca': 'it ends with its CA: renew the CA before that',
  'path-length': 'have the upper CA made anew without a path length',
}

/** A certificate of whose issuer only the name is here: said where that is no accident. */
function remarkOnNamesakes(
  index: number,
  place: Place,
  certificates: readonly InspectedCertificate[],
  issuers: Issuers,
  draft: Draft,
): void {
  const found = certificates[index]
  const namesakes = (issuers.namesakes[index] ?? []).flatMap(other => certificates[other] ?? [])
  if (!found || namesakes.length === 0) return
  const { authorityKeyIdentifier, subject, issuer } = found.certificate
  const meant = namesakes.find(
    ({ certificate }) =>
      authorityKeyIdentifier !== undefined && certificate.subjectKeyIdentifier === authorityKeyIdentifier,
  )
  if (meant === found || (!meant && namesakes.includes(found) && subject.text === issuer.text)) {
    draft.remark('chain', place, 'names itself as its issuer, but is not signed with its own key', {
      hint: 'it was changed, or is of another key: restore it',
    })
    return
  }
  // Two clusters may have CAs of one name: only beside each other they are meant for each other.
  const near = namesakes.filter(
    other =>
      canSign(other.certificate) &&
      other.places.some(({ file, part }) => part === undefined && isNear(directoryOf(file), directoryOf(place.file))),
  )
  const [expected] = meant ? [meant] : isInside(place) ? [] : near
  if (!expected) return
  const where = expected.places[0]
  draft.remark(
    'chain',
    place,
    `names ${issuer.text} as its issuer, but the one in ${describe(where)} has not signed it`,
    {
      hint: 'it is of another CA, or was changed: have it made anew by the CA that is here',
    },
  )
}

/** Whether a place is inside a kubeconfig or manifest. */
function isInside({ part }: Place): boolean {
  return part?.includes('[') === true
}

function isNear(one: string, other: string): boolean {
  return one.startsWith(other) || other.startsWith(one)
}

function describe(place: Place | undefined): string {
  return place?.part === undefined ? (place?.file ?? '') : `${place.file} (${place.part})`
}

/** e.g. `2026-06-01 12:00:00 UTC` */
function momentText(date: Date): string {
  return `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`
}
