import {
  CERTIFICATE_IDS,
  type Context,
  EncodingError,
  type ExpirationEntry,
  type ExpirationReport,
  endingWithin,
  formatExpirationCalendar,
  formatExpirationMetrics,
  formatPicture,
  humanDuration,
  KUBECONFIG_IDS,
  MAX_INSPECT_BYTES,
  readExpiration,
  type Store,
  StoreError,
  UsageError,
} from '../index.js'
import { updateFile } from '../node.js'
import type { Invocation, Run } from './command.js'
import { periodOf } from './duration.js'
import { describeExpiration } from './expiration-structured.js'
import { formatExpiration } from './expiration-text.js'
import { text } from './flags.js'
import { unlessInterrupted } from './interruption.js'
import { EXIT, type Io } from './io.js'
import { outFile } from './secrets.js'
import { formatStructured, isStructured } from './structured.js'
import { printable, terminalOf } from './terminal.js'
import { openTree } from './tree.js'

/** `kpki expiration`: when everything ends. */
export const runExpiration: Run = async (invocation, io) => {
  const { flags } = invocation
  const within = periodOf(flags, 'within')
  assertFitting(invocation, io)
  const { store, name, context } = await unlessInterrupted(openTree(invocation, io), io.signal)
  if (flags['watch'] === true) {
    const { runWatch } = await import('./expiration-watch.js')
    return runWatch({ store, name, context, within }, invocation, io)
  }
  const report = await unlessInterrupted(readExpiration(store, context), io.signal)
  assertSomething(report, name)
  const shown = within === undefined ? report : endingWithin(report, within)
  const content = await format(shown, { store, name, context }, invocation, io)
  const out = outFile(flags)
  if (out === undefined) io.stdout(content)
  else await replaceReport(out, content)
  tell(report, shown, invocation, { store, context, io })
  if (out !== undefined) context.log({ level: 'info', message: `written to ${out}` })
  return statusOf(report, shown, within)
}

/** @throws {@link UsageError} `KPKI_USAGE` for flags that do not go together */
function assertFitting({ path, flags }: Invocation, io: Io): void {
  const output = text(flags, 'output') ?? 'text'
  const refuse = (message: string, hint: string) => {
    throw new UsageError('KPKI_USAGE', `${path}: ${message}`, { hint })
  }
  if (flags['within'] !== undefined && ['prometheus', 'html', 'svg'].includes(output))
    refuse(`-o ${output} always has everything, and --within would leave something out`, 'leave --within out')
  if (flags['watch'] !== true) return
  if (output !== 'text' || text(flags, 'out') !== undefined)
    refuse('--watch draws on a terminal', `leave ${output === 'text' ? '--out' : '-o'} out, or --watch`)
  if (!io.stdoutIsTerminal || !io.openScreen)
    refuse('--watch needs a terminal, and standard output is none', 'leave --watch out; -o json is for programs')
}

/** @throws {@link EncodingError} `KPKI_NOTHING_FOUND`: nobody is to take an empty directory for a tree in which nothing ends */
function assertSomething({ certificates, certificateAuthorities }: ExpirationReport, name: string): void {
  if (certificates.length > 0 || certificateAuthorities.length > 0) return
  throw new EncodingError('KPKI_NOTHING_FOUND', `${name} holds no certificate and no kubeconfig`, {
    details: { what: name, files: 0 },
    hint: 'name the tree with --dir; any other files: kpki inspect FILE…',
  })
}

interface Opened {
  readonly store: Pick<Store, 'locate'>
  readonly name: string
  readonly context: Context
}

async function format(
  report: ExpirationReport,
  { store, name, context }: Opened,
  { flags }: Invocation,
  io: Io,
): Promise<string> {
  const output = text(flags, 'output') ?? 'text'
  const locate = (path: string) => store.locate(path)
  if (isStructured(output)) return formatStructured(describeExpiration(report, locate), output)
  switch (output) {
    case 'prometheus':
      return formatExpirationMetrics(report, { locate })
    case 'ical':
      return formatExpirationCalendar(report, context, { locate })
    case 'html':
    case 'svg':
      return formatPicture(report.inspection, { format: output, title: `What ends when in ${name}` })
    default:
      return formatExpiration(report, terminalOf(io), io.stdoutIsTerminal && outFile(flags) === undefined)
  }
}

/** As much of the beginning as tells a report from everything else: nothing else is replaced. */
const MARK_LENGTH = 40

/** Puts a report in the place of an earlier one; whoever reads it meanwhile has one of the two. */
async function replaceReport(path: string, content: string): Promise<void> {
  const bytes = new TextEncoder().encode(content)
  const mark = (text: string) => (/^CERTIFICATE /.test(text) ? 'CERTIFICATE' : text.slice(0, MARK_LENGTH))
  await updateFile(
    path,
    async current => {
      const old = new TextDecoder().decode(current?.bytes.slice(0, 4 * MARK_LENGTH))
      if (old === '' || content === '' || mark(old) === mark(content)) return bytes
      throw new StoreError('KPKI_FILE_EXISTS', `${path} exists already, and is no report of this kind`, {
        details: { path },
        hint: 'name another file, or move it away: only an earlier report is replaced',
      })
    },
    { mode: 0o644, withLock: false, maxBytes: MAX_INSPECT_BYTES },
  ).catch(error => {
    if (!(error instanceof StoreError) || error.details['errno'] !== 'ENOENT') throw error
    throw new StoreError('KPKI_WRITE_FAILED', `${path} cannot be written: its directory does not exist`, {
      details: { path, errno: 'ENOENT' },
      hint: 'make the directory, or name another file',
      cause: error,
    })
  })
}

/** What people want to know beside the tables. */
function tell(
  report: ExpirationReport,
  shown: ExpirationReport,
  { flags }: Invocation,
  { store, context, io }: { readonly store: Pick<Store, 'locate'>; readonly context: Context; readonly io: Io },
): void {
  const { log } = context
  const all = [...report.certificates, ...report.certificateAuthorities]
  const isText = !isStructured(text(flags, 'output'))
  for (const { path, state, problem = '' } of all) {
    if (state === 'unreadable' && isText) io.stderr(`kpki: error: ${printable(`${store.locate(path)} ${problem}`)}\n`)
    if (state === 'elsewhere') log({ level: 'info', message: printable(`the certificate of ${path} ${problem}`) })
  }
  if (isText && flags['quiet'] !== true) for (const hint of hintsFor(report)) io.stderr(`kpki: hint: ${hint}\n`)
  const named = (entries: readonly ExpirationEntry[]) => {
    const names = entries.slice(0, MAX_NAMES).map(({ name }) => printable(name))
    const more = entries.length - names.length
    return `${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
  }
  const of = (state: ExpirationEntry['state']) => all.filter(entry => entry.state === state)
  if (of('expired').length > 0) log({ level: 'warning', message: `ended: ${named(of('expired'))}` })
  if (of('future').length > 0) log({ level: 'warning', message: `not valid yet: ${named(of('future'))}` })
  const ahead = all.filter(({ residualTime }) => residualTime > 0)
  const [next] = ahead.toSorted((a, b) => a.residualTime - b.residualTime)
  if (next) log({ level: 'info', message: `next to end: ${named([next])}, in ${humanDuration(next.residualTime)}` })
  const isHere = ({ name, externallyManaged, found }: ExpirationEntry) =>
    found !== undefined && !externallyManaged && RENEWED.has(name)
  const within = text(flags, 'within')
  if (within !== undefined && shown.certificates.some(isHere))
    log({ level: 'info', message: `what the CAs of this tree can renew of it: kpki renew all --if-within ${within}` })
  const isNone = shown !== report && shown.certificates.length + shown.certificateAuthorities.length === 0
  if (isNone) log({ level: 'info', message: `nothing of ${all.length} ends within ${text(flags, 'within')}` })
}

/** What `kpki renew all` knows. */
const RENEWED: ReadonlySet<string> = new Set([...CERTIFICATE_IDS, ...KUBECONFIG_IDS, 'kubelet-client'])

/** What to do about files that cannot be read, each thing once. */
function hintsFor({ certificates, certificateAuthorities, inspection }: ExpirationReport): readonly string[] {
  const unread = [...certificates, ...certificateAuthorities].filter(({ state }) => state === 'unreadable')
  const paths = new Set(unread.map(({ path }) => path))
  // Of what is too large the advice is about naming the file, which is for other commands.
  const remarks = inspection.remarks.filter(
    ({ place, error }) => paths.has(place.file) && error !== 'KPKI_INPUT_TOO_LARGE',
  )
  return [...new Set(remarks.flatMap(({ hint }) => hint ?? []))].slice(0, MAX_HINTS)
}

const MAX_HINTS = 3
// More are read in the table.
const MAX_NAMES = 6

function statusOf(report: ExpirationReport, shown: ExpirationReport, within: number | undefined): number {
  const isKnown = ({ state }: ExpirationEntry) => state !== 'unreadable'
  const near = [...shown.certificates, ...shown.certificateAuthorities].filter(isKnown)
  if (within !== undefined && near.length > 0) return EXIT.findings
  return [...report.certificates, ...report.certificateAuthorities].every(isKnown) ? EXIT.done : EXIT.failed
}
