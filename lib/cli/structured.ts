import { formatJson, formatYaml, type YamlValue } from '../index.js'

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
  return format === 'json' ? formatJson(plain) : formatYaml(plain as YamlValue)
}
