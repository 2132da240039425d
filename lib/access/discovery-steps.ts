import type { ErrorCode, ErrorDetails, KpkiError } from '../errors.js'

/** What a host finds out before it joins, in this order; with what each step makes sure of. */
export const DISCOVERY_STEPS = {
  connect: 'somebody listens there',
  tls: 'who listens speaks TLS',
  'cluster-info': 'anybody may read what the cluster publishes',
  token: 'the cluster has signed it with the token',
  signature: "the signature is of the token's secret",
  kubeconfig: 'it names one cluster and its CA',
  pin: 'the CA has one of the pins',
  'verified-tls': "the server's certificate is of that CA, and for this name",
  unchanged: 'over the verified connection the same is published',
} as const satisfies Readonly<Record<string, string>>

/** A step of discovery, e.g. `'pin'`. */
export type DiscoveryStepName = keyof typeof DISCOVERY_STEPS

/** How one step of discovery ended. */
export interface DiscoveryStep {
  readonly name: DiscoveryStepName
  /** `skipped`: it was not asked for, or an earlier one failed. */
  readonly result: 'ok' | 'failed' | 'skipped'
  /** What was found, or why there is no result; one sentence. */
  readonly message: string
  /** What was found, for programs: names, pins, times. */
  readonly details: ErrorDetails
  /** Of a step that failed. */
  readonly code?: ErrorCode
  /** What to do about it, where kpki knows. */
  readonly hint?: string
}

const NAMES = Object.keys(DISCOVERY_STEPS) as readonly DiscoveryStepName[]

/** Takes down how the steps of one discovery end, each once, and tells of them in their order. */
export class StepRecord {
  readonly #steps = new Map<DiscoveryStepName, DiscoveryStep>()
  #told = 0
  readonly #tell: (step: DiscoveryStep) => void
  #failure: KpkiError | undefined

  constructor(tell: (step: DiscoveryStep) => void = () => {}) {
    this.#tell = tell
  }

  /** In order; after {@link finish} all of them. */
  get steps(): readonly DiscoveryStep[] {
    return NAMES.flatMap(name => this.#steps.get(name) ?? [])
  }

  /** Of the first step that failed. */
  get failure(): KpkiError | undefined {
    return this.#failure
  }

  ok(name: DiscoveryStepName, message: string, details: ErrorDetails = {}): void {
    this.#add({ name, result: 'ok', message, details })
  }

  skip(name: DiscoveryStepName, message: string): void {
    this.#add({ name, result: 'skipped', message, details: {} })
  }

  fail(name: DiscoveryStepName, error: KpkiError): void {
    const { message, details, code, hint } = error
    this.#failure ??= error
    this.#add({ name, result: 'failed', message, details, code, ...(hint === undefined ? {} : { hint }) })
  }

  /** Fails the first of some steps that has no result yet: the one that was at work. */
  failFirstOf(names: readonly DiscoveryStepName[], error: KpkiError): void {
    const name = names.find(name => !this.#steps.has(name)) ?? names.at(-1)
    if (name !== undefined) this.fail(name, error)
  }

  /** Whatever has no result was not come to. */
  finish(): void {
    for (const name of NAMES) if (!this.#steps.has(name)) this.skip(name, 'not come to')
  }

  #add(step: DiscoveryStep): void {
    if (this.#steps.has(step.name)) return
    this.#steps.set(step.name, step)
    for (let next = this.#next(); next; next = this.#next()) {
      this.#told++
      this.#tell(next)
    }
  }

  #next(): DiscoveryStep | undefined {
    const name = NAMES[this.#told]
    return name && this.#steps.get(name)
  }
}
