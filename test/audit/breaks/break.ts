import type { RuleId } from '../../../lib/audit/rules.js'
import type { Asked } from '../../../lib/audit/types.js'
import type { CheckOptions } from '../../../lib/inspect/check-tree.js'
import type { MemoryStore, Store } from '../../../lib/tree/store.js'

/** A tree that breaks one rule, and what `checkTree` finds in it. */
export interface Break {
  readonly rule: RuleId
  readonly about: string
  /** Changes a copy of the well tree. */
  readonly spoil: (store: MemoryStore) => unknown
  /** Everything that is found, as `code item`, or `code path` for what is no item's; in any order. Default: the rule, once */
  readonly findings?: readonly string[]
  /** Default: nothing is asked for */
  readonly asked?: Asked
  readonly options?: CheckOptions
  /** Moment of the check. Default: that of the tree */
  readonly now?: string
  /** The tree that is spoiled. Default: the well one */
  readonly base?: () => MemoryStore
  /** Another store around the tree, for what memory has not. Default: none */
  readonly wrap?: (store: MemoryStore) => Store
}
