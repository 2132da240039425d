import { type Finding, finding } from '../audit/rules.js'
import type { CheckedFile } from './check-file.js'
import type { InspectInput } from './types.js'

/** What was named to be looked at: of what nothing could be checked that is said, for nobody to take it for well. */
export class NamedCheck {
  #named: string | undefined
  #files = 0
  #isSaid = false

  /** Takes in a name that leads to nothing, which is told of elsewhere. */
  pass({ named }: InspectInput): void {
    if (named === this.#named) this.#isSaid = true
  }

  /** Takes in what one file has given; says what it is where it was not opened, or holds nothing although it was named itself. */
  *take(input: InspectInput, checked: CheckedFile): Generator<Finding> {
    if (input.named !== this.#named) yield* this.rest()
    this.#named = input.named
    this.#files++
    const { closed, isChecked, findings } = checked
    if (isChecked || findings.length > 0) this.#isSaid = true
    if (!this.#isSaid && input.named === input.name) {
      yield finding(
        'nothing-found',
        undefined,
        input.name,
        contentOf(input, checked),
        closed ? { hint: closed.hint } : {},
      )
      this.#isSaid = true
    } else if (closed) {
      yield finding('not-opened', undefined, input.name, contentOf(input, checked), { hint: closed.hint })
    }
  }

  /** What is left to say of what was named last. */
  *rest(): Generator<Finding> {
    const [named, files] = [this.#named, this.#files]
    if (named !== undefined && files > 0 && !this.#isSaid)
      yield finding(
        'nothing-found',
        undefined,
        named,
        `holds no certificate, key or kubeconfig in ${files} file${files === 1 ? '' : 's'}`,
      )
    this.#files = 0
    this.#isSaid = false
  }
}

function contentOf({ bytes }: InspectInput, { closed, hasRequest }: CheckedFile): string {
  if (closed) return `is ${closed.what}, which is not opened`
  if (hasRequest) return 'holds a request to have a certificate signed, which is not checked'
  return bytes.length === 0 ? 'is empty' : 'holds no certificate, key or kubeconfig'
}
