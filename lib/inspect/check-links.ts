import { type Finding, finding } from '../audit/rules.js'
import { directoryOf } from './links.js'
import type { InspectInput } from './types.js'

/** Links that lead out of a directory: one is told of, of many in one directory how many there are. */
export class LinkCount {
  #directory = ''
  #first: InspectInput | undefined
  #count = 0
  #total = 0

  /** How many there were in all. */
  get total(): number {
    return this.#total
  }

  /** Takes a link in; says what is to be said of another directory that is left. */
  *take(link: InspectInput): Generator<Finding> {
    yield* this.enter(link.name)
    this.#first ??= link
    this.#count++
    this.#total++
  }

  /** Goes on to a file. */
  *enter(name: string): Generator<Finding> {
    const directory = directoryOf(name)
    if (directory === this.#directory) return
    yield* this.rest()
    this.#directory = directory
  }

  /** What is left to say of the directory that was come by last. */
  *rest(): Generator<Finding> {
    const [first, count] = [this.#first, this.#count]
    this.#first = undefined
    this.#count = 0
    if (!first) return
    const more = count === 1 ? '' : `; so are ${count - 1} more beside it`
    yield finding('link-outside', undefined, first.name, `${first.problem}${more}`)
  }
}
