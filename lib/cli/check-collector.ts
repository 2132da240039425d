import {
  type Context,
  type Finding,
  fingerprintOf,
  isFailure,
  openBaseline,
  type ReportedFinding,
  type RuleId,
} from '../index.js'
import type { Checked } from './check-model.js'
import type { CheckRequest } from './check-request.js'

/** Takes findings in one by one: those of rules that are asked for, beside the baseline. */
export class Collector {
  readonly #findings: ReportedFinding[] = []
  readonly #counts = { error: 0, warning: 0, info: 0, accepted: 0 }
  #failures = 0
  /** A stream that is only printed is not kept. */
  readonly #isKept: boolean
  readonly #request: CheckRequest
  readonly #context: Context
  readonly #locate: (found: Finding) => string
  readonly #baseline: ReturnType<typeof openBaseline>
  readonly #rules: ReadonlySet<RuleId>

  /**
   * @param locate - the file of a finding as people find it
   * @param isStream - there may be no end of findings. Default: false
   */
  constructor(request: CheckRequest, context: Context, locate: (found: Finding) => string, isStream = false) {
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
