import {
  type Baseline,
  baselineOf,
  CIS_EDITIONS,
  type CisEdition,
  type Context,
  checkFiles,
  checkTree,
  type Finding,
  fingerprintOf,
  formatBaseline,
  formatJunit,
  formatSarif,
  type InspectInput,
  isFailure,
  MAX_INSPECT_BYTES,
  openBaseline,
  parseBaseline,
  type ReportedFinding,
  RULES,
  type RuleId,
  type Severity,
  UsageError,
} from '../index.js'
import { streamFiles } from '../node.js'
import { CHECK_RULES, editionOf, rulesNamed } from './check-explain.js'
import type { Checked, CheckedInference } from './check-model.js'
import { describeCheck } from './check-structured.js'
import { CheckPrinter, count, formatSummary } from './check-text.js'
import type { Invocation, Run } from './command.js'
import { listeningContext } from './description.js'
import { periodOf } from './duration.js'
import { CONFIG_FLAGS, DESCRIPTION_FLAGS, list, text, WHOLE_TREE_FLAGS } from './flags.js'
import { readInput } from './input.js'
import { EXIT, type Io } from './io.js'
import { createNewFile } from './new-file.js'
import { formatStructured, isStructured } from './structured.js'
import { printable, terminalOf } from './terminal.js'
import { openTree } from './tree.js'
import { VERSION } from './version.js'

/** Looks at a tree or at any files, and says what is wrong. */
export const runChecks: Run = async (invocation, io) => {
  const { args } = invocation
  const asked = await readRequest(invocation, io)
  const checked = await (args.length > 0 ? checkNamed : checkWhole)(invocation, asked, io)
  await writeBaseline(checked, asked, io)
  if (!asked.quiet && asked.output === 'text') tellBaseline(checked, io)
  return checked.failures > 0 && asked.newBaseline === undefined ? EXIT.findings : EXIT.done
}

/** What is looked at and how it is told. */
interface Request {
  readonly rules: readonly RuleId[]
  readonly failOn: Severity
  readonly endsWithinSeconds: number | undefined
  readonly edition: CisEdition | undefined
  readonly baseline: Baseline | undefined
  readonly newBaseline: string | undefined
  readonly output: string
  readonly quiet: boolean
  readonly why: boolean
}

async function readRequest({ flags, args }: Invocation, io: Io): Promise<Request> {
  const edition = editionOf(flags)
  const treeFlags = { ...WHOLE_TREE_FLAGS, ...DESCRIPTION_FLAGS, ...CONFIG_FLAGS, cis: true, role: true }
  const treeFlag = Object.keys(treeFlags).find(name => flags[name] !== undefined)
  if (args.length > 0 && treeFlag !== undefined) {
    throw new UsageError('KPKI_USAGE', `check takes files and directories, or a tree with --${treeFlag}, not both`, {
      hint: 'a tree is named with --dir',
    })
  }
  const only = rulesNamed(list(flags, 'rule'), 'rule', edition)
  const without = rulesNamed(list(flags, 'skip-rule'), 'skip-rule', edition)
  const benchmark = only.find(rule => RULES[rule].group === 'cis')
  if (benchmark && !edition) {
    throw new UsageError(
      'KPKI_USAGE',
      `--rule ${benchmark} needs --cis: the edition of the benchmark that is asked for`,
      {
        hint: `editions are ${CIS_EDITIONS.join(', ')}`,
      },
    )
  }
  const known = CHECK_RULES.filter(rule => edition !== undefined || RULES[rule].group !== 'cis')
  const rules = (only.length > 0 ? only : known).filter(rule => !without.includes(rule))
  const file = text(flags, 'baseline')
  const input = file === undefined ? undefined : await readInput(file, io)
  return {
    rules,
    failOn: (text(flags, 'fail-on') as Severity | undefined) ?? 'warning',
    endsWithinSeconds: periodOf(flags, 'ends-within'),
    edition,
    baseline: input && parseBaseline(input.text, input.name),
    newBaseline: text(flags, 'write-baseline'),
    output: text(flags, 'output') ?? 'text',
    quiet: flags['quiet'] === true,
    why: flags['why'] === true,
  }
}

/** Takes findings in one by one: those of rules that are asked for, beside the baseline. */
class Collector {
  readonly #findings: ReportedFinding[] = []
  readonly #counts = { error: 0, warning: 0, info: 0, accepted: 0 }
  #failures = 0
  /** A stream that is only printed is not kept. */
  readonly #isKept: boolean
  readonly #request: Request
  readonly #context: Context
  readonly #locate: (found: Finding) => string
  readonly #baseline: ReturnType<typeof openBaseline>
  readonly #rules: ReadonlySet<RuleId>

  constructor(request: Request, context: Context, locate: (found: Finding) => string, isStream = false) {
    this.#request = request
    this.#isKept = !isStream || request.output !== 'text' || request.newBaseline !== undefined
    this.#context = context
    this.#locate = locate
    this.#rules = new Set(request.rules)
    this.#baseline = openBaseline(request.baseline ?? { entries: [] }, context)
  }

  /** @returns `undefined` for a finding that nobody asked for */
  async take(found: Finding): Promise<ReportedFinding | undefined> {
    if (!this.#rules.has(found.code)) return undefined
    const accepted = await this.#baseline.accepts(found)
    const reported: ReportedFinding = {
      ...{ found, file: this.#locate(found) },
      fingerprint: this.#request.output === 'text' ? '' : await fingerprintOf(found, this.#context),
      ...(accepted ? { accepted } : {}),
    }
    this.#counts[accepted ? 'accepted' : found.severity]++
    if (isFailure(reported, this.#request.failOn)) this.#failures++
    if (this.#isKept) this.#findings.push(reported)
    return reported
  }

  /** What is left to say at the end. */
  rest(): Pick<Checked, 'findings' | 'counts' | 'failOn' | 'failures' | 'baseline'> {
    const { failOn, baseline } = this.#request
    const unmatched = this.#baseline.unmatched().filter(({ rule }) => this.#rules.has(rule))
    return {
      ...{ findings: this.#findings, counts: this.#counts, failures: this.#failures, failOn },
      ...(baseline ? { baseline: { unmatched, ended: this.#baseline.ended() } } : {}),
    }
  }
}

/** A file directly in the tree. */
const ANY = 'admin.conf'

/** The tree of the flags, against what they and `--config` state. */
async function checkWhole(invocation: Invocation, request: Request, io: Io): Promise<Told> {
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
  const nameOf = (located: string) =>
    root !== '' && located.startsWith(root) ? `${prefix}${located.slice(root.length)}` : located
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
async function checkNamed(invocation: Invocation, request: Request, io: Io): Promise<Told> {
  const { context, warnings } = listeningContext(invocation, io)
  const { endsWithinSeconds } = request
  const collector = new Collector(request, context, ({ path }) => path, true)
  const printer = new CheckPrinter(io.stdout, terminalOf(io), { shorten: file => file, why: request.why })
  const options = endsWithinSeconds === undefined ? {} : { endsWithinSeconds }
  const findings = checkFiles(namedFiles(invocation.args, io), context, options)
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
      return checked
    }
    const reported = await collector.take(next.value)
    if (reported && request.output === 'text') printer.add(reported)
  }
}

async function* namedFiles(names: readonly string[], io: Io): AsyncGenerator<InspectInput> {
  // Who names a file twice means it once.
  for (const name of new Set(names)) {
    if (name === '-') yield { name: 'standard input', bytes: await io.readStdin(MAX_INSPECT_BYTES) }
    else yield* streamFiles(name)
  }
}

/** What was checked, with the moment and the cryptography that it was checked with. */
interface Told extends Checked {
  readonly context: Context
}

function print(checked: Told, { output, rules }: Request, io: Io): void {
  const { findings, baseline, failOn } = checked
  const report = { rules, findings, hasBaseline: baseline !== undefined, failOn, version: VERSION }
  if (isStructured(output)) io.stdout(formatStructured(describeCheck(checked), output))
  else io.stdout(output === 'sarif' ? formatSarif(report) : formatJunit(report))
}

async function writeBaseline(
  { findings, context }: Told,
  { newBaseline, baseline, output, quiet }: Request,
  io: Io,
): Promise<void> {
  if (newBaseline === undefined) return
  const raw = findings.map(({ found }) => found)
  const made = await baselineOf(raw, context, baseline)
  // It names files and what is wrong with them, and no secret: it is there to be committed and reviewed.
  await createNewFile(newBaseline, formatBaseline(made), 0o644)
  if (!quiet && output === 'text')
    io.stderr(`kpki: ${printable(newBaseline)} accepts ${count(made.entries.length, 'finding')}\n`)
}

// More are read in JSON.
const MAX_TOLD = 5

/** Entries that do nothing any more, so that somebody takes them out. */
function tellBaseline({ baseline }: Told, io: Io): void {
  const tell = (what: string, entries: NonNullable<Checked['baseline']>['ended']) => {
    if (entries.length === 0) return
    const named = entries.slice(0, MAX_TOLD).map(({ rule, path }) => `${rule} ${printable(path)}`)
    const more = entries.length > MAX_TOLD ? ` and ${entries.length - MAX_TOLD} more` : ''
    io.stderr(`kpki: ${what}: ${named.join(', ')}${more}\n`)
  }
  tell('the baseline accepts what is no longer found', baseline?.unmatched ?? [])
  tell('the baseline no longer accepts, its day is over', baseline?.ended ?? [])
}
