import {
  type Context,
  DOORS,
  type Door,
  filesOf,
  type JudgedEntry,
  judgeIssued,
  LEDGER_PATH,
  type LedgerEntry,
  type LedgerProblem,
  MAX_INSPECT_BYTES,
  parseLedger,
  readTrustedKeys,
  type TrustedKeys,
} from '../index.js'
import { createNodeContext, DiskStore, fileNotFound, readRegularFile } from '../node.js'
import type { Run } from './command.js'
import { parseClock } from './description.js'
import { list as listOf, text } from './flags.js'
import { EXIT, type Io } from './io.js'
import { countAside, countOf, formatIssued, type IssuedList } from './issued-text.js'
import { createLog } from './main.js'
import { formatStructured, isStructured, OUTPUT_VERSION } from './structured.js'
import { printable, terminalOf, wrap } from './terminal.js'

/** Problems that are told one by one; a file that is no ledger has one in every line. */
const MAX_PROBLEMS = 5
const MAX_CONTRADICTIONS = 100

/** `empty`: the file has no entry at all; `contradiction`: its line and another say different things of one certificate. */
interface PlacedProblem {
  readonly file: string
  readonly kind: LedgerProblem['kind'] | 'empty' | 'contradiction'
  readonly message: string
  /** Counted from 1; `undefined` when it is about none, or it is not known about which. */
  readonly line?: number
}

/** `kpki issued`: who can still get in. */
export const runIssued: Run = async (invocation, io) => {
  const { flags, args } = invocation
  const log = createLog(invocation, io)
  const context = createNodeContext({ clock: parseClock(text(flags, 'now')), log })
  const moment = parseClock(text(flags, 'valid-at') ?? text(flags, 'now'), 'valid-at')()
  const [certDir, dir] = [text(flags, 'cert-dir'), text(flags, 'dir') ?? '/etc/kubernetes']
  const store = new DiskStore(dir, certDir === undefined ? {} : { certDir })
  const files = args.length > 0 ? args : [store.locate(LEDGER_PATH)]
  const { places, problems, unreadLines } = await readLedgers(files, io)
  const trusted = await readTrustedKeys(store, context)
  const [user, groups] = [text(flags, 'user'), listOf(flags, 'group')]
  const all = judgeIssued([...places.keys()], trusted, moment)
  problems.push(...contradictionsIn(all, places))
  const judged = all.filter(
    ({ entry }) =>
      (user === undefined || entry.user === user) &&
      (groups.length === 0 || groups.some(group => entry.groups.includes(group))),
  )
  const isAll = flags['all'] === true
  const list: IssuedList = {
    moment,
    shown: judged.filter(({ canGetIn }) => isAll || canGetIn),
    judged,
    total: all.length,
    unreadLines,
    emptyFiles: problems.filter(({ kind }) => kind === 'empty').length,
    contradictions: new Set(all.filter(each => each.isContradicted).map(({ entry }) => entry.fingerprint)).size,
  }
  // What cannot be read may be the one that was asked for.
  const status = problems.length === 0 ? EXIT.done : EXIT.failed
  const output = text(flags, 'output')
  if (isStructured(output)) {
    io.stdout(formatStructured(toStructured(list, problems), output))
    return status
  }
  tellLines(problems, unreadLines, log)
  if (all.some(({ isTrusted }) => isTrusted === undefined)) tellUnknownCas(trusted, store, log)
  const terminal = terminalOf(io)
  io.stdout(formatIssued(list, terminal))
  if (flags['quiet'] !== true)
    for (const line of wrap(NOT_KNOWN, terminal.columns - 'kpki: '.length)) io.stderr(`kpki: ${line}\n`)
  if (unreadLines > 0) io.stderr(`kpki: error: ${countOf(unreadLines, 'line')} cannot be read\n`)
  for (const { file, message } of problems.filter(({ kind }) => kind === 'empty' || kind === 'contradiction'))
    io.stderr(`kpki: error: ${printable(`${file} ${message}`)}\n`)
  return status
}

const NOT_KNOWN =
  'the ledger knows what kpki signed, not what the controller manager signs (kubelets that renew, ' +
  'CertificateSigningRequests), nor what other programs sign with the same CA key'

/** @throws `StoreError` `KPKI_FILE_NOT_FOUND`: nobody is to take the lack of a ledger for the lack of certificates */
async function readLedgers(files: readonly string[], io: Io) {
  /** Which file an entry is of. */
  const places = new Map<LedgerEntry, string>()
  const problems: PlacedProblem[] = []
  let unreadLines = 0
  for (const file of files) {
    const bytes =
      file === '-' ? await io.readStdin(MAX_INSPECT_BYTES) : (await readRegularFile(file, MAX_INSPECT_BYTES))?.bytes
    if (!bytes) {
      throw fileNotFound(
        file,
        'nothing was signed here by kpki, or only with --no-ledger: who can get in is not known; name a ledger or --dir',
      )
    }
    // Bytes that are no UTF-8 spoil their own line only.
    const ledger = parseLedger(new TextDecoder().decode(bytes))
    const name = file === '-' ? 'standard input' : file
    for (const entry of ledger.entries) places.set(entry, name)
    for (const problem of ledger.problems) problems.push({ file: name, ...problem })
    unreadLines += ledger.unreadLines
    if (ledger.entries.length === 0)
      problems.push({ file: name, kind: 'empty', message: 'has no entry: it is no ledger, or what was in it is lost' })
  }
  return { places, problems, unreadLines }
}

/** One per certificate of which lines say different things. */
function contradictionsIn(all: readonly JudgedEntry[], places: ReadonlyMap<LedgerEntry, string>): PlacedProblem[] {
  const byFingerprint = new Map<string, Set<string>>()
  for (const { entry, isContradicted } of all) {
    if (!isContradicted) continue
    const files = byFingerprint.get(entry.fingerprint) ?? new Set()
    byFingerprint.set(entry.fingerprint, files.add(places.get(entry) ?? ''))
  }
  return [...byFingerprint].slice(0, MAX_CONTRADICTIONS).map(([fingerprint, files]) => ({
    file: [...files].join(', '),
    kind: 'contradiction',
    message: `says different things of the certificate ${fingerprint.slice(0, 16)}…: a line of it was changed`,
  }))
}

function tellLines(problems: readonly PlacedProblem[], unreadLines: number, log: Context['log']): void {
  const warn = (message: string) => log({ level: 'warning', message })
  const lines = problems.filter(({ line }) => line !== undefined).slice(0, MAX_PROBLEMS)
  for (const { file, line, message } of lines) warn(`${file}, line ${line} ${message}`)
  if (unreadLines > lines.length) warn(`${countOf(unreadLines - lines.length, 'line')} more cannot be read`)
}

function tellUnknownCas(trusted: TrustedKeys, store: DiskStore, log: Context['log']): void {
  for (const [door, id] of Object.entries(DOORS) as [Door, (typeof DOORS)[Door]][]) {
    if (trusted[door] !== undefined) continue
    const [certificate] = filesOf(id).filter(({ kind }) => kind === 'certificate')
    const path = store.locate(certificate?.path ?? id)
    log({ level: 'warning', message: `${path} does not exist: whether what it signed is still trusted is not known` })
  }
}

function toStructured(list: IssuedList, problems: readonly PlacedProblem[]) {
  return {
    apiVersion: OUTPUT_VERSION,
    kind: 'IssuedCertificateList',
    validAt: list.moment.toISOString(),
    items: list.shown.map(({ entry, role, state, doors, isTrusted, canGetIn }) => {
      const { isCa, ...rest } = entry
      return {
        ...rest,
        isCA: isCa,
        role,
        state,
        canGetIn,
        opens: doors,
        ...(isTrusted === undefined ? {} : { issuerTrusted: isTrusted }),
      }
    }),
    others: countAside(list),
    unreadLines: list.unreadLines,
    problems: problems.map(({ file, line, kind, message }) => ({
      file,
      ...(line === undefined ? {} : { line }),
      kind,
      message,
    })),
  }
}
