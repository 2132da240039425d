import {
  type Context,
  checkFiles,
  checkTree,
  formatJunit,
  formatSarif,
  type InspectInput,
  KpkiError,
  looksSecret,
  MAX_INSPECT_BYTES,
} from '../index.js'
import { streamFiles } from '../node.js'
import { tellBaseline, writeBaseline } from './check-baseline.js'
import { Collector } from './check-collector.js'
import type { Checked, CheckedInference } from './check-model.js'
import { type CheckRequest, readRequest } from './check-request.js'
import { describeCheck } from './check-structured.js'
import { CheckPrinter, formatSummary } from './check-text.js'
import type { Invocation, Run } from './command.js'
import { listeningContext } from './description.js'
import { text } from './flags.js'
import { EXIT, type Io } from './io.js'
import { formatStructured, isStructured } from './structured.js'
import { terminalOf } from './terminal.js'
import { openTree } from './tree.js'
import { VERSION } from './version.js'

/** Looks at a tree or at any files, and says what is wrong. */
export const runChecks: Run = async (invocation, io) => {
  const { args } = invocation
  const asked = await readRequest(invocation, io)
  const checked = await (args.length > 0 ? checkNamed : checkWhole)(invocation, asked, io)
  await writeBaseline(checked, asked, checked.context, io)
  if (!asked.quiet && asked.output === 'text') tellBaseline(checked, io)
  return checked.failures > 0 && asked.newBaseline === undefined ? EXIT.findings : EXIT.done
}

/** A file directly in the tree. */
const ANY = 'admin.conf'

/** The tree of the flags, against what they and `--config` state. */
async function checkWhole(invocation: Invocation, request: CheckRequest, io: Io): Promise<Told> {
  const { store, name, asked, context, warnings } = await openTree(invocation, io)
  const { edition, endsWithinSeconds, rules } = request
  const result = await checkTree(store, asked, context, {
    rules,
    ...(edition === undefined ? {} : { cis: edition }),
    ...(endsWithinSeconds === undefined ? {} : { endsWithinSeconds }),
  })
  const { comparison, cis, counts, findings } = result
  // Whoever names a tree by a relative path finds its files by one, and so does the forge that shows them.
  const prefix = name.endsWith('/') ? name : `${name}/`
  const root = text(invocation.flags, 'kubeconfig-dir') === undefined ? store.locate(ANY).slice(0, -ANY.length) : ''
  const nameOf = (located: string) => {
    // An archive says where in it a file is.
    if (!located.startsWith('/')) return `${prefix}${located}`
    return root !== '' && located.startsWith(root) ? `${prefix}${located.slice(root.length)}` : located
  }
  const collector = new Collector(request, context, ({ path, place }) => place ?? nameOf(store.locate(path)))
  for (const found of findings) await collector.take(found)
  const { facts, from } = comparison.inference
  // Identities narrow the version down to some; only an image's tag says which it is.
  const version =
    asked.facts?.kubernetesVersion ??
    (from.kubernetesVersion?.startsWith('manifests/') ? facts.kubernetesVersion : undefined)
  const nodeName = asked.facts?.nodeName ?? facts.nodeName
  const inference: CheckedInference = {
    ...(version === undefined ? {} : { kubernetesVersion: version }),
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(comparison.role === undefined ? {} : { role: comparison.role }),
  }
  const checked: Told = {
    ...collector.rest(),
    ...{ now: context.clock(), dir: name, files: counts.files, inference, warnings, context },
    ...(cis ? { cis: { ...cis, items: cis.items.filter(({ rule }) => rules.includes(rule)) } } : {}),
  }
  if (request.output !== 'text') print(checked, request, io)
  else {
    const shorten = (file: string) => (file.startsWith(prefix) ? file.slice(prefix.length) : file)
    new CheckPrinter(io.stdout, terminalOf(io), { shorten, why: request.why }).addAll(checked.findings)
    if (!request.quiet) io.stdout(formatSummary(checked, terminalOf(io)))
  }
  return checked
}

/** Files and directories, told as they are read. */
async function checkNamed(invocation: Invocation, request: CheckRequest, io: Io): Promise<Told> {
  const { context, warnings } = listeningContext(invocation, io)
  const { endsWithinSeconds } = request
  const collector = new Collector(request, context, ({ path }) => path, true)
  const printer = new CheckPrinter(io.stdout, terminalOf(io), { shorten: file => file, why: request.why })
  const options = endsWithinSeconds === undefined ? {} : { endsWithinSeconds }
  const refused: Refused[] = []
  const findings = checkFiles(namedFiles(invocation.args, io, refused), context, options)
  for (;;) {
    const next = await findings.next()
    if (next.done) {
      const { files } = next.value
      const checked: Told = { ...collector.rest(), now: context.clock(), files, warnings, context }
      if (request.output !== 'text') print(checked, request, io)
      else {
        printer.end()
        if (!request.quiet) io.stdout(formatSummary(checked, terminalOf(io)))
      }
      assertTold(refused, request)
      return checked
    }
    const reported = await collector.take(next.value)
    if (reported && request.output === 'text') printer.add(reported)
  }
}

/** A name that could not be opened. */
interface Refused {
  readonly error: KpkiError
  readonly name: string
}

/** @param refused - takes in why names could not be opened: what is behind the others is looked at all the same */
async function* namedFiles(names: readonly string[], io: Io, refused: Refused[]): AsyncGenerator<InspectInput> {
  // Who names a file twice means it once.
  for (const name of new Set(names)) {
    const [named, bytes] = [name === '-' ? STANDARD_INPUT : name, new Uint8Array()]
    if (name === '-') yield { name: named, named, bytes: await io.readStdin(MAX_INSPECT_BYTES) }
    else {
      let isEmpty = true
      try {
        for await (const file of streamFiles(name)) {
          isEmpty = false
          yield { ...file, named }
        }
        if (isEmpty) yield { name, named, bytes }
      } catch (error) {
        if (!(error instanceof KpkiError)) throw error
        refused.push({ error, name })
        const problem = error.message.startsWith(`${name} `) ? error.message.slice(name.length + 1) : error.message
        if (!isNoFile(error, name)) yield { name, named, bytes, problem, problemKind: problemOf(error) }
      }
    }
  }
}

const STANDARD_INPUT = 'standard input'

function problemOf({ code, details }: KpkiError): NonNullable<InspectInput['problemKind']> {
  if (code === 'KPKI_INPUT_TOO_LARGE') return 'too-large'
  if (code === 'KPKI_FILE_NOT_REGULAR') return 'not-regular'
  return ['EACCES', 'EPERM'].includes(String(details['errno'])) ? 'forbidden' : 'other'
}

/** There is no such file; also where a secret was given for a name, which errors withhold and findings would repeat. */
function isNoFile({ code }: KpkiError, name: string): boolean {
  return code === 'KPKI_FILE_NOT_FOUND' || looksSecret(name)
}

/** @throws the first refusal of a name that is no finding: it is no file's, or such findings were not asked for */
function assertTold(refused: readonly Refused[], { rules }: CheckRequest): void {
  const untold = refused.find(
    ({ error, name }) =>
      isNoFile(error, name) || !rules.includes(error.code === 'KPKI_FILE_NOT_REGULAR' ? 'not-regular' : 'unreadable'),
  )?.error
  if (untold) throw untold
}

/** What was checked, with the moment and the cryptography that it was checked with. */
interface Told extends Checked {
  readonly context: Context
}

function print(checked: Told, { output, rules }: CheckRequest, io: Io): void {
  const { findings, baseline, failOn } = checked
  const report = { rules, findings, hasBaseline: baseline !== undefined, failOn, version: VERSION }
  if (isStructured(output)) io.stdout(formatStructured(describeCheck(checked), output))
  else io.stdout(output === 'sarif' ? formatSarif(report) : formatJunit(report))
}
