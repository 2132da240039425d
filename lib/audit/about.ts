import type { TreePath } from '../tree/layout.js'
import { type Finding, type FindingDetails, finding, type RuleId, type TreeItemId } from './rules.js'

/** What a finding is about: a file, and where in it. */
export interface FindingPlace {
  /** Default: the file is none of a tree's. */
  readonly row?: TreeItemId | undefined
  readonly path: TreePath
  /** Where in the file, e.g. `2nd certificate`. Default: it is about the whole file. */
  readonly part?: string | undefined
}

/** Makes findings about one place. */
export type Report = (code: RuleId, message: string, details?: FindingDetails) => Finding

/** A {@link Report} about a place. */
export function reportOn({ row, path, part }: FindingPlace): Report {
  const place = part === undefined ? {} : { part }
  return (code, message, details = {}) => finding(code, row, path, message, { ...place, ...details })
}

const MAX_SHOWN = 100

/** Text out of a file, never long. */
export function brief(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text
}

/** Text out of a file as it stands in a message: in quotes where that helps, and never long. */
export function shown(text: string): string {
  const cut = brief(text)
  return /^[!-~]+$/.test(cut) ? cut : JSON.stringify(cut)
}

/** The first of many, and how many more there are. */
export function listed(names: readonly string[]): string {
  const first = names.slice(0, 3).map(shown).join(', ')
  return names.length > 3 ? `${first} and ${names.length - 3} more` : first
}

const MAX_NAMES = 20

/** As {@link listed}, where each one counts. */
export function shortList(names: readonly string[]): string {
  const rest = names.length - MAX_NAMES
  return `${names.slice(0, MAX_NAMES).join(', ') || 'none'}${rest > 0 ? ` and ${rest} more` : ''}`
}
