/** Something a run tells while it works; `message` is for people, the rest for programs. */
export interface LogEvent {
  readonly level: 'progress' | 'info' | 'warning'
  readonly message: string
  /** Progress only: steps done and steps in all. */
  readonly done?: number
  readonly total?: number
}

/** The bytes of one new key pair. */
export interface RawKeyPair {
  /** PKCS #8 `OneAsymmetricKey`, DER, unencrypted. */
  readonly pkcs8: Uint8Array
  /** `SubjectPublicKeyInfo`, DER. */
  readonly spki: Uint8Array
}

/** Parameters of a key pair, as WebCrypto names them. */
export type KeyParameters =
  | { readonly name: 'RSA'; readonly modulusLength: number }
  | { readonly name: 'ECDSA'; readonly namedCurve: 'P-256' | 'P-384' }

/** Everything that would otherwise be ambient: clock, cryptography (randomness with it) and the log. */
export interface Context {
  /** Now. Read once per run. Default: the system's clock. */
  readonly clock: () => Date
  /** A WebCrypto provider; the only source of randomness. Default: `globalThis.crypto`. */
  readonly crypto: Crypto
  /** Waits for some milliseconds. Default: the platform's timer. */
  readonly sleep: (ms: number) => Promise<void>
  /** Takes what a run has to say. Default: nobody listens. */
  readonly log: (event: LogEvent) => void
  /**
   * Makes key pairs in place of `crypto.subtle.generateKey`, where the platform has something faster (on Node: all cores).
   * Default: none, WebCrypto is asked.
   */
  readonly generateKeyPair?: (parameters: KeyParameters) => Promise<RawKeyPair>
}

/**
 * Fills a {@link Context} with the platform's defaults.
 *
 * @param overrides - what to have differently, e.g. `{ clock: () => new Date('2030-01-01T00:00:00Z') }`
 */
export function createContext(overrides: Partial<Context> = {}): Context {
  return { clock: () => new Date(), crypto: globalThis.crypto, sleep, log: () => {}, ...overrides }
}

function sleep(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
