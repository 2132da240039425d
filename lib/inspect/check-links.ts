import { type Finding, finding } from '../audit/rules.js'
import { directoryOf } from './links.js'
import type { InspectInput } from './types.js'

/** Links of one directory that are told of one by one: more of them are a directory of links, such as /etc/ssl/certs. */
const MAX_TOLD = 100

/** Links that lead out of a directory: each is told of, and of very many in one directory how many more there are. */
export class LinkCount {
  #directory = ''
  #first: InspectInput | undefined
  #count = 0
  #told = 0
  #total = 0

  /** How many there were in all. */
  get total(): number {
    return this.#total
  }

  /** Takes a link in; says what is to be said of another directory that is left. */
  *take(link: InspectInput): Generator<Finding> {
    yield* this.enter(link.name)
    this.#total++
    if (this.#told < MAX_TOLD) {
      this.#told++
      yield finding('link-outside', undefined, link.name, link.problem ?? '')
      return
    }
    this.#first ??= link
    this.#count++
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
    this.#told = 0
    if (!first) return
    const more = count === 1 ? '' : `; so ${count === 2 ? 'is 1' : `are ${count - 1}`} more beside it`
    yield finding('link-outside', undefined, first.name, `${first.problem}${more}`)
  }
}
