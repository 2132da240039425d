import { type Finding, finding } from '../audit/rules.js'
import type { Context } from '../context.js'
import { formatHex } from '../crypto/bytes.js'
import { type Certificate, parseCertificate } from '../x509/certificate.js'
import { verifierOf, verifySignature } from '../x509/signature.js'
import { canSign } from '../x509/verify.js'
import { isBeyondUs } from './issuers.js'
import { directoryOf } from './links.js'
import type { Place } from './types.js'

/** What is said of a certificate and its issuer once that is found. */
export type JudgeIssued = (certificate: Certificate, issuer: Certificate, place: Place) => readonly Finding[]

// What is kept of files gone by, whatever there are of them: far more CAs than any cluster has, and a few thousand leaves whose
// CA may still come.
const MAX_CAS = 2000
const MAX_WAITING_BYTES = 4 * 1024 * 1024
/** Signatures that are checked for one certificate: like-named CAs would cost the square of their number. */
const MAX_TRIES = 4

interface Ca {
  readonly certificate: Certificate
  readonly place: Place
  /** Whether its key has signed something. */
  readonly hasSigned: (der: Uint8Array) => Promise<boolean>
}

/** What is kept of a certificate: as much as says whose it is not without reading it again. */
interface Waiting extends Pick<Certificate, 'authorityKeyIdentifier' | 'signatureHash'> {
  readonly der: Uint8Array
  readonly place: Place
  tries: number
}

/**
 * Finds the issuers of certificates that come one by one, by content: names are equal, key identifiers do not contradict, and
 * the signature verifies. Who comes before its issuer waits for it.
 *
 * @see RFC 5280 section 6.1.3, 4.2.1.1
 */
export class IssuerSearch {
  readonly #context: Context
  readonly #judge: JudgeIssued
  /** By subject. */
  readonly #cas = new Map<string, Ca[]>()
  /** By issuer. */
  readonly #waiting = new Map<string, Waiting[]>()
  #caCount = 0
  #waitingBytes = 0
  #lost: Place | undefined

  constructor(context: Context, judge: JudgeIssued) {
    this.#context = context
    this.#judge = judge
  }

  /** Takes a certificate in, says what there is to say between it and its issuer, and of those who have waited for it. */
  async take(certificate: Certificate, place: Place): Promise<Finding[]> {
    const findings: Finding[] = []
    if (certificate.isSelfIssued) {
      findings.push(...(await this.#selfSigned(certificate, place)))
    } else {
      const { der, authorityKeyIdentifier, signatureHash } = certificate
      const waiting: Waiting = { der, authorityKeyIdentifier, signatureHash, place, tries: 0 }
      const issuer = await this.#tryAll(certificate, waiting)
      if (issuer) findings.push(...this.#judge(certificate, issuer, place))
      else this.#wait(certificate, waiting)
    }
    if (canSign(certificate) || this.#waiting.has(nameOf(certificate))) {
      const ca = this.know(certificate, place)
      if (ca) for await (const found of this.#answer(ca)) findings.push(found)
    }
    return findings
  }

  /** Takes a possible issuer in. */
  know(certificate: Certificate, place: Place): Ca | undefined {
    if (this.#caCount >= MAX_CAS) {
      this.#lost ??= place
      return undefined
    }
    this.#caCount++
    const name = nameOf(certificate)
    const ca = { certificate, place, hasSigned: verifierOf(certificate.spki, this.#context) }
    const namesakes = this.#cas.get(name)
    if (namesakes) namesakes.push(ca)
    else this.#cas.set(name, [ca])
    return ca
  }

  /** What is left to say when nothing comes any more. */
  *rest(): Generator<Finding> {
    for (const [name, all] of this.#waiting) {
      const cas = this.#cas.get(name) ?? []
      for (const waiting of all) {
        const { place } = waiting
        const meant = meantCa(waiting, cas)
        if (meant)
          yield finding(
            'chain',
            undefined,
            place.file,
            `names ${meant.certificate.subject.text} as its issuer, but the one in ${meant.place.file} has not signed it`,
            {
              ...partOf(place),
              field: 'issuer',
              hint: 'it is of another CA, or was changed: have it made anew by the CA that is here',
            },
          )
      }
    }
    if (this.#lost)
      yield finding(
        'too-many',
        undefined,
        this.#lost.file,
        'and what comes after it are more CAs, or more certificates before their CA, than are kept in mind: not all were held against their issuer',
      )
  }

  async #selfSigned(certificate: Certificate, place: Place): Promise<Finding[]> {
    const { authorityKeyIdentifier: authority, subjectKeyIdentifier: own } = certificate
    const isOwn = authority === undefined || own === undefined || authority === own
    if (!isOwn || isBeyondUs(certificate.signatureHash, certificate.publicKey)) return []
    if (await verifySignature(certificate, certificate.spki, this.#context)) return []
    return [
      finding('chain', undefined, place.file, 'names itself as its issuer, but is not signed with its own key', {
        ...partOf(place),
        field: 'signatureValue',
        hint: 'it was changed, or is of another key: restore it',
      }),
    ]
  }

  async #tryAll(certificate: Certificate, waiting: Waiting): Promise<Certificate | undefined> {
    for (const ca of this.#cas.get(formatHex(certificate.issuer.der)) ?? [])
      if (await this.#isIssuer(ca, waiting)) return ca.certificate
    return undefined
  }

  async #isIssuer({ certificate: ca, hasSigned }: Ca, waiting: Waiting): Promise<boolean> {
    const { authorityKeyIdentifier: wanted, signatureHash, der } = waiting
    const isOther = wanted !== undefined && ca.subjectKeyIdentifier !== undefined && ca.subjectKeyIdentifier !== wanted
    if (isOther || waiting.tries >= MAX_TRIES) return false
    waiting.tries++
    return isBeyondUs(signatureHash, ca.publicKey) || hasSigned(der)
  }

  #wait({ issuer }: Certificate, waiting: Waiting): void {
    if (this.#waitingBytes + waiting.der.length > MAX_WAITING_BYTES) {
      this.#lost ??= waiting.place
      return
    }
    this.#waitingBytes += waiting.der.length
    const name = formatHex(issuer.der)
    const all = this.#waiting.get(name) ?? []
    this.#waiting.set(name, all)
    // A copy, for it not to keep the whole file.
    all.push({ ...waiting, der: new Uint8Array(waiting.der) })
  }

  async *#answer(ca: Ca): AsyncGenerator<Finding> {
    const name = nameOf(ca.certificate)
    const still: Waiting[] = []
    for (const waiting of this.#waiting.get(name) ?? []) {
      if (await this.#isIssuer(ca, waiting)) {
        this.#waitingBytes -= waiting.der.length
        yield* this.#judge(parseCertificate(waiting.der, 'the certificate'), ca.certificate, waiting.place)
      } else still.push(waiting)
    }
    if (still.length > 0) this.#waiting.set(name, still)
    else this.#waiting.delete(name)
  }
}

/** The CA that a certificate must mean, which has not signed it: its key identifier says so, or it stands beside it. */
function meantCa({ authorityKeyIdentifier, place }: Waiting, cas: readonly Ca[]): Ca | undefined {
  const identified =
    authorityKeyIdentifier === undefined
      ? undefined
      : cas.find(({ certificate }) => certificate.subjectKeyIdentifier === authorityKeyIdentifier)
  // Two clusters may have CAs of one name: only beside each other they are meant for each other.
  if (identified || isInside(place)) return identified
  const here = directoryOf(place.file)
  return cas.find(
    ({ certificate, place: other }) =>
      canSign(certificate) && !isInside(other) && isNear(directoryOf(other.file), here),
  )
}

/** Whether something stands in an entry of a kubeconfig or a manifest. */
function isInside({ part }: Place): boolean {
  return part?.includes('[') === true
}

function isNear(one: string, other: string): boolean {
  return one.startsWith(other) || other.startsWith(one)
}

function nameOf({ subject }: Certificate): string {
  return formatHex(subject.der)
}

function partOf({ part }: Place): { readonly part?: string } {
  return part === undefined ? {} : { part }
}
