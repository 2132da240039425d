/** What JSON leaves as it is, and a terminal that prints it would obey: C1 controls, marks of direction. */
const OBEYED = /[\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}]/gu

/** Writes a value as JSON, two spaces a level, with a final newline; a terminal obeys nothing in it. */
export function formatJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2).replace(OBEYED, escaped)}\n`
}

function escaped(character: string): string {
  let text = ''
  for (let index = 0; index < character.length; index++)
    text += `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`
  return text
}

/** A JSON object whose fields nobody has looked at yet. */
export type JsonObject = Readonly<Record<string, unknown>>

/** Whether something that JSON gave is an object, not a list. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
