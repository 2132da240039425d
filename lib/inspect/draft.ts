import { refusalOf } from '../audit/refusal.js'
import { RULES, type RuleId } from '../audit/rules.js'
import type { Context } from '../context.js'
import { sha256 } from '../crypto/digest.js'
import type { KeyType } from '../crypto/keys.js'
import { type ErrorCode, KpkiError } from '../errors.js'
import { type Certificate, parseCertificate } from '../x509/certificate.js'
import type { CertificateRequest } from '../x509/request.js'
import type { ClosedForm } from './closed-forms.js'
import type { InspectedBlock, InspectedKubeconfig, InspectedManifest, InspectRemark, Place } from './types.js'

/** What is looked at in one inspection: far more than any tree has, and little enough to be done in seconds. */
export const INSPECT_LIMITS = {
  certificates: 20_000,
  keys: 2000,
  /** PEM blocks of one text. */
  blocks: 50_000,
  /** Objects of one text. */
  objects: 20_000,
  remarksPerFile: 20,
} as const

/** A certificate that was found, before it is known how it hangs together with others. */
export interface DraftCertificate {
  readonly certificate: Certificate
  readonly fingerprint: string
  readonly publicKeyHash: string
  readonly places: Place[]
}

/** A key that was found. */
export interface DraftKey {
  readonly kind: 'private' | 'public'
  readonly type: KeyType | undefined
  readonly isEncrypted: boolean
  readonly publicKeyHash: string | undefined
  readonly places: Place[]
}

/** A request that was found. */
export interface DraftRequest {
  readonly request: CertificateRequest
  readonly publicKeyHash: string
  readonly places: Place[]
}

/** Certificates and the key that is said to be theirs, e.g. of one kubeconfig user. */
export interface DraftPair {
  readonly certificates: readonly number[]
  readonly keys: readonly number[]
  /** Where the key stands. */
  readonly place: Place
  /** What the key should be the key of, e.g. `pki/apiserver.crt`, `client-certificate-data`. */
  readonly wanted: string
}

/** What one text or file holds, as indexes. */
export interface Contents {
  readonly certificates: number[]
  readonly keys: number[]
  readonly requests: number[]
  /** Whether there was anything at all: other blocks and faults, too. */
  isAny: boolean
}

/** New, empty {@link Contents}. */
export function noContents(): Contents {
  return { certificates: [], keys: [], requests: [], isAny: false }
}

/** What to do about something of which nothing more is known. */
const HINTS: Partial<Record<RuleId, string>> = {
  unreadable: 'restore it from a backup, or move it away',
  'key-unusable': 'have it made anew with RSA-2048 or more, or with ECDSA on P-256, P-384 or P-521',
  'key-weak': 'have it made anew with RSA-2048 or more, or with ECDSA',
  'signature-weak': 'have it signed anew with SHA-256',
  'extension-unknown': 'have it made anew without that extension, or with one that is not critical',
  'serial-negative': 'have it made anew with a serial number of its own',
  'not-a-ca': 'nobody will believe it: have it signed by a CA',
  'no-credentials': 'take the other half from where the kubeconfig was made, or have it made anew',
  'too-many': 'look at the files one by one',
}

/** What to do where the error says more than the code of the remark. */
const ERROR_HINTS: Partial<Record<ErrorCode, string>> = {
  KPKI_INPUT_TOO_LARGE: 'split it; of a cluster, ask for one namespace at a time',
}

/** Collects what the files of one inspection hold; the same thing in several places is one thing. */
export class Draft {
  readonly certificates: DraftCertificate[] = []
  readonly keys: DraftKey[] = []
  readonly requests: DraftRequest[] = []
  readonly kubeconfigs: InspectedKubeconfig[] = []
  readonly manifests: InspectedManifest[] = []
  readonly blocks: InspectedBlock[] = []
  readonly remarks: InspectRemark[] = []
  readonly others: string[] = []
  readonly pairs: DraftPair[] = []
  /** What is not opened, by file. */
  readonly closed = new Map<string, ClosedForm>()
  /** Files with Secrets whose values are neither certificates nor keys, and so perhaps passwords. */
  readonly valueFiles = new Set<string>()
  readonly #context: Context
  readonly #known = new Map<string, number>()
  readonly #remarks = new Map<string, number>()
  readonly #reached = new Set<string>()

  readonly #isPrecise: boolean

  /** @param isPrecise - what could not be read is told by the rule that it breaks. Default: it is `unreadable` */
  constructor(context: Context, isPrecise = false) {
    this.#context = context
    this.#isPrecise = isPrecise
  }

  /** Takes a certificate in; a broken one becomes a remark. */
  async addCertificate(der: Uint8Array, place: Place, contents: Contents): Promise<void> {
    contents.isAny = true
    const fingerprint = await sha256(der, this.#context)
    let index = this.#known.get(`certificate ${fingerprint}`)
    if (index === undefined) {
      if (this.#isFull('certificates', this.certificates.length, place)) return
      const certificate = this.attempt(place, () => parseCertificate(der, 'the certificate'))
      if (!certificate) return
      const publicKeyHash = `sha256:${await sha256(certificate.spki, this.#context)}`
      index = this.certificates.push({ certificate, fingerprint, publicKeyHash, places: [] }) - 1
      this.#known.set(`certificate ${fingerprint}`, index)
    }
    addPlace(this.certificates[index]?.places, place)
    contents.certificates.push(index)
  }

  /** Takes a request in. */
  async addRequest(request: CertificateRequest, place: Place, contents: Contents): Promise<void> {
    contents.isAny = true
    if (this.#isFull('certificates', this.requests.length, place)) return
    const name = `request ${await sha256(request.der, this.#context)}`
    const index =
      this.#known.get(name) ??
      this.requests.push({
        request,
        publicKeyHash: `sha256:${await sha256(request.spki, this.#context)}`,
        places: [],
      }) - 1
    this.#known.set(name, index)
    addPlace(this.requests[index]?.places, place)
    contents.requests.push(index)
  }

  /** Takes a key in of which the public half is known. */
  async addKey(kind: DraftKey['kind'], type: KeyType, spki: Uint8Array, place: Place, contents: Contents) {
    const publicKeyHash = `sha256:${await sha256(spki, this.#context)}`
    const name = `${kind} ${publicKeyHash}`
    const index =
      this.#known.get(name) ?? this.keys.push({ kind, type, isEncrypted: false, publicKeyHash, places: [] }) - 1
    this.#known.set(name, index)
    addPlace(this.keys[index]?.places, place)
    contents.isAny = true
    contents.keys.push(index)
  }

  /** Takes a private key in of which the public half is not known: it is encrypted, or of an unusual type. */
  addClosedKey(type: KeyType | undefined, isEncrypted: boolean, place: Place, contents: Contents): void {
    contents.isAny = true
    contents.keys.push(
      this.keys.push({ kind: 'private', type, isEncrypted, publicKeyHash: undefined, places: [place] }) - 1,
    )
  }

  /** Whether there is no room for another key; says so once. */
  isFullOfKeys(place: Place): boolean {
    return this.#isFull('keys', this.keys.length, place)
  }

  /** Remarks on something; the severity comes from {@link RULES}. A broken file says no more than {@link INSPECT_LIMITS} allows. */
  remark(code: RuleId, place: Place, message: string, more: { hint?: string | undefined; error?: ErrorCode } = {}) {
    const said = (this.#remarks.get(`${code} ${place.file}`) ?? 0) + 1
    this.#remarks.set(`${code} ${place.file}`, said)
    if (said > INSPECT_LIMITS.remarksPerFile) {
      this.#once(`remarks ${place.file}`, { file: place.file, part: undefined }, 'has more faults than are told')
      return
    }
    const hint = more.hint ?? ERROR_HINTS[more.error ?? 'KPKI_USAGE'] ?? HINTS[code]
    this.remarks.push({
      code,
      severity: RULES[code].severity,
      place,
      message,
      ...(hint === undefined ? {} : { hint }),
      ...(more.error === undefined ? {} : { error: more.error }),
    })
  }

  /** Says once that there is more than is looked at. */
  #once(what: string, place: Place, message: string): void {
    if (this.#reached.has(what)) return
    this.#reached.add(what)
    this.remark('too-many', place, message)
  }

  /** Does what may be refused; a refusal becomes a remark. */
  attempt<T>(place: Place, work: () => T): T | undefined {
    try {
      return work()
    } catch (error) {
      this.refused(error, place)
      return undefined
    }
  }

  /** Remarks on an error of ours; others are passed on. */
  refused(error: unknown, place: Place): void {
    if (!(error instanceof KpkiError)) throw error
    // Every remark stands behind its place, so that the subject need not be said again.
    const spoken = SUBJECTS.reduce(
      (text, subject) => text.replace(new RegExp(`^${subject}(:? |:(?=\\d))`), ''),
      error.message,
    )
    const message = error.code === 'KPKI_YAML_INVALID' ? `cannot be read as YAML: ${spoken}` : spoken
    const code = this.#isPrecise ? refusalOf(error).code : 'unreadable'
    this.remark(code, place, message, { hint: error.hint, error: error.code })
  }

  #isFull(what: 'certificates' | 'keys', count: number, place: Place): boolean {
    if (count < INSPECT_LIMITS[what]) return false
    this.#once(what, place, `is beyond the first ${INSPECT_LIMITS[what]} ${what}, and not looked at`)
    return true
  }
}

/** What things are called when they are parsed. */
export const SUBJECTS = [
  'the certificate',
  'the request',
  'the private key',
  'the public key',
  'the file',
  'the text',
] as const

// A file that holds one certificate ten thousand times says so with its first places.
const MAX_PLACES = 1000

function addPlace(places: Place[] | undefined, place: Place): void {
  const isKnown = places?.slice(-1).some(({ file, part }) => file === place.file && part === place.part)
  if (places && places.length < MAX_PLACES && !isKnown) places.push(place)
}
