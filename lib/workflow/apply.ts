import type { ParsedPlan } from '../audit/parse-plan.js'
import { type SavedPlan, saveChange } from '../audit/saved-plan.js'
import type { ChangePlan } from '../audit/types.js'
import type { Context } from '../context.js'
import { EncodingError, WorkflowError } from '../errors.js'
import { isJsonObject } from '../json.js'
import type { Store } from '../tree/store.js'
import { type ChangedTree, type ChangeTreeOptions, changeTree } from './change-tree.js'

/** Options of {@link applyPlan}. */
export type ApplyPlanOptions = Pick<ChangeTreeOptions, 'dryRun' | 'ledger' | 'signal'>

/**
 * Does what a saved plan says, if the tree is still the one that it was made for: plans anew from what the plan was made from, at the
 * context's moment, and goes on only where that comes to the very same changes. All or nothing; what is replaced is kept in a backup.
 *
 * @param plan - of `parsePlan` or `savePlan`
 * @throws {@link WorkflowError} `KPKI_PLAN_STALE`; {@link EncodingError} `KPKI_PLAN_INVALID` for what is neither; as `changeTree`
 */
export async function applyPlan(
  plan: ParsedPlan | SavedPlan,
  store: Store,
  context: Context,
  { dryRun, ledger, signal }: ApplyPlanOptions = {},
): Promise<ChangedTree> {
  assertPlan(plan)
  const { options, ...asked } = plan.inputs
  return changeTree('apply', store, asked, context, {
    ...options,
    ...(dryRun === undefined ? {} : { dryRun }),
    ...(ledger === undefined ? {} : { ledger }),
    ...(signal === undefined ? {} : { signal }),
    agree: planned => assertSamePlan(plan, planned.plan),
  })
}

/** A `ChangePlan` looks like a saved plan, and does not say what it was made from. */
function assertPlan(plan: unknown): void {
  const isPlan = isJsonObject(plan) && isJsonObject(plan['inputs']) && Array.isArray(plan['changes'])
  if (isPlan) return
  throw new EncodingError('KPKI_PLAN_INVALID', 'what is to be applied is no saved plan', {
    hint: 'savePlan makes one of what planStore returns, parsePlan reads one',
  })
}

/**
 * Refuses a plan that has become another one. What was found may be said in other words meanwhile (`ends in 3 days`), as long as
 * the same is done about it.
 *
 * @throws {@link WorkflowError} `KPKI_PLAN_STALE`
 */
export function assertSamePlan(agreed: Pick<ParsedPlan, 'fingerprint' | 'changes'>, now: ChangePlan): void {
  const stale = (message: string) =>
    new WorkflowError('KPKI_PLAN_STALE', `${message}; nothing was written`, { hint: 'plan again: kpki plan' })
  if (agreed.fingerprint !== now.fingerprint) throw stale('the tree is no longer the one that the plan was made for')
  const [was, is] = [agreed.changes, now.changes.map(saveChange)].map(changes => changes.map(deedOf))
  const differing = is?.findIndex((deed, index) => deed !== was?.[index]) ?? -1
  const name = now.changes[differing]?.id
  if (name !== undefined) throw stale(`the plan is another one by now: ${name} is to be changed in another way`)
  if (was?.length !== is?.length) throw stale('the plan is another one by now: it changes less')
}

/** A saved change without its reasons, as text that does not depend on the order of fields. */
function deedOf(change: unknown): string {
  return JSON.stringify(change, (key, value: unknown) => {
    if (key === 'reasons') return undefined
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}
