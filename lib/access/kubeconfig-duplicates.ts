import type { YamlDocument } from '../yaml.js'
import { isYamlObject } from '../yaml-scalars.js'
import type { EntryList } from './kubeconfig-entries.js'

/** A field that stands twice in a kubeconfig: kubectl takes the last one, other programs the first. */
export interface DuplicateField {
  readonly line: number
  /** Of the entry that it stands in; `undefined`: it may be about all of them. */
  readonly entry: { readonly list: EntryList; readonly name: string } | undefined
}

/** What is wrong with that, as a sentence about the file. */
export function twiceOf({ line }: DuplicateField): string {
  return `line ${line} has a field that stands there twice, of which programs take different ones`
}

const LISTS: readonly unknown[] = ['clusters', 'users', 'contexts'] satisfies readonly EntryList[]

/** The fields of a kubeconfig that stand in it twice, other than in what has no meaning for clients. */
export function duplicateFields({
  value,
  duplicates,
}: Pick<YamlDocument, 'value' | 'duplicates'>): readonly DuplicateField[] {
  const root = isYamlObject(value) ? value : {}
  return duplicates.flatMap(({ line, path: [list, index, field] }): readonly DuplicateField[] => {
    if (index === undefined) return [{ line, entry: undefined }]
    if (!LISTS.includes(list)) return []
    const items = root[list as EntryList]
    const item: unknown = Array.isArray(items) ? items[Number(index)] : undefined
    const name = typeof item === 'object' && item !== null && 'name' in item ? item.name : undefined
    // With two names it is not known which one it has.
    const isNamed = typeof name === 'string' && field !== 'name'
    return [{ line, entry: isNamed ? { list: list as EntryList, name } : undefined }]
  })
}
