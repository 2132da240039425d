import {
  type Baseline,
  CIS_EDITIONS,
  type CisEdition,
  parseBaseline,
  RULES,
  type RuleId,
  type Severity,
  UsageError,
} from '../index.js'
import { CHECK_RULES, editionOf, rulesNamed } from './check-explain.js'
import type { Invocation } from './command.js'
import { periodOf } from './duration.js'
import { CONFIG_FLAGS, DESCRIPTION_FLAGS, list, text, WHOLE_TREE_FLAGS } from './flags.js'
import { readInput } from './input.js'
import type { Io } from './io.js'

/** What is looked at and how it is told. */
export interface CheckRequest {
  readonly rules: readonly RuleId[]
  readonly failOn: Severity
  readonly endsWithinSeconds: number | undefined
  readonly edition: CisEdition | undefined
  readonly baseline: Baseline | undefined
  /** Where to write one. */
  readonly newBaseline: string | undefined
  readonly output: string
  readonly quiet: boolean
  readonly why: boolean
}

/**
 * Reads what a command line asks for, its baseline included.
 *
 * @throws {@link UsageError} `KPKI_USAGE`; `EncodingError` `KPKI_BASELINE_INVALID`
 */
export async function readRequest({ flags, args }: Invocation, io: Io): Promise<CheckRequest> {
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
  // Where nothing was looked at, no rule was.
  const asked: readonly RuleId[] = only.length > 0 ? [...only, 'nothing-found'] : known
  const rules = [...new Set(asked)].filter(rule => !without.includes(rule))
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
