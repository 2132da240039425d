import { EncodingError } from '../errors.js'
import { duplicateFields, twiceOf } from './kubeconfig-duplicates.js'
import {
  type ClusterEntry,
  type ContextEntry,
  type EntryList,
  foreignKind,
  readKubeconfigEntries,
  sentenceOf,
  type UserEntry,
} from './kubeconfig-entries.js'

/** A context with what it names. */
export interface CurrentEntries {
  readonly context: ContextEntry
  readonly cluster: ClusterEntry
  readonly user: UserEntry
}

/**
 * Reads the current context of a kubeconfig, or the one that is named, and the entries that it names.
 *
 * @param text - YAML or JSON, at most 1 MiB
 * @param what - named in errors, e.g. a file name
 * @param contextName - Default: `current-context`
 * @throws {@link EncodingError} `KPKI_KUBECONFIG_INVALID`, `KPKI_YAML_INVALID`, `KPKI_INPUT_TOO_LARGE`; never with a secret
 *   in the message
 */
export async function readCurrentEntries(text: string, what: string, contextName?: string): Promise<CurrentEntries> {
  const invalid = (problem: string) =>
    new EncodingError('KPKI_KUBECONFIG_INVALID', `${what}: ${problem}`, { details: { what } })
  // Loaded here, so that what only writes kubeconfigs loads no reader.
  const { parseYaml } = await import('../yaml.js')
  const document = parseYaml(text, what)
  const entries = readKubeconfigEntries(document.value)
  if (!entries) throw invalid(foreignKind(document.value) ?? 'it is not a kubeconfig')
  const { faults } = entries
  const general = faults.find(({ isOfAll }) => isOfAll)
  if (general) throw invalid(sentenceOf(general))
  const duplicates = duplicateFields(document)
  const refuseTwice = (list?: EntryList, name?: string) => {
    const twice = duplicates.find(({ entry }) => entry?.list === list && entry?.name === name)
    if (twice) throw invalid(twiceOf(twice))
  }
  refuseTwice()
  const wanted = contextName ?? entries.currentContext
  if (wanted === undefined) throw invalid('has no current-context')
  const named = <T extends { readonly name: string }>(list: EntryList, name: string, all: readonly T[]): T => {
    refuseTwice(list, name)
    const found = all.find(entry => entry.name === name)
    const fault = faults.find(fault => fault.list === list && fault.name === name)
    if (found && !fault) return found
    const entry = `the ${list.slice(0, -1)} ${JSON.stringify(name)}`
    throw invalid(fault ? `${entry} ${fault.problem}` : `names ${entry}, which is not in it`)
  }
  const context = named('contexts', wanted, entries.contexts)
  for (const field of ['cluster', 'user'] as const)
    if (context[field] === '') throw invalid(`the context ${JSON.stringify(wanted)} names no ${field}`)
  return {
    context,
    cluster: named('clusters', context.cluster, entries.clusters),
    user: named('users', context.user, entries.users),
  }
}
