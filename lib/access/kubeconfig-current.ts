import { EncodingError } from '../errors.js'
import type { YamlDocument } from '../yaml.js'
import { duplicateFields, twiceOf } from './kubeconfig-duplicates.js'
import {
  type ClusterEntry,
  type ContextEntry,
  type EntryFault,
  type EntryList,
  foreignKind,
  type KubeconfigEntries,
  readKubeconfigEntries,
  sentenceOf,
  type UserEntry,
} from './kubeconfig-entries.js'

/** A kubeconfig, and what it is called in errors. */
export interface KubeconfigText {
  /** YAML or JSON, at most 1 MiB. */
  readonly text: string
  readonly what: string
}

/** An entry, and the file that it stands in. */
export interface PlacedEntry<T, F extends KubeconfigText = KubeconfigText> {
  readonly entry: T
  readonly file: F
}

/** A context with what it names. */
export interface CurrentEntries<F extends KubeconfigText = KubeconfigText> {
  readonly context: PlacedEntry<ContextEntry, F>
  readonly cluster: PlacedEntry<ClusterEntry, F>
  readonly user: PlacedEntry<UserEntry, F>
}

/**
 * Reads the current context of kubeconfigs, or the one that is named, and the entries that it names. As with kubectl, of each
 * name the first entry counts, and the first current context.
 *
 * @param files - one or several, in the order in which they count
 * @param contextName - Default: `current-context`
 * @throws {@link EncodingError} `KPKI_KUBECONFIG_INVALID`, `KPKI_YAML_INVALID`, `KPKI_INPUT_TOO_LARGE`; never with a secret
 *   in the message
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/client-go/tools/clientcmd/loader.go (ClientConfigLoadingRules.Load)
 */
export async function readCurrentEntries<F extends KubeconfigText>(
  files: readonly [F, ...F[]],
  contextName?: string,
): Promise<CurrentEntries<F>> {
  // Loaded here, so that what only writes kubeconfigs loads no reader.
  const { parseYaml } = await import('../yaml.js')
  const [first] = files
  const read = files.map(file => readFile(file, parseYaml(file.text, file.what), files.length > 1))
  const current = read.find(({ entries }) => entries.currentContext !== undefined)
  const wanted = contextName ?? current?.entries.currentContext
  if (wanted === undefined) throw invalid(first, 'has no current-context')
  const find = <T extends { readonly name: string }>(
    list: EntryList,
    name: string,
    all: (entries: KubeconfigEntries) => readonly T[],
    from: F,
  ): PlacedEntry<T, F> => {
    for (const { file, document, entries } of read) {
      const found = all(entries).find(entry => entry.name === name)
      const fault = entries.faults.find(fault => fault.list === list && fault.name === name)
      const twice = duplicateFields(document).find(({ entry }) => entry?.list === list && entry.name === name)
      if (twice) throw invalid(file, twiceOf(twice))
      if (fault) throw invalid(file, sentenceOf(fault))
      if (found) return { entry: found, file }
    }
    throw invalid(from, `names the ${list.slice(0, -1)} ${JSON.stringify(name)}, which is not in it`)
  }
  const context = find('contexts', wanted, ({ contexts }) => contexts, current?.file ?? first)
  for (const field of ['cluster', 'user'] as const)
    if (context.entry[field] === '')
      throw invalid(context.file, `the context ${JSON.stringify(wanted)} names no ${field}`)
  return {
    context,
    cluster: find('clusters', context.entry.cluster, ({ clusters }) => clusters, context.file),
    user: find('users', context.entry.user, ({ users }) => users, context.file),
  }
}

function invalid({ what }: KubeconfigText, problem: string): EncodingError {
  return new EncodingError('KPKI_KUBECONFIG_INVALID', `${what}: ${problem}`, { details: { what } })
}

const NO_FAULTS: readonly EntryFault[] = []

/** @param mayBeEmpty - kubectl makes empty files, and reads them as nothing beside others */
function readFile<F extends KubeconfigText>(file: F, document: YamlDocument, mayBeEmpty: boolean) {
  const nothing = { currentContext: undefined, clusters: [], users: [], contexts: [], faults: NO_FAULTS }
  const entries = mayBeEmpty && document.value === null ? nothing : readKubeconfigEntries(document.value)
  if (!entries) throw invalid(file, foreignKind(document.value) ?? 'it is not a kubeconfig')
  const general = entries.faults.find(({ isOfAll }) => isOfAll)
  if (general) throw invalid(file, sentenceOf(general))
  const twice = duplicateFields(document).find(({ entry }) => entry === undefined)
  if (twice) throw invalid(file, twiceOf(twice))
  return { file, document, entries }
}
