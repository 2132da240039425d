import {
  type Context,
  judgeIssued,
  LEDGER_PATH,
  type LedgerEntry,
  type LedgerProblem,
  MAX_INSPECT_BYTES,
  parseLedger,
  readTrustedKeys,
} from '../index.js'
import { createNodeContext, DiskStore, fileNotFound, readRegularFile } from '../node.js'
import type { Run } from './command.js'
import { parseClock } from './description.js'
import { list as listOf, text } from './flags.js'
import { EXIT, type Io } from './io.js'
import { countAside, countOf, formatIssued, type IssuedList } from './issued-text.js'
import { createLog } from './main.js'
import { formatStructured, isStructured, OUTPUT_VERSION } from './structured.js'
import { printable, terminalOf } from './terminal.js'

/** Problems that are told one by one; a file that is no ledger has one in every line. */
const MAX_PROBLEMS = 5

/** `empty`: the file has no entry at all, which is about no line of it. */
type PlacedProblem =
  | (LedgerProblem & { readonly file: string })
  | { readonly file: string; readonly kind: 'empty'; readonly message: string; readonly line?: undefined }

/** `kpki issued`: who can still get in. */
export const runIssued: Run = async (invocation, io) => {
  const { flags, args } = invocation
  const log = createLog(invocation, io)
  const context = createNodeContext({ clock: parseClock(text(flags, 'now')), log })
  const moment = parseClock(text(flags, 'valid-at') ?? text(flags, 'now'), 'valid-at')()
  const [certDir, dir] = [text(flags, 'cert-dir'), text(flags, 'dir') ?? '/etc/kubernetes']
  const store = new DiskStore(dir, certDir === undefined ? {} : { certDir })
  const files = args.length > 0 ? args : [store.locate(LEDGER_PATH)]
  const { entries, problems } = await readLedgers(files, io)
  const trusted = await readTrustedKeys(store, context)
  const [user, groups] = [text(flags, 'user'), listOf(flags, 'group')]
  const all = judgeIssued(entries, trusted, moment)
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
    unreadLines: problems.filter(({ line }) => line !== undefined).length,
    emptyFiles: problems.filter(({ kind }) => kind === 'empty').length,
  }
  // What cannot be read may be the one that was asked for.
  const status = problems.length === 0 ? EXIT.done : EXIT.failed
  const output = text(flags, 'output')
  if (isStructured(output)) {
    io.stdout(formatStructured(toStructured(list, problems), output))
    return status
  }
  tell(problems, trusted['api-server'] !== undefined, store, log)
  io.stdout(formatIssued(list, terminalOf(io)))
  if (flags['quiet'] !== true) {
    io.stderr(
      'kpki: the ledger knows what kpki signed, not what the controller manager signs (kubelets that renew,\n' +
        'kpki: CertificateSigningRequests), nor what other programs sign with the same CA key\n',
    )
  }
  if (list.unreadLines > 0) io.stderr(`kpki: error: ${countOf(list.unreadLines, 'line')} cannot be read\n`)
  for (const { file, message } of problems.filter(({ kind }) => kind === 'empty'))
    io.stderr(`kpki: error: ${printable(`${file} ${message}`)}\n`)
  return status
}

/** @throws `StoreError` `KPKI_FILE_NOT_FOUND`: nobody is to take the lack of a ledger for the lack of certificates */
async function readLedgers(files: readonly string[], io: Io) {
  const entries: LedgerEntry[] = []
  const problems: PlacedProblem[] = []
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
    entries.push(...ledger.entries)
    problems.push(...ledger.problems.map(problem => ({ file: name, ...problem })))
    if (ledger.entries.length === 0)
      problems.push({ file: name, kind: 'empty', message: 'has no entry: it is no ledger, or what was in it is lost' })
  }
  return { entries, problems }
}

function tell(problems: readonly PlacedProblem[], isCaKnown: boolean, store: DiskStore, log: Context['log']): void {
  const warn = (message: string) => log({ level: 'warning', message })
  const lines = problems.filter(({ line }) => line !== undefined)
  for (const { file, line, message } of lines.slice(0, MAX_PROBLEMS)) warn(`${file}, line ${line} ${message}`)
  if (lines.length > MAX_PROBLEMS) warn(`${countOf(lines.length - MAX_PROBLEMS, 'line')} more cannot be read`)
  if (!isCaKnown)
    warn(`${store.locate('pki/ca.crt')} does not exist: whether what it signed is still trusted is not known`)
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
    problems: problems.map(({ file, line, kind, message }) => ({
      file,
      ...(line === undefined ? {} : { line }),
      kind,
      message,
    })),
  }
}
