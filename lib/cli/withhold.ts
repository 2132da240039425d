import { looksSecret } from '../index.js'

/**
 * Takes out of texts what the command line has that may be a secret, wherever a message quotes it, whole or cut off: tokens and
 * keys are given for files and values, and what is printed about that is kept in logs.
 *
 * @returns puts `***` in place of it
 */
export function withholder(argv: readonly string[]): (text: string) => string {
  const words = argv.flatMap(word =>
    [word, word.slice(word.indexOf('=') + 1), ...word.split(',')].map(part => part.trim()),
  )
  const secrets = [...new Set(words.filter(looksSecret).flatMap(word => [word, JSON.stringify(word).slice(1, -1)]))]
  return text => secrets.sort((a, b) => b.length - a.length).reduce(without, text)
}

/** Of a secret that is cut off, this much shows it. */
const SHOWING = 16

function without(text: string, secret: string): string {
  const beginning = secret.slice(0, SHOWING)
  const at = text.indexOf(beginning)
  if (at < 0) return text
  let end = at + beginning.length
  while (end - at < secret.length && text[end] === secret[end - at]) end++
  return `${text.slice(0, at)}***${without(text.slice(end), secret)}`
}
