import type { Context } from '../context.js'
import { sha256 } from '../crypto/digest.js'
import type { CertificateId } from '../kubernetes/rows.js'
import { certificatePath } from '../tree/layout.js'
import { formatLedgerEntry, type LedgerEntry } from '../tree/ledger.js'
import type { Store } from '../tree/store.js'
import { parseCertificates } from '../x509/certificate.js'
import { type LifeState, lifeStateOf } from '../x509/life.js'
import { type CertificateRole, roleOf } from './role.js'

/**
 * What a client certificate opens, by the CA that signed it. `api-server` is also the kubelets, which trust the same CA; who
 * comes by the front proxy's CA names to the API server whatever user it likes.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/controlplane/manifests.go (client-ca-file,
 *   requestheader-client-ca-file), cmd/kubeadm/app/phases/etcd/local.go (trusted-ca-file)
 */
export type Door = 'api-server' | 'front-proxy' | 'etcd'

/** The CA of a tree for each door. */
export const DOORS = {
  'api-server': 'ca',
  'front-proxy': 'front-proxy-ca',
  etcd: 'etcd-ca',
} as const satisfies Readonly<Record<Door, CertificateId>>

/** SHA-256 of the public keys of the CAs that are trusted now, by door; a door whose CA is not known is absent. */
export type TrustedKeys = Readonly<Partial<Record<Door, readonly string[]>>>

/** A certificate of the ledger, judged. */
export interface JudgedEntry {
  readonly entry: LedgerEntry
  readonly role: CertificateRole
  readonly state: LifeState
  /** What it opens, were it a client's: more than one where a tree has one CA for several; none when its CA is none that is known. */
  readonly doors: readonly Door[]
  /** Whether its CA is trusted now; `undefined` when that is not known. */
  readonly isTrusted: boolean | undefined
  /** Another line says something else of this certificate: one of them was changed. Both are judged. */
  readonly isContradicted: boolean
  /** It is a client's, valid at that moment, and its CA is trusted or not known. */
  readonly canGetIn: boolean
}

/**
 * Says which of the certificates in a ledger let somebody in at a moment. A line that stands there several times, as in a copy,
 * is judged once. A certificate without usages, or for any, is a client's, too: Go takes it for one.
 *
 * A CA of which nothing is known may still be trusted somewhere. It is not trusted any more where all CAs of the tree are known
 * and it is none of them, or where the ledger says which one it was, and that one is known and has another key now.
 *
 * @param trusted - of the CAs of the tree, see {@link readTrustedKeys}
 */
export function judgeIssued(
  entries: readonly LedgerEntry[],
  trusted: TrustedKeys,
  moment: Date,
): readonly JudgedEntry[] {
  const byFingerprint = new Map<string, Map<string, LedgerEntry>>()
  for (const entry of entries) {
    const lines = byFingerprint.get(entry.fingerprint) ?? new Map<string, LedgerEntry>()
    const line = formatLedgerEntry(entry)
    if (!lines.has(line)) byFingerprint.set(entry.fingerprint, lines.set(line, entry))
  }
  const all = Object.keys(DOORS) as readonly Door[]
  const former = formerDoors(entries)
  return [...byFingerprint.values()].flatMap(lines =>
    [...lines.values()].map(entry => {
      const key = entry.issuer.publicKeyHash
      const doors = all.filter(name => trusted[name]?.includes(key))
      const isReplaced = (former.get(key) ?? all).every(name => trusted[name])
      const isTrusted = doors.length > 0 ? true : isReplaced ? false : undefined
      const role = roleOf(entry)
      const state = lifeStateOf(entry, moment)
      const isClient = role === 'client' || role === 'peer' || role === 'any'
      const isValid = state === 'valid' || state === 'soon'
      const canGetIn = isClient && isValid && isTrusted !== false
      return { entry, role, state, doors, isTrusted, isContradicted: lines.size > 1, canGetIn }
    }),
  )
}

/** What the CAs in a ledger were for, by the hash of their keys: one that signed itself is the line of its own key. */
function formerDoors(entries: readonly LedgerEntry[]): ReadonlyMap<string, readonly Door[]> {
  const former = new Map<string, Door[]>()
  for (const { isCa, purpose, subject, issuer } of entries) {
    const isSelfSigned = isCa && subject === issuer.subject
    for (const [door, id] of Object.entries(DOORS) as [Door, CertificateId][])
      if (isSelfSigned && purpose === id)
        former.set(issuer.publicKeyHash, [
          ...(former.get(issuer.publicKeyHash) ?? []).filter(name => name !== door),
          door,
        ])
  }
  return former
}

/**
 * The keys of the CAs in a tree. Of a CA that is not there nothing is known: a worker has the cluster's alone, and with an
 * external etcd there is none for it.
 *
 * @throws as the store's `read`, and {@link EncodingError} where a CA is not readable
 */
export async function readTrustedKeys(store: Store, context: Context): Promise<TrustedKeys> {
  const found: { -readonly [D in Door]?: readonly string[] } = {}
  for (const [door, id] of Object.entries(DOORS) as [Door, CertificateId][]) {
    const path = certificatePath(id)
    const file = await store.read(path)
    if (!file) continue
    const certificates = parseCertificates(new TextDecoder().decode(file.bytes), store.locate(path))
    found[door] = await Promise.all(certificates.map(({ spki }) => sha256(spki, context)))
  }
  return found
}
