import { formatYaml, type YamlValue } from '../index.js'

/** Output for programs. */
export type Structured = 'json' | 'yaml'

/** Whether a value of `--output` asks for output for programs. */
export function isStructured(output: unknown): output is Structured {
  return output === 'json' || output === 'yaml'
}

/** Version of every shape that `-o json|yaml` prints. */
export const OUTPUT_VERSION = 'kpki.dev/v1alpha1'

/** Writes a value as JSON (two spaces) or YAML, with a final newline. */
export function formatStructured(value: unknown, format: Structured): string {
  const plain: unknown = JSON.parse(JSON.stringify(value))
  return format === 'json'
    ? `${JSON.stringify(plain, undefined, 2).replace(OBEYED, escaped)}\n`
    : formatYaml(plain as YamlValue)
}

/** What JSON leaves as it is, and a terminal that prints it would obey: C1 controls, marks of direction. */
const OBEYED = /[\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}]/gu

function escaped(character: string): string {
  let text = ''
  for (let index = 0; index < character.length; index++)
    text += `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`
  return text
}
