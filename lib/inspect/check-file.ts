import { reportOn } from '../audit/about.js'
import { type LifeOptions, lifeFindings } from '../audit/lifetimes.js'
import { type Finding, finding } from '../audit/rules.js'
import type { Context } from '../context.js'
import { sha256 } from '../crypto/digest.js'
import type { Certificate } from '../x509/certificate.js'
import { checkIdentity } from './check-identity.js'
import { checkTrust } from './check-kubeconfig-ca.js'
import type { FileKeys } from './check-pairs.js'
import type { ClosedForm } from './closed-forms.js'
import { type Contents, Draft, type DraftCertificate } from './draft.js'
import { readFile } from './read-file.js'
import { remarkOnFiles } from './remarks-files.js'
import type { InspectInput, InspectRemark, Place } from './types.js'

/** What one file has given. */
export interface CheckedFile {
  readonly findings: readonly Finding[]
  /** Those that have not been seen before. */
  readonly certificates: readonly { readonly certificate: Certificate; readonly place: Place }[]
  readonly keys: FileKeys
  /** Whether there was anything that could be checked. */
  readonly isChecked: boolean
  /** What it is where it was not opened. */
  readonly closed: ClosedForm | undefined
  /** Whether it holds a request to have a certificate signed, which nothing is checked of. */
  readonly hasRequest: boolean
}

/** A file that was read and is not judged yet. */
export interface ReadFile {
  readonly input: InspectInput
  readonly draft: Draft
  readonly contents: Contents
}

// Fingerprints of so many certificates are kept: some megabytes.
const MAX_SEEN = 100_000
/** Half of a SHA-256 tells certificates apart. */
const KEY_DIGITS = 32
/** Certificates inside of kubeconfigs that wait for a file of their own to come. */
const MAX_HELD = 500
const NO_KEYS: FileKeys = { certificates: [], keys: [], publicKeys: [] }

/** Checks files one by one, each for itself. */
export class FileCheck {
  readonly counts = { files: 0, certificates: 0, keys: 0, kubeconfigs: 0, others: 0, unread: 0 }
  readonly #context: Context
  readonly #options: LifeOptions
  readonly #lint: (certificate: Certificate, place: Place) => readonly Finding[]
  readonly #seen = new Set<string>()
  readonly #held = new Map<string, { readonly certificate: Certificate; readonly place: Place }>()

  constructor(
    context: Context,
    options: LifeOptions,
    lint: (certificate: Certificate, place: Place) => readonly Finding[],
  ) {
    this.#context = context
    this.#options = options
    this.#lint = lint
  }

  /** Has a certificate not judged where it comes. */
  async know({ der }: Certificate): Promise<void> {
    this.#isNew((await sha256(der, this.#context)).slice(0, KEY_DIGITS))
  }

  /** Reads a file, which may be done for several at a time. */
  async read(input: InspectInput): Promise<ReadFile> {
    const draft = new Draft(this.#context, true)
    return { input, draft, contents: await readFile(input, draft, this.#context) }
  }

  /** Judges what was read, in the order in which it is to be told. */
  judge({ input, draft, contents }: ReadFile): CheckedFile {
    this.counts.files++
    const { kubeconfigs, certificates: found, keys, others } = draft
    if (input.problem !== undefined) this.counts.unread++
    this.counts.others += others.length
    this.counts.kubeconfigs += kubeconfigs.length
    const isEmpty = found.length + keys.length + kubeconfigs.length + draft.remarks.length === 0
    const kind = { closed: draft.closed.get(input.name), hasRequest: draft.requests.length > 0 }
    if (isEmpty && draft.valueFiles.size === 0)
      return { findings: [], certificates: [], keys: NO_KEYS, isChecked: false, ...kind }
    this.counts.keys += keys.filter(({ kind }) => kind === 'private').length
    remarkOnFiles({ kubeconfigs }, [{ input, contents }], draft)
    const findings = draft.remarks.filter(counts(input)).map(toFinding)
    const certificates: { readonly certificate: Certificate; readonly place: Place }[] = []
    for (const {
      certificate,
      fingerprint,
      places: [place],
    } of found) {
      const key = fingerprint.slice(0, KEY_DIGITS)
      const isNew = this.#isNew(key)
      if (!place || (!isNew && !this.#held.has(key))) continue
      if (isNew) certificates.push({ certificate, place })
      if (isNew && isCaData(place) && this.#held.size < MAX_HELD) {
        this.#held.set(key, { certificate, place })
      } else if (isNew || !isCaData(place)) {
        this.#held.delete(key)
        findings.push(...this.#judge(certificate, place))
      }
    }
    this.counts.certificates += certificates.length
    const own = contents.certificates.flatMap(index => found[index] ?? [])
    findings.push(...checkOrder(own, input.name), ...kubeconfigs.flatMap(each => checkTrust(each, found)))
    const hashes = (kind: 'private' | 'public') =>
      contents.keys.flatMap(index => {
        const key = keys[index]
        return key?.kind === kind ? [key.publicKeyHash] : []
      })
    // Of a key under a password nothing is known, and so nothing is checked.
    const isChecked = found.length + kubeconfigs.length > 0 || keys.some(({ isEncrypted }) => !isEncrypted)
    return {
      findings,
      certificates,
      ...{ isChecked, ...kind },
      keys: {
        certificates: own.map(({ publicKeyHash }) => publicKeyHash),
        keys: hashes('private'),
        publicKeys: hashes('public').filter(hash => hash !== undefined),
      },
    }
  }

  /** What is left to say when nothing comes any more. */
  *rest(): Generator<Finding> {
    for (const { certificate, place } of this.#held.values()) yield* this.#judge(certificate, place)
  }

  #judge(certificate: Certificate, place: Place): Finding[] {
    const report = reportOn({ path: place.file, part: place.part })
    const now = this.#context.clock()
    return [
      ...this.#lint(certificate, place),
      ...lifeFindings(undefined, certificate, now, report, this.#options),
      ...checkIdentity(certificate, report),
    ]
  }

  #isNew(fingerprint: string): boolean {
    if (this.#seen.has(fingerprint)) return false
    if (this.#seen.size < MAX_SEEN) this.#seen.add(fingerprint)
    return true
  }
}

/** A key that its group reads is somebody's choice; one that everybody reads is none. */
function counts({ mode = 0 }: InspectInput): (remark: InspectRemark) => boolean {
  return ({ code }) => code !== 'mode-open' || (mode & 0o007) !== 0
}

function toFinding({ code, place: { file, part }, message, hint }: InspectRemark): Finding {
  return finding(code, undefined, file, message, {
    ...(part === undefined ? {} : { part }),
    ...(hint === undefined ? {} : { hint }),
  })
}

/** A CA of a kubeconfig stands in many of them, and in a file of its own, which is the better place to tell of it. */
function isCaData({ part }: Place): boolean {
  return part?.includes('clusters[') === true
}

/** So many certificates are a chain; more of them are a bundle, which has no order. */
const MAX_CHAIN = 8

/**
 * A leaf's file has its own certificate first (RFC 8446 section 4.4.2; Go's crypto/tls,
 * X509KeyPair, takes the first one for the key's).
 */
function checkOrder(own: readonly DraftCertificate[], path: string): Finding[] {
  const certificates = own.map(({ certificate }) => certificate)
  const leaves = certificates.filter(({ isCa }) => !isCa)
  if (certificates.length < 2 || certificates.length > MAX_CHAIN || leaves.length !== 1) return []
  const report = reportOn({ path })
  const [first] = certificates
  if (first?.isCa)
    return [
      report('chain-order', 'has a CA before the certificate that is for the key', {
        part: '1st certificate',
        expected: leaves[0]?.subject.text ?? '',
        actual: first.subject.text,
        hint: 'put the certificate of the key first, its CA behind it',
      }),
    ]
  return []
}
