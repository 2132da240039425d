import type { Context } from '../context.js'
import { encodeUtf8 } from '../crypto/bytes.js'
import { sha256 } from '../crypto/digest.js'
import { EncodingError } from '../errors.js'
import { isJsonObject, type JsonObject } from '../json.js'
import type { Certificate } from '../x509/certificate.js'
import { formatMode, type TreePath } from './layout.js'
import type { Store } from './store.js'

/** Where a tree keeps its ledger: one JSON object per line, oldest first, never rewritten. */
export const LEDGER_PATH: TreePath = 'pki/issued.jsonl'
/** Who can get in is nobody else's business. */
const LEDGER_MODE = 0o600
/** For another run that writes into the tree: to sign and write takes it this long, unless it makes many RSA keys. */
const LOCK_WAIT_SECONDS = 2
/** Version of the lines. Fields are added within one, never renamed or removed. */
const VERSION = 1
/** A certificate with a thousand names makes a line of 64 KB. What would be longer is not written either. */
const MAX_LINE_LENGTH = 1024 * 1024
/** A file that is no ledger has one in every line. */
const MAX_PROBLEMS = 1000

/** A certificate that was just signed. */
export interface IssuedCertificate {
  /** The row it is for, e.g. `apiserver`, or what else it is for, e.g. `user`. */
  readonly purpose: string
  readonly certificate: Certificate
  /** The CA; the certificate itself when it signed itself. */
  readonly issuer: Certificate
}

/** One line of the ledger: that this certificate was signed. Whether anybody has it, or its key, it does not say. */
export interface LedgerEntry {
  /** When it was signed. */
  readonly signedAt: Date
  /** The row it is for, e.g. `apiserver`, or what else it is for, e.g. `user`. */
  readonly purpose: string
  /** As {@link Certificate} has it: hexadecimal. */
  readonly serialNumber: string
  /** The common name, which Kubernetes takes for the user. */
  readonly user: string
  /** The organizations, which Kubernetes takes for the groups. */
  readonly groups: readonly string[]
  /** The whole name, as {@link Certificate} has it. */
  readonly subject: string
  readonly isCa: boolean
  /** As {@link Certificate} has them; `undefined` when the extension is absent, which allows all. */
  readonly extKeyUsages: readonly string[] | undefined
  readonly dnsNames: readonly string[]
  readonly ipAddresses: readonly string[]
  readonly notBefore: Date
  readonly notAfter: Date
  /** e.g. `ECDSA-P256` */
  readonly keyAlgorithm: string
  /** SHA-256 of the certificate (DER), hexadecimal. */
  readonly fingerprint: string
  readonly issuer: {
    readonly subject: string
    /** SHA-256 of the CA's public key (SubjectPublicKeyInfo, DER), hexadecimal: its pin. Outlives a new certificate for the same key. */
    readonly publicKeyHash: string
  }
}

/** A line that is no entry. */
export interface LedgerProblem {
  /** Counted from 1. */
  readonly line: number
  /** `torn`: the last line has no end, as a crash leaves it; `invalid`: it is not what kpki writes. */
  readonly kind: 'torn' | 'invalid'
  /** The end of a sentence about the line. */
  readonly message: string
}

/** A ledger, read. */
export interface Ledger {
  /** Oldest first. */
  readonly entries: readonly LedgerEntry[]
  /** The first thousand. */
  readonly problems: readonly LedgerProblem[]
  /** How many lines are no entries. */
  readonly unreadLines: number
}

/**
 * What the ledger says about a certificate.
 *
 * @param signedAt - the moment of the run
 */
async function describeIssued(
  { purpose, certificate, issuer }: IssuedCertificate,
  signedAt: Date,
  context: Context,
): Promise<LedgerEntry> {
  const { subject, serialNumber, isCa, extKeyUsages, dnsNames, ipAddresses, notBefore, notAfter } = certificate
  return {
    signedAt,
    purpose,
    serialNumber,
    user: subject.commonName,
    groups: subject.organizations,
    subject: subject.text,
    isCa,
    extKeyUsages,
    dnsNames,
    ipAddresses,
    notBefore,
    notAfter,
    keyAlgorithm: certificate.publicKey.name,
    fingerprint: await sha256(certificate.der, context),
    issuer: { subject: issuer.subject.text, publicKeyHash: await sha256(issuer.spki, context) },
  }
}

/** Writes an entry as one line, its end included. JSON escapes line ends, so that no name can begin a line of its own. */
export function formatLedgerEntry(entry: LedgerEntry): string {
  const { signedAt, purpose, isCa, notBefore, notAfter, fingerprint, issuer, ...names } = entry
  const line = {
    v: VERSION,
    signedAt: signedAt.toISOString(),
    purpose,
    ...names,
    isCA: isCa,
    notBefore: notBefore.toISOString(),
    notAfter: notAfter.toISOString(),
    fingerprint,
    issuer,
  }
  return `${JSON.stringify(line)}\n`
}

/**
 * Reads a ledger. Never throws: a line that a crash has torn, that somebody has edited or that a later kpki has written in
 * another way is named and passed over. Fields that are not known are ignored.
 */
export function parseLedger(text: string): Ledger {
  const entries: LedgerEntry[] = []
  const problems: LedgerProblem[] = []
  let [number, unreadLines] = [0, 0]
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start)
    const end = newline < 0 ? text.length : newline
    const content = text.slice(start, end)
    start = end + 1
    number++
    if (content.trim() === '') continue
    const entry = parseEntry(content)
    if (typeof entry !== 'string') {
      entries.push(entry)
      continue
    }
    unreadLines++
    if (problems.length >= MAX_PROBLEMS) continue
    if (newline < 0)
      problems.push({ line: number, kind: 'torn', message: 'breaks off: a run was killed while it wrote it' })
    else problems.push({ line: number, kind: 'invalid', message: entry })
  }
  return { entries, problems, unreadLines }
}

/** @returns the entry; as text what is wrong with the line, the end of a sentence */
function parseEntry(text: string): LedgerEntry | string {
  if (text.length > MAX_LINE_LENGTH) return 'is longer than any that kpki writes'
  let line: unknown
  try {
    line = JSON.parse(text)
  } catch {
    return 'is not JSON'
  }
  if (!isJsonObject(line)) return 'is no JSON object'
  if (line['v'] !== VERSION) return `is not of version ${VERSION}: a later kpki wrote it, or not kpki at all`
  const wrong: string[] = []
  const fieldsOf = (from: JsonObject, above = '') => ({
    text: (name: string, pattern = /^/) => {
      const value = from[name]
      if (typeof value === 'string' && pattern.test(value)) return value
      wrong.push(above + name)
      return ''
    },
    texts: (name: string) => {
      const value = from[name]
      if (Array.isArray(value) && value.every(item => typeof item === 'string')) return value as readonly string[]
      wrong.push(above + name)
      return []
    },
    moment: (name: string) => {
      const value = from[name]
      const moment = new Date(typeof value === 'string' && MOMENT.test(value) ? value : Number.NaN)
      if (Number.isNaN(+moment)) wrong.push(above + name)
      return moment
    },
  })
  const own = fieldsOf(line)
  const issuer = fieldsOf(isJsonObject(line['issuer']) ? line['issuer'] : {}, 'issuer.')
  if (typeof line['isCA'] !== 'boolean') wrong.push('isCA')
  const entry: LedgerEntry = {
    signedAt: own.moment('signedAt'),
    purpose: own.text('purpose'),
    serialNumber: own.text('serialNumber', HEX),
    user: own.text('user'),
    groups: own.texts('groups'),
    subject: own.text('subject'),
    isCa: line['isCA'] === true,
    extKeyUsages: line['extKeyUsages'] === undefined ? undefined : own.texts('extKeyUsages'),
    dnsNames: own.texts('dnsNames'),
    ipAddresses: own.texts('ipAddresses'),
    notBefore: own.moment('notBefore'),
    notAfter: own.moment('notAfter'),
    keyAlgorithm: own.text('keyAlgorithm'),
    fingerprint: own.text('fingerprint', SHA256),
    issuer: { subject: issuer.text('subject'), publicKeyHash: issuer.text('publicKeyHash', SHA256) },
  }
  return wrong.length === 0 ? entry : `has no usable ${wrong.join(', ')}`
}

const HEX = /^[0-9a-f]+$/
const SHA256 = /^[0-9a-f]{64}$/
/** As Date.toISOString writes it. */
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

/**
 * Writes down that certificates were signed, before they are in the world: a certificate must not exist without its line. What
 * becomes of them afterwards changes nothing about the line. Takes the tree's lock meanwhile; for another run that has it, it waits
 * two seconds. A ledger that others may read is warned of in the context's log, and stays as it is.
 *
 * @param store - one without `append` keeps no ledger
 * @throws {@link StoreError} `KPKI_FILE_FOREIGN`, and as `lock` and `create` of the store; {@link EncodingError}
 *   `KPKI_INPUT_TOO_LARGE` for names that make a line over 1 MiB: the certificates are then to be kept from everybody
 */
export async function appendToLedger(
  issued: readonly IssuedCertificate[],
  store: Store,
  context: Context,
): Promise<void> {
  if (issued.length === 0 || !store.append) return
  const release = await store.lock(LOCK_WAIT_SECONDS)
  try {
    await appendUnderLock(issued, store, context)
  } finally {
    await release()
  }
}

/**
 * The same for who holds the lock.
 *
 * @returns whether the ledger is a new file
 */
export async function appendUnderLock(
  issued: readonly IssuedCertificate[],
  store: Store,
  context: Context,
): Promise<boolean> {
  if (issued.length === 0 || !store.append) return false
  const now = context.clock()
  const entries = await Promise.all(issued.map(certificate => describeIssued(certificate, now, context)))
  const lines = entries.map(formatLedgerEntry)
  // The line end does not count, as it does not when it is read.
  if (lines.some(line => line.length - 1 > MAX_LINE_LENGTH)) {
    throw new EncodingError('KPKI_INPUT_TOO_LARGE', 'a certificate has more names than a line of the ledger can hold', {
      hint: 'sign it with fewer names or groups',
    })
  }
  const { isNew, mode = LEDGER_MODE } = await store.append(LEDGER_PATH, encodeUtf8(lines.join('')), LEDGER_MODE)
  if ((mode & ~LEDGER_MODE & 0o777) !== 0) {
    const [has, should] = [mode, LEDGER_MODE].map(bits => formatMode(bits & 0o777))
    const message = `${store.locate(LEDGER_PATH)} has mode ${has}: who can get in is nobody else's business; chmod ${should} it`
    context.log({ level: 'warning', message })
  }
  return isNew
}
