// PATH_MAX and NAME_MAX of Linux (limits.h), in bytes.
const LONGEST = { path: 4096, name: 255 } as const

/**
 * Whether a text may be a secret, or contents given where a name is wanted, so that it must not be quoted: a JWT, PEM, a
 * bootstrap token, a certificate key, base64 of something random, JSON, several lines, or more than a path can have.
 *
 * People give tokens where files are wanted, and what is said about that ends up in logs. What has the look of a path keeps
 * its name: `./` before it says that it is one, other than for what no file is called.
 */
export function looksSecret(text: string): boolean {
  const bytes = new TextEncoder()
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\x00-\x1f\x7f]/.test(text) || bytes.encode(text).length >= LONGEST.path) return true
  const names = text.split(/[\\/]/)
  if (names.some(name => bytes.encode(name).length > LONGEST.name)) return true
  // LS0tLS1C is -----B in base64, eyJ the beginning of a JSON object: RFC 7519 section 3.1.
  if (/-----BEGIN|LS0tLS1C|(?:^|[^A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8}/.test(text) || /^\s*[{[]\s*["{[]/.test(text))
    return true
  if (/(?:^|[^a-z0-9])[a-z0-9]{6}\.[a-z0-9]{16}(?:$|[^a-z0-9.])/.test(text)) return true
  if (/^(?:\.{0,2}|~|[A-Za-z]:)[\\/]/.test(text)) return false
  return names.some(name => /^[0-9a-f]{64}$/i.test(name)) || isRandom(text)
}

/**
 * Whether a text of the letters of base64 is none that people would write: upper case, lower case and digits follow each other
 * as they do by chance, in six of ten places (in hexadecimal in nearly five), and not as they do in names of files, which have
 * more of `-`, `_` and `/`, too.
 */
function isRandom(text: string): boolean {
  if (!/^[A-Za-z0-9+/_-]{32,}={0,2}$/.test(text)) return false
  const words = text.match(/[A-Za-z0-9]+/g) ?? []
  const length = words.join('').length
  if (text.length - length > text.length / 8) return false
  const changes = words.join(' ').match(/[a-z](?=[A-Z0-9])|[A-Z](?=[a-z0-9])|[0-9](?=[A-Za-z])/g) ?? []
  return changes.length > 0.35 * (length - words.length)
}
