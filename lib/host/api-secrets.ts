import { decodeUtf8, encodeUtf8, formatBase64, formatBase64Url, parseBase64 } from '../crypto/bytes.js'
import { toFields } from './api-errors.js'

/** What must not come back in a message: a text, and whether it is masked within longer words, too. */
interface SecretText {
  readonly text: string
  readonly isAnywhere: boolean
}

/** Shorter ones are found in words that have nothing to do with them. */
const SHORTEST_ANYWHERE = 6
const SHORTEST = 3
/** Of a bootstrap token's Secret: everybody may know these, and messages about them should say what is wrong. */
const PUBLIC = /^(token-id|expiration|auth-extra-groups|usage-bootstrap-.*)$/

/**
 * Hides in what a server says the secrets that it was sent: what stands between, and policies of the cluster, see them and may
 * quote them, as they were sent, decoded or escaped.
 */
export class SecretMask {
  readonly #secrets: readonly SecretText[]

  private constructor(secrets: readonly SecretText[]) {
    // The longest first, so that nothing is left of one that holds another.
    this.#secrets = [...secrets].sort((a, b) => b.text.length - a.text.length)
  }

  /** For what is sent with every question. */
  static ofCredentials(authorization: string | undefined): SecretMask {
    if (authorization === undefined) return new SecretMask([])
    const [, scheme = '', credential = ''] = /^(?:(\S+)\s+)?(.*)$/s.exec(authorization) ?? []
    const pair = scheme.toLowerCase() === 'basic' ? decoded(credential) : undefined
    const password = pair?.slice(pair.indexOf(':') + 1)
    return new SecretMask([credential, pair, password].flatMap(text => (text === undefined ? [] : spellings(text))))
  }

  /** For these, and for what an object holds. */
  with(sent: unknown): SecretMask {
    const object = toFields(sent)
    if (!object) return this
    return new SecretMask([
      ...this.#secrets,
      ...(object['kind'] === 'Secret' ? textsOfSecret(object) : textsOf(object)),
    ])
  }

  /** The text, with every secret replaced. */
  hide(text: string): string {
    return this.#secrets.reduce(
      (shown, { text: secret, isAnywhere }) =>
        isAnywhere ? shown.replaceAll(secret, '***') : shown.replace(asWord(secret), '***'),
      text,
    )
  }
}

function asWord(text: string): RegExp {
  return new RegExp(`(?<![A-Za-z0-9])${text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')}(?![A-Za-z0-9])`, 'g')
}

/** Every long text in what an object of another kind says; short ones are words like `true`. */
function textsOf(object: Readonly<Record<string, unknown>>): SecretText[] {
  return ['data', 'stringData', 'spec']
    .flatMap(field => textsIn(object[field]))
    .filter(text => text.length >= SHORTEST_ANYWHERE)
    .flatMap(spellings)
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : []
}

function textsOfSecret({ data, stringData }: Readonly<Record<string, unknown>>): SecretText[] {
  const values = (field: unknown) =>
    Object.entries(toFields(field) ?? {}).flatMap(([name, value]) =>
      typeof value !== 'string' || PUBLIC.test(name) ? [] : [value],
    )
  const encoded = values(data)
  return [...encoded, ...encoded.map(decoded), ...values(stringData)].flatMap(text =>
    text === undefined ? [] : [text, ...linesOf(text)].flatMap(spellings),
  )
}

/** Of a text of several lines, e.g. a private key, a server may quote one. */
function linesOf(text: string): string[] {
  return text.includes('\n') ? text.split(/\r?\n/).filter(line => line.length >= SHORTEST_ANYWHERE) : []
}

/** A text as it is, and as it stands in JSON, in a URL and in Base64. */
function spellings(text: string): SecretText[] {
  if (text.length < SHORTEST || text === 'true' || text === 'false') return []
  const bytes = encodeUtf8(text)
  const all = [
    text,
    JSON.stringify(text).slice(1, -1),
    percentEncoded(text),
    formatBase64(bytes).replace(/=+$/, ''),
    formatBase64Url(bytes),
  ]
  return [...new Set(all)].map(spelling => ({
    text: spelling,
    isAnywhere: spelling.length >= SHORTEST_ANYWHERE,
  }))
}

function percentEncoded(text: string): string {
  // Half a character has no such form.
  return /\p{Surrogate}/u.test(text) ? text : encodeURIComponent(text)
}

function decoded(base64: string): string | undefined {
  const bytes = parseBase64(base64)
  return bytes && decodeUtf8(bytes)
}
