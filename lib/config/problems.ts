import { type ErrorCode, UsageError } from '../errors.js'
import type { YamlPath, YamlPosition } from '../yaml.js'

/** Codes that a configuration can be refused, or remarked on, with. */
export type ConfigCode = Extract<
  ErrorCode,
  | `KPKI_CONFIG_${string}`
  | `KPKI_FIELD_${string}`
  | 'KPKI_ADDRESS_UNKNOWN'
  | 'KPKI_USAGE'
  | 'KPKI_PHASE_UNKNOWN'
  | 'KPKI_VERSION_UNSUPPORTED'
  | 'KPKI_PATCH_INVALID'
>

/** Something about a description, with the place to look at: an error makes it unusable, a warning does not. */
export interface ConfigProblem {
  readonly severity: 'error' | 'warning'
  readonly code: ConfigCode
  /** kubeadm's path within its document, e.g. `apiServer.certSANs[2]`; empty for the document itself. */
  readonly field: string
  /** Lower case, without the place and without secrets. */
  readonly message: string
  /** What to do, one sentence. */
  readonly hint?: string
  /** The file the value came from, and where it stands there. */
  readonly file?: string
  readonly line?: number
  readonly column?: number
  /** The flag the value came from, e.g. `--service-cidr`. */
  readonly flag?: string
}

/** Takes a problem with a value at a path; the reader adds the place. */
export type Report = (
  path: YamlPath,
  code: ConfigCode,
  message: string,
  options?: {
    readonly hint?: string
    readonly severity?: 'warning'
    /** The key is at fault rather than its value. */
    readonly isKey?: boolean
    /** Known better than by the path, which occurs twice. */
    readonly position?: YamlPosition
  },
) => void

/** A path as kubeadm writes it, e.g. `apiServer.certSANs[2]`. */
export function formatPath(path: YamlPath): string {
  return path.reduce<string>(
    (text, step) => (typeof step === 'number' ? `${text}[${step}]` : text === '' ? step : `${text}.${step}`),
    '',
  )
}

/** A problem in one line, as it stands in errors and logs: `kubeadm.yaml:3:5: clusterName: …`. */
export function formatProblem({ field, message, file, line, column, flag }: ConfigProblem): string {
  const place = flag ?? (file === undefined ? '' : line === undefined ? file : `${file}:${line}:${column}`)
  return [place, field, message].filter(part => part !== '').join(': ')
}

/**
 * Throws the first error among problems, if there is one.
 *
 * @throws {@link UsageError} with the problem's code and hint; `details` hold `field`, `file`, `line`, `column`, `flag` as far
 *   as they are known, and in `problems` the number of errors
 */
export function throwFirst(problems: readonly ConfigProblem[]): void {
  const errors = problems.filter(({ severity }) => severity === 'error')
  const [first] = errors
  if (!first) return
  const { field, file, line, column, flag, hint } = first
  throw new UsageError(first.code, formatProblem(first), {
    details: {
      field,
      problems: errors.length,
      ...(file === undefined ? {} : { file }),
      ...(line === undefined || column === undefined ? {} : { line, column }),
      ...(flag === undefined ? {} : { flag }),
    },
    ...(hint === undefined ? {} : { hint }),
  })
}

/**
 * The name that somebody most likely meant: the nearest one within two edits and a third of its length, letter case aside.
 */
export function nearestName(text: string, names: Iterable<string>): string | undefined {
  let best: { readonly name: string; readonly distance: number } | undefined
  // Nobody mistypes a name of 100 characters, and distances cost the product of both lengths.
  if (text.length > 100) return undefined
  for (const name of names) {
    const distance = editDistance(text.toLowerCase(), name.toLowerCase())
    if (distance <= Math.max(2, Math.floor(name.length / 3)) && distance < Math.min(name.length, text.length)) {
      if (!best || distance < best.distance) best = { name, distance }
    }
  }
  return best?.name
}

/** Insertions, deletions, replacements and swaps of neighbours that lead from one text to the other. */
function editDistance(from: string, to: string): number {
  let [older, previous]: [number[], number[]] = [[], Array.from({ length: to.length + 1 }, (_, index) => index)]
  for (let i = 1; i <= from.length; i++) {
    const row = [i]
    for (let j = 1; j <= to.length; j++) {
      const cost = from[i - 1] === to[j - 1] ? 0 : 1
      const [above = 0, left = 0, diagonal = 0] = [previous[j], row[j - 1], previous[j - 1]]
      const isSwap = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]
      row.push(Math.min(above + 1, left + 1, diagonal + cost, isSwap ? (older[j - 2] ?? 0) + 1 : Number.MAX_VALUE))
    }
    ;[older, previous] = [previous, row]
  }
  return previous[to.length] ?? 0
}
