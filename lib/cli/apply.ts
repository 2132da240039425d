import {
  applyPlan,
  assertSamePlan,
  type ChangedTree,
  type ChangeTreeOptions,
  changeTree,
  type FinishedChange,
  finishChanges,
  type ParsedPlan,
  type PlannedChanges,
  parsePlan,
  planStore,
  saveChange,
  UsageError,
  WorkflowError,
} from '../index.js'
import { warnOfEnding } from './change-left.js'
import { describeChanged } from './change-structured.js'
import { changeLines, countText, resultLines, untouchedLines } from './change-text.js'
import type { Invocation, Run } from './command.js'
import { text } from './flags.js'
import { readInput } from './input.js'
import { EXIT, type Io } from './io.js'
import { planOptions } from './plan.js'
import { formatStructured, isStructured } from './structured.js'
import { type Terminal, terminalOf } from './terminal.js'
import { type OpenedTree, openWritableTree } from './tree.js'

/** What is to be done to which tree. */
interface Order extends Pick<OpenedTree, 'store' | 'name' | 'asked' | 'context'> {
  /** The plan that was saved; `undefined`: what the command line asks for. */
  readonly saved: ParsedPlan | undefined
  readonly options: ChangeTreeOptions
}

/** `kpki apply`: does what `kpki plan` says. */
export const runApply: Run = async (invocation, io) => {
  const { flags } = invocation
  const { warnings, notes, ...opened } = await openWritableTree(invocation, io)
  const order: Order = { ...opened, ...(await readOrder(invocation, opened, io)) }
  const isDryRun = flags['dry-run'] === true
  const isAgreed = isDryRun || flags['yes'] === true
  const changed = isAgreed ? await change(order) : await askAndChange(order, flags['quiet'] === true, io)
  const output = text(flags, 'output')
  const { store, context, name } = order
  const isLeft = warnOfEnding(changed, context, invocation, io)
  if (isStructured(output)) {
    const result = describeChanged('ApplyResult', changed, { store, context, isDryRun })
    io.stdout(formatStructured({ ...result, warnings, notes }, output))
  } else if (flags['quiet'] !== true) {
    const terminal = terminalOf(io)
    const reasons = isAgreed ? reasonLines(changed, terminal) : []
    io.stdout(`${[...reasons, ...resultLines(changed, { store, context, name, isDryRun }, terminal)].join('\n')}\n`)
  }
  return isLeft ? EXIT.failed : EXIT.done
}

/** A saved plan has its own inputs: none may come from elsewhere, or it would be another plan. */
async function readOrder(invocation: Invocation, { asked, context }: Pick<OpenedTree, 'asked' | 'context'>, io: Io) {
  const { flags, args, path } = invocation
  const run = { dryRun: flags['dry-run'] === true, ledger: flags['no-ledger'] !== true, signal: io.signal }
  const keys = planOptions(invocation)
  const [file] = args
  if (file === undefined) return { saved: undefined, options: { ...run, ...keys } }
  const { facts = {}, adds = {}, role } = asked
  const isStated = Object.keys(facts).length + Object.keys(adds).length > 0
  const isAsked = isStated || role !== undefined || keys.keys !== undefined
  if (isAsked) {
    throw new UsageError('KPKI_USAGE', `${path}: the plan says what is wanted, and so does the command line`, {
      hint: 'leave out --config and the flags of the description, or plan again with them: kpki plan',
    })
  }
  const { text: content, name } = await readInput(file, io)
  const saved = await parsePlan(content, name, context)
  const { options, ...inputs } = saved.inputs
  return { saved, asked: inputs, options: { ...run, ...options } }
}

function change({ saved, store, asked, context, options }: Order): Promise<ChangedTree> {
  return saved ? applyPlan(saved, store, context, options) : changeTree('apply', store, asked, context, options)
}

/** Shows the plan, asks, and does exactly that. */
async function askAndChange(order: Order, isQuiet: boolean, io: Io): Promise<ChangedTree> {
  const { saved, store, name, asked, context, options } = order
  const finished: FinishedChange[] = []
  const plan = async (): Promise<PlannedChanges> => {
    try {
      return await planStore(store, asked, context, options)
    } catch (error) {
      if (!(error instanceof WorkflowError) || error.code !== 'KPKI_CHANGE_UNFINISHED') throw error
      io.stderr(`kpki: ${error.message}\n`)
      await agree('Take it back first?', io)
      finished.push(...(await finishChanges(store, context)))
      return planStore(store, asked, context, options)
    }
  }
  const planned = await plan()
  if (saved) assertSamePlan(saved, planned.plan)
  const { fingerprint, changes } = planned.plan
  if (changes.length > 0) {
    const terminal = terminalOf(io)
    const lines = [...reasonLines(planned, terminal), ...untouchedLines(planned.plan, terminal)]
    if (!isQuiet) io.stderr(`${lines.join('\n')}\n`)
    await agree(`${countText(changes)} in ${terminal.show(name)}. Do it?`, io)
  }
  const agreed = { fingerprint, changes: changes.map(saveChange) }
  const changed = await changeTree('apply', store, asked, context, {
    ...options,
    agree: now => assertSamePlan(agreed, now.plan),
  })
  return { ...changed, finished: [...finished, ...changed.finished] }
}

/** @throws {@link WorkflowError} `KPKI_NOT_CONFIRMED`, `KPKI_INTERRUPTED` */
async function agree(question: string, io: Io): Promise<void> {
  const answer = await io.ask?.(`${question} [y/N] `)
  if (/^y(es)?$/i.test(answer ?? '')) return
  if (io.signal.aborted) throw new WorkflowError('KPKI_INTERRUPTED', 'interrupted; nothing was written')
  const message = answer === undefined ? 'nobody is here to agree: there is no terminal' : 'nobody has agreed'
  throw new WorkflowError('KPKI_NOT_CONFIRMED', `${message}; nothing was written`, {
    hint: 'with --yes nobody is asked; kpki plan only looks',
  })
}

function reasonLines({ plan }: Pick<ChangedTree, 'plan'>, terminal: Terminal): readonly string[] {
  return plan.changes.length > 0 ? [...plan.changes.flatMap(each => changeLines(each, terminal)), ''] : []
}
